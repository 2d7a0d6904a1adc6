// Package collect is what the collectors share: the tree of files that they
// claim inputs from, and the sink that takes what they read.
//
// Collectors alone touch the world. Each is a package below this one; it
// recognises its inputs by name and by content, reads them without ever
// executing anything, and hands over normalised assets and, just as carefully,
// what it could not read.
package collect

import (
	"context"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Sink takes what collectors read. Its methods may be called by several
// goroutines at once.
type Sink interface {
	// Asset hands over a normalised asset, complete and never changed again. A
	// pod's containers come with the pod.
	Asset(asset.Asset)
	// Unread reports input, or a part of it, that could not be judged, and why.
	Unread(place source.Place, reason string)
	// Object counts Kubernetes objects, Compose services and Dockerfiles, those
	// that no rule reads included.
	Object(n int)
}

// Collector recognises and reads one kind of input.
type Collector interface {
	// Name is the collector's short name: "dockerfile", "compose", ...
	Name() string
	// Claim takes the inputs that the collector reads out of the tree, marking
	// the files that they consist of as claimed. It judges by names and by the
	// first bytes; it is called once, before anything is read.
	Claim(*Tree) []Input
	// Finish is called once, after every input was read: what needs all of
	// them (objects that refer to each other) is handed over here.
	Finish(context.Context, Sink)
}

// Input is one unit of reading: a file, or a folder that only makes sense as a
// whole, such as a chart.
type Input interface {
	// Path names the input as a person would.
	Path() string
	// Read reads it. What cannot be read goes to the sink, not to the caller:
	// the rest of the run goes on.
	Read(context.Context, Sink)
}
