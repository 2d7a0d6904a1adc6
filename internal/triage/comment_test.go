package triage

import (
	"fmt"
	"strings"
	"testing"
)

// describe gives an ignore in one line: its rules, its day, the lines that it
// is about, and the reason.
func describe(i Ignore) string {
	var b strings.Builder
	b.WriteString(strings.Join(i.Rules, ","))
	if i.Until != "" {
		b.WriteString(" until " + i.Until)
	}
	switch s := i.scope; {
	case s.file:
		b.WriteString(" file")
	default:
		fmt.Fprintf(&b, " %d-%d", s.first, s.last)
		if s.above {
			b.WriteString(" above")
		}
		if s.end > 0 {
			fmt.Fprintf(&b, " to %d", s.end)
		}
	}
	return b.String() + " (" + i.Reason + ")"
}

func checkComments(t *testing.T, file, text string, want, wantNotes []string) {
	t.Helper()
	ignores, notes := Comments(file, []byte(text))
	var got, gotNotes []string
	for _, i := range ignores {
		if i.By != ByComment || i.Place.File != file {
			t.Errorf("ignore by %q at %v", i.By, i.Place)
		}
		got = append(got, describe(i))
	}
	for _, n := range notes {
		gotNotes = append(gotNotes, fmt.Sprintf("%d: %s", n.Line, n.Message))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("ignores:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(gotNotes) != len(wantNotes) {
		t.Fatalf("notes:\n%s\nwant:\n%s", strings.Join(gotNotes, "\n"), strings.Join(wantNotes, "\n"))
	}
	for i := range wantNotes {
		if !strings.Contains(gotNotes[i], wantNotes[i]) {
			t.Errorf("note %q, want %q in it", gotNotes[i], wantNotes[i])
		}
	}
}

func TestDirective(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // the ignore, "" for none
		note       string
	}{
		{"one rule", " a-b -- because", "a-b 1-1 (because)", ""},
		{"rules and blanks", "  a-b , c*,d?\t--\tbecause  of -- that ", "a-b,c*,d? 1-1 (because of -- that)", ""},
		{"colon", " a-b: because: so", "a-b 1-1 (because: so)", ""},
		{"colon after blank", " a-b : because", "a-b 1-1 (because)", ""},
		{"until", " a,b until 2027-01-31 -- soon", "a,b until 2027-01-31 1-1 (soon)", ""},
		{"until and colon", " a until 2027-01-31: soon", "a until 2027-01-31 1-1 (soon)", ""},
		{"every rule", " * -- all", "* 1-1 (all)", ""},
		{"no reason is kept for Apply to judge", " a", "a 1-1 ()", ""},
		{"only dashes is no reason", " a --  ", "a 1-1 ()", ""},
		{"dashes in a word", " a--b -- c", "a--b 1-1 (c)", ""},
		{"escapes are taken out of reasons", " a -- b\x1b[31m\u202e\tc\xff", "a 1-1 (b[31m c)", ""},
		{"no rule", " -- because", "", "names no rule"},
		{"no rule but a date", " until 2027-01-31 -- because", "", "names no rule"},
		{"nothing at all", "", "", "names no rule"},
		{"no comma", " a b -- c", "", `"a b" is no rule: separate`},
		{"reason without dashes", " a because of that", "", "is no rule"},
		{"empty rule", " a,,b -- c", "", "is empty"},
		{"strange rule", " a/b -- c", "", `"a/b" is no rule`},
		{"bad date", " a until 2027-02-30 -- c", "", `"2027-02-30" is no date`},
		{"words after the date", " a until 2027-01-31 please -- c", "", "after \"until\""},
		{"until without date", " a until -- c", "", "after \"until\""},
		{"too long", " a -- " + strings.Repeat("x", 3000), "", "longer than 2000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := "k: v # holdfast:ignore" + test.text + "\n"
			var want, notes []string
			if test.want != "" {
				want = []string{test.want}
			}
			if test.note != "" {
				notes = []string{"1: the ignore comment is disregarded: "}
				if _, got := Comments("a.yaml", []byte(text)); len(got) != 1 || !strings.Contains(got[0].Message, test.note) {
					t.Errorf("notes %v, want %q in one", got, test.note)
				}
			}
			checkComments(t, "a.yaml", text, want, notes)
		})
	}
}

func TestCommentsInYAML(t *testing.T) {
	const ignore = "# holdfast:ignore r -- w"
	tests := []struct {
		name  string
		lines []string
		want  []string
		notes []string
	}{
		{"end of a line", []string{"a:", "  b: true " + ignore}, []string{"r 2-2 (w)"}, nil},
		{"own line", []string{"a:", "  " + ignore, "  # more", "", "  b: true"}, []string{"r 5-5 above (w)"}, nil},
		{"two above one", []string{"a:", ignore, "  # holdfast:ignore s -- v", "  b: true"}, []string{"r 4-4 above (w)", "s 4-4 above (v)"}, nil},
		{"first line of a document lasts as long as it", []string{ignore, "---", "a: 1", "b:", "  c: 1", "---", "d: 1"}, []string{"r 3-3 above to 5 (w)"}, nil},
		{"second document", []string{"a: 1", "---", ignore, "b: 1", "c: 1"}, []string{"r 4-4 above to 5 (w)"}, nil},
		{"not the first line of a document", []string{"a: 1", ignore, "b: 1", "c: 1"}, []string{"r 3-3 above (w)"}, nil},
		{"object in a list", []string{"kind: List", "items:", ignore, "- apiVersion: v1", "  kind: Pod", "  spec:", "    x:", "    - y", "- apiVersion: v1"},
			[]string{"r 4-4 above to 8 (w)"}, nil},
		{"container item", []string{"c:", "  " + ignore, "  - name: a", "    image: b", "  - name: c"}, []string{"r 3-3 above (w)"}, nil},
		{"nothing follows", []string{"a: 1", ignore, "# end"}, nil, []string{"2: the ignore comment is disregarded: nothing follows it"}},
		{"whole file", []string{"a: 1", "# holdfast:ignore-file r -- w"}, []string{"r file (w)"}, nil},
		{"whole file at the end of a line", []string{"a: 1 # holdfast:ignore-file r, s -- w"}, []string{"r,s file (w)"}, nil},
		{"unknown directive", []string{"a: 1 # holdfast:ignored r -- w"}, nil, []string{`"holdfast:ignored" is unknown`}},
		{"mentioned, not meant", []string{"a: 1 # see holdfast:ignore r -- w"}, nil, nil},
		{"CRLF", []string{"a:\r", "  " + ignore + "\r", "  b: true\r"}, []string{"r 3-3 above (w)"}, nil},
		{"byte order mark", []string{"\ufeff" + ignore, "a: 1"}, []string{"r 2-2 above to 2 (w)"}, nil},

		{"double quotes", []string{`a: "x ` + ignore + `"`}, nil, nil},
		{"single quotes", []string{`a: 'it''s ` + ignore + `'`}, nil, nil},
		{"escaped quote", []string{`a: "x\" ` + ignore + `"`}, nil, nil},
		{"after quotes", []string{`a: "x" ` + ignore, `b: 'y\' ` + ignore}, []string{"r 1-1 (w)", "r 2-2 (w)"}, nil},
		{"apostrophe in a word", []string{"a: it's", "b: don't " + ignore}, []string{"r 2-2 (w)"}, nil},
		{"quotes over lines", []string{`a: "x`, "  " + ignore, `  y" ` + ignore}, []string{"r 3-3 (w)"}, nil},
		{"unclosed quote ends with its key", []string{`a: "x`, ignore, "b: 1"}, []string{"r 3-3 above (w)"}, nil},
		{"quotes in a list", []string{`- "x ` + ignore + `"`, `- a: "y ` + ignore + `"`, `- [b, "z ` + ignore + `"]`, `- {c: 'd ` + ignore + `'}`}, nil, nil},
		{"flow over lines", []string{`a: [b, ` + ignore, `  "c ` + ignore + `",`, "  d] " + ignore}, []string{"r 1-1 (w)", "r 3-3 (w)"}, nil},
		{"JSON", []string{`{"a": {"b":"x ` + ignore + `"}, "c":"y ` + ignore + `"}`}, nil, nil},
		{"tag and anchor", []string{`a: !!str &x "y ` + ignore + `"`, `b: !t &z |`, "  " + ignore}, nil, nil},
		{"no blank before", []string{"a: x" + ignore}, nil, nil},

		{"literal block", []string{"a: |", "  " + ignore, "", "    " + ignore, "b: 1 " + ignore}, []string{"r 5-5 (w)"}, nil},
		{"folded block", []string{"- >-", "  " + ignore, "- b " + ignore}, []string{"r 3-3 (w)"}, nil},
		{"comment at the header", []string{"a: | " + ignore, "  " + ignore, "b: 1"}, []string{"r 1-1 (w)"}, nil},
		{"less indented after a block", []string{"a:", "  b: |", "    x", "  " + ignore, "  c: 1"}, []string{"r 5-5 above (w)"}, nil},
		{"block in an item", []string{"- a: |+", "   " + ignore, "  b: 1 " + ignore}, []string{"r 3-3 (w)"}, nil},
		{"block with an indentation", []string{"a: |2", "    x", "  " + ignore, " " + ignore, "b: 1"}, []string{"r 5-5 above (w)"}, nil},
		{"empty block", []string{"a: |", "b: 1 " + ignore}, []string{"r 2-2 (w)"}, nil},
		{"empty block deeper", []string{"x:", "  a: |", "  b: 1 " + ignore}, []string{"r 3-3 (w)"}, nil},
		{"empty block in a list", []string{"x:", "    - |", "    - b " + ignore}, []string{"r 3-3 (w)"}, nil},
		{"block at a marker", []string{"--- |", " " + ignore, "--- " + ignore, "a: 1"}, []string{"r 3-3 (w)"}, nil},
		{"a pipe in a word is no block", []string{"a: b |", "  " + ignore, "  c"}, []string{"r 3-3 above (w)"}, nil},

		{"template", []string{ignore, "{{- if .Values.on }}", "kind: Pod", "{{- end }}", "x:", "  " + ignore, "  {{- with .Values.y }}", "  y: {{ . }} " + ignore, "  {{- end }}"},
			[]string{"r 3-3 above to 9 (w)", "r 8-8 above (w)", "r 8-8 (w)"}, nil},
		{"quote in a template action", []string{`a: {{ printf "it's # %s" .x | quote }}`, `b: {{ "x" }} ` + ignore, `c: "{{ .y }} ` + ignore + `"`}, []string{"r 2-2 (w)"}, nil},
		{"comment of a template", []string{"{{- /* it's */}}", "a: 1 " + ignore}, []string{"r 2-2 (w)"}, nil},
		{"control with output is a line", []string{"a:", ignore, "{{ if .x }}b: 1{{ end }}", "c: 1"}, []string{"r 3-3 above (w)"}, nil},
		{"block with template control", []string{"a: |", "  x", "{{- if .y }}", "  " + ignore, "{{- end }}", "b: 1 " + ignore}, []string{"r 6-6 (w)"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checkComments(t, "a.yaml", strings.Join(test.lines, "\n")+"\n", test.want, test.notes)
		})
	}
}

func TestCommentsInDockerfiles(t *testing.T) {
	const ignore = "# holdfast:ignore r -- w"
	tests := []struct {
		name  string
		lines []string
		want  []string
		notes []string
	}{
		{"above the first instruction is the whole file", []string{ignore, "ARG V=1", "FROM a", "FROM b"}, []string{"r 2-2 above to 4 (w)"}, nil},
		{"above a FROM is its stage", []string{"FROM a", ignore, "FROM b", "RUN x", "FROM c"}, []string{"r 3-3 above to 4 (w)"}, nil},
		{"above an instruction", []string{"FROM a", "  " + ignore, "", "RUN x \\", "  y \\  ", "", "  # z", "  z", "USER u"}, []string{"r 4-8 above (w)"}, nil},
		{"within an instruction", []string{"FROM a", "RUN x \\", ignore, "  y", "USER u"}, []string{"r 2-4 (w)"}, nil},
		{"other escape", []string{"# escape=`", "FROM a", ignore, "RUN x `", "  y", "USER u"}, []string{"r 4-5 above (w)"}, nil},
		{"an escape that is no directive", []string{"FROM a", "# escape=`", ignore, "RUN x \\", "  y"}, []string{"r 4-5 above (w)"}, nil},
		{"heredoc", []string{"FROM a", ignore, "RUN <<EOF", ignore, "EOF", "USER u"}, []string{"r 3-5 above (w)"}, nil},
		{"heredocs of a COPY", []string{"FROM a", `COPY <<A <<-"B" /x/`, ignore, "A", ignore, "\tB", ignore, "USER u"}, []string{"r 8-8 above (w)"}, nil},
		{"heredoc on a continued line", []string{"FROM a", "RUN x && \\", "  cat <<E", ignore, "E", ignore, "USER u"}, []string{"r 7-7 above (w)"}, nil},
		{"heredoc on build", []string{"FROM a", "ONBUILD RUN <<E", ignore, "E"}, nil, nil},
		{"no heredoc", []string{"FROM a", `RUN echo "x <<EOF" $((1<<2)) <<<y`, ignore, "ENV A=<<B", ignore, "USER u"}, []string{"r 4-4 above (w)", "r 6-6 above (w)"}, nil},
		{"end of a line", []string{"FROM a", "RUN x " + ignore}, nil, []string{"2: the ignore comment is disregarded: a Dockerfile has no comments at the end"}},
		{"whole file", []string{"FROM a", "# holdfast:ignore-file r -- w"}, []string{"r file (w)"}, nil},
		{"nothing follows", []string{"FROM a", ignore}, nil, []string{"nothing follows"}},
		{"CRLF", []string{"FROM a\r", ignore + "\r", "RUN x \\\r", "  y\r"}, []string{"r 3-4 above (w)"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, file := range []string{"Dockerfile", "-"} {
				checkComments(t, file, strings.Join(test.lines, "\n"), test.want, test.notes)
			}
		})
	}
}

func TestCommentsArePlacedAtTheirColumn(t *testing.T) {
	ignores, _ := Comments("a.yaml", []byte("a: 1\nä: ö # holdfast:ignore r -- w\n"))
	if len(ignores) != 1 || ignores[0].Place.String() != "a.yaml:2:6" {
		t.Errorf("got %v", ignores)
	}
}

func TestCommentsAreBounded(t *testing.T) {
	for _, test := range []struct{ file, line string }{
		{"a.yaml", "a: 1 # holdfast:ignore r -- w\n"},
		{"a.yaml", "a: 1 # holdfast:nonsense\n"},
		{"Dockerfile", "RUN x # holdfast:ignore r -- w\n"},
		{"Dockerfile", "# holdfast:ignore r -- w\nRUN x\n"},
	} {
		text := strings.Repeat(test.line, 3*maxDirectives)
		if test.file == "Dockerfile" {
			text = "FROM x\n" + text
		}
		ignores, notes := Comments(test.file, []byte(text))
		if n := len(ignores) + len(notes); n != maxDirectives+1 || !strings.Contains(notes[len(notes)-1].Message, "more than 1000") {
			t.Errorf("%s: %d ignores and %d notes", test.line, len(ignores), len(notes))
		}
	}
}
