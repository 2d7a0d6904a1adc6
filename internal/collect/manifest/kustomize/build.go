package kustomize

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// The bounds on one build. The largest overlays of the field stay below a
// tenth of them.
const (
	maxTime   = 20 * time.Second
	maxTotal  = 2 * time.Minute // of all builds of a run
	maxInput  = 64 << 20        // bytes of files
	maxValues = 1_000_000       // values that the files hold, counted as often as they are included
	maxOutput = 64 << 20        // bytes of objects
)

// building is held by the build that runs. The library keeps the schema of
// Kubernetes in variables of its own that it reads without a lock, so that two
// builds at a time could end the process; it is a variable of ours because what
// it guards is one per process, too.
var building = make(chan struct{}, 1)

// builder builds overlays, one at a time.
type builder struct {
	spent atomic.Int64 // time
	stuck atomic.Bool  // a build did not end
}

// object is what a build gives.
type object struct {
	file       string // "" if it was generated
	kust       *kustomization
	kind, name string
	apiVersion string
	text       []byte
}

// origin is the annotation by which the library tells where an object is from.
const origin = "config.kubernetes.io/origin"

// build builds a root.
func (b *builder) build(ctx context.Context, root *kustomization, files *fileCache) ([]object, error) {
	members := root.closure()
	if err := files.load(root, members); err != nil {
		return nil, err
	}
	fs, err := fileSystem(members, files, false)
	if err != nil {
		return nil, err
	}
	objects, err := b.run(ctx, root, members, fs)
	if err != nil && slices.ContainsFunc(members, func(k *kustomization) bool { return k.cut }) {
		// A patch of an object that was left out is no reason to give up.
		if fs, fsErr := fileSystem(members, files, true); fsErr == nil {
			if again, againErr := b.run(ctx, root, members, fs); againErr == nil {
				return again, nil
			}
		}
	}
	return objects, err
}

// fileSystem holds the kustomizations and their files under made-up names.
// lenient gives patches an explicit target, which then may be absent.
func fileSystem(members []*kustomization, files *fileCache, lenient bool) (filesys.FileSystem, error) {
	fs, small := filesys.MakeFsInMemory(), schemasUnused(members, files)
	for _, k := range members {
		out := k.out
		if lenient {
			out = k.lenient(files)
		}
		text, err := json.Marshal(out)
		if err != nil {
			return nil, fmt.Errorf("rewriting %s: %w", k.entry.Path, err)
		}
		if err := fs.WriteFile(k.folder()+"/kustomization.yaml", text); err != nil {
			return nil, err
		}
		for _, e := range k.files {
			text := files.text(e)
			if small && slices.Contains(k.resources, e) {
				text = files.withoutSchemas(e)
			}
			if err := fs.WriteFile("/f"+encode(e.Path), text); err != nil {
				return nil, err
			}
		}
	}
	return fs, nil
}

// schemasUnused reports whether no patch can depend on what custom resource
// definitions hold. A strategic merge adds what is not there; an operation on a
// path wants it to be there.
func schemasUnused(members []*kustomization, files *fileCache) bool {
	for _, k := range members {
		for _, source := range k.patches {
			for _, p := range newPatch(k, source, files) {
				if p.operations != nil && (p.kind == "" || p.kind == definition) {
					return false
				}
			}
		}
	}
	return true
}

// definition is the kind whose objects are most of the bytes of real overlays.
const definition = "CustomResourceDefinition"

// withoutSchemas is the text of a file with nothing left of its custom resource
// definitions but their names: no rule reads them, and the library copies every
// value of every object several times.
func (c *fileCache) withoutSchemas(e *collect.Entry) []byte {
	f := c.get(e)
	c.nodes(e)
	if f.short != nil {
		return f.short
	}
	if !bytes.Contains(f.text, []byte(definition)) {
		f.short = f.text
		return f.short
	}
	for _, doc := range source.Split(f.text) {
		if doc.TopLevel("kind") == definition {
			n, err := doc.Parse()
			if err != nil || n.Text("kind") != definition {
				continue
			}
			stub, err := json.Marshal(map[string]any{
				"apiVersion": n.Text("apiVersion"), "kind": definition, "metadata": n.Get("metadata").Native(),
				"spec": map[string]any{"group": n.Text("spec", "group"), "names": n.Get("spec", "names").Native(), "scope": n.Text("spec", "scope")},
			})
			if err == nil {
				doc.Text = stub
			}
		}
		f.short = append(f.short, "---\n"...)
		f.short = append(f.short, bytes.TrimPrefix(doc.Text, []byte("---"))...)
		f.short = append(f.short, '\n')
	}
	return f.short
}

// lenient returns out with targets for the patches that name theirs themselves.
func (k *kustomization) lenient(files *fileCache) map[string]any {
	out := make(map[string]any, len(k.out))
	for key, value := range k.out {
		out[key] = value
	}
	var patches []any
	for i, p := range k.patches {
		entry, _ := k.out["patches"].([]any)[i].(map[string]any)
		docs := files.patch(p)
		if p.target != nil || len(docs) != 1 {
			patches = append(patches, entry)
			continue
		}
		targeted := map[string]any{"target": map[string]any{
			"kind": docs[0].Text("kind"), "name": regexp.QuoteMeta(docs[0].Text("metadata", "name")),
		}}
		for key, value := range entry {
			targeted[key] = value
		}
		patches = append(patches, targeted)
	}
	if patches != nil {
		out["patches"] = patches
	}
	return out
}

// result is how a build ended.
type result struct {
	objects []object
	err     error
}

// run has the library build, and waits for it no longer than is bearable.
func (b *builder) run(ctx context.Context, root *kustomization, members []*kustomization, fs filesys.FileSystem) ([]object, error) {
	if time.Duration(b.spent.Load()) > maxTotal {
		return nil, fmt.Errorf("the overlays of this run take longer than %s to build: scan fewer folders at a time", maxTotal)
	}
	if b.stuck.Load() {
		return nil, errors.New("it is not built: the build of another overlay does not end")
	}
	select {
	case building <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(maxTime):
		b.stuck.Store(true)
		return nil, errors.New("it is not built: the build of another overlay does not end")
	}
	start := time.Now()
	done := make(chan result, 1)
	go func() {
		// A build that has lost its caller keeps the others out until it ends.
		defer func() { <-building }()
		done <- krustyBuild(root, members, fs)
	}()
	select {
	case r := <-done:
		b.spent.Add(int64(time.Since(start)))
		return r.objects, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(maxTime):
		b.stuck.Store(true)
		return nil, fmt.Errorf("its build takes longer than %s", maxTime)
	}
}

// krustyBuild is the library's build. The library is given hostile text: a
// panic of its ends this build only.
func krustyBuild(root *kustomization, members []*kustomization, fs filesys.FileSystem) (r result) {
	defer func() {
		if p := recover(); p != nil {
			r = result{err: fmt.Errorf("kustomize gave up: %v", p)}
		}
	}()
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone // the file system has nothing to hide
	built, err := krusty.MakeKustomizer(options).Run(fs, root.folder())
	if err != nil {
		return result{err: errors.New(explain(err.Error(), members))}
	}
	r.objects, r.err = objects(built, root, members)
	return r
}

// objects takes the library's result apart.
func objects(built resmap.ResMap, root *kustomization, members []*kustomization) ([]object, error) {
	byFolder := map[string]*kustomization{}
	for _, k := range members {
		byFolder[k.folder()] = k
	}
	var all []object
	size := 0
	for _, r := range built.Resources() {
		o := object{kust: root, kind: r.GetKind(), name: r.GetName(), apiVersion: r.GetApiVersion()}
		if from, err := r.GetOrigin(); err == nil && from != nil {
			o.file = decode(path.Base(from.Path))
			if k := byFolder[path.Dir(path.Join(root.folder(), from.ConfiguredIn))]; k != nil && from.ConfiguredIn != "" {
				o.kust = k
			}
		}
		annotations := r.GetAnnotations(origin)
		delete(annotations, origin)
		if err := r.SetAnnotations(annotations); err != nil {
			return nil, fmt.Errorf("reading the annotations of %s %s: %w", o.kind, o.name, err)
		}
		text, err := r.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("writing %s %s: %w", o.kind, o.name, err)
		}
		if size += len(text); size > maxOutput {
			return nil, fmt.Errorf("it gives more than %d MiB of objects", maxOutput>>20)
		}
		o.text = text
		all = append(all, o)
	}
	return all, nil
}

// decode is the path that a made-up file name stands for.
func decode(name string) string {
	p, err := hex.DecodeString(strings.TrimPrefix(name, "f"))
	if err != nil {
		return ""
	}
	return string(p)
}

var (
	madeUpFile   = regexp.MustCompile(`(?:\.\.)?/f([0-9a-f]{2,})`)
	madeUpFolder = regexp.MustCompile(`(?:\.\.)?/k([0-9]+)\b`)
	recursion    = regexp.MustCompile(`(?s)^.*recursed (?:accumulation of|merging from) path '[^']*': `)
)

// explain gives an error of the library the names of the input and leaves out
// the way to where it happened.
func explain(message string, members []*kustomization) string {
	message = recursion.ReplaceAllString(message, "")
	message = madeUpFile.ReplaceAllStringFunc(message, func(s string) string {
		if p := decode(path.Base(s)); p != "" {
			return p
		}
		return s
	})
	message = madeUpFolder.ReplaceAllStringFunc(message, func(s string) string {
		id, _ := strconv.Atoi(strings.TrimPrefix(path.Base(s), "k"))
		for _, k := range members {
			if k.id == id {
				return k.entry.Dir()
			}
		}
		return s
	})
	message = strings.Join(strings.Fields(message), " ")
	if r := []rune(message); len(r) > 300 {
		message = string(r[:300]) + "..."
	}
	return "kustomize does not build it: " + message
}

// fileCache holds the files of the overlays of one input, read and parsed once.
type fileCache struct {
	files map[*collect.Entry]*fileText
	bytes int
	sink  collect.Sink
}

type fileText struct {
	text   []byte
	short  []byte         // withoutSchemas, nil until asked for
	docs   []*source.Node // nil until asked for
	parsed bool
	err    error
}

func (c *fileCache) get(e *collect.Entry) *fileText {
	f := c.files[e]
	if f == nil {
		f = &fileText{}
		if c.bytes > maxInput {
			f.err = fmt.Errorf("the files of the overlays are larger than %d MiB together", maxInput>>20)
		} else {
			f.text, f.err = e.Read()
		}
		c.bytes += len(f.text)
		c.files[e] = f
	}
	return f
}

func (c *fileCache) text(e *collect.Entry) []byte { return c.get(e).text }

// nodes are the documents of a file; what cannot be parsed has none.
func (c *fileCache) nodes(e *collect.Entry) []*source.Node {
	f := c.get(e)
	if !f.parsed {
		f.parsed = true
		f.docs, f.err = parse(f.text, f.err)
		if f.err != nil {
			place := source.Place{File: e.Path}
			if syntax, ok := errors.AsType[*source.SyntaxError](f.err); ok {
				place.Position = syntax.Position
				c.sink.Unread(place, "it is not valid YAML: "+syntax.Reason)
			} else {
				c.sink.Unread(place, f.err.Error())
			}
			f.text, f.docs = nil, nil
		}
	}
	return f.docs
}

func parse(text []byte, err error) ([]*source.Node, error) {
	var docs []*source.Node
	for _, doc := range source.Split(text) {
		n, parseErr := doc.Parse()
		if parseErr != nil {
			return nil, parseErr
		}
		docs = append(docs, n)
	}
	return docs, err
}

// patch returns the documents of a patch, with the positions of the text that
// holds it.
func (c *fileCache) patch(p patchSource) []*source.Node {
	if p.entry != nil {
		return c.nodes(p.entry)
	}
	docs, _ := parse([]byte(p.inline.Text()), nil)
	return docs
}

// load reads the files of an overlay and adds up what its build has to handle.
// The library expands aliases and includes a base as often as it is named: the
// sum is bounded before it starts.
func (c *fileCache) load(root *kustomization, members []*kustomization) error {
	sizes := map[*kustomization]int{}
	var measure func(k *kustomization) int
	measure = func(k *kustomization) int {
		if size, ok := sizes[k]; ok {
			return size
		}
		size := 1 + k.root.Size
		for _, e := range k.resources {
			for _, n := range c.nodes(e) {
				size += n.Size
			}
		}
		for _, p := range k.patches {
			for _, n := range c.patch(p) {
				size += n.Size
			}
		}
		for _, child := range k.children {
			size = min(size+measure(child), maxValues+1)
		}
		sizes[k] = size
		return size
	}
	if measure(root) > maxValues {
		return fmt.Errorf("it holds more than %d values, its bases counted as often as they are included", maxValues)
	}
	for _, k := range members {
		for _, e := range k.files {
			if f := c.get(e); f.err != nil && !f.parsed {
				c.sink.Unread(source.Place{File: e.Path}, f.err.Error())
				f.parsed = true
			}
		}
	}
	return nil
}
