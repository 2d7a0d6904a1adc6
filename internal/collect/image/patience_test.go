package image

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// TestPatience gives up on a body that says nothing any more, and waits for a
// reader that takes its time.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, wrap := patience(t.Context(), maxSilence)
		r, w := io.Pipe()
		go func() {
			io.WriteString(w, "ab") //nolint:errcheck // a pipe
			<-ctx.Done()
			w.CloseWithError(ctx.Err())
		}()
		body := wrap(r)
		defer body.Close()
		piece := make([]byte, 1)
		for range 2 {
			if _, err := body.Read(piece); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * maxSilence) // of the bubble: nobody waits
		}
		if _, err := body.Read(piece); !errors.Is(err, errSilent) {
			t.Errorf("the error is %v, want %v", err, errSilent)
		}
	})
}

// TestPatienceBeforeTheAnswer gives up where not even headers come.
func TestPatienceBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, wrap := patience(t.Context(), maxSilence)
		<-ctx.Done()
		if err := silent(ctx, ctx.Err()); !errors.Is(err, errSilent) {
			t.Errorf("the error is %v, want %v", err, errSilent)
		}
		wrap(nil)
	})
}
