package advisory

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// document is an advisory that has still to be read.
type document struct {
	name string
	// changed is the date of the file, for advisories that have none.
	changed time.Time
	read    func(*unzipper) ([]byte, error)
}

// zipDocuments are the advisories in an archive.
func zipDocuments(name string, r io.ReaderAt, size int64) iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		for e, err := range zipEntries(r, size) {
			if err != nil {
				yield(document{}, fmt.Errorf("reading %s: %w", name, err))
				return
			}
			if !strings.HasSuffix(e.name, ".json") {
				continue
			}
			d := document{name + ": " + clip(e.name, 100), e.changed, func(u *unzipper) ([]byte, error) { return u.read(r, e) }}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// folderDocuments are the advisories in a folder and those below it.
func folderDocuments(dir string) iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		for file, err := range folderFiles(dir) {
			if err != nil {
				yield(document{}, fmt.Errorf("reading %s: %w", dir, err))
				return
			}
			if filepath.Ext(file) == ".json" && !yield(fileDocument(file), nil) {
				return
			}
		}
	}
}

// folderFiles are the regular files in a folder and those below it. Links are not
// followed.
func folderFiles(dir string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		n := 0
		err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			if n++; n > maxEntries {
				return fmt.Errorf("there are more than %d files", maxEntries)
			}
			if !yield(name, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", err)
		}
	}
}

func fileDocument(name string) document {
	changed := time.Time{}
	if info, err := os.Stat(name); err == nil {
		changed = info.ModTime()
	}
	return document{name, changed, func(*unzipper) ([]byte, error) { return readBounded(name, maxEntry) }}
}

// readBounded reads a file that must not be larger than limit.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is larger than %d MiB", limit>>20)
	}
	return data, err
}

// read is a document that was read, or why it could not be.
type read struct {
	name  string
	entry *Entry
	err   error
}

// batchSize is how many documents a worker takes at once.
const batchSize = 64

// readAll reads documents with as many workers as there are processors, and calls
// fn with each in their order, from one goroutine.
func readAll(ctx context.Context, documents iter.Seq2[document, error], fn func(read)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type batch struct {
		documents []document
		done      chan []read
	}
	workers := runtime.GOMAXPROCS(0)
	todo, order := make(chan batch, workers), make(chan batch, 2*workers)
	var failed error
	go func() {
		defer close(order)
		defer close(todo)
		b := batch{done: make(chan []read, 1)}
		flush := func() bool {
			select {
			case <-ctx.Done():
				return false
			case order <- b:
			}
			todo <- b // a worker takes it, whatever happens
			b = batch{done: make(chan []read, 1)}
			return true
		}
		for d, err := range documents {
			if err != nil {
				failed = err
				break
			}
			if b.documents = append(b.documents, d); len(b.documents) == batchSize && !flush() {
				return
			}
		}
		flush()
	}()
	for range workers {
		go func() {
			var u unzipper
			for b := range todo {
				b.done <- readBatch(ctx, &u, b.documents)
			}
		}()
	}
	for b := range order {
		for _, r := range <-b.done {
			fn(r)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return failed
}

func readBatch(ctx context.Context, u *unzipper, documents []document) []read {
	out := make([]read, 0, len(documents))
	for _, d := range documents {
		if ctx.Err() != nil {
			return out
		}
		text, err := d.read(u)
		var entry *Entry
		if err == nil {
			entry, err = ReadOSV(text)
		}
		if err == nil && entry.undated {
			entry.Changed = d.changed
		}
		out = append(out, read{d.name, entry, err})
	}
	return out
}
