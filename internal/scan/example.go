package scan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// mark is the comment by which a bad example says where the finding belongs:
// "# <- TOKEN" at the end of its line, or alone on the line after it where the
// format has no comments within a line. TOKEN is the text at the column.
const mark = "# <- "

// CheckExamples runs the examples of rules through the whole pipeline and
// returns what they do not keep: a bad example without a finding, or with one
// in another place than it marks, and a good example with one.
func CheckExamples(ctx context.Context, plan Plan, rules []rule.Rule) []error {
	var errs []error
	plan.Rules.Functions = Functions([]string{"registry.example", "docker.io"})
	for _, r := range rules {
		plan := plan
		plan.Rules.User = nil
		if !r.BuiltIn {
			plan.Rules.User = []rule.Rule{r}
		}
		plan.Rules.Adjust = func(other *rule.Rule) bool { return other.ID == r.ID }
		for _, group := range []struct {
			examples []rule.Example
			bad      bool
		}{{r.Examples.Bad, true}, {r.Examples.Good, false}} {
			for _, e := range group.examples {
				if err := checkExample(ctx, plan, e, group.bad); err != nil {
					errs = append(errs, fmt.Errorf("%s: rule %s: %w", e.Place, r.ID, err))
				}
			}
		}
	}
	return errs
}

func checkExample(ctx context.Context, plan Plan, e rule.Example, bad bool) error {
	if a := e.Asset(); a != nil {
		return checkValue(ctx, plan, e, a, bad)
	}
	name, text := e.File()
	collectors, err := Collectors(Sources{})
	if err != nil {
		return err
	}
	plan.Collectors = collectors
	result, err := Tree(ctx, plan, collect.NewTree(map[string]string{name: text}))
	if err != nil {
		return err
	}
	for _, u := range result.Undetermined {
		return fmt.Errorf("%s example cannot be judged: %s: %s", e.Format, u.Place, u.Reason)
	}
	if !bad {
		if len(result.Findings) > 0 {
			return fmt.Errorf("good %s example has a finding at %s: %s", e.Format, result.Findings[0].Place, result.Findings[0].Message)
		}
		return nil
	}
	return comparePlaces(e.Format, text, result.Findings)
}

// checkValue judges an asset that was written down as such. It has no lines, so
// a bad example needs findings and marks no place.
func checkValue(ctx context.Context, plan Plan, e rule.Example, a asset.Asset, bad bool) error {
	if err := e.Decode(a); err != nil {
		return fmt.Errorf("%s example: %w", e.Format, err)
	}
	var found []finding.Finding
	engine := rule.NewEngine(plan.Rules.Functions, plan.Rules.load)
	if err := engine.Judge(ctx, a, func(f finding.Finding) { found = append(found, f) }); err != nil {
		return err
	}
	switch {
	case bad && len(found) == 0:
		return fmt.Errorf("bad %s example has no finding\n%s", e.Format, e.Text)
	case !bad && len(found) > 0:
		return fmt.Errorf("good %s example has a finding: %s", e.Format, found[0].Message)
	}
	return nil
}

// comparePlaces holds the findings against the marks of the example.
func comparePlaces(format, text string, findings []finding.Finding) error {
	lines := strings.Split(text, "\n")
	wanted := marks(lines)
	if len(wanted) == 0 {
		return fmt.Errorf("bad %s example marks no place: add %q after the value that the finding is about", format, mark+"TOKEN")
	}
	for _, f := range findings {
		i := slices.IndexFunc(wanted, func(w expectation) bool { return w.line == f.Place.Line })
		if i < 0 {
			return fmt.Errorf("bad %s example has a finding at line %d, which is not marked: %s\n%s", format, f.Place.Line, f.Message, numbered(lines))
		}
		wanted[i].met = true
		if at := tokenAt(lines, f.Place.Position); !strings.HasPrefix(at, wanted[i].token) {
			return fmt.Errorf("bad %s example has its finding at %q (line %d, column %d), the mark says %q", format, at, f.Place.Line, f.Place.Column, wanted[i].token)
		}
	}
	for _, w := range wanted {
		if !w.met {
			return fmt.Errorf("bad %s example has no finding at its marked line %d\n%s", format, w.line, numbered(lines))
		}
	}
	return nil
}

type expectation struct {
	line  int
	token string
	met   bool
}

func marks(lines []string) []expectation {
	var out []expectation
	for i, line := range lines {
		before, token, ok := strings.Cut(line, mark)
		if !ok {
			continue
		}
		at := i + 1
		if strings.TrimSpace(before) == "" {
			at = i
		}
		out = append(out, expectation{line: at, token: strings.TrimSpace(token)})
	}
	return out
}

// tokenAt is the text of a line from a column on.
func tokenAt(lines []string, at source.Position) string {
	if at.Line < 1 || at.Line > len(lines) {
		return ""
	}
	runes := []rune(lines[at.Line-1])
	return string(runes[min(max(at.Column-1, 0), len(runes)):])
}

func numbered(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&b, "%4d  %s\n", i+1, line)
	}
	return b.String()
}
