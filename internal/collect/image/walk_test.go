package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"pgregory.net/rapid"
)

// node is an entry of a layer in a test.
type node struct {
	name    string
	content string // "" with a kind of its own
	kind    byte   // 0 is a regular file
	link    string
}

func layerOf(t interface{ Fatal(...any) }, nodes []node) v1.Layer {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, n := range nodes {
		h := &tar.Header{Name: n.name, Typeflag: n.kind, Linkname: n.link, Mode: 0o644, Size: int64(len(n.content))}
		if n.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if n.kind == tar.TypeDir {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, n.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func imageOf(t interface{ Fatal(...any) }, layers ...[]node) v1.Image {
	img := empty.Image
	for _, nodes := range layers {
		var err error
		if img, err = mutate.AppendLayers(img, layerOf(t, nodes)); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// recorder is an analyser that remembers everything.
type recorder struct {
	need    Need
	overlap int

	mu      sync.Mutex
	visits  []File
	content map[string]string // by layer and path
}

func (r *recorder) Visit(f *File) Need {
	r.visits = append(r.visits, *f)
	return r.need
}

func (r *recorder) Look(f *File, c Content) error {
	var whole []byte
	err := c.Windows(r.overlap, func(piece []byte, offset int64) bool {
		if int64(len(whole)) < offset {
			panic("windows leave a gap")
		}
		whole = append(whole[:offset], piece...)
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.content == nil {
		r.content = map[string]string{}
	}
	r.content[fmt.Sprint(f.Layer.Index, f.Path)] = string(whole)
	return err
}

// visible lists what the container sees.
func (r *recorder) visible() []string {
	var out []string
	for _, f := range r.visits {
		if !f.Deleted && !f.Mode.IsDir() {
			out = append(out, f.Path)
		}
	}
	slices.Sort(out)
	return out
}

// sources writes an image in every form and opens it from there.
func sources(t *testing.T, img v1.Image) map[string]*Image {
	t.Helper()
	dir := t.TempDir()
	tag, err := name.NewTag("registry.example/app:1")
	if err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(dir, "saved.tar")
	if err := tarball.WriteToFile(saved, tag, img); err != nil {
		t.Fatal(err)
	}
	oci := filepath.Join(dir, "layout")
	path, err := layout.Write(oci, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	out := map[string]*Image{}
	for kind, target := range map[string]string{"docker-archive": saved, "layout": oci, "registry": ref.Name()} {
		opened, err := Open(t.Context(), target, Anywhere, Platform{OS: "linux", Architecture: "amd64"}, nil)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		t.Cleanup(func() { opened.Close() })
		out[kind] = opened.Images[0]
	}
	return out
}

func TestWalkSeesTheSameEverywhere(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 200_000) // 3.2 MB: several windows
	img := imageOf(t,
		[]node{{name: "etc/", kind: tar.TypeDir}, {name: "etc/passwd", content: "root"}, {name: "etc/key", content: "secret"}, {name: "big", content: large}, {name: "var/cache/a", content: "a"}},
		[]node{{name: "etc/.wh.key"}, {name: "etc/passwd", content: "root2"}, {name: "./bin/sh", kind: tar.TypeSymlink, link: "dash"}, {name: "var/cache/.wh..wh..opq"}, {name: "var/cache/b", content: "b"}},
	)
	for kind, opened := range sources(t, img) {
		t.Run(kind, func(t *testing.T) {
			r, heads := &recorder{need: Windows, overlap: 100}, &recorder{need: Head}
			if problems := opened.Walk(t.Context(), []Analyser{r, heads}); len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			if got, want := r.visible(), []string{"big", "bin/sh", "etc/passwd", "var/cache/b"}; !slices.Equal(got, want) {
				t.Errorf("the container sees %v, want %v", got, want)
			}
			want := map[string]string{"0etc/passwd": "root", "0etc/key": "secret", "0big": large, "0var/cache/a": "a", "1etc/passwd": "root2", "1var/cache/b": "b"}
			if !maps.Equal(r.content, want) {
				t.Errorf("contents differ: %d of them, want %d", len(r.content), len(want))
			}
			if got := heads.content["0big"]; got != large[:HeadSize] {
				t.Errorf("a head has %d bytes, want %d", len(got), HeadSize)
			}
		})
	}
}

// TestHidden holds what is hidden against layers that are put on top of each
// other as an engine does, the oldest first. (mutate.Extract is no oracle: a file
// between two folders of its name does not remove the older one there.)
func TestHidden(t *testing.T) {
	names := []string{"a", "b", "a/b", "a/c", "a/b/c", "d/e/f", "d/e", "d"}
	rapid.Check(t, func(t *rapid.T) {
		var layers [][]node
		for range rapid.IntRange(1, 4).Draw(t, "layers") {
			layers = append(layers, randomLayer(t, names))
		}
		img := imageOf(t, layers...)
		want := stack(layers)
		r := &recorder{}
		if problems := inMemory(t, img).Walk(context.Background(), []Analyser{r}); len(problems) > 0 {
			t.Fatalf("problems: %v", problems)
		}
		if got := r.visible(); !slices.Equal(got, want) {
			t.Fatalf("layers %v: the container sees %v, want %v", layers, got, want)
		}
	})
}

// stack applies layers and lists the files that are left.
func stack(layers [][]node) []string {
	dirs, files := map[string]bool{}, map[string]bool{}
	remove := func(name string, self bool) {
		for _, m := range []map[string]bool{dirs, files} {
			maps.DeleteFunc(m, func(p string, _ bool) bool { return self && p == name || strings.HasPrefix(p, name+"/") })
		}
	}
	for _, nodes := range layers {
		for _, n := range nodes {
			dir, base := filepath.Split(n.name)
			if base == opaqueMarker {
				remove(strings.TrimSuffix(dir, "/"), false)
			} else if target, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
				remove(dir+target, true)
			}
		}
		for _, n := range nodes {
			name := strings.TrimSuffix(n.name, "/")
			if strings.HasPrefix(filepath.Base(name), whiteoutPrefix) {
				name = filepath.Dir(name) + "/."
			}
			for i, r := range name {
				if r == '/' && name[:i] != "." {
					delete(files, name[:i])
					dirs[name[:i]] = true
				}
			}
			switch {
			case strings.HasSuffix(name, "/."):
			case n.kind == tar.TypeDir:
				delete(files, name)
				dirs[name] = true
			default:
				remove(name, true)
				files[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(files))
}

// randomLayer is a layer as an engine writes it: a tree, then whiteouts of what
// is not in it.
func randomLayer(t *rapid.T, names []string) []node {
	kinds := map[string]byte{}
	var out []node
	for _, n := range names {
		switch rapid.IntRange(0, 4).Draw(t, n) {
		case 0:
			kinds[n] = tar.TypeReg
		case 1:
			kinds[n] = tar.TypeDir
		case 2:
			kinds[n] = 'w'
		case 3:
			kinds[n] = 'o'
		}
	}
	for _, n := range slices.Sorted(maps.Keys(kinds)) {
		inFile := false
		for d := n; ; {
			i := strings.LastIndexByte(d, '/')
			if i < 0 {
				break
			}
			d = d[:i]
			inFile = inFile || kinds[d] == tar.TypeReg || kinds[d] == 'w'
		}
		dir, base := filepath.Split(n)
		switch {
		case inFile:
		case kinds[n] == tar.TypeReg:
			out = append(out, node{name: n, content: "x"})
		case kinds[n] == tar.TypeDir:
			out = append(out, node{name: n + "/", kind: tar.TypeDir})
		case kinds[n] == 'w':
			out = append(out, node{name: dir + ".wh." + base})
		case kinds[n] == 'o':
			out = append(out, node{name: n + "/", kind: tar.TypeDir}, node{name: n + "/.wh..wh..opq"})
		}
	}
	return out
}

// memory is a store for tests.
type memory map[string][]byte

func (m memory) blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	b, ok := m[d.Digest.String()]
	if !ok {
		return nil, fmt.Errorf("no %s", d.Digest)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func inMemory(t interface{ Fatal(...any) }, img v1.Image) *Image {
	m := memory{}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		d, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		m[d.String()] = b
	}
	config, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	out := &Image{store: m}
	if err := out.describe(config, manifest.Layers); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWalkTellsDamage(t *testing.T) {
	img := imageOf(t, []node{{name: "etc/passwd", content: strings.Repeat("root", 1000)}}, []node{{name: "b", content: "b"}})
	for name, damage := range map[string]struct {
		do   func([]byte) []byte
		want string
	}{
		"truncated": {func(b []byte) []byte { return b[:len(b)/2] }, "cannot be read to its end"},
		"exchanged": {func([]byte) []byte {
			other := inMemory(t, imageOf(t, []node{{name: "etc/passwd", content: "evil"}}))
			return other.store.(memory)[other.Layers[0].Digest]
		}, "the layer's digest should be"},
		"no archive": {func([]byte) []byte { return bytes.Repeat([]byte("x"), 2000) }, "cannot be read to its end"},
		"empty":      {func([]byte) []byte { return nil }, "the layer's digest should be"},
	} {
		t.Run(name, func(t *testing.T) {
			opened := inMemory(t, img)
			digest := opened.Layers[0].Digest
			opened.store.(memory)[digest] = damage.do(opened.store.(memory)[digest])
			r := &recorder{}
			problems := opened.Walk(t.Context(), []Analyser{r})
			if len(problems) != 1 || !strings.Contains(problems[0].Reason, damage.want) || problems[0].Layer.Index != 0 {
				t.Errorf("problems are %v, want one of layer 0 with %q", problems, damage.want)
			}
			if !slices.Contains(r.visible(), "b") {
				t.Error("the whole layer was not read either")
			}
		})
	}
}

// breaks is an analyser that panics, as parsers of others may.
type breaks struct{ recorder }

func (*breaks) Look(*File, Content) error { panic("out of range") }

func TestWalkSurvivesAnAnalyser(t *testing.T) {
	img := inMemory(t, imageOf(t, []node{{name: "a", content: "a"}, {name: "large", content: strings.Repeat("x", 3<<20)}}))
	r := &recorder{need: Windows}
	problems := img.Walk(t.Context(), []Analyser{&breaks{recorder{need: Windows}}, r})
	if len(problems) != 2 || !strings.Contains(problems[0].Reason, "could not be taken apart") {
		t.Errorf("problems are %v, want one for each file", problems)
	}
	if len(r.content) != 2 || len(r.content["0large"]) != 3<<20 {
		t.Errorf("the other analyser saw %d files", len(r.content))
	}
}

func TestBombsEnd(t *testing.T) {
	var zeros [1 << 20]byte
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() {
			t := tar.NewWriter(w)
			const size = 1 << 30
			t.WriteHeader(&tar.Header{Name: "zeros", Typeflag: tar.TypeReg, Size: size}) //nolint:errcheck // a pipe
			for range size / len(zeros) {
				t.Write(zeros[:]) //nolint:errcheck // a pipe
			}
			w.CloseWithError(t.Close())
		}()
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	problems := inMemory(t, img).Walk(t.Context(), []Analyser{&recorder{}})
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, "times its size") {
		t.Errorf("problems are %v, want one about the ratio", problems)
	}
}

func TestPathsStayInside(t *testing.T) {
	img := inMemory(t, imageOf(t, []node{{name: "../../etc/passwd", content: "x"}, {name: "/abs", content: "y"}, {name: "a/../b", content: "z"},
		{name: "hard", kind: tar.TypeLink, link: "../../etc/shadow"}}))
	r := &recorder{need: Windows}
	problems := img.Walk(t.Context(), []Analyser{r})
	if got, want := r.visible(), []string{"abs", "b", "etc/passwd", "hard"}; !slices.Equal(got, want) {
		t.Errorf("paths are %v, want %v", got, want)
	}
	if len(problems) != 3 {
		t.Errorf("problems are %v, want three", problems)
	}
}
