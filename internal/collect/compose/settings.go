package compose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// ignoreLabel is the label by which a service says what not to report.
const ignoreLabel = "holdfast.dev/ignore"

func (r *reader) ports() {
	if r.work == nil {
		return
	}
	specs := r.portSpecs()
	for _, p := range r.work.Ports {
		r.port(p, specs)
	}
	r.at("ports", "expose")
	r.at("ports", "ports")
	spots := r.layers.items(byText, "expose")
	for _, text := range r.work.Expose {
		spec, ok := parsePort(text)
		r.unknown("ports", text)
		for _, n := range spec.container.ends() {
			if !ok || slices.ContainsFunc(r.c.Ports, func(p asset.Port) bool { return p.ContainerPort == n }) {
				continue
			}
			at := element("ports", len(r.c.Ports))
			r.c.Ports = append(r.c.Ports, asset.Port{ContainerPort: n, Protocol: strings.ToUpper(spec.protocol)})
			r.c.At(at, spots[text].place)
			r.c.At(at+".containerPort", spots[text].place)
		}
	}
}

// portSpecs lists the declared ports, the last declaration first. One whose
// container port is not known leaves the ports of the service unknown.
func (r *reader) portSpecs() []declaredPort {
	var specs []declaredPort
	r.layers.each(func(l *layer, n *source.Node) {
		for i := len(n.Items) - 1; i >= 0; i-- {
			item := n.Items[i]
			text := l.scope.text(item.Value)
			if item.Kind == source.Map {
				text = l.scope.text(item.Text("published")) + ":" + l.scope.text(item.Text("target"))
			}
			spec, ok := parsePort(text)
			if !ok {
				continue
			}
			if item.Kind == source.Map {
				spec.ip = l.scope.text(item.Text("host_ip"))
				spec.protocol = cmp.Or(l.scope.text(item.Text("protocol")), "tcp")
			}
			if spec.container.size() > maxPortRange {
				r.undecided("ports", fmt.Sprintf("of the %d ports of a range, the first and the last are judged", spec.container.size()))
			}
			r.unknown("ports", spec.container.text)
			specs = append(specs, declaredPort{spec, spot{l.at(item.Position), item, l}})
		}
	}, "ports")
	return specs
}

type declaredPort struct {
	portSpec
	spot spot
}

func (r *reader) port(p types.ServicePortConfig, specs []declaredPort) {
	at := element("ports", len(r.c.Ports))
	out := asset.Port{Name: p.Name, ContainerPort: int64(p.Target), Published: true,
		HostIP: r.fill(at+".hostIP", p.HostIP), Protocol: strings.ToUpper(r.fill(at+".protocol", p.Protocol))}
	first, _, _ := strings.Cut(p.Published, "-")
	out.HostPort, _ = strconv.ParseInt(first, 10, 64)
	r.unknown(at+".hostPort", p.Published)
	r.c.Ports = append(r.c.Ports, out)
	for _, s := range specs {
		if !s.container.has(out.ContainerPort) || s.ip != p.HostIP || s.protocol != p.Protocol || s.host.text != p.Published && !s.host.has(out.HostPort) {
			continue
		}
		r.within(at, s.spot, map[string]string{"containerPort": "target", "hostPort": "published", "hostIP": "host_ip", "protocol": "protocol"})
		return
	}
}

// ends are the ports of a range, or the first and the last of a long one.
func (p portRange) ends() []int64 {
	var out []int64
	switch {
	case p.size() > maxPortRange:
		return []int64{p.first, p.last}
	case p.size() > 0:
		for n := p.first; n <= p.last; n++ {
			out = append(out, n)
		}
	}
	return out
}

// resources reads the limits. Those of "deploy" go before the older keys, and a
// limit of zero is none.
func (r *reader) resources() {
	res := &r.c.Resources
	limits, reservations := &types.Resource{}, &types.Resource{}
	if d := r.deploy(); d != nil {
		if d.Resources.Limits != nil {
			limits = d.Resources.Limits
		}
		if d.Resources.Reservations != nil {
			reservations = d.Resources.Reservations
		}
		r.at("resources", "deploy", "resources")
	}
	spec := r.spec
	if spec.CPUQuota > 0 {
		res.CPULimit = strconv.FormatFloat(float64(spec.CPUQuota)/float64(period(spec)), 'g', 4, 64)
		r.at("resources.cpuLimit", "cpu_quota")
	}
	r.limit("resources.cpuLimit", &res.CPULimit, spec.CPUS != 0, "cpus")
	r.limit("resources.cpuLimit", &res.CPULimit, limits.NanoCPUs != 0, "deploy", "resources", "limits", "cpus")
	r.limit("resources.memoryLimit", &res.MemoryLimit, spec.MemLimit > 0, "mem_limit")
	r.limit("resources.memoryLimit", &res.MemoryLimit, limits.MemoryBytes > 0, "deploy", "resources", "limits", "memory")
	r.limit("resources.memoryRequest", &res.MemoryRequest, spec.MemReservation > 0, "mem_reservation")
	r.limit("resources.memoryRequest", &res.MemoryRequest, reservations.MemoryBytes > 0, "deploy", "resources", "reservations", "memory")
	r.limit("resources.cpuRequest", &res.CPURequest, reservations.NanoCPUs > 0, "deploy", "resources", "reservations", "cpus")
	res.PIDsLimit = spec.PidsLimit
	r.at("resources.pidsLimit", "pids_limit")
	if limits.Pids != 0 {
		res.PIDsLimit = limits.Pids
	}
	r.at("resources.pidsLimit", "deploy", "resources", "limits", "pids")
	r.c.Service.OOMKillDisable = spec.OomKillDisable
	r.at("service.oomKillDisable", "oom_kill_disable")
}

func period(spec *types.ContainerSpec) int64 {
	if spec.CPUPeriod > 0 {
		return spec.CPUPeriod
	}
	return 100_000
}

// limit records one limit as it is written, if it limits anything.
func (r *reader) limit(field string, to *string, limits bool, keys ...string) {
	s := r.at(field, keys...)
	if limits && s.node != nil {
		*to = r.gaps.fill(s.text())
	}
}

// commands reads what runs. What Compose calls command are the arguments of the
// entry point.
func (r *reader) commands() {
	r.at("command", "command")
	r.c.Command = r.words("command", "entrypoint", r.spec.Entrypoint)
	r.c.Args = r.words("args", "command", r.spec.Command)
	if r.service == nil {
		return
	}
	r.hooks("postStart", "post_start", r.service.PostStart)
	r.hooks("preStop", "pre_stop", r.service.PreStop)
}

// words fills a part of the command line. A string was split as a shell would: its words
// all stand where it begins.
func (r *reader) words(field, key string, words []string) []string {
	s := r.at(field, key)
	var out []string
	for i, word := range words {
		at, inProcess := element(field, i), element("process", len(r.c.Process))
		out = append(out, r.fill(at, word))
		r.c.Process = append(r.c.Process, r.fill(inProcess, word))
		place := s.place
		switch {
		case s.node == nil:
			continue
		case s.node.Kind == source.List && i < len(s.node.Items):
			place = s.layer.at(s.node.Items[i].Position)
		case s.node.Kind == source.List:
			continue
		}
		r.c.At(at, place)
		r.c.At(inProcess, place)
	}
	return out
}

func (r *reader) hooks(on, key string, hooks []types.ServiceHook) {
	var nodes []spot
	for i := range r.layers {
		for _, item := range r.layers[i].node.List(key) {
			nodes = append(nodes, spot{r.layers[i].at(item.Position), item, &r.layers[i]})
		}
	}
	for i, h := range hooks {
		at := element("hooks", len(r.c.Hooks))
		hook := asset.Hook{On: on, Type: "exec", User: r.fill(at+".user", h.User), Privileged: h.Privileged}
		for _, word := range h.Command {
			hook.Command = append(hook.Command, r.fill(at+".command", word))
		}
		r.c.Hooks = append(r.c.Hooks, hook)
		if len(nodes) == len(hooks) {
			r.within(at, nodes[i], map[string]string{"user": "user", "privileged": "privileged", "command": "command"})
		}
	}
}

// health reads the health check. One that is switched off is none.
func (r *reader) health() {
	if r.work == nil || r.work.HealthCheck == nil {
		return
	}
	h, probe := r.work.HealthCheck, &r.c.Liveness
	r.at("liveness", "healthcheck")
	probe.Disabled = h.Disable || len(h.Test) > 0 && h.Test[0] == "NONE"
	r.at("liveness.disabled", "healthcheck", "disable")
	if probe.Disabled || len(h.Test) == 0 {
		return
	}
	probe.Declared, probe.Type = true, "exec"
	words := []string(h.Test[1:])
	if h.Test[0] == "CMD-SHELL" {
		words = append([]string{"/bin/sh", "-c"}, words...)
	}
	for _, word := range words {
		probe.Command = append(probe.Command, r.fill("liveness.command", word))
	}
	r.at("liveness.command", "healthcheck", "test")
}

func (r *reader) labels() {
	labels := map[string]string{}
	spots := r.layers.entries("labels")
	for _, file := range r.spec.LabelFiles {
		r.labelFile(labels, file)
	}
	maps.Copy(labels, r.spec.Labels)
	r.c.Labels = r.texts("labels", labels, spots)
	r.c.Annotations = r.texts("annotations", r.spec.Annotations, r.layers.entries("annotations"))
	for _, texts := range []map[string]string{r.c.Labels, r.c.Annotations} {
		if text, ok := texts[ignoreLabel]; ok {
			r.c.Ignores = append(r.c.Ignores, text)
		}
	}
	r.at("labels", "labels")
	r.at("annotations", "annotations")
}

func (r *reader) labelFile(labels map[string]string, file string) {
	text, err := r.files.read(r.shown(file))
	if err == nil {
		var lines map[string]envLine
		lines, err = parseEnvFile(text, "", r.gaps, func(name string) (variable, bool) { return variable{}, false })
		for name, l := range lines {
			labels[name] = l.value
		}
	}
	if err != nil {
		r.undecided("labels", fmt.Sprintf("label_file %s: %s", r.gaps.fill(file), err))
	}
}

// texts fills a mapping and records where its entries stand.
func (r *reader) texts(field string, from map[string]string, spots map[string]spot) map[string]string {
	if len(from) == 0 {
		return nil
	}
	out := make(map[string]string, len(from))
	for _, name := range sortedKeys(from) {
		at := quoted(field, name)
		out[name] = r.fill(at, from[name])
		r.c.At(at, spots[name].place)
		r.c.At(at+".value", spots[name].place)
	}
	return out
}

func (r *reader) others() {
	c, spec := r.c, r.spec
	c.Sysctls = r.sysctls()
	c.Ulimits = r.ulimits()
	if spec.Logging != nil {
		c.LogDriver = r.fill("logDriver", spec.Logging.Driver)
	}
	r.at("logDriver", "logging")
	r.at("logDriver", "logging", "driver")
	c.Service.Runtime = r.fill("service.runtime", spec.Runtime)
	r.at("service.runtime", "runtime")
	r.credentialSpec()
	for _, host := range sortedKeys(spec.ExtraHosts) {
		for _, address := range spec.ExtraHosts[host] {
			c.Service.ExtraHosts = append(c.Service.ExtraHosts, r.gaps.fill(host+"="+address))
		}
	}
	r.at("service.extraHosts", "extra_hosts")
	r.buildArgs()
	if r.service == nil {
		return
	}
	c.Service.Links = r.listed("service.links", "links", r.service.Links)
	c.Service.ExternalLinks = r.listed("service.externalLinks", "external_links", r.service.ExternalLinks)
	r.restart()
	r.replicas()
}

func (r *reader) sysctls() []asset.Sysctl {
	var out []asset.Sysctl
	spots := r.layers.entries("sysctls")
	for i, name := range sortedKeys(r.spec.Sysctls) {
		at := element("sysctls", i)
		out = append(out, asset.Sysctl{Name: name, Value: r.fill(at+".value", r.spec.Sysctls[name])})
		for _, sub := range []string{"", ".name", ".value"} {
			r.c.At(at+sub, spots[name].place)
		}
	}
	r.at("sysctls", "sysctls")
	return out
}

func (r *reader) ulimits() map[string]string {
	var out map[string]string
	spots := r.layers.entries("ulimits")
	for _, name := range sortedKeys(spots) {
		s, at := spots[name], quoted("ulimits", name)
		r.c.At(at, s.place)
		r.c.At(at+".value", s.place)
		if s.node.Kind == source.String {
			r.unknown(at, s.text())
		}
		limit := r.spec.Ulimits[name]
		if limit == nil {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = strconv.Itoa(limit.Single)
		if limit.Single == 0 {
			out[name] = fmt.Sprintf("%d:%d", limit.Soft, limit.Hard)
		}
	}
	r.at("ulimits", "ulimits")
	return out
}

func (r *reader) credentialSpec() {
	spec := r.spec.CredentialSpec
	if spec == nil {
		return
	}
	from, text := "", ""
	switch {
	case spec.File != "":
		from, text = "file", spec.File
	case spec.Registry != "":
		from, text = "registry", spec.Registry
	case spec.Config != "":
		from, text = "config", spec.Config
	default:
		return
	}
	text = strings.TrimPrefix(text, from+"://")
	r.c.Service.CredentialSpec = from + "://" + r.fill("service.credentialSpec", text)
	r.at("service.credentialSpec", "credential_spec", from)
}

func (r *reader) buildArgs() {
	if r.work == nil || r.work.Build == nil {
		return
	}
	// compose-go drops the arguments that only name a variable.
	spots := r.layers.entries("build", "args")
	names := maps.Clone(spots)
	for name := range r.work.Build.Args {
		names[name] = spot{}
	}
	for i, name := range sortedKeys(names) {
		at := element("service.buildArgs", i)
		v := r.variable(name, r.work.Build.Args[name], spots[name])
		r.c.Service.BuildArgs = append(r.c.Service.BuildArgs, v.EnvVar)
		for _, sub := range []string{"", ".name", ".value"} {
			r.c.At(at+sub, v.place)
		}
		if v.unknown != "" {
			r.undecided(at+".value", v.unknown)
		}
	}
}

// restart reads the restart policy; that of "deploy" goes before the older key.
func (r *reader) restart() {
	r.c.Restart = r.fill("restart", r.service.Restart)
	r.at("restart", "restart")
	d := r.deploy()
	if d == nil || d.RestartPolicy == nil {
		return
	}
	switch condition := d.RestartPolicy.Condition; condition {
	case "none":
		r.c.Restart = "no"
	case "any", "":
		r.c.Restart = "always"
	default:
		r.c.Restart = r.fill("restart", condition)
	}
	if n := d.RestartPolicy.MaxAttempts; n != nil && *n > 0 {
		r.c.Restart += ":" + strconv.FormatUint(*n, 10)
	}
	r.at("restart", "deploy", "restart_policy")
	r.at("restart", "deploy", "restart_policy", "condition")
}

func (r *reader) replicas() {
	r.c.Workload.Replicas = int64(r.service.GetScale())
	r.at("workload.replicas", "deploy", "replicas")
	r.at("workload.replicas", "scale")
}
