package wording

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

// Advisories says what packages were judged by, "" where none were.
func Advisories(all []finding.Advisories) string {
	if len(all) == 0 {
		return ""
	}
	var parts []string
	for _, a := range all {
		parts = append(parts, Line(a.Ecosystem)+" of "+Line(a.Date))
	}
	return "Advisories: " + strings.Join(parts, ", ") + "."
}
