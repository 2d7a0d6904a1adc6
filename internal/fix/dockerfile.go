package fix

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/rule"
)

var instruction = regexp.MustCompile(`^(\s*(?:(?i:ONBUILD)\s+)?)([A-Za-z]+)\b`)

// editDockerfile replaces the keyword of an instruction ("set" names the
// keyword that is there), removes an instruction that stands on one line, or
// appends a line to the final stage, before its CMD or ENTRYPOINT ("append:
// end").
func editDockerfile(text []byte, line int, e rule.Edit) ([]byte, error) {
	y := newYAML(text) // lines and their ends; nothing of YAML is used
	switch {
	case e.Append != "":
		y.insertLines(beforeStart(y.lines), []string{e.Value})
	case line < 1 || line > len(y.lines):
		return nil, fmt.Errorf("there is no line %d", line)
	case e.Set != "":
		m := instruction.FindStringSubmatchIndex(y.lines[line-1])
		if m != nil && strings.EqualFold(y.lines[line-1][m[4]:m[5]], e.Value) {
			break // another finding about the same instruction did it
		}
		if m == nil || !strings.EqualFold(y.lines[line-1][m[4]:m[5]], e.Set) {
			return nil, fmt.Errorf("line %d is no %s any more: scan again", line, e.Set)
		}
		y.lines[line-1] = y.lines[line-1][:m[4]] + e.Value + y.lines[line-1][m[5]:]
	default:
		if strings.HasSuffix(strings.TrimSpace(y.lines[line-1]), `\`) {
			return nil, errors.New("the instruction runs over several lines: change it by hand")
		}
		y.removeLines(line, line)
	}
	return []byte(strings.Join(y.lines, y.newline)), nil
}

// beforeStart is the number of lines before the CMD or ENTRYPOINT that ends the
// final stage, or before the trailing blank lines if there is none.
func beforeStart(lines []string) int {
	at := len(lines)
	for at > 0 && strings.TrimSpace(lines[at-1]) == "" {
		at--
	}
	for i := at - 1; i >= 0; i-- {
		m := instruction.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		switch strings.ToUpper(m[2]) {
		case "CMD", "ENTRYPOINT":
			at = i
		case "FROM":
			return at
		}
	}
	return at
}
