package finding

import (
	"fmt"
	"strings"
)

// Severity is what an attacker gains from a finding.
type Severity uint8

// The severities, worst last.
const (
	// Info is worth knowing and gives an attacker nothing by itself.
	Info Severity = iota
	// Low widens what an attacker who is already inside can do.
	Low
	// Medium removes a layer that would have stopped a common attack.
	Medium
	// High gives credentials, a foothold or a neighbour.
	High
	// Critical gives the node or the cluster.
	Critical
)

// severityNames are the spellings in order of the constants.
var severityNames = [...]string{"info", "low", "medium", "high", "critical"}

// Severities returns all severities, worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low, Info} }

func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// ParseSeverity reads a severity's name.
func ParseSeverity(text string) (Severity, error) {
	for i, name := range severityNames {
		if text == name {
			return Severity(i), nil
		}
	}
	return 0, fmt.Errorf("unknown severity %q: use one of %s", text, strings.Join(severityNames[:], ", "))
}

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(text []byte) error {
	parsed, err := ParseSeverity(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}
