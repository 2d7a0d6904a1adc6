package scan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// One problem is one finding: what this file folds would otherwise be told once
// for every container, every set of values or every rule that it touches.

// foldInherited makes one finding of those that the containers of a pod share:
// a setting of the pod that each of them inherits is one line and one problem.
func foldInherited(found []finding.Finding) []finding.Finding {
	type cause struct {
		rule  string
		place source.Place
	}
	first := map[cause]int{}
	more := map[int]int{}
	kept := found[:0]
	for _, f := range found {
		c := cause{f.Rule, f.Place}
		i, seen := first[c]
		switch {
		case !seen || f.Place.Line == 0 || kept[i].Asset.ID == f.Asset.ID:
			first[c] = len(kept)
			kept = append(kept, f)
		default:
			more[i]++
		}
	}
	for i, n := range more {
		kept[i].Message += fmt.Sprintf(" (and %d more of the pod)", n)
	}
	return kept
}

// foldScopes makes one finding of those that several renderings of a file share:
// what a chart does with every set of values is one line and one problem.
func foldScopes(found []finding.Finding) []finding.Finding {
	type cause struct {
		rule, field, message string
		asset                string
		place                source.Place
	}
	first := map[cause]int{}
	also := map[int][]string{}
	kept := found[:0]
	for _, f := range found {
		c := cause{f.Rule, f.Field, f.Message, "", f.Place}
		if f.Place.Line == 0 {
			c.asset = f.Asset.Name // a file as a whole is not place enough
		}
		i, seen := first[c]
		switch {
		case !seen:
			first[c] = len(kept)
			kept = append(kept, f)
		case f.Asset.Scope == "" && kept[i].Asset.Scope != "":
			also[i] = append(also[i], kept[i].Asset.Scope)
			kept[i] = f
		case f.Asset.Scope == kept[i].Asset.Scope:
			kept = append(kept, f)
		default:
			also[i] = append(also[i], f.Asset.Scope)
		}
	}
	for i, scopes := range also {
		slices.Sort(scopes)
		kept[i].Message += " (also with " + strings.Join(slices.Compact(scopes), ", ") + ")"
	}
	return kept
}

// foldReasons makes one result of the rules that could not be decided about an
// asset for the same reason at the same place.
func foldReasons(found []finding.Finding) []finding.Finding {
	type cause struct {
		asset, reason string
		place         source.Place
	}
	first := map[cause]int{}
	rules := map[int][]string{}
	kept := found[:0]
	for _, f := range found {
		c := cause{f.Asset.ID, f.Reason, f.Place}
		i, seen := first[c]
		if !seen {
			i = len(kept)
			first[c] = i
			kept = append(kept, f)
		}
		rules[i] = append(rules[i], f.Rule)
	}
	for i, ids := range rules {
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) > 1 {
			kept[i].Message = fmt.Sprintf("%d rules could not be decided: %s", len(ids), strings.Join(ids, ", "))
		}
	}
	return kept
}
