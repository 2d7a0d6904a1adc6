package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// reader reads one configuration file into a Config and collects what is wrong.
type reader struct {
	*Config
	file string
	// dir is the folder of the file as seen from the working directory.
	dir  string
	errs []error
	more int // errors beyond the most that are told
}

// maxErrors is how many errors of one file are told.
const maxErrors = 20

// parse reads the text of the file. dir is its folder as seen from the working
// directory, base the other way round.
func (c *Config) parse(file, dir, base string, text []byte) error {
	c.File, c.base = file, base
	r := &reader{Config: c, file: file, dir: dir}
	docs := source.Split(text)
	if len(docs) > 1 {
		r.errorf(source.Position{Line: docs[1].Line}, "the configuration is one YAML document, and here starts a second one")
		docs = nil
	}
	for _, doc := range docs {
		root, err := doc.Parse()
		if err != nil {
			return r.syntax(err)
		}
		if root.Kind != source.Null {
			r.section("", root, c.settings())
		}
	}
	if r.more > 0 {
		r.errs = append(r.errs, fmt.Errorf("%s: and %d more errors", file, r.more))
	}
	return errors.Join(r.errs...)
}

// syntax places a parser's error.
func (r *reader) syntax(err error) error {
	var syntax *source.SyntaxError
	if errors.As(err, &syntax) {
		return &Error{r.place(syntax.Position), "it is not valid YAML: " + syntax.Reason}
	}
	return fmt.Errorf("%s: %w", r.file, err)
}

// section reads a mapping of settings and of further sections.
func (r *reader) section(prefix string, n *source.Node, settings []setting) {
	name := strings.TrimSuffix(prefix, ".")
	if name == "" {
		name = "the configuration"
	}
	for _, pair := range r.pairs(name, n) {
		key := prefix + pair.Key.Value
		i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key })
		isSection := slices.ContainsFunc(settings, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
		switch {
		case i < 0 && !isSection:
			r.unknown(pair.Key, name, keysIn(prefix, settings))
		case pair.Value.Kind == source.Null: // as if it were not there
		case isSection:
			r.section(key+".", pair.Value, settings)
		default:
			r.places[key] = r.place(pair.Key.Position)
			r.origins[key] = r.fileOrigin(key)
			settings[i].value.read(r, key, pair.Value)
		}
	}
}

// keysIn lists the keys and sections directly in a section.
func keysIn(prefix string, settings []setting) []string {
	var keys []string
	for _, s := range settings {
		if rest, ok := strings.CutPrefix(s.key, prefix); ok {
			rest, _, _ = strings.Cut(rest, ".")
			keys = append(keys, rest)
		}
	}
	return slices.Compact(keys)
}

// pairs returns the entries of a mapping, each key once.
func (r *reader) pairs(name string, n *source.Node) []source.Pair {
	if n.Kind != source.Map {
		r.errorf(n.Position, "%s is a mapping, not %s", name, describe(n))
		return nil
	}
	seen := map[string]bool{}
	var pairs []source.Pair
	for _, p := range n.Pairs {
		if seen[p.Key.Value] {
			r.errorf(p.Key.Position, "%s has %q twice", name, clip(p.Key.Value))
			continue
		}
		seen[p.Key.Value] = true
		pairs = append(pairs, p)
	}
	return pairs
}

func (r *reader) items(name string, n *source.Node) []*source.Node {
	if n.Kind != source.List {
		r.errorf(n.Position, "%s is a list, not %s", name, describe(n))
		return nil
	}
	return n.Items
}

func (r *reader) scalar(name string, n *source.Node) (string, bool) {
	if n.Kind == source.Map || n.Kind == source.List || n.Kind == source.Null || n.Value == "" {
		r.errorf(n.Position, "%s is a word, not %s", name, describe(n))
		return "", false
	}
	return n.Value, true
}

func describe(n *source.Node) string {
	switch {
	case n.Kind == source.Map:
		return "a mapping"
	case n.Kind == source.List:
		return "a list"
	case n.Kind == source.Null || n.Value == "":
		return "nothing"
	}
	return fmt.Sprintf("%q", clip(n.Value))
}

// clip shortens what a message repeats of the file.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "..."
	}
	return text
}

// unknown refuses a key that is not known: a typo must not be silent.
func (r *reader) unknown(key *source.Node, name string, known []string) {
	if near := triage.Nearest(key.Value, known); near != "" {
		r.errorf(key.Position, "%s has no %q: did you mean %q?", name, clip(key.Value), near)
		return
	}
	r.errorf(key.Position, "%s has no %q: the keys are %s", name, clip(key.Value), strings.Join(known, ", "))
}

func (r *reader) place(at source.Position) source.Place {
	return source.Place{File: r.file, Position: at}
}

func (r *reader) errorf(at source.Position, format string, args ...any) {
	if len(r.errs) == maxErrors {
		r.more++
		return
	}
	r.errs = append(r.errs, &Error{r.place(at), fmt.Sprintf(format, args...)})
}

// check records an error, if it is one, at a place.
func (r *reader) check(at source.Position, err error) {
	if err != nil {
		r.errorf(at, "%s", err)
	}
}
