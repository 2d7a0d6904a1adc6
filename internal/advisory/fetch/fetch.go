// Package fetch fetches the files that the advisory database is made of, and is
// the only part of the program that does so: from the bucket of OSV, from CISA and
// FIRST, or from a mirror of them.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/holdfast-sec/holdfast/internal/advisory"
)

// Where the data comes from.
const (
	bucket = "osv-vulnerabilities.storage.googleapis.com"
	kevURL = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
	// epssURL leads on to where the scores of the day are.
	epssURL = "https://epss.cyentia.com/epss_scores-current.csv.gz"
)

// Common is what most images are made of: what an empty database is filled with.
func Common() []string {
	return []string{"Alpine", "crates.io", "Debian", "Go", "Maven", "npm", "NuGet", "Packagist", "PyPI", "RubyGems", "Ubuntu", advisory.KEV, advisory.EPSS}
}

// Updater fetches files into a database.
type Updater struct {
	dir string
	// mirror is the address of a folder with the files of the bucket and, beside
	// them, those of CISA and FIRST; nil is where they come from.
	mirror *url.URL
	client *http.Client
	// now is put down as the time at which the data was confirmed.
	now time.Time
	// Progress is told how many bytes have come, of how many; total is -1 if that
	// is not known.
	Progress func(name string, done, total int64)

	// pause is waited before the first repetition, and twice as long each time.
	pause time.Duration
	// idle is how long nothing may come before a transfer counts as broken.
	idle time.Duration
	// limit is the largest file that is fetched.
	limit int64
}

// New makes an updater for the database in a folder; mirror may be "".
func New(dir, mirror string, now time.Time) (*Updater, error) {
	u := &Updater{dir: dir, client: newClient(), now: now,
		Progress: func(string, int64, int64) {}, pause: time.Second, idle: time.Minute, limit: 4 << 30}
	if mirror == "" {
		return u, nil
	}
	address, err := url.Parse(mirror)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, fmt.Errorf("%q is no address of a mirror: it begins with https://", mirror)
	}
	u.mirror = address
	return u, nil
}

// maxRedirects is how many redirections are followed.
const maxRedirects = 5

// newClient makes a client with bounds on all that a server could draw out. It
// takes proxies from the environment.
func newClient() *http.Client {
	dialer := net.Dialer{Timeout: 15 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
			TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: 60 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
			// Checksums and ranges are those of the file as it is.
			DisableCompression: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return fmt.Errorf("%w more than %d times", errRedirect, maxRedirects)
			case r.URL.Scheme != "https" && via[0].URL.Scheme == "https":
				return fmt.Errorf("%w to %s, which is not encrypted", errRedirect, r.URL.Redacted())
			}
			return nil
		},
	}
}

// Result is what an update did.
type Result struct {
	Name string
	URL  string
	// Unchanged says that the server has nothing newer.
	Unchanged bool
	// Fetched is how many bytes came, Resumed how many were there from before.
	Fetched, Resumed int64
	// Verified is the kind of checksum that was checked, "" if the server gave none.
	Verified string
	Report   *advisory.Report
}

// Update brings one ecosystem, or advisory.KEV or EPSS, up to date.
func (u *Updater) Update(ctx context.Context, name string) (Result, error) {
	family, _ := advisory.Family(name)
	r := Result{Name: family}
	address, err := u.address(family)
	if err != nil {
		return r, err
	}
	r.URL = address.Redacted()
	release, err := advisory.Lock(ctx, u.dir, "fetch")
	if err != nil {
		return r, err
	}
	defer release()
	have := u.installed(family)
	d := download{Updater: u, name: family, url: address, result: &r}
	if have.Err == nil && have.Source == r.URL && have.Complete {
		d.etag = have.ETag
	}
	got, err := d.fetch(ctx)
	if err != nil {
		return r, fmt.Errorf("fetching %s: %w", r.URL, err)
	}
	if got == nil {
		r.Unchanged = true
		return r, advisory.Confirm(ctx, u.dir, family, u.now)
	}
	defer got.remove()
	options := advisory.Options{Source: r.URL, ETag: got.etag, Checked: u.now, Date: got.modified(u.now), Now: u.now}
	if family != advisory.KEV && family != advisory.EPSS {
		options.Ecosystems = []string{family}
	}
	r.Report, err = advisory.Install(ctx, u.dir, []string{got.file}, options)
	if err != nil {
		return r, fmt.Errorf("what came from %s: %w", r.URL, err)
	}
	return r, nil
}

// address is where a file of the database is.
func (u *Updater) address(family string) (*url.URL, error) {
	base := u.mirror
	switch {
	case family == advisory.KEV && base == nil:
		return url.Parse(kevURL)
	case family == advisory.EPSS && base == nil:
		return url.Parse(epssURL)
	case family == advisory.KEV:
		return base.JoinPath(path.Base(kevURL)), nil
	case family == advisory.EPSS:
		return base.JoinPath(path.Base(epssURL)), nil
	case strings.ContainsAny(family, "/\\%?#") || strings.HasPrefix(family, ".") || family == "":
		return nil, fmt.Errorf("%q is no name of an ecosystem", family)
	case base == nil:
		base = &url.URL{Scheme: "https", Host: bucket}
	}
	return base.JoinPath(family, "all.zip"), nil
}

// installed is what the database has under a name.
func (u *Updater) installed(name string) advisory.Status {
	none := advisory.Status{Err: advisory.ErrMissing}
	store, err := advisory.Open(u.dir)
	if err != nil {
		return none
	}
	defer store.Close()
	for _, s := range store.Status() {
		if s.Name == name {
			return s
		}
	}
	return none
}

var errRedirect = errors.New("it leads on")

var errTooLarge = errors.New("the file is larger than any that is taken")
