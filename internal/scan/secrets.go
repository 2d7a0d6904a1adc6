package scan

import (
	"context"
	"crypto/sha256"
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
	placeFound(f, at)
	return f
}

// placeFound says at which lines of a file what was found in it stands.
func placeFound(f *asset.File, at source.Place) {
	for i, s := range f.Secrets {
		at.Line = int(s.Line)
		f.At(fmt.Sprintf("secrets[%d]", i), at)
	}
	for i, s := range f.Indicators {
		at.Line = int(s.Line)
		f.At(fmt.Sprintf("indicators[%d]", i), at)
	}
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

// told is a secret that a finding is about: the same one in another version of
// the file is no other finding. It is known by a sum, as masks are alike.
type told struct {
	path, kind string
	sum        [sha256.Size]byte
}

// leak is a version of a file with the secrets that no older one has.
type leak struct {
	file *asset.File
	told []told
}

// Read implements collect.Input.
func (p past) Read(ctx context.Context, sink collect.Sink) {
	scanner := secret.NewScanner()
	var leaks []leak
	seen, here := map[told]bool{}, map[told]bool{}
	summary, err := history.Walk(ctx, p.dir, history.Options{}, func(b history.Blob) error {
		if b.Content == nil {
			return nil
		}
		at := collect.Display(path.Join(p.dir, b.Path))
		current := !b.Deleted && p.tree.Get(at) != nil
		l := leak{file: &asset.File{Path: at, Size: b.Size, Commit: b.Commit, Deleted: b.Deleted}}
		scanner.Scan(b.Content, b.Path, func(h secret.Hit) {
			key := told{b.Path, h.Kind, sha256.Sum256(b.Content[h.Start:h.End])}
			switch {
			case current:
				here[key] = true
			case !seen[key]:
				seen[key] = true
				l.told = append(l.told, key)
				keep(&l.file.Secrets)(h)
			}
		})
		if len(l.told) > 0 {
			leaks = append(leaks, l)
		}
		return nil
	})
	for _, l := range leaks {
		if l.leave(here); len(l.file.Secrets) > 0 {
			sink.Asset(leaky(source.Place{File: l.file.Path}, l.file))
		}
	}
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

// leave takes out the secrets that the work tree still has.
func (l leak) leave(here map[told]bool) {
	gone := l.file.Secrets[:0]
	for i, s := range l.file.Secrets {
		if !here[l.told[i]] {
			gone = append(gone, s)
		}
	}
	l.file.Secrets = gone
}
