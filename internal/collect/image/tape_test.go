package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"pgregory.net/rapid"
)

// file is an entry of an archive in a test.
type file struct {
	header  *tar.Header
	content []byte
}

// savedFiles lists the entries of an image's docker-archive.
func savedFiles(t interface{ Fatal(...any) }, img v1.Image) []file {
	tag, err := name.NewTag("registry.example/app:1")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Write(tag, img, &b); err != nil {
		t.Fatal(err)
	}
	var out []file
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, file{h, content})
	}
}

func archiveOf(t interface{ Fatal(...any) }, files []file) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(f.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// streamed is an archive that can only be read in order; opened counts how often.
func streamed(text []byte, opened *int) *archive {
	return &archive{open: func(context.Context) (io.ReadCloser, error) {
		*opened++
		return io.NopCloser(bytes.NewReader(text)), nil
	}}
}

// noise is text that no compression makes small.
func noise(size int) string {
	source := rand.NewChaCha8([32]byte{})
	text := make([]byte, size)
	source.Read(text) //nolint:errcheck // it never fails
	return string(text)
}

// TestTape reads archives whose entries lie in any order: what the container sees
// is what it would see from a file, and two readings are enough.
func TestTape(t *testing.T) {
	names := []string{"a", "b", "a/b", "a/c", "a/b/c", "d/e/f", "d/e", "d"}
	large := noise(2 * smallEntry)
	rapid.Check(t, func(t *rapid.T) {
		var layers [][]node
		for i := range rapid.IntRange(1, 4).Draw(t, "layers") {
			// Large enough that no layer is kept, and each one of its own.
			layer := append(randomLayer(t, names), node{name: fmt.Sprint("large", i), content: large})
			layers = append(layers, layer)
		}
		files := rapid.Permutation(savedFiles(t, imageOf(t, layers...))).Draw(t, "files")
		opened := 0
		a := streamed(archiveOf(t, files), &opened)
		if err := a.index(context.Background()); err != nil {
			t.Fatal(err)
		}
		images, err := a.images(context.Background(), "test", Platform{OS: "linux", Architecture: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		r := &recorder{need: Windows}
		if problems := images[0].Walk(context.Background(), []Analyser{r}); len(problems) > 0 {
			t.Fatalf("problems: %v", problems)
		}
		if got, want := r.visible(), stack(layers); !slices.Equal(got, want) {
			t.Fatalf("layers %v: the container sees %v, want %v", layers, got, want)
		}
		for i := range layers {
			if r.content[fmt.Sprint(i, "large", i)] != large {
				t.Fatalf("the large file of layer %d was not read", i)
			}
		}
		if opened > 2 {
			t.Fatalf("the stream was opened %d times", opened)
		}
	})
}

// TestTapeChanges reads a stream that is another one when it is read again.
func TestTapeChanges(t *testing.T) {
	large := noise(2 * smallEntry)
	files := savedFiles(t, imageOf(t, []node{{name: "a", content: large}}, []node{{name: "b", content: large}}))
	first, opened := archiveOf(t, files), 0
	for _, test := range []struct {
		name   string
		second []byte
		broken int
	}{
		{"empty", nil, 2},
		{"truncated", first[:len(first)/2], 1},
		{"without layers", archiveOf(t, files[:1]), 2},
		{"with other content", bytes.ReplaceAll(first, []byte{0x1f, 0x8b}, []byte{0x1f, 0x8c}), 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := streamed(first, &opened)
			if err := a.index(t.Context()); err != nil {
				t.Fatal(err)
			}
			images, err := a.images(t.Context(), "test", Platform{})
			if err != nil {
				t.Fatal(err)
			}
			a.open = streamed(test.second, &opened).open
			if problems := images[0].Walk(t.Context(), []Analyser{&recorder{need: Windows}}); len(problems) != test.broken {
				t.Errorf("problems: %v, want one for each of %d layers", problems, test.broken)
			}
		})
	}
}

// TestNoFile is told what to do when it is given a pipe or a device.
func TestNoFile(t *testing.T) {
	_, err := Open(t.Context(), os.DevNull, Archive, Platform{}, nil)
	if err == nil || !strings.Contains(err.Error(), "save it to one first") {
		t.Errorf("the error is %v, want one that says that an archive has to be a file", err)
	}
}

// FuzzTape reads hostile bytes as a stream and as a file: it ends, and where both
// go well they say the same.
func FuzzTape(f *testing.F) {
	files := savedFiles(f, imageOf(f, []node{{name: "a/b", content: "1"}, {name: "c", content: "2"}}, []node{{name: "a/.wh.b"}, {name: "c", content: "3"}}))
	f.Add(archiveOf(f, files))
	slices.Reverse(files)
	f.Add(archiveOf(f, files))
	f.Add(archiveOf(f, files[1:]))
	f.Fuzz(func(t *testing.T, text []byte) {
		opened := 0
		stream, whole := streamed(text, &opened), &archive{file: bytes.NewReader(text)}
		var seen [2]map[string]string
		for i, a := range []*archive{stream, whole} {
			if a.index(t.Context()) != nil {
				return
			}
			images, err := a.images(t.Context(), "test", Platform{})
			if err != nil {
				return
			}
			r := &recorder{need: Windows}
			if problems := images[0].Walk(t.Context(), []Analyser{r}); len(problems) > 0 {
				return
			}
			seen[i] = map[string]string{}
			maps.Copy(seen[i], r.content)
			for _, v := range r.visits {
				seen[i][fmt.Sprint(v.Layer.Index, v.Path, " deleted ", v.Deleted)] = ""
			}
			a.Close() //nolint:errcheck // it was only read
		}
		if !maps.Equal(seen[0], seen[1]) {
			t.Fatalf("the stream says %v, the file %v", seen[0], seen[1])
		}
	})
}
