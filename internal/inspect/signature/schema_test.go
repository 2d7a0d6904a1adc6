package signature

import (
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// TestSchema holds the schema for editors against the reader: what one takes, the
// other does, too.
func TestSchema(t *testing.T) {
	f, err := os.Open("../../../docs/reference/policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	s := newDeployment()
	in := memory{"keys/release.pub": publicPEM(keys()[0].public), "keys/qa.pub": publicPEM(keys()[0].public), "root.json": s.trustedRoot(false), "cert.pem": string(certificatePEM(s.authority.Raw))}
	const scope = "scopes:\n- images: ['*']\n  "
	for _, text := range []string{
		full, "default: deny\n", scope + "signature: none\n", scope + "signers: [{certificates: cert.pem, identities: '*'}]\n",
		"scope: []\n", "default: maybe\n", "registries: []\n", "tags: {a:1: sha256:12}\n", "scopes:\n- signature: none\n", "scopes: [a]\n",
		scope + "sbom: all\n", scope + "signers: [{name: a}]\n", scope + "signers: [{issuer: a, subject: b}]\n", scope + "signers: [{certificates: cert.pem}]\n",
		scope + "signers: [{key: keys/qa.pub, issuer: a, subject: b, trusted-root: root.json}]\n", scope + "provenance: {builder: [a]}\n",
	} {
		_, read := parse("p.yaml", []byte(text), in)
		root, err := source.Split([]byte(text))[0].Parse()
		if err != nil {
			t.Fatal(err)
		}
		if valid := schema.Validate(root.Native()); (valid == nil) != (read == nil) {
			t.Errorf("the schema says %v and the reader %v of\n%s", valid, read, text)
		}
	}
	for _, key := range []string{"unsigned-attestations", "subject-regexp", "timestamp-authorities"} {
		if text, err := os.ReadFile("../../../docs/verify.md"); err != nil || !strings.Contains(string(text), key) {
			t.Errorf("docs/verify.md does not tell of %s", key)
		}
	}
}
