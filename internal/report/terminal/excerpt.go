package terminal

import (
	"strings"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/report/wording"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// excerpt is a line of source as it is shown. The caret stands under the cells
// from start on; length 0 is no caret, as the column is not known.
type excerpt struct {
	text          string
	start, length int
}

// cell is one character of the line with the terminal cells it takes.
type cell struct {
	text  string
	width int
}

const (
	tabWidth = 4
	ellipsis = "..."
)

// cutExcerpt shows the part of the line around the place that fits into room
// cells: without indentation, which says nothing about a line on its own.
func cutExcerpt(line string, place source.Place, room int) excerpt {
	column := max(place.Column-1, 0)
	from := max(column-room, 0)
	cells, more := cellsOf(line, from, column+room)
	start, end := column-from, column-from+1
	if place.EndLine == place.Line && place.EndColumn > place.Column {
		end = place.EndColumn - 1 - from
	} else if place.EndLine > place.Line {
		end = len(cells)
	}
	if from == 0 {
		indent := indentation(cells)
		if place.Column > 0 {
			indent = min(indent, start)
		}
		cells, start, end = cells[indent:], start-indent, end-indent
	}
	// A masked value may be shorter than the region that it stands for.
	start = max(min(start, len(cells)-1), 0)
	end = max(min(end, len(cells)), min(start+1, len(cells)))

	first, last := window(cells, start, room, from > 0, more)
	x := excerpt{start: widthOf(cells[first:start])}
	var text strings.Builder
	if first > 0 || from > 0 {
		text.WriteString(ellipsis)
		x.start += len(ellipsis)
	}
	for _, c := range cells[first:last] {
		text.WriteString(c.text)
	}
	if last < len(cells) || more {
		text.WriteString(ellipsis)
	}
	x.text = text.String()
	if place.Column > 0 {
		x.length = max(widthOf(cells[start:max(min(end, last), start)]), 1)
	}
	return x
}

// cellsOf decodes the characters of the line from one index to another and says
// whether there are more.
func cellsOf(line string, from, to int) (cells []cell, more bool) {
	cells = make([]cell, 0, min(len(line), to-from))
	index, offset := 0, 0
	for i := 0; i < len(line); index++ {
		if index >= to {
			return cells, true
		}
		r, size := utf8.DecodeRuneInString(line[i:])
		if index >= from {
			c := cellOf(r, line[i:i+size], offset)
			cells = append(cells, c)
			offset += c.width
		}
		i += size
	}
	return cells, false
}

func cellOf(r rune, text string, offset int) cell {
	switch {
	case r == '\t':
		n := tabWidth - offset%tabWidth
		return cell{strings.Repeat(" ", n), n}
	case wording.Hidden(r), r == utf8.RuneError && len(text) == 1:
		escaped := wording.Escape(r, text[0], len(text))
		return cell{escaped, len(escaped)}
	}
	return cell{text, runeWidth(r)}
}

func indentation(cells []cell) int {
	n := 0
	for n < len(cells) && strings.Trim(cells[n].text, " ") == "" {
		n++
	}
	return n
}

func widthOf(cells []cell) int {
	n := 0
	for _, c := range cells {
		n += c.width
	}
	return n
}

// window chooses the cells that are shown: all if they fit, else those around
// start, a third of the room before it.
func window(cells []cell, start, room int, cutBefore, cutAfter bool) (first, last int) {
	if !cutBefore && !cutAfter && widthOf(cells) <= room {
		return 0, len(cells)
	}
	if cutBefore || widthOf(cells[:start]) > room*2/3 {
		room -= len(ellipsis)
		first = start
		for used := 0; first > 0 && used+cells[first-1].width <= room/3; first-- {
			used += cells[first-1].width
		}
	}
	used := 0
	for last = first; last < len(cells) && used+cells[last].width <= room; last++ {
		used += cells[last].width
	}
	if last == len(cells) && !cutAfter {
		return first, last
	}
	for last > start+1 && used > room-len(ellipsis) {
		last--
		used -= cells[last].width
	}
	return first, last
}
