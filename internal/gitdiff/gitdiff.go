// Package gitdiff asks git what has changed since a revision.
//
// The repository is part of what is scanned, and so is its configuration: git
// is run so that nothing which the repository sets up is executed. Hooks, the
// file system monitor, external diff and text conversion programs, filters,
// submodules, pagers and every way to fetch are switched off. Git itself refuses
// repositories of other users.
package gitdiff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/holdfast-sec/holdfast/internal/git"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// Changed returns the lines that have changed since the working tree in dir and
// the revision had their last commit in common: in commits, staged, not staged,
// and in files that git does not know yet and does not ignore.
//
// Files are named as findings name them: relative to dir, slash-separated; a
// file outside of dir stands under its absolute path as well. Where lines were
// only removed, the lines before and after count as changed. A file that was
// removed or only renamed has no lines. A key that ends in "/" is a folder all
// of which has changed: a submodule or a repository within the repository.
func Changed(ctx context.Context, dir, rev string) (map[string][]triage.Range, error) {
	if err := checkRevision(rev); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("looking up the folder %s: %w", dir, err)
	}
	r, err := open(ctx, dir)
	if err != nil {
		return nil, err
	}
	base, err := r.mergeBase(ctx, rev)
	if err != nil {
		return nil, err
	}
	changed, err := r.diff(ctx, base)
	if err != nil {
		return nil, err
	}
	if err := r.untracked(ctx, changed); err != nil {
		return nil, err
	}
	return r.named(changed), nil
}

// checkRevision refuses what git could take for an option or for more than one
// revision.
func checkRevision(rev string) error {
	switch {
	case rev == "":
		return errors.New("the revision is empty: name a branch, a tag or a commit")
	case rev[0] == '-':
		return fmt.Errorf("revision %q starts with a hyphen: name a branch, a tag or a commit", rev)
	case strings.Contains(rev, ".."):
		return fmt.Errorf("revision %q is a range: name only the revision to compare with", rev)
	case strings.ContainsFunc(rev, func(c rune) bool { return unicode.IsControl(c) || unicode.IsSpace(c) }):
		return fmt.Errorf("revision %q has blanks in it: name a branch, a tag or a commit", rev)
	}
	return nil
}

// repository is the one around a folder.
type repository struct {
	git.Runner
	// dir is the folder that findings are relative to, prefix the same as seen
	// from the top of the working tree: "" or a path that ends in "/".
	dir, prefix string
}

func open(ctx context.Context, dir string) (*repository, error) {
	r := &repository{dir: dir}
	var err error
	if r.Runner, err = git.New(dir); err != nil {
		return nil, fmt.Errorf("looking for git, which knows what has changed: install it, or scan without a revision to compare with: %w", err)
	}
	out, err := r.Output(ctx, "rev-parse", "--is-inside-work-tree", "--show-cdup", "--show-prefix")
	if err != nil {
		return nil, openError(dir, err)
	}
	lines := strings.Split(string(out), "\n")
	if len(lines) < 3 || lines[0] != "true" {
		return nil, noTreeError(dir)
	}
	r.prefix = lines[2]
	r.Dir = filepath.Join(dir, filepath.FromSlash(lines[1]))
	if _, err := os.Lstat(filepath.Join(r.Dir, ".git")); err != nil {
		// A configuration may name any folder, such as the root of the disk.
		return nil, fmt.Errorf("the git repository of %s is set up to have its working tree in %s, where no .git is: run it in an ordinary clone", dir, r.Dir)
	}
	return r, r.DisableFilters(ctx)
}

// openError says what to do where git finds no repository that it may read.
func openError(dir string, err error) error {
	var failed *git.Error
	if !errors.As(err, &failed) {
		return err
	}
	switch {
	case strings.Contains(failed.Message, "not a git repository"):
		return fmt.Errorf("%s is in no git repository: what has changed is known only there", dir)
	case strings.Contains(failed.Message, "bare repository"):
		return noTreeError(dir)
	case strings.Contains(failed.Message, "dubious ownership"):
		return fmt.Errorf("the git repository of %s belongs to another user: if you trust it, run git config --global --add safe.directory with its path", dir)
	}
	return fmt.Errorf("asking git about %s: %w", dir, err)
}

func noTreeError(dir string) error {
	return fmt.Errorf("%s has no working tree of git around it: run it where the files are checked out", dir)
}

// mergeBase returns the last commit that the revision and HEAD have in common.
func (r *repository) mergeBase(ctx context.Context, rev string) (string, error) {
	const deeper = "fetch it first; in CI, check out the whole history (GitHub: fetch-depth: 0, GitLab: GIT_DEPTH: 0)"
	commit, err := r.Output(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if git.SaysNo(err) {
		return "", fmt.Errorf("git knows no revision %q in %s: %s", rev, r.dir, deeper)
	}
	if err != nil {
		return "", fmt.Errorf("looking up revision %q in %s: %w", rev, r.dir, err)
	}
	base, err := r.Output(ctx, "merge-base", string(bytes.TrimSpace(commit)), "HEAD")
	if git.SaysNo(err) {
		return "", fmt.Errorf("revision %q and the checked-out commit have no commit in common in %s: %s", rev, r.dir, deeper)
	}
	if err != nil {
		return "", fmt.Errorf("comparing revision %q with the checked-out commit in %s: %w", rev, r.dir, err)
	}
	return string(bytes.TrimSpace(base)), nil
}

// diff returns the changed lines of tracked files, named from the top.
func (r *repository) diff(ctx context.Context, base string) (map[string][]triage.Range, error) {
	// diff-index does not read the settings of diff that change its output.
	// --text: attributes must not make a change invisible by calling it binary.
	args := []string{"diff-index", "--patch", "--unified=0", "--no-ext-diff", "--no-textconv", "--no-color", "--text",
		"--find-renames", "-l1000", "--inter-hunk-context=0", "--ignore-submodules=dirty", "--submodule=short", "--no-relative", "--full-index",
		"--src-prefix=a/", "--dst-prefix=b/", "--end-of-options", base, "--"}
	var changed map[string][]triage.Range
	err := r.Stream(ctx, nil, func(patch io.Reader) (err error) {
		changed, err = parsePatch(patch)
		return err
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("comparing %s with commit %s: %w", r.dir, base, err)
	}
	return changed, nil
}

// untracked adds the files that git does not know, all of their lines.
func (r *repository) untracked(ctx context.Context, changed map[string][]triage.Range) error {
	out, err := r.Output(ctx, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return fmt.Errorf("listing the files of %s that git does not know: %w", r.dir, err)
	}
	for name := range strings.SplitSeq(string(out), "\x00") {
		if name != "" {
			changed[name] = []triage.Range{{First: 1, Last: math.MaxInt}}
		}
	}
	return nil
}

// named names files as findings do.
func (r *repository) named(changed map[string][]triage.Range) map[string][]triage.Range {
	out := make(map[string][]triage.Range, len(changed))
	for name, ranges := range changed {
		end := ""
		if strings.HasSuffix(name, "/") {
			end = "/"
		}
		rel := relative(r.prefix, name)
		out[rel+end] = ranges
		if strings.HasPrefix(rel, "../") {
			out[filepath.ToSlash(filepath.Join(r.dir, filepath.FromSlash(rel)))+end] = ranges
		}
	}
	return out
}

// relative names a file as seen from a folder, both given from the same top.
func relative(folder, name string) string {
	folder = strings.TrimSuffix(folder, "/")
	up := ""
	for folder != "" && name != folder && !strings.HasPrefix(name, folder+"/") {
		up += "../"
		if folder = path.Dir(folder); folder == "." {
			folder = ""
		}
	}
	if folder != "" {
		name = strings.TrimPrefix(name, folder)
	}
	return path.Clean(up + strings.TrimPrefix(name, "/"))
}
