package compose

import (
	"errors"
	"io/fs"
	"path"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// scope is where a file's variables get their values: from .env files alone,
// never from the environment of whoever runs the scan.
type scope struct {
	vars map[string]variable
	gaps *gaps
}

// variable is a value and the file that it comes from.
type variable struct{ value, file string }

// with returns a scope that has more variables, none of which replaces one that
// is there already.
func (s *scope) with(more map[string]variable) *scope {
	vars := make(map[string]variable, len(s.vars)+len(more))
	for name, v := range more {
		vars[name] = v
	}
	for name, v := range s.vars {
		vars[name] = v
	}
	return &scope{vars: vars, gaps: s.gaps}
}

// dotEnv adds the variables of the .env file of a folder, if there is one.
func (a *assembly) dotEnv(sc *scope, dir string) *scope {
	shown := a.shown(path.Join(dir, ".env"))
	text, err := a.files.read(shown)
	if errors.Is(err, fs.ErrNotExist) {
		return sc
	}
	with := sc
	if err == nil {
		with, err = sc.withFile(text, shown)
	}
	if err == nil {
		return with
	}
	place := source.Place{File: shown}
	reason := err.Error()
	var syntax *source.SyntaxError
	if errors.As(err, &syntax) {
		place.Position, reason = syntax.Position, syntax.Reason
	}
	a.unread(place, "its variables are not used: "+reason)
	return sc
}

// withFile adds the variables of an environment file.
func (s *scope) withFile(text []byte, file string) (*scope, error) {
	lines, err := parseEnvFile(text, "", s.gaps, func(name string) (variable, bool) { v, ok := s.vars[name]; return v, ok })
	if err != nil {
		return nil, err
	}
	vars := make(map[string]variable, len(lines))
	for name, l := range lines {
		if !l.inherited {
			vars[name] = variable{l.value, file}
		}
	}
	return s.with(vars), nil
}
