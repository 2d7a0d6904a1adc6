package json

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"flag"
	"io"
	"reflect"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/jsontext"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t testing.TB, r *finding.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func results() map[string]*finding.Result {
	return map[string]*finding.Result{
		"nothing": {}, "empty": sample.Empty(), "one": sample.One(), "rich": sample.Rich(),
	}
}

func TestGolden(t *testing.T) {
	sample.Compare(t, "testdata/rich.json", render(t, sample.Rich()), *update)
	sample.Compare(t, "testdata/nothing.json", render(t, &finding.Result{}), *update)
}

func TestSchemaIsCurrent(t *testing.T) {
	var out bytes.Buffer
	j := jsontext.New(&out)
	j.Value("", schemaOf(t, false))
	if err := j.Finish(); err != nil {
		t.Fatal(err)
	}
	sample.Compare(t, "../../../docs/reference/scan.schema.json", out.Bytes(), *update)
}

// The published schema lets members be added later; here none may be unknown.
func TestReportsFollowTheSchema(t *testing.T) {
	for _, closed := range []bool{false, true} {
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource(Schema, roundTrip(t, schemaOf(t, closed))); err != nil {
			t.Fatal(err)
		}
		schema, err := compiler.Compile(Schema)
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range results() {
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(render(t, r)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Errorf("the report of %q does not follow the schema: %v", name, err)
			}
			delete(document.(map[string]any)["summary"].(map[string]any), "undetermined")
			if schema.Validate(document) == nil {
				t.Error("the schema accepts a summary without the undetermined")
			}
		}
	}
}

func roundTrip(t *testing.T, v any) any {
	t.Helper()
	text, err := stdjson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The members are streamed by hand, so they could stray from the type.
func TestReportIsADocument(t *testing.T) {
	for name, r := range results() {
		var d Document
		dec := stdjson.NewDecoder(bytes.NewReader(render(t, r)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.Stats != r.Stats || !reflect.DeepEqual(d.Notes, r.Notes) || len(d.Rules) != len(r.Rules) {
			t.Errorf("%s: statistics, notes or rules are not those of the result", name)
		}
		if len(d.Findings) != len(r.Findings) || d.Summary.Findings != len(r.Findings) {
			t.Errorf("%s: %d findings, summary %d, want %d", name, len(d.Findings), d.Summary.Findings, len(r.Findings))
		}
		for i, f := range d.Findings {
			if want := r.Findings[i]; f.Fingerprint != want.Fingerprint || f.Place != want.Place || f.Message != want.Message {
				t.Errorf("%s: finding %d is %+v, want %+v", name, i, f, want)
			}
		}
	}
}

func TestListsAreNeverNull(t *testing.T) {
	if text := render(t, &finding.Result{}); bytes.Contains(text, []byte("null")) {
		t.Errorf("a list is null:\n%s", text)
	}
}

func TestWriterErrorIsReturned(t *testing.T) {
	if err := Write(full{}, sample.Rich(), ""); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v, want the writer's", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
