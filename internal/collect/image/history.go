package image

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/script"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// maxArgs is how many build arguments of all instructions are kept.
const maxArgs = 1_000

// keywords are the instructions as builders write them into a history.
var keywords = []string{
	"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER",
	"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}

var (
	// nop is how the classic builder and buildah mark what runs nothing.
	nop = expression(`^.{0,200}?#\(nop\)\s*`)
	// withArgs is what stands before a command that saw build arguments.
	withArgs = expression(`^\|(\d{1,4})\s+`)
	// inShell is the shell that runs a command: "/bin/sh -c", "/bin/bash -o
	// pipefail -c", "cmd /S /C", "powershell -Command".
	inShell = expression(`^(?:\S*/)?(?:` +
		`(?:ba|da|a|z|k|mk)?sh(?:\s+-[a-z]+(?:\s+pipefail)?){0,8}?\s+-[a-z]*c[a-z]*(?:\s+pipefail)?` +
		`|(?i:cmd(?:\.exe)?(?:\s+/[A-Za-z]){1,3})|(?i:powershell(?:\.exe)?|pwsh)(?:\s+-\w+){0,5}?\s+(?i:-command))\s+`)
	// assigned is where the value of a name starts.
	assigned = expression(`(?:^|\s)([A-Za-z_][\w.-]*)=`)
	// addressed is content that the classic builder names by its hash.
	addressed = expression(`^(file|dir|multi):[0-9a-f]{16,}$`)
	exposed   = expression(`\d+(?:-\d+)?(?:/\w+)?`)
)

// expression compiles a regular expression when it is first asked for: most runs
// of the program look into no image.
func expression(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// add writes the instruction that one entry of a history tells of.
func (h *historian) add(createdBy string, layer int64) {
	in := asset.Instruction{Layer: layer, Shipped: true, User: h.user}
	keyword, text := instruction(createdBy)
	if keyword == "ONBUILD" {
		h.onbuild = append(h.onbuild, text)
		in.Onbuild, in.Shipped = true, slices.Contains(h.config.OnBuild, text)
		keyword, text = instruction(text)
	}
	in.Cmd, in.Text = keyword, text
	h.image.Instructions = append(h.image.Instructions, in)
	h.write(len(h.image.Instructions) - 1)
}

// instruction takes an entry apart into the keyword of a Dockerfile and what
// follows it. The keyword is "" for what comes from no Dockerfile.
func instruction(createdBy string) (keyword, text string) {
	text = strings.TrimSpace(createdBy)
	text = strings.TrimSpace(strings.TrimSuffix(text, "# buildkit"))
	if mark := nop().FindString(text); mark != "" {
		text = strings.TrimSpace(text[len(mark):])
	} else if withArgs().MatchString(text) || inShell().MatchString(text) {
		return "RUN", text
	}
	word := text
	if end := strings.IndexFunc(text, unicode.IsSpace); end >= 0 {
		word = text[:end]
	}
	if slices.Contains(keywords, word) {
		return word, strings.TrimSpace(text[len(word):])
	}
	return "", text
}

// write fills in what the text of an instruction says.
func (h *historian) write(i int) {
	in := &h.image.Instructions[i]
	switch in.Cmd {
	case "RUN":
		h.run(i)
	case "ENV", "LABEL":
		in.Pairs = pairs(in.Text, -1)
	case "ARG":
		if in.Pairs = pairs(in.Text, -1); in.Pairs == nil && in.Text != "" {
			in.Pairs = []asset.EnvVar{{Name: in.Text, Source: "literal"}}
		}
		h.args(in.Pairs)
	case "COPY", "ADD":
		transfer(in)
	case "CMD", "ENTRYPOINT":
		if words := quotedWords(in.Text); words != nil {
			in.Text = execForm(words)
			h.exec(i, words)
		}
	case "EXPOSE":
		in.Text = strings.Join(exposed().FindAllString(in.Text, maxDeclared), " ")
	case "USER":
		if !in.Onbuild {
			h.user = configUser(h.os, in.Text)
		}
	case "WORKDIR":
		in.Dest = in.Text
	}
}

// run writes the commands of a RUN, and the build arguments that it saw.
func (h *historian) run(i int) {
	in := &h.image.Instructions[i]
	if m := withArgs().FindStringSubmatch(in.Text); m != nil {
		count, _ := strconv.Atoi(m[1])
		given, command := cutArgs(in.Text[len(m[0]):], count)
		h.args(given)
		in.Text = command
	}
	line := in.Text
	if shell := inShell().FindString(line); shell != "" {
		line = line[len(shell):]
		if name := strings.ToLower(script.Program(strings.Fields(shell)[0])); !script.IsShell(name) {
			h.unknown("instructions["+strconv.Itoa(i)+"].commands", "scripts for "+name+" are not judged")
			return
		}
		in.Text = line
	}
	s := h.splitter(i)
	s.Read(script.Pin(line, source.Position{}))
	h.unjudged(i, s.Problem)
}

// unjudged records why some of an instruction's commands are not known.
func (h *historian) unjudged(i int, problem string) {
	if problem != "" {
		h.unknown("instructions["+strconv.Itoa(i)+"].commands", problem)
	}
}

// exec writes the command of an exec form.
func (h *historian) exec(i int, words []string) {
	s := h.splitter(i)
	s.Call(words, script.Pin(h.image.Instructions[i].Text, source.Position{}))
	h.unjudged(i, s.Problem)
}

// healthcheck writes the command of the check that holds: histories print it in
// a form of Go's that the configuration spares reading.
func (h *historian) healthcheck(i int) {
	if h.config.Healthcheck == nil || len(h.config.Healthcheck.Test) == 0 {
		return
	}
	switch test := h.config.Healthcheck.Test; test[0] {
	case "CMD":
		h.image.Instructions[i].Text = execForm(test[1:])
		h.exec(i, test[1:])
	case "CMD-SHELL":
		h.image.Instructions[i].Text = strings.Join(test[1:], " ")
		s := h.splitter(i)
		s.Read(script.Pin(h.image.Instructions[i].Text, source.Position{}))
		h.unjudged(i, s.Problem)
	}
}

// args keeps build arguments, each with a value once.
func (h *historian) args(given []asset.EnvVar) {
	for _, a := range given {
		arg := asset.BuildArg{Name: a.Name, Value: a.Value, Used: true}
		if len(h.image.Args) < maxArgs && !slices.Contains(h.image.Args, arg) {
			h.image.Args = append(h.image.Args, arg)
		}
	}
}

// cutArgs splits "A=1 B=2 3 /bin/sh -c make" into a number of arguments and the
// command behind them. Values are not quoted there: one with blanks ends where
// the next name begins, the last one where the shell does.
func cutArgs(text string, count int) (args []asset.EnvVar, command string) {
	end := -1
	for at := 0; at < len(text); {
		if inShell().MatchString(text[at:]) {
			end = at
			break
		}
		next := strings.IndexByte(text[at:], ' ')
		if next < 0 {
			break
		}
		at += next + 1
	}
	if end >= 0 {
		return pairs(strings.TrimSpace(text[:end]), count), text[end:]
	}
	// An exec form: no value is taken to have blanks.
	for range count {
		word, rest, _ := strings.Cut(text, " ")
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			break
		}
		args = append(args, asset.EnvVar{Name: name, Value: value, Source: "literal"})
		text = strings.TrimSpace(rest)
	}
	return args, text
}

// pairs splits "A=1 B=2 3" into at most a number of pairs, any number if it is
// negative. Values are not quoted, or as in a Dockerfile.
func pairs(text string, count int) []asset.EnvVar {
	if count < 0 {
		count = maxDeclared
	}
	at := assigned().FindAllStringSubmatchIndex(text, count)
	if len(at) == 0 || at[0][0] != 0 {
		return nil
	}
	var out []asset.EnvVar
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		value := strings.TrimSpace(text[m[1]:end])
		if plain, err := strconv.Unquote(value); err == nil && value[0] == '"' {
			value = plain
		}
		out = append(out, asset.EnvVar{Name: text[m[2]:m[3]], Value: value, Source: "literal"})
	}
	return out
}

// transfer writes what a COPY or ADD says. Content that is named by its hash
// alone is no source that anybody could judge.
func transfer(in *asset.Instruction) {
	words := strings.Fields(in.Text)
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		name, value, _ := strings.Cut(words[0][2:], "=")
		switch name {
		case "chown":
			in.Chown = value
		case "chmod":
			in.Chmod = value
		case "from":
			in.From = value
		case "checksum":
			in.Checksum = value
		}
		words = words[1:]
	}
	if len(words) < 2 {
		return
	}
	in.Dest = words[len(words)-1]
	for _, word := range words[:len(words)-1] {
		if !addressed().MatchString(word) && word != "in" {
			in.Sources = append(in.Sources, word)
		}
	}
}

// quotedWords reads the list of an exec form, with commas as in a Dockerfile or
// without as Go prints it, nil if the text is none.
func quotedWords(text string) []string {
	rest, ok := strings.CutPrefix(text, "[")
	if !ok || !strings.HasSuffix(rest, "]") {
		return nil
	}
	words := []string{}
	for {
		rest = strings.TrimLeft(rest, " ,")
		if rest == "]" {
			return words
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil
		}
		words = append(words, word)
		rest = rest[len(quoted):]
	}
}

// execForm writes words as a Dockerfile does.
func execForm(words []string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(words) != nil {
		return "" // strings always have a JSON form
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), `","`, `", "`)
}
