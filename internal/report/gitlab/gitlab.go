// Package gitlab writes GitLab's Code Quality report: the list that a merge
// request compares with that of its target branch.
//
// The format knows violations and nothing else, so two decisions were made.
// What could not be judged is listed with severity info and a description that
// begins with "Not judged": it must be seen, and to call it worse would claim a
// finding that nobody made. Suppressed findings are left out, as the format has
// no way to say that a violation does not count.
package gitlab

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/jsontext"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// NotJudged begins the description of what could not be judged.
const NotJudged = "Not judged: "

const maxDescription = 1000

// violation is one entry, named as GitLab names its parts.
type violation struct {
	Description string   `json:"description"`
	CheckName   string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity"`
	Location    location `json:"location"`
}

type location struct {
	Path  string `json:"path"`
	Lines lines  `json:"lines"`
}

type lines struct {
	Begin int `json:"begin"`
}

// Write renders the result.
func Write(w io.Writer, r *finding.Result) error {
	out := jsontext.New(w)
	seen := make(map[string]bool, len(r.Findings)+len(r.Undetermined))
	out.Array("")
	for i := range r.Findings {
		f := &r.Findings[i]
		out.Value("", violate(f, describe(f), severity(f.Severity), seen))
	}
	for i := range r.Undetermined {
		f := &r.Undetermined[i]
		said := NotJudged + describe(f)
		if f.Reason != "" {
			said += ": " + f.Reason
		}
		out.Value("", violate(f, said, "info", seen))
	}
	if len(r.Undetermined) == 0 && r.Stats.Checks == 0 {
		out.Value("", violation{NotJudged + "no input that is known was found", finding.RuleUnread, digest("nothing"), "info", place(source.Place{File: "."})})
	}
	out.Close()
	return out.Finish()
}

func describe(f *finding.Finding) string {
	said := cmp.Or(f.Message, f.Title)
	if origin := wording.Origin(f.Place); origin != "" {
		said += " (" + origin + ")"
	}
	return said
}

func violate(f *finding.Finding, said, severity string, seen map[string]bool) violation {
	return violation{
		Description: wording.Cut(wording.Line(said), maxDescription),
		CheckName:   f.Rule,
		Fingerprint: unique(f.Fingerprint, seen),
		Severity:    severity,
		Location:    place(f.Place),
	}
}

// unique makes sure that no two entries have one fingerprint, as GitLab would
// drop the second: two steps of the pipeline may have given it out.
func unique(fingerprint string, seen map[string]bool) string {
	for n := 2; seen[fingerprint]; n++ {
		fingerprint = digest(fingerprint + strconv.Itoa(n))
	}
	seen[fingerprint] = true
	return fingerprint
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// place locates: the format wants a file of the repository and a line, so the
// entry of an archive is at the archive and an unknown line is the first.
func place(p source.Place) location {
	file, entry := wording.SplitArchive(p.File)
	if entry != "" {
		p.Line = 0
	}
	if file == "-" {
		file = wording.Stdin
	}
	return location{strings.TrimPrefix(file, "./"), lines{max(p.Line, 1)}}
}

func severity(s finding.Severity) string {
	switch s {
	case finding.Critical:
		return "blocker"
	case finding.High:
		return "critical"
	case finding.Medium:
		return "major"
	case finding.Low:
		return "minor"
	}
	return "info"
}
