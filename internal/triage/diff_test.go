package triage

import (
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

func TestDiff(t *testing.T) {
	at := func(file string, line, assetFirst, assetLast int) finding.Finding {
		a := finding.Asset{ID: "x", Name: "x", Place: span(file, assetFirst, assetLast)}
		return failure("root", a, line)
	}
	rendered := func(file string) finding.Finding {
		f := at(file, 0, 0, 0)
		f.Place.Rendered = true
		return f
	}
	fromValues := at("shop/templates/a.yaml", 12, 10, 20)
	fromValues.Place.Values = "image.tag"
	elsewhere := at("compose.yaml", 30, 10, 20)
	elsewhere.Place = source.Place{File: "base.yaml", Position: source.Position{Line: 3}}

	changed := func(file string, ranges ...Range) map[string][]Range { return map[string][]Range{file: ranges} }
	tests := []struct {
		name    string
		finding finding.Finding
		changed map[string][]Range
		counts  bool
	}{
		{"line", at("a.yaml", 12, 0, 0), changed("a.yaml", Range{1, 2}, Range{12, 12}), true},
		{"line before", at("a.yaml", 12, 0, 0), changed("a.yaml", Range{10, 11}), false},
		{"line after", at("a.yaml", 12, 0, 0), changed("a.yaml", Range{13, 14}), false},
		{"first line of the asset", at("a.yaml", 12, 10, 20), changed("a.yaml", Range{5, 10}), true},
		{"last line of the asset", at("a.yaml", 12, 10, 20), changed("a.yaml", Range{20, 25}), true},
		{"inside the asset", at("a.yaml", 12, 10, 20), changed("a.yaml", Range{15, 15}), true},
		{"elsewhere in the file", at("a.yaml", 12, 10, 20), changed("a.yaml", Range{1, 9}, Range{21, 30}), false},
		{"another file", at("a.yaml", 12, 10, 20), changed("b.yaml", Range{1, 100}), false},
		{"nothing changed", at("a.yaml", 12, 10, 20), nil, false},
		{"only renamed", at("a.yaml", 12, 10, 20), changed("a.yaml"), false},
		{"folder", at("sub/x/a.yaml", 12, 10, 20), changed("sub/"), true},
		{"other folder", at("subs/a.yaml", 12, 10, 20), changed("sub/"), false},
		{"place in another file than the asset", elsewhere, changed("base.yaml", Range{3, 3}), true},
		{"asset in another file than the place", elsewhere, changed("compose.yaml", Range{10, 10}), true},
		{"asset without lines in a changed file", at("a.yaml", 12, 0, 0), changed("a.yaml", Range{1, 1}), false},

		{"rendered, its file", rendered("shop/templates/a.yaml"), changed("shop/templates/a.yaml", Range{1, 1}), true},
		{"rendered, its file only renamed", rendered("shop/templates/a.yaml"), changed("shop/templates/a.yaml"), true},
		{"rendered, values of its chart", rendered("shop/templates/sub/a.yaml"), changed("shop/values.yaml", Range{1, 1}), true},
		{"rendered, removed file of its chart", rendered("shop/templates/a.yaml"), changed("shop/templates/b.yaml"), true},
		{"rendered, another chart", rendered("shop/templates/a.yaml"), changed("shops/values.yaml", Range{1, 1}), false},
		{"rendered, chart in the working directory", rendered("templates/a.yaml"), changed("values.yaml", Range{1, 1}), true},
		{"rendered, outside of the chart in the working directory", rendered("templates/a.yaml"), changed("../values.yaml", Range{1, 1}), false},
		{"rendered, values of the parent chart", rendered("shop/charts/db/templates/a.yaml"), changed("shop/values-prod.yaml", Range{1, 1}), true},
		{"rendered, template of the parent chart", rendered("shop/charts/db/templates/a.yaml"), changed("shop/templates/_x.tpl", Range{1, 1}), true},
		{"rendered, sibling in a folder named charts", rendered("charts/db/templates/a.yaml"), changed("charts/web/values.yaml", Range{1, 1}), false},
		{"rendered, beside a folder named charts", rendered("charts/db/templates/a.yaml"), changed("src/main.go", Range{1, 1}), false},
		{"rendered, of no chart, a file beside it", rendered("overlay/kustomization.yaml"), changed("overlay/patch.yaml", Range{1, 1}), true},
		{"rendered, of no chart, a file below", rendered("overlay/kustomization.yaml"), changed("overlay/x/patch.yaml", Range{1, 1}), false},
		{"value of a known line comes from values", fromValues, changed("shop/values.yaml", Range{1, 1}), true},
		{"packed chart", rendered("c/shop.tgz!/templates/a.yaml"), changed("c/shop.tgz", Range{1, 1}), true},
		{"packed chart with lines", at("c/shop.tgz!/templates/a.yaml", 12, 10, 20), changed("c/shop.tgz", Range{1, 1}), true},
		{"other packed chart", rendered("c/shop.tgz!/templates/a.yaml"), changed("c/x/shop.tgz", Range{1, 1}), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, result := suppressed(t, []finding.Finding{test.finding}, Choices{Diff: &Diff{Since: "main", Changed: test.changed}})
			if counts := len(got) == 0; counts != test.counts {
				t.Errorf("counts: %v, want %v", counts, test.counts)
			}
			for _, f := range result.Suppressed {
				if f.Suppressed.By != "diff" || f.Suppressed.Reason != "not changed since main" {
					t.Errorf("suppression %+v", f.Suppressed)
				}
			}
		})
	}
}
