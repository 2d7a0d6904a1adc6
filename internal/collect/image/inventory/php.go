package inventory

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

type composerPackage struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	License []string `json:"license"`
	Type    string   `json:"type"`
}

// readComposerInstalled reads Composer's record of what it installed: a list,
// and since Composer 2 an object with the list and the names of those packages
// that only development needs.
func (inv *Inventory) readComposerInstalled(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var installed struct {
		Packages []composerPackage `json:"packages"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		err = json.Unmarshal(text, &installed.Packages)
	} else {
		err = json.Unmarshal(text, &installed)
	}
	if err != nil {
		return err
	}
	return inv.add(f, composerPackages(installed.Packages)...)
}

func (inv *Inventory) readComposerLock(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var lock struct {
		Packages []composerPackage `json:"packages"`
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return err
	}
	return inv.addLocked(f, composerPackages(lock.Packages))
}

func composerPackages(listed []composerPackage) []asset.Package {
	var packages []asset.Package
	for _, l := range listed {
		if l.Name == "" || l.Version == "" {
			continue
		}
		p := asset.Package{Type: "composer", Name: l.Name, Version: strings.TrimPrefix(l.Version, "v")}
		for _, name := range l.License {
			p.Licenses = addLicense(p.Licenses, name)
		}
		packages = append(packages, p)
	}
	return slices.Clip(packages)
}
