package manifest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// containerReader normalises one container of a pod.
type containerReader struct {
	*podReader
	node     *source.Node
	security *source.Node
	c        *asset.Container
}

func (r *podReader) containers(key, role string) {
	for _, n := range r.spec.List(key) {
		if n.Kind != source.Map {
			r.sink.Unread(r.text.place(n.Position), "the container is no mapping")
			continue
		}
		c := &containerReader{podReader: r, node: n, security: n.Get("securityContext")}
		c.read(role)
		r.pod.Containers = append(r.pod.Containers, c.c)
	}
}

// at records where a field of the container stands, if it is there.
func (r *containerReader) at(field string, keys ...string) {
	r.podReader.at(&r.c.Head, field, r.node, keys...)
}

// inherit records the place of a field from the container's own security
// context if it is there, else from the pod's.
func (r *containerReader) inherit(field string, keys ...string) {
	if r.security.Get(keys...) != nil {
		r.podReader.at(&r.c.Head, field, r.security, keys...)
		return
	}
	r.podReader.at(&r.c.Head, field, r.podReader.security, keys...)
}

func (r *containerReader) read(role string) {
	p := r.pod
	name := r.node.Text("name")
	if role == "init" && r.node.Text("restartPolicy") == "Always" {
		role = "sidecar"
	}
	r.c = &asset.Container{
		Head:     r.head(asset.KindContainer, name, "container "+name, r.node),
		Name:     name,
		Format:   asset.Kubernetes,
		Role:     role,
		OS:       p.OS,
		Workload: p.Workload,
		Image:    r.image(),

		HostNetwork: p.HostNetwork, HostPID: p.HostPID, HostIPC: p.HostIPC, HostUsers: p.HostUsers,
		HostUTS: p.HostNetwork, ShareProcessNamespace: p.ShareProcessNamespace,
		Command: r.node.Strings("command"), Args: r.node.Strings("args"),
		Labels: p.Labels, Annotations: p.Annotations,
		ServiceAccount: p.ServiceAccount, TokenMounted: p.TokenMounted,
		Restart: cmp.Or(p.RestartPolicy, "Always"),
	}
	r.c.Ignores = p.Ignores
	for field, key := range map[string]string{"hostNetwork": "hostNetwork", "hostPID": "hostPID", "hostIPC": "hostIPC",
		"hostUsers": "hostUsers", "shareProcessNamespace": "shareProcessNamespace", "tokenMounted": "automountServiceAccountToken",
		"serviceAccount": "serviceAccountName"} {
		r.podReader.at(&r.c.Head, field, r.spec, key)
	}
	// Everything about confinement is at the container's own security context,
	// or at the container if it has none.
	r.at("name", "name")
	r.commandLine()
	r.confinement()
	r.environment()
	r.mounts()
	r.ports()
	r.resources()
	r.probes()
	r.c.Sysctls = p.Sysctls
	if r.c.Image.Text == "" && r.kind != "Pod" {
		// A template may leave the image to a controller that fills it in.
		r.c.Unknown = append(r.c.Unknown, asset.Unknown{Path: "image", Reason: "the container names no image"})
	}
}

// commandLine records where the words of the command line stand, by the list
// that they are in and as a whole.
func (r *containerReader) commandLine() {
	r.c.Process = slices.Concat(r.c.Command, r.c.Args)
	whole := 0
	for _, key := range []string{"command", "args"} {
		r.at(key, key)
		for i, n := range r.node.List(key) {
			place := r.text.place(n.Position)
			r.c.At(element(key, i), place)
			r.c.At(element("process", whole), place)
			whole++
		}
	}
}

func element(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func (r *containerReader) image() asset.ImageRef {
	ref := collect.ParseImage(r.node.Text("image"))
	ref.PullPolicy = r.node.Text("imagePullPolicy")
	if ref.PullPolicy == "" {
		ref.PullPolicy = "IfNotPresent"
		if ref.Tag == "latest" || ref.Tag == "" && ref.Digest == "" {
			ref.PullPolicy = "Always"
		}
	}
	return ref
}

// confinement resolves what the container may do, its own security context
// before the pod's.
func (r *containerReader) confinement() {
	c, pod := r.c, r.podReader.security
	r.anchor()
	r.at("image", "image")
	for _, field := range []string{"image.tag", "image.digest", "image.registry"} {
		r.at(field, "image")
	}
	r.at("image.pullPolicy", "imagePullPolicy")
	c.User = user(cmp.Or(r.security.Get("runAsUser"), pod.Get("runAsUser")))
	r.inherit("user", "runAsUser")
	c.Group = intOr(r.security, intOr(pod, -1, "runAsGroup"), "runAsGroup")
	r.inherit("group", "runAsGroup")
	c.Groups = pod.Strings("supplementalGroups")
	if fsGroup := pod.Text("fsGroup"); fsGroup != "" {
		c.Groups = append(c.Groups, fsGroup)
	}
	nonRoot, ok := r.security.Bool("runAsNonRoot")
	if !ok {
		nonRoot, _ = pod.Bool("runAsNonRoot")
	}
	c.RunAsNonRoot = nonRoot
	r.inherit("runAsNonRoot", "runAsNonRoot")
	c.Privileged, _ = r.security.Bool("privileged")
	r.at("privileged", "securityContext", "privileged")
	c.AllowPrivilegeEscalation = true
	if allow, ok := r.security.Bool("allowPrivilegeEscalation"); ok {
		c.AllowPrivilegeEscalation = allow
	}
	r.at("allowPrivilegeEscalation", "securityContext", "allowPrivilegeEscalation")
	c.ReadOnlyRootFilesystem, _ = r.security.Bool("readOnlyRootFilesystem")
	r.at("readOnlyRootFilesystem", "securityContext", "readOnlyRootFilesystem")
	c.ProcMount = cmp.Or(r.security.Text("procMount"), "Default")
	r.at("procMount", "securityContext", "procMount")
	c.HostProcess, ok = r.security.Bool("windowsOptions", "hostProcess")
	if !ok {
		c.HostProcess = r.pod.HostProcess
	}
	r.inherit("hostProcess", "windowsOptions", "hostProcess")
	r.capabilities()
	r.profiles()
}

// anchor makes the absent fields of the container's security context report at
// its key rather than at the container's first line. Declared fields are
// recorded later and win.
func (r *containerReader) anchor() {
	if r.security == nil {
		return
	}
	place := r.text.place(r.node.Place("securityContext"))
	for _, field := range []string{"privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "procMount",
		"user", "group", "runAsNonRoot", "capabilities", "seccomp", "appArmor", "seLinux"} {
		r.c.At(field, place)
	}
}

func user(n *source.Node) asset.User {
	u := asset.User{Text: n.Text(), UID: -1}
	if id, ok := n.Int(); ok {
		u.UID, u.Root = id, id == 0
	}
	return u
}

func (r *containerReader) capabilities() {
	for _, list := range []string{"add", "drop"} {
		nodes := r.security.List("capabilities", list)
		for i, n := range nodes {
			r.c.At("capabilities."+element(list, i), r.text.place(n.Position))
		}
		r.podReader.at(&r.c.Head, "capabilities."+list, r.security, "capabilities", list)
	}
	r.podReader.at(&r.c.Head, "capabilities", r.security, "capabilities")
	// As written: admission compares them so, and drop: [all] is not ALL to it.
	r.c.Capabilities.Add = r.security.Strings("capabilities", "add")
	r.c.Capabilities.Drop = r.security.Strings("capabilities", "drop")
}

func (r *containerReader) profiles() {
	c, pod := r.c, r.podReader.security
	c.Seccomp = seccomp(r.security)
	if r.security.Get("seccompProfile") == nil {
		c.Seccomp = seccomp(pod)
	}
	r.inherit("seccomp", "seccompProfile")
	r.inherit("seccomp.type", "seccompProfile", "type")
	c.AppArmor = profile(r.security.Get("appArmorProfile"))
	if r.security.Get("appArmorProfile") == nil {
		c.AppArmor = profile(pod.Get("appArmorProfile"))
	}
	r.inherit("appArmor", "appArmorProfile")
	r.inherit("appArmor.type", "appArmorProfile", "type")
	r.legacyAppArmor()
	if c.SELinux = seLinux(r.security); r.security.Get("seLinuxOptions") == nil {
		c.SELinux = seLinux(pod)
	}
	r.inherit("seLinux", "seLinuxOptions")
	for _, key := range []string{"type", "user", "role"} {
		r.inherit("seLinux."+key, "seLinuxOptions", key)
	}
}

// legacyAppArmor reads the annotation that named the profile before Kubernetes
// 1.30 and still does where the field is absent.
func (r *containerReader) legacyAppArmor() {
	key := "container.apparmor.security.beta.kubernetes.io/" + r.c.Name
	text, ok := r.c.Annotations[key]
	if !ok {
		return
	}
	r.c.At("appArmor.type", r.text.place(r.template.Place("metadata", "annotations", key)))
	switch {
	case text == "" || text == "runtime/default":
		r.c.AppArmor = asset.Profile{Type: "RuntimeDefault"}
	case text == "unconfined":
		r.c.AppArmor = asset.Profile{Type: "Unconfined"}
	case strings.HasPrefix(text, "localhost/"):
		r.c.AppArmor = asset.Profile{Type: "Localhost", Name: strings.TrimPrefix(text, "localhost/")}
	default:
		r.c.AppArmor = asset.Profile{Type: text}
	}
}

func (r *containerReader) environment() {
	for i, n := range r.node.List("env") {
		v := asset.EnvVar{Name: n.Text("name"), Value: n.Text("value"), Source: "literal"}
		from := n.Get("valueFrom")
		for key, kind := range map[string]string{"secretKeyRef": "secret", "configMapKeyRef": "configMap", "fieldRef": "field",
			"resourceFieldRef": "field", "fileKeyRef": "file"} {
			if ref := from.Get(key); ref != nil {
				v.Source, v.Ref = kind, cmp.Or(ref.Text("name"), ref.Text("fieldPath"), ref.Text("volumeName"))
			}
		}
		r.c.Env = append(r.c.Env, v)
		at := element("env", i)
		r.c.At(at, r.text.place(n.Position))
		r.c.At(at+".name", r.text.place(n.Place("name")))
		r.podReader.at(&r.c.Head, at+".value", n, "value")
		r.podReader.at(&r.c.Head, at+".source", n, "valueFrom")
	}
	r.at("env", "env")
	for i, n := range r.node.List("envFrom") {
		for key, kind := range map[string]string{"secretRef": "secret", "configMapRef": "configMap"} {
			if ref := n.Get(key); ref != nil {
				r.c.EnvFrom = append(r.c.EnvFrom, asset.EnvSource{Source: kind, Name: ref.Text("name")})
				r.c.At(element("envFrom", len(r.c.EnvFrom)-1), r.text.place(r.node.List("envFrom")[i].Position))
			}
		}
	}
}

// mounts joins the container's mounts with the pod's volumes.
func (r *containerReader) mounts() {
	for _, n := range r.node.List("volumeMounts") {
		m := asset.Mount{Name: n.Text("name"), MountPath: n.Text("mountPath"), SubPath: cmp.Or(n.Text("subPath"), n.Text("subPathExpr")),
			Propagation: cmp.Or(n.Text("mountPropagation"), "None")}
		m.ReadOnly, _ = n.Bool("readOnly")
		at := element("mounts", len(r.c.Mounts))
		r.c.At(at, r.text.place(n.Position))
		r.podReader.at(&r.c.Head, at+".mountPath", n, "mountPath")
		r.podReader.at(&r.c.Head, at+".readOnly", n, "readOnly")
		r.podReader.at(&r.c.Head, at+".propagation", n, "mountPropagation")
		r.volumeOf(&m, at)
		r.c.Mounts = append(r.c.Mounts, m)
	}
	for i, n := range r.node.List("volumeDevices") {
		r.c.Devices = append(r.c.Devices, asset.Device{ContainerPath: n.Text("devicePath"), Permissions: "rwm"})
		r.c.At(element("devices", i), r.text.place(n.Position))
	}
	r.at("mounts", "volumeMounts")
}

// volumeOf fills in what the volume behind a mount says.
func (r *containerReader) volumeOf(m *asset.Mount, at string) {
	for i, v := range r.pod.Volumes {
		if v.Name != m.Name {
			continue
		}
		m.Type, m.HostPath, m.Source = v.Type, v.HostPath, v.Source
		if m.HostPath != "" && m.SubPath != "" && !strings.Contains(m.SubPath, "..") && !strings.Contains(m.SubPath, "$(") {
			m.HostPath = cleanPath(m.HostPath+"/"+m.SubPath, "hostPath")
		}
		if place, ok := r.pod.Locate(element("volumes", i) + ".hostPath"); ok {
			r.c.At(at+".hostPath", place)
		}
		if place, ok := r.pod.Locate(element("volumes", i) + ".type"); ok {
			r.c.At(at+".type", place)
		}
	}
}

func (r *containerReader) ports() {
	for i, n := range r.node.List("ports") {
		p := asset.Port{Name: n.Text("name"), HostIP: n.Text("hostIP"), Protocol: cmp.Or(n.Text("protocol"), "TCP"),
			ContainerPort: intOr(n, 0, "containerPort"), HostPort: intOr(n, 0, "hostPort")}
		at := element("ports", i)
		r.c.At(at, r.text.place(n.Position))
		r.podReader.at(&r.c.Head, at+".containerPort", n, "containerPort")
		r.podReader.at(&r.c.Head, at+".hostPort", n, "hostPort")
		r.c.Ports = append(r.c.Ports, p)
	}
	r.at("ports", "ports")
}

func (r *containerReader) resources() {
	n := r.node.Get("resources")
	r.c.Resources = asset.Resources{
		CPULimit: n.Text("limits", "cpu"), MemoryLimit: n.Text("limits", "memory"), EphemeralLimit: n.Text("limits", "ephemeral-storage"),
		CPURequest: n.Text("requests", "cpu"), MemoryRequest: n.Text("requests", "memory"), EphemeralRequest: n.Text("requests", "ephemeral-storage"),
	}
	r.at("resources", "resources")
	for field, keys := range map[string][]string{"cpuLimit": {"limits", "cpu"}, "memoryLimit": {"limits", "memory"},
		"ephemeralLimit": {"limits", "ephemeral-storage"}, "cpuRequest": {"requests", "cpu"}, "memoryRequest": {"requests", "memory"}} {
		r.podReader.at(&r.c.Head, "resources."+field, n, keys...)
	}
	// Pod-level resources (1.34) hold where the container sets none.
	pod := r.spec.Get("resources")
	r.c.Resources.CPULimit = cmp.Or(r.c.Resources.CPULimit, pod.Text("limits", "cpu"))
	r.c.Resources.MemoryLimit = cmp.Or(r.c.Resources.MemoryLimit, pod.Text("limits", "memory"))
	r.c.Resources.CPURequest = cmp.Or(r.c.Resources.CPURequest, pod.Text("requests", "cpu"))
	r.c.Resources.MemoryRequest = cmp.Or(r.c.Resources.MemoryRequest, pod.Text("requests", "memory"))
}

func (r *containerReader) probes() {
	r.c.Liveness = r.probe("liveness", "livenessProbe")
	r.c.Readiness = r.probe("readiness", "readinessProbe")
	r.c.Startup = r.probe("startup", "startupProbe")
	for _, on := range []string{"postStart", "preStop"} {
		if n := r.node.Get("lifecycle", on); n != nil {
			r.hook(on, n, r.node.Place("lifecycle", on))
		}
	}
}

// hook records a call that the kubelet makes into the container. A handler has
// one type; should a hostile one name several, each is recorded.
func (r *containerReader) hook(on string, n *source.Node, at source.Position) {
	for _, kind := range handlerTypes() {
		handler := n.Get(kind)
		if handler == nil {
			continue
		}
		path := element("hooks", len(r.c.Hooks))
		r.c.At(path, r.text.place(at))
		r.podReader.at(&r.c.Head, path+".host", handler, "host")
		r.c.Hooks = append(r.c.Hooks, asset.Hook{On: on, Type: kind, Host: handler.Text("host"), Command: handler.Strings("command")})
	}
}

func (r *containerReader) probe(field, key string) asset.Probe {
	n := r.node.Get(key)
	if n == nil {
		return asset.Probe{}
	}
	p := asset.Probe{Declared: true}
	for _, kind := range handlerTypes() {
		if handler := n.Get(kind); handler != nil {
			p.Type, p.Host, p.Scheme, p.Command = kind, handler.Text("host"), handler.Text("scheme"), handler.Strings("command")
			break
		}
	}
	r.at(field, key)
	r.hook(field, n, r.node.Place(key))
	return p
}

func handlerTypes() []string { return []string{"httpGet", "tcpSocket", "grpc", "exec"} }
