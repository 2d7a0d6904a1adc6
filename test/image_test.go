package test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"
)

// buildImage builds an image of a folder: the folders 1, 2, ... in it are the
// layers, config.json is the configuration with the history, and modes has lines
// of a path and its permissions where those are not the usual ones.
func buildImage(dir string) (v1.Image, error) {
	modes, err := readModes(filepath.Join(dir, "modes"))
	if err != nil {
		return nil, err
	}
	layers, err := filepath.Glob(filepath.Join(dir, "[0-9]"))
	if err != nil {
		return nil, err
	}
	slices.Sort(layers)
	img := empty.Image
	for _, l := range layers {
		text, err := tarOf(l, modes)
		if err != nil {
			return nil, err
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil })
		if err != nil {
			return nil, err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return nil, err
		}
	}
	return configure(img, filepath.Join(dir, "config.json"))
}

// configure takes over what config.json says of the container and the history.
func configure(img v1.Image, file string) (v1.Image, error) {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return img, nil
	}
	if err != nil {
		return nil, err
	}
	var given v1.ConfigFile
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Config, config.History, config.OS, config.Architecture = given.Config, given.History, "linux", "amd64"
	return mutate.ConfigFile(img, config)
}

func readModes(file string) (map[string]int64, error) {
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	modes := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		var path string
		var mode int64
		if _, err := fmt.Sscanf(line, "%s %o", &path, &mode); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, line, err)
		}
		modes[path] = mode
	}
	return modes, nil
}

// tarOf is a folder as a tar file, in order of the paths. What lies in a folder
// named bin may be executed.
func tarOf(dir string, modes map[string]int64) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(dir, file)
		if err != nil || relErr != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			return w.WriteHeader(&tar.Header{Name: rel + "/", Typeflag: tar.TypeDir, Mode: 0o755})
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		mode, ok := modes[rel]
		if !ok {
			if mode = 0o644; filepath.Base(filepath.Dir(file)) == "bin" {
				mode = 0o755
			}
		}
		if err := w.WriteHeader(&tar.Header{Name: rel, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

func writeArchive(file, repository string, img v1.Image) error {
	tag, err := name.NewTag("shop.example/" + repository + ":1")
	if err != nil {
		return err
	}
	return tarball.WriteToFile(file, tag, img)
}

// imageCommand is the command "image FOLDER OUT" of the stories: OUT is an
// archive if it ends in .tar, else a layout.
func imageCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: image FOLDER OUT")
	}
	dir, out := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	img, err := buildImage(dir)
	ts.Check(err)
	if strings.HasSuffix(out, ".tar") {
		ts.Check(writeArchive(out, filepath.Base(dir), img))
		return
	}
	path, err := layout.Write(out, empty.Index)
	ts.Check(err)
	ts.Check(path.AppendImage(img))
}

// startRegistry starts a registry for the story, at $REGISTRY, that holds the
// example's image as app:1.
func startRegistry(env *testscript.Env) error {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	env.Defer(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	env.Setenv("REGISTRY", host)
	ref, err := name.ParseReference(host + "/app:1")
	if err != nil {
		return err
	}
	img, err := buildImage(filepath.Join("..", "examples", "image"))
	if err != nil {
		return err
	}
	return remote.Write(ref, img)
}

// expandCommand is the command "expand FILE...": it puts the values of $VARIABLES
// into files.
func expandCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o666))
	}
}

// TestExampleImage holds the archive of the examples against the folder that it
// is made of. The configuration names the digests of the layers, so the two are
// the same if their configurations are.
func TestExampleImage(t *testing.T) {
	archive := filepath.Join("..", "examples", "image.tar")
	img, err := buildImage(filepath.Join("..", "examples", "image"))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := writeArchive(archive, "app", img); err != nil {
			t.Fatal(err)
		}
	}
	want, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	written, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := written.ConfigName(); err != nil || got != want {
		t.Errorf("%s is not made of examples/image: its configuration is %s and should be %s (%v); make generate writes it", archive, got, want, err)
	}
}
