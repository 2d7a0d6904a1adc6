package triage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Where an ignore is written: the values of Ignore.By.
const (
	ByComment    = "comment"
	ByAnnotation = "annotation"
	ByConfig     = "config"
)

// Ignore is a decision that some findings do not count. It holds only with a
// reason, and through the day of Until.
type Ignore struct {
	// Rules are ids, patterns of ids such as "container-*" and "*", or ids of
	// vulnerabilities, each with its aliases.
	Rules []string
	// Paths limits it to files: patterns as Glob reads them, one of which has to
	// match the file of the finding or that of its asset. None is every file.
	Paths []string
	// Base is the working directory as seen from the folder that Paths are
	// relative to; "" if that is the same.
	Base string
	// Assets limits it to assets: patterns of their whole name or id, in which
	// "*" matches any characters. None is every asset.
	Assets []string
	Reason string
	// Until is the last day on which it holds (YYYY-MM-DD), "" for ever.
	Until string
	// By is ByComment, ByAnnotation or ByConfig.
	By string
	// Place is where it is written.
	Place source.Place

	scope scope // of a comment
}

// The bounds on what comments and annotations may hold: they come with the
// input.
const (
	maxDirective  = 2000 // bytes of one directive
	maxDirectives = 1000 // of one file or annotation
)

// parseDirective reads what comments and annotations have in common:
//
//	RULE[, RULE ...] [until YYYY-MM-DD] (-- | :) reason
//
// "--" needs a blank before it. A reason that is missing is no error here.
func parseDirective(text string) (Ignore, error) {
	if len(text) > maxDirective {
		return Ignore{}, fmt.Errorf("it is longer than %d characters", maxDirective)
	}
	head, reason := cutReason(text)
	ignore := Ignore{Reason: printable(reason)}
	words := strings.Fields(head)
	if i := slices.Index(words, "until"); i >= 0 {
		if len(words) != i+2 {
			return Ignore{}, errors.New(`after "until" comes one date, as in "until 2027-01-31", and then the reason`)
		}
		ignore.Until = words[i+1]
		if err := CheckDay(ignore.Until); err != nil {
			return Ignore{}, err
		}
		words = words[:i]
	}
	if len(words) == 0 {
		return Ignore{}, errors.New("it names no rule")
	}
	for _, rule := range strings.Split(strings.Join(words, " "), ",") {
		rule = strings.TrimSpace(rule)
		if strings.Contains(rule, " ") {
			return Ignore{}, fmt.Errorf(`%q is no rule: separate rules with commas and begin the reason with "--"`, rule)
		}
		if err := CheckRule(rule); err != nil {
			return Ignore{}, err
		}
		ignore.Rules = append(ignore.Rules, rule)
	}
	return ignore, nil
}

// cutReason separates a directive's reason. Neither rules nor dates have a
// colon, and "--" within a word belongs to the word.
func cutReason(text string) (head, reason string) {
	for i := range len(text) {
		if text[i] == ':' {
			return text[:i], text[i+1:]
		}
		if strings.HasPrefix(text[i:], "--") && (i == 0 || isBlank(text[i-1])) {
			return text[:i], text[i+2:]
		}
	}
	return text, ""
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// CheckRule refuses what cannot be a rule's id or a pattern of ids.
func CheckRule(pattern string) error {
	if pattern == "" {
		return errors.New("the name of a rule is empty")
	}
	if len(pattern) > maxPattern {
		return fmt.Errorf("the name of a rule is longer than %d characters", maxPattern)
	}
	for _, c := range pattern {
		if !(c == '-' || c == '_' || c == '*' || c == '?' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return fmt.Errorf("%q is no rule: an id has letters, digits and hyphens, a pattern of ids also * and ?", pattern)
		}
	}
	return nil
}

// CheckDay refuses what is no date as YYYY-MM-DD.
func CheckDay(day string) error {
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return fmt.Errorf("%q is no date: write year, month and day as in 2027-01-31", day)
	}
	return nil
}

// printable keeps of a text what may be shown in a terminal, on one line.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// annotations reads the directives of one holdfast.dev/ignore annotation or
// label: one a line, or separated by ";".
func annotations(text string, place source.Place) ([]Ignore, []finding.Note) {
	var ignores []Ignore
	var notes []finding.Note
	place.EndLine, place.EndColumn = 0, 0
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == ';' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if len(ignores)+len(notes) >= maxDirectives {
			return ignores, append(notes, noteAt(place, "the ignore annotation has more than %d entries: the rest is disregarded", maxDirectives))
		}
		ignore, err := parseDirective(part)
		if err != nil {
			notes = append(notes, noteAt(place, "the ignore annotation %q is disregarded: %s", clip(part), err))
			continue
		}
		ignore.By, ignore.Place = ByAnnotation, place
		ignores = append(ignores, ignore)
	}
	return ignores, notes
}

// clip shortens a text from the input for a message.
func clip(text string) string {
	const most = 60
	if text = printable(text); len([]rune(text)) > most {
		return string([]rune(text)[:most]) + "..."
	}
	return text
}

func noteAt(place source.Place, format string, args ...any) finding.Note {
	return finding.Note{Message: fmt.Sprintf(format, args...), File: place.File, Line: place.Line}
}
