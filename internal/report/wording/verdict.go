package wording

import (
	"fmt"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

// Verdict is the sentence that says how a run ended under a gate. Its first
// word goes with the exit code: passed 0, failed 1, incomplete 3.
func Verdict(r *finding.Result, gate finding.Severity) string {
	undetermined := ""
	if n := len(r.Undetermined); n > 0 {
		undetermined = fmt.Sprintf("%s %s undetermined", Count(n, "result"), is(n))
	}
	total := len(r.Findings)
	switch r.Exit(gate) {
	case finding.ExitFindings:
		text := "Failed: " + Count(total, "finding")
		if gate > finding.Info {
			over := overGate(r, gate)
			text = fmt.Sprintf("Failed: %d of %s %s %s", over, Count(total, "finding"), is(over), orWorse(gate))
		}
		if undetermined != "" {
			text += ", and " + undetermined
		}
		return text + "."
	case finding.ExitIncomplete:
		text := "Incomplete: nothing was judged"
		switch {
		case r.Stats.Checks == 0:
		case total == 0:
			text = "Incomplete: nothing was found"
		default:
			text = fmt.Sprintf("Incomplete: none of %s is %s", Count(total, "finding"), orWorse(gate))
		}
		if undetermined != "" {
			text += ", but " + undetermined
		}
		return text + "."
	}
	if total == 0 {
		return fmt.Sprintf("Passed: nothing was found by %s of %s.", Count(r.Stats.Checks, "check"), Count(r.Stats.Assets, "asset"))
	}
	return fmt.Sprintf("Passed: none of %s is %s.", Count(total, "finding"), orWorse(gate))
}

func overGate(r *finding.Result, gate finding.Severity) int {
	n := 0
	for _, s := range finding.Severities() {
		if s >= gate {
			n += r.Count(s)
		}
	}
	return n
}

func orWorse(gate finding.Severity) string {
	if gate >= finding.Critical {
		return gate.String()
	}
	return gate.String() + " or worse"
}

func is(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
