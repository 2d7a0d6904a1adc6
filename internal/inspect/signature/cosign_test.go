package signature

import (
	"crypto/elliptic"
	"encoding/json"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// TestKeys verifies every format with every kind of key.
func TestKeys(t *testing.T) {
	wrong := ecdsaKey("wrong", elliptic.P256(), sha256Of)
	for _, k := range keys() {
		formats := map[string]asset.Attachment{
			"simple":   simple(k, imageManifest.Digest),
			"bundle":   bundled(k, statementText(imageManifest.Digest, signType, "{}")),
			"envelope": {MediaType: dsseEnvelope, Content: must(json.Marshal(enveloped(k, statementText(imageManifest.Digest, "https://example.com/x", "{}"))))},
			"message": asBundle(map[string]any{"messageSignature": map[string]any{
				"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": sha256Of(imageManifest.Content)},
				"signature":     k.sign(imageManifest.Content),
			}}),
		}
		for format, attached := range formats {
			t.Run(k.name+"/"+format, func(t *testing.T) {
				got := only(t, verifyAttached(trusting(Signer{Name: "me", Key: k.public}), attached))
				if !got.Verified || got.Signer != "me" || state(got, "digest") != asset.Passed || state(got, "signature") != asset.Passed {
					t.Errorf("it is not verified: %+v", got)
				}
				if state(got, "log") != asset.Skipped || state(got, "revocation") != asset.Skipped {
					t.Errorf("it does not say what was not checked: %+v", got.Checks)
				}
				got = only(t, verifyAttached(trusting(Signer{Name: "me", Key: wrong.public}), attached))
				if got.Verified || !strings.Contains(got.Reason, "me: the signature is not by this key") {
					t.Errorf("another key verifies it: %+v", got)
				}
			})
		}
	}
}

// only returns the one signature that was found, or that of the one attestation.
func only(t *testing.T, p asset.Provenance) asset.Signature {
	t.Helper()
	if len(p.Signatures)+len(p.Attestations) != 1 {
		t.Fatalf("%d signatures and %d attestations, want one", len(p.Signatures), len(p.Attestations))
	}
	if len(p.Signatures) == 1 {
		return p.Signatures[0]
	}
	return p.Attestations[0].Signature
}

// TestRejected holds what an attacker can do to a signature.
func TestRejected(t *testing.T) {
	k := ecdsaKey("k", elliptic.P256(), sha256Of)
	good := simple(k, imageManifest.Digest)
	change := func(a asset.Attachment, from, to string) asset.Attachment {
		a.Content = []byte(strings.Replace(string(a.Content), from, to, 1))
		return a
	}
	unsigned := good
	unsigned.Annotations = nil
	notBase64 := good
	notBase64.Annotations = map[string]string{noteSignature: "%%%"}
	statement := statementText(imageManifest.Digest, signType, "{}")
	var moved envelope // a statement signed as one payload type, shown as another
	moved = *enveloped(k, statement)
	moved.PayloadType = "text/plain"
	unread := good
	unread.Content, unread.Problem = nil, "reading sha256:x: it is larger than 16 MiB"
	empty := bundled(k, statement)
	empty.Content = []byte(strings.Replace(string(empty.Content), `"sig":"`, `"sig":"AAAA`, 1))
	for _, test := range []struct {
		name   string
		attach asset.Attachment
		want   string
	}{
		{"good signature of another image", simple(k, other), "about another image"},
		{"bundle of another image", bundled(k, statementText(other, signType, "{}")), "about another image"},
		{"digest exchanged after signing", change(simple(k, other), other, imageManifest.Digest), "not by this key"},
		{"text changed after signing", change(good, `"optional":null`, `"optional":{}`), "not by this key"},
		{"no signature", unsigned, "no signature in its annotations"},
		{"signature that is no base64", notBase64, "no signature in its annotations"},
		{"other type of text", change(good, "cosign container image signature", "something"), `of type "something"`},
		{"no JSON", asset.Attachment{MediaType: simpleSigning, Content: []byte("{")}, "not what cosign signs"},
		{"statement without subjects", bundled(k, []byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"`+signType+`"}`)), "names no digest"},
		{"no statement", bundled(k, []byte(`{"_type":"x"}`)), "no in-toto statement"},
		{"payload type exchanged", asBundle(map[string]any{"dsseEnvelope": moved}), `of type "text/plain"`},
		{"envelope without signatures", asBundle(map[string]any{"dsseEnvelope": envelope{PayloadType: inTotoType, Payload: statement}}), "no signature"},
		{"bundle with two contents", asBundle(map[string]any{"dsseEnvelope": enveloped(k, statement), "messageSignature": map[string]any{}}), "which one holds"},
		{"bundle with none", asBundle(map[string]any{}), "holds no signature"},
		{"message with a weak digest", asBundle(map[string]any{"messageSignature": map[string]any{"messageDigest": map[string]any{"algorithm": "SHA1"}}}), "not SHA2_256"},
		{"bundle with a changed signature", empty, "not by this key"},
		{"unreadable", unread, "larger than 16 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := verifyAttached(trusting(Signer{Name: "me", Key: k.public}), test.attach)
			got := only(t, p)
			if got.Verified || !strings.Contains(got.Reason, test.want) {
				t.Errorf("verified %v, reason %q, want %q", got.Verified, got.Reason, test.want)
			}
			want := asset.Unmet
			if test.attach.Problem != "" {
				want = asset.Undecided
			}
			if p.Signature.State != want {
				t.Errorf("the demand for a signature is %q (%s), want %q", p.Signature.State, p.Signature.Reason, want)
			}
		})
	}
}

// TestSeveralSigners checks "any" and "all", and that garbage beside a good
// signature changes nothing.
func TestSeveralSigners(t *testing.T) {
	a, b := ecdsaKey("a", elliptic.P256(), sha256Of), ecdsaKey("b", elliptic.P256(), sha256Of)
	p := trusting(Signer{Name: "ci", Key: a.public}, Signer{Name: "qa", Key: b.public})
	byA, byB := simple(a, imageManifest.Digest), bundled(b, statementText(imageManifest.Digest, signType, "{}"))
	garbage := asset.Attachment{MediaType: bundlePrefix + ".v0.3+json", Content: []byte("garbage")}
	check := func(want string, attached ...asset.Attachment) {
		t.Helper()
		if got := verifyAttached(p, attached...).Signature; got.State != want {
			t.Errorf("with %d attachments and signature %s it is %q: %s", len(attached), p.Scopes[0].Signature, got.State, got.Reason)
		}
	}
	check(asset.Unmet)
	check(asset.Met, garbage, byA)
	check(asset.Met, byB, garbage)
	p.Scopes[0].Signature = "all"
	check(asset.Unmet, byA)
	check(asset.Unmet, byA, byA)
	check(asset.Met, byA, byB)
	p.Scopes[0].Signature = "none"
	check("", garbage)
}

// TestWithoutPolicy says what is there and trusts nobody.
func TestWithoutPolicy(t *testing.T) {
	k := ecdsaKey("k", elliptic.P256(), sha256Of)
	p := verifyAttached(nil, simple(k, imageManifest.Digest))
	if got := only(t, p); got.Verified || state(got, "digest") != asset.Passed || got.Reason != "without a policy nobody is trusted" {
		t.Errorf("%+v", got)
	}
	for _, d := range p.Demands() {
		if d.State != "" && d.State != asset.Met {
			t.Errorf("without a policy %s is %s: %s", d.Name, d.State, d.Reason)
		}
	}
}
