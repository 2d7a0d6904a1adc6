// Package config holds what a user sets for good: .holdfast.yaml, the
// environment and flags, in this order, a later one replacing the whole value of
// an earlier one. Every value keeps its origin.
//
// All settings are one table (see settings): it reads the file, the environment
// and the flags, gives the origins, and makes the JSON schema for editors.
//
// Paths in a file are relative to the folder of the file, wherever the program
// runs; paths in the environment and in flags to the working directory.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// FileName is the name of the configuration file.
const FileName = ".holdfast.yaml"

// Config is the settings of a run. Paths are relative to the working directory.
type Config struct {
	// File is the configuration file that was read, "" if there is none.
	File string

	// FailOn is the severity from which findings fail the run.
	FailOn finding.Severity
	Rules  Rules
	// Exclude are patterns of paths that are not looked at; see Excluded.
	Exclude []string
	// Registries are those that images may come from; none is all.
	Registries []string
	Helm       Helm
	// Compose are the files that are merged into one project; none leaves it to
	// what Compose itself would read.
	Compose []string
	Image   Image
	// VEX are documents that say which vulnerabilities do not affect the user.
	VEX     []string
	DB      DB
	Ignores []triage.Ignore
	// Baseline is the file with the findings that are known, "" for none.
	Baseline string
	// Output are the reports, each as FORMAT or FORMAT=FILE.
	Output    []string
	NoIgnores bool

	// Notes are remarks about the configuration.
	Notes []finding.Note

	base    string // the working directory as seen from the folder of File
	exclude []triage.Glob
	origins map[string]string       // of settings that are not at their default, by key
	places  map[string]source.Place // of values in the file, by key
}

// Rules says which rules apply.
type Rules struct {
	// Dirs are folders with rules of the user.
	Dirs []string
	// Disable and EnableOnly are ids of rules or patterns of ids.
	Disable, EnableOnly []string
	// Severity replaces the severity of rules, by id.
	Severity map[string]finding.Severity
}

// Helm says how charts are rendered.
type Helm struct {
	// Values are sets of values files: a chart is judged once with each.
	Values [][]string
	// Set are key=value pairs that are laid over every set.
	Set         []string
	KubeVersion string
	APIVersions []string
}

// Image says which images are read and how they are judged.
type Image struct {
	Platform, From string
	// Base are images that others may be built on.
	Base      []string
	OnlyFixed bool
	// Policy is the file that says who may sign and build images.
	Policy string
}

// DB says where advisories are, and when they are too old.
type DB struct {
	// Dir is their folder, "" for the user's own.
	Dir string
	// MaxAge is in days; 0 leaves it to what is usual.
	MaxAge int
}

// defaults are the settings when nothing is set.
func defaults() *Config {
	return &Config{FailOn: finding.Low, Output: []string{"terminal"},
		origins: map[string]string{}, places: map[string]source.Place{}}
}

// Rule says whether a rule applies, and with which severity, given its own.
func (c *Config) Rule(id string, own finding.Severity) (severity finding.Severity, applies bool) {
	named := func(pattern string) bool { return triage.MatchRule(pattern, id) }
	applies = !slices.ContainsFunc(c.Rules.Disable, named) &&
		(len(c.Rules.EnableOnly) == 0 || slices.ContainsFunc(c.Rules.EnableOnly, named))
	if set, ok := c.Rules.Severity[id]; ok {
		own = set
	}
	return own, applies
}

// Excluded reports whether the user does not want a path looked at. The path is
// as findings name it; that of a folder may end in "/".
func (c *Config) Excluded(name string) bool {
	if c.base != "" && c.fromFile("exclude") && !path.IsAbs(name) {
		name = path.Join(c.base, name)
	}
	return slices.ContainsFunc(c.exclude, func(g triage.Glob) bool { return g.Match(name) })
}

// CheckRules refuses the names of rules that do not exist, given all ids. The
// ignores are not looked at: triage says in a note what is wrong with them.
func (c *Config) CheckRules(known []string) error {
	var errs []error
	check := func(key, pattern, item string) {
		if err := triage.UnknownRule(pattern, known); err != nil {
			errs = append(errs, c.errorAt(key, item, err))
		}
	}
	for i, pattern := range c.Rules.Disable {
		check("rules.disable", pattern, fmt.Sprintf("rules.disable[%d]", i))
	}
	for i, pattern := range c.Rules.EnableOnly {
		check("rules.enable-only", pattern, fmt.Sprintf("rules.enable-only[%d]", i))
	}
	for id := range c.Rules.Severity {
		check("rules.severity", id, "rules.severity."+id)
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// errorAt places an error about a value: in the file, or by its origin.
func (c *Config) errorAt(key, item string, err error) error {
	if c.fromFile(key) {
		return &Error{c.places[item], err.Error()}
	}
	return fmt.Errorf("%s: %w", c.origins[key], err)
}

// fromFile reports whether the file has the last word on a key.
func (c *Config) fromFile(key string) bool {
	return c.origins[key] != "" && c.origins[key] == c.fileOrigin(key)
}

// fileOrigin is the origin of a key that the file sets.
func (c *Config) fileOrigin(key string) string {
	at := c.places[key]
	at.Column = 0
	return at.String()
}

// Error is what is wrong with the configuration file, at a place in it.
type Error struct {
	Place  source.Place
	Reason string
}

func (e *Error) Error() string { return e.Place.String() + ": " + e.Reason }

// Setting is one value and where it comes from.
type Setting struct {
	Key string
	// Value is the value for people; "" is none.
	Value string
	// Origin is "default", "FILE:LINE", "environment NAME" or "flag --NAME".
	Origin string
}

// Origins lists every value in the order of the reference, the parts of ignores
// and severities one by one, and credentials masked.
func (c *Config) Origins() []Setting {
	var out []Setting
	for _, s := range c.settings() {
		origin := cmp.Or(c.origins[s.key], "default")
		if parts := s.value.parts(); parts != nil {
			for _, p := range parts {
				key := s.key + p.Key
				out = append(out, Setting{key, p.Value, cmp.Or(c.fileOrigin(key), origin)})
			}
			continue
		}
		out = append(out, Setting{s.key, strings.Join(s.value.words(), ", "), origin})
	}
	return out
}
