package image

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// FuzzLayer reads hostile bytes as a layer: it ends, whatever it tells of stays
// inside the image, and windows give every byte once.
func FuzzLayer(f *testing.F) {
	for _, nodes := range [][]node{
		{{name: "a", content: "a"}, {name: "../b", content: "b"}},
		{{name: "d/", kind: '5'}, {name: "d/.wh..wh..opq"}, {name: "d/.wh.x"}, {name: "s", kind: '2', link: "/etc"}},
		{{name: "big", content: strings.Repeat("0123456789", 200_000)}},
	} {
		l := layerOf(f, nodes)
		for _, open := range []func() (io.ReadCloser, error){l.Compressed, l.Uncompressed} {
			r, err := open()
			if err != nil {
				f.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text, true)
			f.Add(text[:len(text)/2], false)
		}
	}
	f.Fuzz(func(t *testing.T, blob []byte, inFile bool) {
		d := v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}}
		img := &Image{store: fuzzed{blob, inFile}, Layers: []Layer{{blob: d}}}
		r := &recorder{need: Windows, overlap: 37}
		img.Walk(context.Background(), []Analyser{r, &recorder{need: Random}})
		for _, v := range r.visits {
			if v.Path == "" || strings.HasPrefix(v.Path, "/") || v.Path == ".." || strings.HasPrefix(v.Path, "../") || strings.Contains(v.Path, "/../") {
				t.Fatalf("the path %q leads out of the image", v.Path)
			}
		}
	})
}

// fuzzed is a store with one blob.
type fuzzed struct {
	bytes  []byte
	inFile bool
}

func (f fuzzed) blob(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	if f.inFile {
		return &section{newSeeker(bytes.NewReader(f.bytes), 0, int64(len(f.bytes)))}, nil
	}
	return io.NopCloser(bytes.NewReader(f.bytes)), nil
}

// FuzzArchive reads hostile bytes as an archive of images, and walks what is in
// it.
func FuzzArchive(f *testing.F) {
	img := imageOf(f, []node{{name: "etc/passwd", content: "root"}}, []node{{name: "etc/.wh.passwd"}})
	tag, err := name.NewTag("registry.example/app:1")
	if err != nil {
		f.Fatal(err)
	}
	var saved bytes.Buffer
	if err := tarball.Write(tag, img, &saved); err != nil {
		f.Fatal(err)
	}
	f.Add(saved.Bytes())
	f.Add([]byte(`{"schemaVersion":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "a.tar")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := Open(t.Context(), file, Archive, Platform{OS: "linux", Architecture: "amd64"}, nil)
		if err != nil {
			return
		}
		defer opened.Close() //nolint:errcheck // it was only read
		for _, img := range opened.Images {
			img.Walk(t.Context(), []Analyser{&recorder{need: Windows}})
			img.Asset()
		}
	})
}
