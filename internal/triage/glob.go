package triage

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Glob is a pattern of paths.
//
// Patterns are split at "/". "*", "?" and "[a-z]" match within a part, "**"
// matches any number of parts, none included. A pattern without "/" matches a
// name at any depth; one with "/" starts at the folder that it is relative to.
// A pattern that matches a folder, or an archive, holds for all that is in it.
type Glob struct{ parts []string }

// maxPattern bounds the length of a pattern.
const maxPattern = 1000

// ParseGlob reads a pattern.
func ParseGlob(pattern string) (Glob, error) {
	switch {
	case strings.TrimSpace(pattern) == "":
		return Glob{}, errors.New("the pattern is empty")
	case len(pattern) > maxPattern:
		return Glob{}, fmt.Errorf("the pattern is longer than %d characters", maxPattern)
	case strings.Contains(pattern, `\`):
		return Glob{}, fmt.Errorf(`pattern %q has a backslash: write paths with "/"`, pattern)
	case strings.ContainsAny(pattern, "{}"):
		return Glob{}, fmt.Errorf("pattern %q has braces: write one pattern for each alternative", pattern)
	case pattern[0] == '!':
		return Glob{}, fmt.Errorf("pattern %q starts with \"!\": there is no negation, write what is meant", pattern)
	}
	clean := path.Clean(pattern)
	var parts []string
	if clean != "." {
		parts = strings.Split(clean, "/")
	}
	for _, part := range parts {
		if _, err := path.Match(part, ""); err != nil {
			return Glob{}, fmt.Errorf(`pattern %q has a "[" without its "]"`, pattern)
		}
	}
	if len(parts) == 1 {
		parts = []string{"**", parts[0]}
	}
	return Glob{append(parts, "**")}, nil
}

// Match reports whether the pattern holds for a slash-separated path.
func (g Glob) Match(file string) bool {
	file = strings.TrimSuffix(strings.ReplaceAll(file, "!/", "/"), "/")
	return file != "" && len(g.parts) > 0 && matchParts(g.parts, strings.Split(file, "/"))
}

// matchParts matches greedily: when it gets stuck, the last "**" takes one part
// more. That is enough, as an earlier one could only take what the last can.
func matchParts(pattern, parts []string) bool {
	p, i, star, taken := 0, 0, -1, 0
	for i < len(parts) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, taken = p, i
			p++
		case p < len(pattern) && matchPart(pattern[p], parts[i]):
			p++
			i++
		case star >= 0:
			taken++
			p, i = star+1, taken
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

func matchPart(pattern, part string) bool {
	ok, err := path.Match(pattern, part)
	return ok && err == nil
}

// MatchRule reports whether a rule's id or a pattern of ids names a rule.
func MatchRule(pattern, id string) bool { return matchText(pattern, id) }

// matchText matches a whole text, "*" standing for any characters and "?" for
// one byte. It works as matchParts does.
func matchText(pattern, text string) bool {
	p, i, star, taken := 0, 0, -1, 0
	for i < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, taken = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[i]):
			p++
			i++
		case star >= 0:
			taken++
			p, i = star+1, taken
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
