package kustomize

import (
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

// scan reads every overlay of a tree.
func scan(tree *collect.Tree) *record {
	r := &record{}
	c := New()
	for _, input := range c.Claim(tree) {
		input.Read(context.Background(), r)
	}
	c.Finish(context.Background(), r)
	return r
}

// object finds an object by its kind and name, the last of several.
func (r *record) object(t *testing.T, kind, name string) *asset.Object {
	t.Helper()
	for _, a := range slices.Backward(r.assets) {
		if o, ok := a.(*asset.Object); ok && o.ObjectKind == kind && o.Content.Text("metadata", "name") == name {
			return o
		}
	}
	t.Fatalf("there is no %s %s among %s", kind, name, r.names())
	return nil
}

func (r *record) names() []string {
	var names []string
	for _, a := range r.assets {
		if o, ok := a.(*asset.Object); ok {
			name := o.ObjectKind + "/" + o.Content.Text("metadata", "name")
			if o.Scope != "" {
				name += "@" + o.Scope
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

const base = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      containers:
        - name: side
          image: side:1
        - name: web
          image: web:1
          args: [--a, --b]
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: ClusterIP
`

const kust = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"

// TestPlaces looks up where values of the built Deployment come from.
func TestPlaces(t *testing.T) {
	const containers = "spec.template.spec.containers"
	tests := []struct {
		name    string
		overlay string // fields of the overlay's kustomization, from line 3
		patch   string // overlay/patch.yaml
		path    string
		want    string
	}{
		{"value of the base", "", "", containers + "[1].image", "base/web.yaml:13:18"},
		{"list of the base", "", "", containers + "[1].args", "base/web.yaml:14:11"},
		{"absent key", "", "", containers + "[1].securityContext", "base/web.yaml:12:11"},
		{"merge patch", "patches: [{path: patch.yaml}]\n",
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      hostPID: true\n      containers:\n        - name: web\n          securityContext:\n            privileged: true\n",
			containers + "[0].securityContext.privileged", "overlay/patch.yaml:11:25"},
		{"mapping of a merge patch", "patches: [{path: patch.yaml}]\n",
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          securityContext:\n            privileged: true\n",
			containers + "[0].securityContext", "overlay/patch.yaml:9:11"},
		{"container that a patch adds", "patches: [{path: patch.yaml}]\n",
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n        - image: extra:1\n          name: extra\n",
			containers + "[0].image", "overlay/patch.yaml:8:18"},
		{"list that a patch replaces", "patchesStrategicMerge: [patch.yaml]\n",
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          args: [--c]\n",
			containers + "[0].args", "overlay/patch.yaml:9:11"},
		{"literal block", "patches:\n  - target: {kind: Deployment}\n    patch: |-\n      apiVersion: apps/v1\n      kind: Deployment\n      metadata: {name: any}\n      spec:\n        template:\n          spec:\n            hostNetwork: true\n", "",
			"spec.template.spec.hostNetwork", "overlay/kustomization.yaml:14:26"},
		{"operation in a block", "patches:\n  - target: {kind: Deployment, name: web}\n    patch: |\n      - op: add\n        path: /spec/template/spec/containers/1/securityContext\n        value:\n          privileged: true\n", "",
			containers + "[1].securityContext.privileged", "overlay/kustomization.yaml:11:23"},
		{"quoted patch is one place", "patches:\n  - target: {kind: Deployment, name: web}\n    patch: '[{\"op\": \"add\", \"path\": \"/spec/template/spec/hostIPC\", \"value\": true}]'\n", "",
			"spec.template.spec.hostIPC", "overlay/kustomization.yaml:7:12"},
		{"operation in a file", "patchesJson6902:\n  - target: {version: v1, group: apps, kind: Deployment, name: web}\n    path: patch.yaml\n", "- op: replace\n  path: /spec/replicas\n  value: 7\n",
			"spec.replicas", "overlay/patch.yaml:3:10"},
		{"insertions at one index", "patches:\n  - target: {kind: Deployment}\n    path: patch.yaml\n", "- op: add\n  path: /spec/template/spec/containers/0\n  value: {name: x, image: x:1}\n- op: add\n  path: /spec/template/spec/containers/0\n  value: {name: y, image: y:1}\n",
			containers + "[1].image", "overlay/patch.yaml:3:27"},
		{"another name", "patches:\n  - target: {kind: Deployment}\n    patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"other\"}]'\n", "", containers + "[0].image", "base/web.yaml:11:18"},
		{"tag", "images:\n  - name: web\n    newTag: latest\n", "", containers + "[1].image", "overlay/kustomization.yaml:7:13"},
		{"image name", "images:\n  - name: web\n    newName: registry.example/web\n", "", containers + "[1].image", "overlay/kustomization.yaml:7:14"},
		{"replicas", "replicas:\n  - name: web\n    count: 3\n", "", "spec.replicas", "overlay/kustomization.yaml:7:12"},
		{"namespace", "namespace: shop\n", "", "metadata.namespace", "overlay/kustomization.yaml:5:12"},
		{"label", "commonLabels:\n  team: tea\n", "", "metadata.labels.team", "overlay/kustomization.yaml:6:9"},
		{"prefix", "namePrefix: pre-\nnameSuffix: -post\n", "", "metadata.name", "base/web.yaml:4:9"},
		{"no wrong line", "replacements:\n  - source: {kind: Service, name: web, fieldPath: spec.type}\n    targets:\n      - select: {kind: Deployment}\n        fieldPaths: [spec.template.spec.containers.1.image]\n", "",
			containers + "[1].image", "overlay/kustomization.yaml (rendered)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{
				"base/kustomization.yaml": kust + "resources: [web.yaml]\n", "base/web.yaml": base,
				"overlay/kustomization.yaml": kust + "resources:\n  - ../base\n" + test.overlay,
			}
			if test.patch != "" {
				files["overlay/patch.yaml"] = test.patch
			}
			r := scan(collect.NewTree(files))
			if len(r.unread) > 0 {
				t.Fatal(r.unread)
			}
			for _, a := range r.assets {
				if o, ok := a.(*asset.Object); ok && o.ObjectKind == "Deployment" {
					if got, _ := o.Locate(test.path); got.String() != test.want {
						t.Errorf("%s is at %s, want %s", test.path, got, test.want)
					}
				}
			}
		})
	}
}

// TestGenerated looks up where values of a generated Secret come from.
func TestGenerated(t *testing.T) {
	r := scan(collect.NewTree(map[string]string{
		"kustomization.yaml": kust + "secretGenerator:\n  - name: db\n    literals:\n      - user=tea\n      - password='oolong'\n    envs: [db.env]\n    files: [cert.pem, missing.key]\n    options: {disableNameSuffixHash: true}\n",
		"db.env":             "# comment\nTOKEN=abc\n", "cert.pem": "x",
	}))
	o := r.object(t, "Secret", "db")
	for path, want := range map[string]string{
		"data": "kustomization.yaml:6:9", "data.user": "kustomization.yaml:6:9", "data.password": "kustomization.yaml:7:9",
		"data.TOKEN": "db.env:2:1", `data["cert.pem"]`: "kustomization.yaml:9:13", "metadata.name": "kustomization.yaml:4:11",
	} {
		if got, _ := o.Locate(path); got.String() != want {
			t.Errorf("%s is at %s, want %s", path, got, want)
		}
	}
	if len(r.unread) != 1 || !strings.HasPrefix(r.unread[0], "kustomization.yaml:9:23: missing.key is not among the scanned files") {
		t.Errorf("unread: %q", r.unread)
	}
}

// TestTrees checks what is handed over and what is reported.
func TestTrees(t *testing.T) {
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n"
	overlay := func(fields string) string { return kust + "resources: [../base]\n" + fields }
	bases := map[string]string{"base/kustomization.yaml": kust + "resources: [web.yaml]\n", "base/web.yaml": base}
	tests := []struct {
		name    string
		files   map[string]string
		objects []string
		unread  []string // starts of the reports
	}{
		{"two overlays of one base", map[string]string{"a/kustomization.yaml": overlay(""), "b/kustomization.yaml": overlay("replicas: [{name: web, count: 2}]\n")},
			[]string{"Deployment/web", "Deployment/web@b", "Service/web"}, nil},
		{"two overlays that change nothing", map[string]string{"a/kustomization.yaml": overlay(""), "b/kustomization.yaml": overlay("")},
			[]string{"Deployment/web", "Service/web"}, nil},
		{"component", map[string]string{
			"a/kustomization.yaml": overlay("components: [../c]\n"),
			"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [pod.yaml]\n", "c/pod.yaml": pod,
		}, []string{"Deployment/web", "Pod/a", "Service/web"}, nil},
		{"component that nobody uses", map[string]string{"a/kustomization.yaml": overlay(""), "c/kustomization.yaml": "kind: Component\nresources: [pod.yaml]\n", "c/pod.yaml": pod},
			[]string{"Deployment/web", "Service/web"}, []string{"c/kustomization.yaml: the component is not judged"}},
		{"remote", map[string]string{"a/kustomization.yaml": kust + "resources:\n  - ../base\n  - https://example.invalid/x.yaml\n  - github.com/o/r/base?ref=v1\n  - git@example.invalid:o/r.git\n  - ssh://git@example.invalid/o/r\n  - gitlab.example.invalid/o/r.git//base\n"},
			[]string{"Deployment/web", "Service/web"}, []string{
				"a/kustomization.yaml:5:5: it is remote and not fetched: https://example.invalid/x.yaml", "a/kustomization.yaml:6:5: it is remote", "a/kustomization.yaml:7:5: it is remote",
				"a/kustomization.yaml:8:5: it is remote", "a/kustomization.yaml:9:5: it is remote"}},
		{"remote that looks local", map[string]string{"a/kustomization.yaml": kust + "resources: [../base]\npatches: [{path: https://example.invalid/p.yaml}]\nconfigurations: ['https://example.invalid/c']\ncrds: ['http://example.invalid/c']\nopenapi: {path: 'https://example.invalid/s'}\nconfigMapGenerator: [{name: c, files: ['https://example.invalid/f']}]\n"},
			nil, []string{"a/kustomization.yaml:4:18: it is remote", "a/kustomization.yaml:5:18: it is remote", "a/kustomization.yaml:6:8: it is remote", "a/kustomization.yaml:7:1: the schema is not used", "a/kustomization.yaml:8:40: it is remote"}},
		{"patch of what was not fetched", map[string]string{"a/kustomization.yaml": kust + "resources: [../base, 'https://example.invalid/x']\npatches:\n  - patch: |\n      apiVersion: v1\n      kind: Pod\n      metadata: {name: remote}\n      spec: {hostPID: true}\n"},
			[]string{"Deployment/web", "Service/web"}, []string{"a/kustomization.yaml:3:22: it is remote"}},
		{"missing file", map[string]string{"a/kustomization.yaml": overlay("patches: [{path: no.yaml}]\n")},
			[]string{"Deployment/web", "Service/web"}, []string{"a/kustomization.yaml:4:18: no.yaml is not among the scanned files"}},
		{"file that is no YAML", map[string]string{"a/kustomization.yaml": kust + "resources: [../base, bad.yaml]\n", "a/bad.yaml": "a: [\n"},
			[]string{"Deployment/web", "Service/web"}, []string{"a/bad.yaml:"}},
		{"overlay that cannot be built", map[string]string{"a/kustomization.yaml": overlay("patches: [{patch: 'apiVersion: v1\n\n      kind: Pod\n\n      metadata: {name: none}'}]\n")},
			[]string{"Deployment/web", "Service/web"}, []string{"a/kustomization.yaml: kustomize does not build it: no resource matches strategic merge patch"}},
		{"unknown field", map[string]string{"a/kustomization.yaml": overlay("resorces: [x]\n")},
			[]string{"Deployment/web", "Service/web"}, []string{"a/kustomization.yaml: kustomize does not build it"}},
		{"circle", map[string]string{"a/kustomization.yaml": kust + "resources: [../b, pod.yaml]\n", "b/kustomization.yaml": kust + "resources:\n  - ../a\n  - ../base\n", "a/pod.yaml": pod},
			[]string{"Deployment/web", "Pod/a", "Service/web"}, []string{"b/kustomization.yaml:4:5: the kustomizations refer to each other in a circle"}},
		{"charts and programs", map[string]string{"a/kustomization.yaml": overlay("helmCharts:\n  - name: redis\ngenerators: [gen.yaml]\ntransformers:\n  - |-\n    apiVersion: builtin\n    kind: NamespaceTransformer\n    metadata: {name: n, namespace: x}\n    fieldSpecs: [{path: metadata/namespace, create: true}]\n"),
			"a/gen.yaml": "apiVersion: v1\nkind: Evil\nmetadata:\n  name: e\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: /bin/sh}\n"},
			[]string{"Deployment/web", "Service/web"}, []string{"a/kustomization.yaml:5:5: the chart redis is not rendered", "a/kustomization.yaml:6:14: Evil is a plugin"}},
		{"chart through a generator", map[string]string{"a/kustomization.yaml": overlay("generators: [gen.yaml]\n"), "a/gen.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: e}\n"},
			[]string{"Deployment/web", "Service/web"}, []string{"a/kustomization.yaml:4:14: HelmChartInflationGenerator is a plugin"}},
		{"remote file of a transformer", map[string]string{"a/kustomization.yaml": overlay("transformers: [t.yaml]\n"), "a/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: e}\npath: https://example.invalid/p\n"},
			[]string{"Deployment/web", "Service/web"}, []string{"a/kustomization.yaml:4:16: PatchTransformer reads further files"}},
		{"kustomization of Flux", map[string]string{"x/kustomization.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"},
			[]string{"Deployment/web", "Service/web"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{}
			for _, from := range []map[string]string{bases, test.files} {
				for name, text := range from {
					files[name] = text
				}
			}
			r := scan(collect.NewTree(files))
			if got := r.names(); test.objects != nil && !slices.Equal(got, test.objects) {
				t.Errorf("objects: %q, want %q", got, test.objects)
			}
			if len(r.unread) != len(test.unread) {
				t.Fatalf("unread: %q, want %q", r.unread, test.unread)
			}
			for i, want := range test.unread {
				if !strings.HasPrefix(r.unread[i], want) {
					t.Errorf("unread: %q, want %q", r.unread[i], want)
				}
			}
		})
	}
}

func TestClaim(t *testing.T) {
	tree := collect.NewTree(map[string]string{
		"base/kustomization.yaml": kust + "resources: [web.yaml]\n", "base/web.yaml": base, "base/other.yaml": base,
		"over/Kustomization": kust + "resources: [../base]\npatches: [{path: p.json}]\nconfigMapGenerator: [{name: c, files: [k=app.conf]}]\n",
		"over/p.json":        "[]", "over/app.conf": "x",
	})
	inputs := New().Claim(tree)
	if len(inputs) != 1 || inputs[0].Path() != "over/Kustomization" {
		t.Errorf("inputs: %v", inputs)
	}
	var left []string
	for _, e := range tree.Unclaimed() {
		left = append(left, e.Path)
	}
	if !slices.Equal(left, []string{"base/other.yaml"}) {
		t.Errorf("unclaimed: %v", left)
	}
}

// TestOutsideTheTree makes sure that nothing is read that was not asked for.
func TestOutsideTheTree(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"secret.yaml": base, "in/kustomization.yaml": kust + "resources: [../secret.yaml, " + dir + "/secret.yaml, link.yaml]\n"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret.yaml", filepath.Join(dir, "in", "link.yaml")); err != nil {
		t.Fatal(err)
	}
	tree, err := collect.Walk([]string{filepath.Join(dir, "in")}, nil, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	if r := scan(tree); len(r.assets) != 0 || len(r.unread) != 3 {
		t.Errorf("assets %v, unread %q", r.names(), r.unread)
	}
}

// TestHostileSizes checks the bounds.
func TestHostileSizes(t *testing.T) {
	files := map[string]string{"k0/kustomization.yaml": kust + "resources: [a.yaml]\n", "k0/a.yaml": base}
	for i := 1; i <= 30; i++ { // each names the one below twice, by two names
		files[fmt.Sprintf("k%d/kustomization.yaml", i)] = kust + fmt.Sprintf("namePrefix: p\nresources: [../k%d, ../x/../k%d]\n", i-1, i-1)
	}
	r := scan(collect.NewTree(files))
	if len(r.unread) == 0 || !strings.Contains(r.unread[0], "values, its bases counted as often") {
		t.Errorf("unread: %q", r.unread)
	}
	r = scan(collect.NewTree(map[string]string{"kustomization.yaml": kust + "resources: [a.yaml]\n#" + strings.Repeat("x", maxKustomization)}))
	if len(r.unread) != 1 || !strings.Contains(r.unread[0], "larger than 1024 KiB") {
		t.Errorf("unread: %q", r.unread)
	}
}

// FuzzOverlay builds whatever it is given: nothing may panic, and every place
// has to exist in the file that it names.
func FuzzOverlay(f *testing.F) {
	f.Add(kust+"resources: [a.yaml]\npatches:\n  - patch: |-\n      apiVersion: v1\n      kind: Service\n      metadata: {name: web}\n      spec: {type: NodePort}\n", base, "")
	f.Add(kust+"resources: [a.yaml]\npatches: [{path: p.yaml, target: {kind: Deployment}}]\nimages: [{name: web, newTag: x}]\n", base, "- {op: add, path: /spec/template/spec/containers/0/args, value: [a]}\n")
	f.Add(kust+"secretGenerator: [{name: s, literals: [a=b], envs: [p.yaml]}]\nresources: [., a.yaml, 'https://x']\n", base, "A=b\n")
	f.Fuzz(func(t *testing.T, kustomization, object, patch string) {
		if len(kustomization)+len(object)+len(patch) > 1<<14 {
			t.Skip()
		}
		files := map[string]string{"kustomization.yaml": kustomization, "a.yaml": object, "p.yaml": patch}
		r := scan(collect.NewTree(files))
		for _, a := range r.assets {
			o, ok := a.(*asset.Object)
			if !ok {
				continue
			}
			for _, p := range o.Content.Pairs {
				for _, at := range []source.Position{p.Key.Position, p.Value.Position} {
					place := source.Place{File: o.Place.File, Position: at}
					if o.Locator != nil {
						place = o.Locator(at)
					}
					text, ok := files[place.File]
					if !ok || place.Line < 0 || place.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 { // YAML ends lines at both
						t.Errorf("%v is at %+v", at, place)
					}
				}
			}
		}
	})
}
