package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/scan"
	"github.com/holdfast-sec/holdfast/rules"
)

// scanFlags are the flags of scan as they were given.
type scanFlags struct {
	outputs  []string
	failOn   string
	ruleDirs []string
	explain  bool
}

func newScan(s *System) *cobra.Command {
	var flags scanFlags
	cmd := &cobra.Command{
		Use:   "scan [flags] TARGET...",
		Short: "Judge files and folders that you deploy from",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, targets []string) error {
			return runScan(cmd.Context(), s, &flags, targets)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&flags.outputs, "output", "o", []string{"terminal"}, "report as `FORMAT[=FILE]`; may be repeated")
	f.StringVar(&flags.failOn, "fail-on", "low", "exit with 1 if a finding is of this `SEVERITY` or worse")
	f.StringArrayVar(&flags.ruleDirs, "rules", nil, "add the rules in `DIR`; may be repeated")
	f.BoolVar(&flags.explain, "explain", false, "say for every finding why it matters")
	return cmd
}

func runScan(ctx context.Context, s *System, flags *scanFlags, targets []string) error {
	gate, err := finding.ParseSeverity(flags.failOn)
	if err != nil {
		return fmt.Errorf("--fail-on: %w", err)
	}
	user, err := userRules(flags.ruleDirs)
	if err != nil {
		return err
	}
	result, err := scan.Run(ctx, scan.Plan{
		Targets: targets, Stdin: s.Stdin, Collectors: scan.Collectors(), Today: s.Today,
		Rules: scan.Rules{BuiltIn: rules.Files(), User: user, Functions: scan.Functions(nil)},
	})
	if err != nil {
		return err
	}
	options := report.Options{Color: s.Color, Width: s.Width, Explain: flags.explain, Version: version(), Gate: gate,
		Command: nextCommand(targets, flags)}
	if err := writeReports(s, flags.outputs, result, options); err != nil {
		return err
	}
	if code := result.Exit(gate); code != finding.ExitClean {
		return exit(code)
	}
	return nil
}

// nextCommand is what the user may want to type after reading the report.
func nextCommand(targets []string, flags *scanFlags) string {
	if flags.explain {
		return ""
	}
	return "holdfast scan --explain " + strings.Join(targets, " ")
}

// userRules reads and checks the rules that the user added.
func userRules(dirs []string) ([]rule.Rule, error) {
	var all []rule.Rule
	for _, dir := range dirs {
		some, errs := rule.Load(os.DirFS(dir), dir, false)
		errs = append(errs, rule.Check(some, scan.Functions(nil))...)
		if len(errs) > 0 {
			return nil, errs[0]
		}
		if len(some) == 0 {
			return nil, fmt.Errorf("no rules in %s: rule files end in .yaml", dir)
		}
		all = append(all, some...)
	}
	return all, nil
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
				return err
			}
			continue
		}
		plain := o
		plain.Color, plain.Width = false, 0
		if err := writeFile(file, func(w io.Writer) error { return format.Write(w, result, plain) }); err != nil {
			return fmt.Errorf("writing the %s report to %s: %w", name, file, err)
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

// writeFile writes a file whole or says why not.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
