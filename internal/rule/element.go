package rule

import (
	"fmt"
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
	// path is where it stands in the asset: "mounts[2]", `data["key"]`; key is
	// the same with named elements instead of numbered ones.
	path, key string
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

func celType(t reflect.Type) *cel.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return cel.StringType
	case reflect.Int64:
		return cel.IntType
	case reflect.Struct:
		pkg := t.PkgPath()
		return cel.ObjectType(pkg[strings.LastIndex(pkg, "/")+1:] + "." + t.Name())
	}
	return cel.DynType
}

// elements lists what a rule with "each" judges in one asset. A path that is
// absent has none.
func elements(root any, steps []step) []element {
	current := []element{{value: root}}
	for _, s := range steps {
		var next []element
		for _, e := range current {
			v, ok := s.value(e.value)
			if !ok {
				continue
			}
			at := element{value: v, parent: e.parent, path: join(e.path, s.field), key: join(e.key, s.field)}
			if s.enter {
				next = appendEntered(next, at, e)
			} else {
				next = append(next, at)
			}
		}
		current = next
	}
	return current
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
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

// appendEntered appends the elements of a list or the entries of a mapping.
func appendEntered(out []element, at, outer element) []element {
	parent := outer.value
	if outer.path == "" {
		parent = nil
	}
	add := func(value any, path, key string) {
		out = append(out, element{value: value, parent: parent, path: path, key: key})
	}
	switch v := at.value.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			add(map[string]any{"key": k, "value": v[k]}, quoted(at.path, k), quoted(at.key, k))
		}
	case map[string]string:
		for _, k := range sortedKeys(v) {
			add(&Entry{k, v[k]}, quoted(at.path, k), quoted(at.key, k))
		}
	default:
		rv := reflect.ValueOf(v)
		if rv.Kind() != reflect.Slice {
			break
		}
		for i := range rv.Len() {
			item := rv.Index(i)
			// A pointer spares CEL a copy of the struct.
			if item.Kind() == reflect.Struct {
				item = item.Addr()
			}
			value := item.Interface()
			index := strconv.Itoa(i)
			add(value, at.path+"["+index+"]", at.key+"["+elementName(value, index)+"]")
		}
	}
	return out
}

func quoted(path, key string) string { return path + `["` + key + `"]` }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// elementName is what people would call an element: its text, its name, its
// path on the host; else its index.
func elementName(v any, index string) string {
	if s, ok := v.(string); ok {
		return s
	}
	for _, field := range []string{"name", "hostPath", "mountPath", "containerPort", "text"} {
		if c, ok := child(v, field); ok {
			if s := fmt.Sprint(c); s != "" && s != "0" {
				return s
			}
		}
	}
	return index
}
