package sarif

import (
	"bytes"
	"flag"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
)

var (
	update = flag.Bool("update", false, "write the golden files")
	schema = flag.String("schema", "", "validate against this copy of the SARIF 2.1.0 schema")
)

func render(t testing.TB, r *finding.Result, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	sample.Compare(t, "testdata/rich.sarif", render(t, sample.Rich(), Options{Version: "v1.2.3", Suppressed: true}), *update)
	sample.Compare(t, "testdata/nothing.sarif", render(t, &finding.Result{}, Options{Version: "devel"}), *update)
}

// The schema is not ours to carry along: give it with -schema.
func TestFollowsTheStandard(t *testing.T) {
	if *schema == "" {
		t.Skip("no -schema given")
	}
	standard, err := jsonschema.NewCompiler().Compile(*schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*finding.Result{{}, sample.Empty(), sample.One(), sample.Rich(), sample.Many(30_000)} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(render(t, r, Options{Version: "v1.2.3", Suppressed: true})))
		if err != nil {
			t.Fatal(err)
		}
		if err := standard.Validate(document); err != nil {
			t.Error(err)
		}
	}
}
