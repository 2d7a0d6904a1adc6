package inventory

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// byteOrderMark begins many files that are written on Windows.
var byteOrderMark = []byte("\xef\xbb\xbf")

// readDotnetDeps reads what a .NET application says it is made of: libraries by
// "Name/1.0.0", each a package, a project or a file.
func (inv *Inventory) readDotnetDeps(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var deps struct {
		Libraries map[string]struct {
			Type string `json:"type"`
		} `json:"libraries"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(text, byteOrderMark), &deps); err != nil {
		return err
	}
	var packages []asset.Package
	for key, library := range deps.Libraries {
		name, version, ok := strings.Cut(key, "/")
		if !ok || name == "" || version == "" || !strings.EqualFold(library.Type, "package") {
			continue
		}
		packages = append(packages, asset.Package{Type: "nuget", Name: name, Version: version})
	}
	return inv.add(f, packages...)
}

// readNugetLock reads the lock file of NuGet: packages by framework.
func (inv *Inventory) readNugetLock(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var lock struct {
		Dependencies map[string]map[string]struct {
			Type     string `json:"type"`
			Resolved string `json:"resolved"`
		} `json:"dependencies"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(text, byteOrderMark), &lock); err != nil {
		return err
	}
	var packages []asset.Package
	for _, framework := range lock.Dependencies {
		for name, locked := range framework {
			if name == "" || locked.Resolved == "" || strings.EqualFold(locked.Type, "project") {
				continue
			}
			packages = append(packages, asset.Package{Type: "nuget", Name: name, Version: locked.Resolved})
		}
	}
	return inv.addLocked(f, packages)
}
