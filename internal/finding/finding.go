// Package finding says what is wrong with an asset, and what could not be
// judged: silence is never a pass.
package finding

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Verdict is the outcome of one rule for one asset.
type Verdict string

// The verdicts.
const (
	Fail   Verdict = "fail"
	Pass   Verdict = "pass"
	Manual Verdict = "manual"
	// Undetermined is what could not be judged; Finding.Reason says why.
	Undetermined Verdict = "undetermined"
)

// RuleUnread is the rule id of findings about input that could not be read,
// parsed or rendered at all.
const RuleUnread = "input-unread"

// Finding is one verdict worth telling, normally a failure.
type Finding struct {
	Rule     string   `json:"rule"`
	Title    string   `json:"title"`
	Severity Severity `json:"severity"`
	Verdict  Verdict  `json:"verdict"`
	Topic    string   `json:"topic,omitempty"`
	Asset    Asset    `json:"asset"`
	// Place is the exact value, or the nearest parent of an absent key.
	Place source.Place `json:"place"`
	// Field is the path of the judged field within the asset.
	Field string `json:"field,omitempty"`
	// Key is Field with elements named rather than numbered where they have a
	// name, so that it survives a list that grows; "" is Field.
	Key string `json:"-"`
	// Message says what is wrong in one sentence about this very asset.
	Message string `json:"message"`
	// Reason says why the verdict is undetermined.
	Reason string `json:"reason,omitempty"`
	Why    string `json:"why,omitempty"`
	Fix    string `json:"fix,omitempty"`
	// References maps a standard to its ids: "cis-kubernetes" to ["5.2.2"].
	References  map[string][]string `json:"references,omitempty"`
	Fingerprint string              `json:"fingerprint"`
	// Fixable says that `holdfast fix` can write the remedy.
	Fixable bool `json:"fixable,omitempty"`
	// Excerpt is the source line of the place, secrets masked.
	Excerpt string `json:"excerpt,omitempty"`
	// Layer is the layer of an image that brought what is wrong.
	Layer *asset.Layer `json:"layer,omitempty"`
	// Package is the software that the finding is about, and Vulnerability its
	// flaw, if it is about one.
	Package       *Package       `json:"package,omitempty"`
	Vulnerability *Vulnerability `json:"vulnerability,omitempty"`
	// Suppressed says why the finding does not count, if it does not.
	Suppressed *Suppression `json:"suppressed,omitempty"`

	// Sensitive says that the value at the place is a secret and is never shown.
	Sensitive bool `json:"-"`
	// Ignores are the ignore annotations of the asset, for triage.
	Ignores []string `json:"-"`
}

// Asset is what a finding is about.
type Asset struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
	// Format is the language that declared it: "kubernetes", "compose",
	// "dockerfile".
	Format string `json:"format,omitempty"`
	// Scope is the set of values or the overlay that it was rendered with.
	Scope string `json:"scope,omitempty"`
	// Place spans the asset's lines.
	Place source.Place `json:"place"`
}

// Package is a piece of software as a finding names it.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"`
	// Source and SourceVersion are the source package that a distribution built
	// it from.
	Source        string `json:"source,omitempty"`
	SourceVersion string `json:"sourceVersion,omitempty"`
	// Update is the lowest version that ends all vulnerabilities that a version
	// ends, "" if none does.
	Update string `json:"update,omitempty"`
}

// Vulnerability is a flaw as a finding names it; see asset.Vulnerability.
type Vulnerability struct {
	ID      string   `json:"id"`
	Aliases []string `json:"aliases,omitempty"`
	// Summary is what the advisory says in a line.
	Summary string `json:"summary,omitempty"`
	// Fixed is the first version without the flaw, "" if there is none yet.
	Fixed string  `json:"fixed,omitempty"`
	Score float64 `json:"score,omitempty"`
	// Vector is the CVSS vector of Score.
	Vector string `json:"vector,omitempty"`
	// Basis says where the severity is from.
	Basis string `json:"basis,omitempty"`
	// Tier says how close the flaw is to being run: "symbol", "package",
	// "module", "" where it cannot be told. Symbols are the flawed functions that
	// are linked.
	Tier      string   `json:"tier,omitempty"`
	Symbols   []string `json:"symbols,omitempty"`
	Exploited bool     `json:"exploited,omitempty"`
	EPSS      float64  `json:"epss,omitempty"`
	Malicious bool     `json:"malicious,omitempty"`
	Published string   `json:"published,omitempty"`
	URL       string   `json:"url,omitempty"`
}

// Suppression is a user's decision that a finding does not count.
type Suppression struct {
	// By is "comment", "annotation", "config", "vex", "only-fixed", "baseline" or
	// "diff".
	By string `json:"by"`
	// Status is that of the VEX statement: "not_affected" or "fixed".
	Status string `json:"status,omitempty"`
	// Reason is what the user gave; a baseline has none.
	Reason string `json:"reason,omitempty"`
	// Until is the day (YYYY-MM-DD) on which it ends, "" for never.
	Until string `json:"until,omitempty"`
	// Place is where the decision is written down.
	Place source.Place `json:"place,omitzero"`
}

// Unread makes the finding for input that could not be read.
func Unread(place source.Place, reason string) Finding {
	f := Finding{
		Rule: RuleUnread, Title: "Input could not be judged", Verdict: Undetermined,
		Asset:   Asset{Kind: "file", ID: place.File, Name: place.File, Place: source.Place{File: place.File}},
		Place:   place,
		Message: place.File + " was not judged", Reason: reason,
	}
	f.Fingerprint = f.fingerprint()
	return f
}

// fingerprint identifies a finding while lines move: what rule, which asset,
// which field; for input that is no asset, the reason.
func (f *Finding) fingerprint() string {
	h := sha256.New()
	for _, part := range []string{f.Rule, f.Asset.ID, cmp.Or(f.Key, f.Field), f.Reason} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Sort puts findings into the order of reports: assets with the worst finding
// first, an asset's findings together, worst first, then by place and rule.
// It fills the fingerprints and drops findings that are the same.
func Sort(findings []Finding) []Finding {
	worst := map[string]Severity{}
	for i := range findings {
		f := &findings[i]
		worst[f.Asset.ID] = max(worst[f.Asset.ID], f.Severity)
		if f.Fingerprint == "" {
			f.Fingerprint = f.fingerprint()
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(worst[b.Asset.ID], worst[a.Asset.ID]),
			cmp.Compare(a.Asset.Place.File, b.Asset.Place.File),
			cmp.Compare(a.Asset.Place.Line, b.Asset.Place.Line),
			cmp.Compare(a.Asset.ID, b.Asset.ID),
			cmp.Compare(b.Severity, a.Severity),
			a.Place.Compare(b.Place),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Message, b.Message),
		)
	})
	findings = slices.CompactFunc(findings, func(a, b Finding) bool {
		return a.Fingerprint == b.Fingerprint && a.Place == b.Place && a.Message == b.Message
	})
	number(findings)
	return findings
}

// number tells apart findings whose fingerprints are the same, such as two
// environment variables of one name, by their order in the asset.
func number(findings []Finding) {
	seen := map[string]int{}
	for i := range findings {
		base := findings[i].Fingerprint
		if n := seen[base]; n > 0 {
			findings[i].Fingerprint = base[:len(base)-4] + leftPad(strconv.FormatInt(int64(n), 16))
		}
		seen[base]++
	}
}

func leftPad(text string) string {
	for len(text) < 4 {
		text = "0" + text
	}
	return text
}
