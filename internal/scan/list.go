package scan

import (
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/compose"
	"github.com/holdfast-sec/holdfast/internal/collect/dockerfile"
	"github.com/holdfast-sec/holdfast/internal/collect/manifest"
	"github.com/holdfast-sec/holdfast/internal/collect/manifest/helm"
	"github.com/holdfast-sec/holdfast/internal/collect/manifest/kustomize"
)

// Sources says how inputs are read that need more than their files.
type Sources struct {
	// ValueSets are sets of values files that every chart is rendered with, Set
	// the values as key=value on top of each set.
	ValueSets [][]string
	Set       []string
	// KubeVersion and APIVersions are what charts are told of the cluster.
	KubeVersion string
	APIVersions []string
	// ComposeFiles are merged into one project, in their order.
	ComposeFiles []string
}

// Collectors names every collector of files, in the order in which they claim
// them: what makes sense only as a whole (an overlay, a chart, a project) comes
// before the single files it consists of.
func Collectors(s Sources) ([]collect.Collector, error) {
	charts, err := helm.New(helm.Options{Sets: s.ValueSets, Set: s.Set, KubeVersion: s.KubeVersion, APIVersions: s.APIVersions})
	if err != nil {
		return nil, err
	}
	return []collect.Collector{
		kustomize.New(),
		charts,
		compose.New(compose.Files(s.ComposeFiles...)),
		dockerfile.New(),
		manifest.New(),
	}, nil
}
