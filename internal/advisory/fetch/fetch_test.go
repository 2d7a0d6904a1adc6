package fetch

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-sec/holdfast/internal/advisory"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// archive is what a server has: an archive of an advisory, padded so that it does
// not come in one piece.
func archive(t *testing.T, id string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name string, text []byte) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = f.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(id+".json", fmt.Appendf(nil, `{"id": %q, "modified": "2026-05-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Go", "name": "m"}, "versions": ["1"]}]}`, id))
	padding := make([]byte, 300_000)
	random := rand.NewChaCha8([32]byte{})
	random.Read(padding)
	add("padding", padding)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// server serves a file, and remembers what it was asked for.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []http.Header
	// beside is what lies beside each file as its checksum; "" is nothing.
	beside string
}

func serve(t *testing.T, handler func(n int, w http.ResponseWriter, r *http.Request)) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			if s.beside == "" {
				w.WriteHeader(http.StatusNotFound)
			}
			fmt.Fprint(w, s.beside)
			return
		}
		s.asked = append(s.asked, r.Header.Clone())
		handler(len(s.asked), w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func updater(dir string, s *server) *Updater {
	u, err := New(dir, s.URL, now)
	if err != nil {
		panic(err)
	}
	u.pause, u.idle = 0, 10*time.Second
	return u
}

// content serves a file as good servers do.
func content(w http.ResponseWriter, r *http.Request, data []byte, etag string) {
	w.Header().Set("ETag", etag)
	http.ServeContent(w, r, "all.zip", time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC), bytes.NewReader(data))
}

// found returns the ids on the package of the archive.
func found(t *testing.T, dir string) string {
	t.Helper()
	store, err := advisory.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p, err := store.Pack("Go")
	if errors.Is(err, advisory.ErrMissing) {
		return "missing"
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.Lookup("m")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, " ")
}

func status(t *testing.T, dir string) advisory.Status {
	t.Helper()
	store, err := advisory.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	all := store.Status()
	if len(all) != 1 {
		t.Fatalf("the database has %d files", len(all))
	}
	return all[0]
}

// leftovers are the files in the folder that are no part of the database.
func leftovers(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(e.Name(), ".lock-") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestUpdate(t *testing.T) {
	data := archive(t, "GO-1")
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/Go/all.zip" {
			http.NotFound(w, r)
			return
		}
		content(w, r, data, `"one"`)
	})
	dir := t.TempDir()
	u := updater(dir, s)
	var last int64
	u.Progress = func(_ string, done, total int64) {
		if total != int64(len(data)) || done < last {
			t.Errorf("progress is %d of %d after %d", done, total, last)
		}
		last = done
	}
	r, err := u.Update(context.Background(), "go:1.2")
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "Go" || r.Unchanged || r.Fetched != int64(len(data)) || r.Verified != "" || last != r.Fetched {
		t.Errorf("the result is %+v", r)
	}
	if got := found(t, dir); got != "GO-1" {
		t.Errorf("there is %q", got)
	}
	have := status(t, dir)
	if have.Source != s.URL+"/Go/all.zip" || !have.Complete || !have.Checked.Equal(now) || have.Date.Format(time.DateOnly) != "2026-05-20" {
		t.Errorf("the status is %+v", have)
	}
	if left := leftovers(t, dir); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

func TestUnchanged(t *testing.T) {
	data, etag := archive(t, "GO-1"), `"one"`
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { content(w, r, data, etag) })
	dir := t.TempDir()
	u := updater(dir, s)
	if _, err := u.Update(context.Background(), "Go"); err != nil {
		t.Fatal(err)
	}
	u.now = now.AddDate(0, 0, 3)
	r, err := u.Update(context.Background(), "Go")
	if err != nil || !r.Unchanged || r.Fetched != 0 {
		t.Errorf("unchanged, the result is %+v (%v)", r, err)
	}
	if have := status(t, dir); !have.Checked.Equal(u.now) || found(t, dir) != "GO-1" {
		t.Errorf("the status is %+v", have)
	}
	data, etag = archive(t, "GO-2"), `"two"`
	if r, err = u.Update(context.Background(), "Go"); err != nil || r.Unchanged || found(t, dir) != "GO-1 GO-2" {
		t.Errorf("changed, the result is %+v (%v), there is %q", r, err, found(t, dir))
	}
	// A damaged pack is fetched anew, whatever its ETag.
	pack := filepath.Join(dir, "Go.pack")
	if err := os.WriteFile(pack, bytes.Repeat([]byte("x"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err = u.Update(context.Background(), "Go"); err != nil || r.Unchanged || found(t, dir) != "GO-2" {
		t.Errorf("damaged, the result is %+v (%v), there is %q", r, err, found(t, dir))
	}
}

// TestUnchangedByDate asks a server that has no ETags.
func TestUnchangedByDate(t *testing.T) {
	data := archive(t, "GO-1")
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "all.zip", time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC), bytes.NewReader(data))
	})
	dir := t.TempDir()
	for i, unchanged := range []bool{false, true} {
		if r, err := updater(dir, s).Update(context.Background(), "Go"); err != nil || r.Unchanged != unchanged {
			t.Errorf("time %d: the result is %+v (%v)", i, r, err)
		}
	}
}

// breakOff sends the first part of a file and ends the connection.
func breakOff(w http.ResponseWriter, data []byte, n int, etag string) {
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	w.Write(data[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func TestResume(t *testing.T) {
	data, other := archive(t, "GO-1"), archive(t, "GO-2")
	const half = 150_000
	tests := []struct {
		name    string
		second  func(w http.ResponseWriter, r *http.Request)
		first   string // ETag
		ranged  string // what the second request asks for
		want    string
		resumed int64
	}{
		{"it goes on", func(w http.ResponseWriter, r *http.Request) { content(w, r, data, `"one"`) }, `"one"`, "bytes=150000-", "GO-1", half},
		{"the file changed", func(w http.ResponseWriter, r *http.Request) { content(w, r, other, `"two"`) }, `"one"`, "bytes=150000-", "GO-2", 0},
		{"without ETag", func(w http.ResponseWriter, r *http.Request) { content(w, r, data, `"one"`) }, "", "", "GO-1", 0},
		{"a weak ETag", func(w http.ResponseWriter, r *http.Request) { content(w, r, data, `W/"one"`) }, `W/"one"`, "", "GO-1", 0},
		{"a server that knows no ranges", func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }, `"one"`, "bytes=150000-", "GO-1", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
				switch {
				case n == 1:
					breakOff(w, data, half, test.first)
				default:
					test.second(w, r)
				}
			})
			dir := t.TempDir()
			r, err := updater(dir, s).Update(context.Background(), "Go")
			if err != nil {
				t.Fatal(err)
			}
			if got := found(t, dir); got != test.want || r.Resumed != test.resumed {
				t.Errorf("there is %q, %d bytes were there", got, r.Resumed)
			}
			if got := s.asked[1].Get("Range"); got != test.ranged {
				t.Errorf("the second request asks for %q", got)
			}
			if left := leftovers(t, dir); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// TestResumeLater ends one run in the midst and goes on in the next.
func TestResumeLater(t *testing.T) {
	data := archive(t, "GO-1")
	broken := true
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		switch {
		case broken:
			breakOff(w, data, 100_000, `"one"`)
		default:
			content(w, r, data, `"one"`)
		}
	})
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	u := updater(dir, s)
	u.Progress = func(_ string, done, _ int64) {
		if done >= 100_000 {
			cancel()
		}
	}
	if _, err := u.Update(ctx, "Go"); !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v", err)
	}
	broken = false
	r, err := updater(dir, s).Update(context.Background(), "Go")
	if err != nil || r.Resumed == 0 || r.Resumed+r.Fetched != int64(len(data)) || found(t, dir) != "GO-1" {
		t.Errorf("the result is %+v (%v)", r, err)
	}
}

func TestBadRanges(t *testing.T) {
	data := archive(t, "GO-1")
	for _, contentRange := range []string{"bytes 0-99/300", "bytes 150000-150099/999999999999", "nonsense", ""} {
		t.Run(contentRange, func(t *testing.T) {
			s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
				switch {
				case n == 1:
					breakOff(w, data, 150_000, `"one"`)
				case n == 2:
					w.Header().Set("Content-Range", contentRange)
					w.WriteHeader(http.StatusPartialContent)
					w.Write(data[:100])
				default:
					content(w, r, data, `"one"`)
				}
			})
			dir := t.TempDir()
			if r, err := updater(dir, s).Update(context.Background(), "Go"); err != nil || r.Resumed != 0 || found(t, dir) != "GO-1" {
				t.Errorf("the result is %+v (%v)", r, err)
			}
		})
	}
}

func TestChecksums(t *testing.T) {
	data := archive(t, "GO-1")
	sum := md5.Sum(data)
	md5Text := "md5=" + base64.StdEncoding.EncodeToString(sum[:])
	crc, err := sumOf("crc32c", writeFile(t, data))
	if err != nil {
		t.Fatal(err)
	}
	crcText := "crc32c=" + base64.StdEncoding.EncodeToString(crc)
	sha := fmt.Sprintf("%x", sha256.Sum256(data))
	tests := []struct {
		name           string
		header         []string
		beside         string
		verified, want string
	}{
		{"none", nil, "", "", ""},
		{"md5 and crc32c", []string{crcText, md5Text}, "", "md5", ""},
		{"both in one line", []string{crcText + "," + md5Text}, "", "md5", ""},
		{"crc32c", []string{crcText}, "", "crc32c", ""},
		{"another md5", []string{"md5=" + base64.StdEncoding.EncodeToString(make([]byte, 16))}, "", "", "its md5 is"},
		{"another crc32c", []string{"crc32c=AAAAAA=="}, "", "", "its crc32c is"},
		{"beside it", nil, sha + "  all.zip\n", "sha256", ""},
		{"another beside it", nil, strings.Repeat("0", 64), "", "its sha256 is"},
		{"something else beside it", nil, "<html>", "", "holds no SHA-256"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				for _, line := range test.header {
					w.Header().Add("x-goog-hash", line)
				}
				content(w, r, data, `"one"`)
			})
			s.beside = test.beside
			dir := t.TempDir()
			r, err := updater(dir, s).Update(context.Background(), "Go")
			if test.want == "" {
				if err != nil || r.Verified != test.verified || found(t, dir) != "GO-1" {
					t.Errorf("the result is %+v (%v)", r, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), s.URL+"/Go/all.zip") {
				t.Errorf("the error is %v, want one with %q and the address", err, test.want)
			}
			if got := found(t, dir); got != "missing" {
				t.Errorf("there is %q", got)
			}
		})
	}
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRefused(t *testing.T) {
	data := archive(t, "GO-1")
	tests := []struct {
		name    string
		handler func(n int, w http.ResponseWriter, r *http.Request)
		want    string
		asked   int // how often
	}{
		{"not found", func(_ int, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "404", 1},
		{"forbidden", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "403", 1},
		{"always busy", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "503", attempts},
		{"nothing new where nothing is", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, "304", 1},
		{"a redirection loop", func(_ int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "leads on more than 5 times", 6},
		{"always truncated", func(_ int, w http.ResponseWriter, _ *http.Request) { breakOff(w, data, 1000, "") }, "broke off after 1000 of", attempts},
		{"larger than it may be", func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000000")
			w.Write(data)
		}, "larger than any", 1},
		{"endless", func(_ int, w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write(data)
			}
		}, "larger than any", 1},
		{"a page instead of the file", func(_ int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>please log in</html>") }, "neither an OSV archive", 1},
		{"half an archive that says it is whole", func(_ int, w http.ResponseWriter, _ *http.Request) { w.Write(data[:1000]) }, "no zip archive", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, test.handler)
			dir := t.TempDir()
			u := updater(dir, s)
			u.limit = 1 << 20
			_, err := u.Update(context.Background(), "Go")
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), s.URL+"/Go/all.zip") {
				t.Errorf("the error is %v, want one with %q and the address", err, test.want)
			}
			if got := found(t, dir); got != "missing" {
				t.Errorf("there is %q", got)
			}
			if len(s.asked) != test.asked {
				t.Errorf("it asked %d times, want %d", len(s.asked), test.asked)
			}
		})
	}
}

// TestSilence waits for a server that sends nothing more.
func TestSilence(t *testing.T) {
	data := archive(t, "GO-1")
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		content(w, r, data, `"one"`)
	})
	dir := t.TempDir()
	u := updater(dir, s)
	u.idle = 200 * time.Millisecond
	if _, err := u.Update(context.Background(), "Go"); err != nil || found(t, dir) != "GO-1" || len(s.asked) < 2 {
		t.Errorf("after %d requests there is %q (%v)", len(s.asked), found(t, dir), err)
	}
}

func TestNobodyThere(t *testing.T) {
	s := serve(t, func(int, http.ResponseWriter, *http.Request) {})
	s.Close()
	u := updater(t.TempDir(), s)
	u.pause = time.Hour // it does not try again
	if _, err := u.Update(context.Background(), "Go"); err == nil || !strings.Contains(err.Error(), s.URL+"/Go/all.zip") {
		t.Errorf("the error is %v", err)
	}
}

func TestForeignCertificate(t *testing.T) {
	s := &server{Server: httptest.NewTLSServer(http.NotFoundHandler())}
	t.Cleanup(s.Close)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	u := updater(t.TempDir(), s)
	u.pause = time.Hour
	if _, err := u.Update(context.Background(), "Go"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the error is %v", err)
	}
}

func TestRedirect(t *testing.T) {
	client := newClient()
	secure, _ := http.NewRequest(http.MethodGet, "https://a.example/", nil)
	plain, _ := http.NewRequest(http.MethodGet, "http://b.example/", nil)
	if err := client.CheckRedirect(plain, []*http.Request{secure}); err == nil {
		t.Error("it follows from https to http")
	}
	if err := client.CheckRedirect(secure, []*http.Request{plain}); err != nil {
		t.Errorf("it does not follow from http to https: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct{ mirror, name, want string }{
		{"", "Rocky Linux", "https://" + bucket + "/Rocky%20Linux/all.zip"},
		{"", "debian:12", "https://" + bucket + "/Debian/all.zip"},
		{"", advisory.KEV, kevURL},
		{"https://m.example/osv/", "Go", "https://m.example/osv/Go/all.zip"},
		{"https://m.example/osv", advisory.KEV, "https://m.example/osv/known_exploited_vulnerabilities.json"},
		{"https://m.example/osv", advisory.EPSS, "https://m.example/osv/epss_scores-current.csv.gz"},
		{"https://user:word@m.example", "Go", "https://user:xxxxx@m.example/Go/all.zip"},
		{"", "../secret", ""},
		{"", "a/b", ""},
		{"m.example", "Go", ""},
		{"file:///etc", "Go", ""},
	}
	for _, test := range tests {
		var got *url.URL
		family, _ := advisory.Family(test.name)
		u, err := New("", test.mirror, now)
		if err == nil {
			got, err = u.address(family)
		}
		if test.want == "" {
			if err == nil {
				t.Errorf("%s from %s: %s", test.name, test.mirror, got)
			}
			continue
		}
		if err != nil || got.Redacted() != test.want {
			t.Errorf("%s from %s: %s (%v), want %s", test.name, test.mirror, got, err, test.want)
		}
	}
}

func TestTables(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/known_exploited_vulnerabilities.json":
			content(w, r, []byte(`{"dateReleased": "2026-05-29T10:00:00Z", "vulnerabilities": [{"cveID": "CVE-2024-0001"}]}`), `"one"`)
		case "/epss_scores-current.csv.gz":
			content(w, r, []byte("#model_version:v1,score_date:2026-05-30T00:00:00Z\ncve,epss,percentile\nCVE-2024-0001,0.5,0.9\n"), `"two"`)
		default:
			http.NotFound(w, r)
		}
	})
	dir := t.TempDir()
	u := updater(dir, s)
	for _, name := range []string{advisory.KEV, advisory.EPSS} {
		if _, err := u.Update(context.Background(), name); err != nil {
			t.Fatal(err)
		}
		if r, err := u.Update(context.Background(), name); err != nil || !r.Unchanged {
			t.Errorf("%s again: %+v (%v)", name, r, err)
		}
	}
	store, err := advisory.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if score, ok := store.EPSS("CVE-2024-0001"); !ok || score != 0.5 || !store.Exploited("CVE-2024-0001") {
		t.Errorf("score %v, exploited %v", score, store.Exploited("CVE-2024-0001"))
	}
}
