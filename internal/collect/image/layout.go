package image

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
)

// ociLayout is a folder with an OCI image layout. Files are opened below its root
// only, whatever links lie in there.
type ociLayout struct{ root *os.Root }

func openLayout(dir string) (*ociLayout, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", dir, errors.Unwrap(err))
	}
	return &ociLayout{root}, nil
}

func (l *ociLayout) blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	name := blobPath(d.Digest)
	f, info, err := regular(l.root.OpenFile, name)
	if err != nil {
		return nil, fmt.Errorf("the layout has no %s: %w", name, errors.Unwrap(err))
	}
	return &fileSection{section{newSeeker(f, 0, info.Size())}, f}, nil
}

// fileSection is a section that is a whole file.
type fileSection struct {
	section
	file io.Closer
}

func (f *fileSection) Close() error { return f.file.Close() }

func (l *ociLayout) images(ctx context.Context, name string, platform Platform) ([]*Image, error) {
	f, _, err := regular(l.root.OpenFile, "index.json")
	if err != nil {
		return nil, fmt.Errorf("the layout has no index.json: %w", errors.Unwrap(err))
	}
	defer f.Close()
	text, err := readDocument(f, "index.json")
	if err != nil {
		return nil, err
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("reading index.json: %w", err)
	}
	return layoutImages(ctx, l, &index, name, platform)
}

// layoutImages lists the images that a layout's index names: every tag, or
// where nothing is tagged, the one for the platform.
func layoutImages(ctx context.Context, store blobs, index *v1.IndexManifest, name string, platform Platform) ([]*Image, error) {
	var list []v1.Descriptor
	seen := map[v1.Hash]bool{}
	for _, d := range index.Manifests {
		if !notAnImage(d) && !seen[d.Digest] {
			seen[d.Digest] = true
			list = append(list, d)
		}
	}
	if len(list) > maxArchiveImages {
		return nil, fmt.Errorf("it holds %d images: more than %d are not read", len(list), maxArchiveImages)
	}
	if len(list) == 0 {
		return nil, errors.New("it holds no image")
	}
	if variants := ofPlatform(list, platform); variants != nil {
		list = variants
	}
	var out []*Image
	weight := 0
	for _, d := range list {
		img, err := resolve(ctx, store, d, platform, 0)
		if errors.Is(err, errAttached) && len(list) > 1 {
			continue
		}
		if err != nil {
			return nil, err
		}
		if weight += img.weight; weight > maxDocuments {
			return nil, errDocuments
		}
		img.Name = name
		img.Ref = LayoutRef(d)
		if len(list) > 1 {
			img.Name = name + "#" + cmp.Or(img.Ref.Text, img.Digest)
		}
		out = append(out, img)
	}
	return out, nil
}

// ofPlatform picks the one image for the platform out of variants of one image:
// entries that say what they are made for, under one name.
func ofPlatform(list []v1.Descriptor, platform Platform) []v1.Descriptor {
	var found []v1.Descriptor
	for _, d := range list {
		if d.Platform == nil || d.Annotations["org.opencontainers.image.ref.name"] != list[0].Annotations["org.opencontainers.image.ref.name"] {
			return nil
		}
		if platform.matches(d.Platform) {
			found = append(found, d)
		}
	}
	return found
}

// LayoutRef is the reference that a layout's entry records.
func LayoutRef(d v1.Descriptor) asset.ImageRef {
	return reference(cmp.Or(d.Annotations["io.containerd.image.name"], d.Annotations["org.opencontainers.image.ref.name"]))
}

// reference reads a tag as archives and layouts record it; a bare tag ("latest")
// names no repository.
func reference(text string) asset.ImageRef {
	if !strings.ContainsAny(text, "/:@") {
		return asset.ImageRef{Text: text, Tag: text}
	}
	return collect.ParseImage(text)
}

func blobPath(h v1.Hash) string {
	// Digests of manifests are hostile text: only hexadecimal ones name files.
	if !isHex(h.Hex, 64) && !isHex(h.Hex, 128) {
		return "blobs/invalid"
	}
	return path.Join("blobs", h.Algorithm, h.Hex)
}
