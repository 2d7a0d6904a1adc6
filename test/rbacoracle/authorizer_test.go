package rbacoracle

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/pkg/registry/rbac/validation"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/manifest"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// TestMain asks for more random cases than rapid does by itself.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "2500"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// requestsPerWorld is how many requests are decided about each random set of
// roles and bindings.
const requestsPerWorld = 25

// TestAuthorizer draws roles, bindings and requests, and holds the grants that
// we read from the manifests against the decisions of the real authorizer.
func TestAuthorizer(t *testing.T) {
	var allowed, denied int
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		grants := readGrants(t, w)
		real := w.authorizer(t)
		for range requestsPerWorld {
			r := drawRequest(t)
			decision, _, err := real.Authorize(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			want := decision == authorizer.DecisionAllow
			by := slices.IndexFunc(grants, func(g *asset.Grant) bool { return allows(g, r) })
			if got := by >= 0; got != want {
				t.Fatalf("%s: we say %v, Kubernetes says %v (our grant: %s)\n%s", describe(r), got, want, granting(grants, by), w.text())
			}
			if want {
				allowed++
			} else {
				denied++
			}
		}
	})
	t.Logf("%d requests allowed, %d denied", allowed, denied)
	if allowed == 0 || denied == 0 {
		t.Error("the random cases say nothing: all decisions are alike")
	}
}

// TestBootstrapRoles binds a subject to each role that Kubernetes brings along
// and expects exactly that role's rules as grants.
func TestBootstrapRoles(t *testing.T) {
	clusterRoles, roles := bootstrapRoles()
	filled := (&world{clusterRoles: pointers(clusterRoles)}).fill(t)
	check := func(kind, namespace, name string, want []rbacv1.PolicyRule) {
		w := &world{}
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
		subjects := []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "somebody"}}
		if kind == "Role" {
			w.bindings = []*rbacv1.RoleBinding{{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "test"}, RoleRef: ref, Subjects: subjects}}
		} else {
			w.clusterBindings = []*rbacv1.ClusterRoleBinding{{ObjectMeta: metav1.ObjectMeta{Name: "test"}, RoleRef: ref, Subjects: subjects}}
		}
		var got, wanted []string
		for _, g := range readGrants(t, w) {
			got = append(got, fmt.Sprint(g.Verbs, g.APIGroups, g.Resources, g.Names, g.URLs))
			if !g.Known {
				t.Errorf("%s %s is not known", kind, name)
			}
		}
		for _, r := range want {
			wanted = append(wanted, fmt.Sprint(r.Verbs, r.APIGroups, r.Resources, r.ResourceNames, r.NonResourceURLs))
		}
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%s %s grants %v, want %v", kind, name, got, wanted)
		}
	}
	for _, r := range filled {
		check("ClusterRole", "", r.Name, r.Rules)
	}
	for _, r := range roles {
		check("Role", r.Namespace, r.Name, r.Rules)
	}
}

// TestBootstrapDump reads everything that Kubernetes brings along, as a dump of
// a fresh cluster has it: nothing of it is anybody's decision.
func TestBootstrapDump(t *testing.T) {
	clusterRoles, roles := bootstrapRoles()
	clusterBindings, bindings := bootstrapBindings()
	w := &world{clusterRoles: pointers(clusterRoles), roles: pointers(roles),
		clusterBindings: pointers(clusterBindings), bindings: pointers(bindings)}
	// As the controller has filled them in.
	for i, r := range w.clusterRoles {
		w.clusterRoles[i] = w.fill(t)[r.Name]
	}
	for _, g := range readAll(t, w) {
		t.Errorf("%s is taken for a grant that somebody made", g.ID)
	}
	// What somebody adds to a role of Kubernetes counts.
	for _, r := range w.clusterRoles {
		if r.Name == "system:discovery" {
			r.Rules = append(r.Rules, rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"secrets"}})
		}
	}
	if got := len(readAll(t, w)); got != 1 {
		t.Errorf("a rule added to a role of Kubernetes makes %d grants, want 1", got)
	}
}

// testingT is what tests and random cases have in common.
type testingT interface {
	Helper()
	Fatal(args ...any)
}

// world is a random set of RBAC objects.
type world struct {
	roles           []*rbacv1.Role
	clusterRoles    []*rbacv1.ClusterRole
	bindings        []*rbacv1.RoleBinding
	clusterBindings []*rbacv1.ClusterRoleBinding
	seed            uint64
}

// authorizer is Kubernetes' own, over the world and the roles of the bootstrap
// policy that the world does not declare itself.
func (w *world) authorizer(t testingT) authorizer.Authorizer {
	_, bootstrap := bootstrapRoles()
	roles := slices.Clone(w.roles)
	for _, r := range pointers(bootstrap) {
		if !slices.ContainsFunc(roles, func(o *rbacv1.Role) bool { return o.Name == r.Name && o.Namespace == r.Namespace }) {
			roles = append(roles, r)
		}
	}
	var clusterRoles []*rbacv1.ClusterRole
	for _, r := range w.fill(t) {
		clusterRoles = append(clusterRoles, r)
	}
	_, static := validation.NewTestRuleResolver(roles, w.bindings, clusterRoles, w.clusterBindings)
	return rbac.New(static, static, static, static)
}

// fill does what the controller that fills aggregated ClusterRoles does, until
// nothing changes any more. The controller starts from what the roles happen to
// list; we start from nothing, which differs only for roles that select each
// other, whose listed rules survive or not by chance.
func (w *world) fill(t testingT) map[string]*rbacv1.ClusterRole {
	all := map[string]*rbacv1.ClusterRole{}
	bootstrap, _ := bootstrapRoles()
	for _, r := range slices.Concat(pointers(bootstrap), w.clusterRoles) {
		c := *r
		if c.AggregationRule != nil {
			c.Rules = nil
		}
		all[c.Name] = &c
	}
	for changed := true; changed; {
		changed = false
		for _, into := range all {
			if into.AggregationRule == nil {
				continue
			}
			var rules []rbacv1.PolicyRule
			seen := map[string]bool{}
			for i := range into.AggregationRule.ClusterRoleSelectors {
				selector, err := metav1.LabelSelectorAsSelector(&into.AggregationRule.ClusterRoleSelectors[i])
				if err != nil {
					t.Fatal(err)
				}
				for _, from := range all {
					if from.Name == into.Name || !selector.Matches(k8slabels.Set(from.Labels)) {
						continue
					}
					for _, rule := range from.Rules {
						if key := rule.String(); !seen[key] {
							seen[key] = true
							rules = append(rules, rule)
						}
					}
				}
			}
			// Rules are only ever added: their number tells.
			changed = changed || len(rules) != len(into.Rules)
			into.Rules = rules
		}
	}
	return all
}

// text is the world as manifests, in random order.
func (w *world) text() string {
	var docs []string
	add := func(kind string, object any) {
		text, err := yaml.Marshal(object)
		if err != nil {
			panic(err)
		}
		docs = append(docs, "apiVersion: rbac.authorization.k8s.io/v1\nkind: "+kind+"\n"+string(text))
	}
	for _, r := range w.roles {
		add("Role", r)
	}
	for _, r := range w.clusterRoles {
		add("ClusterRole", r)
	}
	for _, r := range w.bindings {
		add("RoleBinding", r)
	}
	for _, r := range w.clusterBindings {
		add("ClusterRoleBinding", r)
	}
	rand.New(rand.NewPCG(w.seed, 0)).Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	return strings.Join(docs, "---\n")
}

// sink gathers the grants that a set hands over.
type sink struct {
	mu     sync.Mutex
	grants []*asset.Grant
}

func (s *sink) Asset(a asset.Asset) {
	if g, ok := a.(*asset.Grant); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.grants = append(s.grants, g)
	}
}

func (s *sink) Unread(source.Place, string) {}

func (s *sink) Object(int) {}

// readAll reads the world as a user's manifests.
func readAll(t testingT, w *world) []*asset.Grant {
	t.Helper()
	set, s := manifest.NewSet(), &sink{}
	set.Add(manifest.Text{File: "world.yaml", Content: []byte(w.text())}, s)
	set.Finish(s)
	return s.grants
}

// readGrants returns the grants to subjects.
func readGrants(t testingT, w *world) []*asset.Grant {
	t.Helper()
	return slices.DeleteFunc(readAll(t, w), func(g *asset.Grant) bool { return g.Subject.Kind == "" })
}

// allows is our answer to a request.
func allows(g *asset.Grant, r authorizer.AttributesRecord) bool {
	if !isSubject(g.Subject, r.User) {
		return false
	}
	if !r.ResourceRequest {
		return g.AllowsURL(r.Verb, r.Path)
	}
	resource := r.Resource
	if r.Subresource != "" {
		resource += "/" + r.Subresource
	}
	return (g.ClusterWide || g.Namespace == r.Namespace) && g.AllowsNamed(r.Verb, r.APIGroup, resource, r.Name)
}

func isSubject(s asset.Subject, u user.Info) bool {
	switch s.Kind {
	case "User":
		return u.GetName() == s.Name
	case "Group":
		return slices.Contains(u.GetGroups(), s.Name)
	}
	return s.Namespace != "" && u.GetName() == "system:serviceaccount:"+s.Namespace+":"+s.Name
}

func describe(r authorizer.AttributesRecord) string {
	if !r.ResourceRequest {
		return fmt.Sprintf("%s %v %s %q", r.User.GetName(), r.User.GetGroups(), r.Verb, r.Path)
	}
	return fmt.Sprintf("%s %v %s %q %s/%s %q in %q", r.User.GetName(), r.User.GetGroups(), r.Verb, r.APIGroup, r.Resource, r.Subresource, r.Name, r.Namespace)
}

func granting(grants []*asset.Grant, i int) string {
	if i < 0 {
		return "none"
	}
	return grants[i].ID
}

func pointers[T any](list []T) []*T {
	out := make([]*T, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}
