package rule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// fakes stand in for the algorithms that rules call.
func fakes() Functions {
	return Functions{
		Credential: func(name, value string) string {
			if strings.Contains(name, "PASSWORD") && value != "" {
				return "password"
			}
			return ""
		},
		Credentials:     func(string) []string { return nil },
		RegistryAllowed: func(registry, _ string) bool { return registry == "registry.example" },
	}
}

func parseRules(t *testing.T, text string) []Rule {
	t.Helper()
	rules, errs := Parse("rules.yaml", []byte(text), false)
	errs = append(errs, settle(rules)...)
	for _, err := range append(errs, Check(rules, fakes())...) {
		t.Fatal(err)
	}
	return rules
}

func judge(t *testing.T, rules []Rule, a asset.Asset) []finding.Finding {
	t.Helper()
	engine := NewEngine(fakes(), func(kind asset.Kind) ([]Rule, error) {
		return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.On != kind }), nil
	})
	var found []finding.Finding
	if err := engine.Judge(context.Background(), a, func(f finding.Finding) { found = append(found, f) }); err != nil {
		t.Fatal(err)
	}
	return found
}

const header = "  title: T\n  topic: privilege\n  severity: high\n"

func TestErrorsNameThePlace(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no list", "id: x\n", `rules.yaml:1:1: a rule file is a list`},
		{"unknown key", "- id: a\n" + header + "  on: pod\n  wen: 'true'\n  when: 'true'\n  message: \"'m'\"\n", `rules.yaml:6:3: a rule has no "wen"`},
		{"missing key", "- id: a\n" + header + "  on: pod\n  message: \"'m'\"\n", `rules.yaml:1:3: the rule has no "when"`},
		{"bad id", "- id: Not_A_Slug\n" + header + "  on: pod\n  when: 'true'\n  message: \"'m'\"\n", "rules.yaml:1:7: id"},
		{"unknown severity", "- id: a\n  title: T\n  topic: privilege\n  severity: huge\n  on: pod\n  when: 'true'\n  message: \"'m'\"\n", "rules.yaml:4:13: unknown severity"},
		{"unknown kind", "- id: a\n" + header + "  on: cloud\n  when: 'true'\n  message: \"'m'\"\n", `rules.yaml:5:7: unknown kind of asset "cloud"`},
		{"object without kinds", "- id: a\n" + header + "  on: object\n  when: 'true'\n  message: \"'m'\"\n", `"kinds" belongs to rules on objects`},
		{"undefined field", "- id: a\n" + header + "  on: pod\n  when: pod.hostPd\n  message: \"'m'\"\n", "rules.yaml:6:12: undefined field 'hostPd'"},
		{"undefined field in a block", "- id: a\n" + header + "  on: pod\n  when: >-\n    pod.hostPID\n    && pod.x\n  message: \"'m'\"\n", "rules.yaml:7: undefined field 'x'"},
		{"condition is no condition", "- id: a\n" + header + "  on: pod\n  when: pod.name\n  message: \"'m'\"\n", "gives string and has to give bool"},
		{"message is no text", "- id: a\n" + header + "  on: pod\n  when: 'true'\n  message: pod.hostPID\n", "gives bool and has to give string"},
		{"each is no path", "- id: a\n" + header + "  on: pod\n  each: pod.volumes.filter(v, true)\n  when: 'true'\n  message: \"'m'\"\n", "plain path"},
		{"each is no list", "- id: a\n" + header + "  on: pod\n  each: pod.name\n  when: 'true'\n  message: \"'m'\"\n", "neither a list nor a mapping"},
		{"at does not exist", "- id: a\n" + header + "  on: pod\n  when: 'true'\n  at: nowhere\n  message: \"'m'\"\n", `"at" names the field "nowhere"`},
		{"unless other elements", "- id: a\n" + header + "  on: pod\n  when: 'true'\n  unless: [b]\n  message: \"'m'\"\n", `"unless" names "b"`},
		{"two edits in one", "- id: a\n" + header + "  on: pod\n  when: 'true'\n  message: \"'m'\"\n  edit: {kubernetes: {set: a, remove: b}}\n", "exactly one of"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rules, errs := Parse("rules.yaml", []byte(test.text), false)
			errs = append(errs, settle(rules)...)
			if len(errs) == 0 {
				errs = Check(rules, fakes())
			}
			if len(errs) == 0 || !strings.Contains(errs[0].Error(), test.want) {
				t.Errorf("got %v, want an error with %q", errs, test.want)
			}
		})
	}
}

// workload is a container with a place for everything that it declares.
func workload() *asset.Container {
	at := func(line int) source.Place {
		return source.Place{File: "f.yaml", Position: source.Position{Line: line, Column: 5}}
	}
	c := &asset.Container{
		Head: asset.Head{Kind: asset.KindContainer, ID: "c", Name: "app", Place: at(1)},
		Name: "app", Privileged: true,
		Env:    []asset.EnvVar{{Name: "A", Value: "1"}, {Name: "DB_PASSWORD", Value: "x"}},
		Mounts: []asset.Mount{{Name: "run", HostPath: "/var/run"}, {Name: "data", HostPath: "/srv"}},
		Labels: map[string]string{"b": "2", "a": "1"},
		Image:  asset.ImageRef{Registry: "docker.io"},
	}
	c.At("privileged", at(2))
	c.At("env", at(3))
	c.At("env[1].value", at(4))
	c.At("mounts[0].hostPath", at(6))
	return c
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name, rule string
		// want is "line field message" of each finding.
		want []string
	}{
		{"a field, at its value", "  on: container\n  when: container.privileged\n  at: privileged\n  message: container.name\n",
			[]string{"2 privileged app"}},
		{"an absent field, at the asset", "  on: container\n  when: '!container.readOnlyRootFilesystem'\n  at: readOnlyRootFilesystem\n  message: \"'m'\"\n",
			[]string{"1 readOnlyRootFilesystem m"}},
		{"one element of a list", "  on: container\n  each: container.env\n  when: credential(each.name, each.value) != ''\n  at: value\n  message: each.name\n",
			[]string{"4 env[1].value DB_PASSWORD"}},
		{"an element without a place, at its list", "  on: container\n  each: container.env\n  when: each.name == 'A'\n  at: value\n  message: each.name\n",
			[]string{"3 env[0].value A"}},
		{"entries of a mapping, in order", "  on: container\n  each: container.labels\n  when: 'true'\n  at: value\n  message: each.key + each.value\n",
			[]string{"1 labels[\"a\"].value a1", "1 labels[\"b\"].value b2"}},
		{"a parent path gives the socket away", "  on: container\n  each: container.mounts\n  when: exposes(each.hostPath, '/var/run/docker.sock')\n  at: hostPath\n  message: each.name\n",
			[]string{"6 mounts[0].hostPath run"}},
		{"a list within a condition", "  on: container\n  when: container.mounts.exists(m, within(m.hostPath, '/srv'))\n  message: \"'m'\"\n",
			[]string{"1  m"}},
		{"a function of the user's settings", "  on: container\n  when: '!registryAllowed(container.image.registry, container.image.repository)'\n  message: \"'m'\"\n",
			[]string{"1  m"}},
		{"another format", "  on: container\n  formats: [compose]\n  when: container.privileged\n  message: \"'m'\"\n", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rules := parseRules(t, "- id: a\n"+header+test.rule)
			var got []string
			for _, f := range judge(t, rules, workload()) {
				got = append(got, fmt.Sprintf("%d %s %s", f.Place.Line, f.Field, f.Message))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestUnless(t *testing.T) {
	rules := parseRules(t, "- id: precise\n"+header+"  on: container\n  each: container.mounts\n  when: each.hostPath == '/var/run'\n  message: \"'p'\"\n"+
		"- id: general\n"+header+"  on: container\n  each: container.mounts\n  when: each.hostPath != ''\n  unless: [precise]\n  message: each.name\n")
	found := judge(t, rules, workload())
	if len(found) != 2 || found[0].Rule != "precise" || found[1].Rule != "general" || found[1].Message != "data" {
		t.Errorf("got %+v", found)
	}
	// Switching the precise rule off does not bring the general one up.
	if found := judge(t, rules[1:], workload()); len(found) != 1 || found[0].Message != "data" {
		t.Errorf("without the precise rule: %+v", found)
	}
}

func TestParent(t *testing.T) {
	rules := parseRules(t, "- id: a\n"+header+"  on: image\n  each: image.instructions[].commands\n  when: parent.shipped && each.name == 'curl'\n  message: parent.cmd + ' ' + each.name\n")
	image := &asset.Image{Head: asset.Head{Kind: asset.KindImage}, Instructions: []asset.Instruction{
		{Cmd: "RUN", Commands: []asset.Command{{Name: "curl"}}},
		{Cmd: "RUN", Shipped: true, Commands: []asset.Command{{Name: "ls"}, {Name: "curl"}}},
	}}
	found := judge(t, rules, image)
	if len(found) != 1 || found[0].Field != "instructions[1].commands[1]" || found[0].Key != "instructions[1].commands[curl]" || found[0].Message != "RUN curl" {
		t.Errorf("got %+v", found)
	}
}

// TestUnknown checks that a verdict is undetermined exactly where it depends on
// what is not known.
func TestUnknown(t *testing.T) {
	image := "  on: container\n  when: container.image.tag == 'latest'"
	tests := []struct {
		name, when string
		verdict    finding.Verdict
	}{
		{"depends", "", finding.Undetermined},
		{"decided by the other side", " || container.privileged", finding.Fail},
		{"decided against", " && !container.privileged", finding.Pass},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rules := parseRules(t, "- id: a\n"+header+image+test.when+"\n  at: image.tag\n  message: \"'m'\"\n")
			c := workload()
			c.Unknown = []asset.Unknown{{Path: "image.tag", Reason: "TAG has no value"}}
			found := judge(t, rules, c)
			switch {
			case test.verdict == finding.Pass && len(found) == 0:
			case len(found) != 1 || found[0].Verdict != test.verdict:
				t.Errorf("got %+v, want one %s", found, test.verdict)
			case test.verdict == finding.Undetermined && found[0].Reason != "TAG has no value":
				t.Errorf("the reason is %q", found[0].Reason)
			}
		})
	}
	rules := parseRules(t, "- id: a\n"+header+"  on: container\n  each: container.env\n  when: credential(each.name, each.value) != ''\n  at: value\n  message: each.name\n")
	c := workload()
	c.Unknown = []asset.Unknown{{Path: "env[0].value", Reason: "not known"}}
	found := judge(t, rules, c)
	if len(found) != 2 || found[0].Verdict != finding.Undetermined || found[1].Verdict != finding.Fail {
		t.Errorf("of two variables the known one fails and the other is undetermined: %+v", found)
	}
}

// TestObjects checks that hostile shapes make a rule undetermined, not silent.
func TestObjects(t *testing.T) {
	rules := parseRules(t, "- id: a\n"+header+"  on: object\n  kinds: [ConfigMap]\n  each: object.data\n  when: each.value.contains('x')\n  message: each.key\n")
	object := func(text string) *asset.Object {
		n, err := source.Split([]byte(text))[0].Parse()
		if err != nil {
			t.Fatal(err)
		}
		return &asset.Object{Head: asset.Head{Kind: asset.KindObject, Place: source.Place{File: "f"}}, ObjectKind: "ConfigMap", Content: n}
	}
	found := judge(t, rules, object("kind: ConfigMap\ndata:\n  a.b: x\n  c: y\n"))
	if len(found) != 1 || found[0].Message != "a.b" || found[0].Place.Line != 3 {
		t.Errorf("got %+v", found)
	}
	if found := judge(t, rules, object("kind: ConfigMap\ndata: {a: 1}\n")); len(found) != 1 || found[0].Verdict != finding.Undetermined {
		t.Errorf("a number where a text belongs: %+v", found)
	}
	if found := judge(t, rules, object("kind: ConfigMap\ndata: text\n")); len(found) != 0 {
		t.Errorf("no mapping has no entries: %+v", found)
	}
}

func TestTallies(t *testing.T) {
	rules := parseRules(t, "- id: a\n"+header+"  on: container\n  each: container.mounts\n  when: each.hostPath != ''\n  message: \"'m'\"\n")
	engine := NewEngine(fakes(), func(asset.Kind) ([]Rule, error) { return rules, nil })
	for range 3 {
		if err := engine.Judge(t.Context(), workload(), func(finding.Finding) {}); err != nil {
			t.Fatal(err)
		}
	}
	if got := engine.Tallies(); len(got) != 1 || got[0] != (finding.Tally{Rule: "a", Judged: 3, Failed: 3}) {
		t.Errorf("tallies count assets, not elements: %+v", got)
	}
}

// Rules for one format are no business of assets in another, nor rules on ports of
// those without: they are not even compiled, but have judged. A rule for several is one rule in the tallies.
func TestFormats(t *testing.T) {
	rule := func(id, formats, when string) string {
		return "- id: " + id + "\n" + header + "  on: container\n" + formats + "  when: " + when + "\n  message: \"'m'\"\n"
	}
	rules, errs := Parse("rules.yaml", []byte(rule("all", "", "true")+rule("both", "  formats: [compose, kubernetes]\n", "true")+
		rule("broken", "  formats: [dockerfile]\n", "container.nothing")+rule("empty", "  each: container.ports\n", "each.nothing")+rule("one", "  formats: [kubernetes]\n", "true")), false)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	engine := NewEngine(fakes(), func(asset.Kind) ([]Rule, error) { return rules, nil })
	judge := func(format asset.Format) (string, error) {
		a := workload()
		a.Head.Format = format
		var ids []string
		err := engine.Judge(t.Context(), a, func(f finding.Finding) { ids = append(ids, f.Rule) })
		return strings.Join(ids, " "), err
	}
	for format, want := range map[asset.Format]string{asset.Compose: "all both", asset.Kubernetes: "all both one", asset.Folder: "all"} {
		if got, err := judge(format); err != nil || got != want {
			t.Errorf("%s: %q (%v), want %q", format, got, err, want)
		}
	}
	if _, err := judge(asset.Dockerfile); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("the error is %v", err)
	}
	var got []string
	for _, tally := range engine.Tallies() {
		got = append(got, fmt.Sprint(tally.Rule, tally.Judged, tally.Failed))
	}
	if want := []string{"all3 3", "both2 2", "empty3 0", "one1 1"}; !slices.Equal(got, want) {
		t.Errorf("tallies %q, want %q", got, want)
	}
}

// Statements about vulnerabilities need to know what a finding is about, and
// baselines must survive an advisory more.
func TestFindingsNameTheVulnerability(t *testing.T) {
	rules := parseRules(t, "- id: a\n"+header+"  on: package\n  each: pkg.vulnerabilities\n  rating: each.severity\n  when: each.id != ''\n  message: each.id\n")
	p := &asset.Package{Head: asset.Head{Kind: asset.KindPackage}, Name: "libssl3", Version: "3.0-1", PURL: "pkg:deb/debian/libssl3@3.0-1", Source: "openssl",
		Vulnerabilities: []asset.Vulnerability{{ID: "CVE-1", Aliases: []string{"DSA-1"}, Severity: "high", Fixed: "3.0-2"}}}
	found := judge(t, rules, p)
	if len(found) != 1 || found[0].Package == nil || found[0].Package.PURL != p.PURL || found[0].Package.Source != "openssl" {
		t.Fatalf("got %+v", found)
	}
	if v := found[0].Vulnerability; v == nil || v.ID != "CVE-1" || !slices.Equal(v.Aliases, []string{"DSA-1"}) || v.Fixed != "3.0-2" {
		t.Errorf("vulnerability %+v", v)
	}
	if found[0].Severity != finding.High || found[0].Key != "vulnerabilities[CVE-1]" {
		t.Errorf("severity %s, key %s", found[0].Severity, found[0].Key)
	}
}

func TestWithin(t *testing.T) {
	for _, test := range []struct {
		path, dir string
		want      bool
	}{
		{"/var/run", "/var/run", true}, {"/var/run/x", "/var/run", true}, {"/var/runner", "/var/run", false},
		{"/var/run/../lib", "/var/run", false}, {"/x", "/", true}, {"", "/", false}, {"x", "/", false},
	} {
		if got := within(test.path, test.dir); got != test.want {
			t.Errorf("within(%q, %q) = %v", test.path, test.dir, got)
		}
	}
}

// FuzzParse checks that no rule file crashes the loader or the type-checker.
func FuzzParse(f *testing.F) {
	f.Add("- id: a\n" + header + "  on: container\n  each: container.env\n  when: each.name == 'A'\n  at: value\n  message: each.name\n")
	f.Add("- id: a\n" + header + "  on: object\n  kinds: [X]\n  when: object.?a.orValue(1) == 1\n  message: >-\n    'm'\n  examples:\n    bad:\n      - pod: |\n          x: y # <- y\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, errs := Parse("rules.yaml", []byte(text), false)
		errs = append(errs, settle(rules)...)
		for _, err := range append(errs, Check(rules, fakes())...) {
			if !strings.Contains(err.Error(), "rules.yaml") {
				t.Fatalf("an error without its place: %v", err)
			}
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	rules, errs := Parse("rules.yaml", []byte("- id: a\n"+header+"  on: container\n  each: container.mounts\n  when: exposes(each.hostPath, '/run/docker.sock')\n  message: \"'m'\"\n"+
		"- id: b\n"+header+"  on: container\n  when: container.image.tag == 'latest' && !container.privileged\n  message: \"'m'\"\n"), false)
	if len(errs) > 0 {
		b.Fatal(errs[0])
	}
	engine := NewEngine(fakes(), func(asset.Kind) ([]Rule, error) { return rules, nil })
	c := workload()
	b.ReportAllocs()
	for b.Loop() {
		if err := engine.Judge(b.Context(), c, func(finding.Finding) {}); err != nil {
			b.Fatal(err)
		}
	}
}
