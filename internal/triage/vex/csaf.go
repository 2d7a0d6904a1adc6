package vex

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// csaf reads the statements of a CSAF document, one for each vulnerability and
// status.
func (d *document) csaf(root *source.Node) {
	tree := newTree(root.Get("product_tree"))
	made := firstTime(root.Text("document", "tracking", "current_release_date"), root.Text("document", "tracking", "initial_release_date"))
	for _, v := range root.List("vulnerabilities") {
		ids := appendText(nil, v.Text("cve"))
		for _, id := range v.List("ids") {
			ids = appendText(ids, id.Text("text"))
		}
		why := justifications(v, tree.groups)
		for _, status := range v.Map("product_status") {
			s := Statement{Vulnerabilities: ids, Status: csafStatus(status.Key.Value), Time: made}
			if s.Status == "" {
				continue // recommended: it says nothing about being affected
			}
			d.csafStatements(s, status, why, tree)
			if d.cut {
				return
			}
		}
	}
}

// csafStatements makes a statement for each reason that products of one status
// have in common.
func (d *document) csafStatements(s Statement, status source.Pair, why map[string]string, tree *tree) {
	var reasons []string
	products := map[string][]Product{}
	for _, id := range status.Value.Items {
		if id.Kind != source.String {
			continue
		}
		reason := why[id.Value]
		if _, ok := products[reason]; !ok {
			reasons = append(reasons, reason)
		}
		products[reason] = append(products[reason], tree.product(id.Value))
	}
	for _, reason := range reasons {
		s.Justification, s.Products = reason, products[reason]
		d.add(s, status.Key)
	}
}

func csafStatus(name string) Status {
	switch name {
	case "known_not_affected":
		return NotAffected
	case "fixed", "first_fixed":
		return Fixed
	case "known_affected", "first_affected", "last_affected":
		return Affected
	case "under_investigation":
		return UnderInvestigation
	}
	return ""
}

// justifications maps products to why they are not affected: the flag, and the
// impact in words.
func justifications(v *source.Node, groups map[string][]string) map[string]string {
	why := map[string]string{}
	note := func(n *source.Node, text string) {
		ids := n.Strings("product_ids")
		for _, group := range n.Strings("group_ids") {
			ids = append(ids, groups[group]...)
		}
		for _, id := range ids {
			if len(why[id]) < maxText {
				why[id] = joined(why[id], text)
			}
		}
	}
	for _, flag := range v.List("flags") {
		note(flag, flag.Text("label"))
	}
	for _, threat := range v.List("threats") {
		if threat.Text("category") == "impact" {
			note(threat, clip(threat.Text("details")))
		}
	}
	return why
}

// tree is the products of a CSAF document by their ids.
type tree struct {
	names  map[string][]string
	within map[string]relation
	groups map[string][]string
}

// relation says that a product is a part in another one.
type relation struct{ part, of string }

func newTree(n *source.Node) *tree {
	t := &tree{names: map[string][]string{}, within: map[string]relation{}, groups: map[string][]string{}}
	t.branches(n.List("branches"))
	for _, p := range n.List("full_product_names") {
		t.name(p)
	}
	for _, r := range n.List("relationships") {
		t.name(r.Get("full_product_name"))
		id := r.Text("full_product_name", "product_id")
		t.within[id] = relation{r.Text("product_reference"), r.Text("relates_to_product_reference")}
	}
	for _, g := range n.List("product_groups") {
		t.groups[g.Text("group_id")] = g.Strings("product_ids")
	}
	return t
}

func (t *tree) branches(branches []*source.Node) {
	for _, b := range branches {
		t.name(b.Get("product"))
		t.branches(b.List("branches"))
	}
}

func (t *tree) name(product *source.Node) {
	helper := product.Get("product_identification_helper")
	names := appendText(nil, helper.Text("purl"))
	names = append(names, helper.Strings("purls")...)
	for _, h := range helper.List("hashes") {
		for _, f := range h.List("file_hashes") {
			if strings.EqualFold(f.Text("algorithm"), "sha256") {
				names = append(names, "sha256:"+strings.ToLower(f.Text("value")))
			}
		}
	}
	if id := product.Text("product_id"); id != "" && len(names) > 0 {
		t.names[id] = names
	}
}

// product resolves an id: a product with a name of its own, or a part in
// another. Parts of parts are not gone into further: the outer one decides.
func (t *tree) product(id string) Product {
	r, ok := t.within[id]
	if !ok || len(t.names[id]) > 0 {
		return Product{Names: t.names[id]}
	}
	outer := r.of
	for range 8 {
		next, ok := t.within[outer]
		if !ok || len(t.names[outer]) > 0 {
			break
		}
		outer = next.of
	}
	part := r.part
	for range 8 {
		next, ok := t.within[part]
		if !ok || len(t.names[part]) > 0 {
			break
		}
		part = next.part
	}
	return Product{Names: t.names[outer], Parts: t.names[part]}
}
