package kustomize

import (
	"bytes"
	"encoding/base64"
	"path"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// field finds the field of a kustomization that gives objects a value: a
// namespace, an image, a number of replicas, a label.
func (k *kustomization) field(o *object, s *spot) *source.Node {
	keys := s.path()
	if len(keys) == 0 || isNested(s.node) {
		return nil
	}
	last, above := keys[len(keys)-1], ""
	if len(keys) > 1 {
		above = keys[len(keys)-2]
	}
	switch {
	case last == "namespace" && equal(k.root.Get("namespace"), s.node):
		return k.root.Get("namespace")
	case last == "image":
		return k.image(s.node.Value)
	case slices.Equal(keys, []string{"spec", "replicas"}):
		for _, r := range k.root.List("replicas") {
			if name := r.Text("name"); name != "" && strings.Contains(o.name, name) && equal(r.Get("count"), s.node) {
				return r.Get("count")
			}
		}
	case above == "annotations":
		if n := k.root.Get("commonAnnotations", last); equal(n, s.node) {
			return n
		}
	case above == "labels" || above == "matchLabels" || above == "selector":
		if n := k.root.Get("commonLabels", last); equal(n, s.node) {
			return n
		}
		for _, l := range k.root.List("labels") {
			if n := l.Get("pairs", last); equal(n, s.node) {
				return n
			}
		}
	}
	return nil
}

// image finds the entry of images that makes an image what it is.
func (k *kustomization) image(image string) *source.Node {
	for _, field := range []string{"images", "imageTags"} {
		for _, entry := range k.root.List(field) {
			name := entry.Text("newName")
			if name == "" {
				name = entry.Text("name")
			}
			rest, ok := strings.CutPrefix(image, name)
			if name == "" || !ok || rest != "" && rest[0] != ':' && rest[0] != '@' {
				continue
			}
			if tag := entry.Get("newTag"); tag != nil && (rest == ":"+tag.Value || strings.HasPrefix(rest, ":"+tag.Value+"@")) {
				return tag
			}
			if digest := entry.Get("digest"); digest != nil && strings.HasSuffix(rest, "@"+digest.Value) {
				return digest
			}
			if n := entry.Get("newName"); n != nil {
				return n
			}
		}
	}
	return nil
}

// generated finds what a value of a generated object was made of.
func (l *locator) generated(s *spot) (hit, bool) {
	field := map[string]string{"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}[l.object.kind]
	if field == "" {
		return hit{}, false
	}
	// The kustomization that made it, and those that add to it.
	for _, k := range l.sources.members {
		for _, g := range k.root.List(field) {
			name := g.Text("name")
			if name == "" || !strings.Contains(l.object.name, name) {
				continue
			}
			if h, ok := l.generator(k, g, s); ok {
				return h, true
			}
		}
	}
	return hit{}, false
}

func (l *locator) generator(k *kustomization, g *source.Node, s *spot) (hit, bool) {
	in := func(n *source.Node) (hit, bool) { return hit{file: k.entry.Path, value: n}, n != nil }
	keys := s.path()
	switch {
	case len(keys) == 0:
		return in(g)
	case slices.Equal(keys, []string{"metadata", "name"}):
		return in(g.Get("name"))
	case slices.Equal(keys, []string{"type"}) && equal(g.Get("type"), s.node):
		return in(g.Get("type"))
	case keys[0] != "data" && keys[0] != "binaryData":
		return hit{}, false
	case len(keys) == 1:
		for _, list := range []string{"literals", "envs", "files"} {
			if items := g.List(list); len(items) > 0 {
				return in(items[0])
			}
		}
		return in(g.Get("env"))
	}
	return l.entry(k, g, keys[1], s.node.Value)
}

// entry finds the literal, the line of an env file or the file that a value was
// read from.
func (l *locator) entry(k *kustomization, g *source.Node, name, value string) (hit, bool) {
	if l.object.kind == "Secret" {
		if text, err := base64.StdEncoding.DecodeString(value); err == nil {
			value = string(text)
		}
	}
	for _, n := range g.List("literals") {
		if key, text, ok := strings.Cut(n.Text(), "="); ok && key == name && (text == value || unquote(text) == value) {
			return hit{file: k.entry.Path, value: n}, true
		}
	}
	for _, n := range g.List("files") {
		key, _, named := strings.Cut(n.Text(), "=")
		if !named {
			key = path.Base(n.Text())
		}
		if key == name {
			return hit{file: k.entry.Path, value: n}, true
		}
	}
	for _, n := range append(slices.Clip(g.List("envs")), g.Get("env")) {
		file := path.Join(k.entry.Dir(), n.Text())
		for _, e := range k.files {
			if e.Path == file && n != nil {
				if line := envLine(l.sources.files.text(e), name, value); line > 0 {
					return hit{file: file, value: &source.Node{Position: source.Position{Line: line, Column: 1}, EndLine: line}}, true
				}
			}
		}
	}
	return hit{}, false
}

// unquote takes the quotes off a literal as kustomize does.
func unquote(text string) string {
	if len(text) >= 2 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0] {
		return text[1 : len(text)-1]
	}
	return text
}

// envLine is the line of an env file that sets a variable to a value, or 0.
func envLine(text []byte, name, value string) int {
	for i, line := range bytes.Split(text, []byte("\n")) {
		key, v, ok := strings.Cut(strings.TrimLeft(strings.TrimSuffix(string(line), "\r"), " \t\ufeff"), "=")
		if ok && key == name && v == value {
			return i + 1
		}
	}
	return 0
}
