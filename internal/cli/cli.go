// Package cli is the command line: one file a command, flags in, calls down,
// nothing else.
//
// Its contract: results go to standard output, everything else to standard
// error. Commands that judge exit with 0 when nothing is at or over the gate,
// 1 when something is, 3 when nothing is but something could not be judged;
// every command exits with 2 when its arguments or configuration are wrong.
// Colour only reaches a terminal, and never with NO_COLOR.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

// System is what the commands know of the world outside.
type System struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// Color says that standard output takes colours, Width how wide it is; 0 is
	// no terminal.
	Color bool
	Width int
	// BeforeImages is called, if it is set, when the first image is about to be
	// read: it may prepare the process for streaming.
	BeforeImages func()
	// Today is the day on which ignores expire, as YYYY-MM-DD.
	Today string
}

// Process returns the system of the running process.
func Process() System {
	s := System{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Today: time.Now().UTC().Format(time.DateOnly)}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		s.Width, _, _ = term.GetSize(fd)
		s.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && s.Width > 0 {
		s.Width = columns
	}
	return s
}

// exit carries the exit code of a command that did its work.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Main runs the command line and returns the exit code.
func Main(args []string, system System) int {
	// compose-go logs what it warns of; what matters of it is a result here.
	logrus.SetOutput(io.Discard)
	root := newRoot(&system)
	root.SetArgs(args)
	root.SetIn(system.Stdin)
	root.SetOut(system.Stdout)
	root.SetErr(system.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once, whatever it is doing.
	context.AfterFunc(ctx, stop)
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return finding.ExitClean
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(system.Stderr, "holdfast: interrupted: what was found until then is not told")
		return finding.ExitIncomplete
	}
	fmt.Fprintf(system.Stderr, "holdfast: %v\n", err)
	return finding.ExitUsage
}

func newRoot(s *System) *cobra.Command {
	root := &cobra.Command{
		Use:   "holdfast",
		Short: "Find out how you would lose your containers, and the least you must fix",
		Long: `Holdfast reads what you deploy from (Dockerfiles, Compose files, Kubernetes
manifests, Helm charts, Kustomize overlays) and what you deploy (images), judges
it, and says what is wrong, worst first, at the exact line or in the layer that
brought it, with the fix.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("holdfast {{.Version}}\n")
	root.AddCommand(newScan(s), newFix(s), newBaseline(s), newRules(s), newConfig(s), newDB(s), newVerify(s))
	return root
}

// version is what the build says of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
