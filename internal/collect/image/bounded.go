package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// until is content that can be read until its context ends: what is hostile may
// have no end of its own.
type until struct {
	ctx context.Context
	r   io.Reader
	at  io.ReaderAt
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

func (u until) ReadAt(p []byte, off int64) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.at.ReadAt(p, off)
}

// errNotRegular says that a path is a pipe, a device or a folder.
var errNotRegular = errors.New("it is no regular file")

// regular opens a file by a function like os.OpenFile, and no pipe: that would
// wait for somebody to write into it.
func regular(open func(string, int, os.FileMode) (*os.File, error), name string) (*os.File, os.FileInfo, error) {
	f, err := open(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// maxValues is the largest number of values in a document. In memory the
// shortest ones take fifty times what they take in it.
const maxValues = 250_000

// readDocument reads a manifest, an index or a configuration.
func readDocument(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	case len(text) > maxDocument:
		return nil, fmt.Errorf("reading %s: it is larger than %d MiB", name, maxDocument>>20)
	case values(text) > maxValues:
		return nil, fmt.Errorf("reading %s: it lists more than %d values", name, maxValues)
	}
	return text, nil
}

// values counts those of a JSON document, roughly.
func values(text []byte) (n int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '{' || c == '['):
			n++
		}
	}
	return n
}

// maxDocuments is how much the documents of all images of one archive or layout
// may take in memory, in bytes.
const maxDocuments = 64 << 20

var errDocuments = fmt.Errorf("the configurations of its images take more than %d MiB together", maxDocuments>>20)

// weigh guesses how much a configuration takes in memory.
func weigh(text []byte) int { return len(text) + 100*values(text) }

// allowance is how many bytes the layers of an image may still become. Each one
// adds to it by its stored size once: a small one that is named a thousand times
// does not become large.
type allowance struct {
	left int64
	seen map[string]bool
}

func newAllowance() *allowance { return &allowance{freeRatio, map[string]bool{}} }

// ratio is what a stored byte of a layer allows for.
func (a *allowance) ratio(l *Layer) int64 {
	key := cmp.Or(l.Digest, l.blob.Annotations[savedPath])
	if a.seen[key] {
		return 0
	}
	a.seen[key] = true
	return maxRatio
}
