package manifest

import (
	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
)

// namespaces holds what the objects of a set say about their namespaces.
type namespaces struct{}

func (s *Set) addNamespace(o *object) {}

func (s *Set) addPolicy(o *object) {}

func (s *Set) addQuota(o *object) {}

// countWorkload remembers a workload for its namespace's policies.
func (s *Set) countWorkload(o *object, pod *asset.Pod) {}

// namespaces hands over one asset a namespace.
func (s *Set) namespaceAssets(sink collect.Sink) {}
