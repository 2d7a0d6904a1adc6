package compose

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// key names what stands under a section of a Compose file: {"services", "web"}.
type key struct{ section, name string }

// noun is what people call one thing of the section.
func (k key) noun() string { return strings.TrimSuffix(k.section, "s") }

// layer is one declaration of a service, volume, ... in one file. Those of one
// key, in the order in which Compose merges them, tell where a value comes from.
type layer struct {
	file string
	// dir is what the declaration's relative paths are joined to, itself
	// relative to the project's folder.
	dir   string
	key   source.Position
	node  *source.Node
	scope *scope
	// inherited says that "extends" took the declaration over from another
	// service.
	inherited bool
}

// layers are the declarations of one key, the base first.
type layers []layer

// spot is where a value was found.
type spot struct {
	place source.Place
	node  *source.Node
	layer *layer
}

// text is the spot's scalar with its references expanded.
func (s spot) text() string {
	if s.node == nil {
		return ""
	}
	return s.layer.scope.text(s.node.Value)
}

func (l *layer) at(p source.Position) source.Place {
	return source.Place{File: l.file, Position: p}
}

// find returns the last declaration of the value under the keys.
func (ls layers) find(keys ...string) (spot, bool) {
	for i := len(ls) - 1; i >= 0; i-- {
		node, cut := ls[i].follow(keys)
		if node != nil {
			return spot{ls[i].at(ls[i].node.Place(keys...)), node, &ls[i]}, true
		}
		if cut {
			break
		}
	}
	return spot{}, false
}

// follow goes down the keys of one declaration. cut says that a tag on the way
// puts aside what earlier declarations say.
func (l *layer) follow(keys []string) (node *source.Node, cut bool) {
	n := l.node
	for _, k := range keys {
		if n != nil && n.Tag == "!override" {
			cut = true
		}
		pair := n.Pair(k)
		if pair == nil {
			return nil, cut
		}
		if n = pair.Value; n.Tag == "!reset" {
			return nil, true
		}
	}
	if n.Kind == source.Null {
		return nil, cut
	}
	return n, cut || n.Tag == "!override"
}

// each visits the declarations of the value under the keys that count, the last
// one first.
func (ls layers) each(visit func(l *layer, n *source.Node), keys ...string) {
	for i := len(ls) - 1; i >= 0; i-- {
		n, cut := ls[i].follow(keys)
		if n != nil {
			visit(&ls[i], n)
		}
		if cut {
			return
		}
	}
}

// items finds the elements of a list, or its short form as a scalar, by what
// identifies them: of several, the last in the last declaration.
func (ls layers) items(id func(l *layer, n *source.Node) string, keys ...string) map[string]spot {
	found := map[string]spot{}
	ls.each(func(l *layer, n *source.Node) {
		items := n.Items
		if n.Kind != source.List && n.Kind != source.Map {
			items = []*source.Node{n}
		}
		for i := len(items) - 1; i >= 0; i-- {
			add(found, id(l, items[i]), spot{l.at(items[i].Position), items[i], l})
		}
	}, keys...)
	return found
}

// entries finds the values by name, written as a mapping or as a list of
// "NAME=value".
func (ls layers) entries(keys ...string) map[string]spot {
	found := map[string]spot{}
	ls.each(func(l *layer, n *source.Node) {
		for i := len(n.Pairs) - 1; i >= 0; i-- {
			key, value := n.Pairs[i].Key, n.Pairs[i].Value
			at := value.Position
			if value.Kind == source.Map || value.Kind == source.List || value.Kind == source.Null {
				at = key.Position
			}
			add(found, key.Value, spot{l.at(at), value, l})
		}
		for i := len(n.Items) - 1; i >= 0; i-- {
			name, _, _ := strings.Cut(l.scope.text(n.Items[i].Value), "=")
			add(found, name, spot{l.at(n.Items[i].Position), n.Items[i], l})
		}
	}, keys...)
	return found
}

func add(found map[string]spot, id string, s spot) {
	if _, ok := found[id]; !ok {
		found[id] = s
	}
}

// byText identifies a list element by its text.
func byText(l *layer, n *source.Node) string { return l.scope.text(n.Value) }

// home is the declaration that gives the key its identity: the first one of its
// own.
func (ls layers) home() *layer {
	for i := range ls {
		if !ls[i].inherited {
			return &ls[i]
		}
	}
	return &ls[0]
}
