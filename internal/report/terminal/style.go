package terminal

import "github.com/holdfast-sec/holdfast/internal/finding"

// The styles are parameters of the SGR escape sequence. Colours come from the
// palette that the user chose for the terminal.
const (
	plain = ""
	bold  = "1"
	dim   = "2"
)

func severityStyle(s finding.Severity) string {
	switch s {
	case finding.Critical:
		return "1;31" // bold red
	case finding.High:
		return "31"
	case finding.Medium:
		return "33" // yellow
	case finding.Low:
		return "36" // cyan
	}
	return "34" // blue
}

func verdictStyle(r *finding.Result, gate finding.Severity) string {
	switch r.Exit(gate) {
	case finding.ExitClean:
		return "1;32" // bold green
	case finding.ExitIncomplete:
		return "1;33"
	}
	return "1;31"
}

// paint puts text into a style.
func (p *printer) paint(style, text string) string {
	if !p.Color || style == plain || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}
