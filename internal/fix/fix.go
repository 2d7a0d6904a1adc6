// Package fix writes the mechanical remedies of findings into the files that
// they came from. It edits text, not trees: comments, order and layout of
// everything else stay as they were. It is a pure function of a file's text and
// the findings in it.
package fix

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Remedy is the edit that closes a finding.
type Remedy struct {
	Finding finding.Finding
	Edit    rule.Edit
}

// Refusal is a remedy that was not written, and why.
type Refusal struct {
	Remedy
	Reason error
}

// Apply writes remedies into the text of one file, one after the other. It
// returns the new text, what was written and what was not.
func Apply(text []byte, remedies []Remedy) (out []byte, done []Remedy, refused []Refusal) {
	// Positions hold for the text as it is now, paths for the edited one too.
	targets := make([]target, len(remedies))
	errs := make([]error, len(remedies))
	for i, r := range remedies {
		targets[i], errs[i] = locate(text, r)
	}
	for i, r := range remedies {
		var edited []byte
		err := errs[i]
		if err == nil {
			edited, err = targets[i].apply(text, r.Edit)
		}
		if err != nil {
			refused = append(refused, Refusal{r, err})
			continue
		}
		text = edited
		done = append(done, r)
	}
	return text, done, refused
}

// target is the mapping that an edit's path starts from, or an instruction of a
// Dockerfile.
type target struct {
	dockerfile bool
	line       int // of the instruction
	document   int
	path       []string
}

var errTemplate = errors.New("it stands in a template: change the template or its values")

func locate(text []byte, r Remedy) (target, error) {
	f := r.Finding
	if f.Asset.Format == string(asset.Dockerfile) {
		return target{dockerfile: true, line: f.Place.Line}, nil
	}
	if f.Asset.Place.Rendered {
		return target{}, errTemplate
	}
	for i, doc := range source.Split(text) {
		root, err := doc.Parse()
		if err != nil {
			if bytes.Contains(doc.Text, []byte("{{")) {
				return target{}, errTemplate
			}
			continue
		}
		// A Compose service is placed at its key, a Kubernetes object or
		// container at its first entry.
		byKey := f.Asset.Format == string(asset.Compose)
		if path, ok := find(root, f.Asset.Place.Position, byKey, nil); ok {
			if bytes.Contains(doc.Text, []byte("{{")) {
				return target{}, errTemplate
			}
			if f.Asset.Kind == string(asset.KindPod) {
				path = append(path, "spec")
			}
			return target{document: i, path: path}, nil
		}
	}
	return target{}, fmt.Errorf("nothing starts at %s any more: scan again", f.Asset.Place)
}

// find returns the path of the mapping that starts at a position, or whose key
// does.
func find(n *source.Node, at source.Position, byKey bool, path []string) ([]string, bool) {
	if !byKey && n.Kind == source.Map && n.Position == at {
		return path, true
	}
	for _, p := range n.Pairs {
		inner := append(path[:len(path):len(path)], p.Key.Value)
		if byKey && p.Key.Position == at && p.Value.Kind == source.Map {
			return inner, true
		}
		if found, ok := find(p.Value, at, byKey, inner); ok {
			return found, true
		}
	}
	for i, item := range n.Items {
		if found, ok := find(item, at, byKey, append(path[:len(path):len(path)], strconv.Itoa(i))); ok {
			return found, true
		}
	}
	return nil, false
}

// apply makes one edit in the text as it is now.
func (t target) apply(text []byte, e rule.Edit) ([]byte, error) {
	if t.dockerfile {
		return editDockerfile(text, t.line, e)
	}
	docs := source.Split(text)
	if t.document >= len(docs) {
		return nil, errors.New("the document is gone")
	}
	root, err := docs[t.document].Parse()
	if err != nil {
		return nil, err
	}
	if docs[t.document].IsJSON() {
		return nil, errors.New("it is JSON, which is written by programs: change what writes it")
	}
	base := root
	for _, key := range t.path {
		if base = step(base, key); base == nil {
			return nil, fmt.Errorf("%s is gone", strings.Join(t.path, "."))
		}
	}
	y := newYAML(text)
	switch {
	case e.Set != "":
		err = y.set(base, strings.Split(e.Set, "."), e.Value)
	case e.Remove != "":
		err = y.remove(base, strings.Split(e.Remove, "."))
	default:
		err = y.append(base, strings.Split(e.Append, "."), e.Value)
	}
	if err != nil {
		return nil, err
	}
	return y.check(t.document)
}

func step(n *source.Node, key string) *source.Node {
	if n.Kind == source.List {
		i, err := strconv.Atoi(key)
		if err != nil || i >= len(n.Items) {
			return nil
		}
		return n.Items[i]
	}
	pair := n.Pair(key)
	if pair == nil {
		return nil
	}
	return pair.Value
}
