package sarif

import (
	"fmt"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// The descriptors tell the notifications apart.
const (
	notJudged = "undetermined"
	noteOfRun = "note"
	tooMany   = "results-cut"
)

// notifications say what the results do not: what could not be judged, what was
// cut off, and the remarks about the run.
func notifications(r *finding.Result, rules *ruleSet, cut int) []notification {
	out := []notification{}
	if cut > 0 {
		out = append(out, notify("warning", tooMany, fmt.Sprintf(
			"%s left out, the least severe ones: a code scanning service takes %d", wording.Count(cut, "result"), maxResults)))
	}
	if r.Stats.Checks == 0 {
		out = append(out, notify("error", notJudged, "nothing was judged"))
	}
	for i := range r.Undetermined {
		if i == maxNotifications {
			out = append(out, notify("error", notJudged, fmt.Sprintf("%d more results are undetermined", len(r.Undetermined)-i)))
			break
		}
		out = append(out, rules.undetermined(&r.Undetermined[i]))
	}
	if by := wording.Advisories(r.Advisories); by != "" {
		out = append(out, notify("note", noteOfRun, by))
	}
	for _, note := range r.Notes {
		n := notify("note", noteOfRun, note.Message)
		if note.File != "" {
			n.Locations = []location{locate(source.Place{File: note.File, Position: source.Position{Line: note.Line}}, "")}
		}
		out = append(out, n)
	}
	return out
}

func (s *ruleSet) undetermined(f *finding.Finding) notification {
	said := message(f).Text
	if f.Reason != "" {
		said += ": " + f.Reason
	}
	n := notify("error", notJudged, said)
	index := s.index[ruleOf(f)]
	n.AssociatedRule = &reference{ID: ruleOf(f), Index: &index}
	at := locate(f.Place, f.Excerpt)
	at.Logical = []logicalLocation{{Name: f.Asset.Name, FullyQualifiedName: f.Asset.ID, Kind: f.Asset.Kind}}
	n.Locations = []location{at}
	return n
}

func notify(level, descriptor, said string) notification {
	return notification{Level: level, Descriptor: &reference{ID: descriptor}, Message: plain(said)}
}
