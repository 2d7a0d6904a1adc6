package dockerfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/script"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// splitter splits the scripts of the instruction and writes their commands.
func (w *writer) splitter() *script.Splitter {
	return &script.Splitter{File: w.s.place.File, Add: func(c asset.Command, place source.Place) string {
		if w.commands++; w.commands > script.MaxCommands {
			return fmt.Sprintf("the file has more than %d commands: the rest is not judged", script.MaxCommands)
		}
		w.at(fmt.Sprintf("commands[%d]", len(w.in.Commands)), place)
		w.in.Commands = append(w.in.Commands, c)
		return ""
	}}
}

// unjudged records why some of the commands are not known.
func (w *writer) unjudged(problem string) {
	if problem != "" {
		w.unknown(w.path+".commands", problem)
	}
}

// script writes the commands of a shell script into the instruction.
func (w *writer) script(line script.Text) {
	if !slices.ContainsFunc(w.st.shell, func(arg string) bool { return script.IsShell(script.Program(arg)) }) {
		other := script.Program(strings.ReplaceAll(w.st.shell[0], `\`, "/"))
		w.unknown(w.path+".commands", "scripts for "+other+" are not judged")
		return
	}
	p := w.splitter()
	p.Read(w.withHeredocs(p, line))
	w.unjudged(p.Problem)
}

var onlyHeredoc = regexp.MustCompile(`^\d*<<-?\s*['"]?[\w.-]+['"]?$`)

// withHeredocs is the script that a line with heredocs stands for. A line that
// is nothing but a heredoc is its content, run by the shell or by the program
// that the content names.
func (w *writer) withHeredocs(p *script.Splitter, line script.Text) script.Text {
	docs := w.s.heredocs
	if len(docs) == 1 && onlyHeredoc.MatchString(strings.TrimSpace(line.String())) {
		content := docs[0].content
		first, _, _ := strings.Cut(content.String(), "\n")
		words := strings.Fields(strings.TrimPrefix(first, "#!"))
		if !strings.HasPrefix(first, "#!") || len(words) == 0 {
			return content
		}
		if script.IsShell(script.Target(words)) {
			return content
		}
		p.Call(words, content.Cut(0, len(first)))
		return script.Text{}
	}
	if len(docs) == 0 {
		return line
	}
	var b script.Builder
	b.AddText(line)
	b.WriteByte('\n')
	for _, doc := range docs {
		b.AddText(doc.content)
		b.AddText(doc.end)
		b.WriteByte('\n')
	}
	return b.Text()
}

// exec writes the command of an exec form, which no shell splits.
func (w *writer) exec(words []string) {
	if len(words) == 0 {
		return
	}
	p := w.splitter()
	from := w.s.words
	if args := w.s.args.String(); w.s.keyword == "HEALTHCHECK" {
		from = min(skipSpace(args, from+len("CMD")), len(args))
	}
	p.Call(words, w.s.args.Cut(from, len(w.s.args.String())))
	w.unjudged(p.Problem)
}
