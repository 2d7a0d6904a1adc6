package vex

import (
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

// Index finds the statements about a finding.
type Index struct {
	statements []Statement
	byID       map[string][]int
	purls      map[string]*packageurl.PackageURL // nil for what is none
}

// NewIndex makes the index of statements.
func NewIndex(statements []Statement) *Index {
	x := &Index{statements, map[string][]int{}, map[string]*packageurl.PackageURL{}}
	for i := range statements {
		for _, id := range statements[i].Vulnerabilities {
			id = strings.ToUpper(id)
			if known := x.byID[id]; len(known) == 0 || known[len(known)-1] != i {
				x.byID[id] = append(known, i)
			}
		}
	}
	return x
}

// Find returns the indexes of the statements about the finding's vulnerability
// in its package, in order. The image is the one that the package is in, or nil.
func (x *Index) Find(f *finding.Finding, image *finding.Image) []int {
	if f.Vulnerability == nil || f.Package == nil {
		return nil
	}
	var found []int
	for _, id := range append([]string{f.Vulnerability.ID}, f.Vulnerability.Aliases...) {
		for _, i := range x.byID[strings.ToUpper(id)] {
			if !slices.Contains(found, i) && x.about(&x.statements[i], f.Package, image) {
				found = append(found, i)
			}
		}
	}
	slices.Sort(found)
	return found
}

func (x *Index) about(s *Statement, p *finding.Package, image *finding.Image) bool {
	return slices.ContainsFunc(s.Products, func(product Product) bool {
		isImage := func(name string) bool { return x.isImage(name, image) }
		isPackage := func(name string) bool { return x.isPackage(name, p) }
		if len(product.Parts) == 0 {
			return slices.ContainsFunc(product.Names, isPackage) || slices.ContainsFunc(product.Names, isImage)
		}
		return slices.ContainsFunc(product.Names, isImage) && slices.ContainsFunc(product.Parts, isPackage)
	})
}

func (x *Index) purl(text string) *packageurl.PackageURL {
	p, ok := x.purls[text]
	if ok {
		return p
	}
	if parsed, err := packageurl.FromString(text); err == nil && isPURL(text) {
		p = &parsed
	}
	x.purls[text] = p
	return p
}

// isPackage reports whether a package URL names the package, or the source
// package that it was built from. What the URL leaves out may be anything.
func (x *Index) isPackage(name string, p *finding.Package) bool {
	want, have := x.purl(name), x.purl(p.PURL)
	if want == nil || have == nil || want.Type != have.Type || want.Namespace != have.Namespace {
		return false
	}
	arch := want.Qualifiers.Map()["arch"]
	version := have.Version
	source := p.Source != "" && want.Name == p.Source && (want.Name != have.Name || arch == "source" || arch == "src")
	switch {
	case source && arch != "" && arch != "source" && arch != "src":
		return false
	case source && p.SourceVersion != "":
		version = p.SourceVersion
	case !source && want.Name != have.Name:
		return false
	}
	return sameVersion(want.Version, version) && (want.Subpath == "" || want.Subpath == have.Subpath) &&
		qualified(want, have, source)
}

// sameVersion compares versions by their text: what a statement says of one is
// not true of another. Go's have a "v" in some documents, and RPM's an epoch.
func sameVersion(want, have string) bool {
	return want == "" || strings.TrimPrefix(want, "v") == strings.TrimPrefix(have, "v")
}

// qualified reports whether the package has the qualifiers that are asked for.
// Where a package was downloaded from is none that tells packages apart.
func qualified(want, have *packageurl.PackageURL, source bool) bool {
	has := have.Qualifiers.Map()
	for _, q := range want.Qualifiers {
		switch {
		case q.Key == "arch" && source, q.Key == "repository_url", q.Key == "checksum", q.Key == "download_url":
		case has[q.Key] != q.Value:
			return false
		}
	}
	return true
}

// isImage reports whether a name is one of the image: a digest, a package URL of
// type oci or docker, a reference.
func (x *Index) isImage(name string, image *finding.Image) bool {
	if image == nil {
		return false
	}
	if IsDigest(name) {
		return name == image.Digest || name == image.ConfigDigest
	}
	if !isPURL(name) {
		return isReferenceOf(name, image)
	}
	p := x.purl(name)
	if p == nil {
		return false
	}
	qualifiers := p.Qualifiers.Map()
	repository := qualifiers["repository_url"]
	switch p.Type {
	case packageurl.TypeOCI:
		// The name is only the last part of the repository.
		if !endsWith(image.Name, p.Name) && p.Version == "" || repository != "" && !sameRepository(repository, p.Name, image.Name) {
			return false
		}
		if tag := qualifiers["tag"]; tag != "" && p.Version == "" && tag != image.Tag {
			return false
		}
		return p.Version == "" || p.Version == image.Digest || p.Version == image.ConfigDigest
	case packageurl.TypeDocker:
		full := strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")
		if repository != "" {
			full = strings.TrimSuffix(repository, "/") + "/" + full
		}
		return familiar(full) == familiar(image.Name) &&
			(p.Version == "" || p.Version == image.Tag || p.Version == image.Digest || p.Version == image.ConfigDigest)
	}
	return false
}

func endsWith(repository, name string) bool {
	return repository == name || strings.HasSuffix(repository, "/"+name)
}

// sameRepository compares a repository_url, which may leave out the image's own
// name.
func sameRepository(url, name, repository string) bool {
	url = strings.TrimSuffix(url, "/")
	return familiar(url) == familiar(repository) || familiar(url+"/"+name) == familiar(repository)
}

// familiar is the short form of the names of Docker Hub.
func familiar(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "index."), "docker.io/")
	return strings.TrimPrefix(name, "library/")
}

// isReferenceOf reports whether a reference is that of the image. By its name
// alone it is any version of it.
func isReferenceOf(reference string, image *finding.Image) bool {
	name, digest, pinned := strings.Cut(reference, "@")
	if pinned && digest != image.Digest && digest != image.ConfigDigest {
		return false
	}
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	if image.Name == "" || familiar(name) != familiar(image.Name) {
		return false
	}
	return pinned || tag == "" || tag == image.Tag
}
