// Package markdown writes a comment for a pull request: the counts and the worst
// findings at a glance, everything else folded away, and never more than GitHub
// takes.
package markdown

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// Options say what the comment holds.
type Options struct {
	// Gate is the severity that fails the run.
	Gate finding.Severity
	// Command is what to type to see the rest, "" for nothing.
	Command string
}

const (
	// Marker begins every comment, so that a job can find its own again.
	Marker = "<!-- holdfast -->"

	// GitHub takes 65,536 characters. Counting bytes keeps below that in any
	// language; the margin is for what ends the comment.
	maxBytes = 65_536 - 1024
	// The table and what could not be judged get their parts before the findings
	// fill the rest.
	maxTable    = 20_480
	maxUnjudged = 8_192

	maxWorst   = 10  // rows
	maxMessage = 300 // characters
	maxCommand = 200
)

// Write renders the result.
func Write(w io.Writer, r *finding.Result, o Options) error {
	c := &comment{}
	c.headline(r, o)
	c.worst(r.Findings)
	c.unjudged(r.Undetermined)
	left := c.assets(r.Findings)
	c.end(left, r.Notes, o.Command)
	_, err := io.WriteString(w, c.String())
	return err
}

// comment grows to at most maxBytes.
type comment struct{ strings.Builder }

// fits reports whether text of that length still has room before a limit.
func (c *comment) fits(n, limit int) bool { return c.Len()+n <= limit }

func (c *comment) headline(r *finding.Result, o Options) {
	head := "nothing found"
	if n := len(r.Findings); n > 0 {
		head = wording.Count(n, "finding")
	}
	if n := len(r.Undetermined); n > 0 {
		head += fmt.Sprintf(", %d undetermined", n)
	}
	fmt.Fprintf(c, "%s\n## Holdfast: %s\n\n%s\n\n", Marker, head, wording.Verdict(r, o.Gate))
	var names, rule, numbers strings.Builder
	column := func(name string, n int) {
		names.WriteString("| " + name + " ")
		rule.WriteString("| ---: ")
		fmt.Fprintf(&numbers, "| %d ", n)
	}
	for _, s := range finding.Severities() {
		column(s.String(), r.Count(s))
	}
	column("undetermined", len(r.Undetermined))
	column("suppressed", len(r.Suppressed))
	fmt.Fprintf(c, "%s|\n%s|\n%s|\n", names.String(), rule.String(), numbers.String())
	if least := wording.Least(r.Findings); least != "" {
		c.WriteString("\n" + least + "\n")
	}
	if by := wording.Advisories(r.Advisories); by != "" {
		c.WriteString("\n" + by + "\n")
	}
}

// worst is the table of what to look at first.
func (c *comment) worst(findings []finding.Finding) {
	if len(findings) == 0 {
		return
	}
	c.WriteString("\n### What to look at first\n\n| severity | what | where |\n| --- | --- | --- |\n")
	limit := c.Len() + maxTable
	for _, g := range worst(findings) {
		more := ""
		if g.size > 1 {
			more = fmt.Sprintf(" (and %d more like this)", g.size-1)
		}
		row := fmt.Sprintf("| %s | %s%s | %s |\n", severity(g.first.Severity), said(g.first), more, where(g.first))
		if !c.fits(len(row), limit) {
			return
		}
		c.WriteString(row)
	}
}

// group is the findings of one rule in one asset.
type group struct {
	first *finding.Finding
	size  int
}

// worst returns the worst groups, of the same severity in report order.
func worst(findings []finding.Finding) []*group {
	var groups []*group
	at := map[[2]string]*group{}
	for i := range findings {
		f := &findings[i]
		key := [2]string{f.Asset.ID, f.Rule}
		if at[key] == nil {
			at[key] = &group{first: f}
			groups = append(groups, at[key])
		}
		at[key].size++
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		return cmp.Compare(b.first.Severity, a.first.Severity)
	})
	return groups[:min(len(groups), maxWorst)]
}

// severity stands out where it has to.
func severity(s finding.Severity) string {
	if s >= finding.High {
		return "**" + s.String() + "**"
	}
	return s.String()
}

func said(f *finding.Finding) string {
	return prose(wording.Cut(wording.Line(cmp.Or(f.Message, f.Title)), maxMessage))
}

func where(f *finding.Finding) string {
	text := wording.Cut(wording.Where(f.Place), maxMessage)
	if strings.Contains(text, "|") {
		text = prose(text) // in a table a pipe ends even a code span
	} else {
		text = code(text)
	}
	origin := prose(wording.Cut(wording.Origin(f.Place), maxMessage))
	switch {
	case origin == "":
		return text
	case f.Place.Rendered && f.Place.Line == 0:
		return origin
	}
	return text + ", " + origin
}

// unjudged lists what could not be judged, folded.
func (c *comment) unjudged(findings []finding.Finding) {
	if len(findings) == 0 {
		return
	}
	c.WriteString("\n<details><summary>Not judged: " + wording.Count(len(findings), "result") + "</summary>\n\n")
	limit := c.Len() + maxUnjudged
	for i := range findings {
		f := &findings[i]
		item := fmt.Sprintf("- %s %s: %s\n", where(f), code(f.Rule), prose(wording.Cut(wording.Line(f.Reason), maxMessage)))
		if !c.fits(len(item), limit) {
			fmt.Fprintf(c, "- and %d more\n", len(findings)-i)
			break
		}
		c.WriteString(item)
	}
	c.WriteString("\n</details>\n")
}

// assets writes the findings of each asset, folded, until there is no room. It
// returns how many findings were left out.
func (c *comment) assets(findings []finding.Finding) (left int) {
	const closing = "\n</details>\n"
	for start := 0; start < len(findings); {
		a := findings[start].Asset
		end := start + 1
		for end < len(findings) && findings[end].Asset.ID == a.ID {
			end++
		}
		head := fmt.Sprintf("\n<details><summary><code>%s</code>: %s</summary>\n\n",
			html(wording.Cut(wording.Line(a.Name), maxMessage)), wording.Count(end-start, "finding"))
		explained := map[string]bool{}
		item := details(&findings[start], explained)
		if !c.fits(len(head)+len(item)+len(closing), maxBytes) {
			return len(findings) - start
		}
		c.WriteString(head + item)
		for start++; start < end; start++ {
			item := details(&findings[start], explained)
			if !c.fits(len(item)+len(closing), maxBytes) {
				c.WriteString(closing)
				return len(findings) - start
			}
			c.WriteString(item)
		}
		c.WriteString(closing)
	}
	return 0
}

// details is the list item of one finding. The fix is told once for all findings
// of a rule.
func details(f *finding.Finding, explained map[string]bool) string {
	text := fmt.Sprintf("- %s: %s\n  %s %s\n", severity(f.Severity), said(f), where(f), code(f.Rule))
	if explained[f.Rule] {
		return text
	}
	explained[f.Rule] = true
	if fix, _, _ := strings.Cut(strings.TrimSpace(f.Fix), "\n\n"); fix != "" {
		text += "  Fix: " + prose(wording.Cut(wording.Line(fix), maxMessage)) + "\n"
	}
	return text
}

func (c *comment) end(left int, notes []finding.Note, command string) {
	if left > 0 {
		fmt.Fprintf(c, "\n%d more findings do not fit into this comment.\n", left)
	}
	if len(notes) > 0 {
		c.WriteByte('\n')
	}
	for i, n := range notes {
		item := fmt.Sprintf("- Note: %s\n", prose(wording.Cut(wording.Line(n.Message), maxMessage)))
		if !c.fits(len(item), maxBytes) {
			fmt.Fprintf(c, "- and %d more notes\n", len(notes)-i)
			break
		}
		c.WriteString(item)
	}
	if command != "" {
		fmt.Fprintf(c, "\nNext: %s\n", code(wording.Cut(wording.Line(command), maxCommand)))
	}
}

// escapes keep the characters of text from meaning something to GitHub or
// GitLab. A mention, a reference to an issue and a bare address are recognised
// after Markdown is rendered, so no backslash helps against them: a space of no
// width does.
var escapes = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;",
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "~", `\~`,
	"@", "@&#8203;", "#", "#&#8203;", "!", "!&#8203;", "://", ":&#8203;//", "www.", "www&#8203;.",
	"$", "<span>$</span>",
)

// prose makes text that somebody else wrote safe in a paragraph or table cell.
func prose(text string) string { return escapes.Replace(text) }

// code puts text into a code span, in which nothing has a meaning but the
// backtick.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		text = " " + text + " "
	}
	return fence + wording.Line(text) + fence
}

// html makes text safe within an element whose content is not Markdown.
func html(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;").Replace(text)
}
