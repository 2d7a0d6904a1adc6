package image

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// The bounds on layers.
const (
	// maxRatio is how many bytes a compressed one may become. Text compresses
	// ten to one, long runs of zeros thousandfold: layers of those are bombs, or
	// sparse files that nobody needs to look into.
	maxRatio = 200
	// freeRatio is how much is read before the ratio counts.
	freeRatio = 512 << 20
	// maxZstdWindow bounds the memory of one decompressor.
	maxZstdWindow = 32 << 20
	// chunk is the piece in which a stream is read ahead.
	chunk = 256 << 10
)

var errAgain = errors.New("it is the same layer as others, and large: it is not read any more")

var errBomb = fmt.Errorf("it becomes more than %d times its size when decompressed: it is not read any further", maxRatio)

// errLonger says that a layer has not the size that its manifest says.
var errLonger = errors.New("it is longer than its manifest says: it is not read any further")

// unpacked is a layer's tar stream with what is needed to check its digests.
type unpacked struct {
	io.Reader
	// plain says that the layer is not compressed and lies in a file.
	plain *section

	packed, whole *counter
	close         []func()
}

// counter hashes and counts what passes; hash is nil where nobody asks.
type counter struct {
	r    io.Reader
	hash hash.Hash
	n    int64
	// limit gives the most bytes that may pass, nil for no bound, and over says
	// that there were more, errBomb if nil.
	limit func() int64
	over  error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.hash != nil {
		c.hash.Write(p[:n])
	}
	if c.limit != nil && c.n > c.limit() {
		if c.over != nil {
			return n, c.over
		}
		return n, errBomb
	}
	return n, err
}

func (c *counter) digest() string { return "sha256:" + hex.EncodeToString(c.hash.Sum(nil)) }

// unpack opens a blob as a tar stream: its first bytes say how it is
// compressed, whatever its media type claims.
func unpack(ctx context.Context, blob io.ReadCloser, allowed *allowance, l *Layer) (*unpacked, error) {
	ratio := allowed.ratio(l)
	u := &unpacked{close: []func(){func() { blob.Close() }}}
	if s, ok := asSection(blob); ok {
		var magic [4]byte
		n, _ := s.ReadAt(magic[:], 0)
		if compression(magic[:n]) == "" {
			if ratio == 0 {
				if allowed.left -= s.size; allowed.left < 0 {
					return nil, errAgain
				}
			}
			u.plain, u.Reader = s, s
			return u, nil
		}
	}
	u.packed = &counter{r: until{ctx: ctx, r: blob}, hash: sha256.New()}
	if l.Size > 0 {
		u.packed.limit, u.packed.over = func() int64 { return l.Size }, errLonger
	}
	buffered := bufio.NewReaderSize(u.packed, 64<<10)
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		u.Close()
		return nil, err
	}
	plain, err := u.decompress(buffered, compression(magic))
	if err != nil {
		u.Close()
		return nil, err
	}
	u.whole = &counter{r: plain, hash: sha256.New(), limit: func() int64 { return allowed.left + ratio*u.packed.n }}
	ahead := readAhead(u.whole)
	u.close = append(u.close, func() { allowed.left += ratio*u.packed.n - u.whole.n }, ahead.stop)
	u.Reader = ahead
	return u, nil
}

func asSection(r io.Reader) (*section, bool) {
	switch s := r.(type) {
	case *section:
		return s, true
	case *fileSection:
		return &s.section, true
	}
	return nil, false
}

func compression(magic []byte) string {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	}
	return ""
}

func (u *unpacked) decompress(r io.Reader, how string) (io.Reader, error) {
	switch how {
	case "gzip":
		return gzip.NewReader(r)
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, err
		}
		u.close = append(u.close, z.Close)
		return z, nil
	}
	return r, nil
}

// drain reads what is left behind the end of the tar file, so that the digests
// are those of everything.
func (u *unpacked) drain() error {
	_, err := io.Copy(io.Discard, u.Reader)
	return err
}

// Close ends reading; what reads ahead ends first.
func (u *unpacked) Close() {
	for i := len(u.close) - 1; i >= 0; i-- {
		u.close[i]()
	}
	u.close = nil
}

// ahead reads a stream in a goroutine of its own, so that decompressing and
// looking happen side by side.
type ahead struct {
	full, free chan []byte
	done       chan struct{}
	finished   chan struct{}
	now        []byte
	rest       []byte
	err        error // set before full is closed
}

// aheadChunks is how many pieces are read ahead.
const aheadChunks = 4

func readAhead(r io.Reader) *ahead {
	a := &ahead{full: make(chan []byte, aheadChunks), free: make(chan []byte, aheadChunks),
		done: make(chan struct{}), finished: make(chan struct{})}
	for range aheadChunks {
		a.free <- make([]byte, chunk)
	}
	go a.run(r)
	return a
}

func (a *ahead) run(r io.Reader) {
	defer close(a.finished)
	defer close(a.full)
	defer func() {
		if p := recover(); p != nil {
			a.err = fmt.Errorf("the decompressor broke down: %v", p)
		}
	}()
	for {
		select {
		case <-a.done:
			return
		case buf := <-a.free:
			n, err := collect.Fill(r, buf[:chunk])
			if n > 0 {
				a.full <- buf[:n]
			}
			if err != nil {
				if err != io.EOF {
					a.err = err
				}
				return
			}
		}
	}
}

func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.now != nil {
			a.free <- a.now[:chunk]
			a.now = nil
		}
		buf, ok := <-a.full
		if !ok {
			if a.err != nil {
				return 0, a.err
			}
			return 0, io.EOF
		}
		a.now, a.rest = buf, buf
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// stop ends the goroutine and waits for it: the blob is closed next.
func (a *ahead) stop() {
	close(a.done)
	for range a.full { //nolint:revive // what was read ahead is not needed
	}
	<-a.finished
}
