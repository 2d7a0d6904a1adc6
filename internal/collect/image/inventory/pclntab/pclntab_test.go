package pclntab

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// modern lays a table out as Go does since 1.16: a head of words, then names.
func modern(magic uint32, word int, order binary.ByteOrder, names ...string) []byte {
	words := 7
	first := 2
	if magic != magic116 {
		words, first = 8, 3
	}
	head := 8 + words*word
	table := make([]byte, head)
	order.PutUint32(table, magic)
	table[6], table[7] = 1, byte(word)
	put := func(i, value int) {
		if word == 4 {
			order.PutUint32(table[8+i*word:], uint32(value))
		} else {
			order.PutUint64(table[8+i*word:], uint64(value))
		}
	}
	for _, name := range names {
		table = append(append(table, name...), 0)
	}
	put(0, len(names))
	put(first, head)
	put(first+1, len(table))
	return append(table, "tables that follow"...)
}

// old lays a table out as Go did up to 1.15: entries that point at records that
// point at names.
func old(word int, order binary.ByteOrder, names ...string) []byte {
	table := make([]byte, 8+word+2*word*len(names)+word)
	order.PutUint32(table, magic12)
	table[6], table[7] = 1, byte(word)
	put := func(at, value int) {
		if word == 4 {
			order.PutUint32(table[at:], uint32(value))
		} else {
			order.PutUint64(table[at:], uint64(value))
		}
	}
	put(8, len(names))
	for i, name := range names {
		record := len(table)
		put(8+word+2*word*i+word, record)
		table = append(table, make([]byte, word+4)...)
		order.PutUint32(table[record+word:], uint32(len(table)))
		table = append(append(table, name...), 0)
	}
	return table
}

func collect(table []byte) ([]string, error) {
	var out []string
	err := Names(bytes.NewReader(table), int64(len(table)), func(name []byte) bool {
		out = append(out, string(name))
		return true
	})
	return out, err
}

func TestLayouts(t *testing.T) {
	want := []string{"runtime.main", "main.main", "fmt.(*pp).free"}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, word := range []int{4, 8} {
			tables := [][]byte{old(word, order, want...)}
			for _, magic := range []uint32{magic116, magic118, magic120} {
				tables = append(tables, modern(magic, word, order, want...))
			}
			for i, table := range tables {
				if got, err := collect(table); err != nil || !slices.Equal(got, want) {
					t.Errorf("layout %d of %d-byte words, %v: %q, %v", i, word, order, got, err)
				}
				for _, before := range []int{0, 8, 4096, chunk - 8, chunk + 16} {
					if order == binary.BigEndian {
						break
					}
					file := append(bytes.Repeat([]byte{0xff}, before), table...)
					if at, err := Find(bytes.NewReader(file), 0, int64(len(file))); err != nil || at != int64(before) {
						t.Errorf("layout %d behind %d bytes was found at %d, %v", i, before, at, err)
					}
				}
			}
		}
	}
}

func TestStream(t *testing.T) {
	want := []string{"runtime.main", strings.Repeat("x", 5000) + ".f", "fmt.(*pp).free"}
	for _, word := range []int{4, 8} {
		for _, magic := range []uint32{magic116, magic118, magic120} {
			file := append(bytes.Repeat([]byte{0xff}, 4096), modern(magic, word, binary.LittleEndian, want...)...)
			for _, size := range []int{100, 1000, 4000, 100_000} {
				var got []string
				s := NewStream(int64(len(file)))
				for at := 0; at < len(file); at += size {
					from := max(0, at-Overlap)
					s.Next(file[from:min(len(file), at+size)], int64(from), func(name []byte) bool {
						got = append(got, string(name))
						return true
					})
				}
				if !slices.Equal(got, want) || !s.Complete() {
					t.Errorf("%#x by %d bytes: %d names, complete: %v", magic, size, len(got), s.Complete())
				}
			}
		}
	}
}

func TestDamagedTables(t *testing.T) {
	good := modern(magic120, 8, binary.LittleEndian, "main.main")
	behind := slices.Clone(good)
	binary.LittleEndian.PutUint64(behind[8+3*8:], 1<<39)
	many := old(8, binary.LittleEndian, "main.main")
	binary.LittleEndian.PutUint64(many[8:], 1<<30)
	for name, table := range map[string][]byte{"nothing": nil, "text": []byte("text that is long enough"), "a head alone": good[:20], "names behind the end": behind, "too many functions": many} {
		if names, err := collect(table); err == nil {
			t.Errorf("%s: names %q and no error", name, names)
		}
	}
}

func TestSplit(t *testing.T) {
	tests := []struct{ name, pkg, function string }{
		{"net/http.(*Transport).RoundTrip", "net/http", "Transport.RoundTrip"},
		{"net/http.(*Transport).RoundTrip.func1", "net/http", "Transport.RoundTrip"},
		{"net/http.(*Transport).RoundTrip-fm", "net/http", "Transport.RoundTrip"},
		{"net/http.Header.Get", "net/http", "Header.Get"},
		{"net/http.Get", "net/http", "Get"},
		{"main.main.func1.2", "main", "main"},
		{"main.main.gowrap1", "main", "main"},
		{"main.run-range1", "main", "run"},
		{"slices.SortFunc[...]", "slices", "SortFunc"},
		{"slices.SortFunc[go.shape.[]example.com/x.T,go.shape.string].func1", "slices", "SortFunc"},
		{"sync/atomic.(*Pointer[...]).Load", "sync/atomic", "Pointer.Load"},
		{"gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3", "Unmarshal"},
		{"gopkg.in/yaml%2ev3.(*Decoder).Decode", "gopkg.in/yaml.v3", "Decoder.Decode"},
		{"go.uber.org/zap.New", "go.uber.org/zap", "New"},
		{"go.uber.org/zap.(*Logger).Info", "go.uber.org/zap", "Logger.Info"},
		{"example%2ecom.F", "example.com", "F"},
		{"path.glob..func1", "path", ""},
		{"path.init.0.func1", "path", "init"},
		{"path.init", "path", "init"},
		{"type:.eq.path.T", "", ""},
		{"type..eq.path.T", "", ""},
		{"go:buildid", "", ""},
		{"_cgo_init", "", ""},
		{"", "", ""},
	}
	for _, test := range tests {
		var buf [256]byte
		for _, b := range [][]byte{buf[:0], nil} {
			pkg, function := Split([]byte(test.name), b)
			if string(pkg) != test.pkg || string(function) != test.function {
				t.Errorf("%s is %q and %q, want %q and %q", test.name, pkg, function, test.pkg, test.function)
			}
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add(old(8, binary.LittleEndian, "a.b", "c.d"))
	f.Add(modern(magic116, 4, binary.BigEndian, "a.b", "c.d"))
	f.Add(modern(magic120, 8, binary.LittleEndian, "a.b", "type:.eq.x"))
	f.Fuzz(func(t *testing.T, table []byte) {
		count := 0
		_ = Names(bytes.NewReader(table), int64(len(table)), func(name []byte) bool {
			var buf [64]byte
			Split(name, buf[:0])
			count++
			return count < 10_000
		})
		s := NewStream(int64(len(table)))
		for at := 0; at < len(table); at += 64 {
			from := max(0, at-Overlap)
			s.Next(table[from:min(len(table), at+64)], int64(from), func([]byte) bool { return true })
		}
		if _, err := Find(bytes.NewReader(table), 0, int64(len(table))); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("net/http.(*Transport).RoundTrip[...].func1-fm")
	f.Fuzz(func(t *testing.T, name string) {
		before := []byte(name)
		var buf [64]byte
		pkg, function := Split(before, buf[:0])
		if string(before) != name {
			t.Fatalf("the name was changed to %q", before)
		}
		if len(pkg)+len(function) > len(name) {
			t.Fatalf("%q and %q are longer than the name", pkg, function)
		}
	})
}
