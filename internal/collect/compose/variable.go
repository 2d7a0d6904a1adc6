package compose

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A variable without a value leaves a gap in the text that refers to it: a
// short mark that no YAML of a person contains, and that survives merging and
// parsing as any other word would. What a gap stands for is in the table of the
// project. Whoever reads a value in the end fills its gaps with the references
// as written and so learns that the value is not known.
const (
	gapStart = '\ufdd0'
	gapEnd   = '\ufdd1'
)

var gapPattern = regexp.MustCompile(string(gapStart) + `(\d+)` + string(gapEnd))

// gaps is the table of a project's references to variables without a value.
type gaps struct {
	list  []gap
	index map[gap]int
	// spent is how many bytes the values of variables have taken so far.
	spent int
}

// gap is one reference: as written, and the variable that it needs.
type gap struct{ text, name string }

func newGaps() *gaps { return &gaps{index: map[gap]int{}} }

// mark returns the mark of a reference.
func (g *gaps) mark(ref gap) string {
	i, ok := g.index[ref]
	if !ok {
		i = len(g.list)
		g.list = append(g.list, ref)
		g.index[ref] = i
	}
	return string(gapStart) + strconv.Itoa(i) + string(gapEnd)
}

// in lists the references whose marks a text contains.
func (g *gaps) in(text string) []gap {
	var out []gap
	if !open(text) {
		return out
	}
	for _, m := range gapPattern.FindAllStringSubmatch(text, -1) {
		if i, err := strconv.Atoi(m[1]); err == nil && i < len(g.list) {
			out = append(out, g.list[i])
		}
	}
	return out
}

// fill puts the references back as they were written.
func (g *gaps) fill(text string) string {
	if !open(text) {
		return text
	}
	return gapPattern.ReplaceAllStringFunc(text, func(mark string) string {
		if refs := g.in(mark); len(refs) > 0 {
			return refs[0].text
		}
		return ""
	})
}

// reason says why a text with gaps is not known; "" for one without.
func (g *gaps) reason(text string) string {
	var names []string
	seen := map[string]bool{}
	for _, ref := range g.in(text) {
		if !seen[ref.name] {
			seen[ref.name] = true
			names = append(names, ref.name)
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "variable " + names[0] + " has no value here"
	}
	return "variables " + strings.Join(names, ", ") + " have no value here"
}

// open reports whether a text has a gap.
func open(text string) bool { return strings.ContainsRune(text, gapStart) }

// expansion is a text whose references are replaced.
type expansion struct {
	// text has a gap for every variable without a value.
	text string
	// from is the file that a variable's value came from, "" if none was used.
	from string
}

// expand replaces the references in a text as Compose does. A variable without
// a value leaves a gap, unless the reference says what then holds.
func (s *scope) expand(text string) (expansion, error) {
	e := expander{scope: s}
	out, err := e.expand(text, 0)
	return expansion{out, e.from}, err
}

// text is expand for texts that were expanded before without an error.
func (s *scope) text(text string) string {
	e, _ := s.expand(text)
	return e.text
}

type expander struct {
	*scope
	from string
	// outer is asked before the scope, if there is one.
	outer func(name string) (variable, bool)
}

func (e *expander) find(name string) (variable, bool) {
	if e.outer != nil {
		if v, ok := e.outer(name); ok {
			return v, true
		}
	}
	v, ok := e.vars[name]
	return v, ok
}

// The bounds on what references may cost.
const (
	maxNesting  = 20       // defaults within defaults
	maxExpanded = 64 << 20 // bytes of values in one project
)

func (e *expander) expand(text string, depth int) (string, error) {
	if depth > maxNesting {
		return "", fmt.Errorf("defaults are nested deeper than %d levels", maxNesting)
	}
	if open(text) {
		text = strings.ReplaceAll(text, string(gapStart), "\ufffd")
	}
	if !strings.Contains(text, "$") {
		return text, nil
	}
	var out strings.Builder
	for text != "" {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			break
		}
		out.WriteString(text[:i])
		value, rest, err := e.reference(text[i:], depth)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
		text = rest
	}
	out.WriteString(text)
	if e.gaps.spent > maxExpanded {
		return "", fmt.Errorf("the values of variables add up to more than %d MiB", maxExpanded>>20)
	}
	return out.String(), nil
}

// reference reads one reference from the start of a text that begins with "$".
func (e *expander) reference(text string, depth int) (value, rest string, err error) {
	after := text[1:]
	switch {
	case strings.HasPrefix(after, "$"):
		return "$", after[1:], nil
	case strings.HasPrefix(after, "{"):
		return e.braced(text, depth)
	}
	n := nameLength(after)
	if n == 0 {
		return "$", after, nil
	}
	return e.plain(after[:n], text[:1+n]), after[n:], nil
}

// braced reads "${NAME}" or "${NAME" operator word "}".
func (e *expander) braced(text string, depth int) (value, rest string, err error) {
	invalid := func() (string, string, error) {
		return "", "", errors.New("invalid reference to a variable: write $$ for a dollar sign")
	}
	body := text[2:]
	n := nameLength(body)
	if n == 0 {
		return invalid()
	}
	name, after := body[:n], body[n:]
	if strings.HasPrefix(after, "}") {
		return e.plain(name, text[:2+n+1]), after[1:], nil
	}
	op := operator(after)
	end := closingBrace(after)
	if op == "" || end < 0 {
		return invalid()
	}
	word, rest := after[len(op):end], after[end+1:]
	value, err = e.apply(name, op, word, text[:len(text)-len(rest)], depth)
	return value, rest, err
}

func (e *expander) apply(name, op, word, text string, depth int) (string, error) {
	v, ok := e.find(name)
	given := ok && (v.value != "" || len(op) == 1)
	switch op[len(op)-1] {
	case '-':
		if given {
			return e.use(v), nil
		}
		return e.expand(word, depth+1)
	case '+':
		if given {
			return e.expand(word, depth+1)
		}
		return "", nil
	}
	if given {
		return e.use(v), nil
	}
	return e.gaps.mark(gap{text, name}), nil
}

// plain is a reference without an operator.
func (e *expander) plain(name, text string) string {
	if v, ok := e.find(name); ok {
		return e.use(v)
	}
	return e.gaps.mark(gap{text, name})
}

func (e *expander) use(v variable) string {
	e.from = cmp.Or(e.from, v.file)
	if e.gaps.spent += len(v.value); e.gaps.spent > maxExpanded {
		return ""
	}
	return v.value
}

// nameLength is the length of the variable name that a text begins with.
func nameLength(text string) int {
	for i := range len(text) {
		c := text[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(text)
}

// operator is the operator that a text begins with, "" for none.
func operator(text string) string {
	for _, op := range []string{":-", ":?", ":+", "-", "?", "+"} {
		if strings.HasPrefix(text, op) {
			return op
		}
	}
	return ""
}

// closingBrace finds the brace that closes a reference on the same line, as
// compose-go finds it: what follows an opening brace never closes, and where
// braces do not match, the last one of the line does.
func closingBrace(text string) int {
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	depth := 1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
			i++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return strings.LastIndexByte(text, '}')
}
