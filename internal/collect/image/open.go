package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// Source is a kind of place where images are.
type Source string

// The sources.
const (
	Anywhere   Source = ""
	Registry   Source = "registry"
	Archive    Source = "archive"
	Layout     Source = "layout"
	Docker     Source = "docker"
	Podman     Source = "podman"
	Containerd Source = "containerd"
)

// Sources lists the kinds of places, but for Anywhere.
func Sources() []Source { return []Source{Registry, Archive, Layout, Docker, Podman, Containerd} }

// Opened is the images that a target names, and what has to be closed after
// they were read.
type Opened struct {
	Images []*Image
	closer io.Closer
}

// Close ends reading.
func (o *Opened) Close() error {
	if o.closer == nil {
		return nil
	}
	return o.closer.Close()
}

// Check refuses a target that can name no image: neither a path that exists nor
// a reference. It looks at the name only.
func Check(target string) error {
	path, _, _ := strings.Cut(target, "#")
	if _, err := os.Stat(path); err == nil || target == "-" {
		return nil // what is there may still be no image: Open says so
	}
	if looksLikePath(target) {
		return fmt.Errorf("opening %s: there is no such file or folder", target)
	}
	if _, err := name.ParseReference(target); err != nil {
		return fmt.Errorf("%q is no reference to an image, and no path: write one as nginx:1.27 or registry.example/app@sha256:...", target)
	}
	return nil
}

func looksLikePath(target string) bool {
	return strings.HasPrefix(target, ".") || strings.HasPrefix(target, "/") || strings.HasSuffix(target, ".tar")
}

// Open opens what a target names. Where it is a path that exists, it is an
// archive or a layout; else a reference, which engines on this machine (by env,
// their sockets) are asked for before the registry.
func Open(ctx context.Context, target string, from Source, platform Platform, env map[string]string) (*Opened, error) {
	if target == "-" {
		return nil, errors.New("an image is not read from standard input, as its parts are needed out of order: write it to a file first, docker save -o app.tar app")
	}
	switch from {
	case Archive:
		return openFile(ctx, target, platform)
	case Layout:
		return openFolder(ctx, target, platform)
	case Registry:
		return one(fromRegistry(ctx, target, platform))
	case Docker, Podman:
		return fromEngine(ctx, target, from, sockets(from, env), platform)
	case Containerd:
		return fromContainerd(ctx, target, platform, env)
	}
	if info, err := os.Stat(target); err == nil {
		if info.IsDir() {
			return openFolder(ctx, target, platform)
		}
		return openFile(ctx, target, platform)
	}
	if path, which, ok := strings.Cut(target, "#"); ok && path != "" {
		opened, err := Open(ctx, path, from, platform, env)
		if err != nil {
			return nil, err
		}
		return choose(opened, path, which)
	}
	if looksLikePath(target) {
		return nil, fmt.Errorf("opening %s: there is no such file or folder", target)
	}
	var reasons []string
	for _, kind := range []Source{Docker, Podman} {
		listening := listening(sockets(kind, env))
		if listening == nil {
			continue
		}
		opened, err := fromEngine(ctx, target, kind, listening, platform)
		if err == nil {
			return opened, nil
		}
		reasons = append(reasons, err.Error())
	}
	img, err := fromRegistry(ctx, target, platform)
	if err != nil && reasons != nil {
		// What was built here and pushed nowhere is looked for in vain there.
		err = fmt.Errorf("%w; before that, %s", err, strings.Join(reasons, "; "))
	}
	return one(img, err)
}

func one(img *Image, err error) (*Opened, error) {
	if err != nil {
		return nil, err
	}
	return &Opened{Images: []*Image{img}}, nil
}

// choose keeps the image that stands behind "#" in a target, of several that lie
// together.
func choose(opened *Opened, target, which string) (*Opened, error) {
	var names []string
	for _, img := range opened.Images {
		if name := img.Name[strings.LastIndexByte(img.Name, '#')+1:]; name == which || img.Digest == which || img.Ref.Tag == which {
			opened.Images = []*Image{img}
			return opened, nil
		} else if name != img.Name {
			names = append(names, name)
		}
	}
	opened.Close() //nolint:errcheck // nothing was read
	if len(names) == 0 {
		return nil, fmt.Errorf("opening %s: it holds one image, which is not called %s: leave the name out", target, which)
	}
	return nil, fmt.Errorf("opening %s: it holds no %s, but %s", target, which, strings.Join(names, ", "))
}

func openFile(ctx context.Context, file string, platform Platform) (*Opened, error) {
	a, closer, err := openArchive(ctx, file)
	if err != nil {
		return nil, err
	}
	images, err := a.images(ctx, collect.Display(file), platform)
	if err != nil {
		closer.Close()
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return &Opened{images, closer}, nil
}

func openFolder(ctx context.Context, dir string, platform Platform) (*Opened, error) {
	l, err := openLayout(dir)
	if err != nil {
		return nil, err
	}
	images, err := l.images(ctx, collect.Display(dir), platform)
	if err != nil {
		l.root.Close()
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	return &Opened{images, l.root}, nil
}

// IsLayout reports whether a file is the marker of an OCI layout; its folder is
// the image.
func IsLayout(file string) bool { return filepath.Base(file) == "oci-layout" }
