package advisory

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The tables of the database, and their files.
const (
	KEV  = "kev"  // what CISA lists as exploited in the wild
	EPSS = "epss" // how probable exploitation is within 30 days
)

const tableSuffix = ".table"

// A value of a table is a CVE id, as year and number, and for EPSS the
// probability in millionths behind it. Tables are sorted by value.
const (
	scoreBits  = 20
	scoreUnit  = 1e6
	numberBits = 36
	firstYear  = 1990
)

// cveKey makes a number of a CVE id.
func cveKey(id string) (key uint64, ok bool) {
	rest, ok := strings.CutPrefix(id, "CVE-")
	year, number, ok2 := strings.Cut(rest, "-")
	if !ok || !ok2 || len(year) != 4 || len(number) < 4 || len(number) > 10 || digits(year) != year || digits(number) != number {
		return 0, false
	}
	y, _ := strconv.Atoi(year)
	n, _ := strconv.ParseUint(number, 10, 64)
	if y < firstYear || y > firstYear+255 {
		return 0, false
	}
	return uint64(y-firstYear)<<numberBits | n, true
}

// table is a mapped table.
type table struct {
	file string
	data []byte
	header
	labels
}

// openTable maps a table and checks its checksum: it is small, and what asks it
// has no way to learn of damage.
func openTable(file string, kind uint32) (*table, error) {
	data, err := mapFile(file)
	if err != nil {
		return nil, err
	}
	t, err := readTable(file, data, kind)
	if err != nil {
		unmap(data)
		return nil, err
	}
	return t, nil
}

func readTable(file string, data []byte, kind uint32) (t *table, err error) {
	defer guard(file, &err)()
	h, err := readHeader(data)
	if err == nil && (h.kind != kind || checksum(data[headerSize:]) != h.body) {
		err = errDamaged
	}
	var l labels
	if err == nil {
		l, err = readLabels(data[h.meta.start:h.meta.end])
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return &table{file, data, h, l}, nil
}

// sorted says whether the table is: one from elsewhere is asked when it comes.
func (t *table) sorted() bool {
	for i := uint32(1); i < t.names; i++ {
		if t.value(i-1)>>scoreBits >= t.value(i)>>scoreBits {
			return false
		}
	}
	return true
}

func (t *table) value(i uint32) uint64 {
	return binary.LittleEndian.Uint64(t.data[t.groups.start+valueSize*i:])
}

// find returns the value of a CVE. No table is an empty one.
func (t *table) find(cve string) (score uint64, ok bool) {
	key, ok := cveKey(cve)
	if !ok || t == nil {
		return 0, false
	}
	var err error
	defer guard(t.file, &err)()
	low, high := uint32(0), t.names
	for low < high {
		middle := low + (high-low)/2
		if t.value(middle)>>scoreBits < key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == t.names || t.value(low)>>scoreBits != key {
		return 0, false
	}
	return t.value(low) & (1<<scoreBits - 1), true
}

// encodeTable writes a table of values in any order.
func encodeTable(kind uint32, values []uint64, date, checked time.Time, l labels) ([]byte, error) {
	slices.Sort(values)
	// Of several values of one CVE the highest stays.
	kept := values[:0]
	for _, v := range values {
		if n := len(kept); n > 0 && kept[n-1]>>scoreBits == v>>scoreBits {
			kept[n-1] = v
			continue
		}
		kept = append(kept, v)
	}
	var body []byte
	for _, v := range kept {
		body = binary.LittleEndian.AppendUint64(body, v)
	}
	n := uint32(len(kept))
	h := header{kind: kind, flags: flagComplete, date: seconds(date), checked: seconds(checked), count: n, names: n}
	return h.seal(l.encode(), nil, nil, nil, nil, body)
}
