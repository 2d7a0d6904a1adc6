package terminal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// undetermined prints what could not be judged, by reason: one missing value
// often keeps a whole chart from being judged.
func (p *printer) undetermined(findings []finding.Finding) {
	if len(findings) == 0 {
		return
	}
	p.heading("Not judged", wording.Count(len(findings), "result")+" undetermined")
	byReason := map[string][]*finding.Finding{}
	var reasons []string
	for i := range findings {
		f := &findings[i]
		if byReason[f.Reason] == nil {
			reasons = append(reasons, f.Reason)
		}
		byReason[f.Reason] = append(byReason[f.Reason], f)
	}
	for _, reason := range reasons {
		p.line(0, "")
		p.text(2, plain, wording.Cut(wording.Line(reason), 1000))
		p.unjudged(byReason[reason])
	}
}

// unjudged lists what one reason kept from being judged.
func (p *printer) unjudged(findings []*finding.Finding) {
	shown := len(findings)
	if shown > foldOver/2 {
		shown = foldTo
	}
	for _, f := range findings[:shown] {
		about := ""
		if f.Rule != finding.RuleUnread {
			about = "  " + wording.Line(f.Rule) + "  " + wording.Cut(wording.Line(f.Asset.Name), 100)
		}
		p.line(4, p.paint(dim, wording.Where(f.Place)+about))
	}
	if more := len(findings) - shown; more > 0 {
		p.line(4, p.paint(dim, fmt.Sprintf("and %d more", more)))
	}
}

// suppressed prints what does not count: how much by which means, and with the
// option each with its reason.
func (p *printer) suppressed(findings []finding.Finding) {
	if len(findings) == 0 {
		return
	}
	by := map[string]int{}
	for i := range findings {
		by[means(&findings[i])]++
	}
	var parts []string
	for _, name := range sortedKeys(by) {
		parts = append(parts, fmt.Sprintf("%d by %s", by[name], name))
	}
	p.heading("Suppressed", strings.Join(parts, ", "))
	if !p.Suppressed {
		return
	}
	for i := range findings {
		f := &findings[i]
		p.line(0, "")
		p.text(2, plain, wording.Cut(wording.Line(f.Message), 1000))
		p.line(4, p.paint(dim, wording.Where(f.Place)+"  "+wording.Line(f.Rule)))
		p.text(4, dim, "by "+decision(f))
	}
}

func means(f *finding.Finding) string {
	if f.Suppressed == nil {
		return "no reason given"
	}
	return wording.Line(f.Suppressed.By)
}

// decision says who suppressed the finding where, until when and why.
func decision(f *finding.Finding) string {
	text := means(f)
	if s := f.Suppressed; s != nil {
		if s.Place.File != "" {
			text += " at " + wording.Where(s.Place)
		}
		if s.Until != "" {
			text += " until " + wording.Line(s.Until)
		}
		if s.Reason != "" {
			text += ": " + wording.Cut(wording.Line(s.Reason), 500)
		}
	}
	return text
}

func (p *printer) notes(notes []finding.Note) {
	if len(notes) == 0 {
		return
	}
	p.heading("Notes", "")
	for _, n := range notes {
		where := ""
		if n.File != "" {
			where = wording.Line(n.File)
			if n.Line > 0 {
				where += ":" + strconv.Itoa(n.Line)
			}
			where += ": "
		}
		p.text(2, plain, where+wording.Cut(wording.Line(n.Message), 1000))
	}
}

// maxImages is how many of the images are told one by one.
const maxImages = 5

// summary ends the report: the counts, how much was looked at, the verdict, the
// next command.
func (p *printer) summary(r *finding.Result) {
	if p.begun {
		p.line(0, "")
	}
	p.counts(r)
	p.line(0, "")
	s := r.Stats
	p.text(0, dim, fmt.Sprintf("%s; %s judged with %s.", looked(s), wording.Count(s.Assets, "asset"), wording.Count(s.Checks, "check")))
	for i := range r.Inventories[:min(len(r.Inventories), maxImages)] {
		p.text(0, dim, wording.Image(r.Inventories[i].Image))
	}
	if by := wording.Advisories(r.Advisories); by != "" {
		p.text(0, dim, by)
	}
	if least := wording.Least(r.Findings); least != "" {
		p.text(0, plain, least)
	}
	p.text(0, verdictStyle(r, p.Gate), wording.Verdict(r, p.Gate))
	if p.Command != "" {
		p.line(0, "Next: "+p.paint(bold, wording.Line(p.Command)))
	}
}

// looked says how much was looked at. A scan of images alone says nothing of
// files, and one without any nothing of images.
func looked(s finding.Stats) string {
	var parts []string
	if s.Images > 0 {
		parts = append(parts, wording.Count(s.Images, "image")+" with "+wording.Count(s.Packages, "package"))
	}
	if s.Images == 0 || s.Files+s.Searched+s.Skipped+s.Objects > 0 {
		files := wording.Count(s.Files, "file") + " read"
		if s.Searched > 0 {
			files += fmt.Sprintf(", %d searched for secrets", s.Searched)
		}
		if s.Skipped > 0 || s.Searched == 0 {
			files += fmt.Sprintf(", %d skipped", s.Skipped)
		}
		parts = append(parts, files, wording.Count(s.Objects, "object"))
	}
	return strings.Join(parts, "; ")
}

// counts prints the table of severities.
func (p *printer) counts(r *finding.Result) {
	var names, numbers strings.Builder
	column := func(name string, n int, style string, gap int) {
		if n == 0 {
			style = dim
		}
		width := gap + len(name)
		names.WriteString(p.paint(dim, fmt.Sprintf("%*s", width, name)))
		numbers.WriteString(p.paint(style, fmt.Sprintf("%*d", width, n)))
	}
	for _, s := range finding.Severities() {
		column(s.String(), r.Count(s), severityStyle(s), 2)
	}
	column("undetermined", len(r.Undetermined), bold, 5)
	column("suppressed", len(r.Suppressed), plain, 2)
	p.line(0, names.String())
	p.line(0, numbers.String())
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
