package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Input that is made to take for ever, or all memory, ends with a reason.
func TestHostile(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("x-a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		fmt.Fprintf(&bomb, "x-a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	bomb.WriteString("services:\n  web:\n    image: a:1\n    command: *a12\n")

	variants := map[string]string{"compose.yaml": "services:\n  web: {image: a}\n"}
	for i := range 60 {
		variants[fmt.Sprintf("compose.v%02d.yaml", i)] = "services:\n  web: {user: \"1\"}\n"
	}
	nested := map[string]string{"f12.yaml": "services: {z: {image: z}}\n"}
	for i := range 12 {
		nested[fmt.Sprintf("f%d.yaml", i)] = fmt.Sprintf("include: [f%d.yaml]\nservices: {s%d: {image: z}}\n", i+1, i)
	}
	many := func(n int, line func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i))
		}
		return b.String()
	}
	fat := "services:\n  base:\n    image: a:1\n    environment:\n" + many(20000, func(i int) string { return fmt.Sprintf("      V%d: x\n", i) })
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"aliases", map[string]string{"compose.yaml": bomb.String()}, "aliases expand to more than"},
		{"depth", map[string]string{"compose.yaml": "services:\n  web:\n    image: " + strings.Repeat("[", 10000) + "\n"}, "max depth of 200"},
		{"cyclic alias", map[string]string{"compose.yaml": "services: &s\n  web: {image: a, labels: *s}\n"}, "contains it"},
		{"values", map[string]string{"compose.yaml": "services:\n" + many(60000, func(i int) string { return fmt.Sprintf("  s%d: {image: a}\n", i) })}, "more than 100000 values"},
		{"one base for many", map[string]string{"compose.yaml": fat + many(50, func(i int) string { return fmt.Sprintf("  s%d: {extends: base}\n", i) })}, "more than 100000 values"},
		{"long list", map[string]string{"compose.yaml": "services:\n  web:\n    image: a\n    dns:\n" + many(3000, func(i int) string { return fmt.Sprintf("      - h%d\n", i) })}, "a list of more than 1000 entries"},
		{"lists that add up", map[string]string{
			"compose.yaml":          "services:\n  web:\n    image: a\n    security_opt:\n" + many(900, func(i int) string { return fmt.Sprintf("      - a%d\n", i) }),
			"compose.override.yaml": "services:\n  web:\n    security_opt:\n" + many(900, func(i int) string { return fmt.Sprintf("      - b%d\n", i) }),
		}, "a list of more than 1000 entries"},
		{"documents", map[string]string{"compose.yaml": strings.Repeat("---\nservices: {a: {image: b}}\n", 50)}, "more than 10 YAML documents"},
		{"chain of extends", map[string]string{"compose.yaml": "services:\n  s0: {image: a}\n" + many(200, func(i int) string { return fmt.Sprintf("  s%d: {extends: s%d}\n", i+1, i) })}, ""},
		{"includes", map[string]string{"compose.yaml": "include:\n" + many(150, func(i int) string { return fmt.Sprintf("  - f%d.yaml\n", i) })}, "it does not exist here"},
		{"variants", variants, "more than 50 variants of one project"},
		{"nested includes", nested, "nested deeper than 10 levels"},
		{"includes that double", map[string]string{
			"compose.yaml": "include: [f0.yaml]\nservices: {a: {image: b}}\n", "f0.yaml": "include: [f1.yaml, {path: [f1.yaml]}]\n", "f1.yaml": "include: [f2.yaml, {path: [f2.yaml]}]\n",
			"f2.yaml": "include: [f3.yaml, {path: [f3.yaml]}]\n", "f3.yaml": "include: [f4.yaml, {path: [f4.yaml]}]\n", "f4.yaml": "include: [f5.yaml, {path: [f5.yaml]}]\n",
			"f5.yaml": "include: [f6.yaml, {path: [f6.yaml]}]\n", "f6.yaml": "include: [f7.yaml, {path: [f7.yaml]}]\n", "f7.yaml": "include: [f8.yaml, {path: [f8.yaml]}]\n", "f8.yaml": "services: {z: {image: z}}\n",
		}, "includes files more than 200 times"},
		{"circle through the override of an include", map[string]string{
			"compose.yaml": "include:\n  - path: [part.yaml, compose.yaml]\nservices: {a: {image: b}}\n", "part.yaml": "services: {z: {image: z}}\n",
		}, "it includes itself"},
		{"doubling variables", map[string]string{
			".env":         "A0=0123456789\n" + many(60, func(i int) string { return fmt.Sprintf("A%d=$A%d$A%d\n", i+1, i, i) }),
			"compose.yaml": "services:\n  web:\n    image: a:${A60}\n",
		}, "add up to more than 64 MiB"},
		{"variable used again and again", map[string]string{
			".env":         "A=" + strings.Repeat("x", 1<<20) + "\n",
			"compose.yaml": "services:\n  web:\n    image: a\n    command:\n" + strings.Repeat("      - $A\n", 200),
		}, "add up to more than 64 MiB"},
		{"nested defaults", map[string]string{"compose.yaml": "services:\n  web:\n    image: " + strings.Repeat("${A:-", 5000) + strings.Repeat("}", 5000) + "\n"}, "nested deeper than"},
		{"ranges of ports", map[string]string{"compose.yaml": "services:\n  web:\n    image: a\n    ports:\n" + strings.Repeat("      - 1-65535:1-65535\n", 900)}, "a list of more than 1000 entries"},
		{"volumes_from in a circle", map[string]string{"compose.yaml": "services:\n" + many(30, func(i int) string {
			return fmt.Sprintf("  s%d:\n    image: a\n    volumes: [\"/v%d:/v%d\"]\n    volumes_from: [s%d, s%d, s%d]\n", i, i, i, (i+1)%30, (i+7)%30, (i+11)%30)
		})}, ""},
		{"network of a service in a circle", map[string]string{"compose.yaml": "services:\n  a: {image: a, network_mode: \"service:b\"}\n  b: {image: b, network_mode: \"service:a\"}\n"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := collectFiles(t, test.files)
			all := strings.Join(o.unread, "\n")
			if !strings.Contains(all, test.want) {
				t.Errorf("unread is %.500q, want %q", all, test.want)
			}
			if test.want == "" && len(o.containers) == 0 {
				t.Errorf("nothing was read, unread is %.500q", all)
			}
		})
	}
}

// Where no variable is open, a project is what compose-go itself makes of it.
func TestAgainstComposeGo(t *testing.T) {
	projects := map[string]map[string]string{
		"merge": {
			"compose.yaml": `
x-env: &env {A: "1", B: two}
services:
  web:
    image: web:${TAG:-1}
    build: {context: ./web, args: [X=1]}
    environment: {<<: *env, C: 3, D: "${FROM}"}
    ports: ["8080:80", "443", {target: 9, published: "10"}]
    volumes: ["./a:/a", "data:/d:ro", {type: tmpfs, target: /t}]
    depends_on: [db]
    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 3}
    labels: [a=b]
    healthcheck: {test: [CMD, x], interval: 5s}
    deploy: {resources: {limits: {cpus: "0.5", memory: 64M}}}
    logging: {driver: local, options: {max-size: 1m}}
    sysctls: {a: 1}
    secrets: [s]
    networks: {front: {aliases: [w]}}
    profiles: [p]
    privileged: "true"
  db:
    image: db
    env_file: [a.env]
    tmpfs: /run
    command: run 'it all'
volumes: {data: {driver_opts: {type: none, o: bind, device: ./here}}}
secrets: {s: {file: ./s.txt}}
networks: {front: {}, back: {external: true, name: outer}}
`,
			"compose.override.yaml": `
services:
  web:
    environment: [B=three, E=5]
    ports: !override ["1:1"]
    volumes: ["/changed:/a:rw", "/more:/more"]
    command: [a, b]
    logging: {driver: none}
    networks: [back]
    labels: {a: c, d: e}
    healthcheck: !reset null
    cap_add: [X, X]
  db:
    extends: {service: base, file: parts/base.yaml}
`,
			"parts/base.yaml": `
services:
  base:
    extends: {file: ../other/o.yaml, service: o}
    volumes: ["./p:/p"]
    env_file: ./b.env
`,
			"other/o.yaml": "services:\n  o:\n    volumes: [\"./o:/o\"]\n    dns: 1.1.1.1\n    read_only: true\n",
			".env":         "FROM=env file\n",
			"s.txt":        "",
		},
		"include": {
			"compose.yaml":     "include:\n  - sub/compose.yaml\n  - path: [more/a.yaml, more/b.yaml]\n    project_directory: elsewhere\n    env_file: more/x.env\nservices:\n  a: {image: \"a:$TAG\", depends_on: [db]}\n  db: {user: \"5\"}\n",
			".env":             "TAG=outer\n",
			"sub/.env":         "TAG=inner\nSUB=s\n",
			"sub/compose.yaml": "include: [deep/c.yaml]\nservices:\n  db:\n    image: db:$TAG-$SUB\n    volumes: [\"./x:/x\"]\n    extends: {file: ../parts/p.yaml, service: p}\n",
			"sub/deep/c.yaml":  "services:\n  deep:\n    image: deep\n    volumes: [\"../y:/y\", \"~/z:/z\"]\n",
			"parts/p.yaml":     "services:\n  p:\n    volumes: [\"./p:/p\"]\n    group_add: [a]\n",
			"more/a.yaml":      "services:\n  m: {image: \"m:$M\", volumes: [\"./m:/m\"]}\n",
			"more/b.yaml":      "services:\n  m: {privileged: true}\n",
			"more/x.env":       "M=7\n",
			"elsewhere/note":   "",
		},
	}
	for name, files := range projects {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for f, text := range files {
				file := filepath.Join(root, f)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("HOME", root+"/home")
			var inputs []string
			for _, f := range []string{"compose.yaml", "compose.override.yaml"} {
				if files[f] != "" {
					inputs = append(inputs, f)
				}
			}
			want, got := byComposeGo(t, root, inputs), byUs(t, files, inputs)
			if len(want) != len(got) {
				t.Fatalf("got %d services, want %d", len(got), len(want))
			}
			for service := range want {
				if !reflect.DeepEqual(got[service], want[service]) {
					t.Errorf("service %s is\n%v\nbut compose-go says\n%v", service, got[service], want[service])
				}
			}
		})
	}
}

// byComposeGo loads a project with compose-go. Its paths are made to look as
// ours do: seen from the project's folder.
func byComposeGo(t *testing.T, root string, inputs []string) map[string]string {
	t.Helper()
	env := types.Mapping{}
	if text, err := os.ReadFile(filepath.Join(root, ".env")); err == nil {
		if env, err = dotenv.UnmarshalBytesWithLookup(text, nil); err != nil {
			t.Fatal(err)
		}
	}
	details := types.ConfigDetails{WorkingDir: root, Environment: env}
	for _, f := range inputs {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: filepath.Join(root, f)})
	}
	project, err := loader.LoadWithContext(t.Context(), details, func(o *loader.Options) {
		o.SetProjectName("x", true)
		o.SkipConsistencyCheck, o.SkipResolveEnvironment, o.SkipResolveLabels = true, true, true
		o.Profiles = []string{"*"}
	})
	if err != nil {
		t.Fatal(err)
	}
	out := dumpServices(t, project)
	for name, text := range out {
		out[name] = strings.NewReplacer(root+"/home/", "~/", root+"/", "./").Replace(text)
	}
	return out
}

func byUs(t *testing.T, files map[string]string, inputs []string) map[string]string {
	t.Helper()
	c := New()
	c.tree = collect.NewTree(files)
	p := plan{files: inputs}
	a := c.assemble(t.Context(), p, func(place source.Place, reason string) { t.Errorf("unread: %s: %s", place, reason) })
	v, err := a.view(p)
	if err != nil {
		t.Fatal(err)
	}
	return dumpServices(t, v.project)
}

func dumpServices(t *testing.T, p *types.Project) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, s := range p.Services {
		if s.Build != nil {
			s.Build.Context = "" // nothing of ours depends on it
		}
		p.Services[name] = s
		one := &types.Project{Services: types.Services{name: s}, Volumes: p.Volumes, Networks: nil}
		for k, v := range one.Volumes {
			v.Name = ""
			one.Volumes[k] = v
		}
		text, err := one.MarshalYAML()
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(text)
	}
	return out
}

// FuzzCompose feeds the collector whole projects: a default file, an override
// and what they refer to.
func FuzzCompose(f *testing.F) {
	f.Add("services:\n  web:\n    image: nginx:${TAG:-1}\n    ports: [\"${P}:80\", \"1-3:1-3\"]\n    volumes: [\"./a:/a:ro\", \"d:/d\"]\n    extends: {file: part.yaml, service: x}\n", "services:\n  web: {privileged: !reset true, environment: !override [A=b, C]}\n", "A=1\nB=${A}\n")
	f.Add("include:\n  - part.yaml\n  - path: [part.yaml, compose.yaml]\n    env_file: .env\nservices:\n  a: &a {image: x, network_mode: \"service:b\", volumes_from: [b]}\n  b:\n    <<: *a\n    extends: a\n", "jobs:\n  j: {image: x, triggers: {manual: true}}\n", "X='\n")
	f.Add("services:\n  a:\n    image: x\n    pre_start: [{command: y, privileged: true}]\n    post_start: [{command: z}]\n    secrets: [s]\n    configs: [{source: c, target: /c}]\n    ulimits: {nofile: {soft: $A, hard: 1}}\n    devices: [/dev/a:/dev/b]\n    gpus: all\nsecrets: {s: {file: .env}}\nconfigs: {c: {content: x}}\nvolumes: {v: {driver_opts: {o: bind, device: /}}}\n", "", "")
	f.Add("{\"services\": {\"a\": {\"image\": \"x\", \"build\": {\"args\": {\"A\": null}}, \"deploy\": {\"resources\": {\"limits\": {\"memory\": \"1g\"}}}}}}", "---\nservices: {}\n---\nname: x\n", "COMPOSE_FILE=compose.yaml:part.yaml\n")
	f.Fuzz(func(t *testing.T, base, override, env string) {
		files := map[string]string{
			"compose.yaml":          base,
			"compose.override.yaml": override,
			"part.yaml":             override,
			".env":                  env,
		}
		o := collectTree(t.Context(), New(), collect.NewTree(files))
		for _, u := range o.unread {
			if strings.Contains(u, "the project cannot be loaded: ") {
				t.Errorf("panic: %s", u)
			}
		}
		for _, c := range o.containers {
			if c.ID == "" || c.Place.Line < 1 || c.Place.EndLine < c.Place.Line {
				t.Errorf("container %q stands at %+v", c.ID, c.Place)
			}
			for _, field := range c.Fields {
				if strings.ContainsRune(field.Path, gapStart) {
					t.Errorf("field %q has a gap", field.Path)
				}
			}
			for _, u := range c.Unknown {
				if u.Reason == "" || strings.ContainsRune(u.Path+u.Reason, gapStart) {
					t.Errorf("unknown %+v", u)
				}
			}
			if text := fmt.Sprintf("%+v", *c); strings.ContainsRune(text, gapStart) {
				t.Errorf("a gap is left in %s", text)
			}
		}
	})
}
