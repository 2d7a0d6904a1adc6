package signature

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// The media types and annotations of cosign's own format.
const (
	simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	dsseEnvelope  = "application/vnd.dsse.envelope.v1+json"
	bundlePrefix  = "application/vnd.dev.sigstore.bundle"

	noteSignature = "dev.cosignproject.cosign/signature"
)

// payload is what cosign signs in its own format.
type payload struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
}

func parsePayload(text []byte) (*payload, error) {
	p := &payload{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("the signed text is not what cosign signs: %w", err)
	}
	if t := p.Critical.Type; t != "cosign container image signature" && t != "atomic container signature" {
		return nil, fmt.Errorf("the signed text is of type %q, not a signature of an image", clip(t))
	}
	return p, nil
}

// readSimple reads a signature in cosign's own format: the text is the layer, the
// signature stands in an annotation.
func readSimple(a asset.Attachment) (*evidence, error) {
	e := &evidence{}
	e.Kind = "cosign"
	p, err := parsePayload(a.Content)
	if err != nil {
		return e, err
	}
	e.claims = []string{p.Critical.Image.Digest}
	e.named = p.Critical.Identity.Reference
	signature, err := base64.StdEncoding.DecodeString(a.Annotations[noteSignature])
	if err != nil || len(signature) == 0 {
		return e, errors.New("the layer has no signature in its annotations")
	}
	e.logged = a.Annotations[noteBundle] != ""
	if a.Annotations[noteCertificate] != "" {
		return e, e.withCertificate(a.Annotations, messageContent(a.Content, signature))
	}
	e.byKey = func(key crypto.PublicKey) error { return verifyKey(key, a.Content, signature) }
	return e, nil
}

// readEnvelope reads an attestation in cosign's own format.
func readEnvelope(a asset.Attachment) (*evidence, error) {
	e := &evidence{}
	e.Kind = "cosign"
	env := &envelope{}
	if err := json.Unmarshal(a.Content, env); err != nil {
		return e, fmt.Errorf("it is no DSSE envelope: %w", err)
	}
	e.logged = a.Annotations[noteBundle] != ""
	if err := e.open(env); err != nil {
		return e, err
	}
	if a.Annotations[noteCertificate] != "" {
		return e, e.withCertificate(a.Annotations, envelopeContent(env))
	}
	return e, nil
}

// open reads the statement of an envelope and lets keys verify it.
func (e *evidence) open(env *envelope) (err error) {
	if err := env.check(); err != nil {
		return err
	}
	if e.statement, err = parseStatement(env.Payload); err != nil {
		return err
	}
	e.claims = e.statement.digests()
	e.byKey = func(key crypto.PublicKey) error {
		for _, s := range env.Signatures {
			if verifyKey(key, env.signed(), s.Sig) == nil {
				return nil
			}
		}
		return errKey
	}
	return nil
}

// bundle is a sigstore bundle, as far as keys need it.
type bundle struct {
	MediaType            string `json:"mediaType"`
	VerificationMaterial struct {
		Certificate *struct {
			RawBytes []byte `json:"rawBytes"`
		} `json:"certificate"`
		Chain *struct {
			Certificates []struct {
				RawBytes []byte `json:"rawBytes"`
			} `json:"certificates"`
		} `json:"x509CertificateChain"`
		TlogEntries []json.RawMessage `json:"tlogEntries"`
		Timestamps  struct {
			RFC3161 []json.RawMessage `json:"rfc3161Timestamps"`
		} `json:"timestampVerificationData"`
	} `json:"verificationMaterial"`
	Envelope *envelope `json:"dsseEnvelope"`
	Message  *struct {
		Digest struct {
			Algorithm string `json:"algorithm"`
			Digest    []byte `json:"digest"`
		} `json:"messageDigest"`
		Signature []byte `json:"signature"`
	} `json:"messageSignature"`
}

// certificate is that of the signer, nil where a key signed.
func (b *bundle) certificate() []byte {
	m := &b.VerificationMaterial
	switch {
	case m.Certificate != nil:
		return m.Certificate.RawBytes
	case m.Chain != nil && len(m.Chain.Certificates) > 0:
		return m.Chain.Certificates[0].RawBytes
	}
	return nil
}

// readBundle reads a bundle as cosign 3 and others attach it.
func readBundle(a asset.Attachment, manifests []asset.Manifest) (*evidence, error) {
	e := &evidence{}
	e.Kind = "sigstore-bundle"
	b := &bundle{}
	if err := json.Unmarshal(a.Content, b); err != nil {
		return e, fmt.Errorf("it is no sigstore bundle: %w", err)
	}
	if !strings.HasPrefix(b.MediaType, bundlePrefix) {
		return e, fmt.Errorf("it is no sigstore bundle, but of type %q", clip(b.MediaType))
	}
	e.logged, e.stamped = len(b.VerificationMaterial.TlogEntries) > 0, len(b.VerificationMaterial.Timestamps.RFC3161) > 0
	switch {
	case b.Envelope != nil && b.Message != nil:
		return e, errors.New("the bundle has an envelope and a message signature: which one holds cannot be told")
	case b.Envelope != nil:
		if err := e.open(b.Envelope); err != nil {
			return e, err
		}
	case b.Message != nil:
		if err := e.openMessage(b, manifests); err != nil {
			return e, err
		}
	default:
		return e, errors.New("the bundle holds no signature")
	}
	if der := b.certificate(); der != nil {
		e.byKey = nil
		e.readCertificate(der)
		e.entity = bundleEntity(a.Content)
	}
	return e, nil
}

// openMessage reads a signature over the manifest itself.
func (e *evidence) openMessage(b *bundle, manifests []asset.Manifest) error {
	d := b.Message.Digest
	if d.Algorithm != "SHA2_256" || len(d.Digest) != 32 {
		return fmt.Errorf("the digest of the signed text is %s, not SHA2_256", clip(d.Algorithm))
	}
	claimed := fmt.Sprintf("sha256:%x", d.Digest)
	e.claims = []string{claimed}
	e.byKey = func(key crypto.PublicKey) error {
		for _, m := range manifests {
			if m.Digest == claimed {
				return verifyKey(key, m.Content, b.Message.Signature)
			}
		}
		return errKey
	}
	return nil
}
