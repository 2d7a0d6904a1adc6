package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/scan"
	"github.com/holdfast-sec/holdfast/internal/triage"
	"github.com/holdfast-sec/holdfast/rules"
)

func newRules(s *System) *cobra.Command {
	cmd := &cobra.Command{Use: "rules", Short: "List, show and test rules"}
	var dirs []string
	cmd.PersistentFlags().StringArrayVar(&dirs, "rules", nil, "add the rules in `DIR`; may be repeated")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List every rule", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return listRules(s, dirs) },
		},
		&cobra.Command{
			Use: "show ID", Short: "Show one rule with its reasons and examples", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return showRule(s, dirs, args[0]) },
		},
		&cobra.Command{
			Use: "test DIR", Short: "Run the examples of the rules in a folder", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return testRules(cmd, s, args[0]) },
		},
	)
	return cmd
}

// allRules returns the built-in rules and those of the user, by id.
func allRules(dirs []string) ([]rule.Rule, error) {
	all, errs := rule.Load(rules.Files(), "rules", true)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	user, err := userRules(dirs)
	if err != nil {
		return nil, err
	}
	all = append(all, user...)
	slices.SortFunc(all, func(a, b rule.Rule) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func listRules(s *System, dirs []string) error {
	all, err := allRules(dirs)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Severity, r.On, r.Topic, r.Title)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(s.Stderr, "%d rules; see one with: holdfast rules show ID\n", len(all))
	return nil
}

func showRule(s *System, dirs []string, id string) error {
	all, err := allRules(dirs)
	if err != nil {
		return err
	}
	ids := make([]string, len(all))
	for i, r := range all {
		if ids[i] = r.ID; r.ID == id {
			fmt.Fprint(s.Stdout, r.Markdown())
			return nil
		}
	}
	if near := triage.Nearest(id, ids); near != "" {
		return fmt.Errorf("no rule %q: did you mean %s?", id, near)
	}
	return fmt.Errorf("no rule %q: list them with holdfast rules list", id)
}

func testRules(cmd *cobra.Command, s *System, dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("looking at %s: no such folder", dir)
	}
	all, errs := rule.Load(os.DirFS(dir), dir, false)
	errs = append(errs, rule.Check(all, scan.Functions(nil))...)
	if len(errs) == 0 {
		for _, r := range all {
			if len(r.Examples.Bad) == 0 || len(r.Examples.Good) == 0 {
				errs = append(errs, fmt.Errorf("%s: rule %s has no bad or no good example", r.Place, r.ID))
			}
		}
		plan := scan.Plan{Rules: scan.Rules{BuiltIn: rules.Files()}}
		errs = append(errs, scan.CheckExamples(cmd.Context(), plan, all)...)
	}
	for _, err := range errs {
		fmt.Fprintln(s.Stdout, err)
	}
	if len(errs) > 0 {
		return exit(1)
	}
	if len(all) == 0 {
		return fmt.Errorf("no rules in %s: rule files end in .yaml", dir)
	}
	fmt.Fprintf(s.Stdout, "%d rules keep their examples\n", len(all))
	return nil
}
