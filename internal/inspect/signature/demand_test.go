package signature

import (
	"context"
	"errors"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

func TestDemands(t *testing.T) {
	scope := Scope{Images: []string{"registry.example"}, Signature: "none"}
	tagged := func(digest string) *Policy {
		return &Policy{Tags: map[string]string{"registry.example/acme/shop:1": digest}}
	}
	based := func(bases ...string) *Policy {
		return &Policy{Scopes: []Scope{{Images: []string{"*"}, Signature: "none", Bases: bases}}}
	}
	annotated := manifest(`{"annotations":{"org.opencontainers.image.base.name":"debian:12"}}`)
	signed := trusting(Signer{Name: "me", Key: keys()[0].public})
	for _, test := range []struct {
		name    string
		policy  *Policy
		subject Subject
		want    string
	}{
		{"no scope, denied", &Policy{Deny: true}, Subject{}, "covered"},
		{"no scope, allowed", &Policy{}, Subject{}, ""},
		{"covered", &Policy{Deny: true, Scopes: []Scope{scope}}, Subject{}, ""},
		{"path that leads elsewhere", &Policy{Deny: true, Scopes: []Scope{scope}}, Subject{Ref: asset.ImageRef{Registry: "registry.example", Repository: "../evil"}}, "covered?"},
		{"no reference, denied", &Policy{Deny: true, Scopes: []Scope{scope}}, Subject{Ref: asset.ImageRef{Text: "v1", Tag: "v1"}}, "covered?"},
		{"registry", &Policy{Registries: []string{"registry.example/acme"}}, Subject{}, ""},
		{"other path", &Policy{Registries: []string{"registry.example/ac"}}, Subject{}, "registry"},
		{"no reference", &Policy{Registries: []string{"registry.example"}}, Subject{Ref: asset.ImageRef{Text: "v1"}}, "registry?"},
		{"tag stayed", tagged(imageManifest.Digest), Subject{}, ""},
		{"tag moved", tagged(other), Subject{}, "tag"},
		{"tag of another repository", &Policy{Tags: map[string]string{"registry.example/acme/other:1": other}}, Subject{}, ""},
		{"asked for by digest", nil, Subject{Manifests: []asset.Manifest{{Asked: other, Digest: imageManifest.Digest}}}, "digest"},
		{"mismatch told by the store", signed, Subject{Mismatch: "exchanged", Manifests: []asset.Manifest{}}, "digest signature?"},
		{"not everything could be read", signed, Subject{Unread: errors.New("the registry cannot be reached")}, "signature?"},
		{"imitation", nil, Subject{Ref: asset.ImageRef{Registry: "docker.io", Repository: "library/ngimx"}}, "name"},
		{"imitation that the policy means", &Policy{Scopes: []Scope{{Images: []string{"docker.io/library/ngimx"}, Signature: "none"}}},
			Subject{Ref: asset.ImageRef{Registry: "docker.io", Repository: "library/ngimx"}}, ""},
		{"imitation that the allow-list means", &Policy{Registries: []string{"docker.io/library/ngimx"}},
			Subject{Ref: asset.ImageRef{Registry: "docker.io", Repository: "library/ngimx"}}, ""},
		{"base by annotation", based("docker.io/library"), Subject{Manifests: []asset.Manifest{annotated}}, ""},
		{"other base by annotation", based("gcr.io/distroless"), Subject{Manifests: []asset.Manifest{annotated}}, "base"},
		{"base by label", based("docker.io/library/debian"), Subject{Labels: map[string]string{noteBaseName: "docker.io/debian:12"}}, ""},
		{"base not known", based("docker.io/library"), Subject{}, "base?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.subject.Ref == (asset.ImageRef{}) {
				test.subject.Ref = ref
			}
			if test.subject.Manifests == nil {
				test.subject.Manifests = []asset.Manifest{imageManifest}
			}
			p := Verify(context.Background(), test.policy, &test.subject)
			if got := lacking(p); got != test.want {
				t.Errorf("not met: %q, want %q\n%+v", got, test.want, p.Demands())
			}
		})
	}
}

// TestMostSpecificScope checks that the longest path wins.
func TestMostSpecificScope(t *testing.T) {
	p := &Policy{}
	for _, pattern := range []string{"*", "*.example", "registry.example", "registry.example/acme", "*.example/acme/shop", "registry.example:5000"} {
		p.Scopes = append(p.Scopes, Scope{Images: []string{pattern}})
	}
	for image, want := range map[string]string{
		"registry.example/acme/shop": "*.example/acme/shop", "registry.example/acme/other": "registry.example/acme",
		"registry.example/x": "registry.example", "other.example/x": "*.example", "docker.io/library/nginx": "*",
		"registry.example/acmeother/shop": "registry.example", "registry.example:5000/a": "registry.example:5000", "": "*",
	} {
		if _, got := p.scope(image); got != want {
			t.Errorf("%s is covered by %q, want %q", image, got, want)
		}
	}
}
