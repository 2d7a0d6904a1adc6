package dockerfile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// The bounds on substitution: a variable that doubles another thirty times must
// not fill the memory.
const (
	maxValue         = 16 << 10 // of one variable
	maxExpansion     = 64 << 10 // of the values put into one word
	maxFileExpansion = 8 << 20  // of the values put into one file
	maxReplaced      = 512      // of a word with ${x/pattern/...} and its values
	maxReplacements  = 100      // of such words in a file
)

// platformArgs are the build arguments that the builder sets by itself, as it
// does for a build on and for linux/amd64.
var platformArgs = map[string]string{
	"BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDARCH": "amd64", "BUILDVARIANT": "",
	"TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": "amd64", "TARGETVARIANT": "",
}

// variable is an ARG or ENV. Its text keeps ${X} where X is decided by whoever
// builds; unknown then says why it is not known.
type variable struct {
	text    string
	unknown string
}

// scope is the variables that hold at a point of a stage. ENV wins over ARG,
// as it does in a build.
type scope struct {
	args, env map[string]variable
	outer     *scope // of the stage that this one is built on
	// missing explains a variable that is nowhere declared.
	missing string
	lex     *shell.Lex
	spent   *spending
}

// spending is what substitution has cost in a file so far.
type spending struct {
	bytes, replacements int
}

func newScope(outer *scope, missing string, escape rune, spent *spending) *scope {
	return &scope{
		args: map[string]variable{}, env: map[string]variable{}, outer: outer,
		missing: missing, lex: shell.NewLex(escape), spent: spent,
	}
}

func (s *scope) lookup(name string) (variable, bool) {
	for at := s; at != nil; at = at.outer {
		if v, ok := at.env[name]; ok {
			return v, true
		}
	}
	for at := s; at != nil; at = at.outer {
		if v, ok := at.args[name]; ok {
			return v, true
		}
	}
	return variable{}, false
}

func (s *scope) setEnv(name string, v variable) { s.env[name] = v.bounded() }
func (s *scope) setArg(name string, v variable) { s.args[name] = v.bounded() }

func (v variable) bounded() variable {
	if len(v.text) > maxValue {
		return variable{text: "", unknown: fmt.Sprintf("its value is longer than %d KiB", maxValue>>10)}
	}
	return v
}

// reference finds a variable; its modifier is what follows a name in braces.
var reference = regexp.MustCompile(`\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)([^A-Za-z_0-9]?))`)

// references lists the variables that a text refers to.
func references(s string) []string {
	var names []string
	for _, m := range reference.FindAllStringSubmatch(s, -1) {
		names = append(names, m[1]+m[2])
	}
	return names
}

// expand substitutes the variables of one word and removes its quotes.
func (s *scope) expand(word string) variable {
	values, reason := s.values(word)
	if reason != "" {
		return variable{word, reason}
	}
	result, _, err := s.lex.ProcessWord(word, values)
	if err != nil {
		return variable{word, "a variable in it cannot be substituted"}
	}
	return values.result(result)
}

// expandAll substitutes the variables of one word, which may become several.
func (s *scope) expandAll(word string) []variable {
	values, reason := s.values(word)
	if reason != "" {
		return []variable{{word, reason}}
	}
	results, err := s.lex.ProcessWords(word, values)
	if err != nil {
		return []variable{{word, "a variable in it cannot be substituted"}}
	}
	var out []variable
	for _, r := range results {
		out = append(out, values.result(r))
	}
	return out
}

// values looks up what a word needs before anything is put together, so that
// its size is known first.
func (s *scope) values(word string) (*values, string) {
	v := &values{}
	if strings.IndexByte(word, '$') < 0 {
		return v, ""
	}
	v.found = map[string]variable{}
	total, replaced := 0, 0
	for _, m := range reference.FindAllStringSubmatch(word, -1) {
		name, modifier := m[1]+m[2], m[3]
		if modifier == "/" {
			replaced++
		}
		got, ok := s.lookup(name)
		switch {
		case !ok && (modifier == ":" || modifier == "-" || modifier == "+"):
			continue // ${X:-default} says itself what holds without X
		case !ok:
			got = variable{"${" + name + "}", fmt.Sprintf(s.missing, name)}
		case got.unknown != "" && (modifier == ":" || modifier == "-") && got.text == "${"+name+"}":
			continue // declared without a default
		}
		v.found[name] = got
		total += len(got.text)
	}
	s.spent.bytes += total
	s.spent.replacements += replaced
	if total > maxExpansion || s.spent.bytes > maxFileExpansion ||
		replaced > 1 || replaced == 1 && total+len(word) > maxReplaced || s.spent.replacements > maxReplacements {
		return nil, "its substitution is too large to be worked out"
	}
	return v, ""
}

// values gives the lexer the variables of one word.
type values struct{ found map[string]variable }

// Get implements shell.EnvGetter.
func (v *values) Get(name string) (string, bool) {
	got, ok := v.found[name]
	return got.text, ok
}

// Keys implements shell.EnvGetter.
func (v *values) Keys() []string { return slices.Sorted(maps.Keys(v.found)) }

// result is unknown if something unknown is still in the text.
func (v *values) result(s string) variable {
	var reasons []string
	for _, name := range v.Keys() {
		got := v.found[name]
		if got.unknown != "" && strings.Contains(s, got.text) && !slices.Contains(reasons, got.unknown) {
			reasons = append(reasons, got.unknown)
		}
	}
	return variable{s, strings.Join(reasons, "; ")}
}
