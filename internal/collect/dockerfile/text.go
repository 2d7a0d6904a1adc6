package dockerfile

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// text is a piece of a Dockerfile that remembers where it stood: lines joined
// by continuations, the bodies of heredocs, a script within quotes.
type text struct {
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

// pin makes a text whose every character is reported at one position.
func pin(s string, at source.Position) text {
	return text{whole: s, hi: len(s), pieces: []piece{{Position: at, pinned: true}}}
}

func (t text) String() string { return t.whole[t.lo:t.hi] }

// cut returns the part between two offsets.
func (t text) cut(from, to int) text {
	t.lo, t.hi = t.lo+from, t.lo+to
	return t
}

// builder puts a text together from pieces.
type builder struct {
	strings.Builder
	pieces []piece
}

// maxPiece keeps the counting of characters short on very long lines.
const maxPiece = 256

// add appends s, which stands at the position.
func (b *builder) add(s string, at source.Position) {
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

// addText appends a text with the positions of its pieces.
func (b *builder) addText(t text) {
	for i, p := range t.pieces {
		end := t.hi
		if i+1 < len(t.pieces) {
			end = min(end, t.pieces[i+1].at)
		}
		if start := max(p.at, t.lo); start < end {
			b.pieces = append(b.pieces, piece{b.Len(), t.position(start - t.lo), p.pinned})
			b.WriteString(t.whole[start:end])
		}
	}
}

func (b *builder) text() text {
	return text{whole: b.String(), hi: b.Len(), pieces: b.pieces}
}

// position returns where the character at an offset stands.
func (t text) position(offset int) source.Position {
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

// span returns the place between two offsets, the second one exclusive.
func (t text) span(file string, from, to int) source.Place {
	place := source.Place{File: file, Position: t.position(from)}
	if to <= from || place.Line == 0 {
		return place
	}
	// The end is one past the last character: the offset after it may already
	// belong to the next line.
	_, width := utf8.DecodeLastRuneInString(t.whole[t.lo : t.lo+to])
	last := t.position(to - width)
	if last == place.Position && to-width > from {
		return place // pinned: there is no more to know
	}
	place.EndLine, place.EndColumn = last.Line, last.Column+1
	return place
}

// lines are the physical lines of a file, with their ends.
type lines []string

func splitLines(content []byte) lines {
	var out lines
	for line := range strings.Lines(string(content)) {
		out = append(out, line)
	}
	return out
}

// last returns the number of the last line.
func (l lines) last() int { return max(len(l), 1) }

// bare returns a line without its end, and without a byte-order mark.
func (l lines) bare(number int) string {
	if number < 1 || number > len(l) {
		return ""
	}
	line := strings.TrimRight(l[number-1], "\r\n")
	if number == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	return line
}
