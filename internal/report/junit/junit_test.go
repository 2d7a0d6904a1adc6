package junit

import (
	"bytes"
	"encoding/xml"
	"flag"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t testing.TB, r *finding.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	for name, r := range map[string]*finding.Result{
		"nothing": {}, "empty": sample.Empty(), "rich": sample.Rich(),
	} {
		sample.Compare(t, "testdata/"+name+".xml", render(t, r), *update)
	}
}

type parsed struct {
	XMLName xml.Name      `xml:"testsuites"`
	Tests   int           `xml:"tests,attr"`
	Failed  int           `xml:"failures,attr"`
	Errors  int           `xml:"errors,attr"`
	Skipped int           `xml:"skipped,attr"`
	Suites  []parsedSuite `xml:"testsuite"`
}

type parsedSuite struct {
	Name    string `xml:"name,attr"`
	Tests   int    `xml:"tests,attr"`
	Failed  int    `xml:"failures,attr"`
	Errors  int    `xml:"errors,attr"`
	Skipped int    `xml:"skipped,attr"`
	Cases   []struct {
		Name    string    `xml:"name,attr"`
		Class   string    `xml:"classname,attr"`
		Failure *struct{} `xml:"failure"`
		Error   *struct{} `xml:"error"`
		Skipped *struct{} `xml:"skipped"`
	} `xml:"testcase"`
}

// Servers trust the attributes or count the tests; both have to agree, and no two
// tests may have one name, as they would be taken for one.
func TestAttributesCountTheTests(t *testing.T) {
	for _, r := range []*finding.Result{{}, sample.Empty(), sample.One(), sample.Rich(), sample.Many(300)} {
		var d parsed
		if err := xml.Unmarshal(render(t, r), &d); err != nil {
			t.Fatal(err)
		}
		var sum parsedSuite
		seen := map[[2]string]bool{}
		for _, s := range d.Suites {
			var got parsedSuite
			for _, c := range s.Cases {
				got.Tests++
				switch {
				case c.Failure != nil:
					got.Failed++
				case c.Error != nil:
					got.Errors++
				case c.Skipped != nil:
					got.Skipped++
				}
				if name := [2]string{c.Class, c.Name}; seen[name] {
					t.Errorf("there are two tests %q", name)
				} else {
					seen[name] = true
				}
			}
			if got.Tests != s.Tests || got.Failed != s.Failed || got.Errors != s.Errors || got.Skipped != s.Skipped {
				t.Errorf("suite %s has %+v", s.Name, got)
			}
			sum.Tests, sum.Failed, sum.Errors, sum.Skipped = sum.Tests+s.Tests, sum.Failed+s.Failed, sum.Errors+s.Errors, sum.Skipped+s.Skipped
		}
		if sum.Tests != d.Tests || sum.Failed != d.Failed || sum.Errors != d.Errors || sum.Skipped != d.Skipped {
			t.Errorf("all suites have %+v, the report %d tests, %d failed, %d errors, %d skipped", sum, d.Tests, d.Failed, d.Errors, d.Skipped)
		}
		if d.Tests == 0 {
			t.Error("a report without a test is taken for a mistake")
		}
	}
}

func TestCharactersThatXMLCannotHold(t *testing.T) {
	r := sample.One()
	r.Findings[0].Message = "a\x00b\x0bc\ufffed\xffe]]></failure><x"
	text := render(t, r)
	var d parsed
	if err := xml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if want := `a\x00b\x0bc\ufffed\xffe]]&gt;&lt;/failure&gt;&lt;x`; !strings.Contains(string(text), want) {
		t.Errorf("the message is not shown as %s:\n%s", want, text)
	}
}
