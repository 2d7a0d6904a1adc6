package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// maxFile bounds the configuration file, in bytes.
const maxFile = 1 << 20

// Input is where settings come from.
type Input struct {
	// Dir is the working directory; "" is that of the process.
	Dir string
	// File is the file that the user named (--config); "" looks for one.
	File string
	// Env is the environment. An empty variable counts as not set.
	Env map[string]string
	// Flags are the flags that were given, by name without dashes, each with its
	// values in order; see References for the names, and FlagValueSet. Other
	// flags are not looked at.
	Flags map[string][]string
}

// Load reads the configuration: the defaults, the file, the environment and the
// flags, in this order. Its error names everything that is wrong.
//
// A file that is not named is looked for in the working directory and, within a
// git repository, in the folders above it up to the one with .git. Outside of a
// repository no folder above counts: it may be anybody's.
func Load(in Input) (*Config, error) {
	dir, err := filepath.Abs(in.Dir)
	if err != nil {
		return nil, fmt.Errorf("looking up the working directory: %w", err)
	}
	c := defaults()
	var errs []error
	if err := c.loadFile(dir, cmp.Or(in.File, in.Env[EnvConfig])); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.loadEnv(in.Env)...)
	errs = append(errs, c.loadFlags(in.Flags)...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, pattern := range c.Exclude {
		glob, err := triage.ParseGlob(pattern)
		if err != nil {
			return nil, err
		}
		c.exclude = append(c.exclude, glob)
	}
	return c, nil
}

func (c *Config) loadFile(dir, named string) error {
	file := named
	if named == "" {
		file = find(dir)
		c.noteOtherName(dir)
	}
	if file == "" {
		return nil
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	shown := relative(dir, file)
	if filepath.IsAbs(named) && !filepath.IsLocal(filepath.FromSlash(shown)) {
		shown = filepath.ToSlash(file)
	}
	text, err := readFile(file, named != "")
	if err != nil {
		return fmt.Errorf("reading the configuration %s: %w", shown, err)
	}
	base := relative(filepath.Dir(file), dir)
	if base == "." {
		base = ""
	}
	return c.parse(shown, path.Dir(shown), base, text)
}

// relative gives a path as seen from a folder, slash-separated.
func relative(from, file string) string {
	if rel, err := filepath.Rel(from, file); err == nil {
		file = rel
	}
	return filepath.ToSlash(file)
}

// find looks for a file that was not named.
func find(start string) string {
	found := ""
	for dir := start; ; dir = filepath.Dir(dir) {
		candidate := filepath.Join(dir, FileName)
		if _, err := os.Lstat(candidate); err == nil && found == "" {
			found = candidate
		}
		if dir == start && found != "" {
			return found
		}
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return found
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// noteOtherName tells of a file whose name is nearly right.
func (c *Config) noteOtherName(dir string) {
	for _, name := range []string{".holdfast.yml", "holdfast.yaml", "holdfast.yml"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			c.Notes = append(c.Notes, finding.Note{File: name, Message: "it is not read: the configuration is called " + FileName})
		}
	}
}

// readFile reads a bounded file. A file that the user did not name has to be a
// regular one: another might never end.
func readFile(name string, named bool) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file")
	case err != nil:
		return nil, cause(err)
	case info.IsDir():
		return nil, errors.New("it is a folder")
	case !named && !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return text, nil
}

// cause takes the path out of an error: the caller names it.
func cause(err error) error { return cmp.Or(errors.Unwrap(err), err) }

func (c *Config) loadEnv(env map[string]string) []error {
	var errs []error
	known := []string{EnvConfig}
	for _, s := range c.settings() {
		if s.env == "" {
			continue
		}
		known = append(known, s.env)
		text := env[s.env]
		if text == "" {
			continue
		}
		words := []string{text}
		if _, ok := s.value.(list); ok {
			words = splitList(text)
		}
		c.set(s, words, "environment "+s.env, &errs)
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, "HOLDFAST_") || slices.Contains(known, name) {
			continue
		}
		if near := triage.Nearest(name, known); near != "" {
			c.Notes = append(c.Notes, finding.Note{Message: fmt.Sprintf("the environment variable %s is unknown: did you mean %s?", clip(name), near)})
		}
	}
	return errs
}

// splitList separates the entries of a list in the environment.
func splitList(text string) []string {
	words := strings.Split(text, ",")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return words
}

func (c *Config) loadFlags(flags map[string][]string) []error {
	var errs []error
	for _, s := range c.settings() {
		words := flags[s.flag]
		origin := "flag --" + s.flag
		if s.key == "helm.values" {
			// Files of --values belong together, as Helm has it; each
			// --value-set is a set of its own.
			if len(words) == 0 {
				origin = "flag --" + FlagValueSet
			} else {
				words = []string{strings.Join(words, ",")}
			}
			words = append(words, flags[FlagValueSet]...)
		}
		if s.flag != "" && len(words) > 0 {
			c.set(s, words, origin, &errs)
		}
	}
	return errs
}

// set gives a setting its value from outside of the file.
func (c *Config) set(s setting, words []string, origin string, errs *[]error) {
	if err := s.value.set(words); err != nil {
		*errs = append(*errs, fmt.Errorf("%s: %w", origin, err))
		return
	}
	c.origins[s.key] = origin
}
