// Package signature judges where an image comes from: it verifies signatures
// and attestations (cosign, sigstore bundles, Notary Project) against a policy
// of the user, and knows names that imitate well-known images.
//
// It works offline. What it is given was found by a collector, and is hostile
// until a signature that the policy trusts says otherwise. Every step that was
// not checked is said in the result.
package signature

import (
	"crypto"
	"crypto/x509"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// Policy says which images are trusted, and what they have to show for it.
type Policy struct {
	// File is where it was read from.
	File string
	// Deny says that an image that no scope covers is not trusted.
	Deny bool
	// Registries are those that images may come from, as in the configuration
	// of scans; none is all.
	Registries []string
	// Tags are the digests that tags are recorded to stand for, by
	// "registry/repository:tag"; those of the lock file included.
	Tags map[string]string
	// Lock is the lock file, "" for none.
	Lock   string
	Scopes []Scope
}

// Scope is what is asked of some images.
type Scope struct {
	// Images are the registries and paths that it covers.
	Images  []string
	Signers []Signer
	// Signature is how many of the signers must have signed: "any", "all" or
	// "none".
	Signature string
	// Provenance says that SLSA provenance is required, from one of the
	// Builders and Sources; none is any.
	Provenance        bool
	Builders, Sources []string
	// SBOM is the bill of materials that is required: "", "any", "spdx" or
	// "cyclonedx".
	SBOM string
	// Unsigned says that provenance and bills of materials count even if nobody
	// who is trusted has signed them.
	Unsigned bool
	// Bases are the registries and paths that base images may come from; none
	// is all.
	Bases []string
}

// Signer is somebody whose signature is trusted. One of Key, Keyless and
// Notation is set.
type Signer struct {
	// Name is how results call it.
	Name     string
	Key      crypto.PublicKey
	Keyless  *Keyless
	Notation *Notation
}

// Keyless is an identity for which a certificate authority vouches.
type Keyless struct {
	Identity verify.CertificateIdentity
	Root     root.TrustedMaterial
}

// Notation is a trust store and a trust policy as of the Notary Project.
type Notation struct {
	CA, SigningAuthority, TSA []*x509.Certificate
	// Identities are "x509.subject: ..." or "*".
	Identities []string
}

// scope returns the scope that covers an image best, and the pattern of it that
// does: the longest path wins, and a host that is written out over "*.".
func (p *Policy) scope(image string) (best *Scope, pattern string) {
	for i := range p.Scopes {
		for _, candidate := range p.Scopes[i].Images {
			if covers(candidate, image) && (best == nil || specific(candidate) > specific(pattern)) {
				best, pattern = &p.Scopes[i], candidate
			}
		}
	}
	return best, pattern
}

// specific is a number that is greater for patterns that say more: first by
// their path, then by whether the host is written out, then by its length.
func specific(pattern string) int {
	host, path, _ := strings.Cut(pattern, "/")
	n := len(host)
	if path != "" {
		n += 1000 * (1 + strings.Count(path, "/"))
	}
	if !strings.HasPrefix(host, "*") {
		n += 500
	}
	return n
}

// covers reports whether an image lies under a registry or a path in one. "*."
// at the start stands for any subdomain, "*" alone for everything.
func covers(pattern, image string) bool {
	if pattern == "*" {
		return true
	}
	if domain, ok := strings.CutPrefix(pattern, "*."); ok {
		host, rest, _ := strings.Cut(image, "/")
		wantHost, wantPath, deep := strings.Cut(domain, "/")
		return strings.HasSuffix(host, "."+wantHost) && (!deep || rest == wantPath || strings.HasPrefix(rest, wantPath+"/"))
	}
	return image == pattern || strings.HasPrefix(image, pattern+"/")
}

func coveredBy(patterns []string, image string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return covers(pattern, image) })
}

// repository takes the repository out of a reference: "debian:12" is
// "docker.io/library/debian".
func repository(ref string) string {
	ref, _, _ = strings.Cut(strings.TrimPrefix(ref, "docker://"), "@")
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		ref = ref[:i]
	}
	first, _, deep := strings.Cut(ref, "/")
	switch {
	case ref == "":
		return ""
	case first == "index.docker.io":
		ref = "docker.io" + strings.TrimPrefix(ref, first)
	case !deep || !strings.ContainsAny(first, ".:") && first != "localhost":
		ref = "docker.io/" + ref
	}
	if name, ok := strings.CutPrefix(ref, "docker.io/"); ok && !strings.Contains(name, "/") {
		ref = "docker.io/library/" + name
	}
	return ref
}
