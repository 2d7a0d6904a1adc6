package referrer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// patience is how long one request may take, its retries included.
const patience = 2 * time.Minute

// registry is a repository of a registry. Credentials are those of the user's
// Docker or Podman configuration. Nothing else is ever asked over the network.
type registry struct {
	repo      name.Repository
	transport http.RoundTripper
}

func openRegistry(text string) (*registry, string, error) {
	ref, err := name.ParseReference(strings.TrimPrefix(text, "docker://"))
	if err != nil {
		return nil, "", fmt.Errorf("%q is neither a file nor a reference to an image: %w", text, err)
	}
	for part := range strings.SplitSeq(ref.Context().RepositoryStr(), "/") {
		if part == "." || part == ".." || part == "" {
			return nil, "", fmt.Errorf("%q is no reference to an image: its path leads elsewhere than it says", text)
		}
	}
	return &registry{ref.Context(), image.Transport()}, ref.Identifier(), nil
}

func (r *registry) options(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("holdfast"),
		remote.WithTransport(r.transport)}
}

func (r *registry) ref(text string) name.Reference {
	if strings.Contains(text, ":") {
		return r.repo.Digest(text)
	}
	return r.repo.Tag(text)
}

func (r *registry) manifest(ctx context.Context, ref string) (v1.Descriptor, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, err := remote.Get(r.ref(ref), r.options(ctx)...)
	if err != nil {
		return v1.Descriptor{}, nil, explain(err)
	}
	if len(got.Manifest) > maxManifest {
		return v1.Descriptor{}, nil, fmt.Errorf("the manifest is larger than %d MiB", maxManifest>>20)
	}
	if digest := digestOf(got.Manifest); digest != got.Digest.String() {
		return v1.Descriptor{}, nil, fmt.Errorf("%w: the registry says %s, and it is %s", errDigest, got.Digest, digest)
	}
	return got.Descriptor, got.Manifest, nil
}

func (r *registry) blob(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if d.Size > maxBlob {
		return nil, fmt.Errorf("it is larger than %d MiB", maxBlob>>20)
	}
	layer, err := remote.Layer(r.repo.Digest(d.Digest.String()), r.options(ctx)...)
	if err != nil {
		return nil, explain(err)
	}
	// The library compares the digest while it reads.
	body, err := layer.Compressed()
	if err != nil {
		return nil, explain(err)
	}
	defer body.Close()
	return readBounded(body)
}

func readBounded(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxBlob+1))
	if err == nil && len(text) > maxBlob {
		err = fmt.Errorf("it is larger than %d MiB", maxBlob>>20)
	}
	return text, err
}

func (r *registry) referrers(ctx context.Context, digest string) ([]found, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	index, err := remote.Referrers(r.repo.Digest(digest), r.options(ctx)...)
	if err != nil {
		return nil, explain(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("the answer is no index: %w", err)
	}
	if len(m.Manifests) > maxEntries {
		return nil, fmt.Errorf("it has more than %d", maxEntries)
	}
	var list []found
	for _, d := range m.Manifests {
		list = append(list, found{d, "referrers"})
	}
	return list, nil
}

func (*registry) close() error { return nil }

// explain says what to do about the answers that registries give most.
func explain(err error) error {
	if strings.Contains(err.Error(), "does not match requested digest") || strings.Contains(err.Error(), "does not match Docker-Content-Digest") {
		return fmt.Errorf("%w: %w", errDigest, err)
	}
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return fmt.Errorf("the registry cannot be reached: %w", err)
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the registry refuses (%d): log in with docker login or podman login, or check the name", answer.StatusCode)
	case http.StatusNotFound:
		return errNotFound
	case http.StatusTooManyRequests:
		return errors.New("the registry allows no more requests for now: log in, or try later")
	}
	return fmt.Errorf("the registry answers %w", err)
}
