package advisory

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// known are the ecosystems of OSV, each the family of its releases.
var known = []string{
	"AlmaLinux", "Alpaquita", "Alpine", "Android", "Azure Linux", "BellSoft Hardened Containers",
	"Bioconductor", "Bitnami", "Chainguard", "CleanStart", "ConanCenter", "CRAN", "crates.io", "Debian",
	"Docker Hardened Images", "Echo", "FreeBSD", "GHC", "GitHub Actions", "Go", "Hackage", "Hex", "Julia",
	"Kubernetes", "Linux", "Mageia", "Maven", "MinimOS", "npm", "NuGet", "opam", "openEuler", "openSUSE",
	"OSS-Fuzz", "Packagist", "Photon OS", "Pub", "PyPI", "Red Hat", "Rocky Linux", "Root", "RubyGems",
	"SUSE", "SwiftURL", "TuxCare", "Ubuntu", "VSCode", "Wolfi",
}

// Known are the names of the ecosystems that OSV had when this was written.
func Known() []string { return slices.Clone(known) }

// Family splits an ecosystem into its family, spelt as OSV does, and the release:
// "debian:12" is "Debian" and "12".
func Family(ecosystem string) (family, release string) {
	family, release, _ = strings.Cut(ecosystem, ":")
	for _, name := range known {
		if strings.EqualFold(name, family) {
			return name, release
		}
	}
	return family, release
}

// maxFamily is how long the name of an ecosystem may be; it becomes a file name.
const maxFamily = 64

// checkFamily refuses what no ecosystem is called, before it names a file.
func checkFamily(family string) error {
	if family == "" || len(family) > maxFamily || family[0] == '.' || family[0] == ' ' {
		return fmt.Errorf("%q is no name of an ecosystem", clip(family, maxFamily))
	}
	for _, r := range family {
		if r > 126 || !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" ._-+", r)) {
			return fmt.Errorf("%q is no name of an ecosystem", family)
		}
	}
	return nil
}

// familyOf is the family of a file that packFile named.
func familyOf(file string) string {
	if name, err := url.PathUnescape(file); err == nil {
		return name
	}
	return file
}

// packFile is the file of a family in the folder of the database.
func packFile(family string) string { return url.PathEscape(family) + packSuffix }

// covers says whether an entry for one release holds for the release asked for.
// Releases are hierarchies by colons: "22.04" covers "22.04:LTS", and
// "enterprise_linux:9" both "enterprise_linux:9::baseos" and its siblings. An
// entry without a release holds for all.
func covers(entry, asked string) bool {
	return entry == "" || asked == "" || entry == asked || below(entry, asked) || below(asked, entry)
}

func below(long, short string) bool {
	return len(long) > len(short) && long[len(short)] == ':' && long[:len(short)] == short
}

// normalRelease writes a release as OSV does, where others differ.
func normalRelease(family, release string) string {
	if family == "Alpine" && release != "" && release[0] >= '0' && release[0] <= '9' {
		return "v" + release
	}
	return release
}

// normalName writes a package's name as advisories of the family compare it.
func normalName(family, name string) string {
	switch family {
	case "PyPI":
		return pypiName(name)
	case "NuGet", "Packagist", "VSCode", "GitHub Actions":
		return strings.ToLower(name)
	}
	return name
}

// pypiName is the normal form of PEP 503: lower case, and "-" for each run of
// "-", "_" and ".".
func pypiName(name string) string {
	normal := true
	for i := 0; i < len(name) && normal; i++ {
		c := name[i]
		normal = !(c >= 'A' && c <= 'Z' || c == '_' || c == '.' || c >= 0x80 || c == '-' && i > 0 && name[i-1] == '-')
	}
	if normal {
		return name
	}
	var b strings.Builder
	b.Grow(len(name))
	for i, r := range strings.ToLower(name) {
		if r == '_' || r == '.' || r == '-' {
			if s := b.String(); i > 0 && strings.HasSuffix(s, "-") {
				continue
			}
			r = '-'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// clip shortens a text of unknown origin for a message.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
