package openvex

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// The statuses, and the justification for code that is not linked.
const (
	affected    = "affected"
	notAffected = "not_affected"
	fixed       = "fixed"

	codeNotPresent = "vulnerable_code_not_present"
)

// justifications are OpenVEX's, by the names that other forms have for them.
var justifications = map[string]string{
	"component_not_present":                             "component_not_present",
	"vulnerable_code_not_present":                       codeNotPresent,
	"vulnerable_code_not_in_execute_path":               "vulnerable_code_not_in_execute_path",
	"vulnerable_code_cannot_be_controlled_by_adversary": "vulnerable_code_cannot_be_controlled_by_adversary",
	"inline_mitigations_already_exist":                  "inline_mitigations_already_exist",

	"code_not_present":                codeNotPresent,
	"code_not_reachable":              "vulnerable_code_not_in_execute_path",
	"protected_by_compiler":           "inline_mitigations_already_exist",
	"protected_at_runtime":            "inline_mitigations_already_exist",
	"protected_at_perimeter":          "inline_mitigations_already_exist",
	"protected_by_mitigating_control": "inline_mitigations_already_exist",
}

// claimOf is what a finding says of its vulnerability.
func claimOf(f *finding.Finding, image *finding.Image) claim {
	c := claim{vulnerability: f.Vulnerability, verdict: verdictOf(f)}
	part := cmp.Or(f.Package.PURL, f.Package.Name+"@"+f.Package.Version)
	if c.product = productOf(image); c.product.ID == "" {
		c.product.ID = wording.Line(part)
	} else {
		c.part = wording.Line(part)
	}
	return c
}

func verdictOf(f *finding.Finding) verdict {
	s := f.Suppressed
	switch {
	case s != nil && s.By == "vex" && s.Status == fixed:
		return verdict{status: fixed, notes: words(s.Reason)}
	case s != nil && s.By == "vex":
		label, rest, _ := strings.Cut(s.Reason, ": ")
		if justification := justifications[label]; justification != "" {
			return verdict{status: notAffected, justification: justification, impact: words(rest)}
		}
		return verdict{status: notAffected, impact: words(cmp.Or(s.Reason, "a VEX statement says so"))}
	case f.Vulnerability.Tier == "module":
		return verdict{status: notAffected, justification: codeNotPresent, impact: "The flawed package is not linked into the program."}
	case f.Vulnerability.Tier == "package":
		return verdict{status: notAffected, justification: codeNotPresent, impact: "None of the flawed functions is linked into the program."}
	}
	v := verdict{status: affected, action: action(f)}
	if s != nil {
		v.notes = words("Accepted by " + s.By + ": " + cmp.Or(s.Reason, "no reason is given"))
	}
	return v
}

// action is what to do about it, which OpenVEX wants to be told.
func action(f *finding.Finding) string {
	switch {
	case f.Vulnerability.Malicious:
		return words("Remove " + f.Package.Name + ": it is malware.")
	case f.Vulnerability.Fixed != "":
		return words("Update " + cmp.Or(f.Package.Source, f.Package.Name) + " to " + f.Vulnerability.Fixed + " or later.")
	}
	return "No version fixes it yet."
}

func words(text string) string { return wording.Cut(wording.Line(text), maxWords) }

// productOf names an image by its digest, and by that of its configuration where
// it has no manifest.
func productOf(image *finding.Image) product {
	if image == nil {
		return product{}
	}
	name := image.Name[strings.LastIndexByte(image.Name, '/')+1:]
	digest := cmp.Or(image.Digest, image.ConfigDigest)
	if name == "" || digest == "" {
		// Without a name the digest is one, and without a digest there is none.
		return product{component: component{ID: digest}}
	}
	purl := "pkg:oci/" + url.PathEscape(strings.ToLower(name)) + "@" + strings.Replace(digest, ":", "%3A", 1) +
		"?repository_url=" + strings.ReplaceAll(url.QueryEscape(image.Name), "%2F", "/")
	p := product{component: component{ID: purl, Identifiers: &identifiers{purl}}}
	if hex, ok := strings.CutPrefix(digest, "sha256:"); ok {
		p.Hashes = &hashes{hex}
	}
	return p
}
