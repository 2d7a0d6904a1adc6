package manifest

import "github.com/holdfast-sec/holdfast/internal/collect"

// rbac holds the roles and bindings of a set until all of them were read.
type rbac struct{}

func (s *Set) addRBAC(o *object) {}

// grants joins roles and bindings and hands over what they let subjects do.
func (s *Set) grants(sink collect.Sink) {}
