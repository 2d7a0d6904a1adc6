package image

import (
	"hash/maphash"
	"io/fs"
	"strings"
)

// effect is something that a layer can do to the entries of older layers.
type effect uint8

// The effects.
const (
	// exists: there is an entry that is no folder.
	exists effect = iota
	// folder: there is a folder.
	folder
	// removed: a whiteout removes it and all below it.
	removed
	// opaque: a folder that hides all that older layers have in it.
	opaque

	effects = 4
)

// The names of whiteouts, from the OCI image specification.
const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
)

// pathSeed keeps the hashes of paths from being foreseen.
var pathSeed = maphash.MakeSeed()

func hashPath(p string) uint64 { return maphash.String(pathSeed, p) }

// shadow is what one layer does to older ones: hashes, 16 bytes a path.
type shadow struct {
	marks []mark
	// parent is the folder that the last entry was in.
	parent string
}

type mark struct {
	path uint64
	what effect
}

// marker takes note of a whiteout and reports whether the entry is one.
func (s *shadow) marker(name string) bool {
	dir, base := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir, base = name[:i], name[i+1:]
	}
	switch {
	case base == opaqueMarker:
		s.marks = append(s.marks, mark{hashPath(dir), opaque})
	case strings.HasPrefix(base, whiteoutPrefix+whiteoutPrefix):
		// AUFS keeps its own books under such names.
	case strings.HasPrefix(base, whiteoutPrefix):
		target := base[len(whiteoutPrefix):]
		if dir != "" {
			target = dir + "/" + target
		}
		s.marks = append(s.marks, mark{hashPath(target), removed})
	default:
		return false
	}
	s.parents(name)
	return true
}

// add takes note of an entry that is no whiteout.
func (s *shadow) add(name string, mode fs.FileMode) {
	what := exists
	if mode.IsDir() {
		what = folder
	}
	s.marks = append(s.marks, mark{hashPath(name), what})
	s.parents(name)
}

// parents takes note of the folders that an entry is in: layers need not list
// them. Those that the last one was in as well are noted already.
func (s *shadow) parents(name string) {
	dir := name[:max(strings.LastIndexByte(name, '/'), 0)]
	if dir == s.parent {
		return
	}
	last := s.parent
	s.parent = dir
	for ; dir != "" && !isBelow(last, dir); dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)] {
		s.marks = append(s.marks, mark{hashPath(dir), folder})
	}
}

func isBelow(name, dir string) bool {
	return len(name) > len(dir) && name[len(dir)] == '/' && name[:len(dir)] == dir || name == dir
}

// hidden knows which entries of a layer no container sees, because newer layers
// replace or remove them.
type hidden struct {
	// newest holds for every path and effect the newest layer that has it,
	// counted from 1.
	newest map[uint64][effects]uint16
	// dir is the folder of the last entry, dirLayer its layer, and dirHidden what
	// is known of it: entries of one folder follow each other.
	dir       string
	dirLayer  int64
	dirHidden bool
}

func newHidden() *hidden {
	return &hidden{newest: map[uint64][effects]uint16{}, dirLayer: -1}
}

// cast adds what a layer does to all older ones.
func (h *hidden) cast(layer int64, marks []mark) {
	by := uint16(layer + 1) //nolint:gosec // there are maxLayers at most
	for _, m := range marks {
		newest := h.newest[m.path]
		newest[m.what] = max(newest[m.what], by)
		h.newest[m.path] = newest
	}
	h.dirLayer = -1
}

// hides reports whether layers newer than an entry's hide it.
func (h *hidden) hides(layer int64, name string, mode fs.FileMode) bool {
	if len(h.newest) == 0 {
		return false
	}
	newest, than := h.newest[hashPath(name)], uint16(layer+1) //nolint:gosec // as above
	if newest[exists] > than || newest[removed] > than || newest[folder] > than && !mode.IsDir() {
		return true
	}
	return h.below(layer, name)
}

// below reports whether newer layers hide the folder that an entry is in.
func (h *hidden) below(layer int64, name string) bool {
	dir := name[:max(strings.LastIndexByte(name, '/'), 0)]
	if h.dirLayer == layer && dir == h.dir {
		return h.dirHidden
	}
	h.dir, h.dirLayer, h.dirHidden = dir, layer, false
	than := uint16(layer + 1) //nolint:gosec // as above
	for d := dir; ; {
		newest := h.newest[hashPath(d)]
		if newest[exists] > than || newest[removed] > than || newest[opaque] > than {
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
