package scan

import (
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/dockerfile"
	"github.com/holdfast-sec/holdfast/internal/collect/manifest"
)

// Collectors names every collector of files, in the order in which they claim
// them: what makes sense only as a whole (an overlay, a chart, a project) comes
// before the single files it consists of.
func Collectors() []collect.Collector {
	return []collect.Collector{
		dockerfile.New(),
		manifest.New(),
	}
}
