package image

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// The bounds on waiting for those who are asked for an image.
const (
	// maxSilence is how long a registry or engine may say nothing while it hands
	// something over.
	maxSilence = 2 * time.Minute
	// maxWrite is how long an engine may take to write an image to its own disk,
	// which it does before it says the first word.
	maxWrite = 10 * time.Minute
)

var errSilent = errors.New("it says nothing any more: reading was given up")

// patient is a body that may say nothing for a while, but not for ever.
type patient struct {
	io.ReadCloser
	silence time.Duration
	timer   *time.Timer
	ctx     context.Context
	cancel  context.CancelCauseFunc
}

// patience makes the context of a request, and what its body is wrapped with.
// Only waiting counts: whoever reads may take as long as they like.
func patience(ctx context.Context, silence time.Duration) (context.Context, func(io.ReadCloser) io.ReadCloser) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	return ctx, func(body io.ReadCloser) io.ReadCloser {
		timer.Stop()
		if body == nil {
			cancel(nil)
			return nil
		}
		return &patient{body, silence, timer, ctx, cancel}
	}
}

func (p *patient) Read(b []byte) (int, error) {
	p.timer.Reset(p.silence)
	n, err := p.ReadCloser.Read(b)
	p.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(p.ctx), errSilent) {
		err = errSilent
	}
	return n, err
}

func (p *patient) Close() error {
	p.timer.Stop()
	err := p.ReadCloser.Close()
	p.cancel(nil)
	return err
}

// silent says that nobody answered, where that is why something went wrong.
func silent(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

// impatient is a transport for registries whose answers have to begin in time.
func impatient(transport http.RoundTripper) http.RoundTripper {
	if t, ok := transport.(*http.Transport); ok {
		t = t.Clone()
		t.ResponseHeaderTimeout = maxSilence
		transport = t
	}
	return guarded{transport}
}
