package scan

import (
	"context"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// provenance says where an image comes from. What is attached to it is asked for
// only with a policy that could trust it.
func (i *images) provenance(ctx context.Context, img *image.Image, a *asset.Image) {
	Provenance(ctx, i.plan.Images.Policy, img.Name, i.plan.Images.Platform.String(), a)
}
