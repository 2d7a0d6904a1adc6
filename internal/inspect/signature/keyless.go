package signature

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	sigstore "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// The annotations of cosign's own format that belong to certificates.
const (
	noteCertificate = "dev.sigstore.cosign/certificate"
	noteBundle      = "dev.sigstore.cosign/bundle"
	noteTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// entity makes what the library verifies, and the digest that it is over; ""
// leaves the digest to what the statement claims.
type entity func() (e verify.SignedEntity, digest string, err error)

func bundleEntity(text []byte) entity {
	return func() (verify.SignedEntity, string, error) {
		b := &sigstore.Bundle{}
		err := b.UnmarshalJSON(text)
		return b, "", err
	}
}

// content fills a bundle with what was signed, and returns the digest that the
// signature is over, "" for statements.
type content func(*protobundle.Bundle) (digest string)

func messageContent(text, signature []byte) content {
	sum := sha256.Sum256(text)
	return func(b *protobundle.Bundle) string {
		b.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: sum[:]},
			Signature:     signature,
		}}
		return "sha256:" + hex.EncodeToString(sum[:])
	}
}

func envelopeContent(env *envelope) content {
	return func(b *protobundle.Bundle) string {
		e := &protodsse.Envelope{Payload: env.Payload, PayloadType: env.PayloadType}
		for _, s := range env.Signatures {
			e.Signatures = append(e.Signatures, &protodsse.Signature{Sig: s.Sig, Keyid: s.KeyID})
		}
		b.Content = &protobundle.Bundle_DsseEnvelope{DsseEnvelope: e}
		return ""
	}
}

// withCertificate makes a bundle of a signature in cosign's own format, so that
// one verifier judges both.
func (e *evidence) withCertificate(notes map[string]string, fill content) error {
	e.byKey = nil
	block, _ := pem.Decode([]byte(notes[noteCertificate]))
	if block == nil || block.Type != "CERTIFICATE" {
		return errors.New("the annotation with the certificate holds none")
	}
	e.readCertificate(block.Bytes)
	e.stamped = notes[noteTimestamp] != ""
	e.entity = func() (verify.SignedEntity, string, error) {
		b := &protobundle.Bundle{
			MediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
			VerificationMaterial: &protobundle.VerificationMaterial{
				Content: &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: &protocommon.X509CertificateChain{
					Certificates: []*protocommon.X509Certificate{{RawBytes: block.Bytes}},
				}},
			},
		}
		digest := fill(b)
		if err := addLogEntry(b.VerificationMaterial, notes[noteBundle]); err != nil {
			return nil, "", err
		}
		if err := addTimestamp(b.VerificationMaterial, notes[noteTimestamp]); err != nil {
			return nil, "", err
		}
		out, err := sigstore.NewBundle(b)
		return out, digest, err
	}
	return nil
}

// addLogEntry reads the promise of a transparency log, as cosign keeps it in an
// annotation.
func addLogEntry(into *protobundle.VerificationMaterial, text string) error {
	if text == "" {
		return nil
	}
	var promise struct {
		SignedEntryTimestamp []byte
		Payload              struct {
			Body           string `json:"body"`
			IntegratedTime int64  `json:"integratedTime"`
			LogIndex       int64  `json:"logIndex"`
			LogID          string `json:"logID"`
		}
	}
	if err := json.Unmarshal([]byte(text), &promise); err != nil {
		return fmt.Errorf("the log entry cannot be read: %w", err)
	}
	body, err := base64.StdEncoding.DecodeString(promise.Payload.Body)
	if err != nil {
		return fmt.Errorf("the log entry cannot be read: %w", err)
	}
	var kind struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(body, &kind); err != nil {
		return fmt.Errorf("the log entry cannot be read: %w", err)
	}
	id, err := hex.DecodeString(promise.Payload.LogID)
	if err != nil {
		return fmt.Errorf("the log's id cannot be read: %w", err)
	}
	into.TlogEntries = []*protorekor.TransparencyLogEntry{{
		LogIndex:          promise.Payload.LogIndex,
		LogId:             &protocommon.LogId{KeyId: id},
		KindVersion:       &protorekor.KindVersion{Kind: kind.Kind, Version: kind.Version},
		IntegratedTime:    promise.Payload.IntegratedTime,
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: promise.SignedEntryTimestamp},
		CanonicalizedBody: body,
	}}
	return nil
}

func addTimestamp(into *protobundle.VerificationMaterial, text string) error {
	if text == "" {
		return nil
	}
	var stamp struct{ SignedRFC3161Timestamp []byte }
	if err := json.Unmarshal([]byte(text), &stamp); err != nil {
		return fmt.Errorf("the timestamp cannot be read: %w", err)
	}
	into.TimestampVerificationData = &protobundle.TimestampVerificationData{
		Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp.SignedRFC3161Timestamp}},
	}
	return nil
}

// readCertificate takes the names out of a certificate. They are claims until
// the certificate is verified.
func (e *evidence) readCertificate(der []byte) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return
	}
	_ = guarded(func() error {
		summary, err := certificate.SummarizeCertificate(cert)
		if err == nil {
			e.Identity, e.Issuer = clip(summary.SubjectAlternativeName), clip(summary.Issuer)
		}
		return err
	})
}

// keylessSteps are the steps of the library in its order, each with the words
// that its error starts with.
var keylessSteps = []struct{ check, prefix string }{
	{"log", "failed to verify log inclusion: "},
	{"timestamp", "failed to verify timestamps: "},
	{"certificate", "failed to verify leaf certificate: "},
	{"certificate", "failed to verify signed certificate timestamp: "},
	{"signature", "failed to verify signature: "},
	{"identity", "failed to verify certificate identity: "},
}

// verify checks a signature by a certificate. claimed is the digest of the image
// that the statement names.
func (k *Keyless) verify(make entity, claimed string) ([]asset.Check, error) {
	logs, stamps, ctlogs := len(k.Root.RekorLogs()), len(k.Root.TimestampingAuthorities()), len(k.Root.CTLogs())
	var options []verify.VerifierOption
	if logs > 0 {
		options = append(options, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	} else {
		options = append(options, verify.WithSignedTimestamps(1))
	}
	if ctlogs > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	var result *verify.VerificationResult
	err := guarded(func() error {
		signed, digest, err := make()
		if err != nil {
			return err
		}
		sum, err := hex.DecodeString(strings.TrimPrefix(cmp.Or(digest, claimed), "sha256:"))
		if err != nil {
			return fmt.Errorf("the digest cannot be read: %w", err)
		}
		verifier, err := verify.NewVerifier(k.Root, append(options, verify.WithoutStatementPredicate())...)
		if err != nil {
			return err
		}
		result, err = verifier.Verify(signed, verify.NewPolicy(verify.WithArtifactDigest("sha256", sum), verify.WithCertificateIdentity(k.Identity)))
		return err
	})
	checks := keylessChecks(err)
	if err != nil {
		for _, step := range keylessSteps {
			if rest, ok := strings.CutPrefix(err.Error(), step.prefix); ok {
				return checks, fmt.Errorf("%s: %s", step.check, clip(rest))
			}
		}
		return checks, err
	}
	describeKeyless(checks, result, logs, stamps, ctlogs)
	return checks, nil
}

// keylessChecks says how far the library came.
func keylessChecks(err error) []asset.Check {
	var checks []asset.Check
	state := asset.Passed
	for _, step := range keylessSteps {
		c := asset.Check{Name: step.check, State: state}
		if rest := ""; err != nil && state == asset.Passed {
			var ok bool
			if rest, ok = strings.CutPrefix(err.Error(), step.prefix); ok {
				c.State, c.Detail, state = asset.Failed, clip(rest), asset.Skipped
			}
		} else if state == asset.Skipped {
			c.Detail = "not reached"
		}
		if n := len(checks); n > 0 && checks[n-1].Name == c.Name { // the two steps of the certificate are one
			if checks[n-1].State == asset.Passed {
				checks[n-1] = c
			}
			continue
		}
		checks = append(checks, c)
	}
	if err != nil && state == asset.Passed { // it broke off before the first step
		for i := range checks {
			checks[i].State, checks[i].Detail = asset.Skipped, "not reached"
		}
		checks = append(checks, asset.Check{Name: "format", State: asset.Failed, Detail: clip(err.Error())})
	}
	return append(checks, asset.Check{Name: "revocation", State: asset.Skipped, Detail: "certificates of this kind live for minutes and are not revoked"})
}

func describeKeyless(checks []asset.Check, result *verify.VerificationResult, logs, stamps, ctlogs int) {
	for i := range checks {
		c := &checks[i]
		switch c.Name {
		case "log":
			c.Detail = "an entry was verified offline with the key of the trusted root; the log itself was not asked"
			if logs == 0 {
				c.State, c.Detail = asset.Skipped, "the trusted root names no transparency log"
			}
		case "timestamp":
			var kinds []string
			for _, t := range result.VerifiedTimestamps {
				kinds = append(kinds, t.Type+" "+t.Timestamp.UTC().Format("2006-01-02T15:04:05Z"))
			}
			c.Detail = strings.Join(kinds, ", ")
		case "certificate":
			c.Detail = "issued by an authority of the trusted root, with the certificate log's word for it"
			if ctlogs == 0 {
				c.Detail = "issued by an authority of the trusted root; it names no certificate log, so none was asked for"
			}
		}
	}
}
