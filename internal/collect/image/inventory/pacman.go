package inventory

import (
	"bytes"
	"path"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// readPacmanDesc reads the record of one package of Arch Linux: keys between
// per cent signs, each with its values on the lines below.
func (inv *Inventory) readPacmanDesc(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	p := asset.Package{Type: "alpm"}
	sections(text, func(key, value string) {
		switch key {
		case "%NAME%":
			p.Name = value
		case "%VERSION%":
			p.Version = value
		case "%BASE%":
			p.Source = value
		case "%ARCH%":
			p.Arch = value
		case "%LICENSE%":
			p.Licenses = addLicense(p.Licenses, value)
		}
	})
	if p.Name == "" || p.Version == "" {
		return nil
	}
	if p.Source == "" {
		p.Source = p.Name
	}
	p.SourceVersion = p.Version
	return inv.add(f, p)
}

// readPacmanFiles reads which files a package brought. Their digests stand in a
// compressed list that is not read.
func (inv *Inventory) readPacmanFiles(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	files := claim{o: &inv.owned}
	sections(text, func(key, value string) {
		if key == "%FILES%" && !strings.HasSuffix(value, "/") {
			files.file(value, Sum{})
		}
	})
	return inv.settle(pacmanName(path.Base(folder(f.Path))), &files)
}

// pacmanName cuts version and release off a folder's name: "zlib-1:1.3.1-2".
func pacmanName(dir string) string {
	for range 2 {
		if i := strings.LastIndexByte(dir, '-'); i > 0 {
			dir = dir[:i]
		}
	}
	return dir
}

func sections(text []byte, yield func(key, value string)) {
	key := ""
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
		case line[0] == '%' && line[len(line)-1] == '%':
			key = string(line)
		default:
			yield(key, string(line))
		}
	}
}
