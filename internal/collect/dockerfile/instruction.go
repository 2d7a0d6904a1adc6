package dockerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/script"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// writer writes one statement into an instruction of the image, and what it
// declares into its stage. A value within an instruction that depends on a build
// argument keeps ${X} and counts as known: the file itself says no more, and a
// list with an unknown element would be unknown as a whole.
type writer struct {
	*reader
	s    *statement
	in   *asset.Instruction
	path string
	// st is nil before the first FROM.
	st    *stage
	scope *scope
	// effective says that the statement changes the stage: not after ONBUILD.
	effective bool
}

func (w *writer) write() {
	switch c := w.s.typed.(type) {
	case *instructions.ArgCommand:
		w.arg(c)
	case *instructions.EnvCommand:
		w.env()
	case *instructions.LabelCommand:
		w.label()
	case *instructions.AddCommand:
		w.in.Checksum = w.expanded("checksum", c.Checksum)
		w.transfer(c.SourcesAndDest, c.Chown, c.Chmod)
	case *instructions.CopyCommand:
		w.copyFrom(c.From)
		w.transfer(c.SourcesAndDest, c.Chown, c.Chmod)
	case *instructions.RunCommand:
		w.run(c)
	case *instructions.CmdCommand:
		w.commandLine(c.ShellDependantCmdLine, &w.stageOr().cmd)
	case *instructions.EntrypointCommand:
		w.commandLine(c.ShellDependantCmdLine, &w.stageOr().entrypoint)
	case *instructions.HealthCheckCommand:
		w.healthcheck(c)
	default:
		w.setting(c)
	}
}

// setting writes the instructions that have one plain value.
func (w *writer) setting(c any) {
	switch c := c.(type) {
	case *instructions.UserCommand:
		w.user(c)
	case *instructions.WorkdirCommand:
		w.workdir(c)
	case *instructions.ExposeCommand:
		w.expose()
	case *instructions.VolumeCommand:
		at := w.s.locate()
		for _, word := range c.Volumes {
			v := declared[string]{value: w.scope.expand(word).text, place: at.next(word), set: true}
			w.stageOr().volumes = append(w.stageOr().volumes, v)
		}
	case *instructions.ShellCommand:
		w.stageOr().shell = c.Shell
	}
}

// stageOr returns the stage to change, or one that nobody looks at where the
// statement changes none.
func (w *writer) stageOr() *stage {
	if w.effective {
		return w.st
	}
	return &stage{}
}

// arg writes ARG. One without a default takes that of the argument of the same
// name before the first FROM.
func (w *writer) arg(c *instructions.ArgCommand) {
	at := w.s.locate()
	for i, a := range c.Args {
		word := a.Key
		if a.Value != nil {
			word += "=" + *a.Value
		}
		place := at.next(word)
		value, known := w.argValue(a)
		build := asset.BuildArg{Name: a.Key}
		if a.Value != nil {
			build.Value = value.text
		}
		w.in.Pairs = append(w.in.Pairs, asset.EnvVar{Name: a.Key, Value: build.Value, Source: "literal"})
		inner := after(place, len([]rune(a.Key))+1)
		w.at(fmt.Sprintf("pairs[%d]", i), place)
		if a.Value != nil {
			w.at(fmt.Sprintf("pairs[%d].value", i), inner)
		}
		if w.s.onbuild {
			continue
		}
		field := fmt.Sprintf("args[%d]", len(w.image.Args))
		w.image.At(field, place)
		if a.Value != nil {
			w.image.At(field+".value", inner)
		}
		w.image.Args = append(w.image.Args, build)
		if known {
			w.scope.setArg(a.Key, value)
		}
	}
}

// argValue decides what a build argument is without anything on the command
// line. It is not known where an earlier value stays as it is.
func (w *writer) argValue(a instructions.KeyValuePairOptional) (value variable, known bool) {
	if a.Value != nil {
		return w.scope.expand(*a.Value), true
	}
	_, platform := platformArgs[a.Key]
	global, declared := w.global.args[a.Key]
	switch {
	case platform:
		return variable{text: "${" + a.Key + "}"}, w.st != nil
	case declared:
		return global, true
	}
	if _, ok := w.scope.lookup(a.Key); ok {
		return variable{}, false
	}
	return variable{"${" + a.Key + "}", "build argument " + a.Key + " has no default"}, true
}

// env writes ENV. All values of one ENV are substituted with what held before.
func (w *writer) env() {
	pairs := w.pairs()
	if !w.effective {
		return
	}
	for _, p := range pairs {
		w.st.env = append(w.st.env, p)
		w.scope.setEnv(p.value.Name, variable{p.value.Value, p.unknown})
	}
}

func (w *writer) label() {
	pairs := w.pairs()
	w.stageOr().labels = append(w.stageOr().labels, pairs...)
}

// pairs reads the name and value pairs of ENV and LABEL.
func (w *writer) pairs() []declared[asset.EnvVar] {
	var out []declared[asset.EnvVar]
	words := nodeWords(w.s.node)
	at := w.s.locate()
	for i := 0; i+2 < len(words); i += 3 {
		rawName, raw, equals := words[i], words[i+1], words[i+2]
		name, value := w.scope.expand(rawName), w.scope.expand(raw)
		p := declared[asset.EnvVar]{set: true, unknown: value.unknown}
		p.value = asset.EnvVar{Name: name.text, Value: value.text, Source: "literal"}
		if equals == "=" {
			p.place = at.next(rawName + "=" + raw)
			p.inner = after(p.place, len([]rune(rawName))+1)
		} else {
			p.place = at.next(rawName)
			p.inner = at.next(raw)
		}
		w.at(fmt.Sprintf("pairs[%d]", len(out)), p.place)
		w.at(fmt.Sprintf("pairs[%d].value", len(out)), p.inner)
		w.in.Pairs = append(w.in.Pairs, p.value)
		out = append(out, p)
	}
	return out
}

// after returns the rest of a place some characters on, if it is on one line.
func after(place source.Place, characters int) source.Place {
	if place.EndLine != place.Line || place.Column+characters > place.EndColumn {
		return place
	}
	if place.Column += characters; place.Column == place.EndColumn {
		place.EndLine, place.EndColumn = 0, 0 // an empty value
	}
	return place
}

// nodeWords lists the words of an instruction as its parser split them.
func nodeWords(node *parser.Node) []string {
	var words []string
	for at := node.Next; at != nil; at = at.Next {
		words = append(words, at.Value)
	}
	return words
}

// at records where a field of the instruction stands.
func (w *writer) at(field string, place source.Place) {
	w.image.At(w.path+"."+field, place)
}

// expanded substitutes the value of a flag and records where it stands.
func (w *writer) expanded(flag, value string) string {
	if value == "" {
		return ""
	}
	w.at(flag, w.s.flag(flag))
	return w.scope.expand(value).text
}

// copyFrom writes the --from of COPY.
func (w *writer) copyFrom(from string) {
	if from == "" {
		return
	}
	w.in.From = w.scope.expand(from).text
	w.at("from", w.s.flag("from"))
	w.copies(w.in.From)
}

func (w *writer) copies(from string) {
	if st := w.stageOr(); from != "" && !slices.Contains(st.copies, from) {
		st.copies = append(st.copies, from)
	}
}

// transfer writes what COPY and ADD have in common.
func (w *writer) transfer(c instructions.SourcesAndDest, chown, chmod string) {
	w.in.Chown = w.expanded("chown", chown)
	w.in.Chmod = w.expanded("chmod", chmod)
	at := w.s.locate()
	for _, word := range c.SourcePaths {
		w.at(fmt.Sprintf("sources[%d]", len(w.in.Sources)), at.next(word))
		w.in.Sources = append(w.in.Sources, w.scope.expand(word).text)
	}
	w.in.Dest = w.scope.expand(c.DestPath).text
	w.at("dest", at.next(c.DestPath))
}

// run writes RUN.
func (w *writer) run(c *instructions.RunCommand) {
	for _, flag := range w.s.node.Flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		place := w.s.flag(name)
		switch name {
		case "mount":
			w.mount(value, place)
		case "security":
			w.in.Security = value
			w.at("security", place)
		case "network":
			w.in.Network = value
			w.at("network", place)
		}
	}
	w.commandLine(c.ShellDependantCmdLine, &declared[[]string]{})
}

// mount writes one --mount of RUN.
func (w *writer) mount(options string, place source.Place) {
	kind, from := "bind", ""
	for option := range strings.SplitSeq(options, ",") {
		switch key, value, _ := strings.Cut(option, "="); strings.ToLower(key) {
		case "type":
			kind = strings.ToLower(value)
		case "from":
			from = value
		}
	}
	w.at(fmt.Sprintf("mounts[%d]", len(w.in.Mounts)), place)
	w.in.Mounts = append(w.in.Mounts, kind)
	w.copies(from)
	if from != "" && w.in.From == "" {
		w.in.From = from
		w.at("from", place)
	}
}

// commandLine writes the commands of an instruction, and what it starts.
func (w *writer) commandLine(line instructions.ShellDependantCmdLine, starts *declared[[]string]) {
	*starts = declared[[]string]{value: line.CmdLine, place: w.s.place, set: true}
	if !line.PrependShell {
		w.exec(line.CmdLine)
		return
	}
	if len(line.CmdLine) > 0 {
		starts.value = append(slices.Clone(w.st.shell), line.CmdLine...)
		w.script(w.scriptText(w.s.words, line.CmdLine[0]))
	}
}

// scriptText is the script that starts somewhere in the arguments.
func (w *writer) scriptText(from int, line string) script.Text {
	args := w.s.args.String()
	if from = min(from, len(args)); args[from:] == line {
		return w.s.args.Cut(from, len(args))
	}
	return script.Pin(line, w.s.place.Position)
}

func (w *writer) healthcheck(c *instructions.HealthCheckCommand) {
	test := c.Health.Test
	kind := "CMD"
	if test[0] == "NONE" {
		kind = "NONE"
	}
	w.stageOr().healthcheck = declared[string]{value: kind, place: w.s.place, set: true}
	switch test[0] {
	case "CMD":
		w.exec(test[1:])
	case "CMD-SHELL":
		w.script(w.scriptText(skipSpace(w.s.args.String(), w.s.words+len("CMD")), test[1]))
	}
}

func (w *writer) user(c *instructions.UserCommand) {
	value := w.scope.expand(c.User)
	w.stageOr().user = declared[asset.User]{
		value: collect.ParseUser(value.text), place: w.s.locate().next(c.User), unknown: value.unknown, set: true,
	}
}

func (w *writer) workdir(c *instructions.WorkdirCommand) {
	dir := w.scope.expand(c.Path).text
	if st := w.stageOr(); !path.IsAbs(dir) && !strings.Contains(dir, `\`) && !strings.HasPrefix(dir, "$") {
		dir = path.Join("/", st.workdir.value, dir)
	}
	w.in.Dest = w.scope.expand(c.Path).text
	place := w.s.locate().next(c.Path)
	w.at("dest", place)
	w.stageOr().workdir = declared[string]{value: dir, place: place, set: true}
}

// expose writes EXPOSE: its typed form has lost the order of the ports.
func (w *writer) expose() {
	at := w.s.locate()
	st := w.stageOr()
	for _, word := range nodeWords(w.s.node) {
		place := at.next(word)
		for _, value := range w.scope.expandAll(word) {
			for _, p := range collect.ParsePorts(value.text) {
				st.ports = append(st.ports, declared[asset.ExposedPort]{value: p, place: place, set: true})
			}
			if value.unknown != "" {
				st.ports = append(st.ports, declared[asset.ExposedPort]{unknown: value.unknown})
			}
			if len(st.ports) > maxPorts {
				st.ports = append(st.ports[:maxPorts], declared[asset.ExposedPort]{unknown: fmt.Sprintf("a stage exposes more than %d ports", maxPorts)})
			}
		}
	}
}

// maxPorts is how many ports of a stage are listed.
const maxPorts = 1_000
