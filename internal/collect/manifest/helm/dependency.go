package helm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// instance copies a chart for one rendering, which switches subcharts off,
// renames them and moves values. The files are shared.
func (c *chart) instance(parent *chart) *chart {
	out := *c
	out.parent = parent
	out.meta.Dependencies = slices.Clone(c.meta.Dependencies)
	out.values = copyMap(c.values)
	out.deps = make([]*chart, len(c.deps))
	for i, sub := range c.deps {
		out.deps[i] = sub.instance(&out)
	}
	return &out
}

// resolver decides which subcharts take part in a rendering. Missing takes the
// dependencies that should and are not there.
type resolver struct {
	missing func(source.Place, string)
}

// resolve settles the dependencies of a chart under the user's values, as Helm
// does: aliases, conditions and tags, then the values that parents import.
func (r resolver) resolve(c *chart, values map[string]any) error {
	if err := r.enable(c, values, ""); err != nil {
		return err
	}
	return importValues(c)
}

func (r resolver) enable(c *chart, values map[string]any, prefix string) error {
	if c.meta.Dependencies == nil {
		return nil
	}
	lost := make([]bool, len(c.meta.Dependencies))
	var deps []*chart
	for _, sub := range c.deps {
		if !slices.ContainsFunc(c.meta.Dependencies, func(d dependency) bool {
			return d.Name == sub.name() && compatible(d.Version, sub.meta.Version)
		}) {
			deps = append(deps, sub)
		}
	}
	places := make([]source.Place, len(c.meta.Dependencies))
	names := make([]string, len(c.meta.Dependencies))
	for i := range c.meta.Dependencies {
		d := &c.meta.Dependencies[i]
		places[i], names[i] = c.dependencyPlace(i), d.Name
		if sub := c.find(d); sub != nil {
			alias := sub.instance(c)
			if d.Alias != "" {
				alias.meta.Name = d.Alias
			}
			deps = append(deps, alias)
		} else {
			lost[i] = !c.has(d.Name) // one of another version takes part all the same
		}
		if d.Alias != "" {
			d.Name = d.Alias
		}
	}
	c.deps = deps

	all, err := coalesce(c, values, false)
	if err != nil {
		return err
	}
	enabled := map[string]bool{}
	var kept []dependency
	for i := range c.meta.Dependencies {
		d := &c.meta.Dependencies[i]
		d.enabled = wanted(d, all, prefix)
		enabled[d.Name] = d.enabled
		if d.enabled {
			kept = append(kept, *d)
			if lost[i] {
				r.missing(places[i], fmt.Sprintf("the subchart %s is not in charts/: run `helm dependency build`, or it is not judged", names[i]))
			}
		}
	}
	c.meta.Dependencies = kept
	c.deps = slices.DeleteFunc(c.deps, func(sub *chart) bool {
		on, named := enabled[sub.name()]
		return named && !on
	})
	for _, sub := range c.deps {
		if err := r.enable(sub, all, prefix+sub.name()+"."); err != nil {
			return err
		}
	}
	return nil
}

// dependencyPlace is where Chart.yaml names a dependency.
func (c *chart) dependencyPlace(i int) source.Place {
	place := source.Place{File: c.file.place}
	if items := c.node.List("dependencies"); i < len(items) {
		place.Position = items[i].Place("name")
	}
	return place
}

// wanted reports whether a dependency takes part: its condition decides if a
// value of its name exists, else its tags, else it does.
func wanted(d *dependency, values map[string]any, prefix string) bool {
	for condition := range strings.SplitSeq(strings.TrimSpace(d.Condition), ",") {
		if condition == "" {
			continue
		}
		if value, ok := scalar(values, prefix+condition); ok {
			if on, ok := value.(bool); ok {
				return on
			}
		}
	}
	tags, _ := table(values, "tags")
	off := false
	for _, tag := range d.Tags {
		if on, ok := tags[tag].(bool); ok {
			if on {
				return true
			}
			off = true
		}
	}
	return !off
}

// importValues moves the values that parents import from their subcharts, the
// innermost first. What a parent says itself wins.
func importValues(c *chart) error {
	for _, sub := range c.deps {
		if err := importValues(sub); err != nil {
			return err
		}
	}
	if c.meta.Dependencies == nil {
		return nil
	}
	all, err := coalesce(c, nil, true)
	if err != nil {
		return err
	}
	imported := map[string]any{}
	for _, d := range c.meta.Dependencies {
		for _, from := range d.ImportValues {
			child, parent := "", "."
			switch from := from.(type) {
			case string:
				child = "exports." + from
			case map[string]any:
				child, parent = fmt.Sprint(from["child"]), fmt.Sprint(from["parent"])
			default:
				continue
			}
			values, ok := table(all, d.Name+"."+child)
			if !ok {
				continue
			}
			below := copyMap(values)
			if parent != "." {
				keys := strings.Split(parent, ".")
				for i := len(keys) - 1; i >= 0; i-- {
					below = map[string]any{keys[i]: below}
				}
			}
			coalescer{keepNull: true}.tables(imported, below)
		}
	}
	coalescer{keepNull: true}.tables(all, imported)
	c.values = all
	return nil
}
