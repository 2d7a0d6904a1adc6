package manifest

import (
	"cmp"
	"path"
	"strconv"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// podReader normalises one pod template.
type podReader struct {
	*object
	template *source.Node
	spec     *source.Node
	security *source.Node // the pod's security context
	pod      *asset.Pod
}

// addPod normalises the pod of an object and hands it over, or keeps it back
// while its service account may still decide about the token.
func (s *Set) addPod(o *object, template *source.Node) {
	r := &podReader{object: o, template: template, spec: template.Get("spec"), security: template.Get("spec", "securityContext")}
	if r.spec == nil {
		r.spec = &source.Node{Position: template.Position, EndLine: template.EndLine}
	}
	r.read()
	s.countWorkload(o, r.pod)
	if r.pod.TokenDeclared == "" {
		s.mu.Lock()
		s.waiting = append(s.waiting, r.pod)
		s.mu.Unlock()
		return
	}
	o.sink.Asset(r.pod)
}

// at records where the value of a field stands, if it is there.
func (r *podReader) at(h *asset.Head, field string, parent *source.Node, keys ...string) {
	if parent.Get(keys...) != nil {
		h.At(field, r.text.place(parent.Place(keys...)))
	}
}

func (r *podReader) read() {
	metadata := r.template.Get("metadata")
	r.pod = &asset.Pod{
		Head:     r.head(asset.KindPod, "", "", r.template),
		Name:     r.name,
		Workload: asset.Workload{Kind: r.kind, Name: r.name, Namespace: r.namespace, Replicas: r.replicas()},
		OS:       cmp.Or(r.spec.Text("os", "name"), r.selectedOS(), "linux"),
		Labels:   metadata.StringMap("labels"), Annotations: metadata.StringMap("annotations"),
		RunAsNonRoot: r.security.Text("runAsNonRoot"),
		RunAsUser:    intOr(r.security, -1, "runAsUser"), FSGroup: intOr(r.security, -1, "fsGroup"),
		Seccomp: seccomp(r.security), AppArmor: profile(r.security.Get("appArmorProfile")), SELinux: seLinux(r.security),
		NodeName: r.spec.Text("nodeName"), NodeSelector: r.spec.StringMap("nodeSelector"),
		PriorityClass: r.spec.Text("priorityClassName"), RuntimeClass: r.spec.Text("runtimeClassName"),
		RestartPolicy: r.spec.Text("restartPolicy"), HostUsers: true,
	}
	p := r.pod
	if r.template != r.node {
		// A template's own annotations count beside those of the object.
		if text := metadata.Text("annotations", ignoreAnnotation); text != "" {
			p.Ignores = append(p.Ignores, text)
		}
	}
	p.HostProcess, _ = r.security.Bool("windowsOptions", "hostProcess")
	p.HostNetwork, _ = r.spec.Bool("hostNetwork")
	p.HostPID, _ = r.spec.Bool("hostPID")
	p.HostIPC, _ = r.spec.Bool("hostIPC")
	p.ShareProcessNamespace, _ = r.spec.Bool("shareProcessNamespace")
	if users, ok := r.spec.Bool("hostUsers"); ok {
		p.HostUsers = users
	}
	for field, keys := range map[string][]string{
		"runAsNonRoot": {"runAsNonRoot"}, "runAsUser": {"runAsUser"}, "fsGroup": {"fsGroup"},
		"seccomp.type": {"seccompProfile", "type"}, "appArmor.type": {"appArmorProfile", "type"},
		"seLinux.type": {"seLinuxOptions", "type"}, "seLinux.user": {"seLinuxOptions", "user"}, "seLinux.role": {"seLinuxOptions", "role"},
		"hostProcess": {"windowsOptions", "hostProcess"}, "sysctls": {"sysctls"},
	} {
		r.at(&p.Head, field, r.security, keys...)
	}
	for _, key := range []string{"hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace", "nodeName",
		"nodeSelector", "tolerations", "volumes", "containers"} {
		r.at(&p.Head, key, r.spec, key)
	}
	r.at(&p.Head, "", r.template, "spec")
	for _, annotation := range metadata.Map("annotations") {
		at := `annotations["` + annotation.Key.Value + `"]`
		p.At(at, r.text.place(annotation.Key.Position))
		p.At(at+".value", r.text.place(annotation.Value.Position))
	}
	r.at(&p.Head, "priorityClass", r.spec, "priorityClassName")
	r.at(&p.Head, "labels", r.template, "metadata", "labels")
	r.sysctls()
	r.volumes()
	r.tolerations()
	r.identity()
	for _, ref := range r.spec.List("imagePullSecrets") {
		p.ImagePull = append(p.ImagePull, ref.Text("name"))
	}
	for _, alias := range r.spec.List("hostAliases") {
		p.HostAliases = append(p.HostAliases, alias.Text("ip"))
	}
	r.containers("initContainers", "init")
	r.containers("containers", "app")
	r.containers("ephemeralContainers", "ephemeral")
	if p.Name == "" {
		p.Unknown = append(p.Unknown, asset.Unknown{Path: "name", Reason: "the object has no name"})
	}
}

func (r *podReader) replicas() int64 {
	if n, ok := r.node.Int("spec", "replicas"); ok {
		return n
	}
	return 1
}

// selectedOS is the operating system that a node selector asks for.
func (r *podReader) selectedOS() string {
	return r.spec.Get("nodeSelector").Text("kubernetes.io/os")
}

func (r *podReader) sysctls() {
	for i, n := range r.security.List("sysctls") {
		r.pod.Sysctls = append(r.pod.Sysctls, asset.Sysctl{Name: n.Text("name"), Value: n.Text("value")})
		r.pod.At("sysctls["+strconv.Itoa(i)+"]", r.text.place(n.Position))
		r.pod.At("sysctls["+strconv.Itoa(i)+"].name", r.text.place(n.Place("name")))
	}
}

func (r *podReader) volumes() {
	for i, n := range r.spec.List("volumes") {
		v := asset.Volume{Name: n.Text("name")}
		at := "volumes[" + strconv.Itoa(i) + "]"
		r.pod.At(at, r.text.place(n.Position))
		for _, pair := range n.Pairs {
			// A source that is set to null is not set, and an empty one is the
			// API server's word for emptyDir.
			if pair.Key.Value == "name" || pair.Value.Kind == source.Null {
				continue
			}
			v.Type = pair.Key.Value
			from := pair.Value
			v.HostPath = cleanPath(from.Text("path"), v.Type)
			v.Source = cmp.Or(from.Text("secretName"), from.Text("claimName"), from.Text("name"), from.Text("driver"))
			v.TokenProjected = v.Type == "projected" && hasToken(from)
			r.pod.At(at+".type", r.text.place(pair.Key.Position))
			r.at(&r.pod.Head, at+".hostPath", from, "path")
		}
		if v.Type == "" {
			v.Type = "emptyDir"
		}
		r.pod.Volumes = append(r.pod.Volumes, v)
	}
}

// cleanPath normalises a path on the node as the kubelet would walk it.
func cleanPath(text, volumeType string) string {
	if volumeType != "hostPath" || text == "" {
		return ""
	}
	return path.Clean(text)
}

func hasToken(projected *source.Node) bool {
	for _, from := range projected.List("sources") {
		if from.Get("serviceAccountToken") != nil {
			return true
		}
	}
	return false
}

func (r *podReader) tolerations() {
	for i, n := range r.spec.List("tolerations") {
		r.pod.Tolerations = append(r.pod.Tolerations, asset.Toleration{
			Key: n.Text("key"), Operator: n.Text("operator"), Effect: n.Text("effect")})
		r.pod.At("tolerations["+strconv.Itoa(i)+"]", r.text.place(n.Position))
	}
}

// identity resolves the service account and whether the pod itself decides
// about the token.
func (r *podReader) identity() {
	p := r.pod
	p.ServiceAccount = cmp.Or(r.spec.Text("serviceAccountName"), r.spec.Text("serviceAccount"), "default")
	r.at(&p.Head, "serviceAccount", r.spec, "serviceAccountName")
	p.TokenMounted = true
	if mount, ok := r.spec.Bool("automountServiceAccountToken"); ok {
		p.TokenMounted = mount || projectsToken(p.Volumes)
		p.TokenDeclared = "pod"
		r.at(&p.Head, "tokenMounted", r.spec, "automountServiceAccountToken")
	}
}

func intOr(n *source.Node, fallback int64, keys ...string) int64 {
	if v, ok := n.Int(keys...); ok {
		return v
	}
	return fallback
}

// seccomp reads the seccomp profile of a security context.
func seccomp(security *source.Node) asset.Profile { return profile(security.Get("seccompProfile")) }

func profile(n *source.Node) asset.Profile {
	return asset.Profile{Type: n.Text("type"), Name: n.Text("localhostProfile")}
}

func seLinux(security *source.Node) asset.SELinux {
	o := security.Get("seLinuxOptions")
	return asset.SELinux{User: o.Text("user"), Role: o.Text("role"), Type: o.Text("type"), Level: o.Text("level")}
}
