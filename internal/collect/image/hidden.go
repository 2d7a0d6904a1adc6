package image

import (
	"hash/maphash"
	"io/fs"
	"strings"
)

// What newer layers did to a path.
const (
	// exists: there is an entry that is no folder.
	exists uint8 = 1 << iota
	// folder: there is a folder.
	folder
	// removed: a whiteout removes it and all below it.
	removed
	// opaque: a folder that hides all that older layers have in it.
	opaque
)

// The names of whiteouts, from the OCI image specification.
const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
)

// hidden knows which entries of a layer no container sees, because newer layers
// replace or remove them. It keeps hashes, 16 bytes a path.
type hidden struct {
	seed maphash.Seed
	// state is what newer layers did, pending what this one does: a whiteout is
	// about older layers only.
	state   map[uint64]uint8
	pending []mark
	// dir is the folder of the last entry and dirHidden what is known of it:
	// entries of one folder follow each other.
	dir       string
	dirHidden bool
	dirKnown  bool
	// parent is the folder that the last entry was in.
	parent string
}

type mark struct {
	path uint64
	what uint8
}

func newHidden() *hidden {
	return &hidden{seed: maphash.MakeSeed(), state: map[uint64]uint8{}}
}

func (h *hidden) hash(p string) uint64 { return maphash.String(h.seed, p) }

// marker takes note of a whiteout and reports whether the entry is one.
func (h *hidden) marker(name string) bool {
	dir, base := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir, base = name[:i], name[i+1:]
	}
	switch {
	case base == opaqueMarker:
		h.pending = append(h.pending, mark{h.hash(dir), opaque})
	case strings.HasPrefix(base, whiteoutPrefix+whiteoutPrefix):
		// AUFS keeps its own books under such names.
	case strings.HasPrefix(base, whiteoutPrefix):
		target := base[len(whiteoutPrefix):]
		if dir != "" {
			target = dir + "/" + target
		}
		h.pending = append(h.pending, mark{h.hash(target), removed})
	default:
		return false
	}
	h.parents(name)
	return true
}

// add takes note of an entry and reports whether newer layers hide it.
func (h *hidden) add(name string, mode fs.FileMode) bool {
	what := exists
	if mode.IsDir() {
		what = folder
	}
	sum := h.hash(name)
	h.pending = append(h.pending, mark{sum, what})
	h.parents(name)
	if len(h.state) == 0 {
		return false
	}
	newer := h.state[sum]
	if newer&(exists|removed) != 0 || newer&folder != 0 && what == exists {
		return true
	}
	return h.below(name)
}

// parents takes note of the folders that an entry is in: layers need not list
// them.
func (h *hidden) parents(name string) {
	dir := name[:max(strings.LastIndexByte(name, '/'), 0)]
	if dir == h.parent {
		return
	}
	h.parent = dir
	for ; dir != ""; dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)] {
		h.pending = append(h.pending, mark{h.hash(dir), folder})
	}
}

// below reports whether a newer layer hides the folder that an entry is in.
func (h *hidden) below(name string) bool {
	i := strings.LastIndexByte(name, '/')
	dir := name[:max(i, 0)]
	if h.dirKnown && dir == h.dir {
		return h.dirHidden
	}
	h.dir, h.dirKnown, h.dirHidden = dir, true, false
	for d := dir; ; {
		if h.state[h.hash(d)]&(exists|removed|opaque) != 0 {
			h.dirHidden = true
			break
		}
		if d == "" {
			break
		}
		d = d[:max(strings.LastIndexByte(d, '/'), 0)]
	}
	return h.dirHidden
}

// commit ends a layer: what it did holds for the older ones.
func (h *hidden) commit() {
	for _, m := range h.pending {
		h.state[m.path] |= m.what
	}
	h.pending, h.dirKnown, h.parent = h.pending[:0], false, ""
}
