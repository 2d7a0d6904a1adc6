package main

import (
	"math/rand/v2"
	"testing"
)

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
		if others := lookAlikes(draw{rand.New(rand.NewPCG(seed, 2))}); len(labels) < 60 || len(kinds) < 30 || len(others) < 60 {
			t.Fatalf("%d secrets of %d kinds, %d look-alikes", len(labels), len(kinds), len(others))
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
