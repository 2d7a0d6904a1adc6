package helm

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// renderer executes the templates of a chart as Helm's engine does: all of them
// in one namespace, in Helm's order. Unlike Helm it goes on when one template
// fails, it pays for what templates do, and it remembers who wrote what.
type renderer struct {
	names  map[string]any // what templates may call, for the parser
	parsed map[*file]parsedFile
	files  map[string]*file      // the parsed files, by the names that errors have
	inline map[string]parsedFile // the texts that tpl was given
	texts  map[*byte]origin      // the text nodes, by their own memory
	acts   []*action

	// What belongs to the rendering that is under way.
	budget   *budget
	set      *template.Template
	into     *trace  // what is being written
	printing *action // who writes next
	levels   int     // how deep templates are within each other
	weight   int     // the depth of all their syntax trees together
}

// parsedFile is the templates of one file: the file itself and what it defines.
type parsedFile struct {
	name  string // what the file itself is called among the trees
	trees map[string]*parse.Tree
	err   error
}

func newRenderer() *renderer {
	r := &renderer{
		names:  map[string]any{"include": true, "tpl": true},
		parsed: map[*file]parsedFile{},
		files:  map[string]*file{},
		inline: map[string]parsedFile{},
		texts:  map[*byte]origin{},
	}
	for _, name := range builtins {
		r.names[name] = true
	}
	for name := range functions(nil) {
		r.names[name] = true
	}
	return r
}

// renderable is one template with what it is executed with.
type renderable struct {
	name  string // how templates call it: "shop/templates/web.yaml"
	file  *file
	chart *chart
	data  map[string]any
}

// rendered is the output of one template.
type rendered struct {
	renderable
	trace *trace
	err   error
}

// render executes the templates and returns what became of each of them, in
// Helm's order. The error is that of a rendering that had to stop altogether.
func (r *renderer) render(templates []renderable) ([]rendered, error) {
	slices.SortFunc(templates, func(a, b renderable) int {
		if n := strings.Count(b.name, "/") - strings.Count(a.name, "/"); n != 0 {
			return n
		}
		return strings.Compare(b.name, a.name)
	})
	r.set = template.New("gotpl").Option("missingkey=zero")
	r.set.Funcs(functions(r.budget)).Funcs(r.ownFuncs())

	out := make([]rendered, 0, len(templates))
	for _, t := range templates {
		p := r.parse(t.file, t.name)
		if p.err == nil {
			p.err = r.add(r.set, p, t.name)
		}
		out = append(out, rendered{renderable: t, err: p.err})
	}
	var all []rendered
	for _, o := range out {
		partial := strings.HasPrefix(path.Base(o.name), "_")
		if o.err == nil && !partial && !isNotes(o.name) {
			o.data["Template"] = map[string]any{"Name": o.name, "BasePath": path.Join(o.chart.fullPath(), "templates")}
			o.trace, o.err = r.execute(r.set, o.name, o.data)
			if over(o.err) {
				return nil, cause(o.err)
			}
			if o.err == nil {
				o.trace.dropNoValue()
			}
		}
		if o.err != nil || !partial && !isNotes(o.name) {
			all = append(all, o)
		}
	}
	return all, nil
}

// isNotes reports whether a template is for the eyes of whoever installs.
func isNotes(name string) bool { return path.Base(name) == "NOTES.txt" }

// ownFuncs are the functions that belong to a rendering. Those that start with
// an underscore are known to the executor and not to the parser: no template
// can name them, instrument puts them where they are.
func (r *renderer) ownFuncs() template.FuncMap {
	return template.FuncMap{
		"include": r.include,
		"tpl":     r.tpl,
		"_print":  r.print,
		"_read":   func(v any) (any, error) { return v, r.budget.spend(callCost + shallow(reflect.ValueOf(v))) },
		"_turn":   func() (string, error) { return "", r.budget.spend(callCost) },
		"_call":   func(act int) string { r.into.callers = append(r.into.callers, r.acts[act]); return "" },
		"_return": func() string { r.into.callers = r.into.callers[:len(r.into.callers)-1]; return "" },
		"_enter":  r.enter,
		"_leave":  r.leave,
	}
}

// print announces that the action is about to print the value.
func (r *renderer) print(act int, v any) (any, error) {
	r.printing = r.acts[act]
	switch v.(type) {
	case nil, bool, string, int, int64, float64:
		return v, r.budget.spend(callCost)
	}
	n, err := r.budget.measure(v)
	if err != nil {
		return nil, err
	}
	return v, r.budget.spend(n)
}

// The bounds on templates within templates. Each level takes its share of the
// stack, and a stack that overflows ends the whole program.
const (
	maxWeight = 20_000
	// maxTreeDepth bounds one template's syntax tree.
	maxTreeDepth = 400
)

func (r *renderer) enter(weight int) (string, error) {
	r.levels++
	r.weight += weight
	if r.levels > maxNesting || r.weight > maxWeight {
		return "", errNested
	}
	return "", r.budget.spend(callCost)
}

func (r *renderer) leave(weight int) string {
	r.levels--
	r.weight -= weight
	return ""
}

// include is Helm's include: the text of a named template.
func (r *renderer) include(act int, name string, data any) (string, error) {
	t, err := r.execute(r.set, name, data)
	if err != nil {
		return "", err
	}
	r.called(act, t)
	return string(t.text), nil
}

// tpl is Helm's tpl: it executes a text as a template, which sees all others.
func (r *renderer) tpl(act int, text string, data any) (string, error) {
	if !strings.Contains(text, "{{") {
		return strings.ReplaceAll(text, string(noValue), ""), r.budget.spend(int64(len(text)))
	}
	p, ok := r.inline[text]
	if !ok {
		if err := r.budget.spend(int64(len(text)) * 16); err != nil {
			return "", err
		}
		p = r.parseText(nil, "tpl", text)
		r.inline[text] = p
	}
	if p.err != nil {
		return "", p.err
	}
	// What the text defines is seen by itself and by what it includes.
	outer := r.set
	defer func() { r.set = outer }()
	set := outer
	if len(p.trees) > 1 {
		clone, err := outer.Clone()
		if err != nil {
			return "", err
		}
		if err := r.budget.spend(int64(len(outer.Templates())) * callCost); err != nil {
			return "", err
		}
		set = clone.Option("missingkey=zero")
		if err := r.add(set, p, "tpl"); err != nil {
			return "", err
		}
	}
	r.set = set
	main := set.New("tpl").Option("missingkey=zero")
	main.Tree = p.trees["tpl"]
	if main.Tree == nil {
		return "", nil
	}
	t, err := r.run(main, data)
	if err != nil {
		return "", err
	}
	t.dropNoValue()
	r.called(act, t)
	return string(t.text), nil
}

// called remembers what an action got.
func (r *renderer) called(act int, t *trace) {
	r.into.calls = append(r.into.calls, call{r.acts[act], t})
}

func (r *renderer) execute(set *template.Template, name string, data any) (*trace, error) {
	t := set.Lookup(name)
	if t == nil {
		return nil, fmt.Errorf("no template is named %q: the chart, or one that it depends on, does not define it", name)
	}
	return r.run(t, data)
}

func (r *renderer) run(tmpl *template.Template, data any) (t *trace, err error) {
	outer, levels, weight := r.into, r.levels, r.weight
	t = &trace{r: r}
	r.into = t
	defer func() {
		r.into, r.levels, r.weight = outer, levels, weight
		if p := recover(); p != nil {
			err = fmt.Errorf("the template library gave up: %v", p)
		}
	}()
	return t, tmpl.Execute(t, data)
}

// parse reads the templates of a file. A file is parsed once, however often the
// chart is rendered.
func (r *renderer) parse(f *file, name string) parsedFile {
	p, ok := r.parsed[f]
	if !ok {
		p = r.parseText(f, name, string(f.data))
		r.parsed[f], r.files[name] = p, f
	}
	return p
}

// maxBlocks bounds the control structures of one file: the parser goes one
// level deeper into the stack for each that is open.
const (
	maxBlocks   = 20_000
	maxTemplate = 8 << 20
)

var opensBlock = regexp.MustCompile(`\{\{-?\s*(if|range|with|block|define|else)\b`)

func (r *renderer) parseText(f *file, name, text string) parsedFile {
	if len(text) > maxTemplate {
		return parsedFile{err: fmt.Errorf("it is larger than %d MiB", maxTemplate>>20)}
	}
	if strings.Count(text, "{{") > maxBlocks && len(opensBlock.FindAllStringIndex(text, maxBlocks+1)) > maxBlocks {
		return parsedFile{err: fmt.Errorf("it has more than %d control structures", maxBlocks)}
	}
	trees, err := parse.Parse(name, text, "", "", r.names)
	if err != nil {
		return parsedFile{err: err}
	}
	for _, name := range sortedKeys(trees) {
		in := instrumenter{renderer: r, file: f, tree: trees[name]}
		if err := in.instrument(); err != nil {
			return parsedFile{err: err}
		}
	}
	return parsedFile{name: name, trees: trees}
}

// add gives the set the templates of a file, and the file itself under the name
// that it has in this chart. Later definitions replace earlier ones, but for
// empty ones.
func (r *renderer) add(set *template.Template, p parsedFile, as string) error {
	for _, name := range sortedKeys(p.trees) {
		tree := p.trees[name]
		if name == p.name {
			name = as
		}
		if _, err := set.AddParseTree(name, tree); err != nil {
			return err
		}
	}
	return nil
}

// templates lists the templates of a chart and of the charts below it with
// what each of them is executed with.
func templates(c *chart, top map[string]any) []renderable {
	var out []renderable
	var collect func(c *chart, top map[string]any) map[string]any
	collect = func(c *chart, top map[string]any) map[string]any {
		below := map[string]any{}
		values := Values{}
		if v, ok := top["Values"].(Values); ok && c.parent == nil {
			values = v
		} else if v, ok := table(top["Values"], c.name()); ok {
			values = v
		}
		data := map[string]any{
			"Chart": c.templateData(), "Files": c.files, "Release": top["Release"],
			"Capabilities": top["Capabilities"], "Values": values, "Subcharts": below,
		}
		for _, sub := range c.deps {
			below[sub.name()] = collect(sub, data)
		}
		for _, f := range c.templates {
			if c.library() && !strings.HasPrefix(path.Base(f.name), "_") {
				continue
			}
			out = append(out, renderable{name: path.Join(c.fullPath(), f.name), file: f, chart: c, data: data})
		}
		return data
	}
	collect(c, top)
	return out
}

// problem turns the error of a template into a place and a reason. The place is
// the innermost one that lies in a file of the chart.
func (r *renderer) problem(o *rendered) (source.Place, string) {
	// Each error holds the text of all those within it, so only the innermost
	// ones are looked at.
	var chain []error
	for err := o.err; err != nil; err = errors.Unwrap(err) {
		chain = append(chain, err)
	}
	reason := ""
	for i := len(chain) - 1; i >= 0; i-- {
		text := chain[i].Error()
		if reason != "" {
			text = text[:min(len(text), 1000)] // only the place is wanted
		}
		m := templateError.FindStringSubmatch(text)
		switch {
		case m == nil && reason == "":
			reason = text
		case m != nil:
			reason = cmp.Or(reason, m[3])
			if f := r.files[m[1]]; f != nil {
				line, _ := strconv.Atoi(m[2])
				return source.Place{File: f.place, Position: source.Position{Line: line}}, "the template fails: " + strings.TrimSpace(reason)
			}
		}
	}
	return source.Place{File: o.file.place}, "the template fails: " + strings.TrimSpace(reason)
}

// cause is the innermost error.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// templateError takes apart what text/template says: the template, the line
// and what is wrong.
var templateError = regexp.MustCompile(`(?s)^template: (.+?):(\d+)(?::\d+)?: (?:executing .*? at <.*?>: )?(.*)$`)

// templateData is the chart as its templates see it.
func (c *chart) templateData() map[string]any {
	m := c.meta
	maintainers := make([]any, len(m.Maintainers))
	for i, x := range m.Maintainers {
		maintainers[i] = map[string]any{"Name": x.Name, "Email": x.Email, "URL": x.URL}
	}
	dependencies := make([]any, len(m.Dependencies))
	for i, d := range m.Dependencies {
		dependencies[i] = map[string]any{
			"Name": d.Name, "Version": d.Version, "Repository": d.Repository, "Condition": d.Condition,
			"Tags": anys(d.Tags), "Enabled": d.enabled, "ImportValues": slices.Clone(d.ImportValues), "Alias": d.Alias,
		}
	}
	return map[string]any{
		"Name": m.Name, "Home": m.Home, "Sources": anys(m.Sources), "Version": m.Version,
		"Description": m.Description, "Keywords": anys(m.Keywords), "Maintainers": maintainers, "Icon": m.Icon,
		"APIVersion": m.APIVersion, "Condition": m.Condition, "Tags": m.Tags, "AppVersion": m.AppVersion,
		"Deprecated": m.Deprecated, "Annotations": maps.Clone(m.Annotations), "KubeVersion": m.KubeVersion,
		"Dependencies": dependencies, "Type": m.Type, "IsRoot": c.parent == nil,
	}
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, text := range list {
		out[i] = text
	}
	return out
}

// sourceLine is the line of an offset, for errors of the parser.
func sourceLine(text []byte, offset int) int {
	return 1 + bytes.Count(text[:min(offset, len(text))], []byte("\n"))
}
