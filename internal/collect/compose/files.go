package compose

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// files reads the files of one project: those of the tree, and on disk those
// below the working directory, below the project's own folder, or named by the
// user. What a project names elsewhere is not for a scanner to open.
type files struct {
	tree *collect.Tree
	// dir is the project's folder; "" where nothing is read from disk, as the
	// tree has none.
	dir string
	// named are the files that the user named.
	named []string
}

// errMissing is fs.ErrNotExist in words for people.
type errMissing struct{}

func (errMissing) Error() string   { return "it does not exist here" }
func (errMissing) Is(e error) bool { return e == fs.ErrNotExist }

var errOutside = errors.New("it lies outside of the folders that are scanned and of the working directory, so it is not read")

func (f *files) read(name string) ([]byte, error) {
	text, err := f.bytes(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errMissing{}
	case err != nil:
		return nil, err
	case !utf8.Valid(text):
		return nil, errors.New("it is not UTF-8 text")
	}
	return text, nil
}

func (f *files) bytes(name string) ([]byte, error) {
	if e := f.tree.Get(name); e != nil {
		return e.Read()
	}
	for _, n := range f.named {
		if n == name {
			return readWithin(path.Dir(name), path.Base(name))
		}
	}
	below, ok := strings.CutPrefix(name, strings.TrimSuffix(f.dir, "/")+"/")
	switch {
	case f.dir == "":
		return nil, fs.ErrNotExist
	case filepath.IsLocal(filepath.FromSlash(name)):
		return readWithin(".", name)
	case ok && filepath.IsLocal(filepath.FromSlash(below)):
		return readWithin(f.dir, below)
	}
	return nil, errOutside
}

// readWithin reads a regular file below a folder; a link that leads out of the
// folder is not followed.
func readWithin(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.FromSlash(dir))
	if err != nil {
		return nil, reason(err)
	}
	defer root.Close()
	name = filepath.FromSlash(name)
	info, err := root.Stat(name)
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, collect.MaxFile+1))
	if err != nil {
		return nil, reason(err)
	}
	if len(text) > collect.MaxFile {
		return nil, fmt.Errorf("it is larger than %d MiB", collect.MaxFile>>20)
	}
	return text, nil
}

// reason strips an error of the path, which the place of the report names.
func reason(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		if strings.Contains(pathErr.Err.Error(), "escapes") {
			return errOutside
		}
		return fmt.Errorf("it cannot be opened: %w", pathErr.Err)
	}
	return fmt.Errorf("it cannot be opened: %w", err)
}
