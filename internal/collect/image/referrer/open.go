package referrer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

func mediaType(text string) types.MediaType { return types.MediaType(text) }

// Mismatch is the error of an image whose content is not what its digest
// promised.
type Mismatch struct {
	Ref    asset.ImageRef
	Reason string
}

func (m *Mismatch) Error() string { return m.Ref.Text + ": " + m.Reason }

// Open opens the image that a target names: a folder with an OCI layout, an
// oci-archive, or a reference in a registry. In a layout or archive with several
// images, "#" and a tag or digest behind the path says which. Of an index,
// platform ("linux/amd64", "" for none) also chooses one image; one that is alone
// in its index is chosen without.
func Open(ctx context.Context, target, platform string) (*Image, error) {
	path, which, _ := strings.Cut(target, "#")
	info, err := os.Stat(path)
	if err != nil && looksLikePath(target) {
		return nil, fmt.Errorf("opening %s: there is no such file or folder", path)
	}
	img := &Image{Name: target}
	asked := ""
	switch {
	case err != nil:
		registry, ref, err := openRegistry(target)
		if err != nil {
			return nil, err
		}
		img.store, img.Ref, asked = registry, collect.ParseImage(target), ref
	default:
		files, err := openFiles(path, info.IsDir())
		if err != nil {
			return nil, err
		}
		layout := &layout{files: files}
		img.store = layout
		d, err := layout.choose(which)
		if err != nil {
			layout.close()
			return nil, fmt.Errorf("opening %s: %w", path, err)
		}
		asked = d.Digest.String()
		img.Ref, img.OwnWord = image.LayoutRef(d), true
	}
	if err := img.resolve(ctx, asked, platform); err != nil {
		img.store.close()
		if errors.Is(err, errDigest) {
			return nil, &Mismatch{img.Ref, err.Error()}
		}
		return nil, fmt.Errorf("opening %s: %w", target, err)
	}
	return img, nil
}

func looksLikePath(target string) bool {
	return strings.HasPrefix(target, ".") || filepath.IsAbs(target) || strings.HasSuffix(target, ".tar") || strings.Contains(target, "#")
}

// resolve reads what the reference names and the platform's manifest.
func (i *Image) resolve(ctx context.Context, ref, platform string) error {
	d, text, err := i.store.manifest(ctx, ref)
	if err != nil {
		return err
	}
	asked := ""
	if strings.Contains(ref, ":") {
		asked = ref
	}
	i.Manifests = []asset.Manifest{{Asked: asked, Digest: d.Digest.String(), MediaType: string(d.MediaType), Content: text}}
	if d.MediaType.IsIndex() {
		child, err := pick(text, platform)
		if err != nil || child.Digest.Hex == "" {
			return err
		}
		if d, text, err = i.store.manifest(ctx, child.Digest.String()); err != nil {
			return err
		}
		i.Manifests = append(i.Manifests, asset.Manifest{Asked: child.Digest.String(), Digest: d.Digest.String(), MediaType: string(d.MediaType), Content: text})
	}
	return i.labels(ctx, text)
}

// labels reads those of the configuration.
func (i *Image) labels(ctx context.Context, text []byte) error {
	m, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	i.Labels = map[string]string{}
	if m.Config.Size == 0 || !m.Config.MediaType.IsConfig() {
		return nil
	}
	config, err := i.store.blob(ctx, m.Config)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	var shape struct {
		Config struct{ Labels map[string]string } `json:"config"`
	}
	if err := json.Unmarshal(config, &shape); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	i.Labels = shape.Config.Labels
	return nil
}

// isArtifact reports whether an entry of an index says that it is no image.
func isArtifact(d v1.Descriptor) bool {
	return d.ArtifactType != "" && !mediaType(d.ArtifactType).IsConfig()
}

// pick chooses the image for a platform out of an index. Without a platform it
// chooses the only one, if there is only one.
func pick(text []byte, platform string) (v1.Descriptor, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("reading the index: %w", err)
	}
	if len(index.Manifests) > maxEntries {
		return v1.Descriptor{}, fmt.Errorf("the index has more than %d entries", maxEntries)
	}
	images := slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
		return isArtifact(d) || d.Annotations["vnd.docker.reference.type"] != "" || d.Platform != nil && d.Platform.OS == "unknown"
	})
	switch {
	case len(images) == 1:
		return images[0], nil // whatever it was made for
	case platform == "":
		return v1.Descriptor{}, nil
	}
	want, err := v1.ParsePlatform(platform)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%q is no platform: write it as linux/amd64", platform)
	}
	var names []string
	for _, d := range images {
		if d.Platform != nil && d.Platform.Satisfies(*want) {
			return d, nil
		}
		if d.Platform != nil {
			names = append(names, d.Platform.String())
		}
	}
	return v1.Descriptor{}, fmt.Errorf("the image has no %s variant: choose one of %s", platform, strings.Join(names, ", "))
}
