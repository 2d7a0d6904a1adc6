package secret

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// trust is how much a name proves about the value that is given to it, by the
// kind of file in which it stands.
type trust uint8

const (
	// trustFully: the text is configuration, and whoever asks knows it.
	trustFully trust = iota
	// trustSettings: a file of settings. Literals are credentials unless they are
	// mere words.
	trustSettings
	// trustText: a file of an unknown kind. The value must look like a credential.
	trustText
	// trustCode: program code. It must look so and stand in quotes.
	trustCode
	// trustProse: documentation. Only random values count.
	trustProse
	// trustShapes: binaries, data, translations, tests. Names prove nothing, and
	// neither do weak shapes.
	trustShapes
)

// trustOf judges a file by its path and its first bytes.
func trustOf(name, head string) trust {
	base := name[strings.LastIndexByte(name, '/')+1:]
	if strings.IndexByte(head, 0) >= 0 || generated(base, head) || testData(name) || translation(name, base) {
		return trustShapes
	}
	if strings.Contains(base, "swagger") || strings.Contains(base, "openapi") {
		return trustProse // made of examples
	}
	if t, ok := extensions[extension(base)]; ok {
		return t
	}
	if first, _, _ := strings.Cut(head, "\n"); strings.HasPrefix(first, "#!") && !strings.Contains(first, "sh") {
		return trustCode // a script in Python, Perl, ...
	}
	if i := strings.IndexByte(base, '.'); i <= 0 || strings.HasPrefix(base, ".env") {
		return trustSettings // etc/shadow, .netrc, .env.production, Dockerfile
	}
	return trustText
}

// extension is what follows the last dot, in lower case, of a name that is not
// too long to have one.
func extension(base string) string {
	dot := strings.LastIndexByte(base, '.')
	if dot <= 0 || len(base)-dot > 12 {
		return ""
	}
	return strings.ToLower(base[dot+1:])
}

// extensions are those that tell what a file is for.
var extensions = func() map[string]trust {
	m := map[string]trust{}
	for t, list := range map[trust]string{
		trustSettings: "yaml yml json ini env cfg conf config properties toml xml tf tfvars tfstate hcl netrc npmrc pypirc " +
			"sh bash zsh ksh ps1 bat cmd dockerfile plist settings credentials backup service desktop prefs rc kubeconfig envrc",
		trustCode: "go py js mjs cjs ts jsx tsx java kt scala rb php pl pm c h cc cpp hpp cs fs vb rs swift m mm lua r jl dart " +
			"ex exs erl hs clj groovy gradle sql vue svelte ipynb pyi tcl awk vim el coffee zig nim d f90 s asm proto graphql y l",
		trustProse: "md markdown rst adoc asciidoc html htm xhtml tex texi texinfo info man pod rdoc textile org log eml " +
			"1 2 3 4 5 6 7 8 1p 3p 3pm changelog news readme",
		trustShapes: "po pot mo lock sum map svg css scss less csv tsv xsd dtd wsdl xsl xslt rng xlf xliff ftl resx ts_ strings " +
			"pem crt cer der asc sig snap patch diff arb qm tmx list md5sums dat hyb dic aff ttf afm pdf eps ps bib spdx cdx",
	} {
		for e := range strings.FieldsSeq(list) {
			m[e] = t
		}
	}
	return m
}()

// generated says whether a program wrote the file for programs: minified code,
// lock files, package metadata.
func generated(base, head string) bool {
	switch base {
	case "package-lock.json", "npm-shrinkwrap.json", "composer.lock", "yarn.lock", "pnpm-lock.yaml", "package.json",
		"tsconfig.json", "METADATA", "RECORD", "PKG-INFO", "status", "CHANGELOG", "COPYING", "LICENSE", "AUTHORS", "NEWS", "ChangeLog":
		return true
	}
	if strings.Contains(base, ".min.") || strings.Contains(base, ".bundle.") || strings.HasSuffix(base, ".schema.json") {
		return true
	}
	switch extension(base) {
	case "js", "mjs", "cjs", "css", "html":
		// Nobody writes lines of two thousand characters.
		longest := 0
		for line := range strings.SplitSeq(head, "\n") {
			longest = max(longest, len(line))
		}
		return longest > 2000
	}
	return false
}

// testData says whether the path is one where programs keep what they are tested
// with, or shown by.
func testData(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if testFolders[part] {
			return true
		}
	}
	base := name[strings.LastIndexByte(name, '/')+1:]
	return strings.Contains(base, "_test.") || strings.Contains(base, ".test.") || strings.Contains(base, ".spec.") ||
		strings.HasPrefix(base, "test_") || strings.Contains(base, ".example") || strings.Contains(base, ".sample") || strings.Contains(base, ".template")
}

var testFolders = set("testdata test tests testing __tests__ spec specs fixture fixtures __fixtures__ mock mocks __mocks__ " +
	"example examples sample samples demo demos doc docs man testsuite test-data selftest selftests")

// translation says whether the file holds the texts of a user interface.
func translation(name, base string) bool {
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "locale", "locales", "i18n", "l10n", "lang", "langs", "translations", "LC_MESSAGES", "nls", "_locales":
			return true
		}
	}
	stem, ext, _ := strings.Cut(base, ".")
	return (ext == "properties" || ext == "json") && (strings.HasPrefix(stem, "messages") || strings.HasPrefix(stem, "Messages") ||
		strings.Contains(stem, "Bundle") || strings.HasPrefix(stem, "LocalStrings") || strings.HasPrefix(stem, "Resources_"))
}

// trusts says whether the value of a kind that a name or a place tells is a
// credential in a file of this kind.
func (s *walker) trusts(kind, value string) bool {
	if s.trust == trustFully {
		return true
	}
	if s.trust == trustShapes || dummy(value) {
		return false
	}
	if kind != kindPassword && kind != "connection-string" && kind != "basic-auth-url" {
		switch s.trust {
		case trustSettings:
			return true
		case trustCode:
			return !s.bare && random(value)
		case trustProse:
			return len(value) >= 20 && random(value) && entropy(value) >= 3.5 && kind != "kubernetes-token"
		}
		return random(value)
	}
	url := kind != kindPassword
	switch s.trust {
	case trustSettings:
		return url && len(value) > 3 || mixed(value)
	case trustProse:
		return false
	case trustCode:
		return (url || !s.bare) && strong(value)
	}
	return strong(value)
}

// dummy says whether the value is one that tests and documentation use.
func dummy(v string) bool {
	if samples[v] || strings.Contains(v, `\u`) || strings.Contains(v, `\x`) {
		return true
	}
	if len(v) >= 16 && len(v) < maxValue && base64std.all(v) {
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
		if text := string(raw); err == nil && strings.Count(text, " ") > 1 && !strings.ContainsFunc(text, unicode.IsControl) && utf8.ValidString(text) {
			return true // a sentence
		}
	}
	low := strings.ToLower(v)
	for _, s := range [...]string{"example", "dummy", "sample", "foobar", "fake", "placeholder", "change_me", "changeme", "change-me", "notasecret", "not-a-secret", "insecure"} {
		if strings.Contains(low, s) {
			return true
		}
	}
	return dummies[strings.Trim(low, "0123456789!@#$%^&*._-+?")]
}

var dummies = set("test tests testing testpass testpassword test_password testuser foo bar baz quux mock demo string xxx none todo " +
	"my mypass mypassword mysecret pass passwd password pwd pw secret secretpassword user username abc abcd abcdef asdf qwerty token key value " +
	"the a some any new old hello world p s x y z empty apikey api_key accesskey hunter")

// samples are the credentials of well-known documents.
var samples = set(
	// RFC 5849, 6749, 6750, 7515, 7617
	"0685bd9184jfhq22 ad180jjd733klru7 dpf43f3p2l4k3l03 kd94hf93k423kf44 nnch734d00sl2jdk 9djdj82h48djs9d2 " +
		"2YotnFZFEjr1zCsicMWpAA tGzv3JOkF0XG5Qx2TlKWIA SplxlOBeZQQYbYS6WxSbIA mF_9.B5f-4.1JqM gX1fBat3bV 7Fjfp0ZBr1KtDRbnfVdmIw " +
		"czZCaGRSa3F0MzpnWDFmQmF0M2JW QWxhZGRpbjpvcGVuIHNlc2FtZQ== QWxhZGRpbjpPcGVuU2VzYW1l dXNlcjpwYXNzd29yZA== dXNlcjpwYXNz " +
		"dXNlcm5hbWU6cGFzc3dvcmQ= Zm9vOmJhcg== YWRtaW46YWRtaW4= " +
		// Emulators of Azure's storage and Cosmos DB
		"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw== " +
		"C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw== " +
		// AWS
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY abcd1234 ")

// mixed says whether a password is more than words: a digit or a sign is in it, or
// its letters are no words.
func mixed(v string) bool {
	if len(v) < 6 || strings.Count(v, " ") > 1 || classOf(v) != plain {
		return false
	}
	v = strings.TrimRight(v, "=")
	others, letters := 0, 0
	for i := range len(v) {
		switch c := v[i]; {
		case isAlpha(c):
			letters++
		case c == '_' || c == '-' || c == '.' || c == ' ' || c == '/' || c == ':' || c >= 0x80:
		default:
			others++
		}
	}
	return others > 0 && letters > 0 || others >= 8 && distinct(v) >= 6 || oddChars(v) >= 8
}

// strong says whether a value looks like a password that a program or a careful
// person made: letters of both cases or a sign, digits, and no identifier.
func strong(v string) bool {
	if random(v) {
		return true
	}
	if len(v) < 8 || len(v) > 128 || strings.ContainsAny(v, " /\\(){}[]<>,;|\t") || classOf(v) != plain {
		return false
	}
	var upper, lower, number, sign int
	for i := range len(v) {
		switch c := v[i]; {
		case isUpper(c):
			upper++
		case isLower(c):
			lower++
		case isDigit(c):
			number++
		case strings.IndexByte("!@#$%^&*+=?~", c) >= 0:
			sign++
		}
	}
	return number > 0 && (upper > 0 && lower > 0 && (number > 1 || sign > 0) || upper+lower > 0 && sign > 0)
}

// passwordFile says whether the file is one of PostgreSQL's passwords.
// https://www.postgresql.org/docs/current/libpq-pgpass.html
func passwordFile(name string) bool {
	base := name[strings.LastIndexByte(name, '/')+1:]
	return base == ".pgpass" || base == "pgpass.conf" || base == "pgpass"
}

// pgpass finds the last field of lines of host:port:database:user:password.
func (s *walker) pgpass(text string) {
	at := 0
	for line := range strings.Lines(text) {
		entry := strings.TrimRight(line, "\r\n")
		if i := strings.LastIndexByte(entry, ':'); strings.Count(entry, ":") == 4 && entry[0] != '#' && literal(entry[i+1:]+" ") {
			s.add(kindPassword, at+i+1, at+len(entry))
		}
		at += len(line)
	}
}

// preview is what may be shown of a credential: the prefix that all of its kind
// share and, of a long one, the last two characters, as consoles of providers
// show more than that. Of what people chose nothing is shown.
func preview(secret string, prefix int, chosen bool) string {
	if strings.Contains(secret, "\n") || strings.Contains(secret, `\n`) {
		return Mask
	}
	masked := secret[:min(prefix, 16)] + Mask
	if !chosen && len(secret)-prefix >= 24 {
		masked += secret[len(secret)-2:]
	}
	return masked
}
