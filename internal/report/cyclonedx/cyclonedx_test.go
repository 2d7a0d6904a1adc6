package cyclonedx

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t testing.TB, r *finding.Result, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func results() map[string]*finding.Result {
	return map[string]*finding.Result{"nothing": {}, "empty": sample.Empty(), "image": sample.Image(), "images": sample.Images()}
}

func TestGolden(t *testing.T) {
	for name, r := range results() {
		if name != "empty" {
			sample.Compare(t, "testdata/"+name+".json", render(t, r, Options{Version: "1.2.3"}), *update)
		}
	}
}

// official compiles the schema of CycloneDX 1.6, which comes with its library.
func official(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatalf("looking for the library: %v", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(dir)), "schema")
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schemax.json"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		// The library's copy of a name differs from the name that is referred to.
		name = strings.ReplaceAll(name, "schemax", "schema")
		if err := compiler.AddResource("http://cyclonedx.org/schema/"+name, document); err != nil {
			t.Fatal(err)
		}
	}
	compiler.AssertFormat()
	compiled, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func TestOfficialSchema(t *testing.T) {
	compiled := official(t)
	for name, r := range results() {
		for _, o := range []Options{{}, {Version: "1.2.3", Created: time.Date(2026, 3, 14, 15, 9, 26, 5, time.FixedZone("", 3600))}} {
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(render(t, r, o)))
			if err != nil {
				t.Fatal(err)
			}
			if err := compiled.Validate(document); err != nil {
				t.Errorf("%s does not follow the schema: %v", name, err)
			}
			document.(map[string]any)["specVersion"] = 16
			if compiled.Validate(document) == nil {
				t.Error("the schema accepts a specVersion that is a number")
			}
		}
	}
}

func TestReferences(t *testing.T) {
	for name, r := range results() {
		var bom cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(render(t, r, Options{})), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		known := map[string]bool{}
		if bom.Metadata.Component != nil {
			known[bom.Metadata.Component.BOMRef] = true
		}
		for _, c := range *bom.Components {
			if known[c.BOMRef] {
				t.Errorf("%s: the reference %q is given twice", name, c.BOMRef)
			}
			known[c.BOMRef] = true
		}
		for _, d := range *bom.Dependencies {
			for _, ref := range append(*d.Dependencies, d.Ref) {
				if !known[ref] {
					t.Errorf("%s: nothing is called %q", name, ref)
				}
			}
		}
		if bom.Vulnerabilities != nil {
			for _, v := range *bom.Vulnerabilities {
				for _, a := range *v.Affects {
					if !known[a.Ref] {
						t.Errorf("%s: %s affects %q, which is not there", name, v.ID, a.Ref)
					}
				}
			}
		}
	}
}

func TestSerialFollowsTheContent(t *testing.T) {
	serial := func(r *finding.Result, o Options) string {
		var bom struct{ SerialNumber string }
		if err := json.Unmarshal(render(t, r, o), &bom); err != nil {
			t.Fatal(err)
		}
		return bom.SerialNumber
	}
	one := serial(sample.Image(), Options{})
	if again := serial(sample.Image(), Options{}); again != one {
		t.Errorf("the same content is %s and %s", one, again)
	}
	other := sample.Image()
	other.Inventories[0].Packages[0].Version = "4"
	if changed := serial(other, Options{}); changed == one {
		t.Error("another version of a package has the same serial number")
	}
}

func TestWriterErrorIsReturned(t *testing.T) {
	if err := Write(full{}, sample.Images(), Options{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v, want the writer's", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
