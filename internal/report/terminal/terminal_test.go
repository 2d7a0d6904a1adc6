package terminal

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
	"github.com/holdfast-sec/holdfast/internal/source"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t testing.TB, r *finding.Result, o Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	const next = "holdfast scan examples/shop --explain"
	for name, test := range map[string]struct {
		result  *finding.Result
		options Options
	}{
		"empty":   {sample.Empty(), Options{Width: 100, Gate: finding.High}},
		"nothing": {&finding.Result{}, Options{Width: 100, Gate: finding.High}},
		"one":     {sample.One(), Options{Width: 100, Gate: finding.High, Command: next}},
		"rich":    {sample.Rich(), Options{Width: 100, Gate: finding.High, Command: next}},
		"narrow":  {sample.Rich(), Options{Width: 60, Gate: finding.Info}},
		"colour":  {sample.Rich(), Options{Width: 100, Color: true, Command: next}},
		"explain": {sample.Rich(), Options{Explain: true, Suppressed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			sample.Compare(t, "testdata/"+name+".txt", []byte(render(t, test.result, test.options)), *update)
		})
	}
}

func TestColourChangesNothingElse(t *testing.T) {
	plain := render(t, sample.Rich(), Options{Width: 90, Explain: true, Suppressed: true})
	coloured := render(t, sample.Rich(), Options{Width: 90, Explain: true, Suppressed: true, Color: true})
	if strings.Contains(plain, "\x1b") {
		t.Error("there are escape sequences without colour")
	}
	if got := regexp.MustCompile(`\x1b\[[0-9;]+m`).ReplaceAllString(coloured, ""); got != plain {
		t.Error("the coloured report has another text")
	}
	for i, line := range strings.Split(coloured, "\n") {
		if n := strings.Count(line, "\x1b["); n%2 != 0 {
			t.Errorf("line %d leaves a style open: %q", i+1, line)
		}
	}
}

// Only what must stay whole may be longer than the width: a location, a word such
// as a path, the carets, the table.
func TestTextIsWrapped(t *testing.T) {
	whole := regexp.MustCompile(`\S:\d+|/|\^$|to line \d+$|^[ 0-9]+$|undetermined  suppressed$`)
	for _, width := range []int{60, 80, 120} {
		text := render(t, sample.Rich(), Options{Width: width, Explain: true})
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\n")
			if textWidth(line) > width && !whole.MatchString(line) {
				t.Errorf("width %d: %q takes %d cells", width, line, textWidth(line))
			}
		}
	}
}

// The eye ends on the verdict and the next command.
func TestTheEnd(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(render(t, sample.Rich(), Options{Gate: finding.High, Command: "holdfast scan . --explain"})), "\n")
	last := lines[len(lines)-2:]
	if !strings.HasPrefix(last[0], "Failed: ") || last[1] != "Next: holdfast scan . --explain" {
		t.Errorf("the report ends with %q", last)
	}
}

func TestFolding(t *testing.T) {
	one := func(n int) *finding.Result {
		r := sample.One()
		f := r.Findings[0]
		r.Findings = nil
		for i := range n {
			f.Field, f.Place = fmt.Sprintf("env[%d]", i), source.Place{File: "a.yaml", Position: source.Position{Line: 10 + i, Column: 3}}
			f.Fingerprint = fmt.Sprint(i)
			r.Findings = append(r.Findings, f)
		}
		return r
	}
	for n, want := range map[int]int{1: 1, foldOver: foldOver, foldOver + 1: foldTo, 5000: foldTo} {
		text := render(t, one(n), Options{})
		if shown := strings.Count(text, "container-privileged"); shown != want {
			t.Errorf("of %d findings %d are shown, want %d", n, shown, want)
		}
		if more := fmt.Sprintf("and %d more like this: lines %d-%d\n", n-want, 10+want, 9+n); (n > want) != strings.Contains(text, more) {
			t.Errorf("of %d findings %d are shown, and the rest is not told by %q", n, want, more)
		}
	}
}

func TestLineRanges(t *testing.T) {
	for _, test := range []struct {
		lines []int
		want  string
	}{
		{nil, ""},
		{[]int{0, 0}, ""},
		{[]int{7, 7}, "line 7"},
		{[]int{9, 3, 8, 7}, "lines 3, 7-9"},
		{[]int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25}, "lines 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, ..."},
	} {
		var places []source.Place
		for _, n := range test.lines {
			places = append(places, source.Place{Position: source.Position{Line: n}})
		}
		if got := lineRanges(places); got != test.want {
			t.Errorf("lineRanges(%v) = %q, want %q", test.lines, got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  []string
	}{
		{"fits", 10, []string{"fits"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"averyverylongword x", 6, []string{"averyverylongword", "x"}},
		{"名前 名前 名前", 9, []string{"名前 名前", "名前"}},
		{"", 5, []string{""}},
	} {
		if got := wrap(test.text, test.width); !slices.Equal(got, test.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", test.text, test.width, got, test.want)
		}
	}
}
