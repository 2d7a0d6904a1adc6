package sample

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
)

// Images is a run that looked into two images: packages of a distribution and
// of languages, from the base and from its owner, with vulnerabilities.
func Images() *finding.Result {
	r := Empty()
	r.Inventories = []finding.Inventory{shop(), hostileImage()}
	return r
}

// Image is a run that looked into one image.
func Image() *finding.Result {
	r := Images()
	r.Inventories = r.Inventories[:1]
	return r
}

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func shop() finding.Inventory {
	image := &asset.Image{}
	image.Head = asset.Head{Kind: asset.KindImage, ID: "shop.tar", Name: "shop.tar", Format: asset.Built}
	base := asset.Layer{Index: 0, DiffID: digest("a"), Digest: digest("1"), CreatedBy: `/bin/sh -c #(nop) ADD file:1 in /`, Origin: asset.OriginBase}
	own := asset.Layer{Index: 1, DiffID: digest("b"), Digest: digest("2"), CreatedBy: "COPY dist /app # buildkit", Origin: asset.OriginOwn}
	image.Build = asset.Build{
		Ref: asset.ImageRef{Text: "registry.example.com/shop:1.4"}, Digest: digest("c"), ConfigDigest: digest("d"), Created: "2026-03-14",
		OS: "linux", Architecture: "amd64", Layers: []asset.Layer{base, own}, BaseLayers: 1,
		Distro: asset.Distro{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)"},
	}
	ssl := pkg("deb", "libssl3", "3.0.11-1~deb12u2", "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl", "/var/lib/dpkg/status", base)
	ssl.Source, ssl.SourceVersion, ssl.Ecosystem, ssl.Arch = "openssl", "3.0.11-1~deb12u2", "Debian:12", "amd64"
	ssl.Licenses = []string{"Apache-2.0", "GPL-1+", "a licence of its own"}
	ssl.Vulnerabilities = []asset.Vulnerability{{
		ID: "CVE-2024-5535", Aliases: []string{"DSA-5764-1"}, Summary: "a buffer is read beyond its end", Severity: "high", Score: 9.1,
		Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:H", Fixed: "3.0.15-1~deb12u1", Exploited: true, EPSS: 0.045,
		Published: "2024-06-27", URL: "https://security-tracker.debian.org/tracker/CVE-2024-5535",
	}}
	six := pkg("pypi", "six", "1.16.0", "pkg:pypi/six@1.16.0", "/usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO", base)
	six.Owner, six.Ecosystem, six.Licenses = "python3-six", "PyPI", []string{"MIT"}
	lodash := pkg("npm", "lodash", "4.17.20", "pkg:npm/lodash@4.17.20", "/app/node_modules/lodash/package.json", own)
	lodash.Paths = append(lodash.Paths, "/app/node_modules/a/node_modules/lodash/package.json")
	lodash.Ecosystem, lodash.Licenses = "npm", []string{"(MIT OR CC0-1.0)"}
	lodash.Vulnerabilities = []asset.Vulnerability{{
		ID: "CVE-2021-23337", Severity: "high", Score: 7.2, Vector: "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H", Fixed: "4.17.21",
		Published: "2021-02-15", URL: "https://osv.dev/vulnerability/GHSA-35jh-r3h4-6jhm", Aliases: []string{"GHSA-35jh-r3h4-6jhm"},
	}, {ID: "MAL-2026-1", Severity: "critical", Malicious: true}}
	text := pkg("golang", "golang.org/x/text", "0.3.7", "pkg:golang/golang.org/x/text@v0.3.7", "/usr/local/bin/shop", own)
	text.Binary, text.Ecosystem = "/usr/local/bin/shop", "Go"
	text.Vulnerabilities = []asset.Vulnerability{{
		ID: "CVE-2022-32149", Severity: "low", Tier: "module", Score: 7.5, Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
		Fixed: "0.3.8", URL: "https://pkg.go.dev/vuln/GO-2022-1059", Published: "2022-10-11",
	}}
	spring := pkg("maven", "org.springframework:spring-web", "6.0.1", "pkg:maven/org.springframework/spring-web@6.0.1", "/app/app.jar!/BOOT-INF/lib/spring-web-6.0.1.jar", own)
	spring.Ecosystem = "Maven"
	return finding.Inventory{Image: image, Packages: []*asset.Package{ssl, text, spring, lodash, six}}
}

// hostileImage has names that try to leave the format, packages of one ID, and
// does not tell where it comes from.
func hostileImage() finding.Inventory {
	image := &asset.Image{}
	image.Head = asset.Head{Kind: asset.KindImage, ID: "evil.tar", Name: "evil " + Hostile, Format: asset.Built}
	layer := asset.Layer{Index: 0}
	a := pkg("npm", "@x/"+Hostile, "1.0.0\n", "pkg:npm/%40x/evil@1.0.0", "/app/"+Hostile, layer)
	a.Licenses = []string{"SEE LICENSE IN " + Hostile, "((("}
	b := pkg("npm", "@x/"+Hostile, "1.0.0\n", "pkg:npm/%40x/evil@1.0.0", "/app/"+Hostile, layer)
	b.Vulnerabilities = []asset.Vulnerability{{ID: "CVE-2021-23337", Severity: "unheard of", Published: "yesterday", URL: "javascript:alert(1)"}}
	nothing := pkg("golang", "example.com/app", "", "pkg:golang/example.com/app", "/app/main", layer)
	return finding.Inventory{Image: image, Packages: []*asset.Package{a, b, nothing}}
}

func pkg(kind, name, version, url, path string, layer asset.Layer) *asset.Package {
	p := &asset.Package{Type: kind, Name: name, Version: version, PURL: url, Paths: []string{path}, Layer: layer}
	p.Head = asset.Head{Kind: asset.KindPackage, ID: url + "#" + path, Name: name + " " + version + " (" + kind + ")", Format: asset.Built}
	return p
}
