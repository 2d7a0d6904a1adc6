package kustomize

import (
	"reflect"
	"slices"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// locator finds, for positions in the text of a built object, the places that a
// person would edit. A place is given only where the same value stands at the
// same path; what cannot be found has no line at all. Several goroutines may
// ask it.
type locator struct {
	object  *object
	src     *sourceObject
	sources *sources
	text    []byte

	once sync.Once
	at   map[source.Position]asked
}

// spot is a value of the built object and the way to it.
type spot struct {
	parent *spot
	key    string
	index  int          // -1 for a key
	node   *source.Node // the value
}

// path is the keys from the root; elements of lists have "".
func (s *spot) path() []string {
	var keys []string
	for ; s.parent != nil; s = s.parent {
		keys = append(keys, s.key)
	}
	slices.Reverse(keys)
	return keys
}

// part is what of a value a position means.
type part int

const (
	start part = iota // its first character
	key               // its key
	end               // the line on which it ends
)

type asked struct {
	spot *spot
	part part
}

// index lists the positions of the object's text.
func (l *locator) index() {
	l.at = map[source.Position]asked{}
	root, err := source.Document{Text: l.text, Line: 1}.Parse()
	if err != nil {
		return
	}
	l.walk(&spot{index: -1, node: root})
}

func (l *locator) walk(s *spot) {
	n := s.node
	l.at[n.Position] = asked{s, start}
	if n.EndLine > n.Line {
		l.at[source.Position{Line: n.EndLine, Column: 1}] = asked{s, end}
	}
	for _, p := range n.Pairs {
		below := &spot{parent: s, key: p.Key.Value, index: -1, node: p.Value}
		l.at[p.Key.Position] = asked{below, key}
		l.walk(below)
	}
	for i, item := range n.Items {
		l.walk(&spot{parent: s, index: i, node: item})
	}
}

// place is the place for a position of the text.
func (l *locator) place(at source.Position) source.Place {
	l.once.Do(l.index)
	if a, ok := l.at[at]; ok {
		if place, ok := l.find(a); ok {
			return place
		}
	}
	return source.Place{File: l.sources.root.entry.Path, Rendered: true}
}

// find looks where a value may come from: the object's own file first, then the
// patches and the fields of the kustomizations above it, the outermost first.
func (l *locator) find(a asked) (source.Place, bool) {
	var behind hit
	if h, ok := lookup(l.src.node, a.spot); ok {
		h.file = l.src.file
		if h.same {
			return h.place(a.part)
		}
		behind = h
	}
	for i := range l.sources.patches {
		p := &l.sources.patches[i]
		if !l.concerns(p.kust) || !p.targets(l.object, l.src) {
			continue
		}
		if h, ok := p.lookup(a.spot); ok && h.same {
			return h.place(a.part)
		}
	}
	for _, k := range l.sources.members {
		if !l.concerns(k) {
			continue
		}
		if n := k.field(l.object, a.spot); n != nil {
			return hit{file: k.entry.Path, value: n}.place(a.part)
		}
	}
	if l.src.node == nil {
		if h, ok := l.generated(a.spot); ok {
			return h.place(a.part)
		}
	}
	// A name with a prefix is still named here, a merged list still begins here.
	if behind.value != nil && (behind.value.Kind == source.List || slices.Equal(a.spot.path(), []string{"metadata", "name"})) {
		return behind.place(a.part)
	}
	return source.Place{}, false
}

// concerns reports whether a kustomization has a say in the object.
func (l *locator) concerns(k *kustomization) bool {
	return k.component || l.sources.below[k][l.src.file]
}

// hit is where a value was found.
type hit struct {
	file       string
	key, value *source.Node
	same       bool // the value is the very one that was built
	// inside turns positions of a text within a file into those of the file.
	inside func(source.Position) source.Position
}

func (h hit) place(p part) (source.Place, bool) {
	at := h.value.Position
	switch {
	case p == end:
		at = source.Position{Line: h.value.EndLine, Column: 1}
	case h.key != nil && (p == key && isNested(h.value) || at.IsZero()):
		at = h.key.Position
	}
	if h.inside != nil {
		at = h.inside(at)
	}
	return source.Place{File: h.file, Position: at}, !at.IsZero()
}

func isNested(n *source.Node) bool { return n.Kind == source.Map || n.Kind == source.List }

// lookup follows the way of a spot through another tree.
func lookup(n *source.Node, s *spot) (hit, bool) {
	k, v := follow(n, s)
	if v == nil || isNested(v) != isNested(s.node) {
		return hit{}, false
	}
	return hit{key: k, value: v, same: same(v, s.node)}, true
}

// same reports whether a value is the one that was built. Mappings are merged
// key by key, so theirs is where they begin; lists of plain values count only
// as a whole.
func same(n, built *source.Node) bool {
	switch {
	case n.Kind != built.Kind && (isNested(n) || isNested(built)):
		return false
	case built.Kind == source.Map:
		return true
	case built.Kind == source.List:
		return len(built.Items) > 0 && built.Items[0].Kind == source.Map || equal(n, built)
	}
	return equal(n, built)
}

func equal(a, b *source.Node) bool {
	if a == nil || b == nil {
		return false
	}
	if !isNested(a) && !isNested(b) {
		return a.Value == b.Value || a.Kind == b.Kind && a.Native() == b.Native()
	}
	return a.Kind == b.Kind && a.Size == b.Size && reflect.DeepEqual(a.Native(), b.Native())
}

func follow(n *source.Node, s *spot) (k, v *source.Node) {
	if n == nil || s.parent == nil {
		return nil, n
	}
	_, up := follow(n, s.parent)
	switch {
	case up == nil:
		return nil, nil
	case s.index >= 0:
		return nil, element(up, s.parent.node, s.index)
	}
	pair := up.Pair(s.key)
	if pair == nil {
		return nil, nil
	}
	return pair.Key, pair.Value
}

// identities are the keys by which Kubernetes tells the elements of lists apart.
var identities = []string{"name", "mountPath", "devicePath", "containerPort", "port", "key", "ip", "topologyKey", "path", "uid"}

// maxElements bounds the lists whose elements are looked for one by one.
const maxElements = 1000

// element finds the counterpart of an element of a built list: by what
// identifies it, by being equal, or by its index in a list of the same length.
func element(list, built *source.Node, i int) *source.Node {
	if list.Kind != source.List || len(list.Items) > maxElements {
		return nil
	}
	item := built.Items[i]
	if !isNested(item) {
		if i < len(list.Items) && equal(list.Items[i], item) {
			return list.Items[i]
		}
	} else {
		for _, id := range identities {
			value := item.Get(id)
			if value == nil || isNested(value) {
				continue
			}
			if found := only(list.Items, func(n *source.Node) bool { return equal(n.Get(id), value) }); found != nil {
				return found
			}
		}
	}
	if found := only(list.Items, func(n *source.Node) bool { return equal(n, item) }); found != nil {
		return found
	}
	if isNested(item) && !item.Has("name") && len(list.Items) == len(built.Items) {
		return list.Items[i]
	}
	return nil
}

// only returns the one element that fits, or nil.
func only(items []*source.Node, fits func(*source.Node) bool) *source.Node {
	var found *source.Node
	for _, n := range items {
		if fits(n) {
			if found != nil {
				return nil
			}
			found = n
		}
	}
	return found
}
