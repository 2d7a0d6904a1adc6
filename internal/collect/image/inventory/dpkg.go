package inventory

import (
	"bytes"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

const (
	infoFolder   = "var/lib/dpkg/info/"
	statusFolder = "var/lib/dpkg/status.d/"
)

// readDpkgStatus reads the database of dpkg.
func (inv *Inventory) readDpkgStatus(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	var packages []asset.Package
	for len(text) > 0 {
		var s stanza
		s, text = nextStanza(text)
		p, ok := s.debian()
		if !ok || !s.installed() {
			continue
		}
		if packages = append(packages, p); len(packages) > maxPackages {
			break // addDatabase says so
		}
		if !f.Deleted && len(s.conffiles) > 0 {
			if err := inv.ownConffiles(p.Name, s.conffiles); err != nil {
				return err
			}
		}
	}
	return inv.addDatabase(f, packages)
}

// readDpkgStatusOne reads a package's own record, as distroless images have it.
// There is no state in it: what is recorded is there.
func (inv *Inventory) readDpkgStatusOne(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	s, _ := nextStanza(text)
	if p, ok := s.debian(); ok {
		return inv.add(f, p)
	}
	return nil
}

// stanza holds the fields of a paragraph that matter here.
type stanza struct {
	name, version, arch, source, status []byte
	conffiles                           []byte
}

// nextStanza reads up to an empty line and returns what follows it.
func nextStanza(text []byte) (stanza, []byte) {
	var s stanza
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		if len(line) == 0 {
			return s, text
		}
		switch line[0] { // of the common lines few get any further
		case 'P', 'V', 'A', 'S', 'C':
		case ' ', '\t', '\r':
			if len(bytes.TrimSpace(line)) == 0 {
				return s, text
			}
			continue
		default:
			continue
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		value = bytes.TrimSpace(value)
		switch string(key) {
		case "Package":
			s.name = value
		case "Version":
			s.version = value
		case "Architecture":
			s.arch = value
		case "Source":
			s.source = value
		case "Status":
			s.status = value
		case "Conffiles":
			s.conffiles = continuation(text)
		}
	}
	return s, nil
}

// continuation is the indented lines that text begins with.
func continuation(text []byte) []byte {
	end := 0
	for end < len(text) && (text[end] == ' ' || text[end] == '\t') {
		i := bytes.IndexByte(text[end:], '\n')
		if i < 0 {
			return text
		}
		end += i + 1
	}
	return text[:end]
}

// installed tells by the state whether the package's files are there.
func (s *stanza) installed() bool {
	state := s.status[bytes.LastIndexByte(s.status, ' ')+1:]
	switch string(state) {
	case "", "not-installed", "config-files", "half-installed":
		return false
	}
	return true
}

func (s *stanza) debian() (asset.Package, bool) {
	if len(s.name) == 0 || len(s.version) == 0 {
		return asset.Package{}, false
	}
	p := asset.Package{Type: "deb", Name: string(s.name), Version: string(s.version), Arch: string(s.arch)}
	// "glibc", or "glibc (2.36-9)" if the versions differ.
	source, version, _ := strings.Cut(string(s.source), " (")
	p.Source, p.SourceVersion = source, strings.TrimSuffix(version, ")")
	if p.Source == "" {
		p.Source = p.Name
	}
	if p.SourceVersion == "" {
		p.SourceVersion = p.Version
	}
	return p, true
}

// ownConffiles records the configuration files, which md5sums leaves out.
func (inv *Inventory) ownConffiles(name string, lines []byte) error {
	files := claim{o: &inv.owned}
	for line := range bytes.Lines(lines) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		files.file(string(fields[0]), hexSum(string(fields[1])))
	}
	return inv.settle(name, &files)
}

// readDpkgSums reads which files a package brought: lines of an MD5 sum and a
// path. The name of the file is that of the package, with its architecture
// where several are installed.
func (inv *Inventory) readDpkgSums(f *image.File, c image.Content) error {
	text, err := content(c)
	if err != nil {
		return err
	}
	_, name := cutLast(f.Path)
	name, _, _ = strings.Cut(strings.TrimSuffix(name, ".md5sums"), ":")
	files := claim{o: &inv.owned}
	for line := range strings.Lines(string(text)) {
		sum, path, ok := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if ok {
			files.file(strings.TrimLeft(path, " *"), hexSum(sum))
		}
	}
	return inv.settle(name, &files)
}

// readCopyright finds the licences that Debian's machine-readable form names.
func (inv *Inventory) readCopyright(f *image.File, c image.Content) error {
	name := folder(strings.TrimPrefix(f.Path, "usr/share/doc/"))
	if name == "" || strings.Contains(name, "/") || c.Size() > 1<<20 {
		return nil
	}
	text, err := content(c)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(text, []byte("Format:")) && !bytes.HasPrefix(text, []byte("Format-Specification:")) {
		return nil
	}
	var names []string
	for line := range bytes.Lines(text) {
		value, ok := bytes.CutPrefix(line, []byte("License:"))
		if !ok || len(names) >= maxLicenses {
			continue
		}
		names = addLicense(names, string(bytes.TrimSpace(value)))
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.licenses[name] = names
	return nil
}
