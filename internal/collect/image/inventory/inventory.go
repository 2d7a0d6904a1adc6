// Package inventory finds out what software an image carries: the packages of
// its distribution and of languages, the modules that binaries are linked from,
// the distribution itself and the interpreters; and which file belongs to which
// package of the distribution.
//
// It is an analyser of the stream of an image's files. A file of no interest
// costs the comparison of a few bytes of its name. What the interesting ones
// tell is put together at the end, as only then is it known which copy of a
// package database counts and what belongs to whom.
package inventory

import (
	"fmt"
	"io"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// The bounds on what one image may tell.
const (
	// maxText is the largest database that is read, maxLock the largest lock file
	// or manifest: those of the largest applications have 5 MB.
	maxText = 64 << 20
	maxLock = 16 << 20
	// maxPackages is how many packages are kept. Large images have 20,000.
	maxPackages = 100_000
)

// Inventory collects while an image streams by.
type Inventory struct {
	mu        sync.Mutex
	found     []found
	databases []database
	owned     ownership
	releases  []release
	runtimes  []interpreter
	licenses  map[string][]string // of Debian packages, by name
	count     int
}

// found is a package that a file told of.
type found struct {
	asset.Package
	path  string // the file that told, as in image.File
	layer *asset.Layer
	// lock is the folder of the lock file that names the package: it says what
	// should be installed there, not what is.
	lock   string
	locked bool
}

// New makes an empty inventory.
func New() *Inventory {
	return &Inventory{licenses: map[string][]string{}, owned: newOwnership()}
}

// Visit implements image.Analyser.
func (inv *Inventory) Visit(f *image.File) image.Need {
	if !f.Mode.IsRegular() || f.Hard {
		return image.Nothing
	}
	k := classify(f.Path)
	if k == executable {
		if f.Deleted || !mayHoldModules(f) {
			return image.Nothing
		}
		return image.Random
	}
	if k == none || f.Deleted && !kinds[k].history {
		return image.Nothing
	}
	if kinds[k].read == nil { // the path is all that there is to know
		inv.addPath(f, k)
		return image.Nothing
	}
	return kinds[k].need
}

// Refine implements image.Refiner: a large file is not kept in memory as a whole
// where its beginning tells that it need not be.
func (inv *Inventory) Refine(f *image.File, head []byte) image.Need {
	k := classify(f.Path)
	if k == executable {
		return needOfExecutable(f, head)
	}
	return kinds[k].need
}

// Look implements image.Analyser.
func (inv *Inventory) Look(f *image.File, c image.Content) (err error) {
	k := classify(f.Path)
	if k == none || kinds[k].read == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("/%s is malformed in a way that its reader was not ready for (%v); its packages are missing", f.Path, r)
		}
	}()
	if err := kinds[k].read(inv, f, c); err != nil {
		return fmt.Errorf("reading /%s for its packages: %w", f.Path, err)
	}
	return nil
}

// add keeps packages that a file told of.
func (inv *Inventory) add(f *image.File, packages ...asset.Package) error {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	for i := range packages {
		if err := inv.room(1); err != nil {
			return err
		}
		inv.found = append(inv.found, found{Package: packages[i], path: f.Path, layer: f.Layer})
	}
	return nil
}

// addLocked keeps packages that a lock file names.
func (inv *Inventory) addLocked(f *image.File, packages []asset.Package) error {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if err := inv.room(len(packages)); err != nil {
		return err
	}
	for i := range packages {
		inv.found = append(inv.found, found{Package: packages[i], path: f.Path, layer: f.Layer, lock: folder(f.Path), locked: true})
	}
	return nil
}

func (inv *Inventory) room(n int) error {
	if inv.count+n > maxPackages {
		return fmt.Errorf("the image names more than %d packages: the others are left out", maxPackages)
	}
	inv.count += n
	return nil
}

// content returns all of a file, which must not be changed or kept.
func content(c image.Content) ([]byte, error) { return contentUpTo(c, maxText) }

// lockContent returns all of a file that is parsed as a whole.
func lockContent(c image.Content) ([]byte, error) { return contentUpTo(c, maxLock) }

func contentUpTo(c image.Content, most int64) ([]byte, error) {
	if c.Size() > most {
		return nil, fmt.Errorf("it has %d bytes, more than the %d that are read of such a file", c.Size(), most)
	}
	if b := c.Bytes(); b != nil {
		return b, nil
	}
	b := make([]byte, c.Size())
	n, err := c.ReadAt(b, 0)
	if n < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}
