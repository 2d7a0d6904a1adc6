// Package secret tells literal credentials from everything else that stands in
// configuration: placeholders, references to a secret store, names, paths.
//
// A credential is recognised in one of two ways. Either its own shape gives it
// away (a provider's prefix, a PEM header, user info in a URL), or the name it
// is given under does (DB_PASSWORD=..., --token ...). A shape is trusted
// anywhere; a name is trusted only when its head noun is a credential and the
// value could really be one. For passwords that is nearly any word, because
// postgres/postgres and changeme are how default installations fall; for keys
// and tokens the value must look random.
//
// What shapes there are is data, in kinds.yaml. The work is one pass over the
// text that looks for all prefixes and names at once; whatever stands around such
// a place is read up to a fixed distance, and only there expressions are tried, so
// the time is linear in the text for any input.
//
// Find, Classify and Redact are for configuration text, Scanner is for files of
// any kind. They differ in what they look at, not in how they judge it: in a
// file, its kind decides what a name proves.
package secret

import "strings"

const (
	// Mask is what Redact writes in place of a credential, whatever its length.
	Mask = "********"

	// maxText is how much of one text Find and Classify read: 1 MiB, the largest
	// ConfigMap that Kubernetes stores. What lies behind it is not looked at.
	maxText = 1 << 20

	// maxValue is the longest value that is judged by its name. Longer
	// credentials (private keys, signed tokens) are known by their shape.
	maxValue = 1024
)

// Match is one credential in a text. Start and End are byte offsets of the
// secret part alone: the password of a URL, not the URL.
type Match struct {
	Kind       string
	Start, End int
}

// Kinds that are decided by a name rather than by the value's own shape. Where
// both apply, the shape says more.
const (
	kindPassword = "password"
	kindToken    = "generic-token"
)

// Classify says what kind of credential the value is, or "" if it is none.
// Name is the key, variable or flag that the value was given under, "" if there
// is none. A value that merely contains a credential (a connection string, a
// list of options) counts as that credential.
func Classify(name, value string) string {
	value = unquote(strings.TrimSpace(value))
	if value == "" {
		return ""
	}
	inside := ""
	for _, m := range Find(value) {
		if inside = m.Kind; !generic(inside) {
			return inside
		}
	}
	if kind := judge(name, value); kind != "" {
		return kind
	}
	return inside
}

// Find returns every credential in a text: a command, an argument list, a
// configuration file, a script. The matches are sorted and do not overlap.
// Only the first MiB of the text is read. Passwords in comments do not count:
// they are examples of what to write.
func Find(text string) []Match { return find(text, false) }

func find(text string, loose bool) []Match {
	if len(text) > maxText {
		text = text[:maxText]
	}
	scanner := NewScanner()
	st := scanner.stream("", int64(len(text)), nil)
	st.loose, st.filter, st.asked = loose, scanner.text, -1
	st.pass(text, 0, len(text))
	if loose {
		st.values(text)
	}
	return matches(st.merge(st.found))
}

func matches(all []found) []Match {
	var out []Match
	for _, f := range all {
		out = append(out, f.Match)
	}
	return out
}

// generic says whether the kind was decided by a name.
func generic(kind string) bool { return kind == kindPassword || kind == kindToken }

// unquote drops one pair of quotes around the value.
func unquote(v string) string {
	if n := len(v); n >= 2 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
		return v[1 : n-1]
	}
	return v
}
