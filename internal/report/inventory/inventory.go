// Package inventory writes the packages of images as a table for people: what
// is there, in which version, and who brought it.
package inventory

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// maxCell is how wide a column may get: the last one is never cut.
const maxCell = 44

var titles = []string{"PACKAGE", "VERSION", "TYPE", "LAYER", "FROM", "PATH"}

// Write renders the inventories of a result.
func Write(w io.Writer, r *finding.Result) error {
	out := bufio.NewWriter(w)
	for i := range r.Inventories {
		if i > 0 {
			fmt.Fprintln(out)
		}
		table(out, &r.Inventories[i])
	}
	if len(r.Inventories) == 0 {
		fmt.Fprintln(out, "No image was looked into.")
	}
	return out.Flush()
}

func table(out *bufio.Writer, inv *finding.Inventory) {
	build := &inv.Image.Build
	name := build.Ref.Text
	if name == "" {
		name = inv.Image.Name
	}
	fmt.Fprintln(out, wording.Line(name))
	if build.Distro.Name != "" {
		fmt.Fprintf(out, "%s, %s\n", wording.Line(build.Distro.Name), wording.Count(len(build.Layers), "layer"))
	}
	rows := [][]string{titles}
	own := 0
	for _, p := range inv.Packages {
		if p.Layer.Origin == asset.OriginOwn {
			own++
		}
		rows = append(rows, row(p))
	}
	if len(inv.Packages) == 0 {
		fmt.Fprintln(out, "No packages were found.")
		return
	}
	fmt.Fprintln(out)
	widths := widthsOf(rows)
	for _, cells := range rows {
		line := ""
		for i, cell := range cells {
			line += cell
			if i < len(cells)-1 {
				line += strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+2)
			}
		}
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
	fmt.Fprintf(out, "\n%s", wording.Count(len(inv.Packages), "package"))
	if build.BaseLayers > 0 {
		fmt.Fprintf(out, ", %d of them on top of the base image", own)
	}
	fmt.Fprintln(out)
}

func row(p *asset.Package) []string {
	path := ""
	if len(p.Paths) > 0 {
		path = p.Paths[0]
	}
	if p.Binary != "" {
		path = p.Binary
	}
	if n := len(p.Paths); n > 1 {
		path += fmt.Sprintf(" and %d more", n-1)
	}
	if p.Owner != "" {
		path += " (of " + p.Owner + ")"
	}
	cells := []string{p.Name, p.Version, p.Type, strconv.FormatInt(p.Layer.Index+1, 10), p.Layer.Origin, path}
	for i := range cells {
		cells[i] = wording.Line(cells[i])
		if cells[i] == "" {
			cells[i] = "-"
		}
		if i < len(cells)-1 {
			cells[i] = wording.Cut(cells[i], maxCell)
		}
	}
	return cells
}

func widthsOf(rows [][]string) []int {
	widths := make([]int, len(titles))
	for _, cells := range rows {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}
