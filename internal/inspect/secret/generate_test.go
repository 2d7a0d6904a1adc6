package secret

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"
)

// The credentials of these tests are generated, so that nothing in the
// repository looks like one to other scanners.

// generator draws credentials; the same seed draws the same ones.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 0))} }

// from draws n characters of the alphabet, no punctuation at the ends.
func (g generator) from(set *alphabet, n int) string {
	var b strings.Builder
	for b.Len() < n {
		c := byte(g.IntN(256))
		if set[c] && (alnum[c] || b.Len() > 0 && b.Len() < n-1) {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// token draws one that is random beyond doubt.
func (g generator) token() string { return g.from(alnum, 32) }

// checksummed draws the body of a GitHub or npm token.
func (g generator) checksummed() string {
	body := g.from(alnum, 30)
	sum := crc32.ChecksumIEEE([]byte(body))
	digits := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return body + string(digits)
}

// jwt draws a signed token with the payload.
func (g generator) jwt(payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + enc([]byte(payload)) + "." + g.from(base64url, 86)
}

// uuid draws one of version 4.
func (g generator) uuid() string {
	return g.from(lowerHex, 8) + "-" + g.from(lowerHex, 4) + "-4" + g.from(lowerHex, 3) + "-a" + g.from(lowerHex, 3) + "-" + g.from(lowerHex, 12)
}

// pem draws a key with the label: its body and the whole block.
func (g generator) pem(label string) (body, block string) {
	lines := []string{g.from(alnum, 64), g.from(alnum, 64), g.from(alnum, 20) + "=="}
	body = strings.Join(lines, "\n")
	return body, "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n"
}

// body draws what follows the prefix of a shape.
func (g generator) body(s shape) string {
	switch s.prefix {
	case "ghp_", "gho_", "ghu_", "ghs_", "npm_":
		return g.checksummed()
	case "glsa_":
		secret := g.from(alnum, 32)
		sum := crc32.ChecksumIEEE([]byte("glsa_" + secret))
		return secret + "_" + hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, sum))
	case "eyJ":
		return strings.TrimPrefix(g.jwt(`{"sub":"cart","exp":1900000000}`), "eyJ")
	case "sk-":
		return "proj-" + g.from(alnum, 40) + "T3Blbk" + "FJ" + g.from(alnum, 40)
	case "SG.":
		return g.from(alnum, 22) + "." + g.from(alnum, 43)
	case "dp.":
		return "pt." + g.from(alnum, 43)
	case "sig=":
		return g.from(alnum, 43) + "%3D"
	case "LS0tLS1CRUdJTi":
		_, block := g.pem("RSA PRIVATE" + " KEY")
		return strings.TrimPrefix(base64.StdEncoding.EncodeToString([]byte(block)), s.prefix)
	case "xoxb-", "xoxp-", "xoxa-", "xoxs-", "xoxe-", "xapp-":
		return g.from(digits, 12) + "-" + g.from(digits, 12) + "-" + g.from(alnum, 24)
	case "Bearer ", "bearer ", "django-insecure-":
		return g.from(lower36, 50)
	case "Basic ":
		return base64.StdEncoding.EncodeToString([]byte("admin:" + g.from(alnum, 9)))
	}
	return g.from(s.set, s.min)
}

// Each documented shape is found wherever it stands, with exact offsets, and
// never in the form that manuals print.
func TestShapes(t *testing.T) {
	g := newGenerator(1)
	if len(shapes) < 40 {
		t.Fatalf("%d shapes", len(shapes))
	}
	for _, s := range shapes {
		t.Run(s.prefix, func(t *testing.T) {
			for range 20 {
				body := g.body(s)
				token := s.prefix + body
				want := token
				if s.open {
					want = body
				}
				for _, around := range []string{"%", "X=%", `"%"`, "see (%), please", "a: %\nb: 1", `["--x", "%"]`, `x\n%\ny`, "https://h/?%&b=1"} {
					text := strings.ReplaceAll(around, "%", token)
					if !hasMatch(Find(text), text, s.kind, want) {
						t.Fatalf("Find(%q) = %v, want %s %q", text, Find(text), s.kind, want)
					}
				}
				if got := Classify("", token); got != s.kind {
					t.Fatalf("Classify(%q) = %q, want %q", token, got, s.kind)
				}
				if strings.Contains(Redact("x "+token+" y"), want) {
					t.Fatalf("Redact kept %q", token)
				}
			}
			for _, fake := range []string{strings.Repeat("x", s.min), strings.Repeat("0", s.min), "EXAMPLE" + strings.Repeat("A", s.min)} {
				if got := Classify("", s.prefix+fake[:s.min]); got != "" {
					t.Errorf("Classify(%q) = %q, want none", s.prefix+fake, got)
				}
			}
		})
	}
}

// A checksum that does not fit is a token that somebody made up.
func TestChecksums(t *testing.T) {
	g := newGenerator(2)
	for _, s := range shapes {
		switch s.prefix {
		case "ghp_", "gho_", "ghu_", "ghs_", "npm_", "glsa_":
			token := s.prefix + g.body(s)
			last := byte('0')
			if token[len(token)-1] == last {
				last = '1'
			}
			if wrong := token[:len(token)-1] + string(last); Classify("", wrong) != "" {
				t.Errorf("%q passes", wrong)
			}
		}
	}
	// Published by GitHub's and npm's users as dummies.
	for _, body := range []string{"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17", "qkJaB6MffYVzZXWqmcoF49yrUxP3wf" + "0LsakP"} {
		if !githubChecksum(body) {
			t.Errorf("checksum of %q", body)
		}
	}
}

func hasMatch(found []Match, text, kind, secret string) bool {
	for _, m := range found {
		if m.Kind == kind && text[m.Start:m.End] == secret {
			return true
		}
	}
	return false
}
