package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Set is objects that are applied together: what refers to each other inside it
// is resolved. Objects are normalised and handed over as they come; only what
// needs the others (roles and bindings, namespaces, pods whose token depends on
// their service account) waits for Finish, in its normalised form.
type Set struct {
	mu       sync.Mutex
	waiting  []*asset.Pod
	accounts map[objectKey]account
	rbac     rbac
	spaces   namespaces
}

// NewSet returns an empty set.
func NewSet() *Set {
	return &Set{accounts: map[objectKey]account{}}
}

// objectKey names an object of a known kind.
type objectKey struct{ namespace, name string }

// Text is one text with Kubernetes objects.
type Text struct {
	// File is what findings name.
	File    string
	Content []byte
	// Scope tells apart renderings of the same file, such as the values or the
	// overlay that it was rendered with; "" for a file as it stands.
	Scope string
	// Locate turns a position of Content into the place of the file that a
	// person edits. Nil means that File itself holds Content.
	Locate func(source.Position) source.Place
}

// place turns a position of the text into a place.
func (t *Text) place(at source.Position) source.Place {
	if t.Locate != nil {
		return t.Locate(at)
	}
	return source.Place{File: t.File, Position: at}
}

// region is the place of everything that a node spans.
func (t *Text) region(start source.Position, endLine int) source.Place {
	place := t.place(start)
	if place.Rendered {
		return place
	}
	place.EndLine = place.Line
	// The last line of a rendered object may come from another file.
	if end := t.place(source.Position{Line: endLine, Column: 1}); end.File == place.File && end.Line > place.Line {
		place.EndLine = end.Line
	}
	return place
}

// unread are the kinds whose objects no rule reads and nothing refers to; their
// documents are counted and not parsed. Custom resource definitions are most
// of the bytes of real repositories.
var unread = []string{"CustomResourceDefinition", "PriorityClass", "Lease", "Event", "Endpoints",
	"EndpointSlice", "ControllerRevision", "PrometheusRule", "FlowSchema", "PriorityLevelConfiguration"}

// Add parses the text, normalises its objects and hands over the assets. It may
// be called by several goroutines at once.
func (s *Set) Add(t Text, sink collect.Sink) {
	for _, doc := range source.Split(t.Content) {
		if slices.Contains(unread, doc.TopLevel("kind")) && doc.TopLevel("apiVersion") != "" {
			sink.Object(1)
			continue
		}
		root, err := doc.Parse()
		if err != nil {
			sink.Unread(t.syntaxError(err))
			continue
		}
		s.object(&t, root, sink, 0)
	}
}

// syntaxError places a parser's error.
func (t *Text) syntaxError(err error) (source.Place, string) {
	var syntax *source.SyntaxError
	if !errors.As(err, &syntax) {
		return source.Place{File: t.File}, err.Error()
	}
	reason := "it is not valid YAML: " + syntax.Reason
	if bytes.Contains(t.Content, []byte("{{")) {
		reason += " (it looks like a template: scan the chart it belongs to, or its rendered output)"
	}
	return t.place(syntax.Position), reason
}

const (
	// maxListDepth bounds lists within lists.
	maxListDepth = 3
	// maxValues bounds the values of one object. The API server stores none of
	// more than 1.5 MiB, and judging one compares its parts with each other.
	maxValues = 50_000
)

// object normalises one object, or the objects of a List.
func (s *Set) object(t *Text, n *source.Node, sink collect.Sink, depth int) {
	apiVersion, kind := n.Text("apiVersion"), n.Text("kind")
	switch {
	case n.Kind == source.Null:
		return
	case n.Kind == source.List && depth < maxListDepth:
		for _, item := range n.Items {
			s.object(t, item, sink, depth+1)
		}
		return
	case n.Kind != source.Map || apiVersion == "" && kind == "":
		sink.Unread(t.place(n.Position), "it is no Kubernetes object: it has no apiVersion and kind")
		return
	case kind == "" || apiVersion == "":
		sink.Unread(t.place(n.Position), fmt.Sprintf("the object has no %s", map[bool]string{true: "kind", false: "apiVersion"}[kind == ""]))
		return
	case strings.HasSuffix(kind, "List") && n.Get("items") != nil && depth < maxListDepth:
		for _, item := range n.List("items") {
			if item.Text("kind") == "" {
				item.Pairs = append(item.Pairs, inherited("kind", strings.TrimSuffix(kind, "List"), n), inherited("apiVersion", apiVersion, n))
			}
			s.object(t, item, sink, depth+1)
		}
		return
	}
	sink.Object(1)
	if n.Size > maxValues {
		sink.Unread(t.place(n.Position), fmt.Sprintf("the object has more than %d values: the API server would not store it", maxValues))
		return
	}
	o := &object{text: t, node: n, apiVersion: apiVersion, kind: kind, sink: sink,
		name: n.Text("metadata", "name"), namespace: n.Text("metadata", "namespace")}
	if o.name == "" {
		o.name = n.Text("metadata", "generateName")
	}
	s.normalise(o)
}

// inherited is a key that the items of a typed list leave out.
func inherited(key, value string, of *source.Node) source.Pair {
	return source.Pair{
		Key:   &source.Node{Kind: source.String, Value: key, Position: of.Position},
		Value: &source.Node{Kind: source.String, Value: value, Position: of.Position},
	}
}

// object is a Kubernetes object on its way to assets.
type object struct {
	text             *Text
	node             *source.Node
	apiVersion, kind string
	name, namespace  string
	sink             collect.Sink
}

// group returns the API group, "" for the core group.
func (o *object) group() string {
	group, _, ok := strings.Cut(o.apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// space is the namespace that the object lands in.
func (o *object) space() string {
	if o.namespace == "" {
		return "default"
	}
	return o.namespace
}

// title is how people call the object: "Deployment shop/web".
func (o *object) title() string {
	if o.namespace == "" {
		return strings.TrimSpace(o.kind + " " + o.name)
	}
	return o.kind + " " + o.namespace + "/" + o.name
}

// id identifies the object while lines move.
func (o *object) id() string {
	id := o.text.File + "#" + o.kind + "/" + o.namespace + "/" + o.name
	if o.text.Scope != "" {
		id += "@" + o.text.Scope
	}
	return id
}

// head makes the head of an asset that the object declares. part tells the
// assets of one object apart; node is the part of the object that it is.
func (o *object) head(kind asset.Kind, part, name string, node *source.Node) asset.Head {
	h := asset.Head{
		Kind: kind, ID: string(kind) + ":" + o.id(), Name: o.title(), Format: asset.Kubernetes, Scope: o.text.Scope,
		Place: o.text.region(node.Position, node.EndLine), Ignores: o.ignores(),
	}
	if part != "" {
		h.ID += "/" + part
	}
	if name != "" {
		h.Name += ", " + name
	}
	return h
}

// ignoreAnnotation carries a user's decision that a finding does not count.
const ignoreAnnotation = "holdfast.dev/ignore"

func (o *object) ignores() []string {
	if text := o.node.Text("metadata", "annotations", ignoreAnnotation); text != "" {
		return []string{text}
	}
	return nil
}

// normalise turns one object into assets: everything that a kind means beyond
// its text is decided here.
func (s *Set) normalise(o *object) {
	switch {
	case o.kind == "ServiceAccount" && o.group() == "":
		s.serviceAccount(o)
	case o.group() == "rbac.authorization.k8s.io":
		s.addRBAC(o)
	case o.kind == "Namespace" && o.group() == "":
		s.addNamespace(o)
	case o.kind == "NetworkPolicy" && o.group() == "networking.k8s.io":
		s.addPolicy(o)
	case o.kind == "ResourceQuota" || o.kind == "LimitRange":
		s.addQuota(o)
	default:
		s.addForeignPolicy(o)
		components(o)
	}
	if template := podTemplate(o); template != nil {
		s.addPod(o, template)
	}
	o.sink.Asset(&asset.Object{
		Head:       o.head(asset.KindObject, "", "", o.node),
		APIVersion: o.apiVersion, ObjectKind: o.kind, Namespace: o.namespace,
		Content: o.node, Locator: o.text.Locate,
	})
}

// podTemplate finds the pod of an object: the object itself, or a template with
// containers below spec, at the places where the kinds of Kubernetes and of
// well-known operators keep it. A template is recognised by its shape, so that
// a kind nobody has heard of is judged as well.
func podTemplate(o *object) *source.Node {
	if o.kind == "Pod" {
		return o.node
	}
	for _, path := range [][]string{
		{"spec", "template"},
		{"spec", "jobTemplate", "spec", "template"},
		{"template"}, // PodTemplate
		{"spec", "podTemplate"},
		{"spec", "workloadTemplate", "spec", "template"},
		{"spec", "jobTargetRef", "template"},
	} {
		if n := o.node.Get(path...); n.Get("spec", "containers") != nil && n.Get("spec", "containers").Kind == source.List {
			return n
		}
	}
	return nil
}

// Finish hands over what had to wait for the whole set.
func (s *Set) Finish(sink collect.Sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleTokens()
	all := &batch{Sink: sink}
	for _, pod := range s.waiting {
		all.Asset(pod)
	}
	s.waiting = nil
	s.grants(all)
	s.namespaceAssets(all)
	all.flush()
}

// batch hands assets over from as many goroutines as there are processors: the
// sink judges them.
type batch struct {
	collect.Sink
	pending []asset.Asset
}

// batchSize bounds how many assets wait.
const batchSize = 4096

// Asset implements collect.Sink.
func (b *batch) Asset(a asset.Asset) {
	if b.pending = append(b.pending, a); len(b.pending) == batchSize {
		b.flush()
	}
}

func (b *batch) flush() {
	workers := runtime.GOMAXPROCS(0)
	var wait sync.WaitGroup
	for i := range workers {
		wait.Go(func() {
			for j := i; j < len(b.pending); j += workers {
				b.Sink.Asset(b.pending[j])
			}
		})
	}
	wait.Wait()
	b.pending = b.pending[:0]
}
