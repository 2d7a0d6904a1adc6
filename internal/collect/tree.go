package collect

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// The bounds on what is read from disk.
const (
	// MaxFile is the largest file that is read, in bytes.
	MaxFile = 32 << 20
	// HeadSize is how much of a file is read to recognise it.
	HeadSize = 4 << 10
	// maxEntries bounds the files of one tree.
	maxEntries = 500_000
)

// Stdin is the path of standard input among targets and in findings.
const Stdin = "-"

// Tree is the files under the targets of a run, in order of their paths.
type Tree struct {
	Entries []*Entry
	// Problems are the paths that could not be looked at, with the reason.
	Problems []Problem

	byPath map[string]*Entry
	onDisk bool
}

// Problem is a path that could not be looked at.
type Problem struct {
	Path   string
	Reason string
}

// Entry is one regular file.
type Entry struct {
	// Path is slash-separated and, where the file lies below it, relative to
	// the working directory: what findings show.
	Path string
	// Explicit says that the user named this very file.
	Explicit bool

	file    string // what the operating system opens
	size    int64
	content []byte // standard input, or the content of tests
	head    []byte
	headErr error
	claimed bool
}

// skippedDirs are folders that hold other people's files or none at all.
var skippedDirs = []string{".git", ".hg", ".svn", "node_modules", ".terraform", ".venv", "__pycache__"}

// Walk lists the files under the targets. Links are followed only where a
// target itself is one: a link inside a tree leads to a file that is either
// found by itself or lies outside of what the user asked for. skip tells which
// paths the user excluded.
func Walk(targets []string, stdin io.Reader, skip func(path string) bool) (*Tree, error) {
	t := &Tree{byPath: map[string]*Entry{}, onDisk: true}
	for _, target := range targets {
		if target == Stdin {
			if err := t.addStdin(stdin); err != nil {
				return nil, err
			}
			continue
		}
		info, err := os.Stat(target)
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", target, errors.Unwrap(err))
		}
		if !info.IsDir() {
			t.add(&Entry{Path: Display(target), Explicit: true, file: target, size: info.Size()})
			continue
		}
		if err := t.walk(target, skip); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(t.Entries, func(a, b *Entry) int { return cmp.Compare(a.Path, b.Path) })
	return t, nil
}

// NewTree makes a tree of files in memory, by path.
func NewTree(files map[string]string) *Tree {
	t := &Tree{byPath: map[string]*Entry{}}
	for p, text := range files {
		t.add(&Entry{Path: p, content: []byte(text), size: int64(len(text))})
	}
	slices.SortFunc(t.Entries, func(a, b *Entry) int { return cmp.Compare(a.Path, b.Path) })
	return t
}

func (t *Tree) add(e *Entry) {
	if _, ok := t.byPath[e.Path]; !ok {
		t.byPath[e.Path] = e
		t.Entries = append(t.Entries, e)
	}
}

func (t *Tree) addStdin(stdin io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(stdin, MaxFile+1))
	if err != nil {
		return fmt.Errorf("reading standard input: %w", err)
	}
	t.add(&Entry{Path: Stdin, Explicit: true, content: text, size: int64(len(text))})
	return nil
}

func (t *Tree) walk(root string, skip func(string) bool) error {
	// A target that is a link is followed: WalkDir would stop at it.
	resolved, err := filepath.EvalSymlinks(root)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", root, err)
	}
	return filepath.WalkDir(resolved, func(file string, entry fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(resolved, file)
		if relErr != nil {
			return relErr
		}
		shown := Display(filepath.Join(root, rel))
		if err != nil {
			t.Problems = append(t.Problems, Problem{shown, "cannot be opened: " + errors.Unwrap(err).Error()})
			return nil
		}
		if entry.IsDir() {
			if rel != "." && (slices.Contains(skippedDirs, entry.Name()) || skip(shown+"/")) {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || skip(shown) {
			return nil
		}
		if len(t.Entries) >= maxEntries {
			return fmt.Errorf("%s holds more than %d files: name a smaller folder, or exclude some in .holdfast.yaml", root, maxEntries)
		}
		info, err := entry.Info()
		if err != nil {
			return nil // it went away between listing and looking
		}
		t.add(&Entry{Path: shown, file: file, size: info.Size()})
		return nil
	})
}

// Display gives a path the form that findings show: slash-separated, and
// relative to the working directory where it lies below it.
func Display(file string) string {
	if filepath.IsAbs(file) {
		if wd, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(wd, file); err == nil && filepath.IsLocal(rel) {
				file = rel
			}
		}
	}
	return filepath.ToSlash(filepath.Clean(file))
}

// Unclaimed lists the entries that no collector has claimed yet.
func (t *Tree) Unclaimed() []*Entry {
	var out []*Entry
	for _, e := range t.Entries {
		if !e.claimed {
			out = append(out, e)
		}
	}
	return out
}

// Get returns the entry with the path, or nil.
func (t *Tree) Get(p string) *Entry { return t.byPath[p] }

// Reach returns a file that is not in the tree but lies below the working
// directory: what an input refers to outside of the scanned folder, such as the
// base of an overlay. It does not follow links out of there, and trees in memory
// reach nothing. The file becomes known to Get, and is no input by itself.
func (t *Tree) Reach(p string) *Entry {
	if e := t.byPath[p]; e != nil {
		return e
	}
	if !t.onDisk || !filepath.IsLocal(filepath.FromSlash(p)) {
		return nil
	}
	root, err := os.OpenRoot(".")
	if err != nil {
		return nil
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(p))
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	e := &Entry{Path: p, file: filepath.FromSlash(p), size: info.Size(), claimed: true}
	t.byPath[p] = e
	return e
}

// Below lists the entries below a folder, in order of their paths; "." is the
// whole tree.
func (t *Tree) Below(dir string) []*Entry {
	if dir == "." {
		return slices.Clone(t.Entries)
	}
	// Paths with a common beginning follow each other: a tree with very many
	// folders is not searched through for each of them.
	from, _ := slices.BinarySearchFunc(t.Entries, dir+"/", func(e *Entry, prefix string) int { return cmp.Compare(e.Path, prefix) })
	to := from
	for to < len(t.Entries) && strings.HasPrefix(t.Entries[to].Path, dir+"/") {
		to++
	}
	return slices.Clone(t.Entries[from:to])
}

// Claim marks an entry as taken.
func (e *Entry) Claim() { e.claimed = true }

// Claimed reports whether a collector has taken the entry.
func (e *Entry) Claimed() bool { return e.claimed }

// Base returns the file's name, Dir its folder.
func (e *Entry) Base() string { return path.Base(e.Path) }

// Dir returns the folder that the file is in.
func (e *Entry) Dir() string { return path.Dir(e.Path) }

// File returns what the operating system opens; "" for standard input and for
// trees in memory.
func (e *Entry) File() string { return e.file }

// Head returns the first bytes of the file, read once.
func (e *Entry) Head() []byte {
	switch {
	case e.content != nil:
		return e.content[:min(len(e.content), HeadSize)]
	case e.head != nil || e.headErr != nil || e.file == "":
		return e.head
	}
	f, err := os.Open(e.file)
	if err != nil {
		e.headErr = err
		return nil
	}
	defer f.Close()
	head := make([]byte, min(HeadSize, max(e.size, 1)))
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		e.headErr = err
	}
	e.head = head[:n]
	return e.head
}

// Read returns the whole file. Its error is fit for a person: it does not
// repeat the path.
func (e *Entry) Read() ([]byte, error) { return e.readInto(&bytes.Buffer{}) }

func (e *Entry) readInto(buffer *bytes.Buffer) ([]byte, error) {
	if e.size > MaxFile {
		return nil, fmt.Errorf("it is larger than %d MiB", MaxFile>>20)
	}
	if e.content != nil {
		return e.content, nil
	}
	f, err := os.Open(e.file)
	if err != nil {
		return nil, fmt.Errorf("it cannot be opened: %w", errors.Unwrap(err))
	}
	defer f.Close()
	buffer.Grow(int(e.size) + bytes.MinRead) // files mostly keep their size
	if _, err := buffer.ReadFrom(io.LimitReader(f, MaxFile+1)); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", errors.Unwrap(err))
	}
	text := buffer.Bytes()
	if len(text) > MaxFile {
		return nil, fmt.Errorf("it is larger than %d MiB", MaxFile>>20)
	}
	return text, nil
}

// Size is the number of bytes of the file.
func (e *Entry) Size() int64 { return e.size }

// Pieces hands over a file of any size in pieces as large as the buffer, each
// beginning with the last overlap bytes of the one before; offset is where the
// piece begins. It stops when yield returns false. Its error is fit for a person.
func (e *Entry) Pieces(buffer []byte, overlap int, yield func(piece []byte, offset int64) bool) error {
	if e.content != nil {
		yield(e.content, 0)
		return nil
	}
	f, err := os.Open(e.file)
	if err != nil {
		return fmt.Errorf("it cannot be opened: %w", errors.Unwrap(err))
	}
	defer f.Close()
	if err := Windows(f, buffer, overlap, yield); err != nil {
		return fmt.Errorf("it cannot be read: %w", errors.Unwrap(err))
	}
	return nil
}

// ReadText is Read for files that have to be text: it hands what cannot be read
// to the sink and reports whether there is something to go on with.
func (e *Entry) ReadText(sink Sink) ([]byte, bool) { return e.ReadTextInto(&bytes.Buffer{}, sink) }

// ReadTextInto is ReadText with the memory of an empty buffer: for collectors
// that keep nothing of the text and read many files.
func (e *Entry) ReadTextInto(buffer *bytes.Buffer, sink Sink) ([]byte, bool) {
	text, err := e.readInto(buffer)
	if err != nil {
		sink.Unread(source.Place{File: e.Path}, err.Error())
		return nil, false
	}
	if at := invalidUTF8(text); at >= 0 {
		line := 1 + bytes.Count(text[:at], []byte("\n"))
		sink.Unread(source.Place{File: e.Path, Position: source.Position{Line: line}}, "it is not UTF-8 text")
		return nil, false
	}
	return text, true
}

// invalidUTF8 returns the offset of the first byte that is no UTF-8 text, or -1.
func invalidUTF8(text []byte) int {
	if utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 {
		return -1
	}
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size <= 1 || r == 0 {
			return at
		}
		at += size
	}
	return -1
}
