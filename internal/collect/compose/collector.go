// Package compose reads Compose projects into containers, one a service, with
// every field as the Docker engine would run it.
//
// A project is put together as docker compose does it: several files merged,
// "extends" and "include" followed, profiles all on, references to variables
// replaced. The merging and normalising is compose-go's; reading, variables and
// places are this package's own, so that nothing is opened that should not be,
// nothing depends on who runs the scan, and every value is known by its line and
// column in the file that declares it last.
package compose

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Collector reads Compose files; it implements collect.Collector.
type Collector struct {
	groups [][]string
	known  map[string]bool
	tree   *collect.Tree

	survey func() *survey

	mu      sync.Mutex
	counted map[string]bool // the ids of the services counted so far
}

var _ collect.Collector = (*Collector)(nil)

// Option changes what a Collector reads.
type Option func(*Collector)

// Files makes one project of several files, merged in their order, as
// "docker compose -f A -f B" does. It may be given repeatedly.
func Files(paths ...string) Option {
	return func(c *Collector) {
		group := make([]string, len(paths))
		for i, p := range paths {
			group[i] = p
			if p != collect.Stdin {
				group[i] = collect.Display(p)
			}
		}
		if len(group) > 0 {
			c.groups = append(c.groups, group)
		}
	}
}

// New makes a collector.
func New(options ...Option) *Collector {
	c := &Collector{known: serviceKeys(), counted: map[string]bool{}}
	for _, o := range options {
		o(c)
	}
	return c
}

// Name implements collect.Collector.
func (c *Collector) Name() string { return "compose" }

// Finish implements collect.Collector.
func (c *Collector) Finish(context.Context, collect.Sink) {}

// Claim implements collect.Collector. The files of a folder are one input, as
// which of them belong together shows only when they are read.
func (c *Collector) Claim(tree *collect.Tree) []collect.Input {
	c.tree = tree
	var inputs []collect.Input
	for _, group := range c.groups {
		for _, p := range group {
			if e := tree.Get(p); e != nil {
				e.Claim()
			}
		}
		inputs = append(inputs, &input{c, group[0], func() []plan { return []plan{{files: group, named: true}} }})
	}
	folders := map[string][]string{}
	for _, e := range tree.Unclaimed() {
		if !recognises(e, c.known) {
			continue
		}
		e.Claim()
		folders[e.Dir()] = append(folders[e.Dir()], e.Path)
	}
	c.survey = sync.OnceValue(func() *survey { return c.look(folders) })
	for _, dir := range sortedKeys(folders) {
		files := folders[dir]
		inputs = append(inputs, &input{c, cover(files), func() []plan { return c.survey().plans(files) }})
	}
	return inputs
}

// cover is the file that a folder's input is called by.
func cover(files []string) string {
	for _, name := range defaultNames() {
		if i := slices.IndexFunc(files, func(f string) bool { return path.Base(f) == name }); i >= 0 {
			return files[i]
		}
	}
	return files[0]
}

// input is the Compose files of one folder, or those that the user put together.
type input struct {
	c     *Collector
	path  string
	plans func() []plan
}

func (in *input) Path() string { return in.path }

func (in *input) Read(ctx context.Context, sink collect.Sink) {
	for _, p := range in.plans() {
		if ctx.Err() != nil {
			return
		}
		in.c.read(ctx, p, sink)
	}
}

// read loads one project and hands over its containers. compose-go is given
// hostile input: should it panic, that is a reason like any other.
func (c *Collector) read(ctx context.Context, p plan, sink collect.Sink) {
	at := source.Place{File: p.files[0]}
	defer func() {
		if r := recover(); r != nil {
			sink.Unread(at, fmt.Sprintf("the project cannot be loaded: %v", r))
		}
	}()
	if p.refused != "" {
		sink.Unread(at, p.refused)
		return
	}
	a := c.assemble(ctx, p, sink.Unread)
	v, err := a.view(p)
	if err != nil {
		a.report(at, "", err)
		return
	}
	for _, k := range v.keys() {
		c.hand(v, k, p, sink)
	}
}

// assemble prepares the loading of a project.
func (c *Collector) assemble(ctx context.Context, p plan, unread func(source.Place, string)) *assembly {
	root := path.Dir(p.files[0])
	f := &files{tree: c.tree}
	if e := c.tree.Get(p.files[0]); p.named || p.files[0] == collect.Stdin || e != nil && e.File() != "" {
		f.dir = root
	}
	if p.named {
		f.named = p.files
	}
	return newAssembly(ctx, f, root, unread)
}

// view loads the files of a plan.
func (a *assembly) view(p plan) (*view, error) {
	sc := a.dotEnv(&scope{vars: map[string]variable{}, gaps: a.gaps}, ".")
	var names []string
	for _, f := range p.files {
		names = append(names, a.inProject(f))
	}
	m, err := a.load(names, ".", ".", sc, nil)
	if err != nil {
		return nil, err
	}
	project, err := a.project(m)
	if err != nil {
		return nil, err
	}
	return &view{assembly: a, project: project, layers: m.layers, scope: sc, versions: a.versions()}, nil
}

// versions finds the files that state a version of their format.
func (a *assembly) versions() map[string]version {
	found := map[string]version{}
	for file, nodes := range a.parsed {
		for _, n := range nodes {
			services := n.Map("services")
			if n.Has("version") && len(services) > 0 {
				file := a.shown(file)
				place := source.Place{File: file, Position: n.Place("version")}
				found[file] = version{n.Text("version"), place, services[0].Key.Position}
			}
		}
	}
	return found
}

// keys lists the services and jobs of the project.
func (v *view) keys() []key {
	var out []key
	for _, name := range sortedKeys(v.project.Services) {
		out = append(out, key{"services", name})
	}
	for _, name := range sortedKeys(v.project.Jobs) {
		out = append(out, key{"jobs", name})
	}
	return out
}

// hand hands over one service or job with its init containers.
func (c *Collector) hand(v *view, k key, p plan, sink collect.Sink) {
	ls := v.layers[k]
	if len(ls) == 0 || !p.judges(k, ls) {
		return
	}
	home := ls.home()
	c.count(home.file+"#"+k.section+"."+k.name, sink)
	service, isService := v.project.Services[k.name]
	if k.section == "services" && isService && service.Provider != nil {
		return // not a container but something outside of the engine
	}
	containers := v.containers(k)
	if first := containers[0]; first.Image.Text == "" && !first.Build {
		if !p.fragments[k.name] {
			sink.Unread(source.Place{File: home.file, Position: home.key},
				k.noun()+" "+k.name+" has neither an image nor a build: name the files that it is merged with, or that extend it, together")
		}
		return
	}
	for _, container := range containers {
		sink.Asset(container)
	}
}

// count counts a service once, in however many projects it is.
func (c *Collector) count(id string, sink collect.Sink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.counted[id] {
		c.counted[id] = true
		sink.Object(1)
	}
}
