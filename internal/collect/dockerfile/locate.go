package dockerfile

import (
	"strings"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// locator finds the words of an instruction one after the other.
type locator struct {
	statement *statement
	at        int // offset in the arguments
}

// locate starts at the first word after the flags.
func (s *statement) locate() *locator { return &locator{s, s.words} }

// next returns where the next word stands that reads as given; the start of the
// instruction if it is not found, as words of JSON arrays may be escaped.
func (l *locator) next(word string) source.Place {
	args := l.statement.args.String()
	from := skipSpace(args, min(l.at, len(args)))
	i := strings.Index(args[from:], word)
	if i < 0 || word == "" {
		return l.statement.start()
	}
	l.at = from + i + len(word)
	return l.statement.args.Span(l.statement.place.File, from+i, l.at)
}

// start is the place of the instruction without its end.
func (s *statement) start() source.Place {
	return source.Place{File: s.place.File, Position: s.place.Position}
}

// flag returns where a flag stands, zero if it is not given.
func (s *statement) flag(name string) source.Place {
	flags := s.args.String()[:s.words]
	from := strings.Index(flags, "--"+name)
	if from < 0 {
		return source.Place{}
	}
	to := from
	for to < len(flags) && !isSpace(flags[to]) {
		to++
	}
	return s.args.Span(s.place.File, from, to)
}

// text is the arguments with the contents of the heredocs.
func (s *statement) text() string {
	var b strings.Builder
	b.WriteString(s.args.String())
	for _, doc := range s.heredocs {
		b.WriteByte('\n')
		b.WriteString(doc.content.String())
	}
	return b.String()
}

// written returns what stands at a place within one line.
func (f *file) written(place source.Place) string {
	line := []rune(f.lines.bare(place.Line))
	if place.EndLine != place.Line || place.Column < 1 || place.EndColumn-1 > len(line) || place.EndColumn < place.Column {
		return ""
	}
	return string(line[place.Column-1 : place.EndColumn-1])
}
