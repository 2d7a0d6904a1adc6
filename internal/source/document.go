package source

import (
	"bytes"
	"unicode/utf8"
)

// Document is one YAML document or JSON value of a file, not parsed yet.
type Document struct {
	Text []byte
	// Line is the line of the file on which Text starts, from 1.
	Line int
}

// Split cuts a file at its document markers without parsing it: "---" at the
// start of a line begins a document wherever it stands, even within a block
// scalar. Documents with nothing but blanks and comments are left out. A
// document shares the memory of text.
func Split(text []byte) []Document {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var docs []Document
	start, startLine, line := 0, 1, 1
	for at := 0; at < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if isMarker(text[at:end]) {
			docs = appendDocument(docs, text[start:at], startLine)
			start, startLine = at, line
		}
		at = end
		line++
	}
	return appendDocument(docs, text[start:], startLine)
}

// isMarker reports whether a line is a document marker.
func isMarker(line []byte) bool {
	if len(line) < 3 || line[0] != '-' || line[1] != '-' || line[2] != '-' {
		return false
	}
	return len(line) == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\n' || line[3] == '\r'
}

func appendDocument(docs []Document, text []byte, line int) []Document {
	if isBlank(text) {
		return docs
	}
	return append(docs, Document{Text: text, Line: line})
}

// isBlank reports whether a text holds only blank lines, comments and a marker.
func isBlank(text []byte) bool {
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

// IsJSON reports whether the document is a JSON value rather than YAML. A YAML
// flow mapping looks alike and parses alike.
func (d Document) IsJSON() bool {
	text := bytes.TrimLeft(d.Text, " \t\r\n")
	if len(text) < 2 || text[0] != '{' && text[0] != '[' {
		return false
	}
	next := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(next) > 0 && (next[0] == '"' || next[0] == '{' || next[0] == '[' || next[0] == '}' || next[0] == ']')
}

// TopLevel returns the plain scalar that a key at the first column has, without
// parsing: a document's apiVersion and kind can be known at the cost of a scan.
// In JSON, and where the value is not a simple scalar, it returns "".
func (d Document) TopLevel(key string) string {
	text := d.Text
	for len(text) > 0 {
		i := bytes.Index(text, []byte(key))
		if i < 0 {
			return ""
		}
		atStart := i == 0 && len(text) == len(d.Text) || i > 0 && text[i-1] == '\n'
		rest := text[i+len(key):]
		text = rest
		if !atStart || len(rest) == 0 || rest[0] != ':' {
			continue
		}
		value := rest[1:]
		if j := bytes.IndexByte(value, '\n'); j >= 0 {
			value = value[:j]
		}
		return plainScalar(value)
	}
	return ""
}

// plainScalar strips quotes, a trailing comment and blanks off the rest of a
// line.
func plainScalar(value []byte) string {
	if i := bytes.Index(value, []byte(" #")); i >= 0 {
		value = value[:i]
	}
	value = bytes.TrimSpace(value)
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		value = value[1 : len(value)-1]
	}
	if !utf8.Valid(value) {
		return ""
	}
	return string(value)
}
