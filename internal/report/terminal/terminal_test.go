package terminal

import (
	"bytes"
	"flag"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t testing.TB, r *finding.Result, o Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	const next = "holdfast scan examples/shop --explain"
	for name, test := range map[string]struct {
		result  *finding.Result
		options Options
	}{
		"empty":   {sample.Empty(), Options{Width: 100, Gate: finding.High}},
		"nothing": {&finding.Result{}, Options{Width: 100, Gate: finding.High}},
		"one":     {sample.One(), Options{Width: 100, Gate: finding.High, Command: next}},
		"rich":    {sample.Rich(), Options{Width: 100, Gate: finding.High, Command: next}},
		"narrow":  {sample.Rich(), Options{Width: 60, Gate: finding.Info}},
		"colour":  {sample.Rich(), Options{Width: 100, Color: true, Command: next}},
		"explain": {sample.Rich(), Options{Explain: true, Suppressed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			sample.Compare(t, "testdata/"+name+".txt", []byte(render(t, test.result, test.options)), *update)
		})
	}
}
