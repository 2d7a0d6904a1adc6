package manifest

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// word is one argument of a command line and where it is written.
type word struct {
	text string
	at   source.Position
}

// programs are the components by the names of their programs and images.
var programs = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "kubelet", "kube-proxy"}

// hyperkubeNames are the components as the one program that was all of them
// called them.
var hyperkubeNames = map[string]string{"apiserver": "kube-apiserver", "controller-manager": "kube-controller-manager",
	"scheduler": "kube-scheduler", "kubelet": "kubelet", "proxy": "kube-proxy", "kube-apiserver": "kube-apiserver",
	"kube-controller-manager": "kube-controller-manager", "kube-scheduler": "kube-scheduler", "kube-proxy": "kube-proxy"}

// distributionFlags are the flags by which k3s and RKE2 hand settings on.
var distributionFlags = map[string]string{"kube-apiserver-arg": "kube-apiserver", "etcd-arg": "etcd",
	"kube-controller-manager-arg": "kube-controller-manager", "kube-controller-arg": "kube-controller-manager",
	"kube-scheduler-arg": "kube-scheduler", "kubelet-arg": "kubelet", "kube-proxy-arg": "kube-proxy"}

// wrappers are programs that start the one which is named behind them.
var wrappers = []string{"dumb-init", "env", "exec", "go-runner", "nice", "sudo", "tini"}

// processes hands over the component that a container runs, if it runs one.
func (o *object) processes(container *source.Node) {
	for _, line := range commandLines(container) {
		switch name, args := recognise(line); name {
		case "":
		case "k3s", "rke2":
			o.distribution(container, args)
		default:
			o.process(name, container, args)
		}
	}
}

// process hands over one component with its arguments.
func (o *object) process(name string, container *source.Node, args []word) {
	key := "command"
	if container.Get("args") != nil {
		key = "args"
	}
	s := newSettings(container.Place(key))
	if name == "etcd" {
		s.etcdEnvironment(container)
	}
	for _, f := range parseFlags(args) {
		s.set(f.name, f.value, f.at)
	}
	o.component(name, "args", container, s)
}

// etcdEnvironment reads the variables that stand for etcd's flags; a flag on
// the command line comes before them.
func (s *settings) etcdEnvironment(container *source.Node) {
	for _, n := range container.List("env") {
		name, ok := strings.CutPrefix(n.Text("name"), "ETCD_")
		if ok && n.Get("value") != nil {
			s.set(strings.ToLower(name), n.Text("value"), n.Place("value"))
		}
	}
}

// distribution hands over the components that k3s or RKE2 is given arguments
// for. What it gives them by itself is not known here.
func (o *object) distribution(container *source.Node, args []word) {
	given := map[string]*settings{}
	for _, f := range parseFlags(args) {
		component := distributionFlags[f.name]
		name, value, _ := strings.Cut(strings.TrimLeft(f.value, "-"), "=")
		if component == "" || name == "" {
			continue
		}
		if given[component] == nil {
			given[component] = newSettings(f.at)
		}
		given[component].set(name, value, f.at)
	}
	for _, component := range programs {
		if s := given[component]; s != nil {
			o.component(component, "extra", container, s)
		}
	}
}

// commandLines returns the command lines that a container starts: its own, or
// those of the shell script that it is. Without a command the image's entry
// point is taken to be the program that the image is named after.
func commandLines(container *source.Node) [][]word {
	var line []word
	for _, key := range []string{"command", "args"} {
		for _, n := range container.List(key) {
			line = append(line, word{n.Text(), n.Position})
		}
	}
	if container.Get("command") == nil {
		program := imageProgram(container.Text("image"))
		if program != "" && (len(line) == 0 || strings.HasPrefix(line[0].text, "-") || program == "k3s" || program == "hyperkube") {
			line = append([]word{{program, container.Position}}, line...)
		}
	}
	if script, ok := shellScript(line); ok {
		return scriptLines(script)
	}
	return [][]word{line}
}

// imageProgram is the component that an image is named after, "" if none.
func imageProgram(image string) string {
	name := path.Base(collect.ParseImage(image).Repository)
	for _, architecture := range []string{"-amd64", "-arm64", "-arm"} {
		name = strings.TrimSuffix(name, architecture)
	}
	if slices.Contains(programs, name) || slices.Contains([]string{"k3s", "rke2", "hyperkube"}, name) {
		return name
	}
	return ""
}

// shellScript returns the script of "sh -c script".
func shellScript(line []word) (word, bool) {
	if len(line) < 3 || !slices.Contains([]string{"sh", "bash", "ash", "dash"}, path.Base(line[0].text)) {
		return word{}, false
	}
	for i := 1; i+1 < len(line) && strings.HasPrefix(line[i].text, "-"); i++ {
		if !strings.HasPrefix(line[i].text, "--") && strings.HasSuffix(line[i].text, "c") {
			return line[i+1], true
		}
	}
	return word{}, false
}

// maxScript bounds the scripts that are parsed.
const maxScript = 64 << 10

// scriptLines splits a script into its simple commands, as a shell would. What
// only the running shell knows stays as it is written.
func scriptLines(script word) [][]word {
	if len(script.text) > maxScript {
		return nil
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(script.text), "")
	if err != nil {
		return nil
	}
	var lines [][]word
	syntax.Walk(file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			var line []word
			for _, w := range call.Args {
				line = append(line, word{literal(w), script.at})
			}
			lines = append(lines, line)
		}
		return true
	})
	return lines
}

// literal is the text of a shell word without its quotes.
func literal(w *syntax.Word) string {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			b.WriteString(literal(&syntax.Word{Parts: p.Parts}))
		default:
			b.WriteString("$()")
		}
	}
	return b.String()
}

// recognise says which component a command line starts, and with what
// arguments. k3s and RKE2 start them all.
func recognise(line []word) (name string, args []word) {
	for len(line) > 0 && slices.Contains(wrappers, path.Base(line[0].text)) {
		next := slices.IndexFunc(line[1:], func(w word) bool {
			return !strings.HasPrefix(w.text, "-") && !strings.Contains(w.text, "=")
		})
		if next < 0 {
			return "", nil
		}
		line = line[1+next:]
	}
	if len(line) == 0 || strings.HasPrefix(line[0].text, "-") {
		return "", nil
	}
	name, args = path.Base(line[0].text), line[1:]
	switch {
	case slices.Contains(programs, name):
		return name, args
	case name == "hyperkube" && len(args) > 0:
		return hyperkubeNames[args[0].text], args[1:]
	case (name == "k3s" || name == "rke2") && len(args) > 0 && (args[0].text == "server" || args[0].text == "agent"):
		return name, args[1:]
	}
	return "", nil
}

// flag is one flag of a command line.
type flag struct {
	name, value string
	at          source.Position
}

// parseFlags reads --a=b, --a b and --a, with one dash or two. It does not need
// to know which flags are boolean: the components take no other arguments, so
// that a word behind a flag is its value.
func parseFlags(args []word) []flag {
	var flags []flag
	for i := 0; i < len(args); i++ {
		text := strings.TrimPrefix(strings.TrimPrefix(args[i].text, "-"), "-")
		if text == args[i].text || text == "" {
			continue
		}
		f := flag{at: args[i].at}
		var given bool
		if f.name, f.value, given = strings.Cut(text, "="); !given {
			f.value = "true"
			if i+1 < len(args) && isValue(args[i+1].text) {
				i++
				f.value = args[i].text
			}
		}
		if f.name != "" {
			flags = append(flags, f)
		}
	}
	return flags
}

// isValue tells the value of the flag before it, such as -1, from the next flag.
func isValue(text string) bool {
	return !strings.HasPrefix(text, "-") || len(text) > 1 && text[1] >= '0' && text[1] <= '9'
}
