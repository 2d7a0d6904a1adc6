package rule

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// element is one value that a rule with "each" judges.
type element struct {
	value  any
	parent any // the element of the list around the inner list, if there is one

	// Where it stands: the n-th of a list, or under a key of a mapping, that
	// is a field of the asset or of an outer element. Paths are put together
	// only for findings.
	outer *element
	field string
	index int
	key   string
	keyed bool
}

// path is where the element stands in the asset: "mounts[2]", `data["key"]`.
func (e *element) path() string {
	if e.keyed {
		return e.list() + `["` + e.key + `"]`
	}
	return e.list() + "[" + strconv.Itoa(e.index) + "]"
}

// list is the path of the list or mapping that the element is in.
func (e *element) list() string {
	if e.outer != nil {
		return e.outer.path() + "." + e.field
	}
	return e.field
}

// name is path with named elements instead of numbered ones.
func (e *element) name() string {
	list := e.field
	if e.outer != nil {
		list = e.outer.name() + "." + e.field
	}
	if e.keyed {
		return list + `["` + e.key + `"]`
	}
	return list + "[" + elementName(e.value, strconv.Itoa(e.index)) + "]"
}

// Entry is an element of a mapping.
type Entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// eachPath takes "container.mounts" or "image.instructions[].commands" apart
// into the steps from the asset to the list: fields, with one marked where its
// elements are entered.
func eachPath(kind asset.Kind, text string) ([]step, error) {
	rest, ok := strings.CutPrefix(text, variable(kind)+".")
	if !ok || rest == "" {
		return nil, fmt.Errorf("\"each\" is a path that starts with %q", variable(kind)+".")
	}
	var steps []step
	for _, part := range strings.Split(rest, ".") {
		name, enter := strings.CutSuffix(part, "[]")
		if name == "" || strings.ContainsAny(name, "[]()'\" ") {
			return nil, fmt.Errorf("\"each\" is a plain path such as %s.items or %s.items[].parts", variable(kind), variable(kind))
		}
		steps = append(steps, step{field: name, enter: enter})
	}
	steps[len(steps)-1].enter = true
	return steps, nil
}

type step struct {
	field string
	enter bool
	// index is the field's in its Go type, nil in dynamic values.
	index []int
}

// elementTypes finds the CEL types of "each" and "parent" for a path into a Go
// type, and gives the steps their fields' indexes.
func elementTypes(t reflect.Type, steps []step) (each, parent *cel.Type, err error) {
	for i, s := range steps {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		f, ok := fieldByName(t, s.field)
		if !ok {
			return nil, nil, fmt.Errorf("undefined field '%s'", s.field)
		}
		t, steps[i].index = f.Type, f.Index
		if !s.enter {
			continue
		}
		switch t.Kind() {
		case reflect.Slice:
			t = t.Elem()
		case reflect.Map:
			t = reflect.TypeFor[Entry]()
		default:
			return nil, nil, fmt.Errorf("field '%s' is neither a list nor a mapping", s.field)
		}
		each, parent = celType(t), each
	}
	return each, parent, nil
}

func fieldByName(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	for i := range t.NumField() {
		if f := t.Field(i); fieldName(f) == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// elements lists what a rule with "each" judges in one asset. A path that is
// absent has none.
func elements(root any, steps []step) []element {
	current := []element{{value: root}}
	field := ""
	for i, s := range steps {
		var next []element
		if field != "" {
			field += "."
		}
		field += s.field
		for j := range current {
			v, ok := s.value(current[j].value)
			if !ok {
				continue
			}
			if s.enter {
				next = appendEntered(next, v, &current[j], field)
			} else {
				inner := current[j]
				inner.value = v
				next = append(next, inner)
			}
		}
		if s.enter {
			field = ""
		}
		if current = next; len(current) == 0 || i == len(steps)-1 {
			break
		}
	}
	return current
}

// child returns a field of a Go struct or a key of a dynamic mapping.
func child(v any, name string) (any, bool) {
	if m, ok := v.(map[string]any); ok {
		c, ok := m[name]
		return c, ok && c != nil
	}
	rv := reflect.Indirect(reflect.ValueOf(v))
	if rv.Kind() != reflect.Struct {
		return nil, false
	}
	f, ok := fieldByName(rv.Type(), name)
	if !ok {
		return nil, false
	}
	return rv.FieldByIndex(f.Index).Interface(), true
}

// value returns what a step leads to: by the field's index where the type was
// known when the rule was compiled.
func (s step) value(v any) (any, bool) {
	if s.index == nil {
		return child(v, s.field)
	}
	field := reflect.Indirect(reflect.ValueOf(v)).FieldByIndex(s.index)
	if k := field.Kind(); (k == reflect.Slice || k == reflect.Map) && field.Len() == 0 {
		return nil, false
	}
	return field.Interface(), true
}

// appendEntered appends the elements of a list or the entries of a mapping. The
// elements of the asset itself have no outer one.
func appendEntered(out []element, v any, outer *element, field string) []element {
	e := element{field: field}
	if outer.field != "" {
		e.outer, e.parent = outer, outer.value
	}
	add := func(value any) {
		e.value = value
		out = append(out, e)
		e.index++
	}
	switch v := v.(type) {
	case map[string]any:
		e.keyed = true
		for _, k := range slices.Sorted(maps.Keys(v)) {
			e.key = k
			add(map[string]any{"key": k, "value": v[k]})
		}
	case map[string]string:
		e.keyed = true
		for _, k := range slices.Sorted(maps.Keys(v)) {
			e.key = k
			add(&Entry{k, v[k]})
		}
	case []any:
		for _, item := range v {
			add(item)
		}
	case []string:
		for _, item := range v {
			add(item)
		}
	default:
		rv := reflect.ValueOf(v)
		if rv.Kind() != reflect.Slice {
			break
		}
		for i := range rv.Len() {
			item := rv.Index(i)
			if item.Kind() == reflect.Struct {
				item = item.Addr() // spares CEL a copy
			}
			add(item.Interface())
		}
	}
	return out
}

// elementName is what people would call an element: its text, its name, its
// path on the host, its id; else its index.
func elementName(v any, index string) string {
	if s, ok := v.(string); ok {
		return s
	}
	for _, field := range []string{"name", "hostPath", "mountPath", "containerPort", "text", "id"} {
		if c, ok := child(v, field); ok {
			if s := fmt.Sprint(c); s != "" && s != "0" {
				return s
			}
		}
	}
	return index
}
