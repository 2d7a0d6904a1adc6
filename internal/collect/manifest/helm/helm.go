// Package helm renders Helm charts, without a cluster, without the network and
// without trust in what the templates do, and hands the objects over for
// normalising with the places in the templates that they come from.
//
// It renders with the library that Helm itself renders with, text/template and
// sprig, and not with Helm's engine: that one can neither be bounded nor asked
// who wrote what, stops at the first template that fails, and brings the whole
// Kubernetes client along. A test holds its output beside that of Helm's engine.
package helm

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/manifest"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Options is what the user chose for the charts of a run.
type Options struct {
	// Sets are the sets of values to render every chart with, each a list of
	// files as `helm -f` takes them. Without any, a chart is rendered with its
	// own defaults and once more with each values-*.yaml or values.*.yaml
	// beside them.
	Sets [][]string
	// Set and SetString are values on top of every set, as `helm --set` and
	// `helm --set-string` take them.
	Set, SetString []string
	// KubeVersion is the version of Kubernetes that charts are told, "" for a
	// current one, APIVersions what else its API serves.
	KubeVersion string
	APIVersions []string
	// Release and Namespace are what charts are told they are installed as and
	// where; "" for Helm's "release-name" and "default".
	Release, Namespace string
}

// Collector reads Helm charts.
type Collector struct {
	options Options
	sets    []*valueSet // nil for those beside each chart
	caps    *Capabilities
	cost    int64 // what the renderings of one chart may cost
}

// New returns a collector for one run. Its error is one of the options.
func New(o Options) (*Collector, error) {
	o.Release = cmp.Or(o.Release, "release-name")
	o.Namespace = cmp.Or(o.Namespace, "default")
	caps, err := newCapabilities(o.KubeVersion, o.APIVersions)
	if err != nil {
		return nil, err
	}
	c := &Collector{options: o, caps: caps, cost: maxCost}
	for _, paths := range o.Sets {
		s, err := newValueSet(paths, o.Set, o.SetString)
		if err != nil {
			return nil, err
		}
		c.sets = append(c.sets, s)
	}
	if _, err := newValueSet(nil, o.Set, o.SetString); err != nil {
		return nil, err
	}
	return c, nil
}

// Name implements collect.Collector.
func (c *Collector) Name() string { return "helm" }

// Finish implements collect.Collector. Charts do not wait for each other.
func (c *Collector) Finish(context.Context, collect.Sink) {}

// extraValues are the names of files with values for one environment.
var extraValues = regexp.MustCompile(`^values[-._].+\.ya?ml$`)

// Claim implements collect.Collector. It takes the folders with a Chart.yaml
// and the archives that start with one, and of a folder only what makes up a
// chart: a Dockerfile beside it is somebody else's.
func (c *Collector) Claim(t *collect.Tree) []collect.Input {
	var inputs []collect.Input
	for _, e := range t.Unclaimed() {
		switch {
		case e.Claimed(): // by a chart that came before
		case e.Base() == "Chart.yaml":
			inputs = append(inputs, c.claim(t, e))
		case isArchive(e.Path) && looksLikeChart(e.Head()):
			e.Claim()
			inputs = append(inputs, &input{collector: c, path: e.Path, archive: e})
		}
	}
	return inputs
}

// claim takes the chart that a Chart.yaml stands for. Entries come in the order
// of their paths, so a chart comes before its subcharts.
func (c *Collector) claim(t *collect.Tree, of *collect.Entry) *input {
	in := &input{collector: c, path: of.Path, dir: of.Dir(), tree: t}
	for _, e := range t.Below(in.dir) {
		name := within(in.dir, e.Path)
		top, _, nested := strings.Cut(name, "/")
		switch {
		case nested && slices.Contains([]string{"templates", "crds", "charts", "ci"}, top),
			!nested && (strings.HasPrefix(name, "values") && path.Ext(name) != "" || name == "Chart.yaml" || name == "Chart.lock" ||
				name == "requirements.yaml" || name == "requirements.lock"):
			e.Claim()
		}
	}
	return in
}

// within is the path of a file below a folder.
func within(dir, file string) string {
	if dir == "." {
		return file
	}
	return strings.TrimPrefix(file, dir+"/")
}

// input is one chart.
type input struct {
	collector *Collector
	path      string
	dir       string         // of a folder
	tree      *collect.Tree  // of a folder
	archive   *collect.Entry // of an archive
}

// Path implements collect.Input.
func (in *input) Path() string { return in.path }

// files lists the files of a folder of the tree as those of a chart.
func (in *input) files(dir string) []*file {
	var files []*file
	for _, e := range in.tree.Below(dir) {
		files = append(files, &file{name: within(dir, e.Path), place: e.Path, read: e.Read})
	}
	return files
}

// Read implements collect.Input.
func (in *input) Read(ctx context.Context, sink collect.Sink) {
	once := &onceSink{Sink: sink, said: map[string]bool{}}
	l := &loader{unread: once.Unread}
	root, p := in.load(l)
	if p != nil {
		sink.Unread(p.place, p.reason)
		return
	}
	if root.library() {
		return // its templates are judged where a chart uses them
	}
	sets := in.sets(l, root, once)
	wanted := false
	for _, s := range sets {
		wanted = wanted || s.files
	}
	l.readFiles(root, wanted)
	run := rendering{input: in, chart: root, renderer: newRenderer(), sink: once}
	run.renderer.budget = newBudget(ctx, in.collector.cost)
	for _, s := range sets {
		if !run.with(s) {
			return
		}
	}
}

func (in *input) load(l *loader) (*chart, *problem) {
	if in.archive != nil {
		text, err := in.archive.Read()
		if err != nil {
			return nil, problemf(source.Place{File: in.path}, "%s", err)
		}
		return l.archive(&file{name: in.path, place: in.path, data: text}, nil)
	}
	l.sibling = in.files
	files, p := ignored(in.files(in.dir))
	if p != nil {
		return nil, p
	}
	return l.load(in.dir, files, nil)
}

// maxSets bounds the sets of values beside one chart.
const maxSets = 20

// sets returns the sets of values that the chart is rendered with.
func (in *input) sets(l *loader, c *chart, sink collect.Sink) []*valueSet {
	if in.collector.sets != nil {
		return in.collector.sets
	}
	defaults := &valueSet{values: map[string]any{}}
	sets := []*valueSet{defaults}
	for _, f := range c.rest {
		if !extraValues.MatchString(f.name) {
			continue
		}
		if len(sets) > maxSets {
			sink.Unread(source.Place{File: f.place}, fmt.Sprintf("the chart has more than %d files of values", maxSets))
			break
		}
		values, p := l.valuesFile(f)
		if p != nil {
			sink.Unread(p.place, p.reason)
			continue
		}
		sets = append(sets, &valueSet{name: f.name, values: values, files: bytes.Contains(f.data, []byte("Files"))})
	}
	for _, s := range sets {
		// New has tried them.
		_ = s.set(in.collector.options.Set, in.collector.options.SetString)
	}
	return sets
}

// rendering is one chart rendered with one set of values after the other.
type rendering struct {
	*input
	chart    *chart
	renderer *renderer
	sink     *onceSink
	// base is what the first set has given, document by document.
	base *base
}

// base is the first rendering of a chart. What another set renders the same is
// not handed over again.
type base struct {
	docs   map[string]bool // template and text
	assets map[string]asset.Asset
}

// with renders the chart with a set of values and hands over the objects. It
// reports whether there is any use in going on with another set.
func (r *rendering) with(set *valueSet) bool {
	place := source.Place{File: r.chart.file.place}
	c := r.chart.instance(nil)
	if err := (resolver{missing: r.sink.Unread}).resolve(c, set.values); err != nil {
		r.sink.Unread(place, err.Error())
		return true
	}
	values, err := coalesce(c, set.values, false)
	if err != nil {
		r.sink.Unread(place, err.Error())
		return true
	}
	o := r.collector.options
	templates := templates(c, map[string]any{
		"Chart": c.templateData(), "Capabilities": r.collector.caps, "Values": Values(values),
		"Release": map[string]any{
			"Name": o.Release, "Namespace": o.Namespace, "IsUpgrade": false, "IsInstall": true, "Revision": 1, "Service": "Helm",
		},
	})
	rendered, err := r.renderer.render(templates)
	if err != nil {
		r.sink.Unread(place, err.Error())
		return false
	}
	set1 := r.base == nil
	if set1 {
		r.base = &base{docs: map[string]bool{}, assets: map[string]asset.Asset{}}
	}
	objects := manifest.NewSet()
	lock := new(sync.Mutex)
	for i := range rendered {
		t := &rendered[i]
		if t.err != nil {
			r.sink.Unread(r.renderer.problem(t))
			continue
		}
		l := &locator{mu: lock, file: t.file, trace: t.trace, values: values, prefix: t.chart.valuesPrefix()}
		if set1 {
			r.first(objects, l)
		} else {
			r.further(objects, l, set.name)
		}
	}
	if set1 {
		r.crds(c, objects)
		objects.Finish(keepingSink{r.sink, r.base})
	} else {
		objects.Finish(newsSink{r.sink, r.base})
	}
	return true
}

// valuesPrefix is the key that the values of a chart's templates stand below.
func (c *chart) valuesPrefix() string {
	if c.parent == nil {
		return ""
	}
	return c.parent.valuesPrefix() + c.name() + "."
}

// first hands over what a template gives with the first set of values.
func (r *rendering) first(objects *manifest.Set, l *locator) {
	for _, doc := range documents(l.trace.text) {
		r.base.docs[l.file.place+"\x00"+string(doc.text)] = true
		objects.Add(manifest.Text{File: l.file.place, Content: doc.text, Locate: l.within(doc)}, keepingSink{r.sink, r.base})
	}
}

// further hands over what a template gives with another set of values: the
// objects that differ from the first set's under the name of the set, the
// others silently, for what refers to them.
func (r *rendering) further(objects *manifest.Set, l *locator, set string) {
	for _, doc := range documents(l.trace.text) {
		text := manifest.Text{File: l.file.place, Content: doc.text, Locate: l.within(doc)}
		if r.base.docs[l.file.place+"\x00"+string(doc.text)] {
			objects.Add(text, silentSink{})
			continue
		}
		text.Scope = set
		objects.Add(text, r.sink)
	}
}

// document is a document of a template's output and where it starts.
type document struct {
	text  []byte
	start source.Position
}

// documents cuts an output as Helm does: at every line that starts with "---",
// whatever follows it, since templates tend to eat the line's end.
func documents(text []byte) []document {
	var docs []document
	at := source.Position{Line: 1, Column: 1}
	add := func(part []byte) {
		if len(source.Split(part)) > 0 {
			docs = append(docs, document{part, at})
		}
		at.Line += bytes.Count(part, []byte("\n"))
	}
	for {
		end := bytes.Index(text, []byte("\n---"))
		if bytes.HasPrefix(text, []byte("---")) && at.Column == 1 {
			text, at.Column = text[len("---"):], 1+len("---")
			continue
		}
		if end < 0 {
			add(text)
			return docs
		}
		add(text[:end+1])
		text, at.Column = text[end+1:], 1
	}
}

// within is place for positions within a document of the output.
func (l *locator) within(doc document) func(source.Position) source.Place {
	return func(at source.Position) source.Place {
		if at.Line == 1 {
			at.Column += doc.start.Column - 1
		}
		at.Line += doc.start.Line - 1
		return l.place(at)
	}
}

// crds hands over the custom resource definitions, which are no templates.
func (r *rendering) crds(c *chart, objects *manifest.Set) {
	c.all(func(c *chart) {
		for _, f := range c.crds {
			if err := f.load(); err != nil {
				r.sink.Unread(source.Place{File: f.place}, err.Error())
				continue
			}
			objects.Add(manifest.Text{File: f.place, Content: f.data}, r.sink)
		}
	})
}

// onceSink says only once what could not be read: the sets of values of one
// chart tend to fail alike.
type onceSink struct {
	collect.Sink
	said map[string]bool
}

func (s *onceSink) Unread(place source.Place, reason string) {
	key := place.String() + "\x00" + reason
	if !s.said[key] {
		s.said[key] = true
		s.Sink.Unread(place, reason)
	}
}

// keepingSink remembers the assets of the first rendering.
type keepingSink struct {
	collect.Sink
	base *base
}

func (s keepingSink) Asset(a asset.Asset) {
	if a.Meta().Kind != asset.KindObject {
		s.base.assets[a.Meta().ID] = a
	}
	s.Sink.Asset(a)
}

// newsSink passes on what the first rendering did not have.
type newsSink struct {
	collect.Sink
	base *base
}

func (s newsSink) Asset(a asset.Asset) {
	if before, ok := s.base.assets[a.Meta().ID]; !ok || !reflect.DeepEqual(before, a) {
		s.Sink.Asset(a)
	}
}

// silentSink drops what was handed over before.
type silentSink struct{}

func (silentSink) Asset(asset.Asset)           {}
func (silentSink) Unread(source.Place, string) {}
func (silentSink) Object(int)                  {}
