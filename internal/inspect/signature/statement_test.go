package signature

import (
	"context"
	"crypto/elliptic"
	"reflect"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

func TestStatements(t *testing.T) {
	for _, test := range []struct {
		name, kind, predicate string
		want                  asset.Attestation
	}{
		{"SLSA 0.2 of BuildKit", "https://slsa.dev/provenance/v0.2", `{"builder":{"id":""},"buildType":"https://mobyproject.org/buildkit@v1",
			"invocation":{"configSource":{"uri":"https://github.com/acme/shop.git#refs/heads/main","digest":{"sha1":"aa"}}},
			"materials":[{"uri":"pkg:docker/debian@12?platform=linux%2Famd64","digest":{"sha256":"ab"}},
			{"uri":"pkg:docker/docker/dockerfile@1"},{"uri":"pkg:docker/ghcr.io/acme/base@sha256:cd"}]}`,
			asset.Attestation{Type: slsa, BuildType: "https://mobyproject.org/buildkit@v1", Sources: []string{"https://github.com/acme/shop.git#refs/heads/main"},
				Bases: []string{"docker.io/library/debian:12@sha256:ab", "ghcr.io/acme/base@sha256:cd"}}},
		{"SLSA 1 of GitHub", "https://slsa.dev/provenance/v1", `{"buildDefinition":{"buildType":"t","externalParameters":{"workflow":{"repository":"https://github.com/acme/shop","ref":"refs/heads/main"}},
			"resolvedDependencies":[{"uri":"git+https://github.com/acme/shop@refs/heads/main"},{"uri":"pkg:oci/base@sha256:ab?repository_url=ghcr.io/acme"}]},"runDetails":{"builder":{"id":"https://github.com/actions/runner"}}}`,
			asset.Attestation{Type: slsa, Builder: "https://github.com/actions/runner", BuildType: "t",
				Sources: []string{"https://github.com/acme/shop@refs/heads/main", "git+https://github.com/acme/shop@refs/heads/main"}, Bases: []string{"ghcr.io/acme/base@sha256:ab"}}},
		{"provenance that is none", "https://slsa.dev/provenance/v1", `[1]`, asset.Attestation{Type: slsa}},
		{"SPDX", "https://spdx.dev/Document", `{"name":"x","packages":[{},{},{}]}`, asset.Attestation{Type: "spdx", Packages: 3}},
		{"SPDX as text", "https://spdx.dev/Document/v2.3", `"{\"packages\":[{}]}"`, asset.Attestation{Type: "spdx", Packages: 1}},
		{"CycloneDX", "https://cyclonedx.org/bom/v1.6", `{"components":[{"name":"a"},{}]}`, asset.Attestation{Type: "cyclonedx", Packages: 2}},
		{"OpenVEX", "https://openvex.dev/ns/v0.2.0", `{}`, asset.Attestation{Type: "vex"}},
		{"another", "https://example.com/scan", `{}`, asset.Attestation{Type: "other"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := keys()[0]
			p := verifyAttached(trusting(Signer{Name: "me", Key: k.public}), bundled(k, statementText(imageManifest.Digest, test.kind, test.predicate)))
			if len(p.Attestations) != 1 || !p.Attestations[0].Signature.Verified {
				t.Fatalf("%+v", p)
			}
			got := p.Attestations[0]
			got.Signature, test.want.PredicateType = asset.Signature{}, test.kind
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// TestAttestationsAskedFor holds the demands for provenance and bills of materials.
func TestAttestationsAskedFor(t *testing.T) {
	k, stranger := ecdsaKey("k", elliptic.P256(), sha256Of), ecdsaKey("s", elliptic.P256(), sha256Of)
	provenance := func(k key, builder, source string) asset.Attachment {
		return bundled(k, statementText(imageManifest.Digest, "https://slsa.dev/provenance/v1",
			`{"buildDefinition":{"externalParameters":{"source":"`+source+`"},"resolvedDependencies":[{"uri":"pkg:docker/debian@12"}]},"runDetails":{"builder":{"id":"`+builder+`"}}}`))
	}
	const builder, source = "https://builder.example/v1", "git+https://github.com/acme/shop@refs/heads/main"
	sbom := bundled(k, statementText(imageManifest.Digest, "https://spdx.dev/Document", `{"packages":[{}]}`))
	policy := func(change func(*Scope)) *Policy {
		p := trusting(Signer{Name: "me", Key: k.public})
		p.Scopes[0].Signature, p.Scopes[0].Provenance = "none", true
		p.Scopes[0].Builders, p.Scopes[0].Sources = []string{"https://builder.example/*"}, []string{"https://github.com/acme/shop"}
		p.Scopes[0].SBOM, p.Scopes[0].Bases = "any", []string{"docker.io/library"}
		change(&p.Scopes[0])
		return p
	}
	same := func(*Scope) {}
	for _, test := range []struct {
		name     string
		policy   *Policy
		attached []asset.Attachment
		want     string // the demands that are not met
	}{
		{"all is there", policy(same), []asset.Attachment{provenance(k, builder, source), sbom}, ""},
		{"nothing is there", policy(same), nil, "build builder source sbom base?"},
		{"a stranger signed", policy(same), []asset.Attachment{provenance(stranger, builder, source), sbom}, "build builder source base?"},
		{"a stranger signed, and that counts", policy(func(s *Scope) { s.Unsigned = true }), []asset.Attachment{provenance(stranger, builder, source), sbom}, ""},
		{"other builder", policy(same), []asset.Attachment{provenance(k, "https://evil.example", source), sbom}, "builder"},
		{"builder with a longer host", policy(same), []asset.Attachment{provenance(k, "https://builder.example.evil/x", source), sbom}, "builder"},
		{"other source", policy(same), []asset.Attachment{provenance(k, builder, "https://github.com/acme/shop-evil"), sbom}, "source"},
		{"builder in one, source in the other", policy(same), []asset.Attachment{provenance(k, builder, "x"), provenance(k, "y", source), sbom}, "source"},
		{"one of two fits", policy(same), []asset.Attachment{provenance(k, "y", "x"), provenance(k, builder, source), sbom}, ""},
		{"other base", policy(func(s *Scope) { s.Bases = []string{"gcr.io/distroless"} }), []asset.Attachment{provenance(k, builder, source), sbom}, "base"},
		{"other bill of materials", policy(func(s *Scope) { s.SBOM = "cyclonedx" }), []asset.Attachment{provenance(k, builder, source), sbom}, "sbom"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := verifyAttached(test.policy, test.attached...)
			if got := lacking(p); got != test.want {
				t.Errorf("not met: %q, want %q\n%+v", got, test.want, p.Demands())
			}
		})
	}
}

// lacking lists the demands that are not met, with "?" those that are undecided.
func lacking(p asset.Provenance) string {
	var names []string
	for _, d := range p.Demands() {
		switch d.State {
		case asset.Unmet:
			names = append(names, d.Name)
		case asset.Undecided:
			names = append(names, d.Name+"?")
		}
	}
	return strings.Join(names, " ")
}

// TestEmbedded checks attestations as BuildKit puts them into an index: they are
// as good as the signature over the index.
func TestEmbedded(t *testing.T) {
	k := ecdsaKey("k", elliptic.P256(), sha256Of)
	index := asset.Manifest{Digest: sum("index"), MediaType: "application/vnd.oci.image.index.v1+json", Content: []byte("index")}
	statement := statementText(imageManifest.Digest, "https://slsa.dev/provenance/v0.2", `{"builder":{"id":"https://builder.example"}}`)
	embedded := asset.Attachment{Found: "image index", Subject: imageManifest.Digest, MediaType: "application/vnd.in-toto+json", Content: statement}
	p := trusting(Signer{Name: "me", Key: k.public})
	p.Scopes[0].Provenance = true
	verify := func(subject string, attached ...asset.Attachment) asset.Provenance {
		e := embedded
		e.Subject = subject
		return Verify(context.Background(), p, &Subject{Ref: ref, Manifests: []asset.Manifest{index, imageManifest}, Attachments: append(attached, e)})
	}
	if got := verify(imageManifest.Digest); lacking(got) != "signature build" || got.Attestations[0].Signature.Reason != "nobody signed it" {
		t.Errorf("without a signature: %q %+v", lacking(got), got.Attestations)
	}
	if got := verify(imageManifest.Digest, simple(k, index.Digest)); lacking(got) != "" || got.Attestations[0].Signature.Signer != "me" || got.Index != index.Digest {
		t.Errorf("with the index signed: %q %+v", lacking(got), got.Attestations)
	}
	if got := verify(imageManifest.Digest, simple(k, imageManifest.Digest)); lacking(got) != "build" {
		t.Errorf("with the image signed, and not the index: %q", lacking(got))
	}
	embedded.Content = statementText(other, "https://slsa.dev/provenance/v0.2", "{}")
	if got := verify(imageManifest.Digest, simple(k, index.Digest)); lacking(got) != "build" {
		t.Errorf("about another image: %q", lacking(got))
	}
}
