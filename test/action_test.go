package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// TestAction runs the script of action.yml with inputs as a hostile pull request
// might choose them: they become arguments, and none of them a command.
func TestAction(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash runs the script of the action, and there is none")
	}
	text, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	action, err := source.Split(text)[0].Parse()
	if err != nil {
		t.Fatal(err)
	}
	steps := action.List("runs", "steps")
	script := steps[len(steps)-1].Text("run")
	if strings.Contains(script, "${{") {
		t.Fatal("the script has an expression in it: what it stands for would be read by the shell")
	}
	dir := t.TempDir()
	program := "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\n"
	if err := os.WriteFile(filepath.Join(dir, "holdfast"), []byte(program), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		env  []string
		want []string
	}{
		{"defaults", []string{"INPUT_TARGETS=."}, []string{"scan", "--output", "terminal", "--", "."}},
		{"everything",
			[]string{"INPUT_TARGETS=deploy\nmy charts\n", "INPUT_FAIL_ON=high", "INPUT_SARIF_FILE=a b.sarif",
				"INPUT_OUTPUT=json=x.json\njunit=y.xml", "INPUT_ARGS=--diff\norigin/main"},
			[]string{"scan", "--output", "terminal", "--fail-on=high", "--output=sarif=a b.sarif",
				"--output=json=x.json", "--output=junit=y.xml", "--diff", "origin/main", "--", "deploy", "my charts"}},
		{"images",
			[]string{"INPUT_TARGETS=.", "INPUT_IMAGES=app:ci\napp.tar"},
			[]string{"db", "update", "scan", "image", "--output", "terminal", "--", "app:ci", "app.tar"}},
		{"hostile",
			[]string{"INPUT_TARGETS=$(touch pwned); `touch pwned` *\n--fail-on=critical", "INPUT_FAIL_ON=low;touch pwned"},
			[]string{"scan", "--output", "terminal", "--fail-on=low;touch pwned", "--", "$(touch pwned); `touch pwned` *", "--fail-on=critical"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(bash, "-e", "-o", "pipefail", "-c", script)
			cmd.Dir = dir
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "RUNNER_TEMP=" + dir}, test.env...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); !slices.Equal(got, test.want) {
				t.Errorf("the program is called with %q, want %q", got, test.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
				t.Error("an input was run as a command")
			}
		})
	}
}
