// Package git runs the git program on repositories that nobody vouches for: with
// everything switched off that a repository could configure to be run, and
// without a way to fetch, to ask or to write.
package git

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Runner runs the program in one folder.
type Runner struct {
	// Dir is the folder.
	Dir     string
	program string
	// options come with every run: more to switch off, or where the repository is.
	options []string
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
	return append(env, "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_ATTR_NOSYSTEM=1", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C")
}

// New looks for the program, which is to run in a folder.
func New(dir string) (Runner, error) {
	program, err := exec.LookPath("git")
	return Runner{Dir: dir, program: program}, err
}

// Bare returns a runner for the repository without a working tree that is the
// folder itself. Git would not look for one there unasked.
func (g Runner) Bare() Runner {
	g.options = append(slices.Clip(g.options), "--git-dir=.")
	return g
}

// Error is what git said when it refused, with its exit code.
type Error struct {
	Command, Message string
	Code             int
}

func (e *Error) Error() string {
	return fmt.Sprintf("git %s: %s", e.Command, cmp.Or(e.Message, fmt.Sprintf("exit code %d", e.Code)))
}

// SaysNo reports whether a command answered in the negative, rather than that
// something is wrong.
func SaysNo(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == 1
}

// DisableFilters switches off the filters that the configuration names: git
// would run their programs on files that it compares.
func (g *Runner) DisableFilters(ctx context.Context) error {
	out, err := g.Output(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\.`)
	if SaysNo(err) {
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
			g.options = append(g.options, "-c", option)
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

// Output returns what a command prints.
func (g *Runner) Output(ctx context.Context, args ...string) ([]byte, error) {
	var out []byte
	err := g.Stream(ctx, nil, func(r io.Reader) (err error) {
		if out, err = io.ReadAll(io.LimitReader(r, maxOutput+1)); err == nil && len(out) > maxOutput {
			err = fmt.Errorf("git %s prints more than %d MiB", args[0], maxOutput>>20)
		}
		return err
	}, args...)
	return out, err
}

// Stream hands what a command prints to read, while it runs. The command reads
// the input, nil for none.
func (g *Runner) Stream(ctx context.Context, input io.Reader, read func(io.Reader) error, args ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := append(append([]string{}, safe...), g.options...)
	cmd := exec.CommandContext(ctx, g.program, append(options, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = g.Dir, environment(), input
	cmd.WaitDelay = time.Second // of the input nobody reads any more
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
		return &Error{args[0], complaint.String(), exit.ExitCode()}
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
