package cli

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/fix"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/scan"
	"github.com/holdfast-sec/holdfast/internal/triage"
	"github.com/holdfast-sec/holdfast/rules"
)

// fixFlags are the flags of fix that are no settings.
type fixFlags struct {
	dryRun bool
	only   []string
}

func newFix(s *System) *cobra.Command {
	var flags fixFlags
	cmd := &cobra.Command{
		Use:   "fix [flags] TARGET...",
		Short: "Write the mechanical fixes into your files",
		Long: `Fix scans the targets and writes the remedies that need no decision into the
YAML and Dockerfiles that the findings are in. Comments and layout stay. What is
rendered from a template is left alone and listed. Look at the result before you
deploy it: a read-only root file system, say, wants a place for what the program
writes.`,
		Example: "  holdfast fix --dry-run deploy/\n  holdfast fix --rule container-privilege-escalation deploy/",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, targets []string) error { return runFix(cmd, s, &flags, targets) },
	}
	addSettings(cmd, "output", "fail-on", "platform", "from", "base", "only-fixed", "policy", "vex", "db", "db-max-age")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "print the changes as a unified diff and write nothing")
	cmd.Flags().StringArrayVar(&flags.only, "rule", nil, "write only the remedies of this `RULE`; may be repeated, patterns such as container-* too")
	return cmd
}

func runFix(cmd *cobra.Command, s *System, flags *fixFlags, targets []string) error {
	c, err := loadConfig(cmd, s)
	if err != nil {
		return err
	}
	plan, err := newPlan(s, c, targets)
	if err != nil {
		return err
	}
	if err := addBaseline(&plan, c.Baseline); err != nil {
		return err
	}
	result, err := scan.Run(cmd.Context(), plan)
	if err != nil {
		return err
	}
	edits, err := remedies(plan.Rules.User)
	if err != nil {
		return err
	}
	byFile, files := remediesByFile(result.Findings, edits, flags.only)
	written := 0
	for _, file := range files {
		n, err := fixFile(s, flags, file, byFile[file])
		if err != nil {
			return err
		}
		written += n
	}
	verb := "fixed"
	if flags.dryRun {
		verb = "would be fixed"
	}
	fmt.Fprintf(s.Stderr, "%d of %d findings %s\n", written, len(result.Findings), verb)
	return nil
}

// remedies lists the edits of all rules by id.
func remedies(user []rule.Rule) (map[string]map[string]rule.Edit, error) {
	all, errs := rule.Load(rules.Files(), "rules", true)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	edits := map[string]map[string]rule.Edit{}
	for _, r := range append(all, user...) {
		edits[r.ID] = r.Edits
	}
	return edits, nil
}

// remediesByFile groups what can be fixed by the file to change, which is that
// of the asset.
func remediesByFile(findings []finding.Finding, edits map[string]map[string]rule.Edit, only []string) (map[string][]fix.Remedy, []string) {
	byFile := map[string][]fix.Remedy{}
	var files []string
	for _, f := range findings {
		edit, ok := edits[f.Rule][f.Asset.Format]
		named := func(pattern string) bool { return triage.MatchRule(pattern, f.Rule) }
		if !ok || len(only) > 0 && !slices.ContainsFunc(only, named) {
			continue
		}
		file := f.Asset.Place.File
		if _, ok := byFile[file]; !ok {
			files = append(files, file)
		}
		byFile[file] = append(byFile[file], fix.Remedy{Finding: f, Edit: edit})
	}
	slices.Sort(files)
	return byFile, files
}

// fixFile applies the remedies to one file and returns how many were written.
func fixFile(s *System, flags *fixFlags, file string, todo []fix.Remedy) (int, error) {
	refuse := func(f finding.Finding, reason string) {
		fmt.Fprintf(s.Stderr, "%s: %s is not fixed: %s\n", f.Place, f.Rule, reason)
	}
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		for _, r := range todo {
			refuse(r.Finding, "it does not stand in a file of its own")
		}
		return 0, nil
	}
	before, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("reading what to fix: %w", err)
	}
	after, done, refused := fix.Apply(before, todo)
	for _, r := range refused {
		refuse(r.Finding, r.Reason.Error())
	}
	if len(done) == 0 {
		return 0, nil
	}
	if flags.dryRun {
		_, err := s.Stdout.Write(diff.Diff("a/"+file, before, "b/"+file, after))
		return len(done), err
	}
	err = writeFile(file, info.Mode().Perm(), func(w io.Writer) error {
		_, err := w.Write(after)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("writing the fixed file: %w", err)
	}
	for _, r := range done {
		fmt.Fprintf(s.Stdout, "%s: %s\n", r.Finding.Place, r.Finding.Rule)
	}
	return len(done), nil
}
