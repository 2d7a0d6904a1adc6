package helm

import (
	"bytes"
	"reflect"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/manifest"
	"github.com/holdfast-sec/holdfast/internal/source"
)

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
	mu     sync.Mutex      // guards assets
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
	mu   sync.Mutex
	said map[string]bool
}

func (s *onceSink) Unread(place source.Place, reason string) {
	key := place.String() + "\x00" + reason
	s.mu.Lock()
	said := s.said[key]
	s.said[key] = true
	s.mu.Unlock()
	if !said {
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
		s.base.mu.Lock()
		s.base.assets[a.Meta().ID] = a
		s.base.mu.Unlock()
	}
	s.Sink.Asset(a)
}

// newsSink passes on what the first rendering did not have.
type newsSink struct {
	collect.Sink
	base *base
}

func (s newsSink) Asset(a asset.Asset) {
	s.base.mu.Lock()
	before, ok := s.base.assets[a.Meta().ID]
	s.base.mu.Unlock()
	if !ok || !reflect.DeepEqual(before, a) {
		s.Sink.Asset(a)
	}
}

// silentSink drops what was handed over before.
type silentSink struct{}

func (silentSink) Asset(asset.Asset)           {}
func (silentSink) Unread(source.Place, string) {}
func (silentSink) Object(int)                  {}
