package inventory

import (
	"bytes"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// readApk reads the database of apk: paragraphs of lines with a letter, a colon
// and a value, in which the files stand folder by folder.
func (inv *Inventory) readApk(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	var packages []asset.Package
	files := claim{o: &inv.owned}
	for len(text) > 0 && len(packages) <= maxPackages {
		var p asset.Package
		p, text = nextApk(text, &files, !f.Deleted)
		if p.Name == "" || p.Version == "" {
			continue
		}
		packages = append(packages, p)
		if err := inv.settle(p.Name, &files); err != nil {
			return err
		}
	}
	return inv.addDatabase(f, packages)
}

func nextApk(text []byte, files *claim, own bool) (asset.Package, []byte) {
	p := asset.Package{Type: "apk"}
	var dir, name string
	var sum Sum
	flush := func() {
		if own && name != "" {
			files.file(dir+"/"+name, sum)
		}
		name, sum = "", Sum{}
	}
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			break
		}
		if len(line) < 2 || line[1] != ':' {
			continue
		}
		value := line[2:]
		switch line[0] {
		case 'P':
			p.Name = string(value)
		case 'V':
			p.Version = string(value)
		case 'A':
			p.Arch = string(value)
		case 'o':
			p.Source = string(value)
		case 'L':
			p.Licenses = addLicense(p.Licenses, string(value))
		case 'F':
			flush()
			dir = string(value)
		case 'R':
			flush()
			name = string(value)
		case 'Z':
			if digest, ok := bytes.CutPrefix(value, []byte("Q1")); ok && own {
				sum = base64Sum(string(digest))
			}
		}
	}
	flush()
	if p.Source == "" {
		p.Source = p.Name
	}
	p.SourceVersion = p.Version
	return p, text
}
