package signature

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/notaryproject/notation-core-go/revocation"
	revoked "github.com/notaryproject/notation-core-go/revocation/result"
	core "github.com/notaryproject/notation-core-go/signature"
	_ "github.com/notaryproject/notation-core-go/signature/cose" // registers the format
	_ "github.com/notaryproject/notation-core-go/signature/jws"  // registers the format
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// notationType is the artifact type of Notary Project signatures.
const notationType = "application/vnd.cncf.notary.signature"

// notarySigned is the text that a Notary Project signature is over.
type notarySigned struct {
	Target ocispec.Descriptor `json:"targetArtifact"`
}

// readNotation reads an envelope without trusting it.
func readNotation(a asset.Attachment, manifests []asset.Manifest) (*evidence, error) {
	e := &evidence{}
	e.Kind = "notation"
	var content *core.EnvelopeContent
	err := guarded(func() error {
		env, err := core.ParseEnvelope(a.MediaType, a.Content)
		if err == nil {
			content, err = env.Content()
		}
		return err
	})
	if err != nil {
		return e, fmt.Errorf("the envelope cannot be read: %w", err)
	}
	var signed notarySigned
	if err := json.Unmarshal(content.Payload.Content, &signed); err != nil {
		return e, fmt.Errorf("the signed text is not what notation signs: %w", err)
	}
	e.claims = []string{string(signed.Target.Digest)}
	if chain := content.SignerInfo.CertificateChain; len(chain) > 0 {
		e.Identity, e.Issuer = clip(chain[0].Subject.String()), clip(chain[len(chain)-1].Subject.String())
	}
	e.stamped = len(content.SignerInfo.UnsignedAttributes.TimestampSignature) > 0
	for _, m := range manifests {
		if m.Digest == e.claims[0] {
			e.notary = &notary{a.MediaType, a.Content, ocispec.Descriptor{
				MediaType: m.MediaType, Digest: digest.Digest(m.Digest), Size: int64(len(m.Content)),
			}}
		}
	}
	return e, nil
}

// notary is an envelope and what it should be about.
type notary struct {
	mediaType string
	envelope  []byte
	target    ocispec.Descriptor
}

// GetCertificates implements truststore.X509TrustStore.
func (n *Notation) GetCertificates(_ context.Context, kind truststore.Type, _ string) ([]*x509.Certificate, error) {
	certs := map[truststore.Type][]*x509.Certificate{
		truststore.TypeCA: n.CA, truststore.TypeSigningAuthority: n.SigningAuthority, truststore.TypeTSA: n.TSA,
	}[kind]
	if len(certs) == 0 {
		return nil, fmt.Errorf("the policy names no certificates of type %s for this signer", kind)
	}
	return certs, nil
}

// offline stands in for the asking of revocation services: it says of each
// certificate that it was not revoked, and results say that nobody was asked.
type offline struct{}

func (offline) ValidateContext(_ context.Context, o revocation.ValidateContextOptions) ([]*revoked.CertRevocationResult, error) {
	out := make([]*revoked.CertRevocationResult, len(o.CertChain))
	for i := range out {
		out[i] = &revoked.CertRevocationResult{Result: revoked.ResultNonRevokable}
	}
	return out, nil
}

// verifier makes that of the library: everything enforced but revocation, for
// which networks would have to be asked.
func (n *Notation) verifier() (notation.Verifier, error) {
	stores := []string{}
	for _, store := range []struct {
		kind  truststore.Type
		certs []*x509.Certificate
	}{{truststore.TypeCA, n.CA}, {truststore.TypeSigningAuthority, n.SigningAuthority}, {truststore.TypeTSA, n.TSA}} {
		if len(store.certs) > 0 {
			stores = append(stores, string(store.kind)+":policy")
		}
	}
	return verifier.NewWithOptions(&trustpolicy.Document{
		Version: "1.0",
		TrustPolicies: []trustpolicy.TrustPolicy{{
			Name: "policy", RegistryScopes: []string{"*"}, TrustStores: stores, TrustedIdentities: n.Identities,
			SignatureVerification: trustpolicy.SignatureVerification{
				VerificationLevel: trustpolicy.LevelStrict.Name,
				Override:          map[trustpolicy.ValidationType]trustpolicy.ValidationAction{trustpolicy.TypeRevocation: trustpolicy.ActionSkip},
			},
		}},
	}, n, nil, verifier.VerifierOptions{RevocationCodeSigningValidator: offline{}, RevocationTimestampingValidator: offline{}})
}

// notationSteps are the steps of the library in its order.
var notationSteps = []struct {
	kind  trustpolicy.ValidationType
	check string
}{
	{trustpolicy.TypeIntegrity, "signature"}, {trustpolicy.TypeAuthenticity, "identity"},
	{trustpolicy.TypeExpiry, "expiry"}, {trustpolicy.TypeAuthenticTimestamp, "timestamp"},
}

// verify checks an envelope.
func (n *Notation) verify(ctx context.Context, what *notary) ([]asset.Check, error) {
	var outcome *notation.VerificationOutcome
	err := guarded(func() error {
		v, err := n.verifier()
		if err != nil {
			return err
		}
		outcome, err = v.Verify(ctx, what.target, what.envelope, notation.VerifierVerifyOptions{
			ArtifactReference: "policy/image@" + string(what.target.Digest), SignatureMediaType: what.mediaType,
		})
		if err == nil && outcome == nil {
			err = errors.New("the library gave no outcome")
		}
		return err
	})
	var checks []asset.Check
	for _, step := range notationSteps {
		c := asset.Check{Name: step.check, State: asset.Skipped, Detail: "not reached"}
		if outcome != nil {
			i := slices.IndexFunc(outcome.VerificationResults, func(r *notation.ValidationResult) bool { return r.Type == step.kind })
			if i >= 0 {
				c = n.check(step.check, outcome.VerificationResults[i].Error)
			}
		}
		checks = append(checks, c)
	}
	checks = append(checks, asset.Check{Name: "revocation", State: asset.Skipped, Detail: "nobody was asked whether the certificates were revoked"})
	return checks, err
}

func (n *Notation) check(name string, err error) asset.Check {
	if err != nil {
		return asset.Check{Name: name, State: asset.Failed, Detail: clip(err.Error())}
	}
	c := asset.Check{Name: name, State: asset.Passed}
	switch {
	case name == "identity":
		c.Detail = "the certificates lead to one of the policy's, and the subject is trusted"
	case name == "timestamp" && len(n.TSA) == 0:
		c.Detail = "the certificates are valid today; no timestamp authority is trusted, so no timestamp was asked for"
	}
	return c
}
