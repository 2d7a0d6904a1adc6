package rpmdb

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// fixture is a database that rpm 4.18 wrote: 14 packages, one of 120 files whose
// header needs overflow pages, one with an epoch.
func fixture(t testing.TB) []byte {
	t.Helper()
	f, err := os.Open("testdata/tiny.sqlite.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	db, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// blobs are the headers of the fixture.
func blobs(t testing.TB) [][]byte {
	t.Helper()
	db := fixture(t)
	var out [][]byte
	r := &reader{r: bytes.NewReader(db), size: int64(len(db))}
	if err := readSQLite(r, func(blob []byte) (bool, error) {
		out = append(out, slices.Clone(blob))
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// ndb lays headers out as the database of SUSE does.
func ndb(blobs [][]byte) []byte {
	db := make([]byte, ndbPage)
	copy(db, "RpmP")
	binary.LittleEndian.PutUint32(db[12:], 1)
	for i, blob := range blobs {
		slot := db[(i+2)*ndbSlot:]
		copy(slot, "Slot")
		binary.LittleEndian.PutUint32(slot[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(slot[8:], uint32(len(db)/ndbBlock))
		head := make([]byte, 16)
		copy(head, "BlbS")
		binary.LittleEndian.PutUint32(head[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(head[12:], uint32(len(blob)))
		db = append(append(db, head...), blob...)
		db = append(db, make([]byte, (ndbBlock-len(db)%ndbBlock)%ndbBlock)...)
	}
	return db
}

// berkeley lays headers out as a hash table: one page that points at chains of
// overflow pages.
func berkeley(blobs [][]byte, order binary.ByteOrder) []byte {
	const page = 1024
	db := make([]byte, 2*page)
	table := db[page:]
	table[25] = bdbHash
	order.PutUint16(table[20:], uint16(2*len(blobs)))
	free := page
	for i, blob := range blobs {
		free -= bdbOffPageSize
		order.PutUint16(table[bdbPageHeader+4*i:], uint16(free)) // the key; what it says does not matter
		order.PutUint16(table[bdbPageHeader+4*i+2:], uint16(free))
		table[free] = bdbOffPage
		order.PutUint32(table[free+4:], uint32(len(db)/page))
		order.PutUint32(table[free+8:], uint32(len(blob)))
		for len(blob) > 0 {
			overflow := make([]byte, page)
			overflow[25] = bdbOverflow
			n := copy(overflow[bdbPageHeader:], blob)
			if blob = blob[n:]; len(blob) > 0 {
				order.PutUint32(overflow[16:], uint32(len(db)/page+1))
			}
			db = append(db, overflow...)
			table = db[page:]
		}
	}
	order.PutUint32(db[12:], bdbMagic)
	order.PutUint32(db[20:], page)
	order.PutUint32(db[32:], uint32(len(db)/page-1))
	return db
}

func read(db []byte) (names, files []string, err error) {
	err = Read(bytes.NewReader(db), int64(len(db)), func(h *Header) bool {
		names = append(names, strings.Join([]string{h.Name, h.Epoch, h.Version, h.Release, h.Arch, h.License, h.SourceRPM}, " "))
		for path, digest := range h.Files() {
			files = append(files, path+" "+digest)
		}
		return true
	})
	return names, files, err
}

func TestFormats(t *testing.T) {
	all := blobs(t)
	for format, db := range map[string][]byte{
		"SQLite": fixture(t), "ndb": ndb(all),
		"Berkeley DB": berkeley(all, binary.LittleEndian), "Berkeley DB of big-endian machines": berkeley(all, binary.BigEndian),
	} {
		names, files, err := read(db)
		if err != nil {
			t.Errorf("%s: %v", format, err)
		}
		slices.Sort(names)
		if len(names) != 14 {
			t.Fatalf("%s: %d packages, want 14: %q", format, len(names), names)
		}
		for _, want := range []string{
			"tiny-1  1.1 1.fix noarch MIT tiny-1-1.1-1.fix.src.rpm",
			"tiny-3 2 1.3 3.fix noarch MIT tiny-3-1.3-3.fix.src.rpm",
		} {
			if !slices.Contains(names, want) {
				t.Errorf("%s: %q is not among %q", format, want, names)
			}
		}
		// Of each package a program and a link, of one 120 files more; no folders.
		if len(files) != 14*2+120 {
			t.Errorf("%s: %d files, want %d", format, len(files), 14*2+120)
		}
		for _, want := range []string{
			"/usr/bin/tiny-1 4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865", // echo 1 | sha256sum
			"/usr/bin/tiny-link-1 ",
		} {
			if !slices.Contains(files, want) {
				t.Errorf("%s: %q is not among the files", format, want)
			}
		}
	}
}

// The fixture has no module: a header with nothing but a label.
func TestModule(t *testing.T) {
	label := "nodejs:18:9040020240419142102:rhel9"
	blob := binary.BigEndian.AppendUint32(nil, 1)
	for _, n := range []uint32{uint32(len(label) + 1), tagModule, typeString, 0, 1} {
		blob = binary.BigEndian.AppendUint32(blob, n)
	}
	h, err := ParseHeader(append(append(blob, label...), 0))
	if err != nil || h.Module != label {
		t.Errorf("%+v (%v)", h, err)
	}
}

func TestStopsWhenAsked(t *testing.T) {
	all := blobs(t)
	for format, db := range map[string][]byte{"SQLite": fixture(t), "ndb": ndb(all), "Berkeley DB": berkeley(all, binary.LittleEndian)} {
		count := 0
		if err := Read(bytes.NewReader(db), int64(len(db)), func(*Header) bool { count++; return count < 3 }); err != nil || count != 3 {
			t.Errorf("%s: %d packages and %v, want 3", format, count, err)
		}
	}
}

// Damage must end in an error, or at least in what is sound; never in a panic,
// and never in work without end.
func TestDamage(t *testing.T) {
	all := blobs(t)
	bdb := berkeley(all, binary.LittleEndian)
	circle := slices.Clone(bdb)
	binary.LittleEndian.PutUint32(circle[2*1024+16:], 2) // an overflow page that follows itself
	doubled := ndb(all)
	copy(doubled[3*ndbSlot+8:4*ndbSlot], doubled[2*ndbSlot+8:3*ndbSlot]) // two slots, one header
	tests := []struct {
		name, want string
		db         []byte
	}{
		{"nothing", "neither SQLite", nil},
		{"another file", "neither SQLite", bytes.Repeat([]byte("x"), 4096)},
		{"a chain in a circle", "leads nowhere", circle},
		{"a slot that points at another's header", "points at something else", doubled},
		{"half of SQLite", "", fixture(t)[:len(fixture(t))/2]},
		{"half of ndb", "ends in the middle", ndb(all)[:8000]},
		{"half of Berkeley DB", "", bdb[:len(bdb)/2]},
		{"a record that is no header", "package 1 of the database", ndb([][]byte{[]byte("\x00\x00\x00\x09\x00\x00\x00\x09short")})},
	}
	for _, test := range tests {
		_, _, err := read(test.db)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one about %q", test.name, err, test.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	all := blobs(f)[:3]
	f.Add(ndb(all))
	f.Add(berkeley(all, binary.LittleEndian))
	f.Add(berkeley(all, binary.BigEndian))
	f.Add(fixture(f)[:48<<10])
	f.Fuzz(func(t *testing.T, db []byte) {
		total := 0
		_ = Read(bytes.NewReader(db), int64(len(db)), func(h *Header) bool {
			for path := range h.Files() {
				total += len(path)
			}
			return total < 1<<24
		})
	})
}

func FuzzParseHeader(f *testing.F) {
	for _, blob := range blobs(f)[:2] {
		f.Add(blob)
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		h, err := ParseHeader(blob)
		if err != nil {
			return
		}
		for path, digest := range h.Files() {
			if len(path) > maxPath || len(digest) > len(blob) {
				t.Fatal(fmt.Errorf("a path of %d bytes, a digest of %d", len(path), len(digest)))
			}
		}
	})
}
