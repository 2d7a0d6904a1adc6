// Package triage is what the user chose to live with: ignores, a baseline of
// known findings, and the limit to what has changed.
//
// It moves findings that do not count from Findings to Suppressed, each with
// the reason, and it never drops one. What could not be judged is no finding
// and stays: no choice makes silence a pass. Everything here is a pure function
// of findings and choices: no files, no network, no clock.
//
// Which rules apply and how severe they are is not decided here: the loader of
// the rules does that before anything is judged, because severities order the
// findings.
package triage

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/triage/vex"
)

// Choices are a user's decisions about findings.
type Choices struct {
	// Ignores are those of the configuration and of comments. Annotations come
	// with the findings.
	Ignores []Ignore
	// NoIgnores disregards every ignore, wherever it is written.
	NoIgnores bool
	// Rules are the ids of all rules there are, switched off or not. With nil,
	// ignores are not checked for rules that do not exist.
	Rules []string
	// Baseline holds the findings that are already known.
	Baseline Baseline
	// Targets are the paths that were scanned. An entry of the baseline outside
	// of them is not called fixed. Empty is everything.
	Targets []string
	// VEX are the statements of others about vulnerabilities.
	VEX []vex.Statement
	// OnlyFixed lets only those vulnerabilities count that a version fixes.
	OnlyFixed bool
	// Diff limits findings to what has changed; nil does not.
	Diff *Diff
}

// Apply moves the findings that do not count to Suppressed and says in Notes
// what is wrong with the choices. Today is the day as YYYY-MM-DD.
//
// Where several choices hold, the one that says most is given: a comment, an
// annotation, the configuration, a VEX statement, the lack of a fix, the baseline,
// the diff.
func Apply(result *finding.Result, choices Choices, today string) {
	result.Findings = finding.Sort(result.Findings)
	ignores := newIgnores(result, &choices, today)
	known := choices.Baseline.match(result.Findings)
	changed := newChanges(choices.Diff)
	statements := newStatements(result, choices.VEX)

	kept := make([]finding.Finding, 0, len(result.Findings))
	for i, f := range result.Findings {
		f.Suppressed = ignores.decide(&f)
		if s := statements.decide(&f); f.Suppressed == nil {
			f.Suppressed = s
		}
		if f.Suppressed == nil && choices.OnlyFixed {
			f.Suppressed = unfixed(&f)
		}
		switch {
		case f.Suppressed != nil:
		case known.finding[i]:
			f.Suppressed = &finding.Suppression{By: "baseline"}
		case choices.Diff != nil && !changed.touch(&f):
			f.Suppressed = &finding.Suppression{By: "diff", Reason: choices.Diff.reason()}
		default:
			kept = append(kept, f)
			continue
		}
		result.Suppressed = append(result.Suppressed, f)
	}
	// Without the suppressed ones, another asset may have the worst finding.
	result.Findings = finding.Sort(kept)
	result.Suppressed = finding.Sort(result.Suppressed)

	notes := slices.Concat(ignores.notes(result), known.notes(result, choices.Targets), statements.notes())
	slices.SortFunc(notes, func(a, b finding.Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
	result.Notes = append(result.Notes, slices.Compact(notes)...)
}

// Files lists the files in which comments may decide about the findings, in
// order: read each, where it can be read, and give its Comments to Apply.
func Files(findings []finding.Finding) []string {
	seen := map[string]bool{}
	for i := range findings {
		seen[findings[i].Place.File] = true
		seen[findings[i].Asset.Place.File] = true
	}
	delete(seen, "")
	files := make([]string, 0, len(seen))
	for file := range seen {
		files = append(files, file)
	}
	slices.Sort(files)
	return files
}

// count gives a number and its noun: "1 finding", "2 findings".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if noun[len(noun)-1] == 'y' {
		return fmt.Sprintf("%d %sies", n, noun[:len(noun)-1])
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
