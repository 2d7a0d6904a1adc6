package triage

import (
	"cmp"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/triage/vex"
)

// ByVEX is the Suppression.By of what a VEX statement says, ByOnlyFixed that of
// vulnerabilities without a fix.
const (
	ByVEX       = "vex"
	ByOnlyFixed = "only-fixed"
)

// statements are the VEX statements of a run, ready to be asked about findings.
type statements struct {
	list    []vex.Statement
	index   *vex.Index
	images  map[string]*finding.Image
	matched []bool
}

func newStatements(result *finding.Result, list []vex.Statement) *statements {
	s := &statements{list: list, matched: make([]bool, len(list)), images: map[string]*finding.Image{}}
	if len(list) == 0 {
		return s
	}
	s.index = vex.NewIndex(list)
	for i := range result.Images {
		s.images[result.Images[i].File] = &result.Images[i]
	}
	return s
}

// decide returns why the finding's vulnerability does not matter, or nil. Of
// several statements the latest one holds, and of those made at the same time
// the last.
func (s *statements) decide(f *finding.Finding) *finding.Suppression {
	if s.index == nil {
		return nil
	}
	var holds *vex.Statement
	for _, i := range s.index.Find(f, s.images[f.Asset.Place.File]) {
		s.matched[i] = true
		if v := &s.list[i]; holds == nil || !v.Time.Before(holds.Time) {
			holds = v
		}
	}
	if holds == nil || holds.Status != vex.NotAffected && holds.Status != vex.Fixed {
		return nil
	}
	return &finding.Suppression{By: ByVEX, Status: string(holds.Status), Place: holds.Place,
		Reason: cmp.Or(printable(holds.Justification), "the statement calls it "+words(holds.Status))}
}

func words(s vex.Status) string {
	switch s {
	case vex.NotAffected:
		return "not affected"
	case vex.UnderInvestigation:
		return "under investigation"
	}
	return string(s)
}

// maxStatementNotes is how many statements of a file that match nothing are
// told one by one.
const maxStatementNotes = 10

// notes says which statements matched nothing. A document about a whole
// distribution has many, and only the first ones are told one by one.
func (s *statements) notes() []finding.Note {
	var notes []finding.Note
	unmatched := map[string]int{}
	var files []string
	for i, v := range s.list {
		if s.matched[i] {
			continue
		}
		if unmatched[v.Place.File]++; unmatched[v.Place.File] == 1 {
			files = append(files, v.Place.File)
		}
		if unmatched[v.Place.File] <= maxStatementNotes {
			notes = append(notes, noteAt(v.Place, "the VEX statement that %s is %s matches nothing in what was scanned",
				clip(v.Vulnerabilities[0]), words(v.Status)))
		}
	}
	for _, file := range files {
		if more := unmatched[file] - maxStatementNotes; more > 0 {
			notes = append(notes, finding.Note{File: file, Message: count(more, "more VEX statement") + " that match nothing in what was scanned"})
		}
	}
	return notes
}

// unfixed returns why a vulnerability that nothing fixes yet does not count.
// Malware needs no fix but has to go.
func unfixed(f *finding.Finding) *finding.Suppression {
	if v := f.Vulnerability; v == nil || v.Fixed != "" || v.Malicious {
		return nil
	}
	return &finding.Suppression{By: ByOnlyFixed, Reason: "no version fixes it yet"}
}
