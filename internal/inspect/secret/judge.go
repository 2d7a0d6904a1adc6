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
	case bootstrapToken(v):
		return "kubernetes-token"
	case strings.ContainsAny(v, " \t\n,;(){}<>\"'") || !random(v):
		optionName := strings.Contains(v, ".") && classOf(v) != plain // SECRET_KEY: 'system.secret-key'
		if len(v) >= 6 && !prose(v) && !optionName && chosen(name) {
			return kindToken
		}
		return ""
	case len(v) == 88 && strings.HasSuffix(v, "==") && base64std.all(v):
		// 512 bits: https://learn.microsoft.com/azure/storage/common/storage-account-keys-manage
		return "azure-storage-key"
	case len(v) == 44 && strings.HasSuffix(v, "=") && mentions(name, "sharedaccesskey"):
		// https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
		return "azure-connection-string"
	case len(v) == 40 && base64std.all(v) && mentions(name, "aws", "secretaccesskey", "secret_access_key", "secret-access-key"):
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
		return "aws-secret-key"
	}
	return kindToken
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
	return found && user != "" && literal(pass)
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
