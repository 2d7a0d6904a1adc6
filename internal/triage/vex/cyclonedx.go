package vex

import (
	"net/url"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// cycloneDX reads the analyses of the vulnerabilities of a CycloneDX document.
func (d *document) cycloneDX(root *source.Node) {
	main := root.Get("metadata", "component")
	names := map[string][]string{}
	collectComponents(root.List("components"), names)
	collectComponents(main.List("components"), names)
	product := bomNames(main)
	for _, v := range root.List("vulnerabilities") {
		analysis := v.Get("analysis")
		s := Statement{
			Vulnerabilities: appendText(nil, v.Text("id")),
			Status:          analysisStatus(analysis.Text("state")),
			Justification:   joined(analysis.Text("justification"), analysis.Text("detail")),
			Time:            firstTime(analysis.Text("lastUpdated"), analysis.Text("firstIssued"), v.Text("updated"), root.Text("metadata", "timestamp")),
		}
		if analysis == nil {
			continue // a vulnerability that nobody has looked at yet
		}
		if s.Justification == "" && s.Status == NotAffected {
			s.Justification = analysis.Text("state")
		}
		for _, r := range v.List("references") {
			s.Vulnerabilities = appendText(s.Vulnerabilities, r.Text("id"))
		}
		for _, a := range v.List("affects") {
			if len(a.List("versions")) > 0 {
				continue // versions have statuses of their own, which are not read
			}
			s.Products = append(s.Products, affected(a.Text("ref"), main.Text("bom-ref"), product, names))
		}
		d.add(s, v)
	}
}

// affected resolves a reference: to the main component, to a component within
// it, or to a component of another document, whose reference often is a package
// URL.
func affected(ref, main string, product []string, names map[string][]string) Product {
	if strings.HasPrefix(ref, "urn:cdx:") {
		_, fragment, _ := strings.Cut(ref, "#")
		if name, err := url.PathUnescape(fragment); err == nil {
			return Product{Names: filter([]string{name}, isPURL)}
		}
		return Product{}
	}
	if ref == main && ref != "" {
		return Product{Names: product}
	}
	parts := names[ref]
	if len(parts) == 0 {
		parts = filter([]string{ref}, isPURL)
	}
	if len(parts) == 0 || len(readable(product)) == 0 {
		// Without a product that has a name, the component speaks for itself.
		return Product{Names: parts}
	}
	return Product{Names: product, Parts: parts}
}

func analysisStatus(state string) Status {
	switch state {
	case "not_affected", "false_positive":
		return NotAffected
	case "resolved", "resolved_with_pedigree":
		return Fixed
	case "exploitable":
		return Affected
	case "in_triage":
		return UnderInvestigation
	}
	return ""
}

// collectComponents maps the references of components, nested ones included, to
// their names.
func collectComponents(list []*source.Node, names map[string][]string) {
	for _, c := range list {
		if ref := c.Text("bom-ref"); ref != "" {
			names[ref] = filter(bomNames(c), isPURL)
		}
		collectComponents(c.List("components"), names)
	}
}

// bomNames are the names of a component. A container's version often is its
// digest.
func bomNames(c *source.Node) []string {
	names := appendText(nil, c.Text("purl"))
	for _, h := range c.List("hashes") {
		if h.Text("alg") == "SHA-256" {
			names = append(names, "sha256:"+h.Text("content"))
		}
	}
	if c.Text("type") == "container" {
		names = appendText(names, c.Text("name"))
		if version := c.Text("version"); IsDigest(version) {
			names = append(names, version)
		}
	}
	return names
}
