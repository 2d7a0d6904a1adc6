package inventory

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// contents is a file's content in memory.
type contents string

func (c contents) Size() int64   { return int64(len(c)) }
func (c contents) Bytes() []byte { return []byte(c) }

func (c contents) ReadAt(p []byte, at int64) (int, error) {
	return strings.NewReader(string(c)).ReadAt(p, at)
}

func (c contents) Windows(overlap int, yield func([]byte, int64) bool) error {
	const size = 1 << 10
	for at := 0; at < len(c); at += size {
		from := max(0, at-overlap)
		if !yield([]byte(c[from:min(len(c), at+size)]), int64(from)) {
			return nil
		}
	}
	return nil
}

// file is content on disk that is not in memory.
type file struct {
	*os.File
	size int64
}

func open(t testing.TB, path string) *file {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return &file{f, info.Size()}
}

func (f *file) Size() int64   { return f.size }
func (f *file) Bytes() []byte { return nil }
func (f *file) Windows(overlap int, yield func([]byte, int64) bool) error {
	buf := make([]byte, image.WindowSize)
	for at := int64(0); at < f.size; at += int64(len(buf) - overlap) {
		n, err := f.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return err
		}
		if !yield(buf[:n], at) {
			return nil
		}
	}
	return nil
}

// layers are the files of an image, oldest layer first. A path that ends in "*"
// is executable.
type layers []map[string]string

// walk shows an image as its collector does: newest layer first, with what a
// newer layer holds hidden. A file whose content is whiteout hides older ones.
func (l layers) walk(t testing.TB, a image.Analyser) {
	t.Helper()
	hidden := map[string]bool{}
	for i := len(l) - 1; i >= 0; i-- {
		layer := &asset.Layer{Index: int64(i), DiffID: "sha256:" + strings.Repeat("0123456789abcdef"[i:i+1], 64)}
		for path, text := range l[i] {
			path, executable := strings.CutSuffix(path, "*")
			if text == whiteout {
				hidden[path] = true
				continue
			}
			f := &image.File{Path: path, Layer: layer, Size: int64(len(text)), Mode: 0o644, Deleted: hidden[path]}
			if executable {
				f.Mode |= 0o111
			}
			show(t, a, f, contents(text))
		}
		for path := range l[i] {
			hidden[strings.TrimSuffix(path, "*")] = true
		}
	}
}

const whiteout = "\x00whiteout"

func show(t testing.TB, a image.Analyser, f *image.File, c image.Content) {
	t.Helper()
	need := a.Visit(f)
	if need == image.Nothing {
		return
	}
	if f.Size > image.WindowSize && need > image.Head {
		head := make([]byte, image.HeadSize)
		n, _ := c.ReadAt(head, 0)
		if need = a.(image.Refiner).Refine(f, head[:n]); need == image.Nothing {
			return
		}
	}
	if text, ok := c.(contents); ok && need == image.Head {
		c = text[:min(len(text), image.HeadSize)]
	}
	if err := a.Look(f, c); err != nil {
		t.Errorf("/%s: %v", f.Path, err)
	}
}

// inventoryOf takes the inventory of an image.
func inventoryOf(t testing.TB, l layers) Result {
	t.Helper()
	inv := New()
	l.walk(t, inv)
	return inv.Finish()
}

// named returns the package with a name, and fails if there is not exactly one.
func (r *Result) named(t testing.TB, name string) *asset.Package {
	t.Helper()
	var found *asset.Package
	for _, p := range r.Packages {
		if p.Name != name {
			continue
		}
		if found != nil {
			t.Fatalf("%s is there twice: %s and %s", name, found.ID, p.ID)
		}
		found = p
	}
	if found == nil {
		t.Fatalf("%s is not there", name)
	}
	return found
}

func (r *Result) names() string {
	var names []string
	for _, p := range r.Packages {
		names = append(names, p.Name+" "+p.Version)
	}
	return strings.Join(names, ", ")
}

var _ image.Analyser = (*Inventory)(nil)
