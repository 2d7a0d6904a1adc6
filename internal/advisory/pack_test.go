package advisory

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// equal compares values; empty lists are equal to none.
func equal[T any](a, b []T) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

// pack makes a pack of what advisories say, as the bytes of a file.
func packBytes(t testing.TB, family string, entries ...*Entry) []byte {
	t.Helper()
	b := NewBuilder()
	for _, e := range entries {
		b.Add(e)
	}
	data, err := b.encode(family)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func openBytes(t testing.TB, data []byte, release string) *Pack {
	t.Helper()
	p, err := readPack("test.pack", data)
	if err != nil {
		t.Fatal(err)
	}
	return &Pack{mapped: p, release: release}
}

// look looks a package up and unpacks what is said of it.
func look(p *Pack, name string) ([]Advisory, error) {
	found, err := p.Lookup(name)
	for i := range found {
		if err == nil {
			err = found[i].Unpack()
		}
	}
	return found, err
}

// says makes an advisory that says something of one package.
func says(id, ecosystem, name string) *Entry {
	a := Advisory{ID: id, Ranges: []Range{{"ECOSYSTEM", []Event{{Introduced: "0"}}}}, URL: pages[0] + id}
	return &Entry{ID: id, Packages: []Affected{{ecosystem, name, a}}}
}

func ids(found []Advisory) string {
	var out []string
	for _, a := range found {
		out = append(out, a.ID)
	}
	return strings.Join(out, " ")
}

func TestReleases(t *testing.T) {
	tests := []struct{ family, entries, asked, want string }{
		{"Debian", "12 11", "12", "12"},
		{"Debian", "12 11", "1", ""},
		{"Debian", "12 -", "12", "- 12"},
		{"Debian", "12 11", "", "11 12"},
		{"Ubuntu", "22.04:LTS 24.04:LTS Pro:22.04:LTS", "22.04", "22.04:LTS"},
		{"Ubuntu", "22.04:LTS 24.04:LTS Pro:22.04:LTS", "Pro:22.04", "Pro:22.04:LTS"},
		{"Maven", "- https://repo.example/", "https://other.example/", "-"},
		{"Alpine", "v3.20 v3.2", "v3.20", "v3.20"},
		{"Alpine", "v3.20 v3.2", "3.20", "v3.20"},
		{"Red Hat", "enterprise_linux:9::baseos enterprise_linux:9::appstream enterprise_linux:8::baseos", "enterprise_linux:9",
			"enterprise_linux:9::appstream enterprise_linux:9::baseos"},
		{"Red Hat", "enterprise_linux:9::baseos enterprise_linux:9::appstream", "enterprise_linux:9::baseos", "enterprise_linux:9::baseos"},
	}
	for _, test := range tests {
		t.Run(test.family+" "+test.asked, func(t *testing.T) {
			dir := t.TempDir()
			var entries []*Entry
			for release := range strings.FieldsSeq(test.entries) {
				ecosystem := test.family + ":" + release
				if release == "-" {
					ecosystem = test.family
				}
				entries = append(entries, says(release, ecosystem, "openssl"))
			}
			if err := replace(dir, packFile(test.family), packBytes(t, test.family, entries...)); err != nil {
				t.Fatal(err)
			}
			store, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			p, err := store.Pack(strings.ToLower(test.family) + ":" + test.asked)
			if test.want == "" {
				if !errors.Is(err, ErrMissing) {
					t.Errorf("the error is %v, want ErrMissing", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			found, err := p.Lookup("openssl")
			if got := ids(found); err != nil || got != test.want {
				t.Errorf("found %q (%v), want %q", got, err, test.want)
			}
			for _, a := range found {
				if a.Release != strings.Trim(a.ID, "-") {
					t.Errorf("%s is on the release %q", a.ID, a.Release)
				}
			}
		})
	}
}

func TestNames(t *testing.T) {
	tests := []struct {
		ecosystem, written, asked string
		found                     bool
	}{
		{"PyPI", "Flask_AppBuilder", "flask-appbuilder", true},
		{"PyPI", "zope.interface", "Zope__.-Interface", true},
		{"PyPI", "a-b", "ab", false},
		{"npm", "JSONStream", "jsonstream", false},
		{"npm", "@scope/name", "@scope/name", true},
		{"NuGet", "Newtonsoft.Json", "newtonsoft.json", true},
		{"Go", "github.com/A/b", "github.com/a/b", false},
		{"Maven", "org.a:b", "org.a:b", true},
	}
	for _, test := range tests {
		p := openBytes(t, packBytes(t, test.ecosystem, says("X-1", test.ecosystem, test.written)), "")
		found, err := p.Lookup(test.asked)
		if err != nil || len(found) == 1 != test.found {
			t.Errorf("%s: %s asked for as %s: found %d (%v)", test.ecosystem, test.written, test.asked, len(found), err)
		}
	}
}

// TestCollision looks up packages whose names have one hash.
func TestCollision(t *testing.T) {
	const a, b = "pd6a65755c725e83b", "pc2dde66c5cc3f60e"
	if nameHash(a) != nameHash(b) {
		t.Fatal("the names have different hashes: search for others")
	}
	p := openBytes(t, packBytes(t, "npm", says("X-1", "npm", a), says("X-2", "npm", b)), "")
	for name, want := range map[string]string{a: "X-1", b: "X-2", "other": ""} {
		if found, err := p.Lookup(name); err != nil || ids(found) != want {
			t.Errorf("%s: found %q (%v), want %q", name, ids(found), err, want)
		}
	}
}

// TestHeader reads the header as docs/advisories.md describes it.
func TestHeader(t *testing.T) {
	data, _ := sample(t)
	p := openBytes(t, data, "")
	number := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	for at, want := range map[int]uint32{8: kindPack, 12: flagComplete, 16: uint32(len(data)), 24: uint32(p.date), 32: uint32(p.checked), 40: 3, 44: 3,
		48: p.bits, 52: p.header.meta.end, 56: p.words.end, 60: p.buckets.end, 64: p.entries.end, 68: p.heads.end,
		72: checksum(data[128:]), 76: checksum(data[128:p.heads.start]), 124: checksum(data[:124])} {
		if got := number(at); got != want {
			t.Errorf("at %d there is %d, want %d", at, got, want)
		}
	}
	if string(data[:8]) != "HFADVIS1" {
		t.Errorf("it begins with %q", data[:8])
	}
}

func TestReplaced(t *testing.T) {
	at := func(day int, e *Entry) *Entry {
		e.Changed = time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC)
		return e
	}
	withdrawn := at(3, says("X-1", "npm", "a"))
	withdrawn.Withdrawn = true
	tests := []struct {
		name    string
		entries []*Entry
		a, b    string
	}{
		{"the later change", []*Entry{at(2, says("X-1", "npm", "b")), at(1, says("X-1", "npm", "a"))}, "", "X-1"},
		{"the second of two at once", []*Entry{at(1, says("X-1", "npm", "a")), at(1, says("X-1", "npm", "b"))}, "", "X-1"},
		{"withdrawn", []*Entry{at(1, says("X-1", "npm", "a")), withdrawn, at(1, says("X-2", "npm", "a"))}, "X-2", ""},
		{"withdrawn before it comes", []*Entry{withdrawn, at(1, says("X-1", "npm", "a")), at(1, says("X-2", "npm", "b"))}, "", "X-2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := openBytes(t, packBytes(t, "npm", test.entries...), "")
			a, err := p.Lookup("a")
			b, err2 := p.Lookup("b")
			if err != nil || err2 != nil || ids(a) != test.a || ids(b) != test.b {
				t.Errorf("on a %q, on b %q, want %q and %q (%v, %v)", ids(a), ids(b), test.a, test.b, err, err2)
			}
			if p.Count() != 1 {
				t.Errorf("it counts %d advisories", p.Count())
			}
		})
	}
}

// advisories draws what is said of packages, as the reader returns it.
func advisories(t *rapid.T) map[string][]Advisory {
	word := rapid.StringMatching(`[a-z0-9.~:+-]{1,12}`)
	text := rapid.StringN(0, 40, 200)
	words := rapid.SliceOfN(word, 0, 4)
	date := rapid.SampledFrom([]string{"", "1970-01-01", "2024-02-29", "9999-12-31"})
	pool := rapid.SliceOfNDistinct(word, 1, 20, rapid.ID).Draw(t, "versions")
	event := rapid.Custom(func(t *rapid.T) Event {
		v := word.Draw(t, "version")
		return rapid.SampledFrom([]Event{{Introduced: "0"}, {Introduced: v}, {Fixed: v}, {LastAffected: v}}).Draw(t, "event")
	})
	ranges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Range {
		return Range{rapid.SampledFrom(rangeTypes).Draw(t, "type"), rapid.SliceOfN(event, 1, 4).Draw(t, "events")}
	}), 0, 3)
	imports := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Import {
		return Import{word.Draw(t, "path"), words.Draw(t, "symbols"), words.Draw(t, "goos"), words.Draw(t, "goarch")}
	}), 0, 3)
	out := map[string][]Advisory{}
	for i := range rapid.IntRange(1, 30).Draw(t, "advisories") {
		a := Advisory{
			ID: fmt.Sprintf("X-%03d", i), Summary: text.Draw(t, "summary"), Aliases: words.Draw(t, "aliases"), Upstream: words.Draw(t, "upstream"),
			Published: date.Draw(t, "published"), Modified: date.Draw(t, "modified"), Score: float64(rapid.IntRange(0, 100).Draw(t, "score")) / 10,
			Vector: text.Draw(t, "vector"), Severity: rapid.SampledFrom(severities).Draw(t, "severity"),
			Ranges: ranges.Draw(t, "ranges"), Imports: imports.Draw(t, "imports"),
			Release: rapid.SampledFrom([]string{"", "11", "12"}).Draw(t, "release"),
		}
		a.Versions = rapid.SliceOfDistinct(rapid.SampledFrom(pool), rapid.ID).Draw(t, "listed")
		slices.SortFunc(a.Versions, compareNatural)
		a.URL = rapid.SampledFrom([]string{"", "https://x.example/", pages[0] + a.ID, pages[2] + strings.Join(a.Aliases, "")}).Draw(t, "url")
		a.Malicious = malicious(&a)
		name := word.Draw(t, "name")
		out[name] = append(out[name], a)
	}
	return out
}

// checkLists holds what packed advisories list against what was written.
func checkLists(t *rapid.T, p *Pack, name string, written []Advisory) {
	found, err := p.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	versions := []string{"", "never-written"}
	for _, a := range written {
		versions = append(versions, a.Versions...)
	}
	for _, version := range versions {
		for i := range found {
			at := slices.IndexFunc(written, func(a Advisory) bool { return a.ID == found[i].ID })
			want, _ := written[at].Lists(version)
			if got, err := found[i].Lists(version); err != nil || got != want {
				t.Fatalf("%s of %s lists %q: %v (%v), want %v of %q", found[i].ID, name, version, got, err, want, written[at].Versions)
			}
		}
	}
}

// askAll asks a pack that may be nonsense for everything.
func askAll(p *Pack, name string) {
	found, _ := p.Lookup(name)
	for i := range found {
		found[i].Lists("1.1")
		found[i].Unpack()
	}
}

// tidy makes empty lists nil, to compare.
func tidy(list []Advisory) []Advisory {
	for i := range list {
		a := &list[i]
		for _, texts := range []*[]string{&a.Aliases, &a.Upstream, &a.Versions} {
			if len(*texts) == 0 {
				*texts = nil
			}
		}
		if len(a.Ranges) == 0 {
			a.Ranges = nil
		}
		for k := range a.Imports {
			for _, texts := range []*[]string{&a.Imports[k].Symbols, &a.Imports[k].GOOS, &a.Imports[k].GOARCH} {
				if len(*texts) == 0 {
					*texts = nil
				}
			}
		}
		if len(a.Imports) == 0 {
			a.Imports = nil
		}
	}
	return list
}

// TestWhatGoesInComesOut holds what is read against what was written.
func TestWhatGoesInComesOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := advisories(t)
		b := NewBuilder()
		for name, list := range want {
			for _, a := range list {
				ecosystem := "Debian"
				if a.Release != "" {
					ecosystem += ":" + a.Release
				}
				b.Add(&Entry{ID: a.ID, Packages: []Affected{{ecosystem, name, a}}})
			}
		}
		data, err := b.encode("Debian")
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.encode("Debian")
		if err != nil || !slices.Equal(data, again) {
			t.Fatalf("writing it twice gives two files (%v)", err)
		}
		file, err := readPack("test", data)
		if err != nil {
			t.Fatal(err)
		}
		for _, release := range []string{"", "11", "12"} {
			p := &Pack{mapped: file, release: release}
			for name, all := range want {
				wanted := slices.DeleteFunc(slices.Clone(all), func(a Advisory) bool { return release != "" && a.Release != "" && a.Release != release })
				slices.SortFunc(wanted, func(a, b Advisory) int { return cmp.Compare(a.ID, b.ID) })
				checkLists(t, p, name, all)
				got, err := look(p, name)
				if err != nil || !equal(tidy(got), tidy(wanted)) {
					t.Fatalf("%s on %q:\n%+v\nwant\n%+v\n(%v)", name, release, got, wanted, err)
				}
			}
		}
		// A pack that is taken up again by a builder is the same.
		c := NewBuilder()
		if err := c.addPack(file); err != nil {
			t.Fatal(err)
		}
		if copied, err := c.encode("Debian"); err != nil || !slices.Equal(copied, data) {
			t.Fatalf("taken up again it is another file (%v)", err)
		}
	})
}

// sample is a small pack with something of everything.
func sample(t testing.TB) (data []byte, names []string) {
	full := Advisory{
		ID: "GHSA-1", Summary: "A flaw", Aliases: []string{"CVE-2024-0001", "MAL-1"}, Upstream: []string{"CVE-2024-0002"},
		Published: "2024-01-01", Modified: "2024-02-01", Score: 9.8, Vector: "CVSS:3.1/AV:N", Severity: "critical",
		Ranges:   []Range{{"SEMVER", []Event{{Introduced: "1.0"}, {Fixed: "1.2"}}}, {"ECOSYSTEM", []Event{{Introduced: "0"}, {LastAffected: "2"}}}},
		Versions: []string{"1.0", "1.1", "1.10", "3"}, Imports: []Import{{"m/p", []string{"F"}, []string{"linux"}, nil}}, URL: pages[1] + "CVE-2024-0001",
	}
	other := full
	other.ID, other.Versions, other.URL = "GHSA-2", []string{"1.1", "1.10"}, "https://x.example"
	third := full
	third.ID, third.Versions = "GHSA-3", []string{"1.0", "3"}
	return packBytes(t, "Debian",
		&Entry{ID: "GHSA-1", Packages: []Affected{{"Debian:12", "a", full}, {"Debian:11", "b", full}}},
		&Entry{ID: "GHSA-2", Packages: []Affected{{"Debian", "a", other}, {"Debian:11", "c", other}}},
		&Entry{ID: "GHSA-3", Packages: []Affected{{"Debian:12", "a", third}}}), []string{"a", "b", "c", "d"}
}

// TestDamage flips every bit of a pack's file and cuts it at every length: a
// look-up gives an error or what it gave before.
func TestDamage(t *testing.T) {
	data, names := sample(t)
	whole := openBytes(t, data, "")
	want := map[string][]Advisory{}
	for _, name := range names {
		want[name], _ = look(whole, name)
	}
	check := func(what string, damaged []byte) {
		file, err := readPack("test", damaged)
		if err != nil {
			return
		}
		p := &Pack{mapped: file}
		for _, name := range names {
			if got, err := look(p, name); err == nil && !equal(got, want[name]) {
				t.Errorf("%s: %s is now %+v", what, name, got)
			}
		}
		if err := file.all(func(string, []Advisory) error { return nil }); err == nil {
			t.Errorf("%s: nobody notices", what)
		}
	}
	for at := range data {
		for bit := range 8 {
			damaged := slices.Clone(data)
			damaged[at] ^= 1 << bit
			check(fmt.Sprintf("bit %d of byte %d", bit, at), damaged)
		}
		if _, err := readPack("test", data[:at]); err == nil {
			t.Errorf("cut to %d bytes it can be opened", at)
		}
	}
}

// reseal computes all checksums of a file anew, so that a fuzzer comes past them.
func reseal(data []byte) {
	le := binary.LittleEndian
	if len(data) < headerSize {
		return
	}
	copy(data, magic)
	le.PutUint64(data[16:], uint64(len(data)))
	le.PutUint32(data[headerSize-4:], checksum(data[:headerSize-4]))
	h, err := readHeader(data)
	if err != nil {
		return
	}
	for i := range h.names {
		if h.kind != kindPack {
			break
		}
		entry := data[h.entries.start+entrySize*i:]
		start, length := uint64(h.groups.start)+uint64(le.Uint32(entry[4:])), uint64(le.Uint32(entry[8:]))
		if start+length <= uint64(len(data)) && length >= 4 {
			group := data[start:][:length]
			le.PutUint32(group, checksum(group[4:]))
		}
	}
	for at := h.heads.start; at+8 <= h.heads.end; {
		length := le.Uint32(data[at:])
		if length > h.heads.end-at-8 {
			break
		}
		le.PutUint32(data[at+4:], checksum(data[at+8:][:length]))
		at += 8 + length
	}
	h.index, h.body = checksum(data[headerSize:h.heads.start]), checksum(data[headerSize:])
	copy(data, h.encode())
}

// FuzzPack reads packs with all checksums right and anything in them.
func FuzzPack(f *testing.F) {
	data, names := sample(f)
	f.Add(data)
	f.Add(packBytes(f, "npm", says("X-1", "npm", "a")))
	table, err := encodeTable(kindEPSS, []uint64{1 << 40, 2 << 40}, time.Time{}, time.Time{}, labels{ecosystem: EPSS})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(table)
	f.Fuzz(func(t *testing.T, data []byte) {
		data = slices.Clone(data)
		reseal(data)
		if table, err := readTable("fuzz", data, kindEPSS); err == nil {
			table.find("CVE-2024-0001")
		}
		file, err := readPack("fuzz", data)
		if err != nil {
			return
		}
		for _, release := range []string{"", "12"} {
			p := &Pack{mapped: file, release: release}
			for _, name := range names {
				askAll(p, name)
			}
		}
		if file.all(func(string, []Advisory) error { return nil }) == nil {
			b := NewBuilder()
			b.addPack(file)
		}
	})
}

// TestHostilePack changes packs in which all checksums are right afterwards: no
// look-up may read what is not there.
func TestHostilePack(t *testing.T) {
	data, names := sample(t)
	random := rand.New(rand.NewPCG(1, 2))
	opened := 0
	for range 5000 {
		changed := slices.Clone(data)
		for range 1 + random.IntN(4) {
			at := random.IntN(len(changed))
			changed[at] = []byte{changed[at] ^ 1<<random.IntN(8), byte(random.IntN(256)), 0xff}[random.IntN(3)]
		}
		reseal(changed)
		file, err := readPack("test", changed)
		if err != nil {
			continue
		}
		opened++
		p := &Pack{mapped: file}
		for _, name := range names {
			askAll(p, name)
		}
		if file.all(func(string, []Advisory) error { return nil }) == nil {
			if err := NewBuilder().addPack(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	if opened < 2500 {
		t.Errorf("only %d could be opened: the test reaches nothing", opened)
	}
}

// TestCutWhileOpen cuts a file short behind the back of the reader.
func TestCutWhileOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the file is read at once there")
	}
	dir := t.TempDir()
	var entries []*Entry
	for i := range 2000 {
		entries = append(entries, says(fmt.Sprintf("X-%d", i), "npm", fmt.Sprintf("package-%d", i)))
	}
	if err := replace(dir, "npm.pack", packBytes(t, "npm", entries...)); err != nil {
		t.Fatal(err)
	}
	store, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p, err := store.Pack("npm")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "npm.pack"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Lookup("package-7"); !errors.Is(err, errDamaged) {
		t.Errorf("the error is %v", err)
	}
}

// TestUnpackAfterClose unpacks what was looked up in a store that is closed.
func TestUnpackAfterClose(t *testing.T) {
	dir := t.TempDir()
	data, _ := sample(t)
	if err := replace(dir, "Debian.pack", data); err != nil {
		t.Fatal(err)
	}
	store, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := store.Pack("Debian:12")
	if err != nil {
		t.Fatal(err)
	}
	want, err := look(p, "a")
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.Lookup("a")
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
	if lists, err := found[1].Lists("v1.10"); err != nil || !lists {
		t.Errorf("%s lists v1.10: %v (%v)", found[1].ID, lists, err)
	}
	for i := range found {
		if err := found[i].Unpack(); err != nil {
			t.Error(err)
		}
	}
	if len(found) != 3 || !equal(found, want) {
		t.Errorf("found %+v, want %+v", found, want)
	}
}

// TestReplacedWhileOpen replaces a file while others read: who opened the old one
// goes on with it.
func TestReplacedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	write := func(id string) {
		if err := replace(dir, "npm.pack", packBytes(t, "npm", says(id, "npm", "a"))); err != nil {
			t.Error(err)
		}
	}
	write("X-0")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				store, err := Open(dir)
				if err != nil {
					t.Error(err)
					return
				}
				p, err := store.Pack("npm")
				if err != nil {
					t.Error(err)
					return
				}
				first, err := p.Lookup("a")
				second, err2 := p.Lookup("a")
				if err != nil || err2 != nil || len(first) != 1 || ids(first) != ids(second) {
					t.Errorf("first %q, then %q (%v, %v)", ids(first), ids(second), err, err2)
				}
				store.Close()
			}
		})
	}
	for i := range 50 {
		write(fmt.Sprintf("X-%d", i))
	}
	group.Wait()
}

func TestMissing(t *testing.T) {
	store, err := Open(filepath.Join(t.TempDir(), "nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, ecosystem := range []string{"PyPI", "Debian:12", "", "../../etc/passwd", "no such one"} {
		if _, err := store.Pack(ecosystem); !errors.Is(err, ErrMissing) {
			t.Errorf("%q: the error is %v, want ErrMissing", ecosystem, err)
		}
	}
	if _, ok := store.EPSS("CVE-2024-0001"); ok || store.Exploited("CVE-2024-0001") || store.Err() != nil || len(store.Status()) != 0 {
		t.Error("an empty database knows something")
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"npm.pack": "not a pack", "Go.pack": strings.Repeat("x", 500), "kev.table": strings.Repeat("x", 500)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A pack under the name of another one.
	if err := replace(dir, "PyPI.pack", packBytes(t, "npm", says("X-1", "npm", "a"))); err != nil {
		t.Fatal(err)
	}
	store, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, ecosystem := range []string{"npm", "Go", "PyPI"} {
		if _, err := store.Pack(ecosystem); err == nil || errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), ecosystem+".pack") {
			t.Errorf("%s: the error is %v, want one that names the file", ecosystem, err)
		}
	}
	if err := store.Err(); err == nil || !strings.Contains(err.Error(), "kev.table") {
		t.Errorf("the error is %v", err)
	}
	for _, s := range store.Status() {
		if s.Err == nil {
			t.Errorf("the status of %s is good", s.Name)
		}
	}
}

func TestStale(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	ago := func(days int) int64 { return now.AddDate(0, 0, -days).Unix() }
	tests := []struct {
		date, checked int64
		want          bool
	}{{ago(1), 0, false}, {ago(8), 0, true}, {ago(8), ago(1), false}, {ago(8), ago(8), true}, {0, 0, true}}
	for _, test := range tests {
		p := &Pack{mapped: &mapped{header: header{date: test.date, checked: test.checked}}}
		if got := p.Stale(now, 7*24*time.Hour); got != test.want {
			t.Errorf("of %v, confirmed %v: stale %v", p.Date(), p.Checked(), got)
		}
	}
}
