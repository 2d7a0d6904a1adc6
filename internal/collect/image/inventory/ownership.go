package inventory

import (
	"cmp"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// maxOwned is how many files packages may own. A desktop has half a million.
const maxOwned = 2_000_000

// Algorithm is how a package recorded the digest of a file.
type Algorithm uint8

// The algorithms. NoDigest is for files that the package records none of, such
// as links.
const (
	NoDigest Algorithm = iota
	MD5
	SHA1
	SHA224
	SHA256
	SHA384
	SHA512
)

// Sum is the beginning of the digest that a package recorded of a file: enough
// to tell a file that was modified, in a third of the memory.
type Sum struct {
	Algorithm Algorithm
	prefix    uint64
}

// New makes the hash that a file's content has to be put through, nil if the
// package recorded no digest.
func (s Sum) New() hash.Hash {
	switch s.Algorithm {
	case MD5:
		return md5.New()
	case SHA1:
		return sha1.New()
	case SHA224:
		return sha256.New224()
	case SHA256:
		return sha256.New()
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	}
	return nil
}

// Matches reports whether a digest, made with the hash of New, is the recorded
// one: the file is as the package brought it.
func (s Sum) Matches(digest []byte) bool {
	return s.Algorithm != NoDigest && len(digest) >= 8 && binary.BigEndian.Uint64(digest) == s.prefix
}

// algorithmOf tells the algorithm by the length of a digest in bytes.
func algorithmOf(length int) Algorithm {
	switch length {
	case md5.Size:
		return MD5
	case sha1.Size:
		return SHA1
	case sha256.Size224:
		return SHA224
	case sha256.Size:
		return SHA256
	case sha512.Size384:
		return SHA384
	case sha512.Size:
		return SHA512
	}
	return NoDigest
}

func hexSum(text string) Sum {
	a := algorithmOf(len(text) / 2)
	if a == NoDigest || len(text)%2 != 0 {
		return Sum{}
	}
	prefix, err := strconv.ParseUint(text[:16], 16, 64)
	if err != nil {
		return Sum{}
	}
	return Sum{a, prefix}
}

func base64Sum(text string) Sum {
	digest, err := base64.StdEncoding.DecodeString(text)
	if err != nil || algorithmOf(len(digest)) == NoDigest {
		return Sum{}
	}
	return Sum{algorithmOf(len(digest)), binary.BigEndian.Uint64(digest)}
}

// ownership says which file belongs to which package: hashes of paths, and no
// path itself.
type ownership struct {
	seed  maphash.Seed
	files []owned
	names []string
	index map[string]uint32
}

type owned struct {
	path, prefix uint64
	// pkg is the index of the package's name, with the algorithm in its upper
	// byte.
	pkg uint32
}

func newOwnership() ownership {
	return ownership{seed: maphash.MakeSeed(), index: map[string]uint32{}}
}

// key hashes a path, absolute or relative. Folders that most distributions have
// merged into /usr count as merged: packages name /bin/sh and images
// hold /usr/bin/sh, or the other way round.
func (o *ownership) key(path string) uint64 {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "."), "/")
	if !merged(path) {
		return maphash.String(o.seed, path)
	}
	var h maphash.Hash
	h.SetSeed(o.seed)
	h.WriteString("usr/")
	h.WriteString(path)
	return h.Sum64()
}

func merged(path string) bool {
	switch first, _, ok := strings.Cut(path, "/"); {
	case !ok:
		return false
	default:
		switch first {
		case "bin", "sbin", "lib", "lib32", "lib64", "libx32":
			return true
		}
	}
	return false
}

// packageIndex is the number of a package. The caller holds the lock.
func (o *ownership) packageIndex(name string) uint32 {
	i, ok := o.index[name]
	if !ok {
		i = uint32(len(o.names))
		o.names = append(o.names, name)
		o.index[name] = i
	}
	return i
}

// own keeps what a package's record says; the caller holds the lock.
func (o *ownership) own(name string, paths []uint64, sums []Sum) error {
	if len(o.files)+len(paths) > maxOwned {
		return fmt.Errorf("the packages own more than %d files: those of %s are not known", maxOwned, name)
	}
	pkg := o.packageIndex(name)
	for i, path := range paths {
		o.files = append(o.files, owned{path, sums[i].prefix, pkg | uint32(sums[i].Algorithm)<<24})
	}
	return nil
}

// seal makes it ready to be asked.
func (o *ownership) seal() {
	// A digest is worth more than none; else the name decides, as the order of
	// reading is not fixed.
	slices.SortFunc(o.files, func(a, b owned) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(b.pkg>>24, a.pkg>>24), strings.Compare(o.name(a), o.name(b)))
	})
	o.files = slices.CompactFunc(o.files, func(a, b owned) bool { return a.path == b.path })
	o.files = slices.Clip(o.files)
	o.index = nil
}

func (o *ownership) name(f owned) string { return o.names[f.pkg&0xffffff] }

// find returns the package that owns a path.
func (o *ownership) find(path string) (string, Sum, bool) {
	i, ok := slices.BinarySearchFunc(o.files, o.key(path), func(f owned, key uint64) int { return cmp.Compare(f.path, key) })
	if !ok {
		return "", Sum{}, false
	}
	f := o.files[i]
	return o.name(f), Sum{Algorithm(f.pkg >> 24), f.prefix}, true
}

// claim collects the files of one package while its record is read, so that the
// lock is taken once.
type claim struct {
	o     *ownership
	paths []uint64
	sums  []Sum
}

func (c *claim) file(path string, sum Sum) {
	c.paths = append(c.paths, c.o.key(path))
	c.sums = append(c.sums, sum)
}

// settle records the claim.
func (inv *Inventory) settle(name string, c *claim) error {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	err := inv.owned.own(name, c.paths, c.sums)
	c.paths, c.sums = c.paths[:0], c.sums[:0]
	return err
}
