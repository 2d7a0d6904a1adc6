package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// The bounds on entries.
const (
	// maxEntries is the largest number of entries of an image.
	maxEntries = 5_000_000
	// maxMarks is how many paths of an image are remembered: its entries, and the
	// folders that they are in.
	maxMarks = 6_000_000
	// maxShadow is how many of them may lie above the oldest layer: those stay in
	// memory.
	maxShadow = 3_000_000
	// maxSparse is how many bytes of sparse files are looked at: a header is
	// enough for a petabyte of holes.
	maxSparse = 512 << 20
	// maxName is the longest path; PATH_MAX of Linux.
	maxName = 4096
	// maxProblems is how many problems of one image are told one by one.
	maxProblems = 1000
)

// Problem is what could not be read of an image, or not be trusted.
type Problem struct {
	Layer  *asset.Layer
	Path   string // "" for the layer as a whole
	Reason string
}

// Walk streams every layer once past the analysers, newest first where the image
// does not come as a stream, and returns what went wrong. A layer that breaks off
// is a problem; the others are read.
func (img *Image) Walk(ctx context.Context, analysers []Analyser) []Problem {
	w := &walker{analysers: analysers, hidden: newHidden(), jobs: make(chan job, 64), budget: newBudget(maxFlight), allowed: newAllowance()}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(w.work)
	}
	for _, reason := range img.unread {
		w.problem(nil, "", reason)
	}
	for _, i := range w.order(img) {
		layer := &img.Layers[i]
		if ctx.Err() != nil {
			break
		}
		if err := w.layer(ctx, img.store, layer); err != nil {
			w.problem(&layer.Layer, "", err.Error())
		}
		w.marked += len(w.shadow.marks)
		w.above += len(w.shadow.marks)
		w.hidden.cast(layer.Index, w.shadow.marks)
		w.shadow = shadow{marks: w.shadow.marks[:0]}
	}
	close(w.jobs)
	workers.Wait()
	if err := ctx.Err(); err != nil {
		w.problem(nil, "", "reading was broken off: "+err.Error())
	}
	return w.problems
}

// order is the one in which the layers are read: newest first, unless they come
// from a store that is read from its beginning to its end. What they do to each
// other is known beforehand then.
func (w *walker) order(img *Image) []int {
	order := make([]int, len(img.Layers))
	for i := range order {
		order[i] = len(order) - 1 - i
	}
	var places []place
	if store, ok := img.store.(ordered); ok {
		places = store.places(img.Layers)
	}
	if places == nil {
		return order
	}
	for i, p := range places {
		w.hidden.cast(int64(i), p.marks)
	}
	slices.SortStableFunc(order, func(a, b int) int { return places[a].number - places[b].number })
	return order
}

// ordered is a store that may have to be read from its beginning to its end.
type ordered interface {
	// places says where the layers lie then, else nil.
	places([]Layer) []place
}

// walker is one walk over an image.
type walker struct {
	analysers []Analyser
	hidden    *hidden
	shadow    shadow // of the layer that is being read
	jobs      chan job
	budget    *budget
	allowed   *allowance
	entries   int
	marked    int   // paths of the layers that were read
	above     int   // those of them that are above the oldest layer
	sparse    int64 // bytes of sparse files that were looked at

	mu       sync.Mutex
	problems []Problem
	untold   int
}

func (w *walker) problem(l *asset.Layer, name, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.problems) >= maxProblems {
		w.untold++
		w.problems[maxProblems-1] = Problem{nil, "", fmt.Sprintf("%d more problems are not listed", w.untold+1)}
		return
	}
	w.problems = append(w.problems, Problem{l, name, reason})
}

// layer reads one layer and checks that it is the one that was promised.
func (w *walker) layer(ctx context.Context, store blobs, l *Layer) error {
	blob, err := store.blob(ctx, l.blob)
	if err != nil {
		return fmt.Errorf("the layer cannot be opened: %w", err)
	}
	u, err := unpack(ctx, blob, w.allowed, l)
	if err != nil {
		blob.Close()
		return fmt.Errorf("the layer cannot be decompressed: %w", err)
	}
	defer u.Close()
	verified := func() error { return nil }
	if u.plain != nil {
		verified = verifyPlain(ctx, u.plain, l)
	}
	readErr := w.read(ctx, u, l)
	// The jobs of this layer read its blob: it is closed when they are done.
	w.budget.wait()
	if readErr != nil {
		verified() //nolint:errcheck // what broke off cannot match
		return fmt.Errorf("the layer cannot be read to its end: %w", readErr)
	}
	if u.plain != nil {
		return verified()
	}
	if err := u.drain(); err != nil {
		return fmt.Errorf("the layer cannot be read to its end: %w", err)
	}
	return compareDigests(l, u.packed.digest(), u.whole.digest())
}

// verifyPlain hashes an uncompressed layer while it is being looked through.
func verifyPlain(ctx context.Context, s *section, l *Layer) (wait func() error) {
	result := make(chan error, 1)
	go func() {
		h := sha256.New()
		buf := make([]byte, chunk)
		_, err := io.CopyBuffer(struct{ io.Writer }{h}, until{ctx: ctx, r: io.NewSectionReader(s, 0, s.size)}, buf)
		if err == nil {
			digest := fmt.Sprintf("sha256:%x", h.Sum(nil))
			err = compareDigests(l, digest, digest)
		}
		result <- err
	}()
	return func() error { return <-result }
}

func compareDigests(l *Layer, packed, whole string) error {
	for _, d := range []struct{ promised, found string }{{l.Digest, packed}, {l.DiffID, whole}} {
		switch {
		case d.promised == "":
		case !strings.HasPrefix(d.promised, "sha256:"):
			return fmt.Errorf("the layer's digest %.100q cannot be checked: only sha256 is", d.promised)
		case d.promised != d.found:
			return fmt.Errorf("the layer's digest should be %s and is %s: %w", d.promised, d.found, errDigest)
		}
	}
	return nil
}

// read goes through the entries of a layer.
func (w *walker) read(ctx context.Context, u *unpacked, l *Layer) error {
	t := tar.NewReader(u.Reader)
	for {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if w.entries++; w.entries > maxEntries || w.marked+len(w.shadow.marks) > maxMarks || w.above+len(w.shadow.marks) > maxShadow {
			return fmt.Errorf("the image has more than %d entries, or with the folders that they are in more than %d, or %d above its oldest layer", maxEntries, maxMarks, maxShadow)
		}
		name := cleanName(h.Name)
		if reason := suspicious(h); reason != "" {
			w.problem(&l.Layer, name, reason)
		}
		if name == "" || len(name) > maxName {
			continue
		}
		if w.shadow.marker(name) {
			continue
		}
		f := newFile(h, name, &l.Layer)
		w.shadow.add(name, f.Mode)
		if l.Index == 0 { // nothing is below the oldest layer
			w.marked += len(w.shadow.marks)
			w.shadow.marks = w.shadow.marks[:0]
		}
		f.Deleted = w.hidden.hides(l.Index, name, f.Mode)
		if err := w.visit(ctx, f, h, t, u); err != nil {
			return err
		}
	}
}

// newFile makes a File of a tar header.
func newFile(h *tar.Header, name string, l *asset.Layer) *File {
	f := &File{Path: name, Layer: l, Mode: h.FileInfo().Mode(), UID: h.Uid, GID: h.Gid, Size: h.Size, ModTime: h.ModTime}
	switch h.Typeflag {
	case tar.TypeSymlink:
		f.Link = h.Linkname
	case tar.TypeLink:
		f.Link, f.Hard, f.Size = cleanName(h.Linkname), true, 0
	}
	return f
}

// suspicious says what an entry tries, if it tries to leave its image.
func suspicious(h *tar.Header) string {
	for part := range strings.SplitSeq(h.Name, "/") {
		if part == ".." {
			return "its name leads out of the image with \"..\": it was looked at where an engine would put it"
		}
	}
	if h.Typeflag == tar.TypeLink && strings.Contains("/"+h.Linkname+"/", "/../") {
		return "it is a hard link that leads out of the image"
	}
	if h.Size < 0 || len(h.Name) > maxName {
		return "its header is out of bounds"
	}
	return ""
}

// cleanName is a path relative to the root of the image, whatever it tries.
func cleanName(name string) string {
	clean := name != "" && name[0] != '/' && name[0] != '.' && name[len(name)-1] != '/' &&
		!strings.Contains(name, "//") && !strings.Contains(name, "/.")
	if clean {
		return name
	}
	return path.Clean("/" + name)[1:]
}

// visit shows an entry to the analysers and arranges for the content that they
// ask for.
func (w *walker) visit(ctx context.Context, f *File, h *tar.Header, t *tar.Reader, u *unpacked) error {
	needs, most := w.needs(f)
	if most == Nothing || f.Size == 0 || !f.Mode.IsRegular() || f.Hard {
		return nil
	}
	holes := sparse(h)
	if holes {
		if f.Size > maxSparse-w.sparse {
			w.problem(f.Layer, f.Path, fmt.Sprintf("it is a sparse file, and sparse files are looked into up to %d MiB in all: its content was not looked at", maxSparse>>20))
			return nil
		}
		w.sparse += f.Size
	}
	if u.plain != nil && !holes {
		// The content stays where it is; workers read it there.
		at := u.plain.at
		w.submit(job{file: f, needs: needs, content: &sectionContent{file: until{ctx: ctx, at: u.plain}, offset: at, size: f.Size}}, 0)
		return nil
	}
	return w.fromStream(f, needs, most, t)
}

// sparse entries are the only ones whose content is not in the archive as it is.
func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (w *walker) needs(f *File) (needs []Need, most Need) {
	for i, a := range w.analysers {
		n := a.Visit(f)
		if n == Nothing {
			continue
		}
		if needs == nil {
			needs = make([]Need, len(w.analysers))
		}
		needs[i] = n
		most = max(most, n)
	}
	return needs, most
}

// fromStream takes the content out of a stream before the next entry comes.
func (w *walker) fromStream(f *File, needs []Need, most Need, t *tar.Reader) error {
	if f.Size > WindowSize {
		head, err := readExactly(t, HeadSize)
		if err != nil {
			return err
		}
		if needs, most = w.refine(f, needs, head); most == Nothing {
			return nil
		}
		if most != Random {
			return w.lockstep(f, needs, head, t)
		}
		if f.Size > MaxRandom {
			w.problem(f.Layer, f.Path, fmt.Sprintf("it is larger than %d MiB in a compressed layer: it was looked through but not taken apart", MaxRandom>>20))
			for i := range needs {
				needs[i] = min(needs[i], Windows)
			}
			return w.lockstep(f, needs, head, t)
		}
		w.budget.take(f.Size)
		whole, err := readInto(make([]byte, f.Size), head, t)
		if err != nil {
			w.budget.give(f.Size)
			return err
		}
		w.send(job{file: f, needs: needs, content: bytesContent(whole), weight: f.Size})
		return nil
	}
	size := f.Size
	if most == Head {
		size = min(size, HeadSize)
	}
	w.budget.take(size)
	whole, err := readExactly(t, size)
	if err != nil {
		w.budget.give(size)
		return err
	}
	w.send(job{file: f, needs: needs, content: bytesContent(whole), weight: size})
	return nil
}

// Refiner is an Analyser that can tell by the beginning of a large file whether
// it needs the rest.
type Refiner interface {
	// Refine is asked before a file of more than a window is read, and says what
	// is needed of it after all.
	Refine(f *File, head []byte) Need
}

func (w *walker) refine(f *File, needs []Need, head []byte) (refined []Need, most Need) {
	refined = slices.Clone(needs)
	for i, a := range w.analysers {
		if r, ok := a.(Refiner); ok && refined[i] > Head {
			refined[i] = min(refined[i], r.Refine(f, head))
		}
		most = max(most, refined[i])
	}
	return refined, most
}

func readExactly(r io.Reader, size int64) ([]byte, error) {
	return readInto(make([]byte, size), nil, r)
}

func readInto(buf, head []byte, r io.Reader) ([]byte, error) {
	n := copy(buf, head)
	_, err := io.ReadFull(r, buf[n:])
	return buf, err
}
