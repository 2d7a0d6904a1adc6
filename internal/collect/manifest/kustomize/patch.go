package kustomize

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// patch is one document of a patch: a strategic merge, or operations on paths.
type patch struct {
	kust       *kustomization
	file       string
	merge      *source.Node
	operations []*source.Node
	// What it is for: the target's kind and name, or those of the merge itself.
	kind, name string
	pattern    *regexp.Regexp // the target's name
	inside     func(source.Position) source.Position
}

// newPatch reads the documents of a patch.
func newPatch(k *kustomization, from patchSource, files *fileCache) []patch {
	var all []patch
	for _, doc := range files.patch(from) {
		p := patch{kust: k, file: k.entry.Path}
		if from.entry != nil {
			p.file = from.entry.Path
		} else {
			p.inside = within(k.text, from.inline)
		}
		switch doc.Kind {
		case source.List:
			p.operations = doc.Items
		case source.Map:
			p.merge = doc
		}
		if from.target != nil {
			p.kind = from.target.Text("kind")
			if name := from.target.Text("name"); name != "" {
				re, err := regexp.Compile("^(?:" + name + ")$")
				if err != nil {
					continue
				}
				p.pattern = re
			}
		} else {
			p.kind, p.name = doc.Text("kind"), doc.Text("metadata", "name")
			if p.name == "" {
				continue // kustomize would not know either
			}
		}
		all = append(all, p)
	}
	return all
}

// targets reports whether the patch is for an object.
func (p *patch) targets(o *object, src *sourceObject) bool {
	own := src.node.Text("metadata", "name")
	switch {
	case p.kind != "" && p.kind != o.kind && p.kind != src.node.Text("kind"):
		return false
	case p.pattern != nil:
		return p.pattern.MatchString(o.name) || own != "" && p.pattern.MatchString(own)
	case p.name == "":
		return true
	}
	return p.name == own || strings.Contains(o.name, p.name)
}

// lookup finds a spot of the object in the patch.
func (p *patch) lookup(s *spot) (hit, bool) {
	if p.merge != nil {
		h, ok := lookup(p.merge, s)
		h.file, h.inside = p.file, p.inside
		return h, ok
	}
	for _, op := range p.operations {
		if name := op.Text("op"); name != "add" && name != "replace" {
			continue
		}
		rest, moved := remainder(op.Text("path"), s)
		value := op.Pair("value")
		if rest == nil || value == nil || moved && (op.Text("op") != "add" || !equal(value.Value, rest.top().node)) {
			continue
		}
		if h, ok := lookup(value.Value, rest); ok && h.same {
			h.file, h.inside = p.file, p.inside
			if rest.parent == nil {
				h.key = value.Key
			}
			return h, true
		}
	}
	return hit{}, false
}

// top is the value that the way to a spot begins at.
func (s *spot) top() *spot {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

// remainder is the way from where a JSON pointer leads to a spot, or nil if the
// spot does not lie there. moved says that it is now another element of the list
// than the pointer names: what is added later pushes it on.
func remainder(pointer string, s *spot) (rest *spot, moved bool) {
	if !strings.HasPrefix(pointer, "/") {
		return nil, false
	}
	tokens := strings.Split(pointer[1:], "/")
	var way []*spot
	for at := s; at.parent != nil; at = at.parent {
		way = append(way, at)
	}
	if len(tokens) > len(way) {
		return nil, false
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for i, token := range tokens {
		at := way[len(way)-1-i]
		switch {
		case at.index < 0 && unescape.Replace(token) != at.key:
			return nil, false
		case at.index >= 0 && token != strconv.Itoa(at.index):
			if i+1 < len(tokens) {
				return nil, false
			}
			moved = true
		}
	}
	rest = &spot{index: -1, node: way[len(way)-len(tokens)].node}
	for i := len(way) - len(tokens) - 1; i >= 0; i-- {
		rest = &spot{parent: rest, key: way[i].key, index: way[i].index, node: way[i].node}
	}
	return rest, moved
}

// within turns positions of a text that stands in a scalar of a file into those
// of the file. Only a block scalar has its text line by line; a line that does
// not stand there as it is, is at the scalar's start.
func within(file []byte, scalar *source.Node) func(source.Position) source.Position {
	lines := bytes.Split(file, []byte("\n"))
	inner := strings.Split(scalar.Value, "\n")
	return func(at source.Position) source.Position {
		line := scalar.Line + at.Line // the header's line comes before the first
		if at.Line < 1 || at.Line > len(inner) || line > len(lines) {
			return scalar.Position
		}
		outer, own := strings.TrimRight(string(lines[line-1]), "\r"), inner[at.Line-1]
		indent, ok := strings.CutSuffix(outer, own)
		if !ok || own == "" || strings.Trim(indent, " ") != "" {
			return scalar.Position
		}
		return source.Position{Line: line, Column: at.Column + utf8.RuneCountInString(indent)}
	}
}
