package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/config"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/gitdiff"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/scan"
	"github.com/holdfast-sec/holdfast/internal/triage"
	"github.com/holdfast-sec/holdfast/internal/triage/vex"
	"github.com/holdfast-sec/holdfast/rules"
)

// shorthand is the one-letter form of a flag, if it has one.
func shorthand(flag string) string {
	return map[string]string{"output": "o", "values": "f"}[flag]
}

// addSettings gives a command a flag for every setting of the configuration
// that has one, but for those that make no sense for it.
func addSettings(cmd *cobra.Command, without ...string) {
	f := cmd.Flags()
	f.String("config", "", "configuration `FILE`; by default the nearest "+config.FileName+" upwards")
	for _, ref := range config.References() {
		switch {
		case ref.Flag == "" || slices.Contains(without, ref.Flag):
		case ref.Flag == "no-ignores" || ref.Flag == "only-fixed":
			f.Bool(ref.Flag, false, usage(ref.About))
		default:
			f.VarP(newList(ref.Flag), ref.Flag, shorthand(ref.Flag), usage(ref.About))
		}
	}
	f.StringArray(config.FlagValueSet, nil, "one more set of values files for charts, as `FILE[,FILE...]`; may be repeated")
}

// list is a flag that may be repeated; name is what its value is called.
type list struct {
	name   string
	values []string
}

func (l *list) String() string            { return strings.Join(l.values, ",") }
func (l *list) Type() string              { return l.name }
func (l *list) Set(value string) error    { return l.Append(value) }
func (l *list) Append(value string) error { l.values = append(l.values, value); return nil }
func (l *list) Replace(v []string) error  { l.values = v; return nil }
func (l *list) GetSlice() []string        { return l.values }

// newList makes the flag of a setting.
func newList(flag string) *list {
	return &list{name: map[string]string{"fail-on": "SEVERITY", "rules": "DIR", "disable": "RULE", "enable-only": "RULE", "exclude": "GLOB",
		"allow-registry": "REGISTRY", "values": "FILE", "set": "KEY=VALUE", "kube-version": "VERSION", "api-versions": "VERSION",
		"compose-file": "FILE", "baseline": "FILE", "output": "FORMAT[=FILE]",
		"platform": "OS/ARCH", "from": "SOURCE", "base": "IMAGE", "policy": "FILE", "vex": "FILE", "db": "DIR", "db-max-age": "DAYS"}[flag]}
}

// usage is the help of a flag.
func usage(about string) string {
	if word, _, _ := strings.Cut(about, " "); slices.Contains([]string{"Kubernetes", "Compose", "VEX"}, word) {
		return strings.TrimSuffix(about, ".")
	}
	return strings.ToLower(about[:1]) + strings.TrimSuffix(about[1:], ".")
}

// loadConfig reads the settings for a command: file, environment, flags.
func loadConfig(cmd *cobra.Command, s *System) (*config.Config, error) {
	flags := map[string][]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if list, ok := f.Value.(pflag.SliceValue); ok {
			flags[f.Name] = list.GetSlice()
			return
		}
		flags[f.Name] = []string{f.Value.String()}
	})
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	return config.Load(config.Input{File: file, Env: environment(s.Environ), Flags: flags})
}

func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, pair := range environ {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	return env
}

// newPlan makes the plan of a scan from the settings.
func newPlan(s *System, c *config.Config, targets []string) (scan.Plan, error) {
	user, err := userRules(c.Rules.Dirs)
	if err != nil {
		return scan.Plan{}, err
	}
	known, err := knownRules(user)
	if err != nil {
		return scan.Plan{}, err
	}
	if err := c.CheckRules(known); err != nil {
		return scan.Plan{}, err
	}
	collectors, err := scan.Collectors(scan.Sources{
		ValueSets: c.Helm.Values, Set: c.Helm.Set, KubeVersion: c.Helm.KubeVersion, APIVersions: c.Helm.APIVersions,
		ComposeFiles: c.Compose,
	})
	if err != nil {
		return scan.Plan{}, err
	}
	statements, notes, err := readVEX(c.VEX)
	if err != nil {
		return scan.Plan{}, err
	}
	images, err := newImages(s, c)
	if err != nil {
		return scan.Plan{}, err
	}
	return scan.Plan{
		Images:  images,
		Targets: targets, Stdin: s.Stdin, Exclude: c.Excluded, Collectors: collectors, Today: s.Today,
		Rules: scan.Rules{
			BuiltIn: rules.Files(), User: user, Functions: scan.Functions(c.Registries),
			Adjust: func(r *rule.Rule) (applies bool) {
				r.Severity, applies = c.Rule(r.ID, r.Severity)
				return applies
			},
		},
		Choices: triage.Choices{Ignores: c.Ignores, NoIgnores: c.NoIgnores, Rules: known, Targets: displayed(targets),
			VEX: statements, OnlyFixed: c.Image.OnlyFixed},
		Notes: slices.Concat(c.Notes, notes),
	}, nil
}

// readVEX reads what others say of vulnerabilities.
func readVEX(files []string) (all []vex.Statement, notes []finding.Note, err error) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("reading VEX: %w", err)
		}
		statements, more, err := vex.Parse(collect.Display(file), text)
		if err != nil {
			return nil, nil, err
		}
		all, notes = append(all, statements...), append(notes, more...)
	}
	return all, notes, nil
}

// displayed names the targets as findings do.
func displayed(targets []string) []string {
	out := make([]string, len(targets))
	for i, target := range targets {
		out[i] = collect.Display(target)
	}
	return out
}

// knownRules lists the ids of all rules.
func knownRules(user []rule.Rule) ([]string, error) {
	ids, err := rule.IDs(rules.Files())
	if err != nil {
		return nil, err
	}
	for _, r := range user {
		if slices.Contains(ids, r.ID) {
			return nil, fmt.Errorf("%s: rule %q is already built in: choose another id", r.Place, r.ID)
		}
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// userRules reads and checks the rules that the user added.
func userRules(dirs []string) ([]rule.Rule, error) {
	var all []rule.Rule
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() {
			return nil, fmt.Errorf("reading rules in %s: no such folder", dir)
		}
		some, errs := rule.Load(os.DirFS(dir), dir, false)
		errs = append(errs, rule.Check(some, scan.Functions(nil))...)
		if len(errs) > 0 {
			return nil, joinLines(errs)
		}
		if len(some) == 0 {
			return nil, fmt.Errorf("reading rules in %s: there are none, rule files end in .yaml", dir)
		}
		all = append(all, some...)
	}
	return all, nil
}

// joinLines makes one error of several, each on a line of its own.
func joinLines(errs []error) error {
	lines := make([]string, len(errs))
	for i, err := range errs {
		lines[i] = err.Error()
	}
	return fmt.Errorf("%s", strings.Join(lines, "\n"))
}

// addBaseline reads the baseline into the plan.
func addBaseline(plan *scan.Plan, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading the baseline: %w: write one with holdfast baseline write", err)
	}
	defer f.Close()
	baseline, err := triage.ReadBaseline(f)
	if err != nil {
		return fmt.Errorf("reading the baseline %s: %w", file, err)
	}
	plan.Choices.Baseline = baseline
	return nil
}

// addDiff limits the plan's findings to what changed since a revision.
func addDiff(ctx context.Context, plan *scan.Plan, rev string) error {
	if rev == "" {
		return nil
	}
	changed, err := gitdiff.Changed(ctx, ".", rev)
	if err != nil {
		return err
	}
	plan.Choices.Diff = &triage.Diff{Since: rev, Changed: changed}
	return nil
}
