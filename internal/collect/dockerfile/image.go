package dockerfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// maxFields bounds the values that one Dockerfile may declare, whose places are
// kept. Real ones declare some hundreds.
const maxFields = 50_000

// readImage reads the image that a Dockerfile declares.
func readImage(path string, content []byte) (*asset.Image, *source.SyntaxError) {
	f, err := parse(path, content)
	if err != nil {
		return nil, err
	}
	r := reader{file: f, image: &asset.Image{}}
	r.global = newScope(nil, "build argument %s is not declared before the first FROM", f.escape, &r.spent)
	for name, value := range platformArgs {
		r.global.setArg(name, variable{text: value})
	}
	for i := range f.statements {
		r.statement(&f.statements[i])
		if len(r.image.Fields) > maxFields {
			return nil, &source.SyntaxError{Reason: fmt.Sprintf("it declares more than %d values", maxFields)}
		}
	}
	r.finish(content)
	return r.image, nil
}

// reader turns the statements of a file into an image.
type reader struct {
	file   *file
	image  *asset.Image
	global *scope // of the arguments before the first FROM
	spent  spending
	stages []*stage
	// commands counts those of all scripts.
	commands int
}

// stage is one FROM with what its instructions have declared so far.
type stage struct {
	index  int
	name   string
	parent *stage // built on it, or nil
	base   variable
	// platform is what --platform says, as written where the builder decides.
	platform string
	place    source.Place // of the FROM
	word     source.Place // of the base in it
	flag     source.Place // of --platform
	scope    *scope
	shell    []string
	user     declared[asset.User]
	workdir  declared[string]
	copies   []string // the stages and images that files are copied from, once each
	uses     map[string]bool
	argsFrom int // index into Image.Args

	env         []declared[asset.EnvVar]
	ports       []declared[asset.ExposedPort]
	labels      []declared[asset.EnvVar]
	volumes     []declared[string]
	healthcheck declared[string]
	entrypoint  declared[[]string]
	cmd         declared[[]string]
}

// declared is a value, where it stands, and why it is not known if it is not.
type declared[T any] struct {
	value   T
	place   source.Place
	inner   source.Place // of the value of a pair
	unknown string
	set     bool
}

// current is the stage that is being read, nil before the first FROM.
func (r *reader) current() *stage {
	if len(r.stages) == 0 {
		return nil
	}
	return r.stages[len(r.stages)-1]
}

// statement adds one instruction to the image.
func (r *reader) statement(s *statement) {
	if from, ok := s.typed.(*instructions.Stage); ok {
		r.from(s, from)
	}
	st := r.current()
	in := asset.Instruction{Cmd: s.keyword, Text: s.text(), Onbuild: s.onbuild, Stage: -1, Layer: -1, User: asset.User{UID: -1}}
	if st != nil {
		in.Stage, in.User = int64(st.index), st.user.value
		for _, name := range references(in.Text) {
			st.uses[name] = true
		}
	}
	i := len(r.image.Instructions)
	path := "instructions[" + strconv.Itoa(i) + "]"
	r.image.At(path, s.place)
	w := &writer{reader: r, s: s, in: &in, path: path, st: st, scope: r.global, effective: st != nil && !s.onbuild}
	if st != nil {
		w.scope = st.scope
	}
	w.write()
	r.image.Instructions = append(r.image.Instructions, in)
}

// from starts a stage.
func (r *reader) from(s *statement, from *instructions.Stage) {
	st := &stage{
		index: len(r.stages), name: from.Name, place: s.place, uses: map[string]bool{},
		argsFrom: len(r.image.Args), shell: []string{"/bin/sh", "-c"},
		user: declared[asset.User]{value: asset.User{UID: -1}},
	}
	st.base = r.global.expand(from.BaseName)
	st.platform = from.Platform
	if !refersToPlatform(from.Platform) {
		st.platform = r.global.expand(from.Platform).text
	}
	if m := marker.FindString(st.base.text); m != "" && st.base.unknown == "" {
		st.base.unknown = "a template fills in " + m
	}
	st.word = s.locate().next(from.BaseName)
	st.flag = s.flag("platform")
	st.parent = r.stageNamed(st.base.text)
	var outer *scope
	if p := st.parent; p != nil {
		outer, st.shell, st.user, st.workdir = p.scope, p.shell, p.user, p.workdir
	} else if isWindows(st.base.text, st.platform) {
		st.shell = []string{"cmd", "/S", "/C"}
	}
	st.scope = newScope(outer, "variable %s is not set in this file, the base image may set it", r.file.escape, &r.spent)
	r.stages = append(r.stages, st)
}

// stageNamed finds an earlier stage, nil if it is none.
func (r *reader) stageNamed(name string) *stage {
	for _, st := range slices.Backward(r.stages) {
		if st.name != "" && strings.EqualFold(st.name, name) {
			return st
		}
	}
	return nil
}

// refersToPlatform reports whether the builder decides the text's variables.
func refersToPlatform(word string) bool {
	return slices.ContainsFunc(references(word), func(name string) bool {
		_, ok := platformArgs[name]
		return ok
	})
}

func isWindows(base, platform string) bool {
	base = strings.ToLower(base)
	return strings.HasPrefix(platform, "windows") || strings.Contains(base, "windows") ||
		strings.Contains(base, "nanoserver") || strings.Contains(base, "servercore")
}

// chain lists a stage and those it is built on, the outermost first.
func (st *stage) chain() []*stage {
	var chain []*stage
	for at := st; at != nil; at = at.parent {
		chain = append(chain, at)
	}
	slices.Reverse(chain)
	return chain
}

// finish fills in what only the whole file tells.
func (r *reader) finish(content []byte) {
	final := r.current()
	chain := final.chain()
	img := r.image
	name := r.file.path
	if name == collect.Stdin {
		name = "standard input"
	}
	img.Kind, img.Format = asset.KindImage, asset.Dockerfile
	img.ID, img.Name = "dockerfile:"+r.file.path, "image of "+name
	// What is absent from the image is reported where the final stage starts.
	img.Place = source.Place{File: r.file.path, Position: final.place.Position, EndLine: r.file.lines.last()}
	r.syntax(content)
	r.base(chain[0])
	var copied []string
	for _, st := range chain {
		copied = append(copied, st.copies...)
	}
	for i, st := range r.stages {
		r.stage(i, st, slices.Contains(chain, st), copied)
	}
	for i := range img.Instructions {
		if in := &img.Instructions[i]; in.Stage >= 0 {
			in.Shipped = img.Stages[in.Stage].Shipped
		}
	}
	r.configuration(chain)
}

func (r *reader) syntax(content []byte) {
	syntax, _, places, ok := parser.DetectSyntax(content)
	if !ok {
		return
	}
	r.image.Syntax = syntax
	place := source.Place{File: r.file.path, Position: source.Position{Line: places[0].Start.Line}}
	if before, _, ok := strings.Cut(r.file.lines.bare(place.Line), syntax); ok {
		place.Column = 1 + len([]rune(before))
	}
	r.image.At("syntax", place)
}

// base fills in what the shipped chain of stages starts from.
func (r *reader) base(root *stage) {
	r.image.Platform = root.platform
	if root.flag.Line > 0 {
		r.image.At("platform", root.flag)
	}
	r.image.Base, r.image.Scratch = r.reference(root, "base")
}

// reference takes the base of a stage apart and records it under a path.
func (r *reader) reference(st *stage, path string) (asset.ImageRef, bool) {
	r.image.At(path, st.word)
	if strings.EqualFold(st.base.text, "scratch") {
		return asset.ImageRef{}, true
	}
	ref := collect.ParseImage(st.base.text)
	if ref.Tag != "" {
		place := st.word
		// The tag's own column is known where it stands in the word as written.
		if raw := r.file.written(st.word); strings.HasSuffix(raw, ":"+ref.Tag) {
			place.Column += len([]rune(raw)) - len([]rune(ref.Tag))
		}
		r.image.At(path+".tag", place)
	}
	if st.base.unknown != "" {
		r.unknownReference(ref, path, st.base.unknown)
	}
	return ref, false
}

// unknownReference marks the parts of a reference that depend on what is not
// known.
func (r *reader) unknownReference(ref asset.ImageRef, path, reason string) {
	open := func(part string) bool { return strings.Contains(part, "$") || marker.MatchString(part) }
	if ref.Tag == "" && ref.Digest == "" && open(ref.Repository) {
		r.unknown(path, reason) // the name may bring a tag and a digest with it
		return
	}
	r.unknown(path+".text", reason)
	for _, part := range []struct{ name, text string }{
		{"registry", ref.Registry}, {"repository", ref.Repository}, {"tag", ref.Tag}, {"digest", ref.Digest},
	} {
		if open(part.text) {
			r.unknown(path+"."+part.name, reason)
		}
	}
	if open(ref.Repository) && ref.Registry == "docker.io" {
		r.unknown(path+".registry", reason)
	}
}

func (r *reader) unknown(path, reason string) {
	r.image.Unknown = append(r.image.Unknown, asset.Unknown{Path: path, Reason: reason})
}

// stage lists one stage in the image; copied names those that the shipped ones
// copy from.
func (r *reader) stage(i int, st *stage, shipped bool, copied []string) {
	path := fmt.Sprintf("stages[%d]", i)
	r.image.At(path, st.place)
	out := asset.Stage{Name: st.name, Shipped: shipped}
	if p := st.parent; p != nil {
		out.Parent = p.name
		r.image.At(path+".parent", st.word)
		root := st.chain()[0]
		out.Base, out.Scratch = collect.ParseImage(root.base.text), strings.EqualFold(root.base.text, "scratch")
		if out.Scratch {
			out.Base = asset.ImageRef{}
		}
	} else {
		out.Base, out.Scratch = r.reference(st, path+".base")
	}
	out.Copied = slices.ContainsFunc(copied, func(from string) bool {
		return from == strconv.Itoa(i) || st.name != "" && strings.EqualFold(from, st.name)
	})
	r.image.Stages = append(r.image.Stages, out)
	end := len(r.image.Args)
	if i+1 < len(r.stages) {
		end = r.stages[i+1].argsFrom
	}
	for k := st.argsFrom; k < end; k++ {
		r.image.Args[k].Used = st.uses[r.image.Args[k].Name]
	}
}

// configuration merges what the stages of the shipped chain declare.
func (r *reader) configuration(chain []*stage) {
	img, final := r.image, chain[len(chain)-1]
	if final.user.set {
		img.At("user", final.user.place)
		if final.user.unknown != "" {
			// That one is declared, and how it is written, is known.
			r.unknown("user.uid", final.user.unknown)
			r.unknown("user.root", final.user.unknown)
		}
	}
	img.User = final.user.value
	img.Workdir = final.workdir.value
	if final.workdir.set {
		img.At("workdir", final.workdir.place)
	}
	r.environment(chain)
	img.Labels = map[string]string{}
	for _, st := range chain {
		for _, l := range st.labels {
			img.Labels[l.value.Name] = l.value.Value
			img.At(`labels["`+l.value.Name+`"]`, l.inner)
		}
		for _, p := range st.ports {
			if p.unknown != "" {
				r.unknown("ports", p.unknown)
				continue
			}
			img.At(fmt.Sprintf("ports[%d]", len(img.Ports)), p.place)
			img.Ports = append(img.Ports, p.value)
		}
		for _, v := range st.volumes {
			img.At(fmt.Sprintf("volumes[%d]", len(img.Volumes)), v.place)
			img.Volumes = append(img.Volumes, v.value)
		}
	}
	r.start(chain)
}

// environment merges the variables: a later ENV replaces an earlier one.
func (r *reader) environment(chain []*stage) {
	at := map[string]int{}
	var merged []declared[asset.EnvVar]
	for _, st := range chain {
		for _, e := range st.env {
			if i, ok := at[e.value.Name]; ok {
				merged[i] = e
				continue
			}
			at[e.value.Name] = len(merged)
			merged = append(merged, e)
		}
	}
	for i, e := range merged {
		r.image.Env = append(r.image.Env, e.value)
		r.image.At(fmt.Sprintf("env[%d]", i), e.place)
		r.image.At(fmt.Sprintf("env[%d].value", i), e.inner)
	}
}

// start fills in what runs in the container.
func (r *reader) start(chain []*stage) {
	img := r.image
	var health declared[string]
	var entrypoint, cmd declared[[]string]
	for _, st := range chain {
		if st.healthcheck.set {
			health = st.healthcheck
		}
		if st.entrypoint.set {
			// An entrypoint does away with the command of what it is built on.
			entrypoint, cmd = st.entrypoint, declared[[]string]{}
		}
		if st.cmd.set {
			cmd = st.cmd
		}
	}
	img.Healthcheck, img.Entrypoint, img.Cmd = health.value, entrypoint.value, cmd.value
	if health.set {
		img.At("healthcheck", health.place)
	}
	if entrypoint.set {
		img.At("entrypoint", entrypoint.place)
	}
	if cmd.set {
		img.At("cmd", cmd.place)
	}
}
