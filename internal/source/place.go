// Package source reads configuration text into trees that remember where every
// value stands, so that a finding can name the exact line and column.
//
// It is the cellar of the house: it knows YAML and JSON, files and positions,
// and nothing about containers. All that it parses is hostile until shown
// otherwise, so every size and depth is bounded here once for everybody.
package source

import (
	"cmp"
	"fmt"
)

// Position is a place in a text. Lines and columns count from 1, columns in
// characters; zero means unknown.
type Position struct {
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// IsZero reports whether the position is unknown.
func (p Position) IsZero() bool { return p.Line == 0 }

// Place is a region of a file. End is exclusive in its column; a zero end means
// that only the start is known.
type Place struct {
	// File is slash-separated and relative to the working directory where it
	// lies below it. An entry of an archive is "chart.tgz!/templates/x.yaml".
	File string `json:"file"`
	Position
	EndLine   int `json:"endLine,omitempty"`
	EndColumn int `json:"endColumn,omitempty"`
	// Rendered says that the value came out of a template and its own line is
	// not known: the place then names the file and, at most, the nearest line
	// that is certain.
	Rendered bool `json:"rendered,omitempty"`
	// Values is the Helm values key that decides the value, when it is known.
	Values string `json:"values,omitempty"`
}

// String gives file:line:column, as compilers print it, leaving out what is
// unknown.
func (p Place) String() string {
	switch {
	case p.Line == 0 && p.Rendered:
		return p.File + " (rendered)"
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Compare orders places by file, line and column.
func (p Place) Compare(q Place) int {
	return cmp.Or(
		cmp.Compare(p.File, q.File),
		cmp.Compare(p.Line, q.Line),
		cmp.Compare(p.Column, q.Column),
	)
}

// SyntaxError says what is wrong with a text and where.
type SyntaxError struct {
	Position
	Reason string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, max(e.Column, 1), e.Reason)
}
