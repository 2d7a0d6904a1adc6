package inventory

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"strings"
	"testing"
)

func TestLanguages(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{
			"npm", map[string]string{
				"app/node_modules/lodash/package.json":                       `{"name":"lodash","version":"4.17.21","license":"MIT"}`,
				"app/node_modules/@babel/core/package.json":                  `{"name":"@babel/core","version":"v7.1.0"}`,
				"app/node_modules/a/node_modules/lodash/package.json":        `{"name":"lodash","version":"3.0.0"}`,
				"app/node_modules/.pnpm/b@1.0.0/node_modules/b/package.json": `{"name":"b","version":"1.0.0"}`,
				"app/node_modules/lodash/fp/package.json":                    `{"name":"not-one","version":"1.0.0"}`,
				"app/package.json":                     `{"name":"app","version":"1.0.0"}`,
				"app/node_modules/broken/package.json": `{"name":`,
				"app/package-lock.json":                `{"packages":{"node_modules/locked":{"version":"9.9.9"}}}`,
			},
			"@babel/core 7.1.0, b 1.0.0, lodash 3.0.0, lodash 4.17.21",
		},
		{
			"package-lock 3", map[string]string{"srv/package-lock.json": `{"lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0"},
				"node_modules/lodash":{"version":"4.17.21","dependencies":{"x":"^1"}},"node_modules/@a/b":{"version":"1.0.0"},
				"node_modules/mocha":{"version":"10.0.0","dev":true},"node_modules/w":{"link":true,"resolved":"packages/w"},
				"node_modules/alias":{"name":"real","version":"2.0.0"}}}`},
			"@a/b 1.0.0, lodash 4.17.21, real 2.0.0",
		},
		{
			"package-lock 1", map[string]string{"srv/package-lock.json": `{"lockfileVersion":1,"dependencies":{
				"a":{"version":"1.0.0","requires":{"b":"^2"},"dependencies":{"b":{"version":"2.0.0"}}},
				"alias":{"version":"npm:real@3.0.0"},"git":{"version":"git+ssh://x/y.git#abc"},"dev":{"version":"1.0.0","dev":true}}}`},
			"a 1.0.0, b 2.0.0, real 3.0.0",
		},
		{
			"yarn 1", map[string]string{"srv/yarn.lock": "# yarn lockfile v1\n\n\n\"@babel/core@^7.0.0\", \"@babel/core@^7.1.0\":\n  version \"7.23.0\"\n  resolved \"https://x\"\n  dependencies:\n    version \"^9\"\n\nlodash@^4.17.0:\n  version \"4.17.21\"\n\nalias@npm:real@^1.0.0:\n  version \"1.2.0\"\n"},
			"@babel/core 7.23.0, lodash 4.17.21, real 1.2.0",
		},
		{
			"yarn 4", map[string]string{"srv/yarn.lock": "__metadata:\n  version: 8\n\n\"lodash@npm:^4.17.0, lodash@npm:^4.17.21\":\n  version: 4.17.21\n  resolution: \"lodash@npm:4.17.21\"\n\n\"alias@npm:@real/pkg@^1.0.0\":\n  version: 1.2.0\n  resolution: \"@real/pkg@npm:1.2.0\"\n\n\"app@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"app@workspace:.\"\n"},
			"@real/pkg 1.2.0, lodash 4.17.21",
		},
		{
			"pnpm 9", map[string]string{"srv/pnpm-lock.yaml": "lockfileVersion: '9.0'\npackages:\n  '@babel/core@7.23.0':\n    resolution: {integrity: sha512-x}\n  lodash@4.17.21:\n    resolution: {integrity: sha512-x}\nsnapshots:\n  lodash@4.17.21: {}\n"},
			"@babel/core 7.23.0, lodash 4.17.21",
		},
		{
			"pnpm 6", map[string]string{"srv/pnpm-lock.yaml": "lockfileVersion: '6.0'\npackages:\n  /@babel/core@7.23.0(supports-color@8.1.1):\n    dev: false\n  /lodash@4.17.21:\n    dev: false\n  /mocha@10.0.0:\n    dev: true\n"},
			"@babel/core 7.23.0, lodash 4.17.21",
		},
		{
			"pnpm 5", map[string]string{"srv/pnpm-lock.yaml": "lockfileVersion: 5.4\npackages:\n  /@babel/core/7.23.0_supports-color@8.1.1:\n    dev: false\n  /lodash/4.17.21:\n    dev: false\n"},
			"@babel/core 7.23.0, lodash 4.17.21",
		},
		{
			"python", map[string]string{
				"usr/local/lib/python3.12/site-packages/requests-2.31.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nLicense: Apache 2.0\nClassifier: License :: OSI Approved :: Apache Software License\n\n# Requests\nName: evil\n",
				"usr/lib/python3/dist-packages/PyYAML-6.0.egg-info":                         "Metadata-Version: 1.1\nName: PyYAML\nVersion: 6.0\n",
				"usr/lib/python3/dist-packages/x.egg":                                       packed(t, map[string]string{"EGG-INFO/PKG-INFO": "Name: egg\nVersion: 0.1\n"}),
				"usr/lib/python3/dist-packages/METADATA":                                    "Name: none\nVersion: 1\n",
			},
			"PyYAML 6.0, egg 0.1, requests 2.31.0",
		},
		{
			"composer", map[string]string{
				"app/vendor/composer/installed.json": `{"packages":[{"name":"monolog/monolog","version":"v2.9.1","license":["MIT"]}],"dev":false,"dev-package-names":[]}`,
				"old/vendor/composer/installed.json": `[{"name":"symfony/yaml","version":"v5.4.0"}]`,
				"app/composer.lock":                  `{"packages":[{"name":"locked/one","version":"1.0.0"}]}`,
				"srv/composer.lock":                  `{"packages":[{"name":"locked/two","version":"1.0.0"}],"packages-dev":[{"name":"dev/dev","version":"1.0.0"}]}`,
			},
			"locked/two 1.0.0, monolog/monolog 2.9.1, symfony/yaml 5.4.0",
		},
		{
			"gems", map[string]string{
				"usr/local/bundle/specifications/rack-2.2.8.gemspec":         "# stub: rack 2.2.8 ruby lib\nGem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  s.version = \"2.2.8\"\n  s.licenses = [\"MIT\".freeze]\nend\n",
				"usr/lib/ruby/3.1.0/specifications/default/json-2.6.gemspec": "Gem::Specification.new do |s|\n  s.name = 'json'\n  s.version = Gem::Version.new('2.6.1')\nend\n",
				"app/Gemfile.lock": "GEM\n  remote: https://rubygems.org/\n  specs:\n    rails (7.0.0)\n",
			},
			"json 2.6.1, rack 2.2.8",
		},
		{
			"a lock file of gems alone", map[string]string{"app/Gemfile.lock": "GIT\n  remote: x\n  specs:\n    mine (0.1)\n\nGEM\n  remote: https://rubygems.org/\n  specs:\n    nokogiri (1.15.4-x86_64-linux)\n      racc (~> 1.4)\n    rails (7.0.8)\n\nPLATFORMS\n  x86_64-linux\n"},
			"nokogiri 1.15.4, rails 7.0.8",
		},
		{
			"Cargo.lock", map[string]string{"app/Cargo.lock": "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"serde\",\n]\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.190\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n"},
			"serde 1.0.190",
		},
		{
			"dotnet", map[string]string{
				"app/app.deps.json":      "\xef\xbb\xbf" + `{"libraries":{"app/1.0.0":{"type":"project"},"Newtonsoft.Json/13.0.1":{"type":"package"}}}`,
				"srv/packages.lock.json": `{"version":1,"dependencies":{"net8.0":{"Serilog":{"type":"Direct","resolved":"3.1.1"},"mine":{"type":"Project"}}}}`,
			},
			"Newtonsoft.Json 13.0.1, Serilog 3.1.1",
		},
		{
			"cargo-auditable", map[string]string{"usr/bin/tool*": auditable(t, `{"packages":[{"name":"serde","version":"1.0.190","source":"crates.io"},{"name":"cc","version":"1.0.0","kind":"build"},{"name":"tool","version":"0.3.0","root":true}]}`)},
			"serde 1.0.190, tool 0.3.0",
		},
		{
			"lock files that packages bring along", map[string]string{
				"app/node_modules/x/package-lock.json":   `{"dependencies":{"a":{"version":"1.0.0"}}}`,
				"root/.cargo/registry/src/y/Cargo.lock":  "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\n",
				"usr/local/bundle/gems/z-1/Gemfile.lock": "GEM\n  specs:\n    a (1.0.0)\n",
			},
			"",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := inventoryOf(t, layers{test.files})
			if got := r.names(); got != test.want {
				t.Errorf("packages are %s, want %s", got, test.want)
			}
		})
	}
}

// Work must follow the size of a lock file, not its depth.
func TestDeepLockFile(t *testing.T) {
	const depth = 2_000
	text := strings.Repeat(`{"dependencies":{"a":`, depth) + `{"version":"1.0.0"}` + strings.Repeat(`}}`, depth)
	r := inventoryOf(t, layers{{"srv/package-lock.json": text, "srv/yarn.lock": "b@^1:\n  version \"1.0.0\"\n"}})
	if got, want := r.names(), "b 1.0.0"; got != want {
		t.Errorf("packages are %s, want %s", got, want)
	}
}

func TestPackageURLs(t *testing.T) {
	r := inventoryOf(t, layers{{
		"app/node_modules/@babel/core/package.json": `{"name":"@babel/core","version":"7.1.0","license":{"type":"MIT"},"licenses":[{"type":"BSD"},"ISC"]}`,
		"app/vendor/composer/installed.json":        `[{"name":"symfony/yaml","version":"5.4.0"}]`,
		"x/Flask_Login-0.6.dist-info/METADATA":      "Name: Flask_Login\nVersion: 0.6\n",
		"app/lib.jar":                               packed(t, map[string]string{"META-INF/maven/g/a/pom.properties": "groupId=org.example\nartifactId=lib\nversion=1.0\n"}),
	}})
	for name, want := range map[string]string{
		"@babel/core":     "pkg:npm/%40babel/core@7.1.0",
		"symfony/yaml":    "pkg:composer/symfony/yaml@5.4.0",
		"Flask_Login":     "pkg:pypi/flask-login@0.6",
		"org.example:lib": "pkg:maven/org.example/lib@1.0",
	} {
		if got := r.named(t, name).PURL; got != want {
			t.Errorf("the URL of %s is %s, want %s", name, got, want)
		}
	}
	if got := strings.Join(r.named(t, "@babel/core").Licenses, " "); got != "MIT BSD ISC" {
		t.Errorf("licences are %q", got)
	}
}

func TestDeletedFilesAreNoInventory(t *testing.T) {
	r := inventoryOf(t, layers{
		{"app/node_modules/a/package.json": `{"name":"a","version":"1.0.0"}`, "app/node_modules/b/package.json": `{"name":"b","version":"1.0.0"}`},
		{"app/node_modules/a/package.json": whiteout, "app/node_modules/b/package.json": `{"name":"b","version":"2.0.0"}`},
	})
	if got, want := r.names(), "b 2.0.0"; got != want {
		t.Errorf("packages are %s, want %s", got, want)
	}
}

func TestOnePackageInManyPlaces(t *testing.T) {
	one := `{"name":"a","version":"1.0.0"}`
	r := inventoryOf(t, layers{
		{"x/node_modules/a/package.json": one, "y/node_modules/a/package.json": one},
		{"z/node_modules/a/package.json": one},
	})
	if len(r.Packages) != 2 { // one a layer: they may come from base and from you
		t.Fatalf("packages are %s", r.names())
	}
	if got := strings.Join(r.Packages[0].Paths, " "); got != "/x/node_modules/a/package.json /y/node_modules/a/package.json" {
		t.Errorf("paths are %s", got)
	}
	if r.Packages[0].ID == r.Packages[1].ID {
		t.Errorf("both have the ID %s", r.Packages[0].ID)
	}
}

// packed makes a zip archive of files.
func packed(t testing.TB, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, text := range files {
		method := zip.Deflate
		if strings.HasSuffix(name, ".jar") { // as Spring does it
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: strings.TrimPrefix(name, "deflated:"), Method: method})
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestJava(t *testing.T) {
	inner := packed(t, map[string]string{"META-INF/maven/org.slf4j/slf4j-api/pom.properties": "#Generated\ngroupId=org.slf4j\nartifactId=slf4j-api\nversion=2.0.9\n"})
	spring := packed(t, map[string]string{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\nImplementation-Title: spring-web\r\nImplementation-Version: 6.0.1\r\n"})
	symbolic := packed(t, map[string]string{"META-INF/MANIFEST.MF": "Bundle-SymbolicName: org.acme.wid\n get;singleton:=true\nBundle-Version: 1.2.3\n\nName: x\n"})
	shaded := packed(t, map[string]string{
		"META-INF/maven/com.x/app/pom.properties":  "groupId=com.x\nartifactId=app\nversion=1.0\n",
		"META-INF/maven/com.y/gson/pom.properties": "groupId=com.y\nartifactId=gson\nversion=2.8\n",
		"META-INF/maven/com.z/tmpl/pom.properties": "groupId=com.z\nartifactId=tmpl\nversion=${project.version}\n",
	})
	war := packed(t, map[string]string{"deflated:WEB-INF/lib/slf4j-api-2.0.9.jar": inner})
	r := inventoryOf(t, layers{{
		"app/app.jar":                  packed(t, map[string]string{"BOOT-INF/lib/slf4j-api-2.0.9.jar": inner, "BOOT-INF/lib/spring-web-6.0.1.jar": spring}),
		"app/shaded.jar":               shaded,
		"app/widget.jar":               symbolic,
		"app/log4j-1.2-api-2.17.1.jar": packed(t, map[string]string{"x": "y"}),
		"app/web.war":                  war,
		"app/empty.jar":                "",
	}})
	if got, want := r.names(), "com.x:app 1.0, com.y:gson 2.8, log4j-1.2-api 2.17.1, org.acme:widget 1.2.3, org.slf4j:slf4j-api 2.0.9, org.springframework:spring-web 6.0.1"; got != want {
		t.Fatalf("packages are %s, want %s", got, want)
	}
	if got := strings.Join(r.named(t, "org.slf4j:slf4j-api").Paths, " "); got != "/app/app.jar!/BOOT-INF/lib/slf4j-api-2.0.9.jar /app/web.war!/WEB-INF/lib/slf4j-api-2.0.9.jar" {
		t.Errorf("paths are %s", got)
	}
}

func TestHostileArchives(t *testing.T) {
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "lib/bomb.jar", Method: zip.Deflate})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(make([]byte, 8<<20))
	z.Close()

	nest := packed(t, map[string]string{"META-INF/maven/g/a/pom.properties": "groupId=deep\nartifactId=deep\nversion=1\n"})
	for range 10 {
		nest = packed(t, map[string]string{"nest.jar": nest})
	}
	inv := New()
	layer := layers{{"bomb.jar": bomb.String()}}
	failed := &recording{t, inv, nil}
	layer.walk(failed, inv)
	if !strings.Contains(strings.Join(failed.problems, "\n"), "not unpacked") {
		t.Errorf("problems with a bomb: %q", failed.problems)
	}
	layers{{"nest.jar": nest}}.walk(t, inv)
	if r := inv.Finish(); strings.Contains(r.names(), "deep") {
		t.Errorf("an archive ten levels deep was read: %s", r.names())
	}
}

// recording takes errors down instead of failing.
type recording struct {
	testing.TB
	inv      *Inventory
	problems []string
}

func (r *recording) Helper() {}
func (r *recording) Errorf(format string, args ...any) {
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			r.problems = append(r.problems, err.Error())
		}
	}
}

// auditable makes an executable with a list of crates in its section.
func auditable(t testing.TB, list string) string {
	t.Helper()
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write([]byte(list))
	z.Close()
	names := "\x00.shstrtab\x00.dep-v0\x00"
	out := make([]byte, 64, 200_000)
	copy(out, "\x7fELF\x02\x01\x01")
	out[0x10], out[0x12], out[0x14], out[0x34] = 2, 62, 1, 64 // a program, for AMD64, version 1
	audit, table := len(out), len(out)+packed.Len()
	out = append(append(out, packed.Bytes()...), names...)
	list64 := len(out)
	section := func(name, kind, offset, size int) {
		entry := make([]byte, 64)
		binary.LittleEndian.PutUint32(entry, uint32(name))
		binary.LittleEndian.PutUint32(entry[4:], uint32(kind))
		binary.LittleEndian.PutUint64(entry[0x18:], uint64(offset))
		binary.LittleEndian.PutUint64(entry[0x20:], uint64(size))
		out = append(out, entry...)
	}
	section(0, 0, 0, 0)
	section(1, 3, table, len(names))
	section(11, 1, audit, packed.Len())
	binary.LittleEndian.PutUint64(out[0x28:], uint64(list64))
	binary.LittleEndian.PutUint16(out[0x3a:], 64)
	binary.LittleEndian.PutUint16(out[0x3c:], 3)
	binary.LittleEndian.PutUint16(out[0x3e:], 1)
	return string(append(out, make([]byte, 150_000)...))
}

func TestRuntimes(t *testing.T) {
	r := inventoryOf(t, layers{{
		"etc/os-release":                                    bookworm,
		"var/lib/dpkg/status":                               dpkgPackage("python3.11", "3.11.2-6", "") + dpkgPackage("python3", "3.11.2-1+b1", "") + dpkgPackage("openjdk-17-jre-headless", "17.0.9+9-1~deb12u1", ""),
		"usr/local/include/python3.12/patchlevel.h":         "#define PY_MAJOR_VERSION 3\n#define PY_VERSION      	\"3.12.3\"\n",
		"usr/local/go/VERSION":                              "go1.22.3\ntime 2024-05-01\n",
		"usr/local/include/node/node_version.h":             "#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 11\n#define NODE_PATCH_VERSION 1\n",
		"usr/local/bin/node*":                               "\x7fELF" + strings.Repeat("x", 1000) + "https://nodejs.org/download/release/v20.11.1/node-v20.11.1-headers.tar.gz" + strings.Repeat("x", 3000),
		"nodejs/bin/node*":                                  "\x7fELF" + strings.Repeat("x", 1000) + "https://nodejs.org/download/release/v18.1.0/node-v18.1.0-headers.tar.gz",
		"opt/java/openjdk/release":                          "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"1.8.0_392\"\n",
		"usr/local/include/php/main/php_version.h":          "#define PHP_MAJOR_VERSION 8\n#define PHP_VERSION \"8.2.1\"\n",
		"usr/local/lib/ruby/3.2.0/x86_64-linux/rbconfig.rb": "  CONFIG[\"MAJOR\"] = \"3\"\n  CONFIG[\"MINOR\"] = \"2\"\n  CONFIG[\"TEENY\"] = \"2\"\n",
		"usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json": "{}",
	}})
	var got []string
	for _, x := range r.Runtimes {
		got = append(got, strings.TrimSpace(strings.Join([]string{x.Name, x.Version, x.Path, x.Owner}, " ")))
	}
	want := []string{
		"dotnet 8.0.1 /usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json",
		"go 1.22.3 /usr/local/go/bin/go",
		"java 17.0.9  openjdk-17-jre-headless",
		"java 8.0.392 /opt/java/openjdk/bin/java",
		"node 18.1.0 /nodejs/bin/node",
		"node 20.11.1 /usr/local/bin/node",
		"php 8.2.1 /usr/local/bin/php",
		"python 3.11.2  python3",
		"python 3.12.3 /usr/local/bin/python3.12",
		"ruby 3.2.2 /usr/local/bin/ruby",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("runtimes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
