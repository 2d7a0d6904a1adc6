package compose

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// plan is one project to load.
type plan struct {
	// files are merged in their order.
	files []string
	// touched limits what is judged to the services that one of these files
	// says something about; nil judges all.
	touched []string
	// extended are services that others extend and that are judged with them.
	extended map[string]bool
	// fragments are services that are there to be extended: they need no image.
	fragments map[string]bool
	// named says that the user named the files.
	named bool
	// refused says why the project is not read, if it is not.
	refused string
}

// maxVariants bounds how often one file is merged with files beside it.
const maxVariants = 50

// judges reports whether the plan judges what is declared so.
func (p *plan) judges(k key, ls layers) bool {
	if p.extended[k.name] {
		return false
	}
	return p.touched == nil || slices.ContainsFunc(ls, func(l layer) bool { return slices.Contains(p.touched, l.file) })
}

// survey is what all Compose files of a run say about each other.
type survey struct {
	files map[string]*summary
	// included are the files that another one includes.
	included map[string]bool
	// extended are the services that services of other files extend, by file.
	extended map[string]map[string]bool
}

// summary is what one file says about itself.
type summary struct {
	broken bool
	// services tells for each service what it runs: its image or build; "" if
	// it says neither.
	services map[string]string
	// refers are the files that it includes or extends.
	refers []string
	// chosen are the files that COMPOSE_FILE in the .env beside it names.
	chosen []string
}

// look reads every file once for what it says about the others.
func (c *Collector) look(folders map[string][]string) *survey {
	s := &survey{files: map[string]*summary{}, included: map[string]bool{}, extended: map[string]map[string]bool{}}
	for _, dir := range sortedKeys(folders) {
		for _, file := range folders[dir] {
			s.files[file] = c.summarise(s, file)
		}
	}
	s.breakCircles()
	return s
}

func (c *Collector) summarise(s *survey, file string) *summary {
	a := c.assemble(context.Background(), plan{files: []string{file}}, func(source.Place, string) {})
	sc := a.dotEnv(&scope{vars: map[string]variable{}, gaps: a.gaps}, ".")
	out := &summary{services: map[string]string{}}
	nodes, err := a.parse(a.inProject(file))
	if err != nil {
		out.broken = true
		return out
	}
	for _, n := range nodes {
		for _, item := range n.List("include") {
			out.includes(s, a, sc, item)
		}
		for _, p := range n.Map("services") {
			out.service(s, a, sc, p.Key.Value, p.Value)
		}
	}
	if v, ok := sc.vars["COMPOSE_FILE"]; ok {
		separator := ":"
		if strings.Contains(v.value, ";") {
			separator = ";"
		}
		for _, f := range strings.Split(v.value, separator) {
			out.chosen = append(out.chosen, a.shown(f))
		}
	}
	return out
}

func (m *summary) includes(s *survey, a *assembly, sc *scope, n *source.Node) {
	paths := []*source.Node{n}
	if n.Kind == source.Map {
		paths = scalars(n.Get("path"))
	}
	for _, p := range paths {
		if file, err := a.reference(sc, p); err == nil {
			m.refers = append(m.refers, a.shown(file))
			s.included[a.shown(file)] = true
		}
	}
}

func (m *summary) service(s *survey, a *assembly, sc *scope, name string, n *source.Node) {
	runs := n.Text("image")
	if build := n.Get("build"); build != nil {
		runs += " build " + build.Text() + build.Text("context") + " " + build.Text("dockerfile")
	}
	if n.Has("provider") || n.Has("extends") && runs == "" {
		runs = "other"
	}
	m.services[name] = runs
	file := n.Get("extends").Get("file")
	if file == nil {
		return
	}
	ref, err := a.reference(sc, file)
	if err != nil {
		return
	}
	ref = a.shown(ref)
	m.refers = append(m.refers, ref)
	if s.extended[ref] == nil {
		s.extended[ref] = map[string]bool{}
	}
	s.extended[ref][sc.text(n.Text("extends", "service"))] = true
}

// breakCircles makes files that include each other in a circle projects of
// their own: they would else all be left to one another.
func (s *survey) breakCircles() {
	for file := range s.included {
		if s.reaches(file, file, map[string]bool{}) {
			delete(s.included, file)
		}
	}
}

func (s *survey) reaches(from, to string, seen map[string]bool) bool {
	m := s.files[from]
	if m == nil || seen[from] {
		return false
	}
	seen[from] = true
	for _, r := range m.refers {
		if r == to || s.reaches(r, to, seen) {
			return true
		}
	}
	return false
}

// plans groups the files of one folder into projects, as docker compose does:
// the default file with its override; every other file with the default file
// under it if it is a variant of it, else alone.
func (s *survey) plans(files []string) []plan {
	base, main := s.main(files)
	var out []plan
	if base != "" {
		p := plan{files: main, fragments: s.extended[base]}
		if s.included[base] {
			p.touched = main[1:]
		}
		if p.touched == nil || len(p.touched) > 0 {
			out = append(out, p)
		}
	}
	variants := 0
	for _, file := range files {
		if slices.Contains(main, file) || s.included[file] {
			continue
		}
		p := s.other(file, base, files)
		if len(p.files) > 1 {
			variants++
		}
		if variants > maxVariants {
			p = plan{files: []string{file}, refused: fmt.Sprintf("the folder holds more than %d variants of one project", maxVariants)}
		}
		out = append(out, p)
	}
	return out
}

// main finds the project that docker compose runs in the folder when it is told
// nothing else.
func (s *survey) main(files []string) (base string, main []string) {
	find := func(names []string) string {
		for _, name := range names {
			for _, f := range files {
				if path.Base(f) == name {
					return f
				}
			}
		}
		return ""
	}
	for _, f := range files {
		chosen := s.files[f].chosen
		if len(chosen) > 0 && !slices.ContainsFunc(chosen, func(c string) bool { return !slices.Contains(files, c) }) {
			return chosen[0], chosen
		}
	}
	base = find(defaultNames())
	if base == "" {
		return "", nil
	}
	main = []string{base}
	if override := find(overrideNames()); override != "" {
		main = append(main, override)
	}
	return base, main
}

// other plans a file that is not part of the folder's main project.
func (s *survey) other(file, base string, files []string) plan {
	m := s.files[file]
	alone := plan{files: []string{file}, extended: s.extended[file], fragments: s.extended[file]}
	if slices.Contains(defaultNames(), path.Base(file)) {
		alone.extended = nil
	}
	if m.broken || s.extended[file] != nil {
		return alone
	}
	under := s.base(file, base, files)
	if under == "" {
		return alone
	}
	return plan{files: []string{under, file}, touched: []string{file}}
}

// base finds the file that another one is a variant of: the folder's default
// file or, for services that run nothing by themselves, the one file beside it
// that says what they run. "" means that the file stands alone.
func (s *survey) base(file, base string, files []string) string {
	m := s.files[file]
	if base != "" && !slices.Contains(m.refers, base) && !s.files[base].broken {
		if m.complete() {
			if slices.Contains(defaultNames(), path.Base(file)) || !m.varies(s.files[base]) {
				return ""
			}
			return base
		}
		if m.completedBy(s.files[base]) {
			return base
		}
	}
	if m.complete() {
		return ""
	}
	var found []string
	for _, f := range files {
		if f != file && s.files[f].complete() && m.completedBy(s.files[f]) {
			found = append(found, f)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return ""
}

// complete reports whether every service says what it runs.
func (m *summary) complete() bool {
	for _, runs := range m.services {
		if runs == "" {
			return false
		}
	}
	return !m.broken
}

// completedBy reports whether another file says what the services run that say
// nothing themselves.
func (m *summary) completedBy(other *summary) bool {
	for name, runs := range m.services {
		if runs == "" && other.services[name] == "" {
			return false
		}
	}
	return true
}

// varies reports whether a complete file changes another one: it speaks of the
// same services and never repeats what they run. A file that repeats it was
// copied and is used alone: nobody writes into an overlay what the base says.
func (m *summary) varies(base *summary) bool {
	shares := false
	for name, runs := range m.services {
		other, ok := base.services[name]
		if ok && runs == other && runs != "other" {
			return false
		}
		shares = shares || ok
	}
	return shares
}

// inProject gives a shown path the form of paths in the assembly.
func (a *assembly) inProject(shown string) string {
	if shown == collect.Stdin || path.IsAbs(shown) {
		return shown
	}
	if rel, err := filepath.Rel(a.root, shown); err == nil {
		return filepath.ToSlash(rel)
	}
	return shown
}
