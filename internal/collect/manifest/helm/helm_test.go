package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// record is a sink that keeps what it is given.
type record struct {
	mu      sync.Mutex
	assets  []asset.Asset
	unread  []string
	objects int
}

func (r *record) Asset(a asset.Asset) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.assets = append(r.assets, a)
}

func (r *record) Object(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.objects += n
}

func (r *record) Unread(p source.Place, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unread = append(r.unread, p.String()+": "+reason)
}

// ids lists the assets of a kind.
func (r *record) ids(kind asset.Kind) []string {
	var ids []string
	for _, a := range r.assets {
		if a.Meta().Kind == kind {
			ids = append(ids, a.Meta().ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// containers returns the containers by their own names; the last one of a name
// counts.
func (r *record) containers() map[string]*asset.Container {
	out := map[string]*asset.Container{}
	for _, a := range r.assets {
		if pod, ok := a.(*asset.Pod); ok {
			for _, c := range pod.Containers {
				out[c.Name] = c
			}
		}
	}
	return out
}

// scan reads every chart of a tree.
func scan(t testing.TB, o Options, tree *collect.Tree) *record {
	t.Helper()
	return scanFor(t, maxCost, o, tree)
}

// scanFor reads every chart for at most the cost.
func scanFor(t testing.TB, cost int64, o Options, tree *collect.Tree) *record {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.cost = cost
	r := &record{}
	for _, in := range c.Claim(tree) {
		in.Read(t.Context(), r)
	}
	c.Finish(t.Context(), r)
	return r
}

const chartYAML = "apiVersion: v2\nname: shop\nversion: 1.2.3\nappVersion: \"7\"\n"

// pod is a template with one container, whose body follows.
const pod = `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app
      image: nginx:1.27
`

func TestClaim(t *testing.T) {
	tree := collect.NewTree(map[string]string{
		"Dockerfile":                               "FROM scratch",
		"shop/Chart.yaml":                          chartYAML,
		"shop/Dockerfile":                          "FROM scratch",
		"shop/README.md":                           "# shop",
		"shop/values.yaml":                         "",
		"shop/values-production.yaml":              "",
		"shop/values.schema.json":                  "{}",
		"shop/templates/web.yaml":                  pod,
		"shop/crds/shop.yaml":                      "kind: CustomResourceDefinition",
		"shop/charts/db/Chart.yaml":                chartYAML,
		"shop/charts/db/templates/db.yaml":         pod,
		"shop/ci/test-values.yaml":                 "",
		"shop/deploy/pod.yaml":                     pod,
		"shop/examples/other/Chart.yaml":           chartYAML,
		"shop/examples/other/templates/other.yaml": pod,
		"pack/shop-1.0.tgz":                        string(tarball(t, map[string]string{"shop/Chart.yaml": chartYAML})),
		"pack/backup.tgz":                          string(tarball(t, map[string]string{"backup/data.txt": "x"})),
		"pack/broken.tgz":                          "no archive",
	})
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, in := range c.Claim(tree) {
		paths = append(paths, in.Path())
	}
	if want := []string{"pack/shop-1.0.tgz", "shop/Chart.yaml", "shop/examples/other/Chart.yaml"}; !slices.Equal(paths, want) {
		t.Errorf("charts are %q, want %q", paths, want)
	}
	var left []string
	for _, e := range tree.Unclaimed() {
		left = append(left, e.Path)
	}
	want := []string{"Dockerfile", "pack/backup.tgz", "pack/broken.tgz", "shop/Dockerfile", "shop/README.md", "shop/deploy/pod.yaml"}
	if !slices.Equal(left, want) {
		t.Errorf("left to others are %q, want %q", left, want)
	}
}

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name   string
		files  map[string]string
		o      Options
		images string // of the containers, sorted
		unread string
	}{
		{
			name: "values, helpers and built-in objects",
			files: map[string]string{
				"shop/Chart.yaml":             chartYAML,
				"shop/values.yaml":            "image: {repository: shop/web}\n",
				"shop/templates/_helpers.tpl": `{{ define "tag" }}{{ .Chart.AppVersion }}-{{ .Release.Name }}-{{ .Release.Namespace }}-{{ .Capabilities.KubeVersion.Minor }}{{ end }}`,
				"shop/templates/web.yaml":     podWith(`{{ .Values.image.repository }}:{{ include "tag" . }}`),
				"shop/templates/NOTES.txt":    `{{ fail "notes are not rendered" }}`,
			},
			images: "shop/web:7-release-name-default-37",
		},
		{
			name: "the user's release, namespace, version and settings",
			files: map[string]string{
				"shop/Chart.yaml":         chartYAML,
				"shop/templates/web.yaml": podWith(`{{ .Values.a }}/{{ .Values.b }}:{{ .Release.Name }}-{{ .Release.Namespace }}-{{ .Capabilities.KubeVersion.Version }}-{{ .Capabilities.APIVersions.Has "x/v1" }}`),
			},
			o: Options{
				Set: []string{"a=1"}, SetString: []string{"b=true"},
				Release: "r", Namespace: "n", KubeVersion: "1.30", APIVersions: []string{"x/v1"},
			},
			images: "1/true:r-n-v1.30-true",
		},
		{
			name: "lookup, DNS, the environment and the clock are not there",
			files: map[string]string{
				"shop/Chart.yaml": chartYAML,
				"shop/templates/web.yaml": podWith(`x{{ len (lookup "v1" "Secret" "a" "b") }}{{ getHostByName "localhost" }}` +
					`{{ now | date "2006" }}{{ randAlphaNum 4 }}{{ uuidv4 | trunc 4 }}{{ (genCA "a" 1).Cert }}`),
				"shop/templates/env.yaml": `{{ env "HOME" }}`,
			},
			images: "x02000xxxx0000generated",
			unread: `shop/templates/env.yaml:1: the template fails: function "env" not defined`,
		},
		{
			name: "files stay within the chart",
			files: map[string]string{
				"secret.txt":           "outside",
				"shop/Chart.yaml":      chartYAML,
				"shop/files/image.txt": "inside",
				"shop/templates/web.yaml": podWith(`{{ .Files.Get "files/image.txt" }}{{ .Files.Get "../secret.txt" }}{{ .Files.Get "/etc/hostname" }}` +
					`{{ range $name, $_ := .Files.Glob "files/*" }}-{{ base $name }}{{ end }}`),
			},
			images: "inside-image.txt",
		},
		{
			name: "subcharts: their own values, those of the parent, globals, aliases, conditions, tags, imports",
			files: map[string]string{
				"shop/Chart.yaml": chartYAML + `dependencies:
  - {name: db, version: ">=1", import-values: [data]}
  - {name: db, version: "*", alias: second}
  - {name: cache, version: "*", condition: cache.enabled}
  - {name: queue, version: "*", tags: [extra]}
`,
				"shop/values.yaml": `
global: {registry: r.example}
db: {tag: parent}
cache: {enabled: false}
tags: {extra: false}
`,
				"shop/templates/web.yaml":                podWith("web:{{ .Values.imported }}"),
				"shop/charts/db/Chart.yaml":              "name: db\nversion: 1.0.0\n",
				"shop/charts/db/values.yaml":             "tag: own\nexports: {data: {imported: yes-it-is}}\n",
				"shop/charts/db/templates/db.yaml":       podNamed("{{ .Chart.Name }}", "{{ .Values.global.registry }}/db:{{ .Values.tag }}"),
				"shop/charts/cache/Chart.yaml":           "name: cache\nversion: 1.0.0\n",
				"shop/charts/cache/templates/cache.yaml": podNamed("cache", "cache"),
				"shop/charts/queue/Chart.yaml":           "name: queue\nversion: 1.0.0\n",
				"shop/charts/queue/templates/q.yaml":     podNamed("queue", "queue"),
			},
			images: "r.example/db:own r.example/db:parent web:yes-it-is",
		},
		{
			name: "a dependency that is not there is said, at its line, and the rest is rendered",
			files: map[string]string{
				"shop/Chart.yaml":         chartYAML + "dependencies:\n  - name: redis\n    version: 1.x\n    repository: https://charts.example\n  - name: unused\n    version: 1.x\n    condition: unused.enabled\n",
				"shop/values.yaml":        "unused: {enabled: false}\n",
				"shop/templates/web.yaml": podWith("web"),
			},
			images: "web",
			unread: "shop/Chart.yaml:6:11: the subchart redis is not in charts/: run `helm dependency build`, or it is not judged",
		},
		{
			name: "a dependency beside the chart, named by its path",
			files: map[string]string{
				"shop/Chart.yaml":           chartYAML + "dependencies:\n  - {name: library, version: 0.1.0, repository: \"file://../library\"}\n",
				"shop/templates/web.yaml":   podWith(`{{ include "library.image" . }}`),
				"library/Chart.yaml":        "name: library\nversion: 0.1.0\ntype: library\n",
				"library/templates/_i.tpl":  `{{ define "library.image" }}from-library{{ end }}`,
				"library/templates/no.yaml": "{{ fail \"a library has no objects\" }}",
			},
			images: "from-library",
		},
		{
			name: "requirements.yaml of old charts",
			files: map[string]string{
				"shop/Chart.yaml":                  "name: shop\nversion: 1.0.0\n",
				"shop/requirements.yaml":           "dependencies:\n  - name: db\n    version: 1.0.0\n  - name: gone\n    version: 1.0.0\n",
				"shop/charts/db/Chart.yaml":        "name: db\nversion: 1.0.0\n",
				"shop/charts/db/templates/db.yaml": podNamed("db", "db"),
			},
			images: "db",
			unread: "shop/requirements.yaml:4:11: the subchart gone is not in charts/: run `helm dependency build`, or it is not judged",
		},
		{
			name: "a template that fails does not take the others along",
			files: map[string]string{
				"shop/Chart.yaml":             chartYAML,
				"shop/templates/_helpers.tpl": "{{ define \"check\" }}\n{{ required \"a host is needed\" .Values.host }}\n{{ end }}",
				"shop/templates/a.yaml":       "\n{{ include \"check\" . }}",
				"shop/templates/b.yaml":       "x: 1\n{{ end }}",
				"shop/templates/c.yaml":       podWith("fine"),
				"shop/templates/d.yaml":       "a: {{ include \"nowhere\" . }}",
				"shop/templates/e.yaml":       "\n\n{{ .Values.a.b.c }}",
			},
			images: "fine",
			unread: `shop/templates/_helpers.tpl:2: the template fails: a host is needed
shop/templates/b.yaml:2: the template fails: unexpected {{end}}
shop/templates/d.yaml:1: the template fails: no template is named "nowhere": the chart, or one that it depends on, does not define it
shop/templates/e.yaml:3: the template fails: nil pointer evaluating interface {}.b`,
		},
		{
			name:   "what comes out of a template and is no YAML",
			files:  map[string]string{"shop/Chart.yaml": chartYAML, "shop/templates/a.yaml": "{{ if true }}\nkind: [\n{{ end }}"},
			unread: "shop/templates/a.yaml:2: it is not valid YAML: did not find expected node content",
		},
		{
			name:   "values that are no YAML",
			files:  map[string]string{"shop/Chart.yaml": chartYAML, "shop/values.yaml": "a: 1\nb: [\n", "shop/templates/web.yaml": podWith("web")},
			unread: "shop/values.yaml:3:1: it is not valid YAML: did not find expected node content",
		},
		{
			name:   "a Chart.yaml that is none",
			files:  map[string]string{"shop/Chart.yaml": "version: 1\nname:\n  - a\n"},
			unread: "shop/Chart.yaml: it is no valid Chart.yaml: cannot unmarshal array into Go struct field metadata.name of type string",
		},
		{
			name:  "a library chart has nothing to judge",
			files: map[string]string{"lib/Chart.yaml": chartYAML + "type: library\n", "lib/templates/x.yaml": "{{ fail \"x\" }}"},
		},
		{
			name: ".helmignore",
			files: map[string]string{
				"shop/Chart.yaml": chartYAML, "shop/.helmignore": "old/\n*.bak.yaml\n",
				"shop/templates/web.yaml": podWith("web"), "shop/templates/old/a.yaml": podWith("old"), "shop/templates/x.bak.yaml": podWith("bak"),
			},
			images: "web",
		},
		{
			name: "a document mark that a template has pulled onto a comment",
			files: map[string]string{
				"shop/Chart.yaml":         chartYAML,
				"shop/templates/web.yaml": podWith("one") + "---\n{{- if true -}}\n\n# two\n" + podNamed("b", "two") + "{{- end }}",
			},
			images: "one two",
		},
		{
			name: "an archive within charts/",
			files: map[string]string{
				"shop/Chart.yaml": chartYAML,
				"shop/charts/db-1.0.0.tgz": string(tarball(t, map[string]string{
					"db/Chart.yaml": "name: db\nversion: 1.0.0\n", "db/templates/db.yaml": podNamed("db", "db"), "db/templates/bad.yaml": "\n{{ fail \"no\" }}",
				})),
			},
			images: "db",
			unread: "shop/charts/db-1.0.0.tgz!/db/templates/bad.yaml:2: the template fails: no",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := scan(t, test.o, collect.NewTree(test.files))
			var images []string
			for _, c := range r.containers() {
				images = append(images, c.Image.Text)
			}
			slices.Sort(images)
			if got := strings.Join(images, " "); got != test.images {
				t.Errorf("images are %q, want %q", got, test.images)
			}
			slices.Sort(r.unread)
			if got := strings.Join(r.unread, "\n"); got != test.unread {
				t.Errorf("unread is\n%s\nwant\n%s", got, test.unread)
			}
		})
	}
}

func podWith(image string) string { return podNamed("app", image) }

func podNamed(name, image string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\nspec:\n  containers:\n    - name: %[1]s\n      image: \"%s\"\n", name, image)
}

// What several sets of values render alike is reported once.
func TestSets(t *testing.T) {
	files := map[string]string{
		"shop/Chart.yaml":             chartYAML,
		"shop/values.yaml":            "privileged: false\n",
		"shop/values-production.yaml": "privileged: true\n",
		"shop/values.same.yaml":       "unused: 1\n",
		"shop/values-broken.yaml":     "a: [\n",
		"shop/templates/web.yaml":     pod + "      securityContext:\n        privileged: {{ .Values.privileged }}\n",
		"shop/templates/db.yaml":      podNamed("db", "db"),
		"shop/templates/fail.yaml":    "{{ fail \"always\" }}",
		"shop/crds/crd.yaml":          "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: x\n",
	}
	r := scan(t, Options{}, collect.NewTree(files))
	want := []string{
		"pod:shop/templates/db.yaml#Pod//db",
		"pod:shop/templates/web.yaml#Pod//web",
		"pod:shop/templates/web.yaml#Pod//web@values-production.yaml",
	}
	if got := r.ids(asset.KindPod); !slices.Equal(got, want) {
		t.Errorf("pods are %q, want %q", got, want)
	}
	if r.objects != 4 {
		t.Errorf("%d objects are counted, want 4: two pods, one of them twice, and a definition", r.objects)
	}
	if c := r.containers()["app"]; !c.Privileged {
		t.Error("the production values do not make the container privileged")
	}
	wantUnread := []string{
		"shop/values-broken.yaml:2:1: it is not valid YAML: did not find expected node content",
		"shop/templates/fail.yaml:1: the template fails: always",
	}
	if !slices.Equal(r.unread, wantUnread) {
		t.Errorf("unread is %q, want %q", r.unread, wantUnread)
	}

	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.yaml"), filepath.Join(dir, "two.yaml")
	for path, text := range map[string]string{one: "privileged: true\n", two: "privileged: false\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r = scan(t, Options{Sets: [][]string{{one}, {one, two}}}, collect.NewTree(files))
	want[2] = "pod:shop/templates/web.yaml#Pod//web@" + collect.Display(one) + "," + collect.Display(two)
	if got := r.ids(asset.KindPod); !slices.Equal(got, want) {
		t.Errorf("with sets of the user, pods are %q, want %q", got, want)
	}
}

// A pod that differs in one set is judged with the service account that all
// sets share.
func TestSetsReferToEachOther(t *testing.T) {
	r := scan(t, Options{}, collect.NewTree(map[string]string{
		"shop/Chart.yaml":          chartYAML,
		"shop/values-b.yaml":       "image: other\n",
		"shop/templates/acc.yaml":  "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: default\nautomountServiceAccountToken: false\n",
		"shop/templates/pod.yaml":  podWith("{{ .Values.image }}"),
		"shop/templates/role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: r\nrules:\n  - {apiGroups: [\"\"], resources: [pods], verbs: [get]}\n",
	}))
	pods := 0
	for _, a := range r.assets {
		if p, ok := a.(*asset.Pod); ok {
			pods++
			if p.TokenMounted {
				t.Errorf("%s has the token mounted", p.ID)
			}
		}
	}
	if pods != 2 {
		t.Errorf("there are %d pods, want 2", pods)
	}
	if grants := r.ids(asset.KindGrant); len(grants) != len(slices.Compact(slices.Clone(grants))) {
		t.Errorf("grants are handed over twice: %q", grants)
	}
}

func TestOptions(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("- 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Sets: [][]string{{"nowhere.yaml"}}}, "reading the values in nowhere.yaml: open nowhere.yaml: no such file or directory"},
		{Options{Sets: [][]string{{bad}}}, "values have to be keys with values"},
		{Options{Set: []string{"a"}}, "reading the value --set a: key \"a\" has no value"},
		{Options{KubeVersion: "latest"}, "Kubernetes version \"latest\" is none: give it as 1.37 or v1.37.2"},
	} {
		if _, err := New(test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("New(%+v) says %v, want %s", test.o, err, test.want)
		}
	}
}

// The output of a chart does not depend on the run.
func TestDeterministic(t *testing.T) {
	files := map[string]string{
		"shop/Chart.yaml": chartYAML,
		"shop/templates/a.yaml": pod + `      env:
        - {name: A, value: "{{ randAlphaNum 20 }}{{ uuidv4 }}{{ now }}{{ genPrivateKey "rsa" }}{{ shuffle "abcdef" }}"}
        - {name: B, value: "{{ keys (dict "a" 1 "b" 2 "c" 3 "d" 4 "e" 5) | join "," }}"}
        - {name: C, value: "{{ values (dict "a" 1 "b" 2 "c" 3 "d" 4 "e" 5) | join "," }}"}
`,
	}
	first := scan(t, Options{}, collect.NewTree(files)).containers()["app"].Env
	for range 5 {
		again := scan(t, Options{}, collect.NewTree(files)).containers()["app"].Env
		if !slices.Equal(first, again) {
			t.Fatalf("the chart renders %v once and %v another time", first, again)
		}
	}
}

func TestCancelled(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &record{}
	for _, in := range c.Claim(collect.NewTree(map[string]string{
		"shop/Chart.yaml":       chartYAML,
		"shop/templates/a.yaml": `{{ range until 100000 }}{{ end }}`,
	})) {
		in.Read(ctx, r)
	}
	if want := []string{"shop/Chart.yaml: context canceled"}; !slices.Equal(r.unread, want) {
		t.Errorf("unread is %q, want %q", r.unread, want)
	}
}

// tarball packs files as `helm package` does: Chart.yaml comes first.
func tarball(t testing.TB, files map[string]string) []byte {
	t.Helper()
	names := sortedKeys(files)
	slices.SortStableFunc(names, func(a, b string) int {
		return strings.Compare(strings.Repeat("x", strings.Count(a, "/")), strings.Repeat("x", strings.Count(b, "/")))
	})
	var members []*tar.Header
	var bodies []string
	for _, name := range names {
		members = append(members, &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg})
		bodies = append(bodies, files[name])
	}
	return pack(t, members, bodies)
}

func pack(t testing.TB, members []*tar.Header, bodies []string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for i, h := range members {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(bodies[i])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
