package wording

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// Image says which image was looked into, so that nobody takes it for another
// one, and whose layers it is made of, with how sure that is.
func Image(image *asset.Image) string {
	b := &image.Build
	var parts []string
	for _, part := range []string{
		b.Ref.Text, cmp.Or(b.Digest, b.ConfigDigest), strings.Trim(b.OS+"/"+b.Architecture, "/"), b.Distro.Name,
		Count(len(b.Layers), "layer"),
	} {
		if part != "" && part != image.Name {
			parts = append(parts, Line(part))
		}
	}
	text := Line(image.Name) + ": " + strings.Join(parts, ", ")
	switch {
	case b.BaseCertainty == "unknown" || b.BaseCertainty == "":
		text += "; which of them are a base image's is not known"
	case int(b.BaseLayers) == len(b.Layers):
		text += fmt.Sprintf(", all of them the base image's (%s)", b.BaseCertainty)
	default:
		text += fmt.Sprintf(", the first %s the base image's (%s)", first(b.BaseLayers), b.BaseCertainty)
	}
	return text + "."
}

func first(n int64) string {
	if n == 1 {
		return "of them"
	}
	return fmt.Sprintf("%d of them", n)
}
