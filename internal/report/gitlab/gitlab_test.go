package gitlab

import (
	"bytes"
	"encoding/json"
	"flag"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
	"github.com/holdfast-sec/holdfast/internal/source"
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

// GitLab drops an entry whose fingerprint it has seen and rejects one without a
// path or with a line below 1.
func TestEntriesAreKept(t *testing.T) {
	r := sample.Rich()
	r.Findings = append(r.Findings, r.Findings...)
	r.Undetermined = append(r.Undetermined, r.Undetermined[0], r.Undetermined[0])
	var entries []violation
	if err := json.Unmarshal(render(t, r), &entries); err != nil {
		t.Fatal(err)
	}
	if want := len(r.Findings) + len(r.Undetermined); len(entries) != want {
		t.Errorf("%d entries, want %d", len(entries), want)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.Fingerprint] || e.Fingerprint == "" {
			t.Errorf("the fingerprint %q of %q is not unique", e.Fingerprint, e.Description)
		}
		seen[e.Fingerprint] = true
		if e.Location.Path == "" || e.Location.Lines.Begin < 1 || e.CheckName == "" || e.Description == "" {
			t.Errorf("entry %+v is not complete", e)
		}
	}
}

func TestPlace(t *testing.T) {
	at := source.Position{Line: 7, Column: 3}
	for _, test := range []struct {
		place source.Place
		want  location
	}{
		{source.Place{File: "./a.yaml", Position: at}, location{"a.yaml", lines{7}}},
		{source.Place{File: "-", Position: at}, location{"stdin", lines{7}}},
		{source.Place{File: "a.yaml", Rendered: true}, location{"a.yaml", lines{1}}},
		{source.Place{File: "c.tgz!/t/a.yaml", Position: at}, location{"c.tgz", lines{1}}},
	} {
		if got := place(test.place); got != test.want {
			t.Errorf("place(%+v) = %+v, want %+v", test.place, got, test.want)
		}
	}
}
