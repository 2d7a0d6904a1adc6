package triage

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// dockerfileScanner finds the comments and instructions of a Dockerfile.
type dockerfileScanner struct {
	*commentReader
	escape byte
	// instruction is the one that is being read, its lines joined.
	instruction []byte
	first, last int // its lines; first is 0 between instructions
	seen        int // instructions so far
	// heredocs are the bodies that follow the instruction.
	heredocs []heredoc
	// inside are comments between the lines of the instruction.
	inside []remark
}

// heredoc is the body that runs to a line with its name.
type heredoc struct {
	name string
	// tabs says that tabs before the name are cut off.
	tabs bool
}

var (
	escapeDirective = regexp.MustCompile("^#[ \t]*(?i:escape)[ \t]*=[ \t]*([\\\\`])[ \t]*$")
	heredocWord     = regexp.MustCompile(`^\d*<<(-?)([A-Za-z_][A-Za-z0-9_.-]*|'[^']+'|"[^"]+")$`)
)

// maxInstruction bounds what is kept of an instruction to look for heredocs.
const maxInstruction = 64 << 10

// scanDockerfile tells the reader the remarks and statements of a Dockerfile
// and returns the number of its last line.
func scanDockerfile(text []byte, r *commentReader) int {
	s := dockerfileScanner{commentReader: r, escape: '\\'}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		s.line(number, bytes.TrimRight(line, "\r\n"))
	}
	s.complete()
	return number
}

func (s *dockerfileScanner) line(number int, line []byte) {
	trimmed := bytes.Trim(line, " \t")
	between := s.first == 0 || len(s.heredocs) > 0
	switch {
	case len(s.heredocs) > 0:
		s.last = number
		if h := s.heredocs[0]; string(line) == h.name || h.tabs && string(bytes.TrimLeft(line, "\t")) == h.name {
			if s.heredocs = s.heredocs[1:]; len(s.heredocs) == 0 {
				s.complete()
			}
		}
	case len(trimmed) == 0:
	case trimmed[0] == '#':
		if m := escapeDirective.FindSubmatch(trimmed); m != nil && s.seen == 0 && between {
			s.escape = m[1][0]
		}
		c := remark{Position: position(number, line, bytes.IndexByte(line, '#')), text: string(trimmed[1:])}
		if between {
			s.remark(c, nil)
		} else if bytes.Contains(trimmed, []byte(marker)) {
			s.inside = append(s.inside, c)
		}
	default:
		s.code(number, line, trimmed)
	}
}

// code takes a line of an instruction.
func (s *dockerfileScanner) code(number int, line, trimmed []byte) {
	if s.first == 0 {
		s.first = number
	}
	s.last = number
	if i := bytes.Index(line, []byte("# "+marker)); i >= 0 && !s.full(position(number, line, i)) {
		s.refuse(position(number, line, i), "a Dockerfile has no comments at the end of a line, write it on a line of its own above")
	}
	continued := trimmed[len(trimmed)-1] == s.escape
	if continued {
		trimmed = trimmed[:len(trimmed)-1]
	}
	if len(s.instruction) < maxInstruction {
		s.instruction = append(append(s.instruction, trimmed...), ' ')
	}
	if continued {
		return
	}
	if s.heredocs = heredocs(string(s.instruction)); len(s.heredocs) == 0 {
		s.complete()
	}
}

// complete ends an instruction: now its lines are known.
func (s *dockerfileScanner) complete() {
	if s.first == 0 {
		return
	}
	word, _, _ := bytes.Cut(bytes.TrimLeft(s.instruction, " \t"), []byte(" "))
	from := bytes.EqualFold(word, []byte("FROM"))
	if from {
		s.end(1, s.first-1)
	}
	st := statement{first: s.first, last: s.last, opens: from, depth: 1}
	if s.seen == 0 {
		st.opens, st.depth = true, 0
	}
	s.statement(st)
	for _, c := range s.inside {
		s.remark(c, &st)
	}
	s.seen++
	s.first, s.last = 0, 0
	s.instruction, s.inside, s.heredocs = s.instruction[:0], nil, nil
}

// heredocs lists those of an instruction that may have them.
func heredocs(instruction string) []heredoc {
	if !strings.Contains(instruction, "<<") {
		return nil
	}
	words := shellWords(instruction)
	if len(words) > 0 && strings.EqualFold(words[0], "ONBUILD") {
		words = words[1:]
	}
	if len(words) == 0 || !slices.Contains([]string{"RUN", "COPY", "ADD"}, strings.ToUpper(words[0])) {
		return nil
	}
	var out []heredoc
	for _, word := range words[1:] {
		if m := heredocWord.FindStringSubmatch(word); m != nil {
			out = append(out, heredoc{name: strings.Trim(m[2], `'"`), tabs: m[1] != ""})
		}
	}
	return out
}

// shellWords splits at blanks outside of quotes and keeps the quotes.
func shellWords(text string) []string {
	var words []string
	var quote rune
	escaped := false
	start := 0
	add := func(end int) {
		if end > start {
			words = append(words, text[start:end])
		}
	}
	for i, c := range text {
		switch {
		case escaped:
			escaped = false
		case c == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == ' ' || c == '\t':
			add(i)
			start = i + 1
		}
	}
	add(len(text))
	return words
}
