package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/cli"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/triage"
	"github.com/holdfast-sec/holdfast/rules"
)

// elision stands in a page for lines of an output that it leaves out.
const elision = "..."

// TestDocs runs the commands that the pages show and holds the output against
// what they show of it. A command stands in a block of its own:
//
//	```console
//	$ holdfast rules test examples/rules
//	5 rules keep their examples
//	```
//
// It runs at the root of the project, with the advisories of the examples in its
// database. Where the block has a line "...", only the
// lines before and after it are shown; -update keeps their numbers.
func TestDocs(t *testing.T) {
	t.Chdir("..")
	db := t.TempDir()
	output(t, db, "holdfast db import examples/advisories")
	shown := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
		got := consoleBlock.ReplaceAllFunc(text, func(block []byte) []byte {
			shown++
			m := consoleBlock.FindSubmatch(block)
			command := string(m[1])
			out := "```console\n$ " + command + "\n" + shorten(output(t, db, command), string(m[2])) + "```\n"
			if !*update && out != string(block) {
				t.Errorf("%s: the output of %q is not what the page shows: run make generate and read the difference\n--- page\n%s--- program\n%s", page, command, block, out)
			}
			return []byte(out)
		})
		if *update && !bytes.Equal(got, text) {
			if err := os.WriteFile(page, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	if shown == 0 {
		t.Error("no page shows a command")
	}
}

var consoleBlock = regexp.MustCompile("(?ms)^```console\n\\$ (.*?)\n(.*?)^```\n")

// pages lists the pages that people write.
func pages(t *testing.T) []string {
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/design/*.md"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

// output runs a command line of the program. db is the folder of its database,
// which the configuration does not show.
func output(t *testing.T, db, command string) string {
	words := strings.Fields(strings.Replace(command, "go run ./cmd/holdfast", "holdfast", 1))
	if words[0] != "holdfast" {
		t.Fatalf("%q is no command of the program: show others in a block of another kind", command)
	}
	var out bytes.Buffer
	var environ []string
	if words[1] != "config" {
		environ = []string{"HOLDFAST_DB=" + db}
	}
	code := cli.Main(words[1:], cli.System{Environ: environ, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Today: "2026-06-01"})
	if code == finding.ExitUsage || out.Len() == 0 {
		t.Fatalf("%q ends with %d and prints %q", command, code, &out)
	}
	return out.String()
}

// shorten leaves out the lines that the page leaves out.
func shorten(out, shown string) string {
	lines := strings.SplitAfter(out, "\n")
	kept := strings.SplitAfter(shown, "\n")
	at := slices.Index(kept, elision+"\n")
	if at < 0 {
		return out
	}
	// The last element of each is empty: the text ends with a line end.
	tail := len(kept) - at - 2
	if at+tail >= len(lines)-1 {
		return out
	}
	return strings.Join(lines[:at], "") + elision + "\n" + strings.Join(lines[len(lines)-1-tail:], "")
}

// TestLinks checks that the links between the pages lead somewhere.
func TestLinks(t *testing.T) {
	t.Chdir("..")
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range append(pages(t), "docs/reference/rules/README.md", "docs/reference/fields.md", "docs/reference/cli.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				target, _, _ := strings.Cut(m[1], "#")
				if target == "" || strings.Contains(target, "://") {
					continue
				}
				if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
					t.Error(fmt.Errorf("%s:%d links to %s: %w", page, i+1, m[1], err))
				}
			}
		}
	}
}

// TestNamedRules checks that the rules exist that the pages name in ignores, in
// settings and behind flags.
func TestNamedRules(t *testing.T) {
	t.Chdir("..")
	known, err := rule.IDs(rules.Files())
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?:ignore |ignore: "|-only |--disable |--rule |rules show |rules: \[|disable: \[)'?([a-z*]+(?:-[a-z*]+)+)`)
	found := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range named.FindAllStringSubmatch(line, -1) {
				found++
				if err := triage.UnknownRule(m[1], known); err != nil {
					t.Errorf("%s:%d: %v", page, i+1, err)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no page names a rule: this test looks for the wrong thing")
	}
}
