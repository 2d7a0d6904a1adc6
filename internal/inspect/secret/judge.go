package secret

import (
	"encoding/base64"
	"slices"
	"strings"
)

// judge decides about a value by the name that it is given under.
func judge(name, value string) string {
	if len(value) > maxValue {
		return ""
	}
	c := classOf(name)
	if c == plain || !literal(value) {
		return ""
	}
	switch c {
	case password:
		if !prose(value) {
			return kindPassword
		}
	case token:
		return tokenKind(name, value)
	case account:
		return accountKind(name, value)
	}
	return ""
}

// tokenKind is the kind of a value that is called a token, secret or key.
func tokenKind(name, v string) string {
	switch {
	case strings.Contains(v, "EXAMPLE"): // the keys of AWS' documentation
		return ""
	case strings.HasPrefix(v, "LS0tLS1CRUdJTi"): // PEM, which is known by its content
		return ""
	case len(v) == 40 && upperHex.all(v): // the fingerprint of an OpenPGP key, as in ENV GPG_KEY
		return ""
	case publicData(v):
		return ""
	case bootstrapToken(v):
		return "kubernetes-token"
	}
	if len(v) >= 16 && distinct(v) >= 7 && !sequential(v) {
		if kind := builtIn().keyedKind(name, v); kind != "" {
			return kind
		}
	}
	if strings.ContainsAny(v, " \t\n,;(){}<>\"'") || !random(v) {
		optionName := strings.Contains(v, ".") && classOf(v) != plain // SECRET_KEY: 'system.secret-key'
		if len(v) >= 6 && !prose(v) && !optionName && chosen(name) {
			return kindToken
		}
		return ""
	}
	return kindToken
}

// keyedKind is the kind that the name and the form of the value tell together, ""
// if there is none.
func (t *table) keyedKind(name, v string) string {
	compact := make([]byte, 0, 64)
	for i := range len(name) {
		if alnum[name[i]] {
			compact = append(compact, lower(name[i]))
		}
	}
	for _, k := range t.keyed {
		for _, w := range k.keywords {
			if strings.Contains(string(compact), w) && k.re().MatchString(v) && (k.valid == "" || checks[k.valid](v, v)) {
				return k.id
			}
		}
	}
	return ""
}

// publicData says whether the value is an encoded public key or certificate.
func publicData(v string) bool {
	if strings.HasPrefix(v, "AAAAB3NzaC1") || strings.HasPrefix(v, "AAAAC3NzaC1") || strings.HasPrefix(v, "AAAAE2VjZHNh") || strings.HasPrefix(v, "ssh-") {
		return true
	}
	if !strings.HasPrefix(v, "MI") || len(v) < 64 {
		return false
	}
	// DER: a private key is a sequence that begins with its version, a public one
	// and a certificate with another sequence.
	raw, err := base64.StdEncoding.DecodeString(v[:60])
	if err != nil || raw[0] != 0x30 {
		return false
	}
	at := 2
	if raw[1] > 0x80 {
		at += int(raw[1] & 0x7f)
	}
	return at < len(raw) && raw[at] == 0x30
}

// bootstrapToken recognises what kubeadm join takes.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
func bootstrapToken(v string) bool {
	id, secret, ok := strings.Cut(v, ".")
	return ok && len(id) == 6 && len(secret) == 16 && alnum.all(id+secret) && plausible(secret)
}

// accountKind is the kind of a value that holds a user and a password, as in
// Docker's config.json, npm's _auth and NEO4J_AUTH.
func accountKind(name, v string) string {
	if basic(v) {
		return "docker-auth"
	}
	sep := ":"
	if mentions(name, "neo4j") {
		sep = "/"
	} else if !mentions(name, "basic", "cred") && strings.ToUpper(name) != name {
		return ""
	}
	user, pass, ok := strings.Cut(v, sep)
	if ok && user != "" && dotted.all(user) && literal(pass) && !strings.ContainsAny(pass, " /:") {
		return kindPassword
	}
	return ""
}

// basic says whether the value is user:password in base64, the payload of HTTP
// Basic.
func basic(v string) bool {
	if len(v) < 8 || len(v) > maxValue || !base64std.all(v) {
		return false
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
	if err != nil || slices.ContainsFunc(raw, func(c byte) bool { return c < ' ' || c > '~' }) {
		return false
	}
	user, pass, found := strings.Cut(string(raw), ":")
	return found && user != "" && literal(pass) && strings.Count(pass, " ") < 2
}

// mentions says whether the name contains one of the words, in any case.
func mentions(name string, words ...string) bool {
	name = strings.ToLower(name)
	for _, w := range words {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}
