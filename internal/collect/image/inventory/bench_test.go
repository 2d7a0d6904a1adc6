package inventory

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// paths are the names of a large image: mostly modules of Node and Python,
// headers, documentation and libraries.
func paths(n int) []*image.File {
	layer := &asset.Layer{}
	files := make([]*image.File, n)
	for i := range files {
		var path string
		switch i % 8 {
		case 0:
			path = fmt.Sprintf("app/node_modules/package-%d/lib/index-%d.js", i/40, i)
		case 1:
			path = fmt.Sprintf("usr/local/lib/python3.12/site-packages/module_%d/file_%d.py", i/40, i)
		case 2:
			path = fmt.Sprintf("usr/local/lib/python3.12/site-packages/module_%d/__pycache__/file_%d.cpython-312.pyc", i/40, i)
		case 3:
			path = fmt.Sprintf("usr/share/doc/package-%d/changelog.Debian.gz", i)
		case 4:
			path = fmt.Sprintf("usr/include/x86_64-linux-gnu/lib-%d/header-%d.h", i/40, i)
		case 5:
			path = fmt.Sprintf("var/lib/dpkg/info/package-%d.list", i)
		case 6:
			path = fmt.Sprintf("usr/share/zoneinfo/Region-%d/City-%d", i/40, i)
		case 7:
			path = fmt.Sprintf("app/node_modules/package-%d/README.md", i)
		}
		files[i] = &image.File{Path: path, Layer: layer, Mode: 0o644, Size: 4096}
	}
	return files
}

// BenchmarkVisit reports the time of one entry.
func BenchmarkVisit(b *testing.B) {
	files, inv := paths(200_000), New()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		inv.Visit(files[i%len(files)])
	}
}

func BenchmarkDpkgStatus(b *testing.B) {
	var status strings.Builder
	for i := range 400 {
		status.WriteString(dpkgPackage(fmt.Sprintf("package-%d", i), "1.2.3-4+deb12u1", fmt.Sprintf("Source: source-%d (1.2.3-4)\nMaintainer: Somebody <somebody@example.org>\nInstalled-Size: 1234\nDepends: libc6 (>= 2.36), libssl3 (>= 3.0.0), zlib1g (>= 1:1.1.4)\nSection: libs\nPriority: optional\nHomepage: https://example.org/\n%s", i, strings.Repeat("Extra: some more text as packages have it\n", 12))))
	}
	text := contents(status.String())
	f := &image.File{Path: "var/lib/dpkg/status", Layer: &asset.Layer{}, Size: text.Size()}
	b.SetBytes(text.Size())
	b.ReportAllocs()
	for b.Loop() {
		inv := New()
		if err := inv.Look(f, text); err != nil {
			b.Fatal(err)
		}
		if r := inv.Finish(); len(r.Packages) != 400 {
			b.Fatalf("%d packages", len(r.Packages))
		}
	}
}

// BenchmarkGoProgram looks at the program that GO_PROGRAM names, or at this one.
func BenchmarkGoProgram(b *testing.B) {
	path := os.Getenv("GO_PROGRAM")
	if path == "" {
		path, _ = os.Executable()
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	f := &image.File{Path: "usr/bin/x", Layer: &asset.Layer{}, Mode: 0o755, Size: int64(len(whole))}
	b.ReportAllocs()
	for b.Loop() {
		inv := New()
		if err := inv.Look(f, loaded(whole)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(whole))/1e6, "MB")
}

// BenchmarkLargeGoProgram looks at it while it passes by.
func BenchmarkLargeGoProgram(b *testing.B) {
	path := os.Getenv("GO_PROGRAM")
	if path == "" {
		path, _ = os.Executable()
	}
	c := open(b, path)
	f := &image.File{Path: "usr/bin/x", Layer: &asset.Layer{}, Mode: 0o755, Size: c.Size()}
	b.ReportAllocs()
	for b.Loop() {
		inv := New()
		if err := inv.readLargeExecutable(f, c); err != nil {
			b.Fatal(err)
		}
		if len(inv.found) == 0 || inv.found[0].Symbols == nil {
			b.Fatal("no modules or no functions")
		}
	}
	b.ReportMetric(float64(c.Size())/1e6, "MB")
}

// loaded is content in memory that is not copied.
type loaded []byte

func (l loaded) Size() int64                            { return int64(len(l)) }
func (l loaded) Bytes() []byte                          { return l }
func (l loaded) ReadAt(p []byte, at int64) (int, error) { return memory(l).ReadAt(p, at) }
func (l loaded) Windows(_ int, yield func([]byte, int64) bool) error {
	yield(l, 0)
	return nil
}

// BenchmarkOwnership reports the memory that 40,000 owned files take.
func BenchmarkOwnership(b *testing.B) {
	sums := make([]string, 400)
	for i := range sums {
		var text strings.Builder
		for j := range 100 {
			fmt.Fprintf(&text, "%s  usr/share/package-%d/file-%d\n", md5Hex(fmt.Sprint(i, j)), i, j)
		}
		sums[i] = text.String()
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		inv := New()
		for i, text := range sums {
			f := &image.File{Path: fmt.Sprintf("var/lib/dpkg/info/package-%d.md5sums", i), Layer: &asset.Layer{}, Size: int64(len(text))}
			if err := inv.Look(f, contents(text)); err != nil {
				b.Fatal(err)
			}
		}
		r := inv.Finish()
		runtime.GC()
		runtime.ReadMemStats(&after)
		if pkg, _, ok := r.Owner("/usr/share/package-7/file-7"); !ok || pkg != "package-7" {
			b.Fatal("a file is nobody's")
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
}
