package manifest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// embeddedKinds are the configuration files that are looked for in the data of
// ConfigMaps and Secrets, where components find them at run time.
var embeddedKinds = []string{"KubeletConfiguration", "KubeProxyConfiguration", "KubeSchedulerConfiguration", "ClusterConfiguration",
	"EncryptionConfiguration", "AuthenticationConfiguration", "AuthorizationConfiguration", "AdmissionConfiguration", "Policy"}

// embedded hands over the configuration files in a ConfigMap or Secret, each
// with the assets that it would be as a file of its own.
func (o *object) embedded() {
	for _, key := range []string{"data", "stringData"} {
		for _, p := range o.node.Map(key) {
			if o.kind == "Secret" && key == "data" || !strings.Contains(p.Value.Text(), "kind: ") {
				continue
			}
			for _, inner := range o.within(p.Value, p.Key.Value) {
				if !strings.Contains(inner.group(), ".k8s.io") || !slices.Contains(embeddedKinds, inner.kind) {
					continue
				}
				inner.configuration(false)
				inner.sink.Asset(&asset.Object{
					Head:       inner.head(asset.KindObject, "", "", inner.node),
					APIVersion: inner.apiVersion, ObjectKind: inner.kind, Content: inner.node, Locator: inner.text.Locate,
				})
			}
		}
	}
}

// kindPatches hands over what the patches of a kind cluster add to the
// components that kind sets up.
func (o *object) kindPatches() {
	lists := [][]*source.Node{o.node.List("kubeadmConfigPatches")}
	for _, node := range o.node.List("nodes") {
		lists = append(lists, node.List("kubeadmConfigPatches"))
	}
	for _, patch := range slices.Concat(lists...) {
		for _, inner := range o.within(patch, "kubeadmConfigPatches") {
			inner.configuration(true)
		}
	}
}

// within parses the configuration files in a text of the object. A text that is
// no YAML is no concern here: nobody said it was.
func (o *object) within(n *source.Node, scope string) []*object {
	var found []*object
	text := &Text{File: o.text.File, Content: []byte(n.Text()), Scope: strings.TrimPrefix(o.text.Scope+"/"+o.title()+"/"+scope, "/")}
	for _, doc := range source.Split(text.Content) {
		kind := doc.TopLevel("kind")
		if !slices.Contains(embeddedKinds, kind) && kind != "InitConfiguration" && kind != "JoinConfiguration" {
			continue
		}
		root, err := doc.Parse()
		if err != nil {
			continue
		}
		if text.Locate == nil {
			own := bytes.Split(text.Content, []byte("\n"))
			b := block{n, o.text.linesAfter(n.Line, len(own)), own}
			text.Locate = func(at source.Position) source.Place { return o.text.place(b.outer(at)) }
		}
		found = append(found, &object{text: text, node: root, apiVersion: root.Text("apiVersion"), kind: root.Text("kind"), sink: o.sink})
	}
	return found
}

// linesAfter returns at most some lines of the text behind a line.
func (t *Text) linesAfter(line, most int) [][]byte {
	rest := t.Content
	for range line {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return nil
		}
		rest = rest[i+1:]
	}
	lines := bytes.SplitN(rest, []byte("\n"), most+1)
	return lines[:min(len(lines), most)]
}

// block is a block scalar: its lines in the text around it, and its own.
type block struct {
	node        *source.Node
	around, own [][]byte
}

// outer turns a position within the scalar into one of the text around it: the
// same line further down, further to the right. Where the lines are not the
// same, as in a folded or quoted scalar, the scalar's own position has to do.
func (b *block) outer(at source.Position) source.Position {
	if at.Line < 1 || at.Line > len(b.around) || at.Line > len(b.own) {
		return b.node.Position
	}
	own, around := b.own[at.Line-1], bytes.TrimSuffix(b.around[at.Line-1], []byte("\r"))
	if len(own) == 0 || !bytes.HasSuffix(around, own) {
		return b.node.Position
	}
	return source.Position{Line: b.node.Line + at.Line, Column: at.Column + len(around) - len(own)}
}
