package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The layout of a hash table of Berkeley DB: pages of keys and values by turns.
// Headers are too long for a page, so that their values point at chains of
// overflow pages.
const (
	bdbMagic       = 0x061561
	bdbPageHeader  = 26
	bdbHashOld     = 2 // before 4.6
	bdbOverflow    = 7
	bdbHash        = 13
	bdbOffPage     = 3 // a value that stands on overflow pages
	bdbOffPageSize = 12
)

func readBDB(db *reader, each func([]byte) (bool, error)) error {
	meta, err := db.bytes(0, 72)
	if err != nil {
		return err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(meta[12:]) != bdbMagic {
		order = binary.BigEndian
	}
	page := int64(order.Uint32(meta[20:]))
	if page < 512 || page > 65536 || page&(page-1) != 0 || meta[24] != 0 {
		return fmt.Errorf("the database claims pages of %d bytes, or is encrypted: it is damaged", page)
	}
	last := min(int64(order.Uint32(meta[32:])), db.size/page-1)
	b := &bdb{reader: db, order: order, page: page, last: last, buf: make([]byte, page), seen: make([]bool, last+1)}
	table := make([]byte, page)
	for number := int64(0); number <= last; number++ {
		if err := db.read(table, number*page); err != nil {
			return err
		}
		if kind := table[25]; kind != bdbHash && kind != bdbHashOld {
			continue
		}
		if more, err := b.table(table, each); !more || err != nil {
			return err
		}
	}
	return nil
}

type bdb struct {
	*reader
	order binary.ByteOrder
	page  int64
	last  int64
	buf   []byte
	// seen are the pages of chains that were read: none is shared.
	seen []bool
}

// table reads the values of one page of the table.
func (b *bdb) table(table []byte, each func([]byte) (bool, error)) (bool, error) {
	entries := int(b.order.Uint16(table[20:]))
	if bdbPageHeader+2*entries > len(table) {
		return false, errTruncated
	}
	for i := 1; i < entries; i += 2 { // keys have even numbers
		at := int(b.order.Uint16(table[bdbPageHeader+2*i:]))
		if at+bdbOffPageSize > len(table) || table[at] != bdbOffPage {
			continue
		}
		first, length := b.order.Uint32(table[at+4:]), b.order.Uint32(table[at+8:])
		blob, err := b.chain(int64(first), int64(length))
		if err != nil {
			return false, err
		}
		if more, err := each(blob); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// chain puts together the value that begins on an overflow page.
func (b *bdb) chain(number, length int64) ([]byte, error) {
	if length > maxHeader || length > b.size {
		return nil, errTruncated
	}
	blob := make([]byte, 0, length)
	for number != 0 && int64(len(blob)) < length {
		if number > b.last || b.seen[number] {
			return nil, errors.New("a chain of pages of the database leads nowhere: it is damaged")
		}
		b.seen[number] = true
		if err := b.read(b.buf, number*b.page); err != nil {
			return nil, err
		}
		if b.buf[25] != bdbOverflow {
			return nil, fmt.Errorf("page %d of the database is no overflow page: it is damaged", number)
		}
		part := b.buf[bdbPageHeader:]
		blob = append(blob, part[:min(int64(len(part)), length-int64(len(blob)))]...)
		number = int64(b.order.Uint32(b.buf[16:]))
	}
	if int64(len(blob)) != length {
		return nil, errTruncated
	}
	return blob, nil
}
