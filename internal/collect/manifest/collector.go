// Package manifest reads Kubernetes objects from YAML and JSON and normalises
// them: pods and their containers as Kubernetes would run them, RBAC as grants,
// control-plane components with their settings, namespaces with what the
// objects around them say. Helm charts and Kustomize overlays are rendered by
// the packages below and normalised here.
package manifest

import (
	"bytes"
	"context"
	"path"
	"slices"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// Collector reads plain manifests: files with Kubernetes objects.
type Collector struct {
	set     *Set
	buffers sync.Pool
}

// New returns a collector for one run.
func New() *Collector { return &Collector{set: NewSet()} }

// Name implements collect.Collector.
func (c *Collector) Name() string { return "manifest" }

// extensions are those of files that may hold manifests.
var extensions = []string{".yaml", ".yml", ".json"}

// Claim implements collect.Collector. It takes files that name an apiVersion
// and a kind, and YAML and JSON that the user asked for by name and nobody else
// knows, so that it is told what is wrong with it.
func (c *Collector) Claim(t *collect.Tree) []collect.Input {
	var inputs []collect.Input
	for _, e := range t.Unclaimed() {
		known := slices.Contains(extensions, path.Ext(e.Path))
		if known && e.Explicit || (known || e.Explicit || isKubeconfigName(e)) && isManifest(e) {
			e.Claim()
			inputs = append(inputs, file{e, c.set, &c.buffers})
		}
	}
	return inputs
}

// isKubeconfigName knows the names of the files that people and nodes log in to
// clusters with: ~/.kube/config, shop.kubeconfig, admin.conf.
func isKubeconfigName(e *collect.Entry) bool {
	return slices.Contains([]string{".kubeconfig", ".conf"}, path.Ext(e.Path)) || slices.Contains([]string{"kubeconfig", "config"}, e.Base())
}

// isManifest looks at the first bytes, and at the whole file where the object
// may start behind a long comment or a long first document.
func isManifest(e *collect.Entry) bool {
	head := e.Head()
	if looksLikeManifest(head) {
		return true
	}
	if len(head) < collect.HeadSize {
		return false
	}
	text, err := e.Read()
	return err == nil && looksLikeManifest(text)
}

// looksLikeManifest finds the two keys that every Kubernetes object has, at the
// start of lines of YAML or anywhere in JSON.
func looksLikeManifest(text []byte) bool {
	return hasKey(text, "apiVersion") && hasKey(text, "kind")
}

func hasKey(text []byte, key string) bool {
	if bytes.Contains(text, []byte("\""+key+"\"")) {
		return true
	}
	for len(text) > 0 {
		i := bytes.Index(text, []byte(key+":"))
		if i < 0 {
			return false
		}
		if i == 0 || text[i-1] == '\n' || text[i-1] == '{' || bytes.HasSuffix(text[:i], []byte("- ")) || bytes.HasSuffix(text[:i], []byte("\ufeff")) {
			return true
		}
		text = text[i+len(key):]
	}
	return false
}

// Finish implements collect.Collector.
func (c *Collector) Finish(_ context.Context, sink collect.Sink) { c.set.Finish(sink) }

// file is one file with manifests.
type file struct {
	entry   *collect.Entry
	set     *Set
	buffers *sync.Pool // of *bytes.Buffer: parsing copies what it keeps
}

func (f file) Path() string { return f.entry.Path }

func (f file) Read(_ context.Context, sink collect.Sink) {
	buffer, ok := f.buffers.Get().(*bytes.Buffer)
	if !ok {
		buffer = &bytes.Buffer{}
	}
	defer func() {
		buffer.Reset()
		f.buffers.Put(buffer)
	}()
	text, ok := f.entry.ReadTextInto(buffer, sink)
	if !ok {
		return
	}
	f.set.Add(Text{File: f.entry.Path, Content: text}, sink)
}
