package advisory

import (
	"strings"
	"testing"
)

// read reads one advisory and returns what it says of its first package.
func readOne(t *testing.T, text string) Advisory {
	t.Helper()
	e, err := ReadOSV([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Packages) == 0 {
		t.Fatal("it names no package")
	}
	return e.Packages[0].Advisory
}

const minimal = `"affected": [{"package": {"ecosystem": "npm", "name": "left-pad"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]`

func TestSeverity(t *testing.T) {
	tests := []struct {
		name, fields, ecosystem string
		want                    string
		score                   float64
	}{
		{"none", `"id": "X-1"`, ``, "", 0},
		{"CVSS 2", `"id": "X-1", "severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}]`, ``, "high", 7.5},
		{"CVSS 2 has no critical", `"id": "X-1", "severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:C/I:C/A:C"}]`, ``, "high", 10},
		{"CVSS 3.0", `"id": "X-1", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`, ``, "critical", 9.8},
		{"CVSS 3.1", `"id": "X-1", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}]`, ``, "medium", 6.1},
		{"CVSS 4", `"id": "X-1", "severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}]`, ``, "critical", 9.3},
		{"no impact", `"id": "X-1", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"}]`, ``, "info", 0},
		{"the newest CVSS counts", `"id": "X-1", "severity": [
			{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"},
			{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`, ``, "medium", 6.9},
		{"a vector that is none", `"id": "X-1", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:Q"}]`, ``, "", 0},
		{"the word of the database", `"id": "X-1", "database_specific": {"severity": "MODERATE"}`, ``, "medium", 0},
		{"the score before it", `"id": "X-1", "database_specific": {"severity": "LOW"}, "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`, ``, "critical", 9.8},
		{"Debian's word before both", `"id": "X-1", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`, `{"urgency": "unimportant"}`, "info", 9.8},
		{"Debian's word that rates nothing", `"id": "X-1"`, `{"urgency": "not yet assigned"}`, "", 0},
		{"Debian's tentative word", `"id": "X-1"`, `{"urgency": "low**"}`, "low", 0},
		{"Ubuntu's word", `"id": "X-1", "severity": [{"type": "Ubuntu", "score": "negligible"}]`, ``, "info", 0},
		{"Red Hat's word", `"id": "X-1"`, `{"severity": "Important"}`, "high", 0},
		{"fields of other types", `"id": "X-1", "database_specific": {"severity": ["HIGH"], "url": 7}`, `{"urgency": {"a": 1}}`, "", 0},
		{"objects of other types", `"id": "X-1", "database_specific": [1]`, `"text"`, "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := "{" + test.fields + ", " + minimal + "}"
			if test.ecosystem != "" {
				text = strings.Replace(text, `"ranges"`, `"ecosystem_specific": `+test.ecosystem+`, "ranges"`, 1)
			}
			a := readOne(t, text)
			if a.Severity != test.want || a.Score != test.score {
				t.Errorf("severity %q of score %v, want %q of %v", a.Severity, a.Score, test.want, test.score)
			}
			if (a.Vector == "") != (test.score == 0 && test.name != "no impact") {
				t.Errorf("the vector is %q", a.Vector)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	tests := []struct{ name, fields, aliases, upstream string }{
		{"aliases", `"id": "GHSA-1", "aliases": ["CVE-2024-0001", "GHSA-1", "CVE-2024-0001"], "related": ["CVE-2024-0002"]`, "CVE-2024-0001", ""},
		{"a distribution's record of a CVE", `"id": "DEBIAN-CVE-2024-0001", "upstream": ["CVE-2024-0001"]`, "CVE-2024-0001", "CVE-2024-0001"},
		{"an update with several", `"id": "RHSA-2024:1", "upstream": ["CVE-2024-0001", "CVE-2024-0002"]`, "", "CVE-2024-0001 CVE-2024-0002"},
		{"as it was before there was upstream", `"id": "ALSA-2024:1", "related": ["CVE-2024-0001", "OTHER-1"]`, "", "CVE-2024-0001"},
		{"what is no id", `"id": "X-1", "aliases": ["", "a\u0007b"]`, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := readOne(t, "{"+test.fields+", "+minimal+"}")
			if got := strings.Join(a.Aliases, " "); got != test.aliases {
				t.Errorf("aliases %q, want %q", got, test.aliases)
			}
			if got := strings.Join(a.Upstream, " "); got != test.upstream {
				t.Errorf("upstream %q, want %q", got, test.upstream)
			}
		})
	}
}

func TestURL(t *testing.T) {
	tests := []struct{ fields, want string }{
		{`"id": "GO-2024-1", "database_specific": {"url": "https://pkg.go.dev/vuln/GO-2024-1"}`, "https://pkg.go.dev/vuln/GO-2024-1"},
		{`"id": "PYSEC-2024-1", "references": [{"type": "ADVISORY", "url": "https://a.example/"}]`, "https://osv.dev/vulnerability/PYSEC-2024-1"},
		{`"id": "ACME-1", "references": [{"type": "WEB", "url": "https://w.example/"}, {"type": "ADVISORY", "url": "https://a.example/"}]`, "https://a.example/"},
		{`"id": "ACME-1", "database_specific": {"url": "javascript:alert(1)"}`, "https://osv.dev/vulnerability/ACME-1"},
	}
	for _, test := range tests {
		if a := readOne(t, "{"+test.fields+", "+minimal+"}"); a.URL != test.want {
			t.Errorf("%s: %s, want %s", test.fields, a.URL, test.want)
		}
	}
}

func TestSummary(t *testing.T) {
	long := strings.Repeat("word ", 100)
	tests := []struct{ fields, want string }{
		{`"id": "X-1", "summary": "Short", "details": "Long"`, "Short"},
		{`"id": "X-1", "details": "First line\n\tand\u0007 second"`, "First line and second"},
		{`"id": "X-1", "details": "` + long + `"`, strings.TrimSpace(long[:155]) + "..."},
		{`"id": "X-1", "details": "` + strings.Repeat("x", 500) + `"`, strings.Repeat("x", 157) + "..."},
	}
	for _, test := range tests {
		if a := readOne(t, "{"+test.fields+", "+minimal+"}"); a.Summary != test.want {
			t.Errorf("summary %q, want %q", a.Summary, test.want)
		}
	}
}

func TestRanges(t *testing.T) {
	a := readOne(t, `{"id": "X-1", "affected": [{"package": {"ecosystem": "Go", "name": "m"}, "versions": ["1", "2"],
		"ranges": [
			{"type": "GIT", "repo": "https://r.example", "events": [{"introduced": "0"}, {"fixed": "abc"}]},
			{"type": "ECOSYSTEM", "events": []},
			{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"last_affected": "2.1"}, {"limit": "9"}]},
			{"type": "ECOSYSTEM", "events": [{"introduced": "1", "fixed": "2"}]}],
		"ecosystem_specific": {"imports": [{"path": "m/p", "symbols": ["F", "T.M"], "goos": ["linux"], "goarch": ["amd64"]}]}}]}`)
	want := []Range{
		{"SEMVER", []Event{{Introduced: "0"}, {Fixed: "1.2"}, {Introduced: "2.0"}, {LastAffected: "2.1"}}},
		{"ECOSYSTEM", []Event{{Introduced: "1"}, {Fixed: "2"}}},
	}
	if !equal(a.Ranges, want) {
		t.Errorf("ranges %v, want %v", a.Ranges, want)
	}
	if want := []Import{{"m/p", []string{"F", "T.M"}, []string{"linux"}, []string{"amd64"}}}; !equal(a.Imports, want) {
		t.Errorf("imports %v, want %v", a.Imports, want)
	}
	if !equal(a.Versions, []string{"1", "2"}) {
		t.Errorf("versions %v", a.Versions)
	}
}

func TestBrokenAdvisories(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	tests := []struct{ name, text, want string }{
		{"no JSON", `{`, "no OSV advisory"},
		{"no object", `[]`, "no OSV advisory"},
		{"another type", `{"id": 7}`, "no OSV advisory"},
		{"no id", `{"summary": "x"}`, "no id"},
		{"an id with control characters", `{"id": "a\u001bb"}`, "no id of an advisory"},
		{"nested too deep", `{"id": "X-1", "database_specific": ` + deep + `}`, "nested"},
		{"no name of a package", `{"id": "X-1", "affected": [{"package": {"ecosystem": "npm"}}]}`, "affected[0]"},
		{"an ecosystem that leads away", `{"id": "X-1", "affected": [{"package": {"ecosystem": "../x", "name": "a"}}]}`, "no name of an ecosystem"},
		{"an ecosystem that is a path", `{"id": "X-1", "affected": [{"package": {"ecosystem": "a/b", "name": "a"}}]}`, "no name of an ecosystem"},
		{"no version", `{"id": "X-1", "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "versions": [""]}]}`, "no version"},
		{"a long version", `{"id": "X-1", "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "versions": ["` + strings.Repeat("1", 300) + `"]}]}`, "no version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadOSV([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func FuzzOSV(f *testing.F) {
	f.Add([]byte(`{"id": "X-1", "modified": "2024-01-02T03:04:05Z", "aliases": ["CVE-2024-0001"], ` + minimal + `}`))
	f.Add([]byte(`{"id": "MAL-1", "affected": [{"package": {"ecosystem": "Debian:12", "name": "a"}, "versions": ["1", "1.0~rc1"], "ecosystem_specific": {"urgency": "low"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ReadOSV(text)
		if err != nil {
			return
		}
		b := NewBuilder()
		b.Add(e)
		for family := range b.families {
			data, err := b.encode(family)
			if err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			p, err := readPack("fuzz", data)
			if err != nil {
				t.Fatalf("what was written cannot be opened: %v", err)
			}
			if err := p.all(func(string, []Advisory) error { return nil }); err != nil {
				t.Fatalf("what was written cannot be read: %v", err)
			}
		}
	})
}
