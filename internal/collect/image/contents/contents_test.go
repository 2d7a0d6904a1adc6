package contents

import (
	"bytes"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// memory is content that is in memory, or comes in pieces.
type memory struct {
	*bytes.Reader
	text  []byte
	piece int
}

func (m memory) Bytes() []byte {
	if m.piece > 0 {
		return nil
	}
	return m.text
}

func (m memory) Windows(overlap int, yield func([]byte, int64) bool) error {
	for at := 0; at < len(m.text); at += m.piece {
		if !yield(m.text[max(at-overlap, 0):min(at+m.piece, len(m.text))], int64(max(at-overlap, 0))) {
			break
		}
	}
	return nil
}

// file is an entry: path, layer, mode, content. Marks before the path: "-" for
// deleted, "@" for a symbolic link, "/" for a folder.
type file struct {
	path  string
	layer int64
	mode  fs.FileMode
	text  string
}

func measure(t *testing.T, files ...file) asset.Contents {
	t.Helper()
	c := New()
	var layers []asset.Layer
	for i := range int64(5) {
		layers = append(layers, asset.Layer{Index: i})
	}
	for i, in := range files {
		f := &image.File{Layer: &layers[in.layer], Mode: in.mode, Size: int64(len(in.text))}
		f.Path, f.Deleted = strings.CutPrefix(in.path, "-")
		if path, ok := strings.CutPrefix(f.Path, "@"); ok {
			f.Path, f.Mode = path, fs.ModeSymlink|0o777
		}
		if path, ok := strings.CutPrefix(f.Path, "/"); ok {
			f.Path, f.Mode = path, fs.ModeDir|f.Mode
		}
		if c.Visit(f) == image.Windows {
			if err := c.Look(f, memory{bytes.NewReader([]byte(in.text)), []byte(in.text), i % 3}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c.Finish(layers)
}

func TestLists(t *testing.T) {
	got := measure(t,
		file{"usr/bin/sudo", 1, 0o755 | fs.ModeSetuid, "x"},
		file{"usr/bin/write", 1, 0o755 | fs.ModeSetgid, "x"},
		file{"usr/bin/no-program", 1, 0o644 | fs.ModeSetuid, "x"},
		file{"/var/mail", 1, 0o775 | fs.ModeSetgid, ""},
		file{"-usr/bin/su", 0, 0o755 | fs.ModeSetuid, "x"},
		file{"/tmp", 0, 0o777 | fs.ModeSticky, ""},
		file{"/app", 1, 0o777, ""},
		file{"app/run", 1, 0o777, "x"},
		file{"app-2/run", 1, 0o777, "x"},
		file{"@app-2/link", 1, 0, ""},
		file{"dev/null", 0, fs.ModeDevice | fs.ModeCharDevice | 0o666, ""},
		file{"usr/bin/dash", 0, 0o755, "x"},
		file{"@usr/bin/sh", 0, 0, ""},
		file{"busybox/sh", 0, 0o755, "x"},
		file{"usr/share/doc/bash", 0, 0o755, "x"},
		file{"usr/bin/bashbug", 0, 0o755, "x"},
		file{"usr/bin/apt-get", 0, 0o755, "x"},
		file{"@usr/local/bin/npm", 1, 0, ""},
		file{"usr/bin/pip3.13", 1, 0o755, "x"},
		file{"usr/bin/x86_64-linux-gnu-gcc-14", 1, 0o755, "x"},
		file{"usr/local/go/bin/go", 1, 0o755, "x"},
		file{"usr/bin/clang-19", 1, 0o755, "x"},
		file{"usr/bin/python3.13", 1, 0o755, "x"},
		file{"usr/bin/curl", 1, 0o755, "x"},
		file{"usr/share/bash-completion/completions/curl", 1, 0o644, "x"},
		file{"usr/sbin/sshd", 1, 0o755, "x"},
	)
	for _, list := range []struct {
		name      string
		got, want []string
	}{
		{"setuid", got.SetID, []string{"/usr/bin/sudo", "/usr/bin/write"}},
		{"world-writable", got.WorldWritable, []string{"/app", "/app-2/run"}},
		{"shells", got.Shells, []string{"/busybox/sh", "/usr/bin/dash", "/usr/bin/sh"}},
		{"package managers", got.PackageManagers, []string{"/usr/bin/apt-get", "/usr/bin/pip3.13", "/usr/local/bin/npm"}},
		{"compilers", got.Compilers, []string{"/usr/bin/clang-19", "/usr/bin/x86_64-linux-gnu-gcc-14", "/usr/local/go/bin/go"}},
		{"network tools", got.NetworkTools, []string{"/usr/bin/curl"}},
		{"login servers", got.LoginServers, []string{"/usr/sbin/sshd"}},
	} {
		if !slices.Equal(list.got, list.want) {
			t.Errorf("%s: %q, want %q", list.name, list.got, list.want)
		}
	}
}

func TestBytes(t *testing.T) {
	k := func(n int) string { return strings.Repeat("x", n*1000) }
	tests := []struct {
		name  string
		files []file
		// size, total, deleted, duplicate, and the waste by layer, in thousands.
		want string
	}{
		{"plain", []file{{"a", 1, 0o644, k(2)}, {"b", 0, 0o644, k(3)}}, "5 5 0 0"},
		{"deleted", []file{{"-a", 0, 0o644, k(3)}, {"b", 0, 0o644, k(1)}}, "1 4 3 0 | 0:3+0"},
		{"replaced by another", []file{{"a", 1, 0o644, "y" + k(2)}, {"-a", 0, 0o644, k(2)}}, "2 4 2 0 | 0:2+0"},
		{"the same again, as chown does", []file{{"a", 2, 0o644, k(3)}, {"-a", 1, 0o600, k(3)}}, "3 6 0 3 | 2:0+3"},
		{"three times", []file{{"a", 3, 0o644, k(1)}, {"-a", 2, 0o644, k(1)}, {"-a", 1, 0o644, k(1)}}, "1 3 0 2 | 2:0+1 3:0+1"},
		{"the same again and then deleted", []file{{"-a", 2, 0o644, k(1)}, {"-a", 1, 0o644, k(1)}}, "0 2 1 1 | 2:1+1"},
		{"the same at another path", []file{{"a", 2, 0o644, k(1)}, {"b", 1, 0o644, k(1)}}, "2 2 0 0"},
		{"in the oldest layer", []file{{"a", 1, 0o644, k(1)}, {"-a", 0, 0o644, k(1)}}, "1 2 0 1 | 1:0+1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := measure(t, test.files...)
			got := fmt.Sprint(c.Size/1000, c.Total/1000, c.Deleted/1000, c.Duplicate/1000)
			for i, w := range c.Waste {
				if i == 0 {
					got += " |"
				}
				got += fmt.Sprintf(" %d:%d+%d", w.Layer.Index, w.Deleted/1000, w.Duplicate/1000)
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestCaches(t *testing.T) {
	got := measure(t,
		file{"var/lib/apt/lists/deb_Packages", 0, 0o644, "xx"},
		file{"var/lib/apt/lists/auxfiles/y", 0, 0o644, "x"},
		file{"var/lib/apt/listsandmore", 0, 0o644, "x"},
		file{"-var/cache/apt/pkgcache.bin", 0, 0o644, "x"},
		file{"home/app/.cache/pip/http/a", 0, 0o644, "x"},
		file{"home/app/.cache/huggingface/model", 0, 0o644, "x"},
		file{"root/.npm/_cacache/a", 0, 0o644, "x"},
		file{"srv/shop/.git/objects/aa", 0, 0o644, "x"},
		file{"srv/shop/.gitignore", 0, 0o644, "x"},
		file{"srv/shop/main.py~", 0, 0o644, "x"},
		file{"srv/shop/.main.py.swp", 0, 0o644, "x"},
		file{"tmp/build.log", 0, 0o644, "x"},
		file{"tmp/empty", 0, 0o644, ""},
		file{"usr/lib/x.d/y", 0, 0o644, "x"},
	)
	want := []asset.PathSize{
		{Path: "/home/app/.cache/pip", Size: 1, Kind: "packages"}, {Path: "/root/.npm/_cacache", Size: 1, Kind: "packages"},
		{Path: "/srv/shop/.git", Size: 1, Kind: "version-control"},
		{Path: "/srv/shop/.main.py.swp", Size: 1, Kind: "backup"}, {Path: "/srv/shop/main.py~", Size: 1, Kind: "backup"},
		{Path: "/tmp", Size: 1, Kind: "temporary"}, {Path: "/var/lib/apt/lists", Size: 3, Kind: "packages"},
	}
	if !reflect.DeepEqual(got.Caches, want) {
		t.Errorf("got  %+v\nwant %+v", got.Caches, want)
	}
	if got.CacheSize != 8 {
		t.Errorf("caches are said to take %d bytes, want 8", got.CacheSize)
	}
}

// TestMemory holds what is kept of a large image against its bound.
func TestMemory(t *testing.T) {
	c := New()
	layers := []asset.Layer{{}, {Index: 1}}
	const count = 200_000
	allocated := testing.AllocsPerRun(1, func() {
		for i := range count {
			f := image.File{Path: "srv/app/node_modules/package/lib/file.js", Layer: &layers[1], Mode: 0o644, Size: int64(i%5 + 1)}
			c.Visit(&f)
			c.sums = append(c.sums, sum{path: uint64(i)})
		}
	})
	if bytes := cap(c.sums) * 24; bytes > 25<<20 || allocated > 300 {
		t.Errorf("%d files take %d bytes and %v allocations", 2*count, bytes, allocated)
	}
}

func BenchmarkVisit(b *testing.B) {
	layers := []asset.Layer{{}, {Index: 1}}
	files := []image.File{
		{Path: "srv/app/node_modules/package/lib/file.js", Layer: &layers[1], Mode: 0o644, Size: 100},
		{Path: "usr/lib/x86_64-linux-gnu/libc.so.6", Layer: &layers[0], Mode: 0o755, Size: 100},
		{Path: "usr/bin/x86_64-linux-gnu-gcc-nm-14", Layer: &layers[0], Mode: 0o755, Size: 100},
		{Path: "usr/share/zoneinfo/Europe/Berlin", Layer: &layers[0], Mode: 0o644, Size: 100},
	}
	b.ReportAllocs()
	c := New()
	for i := 0; b.Loop(); i++ {
		c.Visit(&files[i&3])
	}
}

func BenchmarkLook(b *testing.B) {
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	f := &image.File{Path: "a", Layer: &asset.Layer{Index: 1}, Size: int64(len(text))}
	m := memory{bytes.NewReader(text), text, 0}
	b.SetBytes(int64(len(text)))
	c := New()
	for b.Loop() {
		if err := c.Look(f, m); err != nil {
			b.Fatal(err)
		}
		c.sums = c.sums[:0]
	}
}
