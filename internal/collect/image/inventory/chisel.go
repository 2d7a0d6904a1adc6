package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// chiselLine is a record of the manifest of Ubuntu's chiselled images: a
// package, or a path that belongs to slices of packages.
type chiselLine struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Arch    string   `json:"arch"`
	Path    string   `json:"path"`
	SHA256  string   `json:"sha256"`
	Final   string   `json:"final_sha256"`
	Slices  []string `json:"slices"`
}

// readChisel reads a manifest: JSON values behind each other, compressed.
func (inv *Inventory) readChisel(f *image.File, c image.Content) error {
	packed, err := content(c)
	if err != nil {
		return err
	}
	unpack, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxText), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return err
	}
	defer unpack.Close()
	dec := json.NewDecoder(io.LimitReader(unpack, maxText))
	var packages []asset.Package
	files := claim{o: &inv.owned}
	for {
		var line chiselLine
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("the manifest of chisel: %w", err)
		}
		switch {
		case line.Kind == "package" && line.Name != "" && line.Version != "":
			// The manifest does not know the source packages.
			packages = append(packages, asset.Package{Type: "deb", Name: line.Name, Version: line.Version, Arch: line.Arch})
		case line.Kind == "path" && len(line.Slices) > 0 && line.SHA256 != "" && !f.Deleted:
			digest := line.SHA256
			if line.Final != "" {
				digest = line.Final
			}
			owner, _, _ := bytes.Cut([]byte(line.Slices[0]), []byte("_"))
			files.file(line.Path, hexSum(digest))
			if err := inv.settle(string(owner), &files); err != nil {
				return err
			}
		}
	}
	return inv.addDatabase(f, packages)
}
