package advisory

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"time"

	"github.com/klauspost/compress/flate"
)

// The reader of zip archives here goes through the directory of an archive once
// and keeps nothing: one of all advisories has hundreds of thousands of entries,
// and archive/zip would hold each of them in memory. Names of entries lead
// nowhere: nothing is unpacked to disk.

// Bounds of an archive.
const (
	maxEntry   = 32 << 20 // unpacked size of one advisory
	maxEntries = 4 << 20
	maxRatio   = 200 // unpacked size of all entries to the size of the archive
	minUnpack  = 64 << 20
)

// zipEntry is an entry of an archive's directory.
type zipEntry struct {
	name          string
	method, flags uint16
	crc           uint32
	packed, size  uint64
	at            int64 // of its local header
	changed       time.Time
}

var errZip = errors.New("this is no zip archive that can be read")

// zipEntries yields the entries of an archive in the order of its directory.
func zipEntries(r io.ReaderAt, size int64) iter.Seq2[zipEntry, error] {
	return func(yield func(zipEntry, error) bool) {
		start, length, base, err := zipDirectory(r, size)
		if err != nil {
			yield(zipEntry{}, err)
			return
		}
		in := bufio.NewReaderSize(io.NewSectionReader(r, start, length), 64<<10)
		total := int64(0)
		for n := 0; ; n++ {
			e, err := readZipEntry(in)
			if err == io.EOF {
				return
			}
			e.at += base
			total += int64(min(e.size, maxEntry))
			switch {
			case err != nil:
			case n == maxEntries:
				err = fmt.Errorf("the archive has more than %d entries", maxEntries)
			case total > max(minUnpack, maxRatio*size):
				err = fmt.Errorf("the archive unpacks to more than %d times its size", maxRatio)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// zipDirectory finds the directory of an archive; offsets in it count from base.
func zipDirectory(r io.ReaderAt, size int64) (start, length, base int64, err error) {
	const endSize, maxComment = 22, 1 << 16
	tail := make([]byte, min(size, endSize+maxComment))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return 0, 0, 0, err
	}
	// The end is followed by a comment that fills the file.
	i := len(tail)
	for found := false; !found; {
		if i = bytes.LastIndex(tail[:i], []byte("PK\x05\x06")); i < 0 {
			return 0, 0, 0, errZip
		}
		found = len(tail)-i >= endSize && len(tail)-i == endSize+int(binary.LittleEndian.Uint16(tail[i+20:]))
	}
	end := size - int64(len(tail)) + int64(i)
	length, start = int64(binary.LittleEndian.Uint32(tail[i+12:])), int64(binary.LittleEndian.Uint32(tail[i+16:]))
	if start == 1<<32-1 || length == 1<<32-1 || binary.LittleEndian.Uint16(tail[i+10:]) == 1<<16-1 {
		if at, s, l, ok := zip64Directory(r, end); ok {
			end, start, length = at, s, l
		}
	}
	// What stands before the archive in the file shifts its offsets.
	base = end - length - start
	if length < 0 || start < 0 || base < 0 || length > end {
		return 0, 0, 0, errZip
	}
	return base + start, length, base, nil
}

// zip64Directory finds the directory of an archive with very many entries.
func zip64Directory(r io.ReaderAt, end int64) (at, start, length int64, ok bool) {
	var locator [20]byte
	var record [56]byte
	if end < int64(len(locator)) {
		return 0, 0, 0, false
	}
	if _, err := r.ReadAt(locator[:], end-int64(len(locator))); err != nil || string(locator[:4]) != "PK\x06\x07" {
		return 0, 0, 0, false
	}
	at = int64(binary.LittleEndian.Uint64(locator[8:]))
	if at < 0 || at > end-int64(len(locator)) {
		return 0, 0, 0, false
	}
	if _, err := r.ReadAt(record[:], at); err != nil || string(record[:4]) != "PK\x06\x06" {
		return 0, 0, 0, false
	}
	length, start = int64(binary.LittleEndian.Uint64(record[40:])), int64(binary.LittleEndian.Uint64(record[48:]))
	return at, start, length, length >= 0 && start >= 0 && length <= at && start <= at
}

// readZipEntry reads the next entry of the directory; io.EOF is its end.
func readZipEntry(in *bufio.Reader) (e zipEntry, err error) {
	var h [46]byte
	if n, err := io.ReadFull(in, h[:]); err != nil {
		if n == 0 {
			return e, io.EOF
		}
		return e, errZip
	}
	if string(h[:4]) != "PK\x01\x02" {
		return e, errZip
	}
	le := binary.LittleEndian
	e.flags, e.method, e.crc = le.Uint16(h[8:]), le.Uint16(h[10:]), le.Uint32(h[16:])
	e.packed, e.size, e.at = uint64(le.Uint32(h[20:])), uint64(le.Uint32(h[24:])), int64(le.Uint32(h[42:]))
	e.changed = zipTime(le.Uint16(h[14:]), le.Uint16(h[12:]))
	name, extra := int(le.Uint16(h[28:])), int(le.Uint16(h[30:]))
	text := make([]byte, name+extra)
	if _, err := io.ReadFull(in, text); err != nil {
		return e, errZip
	}
	e.name = string(text[:name])
	e.zip64(text[name:])
	if _, err := in.Discard(int(le.Uint16(h[32:]))); err != nil {
		return e, errZip
	}
	return e, nil
}

// zipTime reads a time of an archive, which knows no zone; what is none is the
// zero time.
func zipTime(day, clock uint16) time.Time {
	t := time.Date(1980+int(day>>9), time.Month(day>>5&15), int(day&31), int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
	if day == 0 || t.Month() != time.Month(day>>5&15) {
		return time.Time{}
	}
	return t
}

// zip64 takes from the extra fields what does not fit into 32 bits, or what the
// writer thought might not.
func (e *zipEntry) zip64(extra []byte) {
	le := binary.LittleEndian
	for len(extra) >= 4 {
		id, size := le.Uint16(extra), int(le.Uint16(extra[2:]))
		if extra = extra[4:]; size > len(extra) {
			return
		}
		values := extra[:size]
		extra = extra[size:]
		at := uint64(e.at)
		for _, field := range []*uint64{&e.size, &e.packed, &at} {
			if id == 1 && *field == 1<<32-1 && len(values) >= 8 {
				*field, values = le.Uint64(values), values[8:]
			}
		}
		e.at = int64(at)
	}
}

// unzipper unpacks entries, one after the other, into memory that it uses again.
type unzipper struct {
	packed, data []byte
	from         bytes.Reader
	inflate      io.ReadCloser
}

// read returns the content of an entry, until the next call.
func (u *unzipper) read(r io.ReaderAt, e zipEntry) ([]byte, error) {
	switch {
	case e.flags&1 != 0:
		return nil, errors.New("it is encrypted")
	case e.method != 0 && e.method != 8:
		return nil, fmt.Errorf("it is compressed in a way (%d) that is not supported", e.method)
	case e.size > maxEntry || e.packed > maxEntry:
		return nil, fmt.Errorf("it unpacks to more than %d MiB", maxEntry>>20)
	}
	var h [30]byte
	if _, err := r.ReadAt(h[:], e.at); err != nil || string(h[:4]) != "PK\x03\x04" {
		return nil, errZip
	}
	start := e.at + 30 + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
	u.packed = grow(u.packed, int(e.packed))
	if n, _ := r.ReadAt(u.packed, start); n < len(u.packed) {
		return nil, errZip
	}
	data := u.packed
	if e.method == 8 {
		var err error
		if data, err = u.unpack(int(e.size)); err != nil {
			return nil, err
		}
	}
	if uint64(len(data)) != e.size || crc32.ChecksumIEEE(data) != e.crc {
		return nil, errors.New("its checksum is wrong")
	}
	return data, nil
}

// unpack inflates what was read to the size that the directory tells.
func (u *unzipper) unpack(size int) ([]byte, error) {
	u.from.Reset(u.packed)
	if u.inflate == nil {
		u.inflate = flate.NewReader(&u.from)
	} else if err := u.inflate.(flate.Resetter).Reset(&u.from, nil); err != nil {
		return nil, err
	}
	u.data = grow(u.data, size)
	if _, err := io.ReadFull(u.inflate, u.data); err != nil {
		return nil, errors.New("its data is damaged")
	}
	var more [1]byte
	if n, err := u.inflate.Read(more[:]); n > 0 || err != io.EOF {
		return nil, errors.New("it unpacks to more than it says")
	}
	return u.data, nil
}

// grow returns n bytes, those of b if it has as many.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, n+n/4)
	}
	return b[:n]
}
