// Package spdx writes what images carry as an SPDX 2.3 document in JSON. It is a
// pure function of the result: the namespace is made of the content, and the
// time is the one that is given, or else the day that the image was made.
package spdx

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/jsontext"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

// Options say what the document holds besides the result.
type Options struct {
	// Version is the version of this program.
	Version string
	// Created is when the document was made; zero is the day of the image.
	Created time.Time
}

const (
	namespace   = "https://holdfast.dev/spdx/"
	noAssertion = "NOASSERTION"
)

// Write renders the inventories of a result.
func Write(w io.Writer, r *finding.Result, o Options) error {
	d := &document{result: r, o: o, licenses: map[string]string{}}
	content := sha256.New()
	if err := d.write(content, namespace); err != nil {
		return err
	}
	return d.write(w, namespace+hex.EncodeToString(content.Sum(nil)[:16]))
}

type document struct {
	result   *finding.Result
	o        Options
	licenses map[string]string // words by the reference that stands for them
}

func (d *document) write(w io.Writer, namespace string) error {
	out := jsontext.New(w)
	out.Object("")
	out.Value("spdxVersion", v2_3.Version)
	out.Value("dataLicense", v2_3.DataLicense)
	out.Value("SPDXID", "SPDXRef-DOCUMENT")
	out.Value("name", d.name())
	out.Value("documentNamespace", namespace)
	out.Value("creationInfo", v2_3.CreationInfo{
		Creators: []common.Creator{{CreatorType: "Tool", Creator: strings.TrimSuffix("holdfast-"+d.o.Version, "-")}},
		Created:  d.created(), CreatorComment: wording.Advisories(d.result.Advisories),
	})
	out.Array("packages")
	for i := range d.result.Inventories {
		inv := &d.result.Inventories[i]
		out.Value("", imagePackage(inv.Image, imageID(i)))
		for k, p := range inv.Packages {
			out.Value("", d.pkg(p, packageID(i, k)))
		}
	}
	out.Close()
	if len(d.licenses) > 0 {
		d.otherLicenses(out)
	}
	d.relationships(out)
	out.Close()
	return out.Finish()
}

func (d *document) name() string {
	var names []string
	for i := range d.result.Inventories {
		names = append(names, imageName(d.result.Inventories[i].Image))
	}
	return cmp.Or(strings.Join(names, ", "), "no image")
}

func imageName(image *asset.Image) string {
	return cmp.Or(image.Build.Ref.Text, image.Name, image.Build.Digest)
}

// created is a time in the one form that SPDX allows. It is required; the day
// of the newest image is the earliest that it can have been.
func (d *document) created() string {
	if !d.o.Created.IsZero() {
		return d.o.Created.UTC().Format("2006-01-02T15:04:05Z")
	}
	day := "1970-01-01"
	for i := range d.result.Inventories {
		created := d.result.Inventories[i].Image.Build.Created
		if _, err := time.Parse(time.DateOnly, created); err == nil {
			day = max(day, created)
		}
	}
	return day + "T00:00:00Z"
}

// The identifiers are short and of the form that SPDX demands; names in them
// would have to be escaped beyond recognition.
func imageID(i int) common.ElementID { return common.ElementID(fmt.Sprintf("Image-%d", i)) }
func packageID(i, k int) common.ElementID {
	return common.ElementID(fmt.Sprintf("Package-%d-%d", i, k))
}

func imagePackage(image *asset.Image, id common.ElementID) *v2_3.Package {
	p := &v2_3.Package{
		PackageName: imageName(image), PackageSPDXIdentifier: id, PackageVersion: image.Build.Digest,
		PackageDownloadLocation: noAssertion, PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: noAssertion,
		PackageCopyrightText: noAssertion, PrimaryPackagePurpose: "CONTAINER",
	}
	if algorithm, digest, ok := strings.Cut(image.Build.Digest, ":"); ok && algorithm == "sha256" && len(digest) == sha256.Size*2 {
		p.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: digest}}
	}
	return p
}

func (d *document) pkg(p *asset.Package, id common.ElementID) *v2_3.Package {
	out := &v2_3.Package{
		PackageName: p.Name, PackageSPDXIdentifier: id, PackageVersion: p.Version,
		PackageDownloadLocation: noAssertion, PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: d.declared(p.Licenses),
		PackageCopyrightText: noAssertion, PackageSourceInfo: sourceInfo(p),
		PackageExternalReferences: []*v2_3.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: p.PURL}},
	}
	for i := range p.Vulnerabilities {
		if url := p.Vulnerabilities[i].URL; strings.HasPrefix(url, "https://") {
			out.PackageExternalReferences = append(out.PackageExternalReferences, &v2_3.PackageExternalReference{
				Category: common.CategorySecurity, RefType: common.TypeSecurityAdvisory, Locator: url, ExternalRefComment: p.Vulnerabilities[i].ID,
			})
		}
	}
	return out
}

// sourceInfo says in words where the package comes from.
func sourceInfo(p *asset.Package) string {
	var words []string
	if len(p.Paths) > 0 {
		words = append(words, "found by "+strings.Join(p.Paths[:min(len(p.Paths), 8)], ", "))
	}
	layer := fmt.Sprintf("layer %d", p.Layer.Index)
	if id := cmp.Or(p.Layer.DiffID, p.Layer.Digest); id != "" {
		layer += " (" + id + ")"
	}
	switch p.Layer.Origin {
	case asset.OriginBase:
		layer += " of the base image"
	case asset.OriginOwn:
		layer += " on top of the base image"
	}
	words = append(words, layer)
	if p.Source != "" && p.Source != p.Name {
		words = append(words, strings.TrimSpace("built from "+p.Source+" "+p.SourceVersion))
	}
	if p.Owner != "" {
		words = append(words, "installed by the package "+p.Owner)
	}
	return strings.Join(words, "; ")
}

// declared joins what a package says of its licences into one expression.
func (d *document) declared(names []string) string {
	if len(names) == 0 {
		return noAssertion
	}
	parts := make([]string, len(names))
	for i, name := range names {
		expression, compound := License(name)
		switch {
		case expression == "":
			parts[i] = d.reference(name)
		case compound && len(names) > 1:
			parts[i] = "(" + expression + ")"
		default:
			parts[i] = expression
		}
	}
	return strings.Join(parts, " AND ")
}

// reference stands for words that are no expression.
func (d *document) reference(words string) string {
	sum := sha256.Sum256([]byte(words))
	ref := "LicenseRef-" + hex.EncodeToString(sum[:8])
	d.licenses[ref] = words
	return ref
}

func (d *document) otherLicenses(out *jsontext.Writer) {
	refs := make([]string, 0, len(d.licenses))
	for ref := range d.licenses {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	out.Array("hasExtractedLicensingInfos")
	for _, ref := range refs {
		out.Value("", v2_3.OtherLicense{LicenseIdentifier: ref, ExtractedText: d.licenses[ref], LicenseName: d.licenses[ref]})
	}
	out.Close()
}

func (d *document) relationships(out *jsontext.Writer) {
	relate := func(a common.ElementID, kind string, b common.ElementID) {
		out.Value("", v2_3.Relationship{RefA: common.DocElementID{ElementRefID: a}, RefB: common.DocElementID{ElementRefID: b}, Relationship: kind})
	}
	out.Array("relationships")
	for i := range d.result.Inventories {
		relate("DOCUMENT", common.TypeRelationshipDescribe, imageID(i))
		for k := range d.result.Inventories[i].Packages {
			relate(imageID(i), common.TypeRelationshipContains, packageID(i, k))
		}
	}
	out.Close()
}
