package helm

import (
	"bytes"
	"sort"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// trace is a text that templates have written, with the knowledge of who wrote
// what. It is the writer that text/template executes into: a write of a text
// node is known by the node's own memory, a write of an action by the number
// that the action announces before it prints.
type trace struct {
	r        *renderer
	text     []byte
	segments []segment
	// calls are the texts that include and tpl have returned to the template
	// since its last action.
	calls []call
	// callers are the {{ template }} actions that are under way.
	callers []*action
}

// segment is a stretch of a trace that one node of a template wrote.
type segment struct {
	start  int
	origin origin
	// print is what is known about an action that wrote it, nil for a text
	// node. An action in a template that another one executes writes for the
	// outermost caller, whose origin the segment has.
	print *print
}

// segmentCost is the price of a segment, which takes more memory than the text
// that it holds often does.
const segmentCost = 128

// print is one time that an action printed something.
type print struct {
	by *action
	// calls are the texts that the action called for and perhaps printed.
	calls []call
	// What is worked out on demand, under the lock of the rendering.
	aligned *alignment
	parsed  *source.Node
}

// call is a text that an action called for.
type call struct {
	by   *action
	text *trace
}

// origin is a place in a file of the chart; no file stands for a text that
// templates made and then executed.
type origin struct {
	file   *file
	offset int
}

// action is a node of a template that prints a value.
type action struct {
	origin
	// values are the keys below .Values that the action reads.
	values []string
}

// Write implements io.Writer for text/template.
func (t *trace) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := t.r.budget.spend(int64(len(p)) + segmentCost); err != nil {
		return 0, err
	}
	s := segment{start: len(t.text)}
	if at, ok := t.r.texts[&p[0]]; ok {
		s.origin = at
	} else if by := t.r.printing; by != nil {
		s.origin, s.print = by.origin, &print{by: by}
		for _, c := range t.calls {
			if c.by == by {
				s.print.calls = append(s.print.calls, c)
			}
		}
		t.calls = nil
		if len(t.callers) > 0 {
			s.origin = t.callers[0].origin
		}
	}
	t.segments = append(t.segments, s)
	t.text = append(t.text, p...)
	return len(p), nil
}

// noValue is what text/template prints for a value that is not there.
var noValue = []byte("<no value>")

// dropNoValue takes every "<no value>" out of the text, as Helm does.
func (t *trace) dropNoValue() {
	if !bytes.Contains(t.text, noValue) {
		return
	}
	var text []byte
	var segments []segment
	next := 0
	for at := 0; ; {
		end := len(t.text)
		if i := bytes.Index(t.text[at:], noValue); i >= 0 {
			end = at + i
		}
		for ; next < len(t.segments) && t.segments[next].start < end; next++ {
			s := t.segments[next]
			from := max(s.start, at)
			switch {
			case t.end(next) <= at && s.print == nil:
				continue // all of it is dropped
			case t.end(next) <= at:
				from = at // an action that printed nothing still has a say in what it continues
			case s.print == nil:
				s.origin.offset += from - s.start
			}
			if n := len(segments); s.print == nil || n == 0 || segments[n-1].print != s.print {
				s.start = len(text) + from - at
				segments = append(segments, s)
			}
			if t.end(next) > end {
				break // it goes on after what is dropped
			}
		}
		text = append(text, t.text[at:end]...)
		if end == len(t.text) {
			break
		}
		at = end + len(noValue)
	}
	t.text, t.segments = text, segments
}

// end returns where a segment ends.
func (t *trace) end(index int) int {
	if index+1 < len(t.segments) {
		return t.segments[index+1].start
	}
	return len(t.text)
}

// segment returns the stretch that holds the offset and where it ends.
func (t *trace) segment(offset int) (s *segment, index, end int) {
	index = sort.Search(len(t.segments), func(i int) bool { return t.segments[i].start > offset }) - 1
	if index < 0 {
		return nil, 0, 0
	}
	return &t.segments[index], index, t.end(index)
}

// spot is where a character of a rendered text comes from.
type spot struct {
	origin
	// literal says that the character itself stands in the file at the offset;
	// otherwise the action there wrote it.
	literal bool
	// by is the action that knows most about the value: the one at the origin,
	// or one in a template that it called. It wrote chunk, the character is
	// the one at the index.
	by    *print
	chunk []byte
	index int
}

// spot finds out where the character at the offset comes from: the literal text
// of a template, however many includes it went through, or else the outermost
// action that wrote it.
func (t *trace) spot(offset int) (spot, bool) {
	s, _, end := t.segment(offset)
	switch {
	case s == nil:
		return spot{}, false
	case s.print == nil:
		at := s.origin
		at.offset += offset - s.start
		return spot{origin: at, literal: true}, at.file != nil
	}
	outer := spot{origin: s.origin, by: s.print, chunk: t.text[s.start:end], index: offset - s.start}
	if len(s.print.calls) > 0 {
		if s.print.aligned == nil {
			s.print.aligned = align(outer.chunk, s.print.calls)
		}
		if text, at, ok := s.print.aligned.follow(outer.index); ok {
			inner, ok := text.spot(at)
			if ok && (inner.literal || outer.file == nil) {
				return inner, true
			}
			if inner.by != nil && len(s.print.by.values) == 0 {
				outer.by, outer.chunk, outer.index = inner.by, inner.chunk, inner.index
			}
		}
	}
	return outer, outer.file != nil
}

// alignment says which character of a called text each character of a segment
// is, where the caller has only indented or trimmed it.
type alignment struct {
	text  *trace
	lines []alignedLine
}

// alignedLine is a line without its outer blanks: where it starts in the
// segment and in the called text, and how long it is.
type alignedLine struct{ outer, inner, length int }

// align compares the segment with the called texts, the last call first, line
// by line and without the blanks around lines. Only if every line of one agrees
// is it taken for what was printed.
func align(text []byte, calls []call) *alignment {
	outer := lines(text)
	for i := len(calls) - 1; i >= 0; i-- {
		inner := lines(calls[i].text.text)
		if len(inner) != len(outer) {
			continue
		}
		same := true
		for j := range outer {
			o, n := outer[j], inner[j]
			if !bytes.Equal(text[o.start:o.end], calls[i].text.text[n.start:n.end]) {
				same = false
				break
			}
		}
		if !same {
			continue
		}
		a := &alignment{text: calls[i].text, lines: make([]alignedLine, len(outer))}
		for j := range outer {
			a.lines[j] = alignedLine{outer[j].start, inner[j].start, outer[j].end - outer[j].start}
		}
		return a
	}
	return &alignment{}
}

// follow returns where in the called text the character at the offset stands.
func (a *alignment) follow(offset int) (*trace, int, bool) {
	i := sort.Search(len(a.lines), func(i int) bool { return a.lines[i].outer > offset }) - 1
	if i < 0 || offset-a.lines[i].outer >= a.lines[i].length {
		return nil, 0, false
	}
	return a.text, a.lines[i].inner + offset - a.lines[i].outer, true
}

type span struct{ start, end int }

// lines returns the lines of a text without the blanks around them, and without
// those that hold nothing else.
func lines(text []byte) []span {
	var out []span
	for at := 0; at < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i
		}
		start, stop := at, end
		for start < stop && isBlank(text[start]) {
			start++
		}
		for stop > start && isBlank(text[stop-1]) {
			stop--
		}
		if start < stop {
			out = append(out, span{start, stop})
		}
		at = end + 1
	}
	return out
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }
