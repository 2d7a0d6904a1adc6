package inventory

import (
	"bytes"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// release is what an os-release file says.
type release struct {
	path                string
	id, like, version   string
	name, cpe, codename string
}

// readRelease reads os-release: settings as a shell would read them.
func (inv *Inventory) readRelease(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	r := release{path: f.Path}
	for line := range bytes.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(string(line)), "=")
		if !ok || strings.HasPrefix(key, "#") || len(value) > 256 {
			continue
		}
		value = unquoteShell(value)
		switch key {
		case "ID":
			r.id = value
		case "ID_LIKE":
			r.like = value
		case "VERSION_ID":
			r.version = value
		case "VERSION_CODENAME":
			r.codename = value
		case "PRETTY_NAME":
			r.name = value
		case "CPE_NAME":
			r.cpe = value
		}
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.releases = append(inv.releases, r)
	return nil
}

func unquoteShell(value string) string {
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		value = value[1 : len(value)-1]
	}
	return strings.ReplaceAll(value, `\`, "")
}

// release returns what the image says of its distribution: /etc/os-release
// counts before the one in /usr.
func (inv *Inventory) release() release {
	var found release
	for _, r := range inv.releases {
		if found.path == "" || strings.HasPrefix(r.path, "etc/") {
			found = r
		}
	}
	return found
}

func (r release) distro() asset.Distro {
	d := asset.Distro{ID: r.id, Version: r.version, Name: r.name}
	if d.Name == "" {
		d.Name = strings.TrimSpace(r.id + " " + r.version)
	}
	return d
}

// ecosystem names the advisories that are about packages of a type in the
// distribution, as OSV spells it; "" where there are none.
func (r release) ecosystem(kind string) string {
	major, _, _ := strings.Cut(r.version, ".")
	switch kind {
	case "deb":
		return r.debian()
	case "apk":
		return r.alpine()
	case "rpm":
		return r.red(major)
	}
	return ""
}

func (r release) debian() string {
	major, _, _ := strings.Cut(r.version, ".")
	switch {
	case r.id == "ubuntu":
		return suffixed("Ubuntu", ubuntuRelease(r.version))
	case r.id == "debian" && r.version == "" && r.codename != "": // testing and sid have no number
		return "Debian:" + r.codename
	case r.id == "echo":
		return "Echo"
	case r.id == "debian" || r.id == "":
		return suffixed("Debian", major)
	}
	return "" // derivatives version their packages in their own way
}

// ubuntuRelease marks the releases of April in even years, which are supported
// for long.
func ubuntuRelease(version string) string {
	year, month, _ := strings.Cut(version, ".")
	if month == "04" && len(year) == 2 && (year[1]-'0')%2 == 0 {
		return version + ":LTS"
	}
	return version
}

func (r release) alpine() string {
	switch r.id {
	case "wolfi":
		return "Wolfi"
	case "chainguard":
		return "Chainguard"
	case "minimos":
		return "MinimOS"
	case "alpaquita":
		return suffixed("Alpaquita", r.version)
	case "bellsoft-hardened-containers":
		return suffixed("BellSoft Hardened Containers", r.version)
	case "alpine", "":
		parts := strings.SplitN(r.version, ".", 3)
		switch {
		case r.version == "" || strings.Contains(r.version, "_alpha"):
			return "Alpine:edge"
		case len(parts) < 2:
			return "Alpine:v" + r.version
		}
		return "Alpine:v" + parts[0] + "." + parts[1]
	}
	return ""
}

func (r release) red(major string) string {
	switch r.id {
	case "rhel":
		if _, product, ok := strings.Cut(r.cpe, ":redhat:"); ok {
			return suffixed("Red Hat", product)
		}
		return suffixed("Red Hat", "enterprise_linux:"+major)
	case "rocky":
		return suffixed("Rocky Linux", major)
	case "almalinux":
		return suffixed("AlmaLinux", major)
	case "mageia":
		return suffixed("Mageia", r.version)
	case "openEuler":
		return suffixed("openEuler", openEulerRelease(r.version, r.name))
	case "azurelinux", "mariner":
		return suffixed("Azure Linux", major)
	case "photon":
		return suffixed("Photon OS", r.version)
	case "sles", "sle_hpc", "sles_sap", "sled":
		return suffixed("SUSE", r.version)
	case "opensuse-leap":
		return suffixed("openSUSE", "Leap "+r.version)
	case "opensuse-tumbleweed":
		return "openSUSE:Tumbleweed"
	}
	return ""
}

// openEulerRelease is the version with what the name says of its support:
// "openEuler 22.03 (LTS-SP1)" is "22.03-LTS-SP1".
func openEulerRelease(version, name string) string {
	if open := strings.IndexByte(name, '('); open >= 0 && strings.HasSuffix(name, ")") {
		return version + "-" + name[open+1:len(name)-1]
	}
	return version
}

func suffixed(family, release string) string {
	if release == "" {
		return family
	}
	return family + ":" + release
}

// languages are the ecosystems of languages' packages.
var languages = map[string]string{
	"npm": "npm", "pypi": "PyPI", "golang": "Go", "maven": "Maven", "gem": "RubyGems",
	"cargo": "crates.io", "composer": "Packagist", "nuget": "NuGet",
}
