package signature

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

const (
	ciSubject = "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main"
	ciIssuer  = "https://token.actions.githubusercontent.com"
)

// keylessPolicy loads a policy with one keyless signer.
func keylessPolicy(t *testing.T, trusted, signer string) *Policy {
	t.Helper()
	dir := write(t, map[string]string{"root.json": trusted, "policy.yaml": "scopes:\n- images: [registry.example]\n  signers:\n  - {name: ci, trusted-root: root.json, " + signer + "}\n"})
	p, err := Load(dir + "/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keylessBundle is a bundle over a statement, as cosign 3 attaches it.
func keylessBundle(s *deployment, subject, issuer string, statement []byte, change func(entry map[string]any) []any) asset.Attachment {
	made, env := s.attest(subject, issuer, statement)
	entries := []any{made.entry}
	if change != nil {
		entries = change(made.entry)
	}
	return asBundle(map[string]any{"dsseEnvelope": env, "verificationMaterial": map[string]any{
		"certificate": map[string]any{"rawBytes": made.certificate}, "tlogEntries": entries,
	}})
}

// keylessSimple is a signature in cosign's own format, with its certificate and
// its log entry in annotations.
func keylessSimple(s *deployment, digest string) asset.Attachment {
	a := simple(key{sign: func([]byte) []byte { return nil }}, digest)
	made := s.sign(ciSubject, ciIssuer, a.Content)
	a.Annotations = map[string]string{
		noteSignature:   base64.StdEncoding.EncodeToString(made.signature),
		noteCertificate: string(certificatePEM(made.certificate)),
		noteBundle:      made.promise,
	}
	return a
}

const trusted = "issuer: " + ciIssuer + ", subject: \"" + ciSubject + "\""

func TestKeyless(t *testing.T) {
	s, elsewhere := newDeployment(), newDeployment()
	statement := statementText(imageManifest.Digest, signType, "{}")
	good := keylessBundle(s, ciSubject, ciIssuer, statement, nil)
	tampered := keylessBundle(s, ciSubject, ciIssuer, statement, func(entry map[string]any) []any {
		entry["integratedTime"] = "1700000000"
		return []any{entry}
	})
	unproven := keylessBundle(s, ciSubject, ciIssuer, statement, func(entry map[string]any) []any {
		entry["inclusionProof"].(map[string]any)["rootHash"] = s.logID[:]
		return []any{entry}
	})
	foreign := keylessBundle(s, ciSubject, ciIssuer, statement, func(map[string]any) []any {
		of, _ := s.attest(ciSubject, ciIssuer, statement) // the entry of another signature
		return []any{of.entry}
	})
	unlogged := keylessBundle(s, ciSubject, ciIssuer, statement, func(map[string]any) []any { return nil })
	attestation := keylessBundle(s, ciSubject, ciIssuer, statementText(imageManifest.Digest, "https://slsa.dev/provenance/v1", "{}"), nil)
	made, signed := s.attest(ciSubject, ciIssuer, statement)
	env := asset.Attachment{MediaType: dsseEnvelope, Content: must(json.Marshal(signed)), Annotations: map[string]string{
		noteCertificate: string(certificatePEM(made.certificate)), noteBundle: made.promise,
	}}
	legacy := keylessSimple(s, imageManifest.Digest)
	legacyNoLog := keylessSimple(s, imageManifest.Digest)
	delete(legacyNoLog.Annotations, noteBundle)
	legacyBroken := keylessSimple(s, imageManifest.Digest)
	legacyBroken.Annotations[noteBundle] = "{"
	withoutLogs, withLogs := s.trustedRoot(false), s.trustedRoot(true)

	for _, test := range []struct {
		name, root, signer string
		attached           asset.Attachment
		want               string // of the reason, "" for verified
		failed             string // the step that fails
	}{
		{"bundle", withoutLogs, trusted, good, "", ""},
		{"bundle, subject by expression", withoutLogs, "issuer: " + ciIssuer + `, subject-regexp: "https://github.com/acme/[a-z]+/.*"`, good, "", ""},
		{"an expression matches the whole subject", withoutLogs, "issuer: " + ciIssuer + `, subject-regexp: "github.com/acme/shop"`, good, "identity", "identity"},
		{"other subject", withoutLogs, "issuer: " + ciIssuer + ", subject: mallory@example.com", good, "identity", "identity"},
		{"other issuer", withoutLogs, "issuer: https://accounts.google.com, subject: \"" + ciSubject + "\"", good, "identity", "identity"},
		{"certificate log demanded by the root", withLogs, trusted, good, "certificate", "certificate"},
		{"other authority", elsewhere.trustedRoot(false), trusted, good, "log", "log"},
		{"no log entry", withoutLogs, trusted, unlogged, "log", "log"},
		{"log entry of another signature", withoutLogs, trusted, foreign, "log", "log"},
		{"log entry without proof", withoutLogs, trusted, unproven, "log", "log"},
		{"attestation", withoutLogs, trusted, attestation, "", ""},
		{"attestation in cosign's own format", withoutLogs, trusted, env, "", ""},
		{"log entry changed", withoutLogs, trusted, tampered, "log", "log"},
		{"another image", withoutLogs, trusted, keylessBundle(s, ciSubject, ciIssuer, statementText(other, signType, "{}"), nil), "about another image", "digest"},
		{"cosign's own format", withoutLogs, trusted, legacy, "", ""},
		{"cosign's own format, no log entry", withoutLogs, trusted, legacyNoLog, "log", "log"},
		{"cosign's own format, broken log entry", withoutLogs, trusted, legacyBroken, "cannot be read", "format"},
		{"cosign's own format, another image", withoutLogs, trusted, keylessSimple(s, other), "about another image", "digest"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := only(t, verifyAttached(keylessPolicy(t, test.root, test.signer), test.attached))
			if got.Identity != ciSubject || got.Issuer != ciIssuer {
				t.Errorf("the certificate is said to be of %q by %q", got.Identity, got.Issuer)
			}
			if test.want == "" {
				for _, step := range []string{"digest", "log", "timestamp", "certificate", "signature", "identity"} {
					if !got.Verified || state(got, step) != asset.Passed {
						t.Fatalf("%s is %s: %s %+v", step, state(got, step), got.Reason, got.Checks)
					}
				}
				if state(got, "revocation") != asset.Skipped {
					t.Errorf("it does not say that revocation was not checked")
				}
				return
			}
			if got.Verified || !strings.Contains(got.Reason, test.want) || state(got, test.failed) != asset.Failed {
				t.Errorf("verified %v, %s is %s, reason %q, want %q", got.Verified, test.failed, state(got, test.failed), got.Reason, test.want)
			}
		})
	}
}

// TestKeylessIsNoKey checks that a signer with a key does not vouch for a
// certificate, and the other way round.
func TestKeylessIsNoKey(t *testing.T) {
	s := newDeployment()
	k := keys()[0]
	got := only(t, verifyAttached(trusting(Signer{Name: "me", Key: k.public}), keylessSimple(s, imageManifest.Digest)))
	if got.Verified || !strings.Contains(got.Reason, "no signer of this kind: its certificate says "+ciSubject) {
		t.Errorf("%+v", got)
	}
	got = only(t, verifyAttached(keylessPolicy(t, s.trustedRoot(false), trusted), simple(k, imageManifest.Digest)))
	if got.Verified || !strings.Contains(got.Reason, "made with a key") {
		t.Errorf("%+v", got)
	}
}
