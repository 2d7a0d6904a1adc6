package manifest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// components hands over the control-plane and node components that an object
// configures: pods by the command lines of their containers, configuration
// files by their fields, kubeadm's and kind's by the arguments in them.
func components(o *object) {
	if template := podTemplate(o); template != nil {
		for _, n := range template.List("spec", "containers") {
			o.processes(n)
		}
		return
	}
	switch {
	case (o.kind == "ConfigMap" || o.kind == "Secret") && o.group() == "":
		o.embedded()
	case o.kind == "Cluster" && o.group() == "kind.x-k8s.io":
		o.kindPatches()
	case strings.HasSuffix(o.group(), "cluster.x-k8s.io"):
		o.clusterAPI()
	default:
		o.configuration(false)
	}
}

// settings gathers the settings of one component, each with its place.
type settings struct {
	flags  map[string]string
	places map[string]source.Position
	// base is where a setting that is not declared would belong.
	base source.Position
}

func newSettings(base source.Position) *settings {
	return &settings{flags: map[string]string{}, places: map[string]source.Position{}, base: base}
}

// repeatable are the flags that add up when they are given several times. Of
// every other flag the last one counts.
var repeatable = []string{"admission-control", "allowed-unsafe-sysctls", "api-audiences", "authorization-mode",
	"disable-admission-plugins", "enable-admission-plugins", "etcd-servers", "feature-gates", "requestheader-allowed-names",
	"runtime-config", "service-account-issuer", "service-account-key-file", "tls-cipher-suites", "tls-sni-cert-key"}

// set declares a flag. Its name may be spelt with underscores, as Kubernetes
// allows, and a boolean in any way that its parser takes.
func (s *settings) set(name, value string, at source.Position) {
	name = strings.ReplaceAll(name, "_", "-")
	value = boolean(name, value)
	if before := s.flags[name]; before != "" && value != "" && slices.Contains(repeatable, name) {
		value = before + "," + value
	}
	s.flags[name], s.places[name] = value, at
}

// booleans are the flags that are true or false among those that rules judge.
var booleans = []string{"allow-privileged", "anonymous-auth", "authentication-token-webhook", "auto-tls", "client-cert-auth",
	"contention-profiling", "enable-debugging-handlers", "enable-pprof", "enable-system-log-query", "insecure-allow-any-token",
	"kubelet-https", "make-iptables-util-chains", "peer-auto-tls", "peer-client-cert-auth", "profiling", "protect-kernel-defaults",
	"rotate-certificates", "rotate-server-certificates", "seccomp-default", "service-account-extend-token-expiration",
	"service-account-lookup", "use-service-account-credentials"}

// boolean spells the value of a boolean flag as "true" or "false".
func boolean(name, value string) string {
	if !slices.Contains(booleans, name) {
		return value
	}
	if b, err := strconv.ParseBool(value); err == nil {
		return strconv.FormatBool(b)
	}
	return value
}

// component hands over a component. node is the part of the object that
// configures it.
func (o *object) component(name, from string, node *source.Node, s *settings) {
	c := &asset.Component{Head: o.head(asset.KindComponent, name, name, node), Name: name, From: from, Flags: s.flags}
	if !s.base.IsZero() {
		c.At("flags", o.text.place(s.base))
	}
	for _, flag := range slices.Sorted(maps.Keys(s.places)) {
		c.At(`flags["`+flag+`"]`, o.text.place(s.places[flag]))
	}
	o.sink.Asset(c)
}
