package inventory

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	pb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/depsjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/packageslockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagelockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/pnpmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/yarnlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/php/composerlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/wheelegg"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemspec"
	"github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargoauditable"
	"github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargolock"
	"github.com/google/osv-scalibr/extractor/filesystem/os/apk"
	"github.com/google/osv-scalibr/extractor/filesystem/os/dpkg"
	"github.com/google/osv-scalibr/extractor/filesystem/os/pacman"
	"github.com/google/osv-scalibr/inventory"
)

// TestLikeScalibr holds the readers beside the extractors of OSV-Scalibr. Those
// are no part of the program: linked, the first of them costs 4.3 MB and the
// start of every command two milliseconds.
func TestLikeScalibr(t *testing.T) {
	type extractor = func(*pb.PluginConfig) (filesystem.Extractor, error)
	tests := []struct {
		path, text string
		oracle     extractor
		// more is what they list and an image's inventory does not: what is not
		// there, and what is the application itself.
		more []string
	}{
		{"var/lib/dpkg/status", dpkgPackage("libssl3", "3.0.11-1", "Source: openssl (3.0.11-1)\n") + dpkgPackage("bash", "5.2", "") +
			"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n", dpkg.New, nil},
		{"var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n", dpkg.New, nil},
		{"lib/apk/db/installed", "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld\n\nP:zlib\nV:1.3-r2\nA:x86_64\nL:Zlib\no:zlib\n\n", apk.New, nil},
		{"var/lib/pacman/local/zlib-1:1.3.1-2/desc", "%NAME%\nzlib\n\n%VERSION%\n1:1.3.1-2\n\n", pacman.New, nil},
		{"srv/package-lock.json", `{"lockfileVersion":3,"packages":{"":{"name":"app"},"node_modules/a":{"version":"1.0.0"},"node_modules/@s/b":{"version":"2.0.0"},
			"node_modules/a/node_modules/c":{"version":"3.0.0-rc.1"},"node_modules/d":{"version":"4.0.0","dev":true}}}`, packagelockjson.New, []string{"d 4.0.0"}},
		{"srv/package-lock.json", `{"lockfileVersion":1,"dependencies":{"a":{"version":"1.0.0","dependencies":{"b":{"version":"2.0.0"}}},"alias":{"version":"npm:real@3.0.0"}}}`,
			packagelockjson.New, nil},
		{"srv/yarn.lock", "# yarn lockfile v1\n\n\"@s/a@^1.0.0\", \"@s/a@^1.1.0\":\n  version \"1.2.0\"\n  resolved \"https://registry.yarnpkg.com/@s/a/-/a-1.2.0.tgz#x\"\n\nb@~2:\n  version \"2.0.1\"\n  resolved \"https://registry.yarnpkg.com/b/-/b-2.0.1.tgz#x\"\n", yarnlock.New, nil},
		{"srv/yarn.lock", "__metadata:\n  version: 6\n\n\"@s/a@npm:^1.0.0\":\n  version: 1.2.0\n  resolution: \"@s/a@npm:1.2.0\"\n\n\"b@npm:~2\":\n  version: 2.0.1\n  resolution: \"b@npm:2.0.1\"\n", yarnlock.New, nil},
		{"srv/pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages:\n  '@s/a@1.2.0':\n    resolution: {integrity: sha512-x}\n  b@2.0.1:\n    resolution: {integrity: sha512-x}\n", pnpmlock.New, nil},
		{"srv/pnpm-lock.yaml", "lockfileVersion: '6.0'\npackages:\n  /@s/a@1.2.0(b@2.0.1):\n    resolution: {integrity: sha512-x}\n    dev: false\n  /b@2.0.1:\n    resolution: {integrity: sha512-x}\n    dev: false\n", pnpmlock.New, nil},
		{"srv/pnpm-lock.yaml", "lockfileVersion: 5.4\npackages:\n  /@s/a/1.2.0_b@2.0.1:\n    resolution: {integrity: sha512-x}\n    dev: false\n  /b/2.0.1:\n    resolution: {integrity: sha512-x}\n    dev: false\n", pnpmlock.New, nil},
		{"lib/site-packages/a-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: A_b\nVersion: 1.0\n\nText\n", wheelegg.New, nil},
		{"app/composer.lock", `{"packages":[{"name":"a/b","version":"1.0.0"}],"packages-dev":[{"name":"c/d","version":"2.0.0"}]}`, composerlock.New, []string{"c/d 2.0.0"}},
		{"usr/lib/ruby/gems/3.1.0/specifications/rack-2.2.8.gemspec", "Gem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  s.version = \"2.2.8\"\nend\n", gemspec.New, nil},
		{"app/Gemfile.lock", "GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (2.2.8)\n    rails (7.0.8)\n      rack (~> 2.0)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  rails\n", gemfilelock.New, nil},
		{"app/Cargo.lock", "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.190\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n", cargolock.New, []string{"app 0.1.0"}},
		{"app/app.deps.json", `{"runtimeTarget":{"name":".NETCoreApp,Version=v8.0"},"libraries":{"app/1.0.0":{"type":"project"},"Newtonsoft.Json/13.0.1":{"type":"package"}}}`, depsjson.New, []string{"app 1.0.0"}},
		{"app/packages.lock.json", `{"version":1,"dependencies":{"net8.0":{"Serilog":{"type":"Direct","resolved":"3.1.1"},"Core":{"type":"Transitive","resolved":"2.0.0"}}}}`, packageslockjson.New, nil},
		{"usr/bin/tool*", auditable(t, `{"packages":[{"name":"serde","version":"1.0.190","source":"crates.io","kind":"runtime"},{"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"}]}`), cargoauditable.New, []string{"cc 1.0.0"}},
	}
	for _, test := range tests {
		r := inventoryOf(t, layers{{test.path: test.text}})
		var got []string
		for _, p := range r.Packages {
			got = append(got, p.Name+" "+p.Version)
		}
		oracle, err := test.oracle(&pb.PluginConfig{})
		if err != nil {
			t.Fatal(err)
		}
		want := extract(t, oracle, strings.TrimSuffix(test.path, "*"), test.text)
		want = slices.DeleteFunc(want, func(name string) bool { return slices.Contains(test.more, name) })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s (%s): %q, want %q", test.path, oracle.Name(), got, want)
		}
	}
}

func extract(t *testing.T, oracle filesystem.Extractor, path, text string) []string {
	t.Helper()
	root := fstest.MapFS{path: {Data: []byte(text), ModTime: time.Unix(0, 0)}}
	f, err := root.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := fs.Stat(root, path)
	if err != nil {
		t.Fatal(err)
	}
	var found inventory.Inventory
	found, err = oracle.Extract(context.Background(), &filesystem.ScanInput{FS: root, Path: path, Info: info, Reader: f})
	if err != nil {
		t.Fatalf("%s of %s: %v", oracle.Name(), path, err)
	}
	var names []string
	for _, p := range found.Packages {
		names = append(names, p.Name+" "+p.Version)
	}
	slices.Sort(names)
	return names
}
