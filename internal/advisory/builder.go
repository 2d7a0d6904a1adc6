package advisory

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Builder makes packs of advisories. Of an advisory that comes several times the
// one that was changed last stays; of two that were changed at the same time, the
// later one.
type Builder struct {
	families map[string]*family
}

// NewBuilder makes an empty builder.
func NewBuilder() *Builder { return &Builder{families: map[string]*family{}} }

// family collects the advisories of an ecosystem, already in the form that they
// have in the pack: one takes some hundred bytes, however long its text was.
type family struct {
	name       string
	advisories map[string]*stored
	releases   map[string]uint32
	// What comes again and again is kept once.
	versions   pool // names
	sets       pool // of versions, as numbers
	heads      pool
	bodies     pool
	newest     time.Time
	source     string
	etag       string
	checked    time.Time
	incomplete bool
}

// pool keeps texts once, and gives them numbers.
type pool struct {
	numbers map[string]uint32
	texts   []string
}

func (p *pool) number(text []byte) uint32 {
	number, ok := p.numbers[string(text)]
	if !ok {
		if p.numbers == nil {
			p.numbers = map[string]uint32{}
		}
		number = uint32(len(p.texts))
		own := string(text)
		p.numbers[own] = number
		p.texts = append(p.texts, own)
	}
	return number
}

// stored is an advisory within a family; one without records was withdrawn.
type stored struct {
	changed int64
	records []record
}

// record is what an advisory says of one package.
type record struct {
	name    string
	release uint32 // from 1; 0 is all
	// The numbers of a head (its fields, preceded by their length, and its summary),
	// of ranges and imports, and of a set of versions.
	head, body, versions uint32
}

// Entry is one advisory of any number of packages, as Builder.Add takes it.
type Entry struct {
	ID string
	// Changed is when the advisory was changed last; the zero time is older than
	// all others.
	Changed   time.Time
	Withdrawn bool
	Packages  []Affected
	undated   bool // there is no date of change in it
	// only are the families that Packages are about, nil for all: of others it is
	// not known what the advisory says.
	only []string
}

// Affected is what an advisory says of one package. The fields of the Advisory
// that are common to all packages have to be filled in each.
type Affected struct {
	Ecosystem, Name string
	Advisory
}

// family returns the collection of an ecosystem's family.
func (b *Builder) family(name string) *family {
	f := b.families[name]
	if f == nil {
		f = &family{name: name, advisories: map[string]*stored{}, releases: map[string]uint32{}}
		b.families[name] = f
	}
	return f
}

// Add puts an advisory in, or replaces what it said before. A withdrawn one is
// taken out of all ecosystems that it names.
func (b *Builder) Add(e *Entry) {
	var touched []*family
	for i := range e.Packages {
		name, _ := Family(e.Packages[i].Ecosystem)
		if f := b.family(name); !slices.Contains(touched, f) {
			touched = append(touched, f)
		}
	}
	// It may have named other ecosystems before.
	for _, f := range b.families {
		if f.advisories[e.ID] != nil && !slices.Contains(touched, f) && (e.only == nil || slices.Contains(e.only, f.name)) {
			touched = append(touched, f)
		}
	}
	for _, f := range touched {
		have := f.advisories[e.ID]
		if have != nil && have.changed > nanoseconds(e.Changed) {
			continue
		}
		f.advisories[e.ID] = f.stored(e)
		if e.Changed.After(f.newest) {
			f.newest = e.Changed
		}
	}
}

// nanoseconds makes a number of a time; the zero time is before all others.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixNano()
}

// stored brings what an advisory says of the packages of this family into the
// form of the pack.
func (f *family) stored(e *Entry) *stored {
	s := &stored{changed: nanoseconds(e.Changed)}
	if e.Withdrawn {
		return s
	}
	for i := range e.Packages {
		a := &e.Packages[i]
		family, release := Family(a.Ecosystem)
		if family != f.name {
			continue
		}
		name := strings.Clone(normalName(family, a.Name))
		r := record{name: name, release: f.release(normalRelease(family, release)),
			head:     f.heads.number(append(appendText(nil, string(appendHead(nil, &a.Advisory))), a.Summary...)),
			body:     f.bodies.number(appendBody(nil, &a.Advisory, name)),
			versions: f.sets.number(f.set(a.Versions))}
		if !slices.Contains(s.records, r) {
			s.records = append(s.records, r)
		}
	}
	s.records = slices.Clip(s.records)
	return s
}

func (f *family) release(release string) uint32 {
	if release == "" {
		return 0
	}
	number, ok := f.releases[release]
	if !ok {
		release = strings.Clone(release)
		number = uint32(len(f.releases) + 1)
		f.releases[release] = number
	}
	return number
}

// set writes a set of version names as numbers.
func (f *family) set(names []string) []byte {
	numbers := make([]uint32, len(names))
	for i, name := range names {
		numbers[i] = f.versions.number([]byte(name))
	}
	slices.Sort(numbers)
	var b []byte
	for _, number := range slices.Compact(numbers) {
		b = binary.LittleEndian.AppendUint32(b, number)
	}
	return b
}

// numbersOf reads what set wrote.
func (f *family) numbersOf(set uint32) []uint32 {
	text := f.sets.texts[set]
	numbers := make([]uint32, len(text)/4)
	for i := range numbers {
		numbers[i] = binary.LittleEndian.Uint32([]byte(text[4*i:][:4]))
	}
	return numbers
}

// addPack puts the advisories of a pack in that are not there yet: what a pack
// says is older than what is added.
func (b *Builder) addPack(p *mapped) error {
	f := b.family(p.ecosystem)
	added := map[string]*stored{}
	err := p.all(func(name string, found []Advisory) error {
		for i := range found {
			a := &found[i]
			s := added[a.ID]
			if s == nil && f.advisories[a.ID] != nil {
				continue
			}
			if s == nil {
				s = &stored{}
				added[a.ID], f.advisories[a.ID] = s, s
			}
			one := f.stored(&Entry{ID: a.ID, Packages: []Affected{{Ecosystem: f.name + ":" + a.Release, Name: name, Advisory: *a}}})
			s.records = append(s.records, one.records...)
		}
		return nil
	})
	if date := moment(p.date); date.After(f.newest) {
		f.newest = date
	}
	return err
}

// encode returns the pack of a family as the bytes of a file.
func (b *Builder) encode(name string) ([]byte, error) {
	f := b.families[name]
	packages, count := f.packages()
	labels := labels{ecosystem: f.name, source: f.source, etag: f.etag}
	labels.releases, packages = f.usedReleases(packages)
	e := encoder{family: f, heads: make([]uint32, len(f.heads.texts)), words: map[string]int{}}
	list := f.chooseWords(packages)
	for i, word := range list {
		e.words[word] = i
	}
	for _, p := range packages {
		if err := e.group(p.name, p.records); err != nil {
			return nil, fmt.Errorf("writing the pack of %s: %w", f.name, err)
		}
	}
	h := header{kind: kindPack, date: seconds(f.newest), checked: seconds(f.checked), count: uint32(count), names: uint32(len(packages)), bits: bucketBits(len(packages))}
	if !f.incomplete {
		h.flags |= flagComplete
	}
	buckets, entries := e.index(h.bits)
	return h.seal(labels.encode(), encodeWords(list), buckets, entries, e.headBytes, e.groupBytes)
}

// chooseWords chooses the words of summaries that get a number.
func (f *family) chooseWords(packages []named) []string {
	counted, list := make([]bool, len(f.heads.texts)), wordList{}
	for _, p := range packages {
		for _, r := range p.records {
			if !counted[r.head] {
				counted[r.head] = true
				_, summary := f.head(r.head)
				list.add(summary)
			}
		}
	}
	return list.choose()
}

// head returns the parts of a head.
func (f *family) head(number uint32) (fields, summary string) {
	c := cursor{text: f.heads.texts[number]}
	fields = c.string()
	return fields, c.text[c.at:]
}

// named is a package and all that is said of it.
type named struct {
	name    string
	records []record
}

// packages turns advisories with packages into packages with advisories, in the
// order of names and ids.
func (f *family) packages() (packages []named, advisories int) {
	byName := map[string][]record{}
	for _, id := range slices.Sorted(maps.Keys(f.advisories)) {
		records := f.advisories[id].records
		if len(records) > 0 {
			advisories++
		}
		for _, r := range records {
			byName[r.name] = append(byName[r.name], r)
		}
	}
	packages = make([]named, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		packages = append(packages, named{name, byName[name]})
	}
	return packages, advisories
}

// usedReleases sorts the releases that are in use, and numbers them anew in the
// records.
func (f *family) usedReleases(packages []named) ([]string, []named) {
	used := map[uint32]bool{}
	for _, p := range packages {
		for _, r := range p.records {
			used[r.release] = true
		}
	}
	var releases []string
	for _, name := range slices.Sorted(maps.Keys(f.releases)) {
		if used[f.releases[name]] {
			releases = append(releases, name)
		}
	}
	numbers := map[uint32]uint32{}
	for i, name := range releases {
		numbers[f.releases[name]] = uint32(i + 1)
	}
	for _, p := range packages {
		for i := range p.records {
			p.records[i].release = numbers[p.records[i].release]
		}
	}
	return releases, packages
}

// encoder writes the parts of a pack.
type encoder struct {
	*family
	heads                 []uint32 // where each is, from 1; 0 is nowhere yet
	words                 map[string]int
	headBytes, groupBytes []byte
	index12               []indexed
}

// indexed is an entry of the index.
type indexed struct {
	hash, start, length uint32
}

// place writes a head if that is still to be done, and returns where it is.
func (e *encoder) place(number uint32) uint64 {
	if e.heads[number] == 0 {
		fields, summary := e.head(number)
		b := appendSummary([]byte(fields), summary, e.words)
		e.heads[number] = uint32(len(e.headBytes)) + 1
		e.headBytes = binary.LittleEndian.AppendUint32(e.headBytes, uint32(len(b)))
		e.headBytes = binary.LittleEndian.AppendUint32(e.headBytes, checksum(b))
		e.headBytes = append(e.headBytes, b...)
	}
	return uint64(e.heads[number] - 1)
}

// group writes what is said of a package.
func (e *encoder) group(name string, records []record) error {
	table, sets, err := e.versionTable(records)
	if err != nil {
		return fmt.Errorf("%s: %w", clip(name, 100), err)
	}
	b := appendText(nil, name)
	b = appendText(b, string(table))
	b = binary.AppendUvarint(b, uint64(len(records)))
	for i, r := range records {
		p := binary.AppendUvarint(nil, uint64(r.release))
		p = binary.AppendUvarint(p, e.place(r.head))
		p = binary.AppendUvarint(p, sets[i])
		p = append(p, e.bodies.texts[r.body]...)
		b = appendText(b, string(p))
	}
	if len(b)+4 > maxGroup || int64(len(e.groupBytes))+int64(len(e.headBytes)) > math.MaxInt32 {
		return fmt.Errorf("%s: there are too many advisories on it", clip(name, 100))
	}
	e.index12 = append(e.index12, indexed{nameHash(name), uint32(len(e.groupBytes)), uint32(len(b) + 4)})
	e.groupBytes = binary.LittleEndian.AppendUint32(e.groupBytes, checksum(b))
	e.groupBytes = append(e.groupBytes, b...)
	return nil
}

// versionTable writes the version names of a package's records and the sets of
// them, and returns for each record the number of its set.
func (e *encoder) versionTable(records []record) (table []byte, sets []uint64, err error) {
	sets = make([]uint64, len(records))
	var all []uint32
	seen := map[uint32]bool{}
	for _, r := range records {
		if !seen[r.versions] {
			seen[r.versions] = true
			all = append(all, e.numbersOf(r.versions)...)
		}
	}
	if len(all) == 0 {
		return nil, sets, nil
	}
	slices.Sort(all)
	all = slices.Compact(all)
	slices.SortFunc(all, func(a, b uint32) int { return compareNatural(e.versions.texts[a], e.versions.texts[b]) })
	place := make(map[uint32]int, len(all))
	table = binary.AppendUvarint(nil, uint64(len(all)))
	previous := ""
	for i, number := range all {
		place[number] = i
		name := e.versions.texts[number]
		shared := commonPrefix(previous, name)
		table = appendText(append(table, byte(shared)), name[shared:])
		previous = name
	}
	known, total := map[uint32]uint64{}, 0
	var written []byte
	for i, r := range records {
		if e.sets.texts[r.versions] == "" {
			continue
		}
		if known[r.versions] == 0 {
			known[r.versions] = uint64(len(known) + 1)
			numbers := e.numbersOf(r.versions)
			places := make([]int, len(numbers))
			for k, number := range numbers {
				places[k] = place[number]
			}
			slices.Sort(places)
			runs, several := appendRuns(nil, places)
			written = append(written, runs...)
			if several {
				total += len(places)
			}
		}
		sets[i] = known[r.versions]
	}
	if total > maxListed {
		return nil, nil, errors.New("its advisories list too many versions")
	}
	return append(binary.AppendUvarint(table, uint64(len(known))), written...), sets, nil
}

// appendRuns writes sorted places as runs, each a gap after the one before and a
// length.
func appendRuns(b []byte, places []int) (out []byte, several bool) {
	var runs []byte
	count, end := 0, 0
	for i := 0; i < len(places); count++ {
		k := i + 1
		for k < len(places) && places[k] == places[k-1]+1 {
			k++
		}
		runs = binary.AppendUvarint(runs, uint64(places[i]-end))
		runs = binary.AppendUvarint(runs, uint64(k-i))
		end, i = places[k-1]+1, k
	}
	return append(binary.AppendUvarint(b, uint64(count)), runs...), count > 1
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b), 255)
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// index writes the entries, sorted by hash, and the buckets that find them. Each
// bucket says where its entries begin, and the next one where they end.
func (e *encoder) index(width uint32) (buckets, entries []byte) {
	slices.SortFunc(e.index12, func(a, b indexed) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.start, b.start))
	})
	next := 0
	for bucket := range uint32(1)<<width + 1 {
		for next < len(e.index12) && bucketOf(e.index12[next].hash, width) < bucket {
			next++
		}
		buckets = binary.LittleEndian.AppendUint32(buckets, uint32(next))
	}
	for _, x := range e.index12 {
		entries = binary.LittleEndian.AppendUint32(entries, x.hash)
		entries = binary.LittleEndian.AppendUint32(entries, x.start)
		entries = binary.LittleEndian.AppendUint32(entries, x.length)
	}
	return buckets, entries
}

// compareNatural orders names with the numbers in them by value, so that versions
// which follow each other mostly do so in the table as well.
func compareNatural(a, b string) int {
	for i, k := 0, 0; i < len(a) && k < len(b); {
		x, y := digits(a[i:]), digits(b[k:])
		if len(x) == 0 || len(y) == 0 {
			if a[i] != b[k] {
				return cmp.Compare(a[i], b[k])
			}
			i, k = i+1, k+1
			continue
		}
		v, w := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if c := cmp.Or(cmp.Compare(len(v), len(w)), cmp.Compare(v, w)); c != 0 {
			return c
		}
		i, k = i+len(x), k+len(y)
	}
	// Equal so far: by length, and "1.01" is not "1.1".
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func digits(s string) string {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n]
}

// appendHead writes what mapped.head reads, but for the summary at its end.
func appendHead(b []byte, a *Advisory) []byte {
	b = appendText(b, a.ID)
	b = appendDay(appendDay(b, a.Published), a.Modified)
	b = binary.AppendUvarint(b, uint64(math.Round(a.Score*10)))
	b = append(b, byte(max(slices.Index(severities, a.Severity), 0)))
	b = appendText(b, a.Vector)
	b = appendTexts(appendTexts(b, a.Aliases), a.Upstream)
	for page, prefix := range pages {
		rest, ok := strings.CutPrefix(a.URL, prefix)
		if !ok {
			continue
		}
		if rest == a.ID {
			return append(b, byte(page+1), 0)
		}
		if i := slices.Index(a.Aliases, rest); i >= 0 {
			return binary.AppendUvarint(append(b, byte(page+1)), uint64(i+1))
		}
	}
	return appendText(append(b, 0), a.URL)
}

// appendBody writes the ranges and imports of a record on a package.
func appendBody(b []byte, a *Advisory, name string) []byte {
	b = binary.AppendUvarint(b, uint64(len(a.Ranges)))
	for _, r := range a.Ranges {
		b = append(b, byte(max(slices.Index(rangeTypes, r.Type), 0)))
		b = binary.AppendUvarint(b, uint64(len(r.Events)))
		for _, e := range r.Events {
			switch {
			case e.Introduced == "0":
				b = append(b, from0)
			case e.Introduced != "":
				b = appendText(append(b, introduced), e.Introduced)
			case e.Fixed != "":
				b = appendText(append(b, fixed), e.Fixed)
			default:
				b = appendText(append(b, lastAffected), e.LastAffected)
			}
		}
	}
	b = binary.AppendUvarint(b, uint64(len(a.Imports)))
	for _, i := range a.Imports {
		if rest, ok := strings.CutPrefix(i.Path, name); ok {
			b = appendText(append(b, pathBelow), rest)
		} else {
			b = appendText(append(b, pathWhole), i.Path)
		}
		b = appendTexts(appendTexts(appendTexts(b, i.Symbols), i.GOOS), i.GOARCH)
	}
	return b
}

// appendDay writes a day as the days since 1970, from 1; what is none as 0.
func appendDay(b []byte, day string) []byte {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil || t.Year() < 1970 {
		return append(b, 0)
	}
	return binary.AppendUvarint(b, uint64(t.Unix()/86400+1))
}
