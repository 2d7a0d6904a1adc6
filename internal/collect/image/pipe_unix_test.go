//go:build unix

package image

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// TestPipes are not opened: nobody would write into them, and opening waits.
func TestPipes(t *testing.T) {
	dir := t.TempDir()
	pipe := func(name string) {
		t.Helper()
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pipe(filepath.Join(dir, "a.tar"))
	if _, err := Open(t.Context(), filepath.Join(dir, "a.tar"), Archive, Platform{}, nil); err == nil || !strings.Contains(err.Error(), "it is no file") {
		t.Errorf("archive: the error is %v", err)
	}

	img := imageOf(t, []node{{name: "a", content: "a"}})
	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	pipe(filepath.Join(string(path), "blobs", digest.Algorithm, digest.Hex))
	opened, err := Open(t.Context(), string(path), Layout, Platform{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if problems := opened.Images[0].Walk(t.Context(), []Analyser{&recorder{}}); len(problems) != 1 || !strings.Contains(problems[0].Reason, "no regular file") {
		t.Errorf("layer: problems are %v", problems)
	}
	pipe(filepath.Join(string(path), "index.json"))
	if _, err := Open(t.Context(), string(path), Layout, Platform{}, nil); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("index: the error is %v", err)
	}
}
