package signature

import (
	"cmp"
	"context"
	"crypto"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// Subject is the image that is judged.
type Subject struct {
	Ref asset.ImageRef
	// OwnWord says that the reference is what a layout or archive calls itself.
	OwnWord bool
	// Manifests are what the reference names and, where that is an index, the
	// image that was chosen from it.
	Manifests []asset.Manifest
	// Labels are those of the image's configuration.
	Labels map[string]string
	// Attachments is what is attached to it; Unread says why they could not be
	// read, or not all of them.
	Attachments []asset.Attachment
	Unread      error
	// Mismatch says that the content does not have the digest that it was asked
	// for by. There are no manifests then.
	Mismatch string
}

// Verify judges an image. Without a policy (nil) it says what is attached, and
// judges only what needs no policy.
func Verify(ctx context.Context, policy *Policy, s *Subject) asset.Provenance {
	v := &verification{ctx: ctx, policy: policy, subject: s}
	v.image = s.Ref.Registry + "/" + s.Ref.Repository
	if s.Ref.Repository == "" || slices.ContainsFunc(strings.Split(v.image, "/"), func(part string) bool { return strings.Trim(part, ".") == "" }) {
		v.image = "" // no name, or one whose path leads elsewhere than it says
	}
	if policy != nil {
		v.out.Policy = policy.File
		v.scope, v.out.Scope = policy.scope(v.image)
	}
	if len(s.Manifests) > 1 {
		v.out.Index = s.Manifests[0].Digest
	}
	v.attachments()
	v.demands()
	return v.out
}

// verification is one run of Verify.
type verification struct {
	ctx     context.Context
	policy  *Policy
	scope   *Scope // nil where none covers the image
	subject *Subject
	image   string // registry and repository, "" where not known
	out     asset.Provenance
	// signers are the names of those of the scope who signed the image.
	signers []string
}

// evidence is an attachment, read and not yet verified.
type evidence struct {
	asset.Signature
	// claims are the digests that the signed text names, named the reference.
	claims []string
	named  string
	// statement is set for attestations.
	statement *statement
	// One of these verifies it: with a public key, with a certificate, or as the
	// Notary Project does.
	byKey  func(crypto.PublicKey) error
	entity entity
	notary *notary
	// unsigned says that nobody signed it.
	unsigned bool
	// logged and stamped say that it comes with a log entry and a timestamp.
	logged, stamped bool
}

// attachments verifies all of them.
func (v *verification) attachments() {
	var embedded []int // those of an index, which nobody signs one by one
	for _, a := range v.subject.Attachments {
		e, attestation := v.read(a)
		if e == nil {
			continue
		}
		if attestation == nil {
			v.out.Signatures = append(v.out.Signatures, e.Signature)
			continue
		}
		attestation.Signature = e.Signature
		if a.Found == "image index" {
			embedded = append(embedded, len(v.out.Attestations))
		}
		v.out.Attestations = append(v.out.Attestations, *attestation)
	}
	v.embedded(embedded)
}

// embedded says of attestations in an index that they are as good as the
// signature over the index, which covers them by their digests.
func (v *verification) embedded(which []int) {
	i := slices.IndexFunc(v.out.Signatures, func(s asset.Signature) bool {
		return s.Verified && len(v.subject.Manifests) > 0 && s.Claims == v.subject.Manifests[0].Digest
	})
	for _, n := range which {
		s := &v.out.Attestations[n].Signature
		if i >= 0 && isAbout(*s) {
			s.Verified, s.Signer = true, v.out.Signatures[i].Signer
			s.Reason = "unsigned itself; the verified signature over the index covers it"
		}
	}
}

// read reads an attachment and verifies it. It gives nil for what is neither a
// signature nor a statement, and no attestation for plain signatures.
func (v *verification) read(a asset.Attachment) (*evidence, *asset.Attestation) {
	var e *evidence
	var err error
	var attestation *asset.Attestation
	switch {
	case a.Problem != "" && !strings.Contains(a.MediaType, "signature") && a.Type != notationType:
		e, attestation = &evidence{}, &asset.Attestation{Type: "other", PredicateType: clip(a.MediaType)}
	case a.Problem != "":
		e = &evidence{}
	case a.MediaType == simpleSigning:
		e, err = readSimple(a)
	case a.MediaType == dsseEnvelope:
		e, err = readEnvelope(a)
	case strings.HasPrefix(a.MediaType, bundlePrefix):
		e, err = readBundle(a, v.subject.Manifests)
	case a.Type == notationType:
		e, err = readNotation(a, v.subject.Manifests)
	case strings.HasPrefix(a.MediaType, "application/vnd.in-toto"):
		e, err = readUnsigned(a)
	default:
		kind, packages := document(cmp.Or(a.MediaType, a.Type), a.Content)
		if kind == "other" {
			return nil, nil
		}
		e = &evidence{claims: []string{a.Subject}, unsigned: true} // the manifest around it names the image
		attestation = &asset.Attestation{Type: kind, PredicateType: clip(cmp.Or(a.MediaType, a.Type)), Packages: packages}
	}
	e.Digest, e.Found, e.Subject = a.Digest, a.Found, a.Subject
	if a.Problem != "" {
		e.Reason = a.Problem
		return e, attestation
	}
	if err != nil {
		e.Reason = err.Error()
		e.Checks = append(e.Checks, asset.Check{Name: "format", State: asset.Failed, Detail: e.Reason})
	} else {
		v.judge(e)
	}
	switch {
	case e.statement != nil && e.statement.PredicateType != signType:
		read := e.statement.attestation()
		attestation = &read
	case a.MediaType == dsseEnvelope || strings.HasPrefix(a.MediaType, "application/vnd.in-toto"):
		attestation = &asset.Attestation{Type: "other"}
	}
	if attestation == nil && e.Verified && !slices.Contains(v.signers, e.Signer) {
		v.signers = append(v.signers, e.Signer)
	}
	return e, attestation
}

// readUnsigned reads a statement as BuildKit puts it into an index.
func readUnsigned(a asset.Attachment) (*evidence, error) {
	e := &evidence{unsigned: true}
	s, err := parseStatement(a.Content)
	if err != nil {
		return e, err
	}
	e.statement = s
	if e.claims = s.digests(); len(e.claims) == 0 {
		e.claims = []string{a.Subject} // the manifest around it names the image
	}
	return e, nil
}

// judge verifies what was read against the image and the signers of the scope.
func (v *verification) judge(e *evidence) {
	if !v.about(e) {
		return
	}
	if e.unsigned {
		e.Reason = "nobody signed it"
		e.skip("signature", e.Reason)
		return
	}
	if v.scope == nil || len(v.scope.Signers) == 0 {
		e.Reason = "the policy names no signers for this image"
		if v.policy == nil {
			e.Reason = "without a policy nobody is trusted"
		}
		e.skip("signature", e.Reason)
		return
	}
	var reasons []string
	for _, signer := range v.scope.Signers {
		checks, tried, err := v.try(e, signer)
		if !tried {
			continue
		}
		if err == nil {
			e.Checks, e.Verified, e.Signer, e.Reason = append(e.Checks[:1:1], checks...), true, signer.Name, ""
			return
		}
		e.Checks = append(e.Checks[:1:1], checks...)
		reasons = append(reasons, fmt.Sprintf("%s: %v", signer.Name, err))
	}
	if reasons == nil {
		e.Reason = "the scope has no signer of this kind: " + e.maker()
		e.skip("signature", e.Reason)
		return
	}
	e.Reason = strings.Join(reasons, "; ")
}

func (e *evidence) skip(name, detail string) {
	e.Checks = append(e.Checks, asset.Check{Name: name, State: asset.Skipped, Detail: detail})
}

// maker says who claims to have signed.
func (e *evidence) maker() string {
	if e.Identity == "" {
		return "it was made with a key"
	}
	return "its certificate says " + e.Identity
}

// about checks that the signed text names the image.
func (v *verification) about(e *evidence) bool {
	for _, m := range v.subject.Manifests {
		if slices.Contains(e.claims, m.Digest) {
			e.Claims = m.Digest
			e.Checks = append(e.Checks, asset.Check{Name: "digest", State: asset.Passed, Detail: "the signed text names " + m.Digest})
			return true
		}
	}
	if e.unsigned && e.Subject != "" && slices.Contains(e.claims, e.Subject) {
		e.Claims = e.Subject // of a platform in an index
		e.Checks = append(e.Checks, asset.Check{Name: "digest", State: asset.Passed, Detail: "it names " + e.Subject + ", which the index holds"})
		return true
	}
	e.Claims = clip(cmp.Or(e.claims...))
	e.Reason = "it is about another image: the signed text names " + cmp.Or(e.Claims, "no digest")
	e.Checks = append(e.Checks, asset.Check{Name: "digest", State: asset.Failed, Detail: e.Reason})
	return false
}

// try verifies with one signer. tried is false where the signer is of another
// kind than the signature.
func (v *verification) try(e *evidence, s Signer) (checks []asset.Check, tried bool, err error) {
	switch {
	case s.Key != nil && e.byKey != nil:
		err = e.byKey(s.Key)
		return e.keyChecks(err), true, err
	case s.Keyless != nil && e.entity != nil:
		checks, err = s.Keyless.verify(e.entity, e.Claims)
		return checks, true, err
	case s.Notation != nil && e.notary != nil:
		checks, err = s.Notation.verify(v.ctx, e.notary)
		return checks, true, err
	}
	return nil, false, nil
}

// keyChecks says what is checked of a signature by a key, and what is not.
func (e *evidence) keyChecks(err error) []asset.Check {
	c := asset.Check{Name: "signature", State: asset.Passed}
	if err != nil {
		c.State, c.Detail = asset.Failed, err.Error()
	}
	out := []asset.Check{c}
	note := func(name string, there bool) {
		detail := "there is none, and a key needs none"
		if there {
			detail = "there is one, which was not checked: a key needs none"
		}
		out = append(out, asset.Check{Name: name, State: asset.Skipped, Detail: detail})
	}
	note("log", e.logged)
	note("timestamp", e.stamped)
	return append(out, asset.Check{Name: "revocation", State: asset.Skipped, Detail: "keys are not revoked: a lost one has to leave the policy"})
}
