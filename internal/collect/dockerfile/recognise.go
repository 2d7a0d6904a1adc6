package dockerfile

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// otherExtensions end names such as "Dockerfile.md": files about a Dockerfile.
var otherExtensions = []string{
	".adoc", ".dockerignore", ".gz", ".html", ".json", ".lock", ".markdown", ".md", ".pdf", ".png",
	".rst", ".svg", ".swp", ".toml", ".xml", ".yaml", ".yml", ".zip",
}

// doubtfulExtensions end names such as "Dockerfile.java", which may be the
// Dockerfile for Java or a class of that name: the content decides.
var doubtfulExtensions = []string{
	".bak", ".bash", ".c", ".cpp", ".cs", ".diff", ".go", ".h", ".java", ".js", ".kt", ".old", ".orig",
	".patch", ".php", ".ps1", ".py", ".rb", ".rs", ".scala", ".sh", ".snap", ".sql", ".ts", ".txt",
}

// templateExtensions end the names of templates that become Dockerfiles.
var templateExtensions = []string{
	".ejs", ".erb", ".gotmpl", ".hbs", ".in", ".j2", ".jinja", ".jinja2", ".liquid", ".mustache",
	".template", ".tmpl", ".tpl",
}

var (
	dockerfileName = regexp.MustCompile(`(?i)^(dockerfile|containerfile)([._-].+)?$|.\.(dockerfile|containerfile)$`)

	// syntaxLine, argLine and fromLine are what a Dockerfile may start with.
	syntaxLine = regexp.MustCompile(`^#\s*syntax\s*=\s*\S`)
	argLine    = regexp.MustCompile(`^ARG\s+[A-Za-z_]\w*(=|\s|$)`)
	fromLine   = regexp.MustCompile(`^FROM\s+(--platform=\S+\s+)?\S+(\s+(AS|as)\s+\S+)?\s*$`)
)

// recognised reports whether a file is a Dockerfile. A name says so without a
// look inside, so that a broken Dockerfile is reported rather than passed over.
func recognised(e *collect.Entry) bool {
	ext := strings.ToLower(path.Ext(e.Base()))
	if dockerfileName.MatchString(e.Base()) {
		if slices.Contains(otherExtensions, ext) {
			return false
		}
		return !slices.Contains(doubtfulExtensions, ext) || startsLikeDockerfile(e.Head())
	}
	return (e.Explicit || ext == "") && startsLikeDockerfile(e.Head())
}

// startsLikeDockerfile reports whether the first instruction is a FROM, after
// nothing but comments and arguments, or a syntax line is above it.
func startsLikeDockerfile(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\ufeff"))
	comments := true
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
		case line[0] == '#':
			if comments && syntaxLine.Match(line) {
				return true
			}
		case argLine.Match(line):
			comments = false
		default:
			return fromLine.Match(line)
		}
	}
	return false
}
