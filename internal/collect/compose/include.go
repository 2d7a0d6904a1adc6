package compose

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/override"
	"github.com/compose-spec/compose-go/v2/tree"

	"github.com/holdfast-sec/holdfast/internal/source"
)

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
	if len(trail) > maxNested {
		return fmt.Errorf("includes are nested deeper than %d levels", maxNested)
	}
	if a.includes++; a.includes > maxIncludes {
		return fmt.Errorf("the project includes files more than %d times", maxIncludes)
	}
	if open(projectDir) {
		return errors.New(a.gaps.reason(projectDir))
	}
	if _, err := a.parse(files[0]); err != nil {
		return err
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
