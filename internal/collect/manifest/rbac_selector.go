package manifest

import (
	"fmt"
	"slices"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// selector is a label selector: every requirement has to hold. One without any
// matches everything.
type selector []requirement

// requirement is what a selector asks of one label.
type requirement struct {
	key, operator string
	values        []string
}

// selectors reads the selectors of an aggregationRule. One that Kubernetes
// would refuse is reported and left out.
func (o *object) selectors(aggregation *source.Node) []selector {
	var out []selector
	for _, n := range o.items(aggregation, "clusterRoleSelectors") {
		s, err := newSelector(n)
		if err != nil {
			o.sink.Unread(o.text.place(n.Position), fmt.Sprintf("%s selects roles in a way that Kubernetes refuses: %s", o.title(), err))
			continue
		}
		out = append(out, s)
	}
	return out
}

func newSelector(n *source.Node) (selector, error) {
	var s selector
	for _, p := range n.Map("matchLabels") {
		s = append(s, requirement{p.Key.Value, "In", []string{p.Value.Text()}})
	}
	for _, e := range n.List("matchExpressions") {
		r := requirement{e.Text("key"), e.Text("operator"), e.Strings("values")}
		switch {
		case !slices.Contains([]string{"In", "NotIn", "Exists", "DoesNotExist"}, r.operator):
			return nil, fmt.Errorf("%q is no operator", r.operator)
		case (r.operator == "In" || r.operator == "NotIn") != (len(r.values) > 0):
			return nil, fmt.Errorf("%s with %d values", r.operator, len(r.values))
		}
		s = append(s, r)
	}
	return s, nil
}

func (s selector) matches(labels map[string]string) bool {
	return !slices.ContainsFunc(s, func(r requirement) bool { return !r.holds(labels) })
}

func (r requirement) holds(labels map[string]string) bool {
	value, ok := labels[r.key]
	switch r.operator {
	case "In":
		return ok && slices.Contains(r.values, value)
	case "NotIn":
		return !ok || !slices.Contains(r.values, value)
	case "Exists":
		return ok
	}
	return !ok
}
