package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

var update = flag.Bool("update", false, "write the golden files")

// full is a file with every key.
const full = `fail-on: high
rules:
  dirs: [rules, ../shared/rules]
  disable: [container-no-limits, "pod-*"]
  enable-only: ["*"]
  severity: {container-root: low, image-tag-latest: critical}
exclude: [testdata, "deploy/**/*.tmp"]
registries:
  allow: [ghcr.io/acme, "*.acme.example"]
helm:
  values:
    - [values.yaml, prod.yaml]
    - [dev.yaml]
  set: [image.tag=1.2, db.password=hunter2]
  kube-version: 1.30
  api-versions: [monitoring.coreos.com/v1]
compose:
  files: [compose.yaml, compose.prod.yaml]
ignore:
  - rules: [container-root, "image-*"]
    paths: [legacy/**]
    assets: ["*web*"]
    reason: goes away with the old cluster
    until: 2027-01-31
  - rules: ["*"]
baseline: baseline.json
output: [terminal, sarif=out/holdfast.sarif]
no-ignores: true
image:
  platform: linux/arm64
  from: registry
  base: [debian:12-slim]
  only-fixed: true
  policy: policy.yaml
vex: [vex.json]
db:
  dir: advisories
  max-age: 3
`

// write makes a folder with files in it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, in Input) *Config {
	t.Helper()
	c, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryKey(t *testing.T) {
	c := load(t, Input{Dir: write(t, map[string]string{FileName: full})})
	check := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	check("file", c.File, FileName)
	check("fail-on", c.FailOn, finding.High)
	check("rules", c.Rules, Rules{Dirs: []string{"rules", "../shared/rules"}, Disable: []string{"container-no-limits", "pod-*"}, EnableOnly: []string{"*"},
		Severity: map[string]finding.Severity{"container-root": finding.Low, "image-tag-latest": finding.Critical}})
	check("exclude", c.Exclude, []string{"testdata", "deploy/**/*.tmp"})
	check("registries", c.Registries, []string{"ghcr.io/acme", "*.acme.example"})
	check("helm", c.Helm, Helm{Values: [][]string{{"values.yaml", "prod.yaml"}, {"dev.yaml"}}, Set: []string{"image.tag=1.2", "db.password=hunter2"},
		KubeVersion: "1.30", APIVersions: []string{"monitoring.coreos.com/v1"}})
	check("compose", c.Compose, []string{"compose.yaml", "compose.prod.yaml"})
	check("baseline", c.Baseline, "baseline.json")
	check("output", c.Output, []string{"terminal", "sarif=out/holdfast.sarif"})
	check("no-ignores", c.NoIgnores, true)
	check("image", c.Image, Image{Platform: "linux/arm64", From: "registry", Base: []string{"debian:12-slim"}, OnlyFixed: true, Policy: "policy.yaml"})
	check("vex", c.VEX, []string{"vex.json"})
	check("db", c.DB, DB{Dir: "advisories", MaxAge: 3})
	place := func(line int) source.Place {
		return source.Place{File: FileName, Position: source.Position{Line: line, Column: 5}}
	}
	check("ignores", c.Ignores, []triage.Ignore{
		{Rules: []string{"container-root", "image-*"}, Paths: []string{"legacy/**"}, Assets: []string{"*web*"},
			Reason: "goes away with the old cluster", Until: "2027-01-31", By: triage.ByConfig, Place: place(20)},
		{Rules: []string{"*"}, By: triage.ByConfig, Place: place(25)},
	})
}

// TestEveryKeyIsInTheFullFile keeps the test above complete.
func TestEveryKeyIsInTheFullFile(t *testing.T) {
	c := load(t, Input{Dir: write(t, map[string]string{FileName: full})})
	for _, s := range c.settings() {
		if !c.fromFile(s.key) {
			t.Errorf("%s is not set by the full file", s.key)
		}
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "fail-on: low\nexlude: [a]\n", `.holdfast.yaml:2:1: the configuration has no "exlude": did you mean "exclude"?`},
		{"unknown key with nothing near", "zzzzzz: 1\n", `.holdfast.yaml:1:1: the configuration has no "zzzzzz": the keys are fail-on, rules, exclude, registries,`},
		{"unknown key in a section", "rules:\n  disabled: [a]\n", `.holdfast.yaml:2:3: rules has no "disabled": did you mean "disable"?`},
		{"unknown key in an ignore", "ignore:\n- rules: [a]\n  path: [b]\n", `.holdfast.yaml:3:3: an ignore has no "path": did you mean "paths"?`},
		{"key of a section at the top", "kube-version: \"1.30\"\n", `:1:1: the configuration has no "kube-version"`},
		{"twice", "fail-on: low\nfail-on: high\n", `.holdfast.yaml:2:1: the configuration has "fail-on" twice`},
		{"twice in a section", "rules:\n  dirs: [a]\n  dirs: [b]\n", `:3:3: rules has "dirs" twice`},
		{"severity", "fail-on: severe\n", `:1:10: unknown severity "severe": use one of info, low, medium, high, critical`},
		{"severity as a list", "fail-on: [low]\n", `:1:10: fail-on is a word, not a list`},
		{"list as a word", "exclude: a\n", `:1:10: exclude is a list, not "a"`},
		{"list as a mapping", "exclude:\n  a: b\n", `:2:3: exclude is a list, not a mapping`},
		{"entry of a list", "exclude: [[a]]\n", `:1:11: an entry of exclude is a word, not a list`},
		{"nothing in a list", "exclude: [a, ]\nrules: {dirs: [~]}\n", `:2:16: an entry of rules.dirs is a word, not nothing`},
		{"section as a word", "rules: strict\n", `:1:8: rules is a mapping, not "strict"`},
		{"all as a list", "- fail-on: low\n", `:1:1: the configuration is a mapping, not a list`},
		{"boolean", "no-ignores: maybe\n", `:1:13: no-ignores is true or false, not "maybe"`},
		{"rule", "rules: {disable: [\"a/b\"]}\n", `:1:19: "a/b" is no rule`},
		{"severity of a rule", "rules:\n  severity:\n    a: bad\n", `:3:8: unknown severity "bad"`},
		{"severity of a pattern", "rules:\n  severity:\n    a-*: low\n", `:3:5: rules.severity names one rule at a time, not the pattern "a-*"`},
		{"severity of no rule", "rules: {severity: {\"a b\": low}}\n", `:1:20: "a b" is no rule`},
		{"pattern of paths", "exclude: [\"a/[b\"]\n", `:1:11: pattern "a/[b" has a "["`},
		{"negation", "exclude: [\"!a\"]\n", `there is no negation`},
		{"registry", "registries: {allow: [\"https://ghcr.io\"]}\n", `:1:22: registry "https://ghcr.io" has a scheme`},
		{"registry pattern", "registries: {allow: [\"ghcr.io/*\"]}\n", `"ghcr.io/*" is no registry`},
		{"one set of values", "helm: {values: [a.yaml]}\n", `:1:17: each entry of helm.values is a list of files that belong together`},
		{"helm set", "helm: {set: [hunter2]}\n", `:1:14: a value that is set has the form key=value`},
		{"version", "helm: {kube-version: latest}\n", `:1:22: "latest" is no Kubernetes version`},
		{"ignore as a mapping", "ignore: {rules: [a]}\n", `:1:9: ignore is a list, not a mapping`},
		{"ignore as a word", "ignore: [a]\n", `:1:10: an entry of ignore is a mapping, not "a"`},
		{"ignore without rules", "ignore:\n- reason: b\n", `:2:3: the ignore has no "rules": name the rules, or "*" for all`},
		{"date", "ignore:\n- rules: [a]\n  until: soon\n", `:3:10: "soon" is no date`},
		{"paths of an ignore", "ignore:\n- rules: [a]\n  paths: [\"{a,b}\"]\n", `:3:11: pattern "{a,b}" has braces`},
		{"output", "output: [\"=a\"]\n", `:1:10: output "=a" has to be FORMAT or FORMAT=FILE`},
		{"output above", "output: [json=../a.json]\n", `:1:10: output "json=../a.json" lies outside of the folder`},
		{"output anywhere", "output: [json=/etc/cron.d/a]\n", `lies outside of the folder`},
		{"syntax", "rules:\n\tdirs: [a]\n", `.holdfast.yaml:2:1: it is not valid YAML: `},
		{"two documents", "fail-on: low\n---\nfail-on: high\n", `.holdfast.yaml:2: the configuration is one YAML document`},
		{"several at once", "a-key: 1\nfail-on: x\n", ":2:10: unknown severity"},
		{"cycle", "rules: &a\n  dirs: *a\n", `:2:9: it is not valid YAML: alias`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(Input{Dir: write(t, map[string]string{FileName: test.text})})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q in it", err, test.want)
			}
			var placed *Error
			if !errors.As(err, &placed) || placed.Place.Line == 0 {
				t.Errorf("error %v has no place", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v shows a secret", err)
			}
		})
	}
}

func TestErrorsAreBounded(t *testing.T) {
	text := ""
	for i := range 500 {
		text += fmt.Sprintf("key%d: 1\n", i)
	}
	_, err := Load(Input{Dir: write(t, map[string]string{FileName: text})})
	if n := strings.Count(err.Error(), "\n"); n != maxErrors || !strings.HasSuffix(err.Error(), "and 480 more errors") {
		t.Errorf("%d lines of error: %v", n+1, err)
	}
}

func TestNothingIsSet(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "---\n", "exclude:\nrules:\n  dirs: null\nignore: ~\n"} {
		c := load(t, Input{Dir: write(t, map[string]string{FileName: text})})
		want := defaults()
		if c.FailOn != want.FailOn || !slices.Equal(c.Output, want.Output) || c.Exclude != nil || c.Ignores != nil || len(c.origins) > 0 {
			t.Errorf("%q sets something: %+v", text, c)
		}
	}
}

func TestPrecedence(t *testing.T) {
	dir := write(t, map[string]string{FileName: full})
	tests := []struct {
		name  string
		env   map[string]string
		flags map[string][]string
		get   func(*Config) any
		want  any
		key   string
		from  string
	}{
		{"file", nil, nil, func(c *Config) any { return c.FailOn }, finding.High, "fail-on", ".holdfast.yaml:1"},
		{"environment over file", map[string]string{"HOLDFAST_FAIL_ON": "medium"}, nil, func(c *Config) any { return c.FailOn }, finding.Medium, "fail-on", "environment HOLDFAST_FAIL_ON"},
		{"flag over environment", map[string]string{"HOLDFAST_FAIL_ON": "medium"}, map[string][]string{"fail-on": {"info"}}, func(c *Config) any { return c.FailOn }, finding.Info, "fail-on", "flag --fail-on"},
		{"the last of a repeated flag", nil, map[string][]string{"fail-on": {"info", "low"}}, func(c *Config) any { return c.FailOn }, finding.Low, "fail-on", "flag --fail-on"},
		{"empty environment is none", map[string]string{"HOLDFAST_FAIL_ON": ""}, nil, func(c *Config) any { return c.FailOn }, finding.High, "fail-on", ".holdfast.yaml:1"},
		{"a list replaces a list", map[string]string{"HOLDFAST_EXCLUDE": "a, b/**"}, nil, func(c *Config) any { return c.Exclude }, []string{"a", "b/**"}, "exclude", "environment HOLDFAST_EXCLUDE"},
		{"a repeated flag is a list", nil, map[string][]string{"exclude": {"a", "b,c"}}, func(c *Config) any { return c.Exclude }, []string{"a", "b,c"}, "exclude", "flag --exclude"},
		{"an empty flag clears", nil, map[string][]string{"baseline": {""}}, func(c *Config) any { return c.Baseline }, "", "baseline", "flag --baseline"},
		{"an empty flag clears a list", nil, map[string][]string{"rules": {""}}, func(c *Config) any { return len(c.Rules.Dirs) }, 0, "rules.dirs", "flag --rules"},
		{"values belong together", nil, map[string][]string{"values": {"a", "b"}}, func(c *Config) any { return c.Helm.Values }, [][]string{{"a", "b"}}, "helm.values", "flag --values"},
		{"sets of values do not", nil, map[string][]string{"value-set": {"a,b", "c"}}, func(c *Config) any { return c.Helm.Values }, [][]string{{"a", "b"}, {"c"}}, "helm.values", "flag --value-set"},
		{"both", nil, map[string][]string{"values": {"x", "y"}, "value-set": {"c"}}, func(c *Config) any { return c.Helm.Values }, [][]string{{"x", "y"}, {"c"}}, "helm.values", "flag --values"},
		{"boolean flag", nil, map[string][]string{"no-ignores": {"false"}}, func(c *Config) any { return c.NoIgnores }, false, "no-ignores", "flag --no-ignores"},
		{"boolean environment", map[string]string{"HOLDFAST_NO_IGNORES": "0"}, nil, func(c *Config) any { return c.NoIgnores }, false, "no-ignores", "environment HOLDFAST_NO_IGNORES"},
		{"output anywhere by flag", nil, map[string][]string{"output": {"json=/somewhere/a.json"}}, func(c *Config) any { return c.Output }, []string{"json=/somewhere/a.json"}, "output", "flag --output"},
		{"other flags are not looked at", nil, map[string][]string{"explain": {"true"}}, func(c *Config) any { return c.FailOn }, finding.High, "baseline", ".holdfast.yaml:26"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, Input{Dir: dir, Env: test.env, Flags: test.flags})
			if got := test.get(c); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			for _, s := range c.Origins() {
				if s.Key == test.key && s.Origin != test.from {
					t.Errorf("%s comes from %q, want %q", s.Key, s.Origin, test.from)
				}
			}
		})
	}
}

// TestEverySettingCanBeOverridden: for each variable and flag of the table, the
// value of the file gives way to the variable and that to the flag.
func TestEverySettingCanBeOverridden(t *testing.T) {
	dir := write(t, map[string]string{FileName: full})
	examples := map[string][2]string{"fail-on": {"info", "medium"}, "no-ignores": {"false", "false"}, "helm.kube-version": {"1.31", "1.32"}, "helm.set": {"a=b", "c=d"},
		"image.platform": {"linux/386", "linux/s390x"}, "image.from": {"docker", "layout"}, "image.only-fixed": {"false", "false"}, "db.max-age": {"1", "2"}}
	for _, ref := range References() {
		words, ok := examples[ref.Key]
		if !ok {
			words = [2]string{"first", "second"}
		}
		in := Input{Dir: dir, Env: map[string]string{}, Flags: map[string][]string{}}
		if ref.Env != "" {
			in.Env[ref.Env] = words[0]
			checkOrigin(t, in, ref.Key, words[0], "environment "+ref.Env)
		}
		if ref.Flag != "" {
			in.Flags[ref.Flag] = []string{words[1]}
			checkOrigin(t, in, ref.Key, words[1], "flag --"+ref.Flag)
		}
	}
}

func checkOrigin(t *testing.T, in Input, key, value, origin string) {
	t.Helper()
	for _, s := range load(t, in).Origins() {
		if s.Key == key {
			if s.Value != value || s.Origin != origin {
				t.Errorf("%s is %q from %q, want %q from %q", key, s.Value, s.Origin, value, origin)
			}
			return
		}
	}
	t.Errorf("%s is not listed", key)
}

func TestErrorsOfEnvironmentAndFlags(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		in   Input
		want string
	}{
		{Input{Env: map[string]string{"HOLDFAST_FAIL_ON": "x"}}, `environment HOLDFAST_FAIL_ON: unknown severity "x"`},
		{Input{Env: map[string]string{"HOLDFAST_NO_IGNORES": "x"}}, `environment HOLDFAST_NO_IGNORES: "x" is neither true nor false`},
		{Input{Env: map[string]string{"HOLDFAST_DISABLE": "a b"}}, `environment HOLDFAST_DISABLE: "a b" is no rule`},
		{Input{Flags: map[string][]string{"exclude": {"a", "{b}"}}}, `flag --exclude: pattern "{b}" has braces`},
		{Input{Flags: map[string][]string{"kube-version": {"x"}}}, `flag --kube-version: "x" is no Kubernetes version`},
		{Input{File: "none.yaml"}, "reading the configuration none.yaml: there is no such file"},
		{Input{File: "."}, "reading the configuration .: it is a folder"},
		{Input{Env: map[string]string{EnvConfig: "none.yaml"}}, "reading the configuration none.yaml: there is no such file"},
	}
	for _, test := range tests {
		test.in.Dir = dir
		if _, err := Load(test.in); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
}

func TestOrigins(t *testing.T) {
	c := load(t, Input{Dir: write(t, map[string]string{FileName: full}), Env: map[string]string{"HOLDFAST_FAIL_ON": "low"}, Flags: map[string][]string{"baseline": {"b.json"}}})
	var b strings.Builder
	for _, s := range c.Origins() {
		fmt.Fprintf(&b, "%s = %s (%s)\n", s.Key, s.Value, s.Origin)
	}
	golden(t, "testdata/origins.txt", []byte(b.String()))
	for _, s := range load(t, Input{Dir: t.TempDir()}).Origins() {
		if s.Origin != "default" {
			t.Errorf("%s is from %s", s.Key, s.Origin)
		}
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code gives; run the test with -update and look at the change. Got:\n%s", file, got)
	}
}

func TestWhereTheFileIsLookedFor(t *testing.T) {
	at := func(level string) string { return "baseline: " + level + "\n" }
	tests := []struct {
		name  string
		files map[string]string
		want  string // the file, "" for none
		base  string // of the file's folder
	}{
		{"working directory", map[string]string{"a/b/.holdfast.yaml": at("x"), "a/.git/HEAD": ""}, ".holdfast.yaml", "x"},
		{"parent in the repository", map[string]string{"a/.holdfast.yaml": at("x"), "a/.git/HEAD": "", "a/b/c": ""}, "../.holdfast.yaml", "../x"},
		{"parent in a worktree", map[string]string{"a/.holdfast.yaml": at("x"), "a/.git": "gitdir: y", "a/b/c": ""}, "../.holdfast.yaml", "../x"},
		{"root of the repository, further up", map[string]string{".holdfast.yaml": at("x"), ".git/HEAD": "", "a/b/c": ""}, "../../.holdfast.yaml", "../../x"},
		{"above the repository", map[string]string{".holdfast.yaml": at("x"), "a/.git/HEAD": "", "a/b/c": ""}, "", ""},
		{"no repository", map[string]string{"a/.holdfast.yaml": at("x"), "a/b/c": ""}, "", ""},
		{"no repository, working directory", map[string]string{"a/b/.holdfast.yaml": at("x")}, ".holdfast.yaml", "x"},
		{"the nearest", map[string]string{".git/HEAD": "", ".holdfast.yaml": at("x"), "a/.holdfast.yaml": at("y"), "a/b/c": ""}, "../.holdfast.yaml", "../y"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, Input{Dir: filepath.Join(write(t, test.files), "a", "b")})
			if c.File != test.want || c.Baseline != test.base {
				t.Errorf("file %q, baseline %q; want %q, %q", c.File, c.Baseline, test.want, test.base)
			}
		})
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	root := write(t, map[string]string{".git/HEAD": "", "deploy/x/y": "", FileName: `
rules: {dirs: [policy, /abs/policy]}
helm: {values: [[v.yaml, deploy/w.yaml]]}
compose: {files: [c.yaml]}
baseline: b.json
output: [json=o.json]
exclude: [deploy/tmp, vendor]
ignore: [{rules: [a], paths: [deploy/x/z], reason: r}]
`})
	c := load(t, Input{Dir: filepath.Join(root, "deploy", "x")})
	got := fmt.Sprint(c.Rules.Dirs, c.Helm.Values, c.Compose, " ", c.Baseline, " ", c.Output)
	if want := "[../../policy /abs/policy] [[../../v.yaml ../w.yaml]] [../../c.yaml] ../../b.json [json=../../o.json]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for name, want := range map[string]bool{
		"../tmp": true, "../tmp/": true, "../tmp/a.yaml": true, "tmp/a.yaml": false, "vendor/a": true, "a.yaml": false, "/deploy/tmp/a": false,
	} {
		if c.Excluded(name) != want {
			t.Errorf("excluded %s: %v", name, !want)
		}
	}
	if base := c.Ignores[0].Base; base != "deploy/x" {
		t.Errorf("base of the ignore is %q", base)
	}
	byFlag := load(t, Input{Dir: filepath.Join(root, "deploy", "x"), Flags: map[string][]string{"exclude": {"sub/tmp"}}})
	if !byFlag.Excluded("sub/tmp/a") || byFlag.Excluded("../tmp/a") {
		t.Error("a pattern of a flag is not relative to the working directory")
	}
	named := load(t, Input{Dir: t.TempDir(), File: filepath.Join(root, FileName)})
	if want := filepath.ToSlash(filepath.Join(root, "b.json")); named.Baseline != want {
		t.Errorf("baseline of a file elsewhere is %q, want %q", named.Baseline, want)
	}
}

func TestNotes(t *testing.T) {
	dir := write(t, map[string]string{".holdfast.yml": "fail-on: high\n"})
	c := load(t, Input{Dir: dir, Env: map[string]string{"HOLDFAST_FAILON": "x", "HOLDFAST_SOMETHING_ELSE_ALTOGETHER": "1", "PATH": "y"}})
	var got []string
	for _, n := range c.Notes {
		got = append(got, n.File+": "+n.Message)
	}
	want := []string{".holdfast.yml: it is not read: the configuration is called .holdfast.yaml",
		": the environment variable HOLDFAST_FAILON is unknown: did you mean HOLDFAST_FAIL_ON?"}
	if !slices.Equal(got, want) {
		t.Errorf("notes %q", got)
	}
}

func TestFilesThatAreNoFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Input{Dir: dir}); err == nil || !strings.Contains(err.Error(), ".holdfast.yaml: it is a folder") {
		t.Errorf("error %v", err)
	}
	large := write(t, map[string]string{FileName: strings.Repeat("#\n", maxFile)})
	if _, err := Load(Input{Dir: large}); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("error %v", err)
	}
}

func TestRule(t *testing.T) {
	c := defaults()
	c.Rules = Rules{Disable: []string{"pod-*", "x"}, EnableOnly: []string{"pod-a", "container-*"}, Severity: map[string]finding.Severity{"container-a": finding.Info}}
	for id, want := range map[string]string{
		"container-a": "info true", "container-b": "high true", "pod-a": "high false", "image-a": "high false",
	} {
		s, applies := c.Rule(id, finding.High)
		if got := fmt.Sprint(s, applies); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if _, applies := defaults().Rule("any", finding.High); !applies {
		t.Error("a rule does not apply by default")
	}
}

func TestCheckRules(t *testing.T) {
	dir := write(t, map[string]string{FileName: "rules:\n  disable: [container-root, contaner-caps, \"zz-*\"]\n  severity:\n    container-rot: low\n    container-caps: low\n"})
	known := []string{"container-root", "container-caps"}
	err := load(t, Input{Dir: dir, Flags: map[string][]string{"enable-only": {"root"}}}).CheckRules(known)
	want := `.holdfast.yaml:2:29: there is no rule contaner-caps: did you mean container-caps?
.holdfast.yaml:2:44: no rule matches zz-*
.holdfast.yaml:4:5: there is no rule container-rot: did you mean container-root?
flag --enable-only: there is no rule root: did you mean container-root?`
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	if err := load(t, Input{Dir: dir}).CheckRules(append(known, "contaner-caps", "zz-a", "container-rot")); err != nil {
		t.Errorf("error %v", err)
	}
}

// TestSchema keeps the published schema the one that the code gives, and holds
// it to accept what the reader accepts and to refuse what it refuses.
func TestSchema(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/reference/holdfast.schema.json", text)

	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("holdfast.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("holdfast.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		text string
		ok   bool
	}{
		{strings.Replace(full, `rules: ["*"]`, `{rules: ["*"], reason: r}`, 1), true},
		{"fail-on: low\n", true},
		{"fail-on: severe\n", false},
		{"exlude: [a]\n", false},
		{"exclude: a\n", false},
		{"rules: {disabled: [a]}\n", false},
		{"rules: {severity: {a: bad}}\n", false},
		{"helm: {values: [a.yaml]}\n", false},
		{"helm: {kube-version: 1.31, set: [a=b]}\n", true},
		{"ignore: [{rules: [a], reason: b, path: [c]}]\n", false},
		{"ignore: [{reason: b}]\n", false},
		{"ignore: [{rules: [a], reason: b, until: soon}]\n", false},
		{"no-ignores: maybe\n", false},
	}
	for _, test := range tests {
		doc, err := source.Split([]byte(test.text))[0].Parse()
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(asJSON(t, doc.Native())); (err == nil) != test.ok {
			t.Errorf("%q: the schema says %v", test.text, err)
		}
		_, err = Load(Input{Dir: write(t, map[string]string{FileName: test.text})})
		if (err == nil) != test.ok {
			t.Errorf("%q: the reader says %v", test.text, err)
		}
	}
}

func asJSON(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzParse: whatever the file holds, there is a configuration or an error that
// names the file and is bounded; and a configuration can be shown.
func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("rules: &a {dirs: [b]}\nhelm: *a\n<<: {fail-on: low}\n"))
	f.Add([]byte("ignore:\n- rules: [a]\n  until: 2027-01-31\n- ~\n"))
	f.Add([]byte("{\"exclude\": [\"a/**\"], \"helm\": {\"values\": [[]]}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := defaults()
		if err := c.parse("x.yaml", "..", "sub", text); err != nil {
			if lines := strings.Split(err.Error(), "x.yaml"); len(lines) < 2 || len(lines) > maxErrors+2 {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, s := range c.Origins() {
			if s.Origin != "default" && !strings.HasPrefix(s.Origin, "x.yaml:") {
				t.Fatalf("setting %+v", s)
			}
		}
		for _, output := range c.Output {
			if _, file, ok := strings.Cut(output, "="); ok && !strings.HasPrefix(file, "../") {
				t.Fatalf("output %q", output)
			}
		}
		for _, i := range c.Ignores {
			if len(i.Rules) == 0 && i.Place.Line == 0 {
				t.Fatalf("ignore %+v", i)
			}
		}
	})
}
