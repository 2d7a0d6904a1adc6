package triage

import (
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern string
		match   []string
		miss    []string
	}{
		{"deploy", []string{"deploy", "deploy/", "deploy/a.yaml", "x/deploy/y/a.yaml"}, []string{"deployed/a.yaml", "redeploy"}},
		{"*.yaml", []string{"a.yaml", "x/y/a.yaml"}, []string{"a.yml", "a.yamls"}},
		{"deploy/*.yaml", []string{"deploy/a.yaml"}, []string{"a.yaml", "x/deploy/a.yaml", "deploy/x/a.yaml"}},
		{"./deploy/", []string{"deploy/a.yaml", "x/deploy/a.yaml"}, nil},
		{"deploy/**", []string{"deploy", "deploy/x/y.yaml"}, []string{"x/deploy/y.yaml"}},
		{"**/test/*.yaml", []string{"test/a.yaml", "x/y/test/a.yaml"}, []string{"test/x/a.yaml", "tests/a.yaml"}},
		{"a/**/b/**/c", []string{"a/b/c", "a/x/b/y/z/c", "a/b/b/c/c", "a/b/c/d"}, []string{"a/c/b", "b/c"}},
		{"**", []string{"a", "a/b", "/a", "../a"}, nil},
		{".", []string{"a", "a/b"}, nil},
		{"chart?.tgz", []string{"chart1.tgz!/templates/a.yaml", "x/chart2.tgz"}, []string{"chart.tgz!/a"}},
		{"v[0-9]/x", []string{"v1/x"}, []string{"va/x"}},
		{"/abs/*", []string{"/abs/x"}, []string{"abs/x"}},
		{"../b/*", []string{"../b/x"}, []string{"b/x"}},
	}
	for _, test := range tests {
		glob, err := ParseGlob(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
		}
		for _, file := range test.match {
			if !glob.Match(file) {
				t.Errorf("%s does not match %s", test.pattern, file)
			}
		}
		for _, file := range append(test.miss, "") {
			if glob.Match(file) {
				t.Errorf("%s matches %q", test.pattern, file)
			}
		}
	}
	for pattern, want := range map[string]string{
		"": "empty", "  ": "empty", "a{b,c}": "braces", `a\b`: "backslash", "!a": "negation", "a/[b": `"["`,
		strings.Repeat("a", 1001): "longer than 1000",
	} {
		if _, err := ParseGlob(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", pattern, err, want)
		}
	}
}

func TestMatchText(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"container-*", "container-root", true},
		{"container-*", "pod-root", false},
		{"*", "", true},
		{"*", "anything/at all", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*a*b", "xaxbxab", true},
		{"*a*b", "xaxbx", false},
		{"a", "a*", false},
		{"", "a", false},
		{strings.Repeat("*a", 40), strings.Repeat("a", 5000) + "b", false},
	}
	for _, test := range tests {
		if got := matchText(test.pattern, test.text); got != test.want {
			t.Errorf("%.20q on %.20q: got %v", test.pattern, test.text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"container-privileged", "container-root", "image-tag-latest", "pod-host-network"}
	for word, want := range map[string]string{
		"contaner-privileged":    "container-privileged",
		"container_root":         "container-root",
		"privileged":             "container-privileged",
		"host-network":           "pod-host-network",
		"nothing-of-this-kind":   "",
		"":                       "",
		"abc":                    "",
		strings.Repeat("a", 500): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("nearest to %.30q is %q, want %q", word, got, want)
		}
	}
}
