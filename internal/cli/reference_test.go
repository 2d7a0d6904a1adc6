package cli

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/holdfast-sec/holdfast/internal/config"
	"github.com/holdfast-sec/holdfast/internal/rule"
)

var update = flag.Bool("update", false, "write the pages of docs/reference")

// reference is where the pages are that the code writes.
const reference = "../../docs/reference"

// TestRulePages holds docs/reference/rules against the built-in rules: a page
// for each, an index, and nothing else.
func TestRulePages(t *testing.T) {
	all, err := allRules(nil)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"README.md": ruleIndex(all)}
	for _, r := range all {
		pages[r.ID+".md"] = generated("rules/*.yaml") + r.Markdown()
	}
	comparePages(t, filepath.Join(reference, "rules"), pages)
	for name := range listed(t, filepath.Join(reference, "rules")) {
		if _, ok := pages[name]; ok {
			continue
		}
		if *update {
			if err := os.Remove(filepath.Join(reference, "rules", name)); err != nil {
				t.Error(err)
			}
			continue
		}
		t.Errorf("docs/reference/rules/%s is about no rule: remove it, or run make generate", name)
	}
}

// TestCommandPage holds docs/reference/cli.md against the commands.
func TestCommandPage(t *testing.T) {
	root := newRoot(&System{})
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	b.WriteString(generated("the commands") + "# The command line\n\n" +
		"Results go to standard output, everything else to standard error.\n\n" +
		"| exit code | means |\n| --- | --- |\n" +
		"| 0 | nothing is at or over the gate |\n" +
		"| 1 | at least one finding is at or over the gate |\n" +
		"| 2 | the command line or the configuration is wrong |\n" +
		"| 3 | nothing is over the gate, but something could not be judged, or nothing was |\n")
	writeCommand(t, &b, root)
	comparePages(t, reference, map[string]string{"cli.md": b.String()})
}

// TestSettingsTable holds the table of docs/config.md against the settings.
func TestSettingsTable(t *testing.T) {
	const file = "../../docs/config.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(text), "\r\n", "\n")
	before, rest, ok := strings.Cut(page, "make generate -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- end of settings -->")
	if !ok || !ok2 {
		t.Fatalf("%s has lost the comments around its table", file)
	}
	var b strings.Builder
	b.WriteString(before + "make generate -->\n\n| key | environment | flag | |\n| --- | --- | --- | --- |\n")
	for _, r := range config.References() {
		if r.Flag != "" {
			r.Flag = "--" + r.Flag
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(r.Key), code(r.Env), code(r.Flag), strings.ReplaceAll(r.About, "*", `\*`))
	}
	b.WriteString("\n<!-- end of settings -->" + after)
	comparePages(t, filepath.Dir(file), map[string]string{"config.md": b.String()})
}

// code sets a word as code, if there is one.
func code(word string) string {
	if word == "" {
		return ""
	}
	return "`" + word + "`"
}

// writeCommand writes what a command and those below it say of themselves.
func writeCommand(t *testing.T, b *strings.Builder, cmd *cobra.Command) {
	if cmd.Hidden || cmd.Name() == "help" {
		return
	}
	var help strings.Builder
	words := append(strings.Fields(cmd.CommandPath())[1:], "--help")
	if code := Main(words, System{Stdin: strings.NewReader(""), Stdout: &help, Stderr: &help}); code != 0 {
		t.Errorf("holdfast %s gives the exit code %d: %s", strings.Join(words, " "), code, &help)
	}
	fmt.Fprintf(b, "\n## %s\n\n```\n%s\n```\n", cmd.CommandPath(), strings.TrimSpace(help.String()))
	for _, sub := range cmd.Commands() {
		writeCommand(t, b, sub)
	}
}

// ruleIndex lists the rules by topic, the worst first.
func ruleIndex(all []rule.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# The built-in rules\n\n%d rules by topic, the worst first. `holdfast rules show ID` prints the same pages.\n",
		generated("rules/*.yaml"), len(all))
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b rule.Rule) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.ID, b.ID))
	})
	for _, topic := range rule.Topics() {
		fmt.Fprintf(&b, "\n## %s\n\n| rule | severity | judges | title |\n| --- | --- | --- | --- |\n", topic)
		for _, r := range sorted {
			if r.Topic == topic {
				fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s | %s |\n", r.ID, r.ID, r.Severity, r.On, r.Title)
			}
		}
	}
	return b.String()
}

// generated is the first line of a page: who would otherwise edit it should not.
func generated(from string) string {
	return "<!-- Made from " + from + " by make generate. Do not edit. -->\n\n"
}

// comparePages holds the files of a folder against what they have to be.
func comparePages(t *testing.T, dir string, pages map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		file := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(file, []byte(pages[name]), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v: run make generate", err)
			continue
		}
		if line := firstDifference(strings.ReplaceAll(string(got), "\r\n", "\n"), pages[name]); line > 0 {
			t.Errorf("%s:%d: the page is not what the code says: run make generate", file, line)
		}
	}
}

// firstDifference returns the line where two texts begin to differ, 0 if nowhere.
func firstDifference(a, b string) int {
	if a == b {
		return 0
	}
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return i + 1
		}
	}
	return min(len(as), len(bs)) + 1
}

// listed is the set of names in a folder.
func listed(t *testing.T, dir string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names
}
