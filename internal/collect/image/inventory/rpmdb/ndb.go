package rpmdb

import (
	"encoding/binary"
	"fmt"
)

// The layout of ndb: pages of slots, each of which points at a run of blocks
// that holds a header. The first two slots are the head of the file.
const (
	ndbSlot     = 16
	ndbBlock    = 16
	ndbPage     = 4096
	maxNDBPages = 4096
)

func readNDB(db *reader, each func([]byte) (bool, error)) error {
	head, err := db.bytes(0, 32)
	if err != nil {
		return err
	}
	pages := binary.LittleEndian.Uint32(head[12:])
	if pages == 0 || pages > maxNDBPages {
		return fmt.Errorf("the database claims %d pages of slots: it is damaged", pages)
	}
	slots, err := db.bytes(0, int64(pages)*ndbPage)
	if err != nil {
		return err
	}
	for slots = slots[2*ndbSlot:]; len(slots) > 0; slots = slots[ndbSlot:] {
		number := binary.LittleEndian.Uint32(slots[4:])
		if string(slots[:4]) != "Slot" || number == 0 { // free
			continue
		}
		at := int64(binary.LittleEndian.Uint32(slots[8:])) * ndbBlock
		blob, err := db.bytes(at, 16)
		if err != nil {
			return err
		}
		length := binary.LittleEndian.Uint32(blob[12:])
		if string(blob[:4]) != "BlbS" || binary.LittleEndian.Uint32(blob[4:]) != number || length > maxHeader {
			return fmt.Errorf("the slot of package %d points at something else: the database is damaged", number)
		}
		if blob, err = db.bytes(at+16, int64(length)); err != nil {
			return err
		}
		if more, err := each(blob); !more || err != nil {
			return err
		}
	}
	return nil
}
