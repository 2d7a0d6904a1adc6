package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Range is lines of a file, both ends included.
type Range struct{ First, Last int }

// Diff limits findings to what has changed.
//
// A finding counts if its place or the lines of its asset touch changed lines.
// Where the place is not known to the line, or its value comes from elsewhere (a
// rendered chart), it counts if any file of the chart has changed. A change that
// reaches an asset from outside of its own lines, such as a setting of the pod
// that a container inherits, is not seen.
type Diff struct {
	// Since names the revision in reasons.
	Since string
	// Changed maps the files that have changed, as findings name them, to the
	// changed lines: none for a file that was removed or only renamed. A key
	// that ends in "/" is a folder all of which has changed.
	Changed map[string][]Range
}

func (d *Diff) reason() string {
	if d.Since == "" {
		return "outside of what has changed"
	}
	return "not changed since " + d.Since
}

// changes answers for findings; it remembers what it found out about folders.
type changes struct {
	changed map[string][]Range
	folders map[rendered]bool
}

// rendered is where a rendered file comes from: a chart, or any other folder.
type rendered struct {
	dir   string
	chart bool
}

func newChanges(d *Diff) *changes {
	if d == nil {
		return nil
	}
	return &changes{d.Changed, map[rendered]bool{}}
}

// touch reports whether a finding is about something that has changed.
func (c *changes) touch(f *finding.Finding) bool {
	if c.lines(f.Place) || f.Asset.Place.Line > 0 && c.lines(f.Asset.Place) {
		return true
	}
	if f.Place.Line > 0 && !f.Place.Rendered && f.Place.Values == "" {
		return false
	}
	return c.origin(f.Place.File) || c.origin(f.Asset.Place.File)
}

// lines reports whether the lines of a place have changed; of an unknown line,
// whether its file has.
func (c *changes) lines(p source.Place) bool {
	file, _, archived := strings.Cut(p.File, "!/")
	ranges, ok := c.changed[file]
	if !ok {
		return c.folder(file)
	}
	if p.Line == 0 || archived {
		return true
	}
	last := max(p.Line, p.EndLine)
	return slices.ContainsFunc(ranges, func(r Range) bool { return r.First <= last && p.Line <= r.Last })
}

// folder reports whether the file lies in a folder all of which has changed.
func (c *changes) folder(file string) bool {
	for dir := path.Dir(file); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if _, ok := c.changed[dir+"/"]; ok {
			return true
		}
	}
	return false
}

// origin reports whether anything has changed that a rendered file is made
// from: its chart, and of the charts around that one their values and
// templates; for a file of no chart, the files beside it.
func (c *changes) origin(file string) bool {
	if file == "" {
		return false
	}
	file, _, _ = strings.Cut(file, "!/")
	from := renderedFrom(file)
	if changed, ok := c.folders[from]; ok {
		return changed
	}
	changed := false
	for name := range c.changed {
		if from.chart && below(name, from.dir) || !from.chart && path.Dir(name) == from.dir || inParent(name, from.dir) {
			changed = true
			break
		}
	}
	c.folders[from] = changed
	return changed
}

func renderedFrom(file string) rendered {
	for _, part := range []string{"templates", "crds"} {
		if strings.HasPrefix(file, part+"/") {
			return rendered{".", true}
		}
		if i := strings.Index(file, "/"+part+"/"); i >= 0 {
			return rendered{file[:i], true}
		}
	}
	return rendered{path.Dir(file), false}
}

// inParent reports whether a file belongs to a chart that has the chart in dir
// as a subchart, at any depth. A folder "charts" need not belong to one: what
// tells is that the file is one that charts are made of.
func inParent(name, dir string) bool {
	for path.Base(path.Dir(dir)) == "charts" {
		dir = path.Dir(path.Dir(dir))
		rest := name
		if dir != "." {
			var ok bool
			if rest, ok = strings.CutPrefix(name, dir+"/"); !ok {
				continue
			}
		}
		base := path.Base(rest)
		if strings.HasPrefix(rest, "templates/") || rest == base && (strings.HasPrefix(base, "Chart.") || strings.HasPrefix(base, "values")) {
			return true
		}
	}
	return false
}

// below reports whether a relative path lies in a folder.
func below(name, dir string) bool {
	if dir == "." {
		return !path.IsAbs(name) && !strings.HasPrefix(name, "../")
	}
	return strings.HasPrefix(name, dir+"/")
}
