package signature

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readLock adds the tags of the lock file; there need not be one yet. What the
// policy itself says of a tag holds over it.
func (p *Policy) readLock() error {
	text, err := readFile(p.Lock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the lock file %s: %w", p.Lock, err)
	}
	locked, err := parseLock(p.Lock, text)
	if err != nil {
		return err
	}
	maps.Copy(locked, p.Tags)
	p.Tags = locked
	return nil
}

func parseLock(file string, text []byte) (map[string]string, error) {
	r := &reader{file: file}
	tags := map[string]string{}
	if root := r.document(text); root != nil {
		r.tags(tags, root)
	}
	return tags, errors.Join(r.errs...)
}

// Record writes into the lock file that a tag stands for a digest. A tag that is
// recorded with another digest is refused.
func (p *Policy) Record(ref, digest string) error {
	if p.Lock == "" {
		return fmt.Errorf(`recording %s: the policy %s names no lock file: add "lock: images.lock" to it`, ref, p.File)
	}
	tags := map[string]string{}
	text, err := readFile(p.Lock)
	if err == nil {
		tags, err = parseLock(p.Lock, text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("recording %s: %w", ref, err)
	}
	if old := tags[ref]; old != "" && old != digest {
		return fmt.Errorf("recording %s: %s already has %s: take that line out if the tag may move", ref, p.Lock, old)
	}
	tags[ref] = digest
	return writeLock(p.Lock, tags)
}

// writeLock replaces the file as a whole.
func writeLock(file string, tags map[string]string) error {
	var b strings.Builder
	b.WriteString("# What tags stood for when they were verified, written by holdfast verify --record.\n")
	for _, ref := range slices.Sorted(maps.Keys(tags)) {
		fmt.Fprintf(&b, "%s: %s\n", ref, tags[ref])
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".holdfast-*")
	if err != nil {
		return fmt.Errorf("writing the lock file %s: %w", file, cause(err))
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(b.String())
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("writing the lock file %s: %w", file, err)
	}
	return nil
}
