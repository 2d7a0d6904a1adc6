package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// Which files make up a project, and which services are judged in it. Each
// container is given as "id image @ place of the image".
func TestProjects(t *testing.T) {
	const web, db = "services:\n  web:\n    image: web:1\n", "services:\n  db:\n    image: db:1\n"
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"override over the default file", map[string]string{
			"compose.yaml":          web,
			"compose.override.yaml": "services:\n  web:\n    image: web:2\n    privileged: true\n",
		}, []string{"compose.yaml#web web:2 @ compose.override.yaml:3:12"}},
		{"old names", map[string]string{
			"docker-compose.yml":          web,
			"docker-compose.override.yml": "services:\n  web:\n    privileged: true\n",
		}, []string{"compose:docker-compose.yml#web web:1 @ docker-compose.yml:3:12"}},
		{"variant: only what it says something about, under the base's id", map[string]string{
			"compose.yaml":      web + "  db:\n    image: db:1\n",
			"compose.prod.yaml": "services:\n  web:\n    read_only: true\n  more:\n    image: more:1\n",
		}, []string{
			"compose.yaml#db db:1 @ compose.yaml:5:12",
			"compose.yaml#web web:1 @ compose.yaml:3:12",
			"compose.prod.yaml#more more:1 @ compose.prod.yaml:5:12",
			"compose.yaml#web web:1 @ compose.yaml:3:12",
		}},
		{"variant that changes the image", map[string]string{
			"docker-compose.yml":      web,
			"docker-compose-prod.yml": "services:\n  web:\n    image: web:9\n",
		}, []string{
			"docker-compose.yml#web web:1 @ docker-compose.yml:3:12",
			"docker-compose.yml#web web:9 @ docker-compose-prod.yml:3:12",
		}},
		{"copy of the base is used alone", map[string]string{
			"compose.yaml":      web,
			"compose.test.yaml": web + "    privileged: true\n",
		}, []string{
			"compose.yaml#web web:1 @ compose.yaml:3:12",
			"compose.test.yaml#web web:1 @ compose.test.yaml:3:12",
		}},
		{"variant without a base is a project", map[string]string{
			"compose.prod.yaml": web,
		}, []string{"compose.prod.yaml#web web:1 @ compose.prod.yaml:3:12"}},
		{"variant of the one file that completes it", map[string]string{
			"compose.base.yaml": web,
			"compose.prod.yaml": "services:\n  web: {privileged: true}\n",
		}, []string{
			"compose.base.yaml#web web:1 @ compose.base.yaml:3:12",
			"compose.base.yaml#web web:1 @ compose.base.yaml:3:12",
		}},
		{"overlay of any name beside the base", map[string]string{
			"compose.yaml": web,
			"gpu.yml":      "services:\n  web: {gpus: all}\n",
		}, []string{
			"compose.yaml#web web:1 @ compose.yaml:3:12",
			"compose.yaml#web web:1 @ compose.yaml:3:12",
		}},
		{"another default file is another project", map[string]string{
			"compose.yaml":       web,
			"docker-compose.yml": db,
		}, []string{
			"compose.yaml#web web:1 @ compose.yaml:3:12",
			"docker-compose.yml#db db:1 @ docker-compose.yml:3:12",
		}},
		{"incomplete, and nothing to merge it with", map[string]string{
			"compose.prod.yaml": "services:\n  web: {privileged: true}\n  db: {image: \"db:1\"}\n",
		}, []string{
			"compose.prod.yaml#db db:1 @ compose.prod.yaml:3:15",
			"unread compose.prod.yaml:2:3: service web has neither an image nor a build: name the files that it is merged with, or that extend it, together",
		}},
		{"included file is judged once, as itself", map[string]string{
			"compose.yaml":     "include:\n  - sub/compose.yaml\n" + web,
			"sub/compose.yaml": db,
		}, []string{
			"sub/compose.yaml#db db:1 @ sub/compose.yaml:3:12",
			"compose.yaml#web web:1 @ compose.yaml:5:12",
		}},
		{"override beside an included file", map[string]string{
			"compose.yaml":              "include: [sub/compose.yaml]\n" + web,
			"sub/compose.yaml":          db,
			"sub/compose.override.yaml": "services:\n  db: {privileged: true}\n",
		}, []string{
			"sub/compose.yaml#db db:1 @ sub/compose.yaml:3:12",
			"compose.yaml#web web:1 @ compose.yaml:4:12",
			"sub/compose.yaml#db db:1 @ sub/compose.yaml:3:12",
		}},
		{"include with an override, a folder and variables of its own", map[string]string{
			"compose.yaml":   "include:\n  - path: [sub/a.yaml, over.yaml]\n    project_directory: other\n    env_file: vars.env\n",
			"sub/a.yaml":     "services:\n  db:\n    image: db:${TAG}\n    volumes: [\"./x:/x\"]\n",
			"over.yaml":      "services:\n  db:\n    privileged: true\n",
			"vars.env":       "TAG=7\n",
			"other/.env":     "TAG=8\n",
			"other/what.txt": "",
		}, []string{"sub/a.yaml#db db:7 @ sub/a.yaml:3:12 mounts ./other/x"}},
		{"files that include each other", map[string]string{
			"compose.yaml": "include: [b.yaml]\n" + web,
			"b.yaml":       "include: [compose.yaml]\n" + db,
		}, []string{
			"b.yaml#db db:1 @ b.yaml:4:12",
			"compose.yaml#web web:1 @ compose.yaml:4:12",
			"b.yaml#db db:1 @ b.yaml:4:12",
			"compose.yaml#web web:1 @ compose.yaml:4:12",
			"unread b.yaml:1:11: the file that is included here is left out: it includes itself: compose.yaml -> b.yaml -> compose.yaml",
			"unread compose.yaml:1:11: the file that is included here is left out: it includes itself: b.yaml -> compose.yaml -> b.yaml",
		}},
		{"extended file that is none by itself", map[string]string{
			"compose.yaml": "services:\n  web:\n    extends: {file: parts/base.yaml, service: base}\n    image: web:1\n",
			"parts/base.yaml": "services:\n  base:\n    privileged: true\n    volumes: [\"./d:/d\"]\n    env_file: base.env\n" +
				"  lone:\n    image: lone:1\n",
			"parts/base.env": "A=1\n",
		}, []string{
			"compose.yaml#web web:1 @ compose.yaml:4:12 mounts ./parts/d",
			"parts/base.yaml#lone lone:1 @ parts/base.yaml:7:12",
		}},
		{"extends in a chain, through files", map[string]string{
			"compose.yaml": "services:\n  web:\n    extends: {file: a/a.yaml, service: x}\n",
			"a/a.yaml":     "services:\n  x:\n    extends: {file: ../b/b.yaml, service: y}\n    volumes: [\"./a:/a\"]\n",
			"b/b.yaml":     "services:\n  y:\n    image: y:1\n    volumes: [\"./b:/b\"]\n",
		}, []string{"compose.yaml#web y:1 @ b/b.yaml:3:12 mounts ./b/b ./a/a"}},
		{"extends within the file, and a profile", map[string]string{
			"compose.yaml": "services:\n  a:\n    image: a:1\n    user: \"5\"\n  b:\n    extends: a\n    profiles: [debug]\n",
		}, []string{
			"compose.yaml#a a:1 @ compose.yaml:3:12",
			"compose.yaml#b a:1 @ compose.yaml:3:12",
		}},
		{"anchors and fragments", map[string]string{
			"compose.yaml": "x-base: &base\n  image: b:1\n  cap_add: [NET_RAW]\nservices:\n  web:\n    <<: *base\n    user: \"1\"\n",
		}, []string{"compose.yaml#web b:1 @ compose.yaml:2:10"}},
		{"what cannot be extended", map[string]string{
			"compose.yaml": "services:\n  a:\n    extends: b\n  b:\n    extends: a\n  c:\n    image: c:1\n    extends: {file: gone.yaml, service: x}\n  d:\n    extends: {service: nobody}\n  e:\n    image: e:1\n",
		}, []string{
			"compose.yaml#e e:1 @ compose.yaml:12:12",
			"unread compose.yaml:10:5: service d is not judged, as what it extends cannot be read: there is no service nobody in compose.yaml",
			"unread compose.yaml:3:14: service a is not judged, as what it extends cannot be read: it extends itself: compose.yaml#a -> compose.yaml#b -> compose.yaml#a",
			"unread compose.yaml:5:14: service b is not judged, as what it extends cannot be read: there is no service a in compose.yaml",
			"unread compose.yaml:8:5: service c is not judged, as what it extends cannot be read: gone.yaml: it does not exist here",
		}},
		{"nothing is downloaded", map[string]string{
			"compose.yaml": "include:\n  - oci://user:pw@reg.example/app:1\n  - path: https://github.com/x/y.git\n  - git@github.com:x/y.git\n" + web +
				"  far:\n    extends: {file: \"https://x.example/c.yaml\", service: a}\n",
		}, []string{
			"compose.yaml#web web:1 @ compose.yaml:7:12",
			"unread compose.yaml:2:5: the file that is included here is left out: oci://reg.example/app:1 is not a local file, and nothing is downloaded",
			"unread compose.yaml:3:5: the file that is included here is left out: https://github.com/x/y.git is not a local file, and nothing is downloaded",
			"unread compose.yaml:4:5: the file that is included here is left out: git@github.com:x/y.git is not a local file, and nothing is downloaded",
			"unread compose.yaml:9:5: service far is not judged, as what it extends cannot be read: https://x.example/c.yaml is not a local file, and nothing is downloaded",
		}},
		{"COMPOSE_FILE says what the project is", map[string]string{
			".env":         "COMPOSE_FILE=base.yml:over.yml\n",
			"base.yml":     web,
			"over.yml":     "services:\n  web: {image: \"web:5\"}\n",
			"compose.yaml": db,
		}, []string{
			"base.yml#web web:5 @ over.yml:2:16",
			"compose.yaml#db db:1 @ compose.yaml:3:12",
		}},
		{"reset and override", map[string]string{
			"compose.yaml":          "services:\n  web:\n    image: web:1\n    user: \"0\"\n    volumes: [\"/a:/a\"]\n    ports: [\"1:1\"]\n",
			"compose.override.yaml": "services:\n  web:\n    user: !reset null\n    volumes: !override [\"/b:/b\"]\n    ports: !reset []\n",
		}, []string{"compose.yaml#web web:1 @ compose.yaml:3:12 mounts /b"}},
		{"several documents in a file", map[string]string{
			"compose.yaml": web + "---\nservices:\n  web:\n    image: web:2\n",
		}, []string{"compose.yaml#web web:2 @ compose.yaml:7:12"}},
		{"Windows line ends", map[string]string{
			"compose.yaml": "services:\r\n  web:\r\n    image: web:1\r\n",
		}, []string{"compose.yaml#web web:1 @ compose.yaml:3:12"}},
		{"JSON", map[string]string{
			"stack.json": `{"services": {"web": {"image": "web:1"}}}`,
		}, []string{"stack.json#web web:1 @ stack.json:1:32"}},
		{"provider instead of a container", map[string]string{
			"compose.yaml": web + "  cloud:\n    provider: {type: x}\n",
		}, []string{"compose.yaml#web web:1 @ compose.yaml:3:12"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := collectFiles(t, test.files)
			var got []string
			for _, c := range o.containers {
				place, _ := c.Locate("image")
				line := fmt.Sprintf("%s %s @ %s", strings.TrimPrefix(c.ID, "compose:"), c.Image.Text, place)
				for i, m := range c.Mounts {
					if i == 0 {
						line += " mounts"
					}
					line += " " + m.HostPath
				}
				got = append(got, line)
			}
			for _, u := range o.unread {
				got = append(got, "unread "+u)
			}
			for i := range test.want {
				test.want[i] = strings.TrimPrefix(test.want[i], "compose:")
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// A value says which file declares it last.
func TestPlacesThroughFiles(t *testing.T) {
	o := collectFiles(t, map[string]string{
		"compose.yaml": `services:
  web:
    extends: {file: base.yaml, service: base}
    image: web:1
    environment: {B: "2", C: "3"}
    volumes:
      - /two:/two
`,
		"compose.override.yaml": `services:
  web:
    environment: [C=4]
    user: "7"
    volumes:
      - type: bind
        source: /changed
        target: /one
`,
		"base.yaml": `services:
  base:
    user: "1"
    privileged: true
    cap_add: [NET_ADMIN]
    environment:
      A: "1"
      B: "1"
    volumes:
      - /one:/one
`,
	})
	check(t, only(t, o), `
		user.uid = 7
		user @ compose.override.yaml:4:11
		privileged @ base.yaml:4:17
		capabilities.add[0] @ base.yaml:5:15
		env[0].value = 1
		env[0].value @ base.yaml:7:10
		env[1].value = 2
		env[1].value @ compose.yaml:5:22
		env[2].value = 4
		env[2].value @ compose.override.yaml:3:19
		mounts[0].hostPath = /changed
		mounts[0].hostPath @ compose.override.yaml:7:17
		mounts[1].hostPath @ compose.yaml:7:9
	`)
	if p := o.containers[0].Place; p.File != "compose.yaml" || p.Line != 2 || p.EndLine != 7 {
		t.Errorf("the service stands at %+v", p)
	}
}

func TestFilesOption(t *testing.T) {
	files := map[string]string{
		"a.yml": "services:\n  web: {image: \"web:1\", user: \"1\"}\n",
		"b.yml": "services:\n  web: {user: \"2\"}\n",
		"c.yml": "services:\n  web: {user: \"3\"}\n",
	}
	o := collectTree(t.Context(), New(Files("a.yml", "c.yml", "b.yml")), collect.NewTree(files))
	check(t, only(t, o), "id = compose:a.yml#web\nuser.uid = 2\nuser @ b.yml:2:15")
	o = collectTree(t.Context(), New(Files("a.yml", "gone.yml")), collect.NewTree(files))
	want := "a.yml: gone.yml: it does not exist here"
	if len(o.unread) == 0 || !strings.Contains(strings.Join(o.unread, "\n"), "gone.yml") {
		t.Errorf("got %v, want %s", o.unread, want)
	}
}

func TestStdin(t *testing.T) {
	tree, err := collect.Walk([]string{collect.Stdin}, strings.NewReader("services:\n  web:\n    image: web:1\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, only(t, collectTree(t.Context(), New(), tree)), "id = compose:-#web\nimage @ -:3:12")
}

func TestClaims(t *testing.T) {
	tests := []struct {
		file, text string
		want       bool
	}{
		{"compose.yaml", "services: {}\n", true},
		{"docker-compose.prod.yml", "services: {}\n", true},
		{"docker-compose-test.yaml", "x", true},
		{"compose_dev.yml", "x", true},
		{"stack.yml", "version: '3'\nservices:\n  web:\n    image: x\n", true},
		{"fragment.yaml", "services:\n  base:\n    restart: always\n", true},
		{"compose.yaml", "apiVersion: v1\nkind: Pod\n", false},
		{"mycompose.yaml", "a: b\n", false},
		{"services.yaml", "services:\n  _defaults:\n    autowire: true\n", false},
		{"services.yaml", "parameters: {}\nservices:\n  web:\n    image: x\n", false},
		{"ci.yml", "services: [postgres]\n", false},
		{"app.yaml", "name: x\nservices:\n- name: api\n", false},
		{"note.txt", "services:\n  web:\n    image: x\n", false},
		{"broken.yaml", "services:\n  web:\n  image: [\n", false},
	}
	for _, test := range tests {
		tree := collect.NewTree(map[string]string{test.file: test.text})
		New().Claim(tree)
		if got := tree.Entries[0].Claimed(); got != test.want {
			t.Errorf("%s with %q: claimed is %v, want %v", test.file, test.text, got, test.want)
		}
	}
}

// What a project cannot be loaded for is said with its line.
func TestUnread(t *testing.T) {
	const ok = "services:\n  web:\n    image: x\n"
	tests := []struct{ text, want string }{
		{"services:\n  web:\n    image: [\n", "compose.yaml:4:1: did not find expected node content"},
		{"- a\n", "compose.yaml:1:1: a Compose file is a mapping"},
		{"services: [a]\n", "compose.yaml:1:1: services is a mapping"},
		{ok + "    wrong: 1\n", "compose.yaml:4:5: docker compose would refuse the project: services.web.wrong is no key that Compose knows"},
		{ok + "    privileged: perhaps\n", "compose.yaml:4:17: this value has to be true or false"},
		{ok + "    scale: hunter2\n", "compose.yaml:4:12: this value has to be a number"},
		{ok + "    ports: [\"a:b:c:d\"]\n", "compose.yaml:4:13: this is no port: write HOST:CONTAINER, as in 127.0.0.1:8080:80"},
		{ok + "    volumes:\n      - /a:/b:ro:zz\n", "compose.yaml:5:9: this is no volume: too many colons"},
		{ok + "    mem_limit: lots\n", "compose.yaml:4:5: docker compose would refuse the project: decoding failed due to the following error(s): 'services[web].mem_limit' invalid size: 'lots'"},
		{ok + "    command: ${\n", "compose.yaml:4:14: invalid reference to a variable: write $$ for a dollar sign"},
		{"web:\n  image: x\n", "compose.yaml:1:1: docker compose would refuse the project: web is no key that Compose knows"},
		{"services:\n  web: text\n", "compose.yaml:2:3: docker compose would refuse the project: services.web must be a mapping"},
		{"services:\n  web:\n", "compose.yaml:2:3: docker compose would refuse the project: services.web must be a mapping"},
		{"\xff\xfe", "compose.yaml: it is not UTF-8 text"},
	}
	for _, test := range tests {
		o := collectFiles(t, map[string]string{"compose.yaml": test.text})
		if len(o.unread) != 1 || o.unread[0] != test.want {
			t.Errorf("%q:\n got %q\nwant %q", test.text, o.unread, test.want)
		}
	}
}

// A project reads files below its folder and the working directory, and no
// others, whatever it names and wherever links lead.
func TestNoEscape(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights on Windows")
	}
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("secret/base.yaml", "services:\n  x:\n    image: x:1\n    environment: {LEAK: \"1\"}\n")
	write("secret/leak.env", "LEAK=1\n")
	write("work/empty.txt", "")
	write("scan/app/compose.yaml", `include:
  - ../../secret/base.yaml
  - link.yaml
services:
  a:
    extends: {file: ../../secret/base.yaml, service: x}
  b:
    image: b:1
    env_file: [../../secret/leak.env, link.env, pipe, own.env]
`)
	write("scan/app/own.env", "OWN=1\n")
	for name, to := range map[string]string{"link.yaml": "../../secret/base.yaml", "link.env": "../../secret/leak.env"} {
		if err := os.Symlink(to, filepath.Join(root, "scan/app", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "scan/app/pipe"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "work"))
	tree, err := collect.Walk([]string{"../scan"}, nil, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	o := collectTree(t.Context(), New(), tree)
	if len(o.containers) != 1 || o.containers[0].Name != "b" {
		t.Fatalf("got %d containers, unread %q", len(o.containers), o.unread)
	}
	for _, v := range o.containers[0].Env {
		if v.Name != "OWN" {
			t.Errorf("%s was read from %s", v.Name, v.Ref)
		}
	}
	if len(o.unread) != 6 {
		t.Errorf("unread are %q", o.unread)
	}
	for _, u := range o.unread {
		if !strings.Contains(u, "lies outside of") && !strings.Contains(u, "no regular file") {
			t.Errorf("unread: %s", u)
		}
	}
}

// The same project reads the same when nothing but the order of Go's maps
// changes.
func TestDeterministic(t *testing.T) {
	files := map[string]string{
		"compose.yaml": "services:\n  a: &a\n    image: ${X}/a:${Y}\n    environment: {A: $X, B: b, C: $Y}\n    ulimits: {nproc: 1, nofile: 2, core: 3}\n    labels: {a: b, c: d, e: f}\n    sysctls: {x: 1, y: 2}\n    networks: [n, m, o]\n  b:\n    <<: *a\n    extends: gone\n  c: {extends: nowhere}\nnetworks: {n: , m: , o: }\n",
	}
	dump := func() string {
		o := collectTree(context.Background(), New(), collect.NewTree(files))
		out := strings.Join(o.unread, "\n")
		for _, c := range o.containers {
			out += fmt.Sprintf("%+v\n", *c)
		}
		return out
	}
	first := dump()
	for range 20 {
		if again := dump(); again != first {
			t.Fatalf("differs:\n%s\n%s", first, again)
		}
	}
}
