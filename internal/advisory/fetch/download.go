package fetch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// attempts is how often a transfer is taken up again.
const attempts = 5

// download is one file on its way.
type download struct {
	*Updater
	name   string
	url    *url.URL
	etag   string // of what the database has; "" fetches whatever there is
	result *Result
}

// fetched is a file that came as a whole.
type fetched struct {
	file   string
	etag   string
	header http.Header
}

func (f *fetched) remove() {
	os.Remove(f.file)
	os.Remove(f.file + noteSuffix)
}

// modified is when the server says that the file changed last, if that can be.
func (f *fetched) modified(now time.Time) time.Time {
	t, err := http.ParseTime(f.header.Get("Last-Modified"))
	if err != nil || t.After(now) {
		return time.Time{}
	}
	return t
}

// note is what is put down beside a part of a file, to go on with it later.
type note struct {
	URL  string `json:"url"`
	ETag string `json:"etag"`
}

const noteSuffix = ".note"

// again is an error after which it is worth trying once more.
type again struct{ error }

func (a again) Unwrap() error { return a.error }

// fetch brings the file here; nil if what the database has is still right. What
// has come of it is kept if it breaks off, for the next time.
func (d *download) fetch(ctx context.Context) (*fetched, error) {
	hash := sha256.Sum256([]byte(d.url.String()))
	part := filepath.Join(d.dir, ".part-"+hex.EncodeToString(hash[:8]))
	var failed error
	for attempt, pause := 0, d.pause; attempt < attempts; attempt++ {
		if attempt > 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(pause):
				pause *= 2
			}
		}
		got, err := d.try(ctx, part)
		if err == nil && got != nil {
			err = d.verify(ctx, got)
		}
		if err == nil {
			return got, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed = err
		var retry again
		if !errors.As(err, &retry) {
			break
		}
	}
	return nil, failed
}

// try makes one request, for the whole file or for the rest of it.
func (d *download) try(ctx context.Context, part string) (*fetched, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(d.idle, func() { cancel(fmt.Errorf("nothing came for %s", d.idle)) })
	defer watch.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "holdfast")
	have, known := d.begun(part)
	switch {
	case have > 0:
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", known)
	case strings.HasSuffix(d.etag, `"`):
		request.Header.Set("If-None-Match", d.etag)
	case d.etag != "":
		request.Header.Set("If-Modified-Since", d.etag)
	}
	response, err := d.client.Do(request)
	if err != nil {
		if isFinal(err) {
			return nil, plain(ctx, err)
		}
		return nil, again{plain(ctx, err)}
	}
	defer response.Body.Close()
	have, err = d.accept(response, have, known, part)
	if err != nil || response.StatusCode == http.StatusNotModified {
		return nil, err
	}
	body := &watched{response.Body, func() { watch.Reset(d.idle) }}
	if err := d.write(ctx, body, response, part, have); err != nil {
		return nil, err
	}
	// A server without ETags may at least know dates; both are told apart by quotes.
	return &fetched{part, cmp.Or(response.Header.Get("ETag"), response.Header.Get("Last-Modified")), response.Header}, nil
}

// begun tells what is here of the file, and under which ETag it came.
func (d *download) begun(part string) (have int64, etag string) {
	text, err := os.ReadFile(part + noteSuffix)
	var n note
	if err != nil || json.Unmarshal(text, &n) != nil || n.URL != d.url.Redacted() || n.ETag == "" {
		return 0, ""
	}
	info, err := os.Lstat(part)
	if err != nil || !info.Mode().IsRegular() {
		return 0, ""
	}
	return info.Size(), n.ETag
}

// accept looks at the head of a response, and returns how many bytes of the file
// stay: a server that does not go on where we stopped begins anew.
func (d *download) accept(r *http.Response, have int64, etag, part string) (int64, error) {
	switch r.StatusCode {
	case http.StatusNotModified:
		if d.etag != "" && have == 0 {
			return 0, nil
		}
	case http.StatusPartialContent:
		var first, last, total int64
		_, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total)
		if err == nil && first == have && have > 0 && last == total-1 && total <= d.limit && cmp.Or(r.Header.Get("ETag"), etag) == etag {
			d.result.Resumed = have
			return have, nil
		}
		os.Remove(part + noteSuffix)
		return 0, again{fmt.Errorf("the server sent another part of the file than it was asked for")}
	case http.StatusRequestedRangeNotSatisfiable:
		os.Remove(part + noteSuffix)
		return 0, again{errors.New("the server has not the rest of the file")}
	case http.StatusOK:
		return 0, d.begin(r, part)
	case http.StatusNotFound:
		return 0, errors.New("there is no such file (404): ecosystems are called as OSV does, a mirror has <ecosystem>/all.zip")
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return 0, again{fmt.Errorf("the server answers %s", r.Status)}
	}
	return 0, fmt.Errorf("the server answers %s", r.Status)
}

// begin prepares for a whole file. Only one with a strong ETag can be resumed.
func (d *download) begin(r *http.Response, part string) error {
	if r.ContentLength > d.limit {
		return errTooLarge
	}
	os.Remove(part + noteSuffix)
	os.Remove(part)
	etag := r.Header.Get("ETag")
	if etag == "" || strings.HasPrefix(etag, "W/") {
		return nil
	}
	text, err := json.Marshal(note{d.url.Redacted(), etag})
	if err != nil {
		return err
	}
	return os.WriteFile(part+noteSuffix, text, 0o644)
}

// write appends the body to what is here.
func (d *download) write(ctx context.Context, body io.Reader, r *http.Response, part string, have int64) error {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(have); err != nil {
		return err
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return err
	}
	total := int64(-1)
	if r.ContentLength >= 0 {
		total = have + r.ContentLength
	}
	counted := &counter{body, have, func(done int64) { d.Progress(d.name, done, total) }}
	n, err := io.Copy(f, io.LimitReader(counted, d.limit+1-have))
	d.result.Fetched += n
	switch {
	case err != nil:
		return again{fmt.Errorf("it broke off after %d of %d bytes: %w", have+n, total, plain(ctx, err))}
	case have+n > d.limit:
		f.Close()
		os.Remove(part)
		os.Remove(part + noteSuffix)
		return errTooLarge
	}
	return f.Close()
}

// plain takes from an error what repeats the address, and says what stopped a
// transfer that was stopped.
func plain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		return cause
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// isFinal says whether an error would come again: nobody is there, or it is not
// who it should be.
func isFinal(err error) bool {
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &dial) && dial.Op == "dial" || errors.As(err, &certificate) || errors.Is(err, errRedirect)
}

// watched is a body that tells of each read.
type watched struct {
	io.Reader
	alive func()
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	if n > 0 {
		w.alive()
	}
	return n, err
}

// counter counts what is read.
type counter struct {
	io.Reader
	done int64
	tell func(int64)
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.done += int64(n)
	c.tell(c.done)
	return n, err
}
