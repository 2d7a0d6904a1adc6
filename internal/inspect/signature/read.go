package signature

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// The bounds on a policy and the files that it names.
const (
	maxPolicy    = 4 << 20
	maxErrors    = 20
	maxStoreSize = 1000
)

// Error is what is wrong with a policy or a lock file, at a place in it.
type Error struct {
	Place  source.Place
	Reason string
}

func (e *Error) Error() string { return e.Place.String() + ": " + e.Reason }

// Load reads a policy, its keys and certificates, and its lock file. Paths in it
// are relative to its folder. Its error names everything that is wrong.
func Load(file string) (*Policy, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the policy %s: %w", file, err)
	}
	dir := filepath.Dir(file)
	resolve := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, filepath.FromSlash(name))
	}
	p, err := parse(file, text, disk{resolve})
	if err != nil {
		return nil, err
	}
	if p.Lock != "" {
		p.Lock = resolve(p.Lock)
		return p, p.readLock()
	}
	return p, nil
}

// disk is where a policy's keys and certificates are.
type disk struct{ resolve func(string) string }

// read returns the contents of a file, or of the files of a folder.
func (d disk) read(name string) ([][]byte, error) {
	name = d.resolve(name)
	info, err := os.Stat(name)
	if err != nil {
		return nil, cause(err)
	}
	files := []string{name}
	if info.IsDir() {
		entries, err := os.ReadDir(name)
		if err != nil {
			return nil, cause(err)
		}
		files = files[:0]
		for _, e := range entries[:min(len(entries), maxStoreSize)] {
			if !e.IsDir() {
				files = append(files, filepath.Join(name, e.Name()))
			}
		}
	}
	var out [][]byte
	for _, file := range files {
		text, err := readFile(file)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPolicy+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("it is larger than %d MiB", maxPolicy>>20)
	}
	return text, nil
}

// cause takes the path out of an error: the caller names it.
func cause(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// files hands out what a policy names by path.
type files interface {
	read(name string) ([][]byte, error)
}

// reader reads one policy and collects what is wrong.
type reader struct {
	file  string
	files files
	errs  []error
}

func (r *reader) errorf(at source.Position, format string, args ...any) {
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, &Error{source.Place{File: r.file, Position: at}, fmt.Sprintf(format, args...)})
	}
}

// document reads the one document of a file; nil if it is empty.
func (r *reader) document(text []byte) *source.Node {
	docs := source.Split(text)
	if len(docs) == 0 {
		return nil
	}
	if len(docs) > 1 {
		r.errorf(source.Position{Line: docs[1].Line, Column: 1}, "the file is one YAML document, and here starts a second one")
		return nil
	}
	root, err := docs[0].Parse()
	var syntax *source.SyntaxError
	if errors.As(err, &syntax) {
		r.errorf(syntax.Position, "it is not valid YAML: %s", syntax.Reason)
		return nil
	}
	return root
}

// parse reads the text of a policy.
func parse(file string, text []byte, in files) (*Policy, error) {
	r := &reader{file: file, files: in}
	p := &Policy{File: file, Tags: map[string]string{}}
	root := r.document(text)
	if root == nil && len(r.errs) == 0 {
		r.errorf(source.Position{Line: 1, Column: 1}, `the policy is empty: write at least "default: deny"`)
	}
	if root != nil {
		r.policy(p, root)
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// fields calls the function of each key of a mapping, and refuses others.
func (r *reader) fields(what string, n *source.Node, known map[string]func(*source.Node)) {
	if n.Kind != source.Map {
		r.errorf(n.Position, "%s is a mapping, not %s", what, describe(n))
		return
	}
	seen := map[string]bool{}
	for _, pair := range n.Pairs {
		key := pair.Key.Value
		read, ok := known[key]
		switch {
		case !ok:
			r.unknown(pair.Key, what, known)
		case seen[key]:
			r.errorf(pair.Key.Position, "%s has %q twice", what, key)
		case pair.Value.Kind == source.Null:
			r.errorf(pair.Key.Position, "%q has no value: give it one, or take it out", key)
		default:
			read(pair.Value)
		}
		seen[key] = true
	}
}

func (r *reader) unknown(key *source.Node, what string, known map[string]func(*source.Node)) {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if distance(key.Value, name) <= 2 {
			r.errorf(key.Position, "%s has no %q: did you mean %q?", what, clip(key.Value), name)
			return
		}
	}
	r.errorf(key.Position, "%s has no %q: the keys are %s", what, clip(key.Value), strings.Join(names, ", "))
}

func describe(n *source.Node) string {
	switch {
	case n.Kind == source.Map:
		return "a mapping"
	case n.Kind == source.List:
		return "a list"
	case n.Kind == source.Null || n.Value == "":
		return "nothing"
	}
	return fmt.Sprintf("%q", clip(n.Value))
}

// clip shortens what a message repeats of a text that is not ours.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 120 {
		return string(runes[:120]) + "..."
	}
	return text
}

func (r *reader) word(what string, n *source.Node) string {
	if n.Kind == source.Map || n.Kind == source.List || n.Value == "" {
		r.errorf(n.Position, "%s is a word, not %s", what, describe(n))
		return ""
	}
	return n.Value
}

// choice reads one of some words.
func (r *reader) choice(what string, n *source.Node, words ...string) string {
	word := r.word(what, n)
	if word != "" && !slices.Contains(words, word) {
		r.errorf(n.Position, "%s is one of %s, not %q", what, strings.Join(words, ", "), clip(word))
	}
	return word
}

// words reads a list of words; one word alone is a list of it.
func (r *reader) words(what string, n *source.Node, check func(string) error) []string {
	items := n.Items
	if n.Kind != source.List {
		items = []*source.Node{n}
	}
	if len(items) == 0 {
		r.errorf(n.Position, "%s is empty: name something, or take it out", what)
	}
	var out []string
	for _, item := range items {
		word := r.word("an entry of "+what, item)
		if word == "" {
			continue
		}
		if check != nil {
			if err := check(word); err != nil {
				r.errorf(item.Position, "%v", err)
				continue
			}
		}
		out = append(out, strings.TrimSuffix(word, "/"))
	}
	return out
}

func (r *reader) flag(what string, n *source.Node) bool {
	b, ok := n.Bool()
	if !ok {
		r.errorf(n.Position, "%s is true or false, not %s", what, describe(n))
	}
	return b
}

func (r *reader) list(what string, n *source.Node, read func(*source.Node)) {
	if n.Kind != source.List {
		r.errorf(n.Position, "%s is a list, not %s", what, describe(n))
		return
	}
	for _, item := range n.Items {
		read(item)
	}
}

var pattern = regexp.MustCompile(`^(\*|(\*\.)?[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*/?)$`)

func checkPattern(text string) error {
	if strings.Contains(text, "://") {
		return fmt.Errorf("%q has a scheme: write only the host and, if need be, a path", clip(text))
	}
	if !pattern.MatchString(text) || len(text) > 255 {
		return fmt.Errorf(`%q is no registry or path in one: write a host and, if need be, a path, such as ghcr.io/acme; "*." at the start stands for any subdomain, "*" alone for everything`, clip(text))
	}
	if host, _, _ := strings.Cut(text, "/"); text != "*" && !strings.ContainsAny(host, ".:") && host != "localhost" {
		return fmt.Errorf("%q has no host: write docker.io/library/debian for debian", clip(text))
	}
	return nil
}

// checkURI refuses wildcards where they would match more than people think.
func checkURI(text string) error {
	body, ok := strings.CutSuffix(text, "*")
	if strings.Contains(body, "*") || ok && !strings.HasSuffix(body, "/") && !strings.HasSuffix(body, "@") {
		return fmt.Errorf(`%q: a "*" stands at the end, behind "/" or "@"`, clip(text))
	}
	return nil
}

func (r *reader) policy(p *Policy, n *source.Node) {
	p.Deny = true
	r.fields("the policy", n, map[string]func(*source.Node){
		"default":    func(n *source.Node) { p.Deny = r.choice("default", n, "deny", "allow") != "allow" },
		"registries": func(n *source.Node) { p.Registries = r.words("registries", n, checkPattern) },
		"lock":       func(n *source.Node) { p.Lock = r.word("lock", n) },
		"tags":       func(n *source.Node) { r.tags(p.Tags, n) },
		"scopes": func(n *source.Node) {
			r.list("scopes", n, func(n *source.Node) { p.Scopes = append(p.Scopes, r.scope(n)) })
		},
	})
	seen := map[string]bool{}
	for _, scope := range p.Scopes {
		for _, image := range scope.Images {
			if seen[image] {
				r.errorf(n.Place("scopes"), "two scopes name %q: which one holds cannot be told", image)
			}
			seen[image] = true
		}
	}
}

var digestText = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// tags reads recorded digests of tags.
func (r *reader) tags(into map[string]string, n *source.Node) {
	if n.Kind != source.Map {
		r.errorf(n.Position, "tags is a mapping of references to digests, not %s", describe(n))
		return
	}
	for _, pair := range n.Pairs {
		ref, digest := pair.Key.Value, pair.Value.Text()
		i := strings.LastIndexByte(ref, ':')
		switch {
		case i <= strings.LastIndexByte(ref, '/') || strings.Contains(ref, "@"):
			r.errorf(pair.Key.Position, "%q names no tag: write registry/repository:tag", clip(ref))
		case !digestText.MatchString(digest):
			r.errorf(pair.Value.Position, "%s is no digest: write sha256: and 64 hexadecimal digits", describe(pair.Value))
		default:
			into[repository(ref)+ref[i:]] = digest
		}
	}
}

func (r *reader) scope(n *source.Node) Scope {
	s := Scope{}
	r.fields("a scope", n, map[string]func(*source.Node){
		"images": func(n *source.Node) { s.Images = r.words("images", n, checkPattern) },
		"signers": func(n *source.Node) {
			r.list("signers", n, func(n *source.Node) { s.Signers = append(s.Signers, r.signer(n)) })
		},
		"signature":             func(n *source.Node) { s.Signature = r.choice("signature", n, "any", "all", "none") },
		"provenance":            func(n *source.Node) { r.provenance(&s, n) },
		"sbom":                  func(n *source.Node) { s.SBOM = r.choice("sbom", n, "any", "spdx", "cyclonedx") },
		"unsigned-attestations": func(n *source.Node) { s.Unsigned = r.choice("unsigned-attestations", n, "count", "ignore") == "count" },
		"bases":                 func(n *source.Node) { s.Bases = r.words("bases", n, checkPattern) },
	})
	if n.Kind != source.Map {
		return s
	}
	if !n.Has("images") {
		r.errorf(n.Position, `the scope has no "images": name registries or paths, or "*" for everything`)
	}
	if s.Signature == "" {
		s.Signature = "none"
		if len(s.Signers) > 0 {
			s.Signature = "any"
		}
	}
	if len(s.Signers) == 0 && s.Signature != "none" {
		r.errorf(n.Place("signature"), "signature is %q and the scope has no signers: name whom you trust", s.Signature)
	}
	if len(s.Signers) == 0 && !s.Unsigned && (s.Provenance || s.SBOM != "") {
		r.errorf(n.Position, `the scope asks for attestations and has no signers: name whom you trust, or write "unsigned-attestations: count"`)
	}
	for i, signer := range s.Signers {
		if slices.ContainsFunc(s.Signers[:i], func(other Signer) bool { return other.Name == signer.Name }) {
			r.errorf(n.Place("signers"), "two signers are called %q: give each a name of its own", clip(signer.Name))
		}
	}
	return s
}

func (r *reader) provenance(s *Scope, n *source.Node) {
	if n.Kind == source.Bool {
		s.Provenance = r.flag("provenance", n)
		return
	}
	s.Provenance = true
	r.fields("provenance", n, map[string]func(*source.Node){
		"builders": func(n *source.Node) { s.Builders = r.uris("builders", n) },
		"sources":  func(n *source.Node) { s.Sources = r.uris("sources", n) },
	})
}

// uris reads patterns of URIs; unlike others they may end in "/".
func (r *reader) uris(what string, n *source.Node) []string {
	out := r.words(what, n, checkURI)
	for i, item := range n.Items {
		if i < len(out) {
			out[i] = item.Value
		}
	}
	return out
}

// signer reads one of the three kinds.
func (r *reader) signer(n *source.Node) Signer {
	s := Signer{}
	notation := &Notation{}
	var issuer, subject, expression string
	certificates := func(what string, into *[]*x509.Certificate) func(*source.Node) {
		return func(n *source.Node) {
			s.Notation = notation
			for _, name := range r.words(what, n, nil) {
				*into = append(*into, r.certificates(n.Position, name)...)
			}
		}
	}
	r.fields("a signer", n, map[string]func(*source.Node){
		"name":           func(n *source.Node) { s.Name = r.word("name", n) },
		"key":            func(n *source.Node) { s.Key = r.key(n) },
		"issuer":         func(n *source.Node) { issuer = r.word("issuer", n) },
		"subject":        func(n *source.Node) { subject = r.word("subject", n) },
		"subject-regexp": func(n *source.Node) { expression = r.expression(n) },
		"trusted-root": func(n *source.Node) {
			s.Keyless = &Keyless{Root: r.trustedRoot(n)}
		},
		"certificates":          certificates("certificates", &notation.CA),
		"signing-authorities":   certificates("signing-authorities", &notation.SigningAuthority),
		"timestamp-authorities": certificates("timestamp-authorities", &notation.TSA),
		"identities":            func(n *source.Node) { notation.Identities = r.words("identities", n, checkIdentity) },
	})
	if n.Kind != source.Map {
		return s
	}
	keyless := s.Keyless != nil || issuer+subject+expression != ""
	store := s.Notation != nil || notation.Identities != nil
	if kinds := count(n.Has("key"), keyless, store); kinds != 1 {
		r.errorf(n.Position, "a signer is one of: a key; issuer, subject and trusted-root; certificates and identities")
		return s
	}
	switch {
	case keyless && (issuer == "" || subject == "" && expression == "" || s.Keyless == nil):
		r.errorf(n.Position, "a keyless signer needs issuer, subject or subject-regexp, and trusted-root")
	case keyless:
		identity, err := verify.NewShortCertificateIdentity(issuer, "", subject, expression)
		if err != nil {
			r.errorf(n.Position, "the identity cannot be used: %v", err)
		}
		s.Keyless.Identity = identity
	case store && (len(notation.CA)+len(notation.SigningAuthority) == 0 || len(notation.Identities) == 0):
		r.errorf(n.Position, `a signer with certificates needs certificates or signing-authorities, and identities ("x509.subject: ..." or "*")`)
	case store:
		if _, err := s.Notation.verifier(); err != nil {
			r.errorf(n.Place("identities"), "the trust policy cannot be used: %v", err)
		}
	}
	if s.Name == "" {
		s.Name = cmp.Or(n.Text("key"), subject, n.Text("subject-regexp"), strings.Join(notation.Identities, ", "))
	}
	return s
}

func count(flags ...bool) (n int) {
	for _, flag := range flags {
		if flag {
			n++
		}
	}
	return n
}

func checkIdentity(text string) error {
	if text != "*" && !strings.HasPrefix(text, "x509.subject:") {
		return fmt.Errorf(`%q is no identity: write "x509.subject: C=..., ST=..., O=...", or "*" for whoever has a certificate`, clip(text))
	}
	return nil
}

// expression reads a regular expression, which has to match the whole subject.
func (r *reader) expression(n *source.Node) string {
	text := r.word("subject-regexp", n)
	if _, err := regexp.Compile(text); err != nil {
		r.errorf(n.Position, "subject-regexp is no regular expression: %v", err)
		return ""
	}
	if text == "" {
		return ""
	}
	return "^(?:" + text + ")$"
}

// one reads one file that the policy names.
func (r *reader) one(n *source.Node, what string) []byte {
	name := r.word(what, n)
	if name == "" {
		return nil
	}
	texts, err := r.files.read(name)
	if err == nil && len(texts) != 1 {
		err = errors.New("it is a folder")
	}
	if err != nil {
		r.errorf(n.Position, "reading the %s %s: %v", what, clip(name), err)
		return nil
	}
	return texts[0]
}

func (r *reader) key(n *source.Node) crypto.PublicKey {
	text := r.one(n, "key")
	if text == nil {
		return nil
	}
	key, err := parseKey(text)
	if err != nil {
		r.errorf(n.Position, "the key %s: %v", clip(n.Value), err)
	}
	return key
}

// parseKey reads a public key as PEM.
func parseKey(text []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is no PEM file")
	}
	var key crypto.PublicKey
	var err error
	switch {
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return nil, errors.New("it is a private key: name the public one, such as cosign.pub, and keep this one where nobody else reads it")
	case block.Type == "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case block.Type == "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	default:
		return nil, fmt.Errorf("it is a %s, not a public key", clip(block.Type))
	}
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return nil, fmt.Errorf("an RSA key of %d bits can be broken: use one of at least 2048", key.N.BitLen())
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return nil, fmt.Errorf("keys of type %T are not known: use ECDSA, RSA or Ed25519", key)
	}
	return key, nil
}

// certificates reads those of a file or of a folder, PEM or DER.
func (r *reader) certificates(at source.Position, name string) []*x509.Certificate {
	texts, err := r.files.read(name)
	if err != nil {
		r.errorf(at, "reading the certificates %s: %v", clip(name), err)
		return nil
	}
	var out []*x509.Certificate
	for _, text := range texts {
		certs, err := parseCertificates(text)
		if err != nil {
			r.errorf(at, "reading the certificates %s: %v", clip(name), err)
			return nil
		}
		out = append(out, certs...)
	}
	if len(out) == 0 {
		r.errorf(at, "there is no certificate in %s", clip(name))
	}
	return out
}

func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	if block, _ := pem.Decode(text); block == nil {
		return x509.ParseCertificates(text)
	}
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return out, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("there is a %s among the certificates", clip(block.Type))
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if !cert.IsCA && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) != nil {
			return nil, fmt.Errorf("the certificate of %s is neither of an authority nor self-signed", clip(cert.Subject.String()))
		}
		out = append(out, cert)
	}
}

func (r *reader) trustedRoot(n *source.Node) root.TrustedMaterial {
	text := r.one(n, "trusted-root")
	if text == nil {
		return nil
	}
	var trusted *root.TrustedRoot
	err := guarded(func() (err error) {
		trusted, err = root.NewTrustedRootFromJSON(text)
		return err
	})
	switch {
	case err != nil:
		r.errorf(n.Position, "the trusted root %s: %v", clip(n.Value), err)
	case len(trusted.FulcioCertificateAuthorities()) == 0:
		r.errorf(n.Position, "the trusted root %s names no certificate authority", clip(n.Value))
	case len(trusted.RekorLogs()) == 0 && len(trusted.TimestampingAuthorities()) == 0:
		r.errorf(n.Position, "the trusted root %s names neither a transparency log nor a timestamp authority: when a signature was made could not be told", clip(n.Value))
	default:
		return trusted
	}
	return nil
}

// guarded turns a panic of a library over hostile input into an error.
func guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the library gave up: %v", r)
		}
	}()
	return do()
}
