package advisory

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// Summaries are half of all text, and made of few words. Those that come often are
// listed once in the pack; where one stands in a summary there is its number. A
// summary has no control characters, so these are the numbers: one byte for the
// most frequent words, two for the others.
//
//	0x01-0x0f       word 0 to 14
//	0x10-0x1f, any  word 15 to 4110
const (
	shortWords = 0x0f
	allWords   = shortWords + 16<<8
	// maxWordSize and maxDecoded bound what a few bytes of a file stand for.
	maxWordSize = 255
	maxDecoded  = 4 << 10
)

// The first byte of a summary in a pack says how it is written.
const (
	plainText = iota
	codedText
)

// wordList counts words, to choose those that are worth a number.
type wordList map[string]int

// words are the words of a text, each with the space before it.
func words(text string) []string {
	var out []string
	for text != "" {
		end := strings.IndexByte(text[1:], ' ') + 1
		if end == 0 {
			end = len(text)
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}

// codable says whether a text has none of the bytes that are numbers of words.
func codable(text string) bool {
	return len(text) <= maxDecoded && strings.IndexFunc(text, func(r rune) bool { return r < ' ' }) < 0
}

func (l wordList) add(text string) {
	if codable(text) {
		for _, w := range words(text) {
			l[w]++
		}
	}
}

// choose returns the words that save most, the most frequent first.
func (l wordList) choose() []string {
	gain := func(w string) int { return l[w]*(len(w)-2) - len(w) - 4 }
	var chosen []string
	for w := range maps.Keys(l) {
		if len(w) <= maxWordSize && gain(w) > 0 {
			chosen = append(chosen, w)
		}
	}
	slices.SortFunc(chosen, func(a, b string) int { return cmp.Or(cmp.Compare(gain(b), gain(a)), cmp.Compare(a, b)) })
	chosen = chosen[:min(len(chosen), allWords)]
	slices.SortFunc(chosen, func(a, b string) int { return cmp.Or(cmp.Compare(l[b], l[a]), cmp.Compare(a, b)) })
	return chosen
}

// encodeWords writes the list for the pack: the ends of the words, and the words.
func encodeWords(list []string) []byte {
	if len(list) == 0 {
		return nil
	}
	ends := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	var text []byte
	for _, w := range list {
		text = append(text, w...)
		ends = binary.LittleEndian.AppendUint32(ends, uint32(len(text)))
	}
	return append(ends, text...)
}

// appendSummary writes a summary with the numbers of words.
func appendSummary(b []byte, text string, numbers map[string]int) []byte {
	if !codable(text) {
		return append(append(b, plainText), text...)
	}
	b = append(b, codedText)
	for _, w := range words(text) {
		n, ok := numbers[w]
		switch {
		case !ok:
			b = append(b, w...)
		case n < shortWords:
			b = append(b, byte(n+1))
		default:
			b = append(b, byte(0x10+(n-shortWords)>>8), byte(n-shortWords))
		}
	}
	return b
}

// summary reads the rest of a head.
func (list listed) summary(c *cursor) string {
	how, text := c.byte(), c.text[c.at:]
	c.at = len(c.text)
	if how == plainText {
		return text
	}
	c.bad = c.bad || how != codedText
	// Most summaries fit into this piece of the stack.
	out := make([]byte, 0, 2*maxSummary)
	for i := 0; i < len(text); i++ {
		plain := i
		for i < len(text) && text[i] >= ' ' {
			i++
		}
		out = append(out, text[plain:i]...)
		if i == len(text) {
			break
		}
		number := int(text[i]) - 1
		if number >= shortWords {
			if i++; i == len(text) {
				c.bad = true
				break
			}
			number = (number+1-0x10)<<8 + int(text[i]) + shortWords
		}
		word, ok := list.at(number)
		if out = append(out, word...); !ok || len(out) > maxDecoded {
			c.bad = true
			break
		}
	}
	return string(out)
}

// listed are the words of a pack.
type listed struct{ ends, text []byte }

// wordList copies the words; there are none where the file says nonsense.
func (p *mapped) wordList() listed {
	list := p.data[p.words.start:p.words.end]
	if len(list) < 4 {
		return listed{}
	}
	count := uint64(binary.LittleEndian.Uint32(list))
	if list = bytes.Clone(list[4:]); 4*count > uint64(len(list)) {
		return listed{}
	}
	return listed{list[:4*count], list[4*count:]}
}

// at returns a word.
func (l listed) at(number int) ([]byte, bool) {
	if number < 0 || 4*number+4 > len(l.ends) {
		return nil, false
	}
	start, end := uint32(0), binary.LittleEndian.Uint32(l.ends[4*number:])
	if number > 0 {
		start = binary.LittleEndian.Uint32(l.ends[4*number-4:])
	}
	if start > end || uint64(end) > uint64(len(l.text)) || end-start > maxWordSize {
		return nil, false
	}
	return l.text[start:end], true
}
