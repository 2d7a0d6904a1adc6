package referrer

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxBlobs bounds how many blobs of a layout are looked at as manifests, and
// maxCandidate how large one may be.
const (
	maxBlobs     = 20_000
	maxCandidate = 1 << 20
)

// files are the files of a layout, in a folder or in a tar archive.
type files interface {
	// read returns a file of at most so many bytes.
	read(name string, limit int64) ([]byte, error)
	// blobs lists the names and sizes in blobs/sha256.
	blobs() (map[string]int64, error)
	close() error
}

func openFiles(name string, folder bool) (files, error) {
	if folder {
		root, err := os.OpenRoot(name)
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", name, errors.Unwrap(err))
		}
		return &dir{root}, nil
	}
	return openTar(name)
}

// dir is a folder. Files are opened below its root only, whatever links lie in
// there.
type dir struct{ root *os.Root }

func (d *dir) read(name string, limit int64) ([]byte, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would wait for a writer
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	return readAtMost(f, limit)
}

func readAtMost(from io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return text, err
}

func (d *dir) blobs() (map[string]int64, error) {
	f, err := d.root.Open("blobs/sha256")
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	entries, err := f.ReadDir(maxBlobs)
	if err != nil && err != io.EOF {
		return nil, err
	}
	out := map[string]int64{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			out[e.Name()] = info.Size()
		}
	}
	return out, nil
}

func (d *dir) close() error { return d.root.Close() }

// archive is an uncompressed tar archive with a layout in it.
type archive struct {
	file    *os.File
	entries map[string]span
}

type span struct{ offset, size int64 }

func openTar(name string) (*archive, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, errors.Unwrap(err))
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("opening %s: it is no regular file", name)
	}
	a := &archive{f, map[string]span{}}
	if err := a.list(); err != nil {
		f.Close()
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	if _, ok := a.entries["index.json"]; !ok {
		f.Close()
		return nil, fmt.Errorf("opening %s: it is no oci-archive: it has no index.json. Signatures are found in registries, OCI layouts and oci-archives", name)
	}
	return a, nil
}

func (a *archive) list() error {
	r := tar.NewReader(a.file)
	for range 10 * maxBlobs {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is no tar archive, or a compressed one, which has to be unpacked first: %w", err)
		}
		offset, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			a.entries[path.Clean(h.Name)] = span{offset, h.Size}
		}
	}
	return fmt.Errorf("it has more than %d entries", 10*maxBlobs)
}

func (a *archive) read(name string, limit int64) ([]byte, error) {
	at, ok := a.entries[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return readAtMost(io.NewSectionReader(a.file, at.offset, at.size), limit)
}

func (a *archive) blobs() (map[string]int64, error) {
	out := map[string]int64{}
	for name, at := range a.entries {
		if hex, ok := strings.CutPrefix(name, "blobs/sha256/"); ok && len(out) < maxBlobs {
			out[hex] = at.size
		}
	}
	return out, nil
}

func (a *archive) close() error { return a.file.Close() }

// layout is an OCI image layout.
type layout struct {
	files files
	// entries are those of index.json, once they were read.
	entries []v1.Descriptor
	// subjects are the manifests that name a subject, by its digest; nil until
	// they were looked for.
	subjects map[string][]found
}

func (l *layout) index() ([]v1.Descriptor, error) {
	if l.entries != nil {
		return l.entries, nil
	}
	text, err := l.files.read("index.json", maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("it is no OCI layout: it has no index.json")
	}
	if err != nil {
		return nil, fmt.Errorf("reading index.json: %w", err)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading index.json: %w", err)
	}
	if len(index.Manifests) > maxEntries {
		return nil, fmt.Errorf("index.json has more than %d entries", maxEntries)
	}
	l.entries = index.Manifests
	return l.entries, nil
}

// choose returns the entry of a tag or digest, or the only image.
func (l *layout) choose(which string) (v1.Descriptor, error) {
	entries, err := l.index()
	if err != nil {
		return v1.Descriptor{}, err
	}
	var images []v1.Descriptor
	var names []string
	for _, d := range entries {
		tag := d.Annotations["org.opencontainers.image.ref.name"]
		full := d.Annotations["io.containerd.image.name"]
		if which != "" && (tag == which || full == which || d.Digest.String() == which) {
			return d, nil
		}
		if isArtifact(d) || savedAs(d) != "" || strings.HasPrefix(tag, "sha256-") || !l.isImage(d) {
			continue
		}
		if !slices.ContainsFunc(images, func(other v1.Descriptor) bool { return other.Digest == d.Digest }) {
			images = append(images, d)
		}
		names = append(names, cmp.Or(tag, full, d.Digest.String()))
	}
	switch {
	case which != "" && strings.HasPrefix(which, "sha256:"):
		h, err := v1.NewHash(which)
		return v1.Descriptor{Digest: h}, err
	case which != "":
		return v1.Descriptor{}, fmt.Errorf("it has no image %q: it has %s", which, strings.Join(names, ", "))
	case len(images) == 0:
		return v1.Descriptor{}, errors.New("it holds no image")
	case len(images) > 1:
		return v1.Descriptor{}, fmt.Errorf("it holds several images: put \"#\" and one of %s behind the path", strings.Join(names, ", "))
	}
	return images[0], nil
}

// isImage tells an image or an index from what is attached to one.
func (l *layout) isImage(d v1.Descriptor) bool {
	text, err := l.files.read(blobPath(d.Digest.String()), maxManifest)
	if err != nil {
		return true // reading it later says what is wrong
	}
	var shape struct {
		Subject      json.RawMessage `json:"subject"`
		ArtifactType string          `json:"artifactType"`
		Config       v1.Descriptor   `json:"config"`
	}
	if json.Unmarshal(text, &shape) != nil {
		return true
	}
	return len(shape.Subject) == 0 && !relevant(shape.ArtifactType) && !relevant(string(shape.Config.MediaType))
}

// blobPath is where a digest's content lies. Digests are hostile text: only
// hexadecimal ones name files.
func blobPath(digest string) string {
	h, err := v1.NewHash(digest)
	if err != nil || h.Algorithm != "sha256" {
		return "blobs/invalid"
	}
	return "blobs/sha256/" + h.Hex
}

func (l *layout) manifest(_ context.Context, ref string) (v1.Descriptor, []byte, error) {
	digest := ref
	if !strings.Contains(ref, ":") {
		entries, err := l.index()
		if err != nil {
			return v1.Descriptor{}, nil, err
		}
		i := slices.IndexFunc(entries, func(d v1.Descriptor) bool {
			name := d.Annotations["org.opencontainers.image.ref.name"]
			return name == ref || strings.HasSuffix(name, ":"+ref)
		})
		if i < 0 {
			i = l.saved(ref)
		}
		if i < 0 {
			return v1.Descriptor{}, nil, errNotFound
		}
		digest = entries[i].Digest.String()
	}
	text, err := l.content(digest, maxManifest)
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	d, err := describe(text)
	return d, text, err
}

// savedAs is the suffix of the tag that an entry would have in a registry, in a
// layout as "cosign save" writes it: there it has none.
func savedAs(d v1.Descriptor) string {
	return map[string]string{
		"dev.cosignproject.cosign/sigs": "sig", "dev.cosignproject.cosign/atts": "att", "dev.cosignproject.cosign/sboms": "sbom",
	}[d.Annotations["kind"]]
}

// saved finds the entry of such a layout that a tag would name. The layout holds
// one image, and what is attached to it.
func (l *layout) saved(tag string) int {
	name, suffix, _ := strings.Cut(tag, ".")
	of := slices.IndexFunc(l.entries, func(d v1.Descriptor) bool {
		return strings.Replace(d.Digest.String(), ":", "-", 1) == name && strings.HasPrefix(d.Annotations["kind"], "dev.cosignproject.cosign/image")
	})
	if of < 0 {
		return -1
	}
	return slices.IndexFunc(l.entries, func(d v1.Descriptor) bool { return savedAs(d) != "" && savedAs(d) == suffix })
}

// content returns a blob, its digest checked.
func (l *layout) content(digest string, limit int64) ([]byte, error) {
	text, err := l.files.read(blobPath(digest), limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the layout has no %s", digest)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", digest, err)
	}
	if got := digestOf(text); got != digest {
		return nil, fmt.Errorf("%w: %s holds content with the digest %s", errDigest, digest, got)
	}
	return text, nil
}

func (l *layout) blob(_ context.Context, d v1.Descriptor) ([]byte, error) {
	return l.content(d.Digest.String(), maxBlob)
}

// referrers looks at every manifest of the layout, those included that no index
// names: tools differ in whether they list what they attach.
func (l *layout) referrers(_ context.Context, digest string) ([]found, error) {
	if l.subjects == nil {
		if err := l.findSubjects(); err != nil {
			return nil, err
		}
	}
	return l.subjects[digest], nil
}

func (l *layout) findSubjects() error {
	entries, err := l.index()
	if err != nil {
		return err
	}
	blobs, err := l.files.blobs()
	if err != nil {
		return fmt.Errorf("listing the blobs: %w", err)
	}
	listed := map[string]bool{}
	for _, d := range entries {
		listed[d.Digest.Hex] = true
	}
	l.subjects = map[string][]found{}
	names := make([]string, 0, len(blobs))
	for name, size := range blobs {
		if size <= maxCandidate {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		l.addSubject(name, listed[name])
	}
	return nil
}

// addSubject notes the subject of a blob that is a manifest.
func (l *layout) addSubject(hex string, listed bool) {
	text, err := l.files.read("blobs/sha256/"+hex, maxCandidate)
	if err != nil || !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) || !bytes.Contains(text, []byte(`"subject"`)) {
		return
	}
	m, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil || m.Subject == nil || m.Subject.Digest.Hex == "" || digestOf(text) != "sha256:"+hex {
		return
	}
	d, err := describe(text)
	if err != nil {
		return
	}
	d.ArtifactType = artifactType(m)
	how := "layout"
	if !listed {
		how = "layout (no index names it)"
	}
	subject := m.Subject.Digest.String()
	l.subjects[subject] = append(l.subjects[subject], found{d, how})
}

func (l *layout) close() error { return l.files.close() }
