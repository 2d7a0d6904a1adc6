package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// The pages of a table's b-tree.
const (
	sqliteInterior = 5
	sqliteLeaf     = 13
	maxTreeDepth   = 20
)

// readSQLite reads the column "blob" of the table "Packages". What a log beside
// the file may hold is not looked at: rpm writes it back when it closes.
func readSQLite(db *reader, each func([]byte) (bool, error)) error {
	head, err := db.bytes(0, 100)
	if err != nil {
		return err
	}
	page := int64(binary.BigEndian.Uint16(head[16:]))
	if page == 1 {
		page = 65536
	}
	if page < 512 || page&(page-1) != 0 {
		return fmt.Errorf("the database claims pages of %d bytes: it is damaged", page)
	}
	s := &sqlite{reader: db, page: page, usable: page - int64(head[20]), left: 2 * (db.size/page + 1)}
	if s.usable < 480 {
		return errors.New("the database reserves its pages: it is damaged")
	}
	root := int64(0)
	_, err = s.walk(1, 0, func(record []byte) (bool, error) {
		columns, err := columnsOf(record)
		if err != nil || len(columns) < 4 {
			return err == nil, err
		}
		if string(columns[0]) == "table" && strings.EqualFold(string(columns[1]), "packages") {
			root = integer(columns[3])
		}
		return root == 0, nil
	})
	if err != nil {
		return err
	}
	if root == 0 {
		return errors.New("the database has no table of packages")
	}
	_, err = s.walk(root, 0, func(record []byte) (bool, error) {
		columns, err := columnsOf(record)
		if err != nil {
			return false, err
		}
		if len(columns) < 2 {
			return false, errors.New("a row of the table of packages has no header")
		}
		return each(columns[1])
	})
	return err
}

type sqlite struct {
	*reader
	page   int64
	usable int64
	// left is how many pages may still be read: the trees share none.
	left int64
}

func (s *sqlite) load(number int64) ([]byte, error) {
	if s.left--; s.left < 0 {
		return nil, errors.New("the pages of the database form a circle: it is damaged")
	}
	if number < 1 || number > s.size/s.page {
		return nil, fmt.Errorf("the database refers to page %d, which it does not have: it is damaged", number)
	}
	return s.bytes((number-1)*s.page, s.page)
}

// walk yields the records of a table's tree in order.
func (s *sqlite) walk(number int64, depth int, yield func(record []byte) (bool, error)) (bool, error) {
	if depth > maxTreeDepth {
		return false, errors.New("a tree of the database is too deep: it is damaged")
	}
	page, err := s.load(number)
	if err != nil {
		return false, err
	}
	head := page
	if number == 1 {
		head = page[100:]
	}
	cells, start := int(binary.BigEndian.Uint16(head[3:])), 8
	if head[0] == sqliteInterior {
		start = 12
	} else if head[0] != sqliteLeaf {
		return false, fmt.Errorf("page %d of the database belongs to no table: it is damaged", number)
	}
	if start+2*cells > len(head) {
		return false, errTruncated
	}
	for i := range cells {
		at := int(binary.BigEndian.Uint16(head[start+2*i:]))
		if at+4 > len(page) {
			return false, errTruncated
		}
		var more bool
		if head[0] == sqliteInterior {
			more, err = s.walk(int64(binary.BigEndian.Uint32(page[at:])), depth+1, yield)
		} else {
			more, err = s.cell(page[at:], yield)
		}
		if !more || err != nil {
			return false, err
		}
	}
	if head[0] == sqliteInterior {
		return s.walk(int64(binary.BigEndian.Uint32(head[8:])), depth+1, yield)
	}
	return true, nil
}

// cell yields the record of a leaf's cell, put together with what stands on
// overflow pages.
func (s *sqlite) cell(cell []byte, yield func([]byte) (bool, error)) (bool, error) {
	length, cell, ok := varint(cell)
	if !ok || length > maxHeader || int64(length) > s.size {
		return false, errTruncated
	}
	if _, cell, ok = varint(cell); !ok { // the row's number
		return false, errTruncated
	}
	total := int64(length)
	local := s.local(total)
	if local == total {
		if int64(len(cell)) < total {
			return false, errTruncated
		}
		return yield(cell[:total])
	}
	if int64(len(cell)) < local+4 {
		return false, errTruncated
	}
	record := append(make([]byte, 0, total), cell[:local]...)
	for next := int64(binary.BigEndian.Uint32(cell[local:])); int64(len(record)) < total; {
		page, err := s.load(next)
		if err != nil {
			return false, err
		}
		next = int64(binary.BigEndian.Uint32(page))
		record = append(record, page[4:min(s.usable, 4+total-int64(len(record)))]...)
	}
	return yield(record)
}

// local is how much of a record stands in its leaf, by the rule of the format.
func (s *sqlite) local(total int64) int64 {
	most := s.usable - 35
	if total <= most {
		return total
	}
	least := (s.usable-12)*32/255 - 23
	k := least + (total-least)%(s.usable-4)
	if k <= most {
		return k
	}
	return least
}

// columnsOf splits a record by the types in its head.
func columnsOf(record []byte) ([][]byte, error) {
	length, rest, ok := varint(record)
	if !ok || length > uint64(len(record)) || int(length) < len(record)-len(rest) {
		return nil, errTruncated
	}
	types, body := rest[:int(length)-(len(record)-len(rest))], record[length:]
	var columns [][]byte
	for len(types) > 0 && len(columns) < 64 {
		var kind uint64
		if kind, types, ok = varint(types); !ok {
			return nil, errTruncated
		}
		n := columnSize(kind)
		if n > uint64(len(body)) {
			return nil, errTruncated
		}
		columns = append(columns, body[:n:n])
		body = body[n:]
	}
	return columns, nil
}

func columnSize(kind uint64) uint64 {
	switch {
	case kind >= 12:
		return (kind - 12) / 2
	case kind <= 4:
		return kind
	case kind == 5:
		return 6
	case kind <= 7:
		return 8
	}
	return 0
}

func integer(column []byte) int64 {
	value := int64(0)
	for _, b := range column[:min(len(column), 8)] {
		value = value<<8 | int64(b)
	}
	return value
}

// varint reads a number of up to nine bytes, the highest bits first.
func varint(b []byte) (uint64, []byte, bool) {
	value := uint64(0)
	for i := range min(len(b), 9) {
		if i == 8 {
			return value<<8 | uint64(b[i]), b[9:], true
		}
		value = value<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return value, b[i+1:], true
		}
	}
	return 0, nil, false
}
