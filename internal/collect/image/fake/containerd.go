package fake

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"go.etcd.io/bbolt"
)

// Containerd keeps a content store and holds its lock, as the daemon does.
type Containerd struct {
	// Root is the folder that everything is in.
	Root string

	db *bbolt.DB
}

// StartContainerd makes a store in a folder that is empty or not there.
func StartContainerd(root string) (*Containerd, error) {
	meta := filepath.Join(root, "io.containerd.metadata.v1.bolt")
	for _, dir := range []string{meta, filepath.Join(root, "io.containerd.content.v1.content", "blobs", "sha256")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making a content store: %w", err)
		}
	}
	db, err := bbolt.Open(filepath.Join(meta, "meta.db"), 0o600, nil)
	if err != nil {
		return nil, fmt.Errorf("making a content store: %w", err)
	}
	return &Containerd{root, db}, nil
}

// Close gives the lock back.
func (c *Containerd) Close() error { return c.db.Close() }

// Blob is the file that content is in.
func (c *Containerd) Blob(digest v1.Hash) string {
	return filepath.Join(c.Root, "io.containerd.content.v1.content", "blobs", digest.Algorithm, digest.Hex)
}

// Pull puts an image into a namespace of the store.
func (c *Containerd) Pull(namespace, name string, img v1.Image) error {
	if err := c.content(img); err != nil {
		return fmt.Errorf("pulling %s: %w", name, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	mediaType, err := img.MediaType()
	if err != nil {
		return err
	}
	size, err := img.Size()
	if err != nil {
		return err
	}
	return c.Name(namespace, name, v1.Descriptor{Digest: digest, MediaType: mediaType, Size: size})
}

// Name enters what a name stands for into the database.
func (c *Containerd) Name(namespace, name string, d v1.Descriptor) error {
	return c.db.Update(func(tx *bbolt.Tx) error {
		target, err := tx.CreateBucketIfNotExists([]byte("v1"))
		for _, key := range []string{namespace, "images", name, "target"} {
			if err != nil {
				return err
			}
			target, err = target.CreateBucketIfNotExists([]byte(key))
		}
		if err != nil {
			return err
		}
		for key, value := range map[string][]byte{
			"digest":    []byte(d.Digest.String()),
			"mediatype": []byte(d.MediaType),
			"size":      binary.AppendVarint(nil, d.Size),
		} {
			if err := target.Put([]byte(key), value); err != nil {
				return err
			}
		}
		return nil
	})
}

// content writes the manifest, the configuration and the layers.
func (c *Containerd) content(img v1.Image) error {
	for _, document := range []struct {
		digest func() (v1.Hash, error)
		text   func() ([]byte, error)
	}{{img.Digest, img.RawManifest}, {img.ConfigName, img.RawConfigFile}} {
		digest, err := document.digest()
		if err != nil {
			return err
		}
		text, err := document.text()
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Blob(digest), text, 0o600); err != nil {
			return err
		}
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		if err := c.layer(l); err != nil {
			return err
		}
	}
	return nil
}

func (c *Containerd) layer(l v1.Layer) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	content, err := l.Compressed()
	if err != nil {
		return err
	}
	defer content.Close()
	f, err := os.Create(c.Blob(digest))
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, content); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
