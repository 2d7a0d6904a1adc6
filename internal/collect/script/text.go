package script

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// Text is a piece of a file that remembers where it stood: lines joined by
// continuations, the bodies of heredocs, a script within quotes.
type Text struct {
	whole  string
	lo, hi int
	pieces []piece // in order of at
}

// piece is where a part of one physical line starts in the whole.
type piece struct {
	at int
	source.Position
	// pinned says that all of the piece stands at that one position, as its
	// characters are not those of the file.
	pinned bool
}

// Pin makes a text whose every character is reported at one position.
func Pin(s string, at source.Position) Text {
	return Text{whole: s, hi: len(s), pieces: []piece{{Position: at, pinned: true}}}
}

// String returns the characters alone.
func (t Text) String() string { return t.whole[t.lo:t.hi] }

// Cut returns the part between two offsets.
func (t Text) Cut(from, to int) Text {
	t.lo, t.hi = t.lo+from, t.lo+to
	return t
}

// Builder puts a text together from pieces.
type Builder struct {
	strings.Builder
	pieces []piece
}

// maxPiece keeps the counting of characters short on very long lines.
const maxPiece = 256

// Add appends s, which stands at the position.
func (b *Builder) Add(s string, at source.Position) {
	b.pieces = append(b.pieces, piece{at: b.Len(), Position: at})
	counted := 0
	for i := range s {
		if i >= (counted/maxPiece+1)*maxPiece {
			at.Column += utf8.RuneCountInString(s[counted:i])
			b.pieces = append(b.pieces, piece{at: b.Len() + i, Position: at})
			counted = i
		}
	}
	b.WriteString(s)
}

// AddText appends a text with the positions of its pieces.
func (b *Builder) AddText(t Text) {
	for i, p := range t.pieces {
		end := t.hi
		if i+1 < len(t.pieces) {
			end = min(end, t.pieces[i+1].at)
		}
		if start := max(p.at, t.lo); start < end {
			b.pieces = append(b.pieces, piece{b.Len(), t.Position(start - t.lo), p.pinned})
			b.WriteString(t.whole[start:end])
		}
	}
}

// Text returns what was put together.
func (b *Builder) Text() Text {
	return Text{whole: b.String(), hi: b.Len(), pieces: b.pieces}
}

// Position returns where the character at an offset stands.
func (t Text) Position(offset int) source.Position {
	at := min(t.lo+max(offset, 0), len(t.whole))
	i := sort.Search(len(t.pieces), func(i int) bool { return t.pieces[i].at > at }) - 1
	if i < 0 {
		return source.Position{}
	}
	p := t.pieces[i]
	if !p.pinned {
		p.Column += utf8.RuneCountInString(t.whole[p.at:at])
	}
	return p.Position
}

// Span returns the place between two offsets, the second one exclusive.
func (t Text) Span(file string, from, to int) source.Place {
	place := source.Place{File: file, Position: t.Position(from)}
	if to <= from || place.Line == 0 {
		return place
	}
	// The end is one past the last character: the offset after it may already
	// belong to the next line.
	_, width := utf8.DecodeLastRuneInString(t.whole[t.lo : t.lo+to])
	last := t.Position(to - width)
	if last == place.Position && to-width > from {
		return place // pinned: there is no more to know
	}
	place.EndLine, place.EndColumn = last.Line, last.Column+1
	return place
}
