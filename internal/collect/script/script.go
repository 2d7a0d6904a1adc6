// Package script splits shell scripts into the simple commands that they run,
// for every collector that meets scripts: in Dockerfiles and in the histories of
// images. Nothing is run, and variables stay as they are written.
package script

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// MaxCommands is how many commands of one file or image collectors keep.
const MaxCommands = 20_000

// The bounds on scripts. The parser recurses, so nesting is bounded before it
// runs: its time grows with the square of the open parentheses.
const (
	maxScript  = 64 << 10
	maxNesting = 100
	maxInline  = 4 // of sh -c within sh -c
)

// Splitter splits scripts into simple commands.
type Splitter struct {
	// File is the file that the scripts stand in.
	File string
	// Add is handed each command and where it stands. What it returns is why
	// the command was not taken, "" if it was.
	Add func(asset.Command, source.Place) (problem string)
	// Problem is why some of what was read is not judged, "" if all is.
	Problem string

	src   Text // the script that is being read
	depth int
}

// Read splits a whole script.
func (p *Splitter) Read(script Text) {
	s := script.String()
	if reason := unreadable(s); reason != "" {
		p.Problem = reason
		return
	}
	var file *syntax.File
	var err error
	for _, lang := range []syntax.LangVariant{syntax.LangBash, syntax.LangPOSIX} {
		if file, err = syntax.NewParser(syntax.Variant(lang)).Parse(strings.NewReader(s), ""); err == nil {
			break
		}
	}
	if err != nil {
		p.Problem = "the script does not parse and is not judged: " + parseReason(err)
		return
	}
	outer := p.src
	p.src = script
	p.statements(file.Stmts, "")
	p.src = outer
}

// unreadable says why a script is not handed to the parser.
func unreadable(s string) string {
	if len(s) > maxScript {
		return fmt.Sprintf("the script is longer than %d KiB and not judged", maxScript>>10)
	}
	open, deepest := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '(', '{':
			open++
			deepest = max(deepest, open)
		case ')', '}':
			open = max(open-1, 0)
		}
	}
	if deepest > maxNesting || strings.Count(s, "`") > 10*maxNesting {
		return "the script is nested too deeply and not judged"
	}
	return ""
}

var quoted = regexp.MustCompile("\"[^\"]*\"|'[^']*'|`[^`]*`")

// parseReason is what is wrong with a script, without quoting from it.
func parseReason(err error) string {
	var parse syntax.ParseError
	if errors.As(err, &parse) {
		return quoted.ReplaceAllString(parse.Text, "...")
	}
	return "its syntax is not known"
}

func (p *Splitter) statements(list []*syntax.Stmt, from string) {
	for _, st := range list {
		p.statement(st, from)
	}
}

// statement reads one statement; from is the program whose output it reads.
func (p *Splitter) statement(st *syntax.Stmt, from string) {
	for _, r := range st.Redirs {
		p.substitutions(r.Word)
	}
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		p.callExpr(st, c, from)
	case *syntax.BinaryCmd:
		p.statement(c.X, from)
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			from = p.lastProgram(c.X)
		}
		p.statement(c.Y, from)
	case *syntax.Subshell:
		p.statements(c.Stmts, from)
	case *syntax.Block:
		p.statements(c.Stmts, from)
	case *syntax.IfClause:
		for at := c; at != nil; at = at.Else {
			p.statements(at.Cond, from)
			p.statements(at.Then, from)
		}
	case *syntax.WhileClause:
		p.statements(c.Cond, from)
		p.statements(c.Do, from)
	case *syntax.ForClause:
		if loop, ok := c.Loop.(*syntax.WordIter); ok {
			for _, word := range loop.Items {
				p.substitutions(word)
			}
		}
		p.statements(c.Do, from)
	case *syntax.CaseClause:
		p.substitutions(c.Word)
		for _, item := range c.Items {
			p.statements(item.Stmts, from)
		}
	case *syntax.FuncDecl:
		p.statement(c.Body, from)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			p.statement(c.Stmt, from)
		}
	case *syntax.CoprocClause:
		p.statement(c.Stmt, from)
	case *syntax.DeclClause:
		p.declaration(st, c)
	case nil:
	default:
		p.substitutions(c)
	}
}

// lastProgram is the program that writes into a pipe: the last one of what
// stands before it, "" where that is no plain program.
func (p *Splitter) lastProgram(st *syntax.Stmt) string {
	var list []*syntax.Stmt
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		return p.called(c)
	case *syntax.BinaryCmd:
		return p.lastProgram(c.Y)
	case *syntax.Subshell:
		list = c.Stmts
	case *syntax.Block:
		list = c.Stmts
	case *syntax.WhileClause:
		list = c.Do
	case *syntax.ForClause:
		list = c.Do
	case *syntax.IfClause:
		list = c.Then
	}
	if len(list) == 0 {
		return ""
	}
	return p.lastProgram(list[len(list)-1])
}

// called is the program that a simple command runs, "" if it only assigns.
func (p *Splitter) called(c *syntax.CallExpr) string {
	words := p.words(c.Args)
	if len(words) == 0 {
		return ""
	}
	_, skip := unwrap(words)
	return Program(words[skip])
}

// substitutions reads the commands whose output a word is made of.
func (p *Splitter) substitutions(n syntax.Node) {
	if word, ok := n.(*syntax.Word); ok && word == nil {
		return
	}
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			p.statements(n.Stmts, "")
			return false
		case *syntax.ProcSubst:
			p.statements(n.Stmts, "")
			return false
		}
		return true
	})
}

// declaration reads export and the like, which the parser holds for syntax.
func (p *Splitter) declaration(st *syntax.Stmt, c *syntax.DeclClause) {
	words := []string{c.Variant.Value}
	for _, a := range c.Args {
		p.substitutions(a)
		word := ""
		if a.Name != nil {
			word = a.Name.Value
		}
		if !a.Naked {
			word += "="
		}
		if a.Value != nil {
			word += p.value(a.Value)
		}
		words = append(words, word)
	}
	p.call(words, nil, "", p.extent(st))
}

func (p *Splitter) callExpr(st *syntax.Stmt, c *syntax.CallExpr, from string) {
	for _, a := range c.Assigns {
		p.substitutions(a)
	}
	words := p.words(c.Args)
	inline := -1
	if len(words) > 0 {
		_, skip := unwrap(words)
		if i := inlineScript(words[skip:]); i >= 0 {
			inline = skip + i
		}
	}
	for i, word := range c.Args {
		// The commands within an inline script are found when it is read.
		if i != inline || startsSubstitution(words[i]) {
			p.substitutions(word)
		}
	}
	if len(words) == 0 {
		return
	}
	p.call(words, c.Args, from, p.extent(st))
	if _, skip := unwrap(words); skip < len(words) && slices.Contains(shells, Program(words[skip])) {
		p.standardInput(st)
	}
}

func startsSubstitution(word string) bool {
	return strings.HasPrefix(word, "$(") || strings.HasPrefix(word, "`")
}

// standardInput reads the script that a heredoc gives to a shell.
func (p *Splitter) standardInput(st *syntax.Stmt) {
	for _, r := range st.Redirs {
		if r.Hdoc == nil {
			continue
		}
		body := p.src.Cut(int(r.Hdoc.Pos().Offset()), int(r.Hdoc.End().Offset()))
		// The parser counts the line that ends it in.
		content := strings.TrimRight(body.String(), "\t")
		p.inline(body.Cut(0, len(strings.TrimSuffix(content, p.value(r.Word)))))
	}
}

// extent is the text of a statement with its redirections.
func (p *Splitter) extent(st *syntax.Stmt) Text {
	from, to := st.Cmd.Pos().Offset(), st.Cmd.End().Offset()
	for _, r := range st.Redirs {
		from, to = min(from, r.Pos().Offset()), max(to, r.End().Offset())
	}
	// The body of a heredoc ends with a newline.
	extent := p.src.Cut(int(from), int(to))
	return extent.Cut(0, len(strings.TrimRight(extent.String(), " \t\n")))
}

// Call adds the command of an exec form, which no shell splits, and those of the
// script that it is given.
func (p *Splitter) Call(words []string, extent Text) {
	if len(words) > 0 {
		p.call(words, nil, "", extent)
	}
}

// call adds one simple command, and those of the script that it is given. nodes
// are the words as they were parsed, nil for an exec form.
func (p *Splitter) call(words []string, nodes []*syntax.Word, from string, extent Text) {
	names, skip := unwrap(words)
	command := asset.Command{
		Name: Program(words[skip]), Args: words[skip+1:], Wrappers: names,
		PipedFrom: from, Text: extent.String(),
	}
	place := extent.Span(p.File, 0, len(extent.String()))
	if !p.add(command, place) {
		return
	}
	if i := inlineScript(words[skip:]); i >= 0 && !startsSubstitution(words[skip+i]) {
		p.inline(p.inlineText(words, nodes, skip+i, place.Position))
	}
	if command.Name == "find" {
		p.findExec(command, place)
	}
}

// add hands over a command. It reports whether it was taken.
func (p *Splitter) add(c asset.Command, place source.Place) bool {
	problem := p.Add(c, place)
	if problem != "" {
		p.Problem = problem
	}
	return problem == ""
}

// inline reads a script within a script.
func (p *Splitter) inline(script Text) {
	if p.depth >= maxInline {
		p.Problem = "the script is nested too deeply and not judged"
		return
	}
	p.depth++
	p.Read(script)
	p.depth--
}

// inlineText is the script in a word. Where the word is quoted as a whole and
// nothing in it is escaped, its characters have places of their own.
func (p *Splitter) inlineText(words []string, nodes []*syntax.Word, i int, at source.Position) Text {
	if nodes == nil || i >= len(nodes) || len(nodes[i].Parts) != 1 {
		return Pin(words[i], at)
	}
	from, to := 0, 0
	switch part := nodes[i].Parts[0].(type) {
	case *syntax.SglQuoted:
		from, to = int(part.Left.Offset())+1, int(part.Right.Offset())
	case *syntax.DblQuoted:
		from, to = int(part.Left.Offset())+1, int(part.Right.Offset())
	}
	if from > 0 && from <= to && to <= len(p.src.String()) && p.src.Cut(from, to).String() == words[i] {
		return p.src.Cut(from, to)
	}
	return Pin(words[i], at)
}

// findExec adds the command that find runs.
func (p *Splitter) findExec(find asset.Command, place source.Place) {
	for i, arg := range find.Args {
		if arg != "-exec" && arg != "-execdir" && arg != "-ok" || i+1 >= len(find.Args) {
			continue
		}
		words := find.Args[i+1:]
		if end := slices.IndexFunc(words, func(w string) bool { return w == ";" || w == "+" }); end >= 0 {
			words = words[:end]
		}
		if len(words) == 0 {
			continue
		}
		names, skip := unwrap(words)
		p.add(asset.Command{
			Name: Program(words[skip]), Args: words[skip+1:], Wrappers: append(append(slices.Clone(find.Wrappers), "find"), names...),
			Text: find.Text,
		}, place)
	}
}

func (p *Splitter) words(list []*syntax.Word) []string {
	words := make([]string, len(list))
	for i, word := range list {
		words[i] = p.value(word)
	}
	return words
}

// value is a word without its quotes; what a shell would substitute stays as it
// is written.
func (p *Splitter) value(word *syntax.Word) string {
	var b strings.Builder
	for _, part := range word.Parts {
		p.part(&b, part, false)
	}
	return b.String()
}

func (p *Splitter) part(b *strings.Builder, part syntax.WordPart, inQuotes bool) {
	switch part := part.(type) {
	case *syntax.Lit:
		unescape(b, part.Value, inQuotes)
	case *syntax.SglQuoted:
		b.WriteString(part.Value)
	case *syntax.DblQuoted:
		for _, inner := range part.Parts {
			p.part(b, inner, true)
		}
	default:
		s := p.src.String()
		from, to := int(part.Pos().Offset()), int(part.End().Offset())
		if from <= to && to <= len(s) {
			b.WriteString(s[from:to])
		}
	}
}

// unescape drops the backslashes that a shell drops.
func unescape(b *strings.Builder, s string, inQuotes bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (!inQuotes || strings.IndexByte("\"\\$`\n", s[i+1]) >= 0) {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
}
