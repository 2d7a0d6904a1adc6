package inventory

import (
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// Files are looked at by several at the same time and in any order; the result
// must not show it.
func TestConcurrentLooks(t *testing.T) {
	files := map[string]string{"etc/os-release": bookworm, "var/lib/dpkg/status": dpkgPackage("a", "1", "Conffiles:\n /etc/a "+md5Hex("a")+"\n")}
	for i := range 60 {
		files[fmt.Sprintf("var/lib/dpkg/info/p%d.md5sums", i)] = md5Hex("x") + fmt.Sprintf("  usr/share/p%d\n", i) + md5Hex("y") + "  usr/share/shared\n"
		files[fmt.Sprintf("app/%d/node_modules/m/package.json", i)] = `{"name":"m","version":"1.0.0","license":"MIT"}`
		files[fmt.Sprintf("usr/share/doc/p%d/copyright", i)] = "Format: x\nLicense: MIT\n"
		files[fmt.Sprintf("usr/local/include/python3.%d/patchlevel.h", i)] = fmt.Sprintf("#define PY_VERSION \"3.%d.1\"\n", i)
	}
	take := func() Result {
		inv, layer := New(), &asset.Layer{}
		var looks sync.WaitGroup
		for path, text := range files {
			f := &image.File{Path: path, Layer: layer, Size: int64(len(text))}
			if inv.Visit(f) == image.Nothing {
				continue
			}
			looks.Go(func() {
				if err := inv.Look(f, contents(text)); err != nil {
					t.Error(err)
				}
			})
		}
		looks.Wait()
		return inv.Finish()
	}
	one, two := take(), take()
	if !reflect.DeepEqual(one.Packages, two.Packages) || !reflect.DeepEqual(one.Runtimes, two.Runtimes) {
		t.Error("the order of looks shows in the result")
	}
	if len(one.Runtimes) != 60 || len(one.named(t, "m").Paths) != 60 {
		t.Errorf("%d runtimes, %d paths", len(one.Runtimes), len(one.named(t, "m").Paths))
	}
	pkg, _, _ := one.Owner("/usr/share/shared")
	if again, _, _ := two.Owner("/usr/share/shared"); again != pkg || pkg != "p0" {
		t.Errorf("a file that many packages claim is of %q and of %q", pkg, again)
	}
}
