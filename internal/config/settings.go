package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/triage"
)

// setting is one key and all that is known about it.
type setting struct {
	// key is dotted for a key within a section.
	key string
	// env is the variable that sets it, "" for none; lists have commas there.
	env string
	// flag is the flag that sets it, "" for none.
	flag string
	// about is one sentence for the reference and for editors.
	about string
	value value
}

// settings is the table of everything that can be set, bound to the fields of
// one Config.
func (c *Config) settings() []setting {
	return []setting{
		{"fail-on", "HOLDFAST_FAIL_ON", "fail-on", "Severity from which findings fail the run.", severity{&c.FailOn}},
		{"rules.dirs", "HOLDFAST_RULES", "rules", "Folders with rules of your own.", list{p: &c.Rules.Dirs, paths: true}},
		{"rules.disable", "HOLDFAST_DISABLE", "disable", "Rules that do not apply: ids, or patterns of ids such as container-*.", list{p: &c.Rules.Disable, check: triage.CheckRule}},
		{"rules.enable-only", "HOLDFAST_ENABLE_ONLY", "enable-only", "The only rules that apply: ids, or patterns of ids.", list{p: &c.Rules.EnableOnly, check: triage.CheckRule}},
		{"rules.severity", "", "", "Severities that replace those of rules, by id.", severities{&c.Rules.Severity}},
		{"exclude", "HOLDFAST_EXCLUDE", "exclude", "Patterns of paths that are not looked at; ** matches any number of folders.", list{p: &c.Exclude, check: checkGlob}},
		{"registries.allow", "HOLDFAST_REGISTRIES", "allow-registry", "Registries that images may come from, such as ghcr.io/acme or *.acme.example; none is all.", list{p: &c.Registries, check: checkRegistry}},
		{"helm.values", "", "values", "Sets of values files; each chart is judged once with each set.", valueSets{&c.Helm.Values}},
		{"helm.set", "", "set", "Values as key=value that are laid over every set.", list{p: &c.Helm.Set, check: checkPair, secret: true}},
		{"helm.kube-version", "HOLDFAST_KUBE_VERSION", "kube-version", "Kubernetes version that charts are rendered for.", text{p: &c.Helm.KubeVersion, check: checkVersion}},
		{"helm.api-versions", "", "api-versions", "Kubernetes API versions that charts may ask for.", list{p: &c.Helm.APIVersions}},
		{"compose.files", "", "compose-file", "Compose files that are merged into one project.", list{p: &c.Compose, paths: true}},
		{"image.platform", "HOLDFAST_PLATFORM", "platform", "Platform of an image that exists for several, such as linux/arm64; by default that of this machine's processor.", text{p: &c.Image.Platform, check: checkPlatform}},
		{"image.from", "HOLDFAST_FROM", "from", "Where images are looked for: registry, archive, layout, docker, podman or containerd; by default wherever they are.", text{p: &c.Image.From, check: checkFrom}},
		{"image.base", "", "base", "Base images that yours may be built on: what they brought is told from what you added, for certain.", list{p: &c.Image.Base}},
		{"image.only-fixed", "HOLDFAST_ONLY_FIXED", "only-fixed", "Count only vulnerabilities that a newer version of the package fixes.", boolean{&c.Image.OnlyFixed}},
		{"image.policy", "HOLDFAST_POLICY", "policy", "Policy of who may sign and build images, as holdfast verify reads it.", text{p: &c.Image.Policy, path: true}},
		{"vex", "HOLDFAST_VEX", "vex", "VEX documents that say which vulnerabilities do not affect you: OpenVEX, CSAF or CycloneDX.", list{p: &c.VEX, paths: true}},
		{"db.dir", "HOLDFAST_DB", "db", "Folder of the advisories, as holdfast db keeps them.", text{p: &c.DB.Dir, path: true}},
		{"db.max-age", "HOLDFAST_DB_MAX_AGE", "db-max-age", "Age in days up to which advisories are good enough to say that a package has no vulnerability.", number{&c.DB.MaxAge}},
		{"ignore", "", "", "Findings that do not count, each entry with a reason.", ignores{c}},
		{"baseline", "HOLDFAST_BASELINE", "baseline", "File with the findings that are known: only others count.", text{p: &c.Baseline, path: true}},
		{"output", "HOLDFAST_OUTPUT", "output", "Reports, each as FORMAT or FORMAT=FILE; in the configuration file, FILE lies below its folder.", list{p: &c.Output, check: checkOutput, outputs: true}},
		{"no-ignores", "HOLDFAST_NO_IGNORES", "no-ignores", "Disregard every ignore, wherever it is written.", boolean{&c.NoIgnores}},
	}
}

// The variable that names the configuration file, as --config does, and the
// flag that adds a whole set of values files, separated by commas.
const (
	EnvConfig    = "HOLDFAST_CONFIG"
	FlagValueSet = "value-set"
)

// Reference is what the documentation says of one setting.
type Reference struct{ Key, Env, Flag, About string }

// References lists all settings for the documentation.
func References() []Reference {
	var out []Reference
	for _, s := range defaults().settings() {
		out = append(out, Reference{s.key, s.env, s.flag, s.about})
	}
	return out
}

func checkGlob(pattern string) error {
	_, err := triage.ParseGlob(pattern)
	return err
}

func checkRegistry(text string) error {
	switch {
	case strings.Contains(text, "://"):
		return fmt.Errorf("registry %q has a scheme: write only the host and, if need be, a path", text)
	case strings.ContainsAny(text, " \t") || strings.Contains(strings.TrimPrefix(text, "*."), "*"):
		return fmt.Errorf(`%q is no registry: write a host and, if need be, a path, such as ghcr.io/acme; "*." at the start stands for any subdomain`, text)
	}
	return nil
}

func checkPair(text string) error {
	if key, _, ok := strings.Cut(text, "="); !ok || strings.TrimSpace(key) == "" {
		return errors.New("a value that is set has the form key=value") // it may be a secret
	}
	return nil
}

func checkPlatform(text string) error {
	if parts := strings.Split(text, "/"); len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return fmt.Errorf("%q is no platform: write one such as linux/amd64 or linux/arm64/v8", text)
	}
	return nil
}

func checkFrom(text string) error {
	known := []string{"registry", "archive", "layout", "docker", "podman", "containerd"}
	if !slices.Contains(known, text) {
		return fmt.Errorf("%q is no place where images are: use one of %s", text, strings.Join(known, ", "))
	}
	return nil
}

var version = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^v?[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?([-+][0-9A-Za-z.+-]{1,60})?$`)
})

func checkVersion(text string) error {
	if !version().MatchString(text) {
		return fmt.Errorf("%q is no Kubernetes version: write one such as 1.35 or v1.35.2", text)
	}
	return nil
}

// checkOutput leaves the name of the format to those who know the formats.
func checkOutput(text string) error {
	if format, file, ok := strings.Cut(text, "="); format == "" || ok && file == "" {
		return fmt.Errorf("output %q has to be FORMAT or FORMAT=FILE", text)
	}
	return nil
}
