package gitlab

import (
	"bytes"
	"flag"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t testing.TB, r *finding.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	for name, r := range map[string]*finding.Result{
		"nothing": {}, "empty": sample.Empty(), "rich": sample.Rich(),
	} {
		sample.Compare(t, "testdata/"+name+".json", render(t, r), *update)
	}
}
