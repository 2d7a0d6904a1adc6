package signature

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/notaryproject/notation-core-go/testhelper"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/signer"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// notarised is a signature as notation attaches it.
func notarised(t *testing.T, m asset.Manifest, mediaType string) asset.Attachment {
	t.Helper()
	leaf, authority := testhelper.GetRSALeafCertificate(), testhelper.GetRSARootCertificate()
	s := must(signer.NewGenericSigner(leaf.PrivateKey, []*x509.Certificate{leaf.Cert, authority.Cert}))
	env, _, err := s.Sign(context.Background(), ocispec.Descriptor{
		MediaType: m.MediaType, Digest: digest.Digest(m.Digest), Size: int64(len(m.Content)),
	}, notation.SignerSignOptions{SignatureMediaType: mediaType})
	if err != nil {
		t.Fatal(err)
	}
	return asset.Attachment{Found: "referrers", Subject: m.Digest, Type: notationType, MediaType: mediaType, Content: env}
}

func notationPolicy(t *testing.T, cert *x509.Certificate, identities string) *Policy {
	t.Helper()
	dir := write(t, map[string]string{
		"store/root.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})),
		"policy.yaml":    "scopes:\n- images: ['*']\n  signers:\n  - {name: notary, certificates: store, identities: [" + identities + "]}\n",
	})
	p, err := Load(dir + "/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNotation(t *testing.T) {
	authority := testhelper.GetRSARootCertificate().Cert
	elsewhere := testhelper.GetECRootCertificate().Cert
	subject := testhelper.GetRSALeafCertificate().Cert.Subject
	name := `"x509.subject: C=` + subject.Country[0] + `,ST=` + subject.Province[0] + `,O=` + subject.Organization[0] + `"`
	for _, mediaType := range []string{"application/jose+json", "application/cose"} {
		good := notarised(t, imageManifest, mediaType)
		tampered := good
		tampered.Content = append([]byte{}, good.Content...)
		tampered.Content[len(tampered.Content)/2] ^= 1
		larger := imageManifest // the digest of the image, and another size
		larger.Content = append([]byte{' '}, imageManifest.Content...)
		for _, test := range []struct {
			name     string
			policy   *Policy
			attached asset.Attachment
			want     string // of the reason, "" for verified
			step     string
		}{
			{"trusted subject", notationPolicy(t, authority, name), good, "", "identity"},
			{"whoever has a certificate", notationPolicy(t, authority, `"*"`), good, "", "identity"},
			{"other authority", notationPolicy(t, elsewhere, `"*"`), good, "", "identity"},
			{"other subject", notationPolicy(t, authority, `"x509.subject: C=DE,ST=Berlin,O=Mallory"`), good, "", "identity"},
			{"another image", notationPolicy(t, authority, `"*"`), notarised(t, manifest("{}"), mediaType), "about another image", "digest"},
			{"another size", notationPolicy(t, authority, `"*"`), notarised(t, larger, mediaType), "mismatch", ""},
			{"changed", notationPolicy(t, authority, `"*"`), tampered, "", ""},
			{"garbage", notationPolicy(t, authority, `"*"`), asset.Attachment{Type: notationType, MediaType: mediaType, Content: []byte("garbage")}, "cannot be read", "format"},
			{"unknown format", notationPolicy(t, authority, `"*"`), asset.Attachment{Type: notationType, MediaType: "text/plain", Content: []byte("x")}, "cannot be read", "format"},
		} {
			t.Run(mediaType+"/"+test.name, func(t *testing.T) {
				got := only(t, verifyAttached(test.policy, test.attached))
				if test.name == "trusted subject" || test.name == "whoever has a certificate" {
					for _, step := range []string{"digest", "signature", "identity", "expiry", "timestamp"} {
						if !got.Verified || state(got, step) != asset.Passed {
							t.Fatalf("%s is %s: %s", step, state(got, step), got.Reason)
						}
					}
					if state(got, "revocation") != asset.Skipped || !strings.Contains(got.Identity, "O="+subject.Organization[0]) {
						t.Errorf("%+v", got)
					}
					return
				}
				if got.Verified || !strings.Contains(got.Reason, test.want) {
					t.Fatalf("verified %v, reason %q, want %q", got.Verified, got.Reason, test.want)
				}
				if test.step != "" && state(got, test.step) != asset.Failed {
					t.Errorf("%s is %s", test.step, state(got, test.step))
				}
			})
		}
	}
}
