package terminal

import (
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/report/wording"
	"github.com/holdfast-sec/holdfast/internal/source"
)

func place(line, column, endLine, endColumn int) source.Place {
	return source.Place{Position: source.Position{Line: line, Column: column}, EndLine: endLine, EndColumn: endColumn}
}

// Each case shows the line as it is printed and the carets below it.
func TestExcerpt(t *testing.T) {
	for name, test := range map[string]struct {
		line  string
		place source.Place
		room  int
		text  string
		caret string
	}{
		"region":           {"    privileged: true", place(1, 17, 1, 21), 40, "privileged: true", "            ^^^^"},
		"start only":       {"    privileged: true", place(1, 17, 0, 0), 40, "privileged: true", "            ^"},
		"no column":        {"    privileged: true", place(1, 0, 0, 0), 40, "privileged: true", ""},
		"in indentation":   {"    x", place(1, 3, 0, 0), 40, "  x", "^"},
		"to the line end":  {"RUN a \\", place(1, 5, 3, 2), 40, `RUN a \`, "    ^^^"},
		"past the end":     {"a: b", place(1, 30, 1, 34), 40, "a: b", "   ^"},
		"masked shorter":   {"key: ***", place(1, 6, 1, 60), 40, "key: ***", "     ^^^"},
		"tab before":       {"\tkey:\tvalue", place(1, 7, 1, 12), 40, "key:    value", "        ^^^^^"},
		"tab inside":       {"a\tb", place(1, 1, 1, 4), 40, "a   b", "^^^^^"},
		"wide before":      {"名前: x", place(1, 5, 1, 6), 40, "名前: x", "      ^"},
		"wide region":      {"a: 名前", place(1, 4, 1, 6), 40, "a: 名前", "   ^^^^"},
		"combining before": {"e\u0301: x", place(1, 5, 1, 6), 40, "e\u0301: x", "   ^"},
		"emoji":            {"🔑 key", place(1, 3, 1, 6), 40, "🔑 key", "   ^^^"},
		"control before":   {"\x1b[2Jx: y", place(1, 8, 1, 9), 40, `\x1b[2Jx: y`, "          ^"},
		"broken bytes":     {"\xff\xfe: y", place(1, 5, 1, 6), 40, `\xff\xfe: y`, "          ^"},
		"cut after":        {"key: " + strings.Repeat("v", 60), place(1, 1, 1, 4), 30, "key: " + strings.Repeat("v", 22) + "...", "^^^"},
		"cut before":       {strings.Repeat("k", 60) + ": v", place(1, 63, 1, 64), 30, "..." + strings.Repeat("k", 7) + ": v", "            ^"},
		"cut on both sides": {strings.Repeat("a", 50) + "HERE" + strings.Repeat("b", 50), place(1, 51, 1, 55), 30,
			"..." + "aaaaaaaaa" + "HERE" + strings.Repeat("b", 11) + "...", "            ^^^^"},
		"empty line": {"", place(1, 1, 0, 0), 40, "", "^"},
	} {
		t.Run(name, func(t *testing.T) {
			x := cutExcerpt(test.line, test.place, test.room)
			if x.text != test.text {
				t.Errorf("text  %q\nwant  %q", x.text, test.text)
			}
			caret := strings.Repeat(" ", x.start) + strings.Repeat("^", x.length)
			if strings.TrimRight(caret, " ") != test.caret {
				t.Errorf("caret %q\nwant  %q\nunder %q", caret, test.caret, x.text)
			}
		})
	}
}

// Whatever the line and the place, the excerpt fits, is harmless and its caret
// stands within it, under the right character if that is a plain one.
func FuzzExcerpt(f *testing.F) {
	f.Add("  key:\tvalue", 8, 1, 13, 40)
	f.Add("名前: e\u0301\x1b[31m\xff", 4, 2, 0, 24)
	f.Add(strings.Repeat("ab ", 200), 301, 1, 330, 80)
	f.Fuzz(func(t *testing.T, line string, column, endLine, endColumn, room int) {
		if column < 0 || column > 1<<20 || room < 24 || room > 1000 || strings.ContainsAny(line, "\n\r") {
			t.Skip()
		}
		x := cutExcerpt(line, place(1, column, endLine, endColumn), room)
		if strings.ContainsFunc(x.text, wording.Hidden) {
			t.Fatalf("%q holds a hidden character", x.text)
		}
		if w := textWidth(x.text); w > room+2*len(ellipsis)+10 {
			t.Fatalf("%q takes %d cells of %d", x.text, w, room)
		}
		if (x.length == 0) != (column == 0) {
			t.Fatalf("column %d has a caret of %d", column, x.length)
		}
		if x.start < 0 || x.start+x.length > textWidth(x.text)+1 {
			t.Fatalf("the caret is at %d+%d under %q", x.start, x.length, x.text)
		}
		runes := []rune(line)
		if column == 0 || column > len(runes) || column > 400 {
			return
		}
		if r := runes[column-1]; r > ' ' && r < 0x7f {
			if under := cellAt(x.text, x.start); under != r {
				t.Fatalf("the caret is under %q of %q, want %q of column %d of %q", under, x.text, r, column, line)
			}
		}
	})
}

// cellAt returns the first character at a cell that takes any room.
func cellAt(text string, cell int) rune {
	for _, r := range text {
		w := runeWidth(r)
		if cell < w {
			return r
		}
		cell -= w
	}
	return 0
}
