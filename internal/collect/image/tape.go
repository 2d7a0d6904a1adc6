package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// An archive that comes as a stream (what an engine exports, or a compressed
// file) is read twice from its beginning to its end, however many layers it has
// and in whatever order: once to learn what is in it and what its layers do to
// each other, and once to look at them.

// The bounds on what is kept of a stream.
const (
	// smallEntry is the largest entry that is kept as it is, up to maxKept in
	// all: empty layers come again and again.
	smallEntry = 32 << 10
	maxKept    = 16 << 20
)

// learn reads an entry of a stream for the first time.
func (a *archive) learn(ctx context.Context, e *entry, r io.Reader) error {
	content := bufio.NewReader(r)
	first, err := content.Peek(1)
	if err != nil {
		return ignoreEOF(err)
	}
	isDocument := e.size <= maxDocument && (first[0] == '{' || first[0] == '[')
	if (isDocument || e.size <= smallEntry) && e.size <= maxKept-a.kept {
		a.kept += e.size
		if e.text, err = io.ReadAll(content); err != nil || isDocument {
			return err
		}
		content = bufio.NewReader(bytes.NewReader(e.text))
	}
	var become int64
	e.marks, become, err = marksOf(ctx, content, maxShadow-a.marked)
	a.marked += len(e.marks)
	if a.become += become; a.allowed != nil && a.become > a.allowed() {
		return errBomb
	}
	return err
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// marksOf lists what a layer does to older ones. Content that is no layer, or a
// broken one, does what could be read of it: its reader will tell. become is how
// many bytes it became.
func marksOf(ctx context.Context, r *bufio.Reader, most int) (marks []mark, become int64, err error) {
	packed := &counter{r: until{ctx: ctx, r: r}}
	buffered := bufio.NewReaderSize(packed, 64<<10)
	magic, _ := buffered.Peek(4)
	u := &unpacked{}
	defer u.Close()
	plain, err := u.decompress(buffered, compression(magic))
	if err != nil {
		return nil, 0, nil //nolint:nilerr // as above
	}
	whole := &counter{r: plain, limit: func() int64 { return freeRatio + maxRatio*packed.n }}
	var s shadow
	for t := tar.NewReader(whole); ; {
		h, err := t.Next()
		if err != nil {
			return s.marks, whole.n, ctx.Err()
		}
		if len(s.marks) > most {
			return nil, whole.n, fmt.Errorf("the layers of the archive have more than %d entries and folders", maxShadow)
		}
		if name := cleanName(h.Name); name != "" && len(name) <= maxName && !s.marker(name) {
			s.add(name, h.FileInfo().Mode())
		}
	}
}

// reel is a stream of an archive and how far it was read.
type reel struct {
	stream io.Closer
	tar    *tar.Reader
	next   int // the number of the next entry
}

// wind brings a stream to an entry: the one that was left by the last reader,
// where the entry is still to come, else a new one.
func (a *archive) wind(ctx context.Context, name string, number int) (*reel, error) {
	r := a.take()
	if r != nil && r.next <= number {
		if err := r.find(name, number); err == nil {
			return r, nil
		}
	}
	if r != nil {
		r.stream.Close()
	}
	stream, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	r = &reel{stream: stream, tar: tar.NewReader(stream)}
	if err := r.find(name, number); err != nil {
		stream.Close()
		return nil, fmt.Errorf("looking for %s in the archive: %w", name, err)
	}
	return r, nil
}

// find goes on to an entry; the last one of a name counts, as it does elsewhere.
func (r *reel) find(name string, number int) error {
	for {
		h, err := r.tar.Next()
		if err != nil {
			return err
		}
		r.next++
		if r.next > number && h.Typeflag == tar.TypeReg && cleanName(h.Name) == name {
			return nil
		}
	}
}

// take hands over the stream that was left, if any.
func (a *archive) take() *reel {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.left
	a.left = nil
	return r
}

// leave keeps a stream for the next reader; there is one at a time, else the
// other one ends.
func (a *archive) leave(r *reel) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left != nil {
		a.left.stream.Close()
	}
	a.left = r
}

// Close ends the stream that was left.
func (a *archive) Close() error {
	if r := a.take(); r != nil {
		return r.stream.Close()
	}
	return nil
}

// reelEntry is an entry of a stream while it is being read.
type reelEntry struct {
	archive *archive
	reel    *reel // nil when closed
}

func (e *reelEntry) Read(p []byte) (int, error) { return e.reel.tar.Read(p) }

// Close leaves the stream where it is.
func (e *reelEntry) Close() error {
	if e.reel != nil {
		e.archive.leave(e.reel)
		e.reel = nil
	}
	return nil
}

// place is where a layer lies in a stream, and what it does to older layers.
type place struct {
	number int
	marks  []mark
}

// places implements ordered for archives that are layouts.
func (a *archive) places(layers []Layer) []place {
	return a.placesBy(layers, func(d v1.Descriptor) string { return blobPath(d.Digest) })
}

func (s savedLayers) places(layers []Layer) []place {
	return s.placesBy(layers, func(d v1.Descriptor) string { return cleanName(d.Annotations[savedPath]) })
}

func (a *archive) placesBy(layers []Layer, file func(v1.Descriptor) string) []place {
	if a.file != nil {
		return nil
	}
	out := make([]place, len(layers))
	for i := range layers {
		if _, e, err := a.lookup(file(layers[i].blob)); err == nil {
			out[i] = place{e.number, e.marks}
		}
	}
	return out
}
