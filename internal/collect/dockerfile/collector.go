// Package dockerfile reads Dockerfiles and Containerfiles into images, with the
// parser that builds them. Nothing is built or run: what a build would decide
// (stages, build arguments, who runs what) is resolved from the text, and what
// only a build can know is marked as unknown.
package dockerfile

import (
	"context"
	"fmt"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// maxFile is the largest Dockerfile that is read, in bytes. BuildKit itself
// takes lines of 64 KiB at most; the longest real files have some 50 KiB.
const maxFile = 1 << 20

// Collector reads Dockerfiles.
type Collector struct{}

var _ collect.Collector = (*Collector)(nil)

// New makes a collector.
func New() *Collector { return &Collector{} }

// Name implements collect.Collector.
func (*Collector) Name() string { return "dockerfile" }

// Claim implements collect.Collector: files that are called like a Dockerfile,
// and files that no extension gives away whose first instruction is a FROM.
func (*Collector) Claim(tree *collect.Tree) []collect.Input {
	var inputs []collect.Input
	for _, e := range tree.Unclaimed() {
		if !recognised(e) {
			continue
		}
		e.Claim()
		ignore := ignoreFile(tree, e)
		if ignore != nil {
			ignore.Claim()
		}
		inputs = append(inputs, &input{entry: e, ignore: ignore})
	}
	return inputs
}

// Finish implements collect.Collector: no Dockerfile refers to another.
func (*Collector) Finish(context.Context, collect.Sink) {}

// input is one Dockerfile and the ignore file of its build context, if any.
type input struct {
	entry  *collect.Entry
	ignore *collect.Entry
}

// Path implements collect.Input.
func (in *input) Path() string { return in.entry.Path }

// Read implements collect.Input.
func (in *input) Read(_ context.Context, sink collect.Sink) {
	content, ok := in.entry.ReadText(sink)
	if !ok {
		return
	}
	place := source.Place{File: in.entry.Path}
	if len(content) > maxFile {
		sink.Unread(place, fmt.Sprintf("it is larger than %d MiB, which no Dockerfile is", maxFile>>20))
		return
	}
	image, err := guarded(in.entry.Path, content)
	if err != nil {
		place.Position = err.Position
		sink.Unread(place, err.Reason)
		return
	}
	if in.ignore != nil {
		image.Ignored = true
		if patterns, ok := in.ignore.ReadText(sink); ok {
			image.IgnorePatterns = ignorePatterns(patterns)
		}
	}
	unreadScripts(image, sink)
	sink.Object(1)
	sink.Asset(image)
}

// unreadScripts reports the scripts of an image that could not be split: rules
// about commands see none there, and that must not look like a pass. One report
// stands for all scripts with the same reason.
func unreadScripts(image *asset.Image, sink collect.Sink) {
	var reasons []string
	counts, first := map[string]int{}, map[string]source.Place{}
	for _, u := range image.Unknown {
		instruction, ok := strings.CutSuffix(u.Path, ".commands")
		if !ok {
			continue
		}
		if counts[u.Reason]++; counts[u.Reason] == 1 {
			reasons = append(reasons, u.Reason)
			first[u.Reason], _ = image.Locate(instruction)
		}
	}
	for _, reason := range reasons {
		text := reason
		if more := counts[reason] - 1; more > 0 {
			text += fmt.Sprintf(" (nor are %d more in this file)", more)
		}
		sink.Unread(first[reason], text)
	}
}

// guarded is readImage for hostile input: a bug in a parser must not end the
// run over one file.
func guarded(path string, content []byte) (image *asset.Image, err *source.SyntaxError) {
	defer func() {
		if recover() != nil {
			image, err = nil, &source.SyntaxError{Reason: "the Dockerfile parser gave up on it: please report the file"}
		}
	}()
	return readImage(path, content)
}
