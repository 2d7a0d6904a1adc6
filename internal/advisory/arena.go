package advisory

import "strings"

// arena is the memory of one look-up: its texts and lists lie in a few large
// pieces instead of many small ones. What was handed out is never written again.
type arena struct {
	// records is how many records are expected, for the size of pieces.
	records int
	text    strings.Builder
	strings []string
	ranges  []Range
	events  []Event
	imports []Import
}

// maxPiece bounds the size of pieces that are made ahead.
const maxPiece = 1024

// expect prepares for a number of records.
func (m *arena) expect(records int) {
	m.records = min(records, maxPiece)
	m.text.Grow(m.records * 256)
}

// keep copies bytes of the file, which may be gone later.
func (m *arena) keep(b []byte) string {
	m.text.Write(b)
	return m.text.String()[m.text.Len()-len(b):]
}

// join puts two texts together.
func (m *arena) join(a, b string) string {
	m.text.WriteString(a)
	m.text.WriteString(b)
	return m.text.String()[m.text.Len()-len(a)-len(b):]
}

// take cuts n elements off a piece, or off a new one of the given size.
func take[T any](piece *[]T, n, size int) []T {
	if len(*piece) < n {
		*piece = make([]T, max(n, size))
	}
	out := (*piece)[:n:n]
	*piece = (*piece)[n:]
	return out
}
