package sarif

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/report/wording"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// srcRoot is what relative locations are relative to.
const srcRoot = "%SRCROOT%"

// locate makes a location. The entry of an archive has a line but the archive
// has none, so it gets no region; neither does a place without a known line.
func locate(place source.Place, excerpt string) location {
	file, entry := wording.SplitArchive(place.File)
	out := location{Physical: physicalLocation{Artifact: artifact(file)}}
	if place.Line == 0 || entry != "" {
		return out
	}
	out.Physical.Region = &region{
		StartLine: place.Line, StartColumn: place.Column,
		EndLine: place.EndLine, EndColumn: place.EndColumn,
	}
	if excerpt != "" {
		out.Physical.Region.Snippet = &text{Text: wording.Cut(excerpt, maxSnippet)}
	}
	return out
}

// artifact makes a file's URI: relative where the file lies below the working
// directory, as a service only knows the files of the repository.
func artifact(file string) artifactLocation {
	switch {
	case file == "-":
		file = wording.Stdin
	case strings.HasPrefix(file, "/"):
		return artifactLocation{URI: "file://" + pathEscape(file)}
	case len(file) > 2 && file[1] == ':' && file[2] == '/': // a drive of Windows
		return artifactLocation{URI: "file:///" + file[:2] + pathEscape(file[2:])}
	}
	return artifactLocation{URI: pathEscape(strings.TrimPrefix(file, "./")), URIBaseID: srcRoot}
}

// pathEscape encodes all but what every URI may hold in a path; a colon too, as
// the first segment of a relative one must not have any.
func pathEscape(path string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}
