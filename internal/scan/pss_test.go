package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/policy"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/rule"
)

// pssFailures returns, for each pod by its file name, the Pod Security Standards
// checks as "level/id" that it fails according to the built-in rules. A check
// fails if any of the rules that name it fires.
func pssFailures(ctx context.Context, pods map[string]string) (map[string][]string, error) {
	plan := examplePlan()
	plan.Collectors = collectors()
	plan.Rules.Adjust = func(r *rule.Rule) bool { return len(r.Refs["pss"]) > 0 }
	result, err := Tree(ctx, plan, collect.NewTree(pods))
	if err != nil {
		return nil, err
	}
	if len(result.Undetermined) > 0 {
		return nil, fmt.Errorf("undetermined: %s: %s", result.Undetermined[0].Place, result.Undetermined[0].Reason)
	}
	failed := map[string]map[string]bool{}
	for _, f := range result.Findings {
		for _, check := range f.References["pss"] {
			if failed[f.Place.File] == nil {
				failed[f.Place.File] = map[string]bool{}
			}
			failed[f.Place.File][check] = true
		}
	}
	sorted := map[string][]string{}
	for file, checks := range failed {
		sorted[file] = slices.Sorted(maps.Keys(checks))
	}
	return sorted, nil
}

// admissionFailures is the same by the library that the API server uses, in the
// newest version of every check.
func admissionFailures(pod *corev1.Pod) []string {
	var failed []string
	for _, c := range policy.DefaultChecks() {
		newest := c.Versions[len(c.Versions)-1]
		if !newest.CheckPod(&pod.ObjectMeta, &pod.Spec).Allowed {
			failed = append(failed, string(c.Level)+"/"+string(c.ID))
		}
	}
	slices.Sort(failed)
	return failed
}

// comparePSS holds the rules against the API server's library.
func comparePSS(ctx context.Context, pods map[string]string) error {
	ours, err := pssFailures(ctx, pods)
	if err != nil {
		return err
	}
	var errs []error
	for file, text := range pods {
		var pod corev1.Pod
		if err := yaml.Unmarshal([]byte(text), &pod); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		// Admission sees pods after the API server has filled in defaults; this
		// one changes a verdict: a volume without a source is an emptyDir. (The
		// other one that would, host ports of a pod on the host's network, adds
		// a second failure for the same cause and is left out.)
		for i, v := range pod.Spec.Volumes {
			if v.VolumeSource == (corev1.VolumeSource{}) {
				pod.Spec.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
			}
		}
		if theirs := admissionFailures(&pod); !slices.Equal(ours[file], theirs) {
			errs = append(errs, fmt.Errorf("%s: the rules say it fails %v\nadmission says it fails %v\n%s", file, ours[file], theirs, text))
		}
	}
	return errors.Join(errs...)
}

// TestPSSChecksAreNamed checks that every check has a rule and that rules name
// no check that does not exist.
func TestPSSChecksAreNamed(t *testing.T) {
	exist := map[string]bool{}
	for _, c := range policy.DefaultChecks() {
		exist[string(c.Level)+"/"+string(c.ID)] = false
	}
	for _, r := range builtIn(t) {
		for _, check := range r.Refs["pss"] {
			if _, ok := exist[check]; !ok {
				t.Errorf("rule %s names the check %q, which does not exist", r.ID, check)
			}
			exist[check] = true
		}
	}
	for check, named := range exist {
		if !named {
			t.Errorf("no rule stands for the check %s", check)
		}
	}
}

// TestPSSFixtures judges every pod of the upstream project's own test data.
func TestPSSFixtures(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	if err != nil {
		t.Fatalf("finding the module with the fixtures: %v", err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "test", "testdata")
	pods := map[string]string{}
	err = filepath.WalkDir(root, func(file string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(file)
		pods[filepath.ToSlash(strings.TrimPrefix(file, root+string(filepath.Separator)))] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods) < 100 {
		t.Fatalf("only %d pods to compare: has the test data moved?", len(pods))
	}
	if err := comparePSS(t.Context(), pods); err != nil {
		t.Error(err)
	}
}

// TestPSSRandomPods compares pods that nobody thought of.
func TestPSSRandomPods(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text, err := json.Marshal(randomPod(rt))
		if err != nil {
			rt.Fatal(err)
		}
		if err := comparePSS(t.Context(), map[string]string{"pod.json": string(text)}); err != nil {
			rt.Fatal(err)
		}
	})
}

type object = map[string]any

// maybe gives the object the key with one of the values, or leaves it out.
func maybe(t *rapid.T, o object, key string, values ...any) {
	if rapid.Bool().Draw(t, "has "+key) {
		o[key] = rapid.SampledFrom(values).Draw(t, key)
	}
}

func randomPod(t *rapid.T) object {
	spec := object{}
	maybe(t, spec, "hostNetwork", true, false)
	maybe(t, spec, "hostPID", true, false)
	maybe(t, spec, "hostIPC", true, false)
	maybe(t, spec, "hostUsers", true, false)
	maybe(t, spec, "os", object{"name": "linux"}, object{"name": "windows"})
	security := randomSecurity(t)
	maybe(t, security, "sysctls", []any{object{"name": "kernel.msgmax", "value": "1"}}, []any{object{"name": "net.ipv4.tcp_rmem", "value": "1"}})
	spec["securityContext"] = security
	var volumes []any
	for i, kind := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"hostPath", "emptyDir", "nfs", "gitRepo", "secret", "projected", "csi", "flexVolume"}), 0, 3, rapid.ID).Draw(t, "volumes") {
		from := object{}
		if kind == "hostPath" {
			from["path"] = rapid.SampledFrom([]string{"/", "/var/run", "/srv", "/etc", "/var/log", "/var/lib/kubelet", "/proc"}).Draw(t, "path")
		}
		volumes = append(volumes, object{"name": fmt.Sprint("v", i), kind: from})
	}
	spec["volumes"] = volumes
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		var containers []any
		least := 0
		if list == "containers" {
			least = 1 // the API server refuses a pod without one
		}
		for i := range rapid.IntRange(least, 2).Draw(t, list) {
			containers = append(containers, randomContainer(t, fmt.Sprint(list, i), len(volumes)))
		}
		spec[list] = containers
	}
	metadata := object{"name": "pod"}
	maybe(t, metadata, "annotations",
		object{"container.apparmor.security.beta.kubernetes.io/containers0": "unconfined"},
		object{"container.apparmor.security.beta.kubernetes.io/containers0": "runtime/default"},
		object{"container.apparmor.security.beta.kubernetes.io/containers1": "localhost/x"})
	if metadata["annotations"] != nil {
		// The API server refuses a pod whose annotation and field differ.
		without(spec, "appArmorProfile")
	}
	if os, ok := spec["os"].(object); ok && os["name"] == "windows" {
		// Nor does it take the settings of Linux for a pod of Windows.
		without(spec, "seccompProfile", "appArmorProfile", "seLinuxOptions", "sysctls", "capabilities", "procMount", "allowPrivilegeEscalation",
			"privileged", "hostPID", "hostIPC")
	}
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
}

// without removes keys at any depth.
func without(v any, keys ...string) {
	switch v := v.(type) {
	case object:
		for _, key := range keys {
			delete(v, key)
		}
		for _, inner := range v {
			without(inner, keys...)
		}
	case []any:
		for _, inner := range v {
			without(inner, keys...)
		}
	}
}

// randomSecurity draws the fields that pods and containers have in common.
func randomSecurity(t *rapid.T) object {
	s := object{}
	maybe(t, s, "runAsNonRoot", true, false)
	maybe(t, s, "runAsUser", 0, 1000)
	maybe(t, s, "seccompProfile", object{"type": "RuntimeDefault"}, object{"type": "Unconfined"}, object{"type": "Localhost", "localhostProfile": "x"})
	maybe(t, s, "appArmorProfile", object{"type": "RuntimeDefault"}, object{"type": "Unconfined"}, object{"type": "Localhost", "localhostProfile": "x"})
	maybe(t, s, "seLinuxOptions", object{"type": "spc_t"}, object{"type": "container_t"}, object{"user": "u"}, object{"role": "r"}, object{"level": "s0"})
	maybe(t, s, "windowsOptions", object{"hostProcess": true}, object{"hostProcess": false}, object{})
	return s
}

func randomContainer(t *rapid.T, name string, volumes int) object {
	c := object{"name": name, "image": "registry.example/app:1.0"}
	s := randomSecurity(t)
	maybe(t, s, "privileged", true, false)
	maybe(t, s, "allowPrivilegeEscalation", true, false)
	maybe(t, s, "procMount", "Default", "Unmasked")
	maybe(t, s, "capabilities", object{"drop": []any{"ALL"}}, object{"add": []any{"NET_ADMIN"}}, object{"drop": []any{"all"}},
		object{"add": []any{"CHOWN", "NET_BIND_SERVICE"}, "drop": []any{"ALL"}}, object{"add": []any{"ALL"}}, object{"add": []any{"CAP_SYS_ADMIN", "sys_time"}},
		object{"add": []any{"NET_BIND_SERVICE"}, "drop": []any{"NET_RAW", "ALL"}})
	maybe(t, c, "securityContext", s)
	maybe(t, c, "ports", []any{object{"containerPort": 80}}, []any{object{"containerPort": 80, "hostPort": 80}}, []any{object{"containerPort": 6379, "hostPort": 6379}})
	call := object{}
	maybe(t, call, "httpGet", object{"port": 80}, object{"port": 80, "host": "10.0.0.1"})
	maybe(t, call, "tcpSocket", object{"port": 80}, object{"port": 80, "host": "10.0.0.1"})
	for _, key := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		maybe(t, c, key, call)
	}
	maybe(t, c, "lifecycle", object{"postStart": call}, object{"preStop": call}, object{"preStop": object{"sleep": object{"seconds": 1}}})
	var mounts []any
	for i := range volumes {
		if rapid.Bool().Draw(t, "mounts") {
			mounts = append(mounts, object{"name": fmt.Sprint("v", i), "mountPath": fmt.Sprint("/m", i), "readOnly": rapid.Bool().Draw(t, "readOnly")})
		}
	}
	c["volumeMounts"] = mounts
	return c
}
