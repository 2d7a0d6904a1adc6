package compose

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// reference expands a path to another file and refuses what is no local path.
func (a *assembly) reference(sc *scope, n *source.Node) (string, error) {
	e, err := sc.expand(n.Value)
	switch {
	case err != nil:
		return "", err
	case open(e.text):
		return "", errors.New(a.gaps.reason(e.text))
	case e.text == "":
		return "", errors.New("it names no path")
	case remote(e.text):
		return "", fmt.Errorf("%s is not a local file, and nothing is downloaded", withoutUser(e.text))
	case strings.HasPrefix(e.text, "~"):
		return "", errOutside
	}
	return e.text, nil
}

// remote reports whether Compose would fetch a path from a network.
func remote(p string) bool {
	return strings.Contains(p, "://") || strings.HasPrefix(p, "git@") || strings.HasPrefix(p, "github.com/") ||
		strings.HasSuffix(p, ".git") || strings.Contains(p, ".git#")
}

// withoutUser strips a URL of a user and password in it.
func withoutUser(p string) string {
	if scheme, rest, ok := strings.Cut(p, "://"); ok {
		host, tail, _ := strings.Cut(rest, "/")
		return scheme + "://" + host[strings.LastIndexByte(host, '@')+1:] + "/" + tail
	}
	return p
}

// join joins a path to a folder unless it is absolute.
func join(dir, p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(dir, p)
}
