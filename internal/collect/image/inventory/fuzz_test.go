package inventory

import (
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// FuzzLook gives every reader every content. What matters is that a reader ends
// by itself: a panic that Look has to recover is a fault, too.
func FuzzLook(f *testing.F) {
	seeds := map[kind]string{
		osRelease: bookworm, dpkgStatus: dpkgPackage("a", "1", "Source: b (2)\nConffiles:\n /x "+md5Hex("")+"\n"),
		apkInstalled: "P:a\nV:1\nF:b\nR:c\nZ:Q1AAAA\n\n", pacmanDesc: "%NAME%\na\n%VERSION%\n1\n",
		packageLock: `{"packages":{"node_modules/a":{"version":"1.0.0"}}}`, yarnLock: "a@^1:\n  version \"1.0.0\"\n",
		pnpmLock: "packages:\n  /a@1.0.0:\n    dev: false\n", gemLock: "GEM\n  specs:\n    a (1.0)\n",
		cargoLock: "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \"x\"\n", pythonMetadata: "Name: a\nVersion: 1\n",
		dotnetDeps: `{"libraries":{"a/1":{"type":"package"}}}`, executable: auditable(f, `{"packages":[{"name":"a","version":"1"}]}`)[:2048],
		javaArchive: packed(f, map[string]string{"a.jar": packed(f, map[string]string{"META-INF/MANIFEST.MF": "A: b\n c\n"})}),
		rpmManifest: "a\t1-2\t0\t0\tv\tg\t1\tx86_64\t0\ta-1-2.src.rpm\n",
	}
	for k, text := range seeds {
		f.Add(uint8(k), text)
	}
	f.Fuzz(func(t *testing.T, k uint8, text string) {
		if int(k) >= len(kinds) || kinds[k].read == nil || len(text) > 1<<16 {
			return
		}
		inv := New()
		file := &image.File{Path: "var/lib/pacman/local/a-1-1/x", Layer: &asset.Layer{}, Size: int64(len(text)), Mode: 0o755}
		_ = kinds[k].read(inv, file, contents(text))
		r := inv.Finish()
		for _, p := range r.Packages {
			if p.Type == "" || p.Name == "" || p.PURL == "" || len(p.Paths) == 0 {
				t.Fatalf("an incomplete package: %+v", p)
			}
		}
	})
}

func FuzzClassify(f *testing.F) {
	f.Add("app/node_modules/a/package.json")
	f.Add("/")
	f.Fuzz(func(t *testing.T, path string) {
		if k := classify(path); int(k) >= len(kinds) {
			t.Fatalf("%q is of no kind", path)
		}
	})
}

// FuzzLargeExecutable gives hostile programs to the reader that never sees more
// than a piece.
func FuzzLargeExecutable(f *testing.F) {
	f.Add(auditable(f, `{"packages":[{"name":"a","version":"1"}]}`)[:1024])
	f.Add("\x7fELF" + string(goNote) + string(goRecord) + "\x08\x02" + string(make([]byte, 16)) + "\x08go1.22.1" + string(modulesStart) + "path\tx\nmod\ta\tv1.0.0\n" + string(modulesEnd))
	f.Add("\x7fELF" + string(modulesStart) + "path\tx\nmod\ta\tv1.0.0\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		inv := New()
		file := &image.File{Path: "usr/bin/x", Layer: &asset.Layer{}, Size: int64(len(text)), Mode: 0o755}
		_ = inv.readLargeExecutable(file, contents(text))
		inv.Finish()
	})
}
