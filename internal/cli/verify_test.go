package cli

import (
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// TestVerdict holds the exit codes of verify.
func TestVerdict(t *testing.T) {
	met, unmet, undecided := asset.Demand{State: asset.Met}, asset.Demand{State: asset.Unmet}, asset.Demand{State: asset.Undecided}
	for _, test := range []struct {
		name string
		p    asset.Provenance
		want int
	}{
		{"nothing is asked", asset.Provenance{}, 0},
		{"all is met", asset.Provenance{Signature: met, SBOM: met}, 0},
		{"one is unmet", asset.Provenance{Signature: met, SBOM: unmet}, 1},
		{"one is undecided", asset.Provenance{Signature: undecided, SBOM: met}, 3},
		{"what is certain outweighs what is not", asset.Provenance{Signature: undecided, Base: unmet}, 1},
	} {
		if got := verdict(&test.p); got != test.want {
			t.Errorf("%s: exit code %d, want %d", test.name, got, test.want)
		}
	}
}
