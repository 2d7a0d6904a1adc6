package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// deployment is a certificate authority and a transparency log for tests: what a
// signature without a key leans on.
type deployment struct {
	authority    *x509.Certificate
	authorityKey *ecdsa.PrivateKey
	logKey       *ecdsa.PrivateKey
	logID        [32]byte
}

func newDeployment() *deployment {
	s := &deployment{authorityKey: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), logKey: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	s.logID = sha256.Sum256(must(x509.MarshalPKIXPublicKey(&s.logKey.PublicKey)))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &s.authorityKey.PublicKey, s.authorityKey))
	s.authority = must(x509.ParseCertificate(der))
	return s
}

// trustedRoot is the file by which the deployment is trusted.
func (s *deployment) trustedRoot(ctlog bool) string {
	log := func() map[string]*root.TransparencyLog {
		return map[string]*root.TransparencyLog{hex.EncodeToString(s.logID[:]): {
			BaseURL: "https://log.example", ID: s.logID[:], HashFunc: crypto.SHA256, SignatureHashFunc: crypto.SHA256,
			ValidityPeriodStart: time.Now().Add(-time.Hour), PublicKey: &s.logKey.PublicKey,
		}}
	}
	var ctlogs map[string]*root.TransparencyLog
	if ctlog {
		ctlogs = log()
	}
	authorities := []root.CertificateAuthority{&root.FulcioCertificateAuthority{
		Root: s.authority, URI: "https://authority.example", ValidityPeriodStart: time.Now().Add(-time.Hour), ValidityPeriodEnd: time.Now().Add(time.Hour),
	}}
	r := must(root.NewTrustedRoot(root.TrustedRootMediaType01, authorities, ctlogs, nil, log()))
	return string(must(r.MarshalJSON()))
}

// signing is one signature: the certificate for it, and what the log says.
type signing struct {
	certificate []byte // DER
	signature   []byte
	entry       map[string]any // as in bundles
	promise     string         // as in cosign's annotation
}

// signer returns a certificate for an identity and the key to it.
func (s *deployment) signer(subject, issuer string) ([]byte, *ecdsa.PrivateKey) {
	k := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), URIs: []*url.URL{must(url.Parse(subject))},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(9 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(issuer)}},
	}
	return must(x509.CreateCertificate(rand.Reader, template, s.authority, &k.PublicKey, s.authorityKey)), k
}

func signWith(k *ecdsa.PrivateKey, message []byte) []byte {
	return must(ecdsa.SignASN1(rand.Reader, k, sha256Of(message)))
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// sign signs a text of cosign's own format.
func (s *deployment) sign(subject, issuer string, text []byte) signing {
	der, k := s.signer(subject, issuer)
	out := signing{certificate: der, signature: signWith(k, text)}
	s.record(&out, "hashedrekord", map[string]any{
		"data":      map[string]any{"hash": map[string]any{"algorithm": "sha256", "value": hex.EncodeToString(sha256Of(text))}},
		"signature": map[string]any{"content": out.signature, "publicKey": map[string]any{"content": certificatePEM(der)}},
	})
	return out
}

// attest signs a statement. It returns the envelope, too.
func (s *deployment) attest(subject, issuer string, statement []byte) (signing, *envelope) {
	der, k := s.signer(subject, issuer)
	env := enveloped(key{sign: func(m []byte) []byte { return signWith(k, m) }}, statement)
	out := signing{certificate: der, signature: env.Signatures[0].Sig}
	s.record(&out, "dsse", map[string]any{
		"envelopeHash": map[string]any{"algorithm": "sha256", "value": hex.EncodeToString(sha256Of(must(json.Marshal(env))))},
		"payloadHash":  map[string]any{"algorithm": "sha256", "value": hex.EncodeToString(sha256Of(statement))},
		"signatures":   []any{map[string]any{"signature": base64.StdEncoding.EncodeToString(out.signature), "verifier": certificatePEM(der)}},
	})
	return out, env
}

// record puts a signature into a log that has no other entry.
func (s *deployment) record(out *signing, kind string, spec any) {
	body := must(json.Marshal(map[string]any{"apiVersion": "0.0.1", "kind": kind, "spec": spec}))
	encoded := base64.StdEncoding.EncodeToString(body)
	now := time.Now().Unix()
	payload := map[string]any{"body": encoded, "integratedTime": now, "logID": hex.EncodeToString(s.logID[:]), "logIndex": 0}
	promise := signWith(s.logKey, must(json.Marshal(payload)))
	out.promise = string(must(json.Marshal(map[string]any{"SignedEntryTimestamp": promise, "Payload": payload})))

	leaf := sha256.Sum256(append([]byte{0}, body...))
	note := fmt.Sprintf("log.example - 1\n1\n%s\n", base64.StdEncoding.EncodeToString(leaf[:]))
	signed := append(append([]byte{}, s.logID[:4]...), signWith(s.logKey, []byte(note))...)
	out.entry = map[string]any{
		"logIndex": "0", "logId": map[string]any{"keyId": s.logID[:]}, "kindVersion": map[string]any{"kind": kind, "version": "0.0.1"},
		"integratedTime": fmt.Sprint(now), "inclusionPromise": map[string]any{"signedEntryTimestamp": promise}, "canonicalizedBody": body,
		"inclusionProof": map[string]any{
			"logIndex": "0", "rootHash": leaf[:], "treeSize": "1",
			"checkpoint": map[string]any{"envelope": note + "\n\u2014 log.example " + base64.StdEncoding.EncodeToString(signed) + "\n"},
		},
	}
}
