// Package terminal writes the report that people read: findings grouped by
// asset, worst first, each with its line of source, and at the very end, where
// the eye rests when the screen stands still, the counts, the verdict and the
// command to type next.
//
// Nothing that stands in an input reaches the terminal unescaped.
package terminal

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Options say how the report looks.
type Options struct {
	// Color allows the colours of the terminal's own palette.
	Color bool
	// Width is where lines are wrapped; 0 wraps nothing.
	Width int
	// Explain adds why a finding matters, the whole fix and the references.
	Explain bool
	// Suppressed lists the findings that do not count.
	Suppressed bool
	// Gate is the severity that fails the run.
	Gate finding.Severity
	// Command is what to type next, "" for nothing.
	Command string
}

const (
	// textColumn is where all text stands: two spaces, the severity, two spaces.
	textColumn = 12
	// A rule that has more than foldOver findings in one asset is folded after
	// foldTo of them.
	foldOver, foldTo = 10, 3
)

// Write renders the result.
func Write(w io.Writer, r *finding.Result, o Options) error {
	p := &printer{out: bufio.NewWriterSize(w, 1<<16), Options: o}
	for start := 0; start < len(r.Findings); {
		end := start + 1
		for end < len(r.Findings) && r.Findings[end].Asset.ID == r.Findings[start].Asset.ID {
			end++
		}
		p.asset(r.Findings[start:end])
		start = end
	}
	p.undetermined(r.Undetermined)
	p.suppressed(r.Suppressed)
	p.notes(r.Notes)
	p.summary(r)
	return p.out.Flush()
}

// printer keeps the first error of its writer until the flush.
type printer struct {
	out *bufio.Writer
	Options
	begun bool // something is printed already
}

// line prints one line with the text beginning at a column.
func (p *printer) line(column int, text string) {
	if text != "" {
		p.out.WriteString(strings.Repeat(" ", column))
		p.out.WriteString(text)
	}
	p.out.WriteByte('\n')
	p.begun = true
}

// heading begins a block.
func (p *printer) heading(text, aside string) {
	if p.begun {
		p.line(0, "")
	}
	text = p.paint(bold, text)
	if aside != "" {
		text += "  " + p.paint(dim, aside)
	}
	p.line(0, text)
}

// text prints wrapped text at a column. A label before it stays outside.
func (p *printer) text(column int, style, text string) {
	for _, line := range p.wrap(column, text) {
		p.line(column, p.paint(style, line))
	}
}

// labelled prints "label: text" and wraps what follows under the text.
func (p *printer) labelled(label, text string) {
	column := textColumn + len(label) + 2
	for i, line := range p.wrap(column, text) {
		if i == 0 {
			p.line(textColumn, p.paint(dim, label+":")+" "+line)
			continue
		}
		p.line(column, line)
	}
}

func (p *printer) wrap(column int, text string) []string {
	if p.Width <= 0 {
		return []string{text}
	}
	return wrap(text, max(p.Width-column, 24))
}

// asset prints the findings of one asset.
func (p *printer) asset(findings []finding.Finding) {
	a := findings[0].Asset
	name, file, layer := wording.Cut(wording.Line(a.Name), 300), p.besides(a), wording.Layer(findings[0].Layer)
	if p.Width > 0 && textWidth(name+"  "+file+"  "+layer) > p.Width {
		p.heading(name, file)
		p.text(2, dim, layer)
	} else {
		p.heading(name, strings.TrimSpace(file+"  "+layer))
	}
	explained := map[string]bool{}
	var above *finding.Finding
	inBrief := false
	others, vulnerable := apart(findings)
	if len(vulnerable) > 0 {
		p.vulnerabilities(vulnerable)
	}
	for _, e := range fold(others) {
		if p.isBrief(e.finding) {
			if !inBrief {
				p.line(0, "")
			}
			inBrief = true
			p.brief(e.finding)
			if len(e.folded) > 0 {
				p.folded(e.folded)
			}
			continue
		}
		p.line(0, "")
		p.finding(e.finding, above)
		if !explained[e.finding.Rule] {
			explained[e.finding.Rule] = true
			p.remedy(e.finding)
		}
		if len(e.folded) > 0 {
			p.folded(e.folded)
		}
		above = e.finding
	}
}

// apart tells vulnerabilities from other findings.
func apart(findings []finding.Finding) (others []finding.Finding, vulnerable []*finding.Finding) {
	for i := range findings {
		if findings[i].Vulnerability != nil {
			vulnerable = append(vulnerable, &findings[i])
			continue
		}
		others = append(others, findings[i])
	}
	return others, vulnerable
}

// isBrief says that a finding takes one line: what gives an attacker little must
// not bury what gives them the node. Explain shows everything in full.
func (p *printer) isBrief(f *finding.Finding) bool {
	return !p.Explain && f.Severity < finding.Medium
}

func (p *printer) brief(f *finding.Finding) {
	message := wording.Cut(wording.Line(f.Message), 1000)
	if message == "" {
		message = wording.Line(f.Title)
	}
	where := wording.Where(f.Place)
	if rest, ok := strings.CutPrefix(where, wording.File(f.Asset.Place)+":"); ok && f.Place.File == f.Asset.Place.File {
		where = "line " + rest
	}
	label := p.paint(severityStyle(f.Severity), fmt.Sprintf("  %-*s", textColumn-2, f.Severity))
	aside := where + "  " + wording.Line(f.Rule)
	lines := p.wrap(textColumn, message)
	for i, line := range lines {
		if i > 0 {
			label = strings.Repeat(" ", textColumn)
		}
		switch {
		case i < len(lines)-1:
			p.line(0, label+line)
		case p.Width > 0 && textColumn+len(line)+2+len(aside) > p.Width:
			p.line(0, label+line)
			p.line(textColumn, p.paint(dim, aside))
		default:
			p.line(0, label+line+"  "+p.paint(dim, aside))
		}
	}
}

// besides is the file of an asset, unless its name says it already.
func (p *printer) besides(a finding.Asset) string {
	file := wording.File(a.Place)
	if strings.Contains(wording.Line(a.Name), file) {
		return ""
	}
	return file
}

// entry is a finding that is shown, and those that are only counted below it.
type entry struct {
	finding *finding.Finding
	folded  []source.Place
}

func fold(findings []finding.Finding) []entry {
	count := map[string]int{}
	for i := range findings {
		count[findings[i].Rule]++
	}
	var out []entry
	shown, last := map[string]int{}, map[string]int{}
	for i := range findings {
		f := &findings[i]
		if count[f.Rule] > foldOver && shown[f.Rule] == foldTo {
			out[last[f.Rule]].folded = append(out[last[f.Rule]].folded, f.Place)
			continue
		}
		shown[f.Rule]++
		last[f.Rule] = len(out)
		out = append(out, entry{finding: f})
	}
	return out
}

func (p *printer) finding(f, above *finding.Finding) {
	message := wording.Cut(wording.Line(f.Message), 1000)
	if message == "" {
		message = wording.Line(f.Title)
	}
	label := fmt.Sprintf("  %-*s", textColumn-2, f.Severity)
	for i, line := range p.wrap(textColumn, message) {
		if i == 0 {
			p.line(0, p.paint(severityStyle(f.Severity), label)+line)
			continue
		}
		p.line(textColumn, line)
	}
	where, origin := wording.Where(f.Place), wording.Origin(f.Place)
	if f.Place.Line == 0 && f.Place.Rendered {
		where, origin = origin, ""
	}
	p.line(textColumn, p.paint(dim, where+"  "+wording.Line(f.Rule)))
	if origin != "" {
		p.text(textColumn, dim, origin)
	}
	if above == nil || above.Place != f.Place || above.Excerpt != f.Excerpt {
		p.excerpt(f)
	}
}

// excerpt prints the line of source and points at the region.
func (p *printer) excerpt(f *finding.Finding) {
	if f.Excerpt == "" || f.Place.Line == 0 {
		return
	}
	room := 160
	if p.Width > 0 {
		room = max(p.Width-textColumn-2, 24)
	}
	x := cutExcerpt(f.Excerpt, f.Place, room)
	bar := p.paint(dim, "|")
	p.line(0, p.paint(dim, fmt.Sprintf("%*d", textColumn-1, f.Place.Line))+" "+bar+" "+x.text)
	if x.length == 0 {
		return
	}
	mark := strings.Repeat("^", x.length)
	if f.Place.EndLine > f.Place.Line {
		mark += " to line " + strconv.Itoa(f.Place.EndLine)
	}
	p.line(textColumn, bar+" "+strings.Repeat(" ", x.start)+p.paint(severityStyle(f.Severity), mark))
}

// remedy prints what is the same for all findings of a rule: how to fix it, and
// with Explain why and by which standards.
func (p *printer) remedy(f *finding.Finding) {
	if p.Explain {
		p.paragraphs("why", f.Why)
	}
	fix := strings.TrimSpace(f.Fix)
	if !p.Explain {
		fix, _, _ = strings.Cut(fix, "\n\n")
	}
	p.paragraphs("fix", fix)
	if p.Explain && len(f.References) > 0 {
		p.labelled("refs", references(f.References))
	}
}

// paragraphs prints text with its own line breaks.
func (p *printer) paragraphs(label, text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \r\t")
		switch {
		case i == 0:
			p.labelled(label, wording.Line(line))
		case line == "":
			p.line(0, "")
		default:
			p.text(textColumn+len(label)+2, plain, wording.Line(line))
		}
	}
}

func references(refs map[string][]string) string {
	var parts []string
	for _, standard := range sortedKeys(refs) {
		parts = append(parts, wording.Line(standard+" "+strings.Join(refs[standard], ", ")))
	}
	return strings.Join(parts, "; ")
}

// folded says how many more there are, and where.
func (p *printer) folded(places []source.Place) {
	text := fmt.Sprintf("and %d more like this", len(places))
	if lines := lineRanges(places); lines != "" {
		text += ": " + lines
	}
	p.line(0, "")
	p.text(textColumn, dim, text)
}

// lineRanges lists the lines of places in order: "lines 3, 7-9".
func lineRanges(places []source.Place) string {
	const listed = 12
	var lines []int
	for _, place := range places {
		if place.Line > 0 {
			lines = append(lines, place.Line)
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	var parts []string
	for start := 0; start < len(lines); {
		end := start
		for end+1 < len(lines) && lines[end+1] == lines[end]+1 {
			end++
		}
		if len(parts) == listed {
			parts = append(parts, "...")
			break
		}
		part := strconv.Itoa(lines[start])
		if end > start {
			part += "-" + strconv.Itoa(lines[end])
		}
		parts = append(parts, part)
		start = end + 1
	}
	switch len(lines) {
	case 0:
		return ""
	case 1:
		return "line " + parts[0]
	}
	return "lines " + strings.Join(parts, ", ")
}
