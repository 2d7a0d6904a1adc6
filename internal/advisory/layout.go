package advisory

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// A file of the database is a header of fixed size and a body. All numbers are
// little endian; docs/advisories.md has the layout for those who write readers.
//
//	pack:  header | labels | words | buckets | entries | heads | groups
//	table: header | labels | values
//
// What lies before the heads is covered by one checksum, which is checked when
// the file is opened. Each head and each group has its own, checked when read.
const (
	magic      = "HFADVIS1"
	headerSize = 128
	packSuffix = ".pack"

	kindPack      = 1
	kindExploited = 2
	kindEPSS      = 3

	flagComplete = 1

	entrySize = 12 // hash of the name, offset and length of its group
	valueSize = 8  // of a table
)

// maxFile is the size over which no file of the database is opened: offsets are
// 32 bits wide.
const maxFile = math.MaxUint32

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// span is a part of a file.
type span struct{ start, end uint32 }

func (s span) len() int { return int(s.end - s.start) }

// header is the beginning of a file of the database.
type header struct {
	kind, flags   uint32
	size          uint64
	date, checked int64 // seconds since 1970, 0 is none
	count         uint32
	names         uint32 // entries of a pack, values of a table
	bits          uint32 // of a hash that choose its bucket
	// The parts follow each other without gaps.
	meta, words, buckets, entries, heads, groups span
	body                                         uint32 // checksum of all that follows the header
	index                                        uint32 // checksum of what lies between header and heads
}

// fields are the numbers of a header in their order, behind the magic.
func (h *header) fields() []any {
	return []any{&h.kind, &h.flags, &h.size, &h.date, &h.checked, &h.count, &h.names, &h.bits,
		&h.meta.end, &h.words.end, &h.buckets.end, &h.entries.end, &h.heads.end, &h.body, &h.index}
}

// encode writes the header; its parts have to be laid out.
func (h *header) encode() []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	for _, f := range h.fields() {
		switch f := f.(type) {
		case *uint32:
			b = binary.LittleEndian.AppendUint32(b, *f)
		case *uint64:
			b = binary.LittleEndian.AppendUint64(b, *f)
		case *int64:
			b = binary.LittleEndian.AppendUint64(b, uint64(*f))
		}
	}
	b = append(b, make([]byte, headerSize-4-len(b))...)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// readHeader reads the header of a file and checks that its parts lie in it, one
// behind the other.
func readHeader(data []byte) (h header, err error) {
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return h, fmt.Errorf("this is no file of an advisory database that this version can read")
	}
	if checksum(data[:headerSize-4]) != binary.LittleEndian.Uint32(data[headerSize-4:]) {
		return h, errDamaged
	}
	at := len(magic)
	for _, f := range h.fields() {
		switch f := f.(type) {
		case *uint32:
			*f = binary.LittleEndian.Uint32(data[at:])
			at += 4
		case *uint64:
			*f = binary.LittleEndian.Uint64(data[at:])
			at += 8
		case *int64:
			*f = int64(binary.LittleEndian.Uint64(data[at:]))
			at += 8
		}
	}
	if h.size != uint64(len(data)) || h.size > maxFile {
		return h, fmt.Errorf("%w: it has %d bytes and says %d", errDamaged, len(data), h.size)
	}
	previous := uint32(headerSize)
	h.groups.end = uint32(h.size)
	for _, s := range []*span{&h.meta, &h.words, &h.buckets, &h.entries, &h.heads, &h.groups} {
		s.start = previous
		if s.end < s.start || uint64(s.end) > h.size {
			return h, errDamaged
		}
		previous = s.end
	}
	if !h.fits() {
		return h, errDamaged
	}
	return h, nil
}

// fits says whether the parts have the sizes that the counts ask for.
func (h *header) fits() bool {
	switch h.kind {
	case kindPack:
		return h.bits <= 28 && h.buckets.len() == 4*(1<<h.bits+1) && uint64(h.entries.len()) == entrySize*uint64(h.names)
	case kindExploited, kindEPSS:
		return uint64(h.groups.len()) == valueSize*uint64(h.names) && h.heads.len()+h.entries.len()+h.buckets.len()+h.words.len() == 0
	}
	return false
}

// seal lays out the parts of a file in their order and puts the header before
// them.
func (h *header) seal(meta, words, buckets, entries, heads, groups []byte) ([]byte, error) {
	size := headerSize + len(meta) + len(words) + len(buckets) + len(entries) + len(heads) + len(groups)
	if int64(size) > maxFile {
		return nil, fmt.Errorf("the pack would have %d bytes, more than %d", size, int64(maxFile))
	}
	file := make([]byte, headerSize, size)
	for _, part := range []struct {
		span  *span
		bytes []byte
	}{{&h.meta, meta}, {&h.words, words}, {&h.buckets, buckets}, {&h.entries, entries}, {&h.heads, heads}, {&h.groups, groups}} {
		part.span.start = uint32(len(file))
		file = append(file, part.bytes...)
		part.span.end = uint32(len(file))
	}
	h.size = uint64(size)
	h.body, h.index = checksum(file[headerSize:]), checksum(file[headerSize:h.heads.start])
	copy(file, h.encode())
	return file, nil
}

// seconds and moment convert times of headers.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func moment(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// labels are the names that a pack carries.
type labels struct {
	ecosystem, source, etag string
	releases                []string
}

func (m *labels) encode() []byte {
	b := appendText(nil, m.ecosystem)
	b = appendText(b, m.source)
	b = appendText(b, m.etag)
	return appendTexts(b, m.releases)
}

func readLabels(data []byte) (m labels, err error) {
	c := cursor{text: string(data)}
	m = labels{c.string(), c.string(), c.string(), c.strings(&arena{})}
	if c.bad || c.at != len(c.text) {
		return m, errDamaged
	}
	return m, nil
}

// appendText and appendTexts write what cursor.string and cursor.strings read.
func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, text := range texts {
		b = appendText(b, text)
	}
	return b
}

// cursor reads values from a text one after the other. What does not lie within
// it sets bad, and everything after that is empty: callers ask once, at the end.
// Strings that it returns share the memory of the text.
type cursor struct {
	text string
	at   int
	bad  bool
}

func (c *cursor) byte() byte {
	if c.at >= len(c.text) {
		c.bad = true
		return 0
	}
	c.at++
	return c.text[c.at-1]
}

func (c *cursor) uint() uint64 {
	if c.at < len(c.text) && c.text[c.at] < 0x80 { // as most are
		c.at++
		return uint64(c.text[c.at-1])
	}
	var value uint64
	for shift := 0; shift < 64; shift += 7 {
		b := c.byte()
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return value
		}
	}
	c.bad = true
	return 0
}

// count reads how many elements follow. Each takes at least one byte, so there
// are no more than bytes left, and what is made for them is bounded by the file.
func (c *cursor) count() int {
	n := c.uint()
	if n > uint64(len(c.text)-c.at) {
		c.bad = true
	}
	if c.bad {
		return 0
	}
	return int(n)
}

func (c *cursor) string() string {
	n := c.count()
	c.at += n
	return c.text[c.at-n : c.at]
}

func (c *cursor) strings(m *arena) []string {
	n := c.count()
	if n == 0 {
		return nil
	}
	out := take(m, &m.strings, n)
	for i := range out {
		out[i] = c.string()
	}
	return out
}

// done says that everything was read, and nothing beyond it.
func (c *cursor) done() bool { return !c.bad && c.at == len(c.text) }

// part cuts the next part, which is preceded by its length, off.
func (c *cursor) part() cursor { return cursor{text: c.string(), bad: c.bad} }
