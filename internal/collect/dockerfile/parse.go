package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/holdfast-sec/holdfast/internal/collect/script"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// The bounds on what one Dockerfile may hold; real ones stay far below.
const (
	maxStages       = 1_000
	maxInstructions = 5_000
)

// statement is one instruction as it was parsed.
type statement struct {
	// keyword is in capitals; onbuild says that ONBUILD stood before it.
	keyword string
	onbuild bool
	node    *parser.Node
	// typed is the instruction as BuildKit understands it, a *instructions.Stage
	// for FROM.
	typed any
	place source.Place
	// args is what follows the keyword on the joined lines, flags included;
	// words is where the first word after the flags starts in it.
	args     script.Text
	words    int
	heredocs []heredoc
}

// heredoc is the lines of a heredoc and the one that ends it.
type heredoc struct{ content, end script.Text }

// file is a Dockerfile taken apart into its statements.
type file struct {
	path   string
	lines  lines
	escape rune
	// continued matches what continues a line, at its end.
	continued  *regexp.Regexp
	statements []statement
}

// parse takes a Dockerfile apart. The error names the place and what a build
// would say about it.
func parse(name string, content []byte) (*file, *source.SyntaxError) {
	result, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, refusal(name, content, err, 0)
	}
	f := &file{path: name, lines: splitLines(content), escape: result.EscapeToken}
	escape := regexp.QuoteMeta(string(f.escape))
	f.continued = regexp.MustCompile(`([^` + escape + `])` + escape + `[ \t]*$|^` + escape + `[ \t]*$`)
	if n := len(result.AST.Children); n > maxInstructions {
		return nil, &source.SyntaxError{Reason: fmt.Sprintf("it has %d instructions, more than the %d that are read", n, maxInstructions)}
	}
	stages := 0
	for _, node := range result.AST.Children {
		s := f.statement(node)
		if s.typed, err = instructions.ParseInstruction(node); err != nil {
			return nil, refusal(name, content, err, node.StartLine)
		}
		if s.onbuild {
			// What is wrong with it shows when somebody builds on the image.
			if s.typed, err = instructions.ParseInstruction(s.node); err != nil {
				s.typed = nil
			}
		}
		switch {
		case s.keyword == "FROM":
			stages++
		case stages == 0 && s.keyword != "ARG":
			return nil, refusal(name, content, fmt.Errorf("%s stands before the first FROM", s.keyword), node.StartLine)
		}
		f.statements = append(f.statements, s)
	}
	switch {
	case stages == 0:
		return nil, refusal(name, content, errors.New("it has no FROM"), 0)
	case stages > maxStages:
		return nil, &source.SyntaxError{Reason: fmt.Sprintf("it has %d stages, more than the %d that are read", stages, maxStages)}
	}
	return f, nil
}

// statement places one node of the syntax tree in the file.
func (f *file) statement(node *parser.Node) statement {
	joined, end := f.join(node)
	s := statement{node: node, heredocs: f.heredocs(node, end)}
	s.cutKeyword(joined, f.escape)
	if s.keyword == "ONBUILD" && node.Next != nil && len(node.Next.Children) == 1 {
		child := node.Next.Children[0]
		// The parser hangs heredocs and lines on the outer node only.
		child.Heredocs, child.StartLine, child.EndLine = node.Heredocs, node.StartLine, node.EndLine
		s.onbuild, s.node = true, child
		s.cutKeyword(s.args, f.escape)
	}
	s.place = source.Place{File: f.path, Position: joined.Position(0)}
	if last := f.lines.bare(node.EndLine); node.EndLine > node.StartLine || last != "" {
		s.place.EndLine, s.place.EndColumn = node.EndLine, len([]rune(last))+1
	}
	return s
}

// join repeats how BuildKit joins the lines of an instruction, this time
// keeping where each came from. It returns the number of the last line.
func (f *file) join(node *parser.Node) (joined script.Text, end int) {
	var b script.Builder
	number := node.StartLine
	line := f.lines.bare(number)
	trimmed := strings.TrimLeftFunc(line, unicode.IsSpace)
	column := 1 + len([]rune(line)) - len([]rune(trimmed))
	for line = trimmed; ; line, column = f.lines.bare(number), 1 {
		start := strings.TrimLeftFunc(line, unicode.IsSpace)
		if number == node.StartLine || start != "" && start[0] != '#' {
			kept := f.continued.ReplaceAllString(line, "$1")
			b.Add(kept, source.Position{Line: number, Column: column})
			if kept == line {
				break
			}
		}
		if number++; number > min(node.EndLine, f.lines.last()) {
			number--
			break
		}
	}
	if b.String() != node.Original {
		// The parser saw something else: only the first line is certain.
		return script.Pin(node.Original, source.Position{Line: node.StartLine, Column: 1}), number
	}
	return b.Text(), number
}

// heredocs finds the lines of an instruction's heredocs below its last line.
func (f *file) heredocs(node *parser.Node, number int) []heredoc {
	var found []heredoc
	for _, doc := range node.Heredocs {
		var content, end script.Builder
		for range strings.Count(doc.Content, "\n") {
			number++
			content.Add(f.lines.bare(number), source.Position{Line: number, Column: 1})
			content.WriteByte('\n')
		}
		number++
		end.Add(f.lines.bare(number), source.Position{Line: number, Column: 1})
		found = append(found, heredoc{content.Text(), end.Text()})
	}
	return found
}

// cutKeyword splits a joined instruction into its keyword and its arguments,
// and finds where the flags end.
func (s *statement) cutKeyword(joined script.Text, escape rune) {
	line := joined.String()
	start := skipSpace(line, 0)
	end := start
	for end < len(line) && !isSpace(line[end]) {
		end++
	}
	s.keyword = strings.ToUpper(line[start:end])
	last := len(strings.TrimRightFunc(line, unicode.IsSpace))
	s.args = joined.Cut(min(skipSpace(line, end), last), last)
	s.words = skipFlags(s.args.String(), escape)
}

func isSpace(c byte) bool { return strings.IndexByte("\t\v\f\r ", c) >= 0 }

func skipSpace(line string, at int) int {
	for at < len(line) && isSpace(line[at]) {
		at++
	}
	return at
}

// skipFlags returns where the first word that is no --flag starts.
func skipFlags(line string, escape rune) int {
	at := 0
	for strings.HasPrefix(line[at:], "--") {
		quote, start := byte(0), at
		for ; at < len(line) && (quote != 0 || !isSpace(line[at])); at++ {
			switch c := line[at]; {
			case rune(c) == escape:
				at++
			case quote != 0 && c == quote:
				quote = 0
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			}
		}
		at = min(at, len(line))
		last := line[start:at] == "--"
		at = skipSpace(line, at)
		if last {
			break
		}
	}
	return at
}

var (
	quoted = regexp.MustCompile("\"[^\"]*\"|'[^']*'|`[^`]*`")
	marker = regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|%%\w+%%`)
	plain  = regexp.MustCompile(`^[A-Za-z]{1,20}$`)
)

// refusal turns an error of the parser into one for people. What the parser
// quotes may be a secret, so quotations are left out.
func refusal(name string, content []byte, err error, line int) *source.SyntaxError {
	var located *parser.LocationError
	if errors.As(err, &located) && len(located.Locations) > 0 && len(located.Locations[0]) > 0 {
		line = located.Locations[0][0].Start.Line
	}
	reason, _, _ := strings.Cut(err.Error(), "\n")
	var unknown *instructions.UnknownInstructionError
	switch {
	case errors.As(err, &unknown) && !plain.MatchString(unknown.Instruction):
		reason = "an instruction is expected here"
	case unknown != nil:
		reason = "there is no instruction " + strings.ToUpper(unknown.Instruction)
	case strings.Contains(reason, "no instructions"):
		reason = "it has no instructions"
	default:
		reason = quoted.ReplaceAllString(reason, `"..."`)
	}
	if len(reason) > 200 {
		reason = strings.ToValidUTF8(reason[:200], "") + "..."
	}
	if marker.Match(content) || slices.Contains(templateExtensions, path.Ext(name)) {
		reason = "it is a template, render it first: " + reason
	} else {
		reason = "it is no valid Dockerfile: " + reason
	}
	return &source.SyntaxError{Position: source.Position{Line: max(line, 0)}, Reason: reason}
}
