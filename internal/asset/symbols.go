package asset

import (
	"hash/maphash"
	"slices"
)

// Symbols is a set of names that are linked into a binary: import paths of
// packages, and functions as "path.Function" or "path.Type.Method". It holds
// hashes only, 8 bytes a name.
type Symbols struct {
	seed   maphash.Seed
	hashes []uint64
}

// NewSymbols makes the set of the names that each yields; a name may come
// several times.
func NewSymbols(names func(yield func(name string) bool)) *Symbols {
	s := &Symbols{seed: maphash.MakeSeed()}
	for name := range names {
		s.hashes = append(s.hashes, maphash.String(s.seed, name))
	}
	slices.Sort(s.hashes)
	s.hashes = slices.Clip(slices.Compact(s.hashes))
	return s
}

// Has reports whether the name is linked.
func (s *Symbols) Has(name string) bool {
	_, ok := slices.BinarySearch(s.hashes, maphash.String(s.seed, name))
	return ok
}

// Len is the number of names.
func (s *Symbols) Len() int { return len(s.hashes) }
