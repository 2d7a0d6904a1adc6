package inventory

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// readPythonMetadata reads what an installer wrote beside a package's modules:
// fields as in a mail, of which the first ones count.
func (inv *Inventory) readPythonMetadata(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	if p, ok := pythonPackageOf(text); ok {
		return inv.add(f, p)
	}
	return nil
}

func pythonPackageOf(text []byte) (asset.Package, bool) {
	p := asset.Package{Type: "pypi"}
	var classified []string
	for line := range bytes.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":")
		if !ok && strings.TrimSpace(key) == "" {
			break // the description follows
		}
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			p.Name = value
		case "Version":
			p.Version = value
		case "License-Expression", "License":
			p.Licenses = addLicense(p.Licenses, value)
		case "Classifier":
			if name, ok := strings.CutPrefix(value, "License :: OSI Approved :: "); ok {
				classified = addLicense(classified, name)
			}
		}
	}
	if len(p.Licenses) == 0 {
		p.Licenses = classified
	}
	return p, p.Name != "" && p.Version != ""
}

// readEgg looks into a packed egg.
func (inv *Inventory) readEgg(f *image.File, c image.Content) error {
	archive, err := zip.NewReader(c, c.Size())
	if err != nil {
		return nil // folders of links have such names, too
	}
	for _, entry := range archive.File {
		if entry.Name != "EGG-INFO/PKG-INFO" {
			continue
		}
		text, err := entry.Open()
		if err != nil {
			return err
		}
		head, err := io.ReadAll(io.LimitReader(text, image.HeadSize))
		text.Close()
		if err != nil {
			return err
		}
		if p, ok := pythonPackageOf(head); ok {
			return inv.add(f, p)
		}
	}
	return nil
}
