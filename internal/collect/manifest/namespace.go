package manifest

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// namespaces holds what the objects of a set say about their namespaces.
type namespaces struct {
	all map[string]*space
	// foreign are the policies of network plug-ins that hold in every namespace.
	foreign []string
}

// space is one namespace as far as it was read.
type space struct {
	// declared are the assets of the Namespace objects of this name.
	declared  []*asset.Namespace
	workloads []workload
	policies  []*networkPolicy
	// foreign are the policies of network plug-ins, which are not evaluated.
	foreign    []string
	quota      bool
	limitRange bool
}

// workload is what a policy needs to know about the pods of a template.
type workload struct {
	title       string
	labels      map[string]string
	hostNetwork bool
	place       source.Place
}

// space returns what is known about a namespace. The lock is held.
func (s *Set) space(name string) *space {
	if s.spaces.all == nil {
		s.spaces.all = map[string]*space{}
	}
	if s.spaces.all[name] == nil {
		s.spaces.all[name] = &space{}
	}
	return s.spaces.all[name]
}

func (s *Set) addNamespace(o *object) {
	n := &asset.Namespace{Head: o.head(asset.KindNamespace, "", "", o.node), Name: o.name, Declared: true,
		Labels: o.node.StringMap("metadata", "labels"), Annotations: o.node.StringMap("metadata", "annotations")}
	for _, key := range []string{"labels", "annotations"} {
		if o.node.Get("metadata", key) == nil {
			continue
		}
		n.At(key, o.text.place(o.node.Place("metadata", key)))
		for _, p := range o.node.Map("metadata", key) {
			n.At(key+`["`+p.Key.Value+`"]`, o.text.place(o.node.Place("metadata", key, p.Key.Value)))
		}
	}
	n.At("name", o.text.place(o.node.Place("metadata", "name")))
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(o.name)
	space.declared = append(space.declared, n)
}

func (s *Set) addPolicy(o *object) {
	p := newNetworkPolicy(o.node)
	if p == nil {
		o.sink.Unread(o.text.place(o.node.Place("spec", "podSelector")), o.title()+" has a selector that Kubernetes refuses")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(o.space())
	space.policies = append(space.policies, p)
}

// foreignPolicies are the policies of network plug-ins by kind and the end of
// their API group. Those that are true hold in every namespace.
var foreignPolicies = map[string]bool{
	"CiliumNetworkPolicy.cilium.io": false, "CiliumClusterwideNetworkPolicy.cilium.io": true,
	"NetworkPolicy.crd.projectcalico.org": false, "GlobalNetworkPolicy.crd.projectcalico.org": true,
	"NetworkPolicy.projectcalico.org": false, "GlobalNetworkPolicy.projectcalico.org": true,
	"NetworkPolicy.crd.antrea.io": false, "ClusterNetworkPolicy.crd.antrea.io": true,
	"AdminNetworkPolicy.policy.networking.k8s.io": true, "BaselineAdminNetworkPolicy.policy.networking.k8s.io": true,
	"ClusterNetworkPolicy.policy.networking.k8s.io": true,
}

// addForeignPolicy remembers a policy that only the network plug-in can judge.
func (s *Set) addForeignPolicy(o *object) {
	everywhere, ok := foreignPolicies[o.kind+"."+o.group()]
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if everywhere {
		s.spaces.foreign = append(s.spaces.foreign, o.title())
		return
	}
	space := s.space(o.space())
	space.foreign = append(space.foreign, o.title())
}

func (s *Set) addQuota(o *object) {
	if o.group() != "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(o.space())
	if o.kind == "ResourceQuota" {
		space.quota = true
	} else {
		space.limitRange = true
	}
}

// countWorkload remembers a workload for its namespace's policies. A PodTemplate
// by itself runs nothing.
func (s *Set) countWorkload(o *object, pod *asset.Pod) {
	if o.kind == "PodTemplate" {
		return
	}
	w := workload{title: o.title(), labels: pod.Labels, hostNetwork: pod.HostNetwork,
		place: o.text.region(o.node.Position, o.node.EndLine)}
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(o.space())
	space.workloads = append(space.workloads, w)
}

// namespaceAssets hands over one asset for every Namespace object and for every
// namespace that has workloads. Of several objects of one name, as overlays
// have them, the first one speaks for all.
func (s *Set) namespaceAssets(sink collect.Sink) {
	for _, name := range slices.Sorted(maps.Keys(s.spaces.all)) {
		if space := s.spaces.all[name]; len(space.declared) > 0 || len(space.workloads) > 0 {
			sink.Asset(space.asset(name, s.spaces.foreign))
		}
	}
	s.spaces = namespaces{}
}

func (s *space) asset(name string, everywhere []string) *asset.Namespace {
	// Files are read in no particular order.
	slices.SortFunc(s.declared, func(a, b *asset.Namespace) int { return a.Place.Compare(b.Place) })
	slices.SortFunc(s.workloads, func(a, b workload) int { return a.place.Compare(b.place) })
	n := &asset.Namespace{Name: name}
	if len(s.declared) > 0 {
		n = s.declared[0]
	} else {
		n.Head = asset.Head{Kind: asset.KindNamespace, ID: "namespace:" + name, Name: "Namespace " + name,
			Format: asset.Kubernetes, Place: s.workloads[0].place}
	}
	n.Workloads, n.NetworkPolicies = int64(len(s.workloads)), int64(len(s.policies)+len(s.foreign))
	n.ResourceQuota, n.LimitRange = s.quota, s.limitRange
	n.Unselected = s.unselected()
	n.DefaultDenyIngress = slices.ContainsFunc(s.policies, func(p *networkPolicy) bool { return p.deniesAll(p.ingress) })
	n.DefaultDenyEgress = slices.ContainsFunc(s.policies, func(p *networkPolicy) bool { return p.deniesAll(p.egress) })
	n.MetadataReachable = s.metadataReachable()
	n.Unknown = s.unknown(everywhere)
	return n
}

// unselected names the workloads that no policy selects for ingress. Pods on
// the node's network are none of a policy's business and are left out.
func (s *space) unselected() []string {
	names := []string{}
	for _, w := range s.workloads {
		if !w.hostNetwork && !slices.ContainsFunc(s.policies, func(p *networkPolicy) bool { return p.ingress.applies && p.selects(w) }) {
			names = append(names, w.title)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// metadataReachable reports whether some pod may reach the metadata address.
// Without a pod to ask about, one without labels stands for those to come.
func (s *space) metadataReachable() bool {
	workloads := slices.DeleteFunc(slices.Clone(s.workloads), func(w workload) bool { return w.hostNetwork })
	if len(s.workloads) == 0 {
		workloads = []workload{{}}
	}
	return slices.ContainsFunc(workloads, func(w workload) bool {
		restricted := false
		for _, p := range s.policies {
			if !p.egress.applies || !p.selects(w) {
				continue
			}
			if slices.ContainsFunc(p.egress.rules, admitsMetadata) {
				return true
			}
			restricted = true
		}
		return !restricted
	})
}

// unknown lists what the policies of network plug-ins leave undecided.
func (s *space) unknown(everywhere []string) []asset.Unknown {
	foreign := slices.Sorted(slices.Values(slices.Concat(everywhere, s.foreign)))
	if len(foreign) == 0 || len(s.workloads) == 0 {
		return nil
	}
	reason := foreign[0] + " also decides about its traffic"
	if more := len(foreign) - 1; more > 0 {
		reason = fmt.Sprintf("%s and %d more policies of the network plug-in also decide about its traffic", foreign[0], more)
	}
	fields := []string{"unselected", "defaultDenyIngress", "defaultDenyEgress", "metadataReachable"}
	if len(everywhere) > 0 && len(s.policies)+len(s.foreign) == 0 {
		fields = append(fields, "networkPolicies")
	}
	var unknown []asset.Unknown
	for _, field := range fields {
		unknown = append(unknown, asset.Unknown{Path: field, Reason: reason + ", and its language is not read"})
	}
	return unknown
}

// networkPolicy is a NetworkPolicy of Kubernetes.
type networkPolicy struct {
	pods            selector
	ingress, egress direction
}

// direction is what a policy says about traffic one way.
type direction struct {
	applies bool
	rules   []*source.Node
}

// newNetworkPolicy returns nil for a policy that the API server would refuse
// for its selector.
func newNetworkPolicy(o *source.Node) *networkPolicy {
	spec := o.Get("spec")
	pods, err := newSelector(spec.Get("podSelector"))
	if err != nil {
		return nil
	}
	p := &networkPolicy{pods: pods, ingress: direction{rules: spec.List("ingress")}, egress: direction{rules: spec.List("egress")}}
	types := spec.Strings("policyTypes")
	// A policy that does not say what it is about is about ingress, and about
	// egress if it has rules for it.
	p.ingress.applies = len(types) == 0 || slices.Contains(types, "Ingress")
	p.egress.applies = len(types) == 0 && len(p.egress.rules) > 0 || slices.Contains(types, "Egress")
	return p
}

func (p *networkPolicy) selects(w workload) bool { return p.pods.matches(w.labels) }

// deniesAll reports whether the policy selects every pod and admits nothing.
func (p *networkPolicy) deniesAll(d direction) bool {
	return len(p.pods) == 0 && d.applies && len(d.rules) == 0
}

// metadata is where clouds answer with the credentials of the node.
var metadata = netip.AddrFrom4([4]byte{169, 254, 169, 254})

// admitsMetadata reports whether an egress rule lets HTTP through to the
// metadata address.
func admitsMetadata(rule *source.Node) bool {
	ports := rule.List("ports")
	if len(ports) > 0 && !slices.ContainsFunc(ports, admitsHTTP) {
		return false
	}
	peers := rule.List("to")
	return len(peers) == 0 || slices.ContainsFunc(peers, func(peer *source.Node) bool {
		block := peer.Get("ipBlock")
		return covers(block.Text("cidr")) && !slices.ContainsFunc(block.Strings("except"), covers)
	})
}

// admitsHTTP reports whether a port of a rule is TCP port 80, which metadata
// services listen on. A port with a name is one of a pod.
func admitsHTTP(port *source.Node) bool {
	if protocol := port.Text("protocol"); protocol != "" && protocol != "TCP" {
		return false
	}
	if port.Get("port") == nil {
		return true
	}
	first, ok := port.Int("port")
	last, ranged := port.Int("endPort")
	return ok && (first == 80 || ranged && first <= 80 && 80 <= last)
}

// covers reports whether an address range contains the metadata address.
func covers(cidr string) bool {
	prefix, err := netip.ParsePrefix(strings.TrimSpace(cidr))
	return err == nil && prefix.Contains(metadata)
}
