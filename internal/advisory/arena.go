package advisory

import "strings"

// arena is the memory of look-ups: their texts and lists lie in a few large pieces
// instead of many small ones. What was handed out is never written again. The zero
// arena gives each its own memory.
type arena struct {
	// piece is how many elements a piece has.
	piece      int
	text       *strings.Builder
	strings    []string
	ranges     []Range
	events     []Event
	advisories []Advisory
}

// textSize is the size of pieces of text by that of others.
const textSize = 128

// keep copies bytes of the file, which may be gone later.
func (m *arena) keep(b []byte) string {
	size := m.piece * textSize
	if len(b) > size/4 {
		return string(b)
	}
	if m.text == nil || m.text.Cap()-m.text.Len() < len(b) {
		m.text = &strings.Builder{}
		m.text.Grow(size)
	}
	m.text.Write(b)
	return m.text.String()[m.text.Len()-len(b):]
}

// take cuts n elements off a piece, or off a new one.
func take[T any](m *arena, piece *[]T, n int) []T {
	if n > m.piece/4 {
		return make([]T, n)
	}
	if len(*piece) < n {
		*piece = make([]T, m.piece)
	}
	out := (*piece)[:n:n]
	*piece = (*piece)[n:]
	return out
}
