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
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/collect"
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
