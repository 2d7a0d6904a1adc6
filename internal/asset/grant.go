package asset

import (
	"slices"
	"strings"
)

// Grant is one thing that RBAC lets a subject do: the product of a binding, a
// role and one of the role's rules. Lists keep their wildcards as written; an
// aggregated ClusterRole has the rules of the roles that it selects.
type Grant struct {
	Head `cel:"-"`

	Subject Subject `json:"subject"`
	// Binding is the object that binds, Role the one that lists the rules. An
	// empty kind of Binding is a role that nothing read here binds.
	Binding Ref `json:"binding"`
	Role    Ref `json:"role"`
	// Namespace limits the grant; "" is the whole cluster.
	Namespace string `json:"namespace"`

	Verbs     []string `json:"verbs"`
	APIGroups []string `json:"apiGroups"`
	Resources []string `json:"resources"`
	// Names limits the grant to objects of these names; empty is all.
	Names []string `json:"names"`
	// URLs are the nonResourceURLs of the rule.
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

// Allows reports whether the grant lets its subject use the verb on the
// resource ("pods", or "pods/exec") of an API group, for objects of any name,
// as the RBAC authorizer matches them.
func (g *Grant) Allows(verb, apiGroup, resource string) bool {
	return has(g.Verbs, verb) && has(g.APIGroups, apiGroup) && hasResource(g.Resources, resource)
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
