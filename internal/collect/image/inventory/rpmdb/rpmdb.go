// Package rpmdb reads the package databases of rpm out of a byte range, without
// a file system and without the libraries that wrote them: SQLite (since 2020),
// ndb (SUSE) and the hash tables of Berkeley DB (before 2020). It reads only what
// an inventory needs and bounds all that it follows.
package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The bounds. Headers of the largest packages, those of kernels and of TeX, have
// some megabytes.
const (
	maxHeaders = 100_000
	maxHeader  = 64 << 20
)

var errTruncated = errors.New("the database ends in the middle of a record")

// Read hands over the header of each installed package. It stops when yield
// returns false. After an error what was handed over still holds.
func Read(r io.ReaderAt, size int64, yield func(*Header) bool) error {
	count, total := 0, int64(0)
	each := func(blob []byte) (bool, error) {
		if count++; count > maxHeaders {
			return false, fmt.Errorf("the database has more than %d packages: the others are left out", maxHeaders)
		}
		if total += int64(len(blob)); total > size { // records share no bytes
			return false, errors.New("the records of the database are longer than the database: it is damaged")
		}
		h, err := ParseHeader(blob)
		if err != nil {
			return false, fmt.Errorf("package %d of the database: %w", count, err)
		}
		return yield(h), nil
	}
	db := &reader{r: r, size: size}
	start, err := db.bytes(0, min(64, size))
	if err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(start, []byte("SQLite format 3\x00")):
		return readSQLite(db, each)
	case bytes.HasPrefix(start, []byte("RpmP")):
		return readNDB(db, each)
	case len(start) >= 26 && (binary.LittleEndian.Uint32(start[12:]) == bdbMagic || binary.BigEndian.Uint32(start[12:]) == bdbMagic):
		return readBDB(db, each)
	}
	return errors.New("this is no database of rpm: neither SQLite, nor ndb, nor a hash table of Berkeley DB")
}

// reader reads byte ranges and nothing beyond the end.
type reader struct {
	r    io.ReaderAt
	size int64
}

func (r *reader) bytes(at, n int64) ([]byte, error) {
	b := make([]byte, max(0, min(n, r.size-at)))
	if int64(len(b)) != n {
		return nil, errTruncated
	}
	return b, r.read(b, at)
}

func (r *reader) read(b []byte, at int64) error {
	if at < 0 || at > r.size-int64(len(b)) {
		return errTruncated
	}
	n, err := r.r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = errTruncated
	}
	return err
}
