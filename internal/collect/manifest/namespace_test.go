package manifest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// shopNamespace returns the asset of the namespace "shop" that objects make.
func shopNamespace(t *testing.T, objects ...string) *asset.Namespace {
	t.Helper()
	all, sink := kept[*asset.Namespace](strings.Join(objects, "\n---\n"))
	if len(sink.unread) > 0 {
		t.Errorf("unread: %v", sink.unread)
	}
	for _, n := range all {
		if n.Name == "shop" {
			return n
		}
	}
	t.Fatal("there is no namespace")
	return nil
}

func deployment(name, podSpec string) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: %s, namespace: shop}, spec: {template: {
metadata: {labels: {app: %s, tier: front}}, spec: {containers: [{name: app}], %s}}}}`, name, name, podSpec)
}

func policy(spec string) string {
	return "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {" + spec + "}}"
}

const denyAll = "podSelector: {}, policyTypes: [Ingress, Egress]"

func TestNamespaceUnselected(t *testing.T) {
	for _, test := range []struct{ name, spec, want string }{
		{"everything", "podSelector: {}", ""},
		{"nothing said", "", ""},
		{"one label", "podSelector: {matchLabels: {app: web}}", "Deployment shop/db"},
		{"an expression", "podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", "Deployment shop/web"},
		{"egress alone", "podSelector: {}, policyTypes: [Egress]", "Deployment shop/db,Deployment shop/web"},
		{"egress rules and no types", "podSelector: {}, egress: [{}]", ""},
		{"nobody", "podSelector: {matchLabels: {app: cache}}", "Deployment shop/db,Deployment shop/web"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := shopNamespace(t, deployment("web", ""), deployment("db", ""), deployment("agent", "hostNetwork: true"), policy(test.spec))
			if got := strings.Join(n.Unselected, ","); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if n.Workloads != 3 || n.NetworkPolicies != 1 {
				t.Errorf("got %d workloads and %d policies", n.Workloads, n.NetworkPolicies)
			}
		})
	}
}

func TestNamespaceDefaultDeny(t *testing.T) {
	for _, test := range []struct {
		name, spec      string
		ingress, egress bool
	}{
		{"both", denyAll, true, true},
		{"by default", "podSelector: {}", true, false},
		{"with a rule", "podSelector: {}, ingress: [{from: [{podSelector: {}}]}], policyTypes: [Ingress, Egress]", false, true},
		{"an empty list is no rule", "podSelector: {}, ingress: []", true, false},
		{"of some", "podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress]", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := shopNamespace(t, deployment("web", ""), policy(test.spec))
			if n.DefaultDenyIngress != test.ingress || n.DefaultDenyEgress != test.egress {
				t.Errorf("got ingress %v, egress %v", n.DefaultDenyIngress, n.DefaultDenyEgress)
			}
		})
	}
}

func TestNamespaceMetadataReachable(t *testing.T) {
	egress := func(rule string) string { return "podSelector: {}, policyTypes: [Egress], egress: [" + rule + "]" }
	for _, test := range []struct {
		name, spec string
		want       bool
	}{
		{"no egress policy", "podSelector: {}", true},
		{"denied", denyAll, false},
		{"anywhere", egress("{}"), true},
		{"any address", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}"), true},
		{"any but that", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.169.254/32]}}]}"), false},
		{"any but its network", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}]}"), false},
		{"another network", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}"), false},
		{"pods", egress("{to: [{namespaceSelector: {}}]}"), false},
		{"DNS", egress("{ports: [{port: 53, protocol: UDP}, {port: 53}]}"), false},
		{"port 80 over UDP", egress("{ports: [{port: 80, protocol: UDP}]}"), false},
		{"port 80", egress("{ports: [{port: 80}]}"), true},
		{"a range of ports", egress("{ports: [{port: 1, endPort: 1024}]}"), true},
		{"every TCP port", egress("{ports: [{protocol: TCP}]}"), true},
		{"a named port", egress("{ports: [{port: http}]}"), false},
		{"one pod is forgotten", "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]", true},
		{"no address range at all", egress("{to: [{ipBlock: {cidr: nonsense}}]}"), false},
		{"version 6", egress("{to: [{ipBlock: {cidr: \"::/0\"}}]}"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := shopNamespace(t, deployment("web", ""), deployment("db", ""), policy(test.spec))
			if n.MetadataReachable != test.want {
				t.Errorf("got %v", n.MetadataReachable)
			}
		})
	}
}

// TestNamespaceForeignPolicies checks that the policies of network plug-ins
// make undecided what they decide about, and nothing else.
func TestNamespaceForeignPolicies(t *testing.T) {
	unknown := func(n *asset.Namespace) string {
		var fields []string
		for _, u := range n.Unknown {
			fields = append(fields, u.Path)
		}
		return strings.Join(fields, ",")
	}
	const undecided = "unselected,defaultDenyIngress,defaultDenyEgress,metadataReachable"
	cilium := "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: web, namespace: shop}}"
	global := "{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: web}}"
	elsewhere := "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: web, namespace: other}}"
	if n := shopNamespace(t, deployment("web", ""), cilium); unknown(n) != undecided || n.NetworkPolicies != 1 {
		t.Errorf("in the namespace: %d policies, unknown %s", n.NetworkPolicies, unknown(n))
	}
	if n := shopNamespace(t, deployment("web", ""), global); unknown(n) != undecided+",networkPolicies" {
		t.Errorf("everywhere: unknown %s", unknown(n))
	}
	if n := shopNamespace(t, deployment("web", ""), elsewhere); unknown(n) != "" {
		t.Errorf("elsewhere: unknown %s", unknown(n))
	}
}

func TestNamespaceObject(t *testing.T) {
	n := shopNamespace(t,
		"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels:\n    a.b/c: d\n",
		"{apiVersion: v1, kind: ResourceQuota, metadata: {name: q, namespace: shop}}")
	if !n.Declared || !n.ResourceQuota || n.LimitRange || n.Workloads != 0 {
		t.Errorf("got %+v", n)
	}
	if place, declared := n.Locate(`labels["a.b/c"]`); place.String() != "f.yaml:6:12" || !declared {
		t.Errorf("the label is at %s", place)
	}
	undeclared := shopNamespace(t, "{apiVersion: v1, kind: LimitRange, metadata: {name: l, namespace: shop}}", deployment("web", ""))
	if undeclared.Declared || !undeclared.LimitRange || undeclared.Place.Line != 3 || undeclared.ID != "namespace:shop" {
		t.Errorf("got %+v", undeclared)
	}
}

func TestNetworkPolicyRefused(t *testing.T) {
	_, sink := kept[*asset.Namespace](policy("podSelector: {matchExpressions: [{key: app, operator: Near, values: [x]}]}"))
	if len(sink.unread) != 1 || !strings.Contains(sink.unread[0], "selector") {
		t.Errorf("unread: %v", sink.unread)
	}
}

// TestPolicySelection compares random policies and pods with the selector that
// Kubernetes itself evaluates.
func TestPolicySelection(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	rapid.Check(t, func(t *rapid.T) {
		selector := metav1.LabelSelector{MatchLabels: rapid.MapOfN(word, word, 0, 2).Draw(t, "labels")}
		for range rapid.IntRange(0, 3).Draw(t, "expressions") {
			selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
				Key:      word.Draw(t, "key"),
				Operator: rapid.SampledFrom([]metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist", "Gt"}).Draw(t, "operator"),
				Values:   rapid.SliceOfN(word, 0, 2).Draw(t, "values"),
			})
		}
		podLabels := rapid.MapOfN(word, word, 0, 3).Draw(t, "pod")
		want := false
		if evaluated, err := metav1.LabelSelectorAsSelector(&selector); err == nil {
			want = evaluated.Matches(labels.Set(podLabels))
		}
		policy := networkingv1.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
			Spec: networkingv1.NetworkPolicySpec{PodSelector: selector}}
		pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "p", "labels": podLabels},
			"spec": map[string]any{"containers": []any{}}}
		var texts []string
		for _, object := range []any{policy, pod} {
			text, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		text := strings.Join(texts, "\n---\n")
		all, _ := kept[*asset.Namespace](text)
		if len(all) != 1 || (len(all[0].Unselected) == 0) != want {
			t.Fatalf("Kubernetes selects the pod: %v\n%s", want, text)
		}
	})
}
