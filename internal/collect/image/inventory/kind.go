package inventory

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// kind is what a file tells about, as far as its path can say.
type kind uint8

const (
	none kind = iota
	osRelease
	dpkgStatus
	dpkgStatusOne // of distroless images: one file a package
	dpkgSums
	debCopyright
	apkInstalled
	rpmDatabase
	rpmManifest
	pacmanDesc
	pacmanFiles
	chiselManifest
	packageJSON
	packageLock
	yarnLock
	pnpmLock
	pythonMetadata
	eggArchive
	composerLock
	composerInstalled
	gemSpecification
	gemLock
	cargoLock
	dotnetDeps
	nugetLock
	javaArchive
	executable
	goVersion
	nodeHeader
	nodeProgram
	pythonHeader
	phpHeader
	rubyConfig
	javaRelease
	dotnetRuntime
)

// reader is how a kind of file is read.
type reader struct {
	need image.Need
	read func(*Inventory, *image.File, image.Content) error
	// history says that copies which a later layer replaced are read as well:
	// they tell which layer brought what.
	history bool
}

// kinds are the readers; executables ask for more than a path, see Visit.
var kinds = [...]reader{
	osRelease:         {image.Head, (*Inventory).readRelease, false},
	dpkgStatus:        {image.Random, (*Inventory).readDpkgStatus, true},
	dpkgStatusOne:     {image.Random, (*Inventory).readDpkgStatusOne, false},
	dpkgSums:          {image.Random, (*Inventory).readDpkgSums, false},
	debCopyright:      {image.Random, (*Inventory).readCopyright, false},
	apkInstalled:      {image.Random, (*Inventory).readApk, true},
	rpmDatabase:       {image.Random, (*Inventory).readRpm, true},
	rpmManifest:       {image.Random, (*Inventory).readRpmManifest, true},
	pacmanDesc:        {image.Random, (*Inventory).readPacmanDesc, false},
	pacmanFiles:       {image.Random, (*Inventory).readPacmanFiles, false},
	chiselManifest:    {image.Random, (*Inventory).readChisel, true},
	packageJSON:       {image.Random, (*Inventory).readPackageJSON, false},
	packageLock:       {image.Random, (*Inventory).readPackageLock, false},
	yarnLock:          {image.Random, (*Inventory).readYarnLock, false},
	pnpmLock:          {image.Random, (*Inventory).readPnpmLock, false},
	pythonMetadata:    {image.Head, (*Inventory).readPythonMetadata, false},
	eggArchive:        {image.Random, (*Inventory).readEgg, false},
	composerLock:      {image.Random, (*Inventory).readComposerLock, false},
	composerInstalled: {image.Random, (*Inventory).readComposerInstalled, false},
	gemSpecification:  {image.Head, (*Inventory).readGemSpecification, false},
	gemLock:           {image.Random, (*Inventory).readGemLock, false},
	cargoLock:         {image.Random, (*Inventory).readCargoLock, false},
	dotnetDeps:        {image.Random, (*Inventory).readDotnetDeps, false},
	nugetLock:         {image.Random, (*Inventory).readNugetLock, false},
	javaArchive:       {image.Random, (*Inventory).readJavaArchive, false},
	executable:        {image.Random, (*Inventory).readExecutable, false},
	goVersion:         {image.Head, (*Inventory).readGoVersion, false},
	nodeHeader:        {image.Head, (*Inventory).readNodeHeader, false},
	nodeProgram:       {image.Windows, (*Inventory).readNodeProgram, false},
	pythonHeader:      {image.Head, (*Inventory).readPythonHeader, false},
	phpHeader:         {image.Head, (*Inventory).readPhpHeader, false},
	rubyConfig:        {image.Head, (*Inventory).readRubyConfig, false},
	javaRelease:       {image.Head, (*Inventory).readJavaRelease, false},
	dotnetRuntime:     {image.Nothing, nil, false},
}

// classify tells a file's kind by its path. Every file of the image passes here,
// so the base name decides first, and folders are looked at only for the few
// that remain.
func classify(path string) kind {
	base := path[strings.LastIndexByte(path, '/')+1:]
	switch base {
	case "":
		return none
	case "package.json":
		return nodeModule(path)
	case "METADATA", "PKG-INFO":
		return pythonPackage(path)
	case "copyright":
		if strings.HasPrefix(path, "usr/share/doc/") {
			return debCopyright
		}
		return none
	case "installed":
		if path == "lib/apk/db/installed" || path == "usr/lib/apk/db/installed" {
			return apkInstalled
		}
		return none
	case "desc", "files":
		return pacmanFile(path, base)
	case "status":
		if path == "var/lib/dpkg/status" {
			return dpkgStatus
		}
		return none
	case "os-release":
		if path == "etc/os-release" || path == "usr/lib/os-release" {
			return osRelease
		}
		return none
	case "rpmdb.sqlite", "Packages.db", "Packages", "container-manifest-2":
		return rpmFile(path, base)
	case "manifest.wall":
		if path == "var/lib/chisel/manifest.wall" {
			return chiselManifest
		}
		return none
	case "package-lock.json", "npm-shrinkwrap.json", ".package-lock.json", "yarn.lock", "pnpm-lock.yaml", "composer.lock",
		"Gemfile.lock", "gems.locked", "Cargo.lock", "packages.lock.json":
		return lockFile(path, base)
	case "installed.json":
		if strings.HasSuffix(path, "vendor/composer/installed.json") {
			return composerInstalled
		}
		return none
	case "VERSION", "node_version.h", "patchlevel.h", "php_version.h", "rbconfig.rb", "release", "node", "nodejs",
		"Microsoft.NETCore.App.deps.json":
		if k := runtimeFile(path, base); k != none {
			return k
		}
	}
	return byExtension(path, base)
}

func byExtension(path, base string) kind {
	dot := strings.LastIndexByte(base, '.')
	if dot < 0 {
		if strings.HasPrefix(path, statusFolder) {
			return dpkgStatusOne
		}
		return executable
	}
	switch base[dot+1:] {
	case "md5sums":
		if strings.HasPrefix(path, infoFolder) || strings.HasPrefix(path, statusFolder) {
			return dpkgSums
		}
	case "jar", "war", "ear", "par", "sar", "nar", "hpi", "jpi", "kar", "lpkg":
		return javaArchive
	case "gemspec":
		if strings.Contains(path, "specifications/") {
			return gemSpecification
		}
	case "egg":
		return eggArchive
	case "egg-info":
		return pythonMetadata
	case "json":
		if strings.HasSuffix(base, ".deps.json") {
			return dotnetDeps
		}
	case "py", "pyc", "js", "ts", "h", "c", "html", "css", "txt", "md", "png", "svg", "map", "rb", "gz", "list", "xml", "mo", "conf",
		"so", "a", "o", "pm", "pl", "hpp", "go", "yaml", "yml", "mjs", "cjs", "properties", "class", "dll", "pem", "crt":
		if base[dot+1:] == "so" {
			return executable
		}
	default:
		if strings.HasPrefix(path, statusFolder) {
			return dpkgStatusOne
		}
		return executable
	}
	return none
}

// nodeModule tells whether a package.json describes an installed package: the
// folder of one stands in node_modules, or there in that of its scope. Others
// are parts of packages, or somebody's source.
func nodeModule(path string) kind {
	dir := path[:max(len(path)-len("/package.json"), 0)]
	parent, _ := cutLast(dir)
	if parent == "" {
		return none
	}
	above, name := cutLast(parent)
	if name != "" && name[0] == '@' {
		_, name = cutLast(above)
	}
	if name == "node_modules" {
		return packageJSON
	}
	return none
}

func pythonPackage(path string) kind {
	dir, _ := cutLast(path)
	switch {
	case strings.HasSuffix(dir, ".dist-info"), strings.HasSuffix(dir, ".egg-info"), strings.HasSuffix(dir, "EGG-INFO"):
		return pythonMetadata
	}
	return none
}

func pacmanFile(path, base string) kind {
	switch {
	case !strings.HasPrefix(path, "var/lib/pacman/local/"):
		return none
	case base == "desc":
		return pacmanDesc
	}
	return pacmanFiles
}

func rpmFile(path, base string) kind {
	dir, _ := cutLast(path)
	switch dir {
	case "var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm":
		if base != "container-manifest-2" {
			return rpmDatabase
		}
	case "var/lib/rpmmanifest":
		if base == "container-manifest-2" {
			return rpmManifest
		}
	}
	return none
}

// lockFile tells lock files of applications from those that packages brought
// along: the latter say what their authors had installed.
func lockFile(path, base string) kind {
	if base == ".package-lock.json" { // npm's own record, beside the packages themselves
		return none
	}
	for _, shipped := range []string{"node_modules/", "/gems/", "site-packages/", "dist-packages/", ".cargo/registry/", "vendor/"} {
		if strings.Contains(path, shipped) {
			return none
		}
	}
	switch base {
	case "package-lock.json", "npm-shrinkwrap.json":
		return packageLock
	case "yarn.lock":
		return yarnLock
	case "pnpm-lock.yaml":
		return pnpmLock
	case "composer.lock":
		return composerLock
	case "Gemfile.lock", "gems.locked":
		return gemLock
	case "Cargo.lock":
		return cargoLock
	}
	return nugetLock
}

func runtimeFile(path, base string) kind {
	switch base {
	case "VERSION":
		if path == "usr/local/go/VERSION" || path == "usr/lib/go/VERSION" {
			return goVersion
		}
	case "node_version.h":
		return nodeHeader
	case "patchlevel.h":
		if strings.Contains(path, "include/python") {
			return pythonHeader
		}
	case "php_version.h":
		return phpHeader
	case "rbconfig.rb":
		return rubyConfig
	case "release":
		return javaRelease
	case "node", "nodejs":
		if strings.HasSuffix(path, "bin/"+base) {
			return nodeProgram
		}
	default:
		if strings.Contains(path, "shared/Microsoft.NETCore.App/") {
			return dotnetRuntime
		}
	}
	return none
}

// cutLast splits a path into its folder and its base name.
func cutLast(path string) (dir, base string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// folder is the folder of a file.
func folder(path string) string {
	dir, _ := cutLast(path)
	return dir
}
