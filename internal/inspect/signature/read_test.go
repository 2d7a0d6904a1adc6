package signature

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// full is a policy with every key but those for certificates.
const full = `default: allow
registries: [ghcr.io/acme, "*.acme.example", docker.io/library]
lock: images.lock
tags:
  ghcr.io/acme/shop:1.2: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  debian:12: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
scopes:
  - images: [ghcr.io/acme]
    signers:
      - {name: release, key: keys/release.pub}
      - key: keys/qa.pub
      - {issuer: https://issuer.example, subject: ci@acme.example, trusted-root: root.json}
    signature: all
    provenance: {builders: [https://builder.example/v1], sources: ["https://github.com/acme/*"]}
    sbom: spdx
    unsigned-attestations: ignore
    bases: [docker.io/library/debian]
  - images: docker.io/library
    provenance: true
    unsigned-attestations: count
`

func TestFullPolicy(t *testing.T) {
	s := newDeployment()
	dir := write(t, map[string]string{
		"policy.yaml": full, "root.json": s.trustedRoot(false),
		"keys/release.pub": publicPEM(keys()[0].public), "keys/qa.pub": publicPEM(keys()[4].public),
		"images.lock": "# comment\nghcr.io/acme/shop:1.2: " + other + "\nghcr.io/acme/shop:1.3: " + other + "\n",
	})
	p, err := Load(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, ok bool) {
		t.Helper()
		if !ok {
			t.Errorf("%s is wrong: %+v", what, p)
		}
	}
	check("default", !p.Deny)
	check("registries", len(p.Registries) == 3 && p.Registries[1] == "*.acme.example")
	check("a tag of the policy over the lock's", p.Tags["ghcr.io/acme/shop:1.2"] == "sha256:"+strings.Repeat("a", 64))
	check("a tag of the lock", p.Tags["ghcr.io/acme/shop:1.3"] == other)
	check("a short name", p.Tags["docker.io/library/debian:12"] == "sha256:"+strings.Repeat("b", 64))
	check("scopes", len(p.Scopes) == 2 && len(p.Scopes[0].Signers) == 3)
	a := p.Scopes[0]
	check("the signers' names", a.Signers[0].Name == "release" && a.Signers[1].Name == "keys/qa.pub" && a.Signers[2].Name == "ci@acme.example")
	check("the signers' kinds", a.Signers[0].Key != nil && a.Signers[1].Key != nil && a.Signers[2].Keyless != nil)
	check("what is required", a.Signature == "all" && a.Provenance && a.SBOM == "spdx" && !a.Unsigned && len(a.Bases) == 1)
	check("URIs", a.Builders[0] == "https://builder.example/v1" && a.Sources[0] == "https://github.com/acme/*")
	b := p.Scopes[1]
	check("the second scope", b.Images[0] == "docker.io/library" && b.Signature == "none" && b.Provenance && b.Unsigned)
}

// memory is the files of a policy in a test.
type memory map[string]string

func (m memory) read(name string) ([][]byte, error) {
	text, ok := m[name]
	if !ok {
		return nil, errors.New("there is no such file")
	}
	return [][]byte{[]byte(text)}, nil
}

func TestPolicyErrors(t *testing.T) {
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	private := must(x509.MarshalECPrivateKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))))
	s := newDeployment()
	in := memory{
		"good.pub": publicPEM(keys()[0].public), "small.pub": publicPEM(&small.PublicKey), "text.pub": "hello",
		"private.key": string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})),
		"cert.pem":    string(certificatePEM(s.authority.Raw)), "leaf.pem": string(certificatePEM(first(s.signer("https://a.example", "i")))),
		"root.json": s.trustedRoot(false), "empty.json": `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`,
	}
	const scope = "scopes:\n- images: ['*']\n  signers:\n  - "
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", `p.yaml:1:1: the policy is empty`},
		{"not YAML", "a: [", "p.yaml:2:1: it is not valid YAML"},
		{"two documents", "default: deny\n---\na: b\n", `p.yaml:2:1: the file is one YAML document`},
		{"a list", "- a\n", `:1:1: the policy is a mapping, not a list`},
		{"unknown key", "scope: []\n", `:1:1: the policy has no "scope": did you mean "scopes"?`},
		{"unknown key, nothing near", "zzzzzzz: []\n", `the keys are default, lock, registries, scopes, tags`},
		{"key twice", "default: deny\ndefault: allow\n", `:2:1: the policy has "default" twice`},
		{"no value", "registries:\n", `:1:1: "registries" has no value`},
		{"default", "default: maybe\n", `:1:10: default is one of deny, allow, not "maybe"`},
		{"scheme", "registries: [https://ghcr.io]\n", `:1:14: "https://ghcr.io" has a scheme`},
		{"glob", "registries: [ghcr.io/*]\n", `:1:14: "ghcr.io/*" is no registry`},
		{"no host", "registries: [debian]\n", `:1:14: "debian" has no host: write docker.io/library/debian`},
		{"empty list", "registries: []\n", `:1:13: registries is empty`},
		{"tag without tag", "tags: {ghcr.io/acme: " + other + "}\n", `:1:8: "ghcr.io/acme" names no tag`},
		{"tag with port and without tag", "tags: {'ghcr.io:443/acme': " + other + "}\n", `names no tag`},
		{"digest", "tags: {a:1: sha256:12}\n", `:1:13: "sha256:12" is no digest`},
		{"tags as a list", "tags: [a]\n", `:1:7: tags is a mapping`},
		{"scope without images", "scopes:\n- signature: none\n", `:2:3: the scope has no "images"`},
		{"scope as a word", "scopes: [a]\n", `:1:10: a scope is a mapping, not "a"`},
		{"two scopes for the same", "scopes:\n- images: [ghcr.io]\n- images: [ghcr.io]\n", `two scopes name "ghcr.io"`},
		{"signature without signers", "scopes:\n- images: ['*']\n  signature: any\n", `:3:14: signature is "any" and the scope has no signers`},
		{"attestation without signers", "scopes:\n- images: ['*']\n  sbom: any\n", `:2:3: the scope asks for attestations and has no signers`},
		{"kind of bill of materials", "scopes:\n- images: ['*']\n  sbom: all\n", `:3:9: sbom is one of any, spdx, cyclonedx`},
		{"wildcard in a builder", "scopes:\n- images: ['*']\n  provenance: {builders: ['https://a*']}\n", `a "*" stands at the end, behind "/" or "@"`},
		{"no such key", scope + "key: none.pub\n", `:4:10: reading the key none.pub: there is no such file`},
		{"private key", scope + "key: private.key\n", `:4:10: the key private.key: it is a private key`},
		{"small key", scope + "key: small.pub\n", `an RSA key of 1024 bits`},
		{"no PEM", scope + "key: text.pub\n", `it is no PEM file`},
		{"certificate for a key", scope + "key: cert.pem\n", `it is a CERTIFICATE, not a public key`},
		{"two kinds", scope + "{key: good.pub, issuer: a, subject: b, trusted-root: root.json}\n", `:4:5: a signer is one of`},
		{"no kind", scope + "{name: a}\n", `:4:5: a signer is one of`},
		{"keyless without root", scope + "{issuer: a, subject: b}\n", `a keyless signer needs`},
		{"keyless without issuer", scope + "{subject: b, trusted-root: root.json}\n", `a keyless signer needs`},
		{"expression", scope + "{issuer: a, subject-regexp: '(', trusted-root: root.json}\n", `subject-regexp is no regular expression`},
		{"trusted root without authority", scope + "{issuer: a, subject: b, trusted-root: empty.json}\n", `names no certificate authority`},
		{"trusted root that is none", scope + "{issuer: a, subject: b, trusted-root: good.pub}\n", `:4:43: the trusted root good.pub`},
		{"notation without identities", scope + "{certificates: cert.pem}\n", `needs certificates or signing-authorities, and identities`},
		{"notation identity", scope + "{certificates: cert.pem, identities: [acme]}\n", `"acme" is no identity`},
		{"notation identity without fields", scope + "{certificates: cert.pem, identities: ['x509.subject: O=acme']}\n", `the trust policy cannot be used`},
		{"leaf certificate", scope + "{certificates: leaf.pem, identities: ['*']}\n", `neither of an authority nor self-signed`},
		{"same name", "scopes:\n- images: ['*']\n  signers: [{name: a, key: good.pub}, {name: a, key: good.pub}]\n", `two signers are called "a"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse("p.yaml", []byte(test.text), in)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			var placed *Error
			if !errors.As(err, &placed) || placed.Place.Line == 0 {
				t.Errorf("the error has no place: %v", err)
			}
		})
	}
}

func first[A, B any](a A, _ B) A { return a }

func TestRecord(t *testing.T) {
	dir := write(t, map[string]string{"policy.yaml": "lock: images.lock\n"})
	load := func() *Policy {
		p, err := Load(filepath.Join(dir, "policy.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, ref := range []string{"ghcr.io/acme/web:2", "ghcr.io/acme/shop:1", "ghcr.io/acme/shop:1"} {
		if err := load().Record(ref, other); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "images.lock"))
	want := "# What tags stood for when they were verified, written by holdfast verify --record.\nghcr.io/acme/shop:1: " + other + "\nghcr.io/acme/web:2: " + other + "\n"
	if err != nil || string(text) != want {
		t.Errorf("the lock file is %q (%v), want %q", text, err, want)
	}
	if got := load().Tags["ghcr.io/acme/web:2"]; got != other {
		t.Errorf("read back it is %q", got)
	}
	if err := load().Record("ghcr.io/acme/web:2", imageManifest.Digest); err == nil || !strings.Contains(err.Error(), "take that line out") {
		t.Errorf("a moved tag is recorded: %v", err)
	}
	if err := (&Policy{File: "p.yaml"}).Record("a:1", other); err == nil || !strings.Contains(err.Error(), "names no lock file") {
		t.Errorf("without a lock file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "images.lock"), []byte("a:1: x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(filepath.Join(dir, "policy.yaml")); err == nil || !strings.Contains(err.Error(), "images.lock:1:6: ") {
		t.Errorf("a broken lock file: %v", err)
	}
}
