package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// rbac holds the roles and bindings of a set until all of them were read.
type rbac struct {
	roles    []*role
	bindings []*binding
}

// origin tells which of several objects of one name stands nearest.
type origin struct {
	scope string
	place source.Place
}

// role is a Role or ClusterRole. Its namespace is as declared.
type role struct {
	asset.Ref
	origin
	labels map[string]string
	rules  []*policyRule
	// An aggregated role has the rules of the roles that its selectors match
	// instead of its own; head is that of its aggregation.
	aggregated bool
	selectors  []selector
	head       asset.Head
}

// policyRule is one rule of a role. head is that of the grant which it makes
// for the role by itself.
type policyRule struct {
	verbs, groups, resources, names, urls []string

	// key identifies what the rule says, whatever its position in the role.
	key  string
	head asset.Head
	// builtin says that Kubernetes brings the rule along.
	builtin bool
}

// binding is a RoleBinding or ClusterRoleBinding. Its namespace is as declared.
type binding struct {
	asset.Ref
	origin
	role     asset.Ref
	subjects []subject
}

// subject is an entry of a binding, with the head of the first grant it gets.
type subject struct {
	asset.Subject
	head asset.Head
}

func (s *Set) addRBAC(o *object) {
	switch o.kind {
	case "Role", "ClusterRole":
		r := o.role()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rbac.roles = append(s.rbac.roles, r)
	case "RoleBinding", "ClusterRoleBinding":
		b := o.binding()
		if b == nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rbac.bindings = append(s.rbac.bindings, b)
	}
}

// rbacRef names the object, in no namespace if its kind has none.
func (o *object) rbacRef() asset.Ref {
	ref := asset.Ref{Kind: o.kind, Name: o.name, Namespace: o.namespace}
	if strings.HasPrefix(o.kind, "Cluster") {
		ref.Namespace = ""
	}
	return ref
}

func (o *object) origin() origin {
	return origin{o.text.Scope, o.text.place(o.node.Position)}
}

func (o *object) role() *role {
	r := &role{Ref: o.rbacRef(), origin: o.origin(), labels: o.node.StringMap("metadata", "labels")}
	if n := o.node.Get("aggregationRule"); n != nil && o.kind == "ClusterRole" {
		r.aggregated = true
		r.selectors = o.selectors(n)
		r.head = o.head(asset.KindGrant, "aggregation", "", n)
		r.head.Place = o.text.region(o.node.Place("aggregationRule"), n.EndLine)
		return r
	}
	seen := map[string]bool{}
	for _, n := range o.items(o.node, "rules") {
		rule := o.policyRule(n)
		if !seen[rule.key] {
			seen[rule.key] = true
			r.rules = append(r.rules, rule)
		}
	}
	return r
}

// items returns the elements of a list. Anything else under the key Kubernetes
// would refuse, and nothing of it is judged.
func (o *object) items(n *source.Node, key string) []*source.Node {
	v := n.Get(key)
	if v != nil && v.Kind != source.List {
		o.sink.Unread(o.text.place(n.Place(key)), fmt.Sprintf("%s of %s is no list", key, o.title()))
		return nil
	}
	return v.List()
}

func (o *object) policyRule(n *source.Node) *policyRule {
	rule := &policyRule{}
	var fields asset.Head
	for _, list := range []struct {
		to         *[]string
		key, field string
	}{
		{&rule.verbs, "verbs", "verbs"}, {&rule.groups, "apiGroups", "apiGroups"}, {&rule.resources, "resources", "resources"},
		{&rule.names, "resourceNames", "names"}, {&rule.urls, "nonResourceURLs", "urls"},
	} {
		items := o.items(n, list.key)
		if len(items) == 0 {
			continue
		}
		fields.At(list.field, o.text.place(n.Place(list.key)))
		for i, item := range items {
			*list.to = append(*list.to, item.Text())
			fields.At(element(list.field, i), o.text.place(item.Position))
		}
	}
	if o.kind == "Role" {
		// A Role grants no URLs; Kubernetes refuses one that tries.
		rule.urls = nil
	}
	rule.key = rule.digest()
	rule.head = o.head(asset.KindGrant, "rule/"+rule.key, rule.title(), n)
	rule.head.Fields = fields.Fields
	rule.head.At("role", o.text.place(o.node.Place("metadata", "name")))
	return rule
}

// digest makes the key of the rule.
func (r *policyRule) digest() string {
	h := sha256.New()
	for _, list := range [][]string{r.verbs, r.groups, r.resources, r.names, r.urls} {
		for _, item := range list {
			h.Write([]byte(item))
			h.Write([]byte{0})
		}
		h.Write([]byte{1})
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// title is what people would call the rule: "rule on pods, secrets and 2 more".
func (r *policyRule) title() string {
	const shown = 2
	on := slices.Concat(r.resources, r.urls)
	if len(on) == 0 {
		return "rule on nothing"
	}
	text := "rule on " + strings.Join(on[:min(shown, len(on))], ", ")
	if more := len(on) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// binding reads a binding; nil if there is nothing that it could bind to.
func (o *object) binding() *binding {
	b := &binding{Ref: o.rbacRef(), origin: o.origin(),
		role: asset.Ref{Kind: o.node.Text("roleRef", "kind"), Name: o.node.Text("roleRef", "name")}}
	if b.role.Kind != "ClusterRole" && (b.role.Kind != "Role" || o.kind != "RoleBinding") {
		o.sink.Unread(o.text.place(o.node.Place("roleRef", "kind")),
			fmt.Sprintf("%s refers to a %q, which it cannot bind", o.title(), b.role.Kind))
		return nil
	}
	if b.role.Name == "" {
		o.sink.Unread(o.text.place(o.node.Place("roleRef")), o.title()+" names no role")
		return nil
	}
	for _, n := range o.items(o.node, "subjects") {
		if s, ok := o.subject(n); ok && !slices.ContainsFunc(b.subjects, func(other subject) bool { return other.Subject == s.Subject }) {
			b.subjects = append(b.subjects, s)
		}
	}
	return b
}

// subjectKinds are the kinds of subject that Kubernetes knows.
var subjectKinds = []string{"User", "Group", "ServiceAccount"}

func (o *object) subject(n *source.Node) (subject, bool) {
	s := subject{Subject: asset.Subject{Kind: n.Text("kind"), Name: n.Text("name")}}
	if !slices.Contains(subjectKinds, s.Kind) || s.Name == "" {
		o.sink.Unread(o.text.place(n.Position), fmt.Sprintf("a subject of %s is no user, group or service account", o.title()))
		return s, false
	}
	title := s.Kind + " " + s.Name
	if s.Kind == "ServiceAccount" {
		s.Namespace = n.Text("namespace")
		if s.Namespace != "" {
			title = s.Kind + " " + s.Namespace + "/" + s.Name
		}
	}
	s.head = o.head(asset.KindGrant, "subject/"+title, title, n)
	s.head.At("role", o.text.place(o.node.Place("roleRef")))
	s.head.At("role.kind", o.text.place(o.node.Place("roleRef", "kind")))
	s.head.At("role.name", o.text.place(o.node.Place("roleRef", "name")))
	s.head.At("subject", o.text.place(n.Position))
	for _, key := range []string{"kind", "name", "namespace"} {
		if n.Get(key) != nil {
			s.head.At("subject."+key, o.text.place(n.Place(key)))
		}
	}
	return s, true
}
