package signature

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// The annotations by which an image says what it is built on.
const (
	noteBaseName = "org.opencontainers.image.base.name"
)

func met(format string, args ...any) asset.Demand {
	return asset.Demand{State: asset.Met, Reason: fmt.Sprintf(format, args...)}
}

func unmet(format string, args ...any) asset.Demand {
	return asset.Demand{State: asset.Unmet, Reason: fmt.Sprintf(format, args...)}
}

func undecided(format string, args ...any) asset.Demand {
	return asset.Demand{State: asset.Undecided, Reason: fmt.Sprintf(format, args...)}
}

// demands judges everything that is asked of the image.
func (v *verification) demands() {
	p := &v.out
	p.Digest = v.digest()
	p.Name = v.name()
	if v.policy == nil {
		return
	}
	p.Covered, p.Registry, p.Tag = v.covered(), v.registry(), v.tag()
	if v.scope == nil {
		return
	}
	p.Signature = v.signature()
	p.Build, p.Builder, p.Source = v.build()
	p.SBOM = v.sbom()
	p.Base = v.base()
}

func (v *verification) digest() asset.Demand {
	if v.subject.Mismatch != "" {
		return unmet("%s", v.subject.Mismatch)
	}
	for _, m := range v.subject.Manifests {
		if m.Asked != "" && m.Asked != m.Digest {
			return unmet("%s was asked for, and the content has the digest %s", m.Asked, m.Digest)
		}
	}
	if len(v.subject.Manifests) == 0 || v.subject.Manifests[0].Asked == "" {
		return asset.Demand{}
	}
	return met("the content has the digest that was asked for")
}

// name looks for an imitation. What the policy names by a path is no imitation.
func (v *verification) name() asset.Demand {
	if v.image == "" || strings.Contains(v.out.Scope, "/") {
		return asset.Demand{}
	}
	if v.policy != nil && slices.ContainsFunc(v.policy.Registries, func(p string) bool { return strings.Contains(p, "/") && covers(p, v.image) }) {
		return asset.Demand{}
	}
	if of, how := Lookalike(v.subject.Ref.Registry, v.subject.Ref.Repository); of != "" {
		return unmet("%s looks like %s: %s", v.image, of, how)
	}
	return met("it is no imitation of a well-known name")
}

func (v *verification) covered() asset.Demand {
	switch {
	case v.scope != nil && v.subject.OwnWord && v.out.Scope != "*":
		return met("the scope %s of the policy covers %s, as it calls itself", v.out.Scope, v.image)
	case v.scope != nil:
		return met("the scope %s of the policy covers it", v.out.Scope)
	case !v.policy.Deny:
		return asset.Demand{Reason: "no scope of the policy covers it, and the policy allows that"}
	case v.image == "":
		return undecided("it does not say which registry and repository it is from, and no scope covers everything")
	}
	return unmet("no scope of the policy covers %s", v.image)
}

func (v *verification) registry() asset.Demand {
	switch {
	case len(v.policy.Registries) == 0:
		return asset.Demand{}
	case v.image == "":
		return undecided("it does not say which registry and repository it is from")
	case coveredBy(v.policy.Registries, v.image):
		return met("%s is allowed", v.image)
	}
	return unmet("%s is not among the registries of the policy", v.image)
}

// Tagged is the reference that tags are recorded by, "" for an image without a
// tag.
func Tagged(ref asset.ImageRef) string {
	if ref.Repository == "" || ref.Digest != "" {
		return ""
	}
	tag := ref.Tag
	if tag == "" {
		tag = "latest"
	}
	return ref.Registry + "/" + ref.Repository + ":" + tag
}

func (v *verification) tag() asset.Demand {
	name := Tagged(v.subject.Ref)
	recorded := v.policy.Tags[name]
	switch {
	case name == "" || recorded == "":
		return asset.Demand{}
	case len(v.subject.Manifests) == 0:
		return undecided("the image could not be read")
	}
	if now := v.subject.Manifests[0].Digest; now != recorded {
		return unmet("%s was recorded as %s and now stands for %s", name, recorded, now)
	}
	return met("%s still stands for %s", name, recorded)
}

// lacking is the verdict on something that was not found: undecided where not
// everything could be read.
func (v *verification) lacking(format string, args ...any) asset.Demand {
	switch {
	case v.subject.Unread != nil:
		return undecided("%s", v.subject.Unread)
	case len(v.subject.Manifests) == 0:
		return undecided("the image could not be read")
	}
	for _, a := range v.subject.Attachments {
		if a.Problem != "" {
			return undecided("%s", a.Problem)
		}
	}
	return unmet(format, args...)
}

func (v *verification) signature() asset.Demand {
	all, joined := v.scope.Signature == "all", " or "
	if all {
		joined = " and "
	}
	var lacking []string
	for _, s := range v.scope.Signers {
		if !slices.Contains(v.signers, s.Name) {
			lacking = append(lacking, s.Name)
		}
	}
	switch {
	case v.scope.Signature == "none":
		return asset.Demand{}
	case all && len(lacking) == 0 || !all && len(v.signers) > 0:
		return met("signed by %s", strings.Join(v.signers, ", "))
	case len(v.out.Signatures) == 0:
		return v.lacking("it has no signature; wanted is %s", strings.Join(lacking, joined))
	}
	var reasons []string
	for _, s := range v.out.Signatures {
		if !s.Verified && !slices.Contains(reasons, s.Reason) && len(reasons) < 5 {
			reasons = append(reasons, s.Reason)
		}
	}
	return v.lacking("none of its signatures (%d) is by %s: %s", len(v.out.Signatures), strings.Join(lacking, joined), strings.Join(reasons, "; "))
}

// counts reports whether an attestation counts for the demands.
func (v *verification) counts(a asset.Attestation) bool {
	return a.Signature.Verified || v.scope.Unsigned && isAbout(a.Signature)
}

// isAbout reports whether the text names the image.
func isAbout(s asset.Signature) bool {
	return len(s.Checks) > 0 && s.Checks[0].Name == "digest" && s.Checks[0].State == asset.Passed
}

// rejected says why attestations of a type do not count.
func (v *verification) rejected(kinds ...string) string {
	var reasons []string
	for _, a := range v.out.Attestations {
		if slices.Contains(kinds, a.Type) && !v.counts(a) && !slices.Contains(reasons, a.Signature.Reason) && len(reasons) < 5 {
			reasons = append(reasons, a.Signature.Reason)
		}
	}
	if len(reasons) == 0 {
		return "there is none"
	}
	return "there is one that does not count: " + strings.Join(reasons, "; ")
}

// build judges provenance. Builder and source have to stand in the same
// statement.
func (v *verification) build() (build, builder, source asset.Demand) {
	if !v.scope.Provenance {
		return
	}
	asked := func(list []string, d asset.Demand) asset.Demand {
		if len(list) == 0 {
			return asset.Demand{}
		}
		return d
	}
	best := -1
	for _, a := range v.out.Attestations {
		if a.Type != slsa || !v.counts(a) {
			continue
		}
		b, s := v.builder(a), v.source(a)
		score := count(b.State == asset.Met, s.State == asset.Met)
		if score <= best {
			continue
		}
		best = score
		build = met("built as %s says: %s", vouched(a), cmp.Or(a.Builder, "a builder without a name"))
		builder, source = asked(v.scope.Builders, b), asked(v.scope.Sources, s)
	}
	if best < 0 {
		build = v.lacking("SLSA provenance is required, and %s", v.rejected(slsa))
		lacking := asset.Demand{State: build.State, Reason: build.Reason}
		builder, source = asked(v.scope.Builders, lacking), asked(v.scope.Sources, lacking)
	}
	return build, builder, source
}

func vouched(a asset.Attestation) string {
	if a.Signature.Verified {
		return a.Signature.Signer
	}
	return "an unsigned statement"
}

func (v *verification) builder(a asset.Attestation) asset.Demand {
	if len(v.scope.Builders) == 0 || matchesURI(v.scope.Builders, a.Builder) {
		return met("%s is trusted", a.Builder)
	}
	return unmet("the builder %q is not among those of the policy", a.Builder)
}

func (v *verification) source(a asset.Attestation) asset.Demand {
	if len(v.scope.Sources) == 0 {
		return met("")
	}
	for _, s := range a.Sources {
		if matchesURI(v.scope.Sources, s) {
			return met("%s is trusted", s)
		}
	}
	if len(a.Sources) == 0 {
		return unmet("the provenance names no source")
	}
	return unmet("none of the sources %s is among those of the policy", strings.Join(a.Sources[:min(len(a.Sources), 5)], ", "))
}

// matchesURI compares with patterns: equal but for a revision or digest behind
// it, or below a pattern that ends in "*".
func matchesURI(patterns []string, uri string) bool {
	uri = strings.TrimPrefix(uri, "git+")
	return slices.ContainsFunc(patterns, func(p string) bool {
		p = strings.TrimPrefix(p, "git+")
		if prefix, ok := strings.CutSuffix(p, "*"); ok {
			return strings.HasPrefix(uri, prefix) && !strings.Contains(uri, "/../")
		}
		rest, ok := strings.CutPrefix(uri, p)
		rest = strings.TrimPrefix(rest, ".git")
		return ok && (rest == "" || rest[0] == '@' || rest[0] == '#')
	})
}

func (v *verification) sbom() asset.Demand {
	kinds := []string{v.scope.SBOM}
	switch v.scope.SBOM {
	case "":
		return asset.Demand{}
	case "any":
		kinds = []string{"spdx", "cyclonedx"}
	}
	for _, a := range v.out.Attestations {
		if slices.Contains(kinds, a.Type) && v.counts(a) {
			return met("%s with %d packages, by %s", a.Type, a.Packages, vouched(a))
		}
	}
	return v.lacking("a bill of materials (%s) is required, and %s", strings.Join(kinds, " or "), v.rejected(kinds...))
}

// base judges what the image is built on. Verified provenance tells best; else
// the image's own word has to do.
func (v *verification) base() asset.Demand {
	if len(v.scope.Bases) == 0 {
		return asset.Demand{}
	}
	bases, says := v.bases()
	if len(bases) == 0 {
		return undecided("neither verified provenance nor the image says what it is built on")
	}
	for _, b := range bases {
		if !coveredBy(v.scope.Bases, repository(b)) {
			return unmet("it is built on %s, which is not among the bases of the policy (%s)", b, says)
		}
	}
	return met("it is built on %s (%s)", strings.Join(bases, ", "), says)
}

func (v *verification) bases() (list []string, says string) {
	for _, a := range v.out.Attestations {
		if a.Type == slsa && v.counts(a) && len(a.Bases) > 0 {
			return a.Bases, "by the word of " + vouched(a)
		}
	}
	var notes struct {
		Annotations map[string]string `json:"annotations"`
	}
	for i := len(v.subject.Manifests) - 1; i >= 0; i-- {
		_ = json.Unmarshal(v.subject.Manifests[i].Content, &notes)
		if name := notes.Annotations[noteBaseName]; name != "" {
			return []string{clip(name)}, "by the image's own word"
		}
	}
	if name := v.subject.Labels[noteBaseName]; name != "" {
		return []string{clip(name)}, "by the image's own word"
	}
	return nil, ""
}
