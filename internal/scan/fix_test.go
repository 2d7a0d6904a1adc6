package scan

import (
	"testing"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/fix"
	"github.com/holdfast-sec/holdfast/internal/rule"
)

// formatOf maps the formats of examples to those of edits.
func formatOf(e rule.Example) string {
	switch e.Format {
	case "container", "pod", "kubernetes":
		return "kubernetes"
	case "service", "compose":
		return "compose"
	}
	return e.Format
}

// TestEdits applies the mechanical remedy of every rule that has one to its own
// bad examples: afterwards the rule must be silent.
func TestEdits(t *testing.T) {
	for _, r := range builtIn(t) {
		for format, edit := range r.Edits {
			tried := 0
			for _, e := range r.Examples.Bad {
				if formatOf(e) != format {
					continue
				}
				tried++
				name, text := e.File()
				found := scanOne(t, r, name, text)
				if len(found) == 0 {
					t.Errorf("%s: rule %s says nothing about its bad example", e.Place, r.ID)
				}
				var remedies []fix.Remedy
				for _, f := range found {
					remedies = append(remedies, fix.Remedy{Finding: f, Edit: edit})
				}
				out, done, refused := fix.Apply([]byte(text), remedies)
				for _, refusal := range refused {
					t.Errorf("%s: rule %s: the remedy was refused: %v\n%s", e.Place, r.ID, refusal.Reason, text)
				}
				if left := scanOne(t, r, name, string(out)); len(left) > 0 {
					t.Errorf("%s: rule %s: after %d edits it still says %q\n%s", e.Place, r.ID, len(done), left[0].Message, out)
				}
			}
			if tried == 0 {
				t.Errorf("%s: rule %s has a remedy for %s and no bad example in it", r.Place, r.ID, format)
			}
		}
	}
}

func scanOne(t *testing.T, r rule.Rule, name, text string) []finding.Finding {
	t.Helper()
	plan := examplePlan()
	plan.Collectors = collectors()
	plan.Rules.Adjust = func(other *rule.Rule) bool { return other.ID == r.ID }
	result, err := Tree(t.Context(), plan, collect.NewTree(map[string]string{name: text}))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range result.Undetermined {
		t.Errorf("rule %s: %s: %s\n%s", r.ID, u.Place, u.Reason, text)
	}
	return result.Findings
}
