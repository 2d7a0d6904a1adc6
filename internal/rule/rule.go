// Package rule is the one rule language: YAML with a CEL condition, type-checked
// before anything is scanned.
//
// A rule judges one kind of asset ("on"). Its condition ("when") is true where
// the asset has the problem. With "each" it judges every element of a list or
// mapping of the asset and is reported once per element that has the problem.
package rule

import (
	"slices"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Rule is one rule as its YAML states it.
type Rule struct {
	// ID is a readable slug; it is never renumbered or reused.
	ID       string
	Title    string
	Topic    string
	Severity finding.Severity
	// Rating is an expression that gives the severity where it differs from
	// asset to asset, as for a vulnerability; Severity stands in for a rating
	// that names none.
	Rating Expr
	// On is the kind of asset that is judged.
	On asset.Kind
	// Kinds limits a rule on objects to some Kubernetes kinds; a rule on
	// objects needs it, as it decides what is worth parsing.
	Kinds []string
	// Formats limits the rule to assets declared in some languages.
	Formats []asset.Format
	// Each is the path of the list or mapping whose elements are judged one by
	// one as "each": "container.mounts", "image.instructions[].commands" (whose
	// outer element is "parent"), "object.data" (each.key, each.value).
	Each Expr
	// When is the condition.
	When Expr
	// Unless names rules on the same assets (and elements) that are more
	// precise: where one of them fires, this one does not. One problem is one
	// finding.
	Unless []string
	// At is the path of the field whose place is reported: within the asset,
	// or within the element if there is an Each.
	At string
	// Message is an expression that gives the finding's sentence.
	Message Expr
	Why     string
	Fix     string
	Refs    map[string][]string
	// Sensitive says that the reported value is a secret: it is never shown.
	Sensitive bool
	// Edits are the mechanical remedies by format, for `holdfast fix`.
	Edits    map[string]Edit
	Examples Examples
	// Place is where the rule is written.
	Place source.Place
	// BuiltIn says that the rule came with the program.
	BuiltIn bool
}

// Expr is an expression and where it is written.
type Expr struct {
	Text  string
	Place source.Place
	// block says that it is a block scalar, whose text starts on the next line.
	block bool
}

// Edit is a mechanical remedy in one format. Exactly one of Set, Remove and
// Append names where: a path from the asset's own mapping, or for a Dockerfile
// an instruction.
type Edit struct {
	// Set writes Value at the path, creating what is absent on the way.
	Set string
	// Remove deletes the key or element at the path.
	Remove string
	// Append adds Value to the list at the path, creating it if absent.
	Append string
	// Value is the YAML or Dockerfile text that is written.
	Value string
}

// Examples are inputs on which the rule must fire, and must not.
type Examples struct {
	Bad  []Example
	Good []Example
}

// Example is one input. Format is "kubernetes" (whole objects), "pod" (fields of
// a pod's spec), "container" (fields of a container), "compose" (a whole file),
// "service" (fields of a Compose service), "dockerfile", or the fields of an
// asset that no text declares: "image", "package", "file".
type Example struct {
	Format string
	Text   string
	Place  source.Place
}

// Topics are the allowed topics, the grounds that Holdfast covers.
func Topics() []string {
	return []string{"data", "image", "orchestrator", "privilege", "pipeline", "exposure"}
}

// ExampleFormats are the allowed formats of examples.
func ExampleFormats() []string {
	return []string{"kubernetes", "pod", "container", "compose", "service", "dockerfile", "image", "package", "file"}
}

// AppliesTo reports whether the rule judges this asset at all.
func (r *Rule) AppliesTo(a asset.Asset) bool {
	if len(r.Formats) > 0 && !slices.Contains(r.Formats, a.Meta().Format) {
		return false
	}
	if object, ok := a.(*asset.Object); ok {
		return slices.Contains(r.Kinds, object.ObjectKind)
	}
	return true
}
