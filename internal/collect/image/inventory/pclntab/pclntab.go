// Package pclntab reads which functions a Go program is made of, out of the
// table that its runtime keeps for stack traces. The table survives stripping,
// and it names functions that were inlined into others as well.
package pclntab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// The bounds. The names of the largest programs known take 60 MB.
const (
	maxNames = 256 << 20
	maxFuncs = 8 << 20
	maxName  = 64 << 10
	// chunk is how much is searched at a time.
	chunk = 1 << 20
)

// ErrNone says that there is no table of a known layout.
var ErrNone = errors.New("no table of functions of a known layout")

// The first words of the table by the version of Go that introduced its layout.
const (
	magic12  = 0xfffffffb
	magic116 = 0xfffffffa
	magic118 = 0xfffffff0
	magic120 = 0xfffffff1
)

// table is a table whose head has been read.
type table struct {
	r     io.ReaderAt // begins with the table
	size  int64
	order binary.ByteOrder
	magic uint32
	word  int64
}

// Names yields the names of all functions as the linker wrote them. The bytes
// are good until yield returns. r holds size bytes and begins with the table.
func Names(r io.ReaderAt, size int64, yield func(name []byte) bool) error {
	t, err := open(r, size)
	if err != nil {
		return err
	}
	if t.magic == magic12 {
		return t.scattered(yield)
	}
	// Since Go 1.16 the names stand behind each other, before the next table.
	first := int64(2)
	if t.magic != magic116 {
		first = 3
	}
	from, err := t.offset(first)
	if err != nil {
		return err
	}
	to, err := t.offset(first + 1)
	if err != nil {
		return err
	}
	if from <= 0 || to < from || to > size || to-from > maxNames {
		return ErrNone
	}
	names, err := t.bytes(from, to-from)
	if err != nil {
		return err
	}
	for len(names) > 0 {
		end := bytes.IndexByte(names, 0)
		if end < 0 {
			end = len(names)
		}
		if end > 0 && !yield(names[:end]) {
			return nil
		}
		names = names[min(end+1, len(names)):]
	}
	return nil
}

func open(r io.ReaderAt, size int64) (*table, error) {
	var head [8]byte
	if size < int64(len(head)) {
		return nil, ErrNone
	}
	if _, err := r.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	order, ok := isHead(head[:])
	if !ok {
		return nil, ErrNone
	}
	return &table{r, size, order, order.Uint32(head[:]), int64(head[7])}, nil
}

// isHead tells a table by its first eight bytes: the magic word, two zeros, the
// size of an instruction and that of a pointer.
func isHead(b []byte) (binary.ByteOrder, bool) {
	if b[4] != 0 || b[5] != 0 || b[6] != 1 && b[6] != 2 && b[6] != 4 || b[7] != 4 && b[7] != 8 {
		return nil, false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(b) {
		case magic12, magic116, magic118, magic120:
			return order, true
		}
	}
	return nil, false
}

// offset reads a word of the head.
func (t *table) offset(number int64) (int64, error) {
	b, err := t.bytes(8+number*t.word, t.word)
	if err != nil {
		return 0, err
	}
	return t.number(b)
}

func (t *table) number(b []byte) (int64, error) {
	if t.word == 4 {
		return int64(t.order.Uint32(b)), nil
	}
	n := t.order.Uint64(b)
	if n > 1<<40 {
		return 0, ErrNone
	}
	return int64(n), nil
}

func (t *table) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > t.size-n {
		return nil, ErrNone
	}
	if whole, ok := t.r.(interface{ Bytes() []byte }); ok {
		if b := whole.Bytes(); int64(len(b)) >= at+n {
			return b[at : at+n], nil
		}
	}
	b := make([]byte, n)
	read, err := t.r.ReadAt(b, at)
	if int64(read) == n {
		return b, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

// scattered reads the layout of Go 1.2 to 1.15: a table of functions, each entry
// of which points at a record that points at the name.
func (t *table) scattered(yield func([]byte) bool) error {
	count, err := t.offset(0)
	if err != nil {
		return err
	}
	if count <= 0 || count > maxFuncs {
		return ErrNone
	}
	entries, err := t.bytes(8+t.word, count*2*t.word)
	if err != nil {
		return err
	}
	for ; len(entries) > 0; entries = entries[2*t.word:] {
		record, err := t.number(entries[t.word:])
		if err != nil {
			return err
		}
		field, err := t.bytes(record+t.word, 4)
		if err != nil {
			return err
		}
		at := int64(t.order.Uint32(field))
		name, err := t.bytes(at, max(0, min(maxName, t.size-at)))
		if err != nil {
			return err
		}
		end := bytes.IndexByte(name, 0)
		if end < 0 {
			return ErrNone
		}
		if end > 0 && !yield(name[:end]) {
			return nil
		}
	}
	return nil
}

// Find looks for a table between two offsets, for programs without sections: it
// returns where it begins, or -1. Only tables of little-endian machines are
// found.
func Find(r io.ReaderAt, from, to int64) (int64, error) {
	const align = 8 // at least: the linker aligns it by the pointer's size
	buf := make([]byte, chunk+align)
	for at := from &^ (align - 1); at < to; at += chunk {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
		if err != nil && err != io.EOF {
			return -1, err
		}
		// All magic words end like this, and few other things do.
		for piece := buf[:n]; ; {
			i := bytes.Index(piece, []byte{0xff, 0xff, 0xff, 0, 0})
			if i < 0 {
				break
			}
			start := n - len(piece) + i - 1
			piece = piece[i+1:]
			if start < 0 || start%4 != 0 || start+8 > n {
				continue
			}
			if _, ok := isHead(buf[start:]); ok {
				if _, err := open(io.NewSectionReader(r, at+int64(start), to-at-int64(start)), to-at-int64(start)); err == nil {
					return at + int64(start), nil
				}
			}
		}
		if n < len(buf) {
			break
		}
	}
	return -1, nil
}
