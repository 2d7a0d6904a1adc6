// Package contents measures an image while its layers stream by: what a
// container sees of it, what no container sees and everybody pulls, and what an
// image could do without.
package contents

import (
	"cmp"
	"hash/maphash"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// The bounds on what is kept of an image; real ones stay far below.
const (
	maxListed = 10_000
	maxCaches = 1_000
)

// Contents is an image.Analyser. It judges by the headers; content is only
// summed up, to find what two layers hold alike.
type Contents struct {
	found  asset.Contents
	layers []layer
	// open are world-writable paths, with those below others.
	open   []string
	caches map[string]*asset.PathSize

	seed maphash.Seed
	mu   sync.Mutex
	sums []sum // guarded by mu
}

// layer counts the bytes of one layer.
type layer struct{ deleted, duplicate int64 }

// sum is one file of a layer in 24 bytes: an image has hundreds of thousands.
type sum struct {
	path, content uint64
	// sized is the size and, in the lower bits, the index of the layer.
	sized uint64
}

// layerBits hold more layers than any image may have.
const layerBits = 16

func (s sum) size() int64 { return int64(s.sized >> layerBits) }
func (s sum) layer() int  { return int(s.sized & (1<<layerBits - 1)) }

// New returns the analyser of one image.
func New() *Contents {
	return &Contents{caches: map[string]*asset.PathSize{}, seed: maphash.MakeSeed()}
}

// Visit implements image.Analyser.
func (c *Contents) Visit(f *image.File) image.Need {
	content := f.Mode.IsRegular() && !f.Hard && f.Size > 0
	if content {
		c.found.Total += f.Size
	}
	if f.Deleted {
		if content {
			c.layer(f).deleted += f.Size
		}
	} else {
		c.visible(f, content)
	}
	// Nothing lies below the oldest layer that its files could repeat.
	if content && (f.Layer.Index > 0 || f.Deleted) {
		return image.Windows
	}
	return image.Nothing
}

func (c *Contents) layer(f *image.File) *layer {
	i := f.Layer.Index
	for int64(len(c.layers)) <= i {
		c.layers = append(c.layers, layer{})
	}
	return &c.layers[i]
}

// visible counts what a container sees.
func (c *Contents) visible(f *image.File, content bool) {
	if f.Mode.IsDir() {
		if f.Mode&0o002 != 0 && f.Mode&fs.ModeSticky == 0 {
			c.writable(f.Path)
		}
		return
	}
	c.found.Files++
	if content {
		c.found.Size += f.Size
		if root, kind := cache(f.Path); kind != "" {
			c.cached(root, kind, f.Size)
		}
	}
	link := f.Mode&fs.ModeSymlink != 0
	if !link && !f.Mode.IsRegular() {
		return // a device, a socket, a pipe
	}
	if !link && f.Mode&0o002 != 0 {
		c.writable(f.Path)
	}
	if !link && f.Mode&0o111 == 0 {
		return
	}
	if !link && f.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		list(&c.found.SetID, f.Path)
	}
	c.program(f.Path)
}

func list(into *[]string, path string) {
	if len(*into) < maxListed {
		*into = append(*into, "/"+path)
	}
}

func (c *Contents) writable(path string) {
	// What an engine mounts there is not what the image says.
	if path == "" || path == "." || path == "dev" || strings.HasPrefix(path, "dev/") || strings.HasPrefix(path, "proc/") || strings.HasPrefix(path, "sys/") {
		return
	}
	list(&c.open, path)
}

// program lists an executable that belongs to one of the kinds.
func (c *Contents) program(path string) {
	switch kindOf(path) {
	case shell:
		list(&c.found.Shells, path)
	case packageManager:
		list(&c.found.PackageManagers, path)
	case compiler:
		list(&c.found.Compilers, path)
	case networkTool:
		list(&c.found.NetworkTools, path)
	case loginServer:
		list(&c.found.LoginServers, path)
	}
}

// cached counts a file of a cache. root is a part of the file's path.
func (c *Contents) cached(root, kind string, size int64) {
	entry := c.caches[root]
	if entry == nil {
		if len(c.caches) == maxCaches {
			return
		}
		root = strings.Clone(root)
		entry = &asset.PathSize{Path: "/" + root, Kind: kind}
		c.caches[root] = entry
	}
	entry.Size += size
}

// Look implements image.Analyser.
func (c *Contents) Look(f *image.File, content image.Content) error {
	s := sum{path: maphash.String(c.seed, f.Path), sized: uint64(f.Size)<<layerBits | uint64(f.Layer.Index)}
	if whole := content.Bytes(); whole != nil {
		s.content = maphash.Bytes(c.seed, whole)
	} else {
		var h maphash.Hash
		h.SetSeed(c.seed)
		err := content.Windows(0, func(piece []byte, _ int64) bool {
			h.Write(piece)
			return true
		})
		if err != nil {
			return err
		}
		s.content = h.Sum64()
	}
	c.mu.Lock()
	c.sums = append(c.sums, s)
	c.mu.Unlock()
	return nil
}

// Finish returns what was found. Layers are those of the image, by index.
func (c *Contents) Finish(layers []asset.Layer) asset.Contents {
	c.duplicates()
	out := c.found
	for i, l := range c.layers {
		out.Deleted += l.deleted
		out.Duplicate += l.duplicate
		if l != (layer{}) && i < len(layers) {
			out.Waste = append(out.Waste, asset.LayerWaste{Layer: layers[i], Deleted: l.deleted, Duplicate: l.duplicate})
		}
	}
	for _, paths := range []*[]string{&out.SetID, &out.Shells, &out.PackageManagers, &out.Compilers, &out.NetworkTools, &out.LoginServers} {
		slices.Sort(*paths)
	}
	out.WorldWritable = outermost(c.open)
	for _, entry := range c.caches {
		out.Caches = append(out.Caches, *entry)
		if entry.Kind != versions {
			out.CacheSize += entry.Size
		}
	}
	slices.SortFunc(out.Caches, func(a, b asset.PathSize) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// duplicates finds files that a layer holds again as an earlier one held them.
// The newer layer is the one that could do without; the older copy, which no
// container sees either, is then not counted as deleted.
func (c *Contents) duplicates() {
	slices.SortFunc(c.sums, func(a, b sum) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.layer(), b.layer()))
	})
	for i := 1; i < len(c.sums); i++ {
		older, newer := c.sums[i-1], c.sums[i]
		if older.path != newer.path || older.content != newer.content || older.size() != newer.size() || older.layer() == newer.layer() {
			continue
		}
		if older.layer() >= len(c.layers) || c.layers[older.layer()].deleted < older.size() {
			continue // not one that a later layer replaces
		}
		for len(c.layers) <= newer.layer() {
			c.layers = append(c.layers, layer{})
		}
		c.layers[older.layer()].deleted -= older.size()
		c.layers[newer.layer()].duplicate += newer.size()
	}
	c.sums = nil
}

// outermost sorts paths and leaves out those below others.
func outermost(paths []string) []string {
	slices.Sort(paths)
	var out []string
	for _, p := range paths {
		below := slices.ContainsFunc(ancestors(p), func(dir string) bool {
			_, found := slices.BinarySearch(paths, dir)
			return found
		})
		if !below {
			out = append(out, p)
		}
	}
	return out
}

// ancestors are the folders that a path lies in.
func ancestors(path string) []string {
	var out []string
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			out = append(out, path[:i])
		}
	}
	return out
}
