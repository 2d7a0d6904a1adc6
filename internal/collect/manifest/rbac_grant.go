package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
)

// maxJoins bounds what roles and bindings of one set can multiply into. The
// largest clusters stay well below it; a file that is built to does not.
const maxJoins = 1 << 20

// grants joins roles and bindings and hands over what they let subjects do.
func (s *Set) grants(sink collect.Sink) {
	if len(s.rbac.roles)+len(s.rbac.bindings) > 0 {
		newJoiner(s.rbac, maxJoins, sink).join()
		s.rbac = rbac{}
	}
}

// joiner joins the roles and bindings of one set.
type joiner struct {
	rbac
	sink    collect.Sink
	builtin builtinPolicy
	byRef   map[asset.Ref][]*role
	// anywhere are the Roles of a name, whatever their namespace.
	anywhere map[string][]*role
	// clusterRoles are the names of all ClusterRoles, Kubernetes' own included.
	clusterRoles []string
	filled       map[*role][]*policyRule
	reach        map[*policyRule]reach
	// left is how many more steps the join may take of its limit, stopped where
	// it took the last.
	limit, left int
	stopped     origin
}

// reach says how bindings refer to a rule.
type reach struct{ cluster, namespace bool }

func newJoiner(r rbac, limit int, sink collect.Sink) *joiner {
	j := &joiner{rbac: r, sink: sink, builtin: builtin(), limit: limit, left: limit,
		byRef: map[asset.Ref][]*role{}, anywhere: map[string][]*role{}, filled: map[*role][]*policyRule{}, reach: map[*policyRule]reach{}}
	// Files are read in any order; the outcome has to be the same. Objects of
	// one place, as a template renders them, are in their order already.
	slices.SortStableFunc(j.roles, func(a, b *role) int { return a.origin.compare(b.origin) })
	slices.SortStableFunc(j.bindings, func(a, b *binding) int { return a.origin.compare(b.origin) })
	names := map[string]bool{}
	for _, r := range j.roles {
		j.byRef[r.Ref] = append(j.byRef[r.Ref], r)
		if r.Kind == "ClusterRole" {
			names[r.Name] = true
		} else {
			j.anywhere[r.Name] = append(j.anywhere[r.Name], r)
		}
	}
	for ref := range j.builtin.roles {
		if ref.Kind == "ClusterRole" {
			names[ref.Name] = true
		}
	}
	j.clusterRoles = slices.Sorted(maps.Keys(names))
	return j
}

// join hands over the grants of roles first: they are bounded by the text.
func (j *joiner) join() {
	for _, b := range j.bindings {
		j.mark(b)
	}
	for _, r := range j.roles {
		j.judge(r)
	}
	for _, b := range j.bindings {
		j.bind(b)
	}
	if j.left <= 0 {
		j.sink.Unread(j.stopped.place, fmt.Sprintf("roles and bindings multiply into more than %d grants; the rest from here on was not judged", j.limit))
	}
}

func (o origin) compare(other origin) int {
	return cmp.Or(cmp.Compare(o.scope, other.scope), o.place.Compare(other.place))
}

// work takes n steps off what the join may cost and reports whether it may go
// on.
func (j *joiner) work(n int, at origin) bool {
	if j.left > 0 {
		j.left -= n
		j.stopped = at
	}
	return j.left > 0
}

// resolve finds the role that a binding names. Where several files declare one
// of that name, as variants of an installation do, the nearest counts; several
// may be equally near. None is a role that nobody knows.
func (j *joiner) resolve(b *binding) []*role {
	ref := b.role
	if ref.Kind == "Role" {
		ref.Namespace = b.Namespace
	}
	if found := j.nearest(b.origin, j.candidates(ref)); len(found) > 0 {
		return found
	}
	if r := j.builtin.roles[ref]; r != nil {
		return []*role{r}
	}
	return nil
}

// candidates are the declared roles that a name may mean. An object without
// namespace lands wherever it is applied, so it may meet one that has it.
func (j *joiner) candidates(ref asset.Ref) []*role {
	found := j.byRef[ref]
	if len(found) > 0 || ref.Kind == "ClusterRole" {
		return found
	}
	if ref.Namespace == "" {
		return j.anywhere[ref.Name]
	}
	return j.byRef[asset.Ref{Kind: ref.Kind, Name: ref.Name}]
}

// nearest returns the candidates that stand closest to a place.
func (j *joiner) nearest(from origin, candidates []*role) []*role {
	if len(candidates) < 2 {
		return candidates
	}
	var found []*role
	best := -1
	for _, c := range candidates {
		if !j.work(1, from) {
			break
		}
		near := closeness(from, c.origin)
		if near > best {
			best, found = near, nil
		}
		if near == best {
			found = append(found, c)
		}
	}
	return found
}

// closeness counts the folders that two objects of one rendering share.
func closeness(a, b origin) int {
	switch {
	case a.scope != b.scope:
		return 0
	case a.place.File == b.place.File:
		return math.MaxInt
	}
	n := 1
	inA, inB := strings.Split(path.Dir(a.place.File), "/"), strings.Split(path.Dir(b.place.File), "/")
	for i := range min(len(inA), len(inB)) {
		if inA[i] != inB[i] {
			break
		}
		n++
	}
	return n
}

// rules returns what a role allows: its own rules, or those of the roles that
// it selects, as the controller fills them in.
func (j *joiner) rules(r *role) []*policyRule {
	if !r.aggregated {
		return r.rules
	}
	rules, ok := j.filled[r]
	if !ok {
		a := aggregation{joiner: j, seen: map[*role]bool{r: true}, keys: map[string]bool{}}
		a.fill(r)
		rules = a.rules
		j.filled[r] = rules
	}
	return rules
}

// aggregation gathers the rules of the roles that an aggregated one selects,
// directly or through another aggregated role.
type aggregation struct {
	*joiner
	seen  map[*role]bool
	keys  map[string]bool
	rules []*policyRule
}

func (a *aggregation) fill(into *role) {
	for _, s := range into.selectors {
		for _, name := range a.clusterRoles {
			if name == into.Name {
				continue
			}
			ref := binding{origin: into.origin, role: asset.Ref{Kind: "ClusterRole", Name: name}}
			for _, r := range a.resolve(&ref) {
				if !a.work(1, into.origin) {
					return
				}
				if a.seen[r] || !s.matches(r.labels) {
					continue
				}
				a.seen[r] = true
				if r.aggregated {
					a.fill(r)
				}
				a.add(r)
			}
		}
	}
}

func (a *aggregation) add(r *role) {
	for _, rule := range r.rules {
		if !a.keys[rule.key] && a.work(1, r.origin) {
			a.keys[rule.key] = true
			a.rules = append(a.rules, rule)
		}
	}
}

// bound is a rule that a binding grants, through the role that it names.
type bound struct {
	role asset.Ref
	rule *policyRule
}

// bound lists the rules that a binding grants, and whether its role is known.
// URLs reach nobody through a RoleBinding.
func (j *joiner) bound(b *binding) (rules []bound, known bool) {
	roles := j.resolve(b)
	keys := map[string]bool{}
	for _, r := range roles {
		for _, rule := range j.rules(r) {
			if !j.work(1, b.origin) {
				return nil, true
			}
			if keys[rule.key] || b.Kind == "RoleBinding" && len(rule.resources) == 0 {
				continue
			}
			keys[rule.key] = true
			rules = append(rules, bound{r.Ref, rule})
		}
	}
	return rules, len(roles) > 0
}

// mark notes for the rules of roles whether they are bound in the whole cluster
// or in namespaces only.
func (j *joiner) mark(b *binding) {
	rules, _ := j.bound(b)
	for _, r := range rules {
		at := j.reach[r.rule]
		at.cluster = at.cluster || b.Kind == "ClusterRoleBinding"
		at.namespace = at.namespace || b.Kind == "RoleBinding"
		j.reach[r.rule] = at
	}
}

// judge hands over the grants of a role by itself. The rules of an aggregated
// role are judged where they are listed, unless that is in Kubernetes itself.
func (j *joiner) judge(r *role) {
	first := true
	for _, rule := range j.rules(r) {
		if r.aggregated && !rule.builtin || j.own(r, rule) {
			continue
		}
		if !j.work(1, r.origin) {
			return
		}
		g := rule.grant()
		if r.aggregated {
			g.Head = r.head
			g.ID += "/" + rule.key
			g.Name += ", " + rule.title()
		}
		at := j.reach[rule]
		g.Role, g.Namespace = r.Ref, r.Namespace
		if r.Kind == "Role" && g.Namespace == "" {
			g.Namespace = "default"
		}
		g.ClusterWide = r.Kind == "ClusterRole" && (at.cluster || !at.namespace)
		g.First, first = first, false
		j.sink.Asset(g)
	}
}

// grant makes the part of a grant that a rule decides.
func (r *policyRule) grant() *asset.Grant {
	return &asset.Grant{Head: r.head, Known: true,
		Verbs: r.verbs, APIGroups: r.groups, Resources: r.resources, Names: r.names, URLs: r.urls}
}

// bind hands over what a binding grants to its subjects.
func (j *joiner) bind(b *binding) {
	rules, known := j.bound(b)
	for _, s := range b.subjects {
		if j.builtin.binds(b, s.Subject) {
			continue
		}
		if !known && j.work(1, b.origin) {
			j.sink.Asset(b.unknown(s))
		}
		for i, r := range rules {
			if !j.work(1, b.origin) {
				return
			}
			g := b.grant(s, r)
			if g.First = i == 0; !g.First {
				g.ID += "/" + r.rule.key
			}
			j.sink.Asset(g)
		}
	}
}

// grant gives a rule to a subject.
func (b *binding) grant(s subject, r bound) *asset.Grant {
	g := r.rule.grant()
	g.Head = s.head
	g.Fields = slices.Concat(r.rule.head.Fields, s.head.Fields)
	if b.Kind == "RoleBinding" {
		g.URLs = nil
	}
	b.complete(g, s, r.role)
	return g
}

// complete fills in who is bound to what, and where.
func (b *binding) complete(g *asset.Grant, s subject, role asset.Ref) {
	g.Binding, g.Role, g.Subject = b.Ref, role, s.Subject
	g.ClusterWide = b.Kind == "ClusterRoleBinding"
	if g.ClusterWide {
		return
	}
	g.Namespace = cmp.Or(b.Namespace, role.Namespace, "default")
	if s.Kind == "ServiceAccount" && s.Namespace == "" {
		g.Subject.Namespace = g.Namespace
	}
}

// unknown is what a binding grants by a role that nobody knows. It is handed
// over all the same: who is bound may matter whatever the role allows.
func (b *binding) unknown(s subject) *asset.Grant {
	g := &asset.Grant{Head: s.head, First: true}
	role := b.role
	if role.Kind == "Role" {
		role.Namespace = cmp.Or(b.Namespace, "default")
	}
	b.complete(g, s, role)
	reason := fmt.Sprintf("%s %s is not among the files read", b.role.Kind, b.role.Name)
	for _, field := range []string{"verbs", "apiGroups", "resources", "names", "urls"} {
		g.Unknown = append(g.Unknown, asset.Unknown{Path: field, Reason: reason})
	}
	return g
}
