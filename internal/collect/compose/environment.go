package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// wholeGap is a text that is nothing but one reference.
var wholeGap = regexp.MustCompile(`^` + gapPattern.String() + `$`)

// environment adds the variables of the environment files, and over them those
// of the service itself.
func (r *reader) environment() {
	env := map[string]variableSpot{}
	spots := r.layers.items(fileOf("path"), "env_file")
	for i, f := range r.spec.EnvFiles {
		at := element("envFrom", i)
		s := spots[f.Path]
		r.c.EnvFrom = append(r.c.EnvFrom, asset.EnvSource{Source: "file", Name: r.fill(at+".name", f.Path)})
		r.c.At(at, s.place)
		r.envFile(env, f, s.place)
	}
	declared := r.layers.entries("environment")
	for name, value := range r.spec.Environment {
		env[name] = r.variable(name, value, declared[name])
	}
	for _, name := range sortedKeys(env) {
		v := env[name]
		at := element("env", len(r.c.Env))
		r.c.Env = append(r.c.Env, v.EnvVar)
		for _, sub := range []string{"", ".name", ".value"} {
			r.c.At(at+sub, v.place)
		}
		if v.unknown != "" {
			r.undecided(at+".value", v.unknown)
		}
	}
	r.at("env", "env_file")
	r.at("env", "environment")
}

// variableSpot is a variable, where it stands, and why its value is not known.
type variableSpot struct {
	asset.EnvVar
	place   source.Place
	unknown string
}

// fileOf identifies a list element by the file that it names, seen from the
// project's folder; in the long form it stands under a key.
func fileOf(key string) func(l *layer, n *source.Node) string {
	return func(l *layer, n *source.Node) string {
		text := n.Value
		if n.Kind == source.Map {
			text = n.Text(key)
		}
		return relocatePath(l.scope.text(text), l.dir)
	}
}

// envFile reads one environment file. What is in a file that cannot be read is
// not known.
func (r *reader) envFile(env map[string]variableSpot, f types.EnvFile, at source.Place) {
	shown := r.shown(f.Path)
	lines, err := r.envLines(f, shown)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !bool(f.Required):
		return
	case err != nil:
		r.undecided("env", fmt.Sprintf("env_file %s: %s", r.gaps.fill(f.Path), err))
		if !errors.Is(err, fs.ErrNotExist) && !open(f.Path) {
			r.unread(at, fmt.Sprintf("env_file %s: %s", f.Path, err))
		}
		return
	}
	for name, l := range lines {
		v := asset.EnvVar{Name: name, Value: l.value, Source: "file", Ref: shown}
		if l.inherited {
			v.Source, v.Ref = "host", name
		}
		env[name] = r.filled(v, source.Place{File: shown, Position: l.at})
	}
}

func (r *reader) envLines(f types.EnvFile, shown string) (map[string]envLine, error) {
	if open(f.Path) {
		return nil, errors.New(r.gaps.reason(f.Path))
	}
	text, err := r.files.read(shown)
	if err != nil {
		return nil, err
	}
	return parseEnvFile(text, f.Format, r.gaps, func(name string) (variable, bool) {
		if v, ok := r.scope.vars[name]; ok {
			return v, true
		}
		if value, ok := r.spec.Environment[name]; ok && value != nil {
			return variable{value: *value}, true
		}
		return variable{}, false
	})
}

// variable reads one entry of "environment".
func (r *reader) variable(name string, value *string, s spot) variableSpot {
	v := asset.EnvVar{Name: name, Source: "literal"}
	switch {
	case value != nil:
		v.Value = *value
		if s.node != nil {
			if e, err := s.layer.scope.expand(s.node.Value); err == nil && e.from != "" {
				v.Source, v.Ref = "file", e.from
			}
		}
	case s.node != nil && s.layer.scope.vars[name] != variable{}:
		found := s.layer.scope.vars[name]
		v.Value, v.Source, v.Ref = found.value, "file", found.file
	default:
		v.Source, v.Ref = "host", name
	}
	return r.filled(v, s.place)
}

// filled completes a variable whose value may have gaps. One that is nothing but
// a reference takes its value from whoever starts the project. One that has a
// reference somewhere is what it says: its literal part stands in the file, and
// only that can be judged.
func (r *reader) filled(v asset.EnvVar, place source.Place) variableSpot {
	out := variableSpot{EnvVar: v, place: place}
	switch {
	case v.Source == "host":
		out.Value, out.unknown = "", fmt.Sprintf("variable %s has no value here", v.Ref)
	case wholeGap.MatchString(v.Value):
		out.unknown = r.gaps.reason(v.Value)
		out.Source, out.Ref, out.Value = "host", r.gaps.in(v.Value)[0].name, ""
	default:
		out.Value = r.gaps.fill(v.Value)
	}
	return out
}
