package scan

import (
	"context"
	"errors"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/collect/image/referrer"
	"github.com/holdfast-sec/holdfast/internal/inspect/signature"
)

// provenance says where an image comes from. What is attached to it is asked for
// only with a policy that could trust it.
func (i *images) provenance(ctx context.Context, img *image.Image, a *asset.Image) {
	s := &signature.Subject{Ref: img.Ref, Labels: a.Labels}
	if img.Digest != "" {
		s.Manifests = []asset.Manifest{{Digest: img.Digest}}
	}
	if i.plan.Images.Policy != nil {
		i.attached(ctx, img, s)
	}
	a.Build.Provenance = signature.Verify(ctx, i.plan.Images.Policy, s)
}

// attached reads what is attached to an image where it was found.
func (i *images) attached(ctx context.Context, img *image.Image, s *signature.Subject) {
	opened, err := referrer.Open(ctx, img.Name, i.plan.Images.Platform.String())
	var mismatch *referrer.Mismatch
	switch {
	case errors.As(err, &mismatch):
		s.Manifests, s.Mismatch = nil, mismatch.Reason
		return
	case err != nil:
		s.Unread = err
		return
	}
	defer opened.Close() //nolint:errcheck // it was only read
	s.Manifests, s.Labels = opened.Manifests, opened.Labels
	s.Attachments, s.Unread = opened.Attachments(ctx)
}
