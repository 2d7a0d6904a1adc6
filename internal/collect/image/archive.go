package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
)

// The bounds on archives.
const (
	// maxArchiveEntries is the largest number of files in an archive of images.
	maxArchiveEntries = 100_000
	// maxArchiveImages is how many images of one archive are read.
	maxArchiveImages = 100
)

// archive is a tar file that holds images: as docker save writes it
// (docker-archive) or as an OCI layout (oci-archive).
type archive struct {
	// open starts reading from the beginning.
	open func(context.Context) (io.ReadCloser, error)
	// file is the archive where it can be read in any order, nil elsewhere.
	file    io.ReaderAt
	entries map[string]entry

	// kept and marked count what is kept of a stream: bytes and marks.
	kept   int64
	marked int
	// allowed is how many bytes the entries of a compressed archive may become
	// for what was read of it, nil for no bound; become is what they became.
	allowed func() int64
	become  int64

	mu   sync.Mutex
	left *reel // a stream that nobody reads at the moment
}

// entry is one file of an archive.
type entry struct {
	offset, size int64
	link         string
	// Where the archive is a stream: the number of the entry in it, the content
	// of a document, and what a layer does to older ones.
	number int
	text   []byte
	marks  []mark
}

// openArchive indexes an archive on disk. Compressed ones are streams.
func openArchive(ctx context.Context, file string) (*archive, io.Closer, error) {
	f, _, err := regular(os.OpenFile, file)
	if errors.Is(err, errNotRegular) {
		return nil, nil, fmt.Errorf("opening %s: it is no file; an archive is read more than once, so save it to one first", file)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening %s: %w", file, errors.Unwrap(err))
	}
	a := &archive{file: f}
	var magic [2]byte
	if _, err := f.ReadAt(magic[:], 0); err == nil && magic == [2]byte{0x1f, 0x8b} {
		a.file = nil
		a.open = a.gunzip(f)
	}
	if err := a.index(ctx); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return a, f, nil
}

// gunzip reads a compressed archive from its beginning. It may not become much
// larger, nor may what is in it.
func (a *archive) gunzip(f io.ReaderAt) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		packed := &counter{r: until{ctx: ctx, r: io.NewSectionReader(f, 0, 1<<62)}}
		z, err := gzip.NewReader(bufio.NewReaderSize(packed, 256<<10))
		if err != nil {
			return nil, err
		}
		a.allowed = func() int64 { return freeRatio + maxRatio*packed.n }
		return io.NopCloser(&counter{r: z, limit: a.allowed}), nil
	}
}

// index lists the entries.
func (a *archive) index(ctx context.Context) error {
	var at *seeker
	var stream io.Reader
	if a.file != nil {
		at = newSeeker(a.file, 0, 1<<62)
		stream = at
	} else {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		stream = r
	}
	a.entries = map[string]entry{}
	number := -1
	for t := tar.NewReader(stream); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is no whole tar archive: %w", err)
		}
		if len(a.entries) >= maxArchiveEntries {
			return fmt.Errorf("it has more than %d entries", maxArchiveEntries)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		number++
		e := entry{size: h.Size, number: number}
		switch h.Typeflag {
		case tar.TypeReg:
		case tar.TypeSymlink:
			e.link = path.Join(path.Dir(cleanName(h.Name)), h.Linkname)
		case tar.TypeLink:
			e.link = cleanName(h.Linkname)
		default:
			continue
		}
		if at != nil {
			e.offset = at.offset()
		} else if h.Typeflag == tar.TypeReg {
			if err := a.learn(ctx, &e, t); err != nil {
				return err
			}
		}
		a.entries[cleanName(h.Name)] = e
	}
}

// lookup follows links, which older engines write for layers that they share.
func (a *archive) lookup(name string) (string, entry, error) {
	for range 8 {
		e, ok := a.entries[name]
		switch {
		case !ok:
			return "", entry{}, fmt.Errorf("the archive has no %s", name)
		case e.link == "":
			return name, e, nil
		}
		name = e.link
	}
	return "", entry{}, fmt.Errorf("the archive's link %s leads in circles", name)
}

// read opens an entry.
func (a *archive) read(ctx context.Context, name string) (io.ReadCloser, error) {
	name, e, err := a.lookup(cleanName(name))
	switch {
	case err != nil:
		return nil, err
	case a.file != nil:
		return &section{newSeeker(a.file, e.offset, e.size)}, nil
	case e.text != nil:
		return io.NopCloser(bytes.NewReader(e.text)), nil
	}
	r, err := a.wind(ctx, name, e.number)
	if err != nil {
		return nil, err
	}
	return &reelEntry{a, r}, nil
}

// blob implements blobs for archives that are layouts.
func (a *archive) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return a.read(ctx, blobPath(d.Digest))
}

// json reads a document of the archive.
func (a *archive) json(ctx context.Context, name string, into any) error {
	r, err := a.read(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	text, err := readDocument(r, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// saved is one image in the manifest.json of docker save.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// images lists the images of an archive. Archives of newer engines are both
// forms at once: the layout then says more.
func (a *archive) images(ctx context.Context, name string, platform Platform) ([]*Image, error) {
	if _, ok := a.entries["index.json"]; ok {
		var index v1.IndexManifest
		if err := a.json(ctx, "index.json", &index); err != nil {
			return nil, err
		}
		return layoutImages(ctx, a, &index, name, platform)
	}
	var list []saved
	if err := a.json(ctx, "manifest.json", &list); err != nil {
		return nil, fmt.Errorf("%w: it is neither a docker-archive nor an oci-archive", err)
	}
	if len(list) > maxArchiveImages {
		return nil, fmt.Errorf("it holds %d images: more than %d are not read", len(list), maxArchiveImages)
	}
	var out []*Image
	weight := 0
	for _, s := range list {
		img, err := a.saved(ctx, s)
		if err != nil {
			return nil, err
		}
		if weight += img.weight; weight > maxDocuments {
			return nil, errDocuments
		}
		img.Name = name
		if len(s.RepoTags) > 0 {
			img.Ref = reference(s.RepoTags[0])
		}
		if len(list) > 1 {
			img.Name = name + "#" + cmp.Or(img.Ref.Text, img.ConfigDigest)
		}
		out = append(out, img)
	}
	return out, nil
}

// saved makes the image of an entry of manifest.json.
func (a *archive) saved(ctx context.Context, s saved) (*Image, error) {
	r, err := a.read(ctx, s.Config)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	config, err := readDocument(r, s.Config)
	if err != nil {
		return nil, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, err
	}
	img := &Image{ConfigDigest: digest.String(), store: savedLayers{a}}
	var layers []v1.Descriptor
	for _, l := range s.Layers {
		file, e, err := a.lookup(cleanName(l))
		if err != nil {
			return nil, err
		}
		layers = append(layers, v1.Descriptor{Size: e.size, Annotations: map[string]string{savedPath: file}})
	}
	return img, img.describe(config, layers)
}

// savedPath is the annotation that names the file of a layer of docker save,
// which has no digest.
const savedPath = "holdfast.path"

type savedLayers struct{ *archive }

func (s savedLayers) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return s.read(ctx, d.Annotations[savedPath])
}

// IsArchive reports whether the beginning of a file is that of an archive of
// images: a tar file whose first entry is one that such archives begin with.
func IsArchive(head []byte) bool {
	if len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(bytes.NewReader(head))
		if err != nil {
			return false
		}
		block := make([]byte, 512)
		if _, err := io.ReadFull(z, block); err != nil {
			return false
		}
		head = block
	}
	h, err := tar.NewReader(bytes.NewReader(head)).Next()
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(cleanName(h.Name), "/")
	return slices.Contains([]string{"blobs", "index.json", "oci-layout", "manifest.json", "repositories"}, first) ||
		isHex(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(first, "sha256:"), ".json"), ".tar"), 64)
}

func isHex(text string, length int) bool {
	return len(text) == length && strings.Trim(text, "0123456789abcdef") == ""
}
