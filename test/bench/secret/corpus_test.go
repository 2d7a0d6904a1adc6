package main

import "testing"

// Every secret that is planted is found, and nothing that only looks like one is
// reported, whatever the random parts are.
func TestCorpus(t *testing.T) {
	for seed := range uint64(5) {
		dir := t.TempDir()
		labels, err := write(dir, seed)
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]bool{}
		for _, l := range labels {
			kinds[l.kind] = true
		}
		if len(labels) < 60 || len(kinds) < 30 {
			t.Fatalf("%d secrets of %d kinds", len(labels), len(kinds))
		}
		reports, _, _, err := scanOurs(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, missed, wrong := score(labels, reports)
		for _, l := range missed {
			t.Errorf("seed %d: missed %s at %s:%d", seed, l.kind, l.path, l.first)
		}
		for _, r := range wrong {
			t.Errorf("seed %d: %s is reported at %s:%d", seed, r.kind, r.path, r.first)
		}
	}
}
