package dockerfile

import (
	"path"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// ignoreFile finds the ignore file that a build would use: the one named after
// the Dockerfile, else the .dockerignore of the context. Which folder is the
// context is a matter of the command line; it is the Dockerfile's own or one
// above it, so the nearest .dockerignore on the way up is taken (or Podman's
// .containerignore).
func ignoreFile(tree *collect.Tree, e *collect.Entry) *collect.Entry {
	if e.Path == collect.Stdin {
		return nil
	}
	if own := tree.Get(e.Path + ".dockerignore"); own != nil {
		return own
	}
	for dir := e.Dir(); ; dir = path.Dir(dir) {
		for _, name := range []string{".containerignore", ".dockerignore"} {
			if found := tree.Get(path.Join(dir, name)); found != nil {
				return found
			}
		}
		if dir == path.Dir(dir) || path.Base(dir) == ".." {
			return nil
		}
	}
}

// ignorePatterns lists the patterns of an ignore file.
func ignorePatterns(content []byte) []string {
	var patterns []string
	for line := range strings.Lines(strings.TrimPrefix(string(content), "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			patterns = append(patterns, line)
		}
	}
	return patterns
}
