package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// readPackageJSON reads the manifest of an installed package.
func (inv *Inventory) readPackageJSON(f *image.File, c image.Content) error {
	if c.Size() > 4<<20 {
		return errors.New("it is far too large for a package.json")
	}
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var m struct {
		Name     string          `json:"name"`
		Version  string          `json:"version"`
		License  json.RawMessage `json:"license"`
		Licenses json.RawMessage `json:"licenses"`
	}
	if json.Unmarshal(text, &m) != nil || m.Name == "" || m.Version == "" {
		return nil // test fixtures of packages are full of broken ones
	}
	p := asset.Package{Type: "npm", Name: m.Name, Version: strings.TrimPrefix(m.Version, "v")}
	for _, raw := range []json.RawMessage{m.License, m.Licenses} {
		for _, name := range npmLicenses(raw) {
			p.Licenses = addLicense(p.Licenses, name)
		}
	}
	return inv.add(f, p)
}

// npmLicenses reads the three ways in which packages have named their licence:
// a string, an object with a type, and a list of either.
func npmLicenses(raw json.RawMessage) []string {
	var one struct{ Type string }
	var many []json.RawMessage
	var text string
	switch {
	case len(raw) == 0:
	case json.Unmarshal(raw, &text) == nil:
		return []string{text}
	case json.Unmarshal(raw, &one) == nil:
		return []string{one.Type}
	case json.Unmarshal(raw, &many) == nil:
		var out []string
		for _, item := range many[:min(len(many), maxLicenses)] {
			if bytes.HasPrefix(bytes.TrimSpace(item), []byte("[")) {
				continue
			}
			out = append(out, npmLicenses(item)...)
		}
		return out
	}
	return nil
}

// readPackageLock reads the lock file of npm: since version 7 a flat list by
// folder, before that a tree.
func (inv *Inventory) readPackageLock(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var lock struct {
		Packages map[string]struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			Dev     bool   `json:"dev"`
			Link    bool   `json:"link"`
		} `json:"packages"`
		Dependencies map[string]npmLocked `json:"dependencies"`
	}
	// One odd entry is no reason to lose the others, which are read all the same.
	var odd *json.UnmarshalTypeError
	if err := json.Unmarshal(text, &lock); err != nil && !errors.As(err, &odd) {
		return err
	}
	var packages []asset.Package
	for path, locked := range lock.Packages {
		i := strings.LastIndex(path, "node_modules/")
		if i < 0 || locked.Dev || locked.Link {
			continue
		}
		name := path[i+len("node_modules/"):]
		if locked.Name != "" {
			name = locked.Name // an alias stands in the path
		}
		packages = appendNpm(packages, name, locked.Version)
	}
	if lock.Packages == nil {
		packages = npmTree(packages, lock.Dependencies, 0)
	}
	return inv.addLocked(f, packages)
}

// npmLocked is an entry of the tree.
type npmLocked struct {
	Version      string               `json:"version"`
	Dev          bool                 `json:"dev"`
	Dependencies map[string]npmLocked `json:"dependencies"`
}

const maxNpmDepth = 60

func npmTree(packages []asset.Package, tree map[string]npmLocked, depth int) []asset.Package {
	for name, locked := range tree {
		if locked.Dev || depth > maxNpmDepth {
			continue
		}
		packages = appendNpm(packages, name, locked.Version)
		packages = npmTree(packages, locked.Dependencies, depth+1)
	}
	return packages
}

// appendNpm adds a package that a lock file names. What comes from a folder or
// a repository has no version of the registry; an alias says so itself.
func appendNpm(packages []asset.Package, name, version string) []asset.Package {
	if alias, ok := strings.CutPrefix(version, "npm:"); ok {
		if i := strings.LastIndexByte(alias, '@'); i > 0 {
			name, version = alias[:i], alias[i+1:]
		}
	}
	if name == "" || version == "" || strings.ContainsAny(version, ":/") {
		return packages
	}
	return append(packages, asset.Package{Type: "npm", Name: name, Version: version})
}

// readYarnLock reads the lock file of yarn, which has two forms that look alike:
// blocks of descriptors with indented settings below.
func (inv *Inventory) readYarnLock(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var packages []asset.Package
	name := ""
	for line := range bytes.Lines(text) {
		line := strings.TrimRight(string(line), "\r\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			name = yarnName(line)
		case strings.HasPrefix(line, "  version") && name != "":
			version := strings.Trim(strings.TrimLeft(line[len("  version"):], ": "), `"`)
			if version != "0.0.0-use.local" { // a workspace: the application's own code
				packages = appendNpm(packages, name, version)
			}
			name = ""
		case strings.HasPrefix(line, "  resolution:") && strings.Contains(line, "@npm:"):
			// The newer form names the package behind an alias here, after its
			// version.
			resolved := strings.Trim(strings.TrimLeft(line[len("  resolution:"):], " "), `"`)
			i := strings.IndexByte(resolved[min(1, len(resolved)):], '@') + 1
			if i > 0 && strings.HasPrefix(resolved[i:], "@npm:") && len(packages) > 0 {
				packages[len(packages)-1].Name = resolved[:i]
			}
		}
	}
	return inv.addLocked(f, packages)
}

// yarnName takes the name out of a line of descriptors:
//
//	"@babel/core@^7.0.0", "@babel/core@^7.1.0":
//	"lodash@npm:^4.17.0, lodash@npm:^4.17.21":
func yarnName(line string) string {
	first, _, _ := strings.Cut(strings.TrimSuffix(line, ":"), ",")
	first = strings.Trim(strings.TrimSpace(first), `"`)
	at := strings.IndexByte(first[min(1, len(first)):], '@') + 1
	if at <= 0 {
		return ""
	}
	name, version := first[:at], first[at+1:]
	if alias, ok := strings.CutPrefix(version, "npm:"); ok {
		if i := strings.LastIndexByte(alias, '@'); i > 0 {
			return alias[:i]
		}
	}
	return name
}

// readPnpmLock reads the lock file of pnpm. It is YAML, but written by a program
// in one shape, so that lines tell all: below "packages:" the keys, below each
// its settings. Keys are "/name/1.0.0" up to version 5, "/name@1.0.0" in 6 and
// "name@1.0.0" in 9, with what it was resolved against behind an underscore or in
// brackets.
func (inv *Inventory) readPnpmLock(f *image.File, c image.Content) error {
	text, err := lockContent(c)
	if err != nil {
		return err
	}
	var packages []asset.Package
	var name, version string
	dev, inside := false, false
	flush := func() {
		if !dev {
			packages = appendNpm(packages, name, version)
		}
		name, version, dev = "", "", false
	}
	for line := range bytes.Lines(text) {
		line := strings.TrimRight(string(line), " \r\n")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		key, value, ok := strings.Cut(line[indent:], ": ")
		switch {
		case line == "":
		case indent == 0:
			flush()
			inside = line == "packages:"
		case !inside:
		case indent == 2:
			flush()
			name, version = pnpmKey(strings.Trim(strings.TrimSuffix(line[indent:], ":"), `'"`))
		case indent == 4 && ok && key == "dev":
			dev = value == "true"
		case indent == 4 && ok && key == "name":
			name = strings.Trim(value, `'"`)
		case indent == 4 && ok && key == "version":
			version = strings.Trim(value, `'"`)
		}
	}
	flush()
	return inv.addLocked(f, packages)
}

func pnpmKey(key string) (name, version string) {
	key, _, _ = strings.Cut(key, "(")
	slash := strings.HasPrefix(key, "/")
	key = strings.TrimPrefix(key, "/")
	if i := strings.LastIndexByte(key, '@'); i > 0 && !strings.Contains(key[i:], "/") && !strings.Contains(key[:i], "_") {
		return key[:i], key[i+1:]
	}
	if i := strings.LastIndexByte(key, '/'); i > 0 && slash {
		version, _, _ = strings.Cut(key[i+1:], "_")
		return key[:i], version
	}
	return "", ""
}
