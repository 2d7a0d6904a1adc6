package gitdiff

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// git runs the program in one folder.
type git struct {
	program string
	dir     string
	// filters are options that switch off the filters that are configured.
	filters []string
}

// maxOutput bounds what is kept of the program's output, in bytes.
const maxOutput = 256 << 20

// safe are options for every run: they outrank what the repository configures.
// That no hook is found in os.DevNull is git's own advice.
var safe = []string{
	"--no-pager",
	"-c", "core.fsmonitor=false",
	"-c", "core.hooksPath=" + os.DevNull,
	"-c", "core.quotePath=true",
	"-c", "core.attributesFile=" + os.DevNull,
	"-c", "core.untrackedCache=false",
	"-c", "protocol.allow=never",
	"-c", "safe.bareRepository=explicit",
}

// environment is that of this process without what steers git, such as the
// folder of a repository, which hooks set; and without ways to fetch, to ask or
// to write.
func environment() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(strings.ToUpper(pair), "GIT_") {
			env = append(env, pair)
		}
	}
	return append(env, "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_ATTR_NOSYSTEM=1", "LC_ALL=C")
}

func newGit(dir string) (git, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return git{}, fmt.Errorf("looking for git, which knows what has changed: install it, or scan without a revision to compare with: %w", err)
	}
	return git{program: program, dir: dir}, nil
}

// gitError is what git said when it refused, with its exit code.
type gitError struct {
	command, message string
	code             int
}

func (e *gitError) Error() string {
	return fmt.Sprintf("git %s: %s", e.command, cmp.Or(e.message, fmt.Sprintf("exit code %d", e.code)))
}

// saysNo reports whether a command answered in the negative, rather than that
// something is wrong.
func saysNo(err error) bool {
	var e *gitError
	return errors.As(err, &e) && e.code == 1
}

// disableFilters switches off the filters that the configuration names: git
// would run their programs on files that it compares.
func (g *git) disableFilters(ctx context.Context) error {
	out, err := g.output(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\.`)
	if saysNo(err) {
		return nil // there are none
	}
	if err != nil {
		return err
	}
	for key := range strings.SplitSeq(string(out), "\x00") {
		// Of the three parts of a key, the middle one may have dots in it.
		name, _, ok := cutLast(strings.TrimPrefix(key, "filter."), ".")
		if !ok {
			continue
		}
		if strings.ContainsAny(name, "=\n") {
			return fmt.Errorf("the repository configures a filter named %q, which cannot be switched off: remove it from the configuration of git", name)
		}
		for _, setting := range []string{"clean=", "smudge=", "process=", "required=false"} {
			option := "filter." + name + "." + setting
			g.filters = append(g.filters, "-c", option)
		}
	}
	return nil
}

func cutLast(text, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// output returns what a command prints.
func (g *git) output(ctx context.Context, args ...string) ([]byte, error) {
	var out []byte
	err := g.stream(ctx, func(r io.Reader) (err error) {
		if out, err = io.ReadAll(io.LimitReader(r, maxOutput+1)); err == nil && len(out) > maxOutput {
			err = fmt.Errorf("git %s prints more than %d MiB", args[0], maxOutput>>20)
		}
		return err
	}, args...)
	return out, err
}

// stream hands what a command prints to read, while it runs.
func (g *git) stream(ctx context.Context, read func(io.Reader) error, args ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := append(append([]string{}, safe...), g.filters...)
	cmd := exec.CommandContext(ctx, g.program, append(options, args...)...)
	cmd.Dir, cmd.Env = g.dir, environment()
	var complaint tail
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("running git %s: %w", args[0], err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("running git %s: %w", args[0], err)
	}
	readErr := read(out)
	if readErr != nil {
		cancel() // git may still be printing
	}
	waitErr := cmd.Wait()
	if readErr != nil {
		return readErr
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("running git %s: %w", args[0], err)
	}
	var exit *exec.ExitError
	if errors.As(waitErr, &exit) {
		return &gitError{args[0], complaint.String(), exit.ExitCode()}
	}
	if waitErr != nil {
		return fmt.Errorf("running git %s: %w", args[0], waitErr)
	}
	return nil
}

// tail keeps the start of what git complains about.
type tail struct{ bytes.Buffer }

const maxComplaint = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	if room := maxComplaint - t.Len(); room > 0 {
		t.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// String returns the first line, without git's own marks.
func (t *tail) String() string {
	first, _, _ := strings.Cut(strings.TrimSpace(t.Buffer.String()), "\n")
	return strings.TrimPrefix(strings.TrimPrefix(first, "fatal: "), "error: ")
}
