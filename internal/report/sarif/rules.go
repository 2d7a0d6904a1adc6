package sarif

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

const (
	maxTags = 20 // GitHub rejects more
	maxName = 255
	maxText = 1024
	maxHelp = 16_384
)

// ruleSet is every rule that the report speaks of, by id.
type ruleSet struct {
	rules []rule
	index map[string]int
}

// ruleOf is the id of a finding's rule as services know it. They rate rules and
// not results, so that each vulnerability is a rule of its own below ours.
func ruleOf(f *finding.Finding) string {
	if f.Vulnerability == nil {
		return f.Rule
	}
	return f.Rule + "/" + f.Vulnerability.ID
}

// rulesOf collects the rules. A rule is as severe as its worst finding.
func rulesOf(lists ...[]finding.Finding) *ruleSet {
	worst := map[string]*finding.Finding{}
	for _, list := range lists {
		for i := range list {
			f := &list[i]
			if w := worst[ruleOf(f)]; w == nil || f.Severity > w.Severity {
				worst[ruleOf(f)] = f
			}
		}
	}
	s := &ruleSet{rules: []rule{}, index: map[string]int{}}
	for _, id := range slices.Sorted(maps.Keys(worst)) {
		s.index[id] = len(s.rules)
		s.rules = append(s.rules, describe(worst[id]))
	}
	return s
}

func describe(f *finding.Finding) rule {
	title := wording.Line(cmp.Or(f.Title, f.Rule))
	if v := f.Vulnerability; v != nil {
		title = wording.Line(strings.TrimSuffix(v.ID+": "+v.Summary, ": "))
	}
	title = wording.Cut(title, maxName)
	r := rule{
		ID:                   ruleOf(f),
		Name:                 wording.Cut(pascalCase(f.Rule), maxName),
		ShortDescription:     text{Text: title},
		FullDescription:      text{Text: wording.Cut(cmp.Or(wording.Line(strings.TrimSpace(f.Why)), title), maxText)},
		Help:                 help(f, title),
		DefaultConfiguration: configuration{level(f.Severity)},
		Properties: ruleProperties{
			SecuritySeverity: securitySeverity(f.Severity),
			Precision:        "high",
			Tags:             tags(f),
		},
	}
	if f.Rule != finding.RuleUnread {
		r.HelpURI = rulePages + pathEscape(f.Rule) + ".md"
	}
	if v := f.Vulnerability; v != nil && strings.HasPrefix(v.URL, "https://") {
		r.HelpURI = v.URL
	}
	return r
}

// help is the rule's why and fix. They come from rule files, whose author the
// user trusts, so the Markdown in them may stay.
func help(f *finding.Finding, title string) text {
	var plain, markdown strings.Builder
	plain.WriteString(title + "\n")
	section := func(name, body string) {
		if body = strings.TrimSpace(body); body != "" {
			plain.WriteString("\n" + name + ": " + body + "\n")
			markdown.WriteString("**" + name + ".** " + body + "\n\n")
		}
	}
	section("Why", f.Why)
	section("Fix", f.Fix)
	var refs []string
	for _, standard := range slices.Sorted(maps.Keys(f.References)) {
		refs = append(refs, standard+" "+strings.Join(f.References[standard], ", "))
	}
	section("References", strings.Join(refs, "; "))
	return text{
		Text:     wording.Cut(plain.String(), maxHelp),
		Markdown: wording.Cut(strings.TrimSpace(markdown.String()), maxHelp),
	}
}

// tags are what alerts can be filtered by: the topic and the standards.
func tags(f *finding.Finding) []string {
	out := []string{"security"}
	if f.Topic != "" {
		out = append(out, f.Topic)
	}
	for _, standard := range slices.Sorted(maps.Keys(f.References)) {
		for _, id := range f.References[standard] {
			out = append(out, standard+"/"+id)
		}
	}
	return out[:min(len(out), maxTags)]
}

// driver describes this program.
func (s *ruleSet) driver(version string) driver {
	version = strings.TrimPrefix(version, "v")
	d := driver{Name: "Holdfast", Version: version, InformationURI: homepage, Rules: s.rules}
	if version != "" && '0' <= version[0] && version[0] <= '9' {
		d.SemanticVersion = version
	}
	return d
}

// pascalCase spells an id as the standard wants friendly names to be.
func pascalCase(id string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(id, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

func level(s finding.Severity) string {
	switch {
	case s >= finding.High:
		return "error"
	case s == finding.Medium:
		return "warning"
	}
	return "note"
}

// securitySeverity is a score in the middle of what GitHub calls by the same
// name; it has none for info, which it shows as low.
func securitySeverity(s finding.Severity) string {
	switch s {
	case finding.Critical:
		return "9.5"
	case finding.High:
		return "8.0"
	case finding.Medium:
		return "5.5"
	case finding.Low:
		return "3.0"
	}
	return "0.5"
}
