package script

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// wrapper says how a program that runs another one takes its own arguments.
type wrapper struct {
	// valued are its options that take the next argument.
	valued []string
	// operands is how many arguments stand before the command.
	operands int
	// assigns says that NAME=value may stand before the command.
	assigns bool
	// queries are options with which it runs nothing.
	queries []string
}

// wrappers are the programs that are looked through to the command they run.
var wrappers = map[string]wrapper{
	"builtin":      {},
	"busybox":      {},
	"chpst":        {valued: []string{"-u", "-U", "-b", "-e", "-/", "-n", "-l", "-L", "-m", "-d", "-o", "-p", "-f", "-c", "-r", "-t"}},
	"chroot":       {operands: 1},
	"command":      {queries: []string{"-v", "-V"}},
	"doas":         {valued: []string{"-u", "-C"}},
	"dumb-init":    {valued: []string{"-r", "--rewrite"}},
	"eatmydata":    {},
	"env":          {valued: []string{"-u", "--unset", "-C", "--chdir"}, assigns: true},
	"exec":         {valued: []string{"-a"}},
	"fakeroot":     {valued: []string{"-l", "--lib", "-s", "-i", "-b"}},
	"gosu":         {operands: 1},
	"ionice":       {valued: []string{"-c", "-n", "--class", "--classdata"}},
	"nice":         {valued: []string{"-n", "--adjustment"}},
	"nohup":        {},
	"s6-setuidgid": {operands: 1},
	"setsid":       {},
	"stdbuf":       {valued: []string{"-i", "-o", "-e"}},
	"su-exec":      {operands: 1},
	"sudo": {
		valued:  []string{"-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-U", "-D", "-R", "--user", "--group"},
		assigns: true, queries: []string{"-v", "-l", "-k", "-K", "-V", "--version"},
	},
	"time":    {valued: []string{"-f", "-o"}},
	"timeout": {valued: []string{"-s", "-k", "--signal", "--kill-after"}, operands: 1},
	"tini":    {valued: []string{"-p", "-e"}},
	"xargs": {
		valued: []string{"-a", "-d", "-E", "-I", "-L", "-n", "-P", "-s", "--arg-file", "--delimiter", "--max-args", "--max-procs"},
	},
}

// shells are the programs whose -c argument and standard input are scripts that
// are read here.
var shells = []string{"sh", "bash", "ash", "dash", "zsh", "ksh", "mksh"}

// IsShell reports whether a program is a shell whose scripts are read here.
func IsShell(program string) bool { return slices.Contains(shells, program) }

// Target is the program that words run, wrappers such as sudo and env looked
// through.
func Target(words []string) string {
	_, skip := unwrap(words)
	return Program(words[skip])
}

var assignment = regexp.MustCompile(`^[A-Za-z_]\w*=`)

// unwrap looks through wrappers. It returns their names and how many words
// stand before the command.
func unwrap(words []string) (names []string, skip int) {
	for skip < len(words) {
		name := Program(words[skip])
		w, ok := wrappers[name]
		if !ok {
			break
		}
		next := w.command(words, skip+1)
		if next < 0 || next >= len(words) {
			break
		}
		names, skip = append(names, name), next
	}
	return names, skip
}

// command returns the index of the wrapped command, -1 if there is none.
func (w wrapper) command(words []string, at int) int {
	operands := w.operands
	for ; at < len(words); at++ {
		switch word := words[at]; {
		case slices.Contains(w.queries, word):
			return -1
		case word == "--":
			if at++; operands > 0 {
				at += operands
			}
			return at
		case slices.Contains(w.valued, word):
			at++
		case len(word) > 1 && word[0] == '-':
		case w.assigns && assignment.MatchString(word):
		case operands > 0:
			operands--
		default:
			return at
		}
	}
	return -1
}

// Program is the name of a program without its path.
func Program(word string) string {
	if strings.HasPrefix(word, "$(") || strings.HasPrefix(word, "`") || strings.HasSuffix(word, "/") || word == "" {
		return word
	}
	return path.Base(word)
}

var scriptFlag = regexp.MustCompile(`^-[A-Za-z]*c[A-Za-z]*$`)

// inlineScript returns the index of the argument that is a script: that of
// `sh -c`, `su -c` and `eval`, -1 if there is none.
func inlineScript(words []string) int {
	name := Program(words[0])
	switch {
	case name == "eval" && len(words) == 2:
		return 1
	case name != "su" && name != "runuser" && !slices.Contains(shells, name):
		return -1
	}
	for i := 1; i < len(words); i++ {
		switch word := words[i]; {
		case word == "--command" || scriptFlag.MatchString(word):
			if i++; strings.Contains(word, "o") && !strings.HasPrefix(word, "--") {
				i++ // as in -euxo pipefail -c and -ceo pipefail
			}
			if i < len(words) {
				return i
			}
			return -1
		case word == "-o" || word == "+o" || word == "-O" || word == "--shell" || word == "-s" && name == "su":
			i++
		}
	}
	return -1
}
