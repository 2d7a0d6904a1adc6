package spdx

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"

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

// The schema of SPDX comes with no library; the validator of SPDX's own one
// checks identifiers and relationships, and what else the schema demands of the
// parts that are written here is checked by hand.
func TestDocumentsAreValid(t *testing.T) {
	identifier := regexp.MustCompile(`^[a-zA-Z0-9.-]+$`)
	created := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	word := regexp.MustCompile(`^(NOASSERTION|[()]*[A-Za-z0-9.+-]+[()]*)$`)
	for name, r := range results() {
		for _, o := range []Options{{}, {Version: "1.2.3", Created: time.Date(2026, 3, 14, 15, 9, 26, 5, time.FixedZone("", 3600))}} {
			doc, err := json.Read(bytes.NewReader(render(t, r, o)))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := spdxlib.ValidateDocument(doc); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if doc.SPDXVersion != "SPDX-2.3" || doc.DataLicense != "CC0-1.0" || doc.DocumentName == "" ||
				!strings.HasPrefix(doc.DocumentNamespace, "https://") || strings.Contains(doc.DocumentNamespace, "#") {
				t.Errorf("%s: the head is %+v", name, doc)
			}
			if !created.MatchString(doc.CreationInfo.Created) || len(doc.CreationInfo.Creators) != 1 {
				t.Errorf("%s: the creation is %+v", name, doc.CreationInfo)
			}
			seen := map[string]bool{}
			for _, p := range doc.Packages {
				id := string(p.PackageSPDXIdentifier)
				if seen[id] || !identifier.MatchString(id) || p.PackageName == "" || p.PackageDownloadLocation == "" {
					t.Errorf("%s: the package %q is not as it must be", name, id)
				}
				seen[id] = true
				for _, part := range strings.Fields(p.PackageLicenseDeclared) {
					if !word.MatchString(part) {
						t.Errorf("%s: %s declares the licence %q", name, p.PackageName, p.PackageLicenseDeclared)
					}
				}
				for _, ref := range p.PackageExternalReferences {
					if ref.Locator == "" || strings.ContainsAny(ref.Locator, " \n") {
						t.Errorf("%s: %s refers to %q", name, p.PackageName, ref.Locator)
					}
				}
			}
			for _, l := range doc.OtherLicenses {
				if !strings.HasPrefix(l.LicenseIdentifier, "LicenseRef-") || l.ExtractedText == "" {
					t.Errorf("%s: the licence %+v", name, l)
				}
			}
		}
	}
}

func TestLicenses(t *testing.T) {
	tests := []struct {
		name, want string
		compound   bool
	}{
		{"MIT", "MIT", false},
		{"mit", "MIT", false},
		{"Expat", "MIT", false},
		{"GPL-2+", "GPL-2.0-or-later", false},
		{"GPLv2+", "GPL-2.0-or-later", false},
		{"MIT OR Apache-2.0", "MIT OR Apache-2.0", true},
		{"(MIT or Apache-2.0) and BSD-3-Clause", "(MIT OR Apache-2.0) AND BSD-3-Clause", true},
		{"MIT Apache-2.0", "", false},
		{"MIT OR", "", false},
		{"OR MIT", "", false},
		{"(MIT", "", false},
		{")MIT(", "", false},
		{"()", "", false},
		{"nobody knows", "", false},
		{"", "", false},
	}
	for _, test := range tests {
		if got, compound := License(test.name); got != test.want || compound != test.compound {
			t.Errorf("%q is %q (%v), want %q", test.name, got, compound, test.want)
		}
	}
}

func TestNamespaceFollowsTheContent(t *testing.T) {
	line := regexp.MustCompile(`"documentNamespace": "[^"]+"`)
	one := line.Find(render(t, sample.Image(), Options{}))
	if again := line.Find(render(t, sample.Image(), Options{})); !bytes.Equal(one, again) {
		t.Errorf("the same content is %s and %s", one, again)
	}
	if other := line.Find(render(t, sample.Images(), Options{})); bytes.Equal(one, other) {
		t.Error("other content has the same namespace")
	}
}

func TestWriterErrorIsReturned(t *testing.T) {
	if err := Write(full{}, sample.Images(), Options{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v, want the writer's", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func FuzzLicense(f *testing.F) {
	f.Add("(MIT or Apache-2.0) and BSD-3-Clause")
	f.Fuzz(func(t *testing.T, name string) {
		expression, _ := License(name)
		if again, _ := License(expression); again != expression {
			t.Fatalf("%q is %q, and that is %q", name, expression, again)
		}
	})
}
