// Package jsontext writes JSON as all reports want it: streamed value by value,
// indented by two spaces, without HTML escapes, and with nothing in it that a
// terminal would obey if somebody looks at the file.
package jsontext

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// Writer writes one document. Its first error ends it and is what Finish
// returns.
type Writer struct {
	out   *bufio.Writer
	value bytes.Buffer
	enc   *json.Encoder
	open  []byte // the brackets that will close what is open
	begun bool   // something stands in the innermost bracket already
	err   error
}

// New makes a writer.
func New(w io.Writer) *Writer {
	j := &Writer{out: bufio.NewWriterSize(w, 1<<16)}
	j.enc = json.NewEncoder(&j.value)
	j.enc.SetEscapeHTML(false)
	return j
}

// Object opens an object as the member key; key is "" in an array and at the
// top.
func (j *Writer) Object(key string) { j.bracket(key, '{', '}') }

// Array opens an array.
func (j *Writer) Array(key string) { j.bracket(key, '[', ']') }

func (j *Writer) bracket(key string, open, closing byte) {
	j.member(key)
	j.out.WriteByte(open)
	j.open = append(j.open, closing)
	j.begun = false
}

// Close closes what was opened last.
func (j *Writer) Close() {
	last := len(j.open) - 1
	closing := j.open[last]
	j.open = j.open[:last]
	if j.begun {
		j.newline(last)
	}
	j.out.WriteByte(closing)
	j.begun = true
}

// Value writes one value whole.
func (j *Writer) Value(key string, v any) {
	if j.err != nil {
		return
	}
	j.value.Reset()
	if err := j.enc.Encode(v); err != nil {
		j.err = fmt.Errorf("encoding %T as JSON: %w", v, err)
		return
	}
	j.member(key)
	j.indent(bytes.TrimSuffix(j.value.Bytes(), []byte("\n")))
}

// Finish ends the document and returns the first error.
func (j *Writer) Finish() error {
	j.out.WriteByte('\n')
	if err := j.out.Flush(); j.err == nil {
		j.err = err
	}
	return j.err
}

// member begins a member or element.
func (j *Writer) member(key string) {
	if j.begun {
		j.out.WriteByte(',')
	}
	if len(j.open) > 0 {
		j.newline(len(j.open))
	}
	j.begun = true
	if key != "" {
		j.out.WriteByte('"')
		j.out.WriteString(key)
		j.out.WriteString(`": `)
	}
}

const spaces = "                                                                "

func (j *Writer) newline(depth int) {
	j.out.WriteByte('\n')
	for n := 2 * depth; n > 0; n -= len(spaces) {
		j.out.WriteString(spaces[:min(n, len(spaces))])
	}
}

// indent copies compact JSON. It may trust it to be valid, which makes it much
// quicker than json.Indent.
func (j *Writer) indent(src []byte) {
	depth := len(j.open)
	for i := 0; i < len(src); i++ {
		switch c := src[i]; c {
		case '"':
			end := stringEnd(src, i)
			j.text(src[i:end])
			i = end - 1
		case '{', '[':
			j.out.WriteByte(c)
			if next := src[i+1]; next == '}' || next == ']' {
				j.out.WriteByte(next)
				i++
				continue
			}
			depth++
			j.newline(depth)
		case '}', ']':
			depth--
			j.newline(depth)
			j.out.WriteByte(c)
		case ',':
			j.out.WriteByte(c)
			j.newline(depth)
		case ':':
			j.out.WriteString(": ")
		default:
			j.out.WriteByte(c)
		}
	}
}

// stringEnd returns the offset behind the string literal that starts at start.
func stringEnd(src []byte, start int) int {
	for i := start + 1; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// text writes a string literal with its hidden characters escaped.
func (j *Writer) text(literal []byte) {
	for i := 0; i < len(literal); {
		plain := i
		for plain < len(literal) && literal[plain] < 0x7f {
			plain++
		}
		j.out.Write(literal[i:plain])
		if i = plain; i == len(literal) {
			return
		}
		r, size := utf8.DecodeRune(literal[i:])
		switch {
		case !wording.Hidden(r):
			j.out.Write(literal[i : i+size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(j.out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(j.out, `\u%04x`, r)
		}
		i += size
	}
}
