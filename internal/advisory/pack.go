package advisory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

var errDamaged = errors.New("the file is damaged: fetch or import it again")

// Pack is the advisories of one ecosystem, or those that hold for one release of
// it. It may be used by several goroutines.
type Pack struct {
	*mapped
	// release limits what look-ups return; "" does not.
	release string
}

// mapped is the file of a pack.
type mapped struct {
	file string
	data []byte
	header
	labels
	// list is the words of summaries, copied: they are unpacked at any time.
	list listed
	// memory are arenas, for one look-up after the other.
	memory sync.Pool
}

// openPack maps a pack and checks its header and its index.
func openPack(file string) (p *mapped, err error) {
	data, err := mapFile(file)
	if err != nil {
		return nil, err
	}
	p, err = readPack(file, data)
	if err != nil {
		return nil, errors.Join(err, unmap(data))
	}
	return p, nil
}

// readPack takes data as the pack in a file.
func readPack(file string, data []byte) (p *mapped, err error) {
	defer guard(file, &err)()
	h, err := readHeader(data)
	if err == nil && h.kind != kindPack {
		err = errDamaged
	}
	if err == nil && checksum(data[headerSize:h.heads.start]) != h.index {
		err = errDamaged
	}
	var m labels
	if err == nil {
		m, err = readLabels(data[h.meta.start:h.meta.end])
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	p = &mapped{file: file, data: data, header: h, labels: m}
	p.list = p.wordList()
	p.memory.New = func() any { return &arena{piece: 128} }
	return p, nil
}

// guard makes an error of the fault that reading a mapped file raises if somebody
// cuts the file short meanwhile. Without it the process would end.
func guard(file string, err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		fault := recover()
		if fault == nil {
			return
		}
		if _, ok := fault.(interface{ Addr() uintptr }); !ok {
			panic(fault)
		}
		*err = fmt.Errorf("reading %s: it was cut short while it was open: %w", file, errDamaged)
	}
}

// Ecosystem is what the pack is on, with the release it is limited to.
func (p *Pack) Ecosystem() string {
	if p.release == "" {
		return p.ecosystem
	}
	return p.ecosystem + ":" + p.release
}

// Date is the date of the newest data in the pack.
func (p *Pack) Date() time.Time { return moment(p.date) }

// Checked is when a server last confirmed that the pack holds all it has; zero if
// the pack was imported.
func (p *Pack) Checked() time.Time { return moment(p.checked) }

// Stale says that nothing is known of what was published within the limit: the
// newest data is older, and so is the last word of a server.
func (p *Pack) Stale(now time.Time, limit time.Duration) bool {
	return now.Sub(p.Date()) > limit && now.Sub(p.Checked()) > limit
}

// Count is the number of advisories in the pack, of all releases.
func (p *Pack) Count() int { return int(p.count) }

// Source is where the pack's data came from: a URL or the name of a file.
func (p *Pack) Source() string { return p.source }

// Releases are the releases that entries of the pack name, sorted.
func (p *Pack) Releases() []string { return slices.Clone(p.releases) }

// Complete says that the pack was made of a whole archive or folder, not only of
// single advisories.
func (p *Pack) Complete() bool { return p.flags&flagComplete != 0 }

// holds says whether any entry is on the release.
func (p *mapped) holds(release string) bool {
	return slices.ContainsFunc(p.releases, func(have string) bool { return covers(have, release) })
}

// Lookup returns what the advisories say about a package, sorted by id. An
// advisory that names the package several times, with other versions or parts of
// it, comes several times. Withdrawn ones are never in a pack. What is returned has
// its ID, Release and Ranges; the rest is packed until Unpack.
func (p *Pack) Lookup(name string) (found []Advisory, err error) {
	defer guard(p.file, &err)()
	name = normalName(p.ecosystem, name)
	group, ok := p.find(name)
	if !ok {
		return nil, nil
	}
	m := p.memory.Get().(*arena)
	_, found, err = p.read(group, p.release, m)
	p.memory.Put(m)
	if err != nil {
		return nil, fmt.Errorf("looking up %s in %s: %w", name, p.file, err)
	}
	return found, nil
}

// find returns the bytes of a package's group.
func (p *mapped) find(name string) (group []byte, ok bool) {
	hash := nameHash(name)
	bucket := p.data[p.buckets.start+4*bucketOf(hash, p.bits):]
	first, end := binary.LittleEndian.Uint32(bucket), binary.LittleEndian.Uint32(bucket[4:])
	for i := first; i < end && i < p.names; i++ {
		entry := p.data[p.entries.start+entrySize*i:][:entrySize]
		if binary.LittleEndian.Uint32(entry) != hash {
			continue
		}
		group = p.group(entry)
		if isOf(group, name) || !intact(group) {
			return group, true // a damaged one for the error that reading it gives
		}
	}
	return nil, false
}

// isOf says whether a group is that of a package.
func isOf(group []byte, name string) bool {
	if len(group) < 4 {
		return false
	}
	length, width := binary.Uvarint(group[4:])
	return width > 0 && length == uint64(len(name)) && len(group)-4-width >= len(name) && string(group[4+width:][:len(name)]) == name
}

// intact says whether a group has its checksum.
func intact(group []byte) bool {
	return len(group) >= 4 && binary.LittleEndian.Uint32(group) == checksum(group[4:])
}

// maxGroup bounds what one look-up reads. The largest package known, the Linux
// kernel of all releases of a distribution, takes a twentieth of it.
const maxGroup = 64 << 20

// minRecord is the least that a record takes.
const minRecord = 6

// group returns the bytes of the group that an entry points to; none if they do
// not lie in the file.
func (p *mapped) group(entry []byte) []byte {
	start, length := uint64(binary.LittleEndian.Uint32(entry[4:])), uint64(binary.LittleEndian.Uint32(entry[8:]))
	if start+length > uint64(p.groups.len()) || length > maxGroup {
		return nil
	}
	return p.data[p.groups.start:p.groups.end][start:][:length:length]
}

// read decodes a group: the name of the package and what is said of it, the most
// of it still packed.
func (p *mapped) read(bytes []byte, release string, m *arena) (name string, found []Advisory, err error) {
	if !intact(bytes) {
		return "", nil, errDamaged
	}
	c := cursor{text: m.keep(bytes[4:])}
	g := &group{name: c.string(), versions: c.string(), words: p.list}
	n := c.count()
	if n*minRecord > len(c.text)-c.at {
		return "", nil, errDamaged
	}
	found = take(m, &m.advisories, n)[:0]
	for range n {
		record := c.part()
		of := record.uint()
		if of > uint64(len(p.releases)) {
			return "", nil, errDamaged
		}
		if of > 0 && !covers(p.releases[of-1], release) {
			continue
		}
		found = found[:len(found)+1]
		a := &found[len(found)-1]
		if of > 0 {
			a.Release = p.releases[of-1]
		}
		head := cursor{text: p.head(record.uint(), m)}
		a.ID = head.string()
		a.packed = packed{of: g, head: head.text[head.at:], set: record.uint()}
		a.Ranges = readRanges(&record, m)
		a.packed.imports = record.text[record.at:]
		if head.bad || head.text == "" || record.bad {
			return "", nil, errDamaged
		}
	}
	if c.bad || c.at != len(c.text) {
		return "", nil, errDamaged
	}
	return g.name, found, nil
}

// head copies what an advisory says once for all packages; "" if it is damaged.
func (p *mapped) head(at uint64, m *arena) string {
	heads := p.data[p.heads.start:p.heads.end]
	if at > uint64(len(heads)) || at+8 > uint64(len(heads)) {
		return ""
	}
	length := uint64(binary.LittleEndian.Uint32(heads[at:]))
	if at+8+length > uint64(len(heads)) {
		return ""
	}
	bytes := heads[at+8:][:length]
	if binary.LittleEndian.Uint32(heads[at+4:]) != checksum(bytes) {
		return ""
	}
	return m.keep(bytes)
}

// all calls fn with each package and what is said of it, in the order of the
// file, until fn returns an error.
func (p *mapped) all(fn func(name string, found []Advisory) error) (err error) {
	defer guard(p.file, &err)()
	if checksum(p.data[headerSize:]) != p.body {
		return fmt.Errorf("reading %s: %w", p.file, errDamaged)
	}
	for i := range p.names {
		entry := p.data[p.entries.start+entrySize*i:][:entrySize]
		name, found, err := p.read(p.group(entry), "", &arena{})
		for i := range found {
			if err == nil {
				err = found[i].Unpack()
			}
		}
		if err == nil {
			if _, ok := p.find(name); !ok {
				err = errDamaged
			}
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", p.file, err)
		}
		if err := fn(name, found); err != nil {
			return err
		}
	}
	return nil
}

// The marks of an event say which field is set; from0 is "introduced: 0".
const (
	introduced = iota
	fixed
	lastAffected
	from0
)

// rangeTypes are the types of ranges that versions can be compared with.
var rangeTypes = []string{"SEMVER", "ECOSYSTEM"}

func readRanges(c *cursor, m *arena) []Range {
	n := c.count()
	if n == 0 {
		return nil
	}
	out := take(m, &m.ranges, n)
	for i := range out {
		kind := int(c.byte())
		if kind >= len(rangeTypes) {
			c.bad = true
			return nil
		}
		out[i].Type = rangeTypes[kind]
		events := take(m, &m.events, c.count())
		for k := range events {
			switch c.byte() {
			case introduced:
				events[k].Introduced = c.string()
			case fixed:
				events[k].Fixed = c.string()
			case lastAffected:
				events[k].LastAffected = c.string()
			case from0:
				events[k].Introduced = "0"
			default:
				c.bad = true
			}
		}
		out[i].Events = events
	}
	return out
}

// An import path is whole, or continues the name of the package.
const (
	pathWhole = iota
	pathBelow
)

func readImports(c *cursor, name string) []Import {
	n := c.count()
	if n == 0 {
		return nil
	}
	m, out := &arena{}, make([]Import, n)
	for i := range out {
		how, path := c.byte(), c.string()
		if how == pathBelow {
			path = name + path
		}
		c.bad = c.bad || how > pathBelow
		out[i] = Import{path, c.strings(m), c.strings(m), c.strings(m)}
	}
	return out
}

// readDay reads a day as the days since 1970, from 1.
func readDay(c *cursor) string {
	days := c.uint()
	if days == 0 || days > maxDays {
		c.bad = c.bad || days > 0
		return ""
	}
	year, month, day := time.Unix(int64(days-1)*86400, 0).UTC().Date()
	digit := func(n int) byte { return byte('0' + n%10) }
	return string([]byte{digit(year / 1000), digit(year / 100), digit(year / 10), digit(year), '-',
		digit(int(month) / 10), digit(int(month)), '-', digit(day / 10), digit(day)})
}

// maxDays ends in the year 9999.
const maxDays = 2932897

// pages are how the addresses of pages about an advisory begin; an id follows.
var pages = []string{
	"https://osv.dev/vulnerability/", "https://pkg.go.dev/vuln/", "https://github.com/advisories/",
	"https://security-tracker.debian.org/tracker/", "https://nvd.nist.gov/vuln/detail/", "https://access.redhat.com/errata/",
}

// readURL reads an address: 0 and the text of it, or the number of a page and
// which of the advisory's ids follows.
func readURL(c *cursor, a *Advisory) string {
	page := int(c.byte())
	if page == 0 {
		return c.string()
	}
	id := c.uint()
	switch {
	case page > len(pages) || id > uint64(len(a.Aliases)):
		c.bad = true
		return ""
	case id == 0:
		return pages[page-1] + a.ID
	}
	return pages[page-1] + a.Aliases[id-1]
}

// malicious says whether an advisory is about malware.
func malicious(a *Advisory) bool {
	isMAL := func(id string) bool { return strings.HasPrefix(id, "MAL-") }
	return isMAL(a.ID) || slices.ContainsFunc(a.Aliases, isMAL)
}

// nameHash spreads names over buckets: FNV-1a, its bits mixed.
func nameHash(name string) uint32 {
	h := uint32(2166136261)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint32(name[i])) * 16777619
	}
	h ^= h >> 16
	h *= 0x85ebca6b
	return h ^ h>>13
}

// bucketOf is the bucket of a hash, by its first bits.
func bucketOf(hash, width uint32) uint32 { return uint32(uint64(hash) >> (32 - width)) }

// bucketBits chooses how many bits find a bucket: about one name each.
func bucketBits(names int) uint32 { return uint32(min(bits.Len(uint(names)), 24)) }
