package helm

import (
	"bytes"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// locator finds, for places in the output of one template, the places that a
// person would edit. It may be asked by several goroutines.
type locator struct {
	mu     *sync.Mutex // guards what the traces and files of a chart work out on demand
	file   *file       // the template
	trace  *trace
	starts []int // the offsets of the lines of the output
	// values are those of the whole chart, prefix the key below which those of
	// the template's own chart are: "" or "redis.".
	values map[string]any
	prefix string
}

// place returns the place that decides what stands at a position of the output.
// Text that a template holds itself has its own line and column. What an action
// prints has the place of the action and, if the action reads one value, that
// value's key. A block that an action prints has no line of its own: it is
// Rendered, at the line of the action.
func (l *locator) place(at source.Position) source.Place {
	nowhere := source.Place{File: l.file.place, Rendered: true}
	l.mu.Lock()
	defer l.mu.Unlock()
	offset, exact := l.offset(at)
	found, ok := l.trace.spot(offset)
	if !ok {
		return nowhere
	}
	place := source.Place{File: found.file.place, Position: found.file.position(found.offset), Rendered: !exact}
	if !exact {
		place.Column = 0
		return place
	}
	if found.literal {
		place.Values = l.continued(offset)
		return place
	}
	// What follows the first character of a block, or stands on another of its
	// lines, has no place of its own in the template.
	start := len(found.chunk) - len(bytes.TrimLeft(found.chunk, " \t\r\n"))
	place.Rendered = found.index > start || bytes.IndexByte(bytes.TrimSpace(found.chunk), '\n') >= 0
	place.Values = l.deepen(l.key(found.by.by), &found)
	return place
}

// offset turns a position of the output into an offset. A position past the end
// of a line, where errors like to be, gives the line's last character, inexactly.
func (l *locator) offset(at source.Position) (int, bool) {
	if l.starts == nil {
		l.starts = lineStarts(l.trace.text)
	}
	if at.Line < 1 || at.Line > len(l.starts) {
		return max(len(l.trace.text)-1, 0), false
	}
	offset := l.starts[at.Line-1]
	for range at.Column - 1 {
		if offset >= len(l.trace.text) || l.trace.text[offset] == '\n' {
			return max(offset-1, 0), false
		}
		_, size := utf8.DecodeRune(l.trace.text[offset:])
		offset += size
	}
	if offset >= len(l.trace.text) {
		return max(len(l.trace.text)-1, 0), false
	}
	return offset, true
}

func lineStarts(text []byte) []int {
	starts := []int{0}
	for i, c := range text {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// position turns an offset of the file into a line and a column.
func (f *file) position(offset int) source.Position {
	if f.starts == nil {
		f.starts = lineStarts(f.data)
	}
	line := sort.SearchInts(f.starts, offset+1)
	start := f.starts[line-1]
	return source.Position{Line: line, Column: 1 + utf8.RuneCount(f.data[start:offset])}
}

// key names the value that an action reads; of several, what they have in
// common: "image" for "image.repository" and "image.tag".
func (l *locator) key(by *action) string {
	if by == nil || len(by.values) == 0 {
		return ""
	}
	common := strings.Split(by.values[0], ".")
	for _, other := range by.values[1:] {
		keys := strings.Split(other, ".")
		n := 0
		for n < len(common) && n < len(keys) && common[n] == keys[n] {
			n++
		}
		common = common[:n]
	}
	return strings.Join(common, ".")
}

// qualified is a key as the values of the whole chart know it.
func (l *locator) qualified(key string) string {
	if key == "" || key == globalKey || strings.HasPrefix(key, globalKey+".") {
		return key
	}
	return l.prefix + key
}

// continued names the values of the actions that continue a literal text within
// the same word: "docker.io/{{ .Values.image }}".
func (l *locator) continued(offset int) string {
	var by action
	s, i, end := l.trace.segment(offset)
	for from := offset; ; {
		if s.print == nil {
			text := l.trace.text[from:end]
			if j := bytes.IndexAny(text, " \t\r\n,]}"); j >= 0 {
				break
			}
		} else {
			if len(s.print.by.values) == 0 {
				return "" // something else has a say in it
			}
			by.values = append(by.values, s.print.by.values...)
			if bytes.IndexByte(l.trace.text[s.start:end], '\n') >= 0 {
				break
			}
		}
		if i++; i >= len(l.trace.segments) {
			break
		}
		s, from, end = &l.trace.segments[i], end, l.trace.end(i)
	}
	return l.qualified(l.key(&by))
}

// deepen extends the key of a value that an action prints as a whole block by
// the path of the character within the block, where the value has such a key.
func (l *locator) deepen(key string, found *spot) string {
	key = l.qualified(key)
	if key == "" {
		return key
	}
	value, ok := lookup(l.values, key)
	if !ok {
		return key
	}
	switch value.(type) {
	case map[string]any, []any:
	default:
		return key
	}
	if found.by.parsed == nil {
		found.by.parsed = &source.Node{}
		if node, err := (source.Document{Text: found.chunk, Line: 1}).Parse(); err == nil {
			found.by.parsed = node
		}
	}
	before := found.chunk[:found.index]
	at := source.Position{
		Line:   1 + bytes.Count(before, []byte("\n")),
		Column: 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]),
	}
	for _, step := range pathTo(found.by.parsed, at) {
		below, ok := step.in(value)
		if !ok {
			break
		}
		value, key = below, key+step.String()
	}
	return key
}

// lookup follows a dotted key through values.
func lookup(values map[string]any, key string) (any, bool) {
	v := any(values)
	for k := range strings.SplitSeq(key, ".") {
		m, ok := asMap(v)
		if !ok {
			return nil, false
		}
		if v, ok = m[k]; !ok {
			return nil, false
		}
	}
	return v, true
}

// step is one step of a path into a value: a key or an index.
type step struct {
	key   string
	index int // -1 for a key
}

func (s step) String() string {
	if s.index >= 0 {
		return "[" + strconv.Itoa(s.index) + "]"
	}
	return "." + s.key
}

func (s step) in(value any) (any, bool) {
	switch v := value.(type) {
	case map[string]any:
		below, ok := v[s.key]
		return below, ok && s.index < 0
	case []any:
		if s.index >= 0 && s.index < len(v) {
			return v[s.index], true
		}
	}
	return nil, false
}

// pathTo returns the path to the key or value that starts at the position.
func pathTo(n *source.Node, at source.Position) []step {
	var path []step
	var find func(n *source.Node) bool
	find = func(n *source.Node) bool {
		for _, p := range n.Pairs {
			path = append(path, step{p.Key.Value, -1})
			if p.Key.Position == at || p.Value.Position == at && p.Value.Kind != source.Map && p.Value.Kind != source.List || find(p.Value) {
				return true
			}
			path = path[:len(path)-1]
		}
		for i, item := range n.Items {
			path = append(path, step{"", i})
			if item.Position == at || find(item) {
				return true
			}
			path = path[:len(path)-1]
		}
		return false
	}
	if find(n) {
		return path
	}
	return nil
}
