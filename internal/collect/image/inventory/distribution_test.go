package inventory

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/holdfast-sec/holdfast/internal/collect/image/inventory/rpmdb"
)

const bookworm = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
`

func dpkgPackage(name, version, more string) string {
	return "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + version + "\n" + more +
		"Description: words\n that go on: with a colon\n\n"
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestDebian(t *testing.T) {
	base := dpkgPackage("libssl3", "3.0.11-1~deb12u2", "Source: openssl (3.0.11-1)\nConffiles:\n /etc/ssl/x.cnf "+md5Hex("conf")+"\n") +
		dpkgPackage("bash", "5.2.15-2+b2", "Source: bash (5.2.15-2)\n")
	newer := base + dpkgPackage("curl", "7.88.1-10", "") +
		"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n"
	r := inventoryOf(t, layers{
		{
			"usr/lib/os-release":             bookworm,
			"var/lib/dpkg/status":            base,
			"var/lib/dpkg/info/bash.md5sums": md5Hex("shell") + "  bin/bash\n" + md5Hex("doc") + "  usr/share/doc/bash/README\n",
			"usr/share/doc/bash/copyright":   "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-3+\n text\n",
		},
		{"app/readme": "nothing"},
		{
			"var/lib/dpkg/status":                                        newer,
			"var/lib/dpkg/info/libssl3:amd64.md5sums":                    md5Hex("lib") + "  usr/lib/x86_64-linux-gnu/libssl.so.3\n",
			"usr/lib/python3/dist-packages/a/METADATA":                   "Name: ignored\nVersion: 1\n",
			"var/lib/dpkg/info/curl.md5sums":                             md5Hex("py") + "  usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO\n",
			"usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\nLicense: MIT\n\nName: not this\n",
		},
	})
	if got, want := r.names(), "bash 5.2.15-2+b2, curl 7.88.1-10, libssl3 3.0.11-1~deb12u2, six 1.16.0"; got != want {
		t.Fatalf("packages are %s, want %s", got, want)
	}
	ssl := r.named(t, "libssl3")
	if ssl.Source != "openssl" || ssl.SourceVersion != "3.0.11-1" || ssl.Ecosystem != "Debian:12" || ssl.Arch != "amd64" {
		t.Errorf("libssl3 is %+v", ssl)
	}
	if want := "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl"; ssl.PURL != want {
		t.Errorf("its URL is %s, want %s", ssl.PURL, want)
	}
	if ssl.Head.Name != "libssl3 3.0.11-1~deb12u2 (deb)" || ssl.Kind != "package" || ssl.Format != "image" {
		t.Errorf("its head is %+v", ssl.Head)
	}
	if ssl.Layer.Index != 0 || r.named(t, "curl").Layer.Index != 2 {
		t.Errorf("libssl3 came with layer %d, curl with %d, want 0 and 2", ssl.Layer.Index, r.named(t, "curl").Layer.Index)
	}
	if got := r.named(t, "bash").Licenses; !slices.Equal(got, []string{"GPL-3+"}) {
		t.Errorf("bash's licences are %q", got)
	}
	if six := r.named(t, "six"); six.Owner != "curl" || six.Ecosystem != "PyPI" || six.Layer.Index != 2 {
		t.Errorf("six is owned by %q in %q, layer %d", six.Owner, six.Ecosystem, six.Layer.Index)
	}
	if r.Distro.ID != "debian" || r.Distro.Version != "12" || r.Distro.Name != "Debian GNU/Linux 12 (bookworm)" {
		t.Errorf("the distribution is %+v", r.Distro)
	}
	for path, want := range map[string]struct{ pkg, text string }{
		"/usr/bin/bash":                         {"bash", "shell"}, // listed as bin/bash
		"bin/bash":                              {"bash", "shell"},
		"/usr/lib/x86_64-linux-gnu/libssl.so.3": {"libssl3", "lib"},
		"/lib/x86_64-linux-gnu/libssl.so.3":     {"libssl3", "lib"},
		"/etc/ssl/x.cnf":                        {"libssl3", "conf"},
	} {
		pkg, sum, ok := r.Owner(path)
		h := sum.New()
		if !ok || pkg != want.pkg || h == nil {
			t.Errorf("%s is owned by %q (%v), want %s", path, pkg, ok, want.pkg)
			continue
		}
		h.Write([]byte(want.text))
		if !sum.Matches(h.Sum(nil)) {
			t.Errorf("%s counts as modified", path)
		}
		h.Write([]byte("!"))
		if sum.Matches(h.Sum(nil)) {
			t.Errorf("%s counts as unmodified after it was modified", path)
		}
	}
	if pkg, _, ok := r.Owner("/usr/local/bin/bash"); ok {
		t.Errorf("/usr/local/bin/bash is owned by %s", pkg)
	}
}

func TestUpgradedAndReinstalledPackages(t *testing.T) {
	old, upgraded := dpkgPackage("a", "1", ""), dpkgPackage("a", "2", "")
	r := inventoryOf(t, layers{
		{"var/lib/dpkg/status": old + dpkgPackage("b", "1", "")},
		{"var/lib/dpkg/status": old},
		{"var/lib/dpkg/status": upgraded + dpkgPackage("b", "1", "")},
		{"var/lib/dpkg/status": upgraded + dpkgPackage("b", "1", "") + "\n"},
	})
	for _, name := range []string{"a", "b"} {
		if got := r.named(t, name).Layer.Index; got != 2 {
			t.Errorf("%s came with layer %d, want 2", name, got)
		}
	}
}

func TestDeletedDatabase(t *testing.T) {
	r := inventoryOf(t, layers{
		{"var/lib/dpkg/status": dpkgPackage("a", "1", "") + dpkgPackage("b", "1", "")},
		{"var/lib/dpkg/status": whiteout},
	})
	if len(r.Packages) != 0 {
		t.Errorf("packages of a deleted database are there: %s", r.names())
	}
	if len(r.Lost) != 1 || r.Lost[0].Path != "/var/lib/dpkg/status" || r.Lost[0].Packages != 2 || r.Lost[0].Layer.Index != 0 {
		t.Errorf("lost databases are %+v", r.Lost)
	}
}

func TestDistroless(t *testing.T) {
	r := inventoryOf(t, layers{
		{
			"etc/os-release":                           bookworm,
			"var/lib/dpkg/status.d/base-files":         "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n",
			"var/lib/dpkg/status.d/base-files.md5sums": md5Hex("x") + "  etc/debian_version\n",
		},
		{"var/lib/dpkg/status.d/libc6": "Package: libc6\nSource: glibc\nVersion: 2.36-9\nArchitecture: amd64\nDescription: x\n y\n"},
	})
	if got, want := r.names(), "base-files 12.4, libc6 2.36-9"; got != want {
		t.Fatalf("packages are %s, want %s", got, want)
	}
	if c := r.named(t, "libc6"); c.Layer.Index != 1 || c.Source != "glibc" || c.Ecosystem != "Debian:12" {
		t.Errorf("libc6 is %+v", c)
	}
	if pkg, _, _ := r.Owner("/etc/debian_version"); pkg != "base-files" {
		t.Errorf("the owner is %q", pkg)
	}
}

func TestAlpine(t *testing.T) {
	sum := sha1.Sum([]byte("busybox"))
	db := "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1" + base64.StdEncoding.EncodeToString(sum[:]) + "\n\n" +
		"P:libcrypto3\nV:3.3.0-r2\nA:x86_64\nL:Apache-2.0\no:openssl\nF:usr/lib\nR:libcrypto.so.3\nR:nosum\nF:\nR:rootfile\n\n"
	r := inventoryOf(t, layers{{"etc/os-release": "ID=alpine\nVERSION_ID=3.20.1\nPRETTY_NAME=\"Alpine Linux v3.20\"\n", "lib/apk/db/installed": db}})
	if got, want := r.names(), "libcrypto3 3.3.0-r2, musl 1.2.5-r0"; got != want {
		t.Fatalf("packages are %s, want %s", got, want)
	}
	crypto := r.named(t, "libcrypto3")
	if crypto.Source != "openssl" || crypto.Ecosystem != "Alpine:v3.20" || crypto.PURL != "pkg:apk/alpine/libcrypto3@3.3.0-r2?arch=x86_64&distro=alpine-3.20.1&upstream=openssl" {
		t.Errorf("libcrypto3 is %+v", crypto)
	}
	pkg, recorded, ok := r.Owner("/lib/ld-musl-x86_64.so.1")
	if !ok || pkg != "musl" || recorded.Algorithm != SHA1 || !recorded.Matches(sum[:]) {
		t.Errorf("the loader is owned by %q with %+v", pkg, recorded)
	}
	for path, want := range map[string]string{"/usr/lib/libcrypto.so.3": "libcrypto3", "/usr/lib/nosum": "libcrypto3", "/rootfile": "libcrypto3"} {
		if pkg, sum, ok := r.Owner(path); !ok || pkg != want || sum.New() != nil {
			t.Errorf("%s is owned by %q", path, pkg)
		}
	}
}

func TestArch(t *testing.T) {
	r := inventoryOf(t, layers{{
		"etc/os-release": "ID=arch\n",
		"var/lib/pacman/local/zlib-1:1.3.1-2/desc":  "%NAME%\nzlib\n\n%VERSION%\n1:1.3.1-2\n\n%BASE%\nzlib\n\n%ARCH%\nx86_64\n\n%LICENSE%\nZlib\n",
		"var/lib/pacman/local/zlib-1:1.3.1-2/files": "%FILES%\nusr/\nusr/lib/\nusr/lib/libz.so\n",
	}})
	if z := r.named(t, "zlib"); z.Version != "1:1.3.1-2" || z.PURL != "pkg:alpm/arch/zlib@1:1.3.1-2?arch=x86_64&distro=arch" {
		t.Errorf("zlib is %+v", z)
	}
	if pkg, _, _ := r.Owner("/usr/lib/libz.so"); pkg != "zlib" {
		t.Errorf("the owner is %q", pkg)
	}
}

func TestChisel(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	manifest := enc.EncodeAll([]byte(`{"jsonwall":"1.0","schema":"1.0","count":3}
{"kind":"package","name":"libc6","version":"2.39-0ubuntu8","sha256":"aa","arch":"amd64"}
{"kind":"path","path":"/lib/libc.so.6","mode":"0644","slices":["libc6_libs"],"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
{"kind":"slice","name":"libc6_libs"}
`), nil)
	r := inventoryOf(t, layers{{"etc/os-release": "ID=ubuntu\nVERSION_ID=\"24.04\"\n", "var/lib/chisel/manifest.wall": string(manifest)}})
	if c := r.named(t, "libc6"); c.Ecosystem != "Ubuntu:24.04:LTS" || c.Version != "2.39-0ubuntu8" || c.Source != "" {
		t.Errorf("libc6 is %+v", c)
	}
	if pkg, sum, _ := r.Owner("/usr/lib/libc.so.6"); pkg != "libc6" || sum.Algorithm != SHA256 {
		t.Errorf("the owner is %q with %+v", pkg, sum)
	}
	// Some images have the database of dpkg as well, which knows the source.
	r = inventoryOf(t, layers{{"var/lib/chisel/manifest.wall": string(manifest),
		"var/lib/dpkg/status": "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.39-0ubuntu8\n"}})
	if c := r.named(t, "libc6"); len(r.Packages) != 1 || c.Source != "glibc" || len(c.Paths) != 2 {
		t.Errorf("libc6 is %+v", c)
	}
}

func TestRpmManifest(t *testing.T) {
	r := inventoryOf(t, layers{{
		"etc/os-release": "ID=azurelinux\nVERSION_ID=\"3.0\"\n",
		"var/lib/rpmmanifest/container-manifest-2": "openssl-libs\t3.3.0-2.azl3\t1700000000\t1690000000\tMicrosoft Corporation\t(none)\t5000\tx86_64\t0\topenssl-3.3.0-2.azl3.src.rpm\n",
	}})
	if o := r.named(t, "openssl-libs"); o.Version != "3.3.0-2.azl3" || o.Source != "openssl" || o.Ecosystem != "Azure Linux:3" {
		t.Errorf("openssl-libs is %+v", o)
	}
}

func TestRpmModule(t *testing.T) {
	for label, want := range map[string]string{"nodejs:18:9040020240419142102:rhel9": "nodejs:18", "": "", "odd": ""} {
		if p := rpmPackage(&rpmdb.Header{Name: "nodejs", Version: "18.20.2", Module: label}); p.Module != want {
			t.Errorf("%q is the module %q, want %q", label, p.Module, want)
		}
	}
}

func TestEcosystems(t *testing.T) {
	tests := []struct{ release, kind, want string }{
		{"ID=ubuntu\nVERSION_ID=\"22.04\"", "deb", "Ubuntu:22.04:LTS"},
		{"ID=ubuntu\nVERSION_ID=\"23.10\"", "deb", "Ubuntu:23.10"},
		{"ID=debian\nVERSION_CODENAME=sid", "deb", "Debian:sid"},
		{"ID=kali\nID_LIKE=debian\nVERSION_ID=\"2024.1\"", "deb", ""},
		{"ID=alpine\nVERSION_ID=3.21_alpha20240923", "apk", "Alpine:edge"},
		{"ID=wolfi\nVERSION_ID=20230201", "apk", "Wolfi"},
		{"ID=\"rhel\"\nVERSION_ID=\"9.4\"\nCPE_NAME=\"cpe:/o:redhat:enterprise_linux:9::baseos\"", "rpm", "Red Hat:enterprise_linux:9::baseos"},
		{"ID=\"rocky\"\nVERSION_ID=\"9.3\"", "rpm", "Rocky Linux:9"},
		{"ID=\"almalinux\"\nVERSION_ID=\"8.9\"", "rpm", "AlmaLinux:8"},
		{"ID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"", "rpm", "openSUSE:Leap 15.6"},
		{"ID=\"sles\"\nVERSION_ID=\"15.5\"", "rpm", "SUSE:15.5"},
		{"ID=\"openEuler\"\nVERSION_ID=\"22.03\"\nPRETTY_NAME=\"openEuler 22.03 (LTS-SP1)\"", "rpm", "openEuler:22.03-LTS-SP1"},
		{"ID=fedora\nVERSION_ID=40", "rpm", ""},
	}
	for _, test := range tests {
		inv := New()
		layers{{"etc/os-release": test.release + "\n", "usr/lib/os-release": "ID=other\n"}}.walk(t, inv)
		if got := inv.release().ecosystem(test.kind); got != test.want {
			t.Errorf("%q: the ecosystem is %q, want %q", test.release, got, test.want)
		}
	}
}
