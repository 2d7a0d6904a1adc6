package asset

import "testing"

func TestGrantAllows(t *testing.T) {
	tests := []struct {
		name                        string
		grant                       Grant
		verb, group, resource, asks string
		want                        bool
	}{
		{"what is listed", Grant{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}, "get", "", "pods", "x", true},
		{"another verb", Grant{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}, "list", "", "pods", "", false},
		{"another group", Grant{Verbs: []string{"get"}, APIGroups: []string{"apps"}, Resources: []string{"pods"}}, "get", "", "pods", "", false},
		{"everything", Grant{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}, "escalate", "a.b", "c/d", "x", true},
		{"a resource is not its subresource", Grant{Verbs: []string{"*"}, APIGroups: []string{""}, Resources: []string{"pods"}}, "create", "", "pods/exec", "x", false},
		{"a subresource is not its resource", Grant{Verbs: []string{"*"}, APIGroups: []string{""}, Resources: []string{"pods/exec"}}, "get", "", "pods", "x", false},
		{"a subresource of anything", Grant{Verbs: []string{"create"}, APIGroups: []string{""}, Resources: []string{"*/exec"}}, "create", "", "pods/exec", "x", true},
		{"a star behind a resource is no wildcard", Grant{Verbs: []string{"create"}, APIGroups: []string{""}, Resources: []string{"pods/*"}}, "create", "", "pods/exec", "x", false},
		{"a named object", Grant{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}, Names: []string{"x"}}, "get", "", "pods", "x", true},
		{"another object", Grant{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}, Names: []string{"x"}}, "get", "", "pods", "y", false},
		{"no object, as list asks", Grant{Verbs: []string{"*"}, APIGroups: []string{""}, Resources: []string{"pods"}, Names: []string{"x"}}, "list", "", "pods", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.grant.AllowsNamed(test.verb, test.group, test.resource, test.asks); got != test.want {
				t.Errorf("AllowsNamed is %v, want %v", got, test.want)
			}
			if test.want && !test.grant.Allows(test.verb, test.group, test.resource) {
				t.Error("Allows denies what AllowsNamed allows")
			}
		})
	}
	named := Grant{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}, Names: []string{"x"}}
	if !named.Allows("get", "", "pods") {
		t.Error("Allows minds the names")
	}
}

func TestGrantAllowsURL(t *testing.T) {
	for _, test := range []struct {
		url, path string
		want      bool
	}{
		{"/metrics", "/metrics", true}, {"/metrics", "/metrics/slis", false}, {"/healthz/*", "/healthz/etcd", true},
		{"/healthz/*", "/healthz", false}, {"/api*", "/apis/apps", true}, {"*", "/anything", true}, {"/a**", "/ab", true}, {"/*/b", "/a/b", false},
	} {
		g := Grant{Verbs: []string{"get"}, URLs: []string{test.url}}
		if got := g.AllowsURL("get", test.path); got != test.want {
			t.Errorf("%q allows %q: %v, want %v", test.url, test.path, got, test.want)
		}
		if g.AllowsURL("post", test.path) {
			t.Errorf("%q allows post, which is not listed", test.url)
		}
	}
}
