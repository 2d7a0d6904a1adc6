package manifest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
)

const rollout = `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      serviceAccountName: web
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      initContainers:
        - {name: setup, image: a, restartPolicy: Always}
      containers:
        - name: app
          image: b:1
          securityContext: {runAsUser: 0, runAsNonRoot: false}
          volumeMounts: [{name: run, mountPath: /r, subPath: docker.sock}]
      ephemeralContainers:
        - {name: debug, image: c}
      volumes:
        - {name: run, hostPath: {path: /var//run/}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
automountServiceAccountToken: false
`

// TestPodSemantics checks what Kubernetes itself would resolve: inheritance,
// overrides, sidecars, sub paths, and what a service account decides.
func TestPodSemantics(t *testing.T) {
	pods, k := kept[*asset.Pod](rollout)
	if len(k.unread) > 0 || len(pods) != 1 {
		t.Fatalf("unread %v, %d pods", k.unread, len(pods))
	}
	pod := pods[0]
	if pod.TokenMounted || pod.TokenDeclared != "serviceAccount" {
		t.Errorf("token mounted %v, declared by %q: the service account says no", pod.TokenMounted, pod.TokenDeclared)
	}
	setup, app, debug := pod.Containers[0], pod.Containers[1], pod.Containers[2]
	if setup.Role != "sidecar" || debug.Role != "ephemeral" || app.Role != "app" {
		t.Errorf("roles are %s, %s, %s", setup.Role, app.Role, debug.Role)
	}
	if !setup.RunAsNonRoot || setup.User.UID != 1000 || setup.Seccomp.Type != "RuntimeDefault" {
		t.Errorf("setup inherits from the pod: %+v", setup)
	}
	if app.RunAsNonRoot || !app.User.Root || app.Seccomp.Type != "RuntimeDefault" {
		t.Errorf("app overrides the pod: %+v", app)
	}
	if m := app.Mounts[0]; m.HostPath != "/var/run/docker.sock" || m.Type != "hostPath" {
		t.Errorf("the mount is %+v", m)
	}
	if place, ok := app.Locate("mounts[0].hostPath"); !ok || place.Line != 19 {
		t.Errorf("the path of the mount is at %v", place)
	}
	if app.TokenMounted {
		t.Error("the container holds a token that the pod does not")
	}
}

func TestListsAndSkippedKinds(t *testing.T) {
	pods, k := kept[*asset.Pod]("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n  spec: {containers: [{name: x, image: y}]}\n---\n" +
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: [this, {is not: parsed\n---\n" +
		"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {containers: [{name: x, image: y}]}}\n")
	if len(pods) != 2 || k.objects != 3 || len(k.unread) != 0 {
		t.Errorf("%d pods, %d objects, unread %v", len(pods), k.objects, k.unread)
	}
}

func TestWhatIsNoObjectIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"kind: Pod\n":                  "f.yaml:1:1: the object has no apiVersion",
		"just text\n":                  "f.yaml:1:1: it is no Kubernetes object",
		"apiVersion: v1\nkind: [\n":    "f.yaml:3:1: it is not valid YAML",
		"apiVersion: v1\nx: {{ .v }}:": "it looks like a template",
	} {
		_, k := kept[asset.Asset](text)
		if !slices.ContainsFunc(k.unread, func(u string) bool { return strings.Contains(u, want) }) {
			t.Errorf("%q: unread %q, want %q", text, k.unread, want)
		}
	}
}

// TestCollectorClaims checks that files are recognised by what is in them.
func TestCollectorClaims(t *testing.T) {
	object := "apiVersion: v1\nkind: ConfigMap\n"
	tree := collect.NewTree(map[string]string{
		"a.yaml": object, "b.json": `{"apiVersion": "v1", "kind": "ConfigMap"}`, "workflow.yaml": "on: push\njobs: {}\n",
		"late.yaml": strings.Repeat("# a licence\n", 1000) + object, "notes.txt": object,
	})
	c := New()
	var got []string
	for _, input := range c.Claim(tree) {
		got = append(got, input.Path())
		input.Read(context.Background(), &keeper{})
	}
	if want := []string{"a.yaml", "b.json", "late.yaml"}; !slices.Equal(got, want) {
		t.Errorf("claimed %v, want %v", got, want)
	}
}

// FuzzSet normalises whatever parses: nothing may crash, and every place has to
// lie within the text.
func FuzzSet(f *testing.F) {
	f.Add(rollout)
	f.Add("apiVersion: v1\nkind: Pod\nmetadata: {annotations: {a: b}}\nspec: {hostPID: true, volumes: [{name: a, projected: {sources: [{serviceAccountToken: {}}]}}], containers: [{name: x, env: [{name: a, valueFrom: {secretKeyRef: {name: s}}}], livenessProbe: {httpGet: {host: h}}}]}\n")
	f.Add("apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [null, 1, [], {}]}}}}}\n")
	f.Add("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: {podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [x]}}]}]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 2
		assets, _ := kept[asset.Asset](text)
		for _, a := range assets {
			if at := a.Meta().Place; at.Line < 0 || at.Line > lines || at.EndLine > lines {
				t.Fatalf("%s spans %d-%d of %d lines", a.Meta().Name, at.Line, at.EndLine, lines)
			}
			a.Locate("spec.containers[0].name")
		}
	})
}
