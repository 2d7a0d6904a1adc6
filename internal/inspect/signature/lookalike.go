package signature

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed names.txt
var nameList string

// known is the list of well-known images, read when it is first needed.
var known = sync.OnceValue(func() *catalogue {
	c := &catalogue{official: map[string]bool{}, names: map[string][]string{}, spaces: map[string]bool{}}
	for line := range strings.Lines(nameList) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !strings.Contains(line, "/") {
			c.official[line] = true
			c.words = append(c.words, line)
			continue
		}
		_, rest, host := strings.Cut(line, "/")
		if first, _, _ := strings.Cut(line, "/"); host && strings.Contains(first, ".") {
			line = rest
		}
		if space, name, ok := strings.Cut(line, "/"); ok {
			c.spaces[space] = true
			c.names[space] = append(c.names[space], name)
		}
	}
	return c
})

// catalogue is what is well known.
type catalogue struct {
	official map[string]bool
	words    []string            // the official names, in the order of the list
	spaces   map[string]bool     // namespaces
	names    map[string][]string // by namespace
}

// publicHosts are registries in which anybody can publish, or which are imitated.
var publicHosts = []string{
	"docker.io", "ghcr.io", "quay.io", "gcr.io", "registry.k8s.io", "k8s.gcr.io", "public.ecr.aws", "mcr.microsoft.com",
	"registry.gitlab.com", "registry.access.redhat.com", "registry.redhat.io", "mirror.gcr.io", "nvcr.io", "lscr.io", "docker.elastic.co", "cgr.dev",
}

// openHosts are those of them where anybody can take a namespace and a name.
var openHosts = []string{"docker.io", "ghcr.io", "quay.io", "public.ecr.aws"}

// claims are words by which a name says that it is the real one.
var claims = []string{"official", "original", "genuine", "verified", "library", "dockerlibrary", "docker-library"}

// maxName is longer than any reference may be.
const maxName = 512

// Lookalike reports whether a repository's name imitates a well-known one, which
// one, and how. It is about names that people can take for another, not about
// forks and mirrors that bear the same name.
func Lookalike(registry, repository string) (of, how string) {
	if len(registry)+len(repository) > maxName {
		return "", ""
	}
	c := known()
	if host := imitatedHost(registry); host != "" {
		return host + "/" + repository, fmt.Sprintf("the registry %s imitates %s", registry, host)
	}
	if !slices.Contains(publicHosts, registry) {
		return "", "" // an organisation's own names are its own affair
	}
	space, name := "", repository
	if i := strings.LastIndexByte(repository, '/'); i >= 0 {
		space, name = repository[:i], repository[i+1:]
	}
	if registry == "public.ecr.aws" && space == "docker/library" {
		space = "library"
	}
	if c.spaces[space] || space == "library" && c.official[name] {
		return "", "" // it is the well-known one, or of the same people
	}
	if of, how := c.space(space, name); of != "" {
		return of, how
	}
	if space == name || !slices.Contains(openHosts, registry) {
		return "", "" // a maker's own name, or a registry where names are given out
	}
	return c.name(name)
}

// imitatedHost finds the registry that another imitates.
func imitatedHost(registry string) string {
	if slices.Contains(publicHosts, registry) || strings.ContainsAny(registry, ":") || !strings.Contains(registry, ".") {
		return ""
	}
	for _, host := range publicHosts {
		if imitates(registry, host, 6) != "" {
			return host
		}
	}
	return ""
}

// space finds a namespace that imitates a well-known one and has an image that
// the well-known one has.
func (c *catalogue) space(space, name string) (of, how string) {
	if space == "" {
		return "", ""
	}
	if slices.Contains(claims, space) && c.official[name] {
		return name, fmt.Sprintf("the namespace %q says that it is the official one", space)
	}
	if c.official[name] {
		if how := imitates(space, "library", 7); how != "" {
			return "library/" + name, how
		}
		for _, claim := range claims {
			if rest, ok := affixed(space, claim); ok && rest == name {
				return name, fmt.Sprintf("the namespace %q says that it is the official one", space)
			}
		}
	}
	for _, original := range slices.Sorted(maps.Keys(c.names)) {
		if slices.Contains(c.names[original], name) {
			if how := imitates(space, original, 5); how != "" {
				return original + "/" + name, how
			}
		}
	}
	return "", ""
}

// name finds the official image that a name imitates.
func (c *catalogue) name(name string) (of, how string) {
	if c.official[name] {
		return "", ""
	}
	for _, word := range c.words {
		for _, claim := range claims {
			if rest, ok := affixed(name, claim); ok && rest == word {
				return word, fmt.Sprintf("%q says that it is the official one", name)
			}
		}
		if how := imitates(name, word, 5); how != "" {
			return word, how
		}
	}
	return "", ""
}

// affixed takes a word off the start or the end of a name.
func affixed(name, word string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(name, word); !ok {
		rest, ok = strings.CutSuffix(name, word)
	}
	return strings.Trim(rest, "-_."), ok && rest != ""
}

// imitates says how a name can be taken for another, "" if it cannot. Names
// shorter than so many letters differ by too little for a typing mistake to tell.
func imitates(name, original string, shortest int) string {
	if name == original || strings.TrimRight(name, "0123456789.") == strings.TrimRight(original, "0123456789.") {
		return "" // a version, as in python3
	}
	if skeleton(name) == skeleton(original) {
		return fmt.Sprintf("%q and %q look alike", name, original)
	}
	if len(name) < shortest || len(original) < shortest {
		return ""
	}
	if distance(name, original) == 1 && !innocent(name, original) {
		return fmt.Sprintf("%q is one letter away from %q", name, original)
	}
	return ""
}

// innocent tells names that differ in one letter for another reason than to be
// taken for each other: a letter in front, as in "jruby", or another way to
// write a name of two words.
func innocent(name, original string) bool {
	return joined.Replace(name) == joined.Replace(original) || len(name) == len(original)+1 && strings.HasSuffix(name, original) ||
		len(original) == len(name)+1 && strings.HasSuffix(original, name)
}

var joined = strings.NewReplacer("-", "", "_", "", ".", "")

var lookalikes = strings.NewReplacer("rn", "m", "vv", "w", "0", "o", "1", "l", "i", "l", "5", "s", "3", "e", "4", "a", "7", "t")

// skeleton is a name with letters that look alike made one.
func skeleton(name string) string { return lookalikes.Replace(name) }

// distance is how many letters have to be put in, taken out, exchanged, or
// swapped with their neighbour, to make one name of the other. From 3 on it does
// not count on.
func distance(a, b string) int {
	const enough = 3
	if len(a) > len(b)+enough || len(b) > len(a)+enough || len(a) > 100 || len(b) > 100 {
		return enough
	}
	var before, last, now [102]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last = last, now
	}
	return min(last[len(b)], enough)
}
