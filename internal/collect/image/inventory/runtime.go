package inventory

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// interpreter is an interpreter or virtual machine that files told of.
type interpreter struct {
	name, version string
	path          string // the file that told
	program       string // the program, if that is another one
}

func (inv *Inventory) addRuntime(r interpreter) error {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if r.version != "" {
		inv.runtimes = append(inv.runtimes, r)
	}
	return nil
}

// addPath takes what a path alone tells.
func (inv *Inventory) addPath(f *image.File, k kind) {
	if k != dotnetRuntime {
		return
	}
	_, version := cutLast(folder(f.Path))
	_ = inv.addRuntime(interpreter{name: "dotnet", version: version, path: f.Path})
}

// first returns the first group of an expression in a file, "" if there is none.
func first(c image.Content, expression *regexp.Regexp) (string, error) {
	text, err := content(c)
	if err != nil {
		return "", err
	}
	if m := expression.FindSubmatch(text); m != nil {
		return string(bytes.Join(m[1:], []byte("."))), nil
	}
	return "", nil
}

var (
	goLine       = expression(`^go(\d+\.\d+(?:\.\d+)?)`)
	nodeLines    = expression(`#define NODE_MAJOR_VERSION (\d+)\s+#define NODE_MINOR_VERSION (\d+)\s+#define NODE_PATCH_VERSION (\d+)`)
	pythonLine   = expression(`#define PY_VERSION\s+"(\d+\.\d+\.\d+)`)
	phpLine      = expression(`#define PHP_VERSION "(\d+\.\d+\.\d+)`)
	rubyLines    = expression(`CONFIG\["MAJOR"\] = "(\d+)"\s+CONFIG\["MINOR"\] = "(\d+)"\s+CONFIG\["TEENY"\] = "(\d+)"`)
	javaLine     = expression(`(?m)^JAVA_VERSION="([^"\n]+)"`)
	nodeHeaders  = expression(`node-v(\d+\.\d+\.\d+)-headers\.tar`)
	nodeReleases = []byte("-headers.tar")
)

func (inv *Inventory) readGoVersion(f *image.File, c image.Content) error {
	version, err := first(c, goLine())
	return cmp.Or(err, inv.addRuntime(interpreter{"go", version, f.Path, strings.TrimSuffix(f.Path, "VERSION") + "bin/go"}))
}

func (inv *Inventory) readNodeHeader(f *image.File, c image.Content) error {
	version, err := first(c, nodeLines())
	program := f.Path
	if prefix, ok := strings.CutSuffix(f.Path, "include/node/node_version.h"); ok {
		program = prefix + "bin/node"
	}
	return cmp.Or(err, inv.addRuntime(interpreter{"node", version, f.Path, program}))
}

// readNodeProgram finds the version in the program itself, which holds the
// address of its headers.
func (inv *Inventory) readNodeProgram(f *image.File, c image.Content) error {
	const around = 64
	version := ""
	err := c.Windows(2*around, func(piece []byte, _ int64) bool {
		for rest := piece; version == ""; {
			i := bytes.Index(rest, nodeReleases)
			if i < 0 {
				break
			}
			if m := nodeHeaders().FindSubmatch(rest[max(0, i-around):min(len(rest), i+around)]); m != nil {
				version = string(m[1])
			}
			rest = rest[i+1:]
		}
		return version == ""
	})
	return cmp.Or(err, inv.addRuntime(interpreter{"node", version, f.Path, f.Path}))
}

func (inv *Inventory) readPythonHeader(f *image.File, c image.Content) error {
	version, err := first(c, pythonLine())
	program := f.Path
	if i := strings.Index(f.Path, "include/python"); i >= 0 {
		name, _, _ := strings.Cut(f.Path[i+len("include/"):], "/")
		program = f.Path[:i] + "bin/" + name
	}
	return cmp.Or(err, inv.addRuntime(interpreter{"python", version, f.Path, program}))
}

func (inv *Inventory) readPhpHeader(f *image.File, c image.Content) error {
	version, err := first(c, phpLine())
	program := f.Path
	if i := strings.Index(f.Path, "include/php"); i >= 0 {
		program = f.Path[:i] + "bin/php"
	}
	return cmp.Or(err, inv.addRuntime(interpreter{"php", version, f.Path, program}))
}

func (inv *Inventory) readRubyConfig(f *image.File, c image.Content) error {
	version, err := first(c, rubyLines())
	program := f.Path
	if i := strings.Index(f.Path, "lib/ruby/"); i >= 0 {
		program = f.Path[:i] + "bin/ruby"
	}
	return cmp.Or(err, inv.addRuntime(interpreter{"ruby", version, f.Path, program}))
}

func (inv *Inventory) readJavaRelease(f *image.File, c image.Content) error {
	version, err := first(c, javaLine())
	if old, ok := strings.CutPrefix(version, "1."); ok { // "1.8.0_392" is Java 8
		version = strings.ReplaceAll(old, "_", ".")
	}
	return cmp.Or(err, inv.addRuntime(interpreter{"java", version, f.Path, strings.TrimSuffix(f.Path, "release") + "bin/java"}))
}

// runtimePackages tell runtimes by the packages of distributions that bring
// them.
var runtimePackages = []struct {
	name     string
	packages func() *regexp.Regexp
}{
	{"python", expression(`^(python3?(\.?\d+)?(-minimal)?|python2(\.7)?(-minimal)?|pypy3?)$`)},
	{"node", expression(`^nodejs(-current|\d*|-\d+)$`)},
	{"go", expression(`^(golang-\d+\.\d+-go|golang-bin|go(-\d+\.\d+)?)$`)},
	{"java", expression(`^(openjdk-?\d+(-jre|-jre-headless|-jre-base)?|java-[\d.]+-openjdk(-headless)?|jre\d*-openjdk(-headless)?)$`)},
	{"php", expression(`^(php\d*(\.\d+)?(-cli|-common)?)$`)},
	{"ruby", expression(`^(ruby-?(\d+\.\d+)?|libruby\d+\.\d+|ruby-libs)$`)},
	{"dotnet", expression(`^(dotnet\d*-runtime(-\d+\.\d+)?|dotnet-runtime-\d+\.\d+)$`)},
}

var upstream = expression(`^(?:\d+:)?v?(\d+(?:[._]\d+)*)`)

// packagedRuntimes are those that packages of the distribution bring. Some, such
// as Debian's "python3", only name the current one: they do as long as nothing
// more exact is there.
func packagedRuntimes(packages []*asset.Package) []asset.Runtime {
	var out []asset.Runtime
	for _, p := range packages {
		switch p.Type {
		case "deb", "apk", "rpm", "alpm":
		default:
			continue
		}
		for _, r := range runtimePackages {
			if !r.packages().MatchString(p.Name) {
				continue
			}
			if m := upstream().FindStringSubmatch(p.Version); m != nil {
				out = append(out, asset.Runtime{Name: r.name, Version: m[1], Owner: p.Name})
			}
		}
	}
	return out
}

// finishRuntimes joins what files and packages told: one for each runtime and
// minor version, the most exact.
func (inv *Inventory) finishRuntimes(packages []*asset.Package) []asset.Runtime {
	var all []asset.Runtime
	for _, r := range inv.runtimes {
		owner, _, _ := inv.owned.find(r.path)
		all = append(all, asset.Runtime{Name: r.name, Version: r.version, Path: "/" + cmp.Or(r.program, r.path), Owner: owner})
	}
	all = append(all, packagedRuntimes(packages)...)
	slices.SortFunc(all, func(a, b asset.Runtime) int {
		return cmp.Or(
			strings.Compare(a.Name, b.Name), strings.Compare(minor(a.Version), minor(b.Version)),
			strings.Compare(a.Owner, b.Owner), -cmp.Compare(strings.Count(a.Version, "."), strings.Count(b.Version, ".")),
			strings.Compare(b.Path, a.Path), strings.Compare(a.Version, b.Version),
		)
	})
	// Two of one version are two if they lie in two places and one is nobody's.
	return slices.CompactFunc(all, func(a, b asset.Runtime) bool {
		return a.Name == b.Name && minor(a.Version) == minor(b.Version) &&
			(a.Owner != "" && b.Owner != "" || a.Owner == b.Owner && (a.Path == b.Path))
	})
}

// minor is the part of a version that support is decided by.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
