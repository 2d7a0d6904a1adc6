package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is the rule as a page for people.
func (r *Rule) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n`%s` · %s · judges %s · topic %s\n\n", r.Title, r.ID, r.Severity, r.judges(), r.Topic)
	fmt.Fprintf(&b, "%s\n\n## Fix\n\n%s\n", r.Why, r.Fix)
	if len(r.Refs) > 0 {
		b.WriteString("\n## References\n\n")
		for _, standard := range slices.Sorted(maps.Keys(r.Refs)) {
			fmt.Fprintf(&b, "- %s: %s\n", standard, strings.Join(r.Refs[standard], ", "))
		}
	}
	b.WriteString("\n## Condition\n\n")
	if r.Each.Text != "" {
		fmt.Fprintf(&b, "For each of `%s`:\n\n", r.Each.Text)
	}
	fmt.Fprintf(&b, "```cel\n%s\n```\n", r.When.Text)
	writeExamples(&b, "Found", r.Examples.Bad)
	writeExamples(&b, "Not found", r.Examples.Good)
	return b.String()
}

// judges says what the rule looks at.
func (r *Rule) judges() string {
	text := string(r.On)
	if len(r.Kinds) > 0 {
		text += " (" + strings.Join(r.Kinds, ", ") + ")"
	}
	if len(r.Formats) > 0 {
		var formats []string
		for _, f := range r.Formats {
			formats = append(formats, string(f))
		}
		text += " in " + strings.Join(formats, ", ")
	}
	return text
}

func writeExamples(b *strings.Builder, title string, examples []Example) {
	if len(examples) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n", title)
	for _, e := range examples {
		language := "yaml"
		if e.Format == "dockerfile" {
			language = "dockerfile"
		}
		fmt.Fprintf(b, "\n%s:\n\n```%s\n%s\n```\n", e.Format, language, strings.TrimRight(withoutMarks(e.Text), "\n"))
	}
}

// withoutMarks takes the test's marks out of an example.
func withoutMarks(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		before, _, marked := strings.Cut(line, "# <- ")
		switch {
		case !marked:
			b.WriteString(line)
		case strings.TrimSpace(before) != "":
			b.WriteString(strings.TrimRight(before, " ") + "\n")
		}
	}
	return b.String()
}
