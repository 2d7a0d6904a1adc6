package image

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// A layout may hold several images; "#" and a tag choose one.
func TestChoose(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lay")
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"app", "worker"} {
		img := imageOf(t, []node{{name: tag, content: tag}})
		if err := path.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		target string
		images int
		err    string
	}{
		{dir, 2, ""},
		{dir + "#worker", 1, ""},
		{dir + "#none", 0, "it holds no none, but app, worker"},
		{dir + "x#none", 0, "there is no such file or folder"},
	} {
		opened, err := Open(t.Context(), test.target, Anywhere, Platform{OS: "linux", Architecture: "amd64"}, nil)
		if err != nil {
			if test.err == "" || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q", test.target, err, test.err)
			}
			continue
		}
		if len(opened.Images) != test.images {
			t.Errorf("%s: %d images, want %d", test.target, len(opened.Images), test.images)
		}
		if test.images == 1 && (opened.Images[0].Ref.Tag != "worker" || opened.Images[0].Ref.Repository != "") {
			t.Errorf("%s is called %+v", test.target, opened.Images[0].Ref)
		}
		opened.Close() //nolint:errcheck // it was only read
	}
}
