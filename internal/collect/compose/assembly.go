package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/override"
	"github.com/compose-spec/compose-go/v2/transform"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// The bounds on one project. Docker Compose itself refuses a document of more
// than 100,000 values; merging two lists costs their product.
const (
	maxValues    = 100_000
	maxList      = 1_000
	maxDocuments = 10
	maxFiles     = 100
	maxIncludes  = 200
	maxExtends   = 50
)

// problem is what is wrong with a project, at a place.
type problem struct {
	place  source.Place
	reason string
}

func (p *problem) Error() string { return p.place.String() + ": " + p.reason }

// model is what the files read so far add up to: in compose-go's untyped form,
// and as the declarations that it was merged from.
type model struct {
	dict   map[string]any
	layers map[key]layers
}

func newModel() model { return model{dict: map[string]any{}, layers: map[key]layers{}} }

// document is one YAML document on its way into a model.
type document struct {
	model
	node *source.Node
	file string
	// dir is what its relative paths are joined to, from the project's folder.
	dir    string
	scope  *scope
	resets resets
}

// resets are the paths whose earlier values a document puts aside, by what they
// lie in.
type resets map[key][][]string

func (r resets) add(path []string) {
	var k key
	if len(path) > 1 {
		k = key{path[0], path[1]}
	}
	r[k] = append(r[k], slices.Clone(path))
}

// assembly puts one project together: the steps of compose-go's own loader in
// the same order and with its functions for merging and normalising, but on
// parsed text with positions, on files that may be read, and with variables that
// may lack a value.
type assembly struct {
	ctx   context.Context
	files *files
	gaps  *gaps
	// root is the project's folder. Paths in the assembly are relative to it or
	// absolute; see shown.
	root   string
	unread func(source.Place, string)

	casts    map[tree.Path]interpolation.Cast
	castable *tree.Matcher
	parsed   map[string][]*source.Node
	bases    map[baseKey]*document
	values   int // converted or copied so far
	includes int // followed so far
}

func newAssembly(ctx context.Context, files *files, root string, unread func(source.Place, string)) *assembly {
	casts := loader.ToOptions(&types.ConfigDetails{}, nil).Interpolate.TypeCastMapping
	patterns := make([]tree.Path, 0, len(casts))
	for p := range casts {
		patterns = append(patterns, p)
	}
	return &assembly{ctx: ctx, files: files, gaps: newGaps(), root: root, unread: unread,
		casts: casts, castable: tree.NewMatcher(patterns...),
		parsed: map[string][]*source.Node{}, bases: map[baseKey]*document{}}
}

// shown is the path of a file as findings show it and as it is read.
func (a *assembly) shown(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(a.root, p)
}

// load merges files in their order. dir is the folder that their relative paths
// are joined to, rel the same seen from whoever includes them.
func (a *assembly) load(files []string, dir, rel string, sc *scope, trail []string) (*model, error) {
	m := newModel()
	for _, file := range files {
		nodes, err := a.parse(file)
		if err != nil {
			return nil, err
		}
		for _, node := range nodes {
			doc, err := a.document(node, a.shown(file), dir, sc)
			if err != nil {
				return nil, err
			}
			a.include(doc, append(slices.Clip(trail), a.shown(file)))
			m.reset(doc.resets)
			a.extendAll(doc)
			if err := m.merge(doc); err != nil {
				return nil, err
			}
			if err := a.ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if m.dict, err = transform.SetDefaultValues(m.dict); err != nil {
		return nil, m.locate(err)
	}
	relocate(m.dict, rel)
	return &m, nil
}

// parse reads a file and parses its documents, once.
func (a *assembly) parse(file string) ([]*source.Node, error) {
	if nodes, ok := a.parsed[file]; ok {
		return nodes, nil
	}
	place := source.Place{File: a.shown(file)}
	if len(a.parsed) >= maxFiles {
		return nil, &problem{place, fmt.Sprintf("the project consists of more than %d files", maxFiles)}
	}
	text, err := a.files.read(a.shown(file))
	if err != nil {
		return nil, &problem{place, err.Error()}
	}
	nodes, err := parseDocuments(text)
	if err != nil {
		var syntax *source.SyntaxError
		if errors.As(err, &syntax) {
			place.Position = syntax.Position
			return nil, &problem{place, syntax.Reason}
		}
		return nil, &problem{place, err.Error()}
	}
	a.parsed[file] = nodes
	return nodes, nil
}

func parseDocuments(text []byte) ([]*source.Node, error) {
	docs := source.Split(text)
	if len(docs) > maxDocuments {
		return nil, fmt.Errorf("it holds more than %d YAML documents", maxDocuments)
	}
	var nodes []*source.Node
	for _, d := range docs {
		n, err := d.Parse()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// document converts a YAML document: references expanded, scalars cast, and the
// declarations in it noted.
func (a *assembly) document(node *source.Node, file, dir string, sc *scope) (*document, error) {
	doc := &document{model: newModel(), node: node, file: file, dir: dir, scope: sc, resets: resets{}}
	place := source.Place{File: file, Position: node.Position}
	if node.Kind != source.Map {
		return nil, &problem{place, "a Compose file is a mapping"}
	}
	c := conversion{assembly: a, doc: doc}
	dict, err := c.value(node, "", nil)
	if err != nil {
		return nil, err
	}
	doc.dict, _ = dict.(map[string]any)
	delete(doc.dict, "include") // read from the node, where it has positions
	// What is wrong with no section in particular is found from the top.
	doc.layers[key{}] = layers{{file: file, key: node.Position, node: node, scope: sc}}
	for _, section := range sections() {
		n := node.Get(section)
		if n == nil {
			delete(doc.dict, section)
			continue
		}
		if n.Kind != source.Map {
			return nil, &problem{source.Place{File: file, Position: node.Place(section)}, section + " is a mapping"}
		}
		for _, p := range n.Pairs {
			k := key{section, p.Key.Value}
			doc.layers[k] = layers{{file: file, dir: dir, key: p.Key.Position, node: p.Value, scope: sc}}
		}
	}
	return doc, nil
}

// sections are the parts of a Compose file that hold named things.
func sections() []string {
	return []string{"services", "jobs", "volumes", "networks", "secrets", "configs", "models"}
}

// reset removes what a later document puts aside.
func (m *model) reset(r resets) {
	for _, paths := range r {
		for _, p := range paths {
			remove(m.dict, p)
		}
	}
}

func remove(dict map[string]any, keys []string) {
	for len(keys) > 1 {
		next, ok := dict[keys[0]].(map[string]any)
		if !ok {
			return
		}
		dict, keys = next, keys[1:]
	}
	if len(keys) == 1 {
		delete(dict, keys[0])
	}
}

// merge puts a document over the model, as Compose merges a further file.
func (m *model) merge(doc *document) error {
	for k, ls := range doc.layers {
		m.layers[k] = append(slices.Clip(m.layers[k]), ls...)
	}
	dict, err := override.Merge(m.dict, doc.dict)
	if err == nil {
		dict, err = canonical(dict)
	}
	if err != nil {
		return m.locate(err)
	}
	m.dict = dict
	return nil
}

// canonical turns short forms into long ones and drops repeated entries.
func canonical(dict map[string]any) (map[string]any, error) {
	if err := checkLists(dict, ""); err != nil {
		return nil, err
	}
	dict, err := override.EnforceUnicity(dict)
	if err != nil {
		return nil, err
	}
	nameExternals(dict)
	if dict, err = transform.Canonical(dict, false); err != nil {
		return nil, err
	}
	dict = loader.OmitEmpty(dict)
	// Short forms may turn out to be repetitions only now.
	return override.EnforceUnicity(dict)
}

// checkLists refuses lists whose merging would take too long.
func checkLists(v any, at string) error {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if err := checkLists(e, strings.TrimPrefix(at+"."+k, ".")); err != nil {
				return err
			}
		}
	case []any:
		if len(v) > maxList {
			return fmt.Errorf("%s: a list of more than %d entries", at, maxList)
		}
		for _, e := range v {
			if err := checkLists(e, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// nameExternals rewrites "external: {name: x}", which compose-go accepts with a
// warning on standard error.
func nameExternals(dict map[string]any) {
	for _, section := range []string{"volumes", "networks", "secrets", "configs"} {
		things, _ := dict[section].(map[string]any)
		for _, thing := range things {
			resource, _ := thing.(map[string]any)
			external, ok := resource["external"].(map[string]any)
			if !ok {
				continue
			}
			resource["external"] = true
			if name, ok := external["name"]; ok {
				resource["name"] = name
			}
		}
	}
}

// include takes over what other files declare. What the document itself
// declares goes over it.
func (a *assembly) include(doc *document, trail []string) {
	for _, n := range doc.node.List("include") {
		at := source.Place{File: doc.file, Position: n.Position}
		if err := a.includeOne(doc, n, trail); err != nil {
			a.report(at, "the file that is included here is left out: ", err)
		}
	}
}

// report hands a problem to the sink: at its own place if that is in a file of
// its own, else where it was met.
func (a *assembly) report(at source.Place, what string, err error) {
	var p *problem
	switch {
	case !errors.As(err, &p):
		a.unread(at, what+err.Error())
	case p.place.Line > 0:
		a.unread(p.place, p.reason)
	case p.place.File == at.File || p.place.File == "":
		a.unread(at, what+p.reason)
	default:
		a.unread(at, what+p.place.File+": "+p.reason)
	}
}

func (a *assembly) includeOne(doc *document, n *source.Node, trail []string) error {
	paths, projectDir, envFiles := []*source.Node{n}, "", []*source.Node(nil)
	if n.Kind == source.Map {
		paths, envFiles = scalars(n.Get("path")), scalars(n.Get("env_file"))
		projectDir = doc.scope.text(n.Text("project_directory"))
	}
	var files []string
	for _, p := range paths {
		file, err := a.reference(doc.scope, p)
		if err != nil {
			return err
		}
		files = append(files, join(doc.dir, file))
	}
	if len(files) == 0 {
		return errors.New("it names no path")
	}
	for _, f := range files {
		if shown := a.shown(f); slices.Contains(trail, shown) {
			return fmt.Errorf("it includes itself: %s", strings.Join(append(trail, shown), " -> "))
		}
	}
	if a.includes++; a.includes > maxIncludes {
		return fmt.Errorf("the project includes files more than %d times", maxIncludes)
	}
	if open(projectDir) {
		return errors.New(a.gaps.reason(projectDir))
	}
	rel := path.Dir(doc.scope.text(paths[0].Value))
	if projectDir != "" {
		rel = projectDir
	}
	dir := join(doc.dir, rel)
	sc, err := a.includeScope(doc, dir, envFiles)
	if err != nil {
		return err
	}
	m, err := a.load(files, dir, rel, sc, trail)
	if err != nil {
		return err
	}
	return doc.take(m)
}

// scalars are the values of a list, or the one value in its place.
func scalars(n *source.Node) []*source.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == source.List:
		return n.Items
	}
	return []*source.Node{n}
}

// reference expands a path to another file and refuses what is no local path.
func (a *assembly) reference(sc *scope, n *source.Node) (string, error) {
	e, err := sc.expand(n.Value)
	switch {
	case err != nil:
		return "", err
	case open(e.text):
		return "", errors.New(a.gaps.reason(e.text))
	case e.text == "":
		return "", errors.New("it names no path")
	case remote(e.text):
		return "", fmt.Errorf("%s is not a local file, and nothing is downloaded", withoutUser(e.text))
	case strings.HasPrefix(e.text, "~"):
		return "", errOutside
	}
	return e.text, nil
}

// remote reports whether Compose would fetch a path from a network.
func remote(p string) bool {
	return strings.Contains(p, "://") || strings.HasPrefix(p, "git@") || strings.HasPrefix(p, "github.com/") ||
		strings.HasSuffix(p, ".git") || strings.Contains(p, ".git#")
}

// withoutUser strips a URL of a user and password in it.
func withoutUser(p string) string {
	if scheme, rest, ok := strings.Cut(p, "://"); ok {
		host, tail, _ := strings.Cut(rest, "/")
		return scheme + "://" + host[strings.LastIndexByte(host, '@')+1:] + "/" + tail
	}
	return p
}

// join joins a path to a folder unless it is absolute.
func join(dir, p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(dir, p)
}

// includeScope has the variables of whoever includes, and then those of the
// included project's own environment files.
func (a *assembly) includeScope(doc *document, dir string, envFiles []*source.Node) (*scope, error) {
	if len(envFiles) == 0 {
		return a.dotEnv(doc.scope, dir), nil
	}
	sc := doc.scope
	for _, n := range envFiles {
		file, err := a.reference(doc.scope, n)
		if err != nil {
			return nil, err
		}
		if file == "/dev/null" {
			continue
		}
		shown := a.shown(join(doc.dir, file))
		text, err := a.files.read(shown)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", shown, err)
		}
		if sc, err = sc.withFile(text, shown); err != nil {
			return nil, fmt.Errorf("%s: %w", shown, err)
		}
	}
	return sc, nil
}

// dotEnv adds the variables of the .env file of a folder, if there is one.
func (a *assembly) dotEnv(sc *scope, dir string) *scope {
	shown := a.shown(path.Join(dir, ".env"))
	text, err := a.files.read(shown)
	if err != nil {
		return sc
	}
	with, err := sc.withFile(text, shown)
	if err == nil {
		return with
	}
	place := source.Place{File: shown}
	reason := err.Error()
	var syntax *source.SyntaxError
	if errors.As(err, &syntax) {
		place.Position, reason = syntax.Position, syntax.Reason
	}
	a.unread(place, "its variables are not used: "+reason)
	return sc
}

// withFile adds the variables of an environment file.
func (s *scope) withFile(text []byte, file string) (*scope, error) {
	lines, err := parseEnvFile(text, "", s.gaps, func(name string) (variable, bool) { v, ok := s.vars[name]; return v, ok })
	if err != nil {
		return nil, err
	}
	vars := make(map[string]variable, len(lines))
	for name, l := range lines {
		if !l.inherited {
			vars[name] = variable{l.value, file}
		}
	}
	return s.with(vars), nil
}

// take puts an included model under the document.
func (doc *document) take(m *model) error {
	for _, section := range sections() {
		from, _ := m.dict[section].(map[string]any)
		if len(from) == 0 {
			continue
		}
		to, _ := doc.dict[section].(map[string]any)
		if to == nil {
			to = map[string]any{}
			doc.dict[section] = to
		}
		for name, theirs := range from {
			k := key{section, name}
			own, ok := to[name]
			if ok && !reflect.DeepEqual(theirs, own) {
				wrapped := map[string]any{section: map[string]any{name: theirs}}
				for _, p := range doc.resets[k] {
					remove(wrapped, p)
				}
				merged, err := override.MergeYaml(theirs, own, tree.NewPath(section, name))
				if err != nil {
					return err
				}
				theirs = merged
			}
			to[name] = theirs
			doc.layers[k] = append(slices.Clip(m.layers[k]), doc.layers[k]...)
		}
	}
	return nil
}

// extendAll resolves "extends". A service whose base cannot be had is dropped:
// without it, nothing true can be said about it.
func (a *assembly) extendAll(doc *document) {
	for _, section := range []string{"services", "jobs"} {
		services, _ := doc.dict[section].(map[string]any)
		for _, name := range sortedKeys(services) {
			k := key{section, name}
			at, _ := doc.layers[k].find("extends")
			if err := a.extend(doc, k, nil); err != nil {
				a.report(at.place, fmt.Sprintf("%s %s is not judged, as what it extends cannot be read: ", k.noun(), name), err)
				delete(services, name)
				delete(doc.layers, k)
			}
		}
	}
}

// extend puts the service that a service extends under it.
func (a *assembly) extend(doc *document, k key, trail []string) error {
	services, _ := doc.dict[k.section].(map[string]any)
	service, _ := services[k.name].(map[string]any)
	extends, ok := service["extends"]
	if !ok {
		return nil
	}
	step := doc.file + "#" + k.name
	if slices.Contains(trail, step) {
		return fmt.Errorf("it extends itself: %s", strings.Join(append(trail, step), " -> "))
	}
	if len(trail) >= maxExtends {
		return fmt.Errorf("more than %d services extend each other in a row", maxExtends)
	}
	base, ref, err := a.extended(doc, k, extends)
	if err != nil {
		return err
	}
	if err := a.extend(base, ref, append(slices.Clip(trail), step)); err != nil {
		return err
	}
	from, _ := base.dict[ref.section].(map[string]any)
	theirs, ok := from[ref.name].(map[string]any)
	if !ok {
		return fmt.Errorf("there is no service %s in %s", ref.name, base.file)
	}
	copied, err := a.clone(theirs)
	if err != nil {
		return err
	}
	theirs = copied.(map[string]any)
	for _, p := range doc.resets[k] {
		remove(map[string]any{k.section: map[string]any{k.name: theirs}}, p)
	}
	merged, err := override.ExtendService(theirs, service)
	if err != nil {
		return err
	}
	delete(merged, "extends")
	if err := checkLists(merged, "services."+k.name); err != nil {
		return err
	}
	services[k.name] = merged
	doc.layers[k] = append(base.layers[ref].inherit(), doc.layers[k]...)
	return nil
}

// inherit copies declarations for a service that extends theirs.
func (ls layers) inherit() layers {
	out := slices.Clone(ls)
	for i := range out {
		out[i].inherited = true
	}
	return out
}

// extended finds the document and the service that an "extends" names.
func (a *assembly) extended(doc *document, k key, extends any) (*document, key, error) {
	name, file := "", ""
	switch v := extends.(type) {
	case string:
		name = v
	case map[string]any:
		name, _ = v["service"].(string)
		file, _ = v["file"].(string)
	}
	if name == "" {
		return nil, key{}, errors.New("it names no service")
	}
	if open(name) || open(file) {
		return nil, key{}, errors.New(a.gaps.reason(name + file))
	}
	if file == "" {
		return doc, key{k.section, name}, nil
	}
	if remote(file) {
		return nil, key{}, fmt.Errorf("%s is not a local file, and nothing is downloaded", withoutUser(file))
	}
	if strings.HasPrefix(file, "~") {
		return nil, key{}, errOutside
	}
	base, err := a.base(doc, file)
	return base, key{"services", name}, err
}

// baseKey is what a loaded base depends on.
type baseKey struct {
	file, dir string
	scope     *scope
}

// base loads a file that services extend: without its includes, and with its
// paths seen from the extending document.
func (a *assembly) base(doc *document, file string) (*document, error) {
	full := join(doc.dir, file)
	id := baseKey{full, doc.dir, doc.scope}
	if base, ok := a.bases[id]; ok {
		return base, nil
	}
	nodes, err := a.parse(full)
	if err != nil {
		return nil, err
	}
	base := &document{model: newModel(), file: a.shown(full), dir: doc.dir, scope: doc.scope, resets: resets{}}
	for _, node := range nodes {
		next, err := a.document(node, base.file, path.Dir(full), doc.scope)
		if err != nil {
			return nil, err
		}
		base.reset(next.resets)
		if err := base.merge(next); err != nil {
			return nil, err
		}
		maps.Copy(base.resets, next.resets)
	}
	relocate(base.dict, path.Dir(file))
	a.bases[id] = base
	return base, nil
}

// clone copies a value, as merging writes into what it merges.
func (a *assembly) clone(v any) (any, error) {
	if a.values++; a.values > maxValues {
		return nil, fmt.Errorf("the project holds more than %d values", maxValues)
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			copied, err := a.clone(e)
			if err != nil {
				return nil, err
			}
			out[k] = copied
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			copied, err := a.clone(e)
			if err != nil {
				return nil, err
			}
			out[i] = copied
		}
		return out, nil
	}
	return v, nil
}
