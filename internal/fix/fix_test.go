package fix

import (
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// remedy is an edit of the mapping that starts at a line and column.
func remedy(line, column int, e rule.Edit) Remedy {
	at := source.Place{File: "f.yaml", Position: source.Position{Line: line, Column: column}}
	return Remedy{Finding: finding.Finding{Asset: finding.Asset{Kind: "container", Format: "kubernetes", Place: at}, Place: at}, Edit: e}
}

func TestApplyYAML(t *testing.T) {
	set := func(path, value string) rule.Edit { return rule.Edit{Set: path, Value: value} }
	tests := []struct {
		name   string
		text   string
		edits  []Remedy
		want   string
		refuse string
	}{
		{"replaces a scalar and keeps its comment",
			"a:\n  b: true # why\n  c: 1\n", []Remedy{remedy(2, 3, set("b", "false"))}, "a:\n  b: false # why\n  c: 1\n", ""},
		{"creates what is absent on the way",
			"- name: x\n  # note\n  image: y\n\n- name: z\n", []Remedy{remedy(1, 3, set("s.p", "false"))},
			"- name: x\n  # note\n  image: y\n  s:\n    p: false\n\n- name: z\n", ""},
		{"two edits meet in a mapping that the first makes",
			"a:\n  b: 1\n", []Remedy{remedy(2, 3, set("s.p", "false")), remedy(2, 3, set("s.q", "true"))},
			"a:\n  b: 1\n  s:\n    p: false\n    q: true\n", ""},
		{"flow mapping", "a: {b: 1}\n", []Remedy{remedy(1, 4, set("s.p", "x"))}, "a: {b: 1, s: {p: x}}\n", ""},
		{"value in a flow mapping", "a: {b: true, c: 2}\n", []Remedy{remedy(1, 4, set("b", "false"))}, "a: {b: false, c: 2}\n", ""},
		{"key without a value", "a:\n  b: 1\n  s:\n", []Remedy{remedy(2, 3, set("s.p", "x"))}, "a:\n  b: 1\n  s:\n    p: x\n", ""},
		{"empty mapping", "a:\n  b: 1\n  s: {}\n", []Remedy{remedy(2, 3, set("s.p", "x"))}, "a:\n  b: 1\n  s: {p: x}\n", ""},
		{"block list becomes the new value", "a:\n  b: 1\n  d:\n    - X\n    - Y\n  e: 2\n", []Remedy{remedy(2, 3, set("d", "[ALL]"))},
			"a:\n  b: 1\n  d: [ALL]\n  e: 2\n", ""},
		{"removes a key with what is below it", "a:\n  b: 1\n  d:\n    e: 2\n  f: 3\n", []Remedy{remedy(2, 3, rule.Edit{Remove: "d"})}, "a:\n  b: 1\n  f: 3\n", ""},
		{"removes from a flow mapping", "a: {b: 1, c: 2}\n", []Remedy{remedy(1, 4, rule.Edit{Remove: "c"})}, "a: {b: 1}\n", ""},
		{"appends to a block list", "a:\n  l:\n    - x # one\n  b: 1\n", []Remedy{remedy(2, 3, rule.Edit{Append: "l", Value: "y"})}, "a:\n  l:\n    - x # one\n    - y\n  b: 1\n", ""},
		{"appends to a flow list", "a:\n  l: [x]\n", []Remedy{remedy(2, 3, rule.Edit{Append: "l", Value: "y"})}, "a:\n  l: [x, y]\n", ""},
		{"makes the list", "a:\n  b: 1\n", []Remedy{remedy(2, 3, rule.Edit{Append: "l", Value: "y"})}, "a:\n  b: 1\n  l: [y]\n", ""},
		{"keeps CRLF", "a:\r\n  b: true\r\n  c: 1\r\n", []Remedy{remedy(2, 3, set("d", "2"))}, "a:\r\n  b: true\r\n  c: 1\r\n  d: 2\r\n", ""},
		{"second document", "x: 1\n---\na:\n  b: true\n", []Remedy{remedy(4, 3, set("b", "false"))}, "x: 1\n---\na:\n  b: false\n", ""},
		{"behind a block scalar", "a:\n  b: |\n    text\n    more\n\nz: 1\n", []Remedy{remedy(2, 3, set("c", "1"))}, "a:\n  b: |\n    text\n    more\n  c: 1\n\nz: 1\n", ""},
		{"shared through an anchor", "d: &d\n  p: true\na:\n  x: 1\n  s: *d\n", []Remedy{remedy(4, 3, set("s.p", "false"))}, "", "anchor"},
		{"template", "a:\n  b: {{ .x }}\n", []Remedy{remedy(2, 3, set("b", "1"))}, "", "template"},
		{"moved", "a:\n  b: 1\n", []Remedy{remedy(9, 3, set("b", "2"))}, "", "scan again"},
		{"JSON", "{\"a\": {\"b\": 1}}\n", []Remedy{remedy(1, 7, set("b", "2"))}, "", "JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, _, refused := Apply([]byte(test.text), test.edits)
			if test.refuse != "" {
				if len(refused) != 1 || !strings.Contains(refused[0].Reason.Error(), test.refuse) {
					t.Fatalf("got refusals %v, want one about %q", refused, test.refuse)
				}
				if string(out) != test.text {
					t.Errorf("the text changed all the same:\n%s", out)
				}
				return
			}
			if len(refused) > 0 {
				t.Fatal(refused[0].Reason)
			}
			if string(out) != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", out, test.want)
			}
		})
	}
}

func TestApplyDockerfile(t *testing.T) {
	at := source.Place{File: "Dockerfile", Position: source.Position{Line: 3, Column: 1}}
	r := func(e rule.Edit) Remedy {
		return Remedy{Finding: finding.Finding{Asset: finding.Asset{Format: "dockerfile", Place: at}, Place: at}, Edit: e}
	}
	text := "FROM a\n# copy\nADD x /y\nCMD [\"y\"]\n"
	out, done, refused := Apply([]byte(text), []Remedy{
		r(rule.Edit{Set: "ADD", Value: "COPY"}),
		r(rule.Edit{Append: "end", Value: "USER 65532:65532"}),
	})
	if len(done) != 2 || len(refused) != 0 {
		t.Fatalf("done %d, refused %v", len(done), refused)
	}
	if want := "FROM a\n# copy\nCOPY x /y\nUSER 65532:65532\nCMD [\"y\"]\n"; string(out) != want {
		t.Errorf("got:\n%s", out)
	}
}

// FuzzApply checks that no text makes an edit crash or leave broken YAML behind.
func FuzzApply(f *testing.F) {
	f.Add("a:\n  b: true\n", 2, 3, "s.p", "false")
	f.Add("a: {b: [x, {c: d}]}\n", 1, 4, "b", "[ALL]")
	f.Add("- name: x\r\n  l:\r\n  - y\r\n", 1, 3, "l", "z")
	f.Fuzz(func(t *testing.T, text string, line, column int, path, value string) {
		if path == "" || strings.ContainsAny(value, "\n\r") {
			return
		}
		for _, e := range []rule.Edit{{Set: path, Value: value}, {Remove: path}, {Append: path, Value: value}} {
			out, done, _ := Apply([]byte(text), []Remedy{remedy(line, column, e)})
			if len(done) == 0 && string(out) != text {
				t.Fatalf("refused and changed all the same: %q", out)
			}
		}
	})
}
