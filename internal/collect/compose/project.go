package compose

import (
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// maxRefused bounds how many values with gaps the schema may refuse.
const maxRefused = 50

// project gives a complete model its types. Values of another type than text
// that depend on a variable without a value are taken out first: the layers
// still tell that they are there.
func (a *assembly) project(m *model) (*types.Project, error) {
	if len(a.gaps.list) > 0 {
		takeOut(m.dict, reflect.TypeFor[types.Project]())
	}
	if err := a.validate(m); err != nil {
		return nil, err
	}
	delete(m.dict, "version")
	m.dict["name"] = ""
	dict, err := loader.Normalize(m.dict, nil)
	if err != nil {
		return nil, m.locate(err)
	}
	details := types.ConfigDetails{}
	options := loader.ToOptions(&details, []func(*loader.Options){func(o *loader.Options) {
		o.SkipConsistencyCheck, o.SkipResolveEnvironment, o.SkipResolveLabels = true, true, true
		o.Profiles = []string{"*"}
	}})
	project, err := loader.ModelToProject(dict, options, details)
	if err != nil {
		return nil, m.locate(err)
	}
	return project, nil
}

// takeOut removes the texts with gaps from where Go's types want no text, and
// reports whether v itself has to go.
func takeOut(v any, t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := v.(type) {
	case string:
		return open(v) && (reflect.Bool <= t.Kind() && t.Kind() <= reflect.Float64 || t.Kind() == reflect.Struct)
	case map[string]any:
		for k, e := range v {
			if et := elementType(t, k); et != nil && takeOut(e, et) {
				delete(v, k)
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return false
		}
		for _, e := range v {
			if takeOut(e, t.Elem()) {
				return true
			}
		}
	}
	return false
}

// elementType is the type of what stands under a key, nil if that is not known.
func elementType(t reflect.Type, key string) reflect.Type {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem()
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			switch {
			case name == key:
				return f.Type
			case f.Anonymous && name == "":
				if et := elementType(f.Type, key); et != nil {
					return et
				}
			}
		}
	}
	return nil
}

// validate holds the model against the Compose schema. A text with a gap that
// the schema refuses, as it wants one of some words, is taken out.
func (a *assembly) validate(m *model) error {
	for range maxRefused {
		err := schema.Validate(m.dict)
		if err == nil {
			return nil
		}
		if !takeOutRefused(m.dict, err.Error()) {
			return m.locate(err)
		}
	}
	return errors.New("too many values depend on variables that have no value here")
}

// takeOutRefused removes the value that a message of the schema begins with the
// path of, if it has a gap.
func takeOutRefused(dict map[string]any, message string) bool {
	for k, e := range dict {
		rest, ok := strings.CutPrefix(message, k)
		switch e := e.(type) {
		case string:
			if ok && strings.HasPrefix(rest, " ") && open(e) {
				delete(dict, k)
				return true
			}
		case map[string]any:
			if ok && strings.HasPrefix(rest, ".") && takeOutRefused(e, rest[1:]) {
				return true
			}
		case []any:
			if !ok || !strings.HasPrefix(rest, ".") {
				continue
			}
			number, _, _ := strings.Cut(rest[1:], ".")
			number, rest, _ := strings.Cut(number, " ")
			i, err := strconv.Atoi(number)
			if err != nil || i >= len(e) {
				continue
			}
			if text, isText := e[i].(string); isText && open(text) {
				dict[k] = slices.Delete(e, i, i+1)
				return true
			}
			inner, isMap := e[i].(map[string]any)
			rest = message[len(k)+1+len(number):]
			if isMap && strings.HasPrefix(rest, ".") && takeOutRefused(inner, rest[1:]) {
				return true
			}
		}
	}
	return false
}

var (
	inSection  = regexp.MustCompile(`\b(services|jobs|volumes|networks|secrets|configs|models)[.\[]`)
	notAllowed = regexp.MustCompile(`additional propert(?:y|ies) '([^']+)'`)
)

// locate gives an error of compose-go the place of the value that its message
// names.
func (m *model) locate(err error) error {
	var p *problem
	if errors.As(err, &p) {
		return err
	}
	message := strings.TrimSpace(err.Error())
	p = &problem{reason: "docker compose would refuse the project: " + inWords(message)}
	match := inSection.FindStringSubmatchIndex(message)
	if match == nil {
		if tops := m.layers[key{}]; len(tops) > 0 {
			p.place = tops.locate("", message)
		}
		return p
	}
	section, rest := message[match[2]:match[3]], message[match[3]:]
	best := 0
	for k, ls := range m.layers {
		if k.section != section {
			continue
		}
		after, ok := step(rest, k.name)
		if !ok || len(k.name) < best {
			continue
		}
		best = len(k.name)
		p.place = ls.locate(after, message)
	}
	return p
}

// inWords puts a message of the schema on one line and into plain words.
func inWords(message string) string {
	if m := notAllowed.FindStringSubmatch(message); m != nil {
		return m[1] + " is no key that Compose knows"
	}
	if path, ok := strings.CutSuffix(message, " false schema"); ok {
		return path + " is no key that Compose knows"
	}
	return strings.Join(strings.Fields(message), " ")
}

// locate follows a path such as ".ports.0 must be" as far as it goes.
func (ls layers) locate(rest, message string) source.Place {
	var best source.Place
	depth := -1
	for i := range ls {
		at, d := ls[i].descend(rest, message)
		if d >= depth {
			depth, best = d, ls[i].at(at)
		}
	}
	return best
}

func (l *layer) descend(rest, message string) (source.Position, int) {
	at, n, depth := l.key, l.node, 0
	for n != nil {
		var next *source.Node
		for _, pair := range n.Pairs {
			if after, ok := step(rest, pair.Key.Value); ok {
				at, next, rest = pair.Key.Position, pair.Value, after
				break
			}
		}
		for i, item := range n.Items {
			if after, ok := step(rest, strconv.Itoa(i)); ok {
				at, next, rest = item.Position, item, after
				break
			}
		}
		if next == nil {
			break
		}
		n, depth = next, depth+1
	}
	if m := notAllowed.FindStringSubmatch(message); m != nil {
		if pair := n.Pair(m[1]); pair != nil {
			at, depth = pair.Key.Position, depth+1
		}
	}
	return at, depth
}

// step takes a name off the front of a path.
func step(rest, name string) (string, bool) {
	rest = strings.TrimLeft(rest, ".[")
	after, ok := strings.CutPrefix(rest, name)
	if !ok || after != "" && !strings.ContainsAny(after[:1], ".[]: '") {
		return "", false
	}
	return strings.TrimPrefix(after, "]"), true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func element(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func quoted(mapping, key string) string { return mapping + `["` + key + `"]` }
