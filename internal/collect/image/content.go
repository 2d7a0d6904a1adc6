package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// maxFlight is how many bytes of files wait for being looked at, at most; a
// larger file goes alone.
const maxFlight = 8 << 20

// job is a file whose content somebody wants to look at.
type job struct {
	file    *File
	needs   []Need
	content Content
	weight  int64
}

// budget bounds the bytes in flight, and counts the jobs.
type budget struct {
	mu   sync.Mutex
	cond *sync.Cond
	max  int64
	used int64
	jobs int
}

func newBudget(limit int64) *budget {
	b := &budget{max: limit}
	b.cond = sync.NewCond(&b.mu)
	return b
}

// take waits until there is room; what is larger than everything waits until
// nothing else is there.
func (b *budget) take(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.used > 0 && b.used+n > b.max {
		b.cond.Wait()
	}
	b.used += n
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.cond.Broadcast()
}

func (b *budget) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.jobs++
}

func (b *budget) end(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.jobs--
	b.cond.Broadcast()
}

// wait returns when all jobs are done.
func (b *budget) wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.jobs > 0 {
		b.cond.Wait()
	}
}

func (w *walker) submit(j job, weight int64) {
	w.budget.take(weight)
	j.weight = weight
	w.send(j)
}

func (w *walker) send(j job) {
	w.budget.begin()
	w.jobs <- j
}

// work looks at files until there are no more.
func (w *walker) work() {
	var buffer []byte
	for j := range w.jobs {
		if s, ok := j.content.(*sectionContent); ok {
			buffer = w.refineSection(&j, s, buffer)
		}
		for i, a := range w.analysers {
			if j.needs[i] != Nothing {
				w.look(a, j.file, limited(j.content, j.needs[i]))
			}
		}
		w.budget.end(j.weight)
	}
}

// refineSection reads what fits a window into the worker's own buffer, once for
// all analysers, and asks for the rest whether it is needed.
func (w *walker) refineSection(j *job, s *sectionContent, buffer []byte) []byte {
	if buffer == nil {
		buffer = make([]byte, WindowSize)
	}
	s.buffer = buffer
	size := min(s.size, WindowSize)
	if onlyHeads(j.needs) || s.size > WindowSize {
		size = min(s.size, HeadSize)
	}
	n, err := s.file.ReadAt(buffer[:size], s.offset)
	if int64(n) < size {
		w.problem(j.file.Layer, j.file.Path, fmt.Sprintf("its content breaks off: %v", err))
		j.needs = make([]Need, len(j.needs))
		return buffer
	}
	if s.size > WindowSize {
		j.needs, _ = w.refine(j.file, j.needs, buffer[:size])
		return buffer
	}
	s.head = buffer[:size]
	return buffer
}

func onlyHeads(needs []Need) bool {
	for _, n := range needs {
		if n > Head {
			return false
		}
	}
	return true
}

// look runs one analyser on one file. Analysers parse hostile content with
// libraries: one that breaks down is a problem of this file.
func (w *walker) look(a Analyser, f *File, c Content) {
	defer func() {
		if p := recover(); p != nil {
			w.problem(f.Layer, f.Path, fmt.Sprintf("it could not be taken apart: %v", p))
		}
	}()
	if err := a.Look(f, c); err != nil {
		w.problem(f.Layer, f.Path, err.Error())
	}
}

func limited(c Content, need Need) Content {
	if need != Head || c.Size() <= HeadSize {
		return c
	}
	if b := c.Bytes(); b != nil {
		return bytesContent(b[:HeadSize])
	}
	head := make([]byte, HeadSize)
	n, _ := c.ReadAt(head, 0)
	return bytesContent(head[:n])
}

// bytesContent is content that is in memory.
type bytesContent []byte

func (b bytesContent) Size() int64   { return int64(len(b)) }
func (b bytesContent) Bytes() []byte { return b }

func (b bytesContent) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (b bytesContent) Windows(_ int, yield func([]byte, int64) bool) error {
	yield(b, 0)
	return nil
}

// sectionContent is content that lies in a file and is read from there.
type sectionContent struct {
	file         io.ReaderAt
	offset, size int64
	buffer       []byte // a window, of the worker
	head         []byte // the whole content, if it fits
}

func (s *sectionContent) Size() int64 { return s.size }
func (s *sectionContent) Bytes() []byte {
	if int64(len(s.head)) == s.size {
		return s.head
	}
	return nil
}

func (s *sectionContent) ReadAt(p []byte, off int64) (int, error) {
	if b := s.Bytes(); b != nil {
		return bytesContent(b).ReadAt(p, off)
	}
	return (&section{newSeeker(s.file, s.offset, s.size)}).ReadAt(p, off)
}

func (s *sectionContent) Windows(overlap int, yield func([]byte, int64) bool) error {
	if b := s.Bytes(); b != nil {
		yield(b, 0)
		return nil
	}
	r := io.NewSectionReader(s.file, s.offset, s.size)
	return collect.Windows(r, s.buffer, overlap, yield)
}

// lockstep shows a large file of a stream to all analysers at the same time, a
// window after the other: it passes only once and is never in memory as a whole.
func (w *walker) lockstep(f *File, needs []Need, head []byte, t *tar.Reader) error {
	buffer := make([]byte, WindowSize)
	var passing []*passingContent
	var done sync.WaitGroup
	for i, a := range w.analysers {
		if needs[i] == Head {
			w.look(a, f, bytesContent(head))
		}
		if needs[i] < Windows {
			continue
		}
		p := &passingContent{head: head, size: f.Size, pieces: make(chan []byte), taken: make(chan struct{}), left: make(chan struct{})}
		passing = append(passing, p)
		done.Go(func() {
			defer close(p.left)
			w.look(a, f, p)
		})
	}
	defer done.Wait()
	defer func() {
		for _, p := range passing {
			close(p.pieces)
		}
	}()
	r := io.MultiReader(bytes.NewReader(head), t)
	for {
		n, err := collect.Fill(r, buffer)
		for _, p := range passing {
			p.offer(buffer[:n])
		}
		for _, p := range passing {
			p.await()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// passingContent is a file that passes by once.
type passingContent struct {
	head   []byte
	size   int64
	pieces chan []byte
	taken  chan struct{}
	left   chan struct{} // closed when the analyser has seen enough
	gone   bool
}

func (p *passingContent) offer(piece []byte) {
	select {
	case p.pieces <- piece:
	case <-p.left:
		p.gone = true
	}
}

func (p *passingContent) await() {
	if p.gone {
		return
	}
	select {
	case <-p.taken:
	case <-p.left:
		p.gone = true
	}
}

func (p *passingContent) Size() int64   { return p.size }
func (p *passingContent) Bytes() []byte { return nil }

// ReadAt gives the beginning only: the rest is not there yet, or gone.
func (p *passingContent) ReadAt(b []byte, off int64) (int, error) {
	return bytesContent(p.head).ReadAt(b, off)
}

func (p *passingContent) Windows(overlap int, yield func([]byte, int64) bool) error {
	var joined []byte
	offset := int64(0)
	for piece := range p.pieces {
		joined = append(joined, piece...)
		more := len(piece) == 0 || yield(joined, offset)
		keep := min(overlap, len(joined))
		offset += int64(len(joined) - keep)
		joined = joined[:copy(joined, joined[len(joined)-keep:])]
		p.taken <- struct{}{}
		if !more {
			return nil
		}
	}
	return nil
}
