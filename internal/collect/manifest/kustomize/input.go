package kustomize

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/manifest"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// input is roots that share something. They are read one after the other: what
// a later one has in common with an earlier one is not handed over again.
type input struct {
	builder *builder
	roots   []*kustomization
}

// Path implements collect.Input.
func (in *input) Path() string { return in.roots[0].entry.Path }

// Read implements collect.Input.
func (in *input) Read(ctx context.Context, sink collect.Sink) {
	r := &reading{
		builder: in.builder, sink: sink, files: &fileCache{files: map[*collect.Entry]*fileText{}, sink: sink},
		said: map[*kustomization]bool{}, done: map[string]bool{}, given: map[string]map[string]string{},
		first: map[string]*kustomization{}, news: &news{Sink: sink, assets: map[string]asset.Asset{}},
	}
	for _, root := range in.roots {
		r.root(ctx, root)
	}
}

// reading is the state of reading one input.
type reading struct {
	builder *builder
	sink    collect.Sink
	files   *fileCache
	news    *news
	said    map[*kustomization]bool
	done    map[string]bool // roots, and files that were read without one
	// given is what was handed over: source object, text, scope.
	given map[string]map[string]string
	first map[string]*kustomization // the root that gave a source object first
}

// root builds one root and hands over its objects.
func (r *reading) root(ctx context.Context, root *kustomization) {
	if r.done[root.entry.Path] {
		return
	}
	r.done[root.entry.Path] = true
	for _, k := range root.closure() {
		if !r.said[k] {
			r.said[k] = true
			for _, p := range k.problems {
				r.sink.Unread(p.place, p.reason)
			}
		}
	}
	if root.root == nil || ctx.Err() != nil {
		return
	}
	if empty(root) {
		return // kustomize refuses it; what was taken out is reported
	}
	objects, err := r.builder.build(ctx, root, r.files)
	if err != nil {
		if ctx.Err() == nil {
			r.sink.Unread(source.Place{File: root.entry.Path}, err.Error())
			r.parts(ctx, root)
		}
		return
	}
	set := manifest.NewSet()
	sources := newSources(root, r.files)
	for i, src := range sources.match(objects) {
		r.object(set, root, &objects[i], src, sources)
	}
	set.Finish(r.news)
}

// empty reports whether nothing is left of a kustomization.
func empty(k *kustomization) bool {
	for key := range k.out {
		if key != "apiVersion" && key != "kind" && key != "buildMetadata" && key != "metadata" {
			return false
		}
	}
	return true
}

// parts reads what a root consists of that cannot be built: its bases as roots,
// its files as they stand.
func (r *reading) parts(ctx context.Context, root *kustomization) {
	set := manifest.NewSet()
	for _, child := range root.children {
		if child.component {
			r.parts(ctx, child)
		} else {
			r.root(ctx, child)
		}
	}
	for _, e := range root.resources {
		if !r.done[e.Path] {
			r.done[e.Path] = true
			set.Add(manifest.Text{File: e.Path, Content: r.files.text(e)}, r.news)
		}
	}
	set.Finish(r.news)
}

// object hands over one object, or only adds it to the set if an earlier root
// has given the same.
func (r *reading) object(set *manifest.Set, root *kustomization, o *object, src *sourceObject, sources *sources) {
	if o.kind == definition {
		r.sink.Object(1) // no rule reads them
		return
	}
	text := lines(o.text)
	key := src.key()
	if src.node == nil {
		key += o.kind + "/" + o.name
	}
	if r.given[key] == nil {
		r.given[key], r.first[key] = map[string]string{}, root
	}
	scope, seen := r.given[key][string(text)]
	if !seen {
		if r.first[key] != root {
			scope = root.entry.Dir()
		}
		r.given[key][string(text)] = scope
	}
	l := &locator{object: o, src: src, sources: sources, text: text}
	t := manifest.Text{File: src.file, Content: text, Scope: scope, Locate: l.place}
	if seen {
		set.Add(t, silent{})
		return
	}
	set.Add(t, r.news)
}

// lines puts every value of a JSON text on a line of its own, without
// indentation: no two values start at one position, and a closing bracket is
// always the first of its line.
func lines(text []byte) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(text), "", ""); err != nil {
		return text
	}
	return out.Bytes()
}

// news passes on the assets that it has not passed on before. Several
// goroutines may use it.
type news struct {
	collect.Sink
	mu     sync.Mutex
	assets map[string]asset.Asset
}

func (s *news) Asset(a asset.Asset) {
	if a.Meta().Kind != asset.KindObject {
		s.mu.Lock()
		before, ok := s.assets[a.Meta().ID]
		s.assets[a.Meta().ID] = a
		s.mu.Unlock()
		if ok && reflect.DeepEqual(before, a) {
			return
		}
	}
	s.Sink.Asset(a)
}

// silent drops what was handed over before.
type silent struct{}

func (silent) Asset(asset.Asset)           {}
func (silent) Unread(source.Place, string) {}
func (silent) Object(int)                  {}

// sourceObject is what an object was built from.
type sourceObject struct {
	file  string
	index int
	node  *source.Node // nil if it was generated or is not found
}

func (s *sourceObject) key() string {
	return s.file + "#" + strconv.Itoa(s.index)
}

// sources are the objects and patches that a root is built from.
type sources struct {
	root    *kustomization
	members []*kustomization
	files   *fileCache
	byFile  map[string][]*sourceObject
	patches []patch
	// below are the files that a kustomization has a say in.
	below map[*kustomization]map[string]bool
}

func newSources(root *kustomization, files *fileCache) *sources {
	s := &sources{root: root, members: root.closure(), files: files, byFile: map[string][]*sourceObject{}, below: map[*kustomization]map[string]bool{}}
	for _, k := range s.members {
		for _, e := range k.resources {
			if s.byFile[e.Path] == nil {
				for _, n := range files.nodes(e) {
					s.add(e.Path, n, 0)
				}
			}
		}
		for _, p := range k.patches {
			s.patches = append(s.patches, newPatch(k, p, files)...)
		}
		s.below[k] = map[string]bool{}
		for _, member := range k.closure() {
			s.below[k][member.entry.Path] = true
			for _, e := range member.resources {
				s.below[k][e.Path] = true
			}
		}
	}
	return s
}

// add takes the objects of a document, those of a List one by one as the
// library does.
func (s *sources) add(file string, n *source.Node, depth int) {
	if strings.HasSuffix(n.Text("kind"), "List") && n.Get("items") != nil && depth < 3 {
		for _, item := range n.List("items") {
			s.add(file, item, depth+1)
		}
		return
	}
	if n.Kind == source.Map {
		s.byFile[file] = append(s.byFile[file], &sourceObject{file: file, index: len(s.byFile[file]), node: n})
	}
}

// match finds the source of each object: by the order within the file where as
// many objects of a kind went in as came out, else by the name.
func (s *sources) match(objects []object) []*sourceObject {
	type group struct{ file, kind string }
	out := map[group][]int{}
	for i := range objects {
		g := group{objects[i].file, objects[i].kind}
		out[g] = append(out[g], i)
	}
	found := make([]*sourceObject, len(objects))
	for g, indexes := range out {
		var in []*sourceObject
		for _, src := range s.byFile[g.file] {
			if src.node.Text("kind") == g.kind {
				in = append(in, src)
			}
		}
		if in == nil {
			in = s.byFile[g.file] // a patch may have changed the kind
		}
		for n, i := range indexes {
			o := &objects[i]
			if len(in) == len(indexes) && (len(in) == 1 || strings.Contains(o.name, in[n].node.Text("metadata", "name"))) {
				found[i] = in[n]
				continue
			}
			found[i] = byName(in, o.name)
		}
	}
	for i, src := range found {
		if src == nil {
			found[i] = &sourceObject{file: s.fallbackFile(&objects[i])}
		}
	}
	return found
}

// fallbackFile is what findings of an object without a source name.
func (s *sources) fallbackFile(o *object) string {
	if o.file != "" && s.byFile[o.file] != nil {
		return o.file
	}
	return o.kust.entry.Path
}

// byName finds the one object whose name, with what a prefix, a suffix or a
// hash adds to it, is the given one.
func byName(in []*sourceObject, name string) *sourceObject {
	var best *sourceObject
	length, several := 0, false
	for _, src := range in {
		own := src.node.Text("metadata", "name")
		switch {
		case own == "" || !strings.Contains(name, own) || len(own) < length:
		case len(own) == length:
			several = true
		default:
			best, length, several = src, len(own), false
		}
	}
	if several {
		return nil
	}
	return best
}
