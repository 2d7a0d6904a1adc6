package vex

import (
	"slices"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// openVEX reads the statements of an OpenVEX document.
func (d *document) openVEX(root *source.Node) {
	for _, n := range root.List("statements") {
		s := Statement{
			Justification: joined(n.Text("justification"), n.Text("impact_statement")),
			Time:          firstTime(n.Text("last_updated"), n.Text("timestamp"), root.Text("last_updated"), root.Text("timestamp")),
		}
		// Before version 0.2.0 a vulnerability was its name, and a product its id.
		v := n.Get("vulnerability")
		s.Vulnerabilities = appendText(s.Vulnerabilities, v.Text("name"))
		s.Vulnerabilities = appendText(s.Vulnerabilities, n.Text("vulnerability"))
		s.Vulnerabilities = append(s.Vulnerabilities, v.Strings("aliases")...)
		switch status := Status(n.Text("status")); status {
		case NotAffected, Affected, Fixed, UnderInvestigation:
			s.Status = status
		}
		for _, p := range n.List("products") {
			product := Product{Names: componentNames(p)}
			for _, part := range p.List("subcomponents") {
				product.Parts = append(product.Parts, componentNames(part)...)
			}
			if len(p.List("subcomponents")) > 0 && len(filter(product.Parts, isPURL)) == 0 {
				continue // it is about a part that has no name that is read
			}
			s.Products = append(s.Products, product)
		}
		d.add(s, n)
	}
}

// componentNames are all names of a component: its id, identifiers, hashes.
func componentNames(n *source.Node) []string {
	if n.Kind == source.String {
		return []string{n.Value}
	}
	names := appendText(nil, n.Text("@id"))
	names = appendText(names, n.Text("identifiers", "purl"))
	if hash := n.Text("hashes", "sha-256"); hash != "" {
		names = append(names, "sha256:"+hash)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
