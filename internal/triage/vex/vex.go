// Package vex reads statements about which vulnerabilities matter in which
// products, in the forms that are exchanged: OpenVEX, CSAF and CycloneDX, as
// JSON.
//
// A statement hides findings, so it has to name what it is about: a package by
// its package URL, an image by its digest or its name. What names its products
// only by CPE or in words is said to be unread, and never guessed at.
package vex

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Status is what a statement says of a vulnerability in a product.
type Status string

// The statuses, as OpenVEX calls them.
const (
	NotAffected        Status = "not_affected"
	Affected           Status = "affected"
	Fixed              Status = "fixed"
	UnderInvestigation Status = "under_investigation"
)

// Statement is one statement.
type Statement struct {
	// Vulnerabilities are the ids of one vulnerability: "CVE-2024-1" and aliases.
	Vulnerabilities []string
	// Products are what it is about: any of them.
	Products []Product
	Status   Status
	// Justification says why, in the words of the document, "" if it does not.
	Justification string
	// Time is when it was made, zero if that is not known. The later one of two
	// holds.
	Time time.Time
	// Place is where it stands.
	Place source.Place
}

// Product is a product, or parts of one.
type Product struct {
	// Names are its package URLs, digests ("sha256:...") and image references:
	// any of them is the product.
	Names []string
	// Parts are package URLs of packages within it. None is all of it.
	Parts []string
}

// The bounds on documents: they come from others.
const (
	maxDocument = 32 << 20
	// maxValues bounds the values in a document, which take more memory than
	// their text.
	maxValues     = 1_500_000
	maxStatements = 200_000
	// maxProducts bounds the products of all statements: CSAF names them once and
	// refers to them from everywhere.
	maxProducts = 1_000_000
	// maxText is the longest name that is read, and the longest reason.
	maxText = 500
)

// Parse reads a document, whichever of the forms it has. The file is what notes
// and places call it. Notes say which statements are unread, and why.
func Parse(file string, text []byte) ([]Statement, []finding.Note, error) {
	if len(text) > maxDocument {
		return nil, nil, fmt.Errorf("reading %s: it is larger than %d MiB", file, maxDocument>>20)
	}
	if n := bytes.Count(text, []byte(",")) + bytes.Count(text, []byte("[")) + bytes.Count(text, []byte("{")); n > maxValues {
		return nil, nil, fmt.Errorf("reading %s: it has more than %d values", file, maxValues)
	}
	root, err := parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s as VEX: %w", file, err)
	}
	d := document{file: file}
	switch {
	case strings.Contains(root.Text("@context"), "openvex"):
		d.openVEX(root)
	case root.Text("bomFormat") == "CycloneDX":
		d.cycloneDX(root)
	case root.Has("document", "csaf_version"):
		d.csaf(root)
	default:
		return nil, nil, fmt.Errorf("reading %s: it is no VEX document that is known: use OpenVEX, CSAF or CycloneDX, as JSON", file)
	}
	if d.cut {
		return nil, nil, fmt.Errorf("reading %s: it has more than %d statements or %d products: split it", file, maxStatements, maxProducts)
	}
	return d.statements, d.notes, nil
}

func parse(text []byte) (*source.Node, error) {
	docs := source.Split(text)
	if len(docs) != 1 || !docs[0].IsJSON() {
		return nil, errors.New("it is no JSON document")
	}
	return docs[0].Parse()
}

// document collects the statements of a document.
type document struct {
	file       string
	statements []Statement
	notes      []finding.Note
	products   int
	cut        bool
}

// add keeps a statement if it says something about something that has a name.
func (d *document) add(s Statement, at *source.Node) {
	s.Place = source.Place{File: d.file, Position: at.Place()}
	products := s.Products
	s.Products = nil
	for _, p := range products {
		if p = p.precise(); len(p.Names) > 0 {
			s.Products = append(s.Products, p)
		}
	}
	what := "the statement on " + clip(strings.Join(s.Vulnerabilities[:min(len(s.Vulnerabilities), 1)], ""))
	switch d.products += len(s.Products); {
	case len(d.statements) >= maxStatements || d.products > maxProducts:
		d.cut = true
	case len(s.Vulnerabilities) == 0:
		d.note(s.Place, "a statement that names no vulnerability is disregarded")
	case s.Status == "":
		d.note(s.Place, what+" is disregarded, as its status is none that is known")
	case len(s.Products) == 0:
		d.note(s.Place, what+" is disregarded, as it names no product by package URL, digest or image reference")
	default:
		s.Justification = clip(s.Justification)
		d.statements = append(d.statements, s)
	}
}

// maxNotes is how many unread statements of a document are told one by one.
const maxNotes = 20

func (d *document) note(place source.Place, message string) {
	switch n := len(d.notes); {
	case n < maxNotes:
		d.notes = append(d.notes, finding.Note{Message: message, File: place.File, Line: place.Line})
	case n == maxNotes:
		d.notes = append(d.notes, finding.Note{Message: "more statements are disregarded, for reasons such as those", File: place.File})
	}
}

// precise keeps of a product what names it. The parts of a product without any
// name that is read are products themselves where they name a version: that can
// be only one. Without a version the product would decide, and is not known.
func (p Product) precise() Product {
	p.Names, p.Parts = readable(p.Names), filter(p.Parts, isPURL)
	if len(p.Names) > 0 || len(p.Parts) == 0 {
		return p
	}
	return Product{Names: filter(p.Parts, func(purl string) bool {
		version, _, _ := strings.Cut(purl, "?")
		return strings.Contains(version, "@")
	})}
}

func readable(names []string) []string {
	return filter(names, func(name string) bool { return isPURL(name) || IsDigest(name) || isReference(name) })
}

func filter(list []string, keep func(string) bool) []string {
	var out []string
	for _, item := range list {
		if len(item) <= maxText && keep(item) {
			out = append(out, item)
		}
	}
	return out
}

func isPURL(name string) bool { return strings.HasPrefix(name, "pkg:") }

// IsDigest reports whether a name is a digest as registries write it.
func IsDigest(name string) bool {
	return strings.HasPrefix(name, "sha256:") && len(name) == len("sha256:")+64
}

// isReference reports whether a name may be the reference of an image: what has
// a scheme is a name of something else.
func isReference(name string) bool {
	return name != "" && !strings.Contains(name, "://") && !strings.ContainsAny(name, " \t\n") &&
		!strings.HasPrefix(name, "urn:") && !strings.HasPrefix(name, "cpe:")
}

// clip shortens a text of unknown origin.
func clip(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}

// moment reads a time; what is none is zero.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// firstTime returns the first time that is known.
func firstTime(texts ...string) time.Time {
	for _, text := range texts {
		if t := moment(text); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// joined puts the words for why together.
func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}

// appendText appends a text if there is one.
func appendText(list []string, text string) []string {
	if text == "" {
		return list
	}
	return append(list, text)
}
