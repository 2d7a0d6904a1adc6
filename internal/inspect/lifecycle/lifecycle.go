// Package lifecycle knows until when releases of distributions and of runtimes
// get security fixes.
//
// The table is part of the program and carries its date. A release that is not
// in it is unknown, which is not the same as supported.
package lifecycle

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

//go:embed table.tsv
var text string

// What the table says of releases without a day.
const (
	rolling = "rolling" // there are no releases that could end
	open    = "open"    // supported on the day of the table; the end is not known
)

// key is a line of the table: "distro" or "runtime", a name, a release.
type key struct{ kind, name, release string }

type table struct {
	date string
	ends map[key]string
}

// read takes the table apart when it is first needed.
var read = sync.OnceValue(func() table {
	t := table{ends: map[key]string{}}
	for line := range strings.Lines(text) {
		switch f := strings.Split(strings.TrimRight(line, "\n"), "\t"); len(f) {
		case 2:
			t.date = f[1]
		case 4:
			t.ends[key{f[0], f[1], f[2]}] = f[3]
		}
	}
	return t
})

// Date is the day of the table, YYYY-MM-DD.
func Date() string { return read().date }

// Distro returns the last day of security support of a release, by ID and
// VERSION_ID of os-release. The day is "" for a distribution without releases.
func Distro(id, version string) (end string, known bool) {
	return find("distro", strings.ToLower(id), version)
}

// Runtime returns the last day of security support of a runtime by its name as
// in asset.Runtime. The day is "" where it is not set yet.
func Runtime(name, version string) (end string, known bool) {
	return find("runtime", name, version)
}

// find looks the version up, then without its last number, and so on.
func find(kind, name, version string) (end string, known bool) {
	ends := read().ends
	version = strings.TrimPrefix(strings.TrimPrefix(version, "v"), "go")
	if end, known = ends[key{kind, name, "*"}]; !known {
		// A number may go on with letters: "3.13.0rc1", "11.0.2+9", "1.8.0_292".
		for release := version; release != "" && !known; release = shorten(release) {
			end, known = ends[key{kind, name, release}]
		}
	}
	if end == rolling || end == open {
		end = ""
	}
	return end, known
}

// shorten cuts off the last part of a version.
func shorten(version string) string {
	return version[:max(strings.LastIndexAny(version, ".+-_~ "), 0)]
}

// Judge fills in when support of an image's distribution and of its runtimes
// ends, and whether it has by today (YYYY-MM-DD). What the table does not know
// is marked as unknown on the image. A runtime that a distribution's package
// brought is supported as long as that distribution is.
func Judge(image *asset.Image, today string) {
	b := &image.Build
	if d := &b.Distro; d.ID != "" {
		end, known := Distro(d.ID, d.Version)
		d.Ends, d.Ended = end, end != "" && end < today
		if !known {
			unknown(image, "build.distro.ended", d.ID, d.Version)
		}
	}
	for i := range b.Runtimes {
		r := &b.Runtimes[i]
		if r.Owner != "" {
			continue
		}
		end, known := Runtime(r.Name, r.Version)
		r.Ends, r.Ended = end, end != "" && end < today
		// Only releases of what the table has: others are not its business.
		if !known && r.Version != "" && has(r.Name) {
			unknown(image, fmt.Sprintf("build.runtimes[%d].ended", i), r.Name, r.Version)
		}
	}
}

func has(runtime string) bool {
	for k := range read().ends {
		if k.kind == "runtime" && k.name == runtime {
			return true
		}
	}
	return false
}

func unknown(image *asset.Image, path, name, version string) {
	image.Unknown = append(image.Unknown, asset.Unknown{Path: path,
		Reason: "it is not known until when " + strings.TrimSpace(name+" "+version) + " gets security fixes: the table of this program is of " + Date()})
}
