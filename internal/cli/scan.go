package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-sec/holdfast/internal/config"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report"
	"github.com/holdfast-sec/holdfast/internal/scan"
)

// scanFlags are the flags of scan that are no settings.
type scanFlags struct {
	diff       string
	explain    bool
	suppressed bool
	// images are the images to scan, named says that those are too that files
	// name.
	images []string
	named  bool
	// git adds the git history.
	git bool
}

func newScan(s *System) *cobra.Command {
	var flags scanFlags
	cmd := &cobra.Command{
		Use:   "scan [flags] TARGET...",
		Short: "Judge files and folders that you deploy from",
		Long: `Scan reads Dockerfiles, Compose files, Kubernetes YAML and JSON, Helm charts,
Kustomize overlays, and archives and layouts of images under the targets, and
reports what is wrong, worst first. All other files are searched for secrets.
A target is a file or a folder; "-" is standard input.

Exit codes: 0 nothing at or over the gate, 1 findings at or over it, 2 wrong
arguments or configuration, 3 something could not be judged.`,
		Example: "  holdfast scan .\n  holdfast scan --fail-on high -o sarif=holdfast.sarif deploy/\n  helm template shop | holdfast scan -",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, targets []string) error {
			return runScan(cmd, s, &flags, targets)
		},
	}
	addSettings(cmd)
	addReportFlags(cmd, &flags)
	addSourceFlags(cmd, &flags)
	f := cmd.Flags()
	f.StringVar(&flags.diff, "diff", "", "count only what changed since a git `REVISION`")
	cmd.AddCommand(newScanImage(s))
	return cmd
}

// addSourceFlags adds the flags that say what is read besides the targets.
func addSourceFlags(cmd *cobra.Command, flags *scanFlags) {
	f := cmd.Flags()
	f.BoolVar(&flags.git, "git", false, "search the git history of the targets for secrets as well")
	f.BoolVar(&flags.named, "images", false, "scan the images as well that the files name")
}

// apply adds to a plan what the flags ask for.
func (f *scanFlags) apply(plan *scan.Plan) {
	plan.History = f.git
	plan.Images.Targets, plan.Images.Named = f.images, f.named
}

// addReportFlags adds the flags that say what reports show.
func addReportFlags(cmd *cobra.Command, flags *scanFlags) {
	f := cmd.Flags()
	f.BoolVar(&flags.explain, "explain", false, "say for every finding why it matters, with its references")
	f.BoolVar(&flags.suppressed, "show-suppressed", false, "list the findings that do not count")
}

func runScan(cmd *cobra.Command, s *System, flags *scanFlags, targets []string) error {
	c, err := loadConfig(cmd, s)
	if err != nil {
		return err
	}
	if err := checkOutputs(c); err != nil {
		return err
	}
	plan, err := newPlan(s, c, targets)
	if err != nil {
		return err
	}
	flags.apply(&plan)
	defer plan.Images.Advisories.Close() //nolint:errcheck // it was only read
	if err := addBaseline(&plan, c.Baseline); err != nil {
		return err
	}
	if err := addDiff(cmd.Context(), &plan, flags.diff); err != nil {
		return err
	}
	result, err := scan.Run(cmd.Context(), plan)
	if err != nil {
		return err
	}
	err = writeReports(s, c.Output, result, report.Options{
		Color: s.Color, Width: s.Width, Explain: flags.explain, Suppressed: flags.suppressed,
		Version: version(), Today: s.Today, Gate: c.FailOn, Command: nextCommand(result, flags, targets),
	})
	if err != nil {
		return err
	}
	if code := result.Exit(c.FailOn); code != finding.ExitClean {
		return exit(code)
	}
	return nil
}

// nextCommand is what the user may want to type after reading the report.
func nextCommand(result *finding.Result, flags *scanFlags, targets []string) string {
	command := "holdfast scan "
	if len(flags.images) > 0 {
		command, targets = command+"image ", flags.images
	}
	names := strings.Join(quoted(targets), " ")
	fixable := 0
	for _, f := range result.Findings {
		if f.Fixable {
			fixable++
		}
	}
	switch {
	case len(result.Findings) == 0:
		return ""
	case !flags.explain:
		return command + "--explain " + names
	case fixable > 0:
		return "holdfast fix --dry-run " + names
	}
	return ""
}

// quoted makes arguments safe to paste into a shell.
func quoted(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = arg
		if strings.ContainsAny(arg, " \t\n'\"\\$`!*?[](){}<>|&;#~") {
			out[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return out
}

// checkOutputs refuses, before anything is scanned, formats that do not exist
// and files that the configuration would put elsewhere: it may come with a
// repository that is not trusted, and a link in there may lead anywhere.
func checkOutputs(c *config.Config) error {
	fromFile := false
	for _, setting := range c.Origins() {
		fromFile = fromFile || setting.Key == "output" && c.File != "" && strings.HasPrefix(setting.Origin, c.File)
	}
	for _, output := range c.Output {
		name, file, toFile := strings.Cut(output, "=")
		if _, err := reportFormat(name); err != nil {
			return err
		}
		if !toFile || !fromFile {
			continue
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(file))
		if err != nil {
			return fmt.Errorf("writing the %s report: %w", name, err)
		}
		if dir != filepath.Clean(filepath.Dir(file)) {
			return fmt.Errorf("%s: output %s lies behind a link: name it on the command line if you mean it", c.File, file)
		}
	}
	return nil
}

// writeReports writes every report that was asked for.
func writeReports(s *System, outputs []string, result *finding.Result, o report.Options) error {
	for _, output := range outputs {
		name, file, toFile := strings.Cut(output, "=")
		format, err := reportFormat(name)
		if err != nil {
			return err
		}
		if !toFile {
			if err := format.Write(s.Stdout, result, o); err != nil {
				return fmt.Errorf("writing the %s report: %w", name, err)
			}
			continue
		}
		plain := o
		plain.Color, plain.Width = false, 0
		if err := writeFile(file, 0o644, func(w io.Writer) error { return format.Write(w, result, plain) }); err != nil {
			return fmt.Errorf("writing the %s report: %w", name, err)
		}
	}
	return nil
}

func reportFormat(name string) (report.Format, error) {
	var names []string
	for _, f := range report.Formats() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return report.Format{}, fmt.Errorf("unknown report format %q: use one of %s", name, strings.Join(names, ", "))
}

// writeFile replaces a file as a whole: a reader never sees half of it, and
// what was there stays if writing breaks off.
func writeFile(name string, mode os.FileMode, write func(io.Writer) error) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		// A pipe or a device is written as it is.
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if err := write(f); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".holdfast-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(mode); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
