package helm

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"strings"

	"helm.sh/helm/v4/pkg/strvals"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// Values is what templates know as .Values.
type Values map[string]any

// globalKey holds the values that every subchart sees.
const globalKey = "global"

// valueSet is one set of values that charts are rendered with.
type valueSet struct {
	// name tells renderings apart: the files; "" for the chart's own defaults.
	name   string
	values map[string]any
	// files says that the values ask for files of the chart.
	files bool
}

// newValueSet reads files that the user named and the settings of the command
// line, which every set gets on top.
func newValueSet(paths, set, setString []string) (*valueSet, error) {
	s := &valueSet{values: map[string]any{}}
	var names []string
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("reading the values in %s: %w", p, err)
		}
		values, problem := readValues(&file{place: collect.Display(p), data: text})
		if problem != nil {
			return nil, fmt.Errorf("reading values: %w", problem)
		}
		s.values = overlay(s.values, values)
		s.files = s.files || bytes.Contains(text, []byte("Files"))
		names = append(names, collect.Display(p))
	}
	s.name = strings.Join(names, ",")
	return s, s.set(set, setString)
}

// set applies the settings of the command line.
func (s *valueSet) set(set, setString []string) error {
	for _, text := range set {
		if err := strvals.ParseInto(text, s.values); err != nil {
			return fmt.Errorf("reading the value --set %s: %w", text, err)
		}
		s.files = s.files || strings.Contains(text, "Files")
	}
	for _, text := range setString {
		if err := strvals.ParseIntoString(text, s.values); err != nil {
			return fmt.Errorf("reading the value --set-string %s: %w", text, err)
		}
		s.files = s.files || strings.Contains(text, "Files")
	}
	return nil
}

// overlay lays values over others, mapping by mapping. It changes neither.
func overlay(under, over map[string]any) map[string]any {
	out := maps.Clone(under)
	if out == nil {
		out = map[string]any{}
	}
	for key, value := range over {
		if o, ok := value.(map[string]any); ok {
			if u, ok := out[key].(map[string]any); ok {
				out[key] = overlay(u, o)
				continue
			}
		}
		out[key] = value
	}
	return out
}

// copyValue copies a value with everything below it.
func copyValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return copyMap(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = copyValue(item)
		}
		return out
	}
	return v
}

func copyMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		out[key] = copyValue(value)
	}
	return out
}

// A coalescer lays values over the defaults of a chart and its subcharts as
// Helm does. Null takes a default away; where keepNull is set, for a step in
// between, null stays to take it away later.
type coalescer struct{ keepNull bool }

// coalesce returns the values with the defaults of the chart below them.
func coalesce(c *chart, values map[string]any, keepNull bool) (map[string]any, error) {
	out := copyMap(values)
	return out, coalescer{keepNull}.chart(c, out)
}

// chart completes values, in place, with the defaults of the chart and, below
// their names, of its subcharts.
func (co coalescer) chart(c *chart, values map[string]any) error {
	co.defaults(c, values)
	for _, sub := range c.deps {
		if _, ok := values[sub.name()]; !ok {
			values[sub.name()] = map[string]any{}
		}
		below, ok := values[sub.name()].(map[string]any)
		if !ok {
			return fmt.Errorf("the value %s belongs to the subchart of this name and has to hold its keys", sub.name())
		}
		co.globals(below, values)
		if err := co.chart(sub, below); err != nil {
			return err
		}
	}
	return nil
}

func (co coalescer) defaults(c *chart, values map[string]any) {
	for key, def := range copyMap(c.values) {
		defTable, defIsTable := def.(map[string]any)
		value, given := values[key]
		if !given {
			if !co.keepNull {
				if def == nil {
					continue
				}
				dropNull(defTable)
			}
			values[key] = def
			continue
		}
		if value == nil && !co.keepNull {
			delete(values, key)
			continue
		}
		if table, ok := value.(map[string]any); ok && defIsTable {
			// Nulls for a subchart are its own to act on.
			below := coalescer{co.keepNull || c.has(key)}
			if !below.keepNull {
				dropNull(defTable)
			}
			below.tables(table, defTable)
		}
	}
}

// has reports whether the chart has a subchart of the name.
func (c *chart) has(name string) bool {
	for _, sub := range c.deps {
		if sub.name() == name {
			return true
		}
	}
	return false
}

// tables completes a mapping with the defaults in another.
func (co coalescer) tables(values, defaults map[string]any) {
	given := map[string]bool{}
	for key, def := range defaults {
		given[key] = def != nil
	}
	for key, value := range values {
		if value == nil {
			defaults[key] = nil
		}
	}
	for key, def := range defaults {
		value, ok := values[key]
		switch {
		case !ok:
			values[key] = def
		case value == nil:
			if !co.keepNull && given[key] {
				delete(values, key)
			}
		default:
			table, ok := value.(map[string]any)
			defTable, defOK := def.(map[string]any)
			if ok && defOK {
				co.tables(table, defTable)
			}
		}
	}
}

// globals hands the global values on to a subchart. Those of the parent win.
func (co coalescer) globals(below, values map[string]any) {
	own, ok := below[globalKey].(map[string]any)
	if !ok {
		if _, ok := below[globalKey]; ok {
			return
		}
		own = map[string]any{}
	}
	global, ok := values[globalKey].(map[string]any)
	if _, there := values[globalKey]; there && !ok {
		return
	}
	for key, value := range global {
		table, isTable := value.(map[string]any)
		ownValue, there := own[key]
		ownTable, ownIsTable := ownValue.(map[string]any)
		switch {
		case isTable && (!there || ownIsTable):
			merged := maps.Clone(table)
			if there {
				coalescer{keepNull: true}.tables(merged, ownTable)
			}
			own[key] = merged
		case !isTable && !ownIsTable:
			own[key] = value
		}
	}
	below[globalKey] = own
}

// dropNull takes the nulls out of a mapping and the mappings below it.
func dropNull(m map[string]any) {
	for key, value := range m {
		if value == nil {
			delete(m, key)
		} else if below, ok := value.(map[string]any); ok {
			dropNull(below)
		}
	}
}

// table follows the keys of a dotted path to a mapping.
func table(v any, dotted string) (Values, bool) {
	for _, key := range strings.Split(dotted, ".") {
		m, ok := asMap(v)
		if !ok {
			return nil, false
		}
		v = m[key]
	}
	m, ok := asMap(v)
	return m, ok
}

func asMap(v any) (Values, bool) {
	switch m := v.(type) {
	case map[string]any:
		return m, true
	case Values:
		return m, true
	}
	return nil, false
}

// scalar follows the keys of a dotted path to a value that is no mapping.
func scalar(values map[string]any, dotted string) (any, bool) {
	v := any(values)
	if i := strings.LastIndexByte(dotted, '.'); i >= 0 {
		m, ok := table(values, dotted[:i])
		if !ok {
			return nil, false
		}
		v, dotted = m, dotted[i+1:]
	}
	m, _ := asMap(v)
	value, ok := m[dotted]
	if _, isTable := asMap(value); isTable {
		return nil, false
	}
	return value, ok
}
