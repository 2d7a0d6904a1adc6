package fix

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// yaml is a YAML text that is edited by lines and columns.
type yaml struct {
	lines   []string // without their ends
	newline string
}

func newYAML(text []byte) *yaml {
	y := &yaml{newline: "\n"}
	if bytes.Contains(text, []byte("\r\n")) {
		y.newline = "\r\n"
	}
	for _, line := range strings.Split(string(text), "\n") {
		y.lines = append(y.lines, strings.TrimSuffix(line, "\r"))
	}
	return y
}

// check gives the edited text back if it still parses.
func (y *yaml) check(document int) ([]byte, error) {
	text := []byte(strings.Join(y.lines, y.newline))
	docs := source.Split(text)
	if document >= len(docs) {
		return nil, errors.New("the edit would break the file")
	}
	if _, err := docs[document].Parse(); err != nil {
		return nil, fmt.Errorf("the edit would break the file: %w", err)
	}
	return text, nil
}

var errShared = errors.New("the value is shared through an anchor: change it by hand")

// set gives the value at the path below a mapping, creating what is absent.
func (y *yaml) set(base *source.Node, path []string, value string) error {
	pair := base.Pair(path[0])
	switch {
	case pair == nil:
		return y.insert(base, path, value)
	case !inside(pair.Key, base) || !inside(pair.Value, base):
		return errShared
	case len(path) == 1:
		return y.replace(pair, value)
	case pair.Value.Kind == source.Map && len(pair.Value.Pairs) > 0:
		return y.set(pair.Value, path[1:], value)
	case pair.Value.Kind == source.Map || pair.Value.Kind == source.Null:
		// "key:" or "key: {}": write the mapping in full.
		return y.replaceWithMapping(pair, path[1:], value)
	}
	return fmt.Errorf("%s is no mapping", path[0])
}

// inside reports whether a node is written within another, and not merged or
// aliased into it from elsewhere.
func inside(n, within *source.Node) bool {
	return n.Line == 0 || n.Line >= within.Line && n.EndLine <= within.EndLine
}

// insert adds a key to a mapping, after its last entry.
func (y *yaml) insert(m *source.Node, path []string, value string) error {
	if len(m.Pairs) == 0 {
		return errors.New("the mapping is empty")
	}
	if y.isFlow(m) {
		return y.insertFlow(m, flow(path, value))
	}
	last := m.Line
	for _, p := range m.Pairs {
		if inside(p.Key, m) && inside(p.Value, m) {
			last = max(last, p.Key.Line, p.Value.EndLine)
		}
	}
	last = y.trimBlank(last)
	y.insertLines(last, block(path, value, m.Column-1))
	return nil
}

// trimBlank moves up from blank lines that a block scalar may end with.
func (y *yaml) trimBlank(line int) int {
	line = min(line, len(y.lines))
	for line > 1 && strings.TrimSpace(y.lines[line-1]) == "" {
		line--
	}
	return line
}

// block writes a path of keys as a block mapping.
func block(path []string, value string, indent int) []string {
	var lines []string
	for i, key := range path {
		line := strings.Repeat(" ", indent+2*i) + key + ":"
		if i == len(path)-1 {
			line += " " + value
		}
		lines = append(lines, line)
	}
	return lines
}

// flow writes a path of keys as an entry of a flow mapping.
func flow(path []string, value string) string {
	if len(path) == 1 {
		return path[0] + ": " + value
	}
	return path[0] + ": {" + flow(path[1:], value) + "}"
}

func (y *yaml) insertLines(after int, lines []string) {
	y.lines = append(y.lines[:after:after], append(lines, y.lines[after:]...)...)
}

// isFlow reports whether a collection is written with brackets.
func (y *yaml) isFlow(n *source.Node) bool {
	at := y.from(n.Position)
	return strings.HasPrefix(at, "{") || strings.HasPrefix(at, "[")
}

// from is the rest of the line from a position on.
func (y *yaml) from(at source.Position) string {
	if at.Line < 1 || at.Line > len(y.lines) {
		return ""
	}
	return string([]rune(y.lines[at.Line-1])[min(at.Column-1, len([]rune(y.lines[at.Line-1]))):])
}

// insertFlow adds an entry before the closing bracket of a collection that
// stands on one line.
func (y *yaml) insertFlow(n *source.Node, entry string) error {
	line, start := y.at(n.Position)
	end := closing(line[start:])
	if end < 0 {
		return errors.New("the value runs over several lines in brackets: change it by hand")
	}
	end += start
	inner := strings.TrimRight(string(line[start+1:end]), " ,")
	if strings.TrimSpace(inner) != "" {
		inner += ", "
	}
	y.lines[n.Line-1] = string(line[:start+1]) + inner + entry + string(line[end:])
	return nil
}

func (y *yaml) at(p source.Position) (line []rune, column int) {
	line = []rune(y.lines[p.Line-1])
	return line, min(p.Column-1, len(line))
}

// closing finds the bracket that closes the one at the start, or -1.
func closing(text []rune) int {
	depth, quote := 0, rune(0)
	for i, r := range text {
		switch {
		case quote != 0:
			if r == quote && (quote == '\'' || text[i-1] != '\\') {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '{' || r == '[':
			depth++
		case r == '}' || r == ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// replace writes another value for a key.
func (y *yaml) replace(pair *source.Pair, value string) error {
	v := pair.Value
	if v.Kind == source.Null && v.Value == "" {
		line, end := y.keyEnd(pair.Key)
		y.lines[pair.Key.Line-1] = string(line[:end]) + " " + value + string(line[end:])
		return nil
	}
	line, start := y.at(v.Position)
	if (v.Kind == source.Map || v.Kind == source.List) && !y.isFlow(v) {
		// A block below its key: the key's line gets the value, the block goes.
		if pair.Key.Line == v.Line {
			return errors.New("the value starts on the line of its key: change it by hand")
		}
		keyLine, end := y.keyEnd(pair.Key)
		y.lines[pair.Key.Line-1] = string(keyLine[:end]) + " " + value
		y.removeLines(pair.Key.Line+1, y.trimBlank(v.EndLine))
		return nil
	}
	end := scalarEnd(line, start)
	if v.EndLine > v.Line || end < 0 {
		return errors.New("the value runs over several lines: change it by hand")
	}
	y.lines[v.Line-1] = string(line[:start]) + value + string(line[end:])
	return nil
}

// keyEnd returns the line of a key and the column behind its colon.
func (y *yaml) keyEnd(key *source.Node) ([]rune, int) {
	line, start := y.at(key.Position)
	if i := strings.IndexByte(string(line[start:]), ':'); i >= 0 {
		return line, start + len([]rune(string(line[start:])[:i])) + 1
	}
	return line, len(line)
}

// scalarEnd returns the column behind a value that starts at a column, or -1 if
// it does not end on the line.
func scalarEnd(line []rune, start int) int {
	if start >= len(line) {
		return -1
	}
	switch line[start] {
	case '{', '[':
		if end := closing(line[start:]); end >= 0 {
			return start + end + 1
		}
		return -1
	case '"', '\'':
		for i := start + 1; i < len(line); i++ {
			if line[i] == line[start] && (line[start] == '\'' || line[i-1] != '\\') {
				return i + 1
			}
		}
		return -1
	case '|', '>', '&', '*', '!':
		return -1
	}
	end := len(line)
	for i := start; i < len(line); i++ {
		if line[i] == ',' || line[i] == '}' || line[i] == ']' || line[i] == '#' && i > 0 && line[i-1] == ' ' {
			end = i
			break
		}
	}
	for end > start && line[end-1] == ' ' {
		end--
	}
	return end
}

func (y *yaml) removeLines(first, last int) {
	if last >= first {
		y.lines = append(y.lines[:first-1:first-1], y.lines[last:]...)
	}
}

// replaceWithMapping gives a key without a value, or with an empty mapping, the
// first entry of its mapping.
func (y *yaml) replaceWithMapping(pair *source.Pair, path []string, value string) error {
	if pair.Value.Kind == source.Map {
		return y.replace(pair, "{"+flow(path, value)+"}")
	}
	if pair.Value.Value != "" {
		return y.replace(pair, "{"+flow(path, value)+"}")
	}
	y.insertLines(pair.Key.Line, block(path, value, pair.Key.Column+1))
	return nil
}

// remove deletes the key at the path. A key that is absent is no error.
func (y *yaml) remove(base *source.Node, path []string) error {
	pair := base.Pair(path[0])
	switch {
	case pair == nil:
		return nil
	case !inside(pair.Key, base) || !inside(pair.Value, base):
		return errShared
	case len(path) > 1:
		return y.remove(pair.Value, path[1:])
	case y.isFlow(base):
		return y.removeFlow(pair)
	}
	before := string([]rune(y.lines[pair.Key.Line-1])[:pair.Key.Column-1])
	if strings.TrimSpace(before) != "" {
		return errors.New("the key stands behind the dash of its list item: change it by hand")
	}
	y.removeLines(pair.Key.Line, y.trimBlank(max(pair.Key.Line, pair.Value.EndLine)))
	return nil
}

func (y *yaml) removeFlow(pair *source.Pair) error {
	if pair.Key.Line != pair.Value.EndLine {
		return errors.New("the value runs over several lines in brackets: change it by hand")
	}
	line, start := y.at(pair.Key.Position)
	_, valueStart := y.at(pair.Value.Position)
	end := scalarEnd(line, valueStart)
	if end < 0 {
		return errors.New("the value does not end on its line: change it by hand")
	}
	rest := strings.TrimLeft(string(line[end:]), " ")
	head := string(line[:start])
	if trimmed, ok := strings.CutPrefix(rest, ","); ok {
		rest = strings.TrimLeft(trimmed, " ")
	} else {
		head = strings.TrimRight(head, " ,")
	}
	y.lines[pair.Key.Line-1] = head + rest
	return nil
}

// append adds a value to the list at the path, creating the list if absent.
func (y *yaml) append(base *source.Node, path []string, value string) error {
	pair := base.Pair(path[0])
	switch {
	case pair == nil:
		return y.insert(base, path, "["+value+"]")
	case !inside(pair.Key, base) || !inside(pair.Value, base):
		return errShared
	case len(path) > 1:
		return y.append(pair.Value, path[1:], value)
	case pair.Value.Kind == source.Null && pair.Value.Value == "":
		return y.replace(pair, "["+value+"]")
	case pair.Value.Kind != source.List:
		return fmt.Errorf("%s is no list", path[0])
	case y.isFlow(pair.Value):
		return y.insertFlow(pair.Value, value)
	}
	for _, item := range pair.Value.Items {
		if item.Value == value {
			return nil
		}
	}
	indent := strings.Repeat(" ", pair.Value.Column-1)
	y.insertLines(y.trimBlank(pair.Value.EndLine), []string{indent + "- " + value})
	return nil
}
