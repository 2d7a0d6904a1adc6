package asset

// Package is a piece of software that an image or a folder carries.
type Package struct {
	Head `cel:"-"`

	// Type is its package URL type: "deb", "apk", "rpm", "alpm", "npm", "pypi",
	// "golang", "maven", "gem", "cargo", "composer", "nuget".
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// Ecosystem is the OSV ecosystem with its release, as in "Debian:12",
	// "Alpine:v3.20", "PyPI"; "" where OSV knows none.
	Ecosystem string `json:"ecosystem"`
	// Source and SourceVersion are the source package that a distribution built
	// it from; advisories of distributions name those. "" for other packages.
	Source        string `json:"source"`
	SourceVersion string `json:"sourceVersion"`
	// Module is the module that an rpm package was built for, with its stream:
	// "nodejs:20"; advisories are about one stream each.
	Module   string   `json:"-" cel:"-"`
	Arch     string   `json:"arch"`
	PURL     string   `json:"purl"`
	Licenses []string `json:"licenses"`
	// Paths are the files that told of it, absolute in the image.
	Paths []string `json:"paths"`
	// Layer is the layer that brought it.
	Layer Layer `json:"layer"`
	// Owner is the distribution's package that installed the files of a
	// language's package: its advisories decide then. "" where there is none.
	Owner string `json:"owner"`
	// Binary is the executable that a Go module or a crate is linked into.
	Binary string `json:"binary"`
	// Symbols are the functions linked into that binary; nil where they are not
	// known. It is shared by all packages of the binary.
	Symbols *Symbols `json:"-" cel:"-"`

	Vulnerabilities []Vulnerability `json:"vulnerabilities"`
	// Update is the lowest version that ends all vulnerabilities that a version
	// ends, "" if none does.
	Update string `json:"update"`
}

// From returns the layer that brought the package.
func (p *Package) From() *Layer { return &p.Layer }

// Vulnerability is a flaw that a package's version is affected by.
type Vulnerability struct {
	// ID is the name that most know it by: the CVE where there is one, else the
	// advisory's own id. Aliases are all other ids, those of merged advisories
	// included.
	ID      string   `json:"id"`
	Aliases []string `json:"aliases"`
	Summary string   `json:"summary"`
	// Severity is "critical", "high", "medium", "low" or "info": the advisory's
	// rating, moved by what is known of exploitation and of what is linked.
	Severity string `json:"severity"`
	// Basis says in words where the severity is from: "CVSS 9.8", "no advisory
	// rates it, medium is assumed".
	Basis string `json:"basis"`
	// Score is the CVSS base score of Vector, 0 where there is none.
	Score  float64 `json:"score"`
	Vector string  `json:"vector"`
	// Tier says how close the flaw is to being run, for Go: "module" (the module
	// is there), "package" (the flawed package is linked), "symbol" (a flawed
	// function is linked), "" where it cannot be told.
	Tier string `json:"tier"`
	// Symbols are the flawed functions that are linked.
	Symbols []string `json:"symbols"`
	// Fixed is the first version without the flaw, "" if there is none yet.
	Fixed string `json:"fixed"`
	// Exploited says that CISA lists it as exploited in the wild; EPSS is the
	// probability of exploitation within 30 days, 0 where it is not known.
	Exploited bool    `json:"exploited"`
	EPSS      float64 `json:"epss"`
	// Malicious says that the package itself is malware (OSV "MAL-" ids).
	Malicious bool `json:"malicious"`
	// Published is a day, YYYY-MM-DD.
	Published string `json:"published"`
	URL       string `json:"url"`
}
