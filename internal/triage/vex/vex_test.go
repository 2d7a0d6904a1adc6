package vex

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func read(t *testing.T, name string) ([]Statement, []finding.Note) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	statements, notes, err := Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return statements, notes
}

// told is a statement in a line.
func told(s Statement) string {
	var products []string
	for _, p := range s.Products {
		products = append(products, strings.ReplaceAll(fmt.Sprintf("%v>%v", p.Names, p.Parts), digest, "DIGEST"))
	}
	return fmt.Sprintf("%d: %s %s %s (%s) %s", s.Place.Line, strings.Join(s.Vulnerabilities, "="), s.Status, strings.Join(products, " "), s.Justification, s.Time.Format("2006-01-02"))
}

func TestParse(t *testing.T) {
	for file, want := range map[string]struct{ statements, notes []string }{
		"openvex.json": {[]string{
			"7: CVE-2024-1=GHSA-1 not_affected [pkg:oci/app@DIGEST]>[pkg:deb/debian/openssl@3.0-1] (vulnerable_code_not_present: the module is not compiled in) 2026-02-01",
			"19: CVE-2024-2 fixed [pkg:npm/left-pad@1.0.0 DIGEST]>[] () 2026-01-01",
			"27: CVE-2024-3 under_investigation [registry.example/app:1.0]>[] () 2026-01-01",
		}, []string{
			"34: the statement on CVE-2024-4 is disregarded, as it names no product by package URL, digest or image reference",
			"40: the statement on CVE-2024-5 is disregarded, as its status is none that is known",
			"45: a statement that names no vulnerability is disregarded",
			"49: the statement on CVE-2024-6 is disregarded, as it names no product by package URL, digest or image reference",
		}},
		"csaf.json": {[]string{
			"40: CVE-2024-1 not_affected [DIGEST]>[pkg:rpm/redhat/openssl?arch=src] (vulnerable_code_not_in_execute_path: nobody calls it) 2026-01-02",
			"41: CVE-2024-1 fixed [pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=src]>[] () 2026-01-02",
			"42: CVE-2024-1 affected [DIGEST]>[] () 2026-01-02",
		}, []string{
			"40: the statement on CVE-2024-1 is disregarded, as it names no product by package URL, digest or image reference",
		}},
		"cyclonedx.json": {[]string{
			"14: CVE-2024-1=GHSA-1 not_affected [pkg:oci/app@DIGEST]>[pkg:npm/left-pad@1.0.0] (code_not_reachable: behind a switch) 2026-03-01",
			"21: CVE-2024-2 not_affected [pkg:oci/app@DIGEST]>[] (false_positive) 2026-01-03",
			"26: CVE-2024-3 fixed [pkg:npm/other@2.0.0]>[] () 2026-01-03",
		}, []string{
			"31: the statement on CVE-2024-4 is disregarded, as it names no product by package URL, digest or image reference",
		}},
	} {
		statements, notes := read(t, file)
		var got, said []string
		for _, s := range statements {
			got = append(got, told(s))
		}
		for _, n := range notes {
			said = append(said, fmt.Sprintf("%d: %s", n.Line, n.Message))
		}
		if a, b := strings.Join(got, "\n"), strings.Join(want.statements, "\n"); a != b {
			t.Errorf("%s:\n%s\nwant\n%s", file, a, b)
		}
		if a, b := strings.Join(said, "\n"), strings.Join(want.notes, "\n"); a != b {
			t.Errorf("%s notes:\n%s\nwant\n%s", file, a, b)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "it is no JSON document"},
		{"a: b\n", "it is no JSON document"},
		{`{"@context": "https://openvex.dev/ns/v0.2.0", "statements": [}`, "line 1"},
		{`{"bomFormat": "SPDX"}`, "it is no VEX document that is known: use OpenVEX, CSAF or CycloneDX, as JSON"},
		{strings.Repeat("[", 10_000), "nested deeper than"},
		{"[" + strings.Repeat("[],", maxValues/2+1), "more than 1500000 values"},
		{strings.Repeat(" ", maxDocument+1), "larger than 32 MiB"},
	} {
		if _, _, err := Parse("x.json", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "x.json") {
			t.Errorf("%.40q: %v, want %q", test.text, err, test.want)
		}
	}
}

func TestFind(t *testing.T) {
	image := &finding.Image{File: "app.tar", Name: "docker.io/library/nginx", Tag: "1.27", Digest: digest, ConfigDigest: "sha256:" + strings.Repeat("c", 64)}
	deb := finding.Package{Name: "libssl3", Version: "3.0-1", PURL: "pkg:deb/debian/libssl3@3.0-1?arch=amd64&distro=bookworm", Source: "openssl", SourceVersion: "3.0-1"}
	golang := finding.Package{Name: "golang.org/x/net", Version: "v0.1.0", PURL: "pkg:golang/golang.org/x/net@v0.1.0"}
	for _, test := range []struct {
		name    string
		p       finding.Package
		image   *finding.Image
		product Product
		want    bool
	}{
		{"package", deb, nil, Product{Names: []string{"pkg:deb/debian/libssl3@3.0-1?arch=amd64"}}, true},
		{"package, any version", deb, nil, Product{Names: []string{"pkg:deb/debian/libssl3"}}, true},
		{"another version", deb, nil, Product{Names: []string{"pkg:deb/debian/libssl3@3.0-2"}}, false},
		{"another distribution", deb, nil, Product{Names: []string{"pkg:deb/ubuntu/libssl3"}}, false},
		{"another release", deb, nil, Product{Names: []string{"pkg:deb/debian/libssl3?distro=trixie"}}, false},
		{"another architecture", deb, nil, Product{Names: []string{"pkg:deb/debian/libssl3?arch=arm64"}}, false},
		{"its source", deb, nil, Product{Names: []string{"pkg:deb/debian/openssl?arch=source"}}, true},
		{"its source, another version", deb, nil, Product{Names: []string{"pkg:deb/debian/openssl@3.0-2?arch=source"}}, false},
		{"a package called like its source", deb, nil, Product{Names: []string{"pkg:deb/debian/openssl?arch=amd64"}}, false},
		{"Go with and without v", golang, nil, Product{Names: []string{"pkg:golang/golang.org/x/net@0.1.0"}}, true},
		{"no package URL", deb, nil, Product{Names: []string{"libssl3"}}, false},
		{"broken package URL", deb, nil, Product{Names: []string{"pkg:%%%"}}, false},

		{"image by digest", deb, image, Product{Names: []string{digest}}, true},
		{"image by the digest of its configuration", deb, image, Product{Names: []string{image.ConfigDigest}}, true},
		{"another digest", deb, image, Product{Names: []string{"sha256:" + strings.Repeat("d", 64)}}, false},
		{"no image", deb, nil, Product{Names: []string{digest}}, false},
		{"image by package URL", deb, image, Product{Names: []string{"pkg:oci/nginx@" + digest}}, true},
		{"and repository", deb, image, Product{Names: []string{"pkg:oci/nginx@" + digest + "?repository_url=index.docker.io/library/nginx"}}, true},
		{"another repository", deb, image, Product{Names: []string{"pkg:oci/nginx?repository_url=registry.example/nginx"}}, false},
		{"repository without the name", deb, image, Product{Names: []string{"pkg:oci/nginx?repository_url=docker.io/library"}}, true},
		{"name alone", deb, image, Product{Names: []string{"pkg:oci/nginx"}}, true},
		{"another name", deb, image, Product{Names: []string{"pkg:oci/ginx"}}, false},
		{"another tag", deb, image, Product{Names: []string{"pkg:oci/nginx?tag=1.26"}}, false},
		{"docker", deb, image, Product{Names: []string{"pkg:docker/nginx@1.27"}}, true},
		{"docker, another tag", deb, image, Product{Names: []string{"pkg:docker/nginx@1.26"}}, false},
		{"reference", deb, image, Product{Names: []string{"nginx:1.27"}}, true},
		{"reference with digest", deb, image, Product{Names: []string{"docker.io/library/nginx:other@" + digest}}, true},
		{"reference with another digest", deb, image, Product{Names: []string{"nginx:1.27@sha256:" + strings.Repeat("d", 64)}}, false},
		{"reference of another tag", deb, image, Product{Names: []string{"nginx:1.26"}}, false},
		{"reference with a port", deb, image, Product{Names: []string{"registry.example:5000/nginx"}}, false},

		{"part of the image", deb, image, Product{Names: []string{digest}, Parts: []string{"pkg:deb/debian/libssl3"}}, true},
		{"another part", deb, image, Product{Names: []string{digest}, Parts: []string{"pkg:deb/debian/zlib"}}, false},
		{"the part in another image", deb, image, Product{Names: []string{"pkg:oci/other"}, Parts: []string{"pkg:deb/debian/libssl3"}}, false},
		{"the part of something unknown", deb, nil, Product{Names: []string{digest}, Parts: []string{"pkg:deb/debian/libssl3"}}, false},
	} {
		x := NewIndex([]Statement{{Vulnerabilities: []string{"cve-2024-1"}, Products: []Product{test.product}, Status: NotAffected}})
		f := &finding.Finding{Package: &test.p, Vulnerability: &finding.Vulnerability{ID: "GHSA-1", Aliases: []string{"CVE-2024-1"}}}
		if got := len(x.Find(f, test.image)) == 1; got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		f.Vulnerability = &finding.Vulnerability{ID: "CVE-2024-10"}
		if len(x.Find(f, test.image)) != 0 {
			t.Errorf("%s: a statement on another vulnerability is found", test.name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"openvex.json", "csaf.json", "cyclonedx.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		statements, _, err := Parse("x.json", text)
		if err != nil {
			if !strings.Contains(err.Error(), "x.json") {
				t.Errorf("an error without the file: %v", err)
			}
			return
		}
		x := NewIndex(statements)
		for i, s := range statements {
			if len(s.Vulnerabilities) == 0 || len(s.Products) == 0 || s.Status == "" || s.Place.Line == 0 {
				t.Errorf("statement %d lacks something: %+v", i, s)
			}
			p := &finding.Package{PURL: s.Products[0].Names[0]}
			found := x.Find(&finding.Finding{Package: p, Vulnerability: &finding.Vulnerability{ID: s.Vulnerabilities[0]}}, nil)
			for _, n := range found {
				if n < 0 || n >= len(statements) {
					t.Errorf("found %d of %d", n, len(statements))
				}
			}
		}
	})
}
