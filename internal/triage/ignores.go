package triage

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// ignores are all ignores of a run, ready to be asked about findings.
type ignores struct {
	off   bool
	today string
	rules []string
	// config holds those of the configuration, comments those of a file.
	config   []*entry
	comments map[string][]*entry
	// annotated holds those of an annotation, by the file and the text.
	annotated map[annotation][]*entry
	// all are in the order in which they were met, for the notes.
	all    []*entry
	noted  []finding.Note
	assets map[line]int
	// hidden counts the findings that ignores would suppress.
	hidden int
}

type annotation struct{ file, text string }

// line is a line of a file.
type line struct {
	file   string
	number int
}

// entry is an ignore and what has become of it.
type entry struct {
	Ignore
	paths   []Glob
	expired bool
	matched int
}

func newIgnores(result *finding.Result, c *Choices, today string) *ignores {
	s := &ignores{off: c.NoIgnores, today: today, rules: c.Rules,
		comments: map[string][]*entry{}, annotated: map[annotation][]*entry{}, assets: map[line]int{}}
	for _, ignore := range c.Ignores {
		e := s.add(ignore)
		if ignore.By == ByComment {
			s.comments[ignore.Place.File] = append(s.comments[ignore.Place.File], e)
		} else {
			s.config = append(s.config, e)
		}
	}
	for _, list := range [][]finding.Finding{result.Findings, result.Undetermined, result.Suppressed} {
		for i := range list {
			place := list[i].Asset.Place
			start := line{place.File, place.Line}
			s.assets[start] = max(s.assets[start], place.EndLine, place.Line)
		}
	}
	return s
}

func (s *ignores) add(ignore Ignore) *entry {
	e := &entry{Ignore: ignore, expired: ignore.Until != "" && ignore.Until < s.today}
	for _, pattern := range ignore.Paths {
		glob, err := ParseGlob(pattern)
		if err != nil {
			s.noted = append(s.noted, noteAt(ignore.Place, "a path of the ignore is disregarded: %s", err))
			continue
		}
		e.paths = append(e.paths, glob)
	}
	s.all = append(s.all, e)
	return e
}

// decide returns why the finding is ignored, or nil.
func (s *ignores) decide(f *finding.Finding) *finding.Suppression {
	var decision *finding.Suppression
	try := func(entries []*entry) {
		for _, e := range entries {
			if !s.match(e, f) {
				continue
			}
			e.matched++
			if decision == nil && e.Reason != "" && !e.expired {
				decision = &finding.Suppression{By: e.By, Reason: e.Reason, Until: e.Until, Place: e.Place}
			}
		}
	}
	try(s.comments[f.Place.File])
	if f.Asset.Place.File != f.Place.File {
		try(s.comments[f.Asset.Place.File])
	}
	for _, text := range f.Ignores {
		try(s.annotation(f, text))
	}
	try(s.config)
	if decision != nil {
		s.hidden++
	}
	if s.off {
		return nil
	}
	return decision
}

// annotation returns the entries of an annotation, read once for each file.
func (s *ignores) annotation(f *finding.Finding, text string) []*entry {
	key := annotation{f.Asset.Place.File, text}
	entries, ok := s.annotated[key]
	if !ok {
		list, notes := annotations(text, f.Asset.Place)
		for _, ignore := range list {
			entries = append(entries, s.add(ignore))
		}
		s.noted = append(s.noted, notes...)
		s.annotated[key] = entries
	}
	return entries
}

// match reports whether the ignore is about the finding.
func (s *ignores) match(e *entry, f *finding.Finding) bool {
	if !slices.ContainsFunc(e.Rules, func(name string) bool { return MatchRule(name, f.Rule) || namesFlaw(name, f.Vulnerability) }) {
		return false
	}
	if e.By == ByComment && !s.covers(e, f) {
		return false
	}
	if len(e.Paths) > 0 && !e.matchPath(f.Place.File) && !e.matchPath(f.Asset.Place.File) {
		return false
	}
	return len(e.Assets) == 0 || slices.ContainsFunc(e.Assets, func(pattern string) bool {
		return matchText(pattern, f.Asset.Name) || matchText(pattern, f.Asset.ID)
	})
}

// namesFlaw reports whether a name is that of the vulnerability, or an alias.
func namesFlaw(name string, v *finding.Vulnerability) bool {
	return v != nil && isFlaw(name) && (name == v.ID || slices.Contains(v.Aliases, name))
}

// isFlaw tells ids of vulnerabilities (CVE-2026-1, GHSA-..., GO-...) from those of
// rules, which have no capitals.
func isFlaw(name string) bool {
	prefix, _, ok := strings.Cut(name, "-")
	return ok && prefix != "" && strings.IndexFunc(prefix, func(c rune) bool { return c < 'A' || c > 'Z' }) < 0 && !strings.ContainsAny(name, "*?")
}

func (e *entry) matchPath(file string) bool {
	if e.Base != "" && !path.IsAbs(file) {
		file = path.Join(e.Base, file)
	}
	return slices.ContainsFunc(e.paths, func(g Glob) bool { return g.Match(file) })
}

// covers reports whether a comment stands where it is about the finding.
func (s *ignores) covers(e *entry, f *finding.Finding) bool {
	c, file := e.scope, e.Place.File
	if c.file {
		return true // only those of the finding's files are asked
	}
	if f.Place.File == file && c.first <= f.Place.Line && f.Place.Line <= c.last {
		return true
	}
	if !c.above {
		return false
	}
	if f.Asset.Format == "dockerfile" && f.Place.File == file && f.Place.Line > 0 {
		// The image starts at its last FROM, and yet has findings in the stages
		// before: what stands above one stage says nothing of another.
		return within(f.Place, file, c.first, c.end)
	}
	if end, ok := s.assets[line{file, c.first}]; ok && within(f.Asset.Place, file, c.first, end) {
		return true
	}
	// In Compose a document is no asset: each service is one.
	return f.Asset.Format != "compose" &&
		(within(f.Asset.Place, file, c.first, c.end) || within(f.Place, file, c.first, c.end))
}

func within(p source.Place, file string, first, last int) bool {
	return p.File == file && first <= p.Line && p.Line <= last
}

// notes says what is wrong with the ignores, after all findings were decided.
func (s *ignores) notes(result *finding.Result) []finding.Note {
	if s.off {
		return s.offNotes()
	}
	notes := s.noted
	for _, e := range s.all {
		unknown := s.unknownRules(e)
		notes = append(notes, unknown...)
		name := "the ignore of " + clip(strings.Join(e.Rules, ", "))
		switch {
		case e.Reason == "":
			notes = append(notes, noteAt(e.Place, "%s has no reason and is disregarded: say why the finding is acceptable", name))
		case e.expired && e.matched == 0:
			notes = append(notes, noteAt(e.Place, "%s expired on %s and matches nothing any more: remove it", name, e.Until))
		case e.expired:
			notes = append(notes, noteAt(e.Place, "%s expired on %s: %s again", name, e.Until, counts(e.matched)))
		case e.matched > 0 || len(unknown) == len(e.Rules):
		case s.undetermined(e, result, s.match):
			notes = append(notes, noteAt(e.Place, "%s matches only what could not be judged, which cannot be ignored", name))
		case s.undetermined(e, result, unread):
			// It may well match again when its file can be read.
		case e.By == ByConfig:
			notes = append(notes, noteAt(e.Place, "%s matches nothing in what was scanned: remove it if nothing needs it any more", name))
		default:
			notes = append(notes, noteAt(e.Place, "%s matches nothing: remove it", name))
		}
	}
	return notes
}

// counts says that findings count: "1 finding counts", "2 findings count".
func counts(n int) string {
	verb := " count"
	if n == 1 {
		verb = " counts"
	}
	return count(n, "finding") + verb
}

func (s *ignores) offNotes() []finding.Note {
	used := 0
	for _, e := range s.all {
		if e.matched > 0 && e.Reason != "" && !e.expired {
			used++
		}
	}
	if used == 0 {
		return nil
	}
	return []finding.Note{{Message: "ignores are switched off: " + count(used, "ignore") + " would suppress " + count(s.hidden, "finding")}}
}

// undetermined reports whether the ignore is, in the way that is asked for,
// about something that could not be judged.
func (s *ignores) undetermined(e *entry, result *finding.Result, about func(*entry, *finding.Finding) bool) bool {
	return slices.ContainsFunc(result.Undetermined, func(f finding.Finding) bool {
		nearby := e.By == ByConfig || f.Place.File == e.Place.File || f.Asset.Place.File == e.Place.File
		return nearby && about(e, &f)
	})
}

// unread reports whether the finding is about a file that was not read, in
// which the ignore may have something to match.
func unread(e *entry, f *finding.Finding) bool {
	return f.Rule == finding.RuleUnread && (len(e.Paths) == 0 || e.matchPath(f.Place.File))
}

// unknownRules says which rules of an ignore do not exist.
func (s *ignores) unknownRules(e *entry) []finding.Note {
	if s.rules == nil {
		return nil
	}
	var notes []finding.Note
	for _, pattern := range e.Rules {
		if isFlaw(pattern) {
			continue
		}
		if err := UnknownRule(pattern, s.rules); err != nil {
			notes = append(notes, noteAt(e.Place, "in an ignore: %s", err))
		}
	}
	return notes
}

// UnknownRule returns an error, with the nearest known id, for an id that is
// not known or a pattern of ids that matches none.
func UnknownRule(pattern string, known []string) error {
	if slices.ContainsFunc(known, func(id string) bool { return MatchRule(pattern, id) }) {
		return nil
	}
	return &unknownRuleError{pattern, known}
}

type unknownRuleError struct {
	pattern string
	known   []string
}

func (e *unknownRuleError) Error() string {
	if strings.ContainsAny(e.pattern, "*?") {
		return "no rule matches " + clip(e.pattern)
	}
	return "there is no rule " + clip(e.pattern) + cmp.Or(didYouMean(e.pattern, e.known), ": see holdfast rules list")
}
