package inventory

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// maxAudit bounds the unpacked list of crates in an executable.
const maxAudit = 16 << 20

// readAudit reads the list of crates that cargo-auditable leaves in a section of
// an executable: JSON, compressed.
func (inv *Inventory) readAudit(f *image.File, packed []byte) error {
	unpack, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("unpacking its list of crates: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(unpack, maxAudit))
	if err != nil {
		return fmt.Errorf("unpacking its list of crates: %w", err)
	}
	var list struct {
		Packages []struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			Kind    string `json:"kind"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("its list of crates: %w", err)
	}
	var packages []asset.Package
	for _, l := range list.Packages {
		if l.Name == "" || l.Version == "" || l.Kind == "build" { // not linked
			continue
		}
		packages = append(packages, asset.Package{Type: "cargo", Name: l.Name, Version: l.Version, Binary: "/" + f.Path})
	}
	return inv.add(f, packages...)
}

// readCargoLock reads the lock file of Cargo. It is TOML, but written by a
// program in one shape: tables of packages, each key on a line of its own.
func (inv *Inventory) readCargoLock(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var packages []asset.Package
	var name, version, source string
	flush := func() {
		if name != "" && version != "" && source != "" { // others are the project's own
			packages = append(packages, asset.Package{Type: "cargo", Name: name, Version: version})
		}
		name, version, source = "", "", ""
	}
	for line := range bytes.Lines(text) {
		line := strings.TrimSpace(string(line))
		if strings.HasPrefix(line, "[") {
			flush()
			continue
		}
		key, value, ok := strings.Cut(line, " = ")
		if !ok {
			continue
		}
		value, err := strconv.Unquote(value)
		if err != nil {
			continue
		}
		switch key {
		case "name":
			name = value
		case "version":
			version = value
		case "source":
			source = value
		}
	}
	flush()
	return inv.addLocked(f, packages)
}
