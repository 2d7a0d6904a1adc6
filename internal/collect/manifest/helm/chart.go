package helm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/ignore"
	"sigs.k8s.io/yaml"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// chart is a chart with its subcharts, as it lies on disk or in an archive.
type chart struct {
	dir       string // the folder, as findings show it
	meta      metadata
	file      *file        // Chart.yaml
	node      *source.Node // Chart.yaml, to find lines in
	values    map[string]any
	templates []*file
	crds      []*file
	rest      []*file // what templates may read through .Files
	files     Files
	deps      []*chart
	parent    *chart
}

// metadata is what Chart.yaml says.
type metadata struct {
	Name         string            `json:"name"`
	Home         string            `json:"home"`
	Sources      []string          `json:"sources"`
	Version      string            `json:"version"`
	Description  string            `json:"description"`
	Keywords     []string          `json:"keywords"`
	Maintainers  []maintainer      `json:"maintainers"`
	Icon         string            `json:"icon"`
	APIVersion   string            `json:"apiVersion"`
	Condition    string            `json:"condition"`
	Tags         string            `json:"tags"`
	AppVersion   string            `json:"appVersion"`
	Deprecated   bool              `json:"deprecated"`
	Annotations  map[string]string `json:"annotations"`
	KubeVersion  string            `json:"kubeVersion"`
	Dependencies []dependency      `json:"dependencies"`
	Type         string            `json:"type"`
}

type maintainer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	URL   string `json:"url"`
}

// dependency is a chart that another one names as a part of itself.
type dependency struct {
	Name         string   `json:"name"`
	Version      string   `json:"version"`
	Repository   string   `json:"repository"`
	Condition    string   `json:"condition"`
	Tags         []string `json:"tags"`
	ImportValues []any    `json:"import-values"`
	Alias        string   `json:"alias"`

	enabled bool
}

// file is a file of a chart.
type file struct {
	name  string // within the chart: "templates/web.yaml"
	place string // as findings show it
	data  []byte
	// read reads data; nil once that is done.
	read func() ([]byte, error)

	starts []int // the offsets of the lines, on demand
}

// load reads the file, once.
func (f *file) load() error {
	if f.read == nil {
		return nil
	}
	data, err := f.read()
	f.read = nil
	f.data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return err
}

func (c *chart) name() string  { return c.meta.Name }
func (c *chart) library() bool { return strings.EqualFold(c.meta.Type, "library") }

// fullPath is how Helm names the chart's templates.
func (c *chart) fullPath() string {
	if c.parent == nil {
		return c.name()
	}
	return c.parent.fullPath() + "/charts/" + c.name()
}

// all calls the function for the chart and every chart below it.
func (c *chart) all(do func(*chart)) {
	do(c)
	for _, sub := range c.deps {
		sub.all(do)
	}
}

// The bounds on a chart.
const (
	maxChart  = 64 << 20 // bytes of templates, values and read files together
	maxCharts = 200      // a chart with all its subcharts
	maxDepth  = 12       // subcharts within subcharts
)

// loader puts a chart together from its files.
type loader struct {
	// sibling returns the files of another folder of the tree, for
	// dependencies that are named by a path.
	sibling func(dir string) []*file
	// unread takes what cannot be read.
	unread func(source.Place, string)

	charts int
	size   int
}

// problem is an error with a place.
type problem struct {
	place  source.Place
	reason string
}

func (p *problem) Error() string { return p.place.String() + ": " + p.reason }

func problemf(place source.Place, format string, args ...any) *problem {
	return &problem{place, fmt.Sprintf(format, args...)}
}

// load makes a chart of files, whose names are relative to dir.
func (l *loader) load(dir string, files []*file, parent *chart) (*chart, *problem) {
	c := &chart{dir: dir, parent: parent}
	if l.charts++; l.charts > maxCharts || c.depth() > maxDepth {
		return nil, problemf(source.Place{File: dir}, "it holds more than %d charts, or charts more than %d levels deep", maxCharts, maxDepth)
	}
	subcharts := map[string][]*file{}
	var values, requirements *file
	for _, f := range files {
		switch {
		case f.name == "Chart.yaml":
			c.file = f
		case f.name == "values.yaml":
			values = f
		case f.name == "requirements.yaml":
			requirements = f
			c.rest = append(c.rest, f)
		case f.name == "Chart.lock", f.name == "requirements.lock", f.name == "values.schema.json":
		case strings.HasPrefix(f.name, "templates/"):
			c.templates = append(c.templates, f)
		case strings.HasPrefix(f.name, "charts/"):
			name, _, _ := strings.Cut(strings.TrimPrefix(f.name, "charts/"), "/")
			subcharts[name] = append(subcharts[name], f)
		default:
			if strings.HasPrefix(f.name, "crds/") && isManifest(f.name) {
				c.crds = append(c.crds, f)
			}
			c.rest = append(c.rest, f)
		}
	}
	if c.file == nil {
		return nil, problemf(source.Place{File: dir}, "it is no chart: there is no Chart.yaml in it")
	}
	if p := l.metadata(c, requirements); p != nil {
		return nil, p
	}
	if values != nil {
		var p *problem
		if c.values, p = l.valuesFile(values); p != nil {
			return nil, p
		}
	}
	for _, f := range c.templates {
		if p := l.file(f); p != nil {
			return nil, p
		}
	}
	l.subcharts(c, subcharts)
	l.siblings(c)
	return c, nil
}

func (c *chart) depth() int {
	depth := 0
	for p := c.parent; p != nil; p = p.parent {
		depth++
	}
	return depth
}

func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// file reads a file of the chart within the bounds.
func (l *loader) file(f *file) *problem {
	if err := f.load(); err != nil {
		return problemf(source.Place{File: f.place}, "%s", err)
	}
	if l.size += len(f.data); l.size > maxChart {
		return problemf(source.Place{File: f.place}, "the chart is larger than %d MiB", maxChart>>20)
	}
	return nil
}

// metadata reads Chart.yaml and, for charts of the first version of the format,
// the dependencies in requirements.yaml.
func (l *loader) metadata(c *chart, requirements *file) *problem {
	if p := l.file(c.file); p != nil {
		return p
	}
	var p *problem
	if c.node, p = parseYAML(c.file); p != nil {
		return p
	}
	if err := yaml.Unmarshal(c.file.data, &c.meta); err != nil {
		return problemf(source.Place{File: c.file.place}, "it is no valid Chart.yaml: %s", cleanYAMLError(err))
	}
	if requirements != nil && c.node.Get("dependencies") == nil {
		if p := l.file(requirements); p != nil {
			return p
		}
		node, p := parseYAML(requirements)
		if p != nil {
			return p
		}
		var listed struct {
			Dependencies []dependency `json:"dependencies"`
		}
		if err := yaml.Unmarshal(requirements.data, &listed); err != nil {
			return problemf(source.Place{File: requirements.place}, "it is no valid requirements.yaml: %s", cleanYAMLError(err))
		}
		c.meta.Dependencies, c.node, c.file = listed.Dependencies, node, requirements
	}
	if c.meta.APIVersion == "" {
		c.meta.APIVersion = "v1"
	}
	if name := c.meta.Name; name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
		return problemf(c.place("name"), "it is no valid Chart.yaml: %q cannot be the name of a chart", name)
	}
	return nil
}

// place returns where Chart.yaml says something.
func (c *chart) place(keys ...string) source.Place {
	return source.Place{File: c.file.place, Position: c.node.Place(keys...)}
}

// parseYAML reads a file of one YAML document with our own parser, which is bounded
// and knows lines.
func parseYAML(f *file) (*source.Node, *problem) {
	docs := source.Split(f.data)
	if len(docs) == 0 {
		return nil, problemf(source.Place{File: f.place}, "it is empty")
	}
	node, err := docs[0].Parse()
	if err != nil {
		return nil, syntaxProblem(f, err)
	}
	return node, nil
}

func syntaxProblem(f *file, err error) *problem {
	var syntax *source.SyntaxError
	if errors.As(err, &syntax) {
		return problemf(source.Place{File: f.place, Position: syntax.Position}, "it is not valid YAML: %s", syntax.Reason)
	}
	return problemf(source.Place{File: f.place}, "it is not valid YAML: %s", err)
}

// cleanYAMLError takes the names of the libraries out of an error.
func cleanYAMLError(err error) string {
	text := err.Error()
	for _, prefix := range []string{"error converting YAML to JSON: ", "error unmarshaling JSON: ", "while decoding JSON: ", "json: ", "yaml: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}

// valuesFile reads values: one or more documents, later ones over earlier ones.
func (l *loader) valuesFile(f *file) (map[string]any, *problem) {
	if p := l.file(f); p != nil {
		return nil, p
	}
	return readValues(f)
}

func readValues(f *file) (map[string]any, *problem) {
	values := map[string]any{}
	for _, doc := range source.Split(f.data) {
		of := map[string]any{}
		err := unmarshalYAML(doc.Text, &of)
		if err == nil {
			values = overlay(values, of)
			continue
		}
		node, syntax := doc.Parse()
		switch {
		case syntax != nil:
			return nil, syntaxProblem(f, syntax)
		case node.Kind != source.Map:
			return nil, problemf(source.Place{File: f.place, Position: node.Position}, "values have to be keys with values")
		}
		return nil, problemf(source.Place{File: f.place, Position: node.Position}, "%s", cleanYAMLError(err))
	}
	return values, nil
}

// subcharts loads what lies in charts/.
func (l *loader) subcharts(c *chart, groups map[string][]*file) {
	for _, name := range sortedKeys(groups) {
		files := groups[name]
		at := path.Join("charts", name)
		var sub *chart
		var p *problem
		switch {
		case strings.HasPrefix(name, "_"), strings.HasPrefix(name, "."):
			continue
		case len(files) == 1 && files[0].name == at && isArchive(name):
			sub, p = l.archive(files[0], c)
		case len(files) == 1 && files[0].name == at:
			continue // a README, a provenance file
		default:
			for _, f := range files {
				f.name = strings.TrimPrefix(f.name, at+"/")
			}
			sub, p = l.load(path.Join(c.dir, at), files, c)
		}
		if p != nil {
			l.unread(p.place, p.reason)
			continue
		}
		c.deps = append(c.deps, sub)
	}
}

// archive loads a chart from an archive.
func (l *loader) archive(f *file, parent *chart) (*chart, *problem) {
	if p := l.file(f); p != nil {
		return nil, p
	}
	root, files, err := unpack(f.data, f.place)
	if err != nil {
		return nil, problemf(source.Place{File: f.place}, "the archive is refused: %s", err)
	}
	f.data = nil // it is not needed any more
	return l.load(f.place+"!/"+root, files, parent)
}

// siblings loads the dependencies that Chart.yaml names by a path, where the
// folder is a part of what is scanned: what `helm dependency build` would copy.
func (l *loader) siblings(c *chart) {
	for i := range c.meta.Dependencies {
		d := &c.meta.Dependencies[i]
		relative, ok := strings.CutPrefix(d.Repository, "file://")
		if !ok || path.IsAbs(relative) || l.sibling == nil || c.find(d) != nil {
			continue
		}
		dir := path.Join(c.dir, relative)
		for p := c; p != nil; p = p.parent {
			if p.dir == dir {
				ok = false // a chart cannot be a part of itself
			}
		}
		if files := l.sibling(dir); ok && len(files) > 0 {
			if sub, p := l.load(dir, files, c); p == nil {
				c.deps = append(c.deps, sub)
			}
		}
	}
}

// find returns the subchart that a dependency names.
func (c *chart) find(d *dependency) *chart {
	for _, sub := range c.deps {
		if sub.name() == d.Name && compatible(d.Version, sub.meta.Version) {
			return sub
		}
	}
	return nil
}

// compatible reports whether a version is within a range.
func compatible(constraint, version string) bool {
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return false
	}
	v, err := semver.NewVersion(version)
	return err == nil && c.Check(v)
}

// ignored drops the files that .helmignore excludes from a chart's folder.
func ignored(files []*file) ([]*file, *problem) {
	rules := ignore.Empty()
	for _, f := range files {
		if f.name != ignore.HelmIgnore {
			continue
		}
		if err := f.load(); err != nil {
			return nil, problemf(source.Place{File: f.place}, "%s", err)
		}
		var err error
		if rules, err = ignore.Parse(bytes.NewReader(f.data)); err != nil {
			return nil, problemf(source.Place{File: f.place}, "it is no valid .helmignore: %s", err)
		}
	}
	rules.AddDefaults()
	dirs := map[string]bool{".": false}
	var skipDir func(dir string) bool
	skipDir = func(dir string) bool {
		skip, ok := dirs[dir]
		if !ok {
			skip = skipDir(path.Dir(dir)) || rules.Ignore(dir, entryInfo{path.Base(dir), true})
			dirs[dir] = skip
		}
		return skip
	}
	return slices.DeleteFunc(files, func(f *file) bool {
		return skipDir(path.Dir(f.name)) || rules.Ignore(f.name, entryInfo{path.Base(f.name), false})
	}), nil
}

// entryInfo tells the ignore rules what they ask: is it a folder?
type entryInfo struct {
	name string
	dir  bool
}

func (i entryInfo) Name() string       { return i.name }
func (i entryInfo) Size() int64        { return 0 }
func (i entryInfo) ModTime() time.Time { return time.Time{} }
func (i entryInfo) IsDir() bool        { return i.dir }
func (i entryInfo) Sys() any           { return nil }
func (i entryInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir
	}
	return 0
}

// readFiles gives templates access to the chart's other files, if any template
// or value asks for them: most charts only carry their documentation.
func (l *loader) readFiles(c *chart, wanted bool) {
	word := []byte("Files")
	c.all(func(c *chart) {
		for _, f := range c.templates {
			wanted = wanted || bytes.Contains(f.data, word)
		}
	})
	c.all(func(c *chart) {
		c.files = Files{}
		if !wanted {
			return
		}
		for _, f := range c.rest {
			if p := l.file(f); p != nil {
				l.unread(p.place, p.reason)
				return
			}
			c.files[f.name] = f.data
		}
	})
}
