// Package kustomize builds Kustomize overlays without the network and without
// running anything, and hands the objects over for normalising with the places
// in the bases and patches that they come from.
//
// It builds with the library that kustomize itself consists of, on a file
// system in memory that holds nothing but files of the scanned tree, and those
// below the working directory that an overlay refers to. Every
// kustomization is rewritten for it: what is remote, missing or a program is
// taken out and reported, and what stays refers to files by made-up local names,
// so that no text of the input can ever reach the library's downloader.
package kustomize

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Collector reads Kustomize overlays.
type Collector struct{ builder builder }

// New returns a collector for one run.
func New() *Collector { return &Collector{} }

// Name implements collect.Collector.
func (c *Collector) Name() string { return "kustomize" }

// Finish implements collect.Collector. Overlays that share a base are read
// together; the others do not wait for each other.
func (c *Collector) Finish(context.Context, collect.Sink) {}

// fileNames are those that kustomize looks for, in the order in which one of
// several is read.
var fileNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// forest is every kustomization of a tree.
type forest struct {
	tree  *collect.Tree
	all   []*kustomization
	byDir map[string]*kustomization
}

// Claim implements collect.Collector. It takes the kustomizations and the files
// that they consist of. An overlay is judged, and its bases as part of it; only
// what no other kustomization refers to is a root.
func (c *Collector) Claim(t *collect.Tree) []collect.Input {
	f := &forest{tree: t, byDir: map[string]*kustomization{}}
	for _, name := range fileNames {
		for _, e := range t.Unclaimed() {
			if e.Base() == name {
				f.add(e)
			}
		}
	}
	slices.SortFunc(f.all, byPath)
	for i, k := range f.all {
		k.id = i
		k.entry.Claim()
	}
	for i := 0; i < len(f.all); i++ { // grows by what lies outside of the tree
		f.all[i].resolve(f)
	}
	for _, k := range f.all {
		for _, e := range k.files {
			e.Claim()
		}
	}
	return c.inputs(f)
}

// add reads one kustomization.
func (f *forest) add(e *collect.Entry) {
	k := read(e)
	if k == nil {
		return
	}
	if first := f.byDir[e.Dir()]; first != nil {
		e.Claim()
		first.problemf(source.Place{File: e.Path}, "the folder has more than one kustomization: kustomize refuses it, and only %s is read", first.entry.Base())
		return
	}
	f.byDir[e.Dir()] = k
	f.all = append(f.all, k)
}

// reach adds the kustomization of a folder outside of the scanned ones.
func (f *forest) reach(dir string) *kustomization {
	for _, name := range fileNames {
		if e := f.tree.Reach(path.Join(dir, name)); e != nil {
			f.add(e)
		}
	}
	k := f.byDir[dir]
	if k != nil {
		k.id = len(f.all) - 1
	}
	return k
}

// inputs cuts cycles, finds the roots and puts those together that share
// something.
func (c *Collector) inputs(f *forest) []collect.Input {
	referred := map[*kustomization]bool{}
	for _, k := range f.all {
		for _, child := range k.children {
			referred[child] = true
		}
	}
	reached := map[*kustomization]bool{}
	var roots, components []*kustomization
	start := func(k *kustomization) {
		if !reached[k] {
			roots = append(roots, k)
			k.cutCycles(map[*kustomization]bool{}, reached)
		}
	}
	for _, k := range f.all {
		if !referred[k] && !k.component {
			start(k)
		}
	}
	for _, k := range f.all { // what only refers to each other
		if referred[k] && !k.component {
			start(k)
		}
	}
	for _, k := range f.all {
		if !reached[k] {
			components = append(components, k)
		}
	}
	slices.SortFunc(roots, byPath)
	var inputs []collect.Input
	for _, group := range groups(roots) {
		inputs = append(inputs, &input{builder: &c.builder, roots: group})
	}
	if len(components) > 0 {
		inputs = append(inputs, unused(components))
	}
	return inputs
}

// groups puts roots together that share a kustomization or a file.
func groups(roots []*kustomization) [][]*kustomization {
	owner := map[string]int{}
	var sets [][]*kustomization
	for _, root := range roots {
		mine := len(sets)
		sets = append(sets, []*kustomization{root})
		for _, k := range root.closure() {
			for _, e := range append([]*collect.Entry{k.entry}, k.files...) {
				other, ok := owner[e.Path]
				if ok && other != mine {
					sets[mine] = append(sets[mine], sets[other]...)
					sets[other] = nil
					for p, set := range owner {
						if set == other {
							owner[p] = mine
						}
					}
				}
				owner[e.Path] = mine
			}
		}
	}
	sets = slices.DeleteFunc(sets, func(s []*kustomization) bool { return len(s) == 0 })
	for _, s := range sets {
		slices.SortFunc(s, byPath)
	}
	slices.SortFunc(sets, func(a, b []*kustomization) int { return byPath(a[0], b[0]) })
	return sets
}

// unused are the components that no kustomization of the tree uses.
type unused []*kustomization

func (u unused) Path() string { return u[0].entry.Path }

func (u unused) Read(_ context.Context, sink collect.Sink) {
	for _, k := range u {
		for _, p := range k.problems {
			sink.Unread(p.place, p.reason)
		}
		sink.Unread(source.Place{File: k.entry.Path}, "the component is not judged: no kustomization among the scanned files uses it")
	}
}

// problem is what could not be read of a kustomization.
type problem struct {
	place  source.Place
	reason string
}

func (k *kustomization) problemf(place source.Place, format string, args ...any) {
	k.problems = append(k.problems, problem{place, fmt.Sprintf(format, args...)})
}
