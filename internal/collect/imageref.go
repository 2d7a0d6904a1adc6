package collect

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// ParseImage takes an image reference apart as Docker and Kubernetes do. It
// never refuses: what is no reference ends up in Repository.
func ParseImage(text string) asset.ImageRef {
	ref := asset.ImageRef{Text: text}
	rest := strings.TrimPrefix(strings.TrimSpace(text), "docker://")
	rest, ref.Digest, _ = strings.Cut(rest, "@")
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		rest, ref.Tag = rest[:i], rest[i+1:]
	}
	if rest == "" {
		return ref
	}
	first, others, ok := strings.Cut(rest, "/")
	if ok && (strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first) {
		ref.Registry, ref.Repository = first, others
	} else {
		ref.Registry, ref.Repository = "docker.io", rest
	}
	if ref.Registry == "index.docker.io" {
		ref.Registry = "docker.io"
	}
	if ref.Registry == "docker.io" && !strings.Contains(ref.Repository, "/") {
		ref.Repository = "library/" + ref.Repository
	}
	return ref
}
