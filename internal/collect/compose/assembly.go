package compose

import (
	"context"
	"errors"
	"fmt"
	"path"
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
	maxNested    = 10 // includes within includes
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
