// Package asset names what can be lost: containers, pods, images, grants,
// components and the objects around them, normalised so that one rule judges
// the same thing wherever it was declared.
//
// The fields with a json tag are also the vocabulary of the rule language and
// of the field paths in findings. A collector resolves what its platform would
// resolve (defaults, inheritance, overrides) before it fills them; it records in
// Head.Fields where each declared value stands. The package does no I/O.
package asset

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// Kind is a type of asset, as the rule language spells it in "on".
type Kind string

// The kinds of asset.
const (
	KindContainer Kind = "container"
	KindPod       Kind = "pod"
	KindImage     Kind = "image"
	KindGrant     Kind = "grant"
	KindNamespace Kind = "namespace"
	KindComponent Kind = "component"
	KindObject    Kind = "object"
	KindPackage   Kind = "package"
	KindFile      Kind = "file"
)

// Format is the language that an asset was declared in.
type Format string

// The formats that are read.
const (
	Kubernetes Format = "kubernetes"
	Compose    Format = "compose"
	Dockerfile Format = "dockerfile"
	// Built is an image as it was built: in a registry, an archive, an engine.
	Built Format = "image"
	// Folder is files as they lie in a folder or in a git history.
	Folder Format = "folder"
)

// Asset is anything that a rule can judge.
type Asset interface {
	// Meta returns the head that every asset has.
	Meta() *Head
	// Locate returns where a finding about the field belongs: at the value
	// where it is declared, else at the nearest parent that is, else at the
	// asset. The flag says whether the field itself is declared.
	Locate(path string) (place source.Place, declared bool)
}

// Head is what every asset has: who it is and where it comes from.
type Head struct {
	Kind Kind `json:"kind"`
	// ID is stable while lines move: file, object and name, never a position.
	ID string `json:"id"`
	// Name is for people: "Deployment shop/web, container app".
	Name   string `json:"name"`
	Format Format `json:"format"`
	// Scope tells apart renderings of the same object, such as the values file
	// of a chart; "" for what stands in a file as it is.
	Scope string `json:"scope,omitempty"`
	// Place is where the asset is declared, from its first line to its last.
	Place source.Place `json:"place"`
	// Fields says where the declared values stand; see Locate.
	Fields []Field `json:"fields,omitempty"`
	// Unknown lists the fields whose value could not be decided, each with the
	// reason. A rule whose verdict depends on one is undetermined.
	Unknown []Unknown `json:"unknown,omitempty"`
	// Ignores are the texts of ignore annotations or labels on the object that
	// declares the asset.
	Ignores []string `json:"-"`
}

// Meta implements Asset for every type that embeds a Head.
func (h *Head) Meta() *Head { return h }

// Field is where one declared value stands. Path is the json path of the field
// within its asset, such as "privileged" or "mounts[2].hostPath".
type Field struct {
	Path  string       `json:"path"`
	Place source.Place `json:"place"`
}

// Unknown is a field whose value could not be decided.
type Unknown struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// At records where a declared value stands. The empty path is the parent of
// every field: where absent ones are reported if not at the asset's first line.
func (h *Head) At(path string, place source.Place) {
	if place.Line > 0 || place.Rendered {
		h.Fields = append(h.Fields, Field{path, place})
	}
}

// Locate implements Asset from the recorded Fields.
func (h *Head) Locate(path string) (source.Place, bool) {
	for declared := true; ; declared = false {
		for i := len(h.Fields) - 1; i >= 0; i-- {
			if h.Fields[i].Path == path {
				return h.Fields[i].Place, declared && path != ""
			}
		}
		if path == "" {
			break
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	start := h.Place
	start.EndLine, start.EndColumn = 0, 0
	return start, false
}
