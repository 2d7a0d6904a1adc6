package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/image/referrer"
	"github.com/holdfast-sec/holdfast/internal/inspect/signature"
)

// Verify opens the image that a target names, and judges where it comes from by
// a policy. as is the reference that a layout or archive has to be judged as, ""
// for what it calls itself. Its error says that the image could not be read.
func Verify(ctx context.Context, policy *signature.Policy, target, platform, as string) (*asset.Image, error) {
	img, err := referrer.Open(ctx, target, platform)
	a := &asset.Image{Head: asset.Head{Kind: asset.KindImage, Format: asset.Built, ID: target, Name: target}}
	a.Place.File = target
	var mismatch *referrer.Mismatch
	switch {
	case errors.As(err, &mismatch):
		a.Build.Ref = mismatch.Ref
		fill(a, signature.Verify(ctx, policy, &signature.Subject{Ref: mismatch.Ref, Mismatch: mismatch.Reason}))
		return a, nil
	case err != nil:
		return nil, err
	}
	defer img.Close() //nolint:errcheck // it was only read
	if as != "" {
		img.Ref, img.OwnWord = collect.ParseImage(as), false
	}
	a.Build.Ref, a.Labels = img.Ref, img.Labels
	a.Build.Digest = img.Manifests[len(img.Manifests)-1].Digest
	fill(a, judge(ctx, policy, img))
	return a, nil
}

// Provenance fills in where an image comes from that was opened by its name.
// Without a policy it asks for nothing that is attached, and judges what needs
// no policy.
func Provenance(ctx context.Context, policy *signature.Policy, name, platform string, a *asset.Image) {
	subject := &signature.Subject{Ref: a.Build.Ref, Labels: a.Labels}
	if policy == nil {
		fill(a, signature.Verify(ctx, nil, subject))
		return
	}
	if a.Build.Digest == "" {
		subject.Unread = errors.New("the image was not read from a registry, a layout or an oci-archive, and has no digest that a signature could name")
		fill(a, signature.Verify(ctx, policy, subject))
		return
	}
	img, err := referrer.Open(ctx, name, platform)
	var mismatch *referrer.Mismatch
	if errors.As(err, &mismatch) {
		subject.Mismatch = mismatch.Reason
	} else if err != nil {
		subject.Unread = err
	}
	if err != nil {
		fill(a, signature.Verify(ctx, policy, subject))
		return
	}
	defer img.Close() //nolint:errcheck // it was only read
	if !slices.ContainsFunc(img.Manifests, func(m asset.Manifest) bool { return m.Digest == a.Build.Digest }) {
		subject.Unread = fmt.Errorf("the image that was read is %s, and the name stands for %s by now", a.Build.Digest, img.Manifests[len(img.Manifests)-1].Digest)
		fill(a, signature.Verify(ctx, policy, subject))
		return
	}
	fill(a, judge(ctx, policy, img))
}

func judge(ctx context.Context, policy *signature.Policy, img *referrer.Image) asset.Provenance {
	attached, err := img.Attachments(ctx)
	return signature.Verify(ctx, policy, &signature.Subject{
		Ref: img.Ref, OwnWord: img.OwnWord, Manifests: img.Manifests, Labels: img.Labels, Attachments: attached, Unread: err,
	})
}

// fill puts provenance into the asset, and says of each demand that could not be
// decided why, so that rules about it are undetermined.
func fill(a *asset.Image, p asset.Provenance) {
	a.Build.Provenance = p
	for _, d := range p.Demands() {
		if d.State == asset.Undecided {
			a.Unknown = append(a.Unknown, asset.Unknown{Path: "build.provenance." + d.Name + ".state", Reason: d.Reason})
		}
	}
}
