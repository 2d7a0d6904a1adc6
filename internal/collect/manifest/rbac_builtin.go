package manifest

import (
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// builtinPolicy is what Kubernetes brings along: the roles and bindings that
// the API server creates when it starts. A Ref of theirs has a namespace only
// for a Role and a RoleBinding.
type builtinPolicy struct {
	roles    map[asset.Ref]*role
	bindings map[asset.Ref]*binding
}

// builtin reads bootstrapPolicy once. Nobody changes what it returns.
var builtin = sync.OnceValue(func() builtinPolicy {
	p := builtinPolicy{roles: map[asset.Ref]*role{}, bindings: map[asset.Ref]*binding{}}
	var r *role
	var b *binding
	for line := range strings.Lines(bootstrapPolicy) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case strings.HasSuffix(words[0], "Binding"):
			r, b = nil, builtinBinding(words)
			p.bindings[b.Ref] = b
		case strings.HasSuffix(words[0], "Role"):
			r, b = builtinRole(words), nil
			p.roles[r.Ref] = r
		case r != nil:
			r.rules = append(r.rules, builtinRule(words))
		case b != nil:
			b.subjects = append(b.subjects, subject{Subject: asset.Subject(builtinRef(words[0], words[1]))})
		}
	}
	return p
})

// builtinRef reads "name" or "namespace/name".
func builtinRef(kind, text string) asset.Ref {
	if namespace, name, ok := strings.Cut(text, "/"); ok {
		return asset.Ref{Kind: kind, Name: name, Namespace: namespace}
	}
	return asset.Ref{Kind: kind, Name: text}
}

// builtinRole reads a role's first line: its kind, its name, and the labels
// that it has or that it selects by, each of them "true".
func builtinRole(words []string) *role {
	r := &role{Ref: builtinRef(words[0], words[1]), labels: map[string]string{"kubernetes.io/bootstrapping": "rbac-defaults"}}
	for _, word := range words[2:] {
		switch key, label, _ := strings.Cut(word, "="); key {
		case "label":
			r.labels[label] = "true"
		case "selects":
			r.aggregated = true
			r.selectors = append(r.selectors, selector{{label, "In", []string{"true"}}})
		}
	}
	return r
}

// builtinRule reads "verbs groups resources [names]" or "verbs url=paths".
func builtinRule(words []string) *policyRule {
	rule := &policyRule{verbs: strings.Split(words[0], ","), builtin: true}
	if urls, ok := strings.CutPrefix(words[1], "url="); ok {
		rule.urls = strings.Split(urls, ",")
	} else {
		rule.groups, rule.resources = strings.Split(words[1], ","), strings.Split(words[2], ",")
		for i, group := range rule.groups {
			if group == "core" {
				rule.groups[i] = ""
			}
		}
	}
	if len(words) > 3 {
		rule.names = strings.Split(words[3], ",")
	}
	rule.key = rule.digest()
	return rule
}

func builtinBinding(words []string) *binding {
	return &binding{Ref: builtinRef(words[0], words[1]), role: asset.Ref{Kind: words[2], Name: words[3]}}
}

// binds reports whether Kubernetes itself binds the subject so.
func (p builtinPolicy) binds(b *binding, to asset.Subject) bool {
	own := p.bindings[b.Ref]
	return own != nil && own.role == b.role &&
		slices.ContainsFunc(own.subjects, func(s subject) bool { return s.Subject == to })
}

// own reports whether a role is one of Kubernetes and has the rule there. One
// that somebody added to it is judged like any other.
func (j *joiner) own(r *role, rule *policyRule) bool {
	kubernetes := j.builtin.roles[r.Ref]
	if kubernetes == nil {
		return false
	}
	has := j.rules(kubernetes)
	covered := func(by func(*policyRule) bool) bool {
		return j.work(len(has), r.origin) && slices.ContainsFunc(has, by)
	}
	for _, verb := range rule.verbs {
		for _, url := range rule.urls {
			if !covered(func(k *policyRule) bool { return k.grant().AllowsURL(verb, url) }) {
				return false
			}
		}
		for _, group := range rule.groups {
			for _, resource := range rule.resources {
				if !covered(func(k *policyRule) bool {
					return k.grant().Allows(verb, group, resource) && coversNames(k.names, rule.names)
				}) {
					return false
				}
			}
		}
	}
	return true
}

// coversNames reports whether a list of object names, all if it is empty,
// includes another one.
func coversNames(all, some []string) bool {
	return len(all) == 0 || len(some) > 0 && !slices.ContainsFunc(some, func(name string) bool { return !slices.Contains(all, name) })
}
