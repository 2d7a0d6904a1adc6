package signature

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// FuzzPolicy reads hostile policies: no panic, and an error or a policy that
// holds what it promises.
func FuzzPolicy(f *testing.F) {
	f.Add(full)
	f.Add("scopes:\n- images: ['*']\n  signers:\n  - {certificates: cert.pem, identities: ['x509.subject: C=a,ST=b,O=c']}\n")
	f.Add("tags: {a:1: sha256:12}\nlock: [")
	s := newDeployment()
	in := memory{"keys/release.pub": publicPEM(keys()[0].public), "keys/qa.pub": publicPEM(keys()[0].public), "cert.pem": string(certificatePEM(s.authority.Raw)), "root.json": s.trustedRoot(false)}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parse("p.yaml", []byte(text), in)
		if (p == nil) == (err == nil) {
			t.Fatalf("policy %v, error %v", p, err)
		}
		if p == nil {
			return
		}
		for _, s := range p.Scopes {
			for _, signer := range s.Signers {
				if count(signer.Key != nil, signer.Keyless != nil, signer.Notation != nil) != 1 {
					t.Errorf("signer %+v has not one kind", signer)
				}
			}
			if len(s.Images) == 0 || s.Signature != "none" && len(s.Signers) == 0 {
				t.Errorf("scope %+v", s)
			}
		}
		p.scope("registry.example/acme/shop")
	})
}

// FuzzAttachment reads hostile attachments of every kind: no panic, nothing
// verified that was not signed, and a reason for it.
func FuzzAttachment(f *testing.F) {
	k := keys()[0]
	s := newDeployment()
	seeds := []asset.Attachment{
		simple(k, other), bundled(k, statementText(other, signType, "{}")), keylessSimple(s, imageManifest.Digest),
		keylessBundle(s, ciSubject, ciIssuer, statementText(imageManifest.Digest, signType, "{}"), nil),
		{MediaType: "application/vnd.in-toto+json", Content: statementText(other, "https://slsa.dev/provenance/v0.2", `{"materials":[{"uri":"pkg:docker/a@b?c"}]}`)},
		{MediaType: "application/spdx+json", Content: []byte(`{"packages":[{}]}`)},
		{Type: notationType, MediaType: "application/jose+json", Content: []byte(`{"payload":"e30","protected":"e30","header":{},"signature":"x"}`)},
		{Type: notationType, MediaType: "application/cose", Content: []byte{0xd2, 0x84, 0x40}},
	}
	for _, a := range seeds {
		notes := must(json.Marshal(a.Annotations))
		f.Add(a.Type, a.MediaType, string(notes), a.Content)
	}
	stranger := keys()[3]
	policy := trusting(Signer{Name: "me", Key: stranger.public})
	policy.Scopes[0].Provenance, policy.Scopes[0].SBOM, policy.Scopes[0].Unsigned = true, "any", true
	f.Fuzz(func(t *testing.T, kind, mediaType, notes string, content []byte) {
		a := asset.Attachment{Type: kind, MediaType: mediaType, Content: content, Subject: imageManifest.Digest}
		_ = json.Unmarshal([]byte(notes), &a.Annotations)
		p := Verify(context.Background(), policy, &Subject{Ref: ref, Manifests: []asset.Manifest{imageManifest}, Attachments: []asset.Attachment{a}})
		for _, sig := range p.Signatures {
			if sig.Verified || sig.Reason == "" {
				t.Errorf("%+v", sig)
			}
		}
		for _, att := range p.Attestations {
			if att.Signature.Verified || att.Signature.Reason == "" {
				t.Errorf("%+v", att)
			}
		}
		if p.Signature.State != asset.Unmet {
			t.Errorf("the signature is %+v", p.Signature)
		}
	})
}

// FuzzLookalike holds that a name is never an imitation of itself, and that it
// ends.
func FuzzLookalike(f *testing.F) {
	f.Add("docker.io", "library/ngimx")
	f.Add("ghrc.io", "a/b")
	f.Fuzz(func(t *testing.T, registry, repository string) {
		if of, how := Lookalike(registry, repository); of != "" && of == repository || (of == "") != (how == "") {
			t.Errorf("%s/%s: %q, %q", registry, repository, of, how)
		}
	})
}
