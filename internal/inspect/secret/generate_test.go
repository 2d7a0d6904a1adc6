package secret

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/source"
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

// age draws a secret key of age with the right checksum.
func (g generator) age() string {
	for {
		key := "AGE-SECRET-KEY-1" + g.from(upper36Bech, 52)
		for _, tail := range bech32Tails(key) {
			return key + tail
		}
	}
}

// bech32Tails computes the six digits that make the checksum right.
func bech32Tails(key string) []string {
	polymod := func(values []byte) uint32 {
		sum := uint32(1)
		for _, v := range values {
			top := sum >> 25
			sum = sum&0x1ffffff<<5 ^ uint32(v)
			for i, gen := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
				if top>>i&1 == 1 {
					sum ^= gen
				}
			}
		}
		return sum
	}
	var values []byte
	one := strings.LastIndexByte(key, '1')
	prefix := strings.ToLower(key[:one])
	for i := range len(prefix) {
		values = append(values, prefix[i]>>5)
	}
	values = append(values, 0)
	for i := range len(prefix) {
		values = append(values, prefix[i]&31)
	}
	for i := one + 1; i < len(key); i++ {
		values = append(values, byte(strings.IndexByte(bech32Digits, key[i])))
	}
	sum := polymod(append(values, 0, 0, 0, 0, 0, 0)) ^ 1
	tail := ""
	for i := range 6 {
		tail += string(bech32Digits[sum>>(5*(5-i))&31])
	}
	return []string{tail}
}

// macaroon draws one as PyPI issues them, for the location.
func (g generator) macaroon(location string) string {
	packet := func(field byte, data string) string { return string([]byte{field, byte(len(data))}) + data }
	raw := "\x02" + packet(1, location) + packet(2, g.uuid()) + "\x00" + packet(2, `[1, ["`+g.uuid()+`"]]`) + "\x00\x00" + packet(6, g.from(alnum, 32))
	return base64.RawURLEncoding.EncodeToString([]byte(raw))
}

// The alphabets of templates that have a name.
var (
	lower36     = chars("0-9a-z")
	upper36     = chars("0-9A-Z")
	upper32     = chars("A-Z2-7")
	upper36Bech = chars("02-9AC-HJ-NP-Z")
	sets        = map[string]*alphabet{"alnum": alnum, "hex": lowerHex, "base64": chars("0-9A-Za-z+/"), "base64url": base64url}
)

// expand fills in a template of kinds.yaml: {set:n} is n characters of an
// alphabet, other names are structures.
func (g generator) expand(template string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		inside, after, closed := strings.Cut(rest, "}")
		name, arg, colon := strings.Cut(inside, ":")
		text, known := "", closed && colon
		if known {
			text, known = g.structure(name, arg)
		}
		if !known {
			b.WriteString("{")
			template = rest
			continue
		}
		b.WriteString(text)
		template = after
	}
}

func (g generator) structure(name, arg string) (text string, ok bool) {
	label := func() string { // "PGP PRIVATE BLOCK" is written so that nothing here looks like a key
		return strings.Replace(arg, "PRIVATE", "PRIVATE"+" KEY", 1)
	}
	switch name {
	case "crc32-base62":
		return g.checksummed(), true
	case "grafana":
		secret := g.from(alnum, 32)
		sum := crc32.ChecksumIEEE([]byte("glsa_" + secret))
		return secret + "_" + hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, sum)), true
	case "age":
		return g.age(), true
	case "macaroon":
		return g.macaroon(arg), true
	case "uuid":
		return g.uuid(), true
	case "jwt":
		return g.jwt(`{"sub":"` + arg + `","exp":1900000000}`), true
	case "jwt-base64":
		return base64.StdEncoding.EncodeToString([]byte(g.jwt(`{"sub":"` + arg + `","exp":1900000000}`))), true
	case "basic":
		return base64.StdEncoding.EncodeToString([]byte(arg + ":" + g.from(alnum, 12))), true
	case "pem":
		_, block := g.pem(label())
		return block, true
	case "pem-escaped":
		_, block := g.pem(label())
		return strings.ReplaceAll(block, "\n", `\n`), true
	case "pem-base64":
		_, block := g.pem(label())
		return base64.StdEncoding.EncodeToString([]byte(block)), true
	case "pem-short":
		return "-----BEGIN " + label() + "-----\n...\n-----END " + label() + "-----\n", true
	case "openssh":
		head := "openssh-key-v1\x00\x00\x00\x00" + string([]byte{byte(len(arg))}) + arg + g.from(alnum, 100)
		return "-----BEGIN OPENSSH PRIVATE" + " KEY-----\n" + base64.StdEncoding.EncodeToString([]byte(head)) + "\n-----END OPENSSH PRIVATE" + " KEY-----\n", true
	}
	n, err := strconv.Atoi(arg)
	if err != nil {
		return "", false
	}
	set := sets[name]
	if set == nil {
		set = chars(name)
	}
	return g.from(set, n), true
}

// example is a text of kinds.yaml and the kind that it is written under.
type example struct{ kind, text string }

// examples reads the examples with the YAML parser, and that both readings of the
// data are the same.
func examples(t testing.TB) (good, bad []example) {
	t.Helper()
	documents := source.Split([]byte(kindsYAML))
	if len(documents) != 1 {
		t.Fatalf("%d documents", len(documents))
	}
	root, err := documents[0].Parse()
	if err != nil {
		t.Fatal(err)
	}
	kinds := builtIn().kinds
	if len(root.List()) != len(kinds) {
		t.Fatalf("%d kinds, read as %d", len(root.List()), len(kinds))
	}
	for i, node := range root.List() {
		k := &kinds[i]
		for key, read := range map[string]string{"id": k.id, "title": k.title, "severity": k.severity, "expression": k.expression, "checksum": k.checksum, "valid": k.valid} {
			if want := node.Text(key); want != read {
				t.Errorf("%s: %s is %q, read as %q", k.id, key, want, read)
			}
		}
		if !slices.Equal(node.Strings("prefixes"), k.prefixes) || !slices.Equal(node.Strings("keywords"), k.keywords) {
			t.Errorf("%s: prefixes %q and keywords %q, read as %q and %q", k.id, node.Strings("prefixes"), node.Strings("keywords"), k.prefixes, k.keywords)
		}
		for _, text := range node.Strings("examples") {
			good = append(good, example{k.id, text})
		}
		for _, text := range node.Strings("counterexamples") {
			bad = append(bad, example{k.id, text})
		}
	}
	return good, bad
}

// scan returns what the scanner finds in a file of the name.
func scan(name, text string) []Hit {
	var hits []Hit
	NewScanner().Scan([]byte(text), name, func(h Hit) { hits = append(hits, h) })
	return hits
}

// Every example of every kind is found, in text of configuration and in files,
// and no counterexample is.
func TestKinds(t *testing.T) {
	good, bad := examples(t)
	kinds := builtIn().kinds
	if len(kinds) < 60 {
		t.Fatalf("%d kinds", len(kinds))
	}
	for i := range kinds {
		k := &kinds[i]
		if !slices.ContainsFunc(good, func(e example) bool { return e.kind == k.id }) {
			t.Errorf("%s has no example", k.id)
		}
		if !slices.Contains([]string{"critical", "high", "medium", "low", "info"}, k.severity) || k.title == "" {
			t.Errorf("%s: title %q, severity %q", k.id, k.title, k.severity)
		}
		if k.window > ahead-maxLiteral || k.before > behind {
			t.Errorf("%s reaches farther than the scanner looks", k.id)
		}
		if k.checksum != "" && checks[k.checksum] == nil || k.valid != "" && checks[k.valid] == nil {
			t.Errorf("%s names an unknown check", k.id)
		}
		for _, p := range k.prefixes {
			if len(p) > maxLiteral || len(p) < 2 {
				t.Errorf("%s: prefix %q", k.id, p)
			}
		}
		if k.expression != "" {
			k.re() // panics if it is wrong
		}
	}
	g := newGenerator(1)
	for _, e := range good {
		for range 20 {
			text := g.expand(e.text)
			if !builtIn().byID[e.kind].files && !slices.ContainsFunc(Find(text), func(m Match) bool { return m.Kind == e.kind }) {
				t.Errorf("%s: Find(%q) = %v", e.kind, text, Find(text))
				break
			}
			if hits := scan("etc/shop/settings.yaml", text); !slices.ContainsFunc(hits, func(h Hit) bool { return h.Kind == e.kind }) {
				t.Errorf("%s: Scan(%q) = %+v", e.kind, text, hits)
				break
			}
		}
	}
	for _, e := range bad {
		text := g.expand(e.text)
		if found := Find(text); len(found) > 0 {
			t.Errorf("%s: Find(%q) = %v", e.kind, text, found)
		}
		if hits := scan("etc/shop/settings.yaml", text); len(hits) > 0 {
			t.Errorf("%s: Scan(%q) = %+v", e.kind, text, hits)
		}
	}
}

// A shape is found wherever it stands, with exact offsets; what is shown of it
// does not hold it.
func TestShapes(t *testing.T) {
	good, _ := examples(t)
	g := newGenerator(2)
	for _, e := range good {
		k := builtIn().byID[e.kind]
		if len(k.prefixes) == 0 || k.weak || strings.Contains(e.text, "{pem") || strings.ContainsAny(e.text, " \n=/") && e.kind != "azure-account-key" {
			continue
		}
		for range 20 {
			token := g.expand(e.text)
			for _, around := range []string{"%", "X=%", `"%"`, "see (%), please", "a: %\nb: 1", `["--x", "%"]`, `x\n%\ny`, "https://h/?%&b=1"} {
				text := strings.ReplaceAll(around, "%", token)
				if !hasMatch(Find(text), text, e.kind, token) {
					t.Fatalf("Find(%q) = %v, want %s %q", text, Find(text), e.kind, token)
				}
				for _, name := range []string{"x.yaml", "x.go", "README.md", "usr/lib/x/testdata/x"} {
					if hits := scan(name, text); len(hits) != 1 || hits[0].Kind != e.kind || text[hits[0].Start:hits[0].End] != token || len(hits[0].Masked) > 26 {
						t.Fatalf("%s: Scan(%q) = %+v, want %s %q", name, text, hits, e.kind, token)
					}
				}
			}
			if hits := scan("bin/x", "\x7fELF\x00\x00"+strings.Repeat("\x00\x01", 100)+token+"\x00"); len(hits) != 1 || hits[0].Kind != e.kind {
				t.Fatalf("in a binary, Scan(%q) = %+v", token, hits)
			}
			if strings.Contains(Redact("x "+token+" y"), token) {
				t.Fatalf("Redact kept %q", token)
			}
		}
	}
}

// A checksum that does not fit is a token that somebody made up, one that does is
// told.
func TestChecksums(t *testing.T) {
	good, _ := examples(t)
	g := newGenerator(3)
	for _, e := range good {
		if builtIn().byID[e.kind].checksum == "" {
			continue
		}
		token := g.expand(e.text)
		if hits := scan("x", token); len(hits) != 1 || !hits[0].Checked {
			t.Errorf("Scan(%q) = %+v", token, hits)
		}
		last := byte('0')
		if token[len(token)-1] == last {
			last = '2'
		}
		if wrong := token[:len(token)-1] + string(last); Classify("", wrong) != "" || len(scan("x", wrong)) > 0 {
			t.Errorf("%q passes", wrong)
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
