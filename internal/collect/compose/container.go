package compose

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// view is a loaded project and what it was loaded from.
type view struct {
	*assembly
	project *types.Project
	layers  map[key]layers
	// scope has the variables of the project's own .env file.
	scope *scope
	// versions are what files say about the version of their format.
	versions map[string]version
	// borrowed counts the steps of taking over volumes from other services.
	borrowed int
}

// version is the version that a file states and where its first service stands.
type version struct {
	text  string
	place source.Place
	first source.Position
}

// reader normalises one container of a project: a service, a job, or an init
// container of a service.
type reader struct {
	*view
	c      *asset.Container
	layers layers
	spec   *types.ContainerSpec
	// work is nil for an init container, service for that and for a job.
	work    *types.WorkloadSpec
	service *types.ServiceConfig
	// lenders are the services whose volumes it has taken over.
	lenders map[string]bool
}

// containers normalises a service or job and its init containers.
func (v *view) containers(k key) []*asset.Container {
	ls := v.layers[k]
	if k.section == "jobs" {
		job := v.project.Jobs[k.name]
		r := &reader{view: v, layers: ls, spec: &job.ContainerSpec, work: &job.WorkloadSpec}
		return []*asset.Container{r.read(k, "app")}
	}
	service := v.project.Services[k.name]
	r := &reader{view: v, layers: ls, spec: &service.ContainerSpec, work: &service.WorkloadSpec, service: &service}
	out := []*asset.Container{r.read(k, "app")}
	for i := range service.PreStart {
		init := &reader{view: v, layers: ls.hook(i, len(service.PreStart)), spec: &service.PreStart[i].ContainerSpec}
		c := init.read(k, "init")
		c.ID += "." + element("pre_start", i)
		c.Name += ", " + element("pre_start", i)
		c.Head.Name = k.noun() + " " + c.Name
		init.inheritMounts(r.c)
		out = append(out, c)
	}
	return out
}

// hook gives the declarations of an init container: those of its service, and
// over them its own.
func (ls layers) hook(i, n int) layers {
	var own layers
	for _, l := range ls {
		for _, item := range l.node.List("pre_start") {
			h := l
			h.node, h.key = item, item.Position
			own = append(own, h)
		}
	}
	if len(own) != n {
		return ls
	}
	out := append(slices.Clone(ls), own[i])
	for j := range ls {
		out[j].inherited = true
	}
	return out
}

func (r *reader) read(k key, role string) *asset.Container {
	home := r.layers.home()
	place := source.Place{File: home.file, Position: home.key, EndLine: max(home.key.Line, home.node.EndLine)}
	id := "compose:" + home.file + "#" + k.name
	if k.section == "jobs" {
		id = "compose:" + home.file + "#job." + k.name
	}
	r.c = &asset.Container{
		Head: asset.Head{Kind: asset.KindContainer, ID: id, Name: k.noun() + " " + k.name,
			Format: asset.Compose, Place: place},
		Name: k.name, Format: asset.Compose, Role: role, OS: "linux",
		Workload:  asset.Workload{Kind: k.noun(), Name: k.name, Replicas: 1},
		ProcMount: "Default", HostUsers: true,
	}
	if strings.HasPrefix(r.spec.Platform, "windows") {
		r.c.OS = "windows"
	}
	r.at("os", "platform")
	r.image()
	r.user()
	r.confinement()
	r.namespaces()
	r.devices()
	r.mounts()
	r.environment()
	r.ports()
	r.resources()
	r.commands()
	r.health()
	r.labels()
	r.others()
	r.version(home)
	return r.c
}

// version is told by the first service of a file, as it is about the whole file.
func (r *reader) version(home *layer) {
	v, ok := r.versions[home.file]
	if ok && v.first == home.key {
		r.c.Service.Version = r.gaps.fill(v.text)
		r.c.At("service.version", v.place)
	}
}

// at records where a field stands, if it is declared. A scalar that depends on a
// variable without a value makes the field unknown.
func (r *reader) at(field string, keys ...string) spot {
	s, ok := r.layers.find(keys...)
	if !ok {
		return s
	}
	r.c.At(field, s.place)
	if s.node.Kind == source.String {
		r.unknown(field, s.text())
	}
	return s
}

// unknown notes that a field depends on variables without a value, if its text
// has gaps.
func (r *reader) unknown(field, text string) {
	if reason := r.gaps.reason(text); reason != "" {
		r.undecided(field, reason)
	}
}

func (r *reader) undecided(field, reason string) {
	u := asset.Unknown{Path: field, Reason: reason}
	if !slices.Contains(r.c.Unknown, u) {
		r.c.Unknown = append(r.c.Unknown, u)
	}
}

// fill is the text of a field with its references as written.
func (r *reader) fill(field, text string) string {
	r.unknown(field, text)
	return r.gaps.fill(text)
}

// listed fills a list field and records where each element stands.
func (r *reader) listed(field, key string, items []string) []string {
	if len(items) == 0 {
		return nil
	}
	out := make([]string, len(items))
	spots := r.layers.items(byText, key)
	for i, text := range items {
		at := element(field, i)
		out[i] = r.fill(at, text)
		if s, ok := spots[text]; ok {
			r.c.At(at, s.place)
		}
	}
	return out
}

func (r *reader) image() {
	text := r.spec.Image
	ref := collect.ParseImage(text)
	name, _, _ := strings.Cut(text, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	first, _, _ := strings.Cut(name, "/")
	r.unknown("image.registry", first)
	r.unknown("image.repository", name)
	if name == text && strings.HasSuffix(name, string(gapEnd)) {
		r.unknown("image.tag", name)
		r.unknown("image.digest", name)
	}
	r.c.Image = asset.ImageRef{
		Text: r.gaps.fill(text), Registry: r.gaps.fill(ref.Registry), Repository: r.gaps.fill(ref.Repository),
		Tag: r.fill("image.tag", ref.Tag), Digest: r.fill("image.digest", ref.Digest), PullPolicy: "IfNotPresent",
	}
	if s, ok := r.layers.find("image"); ok {
		for _, field := range []string{"image", "image.registry", "image.repository", "image.tag", "image.digest"} {
			r.c.At(field, s.place)
		}
	}
	switch policy := r.spec.PullPolicy; {
	case policy == "always", policy == "refresh", policy == "daily", policy == "weekly", strings.HasPrefix(policy, "every_"):
		r.c.Image.PullPolicy = "Always"
	case policy == "never", policy == "build":
		r.c.Image.PullPolicy = "Never"
	}
	r.at("image.pullPolicy", "pull_policy")
	if r.work != nil && r.work.Build != nil {
		r.c.Build = true
		r.at("build", "build")
	}
}

func (r *reader) user() {
	c, text := r.c, r.spec.User
	user, group, hasGroup := strings.Cut(text, ":")
	c.User = asset.User{Text: r.fill("user", text), UID: -1, Root: user == "root"}
	if id, err := strconv.ParseInt(user, 10, 64); err == nil && id >= 0 {
		c.User.UID, c.User.Root = id, id == 0
	} else if c.User.Root {
		c.User.UID = 0
	}
	c.Group = -1
	if id, err := strconv.ParseInt(group, 10, 64); err == nil && id >= 0 {
		c.Group = id
	} else if group == "root" {
		c.Group = 0
	}
	s := r.at("user", "user")
	if hasGroup {
		r.unknown("group", group)
		r.c.At("group", s.place)
	}
	c.Groups = r.listed("groups", "group_add", r.spec.GroupAdd)
	r.at("groups", "group_add")
}

func (r *reader) confinement() {
	c := r.c
	c.Privileged = r.spec.Privileged
	r.at("privileged", "privileged")
	c.ReadOnlyRootFilesystem = r.spec.ReadOnly
	r.at("readOnlyRootFilesystem", "read_only")
	r.capabilities()

	c.AllowPrivilegeEscalation = true
	// The engine applies its own profiles, but none to a privileged container.
	if !c.Privileged {
		c.Seccomp.Type, c.AppArmor.Type = "RuntimeDefault", "RuntimeDefault"
	}
	for _, field := range []string{"allowPrivilegeEscalation", "seccomp", "appArmor", "seLinux", "procMount"} {
		r.at(field, "security_opt")
	}
	spots := r.layers.items(byText, "security_opt")
	for _, option := range r.spec.SecurityOpt {
		r.securityOption(option, spots[option].place)
	}
}

func (r *reader) capabilities() {
	for _, list := range []struct {
		field, key string
		names      []string
		to         *[]string
	}{
		{"capabilities.add", "cap_add", r.spec.CapAdd, &r.c.Capabilities.Add},
		{"capabilities.drop", "cap_drop", r.spec.CapDrop, &r.c.Capabilities.Drop},
	} {
		r.at(list.field, list.key)
		names := r.listed(list.field, list.key, list.names)
		for i, name := range names {
			names[i] = strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		}
		*list.to = names
	}
}

// securityOption applies one entry of security_opt as the engine reads it: of
// several that say something about one thing, the last holds.
func (r *reader) securityOption(option string, place source.Place) {
	c := r.c
	name, value, ok := strings.Cut(option, "=")
	if !ok {
		name, value, _ = strings.Cut(option, ":")
	}
	if open(name) {
		for _, field := range []string{"allowPrivilegeEscalation", "seccomp", "appArmor", "seLinux", "procMount"} {
			r.unknown(field, name)
		}
		return
	}
	switch name {
	case "no-new-privileges":
		c.AllowPrivilegeEscalation = value == "false"
		r.c.At("allowPrivilegeEscalation", place)
		r.unknown("allowPrivilegeEscalation", value)
	case "seccomp":
		c.Seccomp = profile(r.fill("seccomp", value), "builtin")
		c.At("seccomp", place)
		c.At("seccomp.type", place)
	case "apparmor":
		c.AppArmor = profile(r.fill("appArmor", value), "docker-default")
		c.At("appArmor", place)
		c.At("appArmor.type", place)
	case "label":
		r.label(r.fill("seLinux", value), place)
	case "systempaths":
		if value == "unconfined" {
			c.ProcMount = "Unmasked"
		}
		r.unknown("procMount", value)
		c.At("procMount", place)
	}
}

// profile reads a seccomp or AppArmor profile; own is the name of the engine's.
func profile(text, own string) asset.Profile {
	switch text {
	case "unconfined":
		return asset.Profile{Type: "Unconfined"}
	case own, "":
		return asset.Profile{Type: "RuntimeDefault"}
	}
	return asset.Profile{Type: "Localhost", Name: text}
}

// label applies one SELinux option.
func (r *reader) label(option string, place source.Place) {
	l := &r.c.SELinux
	name, value, _ := strings.Cut(option, ":")
	fields := map[string]*string{"user": &l.User, "role": &l.Role, "type": &l.Type, "level": &l.Level}
	switch field, ok := fields[name]; {
	case ok:
		*field = value
		r.c.At("seLinux", place)
		r.c.At("seLinux."+name, place)
	case name == "disable":
		l.Disabled = true
		r.c.At("seLinux", place)
		r.c.At("seLinux.disabled", place)
	}
}

// namespaces resolves which of the host's namespaces the container shares. One
// that it shares with another service is that service's.
func (r *reader) namespaces() {
	c, spec := r.c, r.spec
	pid := r.shared(spec.Pid, func(s *types.ContainerSpec) string { return s.Pid })
	c.HostPID = pid == "host"
	c.ShareProcessNamespace = strings.Contains(spec.Pid, ":")
	c.HostIPC = r.shared(spec.Ipc, func(s *types.ContainerSpec) string { return s.Ipc }) == "host"
	c.HostUTS = r.shared(spec.Uts, func(s *types.ContainerSpec) string { return s.Uts }) == "host"
	c.NetworkMode = r.fill("networkMode", spec.NetworkMode)
	mode := r.shared(spec.NetworkMode, func(s *types.ContainerSpec) string { return s.NetworkMode })
	c.HostNetwork = mode == "host"
	r.at("hostPID", "pid")
	if c.ShareProcessNamespace {
		r.at("shareProcessNamespace", "pid")
	}
	r.at("hostIPC", "ipc")
	r.at("hostUTS", "uts")
	r.at("hostNetwork", "network_mode")
	r.at("networkMode", "network_mode")
	r.networks()

	c.Service.UsernsMode = r.fill("service.usernsMode", spec.UserNSMode)
	if spec.UserNSMode == "host" || open(spec.UserNSMode) {
		r.at("hostUsers", "userns_mode")
	}
	r.at("service.usernsMode", "userns_mode")
	c.CgroupParent = r.fill("cgroupParent", spec.CgroupParent)
	c.HostCgroup = spec.Cgroup == "host" || spec.CgroupParent != ""
	r.at("hostCgroup", "cgroup_parent")
	r.at("hostCgroup", "cgroup")
	r.at("cgroupParent", "cgroup_parent")
}

// shared follows "service:NAME" to the service whose namespace it is.
func (r *reader) shared(mode string, of func(*types.ContainerSpec) string) string {
	for range len(r.project.Services) + 1 {
		name, ok := strings.CutPrefix(mode, types.ServicePrefix)
		other, known := r.project.Services[name]
		if !ok || !known {
			return mode
		}
		mode = of(&other.ContainerSpec)
	}
	return mode
}

// networks lists the networks that the container joins. The engine's own "host"
// and "bridge" may hide behind any key.
func (r *reader) networks() {
	if r.spec.NetworkMode != "" {
		return
	}
	spots := r.layers.items(byText, "networks")
	maps.Copy(spots, r.layers.entries("networks"))
	for _, k := range sortedKeys(r.spec.Networks) {
		network, name := r.project.Networks[k], k
		declared := r.view.layers[key{"networks", k}]
		if s, ok := declared.find("name"); ok {
			name = s.text()
		} else if s, ok := declared.find("external", "name"); ok {
			name = s.text()
		}
		at := element("service.networks", len(r.c.Service.Networks))
		r.c.Service.Networks = append(r.c.Service.Networks, r.fill(at, name))
		s := spots[k]
		r.c.At(at, s.place)
		if network.External && name == "host" {
			r.c.HostNetwork = true
			r.c.At("hostNetwork", s.place)
		}
		if network.External && name == "bridge" {
			r.c.NetworkMode = "bridge"
			r.c.At("networkMode", s.place)
		}
	}
	r.at("service.networks", "networks")
}

func (r *reader) devices() {
	spots := r.layers.items(deviceTarget, "devices")
	for i, d := range r.spec.Devices {
		at := element("devices", i)
		r.c.Devices = append(r.c.Devices, asset.Device{HostPath: r.fill(at+".hostPath", d.Source),
			ContainerPath: r.fill(at+".containerPath", d.Target), Permissions: r.fill(at+".permissions", cmp.Or(d.Permissions, "rwm"))})
		if s, ok := spots[d.Target]; ok {
			r.within(at, s, map[string]string{"hostPath": "source", "containerPath": "target", "permissions": "permissions"})
		}
	}
	r.at("devices", "devices")
	r.c.Service.DeviceCgroupRules = r.listed("service.deviceCgroupRules", "device_cgroup_rules", r.spec.DeviceCgroupRules)
	r.gpus()
}

// within records the places of an element and of its fields: in a long form
// each at its own value, in a short one all at the element.
func (r *reader) within(at string, s spot, fields map[string]string) {
	r.c.At(at, s.place)
	for _, field := range sortedKeys(fields) {
		keys := strings.Split(fields[field], ".")
		if s.node.Kind != source.Map {
			r.c.At(at+"."+field, s.place)
		} else if n := s.node.Get(keys...); n != nil {
			r.c.At(at+"."+field, s.layer.at(s.node.Place(keys...)))
			if n.Kind == source.String {
				r.unknown(at+"."+field, s.layer.scope.text(n.Value))
			}
		}
	}
}

func deviceTarget(l *layer, n *source.Node) string {
	if n.Kind == source.Map {
		return l.scope.text(n.Text("target"))
	}
	parts := strings.Split(l.scope.text(n.Value), ":")
	return parts[min(1, len(parts)-1)]
}

// gpus lists what is asked for under "gpus" and among the reservations.
func (r *reader) gpus() {
	add := func(field string, requests []types.DeviceRequest, keys ...string) {
		for _, d := range requests {
			if len(keys) > 1 && !slices.Contains(d.Capabilities, "gpu") {
				continue
			}
			text := strings.Join(d.IDs, ",")
			if text == "" {
				text = strconv.FormatInt(int64(d.Count), 10)
			}
			if d.Count < 0 || text == "0" {
				text = "all"
			}
			at := element(field, len(r.c.Service.GPUs))
			r.c.Service.GPUs = append(r.c.Service.GPUs, r.fill(at, text))
			if s, ok := r.layers.find(keys...); ok {
				r.c.At(at, s.place)
			}
		}
	}
	add("service.gpus", r.spec.Gpus, "gpus")
	if d := r.deploy(); d != nil && d.Resources.Reservations != nil {
		add("service.gpus", d.Resources.Reservations.Devices, "deploy", "resources", "reservations", "devices")
	}
}

// deploy is the service's deploy section, nil if it has none.
func (r *reader) deploy() *types.DeployConfig {
	if r.service == nil {
		return nil
	}
	return r.service.Deploy
}
