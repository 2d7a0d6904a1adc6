package dockerfile

import "strings"

// lines are the physical lines of a file, with their ends.
type lines []string

func splitLines(content []byte) lines {
	var out lines
	for line := range strings.Lines(string(content)) {
		out = append(out, line)
	}
	return out
}

// last returns the number of the last line.
func (l lines) last() int { return max(len(l), 1) }

// bare returns a line without its end, and without a byte-order mark.
func (l lines) bare(number int) string {
	if number < 1 || number > len(l) {
		return ""
	}
	line := strings.TrimRight(l[number-1], "\r\n")
	if number == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	return line
}
