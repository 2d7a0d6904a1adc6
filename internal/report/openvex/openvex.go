// Package openvex writes what is known of vulnerabilities as an OpenVEX
// document, for those who get the image: which ones it is affected by, and which
// ones it is not, as the flawed code is not linked or as somebody has said so.
//
// What could not be judged is no statement: a vulnerability that is not named
// here may well be there.
package openvex

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/jsontext"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// Options say what the document holds besides the statements.
type Options struct {
	// Version is the version of this program.
	Version string
	// Author is who stands by the statements; "" is this program.
	Author string
	// Today is the day of the document, YYYY-MM-DD.
	Today string
}

const (
	context = "https://openvex.dev/ns/v0.2.0"
	// idPrefix comes before the hash of the statements.
	idPrefix = "https://holdfast.dev/vex/"
	// maxWords bounds a text of a statement.
	maxWords = 1000
)

// Write renders the result.
func Write(w io.Writer, r *finding.Result, o Options) error {
	statements := statementsOf(r)
	id, err := idOf(statements)
	if err != nil {
		return err
	}
	out := jsontext.New(w)
	out.Object("")
	out.Value("@context", context)
	out.Value("@id", id)
	out.Value("author", cmp.Or(o.Author, "Holdfast"))
	out.Value("timestamp", o.Today+"T00:00:00Z")
	out.Value("version", 1)
	out.Value("tooling", strings.TrimSpace(strings.TrimSpace("holdfast "+o.Version)+" "+wording.Advisories(r.Advisories)))
	out.Array("statements")
	for i := range statements {
		out.Value("", &statements[i])
	}
	out.Close()
	out.Close()
	return out.Finish()
}

// idOf names a document by what it says: the same statements are the same
// document.
func idOf(statements []statement) (string, error) {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(statements); err != nil {
		return "", fmt.Errorf("hashing the statements: %w", err)
	}
	return idPrefix + hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// claim is what is said of one vulnerability in one package of one product.
type claim struct {
	vulnerability *finding.Vulnerability
	product       product // without subcomponents
	part          string
	verdict
}

// verdict is the part of a statement that does not depend on the product.
type verdict struct {
	status, justification, impact, action, notes string
}

// statementsOf makes the statements of a result. Claims that say the same of one
// vulnerability are one statement; where claims about one package contradict
// each other, as it is in two programs, it is affected.
func statementsOf(r *finding.Result) []statement {
	images := map[string]*finding.Image{}
	for i := range r.Images {
		images[r.Images[i].File] = &r.Images[i]
	}
	worst := map[[3]string]claim{}
	for _, list := range [][]finding.Finding{r.Findings, r.Suppressed} {
		for i := range list {
			f := &list[i]
			if f.Vulnerability == nil || f.Package == nil {
				continue
			}
			c := claimOf(f, images[f.Asset.Place.File])
			key := [3]string{c.vulnerability.ID, c.product.ID, c.part}
			if known, ok := worst[key]; !ok || compareVerdicts(c.verdict, known.verdict) < 0 {
				worst[key] = c
			}
		}
	}
	claims := make([]claim, 0, len(worst))
	for _, c := range worst {
		claims = append(claims, c)
	}
	slices.SortFunc(claims, compareClaims)
	return grouped(claims)
}

func compareClaims(a, b claim) int {
	return cmp.Or(cmp.Compare(a.vulnerability.ID, b.vulnerability.ID), compareVerdicts(a.verdict, b.verdict),
		cmp.Compare(a.product.ID, b.product.ID), cmp.Compare(a.part, b.part))
}

// compareVerdicts puts the worse one first.
func compareVerdicts(a, b verdict) int {
	rank := func(v verdict) int { return slices.Index([]string{affected, notAffected, fixed}, v.status) }
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.notes, b.notes), cmp.Compare(a.justification, b.justification),
		cmp.Compare(a.impact, b.impact), cmp.Compare(a.action, b.action))
}

// grouped makes one statement of the claims that differ only in the product.
func grouped(claims []claim) []statement {
	var out []statement
	for i, c := range claims {
		same := i > 0 && claims[i-1].vulnerability.ID == c.vulnerability.ID && claims[i-1].verdict == c.verdict
		if !same {
			out = append(out, statement{
				Vulnerability: vulnerability{Name: wording.Line(c.vulnerability.ID), Aliases: lines(c.vulnerability.Aliases)},
				Status:        c.status, Justification: c.justification, ImpactStatement: c.impact, ActionStatement: c.action, StatusNotes: c.notes,
			})
		}
		s := &out[len(out)-1]
		if last := len(s.Products) - 1; last < 0 || s.Products[last].ID != c.product.ID {
			s.Products = append(s.Products, c.product)
		}
		if c.part != "" {
			p := &s.Products[len(s.Products)-1]
			p.Subcomponents = append(p.Subcomponents, component{ID: c.part})
		}
	}
	return out
}

func lines(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, wording.Line(t))
	}
	return out
}
