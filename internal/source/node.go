package source

import (
	"strconv"
	"strings"
)

// Kind is the type of a node, as JSON knows types.
type Kind uint8

// The kinds of node.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Map
	List
)

// Node is one value of a parsed document. A nil node is an absent value, and
// every method may be called on it, so that a path into a document needs no
// checks on the way.
type Node struct {
	Kind Kind
	// plain says that the scalar stood without quotes or tag, block that it is
	// a block scalar, whose text starts below its header.
	plain, block bool
	// Tag is the value's own tag, such as "!reset"; "" for YAML's.
	Tag string
	// Value is the text of a scalar, unquoted and unescaped.
	Value string
	// Position is where the value starts.
	Position
	// EndLine is the last line that the value, or anything in it, stands on.
	EndLine int
	// Size counts the values in it, itself included, aliases as often as they
	// are used.
	Size int
	// Pairs are the entries of a Map in the order of the text; merge keys
	// ("<<") are already resolved.
	Pairs []Pair
	// Items are the elements of a List.
	Items []*Node
}

// Pair is one entry of a mapping.
type Pair struct {
	Key   *Node
	Value *Node
}

// IsBlock reports whether the value is a block scalar ("|" or ">"): its text
// starts on the line below its position.
func (n *Node) IsBlock() bool { return n != nil && n.block }

// Get follows keys through nested mappings. It returns nil where a key is
// absent or null, as Kubernetes treats both alike. Of duplicate keys the last
// one counts.
func (n *Node) Get(keys ...string) *Node {
	for _, key := range keys {
		pair := n.Pair(key)
		if pair == nil {
			return nil
		}
		n = pair.Value
	}
	if n == nil || n.Kind == Null {
		return nil
	}
	return n
}

// Pair returns the entry of a mapping by its key, or nil.
func (n *Node) Pair(key string) *Pair {
	if n == nil {
		return nil
	}
	for i := len(n.Pairs) - 1; i >= 0; i-- {
		if n.Pairs[i].Key.Value == key {
			return &n.Pairs[i]
		}
	}
	return nil
}

// Has reports whether the key is present with a value that is not null.
func (n *Node) Has(keys ...string) bool { return n.Get(keys...) != nil }

// Text returns the scalar under the keys as written, or "".
func (n *Node) Text(keys ...string) string {
	v := n.Get(keys...)
	if v == nil || v.Kind == Map || v.Kind == List {
		return ""
	}
	return v.Value
}

// Bool returns the boolean under the keys and whether one is there. YAML 1.1
// spellings (yes, on) count, as they do for kubectl.
func (n *Node) Bool(keys ...string) (value, ok bool) {
	v := n.Get(keys...)
	if v == nil {
		return false, false
	}
	if v.Kind != Bool && (v.Kind != String || !v.plain) {
		return false, false
	}
	switch strings.ToLower(v.Value) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// Int returns the integer under the keys and whether one is there.
func (n *Node) Int(keys ...string) (int64, bool) {
	v := n.Get(keys...)
	if v == nil || v.Kind != Int {
		return 0, false
	}
	i, err := strconv.ParseInt(v.Value, 0, 64)
	return i, err == nil
}

// List returns the elements of the list under the keys; none if it is no list.
func (n *Node) List(keys ...string) []*Node {
	v := n.Get(keys...)
	if v == nil {
		return nil
	}
	return v.Items
}

// Map returns the entries of the mapping under the keys; none if it is no map.
func (n *Node) Map(keys ...string) []Pair {
	v := n.Get(keys...)
	if v == nil {
		return nil
	}
	return v.Pairs
}

// Strings returns the scalars of the list under the keys.
func (n *Node) Strings(keys ...string) []string {
	items := n.List(keys...)
	if len(items) == 0 {
		return nil
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, item.Text())
	}
	return out
}

// StringMap returns the mapping under the keys with its scalars as text, or nil.
func (n *Node) StringMap(keys ...string) map[string]string {
	pairs := n.Map(keys...)
	if len(pairs) == 0 {
		return nil
	}
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		out[p.Key.Value] = p.Value.Text()
	}
	return out
}

// Place returns where a finding about the value under the keys belongs: at the
// value if it is a scalar, at its key if it is a list or a mapping (whose own
// first character is already its first entry), and at the nearest parent that
// exists if it is absent.
func (n *Node) Place(keys ...string) Position {
	if n == nil {
		return Position{}
	}
	at := n.Position
	for _, key := range keys {
		pair := n.Pair(key)
		if pair == nil {
			return at
		}
		n = pair.Value
		at = pair.Key.Position
		if n.Kind != Map && n.Kind != List && !n.IsZero() {
			at = n.Position
		}
	}
	return at
}

// Native returns the tree as plain Go values: map[string]any, []any, string,
// int64, float64, bool and nil.
func (n *Node) Native() any { return n.native(true) }

// Present is Native without the keys that are null, as Kubernetes treats those
// like absent ones.
func (n *Node) Present() any { return n.native(false) }

func (n *Node) native(nulls bool) any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case Map:
		m := make(map[string]any, len(n.Pairs))
		for _, p := range n.Pairs {
			if nulls || p.Value.Kind != Null {
				m[p.Key.Value] = p.Value.native(nulls)
			}
		}
		return m
	case List:
		l := make([]any, len(n.Items))
		for i, item := range n.Items {
			l[i] = item.native(nulls)
		}
		return l
	case Null:
		return nil
	case Int:
		if i, ok := n.Int(); ok {
			return i
		}
	case Float:
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f
		}
	}
	if b, ok := n.Bool(); ok {
		return b
	}
	return n.Value
}
