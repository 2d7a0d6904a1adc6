package advisory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// osvDocument is what is read of an advisory in the OSV format.
type osvDocument struct {
	ID               string          `json:"id"`
	Modified         string          `json:"modified"`
	Published        string          `json:"published"`
	Withdrawn        string          `json:"withdrawn"`
	Summary          string          `json:"summary"`
	Details          string          `json:"details"`
	Aliases          []string        `json:"aliases"`
	Upstream         []string        `json:"upstream"`
	Related          []string        `json:"related"`
	Severity         []osvSeverity   `json:"severity"`
	Affected         []osvAffected   `json:"affected"`
	References       []osvReference  `json:"references"`
	DatabaseSpecific json.RawMessage `json:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type osvReference struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type osvAffected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Severity []osvSeverity `json:"severity"`
	Ranges   []struct {
		Type   string `json:"type"`
		Events []struct {
			Introduced   string `json:"introduced"`
			Fixed        string `json:"fixed"`
			LastAffected string `json:"last_affected"`
		} `json:"events"`
	} `json:"ranges"`
	Versions          []string        `json:"versions"`
	EcosystemSpecific json.RawMessage `json:"ecosystem_specific"`
	DatabaseSpecific  json.RawMessage `json:"database_specific"`
}

// specific is what is read of the objects that each database fills as it likes.
// Each field is looked at on its own: what is of another type is not there.
type specific struct {
	Severity       loose      `json:"severity"`
	Urgency        loose      `json:"urgency"`
	UbuntuPriority loose      `json:"ubuntu_priority"`
	Priority       loose      `json:"priority"`
	URL            loose      `json:"url"`
	Imports        osvImports `json:"imports"`
}

// loose is a string where anything may stand.
type loose string

func (l *loose) UnmarshalJSON(b []byte) error {
	var text string
	if len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &text) == nil {
		*l = loose(text)
	}
	return nil
}

// osvImports are the imports of a Go module where anything may stand.
type osvImports []Import

func (o *osvImports) UnmarshalJSON(b []byte) error {
	var list []struct {
		Path    string   `json:"path"`
		Symbols []string `json:"symbols"`
		GOOS    []string `json:"goos"`
		GOARCH  []string `json:"goarch"`
	}
	if json.Unmarshal(b, &list) != nil {
		return nil
	}
	for _, i := range list {
		*o = append(*o, Import{i.Path, i.Symbols, i.GOOS, i.GOARCH})
	}
	return nil
}

func readSpecific(raw json.RawMessage) (s specific) {
	if len(raw) > 2 && raw[0] == '{' && json.Unmarshal(raw, &s) != nil {
		return specific{}
	}
	return s
}

// Bounds of one advisory. The largest that exist name some thousand packages and
// some ten thousand versions.
const (
	maxDepth    = 64
	maxWord     = 256 // ids, version names
	maxName     = 1024
	maxSummary  = 160
	maxURL      = 1024
	maxPackages = 200_000
	maxItems    = 200_000 // of each other list
)

// ReadOSV reads an advisory in the OSV format.
func ReadOSV(text []byte) (*Entry, error) {
	if err := checkDepth(text); err != nil {
		return nil, err
	}
	var d osvDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("this is no OSV advisory: %w", err)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return d.entry(), nil
}

// checkDepth bounds how deep values are nested.
func checkDepth(text []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("values are nested more than %d deep", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// check refuses what cannot be an advisory.
func (d *osvDocument) check() error {
	switch {
	case d.ID == "":
		return errors.New("the advisory has no id")
	case !isWord(d.ID):
		return fmt.Errorf("%q is no id of an advisory", clip(d.ID, 60))
	case len(d.Affected) > maxPackages:
		return fmt.Errorf("it names %d packages, more than %d", len(d.Affected), maxPackages)
	case len(d.Aliases)+len(d.Upstream)+len(d.Related) > maxItems:
		return fmt.Errorf("it has more than %d aliases", maxItems)
	}
	for i := range d.Affected {
		if err := d.Affected[i].check(); err != nil {
			return fmt.Errorf("affected[%d]: %w", i, err)
		}
	}
	return nil
}

func (a *osvAffected) check() error {
	if a.Package.Ecosystem == "" && a.Package.Name == "" {
		return nil // it is about a repository
	}
	family, release := Family(a.Package.Ecosystem)
	if err := checkFamily(family); err != nil {
		return err
	}
	switch {
	case a.Package.Name == "" || len(a.Package.Name) > maxName || !isText(a.Package.Name):
		return fmt.Errorf("%q is no name of a package", clip(a.Package.Name, 60))
	case len(release) > maxWord || !isText(release):
		return fmt.Errorf("%q is no release of %s", clip(release, 60), family)
	case len(a.Versions) > maxItems || len(a.Ranges) > maxItems:
		return fmt.Errorf("it lists more than %d versions", maxItems)
	}
	for _, version := range a.Versions {
		if !isWord(version) {
			return fmt.Errorf("%q is no version", clip(version, 60))
		}
	}
	for _, r := range a.Ranges {
		if len(r.Events) > maxItems {
			return fmt.Errorf("a range has more than %d events", maxItems)
		}
		for _, e := range r.Events {
			if len(e.Introduced) > maxWord || len(e.Fixed) > maxWord || len(e.LastAffected) > maxWord || !isText(e.Introduced+e.Fixed+e.LastAffected) {
				return fmt.Errorf("%q is no version", clip(e.Introduced+e.Fixed+e.LastAffected, 60))
			}
		}
	}
	return nil
}

// isWord says whether a text may be an id or a version.
func isWord(text string) bool { return text != "" && len(text) <= maxWord && isText(text) }

// isText says whether a text has no control characters.
func isText(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) < 0
}

// entry turns a document that was checked into what packs hold.
func (d *osvDocument) entry() *Entry {
	modified, published := readTime(d.Modified), readTime(d.Published)
	e := &Entry{ID: d.ID, Changed: modified, Withdrawn: d.Withdrawn != "", undated: modified.IsZero()}
	if published.After(modified) {
		e.Changed = published
	}
	own := readSpecific(d.DatabaseSpecific)
	common := Advisory{ID: d.ID, Published: day(published), Modified: day(modified), Summary: d.summary(), URL: d.url(own)}
	common.Aliases, common.Upstream = d.aliases()
	for i := range d.Affected {
		a := &d.Affected[i]
		if a.Package.Name == "" {
			continue
		}
		one := common
		ecosystem := readSpecific(a.EcosystemSpecific)
		database := readSpecific(a.DatabaseSpecific)
		ratings := d.Severity
		if len(a.Severity) > 0 {
			ratings = a.Severity
		}
		one.rate(ratings, ecosystem, database, own)
		one.Ranges, one.Imports, one.Versions = a.ranges(), cleanImports(ecosystem.Imports), a.Versions
		e.Packages = append(e.Packages, Affected{a.Package.Ecosystem, a.Package.Name, one})
	}
	return e
}

// ranges are the ranges along an order of versions; those of commits say nothing
// about packages.
func (a *osvAffected) ranges() []Range {
	var out []Range
	for _, r := range a.Ranges {
		if !slices.Contains(rangeTypes, r.Type) {
			continue
		}
		one := Range{Type: r.Type}
		for _, e := range r.Events {
			// One event has one field; should it have more, they are several.
			for _, event := range []Event{{Introduced: e.Introduced}, {Fixed: e.Fixed}, {LastAffected: e.LastAffected}} {
				if event != (Event{}) {
					one.Events = append(one.Events, event)
				}
			}
		}
		if len(one.Events) > 0 {
			out = append(out, one)
		}
	}
	return out
}

// cleanImports drops the lists when they are not what they should be: without
// them the whole module counts.
func cleanImports(imports []Import) []Import {
	for _, i := range imports {
		long := func(word string) bool { return len(word) > maxName }
		if i.Path == "" || long(i.Path) || slices.ContainsFunc(i.Symbols, long) || slices.ContainsFunc(i.GOOS, long) || slices.ContainsFunc(i.GOARCH, long) {
			return nil
		}
	}
	return imports
}

// aliases returns the other ids of the same flaw, and the flaws that it is about.
func (d *osvDocument) aliases() (aliases, upstream []string) {
	for _, id := range d.Aliases {
		aliases = appendID(aliases, id, d.ID)
	}
	for _, id := range d.Upstream {
		upstream = appendID(upstream, id, d.ID)
	}
	isCVE := func(id string) bool { return strings.HasPrefix(id, "CVE-") }
	// "DEBIAN-CVE-2024-1" is CVE-2024-1 there.
	if i := strings.Index(d.ID, "-CVE-"); i > 0 {
		aliases = appendID(aliases, d.ID[i+1:], d.ID)
	}
	// Advisories of distributions named their flaws so before there was a field.
	if !slices.ContainsFunc(aliases, isCVE) && !slices.ContainsFunc(upstream, isCVE) && !isCVE(d.ID) {
		for _, id := range d.Related {
			if isCVE(id) {
				upstream = appendID(upstream, id, d.ID)
			}
		}
	}
	return aliases, upstream
}

func appendID(ids []string, id, own string) []string {
	if !isWord(id) || id == own || slices.Contains(ids, id) || len(ids) >= 1000 {
		return ids
	}
	return append(ids, id)
}

// summary is one line on the flaw: the summary, or the beginning of the details.
func (d *osvDocument) summary() string {
	if line := oneLine(d.Summary); line != "" {
		return line
	}
	return oneLine(d.Details)
}

// oneLine makes one line of a text, and cuts it between words.
func oneLine(text string) string {
	if len(text) > 8*maxSummary {
		text = text[:8*maxSummary]
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	var b strings.Builder
	for _, word := range words {
		word = strings.ToValidUTF8(word, "")
		switch {
		case word == "":
			continue
		case b.Len() == 0 && len(word) > maxSummary:
			return clip(word, maxSummary-3)
		case b.Len()+len(word)+1 > maxSummary-3:
			return b.String() + "..."
		case b.Len() > 0:
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}

// databases are those whose advisories have a page at osv.dev.
var databases = []string{"ALBA", "ALEA", "ALPINE", "ALSA", "ASB", "BELL", "BIT", "CGA", "CVE", "DEBIAN", "DLA", "DSA", "DTSA",
	"GHSA", "GO", "GSD", "HSEC", "KUBE", "LBSEC", "LSN", "MAL", "MGASA", "MINI", "OESA", "OSEC", "OSV", "PSF", "PYSEC", "RHBA", "RHEA", "RHSA",
	"RLSA", "RSEC", "RUSTSEC", "RXSA", "SUSE", "UBUNTU", "USN", "V8", "openSUSE"}

// url is the page to read on: the one that the database names, that of OSV, or,
// for an advisory that is not in OSV, one that it refers to.
func (d *osvDocument) url(own specific) string {
	if isURL(string(own.URL)) {
		return string(own.URL)
	}
	if prefix, _, _ := strings.Cut(d.ID, "-"); !slices.Contains(databases, prefix) {
		for _, kind := range []string{"ADVISORY", "WEB", "REPORT"} {
			for _, r := range d.References {
				if r.Type == kind && isURL(r.URL) {
					return r.URL
				}
			}
		}
	}
	return pages[0] + d.ID
}

func isURL(text string) bool {
	return len(text) <= maxURL && isText(text) && (strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://"))
}

// readTime reads a time of an advisory; what is none is the zero time.
func readTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
