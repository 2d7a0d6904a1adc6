// Package image opens images wherever they are (a registry, an archive, a
// layout, an engine, a content store) and streams their layers, newest first,
// past analysers.
//
// Nothing is unpacked to disk, and nothing of a layer is kept but what an
// analyser keeps. All of it is hostile until shown otherwise: names, sizes,
// ratios and digests are checked here once for everybody.
package image

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// The bounds on what describes an image.
const (
	// maxDocument is the largest manifest or configuration, in bytes.
	maxDocument = 8 << 20
	// maxLayers is the largest number of layers; engines refuse more than 127.
	maxLayers = 1024
	// maxManifests is the largest number of entries of an index.
	maxManifests = 10_000
	// maxIndexDepth is how deep an index may point to other ones.
	maxIndexDepth = 4
)

// Image is an image before its layers are read.
type Image struct {
	// Name is what people call it: the reference, or the archive's path.
	Name string
	// Ref is the reference that it has where it was found; its Text is "" for
	// an image without one.
	Ref asset.ImageRef
	// Digest is that of the manifest, "" where there is none (docker-archive).
	Digest       string
	ConfigDigest string
	Config       *v1.ConfigFile
	// Layers are in the order of the file system, oldest first.
	Layers []Layer

	store blobs
	// mediaType is that of the manifest.
	mediaType types.MediaType
	// base is the number of layers that are known to be those of baseName.
	base     int
	baseName string
	// size is the number of bytes of all layers as they are stored.
	size int64
	// unread says which layers are none that can be read.
	unread []string
	// weight is about what the configuration takes in memory.
	weight int
}

// Layer is one layer of an image.
type Layer struct {
	asset.Layer
	// Size is the number of bytes as it is stored or transferred.
	Size int64

	blob v1.Descriptor
}

// blobs is where the content of images is.
type blobs interface {
	// blob opens content by its descriptor. What it returns may also be an
	// io.ReaderAt; then it is a *section.
	blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
}

// Platform is what an image is made for, as in "linux/arm64/v8".
type Platform struct{ OS, Architecture, Variant string }

// ParsePlatform reads "os/architecture[/variant]"; "" is linux on the
// architecture given.
func ParsePlatform(text, architecture string) (Platform, error) {
	if text == "" {
		return Platform{OS: "linux", Architecture: architecture}, nil
	}
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return Platform{}, fmt.Errorf("%q is no platform: write it as linux/amd64 or linux/arm64/v8", text)
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

func (p Platform) String() string {
	return strings.TrimSuffix(p.OS+"/"+p.Architecture+"/"+p.Variant, "/")
}

// Is reports whether two platforms are the same, as far as both say.
func (p Platform) Is(other Platform) bool {
	return p.matches(&v1.Platform{OS: other.OS, Architecture: other.Architecture, Variant: other.Variant})
}

func (p Platform) matches(other *v1.Platform) bool {
	return other != nil && other.OS == p.OS && other.Architecture == p.Architecture &&
		(p.Variant == "" || other.Variant == "" || p.Variant == other.Variant)
}

// errDigest says that content is not what its digest promised.
var errDigest = errors.New("its content does not match its digest: it was damaged or exchanged")

// document reads a manifest, an index or a configuration, and checks its digest.
func document(ctx context.Context, store blobs, d v1.Descriptor) ([]byte, error) {
	r, err := store.blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := readDocument(r, d.Digest.String())
	if err != nil {
		return nil, err
	}
	if got, _, err := v1.SHA256(bytes.NewReader(text)); err != nil || d.Digest.Hex != "" && got != d.Digest {
		return nil, fmt.Errorf("reading %s: %w", d.Digest, errDigest)
	}
	return text, nil
}

// errAttached says that a manifest is no image but is attached to one.
var errAttached = errors.New("it is no image: it is a signature or another artifact that is attached to one")

// isIndex tells an index from a manifest; the media type may be missing.
func isIndex(d v1.Descriptor, text []byte) bool {
	if d.MediaType.IsIndex() {
		return true
	}
	var shape struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
	}
	return json.Unmarshal(text, &shape) == nil && (shape.MediaType.IsIndex() || len(shape.Manifests) > 0 && !d.MediaType.IsImage())
}

// resolve follows a descriptor to the image for a platform. An index with one
// image is that image, whatever it was made for.
func resolve(ctx context.Context, store blobs, d v1.Descriptor, platform Platform, depth int) (*Image, error) {
	text, err := document(ctx, store, d)
	if err != nil {
		return nil, err
	}
	if !isIndex(d, text) {
		return fromManifest(ctx, store, d, text)
	}
	if depth >= maxIndexDepth {
		return nil, fmt.Errorf("the index %s points to indexes that point to indexes: it is not followed any further", d.Digest)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", d.Digest, err)
	}
	if len(index.Manifests) > maxManifests {
		return nil, fmt.Errorf("the index %s has more than %d entries", d.Digest, maxManifests)
	}
	images := slices.DeleteFunc(slices.Clone(index.Manifests), notAnImage)
	for _, m := range images {
		if platform.matches(m.Platform) {
			return resolve(ctx, store, m, platform, depth+1)
		}
	}
	if len(images) == 1 {
		return resolve(ctx, store, images[0], platform, depth+1)
	}
	return nil, fmt.Errorf("the image has no %s variant: choose one of %s with --platform", platform, platforms(images))
}

// notAnImage is what an index holds besides images: attestations and the like.
func notAnImage(d v1.Descriptor) bool {
	artifact := d.ArtifactType != "" && !types.MediaType(d.ArtifactType).IsConfig()
	return strings.HasPrefix(d.Annotations["org.opencontainers.image.ref.name"], "sha256-") || // as cosign and referrers are tagged
		savedByCosign(d.Annotations["kind"]) ||
		artifact || d.Annotations["vnd.docker.reference.type"] != "" || d.Platform != nil && d.Platform.OS == "unknown" || !d.MediaType.IsImage() && !d.MediaType.IsIndex() && d.MediaType != ""
}

// savedByCosign reports whether an entry is a signature or attestation in a
// layout that "cosign save" wrote.
func savedByCosign(kind string) bool {
	return strings.HasPrefix(kind, "dev.cosignproject.cosign/") && !strings.HasPrefix(kind, "dev.cosignproject.cosign/image")
}

func platforms(images []v1.Descriptor) string {
	var names []string
	for _, m := range images {
		if m.Platform != nil {
			names = append(names, Platform{m.Platform.OS, m.Platform.Architecture, m.Platform.Variant}.String())
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// fromManifest makes the image of a manifest.
func fromManifest(ctx context.Context, store blobs, d v1.Descriptor, text []byte) (*Image, error) {
	manifest, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	if manifest.Subject != nil {
		return nil, errAttached
	}
	if manifest.Config.Digest.Hex == "" {
		return nil, fmt.Errorf("reading the manifest %s: it names no configuration, so it is no image (schema 1 is not read)", d.Digest)
	}
	config, err := document(ctx, store, manifest.Config)
	if err != nil {
		return nil, fmt.Errorf("the configuration: %w", err)
	}
	img := &Image{Digest: digestText(d.Digest), mediaType: cmp.Or(manifest.MediaType, d.MediaType), ConfigDigest: digestText(manifest.Config.Digest), store: store}
	return img, img.describe(config, manifest.Layers)
}

func digestText(h v1.Hash) string {
	if h.Hex == "" {
		return ""
	}
	return h.String()
}

// describe reads the configuration and joins it with the layers and the history.
func (img *Image) describe(config []byte, layers []v1.Descriptor) error {
	cfg, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return fmt.Errorf("reading the image's configuration: %w", err)
	}
	img.Config, img.weight = cfg, weigh(config)
	for _, d := range layers {
		if !isLayer(d.MediaType) {
			img.unread = append(img.unread, fmt.Sprintf("the manifest has a layer of the type %.100q, which is not read", d.MediaType))
		}
	}
	layers = slices.DeleteFunc(slices.Clone(layers), func(d v1.Descriptor) bool { return !isLayer(d.MediaType) })
	if len(layers) > maxLayers {
		return fmt.Errorf("the image has %d layers: more than %d are not read", len(layers), maxLayers)
	}
	if n := len(cfg.RootFS.DiffIDs); n > 0 && n != len(layers) {
		return fmt.Errorf("the image's configuration names %d layers and its manifest %d: one of them was exchanged", n, len(layers))
	}
	created := createdBy(cfg)
	for i, d := range layers {
		l := Layer{Layer: asset.Layer{Index: int64(i), Digest: digestText(d.Digest)}, Size: d.Size, blob: d}
		if i < len(cfg.RootFS.DiffIDs) {
			l.DiffID = digestText(cfg.RootFS.DiffIDs[i])
		}
		if i < len(created) {
			l.CreatedBy = created[i]
		}
		img.size += d.Size
		img.Layers = append(img.Layers, l)
	}
	return nil
}

// isLayer leaves out what manifests of artifacts carry beside file systems.
func isLayer(m types.MediaType) bool {
	return m == "" || m.IsLayer() || strings.Contains(string(m), "tar")
}

// createdBy lists the history's instructions that made layers, in their order.
func createdBy(cfg *v1.ConfigFile) []string {
	var out []string
	for _, h := range cfg.History {
		if !h.EmptyLayer {
			out = append(out, strings.Join(strings.Fields(h.CreatedBy), " "))
		}
	}
	return out
}

// Asset is what can be said of the image without reading its layers.
func (img *Image) Asset() *asset.Image {
	a := fromConfig(img.Config)
	a.Name, a.ID = img.Name, img.Name
	a.Place.File = img.Name
	a.Build.Ref, a.Build.Digest, a.Build.ConfigDigest = img.Ref, img.Digest, img.ConfigDigest
	switch {
	case img.mediaType == types.OCIManifestSchema1:
		a.Build.Format = "oci"
	case img.mediaType == types.DockerManifestSchema2 || img.Digest == "":
		a.Build.Format = "docker"
	}
	a.Build.OS, a.Build.Architecture = img.Config.OS, img.Config.Architecture
	if t := img.Config.Created.Time; !t.IsZero() && t.Unix() > 0 {
		a.Build.Created = t.UTC().Format("2006-01-02")
	}
	img.attribute(&a.Build)
	for _, l := range img.Layers {
		a.Build.Layers = append(a.Build.Layers, l.Layer)
	}
	return &a
}
