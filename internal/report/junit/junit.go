// Package junit writes the XML that build servers read as test results: a suite
// for each file, a failed test for each finding, a test in error for what could
// not be judged, a skipped test for what is suppressed.
package junit

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"io"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// maxText bounds each text that comes from an input.
const maxText = 2000

// suite is the results about one file.
type suite struct {
	file                       string
	failed, errors, suppressed []*finding.Finding
}

// Write renders the result.
func Write(w io.Writer, r *finding.Result) error {
	x := &writer{bufio.NewWriterSize(w, 1<<16)}
	suites := suitesOf(r)
	x.WriteString(xml.Header)
	if len(suites) == 0 {
		x.alone(r)
		return x.Flush()
	}
	x.open("testsuites", "holdfast", len(r.Findings)+len(r.Undetermined)+len(r.Suppressed), len(r.Findings), len(r.Undetermined), len(r.Suppressed))
	for i, s := range suites {
		if i > 0 {
			x.suite(s, nil)
			continue
		}
		x.suite(s, r.Advisories)
	}
	x.WriteString("</testsuites>\n")
	return x.Flush()
}

// suitesOf sorts the results by file, in the order in which files appear.
func suitesOf(r *finding.Result) []*suite {
	var suites []*suite
	byFile := map[string]*suite{}
	suiteOf := func(f *finding.Finding) *suite {
		file := f.Place.File
		s := byFile[file]
		if s == nil {
			s = &suite{file: wording.File(f.Place)}
			byFile[file] = s
			suites = append(suites, s)
		}
		return s
	}
	for i := range r.Findings {
		s := suiteOf(&r.Findings[i])
		s.failed = append(s.failed, &r.Findings[i])
	}
	for i := range r.Undetermined {
		s := suiteOf(&r.Undetermined[i])
		s.errors = append(s.errors, &r.Undetermined[i])
	}
	for i := range r.Suppressed {
		s := suiteOf(&r.Suppressed[i])
		s.suppressed = append(s.suppressed, &r.Suppressed[i])
	}
	return suites
}

// writer writes XML and keeps the first error until the flush.
type writer struct{ *bufio.Writer }

func (x *writer) open(element, name string, tests, failures, errors, skipped int) {
	x.WriteString("<" + element)
	x.attribute("name", name)
	x.attribute("tests", strconv.Itoa(tests))
	x.attribute("failures", strconv.Itoa(failures))
	x.attribute("errors", strconv.Itoa(errors))
	x.attribute("skipped", strconv.Itoa(skipped))
	x.WriteString(">\n")
}

func (x *writer) attribute(name, value string) {
	x.WriteString(" " + name + `="`)
	x.text(value)
	x.WriteByte('"')
}

// text escapes. Characters that XML has no way to hold were made visible before
// or become U+FFFD here.
func (x *writer) text(s string) {
	_ = xml.EscapeText(x.Writer, []byte(wording.Cut(s, maxText))) // the flush returns the error
}

// suite writes a suite. What belongs to the whole run stands in the first one,
// as servers read properties of suites only.
func (x *writer) suite(s *suite, advisories []finding.Advisories) {
	x.WriteString("  ")
	x.open("testsuite", s.file, len(s.failed)+len(s.errors)+len(s.suppressed), len(s.failed), len(s.errors), len(s.suppressed))
	if len(advisories) > 0 {
		x.WriteString("    <properties>\n")
		for _, a := range advisories {
			x.WriteString("      <property")
			x.attribute("name", "advisories "+a.Ecosystem)
			x.attribute("value", a.Date)
			x.WriteString("/>\n")
		}
		x.WriteString("    </properties>\n")
	}
	names := names{}
	for _, f := range s.failed {
		x.testcase(f, names.of(f), s.file, "failure", f.Severity.String(), message(f))
	}
	for _, f := range s.errors {
		x.testcase(f, names.of(f), s.file, "error", "undetermined", cmp.Or(f.Reason, message(f)))
	}
	for _, f := range s.suppressed {
		x.testcase(f, names.of(f), s.file, "skipped", "", suppression(f))
	}
	x.WriteString("  </testsuite>\n")
}

// names numbers the tests of one name in a suite: servers take those with the
// same name for one test.
type names map[string]int

func (n names) of(f *finding.Finding) string {
	name := wording.Cut(wording.Line(f.Rule+": "+f.Asset.Name), 500)
	n[name]++
	if n[name] > 1 {
		name += " #" + strconv.Itoa(n[name])
	}
	return name
}

func message(f *finding.Finding) string { return cmp.Or(f.Message, f.Title) }

func suppression(f *finding.Finding) string {
	if f.Suppressed == nil {
		return "suppressed"
	}
	said := "suppressed by " + f.Suppressed.By
	if f.Suppressed.Until != "" {
		said += " until " + f.Suppressed.Until
	}
	if f.Suppressed.Reason != "" {
		said += ": " + f.Suppressed.Reason
	}
	return said
}

// testcase writes one test with its only outcome.
func (x *writer) testcase(f *finding.Finding, name, file, outcome, kind, said string) {
	x.WriteString("    <testcase")
	x.attribute("name", name)
	x.attribute("classname", file)
	if f.Place.Line > 0 {
		x.attribute("file", file)
		x.attribute("line", strconv.Itoa(f.Place.Line))
	}
	x.WriteString(">\n      <" + outcome)
	if kind != "" {
		x.attribute("type", kind)
	}
	x.attribute("message", wording.Line(said))
	if outcome == "skipped" {
		x.WriteString("/>\n    </testcase>\n")
		return
	}
	x.WriteByte('>')
	for i, line := range details(f) {
		if i > 0 {
			x.WriteByte('\n')
		}
		x.text(line)
	}
	x.WriteString("</" + outcome + ">\n    </testcase>\n")
}

// details are the lines of text below the message.
func details(f *finding.Finding) []string {
	lines := []string{wording.Line(message(f)), wording.Where(f.Place)}
	if origin := wording.Origin(f.Place); origin != "" {
		lines = append(lines, origin)
	}
	if excerpt := wording.Cut(strings.TrimSpace(wording.Line(f.Excerpt)), 400); excerpt != "" {
		lines = append(lines, "> "+excerpt)
	}
	if f.Verdict == finding.Undetermined {
		return lines
	}
	for line := range strings.SplitSeq(strings.TrimSpace(f.Fix), "\n") {
		if line != "" {
			lines = append(lines, wording.Line(line))
		}
	}
	return lines
}

// alone writes the one test of a run that has nothing to report. Build servers
// take a report without tests for a mistake; and a run that judged nothing is
// none that passed.
func (x *writer) alone(r *finding.Result) {
	errors := 0
	if r.Stats.Checks == 0 {
		errors = 1
	}
	x.open("testsuites", "holdfast", 1, 0, errors, 0)
	x.WriteString("  ")
	x.open("testsuite", "holdfast", 1, 0, errors, 0)
	x.WriteString("    <testcase")
	x.attribute("name", wording.Verdict(r, finding.Info))
	x.attribute("classname", "holdfast")
	if errors == 0 {
		x.WriteString("/>\n")
	} else {
		x.WriteString(">\n      <error")
		x.attribute("type", "undetermined")
		x.attribute("message", "nothing was judged")
		x.WriteString("/>\n    </testcase>\n")
	}
	x.WriteString("  </testsuite>\n</testsuites>\n")
}
