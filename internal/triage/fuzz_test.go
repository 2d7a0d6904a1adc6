package triage

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

// FuzzComments holds Comments to its bounds, and to what it promises about the
// places of ignores and notes, in both kinds of file.
func FuzzComments(f *testing.F) {
	f.Add("a.yaml", []byte("# holdfast:ignore a -- b\nc: \"d # holdfast:ignore\"\ne: |\n  # holdfast:ignore f -- g\n- apiVersion: 1\n"))
	f.Add("Dockerfile", []byte("# escape=`\nFROM a\n# holdfast:ignore a -- b\nRUN <<EOF `\n x\nEOF\n# holdfast:ignore-file * until 2027-01-01: c\n"))
	f.Add("t.yaml", []byte("{{- if .x }}\n# holdfast:ignore a -- b\n'it''s': {{ \"y\" }} # holdfast:ignore z -- z\n{{ end }}"))
	f.Add("-", []byte("ARG x\nRUN a \\\n# holdfast:ignore a\n\n b"))
	f.Fuzz(func(t *testing.T, file string, text []byte) {
		ignores, notes := Comments(file, text)
		lines := bytes.Count(text, []byte("\n")) + 1
		if len(ignores)+len(notes) > maxDirectives+1 {
			t.Fatalf("%d ignores and %d notes", len(ignores), len(notes))
		}
		for _, n := range notes {
			if n.Line < 1 || n.Line > lines || n.Message == "" {
				t.Fatalf("note %+v in %d lines", n, lines)
			}
		}
		var findings []finding.Finding
		for _, i := range ignores {
			s := i.scope
			if i.Place.Line < 1 || i.Place.Line > lines || i.Place.Column < 1 || len(i.Rules) == 0 {
				t.Fatalf("ignore %+v", i)
			}
			if !s.file && (s.first < 1 || s.last < s.first || s.last > lines || s.end > lines || s.end > 0 && s.end < s.last) {
				t.Fatalf("ignore %+v in %d lines", i, lines)
			}
			if s.above && !s.file && s.last < i.Place.Line {
				t.Fatalf("ignore %+v is about what stands before it", i)
			}
			findings = append(findings, failure(strings.NewReplacer("*", "x", "?", "x").Replace(i.Rules[0]),
				finding.Asset{ID: file, Place: span(file, lines+1, lines+1)}, max(s.first, 1)))
		}
		for i := range findings {
			result := &finding.Result{Findings: []finding.Finding{findings[i]}}
			Apply(result, Choices{Ignores: ignores[i : i+1]}, "")
			if (len(result.Suppressed) == 1) != (ignores[i].Reason != "") {
				t.Fatalf("ignore %+v, result %+v", ignores[i], result)
			}
			if i == 20 {
				break
			}
		}
	})
}

// FuzzAnnotation holds annotations to their bounds.
func FuzzAnnotation(f *testing.F) {
	f.Add("a, b until 2027-01-31 -- c; d: e\n*")
	f.Fuzz(func(t *testing.T, text string) {
		ignores, notes := annotations(text, span("a.yaml", 1, 2))
		if len(ignores)+len(notes) > maxDirectives+1 {
			t.Fatalf("%d ignores and %d notes", len(ignores), len(notes))
		}
		for _, i := range ignores {
			again, err := parseDirective(strings.Join(i.Rules, ",") + " -- " + i.Reason)
			if err != nil || !slices.Equal(again.Rules, i.Rules) || again.Reason != i.Reason {
				t.Fatalf("%+v reads as %+v, %v", i, again, err)
			}
		}
	})
}

// FuzzGlob compares path patterns with the plain definition of what they match.
func FuzzGlob(f *testing.F) {
	f.Add("a/**/b*", "a/x/y/bc/d")
	f.Add("**/?", "x/y")
	f.Fuzz(func(t *testing.T, pattern, file string) {
		glob, err := ParseGlob(pattern)
		if err != nil || len(pattern) > 30 || len(file) > 30 {
			return
		}
		name := strings.TrimSuffix(strings.ReplaceAll(file, "!/", "/"), "/")
		if want := name != "" && slowMatch(glob.parts, strings.Split(name, "/")); glob.Match(file) != want {
			t.Fatalf("%q on %q: got %v", pattern, file, !want)
		}
	})
}

// slowMatch tries everything that a "**" could stand for.
func slowMatch(pattern, parts []string) bool {
	switch {
	case len(pattern) == 0:
		return len(parts) == 0
	case pattern[0] == "**":
		return slowMatch(pattern[1:], parts) || len(parts) > 0 && slowMatch(pattern, parts[1:])
	}
	return len(parts) > 0 && matchPart(pattern[0], parts[0]) && slowMatch(pattern[1:], parts[1:])
}

// TestCommentsAgreeWithYAML builds documents out of every place where text that
// looks like a comment can stand, and compares what is found with the comments
// that a YAML parser keeps.
func TestCommentsAgreeWithYAML(t *testing.T) {
	found := 0
	rapid.Check(t, func(r *rapid.T) {
		text := drawYAML(r)
		var root yaml.Node
		if err := yaml.Load([]byte(text), &root); err != nil {
			r.Fatalf("this is no YAML: %v\n%s", err, text)
		}
		want := map[string]int{}
		yamlComments(&root, want)
		got := map[string]int{}
		ignores, notes := Comments("a.yaml", []byte(text))
		for _, i := range ignores {
			got[i.Rules[0]]++
		}
		if len(notes) > 0 {
			r.Fatalf("notes %v\n%s", notes, text)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			r.Fatalf("got %v, want %v in\n%s", got, want, text)
		}
		found += len(want)
	})
	if found < 20 {
		t.Errorf("only %d comments in all documents: they test nothing", found)
	}
}

// yamlComments counts the ignore comments that the parser keeps, by their rule.
func yamlComments(n *yaml.Node, into map[string]int) {
	for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
		for line := range strings.Lines(c) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "# holdfast:ignore "); ok {
				rule, _, _ := strings.Cut(rest, " ")
				into[rule]++
			}
		}
	}
	for _, child := range n.Content {
		yamlComments(child, into)
	}
}

// yamlWriter writes a random document.
type yamlWriter struct {
	strings.Builder
	t    *rapid.T
	next int
}

// choose picks one of n things.
func (w *yamlWriter) choose(n int) int { return rapid.IntRange(0, n-1).Draw(w.t, "choice") }

func drawYAML(t *rapid.T) string {
	w := &yamlWriter{t: t}
	w.mapping("", 3)
	w.WriteString("last: 1\n")
	return w.String()
}

// directive gives what looks like a comment, each with a rule of its own.
func (w *yamlWriter) directive() string {
	w.next++
	return fmt.Sprintf("# holdfast:ignore r%d -- w", w.next)
}

// tail gives the end of a line, with a comment or not.
func (w *yamlWriter) tail() string {
	if w.choose(3) == 0 {
		return strings.Repeat(" ", 1+w.choose(2)) + w.directive() + "\n"
	}
	return "\n"
}

func (w *yamlWriter) mapping(indent string, depth int) {
	for i := range 1 + w.choose(4) {
		if w.choose(4) == 0 {
			w.WriteString(indent + w.directive() + "\n")
		}
		w.WriteString(indent)
		w.entry(fmt.Sprintf("k%d", i), indent, depth)
	}
}

func (w *yamlWriter) entry(key, indent string, depth int) {
	w.WriteString([]string{key, `"` + key + `"`, "'" + key + "'"}[w.choose(3)] + ":")
	switch n := w.choose(12); {
	case n < 2 && depth > 0:
		w.WriteString(w.tail())
		w.mapping(indent+"  ", depth-1)
	case n < 4 && depth > 0:
		w.WriteString(w.tail())
		for range 1 + w.choose(3) {
			w.WriteString(indent + "- ")
			w.entry("name", indent+"  ", 0)
		}
	case n < 6:
		w.block(indent)
	default:
		w.WriteString(" " + w.flow(indent) + w.tail())
	}
}

func (w *yamlWriter) block(indent string) {
	w.WriteString([]string{" |", " >", " |-", " >+", " !!str |", " &a |"}[w.choose(6)] + w.tail())
	in := indent + strings.Repeat(" ", 1+w.choose(4))
	w.WriteString(in + "text\n")
	for range w.choose(4) {
		w.WriteString([]string{in + w.directive() + "\n", "\n", in + "  \"deeper\n", in + "it's\n"}[w.choose(4)])
	}
}

// flow gives a scalar or a collection on one line or more.
func (w *yamlWriter) flow(indent string) string {
	switch w.choose(10) {
	case 0:
		return "it's plain"
	case 1:
		return "a#b c:d - e"
	case 2:
		return `"in quotes \" ` + w.directive() + `"`
	case 3:
		return `'in ''quotes'' \ ` + w.directive() + `'`
	case 4:
		return `"over` + "\n" + indent + "  " + w.directive() + "\n\n" + indent + ` lines"`
	case 5:
		return `'over` + "\n" + indent + "  " + w.directive() + ` lines'`
	case 6:
		return `[a, "b ` + w.directive() + `", 'c', {d: "e ` + w.directive() + `"}]`
	case 7:
		return `{"a":"b ` + w.directive() + `", c: [it's, "d"]}`
	case 8:
		return `!!str "tagged ` + w.directive() + `"`
	}
	return "1"
}
