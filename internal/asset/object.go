package asset

import (
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// Object is a Kubernetes object as written, for rules about kinds that have no
// normalised type of their own. Rules read its content as "object".
type Object struct {
	Head `cel:"-"`

	APIVersion string       `json:"apiVersion"`
	ObjectKind string       `json:"objectKind"`
	Namespace  string       `json:"namespace"`
	Content    *source.Node `json:"-"`
	// Locator turns a position of Content into a place of the file that a
	// person edits; nil where Content is that file's own text.
	Locator func(source.Position) source.Place `json:"-"`
}

// Locate finds the field in the object's own text. Path is dotted, with list
// indexes and quoted keys in brackets: webhooks[0].name, data["a.b"].
func (o *Object) Locate(path string) (source.Place, bool) {
	n, declared := o.Content, true
	at := n.Position
	for _, key := range splitPath(path) {
		if i, err := strconv.Atoi(key); err == nil && n != nil && n.Kind == source.List {
			if i >= len(n.Items) {
				declared = false
				break
			}
			n = n.Items[i]
			at = n.Position
			continue
		}
		pair := n.Pair(key)
		if pair == nil {
			declared = false
			break
		}
		at, n = n.Place(key), pair.Value
	}
	if o.Locator != nil {
		return o.Locator(at), declared
	}
	return source.Place{File: o.Place.File, Position: at}, declared
}

// splitPath takes a field path apart into keys and indexes.
func splitPath(path string) []string {
	var keys []string
	for path != "" {
		switch {
		case strings.HasPrefix(path, `["`):
			end := strings.Index(path, `"]`)
			if end < 0 {
				return append(keys, path)
			}
			keys = append(keys, path[2:end])
			path = path[end+2:]
		case path[0] == '[':
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return append(keys, path)
			}
			keys = append(keys, path[1:end])
			path = path[end+1:]
		case path[0] == '.':
			path = path[1:]
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			keys = append(keys, path[:end])
			path = path[end:]
		}
	}
	return keys
}
