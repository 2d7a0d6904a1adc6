package image

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.etcd.io/bbolt"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// containerd keeps what it pulls in a folder of blobs, and what they are called
// in a database (bolt) that it locks for as long as it runs. The blobs are read
// where they are; the database is copied to memory.

const (
	// contentFolder and metaFile are where containerd's plug-ins keep things.
	contentFolder = "io.containerd.content.v1.content"
	metaFile      = "io.containerd.metadata.v1.bolt/meta.db"
	// maxMeta is the largest database, and maxTries how many times one that
	// changes meanwhile is copied.
	maxMeta  = 512 << 20
	maxTries = 20
)

// containerdRoots lists where containerd and those that bring their own keep
// their store. CONTAINERD_ROOT, if set, is the only one.
func containerdRoots(env map[string]string) []string {
	if root := env["CONTAINERD_ROOT"]; root != "" {
		return []string{root}
	}
	return []string{
		"/var/lib/containerd",
		"/var/lib/rancher/k3s/agent/containerd",
		"/var/lib/rancher/rke2/agent/containerd",
		"/var/lib/k0s/containerd",
		"/var/snap/microk8s/common/var/lib/containerd",
		"/var/lib/docker/containerd/daemon",
	}
}

// fromContainerd opens an image out of the first store that has it.
func fromContainerd(ctx context.Context, target string, platform Platform, env map[string]string) (*Opened, error) {
	names := containerdNames(target)
	if names == nil {
		return nil, fmt.Errorf("%q is no reference to an image", target)
	}
	var reasons []string
	for _, root := range containerdRoots(env) {
		if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		opened, err := fromContent(ctx, root, names, env["CONTAINERD_NAMESPACE"], platform)
		if err == nil {
			opened.Images[0].Name = target
			return opened, nil
		}
		reasons = append(reasons, fmt.Sprintf("%s: %v", root, err))
	}
	if reasons == nil {
		return nil, fmt.Errorf("looking for %s: containerd has no folder here; CONTAINERD_ROOT can name it", target)
	}
	return nil, fmt.Errorf("looking for %s in containerd's store: %s", target, strings.Join(reasons, "; "))
}

// containerdNames lists what containerd may call an image: as it was asked for,
// or in full.
func containerdNames(target string) []string {
	if isID(target) {
		return []string{target}
	}
	ref, err := name.ParseReference(target)
	if err != nil {
		return nil
	}
	full := ref.Name()
	if rest, ok := strings.CutPrefix(full, name.DefaultRegistry+"/"); ok {
		full = "docker.io/" + rest
	}
	return []string{target, full}
}

func fromContent(ctx context.Context, root string, names []string, namespace string, platform Platform) (*Opened, error) {
	found, target, err := lookUp(filepath.Join(root, metaFile), names, namespace)
	if err != nil {
		return nil, err
	}
	content, err := os.OpenRoot(filepath.Join(root, contentFolder))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", contentFolder, errors.Unwrap(err))
	}
	img, err := resolve(ctx, contentStore{&ociLayout{content}}, target, platform, 0)
	if err != nil {
		content.Close()
		return nil, err
	}
	img.Ref = collect.ParseImage(found)
	return &Opened{[]*Image{img}, content}, nil
}

// contentStore is containerd's folder of blobs, which is laid out as a layout's.
type contentStore struct{ *ociLayout }

func (s contentStore) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	r, err := s.ociLayout.blob(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("containerd does not keep %s: it was not pulled for this platform, or thrown away when it was unpacked (discard_unpacked_layers)", d.Digest)
	}
	return r, err
}

// errNotListed says that a store has no image of a name.
var errNotListed = errors.New("it has no such image")

// lookUp asks the database what a name stands for.
func lookUp(file string, names []string, namespace string) (found string, target v1.Descriptor, err error) {
	// Bolt trusts its pages: a damaged database makes it panic, or point outside
	// of what is mapped.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s is damaged: %v", metaFile, p)
		}
	}()
	db, err := openMeta(file)
	if err != nil {
		return "", target, err
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		top := tx.Bucket([]byte("v1"))
		if top == nil {
			return errNotListed
		}
		for _, ns := range namespaces(top, namespace) {
			for _, n := range names {
				if b := bucket(top, ns, "images", n, "target"); b != nil {
					found, target, err = n, v1.Descriptor{}, nil
					return describe(b, &target)
				}
			}
		}
		return errNotListed
	})
	return found, target, err
}

// namespaces lists those of a database: the one that is asked for, or all, the
// usual ones first.
func namespaces(top *bbolt.Bucket, only string) []string {
	if only != "" {
		return []string{only}
	}
	out := []string{"k8s.io", "default", "moby"}
	top.ForEachBucket(func(k []byte) error { //nolint:errcheck // nothing in it fails
		if !slices.Contains(out[:3], string(k)) {
			out = append(out, string(k))
		}
		return nil
	})
	return out
}

func bucket(b *bbolt.Bucket, path ...string) *bbolt.Bucket {
	for _, p := range path {
		if b = b.Bucket([]byte(p)); b == nil {
			return nil
		}
	}
	return b
}

// describe reads the descriptor that an image's entry holds.
func describe(b *bbolt.Bucket, d *v1.Descriptor) error {
	digest, err := v1.NewHash(string(b.Get([]byte("digest"))))
	if err != nil {
		return fmt.Errorf("%s has a wrong digest: %w", metaFile, err)
	}
	size, _ := binary.Varint(b.Get([]byte("size")))
	*d = v1.Descriptor{Digest: digest, MediaType: types.MediaType(b.Get([]byte("mediatype"))), Size: size}
	return nil
}

// openMeta opens a copy of the database in memory.
func openMeta(file string) (*bbolt.DB, error) {
	f, _, err := regular(os.OpenFile, file)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", metaFile, errors.Unwrap(err))
	}
	defer f.Close()
	memory, err := anonymousFile()
	if err != nil {
		return nil, err
	}
	if err := copyMeta(memory, f); err != nil {
		memory.Close()
		return nil, err
	}
	db, err := bbolt.Open(file, 0, &bbolt.Options{
		ReadOnly: true,
		OpenFile: func(string, int, os.FileMode) (*os.File, error) { return memory, nil },
	})
	if err != nil {
		memory.Close()
		return nil, fmt.Errorf("reading %s: %w", metaFile, err)
	}
	return db, nil
}

// copyMeta copies a database that somebody writes. Bolt writes new pages beside
// the old ones, and then one of the first two, which says where they are: as long
// as those two stay as they are, a copy is whole.
func copyMeta(to *os.File, from *os.File) error {
	before, after := make([]byte, 2*os.Getpagesize()), make([]byte, 2*os.Getpagesize())
	for range maxTries {
		if _, err := from.ReadAt(before, 0); err != nil {
			return fmt.Errorf("%s is no database: %w", metaFile, err)
		}
		if err := to.Truncate(0); err != nil {
			return err
		}
		n, err := io.Copy(io.NewOffsetWriter(to, 0), io.NewSectionReader(from, 0, maxMeta+1))
		if err != nil {
			return fmt.Errorf("copying %s: %w", metaFile, err)
		}
		if n > maxMeta {
			return fmt.Errorf("%s is larger than %d MiB", metaFile, maxMeta>>20)
		}
		if _, err := from.ReadAt(after, 0); err == nil && bytes.Equal(before, after) {
			return nil
		}
	}
	return fmt.Errorf("%s changes all the time: try again when containerd has less to do", metaFile)
}
