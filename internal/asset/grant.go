package asset

import (
	"slices"
	"strings"
)

// Grant is one thing that RBAC allows: the product of a binding, one of its
// subjects, a role and one of the role's rules. Lists keep their wildcards as
// written; an aggregated ClusterRole has the rules of the roles that it
// selects.
//
// A role is also judged by itself: every rule that a Role or ClusterRole lists
// makes one Grant with an empty Subject and an empty Binding, which stands for
// whoever is bound to it. A rule about what roles allow judges those, a rule
// about who holds what judges the ones with a subject, so that one cause is
// reported once.
//
// What Kubernetes brings along itself (the rules of its own roles, the subjects
// of its own bindings) is nobody's decision and makes no Grant, unless somebody
// binds to it.
type Grant struct {
	Head `cel:"-"`

	// Subject is empty in the grant of a role.
	Subject Subject `json:"subject"`
	// Binding is the object that binds, empty in the grant of a role. Role is
	// the object whose rule this is: the one that the binding names.
	Binding Ref `json:"binding"`
	Role    Ref `json:"role"`
	// Namespace limits the grant; "" is the whole cluster.
	Namespace string `json:"namespace"`
	// ClusterWide says that the grant reaches every namespace. The grant of a
	// ClusterRole does not if RoleBindings alone refer to it; one that nothing
	// refers to may be bound anywhere.
	ClusterWide bool `json:"clusterWide"`
	// First marks the first grant of a subject by a binding, and of a role.
	// Rules about the subject or the role as a whole judge that one alone.
	First bool `json:"first"`
	// Known is false if the role of a binding is neither among what was read
	// nor Kubernetes' own. Such a grant has no lists: they are Unknown, and a
	// rule that needs them is undetermined.
	Known bool `json:"known"`

	Verbs     []string `json:"verbs"`
	APIGroups []string `json:"apiGroups"`
	Resources []string `json:"resources"`
	// Names limits the grant to objects of these names; empty is all.
	Names []string `json:"names"`
	// URLs are the nonResourceURLs of the rule. Only a ClusterRoleBinding
	// grants them.
	URLs []string `json:"urls"`
}

// Subject is a user, group or service account.
type Subject struct {
	// Kind is "User", "Group" or "ServiceAccount".
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Ref names a Kubernetes object.
type Ref struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Allows reports whether the grant allows the verb on the resource ("pods", or
// "pods/exec") of an API group, be it only for the objects in Names.
func (g *Grant) Allows(verb, apiGroup, resource string) bool {
	return has(g.Verbs, verb) && has(g.APIGroups, apiGroup) && hasResource(g.Resources, resource)
}

// AllowsNamed reports what the RBAC authorizer decides about a request for one
// object. A request that names none, such as list or create, has the name "".
func (g *Grant) AllowsNamed(verb, apiGroup, resource, name string) bool {
	return g.Allows(verb, apiGroup, resource) && (len(g.Names) == 0 || slices.Contains(g.Names, name))
}

// AllowsURL reports what the RBAC authorizer decides about a request for a path
// that is no resource, such as "/metrics".
func (g *Grant) AllowsURL(verb, path string) bool {
	return has(g.Verbs, verb) && slices.ContainsFunc(g.URLs, func(url string) bool {
		return url == path || strings.HasSuffix(url, "*") && strings.HasPrefix(path, strings.TrimRight(url, "*"))
	})
}

// has reports whether the list names the text or everything.
func has(list []string, text string) bool {
	return slices.Contains(list, text) || slices.Contains(list, "*")
}

// hasResource knows that "*/exec" is the subresource of every resource.
func hasResource(list []string, resource string) bool {
	if has(list, resource) {
		return true
	}
	_, sub, ok := strings.Cut(resource, "/")
	return ok && slices.Contains(list, "*/"+sub)
}
