package wording

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// Stdin is how reports name the standard input, which the command line and
// places call "-".
const Stdin = "stdin"

// File names the file of a place.
func File(place source.Place) string {
	if place.File == "-" {
		return Stdin
	}
	return Line(place.File)
}

// Where gives file:line:column as far as it is known.
func Where(place source.Place) string {
	place.File, place.Rendered = File(place), false
	return place.String()
}

// Origin says what a line number cannot: that a value came out of a template,
// and which key of the chart's values decides it. It is "" for plain files.
func Origin(place source.Place) string {
	var parts []string
	if place.Rendered {
		parts = append(parts, "rendered from "+File(place))
	}
	if place.Values != "" {
		key := strings.TrimPrefix(strings.TrimPrefix(place.Values, "."), "Values.")
		parts = append(parts, "set .Values."+Line(key))
	}
	return strings.Join(parts, "; ")
}

// SplitArchive splits the place of an archive's entry into the archive and the
// entry, "" if the place is a file of its own.
func SplitArchive(file string) (archive, entry string) {
	archive, entry, _ = strings.Cut(file, "!/")
	return archive, entry
}
