// Package sarif writes SARIF 2.1.0, the form that code scanning services read.
//
// What becomes what was decided by what such a service shows. GitHub makes an
// alert of every entry of "results", whatever its kind and whether or not it
// carries suppressions. So that its count is ours:
//
//   - results are the findings that count, and nothing else;
//   - what could not be judged is a notification of the tool's execution, which
//     is then not successful: it is on record and is no alert;
//   - suppressed findings are results with suppressions, as the standard has
//     them, but only if they are asked for.
package sarif

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/jsontext"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Options say what the report holds.
type Options struct {
	// Version is the version of this program.
	Version string
	// Suppressed adds the findings that do not count.
	Suppressed bool
}

const (
	schemaURI = "https://json.schemastore.org/sarif-2.1.0.json"
	homepage  = "https://github.com/holdfast-sec/holdfast"
	// rulePages is where the page of a rule stands, before its id.
	rulePages = homepage + "/blob/main/docs/reference/rules/"
	// fingerprintName carries the version of how fingerprints are made.
	fingerprintName = "holdfast/v1"
	// lineHashName is the only fingerprint that GitHub looks at. Its upload
	// action computes it from the text of the line.
	lineHashName = "primaryLocationLineHash"

	// GitHub rejects a file with more results in a run.
	maxResults = 25_000
	// A missing value can leave everything undetermined, and all of it has to
	// fit into the 10 MB that GitHub takes.
	maxNotifications = 10_000

	maxMessage = 1000
	maxSnippet = 400
)

// Write renders the result.
func Write(w io.Writer, r *finding.Result, o Options) error {
	results := r.Findings
	if o.Suppressed {
		results = slices.Concat(results, r.Suppressed)
	}
	kept := worst(results, maxResults)
	rules := rulesOf(results, r.Undetermined)

	out := jsontext.New(w)
	out.Object("")
	out.Value("$schema", schemaURI)
	out.Value("version", "2.1.0")
	out.Array("runs")
	out.Object("")
	out.Object("tool")
	out.Value("driver", rules.driver(o.Version))
	out.Close()
	out.Array("invocations")
	out.Value("", invocation{
		ExecutionSuccessful: len(r.Undetermined) == 0 && r.Stats.Checks > 0,
		Notifications:       notifications(r, rules, len(results)-len(kept)),
	})
	out.Close()
	out.Value("originalUriBaseIds", map[string]any{
		srcRoot: map[string]any{"description": text{Text: "The folder that holdfast ran in, normally the root of the repository."}},
	})
	out.Value("columnKind", "unicodeCodePoints")
	out.Array("results")
	shared := sharedLines(kept)
	for _, f := range kept {
		out.Value("", rules.result(f, shared[lineOf(f)] > 1))
	}
	out.Close()
	out.Value("properties", counts{len(r.Findings), len(r.Undetermined), len(r.Suppressed)})
	out.Close()
	out.Close()
	out.Close()
	return out.Finish()
}

// worst returns at most n findings in their order: those that count before
// those that do not, the worse before the less bad.
func worst(findings []finding.Finding, n int) []*finding.Finding {
	all := make([]*finding.Finding, len(findings))
	for i := range findings {
		all[i] = &findings[i]
	}
	if len(all) <= n {
		return all
	}
	ranked := slices.Clone(all)
	slices.SortStableFunc(ranked, func(a, b *finding.Finding) int {
		return cmp.Or(
			cmp.Compare(btoi(a.Suppressed != nil), btoi(b.Suppressed != nil)),
			cmp.Compare(b.Severity, a.Severity),
		)
	})
	keep := make(map[*finding.Finding]bool, n)
	for _, f := range ranked[:n] {
		keep[f] = true
	}
	return slices.DeleteFunc(all, func(f *finding.Finding) bool { return !keep[f] })
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// line is what GitHub tells alerts of one rule apart by, as long as the text of
// the line is their only fingerprint.
type line struct {
	rule string
	source.Place
}

func lineOf(f *finding.Finding) line {
	return line{ruleOf(f), source.Place{File: f.Place.File, Position: source.Position{Line: f.Place.Line}}}
}

func sharedLines(findings []*finding.Finding) map[line]int {
	n := make(map[line]int, len(findings))
	for _, f := range findings {
		n[lineOf(f)]++
	}
	return n
}

func (s *ruleSet) result(f *finding.Finding, sharesLine bool) result {
	out := result{
		RuleID:              ruleOf(f),
		RuleIndex:           s.index[ruleOf(f)],
		Level:               level(f.Severity),
		Kind:                "fail",
		Message:             message(f),
		Locations:           []location{locate(f.Place, f.Excerpt)},
		PartialFingerprints: map[string]string{fingerprintName: f.Fingerprint},
		Properties:          resultProperties{f.Severity.String(), f.Field, f.Place.Values, f.Fixable},
	}
	out.Locations[0].Logical = []logicalLocation{{Name: f.Asset.Name, FullyQualifiedName: f.Asset.ID, Kind: f.Asset.Kind}}
	// Left to the upload, findings of one rule on one line would become one
	// alert, and those without a line would have no identity.
	if sharesLine || out.Locations[0].Physical.Region == nil {
		out.PartialFingerprints[lineHashName] = f.Fingerprint + ":1"
	}
	if f.Suppressed != nil {
		out.Suppressions = []suppression{suppressed(f.Suppressed)}
	}
	return out
}

// message is the sentence of the finding, with what its location cannot say.
func message(f *finding.Finding) text {
	said := cmp.Or(f.Message, f.Title, f.Rule)
	if _, entry := wording.SplitArchive(f.Place.File); entry != "" {
		said += " (in " + entry + " of the archive)"
	}
	if origin := wording.Origin(f.Place); origin != "" {
		said += " (" + origin + ")"
	}
	return plain(said)
}

// plain makes a message of text: never empty, bounded, and without the brackets
// that would make a link.
func plain(said string) text {
	said = strings.ReplaceAll(wording.Line(said), "](", "] (")
	return text{Text: wording.Cut(cmp.Or(said, "(no message)"), maxMessage)}
}

func suppressed(s *finding.Suppression) suppression {
	out := suppression{
		Kind: "external", Status: "accepted", Justification: wording.Line(s.Reason),
		Properties: &suppressionProperties{s.By, s.Until},
	}
	if s.By == "comment" || s.By == "annotation" {
		out.Kind = "inSource"
	}
	if s.Place.File != "" {
		at := locate(s.Place, "")
		out.Location = &at
	}
	return out
}
