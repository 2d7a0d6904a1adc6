package rbacoracle

import (
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"pgregory.net/rapid"
)

// The words of the random worlds: few, so that they meet, and with every shape
// that the authorizer treats in its own way.
var (
	namespaces    = []string{"a", "b", "kube-system"}
	roleNames     = []string{"reader", "writer", "operator"}
	clusterNames  = []string{"c1", "c2", "c3", "c4", "view", "system:discovery"}
	foreignNames  = []string{"cluster-admin", "admin", "edit", "view", "system:discovery", "system:basic-user", "missing"}
	verbs         = []string{"get", "list", "create", "*"}
	groups        = []string{"", "", "apps", "*"}
	resources     = []string{"pods", "pods/exec", "secrets", "*/exec", "deployments/scale", "*/*", "pods/*", "*/", "nodes/proxy", "*"}
	objectNames   = []string{"x", "y", "*", ""}
	urls          = []string{"/metrics", "/healthz", "/healthz/*", "/api*", "/a**", "*", "**", "/*/b"}
	labelKeys     = []string{"l", "l", "m", "m", "rbac.authorization.k8s.io/aggregate-to-view", "rbac.authorization.k8s.io/aggregate-to-admin"}
	labelValues   = []string{"true", "true", "false", ""}
	userNames     = []string{"ann", "ann", "system:serviceaccount:a:bot", "system:serviceaccount:kube-system:bot", "system:serviceaccount::bot"}
	groupNames    = []string{"team", "system:authenticated", "system:serviceaccounts", "system:serviceaccounts:a"}
	accountNames  = []string{"bot", "default"}
	askResources  = []string{"pods", "pods", "secrets", "deployments", "nodes"}
	subresources  = []string{"", "", "exec", "scale", "proxy"}
	askURLs       = []string{"/metrics", "/healthz", "/healthz/etcd", "/api", "/apis/x", "/a*b", "/", ""}
	askNames      = []string{"x", "y", "z", ""}
	askNamespaces = []string{"a", "b", "kube-system", ""}
)

func some(t *rapid.T, label string, from []string, most int) []string {
	return rapid.SliceOfN(rapid.SampledFrom(from), 0, most).Draw(t, label)
}

func one(t *rapid.T, label string, from []string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

func chance(t *rapid.T, label string, percent int) bool {
	return rapid.IntRange(1, 100).Draw(t, label) <= percent
}

func drawWorld(t *rapid.T) *world {
	w := &world{seed: rapid.Uint64().Draw(t, "order")}
	for _, namespace := range namespaces {
		for _, name := range roleNames {
			if chance(t, "role", 40) {
				w.roles = append(w.roles, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Rules: drawRules(t)})
			}
		}
		if chance(t, "binding", 70) {
			w.bindings = append(w.bindings, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "binding"},
				RoleRef: drawRef(t, true), Subjects: drawSubjects(t)})
		}
	}
	for _, name := range clusterNames {
		if chance(t, "cluster role", 60) {
			w.clusterRoles = append(w.clusterRoles, drawClusterRole(t, name))
		}
	}
	for _, name := range []string{"b1", "b2", "b3"} {
		if chance(t, "cluster binding", 50) {
			w.clusterBindings = append(w.clusterBindings, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
				RoleRef: drawRef(t, false), Subjects: drawSubjects(t)})
		}
	}
	return w
}

func drawClusterRole(t *rapid.T, name string) *rbacv1.ClusterRole {
	r := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}, Rules: drawRules(t)}
	for _, key := range some(t, "labels", labelKeys, 3) {
		r.Labels[key] = one(t, "label", labelValues)
	}
	if chance(t, "aggregated", 35) {
		r.AggregationRule = &rbacv1.AggregationRule{}
		for range rapid.IntRange(1, 2).Draw(t, "selectors") {
			r.AggregationRule.ClusterRoleSelectors = append(r.AggregationRule.ClusterRoleSelectors, drawSelector(t))
		}
	}
	return r
}

func drawSelector(t *rapid.T) metav1.LabelSelector {
	s := metav1.LabelSelector{MatchLabels: map[string]string{}}
	// One without any requirement selects every role, cluster-admin included,
	// and would drown the rest if it were common.
	for _, key := range rapid.SliceOfN(rapid.SampledFrom(labelKeys), 0, 2).Draw(t, "match labels") {
		s.MatchLabels[key] = one(t, "match label", labelValues)
	}
	if len(s.MatchLabels) == 0 && !chance(t, "everything", 2) || chance(t, "expression", 30) {
		e := metav1.LabelSelectorRequirement{Key: one(t, "key", labelKeys),
			Operator: rapid.SampledFrom([]metav1.LabelSelectorOperator{"In", "Exists", "In", "NotIn", "DoesNotExist"}).Draw(t, "operator")}
		if e.Operator == "In" || e.Operator == "NotIn" {
			e.Values = rapid.SliceOfN(rapid.SampledFrom(labelValues), 1, 2).Draw(t, "values")
		}
		if len(s.MatchLabels) == 0 && (e.Operator == "NotIn" || e.Operator == "DoesNotExist") {
			s.MatchLabels["l"] = one(t, "match label", labelValues)
		}
		s.MatchExpressions = append(s.MatchExpressions, e)
	}
	return s
}

func drawRules(t *rapid.T) []rbacv1.PolicyRule {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rbacv1.PolicyRule {
		r := rbacv1.PolicyRule{Verbs: some(t, "verbs", verbs, 4)}
		if chance(t, "resources", 80) {
			r.APIGroups, r.Resources = some(t, "groups", groups, 2), some(t, "resources", resources, 3)
			if chance(t, "names", 30) {
				r.ResourceNames = some(t, "names", objectNames, 2)
			}
		}
		// Kubernetes refuses both in one rule; the authorizer would not mind.
		if chance(t, "urls", 30) {
			r.NonResourceURLs = some(t, "urls", urls, 2)
		}
		return r
	}), 0, 3).Draw(t, "rules")
}

func drawRef(t *rapid.T, namespaced bool) rbacv1.RoleRef {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: one(t, "cluster role", clusterNames)}
	switch {
	case chance(t, "foreign", 15):
		ref.Name = one(t, "foreign role", foreignNames)
	case chance(t, "role of a namespace", 50):
		// A ClusterRoleBinding cannot bind one; Kubernetes must not either.
		ref.Kind, ref.Name = "Role", one(t, "role", append([]string{"extension-apiserver-authentication-reader"}, roleNames...))
	case namespaced && chance(t, "wrong kind", 3):
		ref.Kind = "clusterrole"
	}
	return ref
}

func drawSubjects(t *rapid.T) []rbacv1.Subject {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rbacv1.Subject {
		switch rapid.IntRange(0, 10).Draw(t, "subject") {
		case 0, 1, 2:
			return rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: one(t, "user", userNames)}
		case 3, 4, 5:
			return rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: one(t, "group", groupNames)}
		case 6:
			return rbacv1.Subject{Kind: "user", Name: one(t, "user", userNames)}
		}
		return rbacv1.Subject{Kind: "ServiceAccount", Name: one(t, "account", accountNames),
			Namespace: one(t, "account namespace", append([]string{""}, namespaces...))}
	}), 0, 4).Draw(t, "subjects")
}

func drawRequest(t *rapid.T) authorizer.AttributesRecord {
	r := authorizer.AttributesRecord{
		User: &user.DefaultInfo{Name: one(t, "user", userNames), Groups: some(t, "groups", groupNames, 4)},
		Verb: one(t, "verb", verbs),
	}
	if chance(t, "url", 20) {
		r.Path = one(t, "path", askURLs)
		return r
	}
	r.ResourceRequest = true
	r.APIGroup = one(t, "api group", groups[1:3])
	r.Resource, r.Subresource = one(t, "resource", askResources), one(t, "subresource", subresources)
	r.Name, r.Namespace = one(t, "name", askNames), one(t, "namespace", askNamespaces)
	return r
}
