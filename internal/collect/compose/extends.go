package compose

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/override"
)

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
