package compose

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// The bounds on an environment file.
const (
	maxEnvFile   = 4 << 20
	maxVariables = 20_000
)

// envLine is a variable of an environment file and where its value stands.
// Inherited says that the file only names it.
type envLine struct {
	value     string
	at        source.Position
	inherited bool
}

// parseEnvFile reads an environment file as Compose does. References go to
// lookup first and then to the variables before them in the file; those without
// a value leave gaps. Format "raw" is lines of NAME=VALUE without quotes and
// references.
//
// The reader of compose-go is not used: it recurses once a comment, and its
// references may double a value with every line.
func parseEnvFile(text []byte, format string, gaps *gaps, lookup func(string) (variable, bool)) (map[string]envLine, error) {
	if len(text) > maxEnvFile {
		return nil, fmt.Errorf("it is larger than %d MiB", maxEnvFile>>20)
	}
	p := &envParser{
		rest: strings.TrimPrefix(string(text), "\ufeff"), line: 1, column: 1,
		out: map[string]envLine{}, raw: format == "raw", lookup: lookup,
		scope: scope{vars: map[string]variable{}, gaps: gaps},
	}
	for p.skipToStatement() {
		if err := p.statement(); err != nil {
			return nil, &source.SyntaxError{Position: source.Position{Line: p.line, Column: p.column}, Reason: err.Error()}
		}
		if len(p.out) > maxVariables {
			return nil, fmt.Errorf("it holds more than %d variables", maxVariables)
		}
	}
	return p.out, nil
}

type envParser struct {
	rest         string
	line, column int
	raw          bool
	out          map[string]envLine
	scope        scope
	lookup       func(string) (variable, bool)
}

// next consumes n bytes.
func (p *envParser) next(n int) string {
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	if i := strings.LastIndexByte(taken, '\n'); i >= 0 {
		p.line += strings.Count(taken, "\n")
		p.column = 1 + utf8.RuneCountInString(taken[i+1:])
	} else {
		p.column += utf8.RuneCountInString(taken)
	}
	return taken
}

func (p *envParser) skip(is func(rune) bool) {
	p.next(len(p.rest) - len(strings.TrimLeftFunc(p.rest, is)))
}

func (p *envParser) toLineEnd() string {
	end := strings.IndexByte(p.rest, '\n')
	if end < 0 {
		end = len(p.rest)
	}
	return p.next(end)
}

// skipToStatement goes past blanks and comments and reports whether anything
// follows.
func (p *envParser) skipToStatement() bool {
	for {
		p.skip(unicode.IsSpace)
		if !strings.HasPrefix(p.rest, "#") {
			return p.rest != ""
		}
		p.toLineEnd()
	}
}

// blank is space within a line.
func blank(r rune) bool { return r != '\n' && unicode.IsSpace(r) }

func (p *envParser) statement() error {
	if after, ok := strings.CutPrefix(p.rest, "export"); ok && strings.TrimLeftFunc(after, blank) != after {
		p.next(len("export"))
		p.skip(blank)
	}
	end := strings.IndexAny(p.rest, "=:\n")
	if end < 0 {
		end = len(p.rest)
	}
	name := strings.TrimRightFunc(p.rest[:end], unicode.IsSpace)
	if i := strings.IndexFunc(name, notInName); i >= 0 {
		r, _ := utf8.DecodeRuneInString(name[i:])
		return fmt.Errorf("unexpected character %q in the name of a variable", r)
	}
	at := source.Position{Line: p.line, Column: p.column}
	p.next(end)
	if p.rest == "" || p.rest[0] == '\n' {
		v, ok := p.find(name)
		p.out[name] = envLine{value: v.value, at: at, inherited: !ok}
		return nil
	}
	p.next(1)
	p.skip(blank)
	at = source.Position{Line: p.line, Column: p.column}
	value, err := p.value()
	if err != nil {
		return err
	}
	p.out[name] = envLine{value: value, at: at}
	p.scope.vars[name] = variable{value: value}
	return nil
}

func notInName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_.-[]", r)
}

// find looks a variable up, the environment before the file.
func (p *envParser) find(name string) (variable, bool) {
	if v, ok := p.lookup(name); ok {
		return v, true
	}
	v, ok := p.scope.vars[name]
	return v, ok
}

func (p *envParser) value() (string, error) {
	if p.raw {
		return strings.TrimRight(p.toLineEnd(), "\r"), nil
	}
	if p.rest == "" || p.rest[0] != '"' && p.rest[0] != '\'' {
		value, _, _ := strings.Cut(p.toLineEnd(), " #")
		return p.expand(strings.TrimRightFunc(value, unicode.IsSpace))
	}
	quote := p.rest[0]
	end := closingQuote(p.rest)
	if end < 0 {
		return "", errors.New("the quoted value does not end")
	}
	body := p.next(end + 1)[1:end]
	body = strings.ReplaceAll(body, `\`+string(quote), string(quote))
	if quote == '\'' {
		return body, nil
	}
	return p.expand(unescape(body))
}

func closingQuote(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i
		}
	}
	return -1
}

// unescape resolves the escapes that a double-quoted value may have.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for text != "" {
		i := strings.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			break
		}
		out.WriteString(text[:i])
		value, n := escape(text[i:])
		out.WriteString(value)
		text = text[i+n:]
	}
	out.WriteString(text)
	return out.String()
}

// escape reads one escape sequence and its length; what is none stays.
func escape(text string) (string, int) {
	switch text[1] {
	case '$':
		return "$$", 2
	case 'a', 'b', 'f', 'n', 'r', 't', 'v', '\\', '"':
		if r, _, _, err := strconv.UnquoteChar(text, '"'); err == nil {
			return string(r), 2
		}
	case '0':
		n := 2
		for n < min(len(text), 5) && '0' <= text[n] && text[n] <= '9' {
			n++
		}
		if code, err := strconv.ParseUint(text[2:n], 8, 8); err == nil && n == 5 {
			return string(rune(code)), n
		}
		return `\` + text[2:n], n // as compose-go has it
	}
	return text[:2], 2
}

// expand replaces the references in a value, the environment before the file.
func (p *envParser) expand(text string) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	e := expander{scope: &p.scope, outer: p.lookup}
	return e.expand(text, 0)
}
