package inventory

import (
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// TestDatabaseManyTimes takes a layer that holds a database many times over for
// one layer, and does not compare every copy with every other.
func TestDatabaseManyTimes(t *testing.T) {
	inv := New()
	layer := &asset.Layer{Index: 1}
	const copies = 100_000
	for range copies {
		p := asset.Package{Name: "a", Version: "1"}
		inv.databases = append(inv.databases, database{path: "var/lib/dpkg/status", layer: layer, packages: []asset.Package{p}, ids: []uint64{inv.identify(&p)}})
	}
	found := inv.installed()
	if len(found) != copies {
		t.Fatalf("%d packages, want %d", len(found), copies)
	}
	for _, f := range found {
		if f.layer != layer {
			t.Fatalf("a package is of layer %d, want that of its database", f.layer.Index)
		}
	}
}
