package pclntab

import (
	"bytes"
	"encoding/binary"
)

// headSize is how many bytes tell where the names of a table stand.
const headSize = 8 + 8*8

// Stream reads the names of a table while a program passes by piece by piece.
// Tables before Go 1.16, whose names are scattered, and those of big-endian
// machines are not found.
type Stream struct {
	// size is that of the program.
	size int64
	// next and end are the rest of the names, once the table was found.
	next, end int64
	found     bool
	failed    bool
	carry     []byte // the beginning of a name that the last piece ended in
}

// NewStream makes a reader for a program of a size.
func NewStream(size int64) *Stream { return &Stream{size: size} }

// Overlap is how many bytes of a piece the next one has to begin with.
const Overlap = headSize

// Next reads a piece that begins at an offset of the program. It yields the
// names in it, which are good until yield returns, and reports whether more
// may come.
func (s *Stream) Next(piece []byte, offset int64, yield func(name []byte) bool) bool {
	if !s.found {
		s.search(piece, offset)
	}
	if !s.found || s.next >= s.end || s.failed {
		return !s.Done()
	}
	from := s.next - offset
	if from < 0 || from >= int64(len(piece)) {
		return true
	}
	names := piece[from:min(int64(len(piece)), s.end-offset)]
	s.next += int64(len(names))
	for len(names) > 0 {
		end := bytes.IndexByte(names, 0)
		if end < 0 {
			if s.carry = append(s.carry, names...); len(s.carry) > maxName {
				s.failed = true
			}
			break
		}
		name := names[:end]
		if len(s.carry) > 0 {
			s.carry = append(s.carry, name...)
			name = s.carry
		}
		if len(name) > 0 && !yield(name) {
			s.failed = true
			return false
		}
		s.carry, names = s.carry[:0], names[end+1:]
	}
	return !s.Done()
}

// Done reports whether all names were yielded, or none will be any more.
func (s *Stream) Done() bool { return s.failed || s.found && s.next >= s.end }

// Complete reports whether a table was found and all its names were yielded.
func (s *Stream) Complete() bool { return s.found && !s.failed && s.next >= s.end }

// search looks for a table that begins in the piece.
func (s *Stream) search(piece []byte, offset int64) {
	for at := 0; ; {
		i := bytes.Index(piece[at:], []byte{0xff, 0xff, 0xff, 0, 0})
		if i < 0 {
			return
		}
		start := at + i - 1
		at += i + 1
		if start < 0 || (offset+int64(start))%4 != 0 || start+headSize > len(piece) {
			continue
		}
		if from, to, ok := namesOf(piece[start:start+headSize], s.size-offset-int64(start)); ok {
			s.found = true
			s.next, s.end = offset+int64(start)+from, offset+int64(start)+to
			return
		}
	}
}

// namesOf reads where the names stand in a table that has size bytes at most.
// They follow the head at once, which tells tables from what looks like one.
func namesOf(head []byte, size int64) (from, to int64, ok bool) {
	order, ok := isHead(head)
	if !ok || order != binary.LittleEndian {
		return 0, 0, false
	}
	word, words, first := int64(head[7]), int64(8), int64(3)
	switch order.Uint32(head) {
	case magic12:
		return 0, 0, false
	case magic116:
		words, first = 7, 2
	}
	read := func(i int64) int64 {
		field := head[8+i*word:]
		if word == 4 {
			return int64(order.Uint32(field))
		}
		return int64(order.Uint64(field))
	}
	from, to = read(first), read(first+1)
	return from, to, from >= 8+words*word && from <= 8+words*word+64 && to > from && to <= size && to-from <= maxNames
}
