// Package cyclonedx writes what images carry as a CycloneDX 1.6 document, with
// the vulnerabilities that the packages are affected by. It is a pure function
// of the result: the serial number is made of the content, and there is a time
// in it only if one is given.
package cyclonedx

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/jsontext"
	"github.com/holdfast-sec/holdfast/internal/report/spdx"
)

// Options say what the document holds besides the result.
type Options struct {
	// Version is the version of this program.
	Version string
	// Created is when the document was made; zero leaves it out.
	Created time.Time
}

const schema = "http://cyclonedx.org/schema/bom-1.6.schema.json"

// property is the beginning of the names of our own properties.
const property = "holdfast:"

// Write renders the inventories of a result.
func Write(w io.Writer, r *finding.Result, o Options) error {
	d := newDocument(r, o)
	content := sha256.New()
	if err := d.write(content, ""); err != nil {
		return err
	}
	return d.write(w, serial(content.Sum(nil)))
}

// serial makes a UUID, of the version that is left to the maker, of a digest.
func serial(digest []byte) string {
	id := slices.Clone(digest[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	text := hex.EncodeToString(id)
	return "urn:uuid:" + strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// document is what is written, with the references between its parts.
type document struct {
	result *finding.Result
	o      Options
	images []string                  // the references of the images
	refs   map[*asset.Package]string // those of the packages
	flaws  []*flaw
}

// flaw is a vulnerability with all packages that it affects.
type flaw struct {
	*asset.Vulnerability
	packages []*asset.Package
	advice   []string
}

func newDocument(r *finding.Result, o Options) *document {
	d := &document{result: r, o: o, refs: map[*asset.Package]string{}}
	taken := map[string]int{}
	unique := func(ref string) string {
		if taken[ref]++; taken[ref] > 1 {
			return ref + "#" + strconv.Itoa(taken[ref])
		}
		return ref
	}
	byID := map[string]*flaw{}
	for i := range r.Inventories {
		inv := &r.Inventories[i]
		d.images = append(d.images, unique("image:"+imageName(inv.Image)))
		for _, p := range inv.Packages {
			d.refs[p] = unique(p.ID)
			for k := range p.Vulnerabilities {
				v := &p.Vulnerabilities[k]
				f := byID[v.ID]
				if f == nil {
					f = &flaw{Vulnerability: v}
					byID[v.ID] = f
					d.flaws = append(d.flaws, f)
				}
				f.packages = append(f.packages, p)
				if v.Fixed != "" {
					f.advice = append(f.advice, fmt.Sprintf("%s: update %s to %s", p.Type, p.Name, v.Fixed))
				}
			}
		}
	}
	slices.SortStableFunc(d.flaws, func(a, b *flaw) int { return cmp.Compare(a.ID, b.ID) })
	return d
}

// imageName is what people know an image by.
func imageName(image *asset.Image) string {
	return cmp.Or(image.Build.Ref.Text, image.Name, image.Build.Digest)
}

func (d *document) write(w io.Writer, serial string) error {
	out := jsontext.New(w)
	out.Object("")
	out.Value("$schema", schema)
	out.Value("bomFormat", "CycloneDX")
	out.Value("specVersion", "1.6")
	if serial != "" {
		out.Value("serialNumber", serial)
	}
	out.Value("version", 1)
	out.Value("metadata", d.metadata())
	out.Array("components")
	for i := range d.result.Inventories {
		inv := &d.result.Inventories[i]
		if len(d.images) > 1 {
			out.Value("", imageComponent(inv.Image, d.images[i]))
		}
		if distro := inv.Image.Build.Distro; distro.ID != "" {
			out.Value("", cdx.Component{
				BOMRef: d.images[i] + "/os", Type: cdx.ComponentTypeOS, Name: distro.ID, Version: distro.Version, Description: distro.Name,
			})
		}
		for _, p := range inv.Packages {
			out.Value("", d.component(p))
		}
	}
	out.Close()
	d.dependencies(out)
	if len(d.flaws) > 0 {
		out.Array("vulnerabilities")
		for _, f := range d.flaws {
			out.Value("", d.vulnerability(f))
		}
		out.Close()
	}
	out.Close()
	return out.Finish()
}

func (d *document) metadata() cdx.Metadata {
	m := cdx.Metadata{Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{{
		Type: cdx.ComponentTypeApplication, Name: "holdfast", Version: d.o.Version,
	}}}}
	if !d.o.Created.IsZero() {
		m.Timestamp = d.o.Created.UTC().Format(time.RFC3339)
	}
	if len(d.result.Advisories) > 0 {
		var properties []cdx.Property
		for _, a := range d.result.Advisories {
			properties = append(properties, cdx.Property{Name: property + "advisories:" + a.Ecosystem, Value: a.Date})
		}
		m.Properties = &properties
	}
	if len(d.images) == 1 {
		c := imageComponent(d.result.Inventories[0].Image, d.images[0])
		m.Component = &c
	}
	return m
}

func imageComponent(image *asset.Image, ref string) cdx.Component {
	c := cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeContainer, Name: imageName(image), Version: image.Build.Digest}
	var properties []cdx.Property
	add := func(name, value string) {
		if value != "" {
			properties = append(properties, cdx.Property{Name: property + name, Value: value})
		}
	}
	add("image:configDigest", image.Build.ConfigDigest)
	add("image:platform", strings.Trim(image.Build.OS+"/"+image.Build.Architecture, "/"))
	for _, l := range image.Build.Layers {
		add(fmt.Sprintf("image:layer:%d", l.Index), strings.TrimSpace(cmp.Or(l.DiffID, l.Digest)+" "+l.Origin))
	}
	if len(properties) > 0 {
		c.Properties = &properties
	}
	return c
}

func (d *document) component(p *asset.Package) cdx.Component {
	c := cdx.Component{
		BOMRef: d.refs[p], Type: cdx.ComponentTypeLibrary, Name: p.Name, Version: p.Version,
		PackageURL: p.PURL, Licenses: licenses(p.Licenses),
	}
	if group, name, ok := strings.Cut(p.Name, ":"); ok && p.Type == "maven" {
		c.Group, c.Name = group, name
	} else if group, name, ok := strings.Cut(p.Name, "/"); ok && (p.Type == "npm" || p.Type == "composer") {
		c.Group, c.Name = group, name
	}
	if len(p.Paths) > 0 {
		places := make([]cdx.EvidenceOccurrence, len(p.Paths))
		for i, path := range p.Paths {
			places[i].Location = path
		}
		c.Evidence = &cdx.Evidence{Occurrences: &places}
	}
	// What made the layer is left out: command lines hold credentials.
	var properties []cdx.Property
	for _, each := range []struct{ name, value string }{
		{"ecosystem", p.Ecosystem}, {"source", strings.TrimSpace(p.Source + " " + p.SourceVersion)},
		{"layer:index", strconv.FormatInt(p.Layer.Index, 10)}, {"layer:diffID", p.Layer.DiffID}, {"layer:digest", p.Layer.Digest},
		{"layer:origin", p.Layer.Origin}, {"owner", p.Owner}, {"binary", p.Binary},
	} {
		if each.value != "" {
			properties = append(properties, cdx.Property{Name: property + each.name, Value: each.value})
		}
	}
	c.Properties = &properties
	return c
}

// licenses names what the package says: an id of SPDX's list, an expression of
// them if it stands alone, or the words as they are.
func licenses(names []string) *cdx.Licenses {
	var out cdx.Licenses
	for _, name := range names {
		switch id, compound := spdx.License(name); {
		case id != "" && !compound:
			out = append(out, cdx.LicenseChoice{License: &cdx.License{ID: id}})
		case id != "" && len(names) == 1:
			out = append(out, cdx.LicenseChoice{Expression: id})
		default:
			out = append(out, cdx.LicenseChoice{License: &cdx.License{Name: name}})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return &out
}

// dependencies says what each image is made of. What packages need of each
// other is not known.
func (d *document) dependencies(out *jsontext.Writer) {
	out.Array("dependencies")
	for i := range d.result.Inventories {
		inv := &d.result.Inventories[i]
		var refs []string
		if inv.Image.Build.Distro.ID != "" {
			refs = append(refs, d.images[i]+"/os")
		}
		for _, p := range inv.Packages {
			refs = append(refs, d.refs[p])
		}
		out.Value("", cdx.Dependency{Ref: d.images[i], Dependencies: &refs})
	}
	out.Close()
}

func (d *document) vulnerability(f *flaw) cdx.Vulnerability {
	v := cdx.Vulnerability{
		BOMRef: "vulnerability:" + f.ID, ID: f.ID, Source: &cdx.Source{Name: sourceOf(f.ID), URL: f.URL},
		Description: f.Summary, Ratings: &[]cdx.VulnerabilityRating{rating(f.Vulnerability)},
	}
	slices.Sort(f.advice)
	v.Recommendation = strings.Join(slices.Compact(f.advice), "; ")
	if f.URL != "" {
		v.Advisories = &[]cdx.Advisory{{URL: f.URL}}
	}
	if _, err := time.Parse(time.DateOnly, f.Published); err == nil {
		v.Published = f.Published + "T00:00:00Z"
	}
	var references []cdx.VulnerabilityReference
	for _, alias := range f.Aliases {
		references = append(references, cdx.VulnerabilityReference{ID: alias, Source: &cdx.Source{Name: sourceOf(alias)}})
	}
	if len(references) > 0 {
		v.References = &references
	}
	var affects []cdx.Affects
	for _, p := range f.packages {
		affects = append(affects, cdx.Affects{Ref: d.refs[p], Range: &[]cdx.AffectedVersions{{Version: p.Version, Status: cdx.VulnerabilityStatusAffected}}})
	}
	v.Affects = &affects
	v.Properties = facts(f)
	return v
}

// facts are what CycloneDX has no field for.
func facts(f *flaw) *[]cdx.Property {
	var out []cdx.Property
	if f.Exploited {
		out = append(out, cdx.Property{Name: property + "exploited", Value: "true"})
	}
	if f.EPSS > 0 {
		out = append(out, cdx.Property{Name: property + "epss", Value: strconv.FormatFloat(f.EPSS, 'f', -1, 64)})
	}
	if f.Tier != "" {
		out = append(out, cdx.Property{Name: property + "tier", Value: f.Tier})
	}
	if f.Malicious {
		out = append(out, cdx.Property{Name: property + "malicious", Value: "true"})
	}
	if len(out) == 0 {
		return nil
	}
	return &out
}

func rating(v *asset.Vulnerability) cdx.VulnerabilityRating {
	r := cdx.VulnerabilityRating{Severity: cdx.SeverityUnknown, Vector: v.Vector, Justification: v.Basis}
	switch v.Severity {
	case "critical", "high", "medium", "low", "info":
		r.Severity = cdx.Severity(v.Severity)
	}
	if v.Vector != "" {
		score := v.Score
		r.Score, r.Method = &score, method(v.Vector)
	}
	return r
}

func method(vector string) cdx.ScoringMethod {
	switch {
	case strings.HasPrefix(vector, "CVSS:4"):
		return cdx.ScoringMethodCVSSv4
	case strings.HasPrefix(vector, "CVSS:3.1"):
		return cdx.ScoringMethodCVSSv31
	case strings.HasPrefix(vector, "CVSS:3"):
		return cdx.ScoringMethodCVSSv3
	case strings.Contains(vector, "AV:"):
		return cdx.ScoringMethodCVSSv2
	}
	return cdx.ScoringMethodOther
}

// sourceOf names who gave out an id.
func sourceOf(id string) string {
	switch prefix, _, _ := strings.Cut(id, "-"); prefix {
	case "CVE":
		return "NVD"
	case "GHSA":
		return "GitHub"
	default:
		return "OSV"
	}
}
