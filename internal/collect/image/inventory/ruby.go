package inventory

import (
	"bytes"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// The lines of a specification that RubyGems wrote. It is Ruby code, but always
// of this shape: s.name = "rack".freeze
var (
	gemName    = expression(`(?m)^\s*\w+\.name\s*=\s*["']([^"'\n]+)["']`)
	gemVersion = expression(`(?m)^\s*\w+\.version\s*=\s*(?:Gem::Version\.new[ (]*)?["']([^"'\n]+)["']`)
	gemLicense = expression(`(?m)^\s*\w+\.licenses?\s*=\s*\[?([^\]\n]+)`)
	quoted     = expression(`["']([^"'\n]+)["']`)
)

// readGemSpecification reads the specification of an installed gem.
func (inv *Inventory) readGemSpecification(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	name, version := gemName().FindSubmatch(text), gemVersion().FindSubmatch(text)
	if name == nil || version == nil {
		return nil
	}
	p := asset.Package{Type: "gem", Name: string(name[1]), Version: string(version[1])}
	if list := gemLicense().FindSubmatch(text); list != nil {
		for _, m := range quoted().FindAllSubmatch(list[1], maxLicenses) {
			p.Licenses = addLicense(p.Licenses, string(m[1]))
		}
	}
	return inv.add(f, p)
}

// readGemLock reads the lock file of Bundler: below "specs:" of each source,
// four spaces, a name and in brackets a version, perhaps with a platform.
func (inv *Inventory) readGemLock(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var packages []asset.Package
	section := ""
	for line := range bytes.Lines(text) {
		line := strings.TrimRight(string(line), "\r\n")
		switch {
		case line != "" && line[0] != ' ':
			section = line
		case section != "GEM" || !strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "     "):
		default:
			name, version, ok := strings.Cut(strings.TrimSpace(line), " (")
			version, _, _ = strings.Cut(strings.TrimSuffix(version, ")"), "-")
			if ok && version != "" {
				packages = append(packages, asset.Package{Type: "gem", Name: name, Version: version})
			}
		}
	}
	return inv.addLocked(f, packages)
}
