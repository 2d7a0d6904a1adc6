package triage

import (
	"bytes"
	"regexp"
)

// yamlScanner finds the comments and lines of a YAML file or of a template of
// one, without parsing it; see Comments for what it decides.
type yamlScanner struct {
	*commentReader
	number int
	// started says that the document has a line of code.
	started bool
	// key is the column of the innermost key or dash seen last, from 0; -1 at
	// the start of a document.
	key int

	// quote is the quote that is open at the end of a line, or 0.
	quote byte
	// flow is how many brackets are open.
	flow int
	// block says that lines belong to a block scalar: those indented by least,
	// which the first of them decides while it is 0.
	block bool
	least int
}

var (
	blockHeader = regexp.MustCompile(`^[|>]([1-9]?[+-]?|[+-][1-9])([ \t]+#.*|[ \t]*)$`)
	// templateAction is one action, templateControl a line that starts with one
	// that gives no output.
	templateAction  = regexp.MustCompile(`\{\{.*?\}\}`)
	templateControl = regexp.MustCompile(`^\{\{-?[ \t]*(/\*|\$\w*[ \t]*:?=|(if|else|end|with|range|define|block|break|continue)\b)`)
	// objectKey begins a Kubernetes object in a list.
	objectKey = regexp.MustCompile(`^-[ \t]+["']?(apiVersion|kind|metadata)["']?[ \t]*:`)
)

// scanYAML tells the reader the remarks and statements of a YAML file and
// returns the number of its last line.
func scanYAML(text []byte, r *commentReader) int {
	s := yamlScanner{commentReader: r, key: -1}
	for line := range bytes.Lines(text) {
		s.number++
		s.line(bytes.TrimRight(line, "\r\n"))
	}
	return s.number
}

func (s *yamlScanner) line(line []byte) {
	trimmed := bytes.TrimLeft(line, " \t")
	at := len(line) - len(trimmed)
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	if isDocumentMarker(line) {
		s.marker(line)
		return
	}
	if len(trimmed) == 0 || isControl(trimmed) || s.inBlock(indent) {
		return
	}
	if s.flow == 0 && indent <= s.key {
		s.quote = 0 // a quote that runs on is indented deeper than its key
	}
	switch {
	case s.quote != 0:
		s.code(line, at)
	case trimmed[0] == '#':
		s.remark(s.comment(line, at), nil)
	default:
		s.begin(trimmed, indent)
		s.code(line, at)
	}
}

func isDocumentMarker(line []byte) bool {
	return len(line) >= 3 && (string(line[:3]) == "---" || string(line[:3]) == "...") &&
		(len(line) == 3 || isBlank(line[3]))
}

// marker starts a new document; a value or a comment may follow on the line.
func (s *yamlScanner) marker(line []byte) {
	s.end(0, s.number-1)
	s.started, s.key, s.quote, s.flow, s.block = false, -1, 0, 0, false
	if line[0] == '-' {
		s.code(line, 3)
	}
}

// isControl reports whether a line has nothing but template control flow: it
// leaves no line in the output.
func isControl(trimmed []byte) bool {
	return trimmed[0] == '{' && templateControl.Match(trimmed) &&
		len(bytes.TrimSpace(templateAction.ReplaceAll(trimmed, nil))) == 0
}

// inBlock reports whether a line belongs to an open block scalar.
func (s *yamlScanner) inBlock(indent int) bool {
	if !s.block {
		return false
	}
	if s.least == 0 && indent > s.key {
		s.least = max(indent, 1)
	}
	s.block = s.least > 0 && indent >= s.least
	return s.block
}

// begin tells the reader that a line of code starts here. A document is open at
// depth 0, an item of a list below that by its indentation.
func (s *yamlScanner) begin(trimmed []byte, indent int) {
	s.end(indent+1, s.number-1)
	st := statement{first: s.number, last: s.number, opens: !s.started}
	if objectKey.Match(trimmed) {
		st.opens, st.depth = true, indent+1
	}
	s.statement(st)
	s.started = true
}

func (s *yamlScanner) comment(line []byte, at int) remark {
	return remark{Position: position(s.number, line, at), text: string(line[at+1:])}
}

// code goes through a line from an offset on, as far as it has to know where
// quotes and block scalars open and where a comment starts.
func (s *yamlScanner) code(line []byte, at int) {
	fresh := true // a value can start here
	start := at   // of the current word: the column of a key
	lastAction := bytes.LastIndex(line, []byte("}}"))
	for at < len(line) {
		c := line[at]
		switch {
		case s.quote != 0:
			at = s.closeQuote(line, at)
			fresh = false
			continue
		case isBlank(c):
		case c == '#' && (at == 0 || isBlank(line[at-1])):
			s.remark(s.comment(line, at), &statement{first: s.number, last: s.number})
			return
		case at < lastAction && c == '{' && line[at+1] == '{':
			if fresh {
				start = at
			}
			at += bytes.Index(line[at:], []byte("}}")) + 1
			fresh = false
		case c == ':' && (at+1 == len(line) || isBlank(line[at+1]) || s.flow > 0 && (line[max(at-1, 0)] == '"' || line[max(at-1, 0)] == '\'')):
			if s.flow == 0 {
				s.key = start
			}
			fresh = true
		case s.flow > 0 && c == ',':
			fresh = true
		case s.flow > 0 && (c == ']' || c == '}'):
			s.flow--
			fresh = false
		case !fresh:
		case (c == '-' || c == '?') && s.flow == 0 && (at+1 == len(line) || isBlank(line[at+1])):
			s.key = at
		case c == '[' || c == '{':
			s.flow++
		case c == '!' || c == '&':
			for at+1 < len(line) && !isBlank(line[at+1]) {
				at++
			}
		case (c == '|' || c == '>') && s.flow == 0 && blockHeader.Match(line[at:]):
			s.openBlock(line, at)
			return
		default:
			start, fresh = at, false
			if c == '"' || c == '\'' {
				s.quote = c
			}
		}
		at++
	}
}

// closeQuote returns the offset after the end of the open quote, or the end of
// the line.
func (s *yamlScanner) closeQuote(line []byte, at int) int {
	for ; at < len(line); at++ {
		switch {
		case s.quote == '"' && line[at] == '\\':
			at++
		case line[at] != s.quote:
		case s.quote == '\'' && at+1 < len(line) && line[at+1] == '\'':
			at++
		default:
			s.quote = 0
			return at + 1
		}
	}
	return len(line)
}

// openBlock starts a block scalar whose header is at the offset.
func (s *yamlScanner) openBlock(line []byte, at int) {
	s.block, s.least = true, 0
	header := line[at:]
	if i := bytes.IndexByte(header, '#'); i >= 0 {
		s.remark(s.comment(line, at+i), &statement{first: s.number, last: s.number})
		header = header[:i]
	}
	if i := bytes.IndexAny(header, "123456789"); i >= 0 {
		s.least = max(s.key, 0) + int(header[i]-'0')
	}
}
