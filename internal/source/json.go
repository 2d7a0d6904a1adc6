package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// jsonReader builds a tree from the tokens of encoding/json, which knows the
// offset of each of them.
type jsonReader struct {
	dec   *json.Decoder
	text  []byte
	above int // lines of the file before the document

	// The position of offset at, kept so that the text is counted once.
	at           int
	line, column int
}

func parseJSON(text []byte, above int) (*Node, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	r := &jsonReader{dec: dec, text: text, above: above, line: 1, column: 1}
	n, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, r.errorf("more follows after the JSON value")
	}
	return n, nil
}

func (r *jsonReader) value(depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, r.errorf("nested deeper than %d levels", maxDepth)
	}
	start := r.next()
	token, err := r.dec.Token()
	if err != nil {
		return nil, r.wrap(err)
	}
	n := &Node{Position: Position{start.Line + r.above, start.Column}}
	switch t := token.(type) {
	case json.Delim:
		if err := r.nested(n, t, depth); err != nil {
			return nil, err
		}
	case string:
		n.Kind, n.Value = String, t
	case json.Number:
		n.Kind, n.Value = Int, t.String()
		if bytes.ContainsAny([]byte(n.Value), ".eE") {
			n.Kind = Float
		}
	case bool:
		n.Kind, n.Value = Bool, fmt.Sprint(t)
	}
	n.Size++
	n.EndLine = r.position(int(r.dec.InputOffset())).Line + r.above
	return n, nil
}

// nested reads the entries of an object or an array up to its closing bracket.
func (r *jsonReader) nested(n *Node, open json.Delim, depth int) error {
	n.Kind = List
	if open == '{' {
		n.Kind = Map
	}
	for r.dec.More() {
		first, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		if n.Kind == List {
			n.Items = append(n.Items, first)
			n.Size += first.Size
			continue
		}
		second, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Pairs = append(n.Pairs, Pair{first, second})
		n.Size += first.Size + second.Size
	}
	_, err := r.dec.Token()
	return r.wrap(err)
}

// next returns where the next token starts.
func (r *jsonReader) next() Position {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[at]) >= 0 {
		at++
	}
	return r.position(at)
}

// position turns an offset into a line and a column. Offsets only grow.
func (r *jsonReader) position(offset int) Position {
	for r.at < min(offset, len(r.text)) {
		if r.text[r.at] == '\n' {
			r.line, r.column = r.line+1, 1
			r.at++
			continue
		}
		_, size := utf8.DecodeRune(r.text[r.at:])
		r.at += size
		r.column++
	}
	return Position{r.line, r.column}
}

func (r *jsonReader) wrap(err error) error {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		r.position(int(syntax.Offset) - 1)
		return r.errorf("%s", syntax.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.position(len(r.text))
		return r.errorf("the JSON value ends too early")
	}
	return r.errorf("%s", err)
}

func (r *jsonReader) errorf(format string, args ...any) error {
	return &SyntaxError{Position: Position{r.line, r.column}, Reason: fmt.Sprintf(format, args...)}
}
