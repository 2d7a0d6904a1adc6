package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// rbacObject prefixes the fields of an object with its apiVersion and kind.
func rbacObject(kind, fields string) string {
	return "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: " + kind + "\n" + fields + "\n"
}

// readGrants reads files, in order of their names, into grants: in the order of
// the join, which Finish hands on in any.
func readGrants(files map[string]string) (grants []*asset.Grant, unread []string) {
	set, sink := NewSet(), &keeper{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		set.Add(Text{File: name, Content: []byte(files[name])}, sink)
	}
	set.grants(sink)
	for _, a := range sink.assets {
		if g, ok := a.(*asset.Grant); ok {
			grants = append(grants, g)
		}
	}
	return grants, sink.unread
}

// short writes a grant on one line: who may do what, where.
func short(g *asset.Grant) string {
	who := "role " + g.Role.Name
	if g.Subject.Kind != "" {
		who = g.Subject.Kind + " " + g.Subject.Namespace + "/" + g.Subject.Name + " by " + g.Role.Name
	}
	where := "in " + g.Namespace
	if g.ClusterWide {
		where = "everywhere"
	}
	if !g.Known {
		return who + ": unknown " + where
	}
	text := fmt.Sprintf("%s: %s %s %s", who, strings.Join(g.Verbs, ","), strings.Join(slices.Concat(g.Resources, g.URLs), ","), where)
	if len(g.Names) > 0 {
		text += " named " + strings.Join(g.Names, ",")
	}
	return text
}

const secretsRule = "rules:\n- {apiGroups: [''], resources: [secrets], verbs: [get]}"

func TestGrants(t *testing.T) {
	account := "subjects: [{kind: ServiceAccount, name: bot}]"
	tests := []struct {
		name    string
		objects []string
		want    []string
	}{
		{"a role that nothing binds may be bound anywhere",
			[]string{rbacObject("ClusterRole", "metadata: {name: r}\n"+secretsRule)},
			[]string{"role r: get secrets everywhere"}},
		{"a service account without namespace is the binding's", []string{
			rbacObject("Role", "metadata: {name: r, namespace: shop}\n"+secretsRule),
			rbacObject("RoleBinding", "metadata: {name: b, namespace: shop}\nroleRef: {kind: Role, name: r}\n"+account)},
			[]string{"role r: get secrets in shop", "ServiceAccount shop/bot by r: get secrets in shop"}},
		{"a role binding keeps a cluster role to its namespace", []string{
			rbacObject("ClusterRole", "metadata: {name: r}\n"+secretsRule),
			rbacObject("RoleBinding", "metadata: {name: b, namespace: shop}\nroleRef: {kind: ClusterRole, name: r}\n"+account)},
			[]string{"role r: get secrets in ", "ServiceAccount shop/bot by r: get secrets in shop"}},
		{"a cluster role that is bound both ways reaches everything", []string{
			rbacObject("ClusterRole", "metadata: {name: r}\n"+secretsRule),
			rbacObject("RoleBinding", "metadata: {name: b, namespace: shop}\nroleRef: {kind: ClusterRole, name: r}\n"),
			rbacObject("ClusterRoleBinding", "metadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: Group, name: team}]")},
			[]string{"role r: get secrets everywhere", "Group /team by r: get secrets everywhere"}},
		{"URLs pass through cluster role bindings alone", []string{
			rbacObject("ClusterRole", "metadata: {name: r}\nrules:\n- {nonResourceURLs: [/metrics], verbs: [get]}"),
			rbacObject("RoleBinding", "metadata: {name: b, namespace: shop}\nroleRef: {kind: ClusterRole, name: r}\n"+account),
			rbacObject("ClusterRoleBinding", "metadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: User, name: ann}]")},
			[]string{"role r: get /metrics everywhere", "User /ann by r: get /metrics everywhere"}},
		{"a subject and a rule count once however often they are listed", []string{
			rbacObject("Role", "metadata: {name: r, namespace: shop}\n"+secretsRule+"\n- {apiGroups: [''], resources: [secrets], verbs: [get]}"),
			rbacObject("RoleBinding", "metadata: {name: b, namespace: shop}\nroleRef: {kind: Role, name: r}\nsubjects: [{kind: User, name: ann}, {kind: User, name: ann}]")},
			[]string{"role r: get secrets in shop", "User /ann by r: get secrets in shop"}},
		{"names limit the rule", []string{
			rbacObject("Role", "metadata: {name: r, namespace: shop}\nrules:\n- {apiGroups: [''], resources: [secrets], resourceNames: [a, b], verbs: [get]}")},
			[]string{"role r: get secrets in shop named a,b"}},
		{"an object without namespace may meet one that has it", []string{
			rbacObject("Role", "metadata: {name: r}\n"+secretsRule),
			rbacObject("RoleBinding", "metadata: {name: b, namespace: shop}\nroleRef: {kind: Role, name: r}\n"+account)},
			[]string{"role r: get secrets in default", "ServiceAccount shop/bot by r: get secrets in shop"}},
		{"but a role of another namespace is another role", []string{
			rbacObject("Role", "metadata: {name: r, namespace: shop}\n"+secretsRule),
			rbacObject("RoleBinding", "metadata: {name: b, namespace: lab}\nroleRef: {kind: Role, name: r}\n"+account)},
			[]string{"role r: get secrets in shop", "ServiceAccount lab/bot by r: unknown in lab"}},
		{"a role of Kubernetes itself is known, and not judged by itself", []string{
			rbacObject("ClusterRoleBinding", "metadata: {name: b}\nroleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: User, name: ann}]")},
			[]string{"User /ann by cluster-admin: * * everywhere", "User /ann by cluster-admin: * * everywhere"}},
		{"an aggregated role has the rules that it selects and none of its own", []string{
			rbacObject("ClusterRole", "metadata: {name: sum}\naggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: part, operator: In, values: [one]}]}]}\nrules:\n- {apiGroups: [''], resources: [pods], verbs: ['*']}"),
			rbacObject("ClusterRole", "metadata: {name: one, labels: {part: one}}\n"+secretsRule),
			rbacObject("ClusterRole", "metadata: {name: two, labels: {part: two}}\n"+secretsRule),
			rbacObject("ClusterRoleBinding", "metadata: {name: b}\nroleRef: {kind: ClusterRole, name: sum}\nsubjects: [{kind: User, name: ann}]")},
			[]string{"role one: get secrets everywhere", "role two: get secrets everywhere", "User /ann by sum: get secrets everywhere"}},
		{"a label adds to a role of Kubernetes", []string{
			rbacObject("ClusterRole", "metadata: {name: mine, labels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}}\n"+secretsRule),
			rbacObject("ClusterRole", "metadata: {name: view}\naggregationRule: {clusterRoleSelectors: [{matchLabels: {rbac.authorization.k8s.io/aggregate-to-view: 'true', mine: 'true'}}]}"),
			rbacObject("RoleBinding", "metadata: {name: b, namespace: shop}\nroleRef: {kind: ClusterRole, name: view}\n"+account)},
			[]string{"role mine: get secrets everywhere"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			grants, unread := readGrants(map[string]string{"rbac.yaml": strings.Join(test.objects, "")})
			var got []string
			for _, g := range grants {
				got = append(got, short(g))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
			if len(unread) > 0 {
				t.Errorf("unread: %v", unread)
			}
		})
	}
}

// TestGrantNearestRole binds among variants of one installation: each binding
// gets the role that lies with it.
func TestGrantNearestRole(t *testing.T) {
	role := func(resource string) string {
		return rbacObject("ClusterRole", "metadata: {name: r}\nrules:\n- {apiGroups: [''], resources: ["+resource+"], verbs: [get]}")
	}
	binding := func(user string) string {
		return rbacObject("ClusterRoleBinding", "metadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: User, name: "+user+"}]")
	}
	grants, _ := readGrants(map[string]string{
		"one/role.yaml": role("pods"), "one/binding.yaml": binding("ann"),
		"two/all.yaml":   role("secrets") + binding("ben"),
		"top/bind.yaml":  binding("cat"),
		"two/other.yaml": rbacObject("ClusterRole", "metadata: {name: other}\n"+secretsRule),
	})
	var got []string
	for _, g := range grants {
		if g.Subject.Kind != "" {
			got = append(got, short(g))
		}
	}
	want := []string{
		"User /ann by r: get pods everywhere",
		// No variant is nearer than the other: both may be applied.
		"User /cat by r: get pods everywhere", "User /cat by r: get secrets everywhere",
		"User /ben by r: get secrets everywhere",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGrantPlaces(t *testing.T) {
	grants, _ := readGrants(map[string]string{
		"binding.yaml": `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: b
  namespace: shop
  annotations: {holdfast.dev/ignore: "some-rule: because"}
roleRef:
  kind: Role
  name: r
subjects:
  - kind: User
    name: ann
`,
		"role.yaml": `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: shop}
rules:
  - apiGroups: [""]
    resources:
      - pods
      - secrets
    verbs: [get, list]
`})
	if len(grants) != 2 {
		t.Fatalf("%d grants, want that of the role and that of the subject", len(grants))
	}
	role, subject := grants[0], grants[1]
	for _, test := range []struct {
		grant      *asset.Grant
		path, want string
	}{
		{role, "verbs", "role.yaml:9:5"}, {role, "verbs[1]", "role.yaml:9:18"}, {role, "resources[1]", "role.yaml:8:9"},
		{role, "role", "role.yaml:3:18"}, {role, "names", "role.yaml:5:5"}, {role, "", "role.yaml:5:5"},
		{subject, "subject", "binding.yaml:11:5"}, {subject, "subject.name", "binding.yaml:12:11"},
		{subject, "role", "binding.yaml:7:1"}, {subject, "role.name", "binding.yaml:9:9"},
		{subject, "resources[1]", "role.yaml:8:9"}, {subject, "", "binding.yaml:11:5"},
	} {
		if place, _ := test.grant.Locate(test.path); place.String() != test.want {
			t.Errorf("%q of %s is at %s, want %s", test.path, test.grant.Name, place, test.want)
		}
	}
	if role.Place.EndLine != 9 || subject.Place.EndLine != 12 {
		t.Errorf("the grants end at lines %d and %d, want 9 and 12", role.Place.EndLine, subject.Place.EndLine)
	}
	if got, want := subject.Name, "RoleBinding shop/b, User ann"; got != want {
		t.Errorf("the grant is called %q, want %q", got, want)
	}
	if len(subject.Ignores) != 1 {
		t.Errorf("the binding's annotation does not reach its grants: %q", subject.Ignores)
	}
}

// TestGrantID holds ids against the edits that must not change them.
func TestGrantID(t *testing.T) {
	ids := func(rules string) (roles, subjects []string) {
		text := rbacObject("ClusterRole", "metadata: {name: r}\nrules:\n"+rules) +
			rbacObject("ClusterRoleBinding", "metadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: User, name: ann}]")
		grants, _ := readGrants(map[string]string{"a.yaml": text})
		for _, g := range grants {
			if g.Subject.Kind == "" {
				roles = append(roles, g.ID)
			} else {
				subjects = append(subjects, g.ID)
			}
		}
		return roles, subjects
	}
	pods, secrets := "- {apiGroups: [''], resources: [pods], verbs: [get]}\n", "- {apiGroups: [''], resources: [secrets], verbs: [get]}\n"
	roles, subjects := ids(secrets)
	more, moreSubjects := ids(pods + secrets)
	if more[1] != roles[0] || more[0] == roles[0] {
		t.Errorf("a rule's id follows its position: %q, with another rule before it %q", roles, more)
	}
	if subjects[0] != moreSubjects[0] || moreSubjects[0] == moreSubjects[1] {
		t.Errorf("a subject's first id depends on the role: %q, then %q", subjects, moreSubjects)
	}
}

func TestRBACRefused(t *testing.T) {
	tests := []struct{ name, object, want string }{
		{"verbs as text", rbacObject("ClusterRole", "metadata: {name: r}\nrules:\n- {apiGroups: [''], resources: [pods], verbs: get}"), "verbs of ClusterRole r is no list"},
		{"rules as a mapping", rbacObject("ClusterRole", "metadata: {name: r}\nrules: {}"), "rules of ClusterRole r is no list"},
		{"cluster binding of a role", rbacObject("ClusterRoleBinding", "metadata: {name: b}\nroleRef: {kind: Role, name: r}"), "cannot bind"},
		{"binding of nothing", rbacObject("RoleBinding", "metadata: {name: b}\nroleRef: {kind: Role}"), "names no role"},
		{"subject of an unknown kind", rbacObject("RoleBinding", "metadata: {name: b}\nroleRef: {kind: Role, name: r}\nsubjects: [{kind: serviceaccount, name: x}]"), "is no user, group or service account"},
		{"unknown operator", rbacObject("ClusterRole", "metadata: {name: r}\naggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: a, operator: Is}]}]}"), `"Is" is no operator`},
		{"operator without values", rbacObject("ClusterRole", "metadata: {name: r}\naggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: a, operator: In}]}]}"), "In with 0 values"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			grants, unread := readGrants(map[string]string{"rbac.yaml": test.object})
			if len(unread) != 1 || !strings.Contains(unread[0], test.want) || !strings.HasPrefix(unread[0], "rbac.yaml:") {
				t.Errorf("unread is %q, want one place and %q", unread, test.want)
			}
			if len(grants) > 0 && grants[0].Verbs != nil {
				t.Errorf("it grants %s", short(grants[0]))
			}
		})
	}
}

// TestGrantsBounded reads a file that multiplies into more grants than may be.
func TestGrantsBounded(t *testing.T) {
	text := rbacObject("ClusterRole", "metadata: {name: r}\nrules:")
	for i := range 100 {
		text += fmt.Sprintf("- {apiGroups: [''], resources: [r%d], verbs: [get]}\n", i)
	}
	text += rbacObject("ClusterRoleBinding", "metadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects:")
	for i := range 100 {
		text += fmt.Sprintf("- {kind: User, name: u%d}\n", i)
	}
	set, sink := NewSet(), &keeper{}
	set.Add(Text{File: "rbac.yaml", Content: []byte(text)}, sink)
	read := len(sink.assets)
	newJoiner(set.rbac, 1000, sink).join()
	if grants := len(sink.assets) - read; grants < 500 || grants > 1000 {
		t.Errorf("%d grants, want most of 1000", grants)
	}
	if len(sink.unread) != 1 || !strings.Contains(sink.unread[0], "not judged") {
		t.Errorf("unread is %q, want that the rest was not judged", sink.unread)
	}
}

// FuzzRBAC reads hostile objects: no input may end the run, and no grant may be
// without a name or a place.
func FuzzRBAC(f *testing.F) {
	f.Add([]byte(rbacObject("ClusterRole", "metadata: {name: r, labels: {a: b}}\naggregationRule: {clusterRoleSelectors: [{}, {matchLabels: {a: b}}]}") +
		rbacObject("ClusterRole", "metadata: {name: s, labels: {a: b}}\naggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: a, operator: Exists}]}]}") +
		rbacObject("RoleBinding", "metadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: ServiceAccount, name: x}]")))
	f.Add([]byte(rbacObject("RoleList", "items: [{metadata: {name: r}, rules: [{verbs: ['*']}, null, 1, [a]]}]")))
	f.Fuzz(func(t *testing.T, text []byte) {
		grants, _ := kept[*asset.Grant](string(text))
		for _, g := range grants {
			if g.ID == "" || g.Name == "" || g.Place.File == "" {
				t.Fatalf("grant without identity: %+v", g)
			}
		}
	})
}
