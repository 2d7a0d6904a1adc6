// Package json writes the whole result for programs. Its form is documented by
// docs/reference/scan.schema.json, which is generated from the types here.
package json

import (
	"io"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/jsontext"
)

// Schema names the form of the document. The number grows when a reader of the
// old form would go wrong; members may be added without.
const Schema = "https://holdfast.dev/schema/scan-1.json"

// Document is the report.
type Document struct {
	// Schema is the identifier of this form, the $id of its JSON Schema.
	Schema string `json:"schema"`
	// Tool is the program that wrote the report.
	Tool Tool `json:"tool"`
	// Summary counts what the lists below hold.
	Summary Summary `json:"summary"`
	finding.Result
}

// Tool is the program that wrote a report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// Summary counts the results.
type Summary struct {
	// Findings is the number of findings of all severities.
	Findings int `json:"findings"`
	Critical int `json:"critical"`
	High     int `json:"high"`
	Medium   int `json:"medium"`
	Low      int `json:"low"`
	Info     int `json:"info"`
	// Undetermined is the number of results that could not be judged.
	Undetermined int `json:"undetermined"`
	// Suppressed is the number of findings that do not count.
	Suppressed int `json:"suppressed"`
}

// Write renders the result. It writes the members of a Document one by one, so
// that memory does not follow the number of findings.
func Write(w io.Writer, r *finding.Result, version string) error {
	out := jsontext.New(w)
	out.Object("")
	out.Value("schema", Schema)
	out.Value("tool", Tool{Name: "holdfast", Version: version})
	out.Value("summary", summarise(r))
	list(out, "findings", r.Findings)
	list(out, "undetermined", r.Undetermined)
	list(out, "suppressed", r.Suppressed)
	if len(r.Images) > 0 {
		list(out, "images", r.Images)
	}
	if len(r.Advisories) > 0 {
		list(out, "advisories", r.Advisories)
	}
	if len(r.Notes) > 0 {
		list(out, "notes", r.Notes)
	}
	out.Value("stats", r.Stats)
	list(out, "rules", r.Rules)
	out.Close()
	return out.Finish()
}

func summarise(r *finding.Result) Summary {
	return Summary{
		Findings:     len(r.Findings),
		Critical:     r.Count(finding.Critical),
		High:         r.Count(finding.High),
		Medium:       r.Count(finding.Medium),
		Low:          r.Count(finding.Low),
		Info:         r.Count(finding.Info),
		Undetermined: len(r.Undetermined),
		Suppressed:   len(r.Suppressed),
	}
}

func list[T any](out *jsontext.Writer, key string, items []T) {
	out.Array(key)
	for i := range items {
		out.Value("", &items[i])
	}
	out.Close()
}
