package scan

import (
	"fmt"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/collect/image/inventory"
)

// TestManySuspects keeps the first files by name, in whatever order they come,
// and counts the others.
func TestManySuspects(t *testing.T) {
	s := &suspects{}
	const all = 3 * maxSuspects
	for i := range all {
		f := &image.File{Path: fmt.Sprintf("%06d", i*7919%all), Layer: &asset.Layer{}}
		s.keep(f, []asset.Secret{{Kind: "token"}}, nil, nil)
	}
	packages := inventory.New().Finish()
	found := s.finish(&packages)
	if len(found) != maxSuspects || s.untold != all-maxSuspects {
		t.Fatalf("%d files are told and %d are not, want %d and %d", len(found), s.untold, maxSuspects, all-maxSuspects)
	}
	for i, f := range found {
		if want := fmt.Sprintf("/%06d", i); f.Path != want {
			t.Fatalf("file %d is %s, want %s", i, f.Path, want)
		}
	}
}
