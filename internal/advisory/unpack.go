package advisory

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// packed is the part of an advisory that is decoded when somebody asks for it: its
// copied bytes. It is empty in one that is whole.
type packed struct {
	of            *group
	head, imports string
	set           uint64 // of versions, from 1; 0 is none
}

// group is what the advisories on a package have in common.
type group struct {
	name, versions string
	words          listed

	mu sync.Mutex
	// asked is the version that was asked for last, holds the sets that have it.
	asked string
	holds []bool
	// table is the versions, decoded when the first advisory is unpacked.
	table *versions
}

// Lists says whether a version is among Versions, with a "v" before it or without:
// the advisories of Go leave out the one that its modules have.
func (a *Advisory) Lists(version string) (bool, error) {
	if a.packed.of == nil {
		version = strings.TrimPrefix(version, "v")
		return slices.ContainsFunc(a.Versions, func(v string) bool { return strings.TrimPrefix(v, "v") == version }), nil
	}
	if a.packed.set == 0 {
		return false, nil
	}
	return a.packed.of.lists(version, a.packed.set)
}

func (g *group) lists(version string, set uint64) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds == nil || g.asked != version {
		g.asked, g.holds = version, search(g.versions, strings.TrimPrefix(version, "v"))
	}
	if set > uint64(len(g.holds)) {
		return false, fmt.Errorf("reading which versions of %s are affected: %w", g.name, errDamaged)
	}
	return g.holds[set-1], nil
}

// Unpack fills in all fields of an advisory from a pack. It may be called after the
// store was closed, and does nothing the second time.
func (a *Advisory) Unpack() error {
	p := a.packed
	if p.of == nil {
		return nil
	}
	whole := Advisory{ID: a.ID, Ranges: a.Ranges, Release: a.Release}
	head, imports := cursor{text: p.head}, cursor{text: p.imports}
	whole.readHead(&head, p.of.words)
	whole.Imports = readImports(&imports, p.of.name)
	var ok bool
	if whole.Versions, ok = p.of.set(p.set); !ok || !head.done() || !imports.done() {
		return fmt.Errorf("reading %s: %w", a.ID, errDamaged)
	}
	*a = whole
	return nil
}

// set returns a set of versions.
func (g *group) set(number uint64) (names []string, ok bool) {
	if number == 0 {
		return nil, true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.table == nil {
		g.table = readVersions(cursor{text: g.versions})
	}
	names = g.table.set(number)
	return names, !g.table.bad
}

// readHead reads what follows the id in a head.
func (a *Advisory) readHead(c *cursor, words listed) {
	m := &arena{}
	a.Published, a.Modified, a.Score = readDay(c), readDay(c), float64(c.uint())/10
	severity := int(c.byte())
	if severity >= len(severities) {
		c.bad = true
		return
	}
	a.Severity = severities[severity]
	a.Vector = c.string()
	a.Aliases, a.Upstream = c.strings(m), c.strings(m)
	a.URL = readURL(c, a)
	a.Malicious = malicious(a)
	a.Summary = words.summary(c)
}
