package finding

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/source"
)

func at(file string, line int) source.Place {
	return source.Place{File: file, Position: source.Position{Line: line, Column: 1}}
}

func fail(asset string, severity Severity, rule string, line int) Finding {
	return Finding{Rule: rule, Severity: severity, Verdict: Fail, Asset: Asset{ID: asset, Place: at(asset, 1)}, Place: at(asset, line), Field: rule}
}

func TestSortPutsTheWorstAssetFirst(t *testing.T) {
	found := Sort([]Finding{
		fail("a", Low, "x", 9), fail("b", Info, "y", 1), fail("b", Critical, "z", 5), fail("a", High, "w", 2), fail("a", Low, "v", 3),
	})
	var order []string
	for _, f := range found {
		order = append(order, f.Asset.ID+f.Rule)
	}
	if want := []string{"bz", "by", "aw", "av", "ax"}; !slices.Equal(order, want) {
		t.Errorf("order is %v, want %v", order, want)
	}
}

func TestFingerprints(t *testing.T) {
	one := fail("a", Low, "x", 3)
	one.Field, one.Key = "env[3].value", "env[PASSWORD].value"
	moved := fail("a", Low, "x", 40)
	moved.Field, moved.Key = "env[7].value", "env[PASSWORD].value"
	if a, b := Sort([]Finding{one})[0], Sort([]Finding{moved})[0]; a.Fingerprint != b.Fingerprint {
		t.Error("a finding that moved within a list that grew has another fingerprint")
	}
	other := one
	other.Asset.ID = "b"
	if a, b := Sort([]Finding{one})[0], Sort([]Finding{other})[0]; a.Fingerprint == b.Fingerprint {
		t.Error("findings about two assets have one fingerprint")
	}
	// Two of one name are told apart, and one that is there twice is there once.
	twins := Sort([]Finding{one, moved, one})
	if len(twins) != 2 || twins[0].Fingerprint == twins[1].Fingerprint {
		t.Errorf("got %d findings with fingerprints %s, %s", len(twins), twins[0].Fingerprint, twins[1].Fingerprint)
	}
}

func TestExit(t *testing.T) {
	unread := []Finding{Unread(at("f", 1), "broken")}
	judged := Stats{Checks: 1}
	tests := []struct {
		name   string
		result Result
		want   int
	}{
		{"clean", Result{Stats: judged}, ExitClean},
		{"below the gate", Result{Stats: judged, Findings: []Finding{{Severity: Low}}}, ExitClean},
		{"at the gate", Result{Stats: judged, Findings: []Finding{{Severity: Medium}}}, ExitFindings},
		{"nothing was judged", Result{}, ExitIncomplete},
		{"something was not judged", Result{Stats: judged, Undetermined: unread}, ExitIncomplete},
		{"findings outweigh what was not judged", Result{Stats: judged, Undetermined: unread, Findings: []Finding{{Severity: High}}}, ExitFindings},
		{"what was suppressed does not count", Result{Stats: judged, Suppressed: []Finding{{Severity: High}}}, ExitClean},
	}
	for _, test := range tests {
		if got := test.result.Exit(Medium); got != test.want {
			t.Errorf("%s: exit code %d, want %d", test.name, got, test.want)
		}
	}
}

func TestSeverityAsText(t *testing.T) {
	for _, s := range Severities() {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Severity
		if err := json.Unmarshal(text, &back); err != nil || back != s {
			t.Errorf("%s became %v, %v", text, back, err)
		}
	}
	if _, err := ParseSeverity("huge"); err == nil {
		t.Error("an unknown severity was accepted")
	}
}
