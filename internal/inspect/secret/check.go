package secret

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math"
	"strings"
)

// checks are what kinds.yaml names: of the whole credential, and of what follows
// its prefix.
var checks = map[string]func(whole, body string) bool{
	"crc32-base62": func(_, body string) bool { return len(body) > 6 && githubChecksum(body) },
	"grafana":      func(_, body string) bool { return len(body) == 41 && grafana(body) },
	"bech32":       func(whole, _ string) bool { return bech32(whole) },
	"jwt":          func(_, body string) bool { return jsonWebToken(body) },
	"encoded-jwt":  func(whole, _ string) bool { return encodedJWT(whole) },
	"macaroon":     func(_, body string) bool { return macaroon("AgE" + body) },
	"pem":          func(_, body string) bool { _, ok := encodedPEM(body); return ok },
	"random":       func(_, body string) bool { return random(body) },
	"slack":        func(_, body string) bool { return slackToken(body) },
	"basic":        func(whole, _ string) bool { return basic(whole) },
}

// base62 is the order of digits in GitHub's and npm's checksums.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// githubChecksum verifies that the last six characters are the CRC-32 of the
// others in base 62.
func githubChecksum(body string) bool {
	cut := len(body) - 6
	sum := crc32.ChecksumIEEE([]byte(body[:cut]))
	for i := len(body) - 1; i >= cut; i-- {
		if body[i] != base62[sum%62] {
			return false
		}
		sum /= 62
	}
	return true
}

// grafana verifies the CRC-32 behind the secret, least significant byte first.
// https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/tokengen.go
func grafana(body string) bool {
	sum := crc32.ChecksumIEEE([]byte("glsa_" + body[:32]))
	return body[32] == '_' && body[33:] == hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, sum))
}

// bech32Digits is the alphabet of Bech32, by the value of the digit.
const bech32Digits = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

// bech32 verifies the checksum in the last six of the digits behind the last 1.
// https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki
func bech32(text string) bool {
	one := strings.LastIndexByte(text, '1')
	if one < 1 || len(text)-one < 7 {
		return false
	}
	sum := uint32(1)
	step := func(v byte) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	prefix := strings.ToLower(text[:one])
	for i := range len(prefix) {
		step(prefix[i] >> 5)
	}
	step(0)
	for i := range len(prefix) {
		step(prefix[i] & 31)
	}
	for i := one + 1; i < len(text); i++ {
		digit := strings.IndexByte(bech32Digits, text[i])
		if digit < 0 {
			return false
		}
		step(byte(digit))
	}
	return sum == 1
}

// macaroon reads the packets of a version 2 macaroon, as PyPI issues them: the
// location and the identifier are there, and lengths add up.
// https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt
func macaroon(body string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(body, "="))
	if err != nil || len(raw) < 3 || raw[0] != 2 {
		return false
	}
	fields := 0
	for raw = raw[1:]; len(raw) > 0; {
		if raw[0] == 0 { // the end of a section
			raw = raw[1:]
			continue
		}
		size, n := binary.Uvarint(raw[1:])
		if n <= 0 || size > uint64(len(raw)-1-n) {
			return false
		}
		raw = raw[1+n+int(size):]
		fields++
	}
	return fields >= 3
}

func slackToken(body string) bool { return strings.ContainsAny(body, "0123456789") && random(body) }

// encodedPEM says which kind of private key stands in base64 behind the encoded
// "-----BEGIN".
func encodedPEM(body string) (kind string, ok bool) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight("LS0tLS1CRUdJTi"+body, "="))
	if err != nil {
		return "", false
	}
	m, ok := privateKey(string(raw), len("-----"))
	return m.Kind, ok
}

// jsonWebToken accepts a signed token, not the example that jwt.io made famous.
func jsonWebToken(body string) bool {
	head, payload, signature, ok := splitToken("eyJ" + body)
	return ok && strings.Contains(head, `"alg"`) && len(signature) >= 20 &&
		!strings.Contains(payload, `"1234567890"`)
}

// encodedJWT accepts a JWT once more in base64, as in the data of a Secret.
func encodedJWT(text string) bool {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	token, ok := strings.CutPrefix(string(raw), "eyJ")
	return err == nil && ok && jsonWebToken(strings.TrimSpace(token))
}

// serviceAccount says whether a JWT was issued by a cluster to a service account.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
func serviceAccount(jwt string) bool {
	_, payload, _, ok := splitToken(jwt)
	return ok && (strings.Contains(payload, "kubernetes.io") || strings.Contains(payload, "kubernetes/serviceaccount"))
}

// splitToken decodes the first two of the three parts of a JWT.
func splitToken(jwt string) (head, payload, signature string, ok bool) {
	head, rest, _ := strings.Cut(jwt, ".")
	payload, signature, ok = strings.Cut(rest, ".")
	h, err := base64.RawURLEncoding.DecodeString(head)
	p, err2 := base64.RawURLEncoding.DecodeString(payload)
	return string(h), string(p), signature, ok && err == nil && err2 == nil
}

// entropy is the Shannon entropy in bits a character.
func entropy(s string) float64 {
	var count [256]int
	for i := range len(s) {
		count[s[i]]++
	}
	bits := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
