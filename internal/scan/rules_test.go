package scan

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/rules"
)

func builtIn(t *testing.T) []rule.Rule {
	t.Helper()
	all, errs := rule.Load(rules.Files(), "rules", true)
	for _, err := range errs {
		t.Error(err)
	}
	return all
}

// TestRules holds every built-in rule to what a user may expect of it: it
// compiles, says why and what to do, names a source, and keeps its examples.
func TestRules(t *testing.T) {
	for _, r := range builtIn(t) {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			for _, err := range rule.Check([]rule.Rule{r}, Functions(nil)) {
				t.Error(err)
			}
			for _, text := range []struct{ name, value string }{{"why", r.Why}, {"fix", r.Fix}} {
				if len(text.value) < 20 {
					t.Errorf("%s: %q is too short to help anybody", r.Place, text.name)
				}
			}
			if len(r.Refs) == 0 {
				t.Errorf("%s: no references", r.Place)
			}
			if len(r.Examples.Bad) == 0 || len(r.Examples.Good) == 0 {
				t.Errorf("%s: a rule needs a bad and a good example", r.Place)
			}
			for _, err := range CheckExamples(t.Context(), examplePlan(), []rule.Rule{r}) {
				t.Error(err)
			}
		})
	}
}

// collectors returns all collectors with their defaults.
func collectors() []collect.Collector {
	all, err := Collectors(Sources{})
	if err != nil {
		panic(err) // the defaults are always right
	}
	return all
}

func examplePlan() Plan {
	return Plan{Rules: Rules{BuiltIn: rules.Files(), Functions: Functions(nil)}}
}

// TestRuleLayout checks what LoadKind relies on: it must find every rule.
func TestRuleLayout(t *testing.T) {
	all := builtIn(t)
	loaded := map[string]bool{}
	for _, kind := range []asset.Kind{asset.KindContainer, asset.KindPod, asset.KindImage, asset.KindGrant,
		asset.KindNamespace, asset.KindComponent, asset.KindObject, asset.KindPackage, asset.KindFile} {
		some, err := rule.LoadKind(rules.Files(), kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range some {
			loaded[r.ID] = true
			if r.Why == "" || r.Fix == "" {
				t.Errorf("rule %s: \"why\" and \"fix\" stand behind \"examples\", which comes last", r.ID)
			}
		}
	}
	for _, r := range all {
		if !loaded[r.ID] {
			t.Errorf("%s: rule %s is not found by its kind: is \"on: %s\" alone on its line, indented by two?", r.Place, r.ID, r.On)
		}
	}
	err := fs.WalkDir(rules.Files(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".yaml") && strings.Contains(name, "/") {
			t.Errorf("%s lies in a folder: LoadKind reads only the top", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
