package finding

import "github.com/holdfast-sec/holdfast/internal/asset"

// Result is all that a run found out: what every report format shows, with the
// same counts.
type Result struct {
	// Findings are the failures that count, in report order.
	Findings []Finding `json:"findings"`
	// Undetermined is what could not be judged.
	Undetermined []Finding `json:"undetermined"`
	// Suppressed are the failures that the user has decided about.
	Suppressed []Finding `json:"suppressed"`
	// Images are the images that were looked into.
	Images []Image `json:"images,omitempty"`
	// Advisories are what packages were judged by, with the day of their data.
	Advisories []Advisories `json:"advisories,omitempty"`
	// Notes are remarks about the run itself, such as an ignore that has
	// expired or matched nothing.
	Notes []Note `json:"notes,omitempty"`
	Stats Stats  `json:"stats"`
	// Inventories are what the images that were looked into carry.
	// They are for bills of materials: an image's settings may hold credentials.
	Inventories []Inventory `json:"-"`
	// Rules says for every rule that met an asset how often it was judged.
	Rules []Tally `json:"rules"`
}

// Image is an image that was looked into: what statements about images name.
type Image struct {
	// File is what the places of its findings call it.
	File string `json:"file"`
	// Name is registry and repository, Tag its tag, as far as they are known.
	Name string `json:"name,omitempty"`
	Tag  string `json:"tag,omitempty"`
	// Digest is that of the manifest, ConfigDigest that of the configuration.
	Digest       string `json:"digest,omitempty"`
	ConfigDigest string `json:"configDigest,omitempty"`
}

// Advisories are those of one ecosystem, as they were when a run was made.
type Advisories struct {
	Ecosystem string `json:"ecosystem"`
	// Date is the day of the data, YYYY-MM-DD, Count the number of advisories.
	Date  string `json:"date"`
	Count int    `json:"count"`
}

// Inventory is an image and the packages in it.
type Inventory struct {
	Image    *asset.Image     `json:"image"`
	Packages []*asset.Package `json:"packages"`
}

// Note is a remark about the run.
type Note struct {
	Message string `json:"message"`
	// File and Line are where it is about, if anywhere.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Stats says how much was looked at.
type Stats struct {
	// Files were read as input; Skipped were found and not looked into.
	Files   int `json:"files"`
	Skipped int `json:"skipped"`
	// Searched are none that is known, and were searched for secrets.
	Searched int `json:"searched"`
	// Images were looked into; Packages are those in them.
	Images   int `json:"images"`
	Packages int `json:"packages"`
	// Objects are Kubernetes objects, Compose services and Dockerfiles,
	// counted once each, those that no rule reads included.
	Objects int `json:"objects"`
	// Assets were judged, Checks is the number of verdicts.
	Assets int `json:"assets"`
	Checks int `json:"checks"`
}

// Tally counts the verdicts of one rule.
type Tally struct {
	Rule         string `json:"rule"`
	Judged       int    `json:"judged"`
	Failed       int    `json:"failed"`
	Undetermined int    `json:"undetermined"`
}

// Count returns how many findings have the severity.
func (r *Result) Count(s Severity) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Severity == s {
			n++
		}
	}
	return n
}

// Exit codes of the commands that judge.
const (
	ExitClean      = 0 // nothing at or over the gate
	ExitFindings   = 1 // at least one finding at or over the gate
	ExitUsage      = 2 // the command line or configuration is wrong
	ExitIncomplete = 3 // nothing over the gate, but something was not judged
)

// Exit returns the exit code of a run under a gate. Findings outweigh
// incompleteness, as they are certain; a run that judged nothing is incomplete.
func (r *Result) Exit(gate Severity) int {
	for i := range r.Findings {
		if r.Findings[i].Severity >= gate {
			return ExitFindings
		}
	}
	if len(r.Undetermined) > 0 || r.Stats.Checks == 0 {
		return ExitIncomplete
	}
	return ExitClean
}
