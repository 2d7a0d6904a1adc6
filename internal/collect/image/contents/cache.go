package contents

import "strings"

// The kinds of files that an image could do without.
const (
	packages  = "packages"
	build     = "build"
	logs      = "log"
	temporary = "temporary"
	versions  = "version-control"
	backup    = "backup"
)

// place is a folder below which everything can be made anew.
type place struct{ path, kind string }

// fixed are folders of the system, by the name that they begin with.
var fixed = map[string][]place{
	"var": {
		{"var/lib/apt/lists", packages}, {"var/cache/apt", packages}, {"var/cache/apk", packages}, {"var/cache/dnf", packages},
		{"var/cache/yum", packages}, {"var/cache/libdnf5", packages}, {"var/cache/zypp", packages}, {"var/cache/pacman", packages},
		{"var/cache/man", build}, {"var/cache/fontconfig", build}, {"var/cache/ldconfig", build},
		{"var/cache/nginx", temporary}, {"var/log", logs}, {"var/tmp", temporary},
	},
	"etc": {{"etc/apk/cache", packages}},
	"usr": {
		{"usr/local/share/.cache/yarn", packages}, {"usr/local/cargo/registry", packages}, {"usr/local/bundle/cache", packages},
		{"usr/share/man/db", build},
	},
	"opt":  {{"opt/conda/pkgs", packages}},
	"go":   {{"go/pkg/mod", packages}, {"go/pkg/sumdb", packages}},
	"tmp":  {{"tmp", temporary}},
	"root": {{"root/go/pkg/mod", packages}},
}

// hidden are folders of somebody's home, wherever it is, by the hidden folder
// that they begin with.
var hidden = map[string][]place{
	".git": {{".git", versions}}, ".svn": {{".svn", versions}}, ".hg": {{".hg", versions}}, ".bzr": {{".bzr", versions}},
	".npm":      {{".npm/_cacache", packages}, {".npm/_logs", logs}, {".npm/_npx", packages}},
	".yarn":     {{".yarn/cache", packages}},
	".cargo":    {{".cargo/registry", packages}, {".cargo/git", packages}},
	".m2":       {{".m2/repository", packages}},
	".gradle":   {{".gradle/caches", packages}, {".gradle/wrapper/dists", packages}},
	".ivy2":     {{".ivy2/cache", packages}},
	".composer": {{".composer/cache", packages}},
	".bundle":   {{".bundle/cache", packages}},
	".node-gyp": {{".node-gyp", build}},
	".ccache":   {{".ccache", build}},
	".cache": {
		{".cache/pip", packages}, {".cache/pipenv", packages}, {".cache/pypoetry", packages}, {".cache/uv", packages},
		{".cache/yarn", packages}, {".cache/pnpm", packages}, {".cache/composer", packages}, {".cache/go-build", build},
		{".cache/bazel", build}, {".cache/node-gyp", build}, {".cache/helm", packages}, {".cache/deno", packages}, {".cache/ccache", build},
	},
}

// cache returns the folder that a file could be missing with, and what kind of
// folder that is, "" for a file that is needed as far as its path tells. A file
// that could be missing alone is its own folder.
func cache(path string) (root, kind string) {
	first, _, _ := strings.Cut(path, "/")
	for _, p := range fixed[first] {
		if len(path) > len(p.path) && path[len(p.path)] == '/' && path[:len(p.path)] == p.path {
			return p.path, p.kind
		}
	}
	for at := 0; ; {
		i := strings.IndexByte(path[at:], '.')
		if i < 0 {
			break
		}
		if at += i; at == 0 || path[at-1] == '/' {
			if root, kind = hiddenCache(path, at); kind != "" {
				return root, kind
			}
		}
		at++
	}
	if name := path[strings.LastIndexByte(path, '/')+1:]; strings.HasSuffix(name, "~") || name == ".DS_Store" ||
		len(name) > 5 && name[0] == '.' && strings.HasSuffix(name, ".swp") {
		return path, backup
	}
	return "", ""
}

// hiddenCache looks at the part of a path that begins with a hidden folder.
func hiddenCache(path string, at int) (root, kind string) {
	name, _, ok := strings.Cut(path[at:], "/")
	if !ok {
		return "", ""
	}
	for _, p := range hidden[name] {
		if end := at + len(p.path); len(path) > end && path[end] == '/' && path[at:end] == p.path {
			return path[:end], p.kind
		}
	}
	return "", ""
}
