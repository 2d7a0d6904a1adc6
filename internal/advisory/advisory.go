// Package advisory is the database of known vulnerabilities: advisories in the
// OSV format, compiled into one file an ecosystem (a pack) that is mapped into
// memory and read in place.
//
// Reading is Open, Store.Pack and Pack.Lookup. Making packs is Builder, and
// Install for everything that a user may have as files; fetching them is in the
// package update below this one.
//
// A file of the database is never trusted: every offset in it is checked before
// it is used, and what a look-up reads carries a checksum. A damaged file gives an
// error that names it, not a wrong answer.
package advisory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrMissing says that the database has nothing on an ecosystem, or nothing on
// that release of it: what belongs to it cannot be judged.
var ErrMissing = errors.New("no advisories")

// Advisory is what one advisory says about one package. Of one from a pack only ID,
// Release and Ranges are filled in, and Lists can be asked, until Unpack: most
// advisories on a package are not about the version at hand.
type Advisory struct {
	ID      string
	Summary string
	Aliases []string
	// Upstream are the flaws that a distribution's advisory is about, where it is
	// about several or about one under another name: no aliases of it, as two
	// advisories of one flaw need not be the same.
	Upstream []string
	// Published and Modified are days, YYYY-MM-DD, or "".
	Published, Modified string
	// Score is the CVSS base score of Vector; both are empty without a vector.
	Score  float64
	Vector string
	// Severity is "critical", "high", "medium", "low" or "info": a distribution's
	// own word on its package if there is one, else by the score, else the word of
	// the advisory's database; "" is unrated.
	Severity string
	// Malicious says that the package is malware (a "MAL-" id or alias).
	Malicious bool
	Ranges    []Range
	// Versions are affected versions by name, sorted. They are shared between
	// advisories: do not change them.
	Versions []string
	Imports  []Import
	URL      string
	// Release is what follows the family in the ecosystem of the entry: "12" of
	// "Debian:12"; "" if the entry is for all releases.
	Release string
	// packed is what Lookup has not decoded.
	packed packed
}

// Range is a set of affected versions, as events along the order of versions.
type Range struct {
	// Type is "SEMVER" or "ECOSYSTEM": how versions are ordered.
	Type   string
	Events []Event
}

// Event is a version at which being affected begins or ends: one field is set.
type Event struct{ Introduced, Fixed, LastAffected string }

// Import is a flawed part of a Go module: a package and, if they are known, the
// functions in it ("Function", "Type.Method"). GOOS and GOARCH limit it.
type Import struct {
	Path         string
	Symbols      []string
	GOOS, GOARCH []string
}

// severities are the words for severities; the index is their code in packs.
var severities = []string{"", "info", "low", "medium", "high", "critical"}

// DefaultDir is the folder of the database: HOLDFAST_DB of the environment, else
// a folder in the user's cache.
func DefaultDir(env map[string]string) (string, error) {
	if dir := env["HOLDFAST_DB"]; dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("choosing the folder of the advisory database: %w: name one with --db or HOLDFAST_DB", err)
	}
	return filepath.Join(cache, "holdfast", "db"), nil
}
