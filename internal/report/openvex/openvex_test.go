package openvex

import (
	"bytes"
	"flag"
	"slices"
	"strings"
	"testing"

	govex "github.com/openvex/go-vex/pkg/vex"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
	"github.com/holdfast-sec/holdfast/internal/source"
)

var update = flag.Bool("update", false, "write the golden files")

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func flaw(file, id, purl string, change func(*finding.Finding)) finding.Finding {
	asset := finding.Asset{Kind: "package", ID: file + "/" + purl, Name: purl, Place: source.Place{File: file}}
	f := finding.Finding{Rule: "vulnerable-package", Severity: finding.High, Verdict: finding.Fail, Asset: asset, Place: asset.Place,
		Package: &finding.Package{Name: "name", Version: "1.0.0", PURL: purl}, Vulnerability: &finding.Vulnerability{ID: id, Fixed: "1.0.1"}}
	if change != nil {
		change(&f)
	}
	return f
}

func tier(t string) func(*finding.Finding) {
	return func(f *finding.Finding) { f.Vulnerability.Tier = t }
}

func by(by, status, reason string) func(*finding.Finding) {
	return func(f *finding.Finding) {
		f.Suppressed = &finding.Suppression{By: by, Status: status, Reason: reason}
	}
}

func result() *finding.Result {
	r := &finding.Result{Images: []finding.Image{
		{File: "app", Name: "registry.example/shop/app", Tag: "1.0", Digest: digest},
		{File: "app.tar", ConfigDigest: digest},
	}}
	r.Findings = []finding.Finding{
		flaw("app", "CVE-2024-1", "pkg:deb/debian/openssl@3.0-1", func(f *finding.Finding) {
			f.Vulnerability.Aliases, f.Package.Source = []string{"DSA-1"}, "openssl"
		}),
		flaw("app", "CVE-2024-1", "pkg:deb/debian/libssl3@3.0-1", func(f *finding.Finding) {
			f.Vulnerability.Aliases, f.Package.Source = []string{"DSA-1"}, "openssl"
		}),
		flaw("app.tar", "CVE-2024-1", "pkg:deb/debian/openssl@3.0-1", func(f *finding.Finding) { f.Vulnerability.Fixed = "" }),
		flaw("app", "CVE-2024-2", "pkg:golang/stdlib@1.22.0", tier("module")),
		flaw("app", "CVE-2024-3", "pkg:golang/stdlib@1.22.0", tier("package")),
		flaw("app", "CVE-2024-4", "pkg:golang/stdlib@1.22.0", tier("symbol")),
		// In one program it is linked, in another it is not.
		flaw("app", "CVE-2024-5", "pkg:golang/example.org/m@1.0.0", tier("module")),
		flaw("app", "CVE-2024-5", "pkg:golang/example.org/m@1.0.0", tier("symbol")),
		flaw("folder/package-lock.json", "MAL-2024-1", "pkg:npm/expres@1.0.0", func(f *finding.Finding) { f.Vulnerability.Malicious = true }),
		flaw("app", sample.Hostile, "pkg:npm/"+sample.Hostile, nil),
	}
	r.Suppressed = []finding.Finding{
		flaw("app", "CVE-2024-6", "pkg:npm/a@1.0.0", by("vex", "not_affected", "vulnerable_code_not_in_execute_path: behind a switch")),
		flaw("app", "CVE-2024-7", "pkg:npm/a@1.0.0", by("vex", "not_affected", "code_not_present")),
		flaw("app", "CVE-2024-8", "pkg:npm/a@1.0.0", by("vex", "not_affected", "we looked")),
		flaw("app", "CVE-2024-9", "pkg:npm/a@1.0.0", by("vex", "fixed", "the statement calls it fixed")),
		flaw("app", "CVE-2024-10", "pkg:npm/a@1.0.0", by("config", "", "not worth it")),
		flaw("app", "CVE-2024-11", "pkg:npm/a@1.0.0", by("baseline", "", "")),
	}
	rich := sample.Rich()
	r.Findings = append(r.Findings, rich.Findings...)
	r.Undetermined = rich.Undetermined
	return r
}

func render(t testing.TB, r *finding.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r, Options{Version: "1.2.3", Today: "2026-11-23"}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	sample.Compare(t, "testdata/rich.json", render(t, result()), *update)
	sample.Compare(t, "testdata/nothing.json", render(t, &finding.Result{}), *update)
}

// Those who wrote the format have to be able to read it.
func TestGoVEXReadsIt(t *testing.T) {
	doc, err := govex.Parse(render(t, result()))
	if err != nil {
		t.Fatal(err)
	}
	status := map[string][]string{}
	for i := range doc.Statements {
		s := &doc.Statements[i]
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", s.Vulnerability.Name, err)
		}
		if len(s.Products) == 0 {
			t.Errorf("%s names no product", s.Vulnerability.Name)
		}
		status[string(s.Vulnerability.Name)] = append(status[string(s.Vulnerability.Name)], strings.TrimSpace(string(s.Status)+" "+string(s.Justification)))
	}
	for id, want := range map[string][]string{
		"CVE-2024-1":  {"affected", "affected"}, // fixed in one of the images
		"CVE-2024-2":  {"not_affected vulnerable_code_not_present"},
		"CVE-2024-3":  {"not_affected vulnerable_code_not_present"},
		"CVE-2024-4":  {"affected"},
		"CVE-2024-5":  {"affected"},
		"CVE-2024-6":  {"not_affected vulnerable_code_not_in_execute_path"},
		"CVE-2024-7":  {"not_affected vulnerable_code_not_present"},
		"CVE-2024-8":  {"not_affected"},
		"CVE-2024-9":  {"fixed"},
		"CVE-2024-10": {"affected"},
		"CVE-2024-11": {"affected"},
		"MAL-2024-1":  {"affected"},
	} {
		if !slices.Equal(status[id], want) {
			t.Errorf("%s is %q, want %q", id, status[id], want)
		}
	}
	purl := "pkg:oci/app@sha256%3A" + strings.TrimPrefix(digest, "sha256:") + "?repository_url=registry.example/shop/app"
	if got := doc.Matches("CVE-2024-1", purl, []string{"pkg:deb/debian/libssl3@3.0-1"}); len(got) != 1 {
		t.Errorf("%d statements match the image and its package", len(got))
	}
	if doc.Timestamp == nil || doc.Timestamp.Format("2006-01-02") != "2026-11-23" {
		t.Errorf("made on %v", doc.Timestamp)
	}
}

// The order of findings is that of severities and may change; the document says
// the same.
func TestDeterministic(t *testing.T) {
	a, b := result(), result()
	slices.Reverse(b.Findings)
	slices.Reverse(b.Suppressed)
	if !bytes.Equal(render(t, a), render(t, b)) {
		t.Error("the order of findings shows")
	}
}
