package helm

import (
	"bytes"
	"encoding/base64"
	"path"
	"strings"

	"github.com/gobwas/glob"
)

// Files are the files of a chart that templates can read, by their path within
// the chart. There is no way from here to any other file.
type Files map[string][]byte

// GetBytes returns a file's content, nothing for a file that is not there.
func (f Files) GetBytes(name string) []byte {
	if content, ok := f[name]; ok {
		return content
	}
	return []byte{}
}

// Get returns a file's content as text.
func (f Files) Get(name string) string { return string(f.GetBytes(name)) }

// The bounds on glob patterns: the matcher tries every way to spread its
// wildcards over a path.
const (
	maxPattern   = 256
	maxWildcards = 8
)

// Glob returns the files whose paths match. A pattern that is none matches
// every file, as it does for Helm.
func (f Files) Glob(pattern string) Files {
	out := Files{}
	if len(pattern) > maxPattern || strings.Count(pattern, "*") > maxWildcards || strings.Count(pattern, "{") > maxWildcards {
		return out
	}
	matcher, err := glob.Compile(pattern, '/')
	if err != nil {
		matcher = glob.MustCompile("**")
	}
	for name, content := range f {
		if len(name) <= maxPattern && matcher.Match(name) {
			out[name] = content
		}
	}
	return out
}

// AsConfig returns the files as the data of a ConfigMap.
func (f Files) AsConfig() (string, error) {
	return f.data(func(content []byte) string { return string(content) })
}

// AsSecrets returns the files as the data of a Secret.
func (f Files) AsSecrets() (string, error) {
	return f.data(base64.StdEncoding.EncodeToString)
}

func (f Files) data(encode func([]byte) string) (string, error) {
	if f == nil {
		return "", nil
	}
	size := 0
	data := make(map[string]string, len(f))
	for _, name := range sortedKeys(f) {
		if size += len(f[name]); size > maxText/4 {
			return "", errText
		}
		data[path.Base(name)] = encode(f[name])
	}
	return toYAML(data), nil
}

// Lines returns the lines of a file.
func (f Files) Lines(name string) ([]string, error) {
	content := f[name]
	if len(content) == 0 {
		return []string{}, nil
	}
	if bytes.Count(content, []byte("\n")) > maxText/wordSize {
		return nil, errText
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n"), nil
}

// reads are the methods of Files that make something new.
var reads = []string{"Get", "GetBytes", "Glob", "AsConfig", "AsSecrets", "Lines"}
