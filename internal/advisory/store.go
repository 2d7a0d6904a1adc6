package advisory

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Store is a folder of packs. It may be used by several goroutines; who replaces
// packs meanwhile does not disturb it.
type Store struct {
	dir   string
	mu    sync.Mutex
	packs map[string]*opened
	views map[string]*Pack // by ecosystem, as it was asked for
	// The tables are opened when they are asked for.
	kev    func() (*table, error)
	epss   func() (*table, error)
	tables []*table // those that are open
	closed bool
}

// opened is a pack or why there is none.
type opened struct {
	pack *mapped
	err  error
}

// Open opens the database in a folder. A folder that does not exist is an empty
// database. Packs are mapped when they are asked for.
func Open(dir string) (*Store, error) {
	info, err := os.Stat(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening the advisory database: %w", err)
	}
	if err == nil && !info.IsDir() {
		return nil, fmt.Errorf("opening the advisory database: %s is no folder", dir)
	}
	s := &Store{dir: dir, packs: map[string]*opened{}, views: map[string]*Pack{}}
	s.kev = sync.OnceValues(func() (*table, error) { return s.table(KEV, kindExploited) })
	s.epss = sync.OnceValues(func() (*table, error) { return s.table(EPSS, kindEPSS) })
	return s, nil
}

// table opens a table if there is one.
func (s *Store) table(name string, kind uint32) (*table, error) {
	t, err := openTable(filepath.Join(s.dir, name+tableSuffix), kind)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tables = append(s.tables, t)
	}
	return t, err
}

// Dir is the folder of the database.
func (s *Store) Dir() string { return s.dir }

// Err says which of the tables behind Exploited and EPSS could not be read: their
// answers are then incomplete.
func (s *Store) Err() error {
	_, err := s.kev()
	_, err2 := s.epss()
	return errors.Join(err, err2)
}

// Pack returns the pack of an ecosystem, limited to the release that it names
// ("Debian:12"). The error is ErrMissing if there is none, or if no advisory in it
// is on that release.
func (s *Store) Pack(ecosystem string) (*Pack, error) {
	s.mu.Lock()
	p := s.views[ecosystem]
	s.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := s.view(ecosystem)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.views) < maxViews && !s.closed {
		s.views[ecosystem] = p
	}
	return p, nil
}

// maxViews bounds how many ecosystems are remembered: they come from images.
const maxViews = 1000

// view opens the pack of an ecosystem.
func (s *Store) view(ecosystem string) (*Pack, error) {
	family, release := Family(ecosystem)
	if err := checkFamily(family); err != nil {
		return nil, fmt.Errorf("%w on %q: no ecosystem is called so", ErrMissing, clip(ecosystem, maxFamily))
	}
	o := s.open(family)
	if errors.Is(o.err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w on %s: get them with holdfast db update %s", ErrMissing, family, shellWord(family))
	}
	if o.err != nil {
		return nil, o.err
	}
	release = normalRelease(family, release)
	// The address of a registry is no release: what names none is on all of them.
	if release != "" && !strings.Contains(release, "://") && len(o.pack.releases) > 0 && !o.pack.holds(release) {
		return nil, fmt.Errorf("%w on %s:%s: those on %s are on other releases", ErrMissing, family, clip(release, maxWord), family)
	}
	return &Pack{mapped: o.pack, release: release}, nil
}

// open maps the pack of a family, once.
func (s *Store) open(family string) *opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &opened{err: fs.ErrClosed}
	}
	o := s.packs[family]
	if o == nil {
		o = &opened{}
		o.pack, o.err = openPack(filepath.Join(s.dir, packFile(family)))
		if o.err == nil && o.pack.ecosystem != family {
			o.err = fmt.Errorf("reading %s: it is the pack of %s", o.pack.file, clip(o.pack.ecosystem, maxFamily))
		}
		s.packs[family] = o
	}
	return o
}

// Exploited says whether CISA lists a CVE as exploited in the wild.
func (s *Store) Exploited(cve string) bool {
	t, _ := s.kev()
	_, ok := t.find(cve)
	return ok
}

// EPSS is the probability that a CVE is exploited within 30 days, if it is known.
func (s *Store) EPSS(cve string) (float64, bool) {
	t, _ := s.epss()
	score, ok := t.find(cve)
	return float64(score) / scoreUnit, ok
}

// Status is what db status tells of a file of the database.
type Status struct {
	Name       string // ecosystem, or KEV or EPSS
	Advisories int
	Date       time.Time // of the newest data in it
	Checked    time.Time // when a server confirmed that there is no newer
	Size       int64
	Source     string
	ETag       string // that Source had
	Complete   bool
	Releases   []string
	Err        error // why it cannot be read
}

// Status tells of each file of the database, sorted by name: ecosystems first.
func (s *Store) Status() []Status {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil
	}
	var packs, tables []Status
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), packSuffix); ok && e.Type().IsRegular() {
			packs = append(packs, s.packStatus(name, e))
		}
		if name, ok := strings.CutSuffix(e.Name(), tableSuffix); ok && (name == KEV || name == EPSS) {
			tables = append(tables, s.tableStatus(name, e))
		}
	}
	slices.SortFunc(packs, func(a, b Status) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return append(packs, tables...)
}

func (s *Store) packStatus(file string, e fs.DirEntry) Status {
	family := familyOf(file)
	status := Status{Name: family, Size: sizeOf(e)}
	o := s.open(family)
	if o.err != nil {
		status.Err = o.err
		return status
	}
	p := &Pack{mapped: o.pack}
	status.Advisories, status.Date, status.Checked = p.Count(), p.Date(), p.Checked()
	status.Source, status.ETag, status.Complete, status.Releases = p.Source(), p.etag, p.Complete(), p.Releases()
	return status
}

func (s *Store) tableStatus(name string, e fs.DirEntry) Status {
	status := Status{Name: name, Size: sizeOf(e)}
	open := s.kev
	if name == EPSS {
		open = s.epss
	}
	t, err := open()
	if t == nil {
		status.Err = cmp.Or(err, error(ErrMissing))
		return status
	}
	status.Advisories, status.Date, status.Checked = int(t.count), moment(t.date), moment(t.checked)
	status.Source, status.ETag, status.Complete = t.source, t.etag, true
	return status
}

func sizeOf(e fs.DirEntry) int64 {
	info, err := e.Info()
	if err != nil {
		return 0
	}
	return info.Size()
}

// Close ends the use of all packs of the store. No look-up may be under way.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, o := range s.packs {
		if o.pack != nil {
			errs = append(errs, unmap(o.pack.data))
		}
	}
	for _, t := range s.tables {
		errs = append(errs, unmap(t.data))
	}
	none := func() (*table, error) { return nil, fs.ErrClosed }
	s.packs, s.views, s.tables, s.kev, s.epss, s.closed = nil, nil, nil, none, none, true
	return errors.Join(errs...)
}

// shellWord quotes the name of an ecosystem for a command to paste.
func shellWord(name string) string {
	if strings.Contains(name, " ") {
		return "'" + name + "'"
	}
	return name
}
