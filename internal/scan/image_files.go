package scan

import (
	"cmp"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"io"
	"slices"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/collect/image/inventory"
	"github.com/holdfast-sec/holdfast/internal/inspect/malware"
	"github.com/holdfast-sec/holdfast/internal/inspect/secret"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// maxSuspects is how many files of one image are told in which something was
// found: an image may consist of nothing else.
const maxSuspects = 10_000

// suspects keeps the files of an image in which something was found, and counts
// those that are too many.
type suspects struct {
	mu     sync.Mutex
	found  []suspect
	untold int
}

// suspect is a file in which something was found.
type suspect struct {
	*asset.File
	// sums are digests of its content, by algorithm: whether it is what a
	// distribution's package brought is known only when all layers were read.
	sums map[inventory.Algorithm][]byte
}

// secrets is an image.Analyser that looks for credentials.
type secrets struct {
	*suspects
	scanner *secret.Scanner
}

// Visit implements image.Analyser.
func (s *secrets) Visit(f *image.File) image.Need {
	if !f.Mode.IsRegular() || f.Size == 0 {
		return image.Nothing
	}
	return image.Windows
}

// Look implements image.Analyser.
func (s *secrets) Look(f *image.File, c image.Content) error {
	var found []asset.Secret
	var err error
	if whole := c.Bytes(); whole != nil {
		s.scanner.Scan(whole, f.Path, keep(&found))
	} else {
		err = c.Windows(secret.Overlap, s.scanner.Stream(f.Path, f.Size, keep(&found)).Write)
	}
	if len(found) > 0 {
		s.keep(f, found, nil, digests(c))
	}
	return err
}

// signs is an image.Analyser that looks for signs of malware.
type signs struct {
	*suspects
	scanner *malware.Scanner
}

// Visit implements image.Analyser.
func (s *signs) Visit(f *image.File) image.Need {
	found, content := s.scanner.Header(malwareHeader(f))
	if len(found) > 0 {
		s.keep(f, nil, found, nil)
	}
	if !content {
		return image.Nothing
	}
	return image.Windows
}

func malwareHeader(f *image.File) malware.Header {
	return malware.Header{Path: f.Path, Mode: f.Mode, Size: f.Size}
}

// Look implements image.Analyser.
func (s *signs) Look(f *image.File, c image.Content) error {
	found, err := s.scanner.Look(malwareHeader(f), c)
	if len(found) > 0 {
		s.keep(f, nil, found, digests(c))
	}
	return err
}

// digests are those that package databases record. A large file of a compressed
// layer passes by only once: then there are none, and it counts as modified.
func digests(c image.Content) map[inventory.Algorithm][]byte {
	hashes := map[inventory.Algorithm]hash.Hash{inventory.MD5: md5.New(), inventory.SHA1: sha1.New(), inventory.SHA256: sha256.New()}
	all := io.MultiWriter(hashes[inventory.MD5], hashes[inventory.SHA1], hashes[inventory.SHA256])
	if n, err := io.Copy(all, io.NewSectionReader(c, 0, c.Size())); err != nil || n != c.Size() {
		return nil
	}
	out := map[inventory.Algorithm][]byte{}
	for algorithm, h := range hashes {
		out[algorithm] = h.Sum(nil)
	}
	return out
}

func (s *suspects) keep(f *image.File, secrets []asset.Secret, indicators []asset.Indicator, sums map[inventory.Algorithm][]byte) {
	a := &asset.File{Head: asset.Head{Kind: asset.KindFile, Format: asset.Built}, Path: "/" + f.Path, Size: f.Size, Layer: *f.Layer,
		Deleted: f.Deleted, Secrets: secrets, Indicators: indicators}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found = append(s.found, suspect{a, sums}); len(s.found) >= 2*maxSuspects {
		s.cut()
	}
}

// cut keeps the first files by name: which ones does not hang on the order in
// which they were looked at.
func (s *suspects) cut() {
	slices.SortStableFunc(s.found, suspect.compare)
	if more := len(s.found) - maxSuspects; more > 0 {
		s.untold += more
		clear(s.found[maxSuspects:])
		s.found = s.found[:maxSuspects]
	}
}

func (f suspect) compare(b suspect) int {
	return cmp.Or(cmp.Compare(f.Path, b.Path), cmp.Compare(f.Layer.Index, b.Layer.Index), cmp.Compare(len(b.sums), len(f.sums)),
		cmp.Compare(len(b.Secrets), len(f.Secrets)))
}

// finish returns the files, those apart that a distribution's package brought
// just so: what stands in them is public, and was judged by those who made it.
func (s *suspects) finish(packages *inventory.Result) []suspect {
	s.cut()
	var out []suspect
	for _, f := range s.found {
		owner, sum, owned := packages.Owner(f.Path)
		if owned && sum.Matches(f.sums[sum.Algorithm]) {
			continue
		}
		f.Owner = owner
		if last := len(out) - 1; last >= 0 && out[last].Path == f.Path && out[last].Layer.Index == f.Layer.Index {
			out[last].Secrets = append(out[last].Secrets, f.Secrets...)
			out[last].Indicators = append(out[last].Indicators, f.Indicators...)
			continue
		}
		out = append(out, f)
	}
	return out
}

// locate says where the file is, and at which lines what was found in it.
func (s suspect) locate(at source.Place) {
	s.Name = at.File
	s.Fields = append(s.Fields, asset.Field{Place: at})
	placeFound(s.File, at)
}
