// Package wording is what all reports say alike: the verdict of a run, where a
// finding stands, and how text that somebody else wrote is shown without
// letting it act.
package wording

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hidden reports whether a character cannot be seen and may deceive whoever
// reads the text: controls that a terminal obeys, marks that reverse the order
// of what follows, and everything else without a shape of its own. The joiners
// that scripts and emoji need are not among them.
func Hidden(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7f:
		return false
	case r == 0x200c, r == 0x200d: // zero-width non-joiner and joiner
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

// Escape spells a hidden character, or a byte that is no UTF-8, so that it can
// be seen. size is the number of bytes that r was decoded from.
func Escape(r rune, raw byte, size int) string {
	if r == utf8.RuneError && size == 1 {
		return `\x` + hex(uint32(raw), 2)
	}
	switch {
	case r < 0x100:
		return `\x` + hex(uint32(r), 2)
	case r < 0x10000:
		return `\u` + hex(uint32(r), 4)
	}
	return `\U` + hex(uint32(r), 8)
}

func hex(value uint32, digits int) string {
	text := strconv.FormatUint(uint64(value), 16)
	return strings.Repeat("0", max(digits-len(text), 0)) + text
}

// Line puts text on one line that can be shown anywhere: a line break with the
// indentation after it becomes a space, hidden characters become visible
// escapes.
func Line(text string) string {
	if harmless(text) {
		return text
	}
	var b strings.Builder
	broken := false // after a line break
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		space := r == ' ' || r == '\t' || r == '\n' || r == '\r'
		switch {
		case space && broken:
		case space:
			b.WriteByte(' ')
		case Hidden(r) || r == utf8.RuneError && size == 1:
			b.WriteString(Escape(r, text[i], size))
		default:
			b.WriteString(text[i : i+size])
		}
		broken = space && (broken || r == '\n' || r == '\r')
		i += size
	}
	return b.String()
}

// harmless is the quick answer for nearly all text.
func harmless(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Cut shortens text to at most n characters, the last three of them dots if
// something is missing.
func Cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	cut, count := 0, 0
	for i := range text {
		if count == n-3 {
			cut = i
		}
		if count++; count > n {
			return text[:cut] + "..."
		}
	}
	return text
}

// Count says how many: "1 finding", "2 findings".
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}
