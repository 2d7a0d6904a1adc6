package compose

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// apiSocket is what "use_api_socket" mounts.
const apiSocket = "/var/run/docker.sock"

func (r *reader) mounts() {
	spots := r.layers.items(volumeTarget, "volumes")
	for _, v := range r.spec.Volumes {
		r.volume(v, spots)
	}
	spots = r.layers.items(byText, "tmpfs")
	for _, text := range r.spec.Tmpfs {
		target, _, _ := strings.Cut(text, ":")
		at := r.mount(asset.Mount{Type: "tmpfs", MountPath: target})
		if s, ok := spots[text]; ok {
			r.within(at, s, map[string]string{"mountPath": ""})
		}
	}
	r.objects()
	if r.spec.UseAPISocket {
		at := r.mount(asset.Mount{Type: "hostPath", HostPath: apiSocket, MountPath: apiSocket})
		r.at(at, "use_api_socket")
		r.at(at+".hostPath", "use_api_socket")
	}
	r.volumesFrom()
	r.at("mounts", "volumes")
}

// mount adds a mount, its gaps filled, and returns its path.
func (r *reader) mount(m asset.Mount) string {
	at := element("mounts", len(r.c.Mounts))
	m.HostPath = r.fill(at+".hostPath", m.HostPath)
	m.MountPath = r.fill(at+".mountPath", m.MountPath)
	m.SubPath = r.fill(at+".subPath", m.SubPath)
	m.Source = r.fill(at+".source", m.Source)
	m.Name = r.gaps.fill(m.Name)
	m.Propagation = cmp.Or(m.Propagation, "None")
	r.c.Mounts = append(r.c.Mounts, m)
	return at
}

// volume adds one entry of "volumes".
func (r *reader) volume(v types.ServiceVolumeConfig, spots map[string]spot) {
	m := asset.Mount{Type: v.Type, MountPath: v.Target, ReadOnly: v.ReadOnly, Source: v.Source}
	var device spot
	if v.Bind != nil {
		m.Propagation = propagation(v.Bind.Propagation)
	}
	switch {
	case v.Type == types.VolumeTypeBind, v.Type == types.VolumeTypeNamedPipe, v.Type == types.VolumeTypeVolume && r.isPath(v.Source):
		m.Type, m.HostPath, m.Source = "hostPath", r.hostPath(v.Source), ""
	case v.Type == types.VolumeTypeVolume, v.Type == types.VolumeTypeCluster:
		m.Type, m.Name = "volume", v.Source
		if v.Volume != nil {
			m.SubPath = v.Volume.Subpath
		}
		device = r.driver(&m)
	case v.Type == types.VolumeTypeImage && v.Image != nil:
		m.SubPath = v.Image.SubPath
	}
	at := r.mount(m)
	s, ok := spots[v.Target]
	if !ok {
		return
	}
	fields := map[string]string{"mountPath": "target"}
	switch {
	case device.node != nil:
		r.c.At(at+".hostPath", device.place)
	case m.Type == "hostPath":
		fields["hostPath"] = "source"
	case v.Source != "":
		fields["source"] = "source"
	}
	_, options, hasOptions := strings.Cut(strings.TrimPrefix(s.text(), v.Source+":"), ":")
	if s.node.Kind == source.Map || v.Source != "" && hasOptions {
		fields["readOnly"], fields["propagation"] = "read_only", "bind.propagation"
		r.unknown(at+".readOnly", options)
		r.unknown(at+".propagation", options)
	}
	r.within(at, s, fields)
	if v.Type == types.VolumeTypeVolume && m.Type == "volume" {
		// A variable alone may be a path as well as a name.
		r.unknown(at+".type", v.Source)
		r.unknown(at+".hostPath", v.Source)
	}
}

func volumeTarget(l *layer, n *source.Node) string {
	if n.Kind == source.Map {
		return path.Clean(l.scope.text(n.Text("target")))
	}
	v, err := format.ParseVolume(l.scope.text(n.Value))
	if err != nil {
		return ""
	}
	return path.Clean(v.Target)
}

func propagation(mode string) string {
	switch mode {
	case types.PropagationRShared, types.PropagationShared:
		return "Bidirectional"
	case types.PropagationRSlave, types.PropagationSlave:
		return "HostToContainer"
	}
	return "None"
}

// isPath reports whether the source of a mount that begins with a variable
// without a value is a path: volumes have no slash in their names.
func (r *reader) isPath(text string) bool {
	return open(text) && (strings.ContainsAny(r.gaps.fill(gapPattern.ReplaceAllString(text, "")), `/\`) || r.home(text) != text)
}

// hostPath cleans a path on the host. One that is relative stays so, seen from
// the project's folder; what lies at a person's home begins with "~".
func (r *reader) hostPath(p string) string {
	p = r.home(p)
	switch {
	case path.IsAbs(p):
		return path.Clean(p)
	case p == "~" || strings.HasPrefix(p, "~/"):
		return path.Join("~", p[1:])
	}
	return p
}

// home replaces the two variables that mean the same wherever somebody starts
// the project: $HOME and $PWD.
func (r *reader) home(p string) string {
	refs := r.gaps.in(p)
	if len(refs) == 0 {
		return p
	}
	rest, ok := strings.CutPrefix(p, r.gaps.mark(refs[0]))
	if !ok || rest != "" && rest[0] != '/' {
		return p
	}
	switch refs[0].name {
	case "HOME":
		return "~" + rest
	case "PWD":
		return relocatePath("."+rest, ".")
	}
	return p
}

// driver looks behind a named volume: driver options can make it a bind of the
// host, or a disk of it. It returns where the device stands.
func (r *reader) driver(m *asset.Mount) spot {
	volume, ok := r.project.Volumes[m.Source]
	opts := volume.DriverOpts
	if !ok || volume.Driver != "" && volume.Driver != "local" {
		return spot{}
	}
	device := opts["device"]
	switch {
	case opts["type"] == "tmpfs":
		m.Type = "tmpfs"
		return spot{}
	case device == "" || !bindOption(opts["o"]) && !strings.HasPrefix(device, "/dev/"):
		return spot{}
	}
	m.Type, m.HostPath = "hostPath", r.hostPath(device)
	m.ReadOnly = m.ReadOnly || slices.Contains(strings.Split(opts["o"], ","), "ro")
	s, _ := r.view.layers[key{"volumes", m.Source}].find("driver_opts", "device")
	return s
}

// objects adds the mounts of secrets and configs.
func (r *reader) objects() {
	spots := r.layers.items(objectSource, "secrets")
	for _, s := range r.spec.Secrets {
		target := cmp.Or(s.Target, s.Source)
		if !path.IsAbs(target) {
			target = "/run/secrets/" + target
		}
		r.object("secret", key{"secrets", s.Source}, target, spots[s.Source])
	}
	spots = r.layers.items(objectSource, "configs")
	for _, c := range r.spec.Configs {
		target := cmp.Or(c.Target, c.Source)
		if !path.IsAbs(target) {
			target = "/" + target
		}
		r.object("configMap", key{"configs", c.Source}, target, spots[c.Source])
	}
}

func objectSource(l *layer, n *source.Node) string {
	if n.Kind == source.Map {
		return l.scope.text(n.Text("source"))
	}
	return l.scope.text(n.Value)
}

func (r *reader) object(kind string, k key, target string, s spot) {
	at := r.mount(asset.Mount{Name: k.name, Type: kind, MountPath: target, Source: k.name, ReadOnly: true})
	if s.node != nil {
		r.within(at, s, map[string]string{"source": "source", "mountPath": "target"})
	}
	if k.section == "secrets" {
		o, known := r.project.Secrets[k.name]
		r.fileObject("service.secrets", &r.c.Service.Secrets, k, types.FileObjectConfig(o), known, s)
	} else {
		o, known := r.project.Configs[k.name]
		r.fileObject("service.configs", &r.c.Service.Configs, k, types.FileObjectConfig(o), known, s)
	}
}

// fileObject tells where a secret or config comes from.
func (r *reader) fileObject(field string, list *[]asset.FileObject, k key, o types.FileObjectConfig, known bool, mounted spot) {
	at := element(field, len(*list))
	out := asset.FileObject{Name: r.gaps.fill(k.name)}
	declared := r.view.layers[k]
	from := ""
	switch {
	case !known:
		r.undecided(at+".source", k.noun()+" "+out.Name+" is not defined in the files that were read")
	case bool(o.External):
		out.Source, from = "external", "external"
	case o.Environment != "":
		out.Source, out.Ref, from = "environment", o.Environment, "environment"
	case o.File != "":
		out.Source, out.Ref, from = "file", o.File, "file"
		out.Scanned = !open(o.File) && r.files.tree.Get(r.shown(o.File)) != nil
	case o.Driver != "":
		out.Source, out.Ref, from = "driver", o.Driver, "driver"
	case o.Content != "":
		out.Source, out.Content, from = "content", o.Content, "content"
	}
	out.Ref, out.Content = r.fill(at+".ref", out.Ref), r.gaps.fill(out.Content)
	*list = append(*list, out)
	r.c.At(at, mounted.place)
	if s, ok := declared.find(from); ok && from != "" {
		for _, sub := range []string{".source", ".ref", ".content"} {
			r.c.At(at+sub, s.place)
		}
	}
}

// maxBorrowed bounds what the services of a project take over from each other.
const maxBorrowed = 20_000

// volumesFrom adds the mounts of the services whose volumes are taken over.
func (r *reader) volumesFrom() {
	spots := r.layers.items(byText, "volumes_from")
	taken := r.mountPaths()
	for _, text := range r.spec.VolumesFrom {
		name, mode, _ := strings.Cut(text, ":")
		other, ok := r.project.Services[name]
		if !ok || r.lenders[name] {
			continue
		}
		if r.borrowed++; r.borrowed > maxBorrowed {
			r.undecided("mounts", "volumes_from leads to more volumes than are followed")
			return
		}
		if r.lenders == nil {
			r.lenders = map[string]bool{}
		}
		r.lenders[name] = true
		lender := &reader{view: r.view, c: &asset.Container{}, layers: r.view.layers[key{"services", name}], lenders: r.lenders,
			spec: &other.ContainerSpec, work: &other.WorkloadSpec, service: &other}
		lender.mounts()
		for i, m := range lender.c.Mounts {
			if m.Type == "secret" || m.Type == "configMap" || taken[m.MountPath] {
				continue
			}
			taken[m.MountPath] = true
			r.borrowed++
			m.ReadOnly = m.ReadOnly || mode == "ro"
			r.borrow(m, spots[text].place, lender.c, i)
		}
	}
}

func (r *reader) mountPaths() map[string]bool {
	paths := make(map[string]bool, len(r.c.Mounts))
	for _, m := range r.c.Mounts {
		paths[m.MountPath] = true
	}
	return paths
}

// borrow adds a mount of another container, at a place of this one.
func (r *reader) borrow(m asset.Mount, place source.Place, lender *asset.Container, i int) {
	at := element("mounts", len(r.c.Mounts))
	r.c.Mounts = append(r.c.Mounts, m)
	for _, sub := range []string{"", ".hostPath", ".mountPath"} {
		r.c.At(at+sub, place)
	}
	for _, u := range lender.Unknown {
		if sub, ok := strings.CutPrefix(u.Path, element("mounts", i)); ok {
			r.undecided(at+sub, u.Reason)
		}
	}
}

// inheritMounts adds the mounts of the service to its init container: the engine
// starts it with them.
func (r *reader) inheritMounts(service *asset.Container) {
	taken := r.mountPaths()
	for i, m := range service.Mounts {
		if place, _ := service.Locate(element("mounts", i) + ".hostPath"); !taken[m.MountPath] {
			r.borrow(m, place, service, i)
		}
	}
}
