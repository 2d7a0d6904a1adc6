package inventory

import (
	"bytes"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/collect/image/inventory/rpmdb"
)

// readRpm reads a database of rpm, of any of its formats. Copies that were
// replaced tell only names and versions.
func (inv *Inventory) readRpm(f *image.File, c image.Content) error {
	var packages []asset.Package
	files := claim{o: &inv.owned}
	var failed error
	err := rpmdb.Read(c, c.Size(), func(h *rpmdb.Header) bool {
		p := rpmPackage(h)
		if p.Name == "" || p.Version == "" || p.Name == "gpg-pubkey" { // keys are kept as packages
			return true
		}
		packages = append(packages, p)
		if f.Deleted {
			return true
		}
		for path, digest := range h.Files() {
			files.file(path, hexSum(digest))
		}
		failed = inv.settle(p.Name, &files)
		return failed == nil && len(packages) <= maxPackages
	})
	if failed != nil {
		return failed
	}
	if added := inv.addDatabase(f, packages); added != nil {
		return added
	}
	return err
}

func rpmPackage(h *rpmdb.Header) asset.Package {
	p := asset.Package{
		Type: "rpm", Name: h.Name, Version: h.Version, Arch: h.Arch,
		Licenses: addLicense(nil, h.License),
	}
	if h.Release != "" {
		p.Version += "-" + h.Release
	}
	if h.Epoch != "" && h.Epoch != "0" {
		p.Version = h.Epoch + ":" + p.Version
	}
	p.Source, p.SourceVersion = sourceRpm(h.SourceRPM)
	if p.Source == "" {
		p.Source, p.SourceVersion = p.Name, p.Version
	}
	if name, rest, ok := strings.Cut(h.Module, ":"); ok {
		stream, _, _ := strings.Cut(rest, ":")
		p.Module = name + ":" + stream
	}
	return p
}

// sourceRpm splits the file name of a source package:
// "openssl-3.0.7-18.el9.src.rpm".
func sourceRpm(file string) (name, version string) {
	file = strings.TrimSuffix(strings.TrimSuffix(file, ".rpm"), ".src")
	file = strings.TrimSuffix(file, ".nosrc")
	release := strings.LastIndexByte(file, '-')
	if release <= 0 {
		return "", ""
	}
	middle := strings.LastIndexByte(file[:release], '-')
	if middle <= 0 {
		return "", ""
	}
	return file[:middle], file[middle+1:]
}

// readRpmManifest reads the list that distroless images of rpm distributions
// carry in place of the database: name, version-release, two times, vendor,
// group, size, architecture, epoch and source, parted by tabs.
func (inv *Inventory) readRpmManifest(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	var packages []asset.Package
	for line := range bytes.Lines(text) {
		fields := strings.Split(strings.TrimSpace(string(line)), "\t")
		if len(fields) < 10 || len(packages) > maxPackages {
			continue
		}
		version, release, _ := strings.Cut(fields[1], "-")
		packages = append(packages, rpmPackage(&rpmdb.Header{
			Name: fields[0], Version: version, Release: release, Arch: fields[7],
			Epoch: strings.Trim(fields[8], "()noe"), SourceRPM: fields[9],
		}))
	}
	return inv.addDatabase(f, packages)
}
