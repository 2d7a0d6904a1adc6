package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// Packages below this one that are no format, and what they are.
var noFormats = map[string]string{
	"jsontext": "how the JSON formats are written",
	"sample":   "results for tests",
	"wording":  "what all formats say alike",
}

func TestEveryFormatIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, f := range Formats() {
		if listed[f.Name] {
			t.Errorf("format %s is listed twice", f.Name)
		}
		listed[f.Name] = true
		if !strings.HasPrefix(f.Extension, ".") || f.Description == "" || f.Write == nil {
			t.Errorf("format %s lacks its extension, description or writer", f.Name)
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && noFormats[e.Name()] == "" && !listed[e.Name()] {
			t.Errorf("package %s is not in the list of formats", e.Name())
		}
	}
}

func render(t testing.TB, f Format, r *finding.Result, o Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := f.Write(&out, r, o); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return out.String()
}

// counts are what a reader of a report learns. A field is -1 where the format
// has no way to say it.
type counts struct{ critical, high, medium, low, info, undetermined, suppressed int }

func countsOf(r *finding.Result) counts {
	return counts{
		r.Count(finding.Critical), r.Count(finding.High), r.Count(finding.Medium), r.Count(finding.Low), r.Count(finding.Info),
		len(r.Undetermined), len(r.Suppressed),
	}
}

// readers get the counts out of a report, not from its summary if it has
// entries to count.
var readers = map[string]func(*testing.T, string) counts{
	"terminal": fromTerminal, "json": fromJSON, "sarif": fromSARIF,
	"junit": fromJUnit, "gitlab": fromGitLab, "markdown": fromMarkdown,
}

func TestCountsAreTheSameInEveryFormat(t *testing.T) {
	for name, r := range map[string]*finding.Result{
		"empty": sample.Empty(), "one": sample.One(), "rich": sample.Rich(), "many": sample.Many(500),
	} {
		for _, f := range Formats() {
			if f.Inventory {
				continue // it shows no findings
			}
			want := countsOf(r)
			if f.Name == "gitlab" {
				want.suppressed = -1
			}
			read := readers[f.Name]
			if read == nil {
				t.Fatalf("no reader for format %s", f.Name)
			}
			if got := read(t, render(t, f, r, Options{Suppressed: true})); got != want {
				t.Errorf("%s of %s shows %+v, want %+v", f.Name, name, got, want)
			}
		}
	}
}

// numbers returns the numbers of the line after the first that matches.
func numbers(t *testing.T, text, heading string, skip int) counts {
	t.Helper()
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !regexp.MustCompile(heading).MatchString(line) {
			continue
		}
		var n []int
		for _, digits := range regexp.MustCompile(`\d+`).FindAllString(lines[i+skip], -1) {
			value, _ := strconv.Atoi(digits)
			n = append(n, value)
		}
		if len(n) == 7 {
			return counts{n[0], n[1], n[2], n[3], n[4], n[5], n[6]}
		}
	}
	t.Fatalf("no table of counts in\n%s", text)
	return counts{}
}

func fromTerminal(t *testing.T, text string) counts {
	return numbers(t, text, `^  critical  high`, 1)
}

func fromMarkdown(t *testing.T, text string) counts {
	return numbers(t, text, `^\| critical \| high`, 2)
}

// bySeverity counts under the names that a format gives to severities.
func bySeverity(seen map[string]int, names ...string) counts {
	return counts{critical: seen[names[0]], high: seen[names[1]], medium: seen[names[2]], low: seen[names[3]], info: seen[names[4]]}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

func fromJSON(t *testing.T, text string) counts {
	var d struct{ Findings, Undetermined, Suppressed []struct{ Severity string } }
	decode(t, text, &d)
	seen := map[string]int{}
	for _, f := range d.Findings {
		seen[f.Severity]++
	}
	c := bySeverity(seen, "critical", "high", "medium", "low", "info")
	c.undetermined, c.suppressed = len(d.Undetermined), len(d.Suppressed)
	return c
}

// fromSARIF counts as GitHub does: by the score of the rule.
func fromSARIF(t *testing.T, text string) counts {
	var d struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID         string
						Properties map[string]any
					}
				}
			}
			Invocations []struct {
				ExecutionSuccessful        bool
				ToolExecutionNotifications []struct{ Descriptor struct{ ID string } }
			}
			Results []struct {
				RuleID       string
				RuleIndex    int
				Suppressions []any
			}
		}
	}
	decode(t, text, &d)
	run := d.Runs[0]
	seen, suppressed := map[string]int{}, 0
	for _, r := range run.Results {
		rule := run.Tool.Driver.Rules[r.RuleIndex]
		if rule.ID != r.RuleID {
			t.Errorf("result of %s points at rule %s", r.RuleID, rule.ID)
		}
		if len(r.Suppressions) > 0 {
			suppressed++
			continue
		}
		seen[rule.Properties["security-severity"].(string)]++
	}
	c := bySeverity(seen, "9.5", "8.0", "5.5", "3.0", "0.5")
	c.suppressed = suppressed
	for _, n := range run.Invocations[0].ToolExecutionNotifications {
		if n.Descriptor.ID == "undetermined" {
			c.undetermined++
		}
	}
	if run.Invocations[0].ExecutionSuccessful != (c.undetermined == 0) {
		t.Errorf("execution successful: %v with %d undetermined", run.Invocations[0].ExecutionSuccessful, c.undetermined)
	}
	return c
}

func fromJUnit(t *testing.T, text string) counts {
	type outcome struct {
		Type string `xml:"type,attr"`
	}
	var d struct {
		Suites []struct {
			Cases []struct {
				Failure []outcome `xml:"failure"`
				Error   []outcome `xml:"error"`
				Skipped []outcome `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	var c counts
	for _, s := range d.Suites {
		for _, test := range s.Cases {
			for _, f := range test.Failure {
				seen[f.Type]++
			}
			c.undetermined += len(test.Error)
			c.suppressed += len(test.Skipped)
		}
	}
	failed := bySeverity(seen, "critical", "high", "medium", "low", "info")
	failed.undetermined, failed.suppressed = c.undetermined, c.suppressed
	return failed
}

func fromGitLab(t *testing.T, text string) counts {
	var entries []struct{ Description, Severity string }
	decode(t, text, &entries)
	seen, undetermined := map[string]int{}, 0
	for _, e := range entries {
		if strings.HasPrefix(e.Description, "Not judged: ") {
			undetermined++
			continue
		}
		seen[e.Severity]++
	}
	c := bySeverity(seen, "blocker", "critical", "major", "minor", "info")
	c.undetermined, c.suppressed = undetermined, -1
	return c
}

// A run that judged nothing must not look like one that passed.
func TestNothingJudgedIsSaid(t *testing.T) {
	for _, f := range Formats() {
		if f.Inventory {
			continue
		}
		text := render(t, f, &finding.Result{}, Options{})
		if !regexp.MustCompile(`(?i)nothing was judged|not judged|"checks": 0`).MatchString(text) {
			t.Errorf("%s says nothing about a run that judged nothing:\n%s", f.Name, text)
		}
	}
}

// Nothing that an input holds may reach a terminal, a log or a page as more than
// text.
func TestHostileNamesAreHarmless(t *testing.T) {
	for _, f := range Formats() {
		text := render(t, f, sample.Rich(), Options{Explain: true, Suppressed: true, Command: "holdfast " + sample.Hostile})
		if !utf8.ValidString(text) {
			t.Errorf("%s is not valid UTF-8", f.Name)
		}
		for _, r := range text {
			if r != '\n' && wording.Hidden(r) {
				t.Errorf("%s holds the character %U", f.Name, r)
				break
			}
		}
	}
}

func TestOutputIsDeterministic(t *testing.T) {
	for _, f := range Formats() {
		o := Options{Color: true, Width: 80, Explain: true, Suppressed: true}
		if render(t, f, sample.Rich(), o) != render(t, f, sample.Rich(), o) {
			t.Errorf("%s differs from run to run", f.Name)
		}
	}
}

func TestWriterErrorsAreReturned(t *testing.T) {
	for _, f := range Formats() {
		for _, room := range []int{0, 70_000} {
			w := &small{room: room}
			if err := f.Write(w, sample.Many(2000), Options{}); err == nil && w.room < 0 {
				t.Errorf("%s hides that the disk is full after %d bytes", f.Name, room)
			}
		}
	}
}

// small is a disk that fills up.
type small struct{ room int }

func (s *small) Write(p []byte) (int, error) {
	if s.room -= len(p); s.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func BenchmarkFormats(b *testing.B) {
	r := sample.Many(50_000)
	for _, f := range Formats() {
		b.Run(f.Name, func(b *testing.B) {
			for b.Loop() {
				if err := f.Write(io.Discard, r, Options{Width: 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
