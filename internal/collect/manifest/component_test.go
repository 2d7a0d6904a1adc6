package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// keeper is a sink that keeps what it is given.
type keeper struct {
	mu      sync.Mutex
	assets  []asset.Asset
	unread  []string
	objects int
}

func (k *keeper) Asset(a asset.Asset) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.assets = append(k.assets, a)
}

func (k *keeper) Unread(place source.Place, reason string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unread = append(k.unread, place.String()+": "+reason)
}

func (k *keeper) Object(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.objects += n
}

var _ collect.Sink = (*keeper)(nil)

// kept returns the assets of one type that a set makes of a text.
func kept[T asset.Asset](text string) ([]T, *keeper) {
	set, sink := NewSet(), &keeper{}
	set.Add(Text{File: "f.yaml", Content: []byte(text)}, sink)
	set.Finish(sink)
	var found []T
	for _, a := range sink.assets {
		if t, ok := a.(T); ok {
			found = append(found, t)
		}
	}
	return found, sink
}

// described writes components as "name from: flag=value@line:column ...".
func described(components []*asset.Component) string {
	var lines []string
	for _, c := range components {
		line := c.Name + " " + c.From + ":"
		for _, name := range slices.Sorted(maps.Keys(c.Flags)) {
			place, _ := c.Locate(`flags["` + name + `"]`)
			line += fmt.Sprintf(" %s=%s@%d:%d", name, c.Flags[name], place.Line, place.Column)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

const podAround = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: c\n"

func TestComponents(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"flags in every form", podAround + `
      command:
        - kube-apiserver
        - --anonymous-auth=FALSE
        - --etcd_servers=https://a
        - --etcd-servers
        - https://b
        - --profiling
        - --v=2
        - -v
        - "3"
`, "kube-apiserver args: anonymous-auth=false@10:11 etcd-servers=https://a,https://b@12:11 profiling=true@14:11 v=3@16:11"},
		{"command and args", podAround + `
      command: [/usr/local/bin/kubelet]
      args: [--pod-max-pids, -1, --read-only-port=0]
`, "kubelet args: pod-max-pids=-1@9:14 read-only-port=0@9:34"},
		{"behind a wrapper", podAround + `
      command: [/go-runner, --log-file=/x, --also-stdout=false, /usr/local/bin/kube-scheduler, --profiling=false]
`, "kube-scheduler args: profiling=false@8:96"},
		{"in a script", podAround + `
      command: [/bin/sh, -ec]
      args:
        - |
          ulimit -n 1000 || true
          exec kube-apiserver --anonymous-auth=true --advertise-address="$(hostname -i)" \
            --audit-log-path='-' 2>&1 | tee /var/log/x
`, "kube-apiserver args: advertise-address=$()@10:11 anonymous-auth=true@10:11 audit-log-path=-@10:11"},
		{"hyperkube", podAround + `
      command: [/hyperkube, apiserver, --insecure-port=8080]
`, "kube-apiserver args: insecure-port=8080@8:40"},
		{"the entry point of an image", podAround + `
      image: registry.k8s.io/kube-proxy-amd64:v1.30.0
      args: [--config=/var/lib/kube-proxy/config.conf]
`, "kube-proxy args: config=/var/lib/kube-proxy/config.conf@9:14"},
		{"etcd from its environment", podAround + `
      image: quay.io/coreos/etcd:v3.5.0
      command: [etcd, --auto-tls=false]
      env:
        - {name: ETCD_AUTO_TLS, value: "1"}
        - {name: ETCD_LISTEN_CLIENT_URLS, value: "http://0.0.0.0:2379"}
`, "etcd args: auto-tls=false@9:23 listen-client-urls=http://0.0.0.0:2379@12:50"},
		{"k3s", podAround + `
      command: [k3s, server, --kube-apiserver-arg=anonymous-auth=true, --kubelet-arg, read-only-port=10255, --disable, traefik]
`, "kube-apiserver extra: anonymous-auth=true@8:30\nkubelet extra: read-only-port=10255@8:72"},
		{"a program that only mentions one", podAround + `
      command: [backup, etcd, kubelet]
`, ""},
		{"a flag that ends like one", podAround + `
      args: [--kubelet-service=kube-system/kubelet]
`, ""},
		{"etcdctl is no etcd", podAround + `
      image: quay.io/coreos/etcd:v3.5.0
      command: [sh, -c, etcdctl --endpoints=http://etcd:2379 snapshot save /x]
`, ""},
		{"a kubelet's file", `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous:
    enabled: true
authorization: {mode: AlwaysAllow}
tlsCipherSuites: [A, B]
featureGates: {X: true}
readOnlyPort: 10255
`, "kubelet file: anonymous-auth=true@5:14 authorization-mode=AlwaysAllow@6:23 feature-gates=X=true@8:1 read-only-port=10255@9:15 tls-cipher-suites=A,B@7:1"},
		{"kubeadm, old and new", `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer:
  extraArgs:
    anonymous-auth: "false"
etcd:
  local: {dataDir: /x}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  kubeletExtraArgs:
    - name: read-only-port
      value: "10255"
`, "kube-apiserver kubeadm: anonymous-auth=false@5:21\nkube-controller-manager kubeadm:\nkube-scheduler kubeadm:\nkubelet kubeadm: read-only-port=10255@14:14"},
		{"the Cluster API", `apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
spec:
  kubeadmConfigSpec:
    clusterConfiguration:
      scheduler:
        extraArgs: {profiling: "true"}
`, "kube-apiserver kubeadm:\nkube-controller-manager kubeadm:\nkube-scheduler kubeadm: profiling=true@7:32"},
		{"a kind cluster", `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
    kubeadmConfigPatches:
      - |
        kind: ClusterConfiguration
        apiServer:
          extraArgs:
            anonymous-auth: "true"
      - |
        kind: KubeletConfiguration
        readOnlyPort: 10255
`, "kube-apiserver extra: anonymous-auth=true@10:29\nkubelet extra: read-only-port=10255@13:23"},
		{"in a ConfigMap", `apiVersion: v1
kind: ConfigMap
metadata: {name: kubelet-config, namespace: kube-system}
data:
  notes: |
    kind: of interesting
  kubelet: |
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    readOnlyPort: 10255
  quoted: "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables"
  chomped: |-
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    mode: iptables
  folded: >
    {"apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration"}
`, "kubelet file: read-only-port=10255@10:19\nkube-proxy file: proxy-mode=nftables@11:11\nkube-proxy file: proxy-mode=iptables@15:11"},
		{"a KubeletConfiguration of somebody else", `apiVersion: example.com/v1
kind: KubeletConfiguration
readOnlyPort: 10255
`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			components, sink := kept[*asset.Component](test.text)
			if got := described(components); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if len(sink.unread) > 0 {
				t.Errorf("unread: %v", sink.unread)
			}
		})
	}
}

// TestAbsentSetting checks where a finding about something that is not there
// belongs: at its nearest parent.
func TestAbsentSetting(t *testing.T) {
	for _, test := range []struct{ name, text, flag, want string }{
		{"of a process", podAround + "      command: [kubelet]\n", "anonymous-auth", "f.yaml:7:7"},
		{"of a process with args", podAround + "      command: [kubelet]\n      args: [--v=2]\n", "anonymous-auth", "f.yaml:8:7"},
		{"of a file", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication:\n  anonymous: {}\n", "anonymous-auth", "f.yaml:4:3"},
		{"of a file without a parent", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n", "anonymous-auth", "f.yaml:1:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			components, _ := kept[*asset.Component](test.text)
			if len(components) != 1 {
				t.Fatalf("got %d components", len(components))
			}
			if place, _ := components[0].Locate(`flags["` + test.flag + `"]`); place.String() != test.want {
				t.Errorf("got %s, want %s", place, test.want)
			}
		})
	}
}

// FuzzCommandLine checks that no command line is too strange to be read.
func FuzzCommandLine(f *testing.F) {
	f.Add("kube-apiserver", "--a=b", "--c")
	f.Add("sh", "-c", "exec kubelet --a='b' \"$(x)\" <<E\nE")
	f.Add("env", "A=b", "hyperkube")
	f.Add("k3s", "server", "--kubelet-arg=a=b")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var items []*source.Node
		for _, text := range []string{a, b, c} {
			items = append(items, &source.Node{Kind: source.String, Value: text, Position: source.Position{Line: 1, Column: 1}})
		}
		container := &source.Node{Kind: source.Map, Pairs: []source.Pair{{
			Key:   &source.Node{Kind: source.String, Value: "command"},
			Value: &source.Node{Kind: source.List, Items: items},
		}}}
		sink := &keeper{}
		o := &object{text: &Text{File: "f.yaml"}, node: container, apiVersion: "v1", kind: "Pod", sink: sink}
		o.processes(container)
		for _, found := range sink.assets {
			component := found.(*asset.Component)
			if !slices.Contains(programs, component.Name) {
				t.Errorf("%q is no component", component.Name)
			}
			if _, ok := component.Flags[""]; ok {
				t.Error("a flag has no name")
			}
		}
	})
}

// FuzzEmbedded checks that configuration files in a ConfigMap are found at lines
// of the file, whatever they look like.
func FuzzEmbedded(f *testing.F) {
	const config = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nreadOnlyPort: 1\n"
	f.Add("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: |\n    " + strings.ReplaceAll(config, "\n", "\n    "))
	f.Add("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: >-\n    " + strings.ReplaceAll(config, "\n", "\n\n    "))
	f.Add("{apiVersion: v1, kind: Secret, metadata: {name: c}, stringData: {a: \"" + strings.ReplaceAll(config, "\n", "\\n") + "\"}}")
	f.Add("apiVersion: kind.x-k8s.io/v1alpha4\r\nkind: Cluster\r\nkubeadmConfigPatches:\r\n- |\r\n  kind: ClusterConfiguration\r\n  apiServer: {extraArgs: {a: b}}\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		components, _ := kept[*asset.Component](text)
		lines := strings.Count(text, "\n") + 1
		for _, c := range components {
			for _, field := range append(c.Fields, asset.Field{Path: "", Place: c.Place}) {
				if field.Place.Line < 1 || field.Place.Line > lines {
					t.Errorf("%s of %s is at line %d of %d", field.Path, c.ID, field.Place.Line, lines)
				}
			}
		}
	})
}

// TestKubeconfigIsClaimed checks that the files which open clusters are read
// under the names that they go by, and others of those names are not.
func TestKubeconfigIsClaimed(t *testing.T) {
	const kubeconfig = "apiVersion: v1\nclusters: []\nkind: Config\nusers: []\n"
	tree := collect.NewTree(map[string]string{
		"shop.kubeconfig": kubeconfig, "etc/kubernetes/admin.conf": kubeconfig, "home/config": kubeconfig, "kubeconfig": kubeconfig,
		"nginx.conf": "server { listen 80; }\n", "git/config": "[core]\n", "notes.txt": kubeconfig,
	})
	var claimed []string
	for _, input := range New().Claim(tree) {
		claimed = append(claimed, input.Path())
	}
	slices.Sort(claimed)
	if got, want := strings.Join(claimed, " "), "etc/kubernetes/admin.conf home/config kubeconfig shop.kubeconfig"; got != want {
		t.Errorf("claimed %s, want %s", got, want)
	}
}
