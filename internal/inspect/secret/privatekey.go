package secret

import "strings"

// maxPEM is the longest private key that is looked at; RSA with 8192 bits takes
// 6.5 kB.
const maxPEM = 16 << 10

// privateKey recognises the key whose "-----BEGIN" has its B at begin. The match
// is what stands between the two header lines. A key cut off before its end
// counts as well, one elided in documentation does not.
// https://www.rfc-editor.org/rfc/rfc7468, https://www.rfc-editor.org/rfc/rfc9580
func privateKey(text string, begin int) (m Match, ok bool) {
	const dashes = "-----"
	if !strings.HasSuffix(text[:begin], dashes) {
		return m, false
	}
	label, _, found := strings.Cut(text[begin:min(len(text), begin+64)], dashes)
	if !found || !strings.Contains(label, "PRIVATE KEY") {
		return m, false
	}
	m.Start = begin + len(label) + len(dashes)
	body := text[m.Start:min(len(text), m.Start+maxPEM)]
	if n := strings.Index(body, dashes); n >= 0 {
		body = body[:n]
	} else {
		body = body[:keyData.run(body, len(body))]
	}
	if strings.Contains(body, "...") || !hasKeyData(body) {
		return m, false
	}
	m.Start += len(body) - len(trimBreaks(body))
	m.End = m.Start + len(strings.TrimRight(trimBreaks(body), "\\nr \t\r\n"))
	m.Kind = keyKind(label, text[m.Start:m.End], text[max(0, begin-500):begin])
	return m, true
}

// keyData is base64 with line breaks, also where a string literal escapes them.
var keyData = chars("0-9A-Za-z+/=\\ \t\r\n-")

// hasKeyData looks for a line of key material. The shortest, an Ed25519 key in
// PKCS 8, has 64 characters.
func hasKeyData(body string) bool {
	for i := 0; i < len(body); i++ {
		n := base64std.run(body[i:], 64)
		if n >= 48 && distinct(body[i:i+n]) >= 12 {
			return true
		}
		i += n
	}
	return false
}

// trimBreaks drops line breaks at the beginning, real and escaped ones.
func trimBreaks(body string) string {
	for {
		s := strings.TrimLeft(body, " \t\r\n")
		s = strings.TrimPrefix(strings.TrimPrefix(s, `\r`), `\n`)
		if s == body {
			return s
		}
		body = s
	}
}

// What the data of an OpenSSH key begins with, in base64: its magic, and that no
// cipher hides it.
// https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
const (
	opensshMagic = "b3BlbnNzaC1rZXktdjEA"
	opensshPlain = opensshMagic + "AAAABG5vbm"
)

// keyKind tells kinds of keys by the label, the body and what stands before them.
func keyKind(label, body, before string) string {
	switch {
	case strings.Contains(label, "OPENSSH"):
		if strings.HasPrefix(body, opensshMagic) && !strings.HasPrefix(body, opensshPlain) {
			return "ssh-key-encrypted"
		}
		return "ssh-key"
	case strings.Contains(label, "PGP"):
		return "pgp-key"
	case strings.Contains(label, "ENCRYPTED"), strings.Contains(body[:min(len(body), 200)], "ENCRYPTED"):
		return "private-key-encrypted"
	case strings.Contains(before, "service_account") && strings.Contains(before, "private_key"):
		// https://cloud.google.com/iam/docs/keys-create-delete
		return "gcp-service-account"
	}
	return "private-key"
}
