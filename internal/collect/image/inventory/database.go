package inventory

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// database is one copy of a distribution's package database. Every layer that
// installs something holds a whole new one; the visible copy says what is there,
// the older ones since when.
type database struct {
	path     string
	layer    *asset.Layer
	deleted  bool
	packages []asset.Package // of the visible copy
	ids      []uint64        // sorted: one for each package and version
}

// addDatabase keeps a copy of a database: all of the visible one, of others only
// what has to be compared.
func (inv *Inventory) addDatabase(f *image.File, packages []asset.Package) error {
	d := database{path: f.Path, layer: f.Layer, deleted: f.Deleted}
	for i := range packages {
		d.ids = append(d.ids, inv.identify(&packages[i]))
	}
	slices.Sort(d.ids)
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if !f.Deleted {
		if err := inv.room(len(packages)); err != nil {
			return err
		}
		d.packages = packages
	}
	inv.databases = append(inv.databases, d)
	return nil
}

func (inv *Inventory) identify(p *asset.Package) uint64 {
	var h maphash.Hash
	h.SetSeed(inv.owned.seed)
	for _, part := range []string{p.Name, p.Version, p.Arch} {
		h.WriteString(part)
		h.WriteByte(0)
	}
	return h.Sum64()
}

// installed returns the packages of the visible databases, each with the layer
// that brought it: the oldest one of those that hold it without a gap.
func (inv *Inventory) installed() []found {
	slices.SortFunc(inv.databases, func(a, b database) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(b.layer.Index, a.layer.Index))
	})
	var out []found
	for i, d := range inv.databases {
		if d.deleted {
			continue
		}
		older := inv.databases[i+1:]
		for _, p := range d.packages {
			layer := d.layer
			id := inv.identify(&p)
			for _, o := range older {
				// A layer may hold a file many times over.
				if o.path != d.path || o.layer.Index == d.layer.Index {
					break
				}
				if _, ok := slices.BinarySearch(o.ids, id); !ok {
					break
				}
				layer = o.layer
			}
			out = append(out, found{Package: p, path: d.path, layer: layer})
		}
	}
	return out
}

// lost returns the databases that a layer deleted and none replaced: what they
// listed is still there and cannot be told any more.
func (inv *Inventory) lost() []Lost {
	var out []Lost
	for i, d := range inv.databases { // sorted by installed: newest first
		if i > 0 && inv.databases[i-1].path == d.path || !d.deleted {
			continue
		}
		out = append(out, Lost{Path: "/" + d.path, Layer: *d.layer, Packages: len(d.ids)})
	}
	return out
}
