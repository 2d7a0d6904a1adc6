package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/scan"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// baselineFile is where a baseline is written if no setting names a file.
const baselineFile = ".holdfast-baseline.json"

func newBaseline(s *System) *cobra.Command {
	cmd := &cobra.Command{Use: "baseline", Short: "Accept today's findings, so that only new ones fail"}
	var flags scanFlags
	write := &cobra.Command{
		Use:   "write [flags] [TARGET...]",
		Short: "Write the findings of a scan as the baseline",
		Long: `Write scans the targets and writes the findings that count into the file that
--baseline or the configuration names, ` + baselineFile + ` by default. A later
scan with that baseline fails only on findings that are not in it.`,
		Example: "  holdfast baseline write .\n  holdfast baseline write --image registry.example/app:1",
		RunE: func(cmd *cobra.Command, targets []string) error {
			if len(targets)+len(flags.images) == 0 {
				return errors.New("nothing is named: give files and folders, or images with --image")
			}
			return writeBaseline(cmd, s, &flags, targets)
		},
	}
	addSettings(write, "output", "fail-on")
	addSourceFlags(write, &flags)
	write.Flags().StringArrayVar(&flags.images, "image", nil, "an `IMAGE` as holdfast scan image takes them; may be repeated")
	cmd.AddCommand(write)
	return cmd
}

func writeBaseline(cmd *cobra.Command, s *System, flags *scanFlags, targets []string) error {
	c, err := loadConfig(cmd, s)
	if err != nil {
		return err
	}
	plan, err := newPlan(s, c, targets)
	if err != nil {
		return err
	}
	flags.apply(&plan)
	defer plan.Images.Advisories.Close() //nolint:errcheck // it was only read
	result, err := scan.Run(cmd.Context(), plan)
	if err != nil {
		return err
	}
	file := cmp.Or(c.Baseline, baselineFile)
	err = writeFile(file, 0o644, func(w io.Writer) error { return triage.WriteBaseline(w, result.Findings) })
	if err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	fmt.Fprintf(s.Stderr, "%d findings are now known: holdfast scan --baseline %s fails on others only\n", len(result.Findings), file)
	if n := len(result.Undetermined); n > 0 {
		fmt.Fprintf(s.Stderr, "%d results are undetermined and in no baseline: scan to see them\n", n)
		return exit(finding.ExitIncomplete)
	}
	return nil
}
