package triage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
	"github.com/holdfast-sec/holdfast/internal/triage/vex"
)

// flaw makes a finding of a vulnerability in a package of an image.
func flaw(id, purl, fixed string) finding.Finding {
	asset := finding.Asset{Kind: "package", ID: "app.tar/" + purl, Name: purl, Place: source.Place{File: "app.tar"}}
	return finding.Finding{Rule: "vulnerable-package", Severity: finding.High, Verdict: finding.Fail, Asset: asset, Place: asset.Place,
		Field: "vulnerabilities[0]", Key: "vulnerabilities[" + id + "]", Message: id,
		Package: &finding.Package{PURL: purl}, Vulnerability: &finding.Vulnerability{ID: id, Fixed: fixed}}
}

// states makes a statement about a package, made on a day of 2026.
func states(id string, status vex.Status, why, product string, day int) vex.Statement {
	return vex.Statement{Vulnerabilities: []string{id}, Status: status, Justification: why, Products: []vex.Product{{Names: []string{product}}},
		Time: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC), Place: source.Place{File: "vex.json", Position: source.Position{Line: day}}}
}

func TestVEX(t *testing.T) {
	const purl, digest = "pkg:npm/a@1.0.0", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, test := range []struct {
		name       string
		statements []vex.Statement
		want       string // the suppressed findings, with their reasons
		notes      string
	}{
		{"not affected", []vex.Statement{states("CVE-1", vex.NotAffected, "code_not_present", purl, 3)}, "CVE-1 code_not_present vex.json:3", ""},
		{"fixed", []vex.Statement{states("CVE-1", vex.Fixed, "", purl, 3)}, "CVE-1 the statement calls it fixed vex.json:3", ""},
		{"affected", []vex.Statement{states("CVE-1", vex.Affected, "", purl, 3)}, "", ""},
		{"under investigation", []vex.Statement{states("CVE-1", vex.UnderInvestigation, "", purl, 3)}, "", ""},
		{"the later one holds", []vex.Statement{states("CVE-1", vex.Affected, "", purl, 5), states("CVE-1", vex.NotAffected, "old", purl, 3)}, "", ""},
		{"the later one holds, too", []vex.Statement{states("CVE-1", vex.Affected, "", purl, 3), states("CVE-1", vex.NotAffected, "new", purl, 5)}, "CVE-1 new vex.json:5", ""},
		{"the image", []vex.Statement{states("CVE-2", vex.NotAffected, "why", digest, 3)}, "CVE-2 why vex.json:3", ""},
		{"another product", []vex.Statement{states("CVE-1", vex.NotAffected, "why", "pkg:npm/b", 3)}, "",
			"vex.json:3: the VEX statement that CVE-1 is not affected matches nothing in what was scanned"},
		{"another vulnerability", []vex.Statement{states("CVE-9", vex.UnderInvestigation, "why", purl, 3)}, "",
			"vex.json:3: the VEX statement that CVE-9 is under investigation matches nothing in what was scanned"},
		{"hostile", []vex.Statement{states("CVE-1", vex.NotAffected, "a\x1b[2Jb\n c", purl, 3)}, "CVE-1 a[2Jb c vex.json:3", ""},
	} {
		result := &finding.Result{Findings: []finding.Finding{flaw("CVE-1", purl, "2"), flaw("CVE-2", purl, "2"), failure("root", app, 12)},
			Images: []finding.Image{{File: "app.tar", Digest: digest}}}
		Apply(result, Choices{VEX: test.statements}, today)
		var got []string
		for _, f := range result.Suppressed {
			got = append(got, fmt.Sprintf("%s %s %s", f.Message, f.Suppressed.Reason, f.Suppressed.Place))
			if f.Suppressed.By != ByVEX || f.Suppressed.Status == "" {
				t.Errorf("%s: suppressed by %+v", test.name, f.Suppressed)
			}
		}
		if s := strings.Join(got, "; "); s != test.want || len(result.Findings)+len(result.Suppressed) != 3 {
			t.Errorf("%s: %q, want %q", test.name, s, test.want)
		}
		if s := messages(result.Notes); s != test.notes {
			t.Errorf("%s: notes %q, want %q", test.name, s, test.notes)
		}
	}
}

func TestIgnoredVulnerabilities(t *testing.T) {
	const purl = "pkg:npm/a@1.0.0"
	for _, test := range []struct{ rule, assets, want, notes string }{
		{"CVE-1", "", "CVE-1", ""},
		{"GHSA-a-1", "", "CVE-1", ""},
		{"CVE-1", "pkg:npm/*", "CVE-1", ""},
		{"CVE-1", "pkg:pypi/*", "", "config.yaml:3: the ignore of CVE-1 matches nothing in what was scanned: remove it if nothing needs it any more"},
		{"CVE-3", "", "", "config.yaml:3: the ignore of CVE-3 matches nothing in what was scanned: remove it if nothing needs it any more"},
		{"vulnerable-package", "", "CVE-1 CVE-2", ""},
		{"CVE-*", "", "", "config.yaml:3: in an ignore: no rule matches CVE-*"},
	} {
		one := flaw("CVE-1", purl, "2")
		one.Vulnerability.Aliases = []string{"GHSA-a-1"}
		result := &finding.Result{Findings: []finding.Finding{one, flaw("CVE-2", purl, "2"), failure("root", app, 12)}}
		ignore := Ignore{Rules: []string{test.rule}, Reason: "why", By: ByConfig, Place: source.Place{File: "config.yaml", Position: source.Position{Line: 3}}}
		if test.assets != "" {
			ignore.Assets = []string{test.assets}
		}
		Apply(result, Choices{Ignores: []Ignore{ignore}, Rules: []string{"vulnerable-package", "root"}}, today)
		var got []string
		for _, f := range result.Suppressed {
			got = append(got, f.Message)
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%s: %q, want %q", test.rule, s, test.want)
		}
		if s := messages(result.Notes); s != test.notes {
			t.Errorf("%s: notes %q, want %q", test.rule, s, test.notes)
		}
	}
}

// A document about a whole distribution does not drown everything else.
func TestManyStatementsThatMatchNothing(t *testing.T) {
	var many []vex.Statement
	for i := range 1000 {
		many = append(many, states(fmt.Sprintf("CVE-9-%d", i), vex.NotAffected, "", "pkg:npm/b", 1))
	}
	result := &finding.Result{}
	Apply(result, Choices{VEX: many}, today)
	if len(result.Notes) != maxStatementNotes+1 || !strings.Contains(messages(result.Notes), "990 more VEX statements that match nothing") {
		t.Errorf("%d notes:\n%s", len(result.Notes), messages(result.Notes))
	}
}

// What the user wrote says more than what a vendor did; both have matched.
func TestIgnoreBeforeVEX(t *testing.T) {
	const purl = "pkg:npm/a@1.0.0"
	result := &finding.Result{Findings: []finding.Finding{flaw("CVE-1", purl, "")}}
	Apply(result, Choices{
		VEX:     []vex.Statement{states("CVE-1", vex.NotAffected, "vendor", purl, 3)},
		Ignores: []Ignore{{Rules: []string{"vulnerable-package"}, Reason: "ours", By: ByConfig}},
	}, today)
	if len(result.Suppressed) != 1 || result.Suppressed[0].Suppressed.Reason != "ours" || len(result.Notes) != 0 {
		t.Errorf("%+v, notes %s", result.Suppressed, messages(result.Notes))
	}
}

func TestOnlyFixed(t *testing.T) {
	malware := flaw("MAL-1", "pkg:npm/evil@1.0.0", "")
	malware.Vulnerability.Malicious = true
	result := &finding.Result{Findings: []finding.Finding{flaw("CVE-1", "pkg:npm/a@1.0.0", ""), flaw("CVE-2", "pkg:npm/a@1.0.0", "1.0.1"), malware, failure("root", app, 12)}}
	Apply(result, Choices{OnlyFixed: true}, today)
	if len(result.Suppressed) != 1 || result.Suppressed[0].Message != "CVE-1" || result.Suppressed[0].Suppressed.By != ByOnlyFixed || len(result.Findings) != 3 {
		t.Errorf("suppressed %+v", result.Suppressed)
	}
}
