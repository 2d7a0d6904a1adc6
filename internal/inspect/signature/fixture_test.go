package signature

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// image is an image of the tests: a manifest, and an index that holds it.
var imageManifest = manifest(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{}}`)

func manifest(text string) asset.Manifest {
	return asset.Manifest{Digest: sum(text), MediaType: "application/vnd.oci.image.manifest.v1+json", Content: []byte(text)}
}

func sum(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

// other is the digest of another image.
var other = sum("another image")

// ref is the reference of the image of the tests.
var ref = asset.ImageRef{Text: "registry.example/acme/shop:1", Registry: "registry.example", Repository: "acme/shop", Tag: "1"}

// verifyAttached verifies what is attached to the image of the tests.
func verifyAttached(p *Policy, attached ...asset.Attachment) asset.Provenance {
	return Verify(context.Background(), p, &Subject{Ref: ref, Manifests: []asset.Manifest{imageManifest}, Attachments: attached})
}

// trusting is a policy that trusts signers for everything.
func trusting(signers ...Signer) *Policy {
	return &Policy{File: "policy.yaml", Deny: true, Scopes: []Scope{{Images: []string{"*"}, Signers: signers, Signature: "any"}}}
}

// key is a private key and how it signs.
type key struct {
	name   string
	public crypto.PublicKey
	sign   func(message []byte) []byte
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ecdsaKey(name string, curve elliptic.Curve, hash func([]byte) []byte) key {
	k := must(ecdsa.GenerateKey(curve, rand.Reader))
	return key{name, &k.PublicKey, func(m []byte) []byte { return must(ecdsa.SignASN1(rand.Reader, k, hash(m))) }}
}

func sha256Of(m []byte) []byte { s := sha256.Sum256(m); return s[:] }
func sha384Of(m []byte) []byte { s := sha512.Sum384(m); return s[:] }
func sha512Of(m []byte) []byte { s := sha512.Sum512(m); return s[:] }

// keys are of every kind that cosign signs with.
func keys() []key {
	r := must(rsa.GenerateKey(rand.Reader, 2048))
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return []key{
		ecdsaKey("P-256", elliptic.P256(), sha256Of),
		ecdsaKey("P-384 over SHA-256", elliptic.P384(), sha256Of),
		ecdsaKey("P-384", elliptic.P384(), sha384Of),
		ecdsaKey("P-521", elliptic.P521(), sha512Of),
		{"RSA PKCS#1", &r.PublicKey, func(m []byte) []byte {
			return must(rsa.SignPKCS1v15(nil, r, crypto.SHA256, sha256Of(m)))
		}},
		{"RSA PSS", &r.PublicKey, func(m []byte) []byte {
			return must(rsa.SignPSS(rand.Reader, r, crypto.SHA256, sha256Of(m), nil))
		}},
		{"Ed25519", public, func(m []byte) []byte { return ed25519.Sign(private, m) }},
		{"Ed25519 prehashed", public, func(m []byte) []byte {
			return must(private.Sign(nil, sha512Of(m), &ed25519.Options{Hash: crypto.SHA512}))
		}},
	}
}

// simple is a signature in cosign's own format over a digest.
func simple(k key, digest string) asset.Attachment {
	text := []byte(fmt.Sprintf(`{"critical":{"identity":{"docker-reference":"registry.example/acme/shop"},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, digest))
	return asset.Attachment{
		Digest: sum("simple"), Found: "tag", Subject: imageManifest.Digest, MediaType: simpleSigning, Content: text,
		Annotations: map[string]string{noteSignature: base64.StdEncoding.EncodeToString(k.sign(text))},
	}
}

// statementText is a statement about a digest.
func statementText(digest, predicateType, predicate string) []byte {
	return []byte(fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"shop","digest":{"sha256":%q}}],"predicateType":%q,"predicate":%s}`,
		strings.TrimPrefix(digest, "sha256:"), predicateType, predicate))
}

// enveloped is a statement in a signed envelope.
func enveloped(k key, statement []byte) *envelope {
	env := &envelope{PayloadType: inTotoType, Payload: statement}
	env.Signatures = append(env.Signatures, struct {
		KeyID string `json:"keyid"`
		Sig   []byte `json:"sig"`
	}{"", k.sign(env.signed())})
	return env
}

// bundled is a bundle as cosign 3 attaches it.
func bundled(k key, statement []byte) asset.Attachment {
	return asBundle(map[string]any{"dsseEnvelope": enveloped(k, statement)})
}

func asBundle(content map[string]any) asset.Attachment {
	content["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.3+json"
	if content["verificationMaterial"] == nil {
		content["verificationMaterial"] = map[string]any{"publicKey": map[string]any{"hint": "x"}}
	}
	return asset.Attachment{
		Digest: sum("bundle"), Found: "referrers", Subject: imageManifest.Digest,
		Type: "application/vnd.dev.sigstore.bundle.v0.3+json", MediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
		Content: must(json.Marshal(content)),
	}
}

// write makes a folder with files in it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func publicPEM(k crypto.PublicKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(k))}))
}

// state finds a step of a verification.
func state(s asset.Signature, name string) string {
	for _, c := range s.Checks {
		if c.Name == name {
			return c.State
		}
	}
	return "absent"
}
