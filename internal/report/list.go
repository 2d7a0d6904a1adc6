// Package report lists the formats that a result can be written in. Each is a
// package of its own below this one and a pure function: the same result gives
// the same bytes, and every format shows the same counts.
package report

import (
	"io"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/cyclonedx"
	"github.com/holdfast-sec/holdfast/internal/report/gitlab"
	"github.com/holdfast-sec/holdfast/internal/report/inventory"
	"github.com/holdfast-sec/holdfast/internal/report/json"
	"github.com/holdfast-sec/holdfast/internal/report/junit"
	"github.com/holdfast-sec/holdfast/internal/report/markdown"
	"github.com/holdfast-sec/holdfast/internal/report/openvex"
	"github.com/holdfast-sec/holdfast/internal/report/sarif"
	"github.com/holdfast-sec/holdfast/internal/report/spdx"
	"github.com/holdfast-sec/holdfast/internal/report/terminal"
)

// Format is one form of report.
type Format struct {
	// Name is what the user asks for it by, and the name of its package.
	Name string
	// Extension is that of a file in the format, with its dot.
	Extension string
	// Description says in a few words what it is for.
	Description string
	// Inventory says that it lists what images carry, not what is wrong.
	Inventory bool
	// Write renders a result.
	Write func(w io.Writer, r *finding.Result, o Options) error
}

// Options are what a report needs to know besides the result. A format takes
// what concerns it and ignores the rest.
type Options struct {
	// Color allows colours.
	Color bool
	// Width is where lines are wrapped; 0 wraps nothing.
	Width int
	// Explain adds why each finding matters, the whole fix and the references.
	Explain bool
	// Suppressed shows the findings that do not count where they are otherwise
	// only counted.
	Suppressed bool
	// Version is the version of this program.
	Version string
	// Gate is the severity that fails the run.
	Gate finding.Severity
	// Today is the day that documents are dated with, YYYY-MM-DD.
	Today string
	// Command is what the user may want to type next, "" for nothing.
	Command string
}

// Formats returns all formats, the default first.
func Formats() []Format {
	return []Format{
		{"terminal", ".txt", "for people, with the source of each finding", false,
			func(w io.Writer, r *finding.Result, o Options) error {
				return terminal.Write(w, r, terminal.Options{
					Color: o.Color, Width: o.Width, Explain: o.Explain, Suppressed: o.Suppressed,
					Gate: o.Gate, Command: o.Command,
				})
			}},
		{"json", ".json", "for programs, with everything that is known", false,
			func(w io.Writer, r *finding.Result, o Options) error {
				return json.Write(w, r, o.Version)
			}},
		{"sarif", ".sarif", "for code scanning services such as GitHub's", false,
			func(w io.Writer, r *finding.Result, o Options) error {
				return sarif.Write(w, r, sarif.Options{Version: o.Version, Suppressed: o.Suppressed})
			}},
		{"junit", ".xml", "for build servers that show test results", false,
			func(w io.Writer, r *finding.Result, _ Options) error {
				return junit.Write(w, r)
			}},
		{"gitlab", ".json", "for the Code Quality widget of GitLab", false,
			func(w io.Writer, r *finding.Result, _ Options) error {
				return gitlab.Write(w, r)
			}},
		{"markdown", ".md", "for a comment on a pull request", false,
			func(w io.Writer, r *finding.Result, o Options) error {
				return markdown.Write(w, r, markdown.Options{Gate: o.Gate, Command: o.Command})
			}},
		{"inventory", ".txt", "for people, with the packages of images and the layers that brought them", true,
			func(w io.Writer, r *finding.Result, _ Options) error {
				return inventory.Write(w, r)
			}},
		{"cyclonedx", ".cdx.json", "a bill of materials of images, with their vulnerabilities", true,
			func(w io.Writer, r *finding.Result, o Options) error {
				return cyclonedx.Write(w, r, cyclonedx.Options{Version: o.Version})
			}},
		{"spdx", ".spdx.json", "a bill of materials of images", true,
			func(w io.Writer, r *finding.Result, o Options) error {
				return spdx.Write(w, r, spdx.Options{Version: o.Version})
			}},
		{"openvex", ".openvex.json", "which vulnerabilities affect images, for those who run them", true,
			func(w io.Writer, r *finding.Result, o Options) error {
				return openvex.Write(w, r, openvex.Options{Version: o.Version, Today: o.Today})
			}},
	}
}
