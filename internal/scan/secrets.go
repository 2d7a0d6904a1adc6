package scan

import (
	"context"
	"fmt"
	"path"
	"sync"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/history"
	"github.com/holdfast-sec/holdfast/internal/inspect/secret"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// leftovers makes inputs of the files that no collector knows: they are searched
// for credentials. In the others rules see them in their place.
func (r *run) leftovers(tree *collect.Tree) []collect.Input {
	buffers := &sync.Pool{New: func() any {
		buffer := make([]byte, pieceSize)
		return &buffer
	}}
	var inputs []collect.Input
	for _, e := range tree.Unclaimed() {
		inputs = append(inputs, leftover{r, e, buffers})
	}
	return inputs
}

// pasts makes inputs of the git histories of the targets, if they are asked for.
func (r *run) pasts(plan Plan, tree *collect.Tree) []collect.Input {
	var inputs []collect.Input
	if plan.History {
		for _, dir := range plan.Targets {
			inputs = append(inputs, past{r, dir, tree})
		}
	}
	return inputs
}

// pieceSize is how much of a file is in memory at a time.
const pieceSize = 256 << 10

type leftover struct {
	*run
	entry   *collect.Entry
	buffers *sync.Pool
}

// Path implements collect.Input.
func (l leftover) Path() string { return l.entry.Path }

// Read implements collect.Input.
func (l leftover) Read(_ context.Context, sink collect.Sink) {
	var found []asset.Secret
	stream := secret.NewScanner().Stream(l.entry.Path, l.entry.Size(), keep(&found))
	buffer := l.buffers.Get().(*[]byte)
	defer l.buffers.Put(buffer)
	if err := l.entry.Pieces(*buffer, secret.Overlap, stream.Write); err != nil {
		sink.Unread(source.Place{File: l.entry.Path}, err.Error())
	}
	if len(found) > 0 {
		place := source.Place{File: l.entry.Path}
		sink.Asset(leaky(place, &asset.File{Path: l.entry.Path, Size: l.entry.Size(), Secrets: found}))
	}
}

// keep makes secrets of hits.
func keep(into *[]asset.Secret) func(secret.Hit) {
	return func(h secret.Hit) {
		*into = append(*into, asset.Secret{Kind: h.Kind, Title: h.Title, Severity: h.Severity, Line: h.Line, Masked: h.Masked, Checked: h.Checked})
	}
}

// leaky completes a file of a folder or of a history.
func leaky(at source.Place, f *asset.File) *asset.File {
	f.Head = asset.Head{Kind: asset.KindFile, ID: at.File, Name: at.File, Format: asset.Folder, Place: at}
	if f.Commit != "" {
		f.ID += "@" + f.Commit
		f.Name += " in commit " + f.Commit[:min(len(f.Commit), 12)]
	}
	for i, s := range f.Secrets {
		at.Line = int(s.Line)
		f.At(fmt.Sprintf("secrets[%d]", i), at)
	}
	return f
}

// past is the git history of a folder. What the work tree still has is found
// there, so that only what is gone from it is told.
type past struct {
	*run
	dir  string
	tree *collect.Tree
}

// Path implements collect.Input.
func (p past) Path() string { return p.dir }

// Read implements collect.Input.
func (p past) Read(ctx context.Context, sink collect.Sink) {
	scanner := secret.NewScanner()
	type told struct{ path, kind, masked string }
	seen := map[told]bool{}
	summary, err := history.Walk(ctx, p.dir, history.Options{}, func(b history.Blob) error {
		at := collect.Display(path.Join(p.dir, b.Path))
		if b.Content == nil || !b.Deleted && p.tree.Get(at) != nil {
			return nil
		}
		var all, fresh []asset.Secret
		scanner.Scan(b.Content, b.Path, keep(&all))
		for _, s := range all {
			// The same secret in a later version of the file is the same finding.
			if key := (told{b.Path, s.Kind, s.Masked}); !seen[key] {
				seen[key] = true
				fresh = append(fresh, s)
			}
		}
		if len(fresh) > 0 {
			sink.Asset(leaky(source.Place{File: at}, &asset.File{Path: at, Size: b.Size, Commit: b.Commit, Deleted: b.Deleted, Secrets: fresh}))
		}
		return nil
	})
	unread := func(n int, what string) {
		if n > 0 {
			sink.Unread(source.Place{File: p.dir}, countOf(n, what))
		}
	}
	if err != nil {
		sink.Unread(source.Place{File: p.dir}, err.Error())
	}
	if summary.Shallow {
		sink.Unread(source.Place{File: p.dir}, "the clone is shallow: its history is not there to be read, fetch it with git fetch --unshallow")
	}
	unread(summary.Large, "version of a file that is too large to be read")
	unread(summary.Missing, "version of a file that the clone does not have")
	if summary.Cut {
		sink.Unread(source.Place{File: p.dir}, fmt.Sprintf("the history has more than %d versions of files: the rest was not read", summary.Blobs))
	}
}
