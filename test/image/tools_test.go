package image

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// needs skips a test on a machine without its tools.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}

// run runs a tool to its end.
func run(t *testing.T, tool string, args ...string) string {
	t.Helper()
	var out, errors bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, errors.String())
	}
	return strings.TrimSpace(out.String())
}

// write puts a file below a folder.
func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startRegistry starts an empty registry and returns its host and port.
func startRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// open opens the one image of a target.
func open(t *testing.T, target string, from image.Source, env map[string]string) *image.Image {
	t.Helper()
	opened, err := image.Open(t.Context(), target, from, image.Platform{OS: "linux", Architecture: "amd64"}, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	if len(opened.Images) != 1 {
		t.Fatalf("%s holds %d images, want 1", target, len(opened.Images))
	}
	return opened.Images[0]
}

// content is an analyser that keeps what files hold.
type content struct {
	mu    sync.Mutex
	files map[string]string // by path; deleted ones end in " (deleted)"
}

func (c *content) Visit(f *image.File) image.Need {
	if !f.Mode.IsRegular() || f.Hard {
		return image.Nothing
	}
	return image.Windows
}

func (c *content) Look(f *image.File, from image.Content) error {
	var text []byte
	err := from.Windows(0, func(piece []byte, _ int64) bool {
		text = append(text, piece...)
		return true
	})
	name := f.Path
	if f.Deleted {
		name += " (deleted)"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[name] = string(text)
	return err
}

// files reads an image and returns what its files hold.
func files(t *testing.T, img *image.Image) map[string]string {
	t.Helper()
	c := &content{files: map[string]string{}}
	if problems := img.Walk(t.Context(), []image.Analyser{c}); len(problems) > 0 {
		t.Fatalf("reading %s: %v", img.Name, problems)
	}
	return c.files
}

// lines keeps the history readable in failures.
func lines(img *image.Image) []string {
	var out []string
	for _, l := range img.Layers {
		out = append(out, l.CreatedBy)
	}
	return slices.Clip(out)
}
