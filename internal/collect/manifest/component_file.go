package manifest

import (
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// field is a field of a configuration file and the flag that it replaces.
type field struct {
	flag string
	path []string
}

// replaces names a flag and the field that stands for it.
func replaces(flag, path string) field { return field{flag, strings.Split(path, ".")} }

// files are the configuration files that a component is started with, by kind.
// A field without a flag of its own goes by its name in a flag's spelling.
var files = map[string]struct {
	component string
	fields    []field
}{
	"KubeletConfiguration": {"kubelet", []field{
		replaces("address", "address"),
		replaces("allowed-unsafe-sysctls", "allowedUnsafeSysctls"),
		replaces("anonymous-auth", "authentication.anonymous.enabled"),
		replaces("authentication-token-webhook", "authentication.webhook.enabled"),
		replaces("authorization-mode", "authorization.mode"),
		replaces("client-ca-file", "authentication.x509.clientCAFile"),
		replaces("enable-debugging-handlers", "enableDebuggingHandlers"),
		replaces("enable-server", "enableServer"),
		replaces("enable-system-log-query", "enableSystemLogQuery"),
		replaces("event-qps", "eventRecordQPS"),
		replaces("feature-gates", "featureGates"),
		replaces("make-iptables-util-chains", "makeIPTablesUtilChains"),
		replaces("manifest-url", "staticPodURL"),
		replaces("pod-manifest-path", "staticPodPath"),
		replaces("pod-max-pids", "podPidsLimit"),
		replaces("profiling", "enableProfilingHandler"),
		replaces("protect-kernel-defaults", "protectKernelDefaults"),
		replaces("read-only-port", "readOnlyPort"),
		replaces("rotate-certificates", "rotateCertificates"),
		replaces("rotate-server-certificates", "serverTLSBootstrap"),
		replaces("seccomp-default", "seccompDefault"),
		replaces("streaming-connection-idle-timeout", "streamingConnectionIdleTimeout"),
		replaces("tls-cert-file", "tlsCertFile"),
		replaces("tls-cipher-suites", "tlsCipherSuites"),
		replaces("tls-min-version", "tlsMinVersion"),
		replaces("tls-private-key-file", "tlsPrivateKeyFile"),
	}},
	"KubeProxyConfiguration": {"kube-proxy", []field{
		replaces("bind-address", "bindAddress"),
		replaces("feature-gates", "featureGates"),
		replaces("healthz-bind-address", "healthzBindAddress"),
		replaces("kubeconfig", "clientConnection.kubeconfig"),
		replaces("metrics-bind-address", "metricsBindAddress"),
		replaces("nodeport-addresses", "nodePortAddresses"),
		replaces("profiling", "enableProfiling"),
		replaces("proxy-mode", "mode"),
	}},
	"KubeSchedulerConfiguration": {"kube-scheduler", []field{
		replaces("contention-profiling", "enableContentionProfiling"),
		replaces("feature-gates", "featureGates"),
		replaces("healthz-bind-address", "healthzBindAddress"),
		replaces("kubeconfig", "clientConnection.kubeconfig"),
		replaces("metrics-bind-address", "metricsBindAddress"),
		replaces("profiling", "enableProfiling"),
	}},
}

// configuration hands over the components that a configuration file is for. A
// patch is a part of one: what it does not say, the rest may, and its apiVersion
// may be missing.
func (o *object) configuration(patch bool) {
	bare := patch && o.apiVersion == ""
	if bare || o.group() == "kubeadm.k8s.io" {
		o.kubeadm(o.kind, o.node, patch)
	}
	file, ok := files[o.kind]
	if !ok || !bare && !strings.HasSuffix(o.group(), ".config.k8s.io") {
		return
	}
	s := newSettings(source.Position{})
	for _, f := range file.fields {
		s.field(o.node, f)
	}
	switch {
	case !patch:
		o.component(file.component, "file", o.node, s)
	case len(s.flags) > 0:
		o.component(file.component, "extra", o.node, s)
	}
}

// field takes a setting over from a file. One that is absent is remembered at
// its nearest parent, so that a finding about it stands there.
func (s *settings) field(file *source.Node, f field) {
	if n := file.Get(f.path...); n != nil {
		s.set(f.flag, flat(n), file.Place(f.path...))
		return
	}
	if at := file.Place(f.path...); at != file.Position {
		s.places[f.flag] = at
	}
}

// flat writes a value as a flag would have it: lists and mappings as one text.
func flat(n *source.Node) string {
	var parts []string
	switch n.Kind {
	case source.List:
		for _, item := range n.Items {
			parts = append(parts, item.Text())
		}
	case source.Map:
		for _, p := range n.Pairs {
			parts = append(parts, p.Key.Value+"="+p.Value.Text())
		}
	default:
		return n.Text()
	}
	return strings.Join(parts, ",")
}

// kubeadmArguments are the arguments that kubeadm passes on, by the kinds of its
// configuration.
var kubeadmArguments = []struct {
	kinds     []string
	component string
	path      []string
}{
	{[]string{"ClusterConfiguration"}, "kube-apiserver", []string{"apiServer", "extraArgs"}},
	{[]string{"ClusterConfiguration"}, "kube-controller-manager", []string{"controllerManager", "extraArgs"}},
	{[]string{"ClusterConfiguration"}, "kube-scheduler", []string{"scheduler", "extraArgs"}},
	{[]string{"ClusterConfiguration"}, "etcd", []string{"etcd", "local", "extraArgs"}},
	{[]string{"InitConfiguration", "JoinConfiguration"}, "kubelet", []string{"nodeRegistration", "kubeletExtraArgs"}},
}

// kubeadm hands over the components that a configuration of kubeadm adds
// arguments to. A whole ClusterConfiguration sets up the control plane even
// where it adds none.
func (o *object) kubeadm(kind string, n *source.Node, patch bool) {
	for _, a := range kubeadmArguments {
		if !slices.Contains(a.kinds, kind) {
			continue
		}
		s := newSettings(n.Place(a.path...))
		s.arguments(n.Get(a.path...))
		switch {
		case len(s.flags) > 0 && patch:
			o.component(a.component, "extra", n, s)
		case len(s.flags) > 0 || !patch && a.component != "etcd" && a.component != "kubelet":
			o.component(a.component, "kubeadm", n, s)
		}
	}
}

// arguments reads extraArgs: a mapping, or since kubeadm.k8s.io/v1beta4 a list
// of names and values.
func (s *settings) arguments(n *source.Node) {
	for _, p := range n.Map() {
		s.set(p.Key.Value, p.Value.Text(), n.Place(p.Key.Value))
	}
	for _, item := range n.List() {
		s.set(item.Text("name"), item.Text("value"), item.Place("value"))
	}
}

// clusterAPI hands over what an object of the Cluster API configures: it wraps
// kubeadm's configuration.
func (o *object) clusterAPI() {
	for _, path := range [][]string{{"spec", "kubeadmConfigSpec"}, {"spec", "template", "spec", "kubeadmConfigSpec"}, {"spec", "template", "spec"}, {"spec"}} {
		n := o.node.Get(path...)
		if n.Get("clusterConfiguration") == nil && n.Get("initConfiguration") == nil && n.Get("joinConfiguration") == nil {
			continue
		}
		for _, part := range []struct{ key, kind string }{{"clusterConfiguration", "ClusterConfiguration"},
			{"initConfiguration", "InitConfiguration"}, {"joinConfiguration", "JoinConfiguration"}} {
			if inner := n.Get(part.key); inner != nil {
				o.kubeadm(part.kind, inner, false)
			}
		}
		return
	}
}
