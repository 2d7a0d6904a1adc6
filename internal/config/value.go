package config

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// value is one type of setting, bound to the field that it fills.
type value interface {
	// read takes the value from the file. The node is not nil.
	read(r *reader, key string, n *source.Node)
	// set takes the value from the words of a flag or of the environment.
	set(words []string) error
	// words gives the value for people.
	words() []string
	// parts gives the values within it that have an origin of their own, with
	// the rest of their key; nil if it is one value.
	parts() []Setting
	// schema is its JSON schema.
	schema() map[string]any
}

// severity is a severity by its name.
type severity struct{ p *finding.Severity }

func (v severity) read(r *reader, key string, n *source.Node) {
	if word, ok := r.scalar(key, n); ok {
		r.check(n.Position, v.set([]string{word}))
	}
}

func (v severity) set(words []string) (err error) {
	parsed, err := finding.ParseSeverity(words[len(words)-1])
	if err == nil {
		*v.p = parsed
	}
	return err
}

func (v severity) words() []string      { return []string{v.p.String()} }
func (severity) parts() []Setting       { return nil }
func (severity) schema() map[string]any { return map[string]any{"enum": severityNames()} }

func severityNames() []any {
	var names []any
	for _, s := range finding.Severities() {
		names = append(names, s.String())
	}
	return names
}

// boolean is true or false.
type boolean struct{ p *bool }

func (v boolean) read(r *reader, key string, n *source.Node) {
	b, ok := n.Bool()
	if !ok {
		r.errorf(n.Position, "%s is true or false, not %s", key, describe(n))
		return
	}
	*v.p = b
}

func (v boolean) set(words []string) error {
	switch word := strings.ToLower(words[len(words)-1]); word {
	case "true", "1", "yes", "on":
		*v.p = true
	case "false", "0", "no", "off":
		*v.p = false
	default:
		return fmt.Errorf("%q is neither true nor false", word)
	}
	return nil
}

func (v boolean) words() []string      { return []string{fmt.Sprint(*v.p)} }
func (boolean) parts() []Setting       { return nil }
func (boolean) schema() map[string]any { return map[string]any{"type": "boolean"} }

// number is a whole number that is not negative.
type number struct{ p *int }

func (v number) read(r *reader, key string, n *source.Node) {
	if word, ok := r.scalar(key, n); ok {
		r.check(n.Position, v.set([]string{word}))
	}
}

func (v number) set(words []string) error {
	word := words[len(words)-1]
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > 1e6 {
		return fmt.Errorf("%q is no whole number from 0 to 1000000", clip(word))
	}
	*v.p = n
	return nil
}

func (v number) words() []string {
	if *v.p == 0 {
		return nil
	}
	return []string{strconv.Itoa(*v.p)}
}

func (number) parts() []Setting       { return nil }
func (number) schema() map[string]any { return map[string]any{"type": "integer", "minimum": 0} }

// text is one word.
type text struct {
	p     *string
	check func(string) error
	// path says that it names a file.
	path bool
}

func (v text) read(r *reader, key string, n *source.Node) {
	word, ok := r.scalar(key, n)
	if !ok {
		return
	}
	if v.path {
		word = r.path(word)
	}
	r.check(n.Position, v.set([]string{word}))
}

func (v text) set(words []string) error {
	word := words[len(words)-1]
	if v.check != nil && word != "" {
		if err := v.check(word); err != nil {
			return err
		}
	}
	*v.p = word
	return nil
}

func (v text) words() []string { return slices.DeleteFunc([]string{*v.p}, isEmpty) }
func (text) parts() []Setting  { return nil }

// A version such as 1.35 is a number to YAML.
func (v text) schema() map[string]any {
	if v.path {
		return map[string]any{"type": "string"}
	}
	return map[string]any{"type": []any{"string", "number"}}
}

func isEmpty(text string) bool { return text == "" }

// list is any number of words.
type list struct {
	p     *[]string
	check func(string) error
	// paths says that they name files, outputs that a file follows "=".
	paths, outputs bool
	// secret says that they are key=value and the value may be a credential.
	secret bool
}

func (v list) read(r *reader, key string, n *source.Node) {
	*v.p = nil
	for i, item := range r.items(key, n) {
		word, ok := r.scalar("an entry of "+key, item)
		if !ok {
			continue
		}
		r.places[fmt.Sprintf("%s[%d]", key, i)] = r.place(item.Position)
		if v.check != nil {
			if err := v.check(word); err != nil {
				r.check(item.Position, err)
				continue
			}
		}
		switch {
		case v.paths:
			word = r.path(word)
		case v.outputs:
			word = r.output(item.Position, word)
		}
		*v.p = append(*v.p, word)
	}
}

func (v list) set(words []string) error {
	words = slices.DeleteFunc(slices.Clone(words), isEmpty)
	for _, word := range words {
		if v.check == nil {
			break
		}
		if err := v.check(word); err != nil {
			return err
		}
	}
	*v.p = words
	return nil
}

var credentialKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)pass|secret|token|key|credential|auth`)
})

func (v list) words() []string {
	if !v.secret {
		return *v.p
	}
	var words []string
	for _, word := range *v.p {
		if credentialKey().MatchString(word) {
			key, _, _ := strings.Cut(word, "=")
			word = key + "=***"
		}
		words = append(words, word)
	}
	return words
}

func (list) parts() []Setting { return nil }

func (list) schema() map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
}

// severities are severities of rules, by id.
type severities struct {
	p *map[string]finding.Severity
}

func (v severities) read(r *reader, key string, n *source.Node) {
	*v.p = map[string]finding.Severity{}
	for _, pair := range r.pairs(key, n) {
		id := pair.Key.Value
		if err := triage.CheckRule(id); err != nil {
			r.check(pair.Key.Position, err)
			continue
		}
		if strings.ContainsAny(id, "*?") {
			r.errorf(pair.Key.Position, "%s names one rule at a time, not the pattern %q", key, id)
			continue
		}
		var s finding.Severity
		severity{&s}.read(r, key+"."+id, pair.Value)
		(*v.p)[id] = s
		r.places[key+"."+id] = r.place(pair.Key.Position)
	}
}

func (severities) set([]string) error { return errors.New("it is set in the configuration file only") }

func (severities) words() []string { return nil }

func (v severities) parts() []Setting {
	var out []Setting
	for _, id := range slices.Sorted(maps.Keys(*v.p)) {
		out = append(out, Setting{Key: "." + id, Value: (*v.p)[id].String()})
	}
	return out
}

func (severities) schema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": severity{}.schema()}
}

// valueSets are sets of files.
type valueSets struct{ p *[][]string }

func (v valueSets) read(r *reader, key string, n *source.Node) {
	*v.p = nil
	for _, set := range r.items(key, n) {
		if set.Kind != source.List {
			r.errorf(set.Position, "each entry of %s is a list of files that belong together, such as [values.yaml, values-prod.yaml]; this is %s", key, describe(set))
			continue
		}
		var files []string
		list{p: &files, paths: true}.read(r, key, set)
		*v.p = append(*v.p, files)
	}
}

// set takes one set from each word, its files separated by commas.
func (v valueSets) set(words []string) error {
	*v.p = nil
	for _, word := range words {
		if files := slices.DeleteFunc(strings.Split(word, ","), isEmpty); len(files) > 0 {
			*v.p = append(*v.p, files)
		}
	}
	return nil
}

func (v valueSets) words() []string {
	var words []string
	for _, set := range *v.p {
		words = append(words, strings.Join(set, " + "))
	}
	return words
}

func (valueSets) parts() []Setting { return nil }

func (valueSets) schema() map[string]any {
	return map[string]any{"type": "array", "items": list{}.schema()}
}

// ignores are the ignores of the file.
type ignores struct{ c *Config }

func (v ignores) read(r *reader, key string, n *source.Node) {
	for i, item := range r.items(key, n) {
		at := fmt.Sprintf("%s[%d]", key, i)
		ignore := triage.Ignore{By: triage.ByConfig, Base: r.base, Place: r.place(item.Position)}
		fields := v.fields(&ignore)
		for _, pair := range r.pairs("an entry of "+key, item) {
			field, ok := fields[pair.Key.Value]
			if !ok {
				r.unknown(pair.Key, "an ignore", slices.Sorted(maps.Keys(fields)))
				continue
			}
			if pair.Value.Kind != source.Null {
				field.read(r, at+"."+pair.Key.Value, pair.Value)
			}
		}
		if item.Kind == source.Map && item.Get("rules") == nil {
			r.errorf(item.Position, `the ignore has no "rules": name the rules, or "*" for all`)
		}
		r.places[at] = ignore.Place
		v.c.Ignores = append(v.c.Ignores, ignore)
	}
}

// fields are the keys of one ignore. A reason that is missing is no error here:
// the ignore then does not hold, and triage says so.
func (ignores) fields(i *triage.Ignore) map[string]value {
	return map[string]value{
		"rules":  list{p: &i.Rules, check: triage.CheckRule},
		"paths":  list{p: &i.Paths, check: checkGlob},
		"assets": list{p: &i.Assets},
		"reason": text{p: &i.Reason},
		"until":  text{p: &i.Until, check: triage.CheckDay},
	}
}

func (ignores) set([]string) error { return errors.New("it is set in the configuration file only") }

func (ignores) words() []string { return nil }

func (v ignores) parts() []Setting {
	var out []Setting
	for i, ignore := range v.c.Ignores {
		out = append(out, Setting{Key: fmt.Sprintf("[%d]", i), Value: describeIgnore(ignore)})
	}
	return out
}

func describeIgnore(i triage.Ignore) string {
	text := strings.Join(i.Rules, ", ")
	if len(i.Paths) > 0 {
		text += " in " + strings.Join(i.Paths, ", ")
	}
	if len(i.Assets) > 0 {
		text += " of " + strings.Join(i.Assets, ", ")
	}
	if i.Until != "" {
		text += " until " + i.Until
	}
	if i.Reason == "" {
		return text + " (no reason: it does not hold)"
	}
	return text + " -- " + i.Reason
}

func (v ignores) schema() map[string]any {
	properties := map[string]any{}
	for key, field := range v.fields(&triage.Ignore{}) {
		properties[key] = field.schema()
	}
	properties["reason"] = map[string]any{"type": "string", "description": "Why the findings are acceptable."}
	properties["until"] = map[string]any{"type": "string", "description": "Last day on which it holds.", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
	return map[string]any{"type": "array", "items": map[string]any{
		"type": "object", "properties": properties, "additionalProperties": false, "required": []any{"rules", "reason"},
	}}
}

// path makes a path of the file relative to the working directory.
func (r *reader) path(name string) string {
	name = filepath.ToSlash(name)
	if name == "" || path.IsAbs(name) || filepath.IsAbs(name) {
		return name
	}
	if rel, err := filepath.Rel(filepath.FromSlash(r.base), filepath.FromSlash(name)); err == nil {
		return filepath.ToSlash(rel)
	}
	return path.Join(r.dir, name) // the folder does not hold the working directory
}

// output keeps the reports that a file asks for below its folder: a file that
// came with what is scanned must not write anywhere else.
func (r *reader) output(at source.Position, word string) string {
	format, file, ok := strings.Cut(word, "=")
	if !ok {
		return word
	}
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		r.errorf(at, "output %q lies outside of the folder of the configuration file: name such a file with the flag --output", word)
		return word
	}
	return format + "=" + r.path(file)
}
