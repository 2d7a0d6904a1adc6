package sarif

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"maps"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
	"github.com/holdfast-sec/holdfast/internal/source"
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

// parsed is what a code scanning service reads.
type parsed struct {
	Runs []struct {
		Tool        struct{ Driver driver }
		Invocations []invocation
		Results     []result
		Properties  counts
	}
}

func parse(t *testing.T, text []byte) parsed {
	t.Helper()
	var p parsed
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// GitHub rejects a whole file for any of these.
func TestGitHubLimits(t *testing.T) {
	long := sample.Many(1)
	f := &long.Findings[0]
	f.Message, f.Title, f.Why, f.Excerpt = "", strings.Repeat("t", 3000), strings.Repeat("w", 3000), strings.Repeat("e", 1<<20)
	f.References = map[string][]string{"attack": strings.Split(strings.Repeat("T1,", 40), ",")}
	f.Asset.Name = ""
	for _, r := range []*finding.Result{{}, sample.Rich(), sample.Many(maxResults / 10), long} {
		text := render(t, r, Options{Version: "1.2.3", Suppressed: true})
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(text)
		z.Close()
		if packed.Len() > 10<<20/10 { // a tenth of the results, a tenth of the limit
			t.Errorf("%d findings take %d bytes", len(r.Findings), packed.Len())
		}
		run := parse(t, text).Runs[0]
		for _, rule := range run.Tool.Driver.Rules {
			if n := len(rule.Properties.Tags); n > 20 {
				t.Errorf("rule %s has %d tags", rule.ID, n)
			}
			for name, said := range map[string]struct{ text, max int }{
				"name": {len(rule.Name), 255}, "short description": {len(rule.ShortDescription.Text), 1024},
				"full description": {len(rule.FullDescription.Text), 1024}, "help": {len(rule.Help.Text), 1 << 16},
			} {
				if said.text == 0 || said.text > said.max {
					t.Errorf("rule %s has a %s of %d bytes", rule.ID, name, said.text)
				}
			}
		}
		for _, res := range run.Results {
			if res.Message.Text == "" || len(res.Message.Text) > 4096 {
				t.Errorf("a result of %s has a message of %d bytes", res.RuleID, len(res.Message.Text))
			}
			if len(res.Locations) != 1 || res.Locations[0].Physical.Artifact.URI == "" {
				t.Errorf("a result of %s has no location", res.RuleID)
			}
		}
	}
}

// When there are too many results the least severe go, and the report says so.
func TestTheWorstAreKept(t *testing.T) {
	r := sample.Many(maxResults + 500)
	for i := range r.Findings {
		r.Findings[i].Severity = finding.Low
		if i%100 == 99 {
			r.Findings[i].Severity = finding.Critical
		}
	}
	suppressed := r.Findings[0]
	suppressed.Severity, suppressed.Suppressed = finding.Critical, &finding.Suppression{By: "config", Reason: "x"}
	r.Suppressed = []finding.Finding{suppressed}
	run := parse(t, render(t, r, Options{Suppressed: true})).Runs[0]
	critical := 0
	for _, res := range run.Results {
		if len(res.Suppressions) > 0 {
			t.Error("a suppressed finding took the place of one that counts")
		}
		if res.Properties.Severity == "critical" {
			critical++
		}
	}
	if want := r.Count(finding.Critical); critical != want || len(run.Results) != maxResults {
		t.Errorf("%d results with %d critical, want %d with %d", len(run.Results), critical, maxResults, want)
	}
	if note := run.Invocations[0].Notifications[0]; note.Descriptor.ID != tooMany || !strings.HasPrefix(note.Message.Text, "501 results ") {
		t.Errorf("the cut is told as %+v", note)
	}
	if run.Properties.Findings != len(r.Findings) {
		t.Errorf("counts %+v, want all %d findings", run.Properties, len(r.Findings))
	}
}

// GitHub would show suppressed findings as open alerts.
func TestSuppressedOnlyIfAskedFor(t *testing.T) {
	r := sample.Rich()
	if n := len(parse(t, render(t, r, Options{})).Runs[0].Results); n != len(r.Findings) {
		t.Errorf("%d results, want the %d findings that count", n, len(r.Findings))
	}
	kinds := map[string]int{}
	for _, res := range parse(t, render(t, r, Options{Suppressed: true})).Runs[0].Results {
		for _, s := range res.Suppressions {
			kinds[s.Properties.By+" "+s.Kind]++
		}
	}
	want := map[string]int{"comment inSource": 1, "annotation inSource": 1, "baseline external": 1}
	if !maps.Equal(kinds, want) {
		t.Errorf("suppressions %v, want %v", kinds, want)
	}
}

func TestArtifact(t *testing.T) {
	for file, want := range map[string]artifactLocation{
		"deploy/web.yaml":        {"deploy/web.yaml", srcRoot},
		"./deploy/web.yaml":      {"deploy/web.yaml", srcRoot},
		"-":                      {"stdin", srcRoot},
		"a b#?%:é.yaml":          {"a%20b%23%3F%25%3A%C3%A9.yaml", srcRoot},
		"../up.yaml":             {"../up.yaml", srcRoot},
		"/etc/kubernetes/x.yaml": {"file:///etc/kubernetes/x.yaml", ""},
		"C:/work/x y.yaml":       {"file:///C:/work/x%20y.yaml", ""},
		"x\x1b\xff.yaml":         {"x%1B%FF.yaml", srcRoot},
	} {
		got := artifact(file)
		if got != want {
			t.Errorf("artifact(%q) = %+v, want %+v", file, got, want)
		}
		if u, err := url.Parse(got.URI); err != nil {
			t.Errorf("artifact(%q) is no URI: %v", file, err)
		} else if got.URIBaseID != "" && u.IsAbs() {
			t.Errorf("artifact(%q) = %q is not relative", file, got.URI)
		}
	}
}

func TestLocations(t *testing.T) {
	pos := source.Position{Line: 7, Column: 3}
	for _, test := range []struct {
		place source.Place
		uri   string
		want  *region
	}{
		{source.Place{File: "a.yaml", Position: pos, EndLine: 9, EndColumn: 2}, "a.yaml", &region{StartLine: 7, StartColumn: 3, EndLine: 9, EndColumn: 2}},
		{source.Place{File: "a.yaml", Position: source.Position{Line: 7}}, "a.yaml", &region{StartLine: 7}},
		{source.Place{File: "a.yaml", Rendered: true}, "a.yaml", nil},
		{source.Place{File: "c 1.tgz!/t/x.yaml", Position: pos}, "c%201.tgz", nil},
	} {
		got := locate(test.place, "").Physical
		if got.Artifact.URI != test.uri || !reflect.DeepEqual(got.Region, test.want) {
			t.Errorf("locate(%+v) = %+v %+v, want %s %+v", test.place, got.Artifact, got.Region, test.uri, test.want)
		}
	}
}

// The upload makes one alert of results that share rule, file and line unless
// they bring a fingerprint of their own, and warns about each that does.
func TestLineHashOnlyWhereNeeded(t *testing.T) {
	r := sample.Many(4)
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Rule, f.Vulnerability, f.Place = "one-rule", nil, source.Place{File: "a.yaml", Position: source.Position{Line: []int{1, 2, 2, 0}[i]}}
	}
	seen := map[string]bool{}
	for i, res := range parse(t, render(t, r, Options{})).Runs[0].Results {
		hash := res.PartialFingerprints[lineHashName]
		if needed := i > 0; (hash != "") != needed || hash != "" && seen[hash] {
			t.Errorf("result %d has the line hash %q", i, hash)
		}
		seen[hash] = true
		if res.PartialFingerprints[fingerprintName] != r.Findings[i].Fingerprint {
			t.Errorf("result %d has the fingerprints %v", i, res.PartialFingerprints)
		}
	}
}

func TestMessagesHoldNoLinks(t *testing.T) {
	if text := plain("see [here](https://evil.example)\x1b").Text; text != `see [here] (https://evil.example)\x1b` {
		t.Errorf("message %q", text)
	}
}
