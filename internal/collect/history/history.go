// Package history reads every version of every file that a git repository holds.
//
// The repository is part of what is scanned: git is run so that nothing which it
// sets up is executed, and only with plumbing commands, which no configuration
// steers. Nothing is checked out.
package history

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/git"
)

// Blob is one version of a file.
type Blob struct {
	// ID is git's name of the content, Commit the first commit that has it, and
	// Path where that commit has it, from the top of the repository.
	ID, Commit, Path string
	Size             int64
	// Content is valid during the call only. It is nil where the blob is larger
	// than Options.MaxSize.
	Content []byte
	// Deleted says that the commit that is checked out has the content nowhere.
	Deleted bool
}

// Options bound a walk. Zero stands for the default.
type Options struct {
	// MaxSize is the largest blob that is read, 32 MiB by default.
	MaxSize int64
	// MaxBlobs is the number of blobs that are read, two million by default.
	MaxBlobs int
}

// Summary is what a walk has seen, and what it could not see.
type Summary struct {
	Commits, Blobs int
	// Large are blobs above MaxSize, Missing those that the clone does not have.
	Large, Missing int
	// Shallow says that the clone does not have the whole history.
	Shallow bool
	// Cut says that there are more blobs than MaxBlobs.
	Cut bool
}

// The defaults of Options.
const (
	maxSize  = 32 << 20
	maxBlobs = 2_000_000
)

// Walk calls visit for each version of each file in the history of all branches
// and tags of the repository in dir, once, the oldest first. An error of visit
// ends the walk.
func Walk(ctx context.Context, dir string, options Options, visit func(Blob) error) (Summary, error) {
	options.MaxSize = cmp.Or(options.MaxSize, maxSize)
	options.MaxBlobs = cmp.Or(options.MaxBlobs, maxBlobs)
	w := walk{options: options, visit: visit}
	var err error
	if w.Runner, err = open(ctx, dir); err != nil {
		return Summary{}, err
	}
	if err := w.shallow(ctx); err != nil {
		return Summary{}, fmt.Errorf("reading the git history of %s: %w", dir, err)
	}
	if err := w.list(ctx); err != nil {
		return Summary{}, fmt.Errorf("reading the git history of %s: %w", dir, err)
	}
	if err := w.read(ctx); err != nil {
		return w.summary, fmt.Errorf("reading the git history of %s: %w", dir, err)
	}
	return w.summary, nil
}

// open finds the repository that the folder is in, or is.
func open(ctx context.Context, dir string) (git.Runner, error) {
	r, err := git.New(dir)
	if err != nil {
		return r, fmt.Errorf("looking for git, which knows the history: install it, or scan without --git: %w", err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return r, fmt.Errorf("opening the git repository %s: it is no folder", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
		if _, err := os.Stat(filepath.Join(dir, "objects")); err == nil {
			r = r.Bare()
		}
	}
	_, err = r.Output(ctx, "rev-parse", "--git-dir")
	var failed *git.Error
	switch {
	case err == nil:
		return r, nil
	case !errors.As(err, &failed):
		return r, err
	case strings.Contains(failed.Message, "not a git repository"):
		return r, fmt.Errorf("%s is in no git repository: name the folder of a clone", dir)
	case strings.Contains(failed.Message, "dubious ownership"):
		return r, fmt.Errorf("the git repository of %s belongs to another user: if you trust it, run git config --global --add safe.directory with its path", dir)
	}
	return r, fmt.Errorf("opening the git repository %s: %w", dir, err)
}

type walk struct {
	git.Runner
	options Options
	visit   func(Blob) error
	summary Summary
	// blobs are those to read, in order.
	blobs []version
	// now are the ids of what the commit that is checked out has.
	now map[string]bool
}

// version is one blob to read. Paths and commits repeat, so their texts are shared.
type version struct{ id, commit, path string }

func (w *walk) shallow(ctx context.Context) error {
	out, err := w.Output(ctx, "rev-parse", "--is-shallow-repository")
	w.summary.Shallow = strings.TrimSpace(string(out)) == "true"
	return err
}

// list finds the blobs and the commits that brought them: what each commit changed,
// the oldest first.
func (w *walk) list(ctx context.Context) error {
	commits, err := w.Output(ctx, "rev-list", "--all", "--reverse", "--topo-order")
	if err != nil {
		return err
	}
	w.summary.Commits = bytes.Count(commits, []byte("\n"))
	err = w.Stream(ctx, bytes.NewReader(commits), w.changes,
		"diff-tree", "--stdin", "-r", "--root", "--raw", "--no-renames", "--no-ext-diff", "--no-textconv", "-z", "--diff-merges=first-parent")
	if err != nil {
		return err
	}
	return w.checkedOut(ctx)
}

// changes reads what diff-tree prints: the id of a commit, then for each file that
// it changed the line of modes and ids, and the path.
func (w *walk) changes(r io.Reader) error {
	in := bufio.NewReaderSize(r, 256<<10)
	seen, paths := map[string]bool{}, map[string]string{}
	commit := ""
	for {
		token, err := readToken(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if token == "" || token[0] != ':' {
			commit = token
			continue
		}
		path, err := readToken(in)
		if err != nil {
			return fmt.Errorf("reading what git prints: it ends before a path: %w", err)
		}
		fields := strings.Fields(token)
		if len(fields) != 5 {
			return fmt.Errorf("reading what git prints: %q is no change", token)
		}
		// Only regular files have content of their own; links and submodules do not.
		mode, id := fields[1], fields[3]
		if !strings.HasPrefix(mode, "100") || seen[id] {
			continue
		}
		if len(w.blobs) == w.options.MaxBlobs {
			w.summary.Cut = true
			continue
		}
		known, ok := paths[path]
		if !ok {
			known = path
			paths[path] = path
		}
		id = strings.Clone(id)
		seen[id] = true
		w.blobs = append(w.blobs, version{id, commit, known})
	}
}

// maxToken bounds one token of git's: a path.
const maxToken = 64 << 10

// readToken returns the next text that ends with a zero byte.
func readToken(in *bufio.Reader) (string, error) {
	token, err := in.ReadString(0)
	switch {
	case err == nil && len(token) > maxToken:
		return "", fmt.Errorf("reading what git prints: a path of %d bytes", len(token))
	case err != nil && len(token) > 0:
		return "", errors.New("reading what git prints: it ends within a path")
	}
	return strings.TrimSuffix(token, "\x00"), err
}

// checkedOut lists what HEAD has. A repository without a commit has nothing.
func (w *walk) checkedOut(ctx context.Context) error {
	w.now = map[string]bool{}
	if _, err := w.Output(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"); git.SaysNo(err) {
		return nil
	} else if err != nil {
		return err
	}
	return w.Stream(ctx, nil, func(r io.Reader) error {
		in := bufio.NewReaderSize(r, 256<<10)
		for {
			token, err := readToken(in) // mode, type, id, tab, path
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if fields := strings.Fields(token); len(fields) > 2 {
				w.now[strings.Clone(fields[2])] = true
			}
		}
	}, "ls-tree", "-r", "-z", "--full-tree", "HEAD")
}

// read hands over the content of the blobs.
func (w *walk) read(ctx context.Context) error {
	var ids bytes.Buffer
	for _, v := range w.blobs {
		ids.WriteString(v.id + "\n")
	}
	return w.Stream(ctx, &ids, func(r io.Reader) error {
		in := bufio.NewReaderSize(r, 256<<10)
		var buffer []byte
		for _, v := range w.blobs {
			if err := w.blob(in, v, &buffer); err != nil {
				return err
			}
		}
		return nil
	}, "cat-file", "--batch")
}

// blob reads one answer of cat-file: a line with id, type and size, the content
// and a line break.
func (w *walk) blob(in *bufio.Reader, v version, buffer *[]byte) error {
	line, err := in.ReadString('\n')
	if err != nil {
		return fmt.Errorf("reading what git prints: blob %s: %w", v.id, err)
	}
	fields := strings.Fields(line)
	if len(fields) == 2 && fields[1] == "missing" {
		w.summary.Missing++
		return nil
	}
	if len(fields) != 3 {
		return fmt.Errorf("reading what git prints: %q is no head of a blob", strings.TrimSpace(line))
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || size < 0 {
		return fmt.Errorf("reading what git prints: blob %s has the size %q", v.id, fields[2])
	}
	b := Blob{ID: v.id, Commit: v.commit, Path: v.path, Size: size, Deleted: !w.now[v.id]}
	if size > w.options.MaxSize {
		w.summary.Large++
		if _, err := io.CopyN(io.Discard, in, size+1); err != nil {
			return err
		}
		return w.visit(b)
	}
	if int64(cap(*buffer)) < size+1 {
		*buffer = make([]byte, size+1)
	}
	content := (*buffer)[:size+1]
	if _, err := io.ReadFull(in, content); err != nil {
		return fmt.Errorf("reading what git prints: blob %s: %w", v.id, err)
	}
	b.Content = content[:size]
	w.summary.Blobs++
	return w.visit(b)
}
