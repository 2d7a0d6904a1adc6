package triage

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// scope is what a comment is about: lines of its own file.
type scope struct {
	// file says that it is about the whole file.
	file bool
	// first and last are the lines that it is at or above.
	first, last int
	// above says that it stands on a line of its own: it then also holds for
	// the asset that starts at the first line.
	above bool
	// end is the last line of what starts at the first line, where the text
	// tells: a Kubernetes object, a stage of a Dockerfile. 0 is unknown.
	end int
}

// statement is what a comment can be above: a line of YAML, or an instruction
// of a Dockerfile with all of its lines.
type statement struct {
	first, last int
	// opens says that more than its own lines begins with it, at a depth: it
	// lasts until something begins that is not deeper.
	opens bool
	depth int
}

// remark is a comment as it stands in a file.
type remark struct {
	source.Position
	// text is what follows the "#".
	text string
	// own says that nothing else is on its line.
	own bool
}

// marker starts every directive in a comment.
const marker = "holdfast:"

// Comments reads the ignores that are written as comments in a Dockerfile or a
// YAML file.
//
//	# holdfast:ignore RULE[, RULE ...] [until YYYY-MM-DD] -- reason
//	# holdfast:ignore-file RULE[, RULE ...] [until YYYY-MM-DD] -- reason
//
// The reason may also follow a colon: "RULE: reason".
//
// At the end of a line a comment applies to the findings on that line. On a
// line of its own it applies to the next line that is neither blank nor a
// comment, nor a document marker, nor template control flow such as {{- if }};
// where that is the first line of an asset, it applies to all findings of the
// asset and of the assets within it, and so it does above the first line of a
// Kubernetes object. In a Dockerfile it applies to the next instruction, or to
// the one it stands within, all lines of it; above a FROM to all of its stage,
// above the first instruction to all of the file. ignore-file applies to the
// whole file wherever it stands.
//
// A "#" is no comment within quotes, in a block scalar, after anything but a
// blank, or in a template action; in a Dockerfile it is none but at the start of
// a line outside of heredocs. This is decided line by line without parsing, so
// that it works in templates as well: a quote opens only where a YAML value can
// start, a block scalar ends at the first line that is indented less. A line of
// a plain scalar that runs over several lines and starts with a lone quote
// character is taken for an open quote.
func Comments(file string, text []byte) ([]Ignore, []finding.Note) {
	if !bytes.Contains(text, []byte(marker)) {
		return nil, nil
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	r := commentReader{file: file}
	scan := scanYAML
	if isDockerfile(file, text) {
		scan = scanDockerfile
	}
	r.finish(scan(text, &r))
	return r.ignores, r.notes
}

// isDockerfile tells the two kinds of file apart by the name, and else by the
// first instruction.
func isDockerfile(file string, text []byte) bool {
	switch strings.ToLower(path.Ext(file)) {
	case ".yaml", ".yml", ".json", ".tpl":
		return false
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		word, _, _ := bytes.Cut(line, []byte(" "))
		return bytes.EqualFold(word, []byte("FROM")) || bytes.EqualFold(word, []byte("ARG"))
	}
	return false
}

// commentReader turns remarks and statements, told in the order of the file,
// into ignores.
type commentReader struct {
	file    string
	ignores []Ignore
	notes   []finding.Note
	// waiting are the ignores, by index, that stand above the next statement.
	waiting []int
	open    []opened
}

// opened is something that began below an ignore and has not ended yet.
type opened struct{ ignore, depth int }

// remark takes a comment. within is the statement that it stands in, nil if it
// is on a line of its own.
func (r *commentReader) remark(c remark, within *statement) {
	text := strings.TrimSpace(strings.TrimLeft(c.text, "#"))
	if !strings.HasPrefix(text, marker) || r.full(c.Position) {
		return
	}
	verb, rest := text[len(marker):], ""
	if i := strings.IndexAny(verb, " \t"); i >= 0 {
		verb, rest = verb[:i], verb[i+1:]
	}
	if verb != "ignore" && verb != "ignore-file" {
		r.refuse(c.Position, `"holdfast:%s" is unknown, write "holdfast:ignore RULE -- reason" or "holdfast:ignore-file RULE -- reason"`, clip(verb))
		return
	}
	ignore, err := parseDirective(rest)
	if err != nil {
		r.refuse(c.Position, "%s", err)
		return
	}
	ignore.By, ignore.Place = ByComment, source.Place{File: r.file, Position: c.Position}
	switch {
	case verb == "ignore-file":
		ignore.scope.file = true
	case within != nil:
		ignore.scope = scope{first: within.first, last: within.last}
	default:
		ignore.scope.above = true
		r.waiting = append(r.waiting, len(r.ignores))
	}
	r.ignores = append(r.ignores, ignore)
}

// refuse says that a comment does not count.
func (r *commentReader) refuse(at source.Position, format string, args ...any) {
	r.note(at, "the ignore comment is disregarded: "+format, args...)
}

func (r *commentReader) note(at source.Position, format string, args ...any) {
	r.notes = append(r.notes, noteAt(source.Place{File: r.file, Position: at}, format, args...))
}

// full reports whether the file has had its share of comments, and says so once.
func (r *commentReader) full(at source.Position) bool {
	n := len(r.ignores) + len(r.notes)
	if n == maxDirectives {
		r.note(at, "the file has more than %d ignore comments: the rest is disregarded", maxDirectives)
	}
	return n >= maxDirectives
}

// statement gives the comments above it their lines.
func (r *commentReader) statement(s statement) {
	for _, i := range r.waiting {
		r.ignores[i].scope = scope{first: s.first, last: s.last, above: true}
		if s.opens {
			r.open = append(r.open, opened{i, s.depth})
		}
	}
	r.waiting = r.waiting[:0]
}

// end closes what is open at the depth or deeper: its last line is line.
func (r *commentReader) end(depth, line int) {
	for n := len(r.open); n > 0 && r.open[n-1].depth >= depth; n-- {
		r.ignores[r.open[n-1].ignore].scope.end = line
		r.open = r.open[:n-1]
	}
}

// finish closes everything and drops the comments that nothing follows.
func (r *commentReader) finish(lastLine int) {
	r.end(0, lastLine)
	for _, i := range r.waiting {
		r.refuse(r.ignores[i].Place.Position, "nothing follows it")
	}
	r.ignores = slices.DeleteFunc(r.ignores, func(i Ignore) bool {
		return i.scope == scope{above: true}
	})
}

// position gives the place of a byte of a line.
func position(number int, line []byte, at int) source.Position {
	return source.Position{Line: number, Column: 1 + utf8.RuneCount(line[:at])}
}
