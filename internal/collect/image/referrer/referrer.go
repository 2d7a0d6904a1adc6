// Package referrer finds what is attached to an image: signatures, attestations
// and bills of materials, in a registry, an OCI layout or an oci-archive.
//
// It knows where the tools of the field put them: the referrers of a digest
// (by the registry's API or the tag that stands in for it), the tags that cosign
// derives from a digest, and the attestation manifests that BuildKit puts into an
// index. What it finds is handed over as it is; nothing here trusts it.
package referrer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// The bounds on what an image may have attached; whoever may push to a
// repository may attach what they like.
const (
	maxManifest    = 4 << 20
	maxBlob        = 16 << 20
	maxTotal       = 64 << 20
	maxAttachments = 200
	maxEntries     = 10_000
)

// errNotFound says that a store does not have what was asked for.
var errNotFound = errors.New("there is no such manifest")

// errDigest says that content is not what its digest promised.
var errDigest = errors.New("the content does not have the digest that it was asked for by")

// store is a place that holds manifests and blobs.
type store interface {
	// manifest returns a manifest by its tag or digest. Its error is errNotFound
	// where there is none, and errDigest where the content is another one.
	manifest(ctx context.Context, ref string) (v1.Descriptor, []byte, error)
	// blob returns content of at most maxBlob bytes, its digest checked.
	blob(ctx context.Context, d v1.Descriptor) ([]byte, error)
	// referrers lists the manifests that name the digest as their subject, and
	// says how they were found.
	referrers(ctx context.Context, digest string) ([]found, error)
	close() error
}

// found is a manifest and how it was found.
type found struct {
	v1.Descriptor
	how string
}

// Image is an image whose attachments can be read.
type Image struct {
	// Name is what people call it.
	Name string
	Ref  asset.ImageRef
	// OwnWord says that the reference is what a layout or archive calls itself:
	// whoever wrote it could write any.
	OwnWord bool
	// Manifests are what the reference names and, where that is an index, the
	// manifest for the platform that was asked for.
	Manifests []asset.Manifest
	// Labels are those of the platform's configuration; nil where no platform
	// was chosen.
	Labels map[string]string

	store store
}

// Close ends reading.
func (i *Image) Close() error { return i.store.close() }

// Attachments reads everything that is attached to the image. What it could not
// read is an error, and what it could is returned with it.
func (i *Image) Attachments(ctx context.Context) ([]asset.Attachment, error) {
	r := reading{store: i.store}
	for _, m := range i.Manifests {
		r.attachedTo(ctx, m.Digest)
	}
	if len(i.Manifests) > 0 {
		chosen := ""
		if len(i.Manifests) > 1 {
			chosen = i.Manifests[1].Digest
		}
		r.inIndex(ctx, i.Manifests[0].Content, chosen)
	}
	slices.SortStableFunc(r.out, func(a, b asset.Attachment) int {
		return strings.Compare(a.Found+a.Digest, b.Found+b.Digest)
	})
	return r.out, errors.Join(r.errs...)
}

// reading collects attachments under the bounds.
type reading struct {
	store store
	out   []asset.Attachment
	errs  []error
	total int64
	full  bool
}

func (r *reading) fail(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(format, args...))
}

// attachedTo reads the referrers of a digest and the tags that cosign makes of it.
func (r *reading) attachedTo(ctx context.Context, digest string) {
	list, err := r.store.referrers(ctx, digest)
	if err != nil {
		r.fail("asking for the referrers of %s: %w", digest, err)
	}
	for _, f := range list {
		// Some registries list the type of the empty configuration in place of
		// the manifest's own.
		if f.ArtifactType != "" && f.ArtifactType != emptyType && !relevant(f.ArtifactType) {
			continue
		}
		r.manifest(ctx, f.Digest.String(), f.how, digest)
	}
	for _, suffix := range []string{"sig", "att", "sbom"} {
		tag := strings.Replace(digest, ":", "-", 1) + "." + suffix
		r.manifest(ctx, tag, "tag "+tag, digest)
	}
}

// manifest reads one manifest and its layers.
func (r *reading) manifest(ctx context.Context, ref, how, subject string) {
	isTag := !strings.Contains(ref, ":")
	d, text, err := r.store.manifest(ctx, ref)
	if errors.Is(err, errNotFound) && isTag {
		return
	}
	if err != nil {
		r.fail("reading %s: %w", ref, err)
		return
	}
	m, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil {
		r.fail("reading %s: it is no manifest: %w", ref, err)
		return
	}
	if !isTag && (m.Subject == nil || m.Subject.Digest.String() != subject) && !strings.HasPrefix(how, inImageIndex) {
		return // the list lied: it is about something else
	}
	kind := artifactType(m)
	if !relevant(kind) && !slices.ContainsFunc(m.Layers, func(l v1.Descriptor) bool { return relevant(string(l.MediaType)) }) {
		return
	}
	for _, layer := range m.Layers {
		r.layer(ctx, d.Digest.String(), how, subject, kind, m, layer)
	}
}

func (r *reading) layer(ctx context.Context, digest, how, subject, kind string, m *v1.Manifest, layer v1.Descriptor) {
	if r.full {
		return
	}
	if len(r.out) >= maxAttachments || r.total+layer.Size > maxTotal {
		r.full = true
		r.fail("the image has more than %d attachments or %d MiB of them: the rest was not read", maxAttachments, maxTotal>>20)
		return
	}
	a := asset.Attachment{Digest: digest, Found: how, Subject: subject, Type: kind, MediaType: string(layer.MediaType), Annotations: map[string]string{}}
	maps.Copy(a.Annotations, m.Annotations)
	maps.Copy(a.Annotations, layer.Annotations)
	content, err := r.store.blob(ctx, layer)
	if err != nil {
		a.Problem = fmt.Sprintf("reading %s: %v", layer.Digest, err)
	}
	a.Content = content
	r.total += int64(len(content))
	r.out = append(r.out, a)
}

// emptyType is the media type of a configuration that says nothing.
const emptyType = "application/vnd.oci.empty.v1+json"

const inImageIndex = "image index"

// inIndex reads the attestation manifests of an index: those of the platform
// that was chosen, or all.
func (r *reading) inIndex(ctx context.Context, text []byte, chosen string) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return // it was parsed before: this is an image
	}
	for _, d := range index.Manifests[:min(len(index.Manifests), maxEntries)] {
		of := d.Annotations["vnd.docker.reference.digest"]
		if d.Annotations["vnd.docker.reference.type"] == "attestation-manifest" && (chosen == "" || of == chosen) {
			r.manifest(ctx, d.Digest.String(), inImageIndex, of)
		}
	}
}

// artifactType is what a manifest says it is: newer tools write the field, older
// ones the media type of the configuration.
func artifactType(m *v1.Manifest) string {
	if m.ArtifactType != "" {
		return m.ArtifactType
	}
	return string(m.Config.MediaType)
}

// relevant reports whether a type is one of signatures, attestations and bills
// of materials.
func relevant(kind string) bool {
	for _, prefix := range []string{
		"application/vnd.dev.sigstore.bundle", "application/vnd.dev.cosign.", "application/vnd.cncf.notary.signature",
		"application/vnd.dsse.envelope", "application/vnd.in-toto", "application/spdx+json", "text/spdx+json",
		"application/vnd.cyclonedx+json", "application/vnd.openvex", "application/jose+json", "application/cose",
	} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// digestOf is the digest of a text.
func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// describe makes the descriptor of a manifest from its text.
func describe(text []byte) (v1.Descriptor, error) {
	var shape struct {
		MediaType string          `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
		Config    json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(text, &shape); err != nil {
		return v1.Descriptor{}, fmt.Errorf("it is no manifest: %w", err)
	}
	h, err := v1.NewHash(digestOf(text))
	d := v1.Descriptor{Digest: h, Size: int64(len(text))}
	switch {
	case shape.MediaType != "":
		d.MediaType = mediaType(shape.MediaType)
	case len(shape.Manifests) > 0:
		d.MediaType = "application/vnd.oci.image.index.v1+json"
	default:
		d.MediaType = "application/vnd.oci.image.manifest.v1+json"
	}
	return d, err
}
