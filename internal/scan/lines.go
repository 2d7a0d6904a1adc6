package scan

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/inspect/secret"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// maxExcerpt bounds how much of a source line a finding carries, in runes.
const maxExcerpt = 400

// maxLine bounds the source lines that are shown at all, in bytes: a generated
// file of one line is read once, and not once for each of its findings.
const maxLine = 16 << 10

// hidden stands for a secret in an excerpt.
const hidden = "********"

// annotate gives findings their line of source and the end of their place, and
// returns the ignores that are written as comments in the files. Files are read
// once more, one at a time: nothing of them was kept while assets were judged.
func annotate(tree *collect.Tree, result *finding.Result) ([]triage.Ignore, []finding.Note) {
	byFile := map[string][]*finding.Finding{}
	for _, list := range [][]finding.Finding{result.Findings, result.Undetermined} {
		for i := range list {
			byFile[list[i].Place.File] = append(byFile[list[i].Place.File], &list[i])
		}
	}
	var ignores []triage.Ignore
	var notes []finding.Note
	for _, file := range triage.Files(result.Findings) {
		if _, ok := byFile[file]; !ok {
			byFile[file] = nil
		}
	}
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		entry := tree.Get(file)
		if entry == nil || image.IsArchive(entry.Head()) {
			continue
		}
		text, err := entry.Read()
		if err != nil {
			continue // it was read before; what is missing now is only its excerpt
		}
		excerpts(text, byFile[file])
		more, moreNotes := triage.Comments(file, text)
		ignores, notes = append(ignores, more...), append(notes, moreNotes...)
	}
	return ignores, notes
}

// excerpts fills in the source lines of the findings in one file.
func excerpts(text []byte, findings []*finding.Finding) {
	var lines [][]byte
	for _, f := range findings {
		if f.Place.Line == 0 || f.Place.Rendered {
			continue
		}
		if lines == nil {
			lines = bytes.Split(text, []byte("\n"))
		}
		if f.Place.Line > len(lines) {
			continue
		}
		if len(lines[f.Place.Line-1]) > maxLine {
			continue
		}
		line := []rune(strings.TrimSuffix(string(bytes.ToValidUTF8(lines[f.Place.Line-1], []byte("?"))), "\r"))
		excerpt(f, line)
	}
}

func excerpt(f *finding.Finding, line []rune) {
	at := min(max(f.Place.Column-1, 0), len(line))
	inFlow := openBrackets(line[:at]) > 0
	end := at + tokenLength(line[at:], inFlow)
	switch {
	case f.Sensitive:
		// The end of the region would give the secret's length away.
		f.Excerpt = secret.Redact(string(line[:at])) + hidden
		if inFlow {
			f.Excerpt += secret.Redact(string(line[end:]))
		}
	default:
		f.Excerpt = secret.Redact(clip(line))
		if f.Place.EndLine == 0 && f.Place.Column > 0 && end > at {
			f.Place.EndLine, f.Place.EndColumn = f.Place.Line, end+1
		}
	}
}

// openBrackets counts the flow collections that are open at the end of a text.
func openBrackets(text []rune) int {
	open := 0
	for _, r := range text {
		switch r {
		case '{', '[':
			open++
		case '}', ']':
			open--
		}
	}
	return open
}

func clip(line []rune) string {
	if len(line) > maxExcerpt {
		return string(line[:maxExcerpt]) + "…"
	}
	return string(line)
}

// tokenLength is how far a value or key reaches: to its closing quote or
// bracket, or to what ends a plain scalar, which within a flow collection is
// more than elsewhere.
func tokenLength(line []rune, inFlow bool) int {
	if len(line) == 0 {
		return 0
	}
	switch line[0] {
	case '"', '\'':
		return quotedLength(line)
	case '[', '{':
		for i := range line {
			if openBrackets(line[:i+1]) == 0 {
				return i + 1
			}
		}
		return len(line)
	}
	end := len(line)
	for i, r := range line {
		if r == ':' && unicode.IsSpace(next(line, i)) || r == '#' && i > 0 && line[i-1] == ' ' ||
			inFlow && strings.ContainsRune(",]}", r) {
			end = i
			break
		}
	}
	return len([]rune(strings.TrimRight(string(line[:end]), " \t")))
}

func quotedLength(line []rune) int {
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '\\' && line[0] == '"':
			i++
		case line[i] == line[0]:
			return i + 1
		}
	}
	return len(line)
}

// next is the rune behind a place; a line's end is a blank.
func next(line []rune, i int) rune {
	if i+1 < len(line) {
		return line[i+1]
	}
	return ' '
}
