package inventory

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/collect/image/inventory/pclntab"
)

// readGoProgram reads the modules that a program in Go is linked from, and the
// functions. table is where the functions are listed, if that is known.
func (inv *Inventory) readGoProgram(f *image.File, c image.Content, table section) error {
	info, err := buildinfo.Read(c)
	if err != nil {
		return nil // not in Go
	}
	symbols, err := goSymbols(c, table)
	return errors.Join(inv.addGoProgram(f, goModules(info), symbols), err)
}

// addGoProgram keeps the modules of a program with the functions that are linked
// into it, nil if they are not known.
func (inv *Inventory) addGoProgram(f *image.File, packages []asset.Package, symbols *asset.Symbols) error {
	for i := range packages {
		packages[i].Binary = "/" + f.Path
		packages[i].Symbols = symbols
		if symbols == nil {
			packages[i].Unknown = append(packages[i].Unknown, asset.Unknown{Path: "symbols", Reason: "which functions are linked into /" + f.Path + " could not be read"})
		}
	}
	return inv.add(f, packages...)
}

func goModules(info *debug.BuildInfo) []asset.Package {
	std := asset.Package{Type: "golang", Name: "stdlib", Version: goToolchain(info.GoVersion)}
	if std.Version == "" {
		std.Unknown = []asset.Unknown{{Path: "version", Reason: "the program does not say by which version of Go it was built"}}
	}
	packages := []asset.Package{std}
	if info.Main.Path != "" {
		packages = append(packages, goModule(&info.Main))
	}
	for _, m := range info.Deps {
		if m.Replace != nil && m.Replace.Path != "" && !strings.HasPrefix(m.Replace.Path, ".") && !strings.HasPrefix(m.Replace.Path, "/") {
			m = m.Replace
		}
		if m.Path != "" {
			packages = append(packages, goModule(m))
		}
	}
	return packages
}

func goModule(m *debug.Module) asset.Package {
	p := asset.Package{Type: "golang", Name: m.Path, Version: strings.TrimPrefix(m.Version, "v")}
	if m.Version == "" || m.Version == "(devel)" {
		p.Version = ""
		p.Unknown = []asset.Unknown{{Path: "version", Reason: m.Path + " was built from a working tree: the program does not say which version it is"}}
	}
	return p
}

var toolchain = expression(`^go(\d+\.\d+)(\.\d+)?(?:(rc|beta)(\d+))?`)

// goToolchain writes the version of Go as a semantic one, as advisories do:
// "go1.22rc1 X:nocoverageredesign" is "1.22.0-rc.1".
func goToolchain(text string) string {
	m := toolchain().FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	version := m[1] + m[2]
	if m[2] == "" {
		version += ".0"
	}
	if m[3] != "" {
		version += "-" + m[3] + "." + m[4]
	}
	return version
}

// goSymbols reads the functions of a program, nil if there is no table of them.
func goSymbols(c image.Content, table section) (*asset.Symbols, error) {
	if table.size == 0 {
		at, err := pclntab.Find(c, 0, c.Size())
		if err != nil || at < 0 {
			return nil, err
		}
		table = section{at, c.Size() - at}
	}
	var failed error
	symbols := asset.NewSymbols(func(yield func(string) bool) {
		failed = pclntab.Names(part(c, table), table.size, symbolNames(yield))
	})
	if failed != nil {
		return nil, fmt.Errorf("which functions are linked is not known: %w", failed)
	}
	return symbols, nil
}

// symbolNames hands over the import path and the normal name of each function.
func symbolNames(yield func(string) bool) func(name []byte) bool {
	var buf [512]byte
	last := ""
	return func(name []byte) bool {
		pkg, function := pclntab.Split(name, buf[:0])
		if len(pkg) == 0 {
			return true
		}
		if string(pkg) != last { // they come package by package
			last = string(pkg)
			if !yield(last) {
				return false
			}
		}
		return len(function) == 0 || yield(last+"."+string(function))
	}
}

// part is a byte range of a file: without a copy where the file is in memory.
func part(c image.Content, s section) io.ReaderAt {
	whole := c.Bytes()
	if whole == nil {
		return io.NewSectionReader(c, s.offset, s.size)
	}
	return memory(whole[s.offset : s.offset+s.size])
}

// memory is bytes that can be read without copying them.
type memory []byte

// Bytes returns all of them.
func (m memory) Bytes() []byte { return m }

// ReadAt implements io.ReaderAt.
func (m memory) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(p, m[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
