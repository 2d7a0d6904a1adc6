package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// Transport is how registries are spoken to: their answers have to begin in time,
// and where they send on to is not left to them.
func Transport() http.RoundTripper { return impatient(remote.DefaultTransport) }

// repository is one of a registry. Credentials are those of the user's
// Docker or Podman configuration.
type repository struct {
	ref  name.Reference
	opts []remote.Option
}

func (r *repository) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	ctx, wrap := patience(ctx, maxSilence)
	body, err := r.open(ctx, d)
	if err != nil {
		err = silent(ctx, err)
		wrap(nil)
		return nil, err
	}
	return wrap(body), nil
}

// open asks for content.
func (r *repository) open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	opts := append([]remote.Option{remote.WithContext(ctx)}, r.opts...)
	if d.MediaType.IsImage() || d.MediaType.IsIndex() {
		got, err := remote.Get(r.ref.Context().Digest(d.Digest.String()), opts...)
		if err != nil {
			return nil, explain(err)
		}
		return io.NopCloser(bytes.NewReader(got.Manifest)), nil
	}
	layer, err := remote.Layer(r.ref.Context().Digest(d.Digest.String()), opts...)
	if err != nil {
		return nil, explain(err)
	}
	body, err := layer.Compressed()
	if err != nil {
		return nil, explain(err)
	}
	return body, nil
}

// fromRegistry opens the image that a reference names.
func fromRegistry(ctx context.Context, text string, platform Platform) (*Image, error) {
	ref, err := name.ParseReference(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no reference to an image: %w", text, err)
	}
	r := &repository{ref: ref, opts: []remote.Option{remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("holdfast"), remote.WithTransport(Transport())}}
	asking, wrap := patience(ctx, maxSilence)
	got, err := remote.Get(ref, append([]remote.Option{remote.WithContext(asking)}, r.opts...)...)
	err = silent(asking, err)
	wrap(nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s for %s: %w", ref.Context().RegistryStr(), text, explain(err))
	}
	img, err := resolve(ctx, r, got.Descriptor, platform, 0)
	if err != nil {
		return nil, err
	}
	img.Name, img.Ref = text, collect.ParseImage(text)
	return img, nil
}

// explain says what to do about the answers that registries give most.
func explain(err error) error {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the registry refuses (%d): log in with docker login or podman login, or check the name", answer.StatusCode)
	case http.StatusNotFound:
		return errors.New("the registry has no such image")
	case http.StatusTooManyRequests:
		return errors.New("the registry allows no more requests for now: log in, or try later")
	}
	return fmt.Errorf("the registry answers %d: %.300s", answer.StatusCode, answer.Error())
}
