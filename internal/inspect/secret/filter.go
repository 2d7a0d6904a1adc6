package secret

import (
	"encoding/binary"
	"strings"
)

// filter finds places that are worth a closer look: one pass over the bytes that
// looks for all literals at once. Each literal is represented by four of its
// bytes, in which letters lose their case. A set of hashes of such fours says no
// for nearly every place; eight places are asked about at a time, as a branch
// costs more than a look-up.
type filter struct {
	set [1 << 11]uint64
	// grams holds what is behind each four, by hash: open addressing.
	grams [1 << 13]gram
	pins  []pin
}

// gram is four bytes and the first of its pins, 0 is none.
type gram struct {
	bytes uint32
	pin   uint16
}

// pin is a literal, and where in it the four bytes are that it is found by.
type pin struct {
	text   string
	offset int
	next   uint16 // the next pin with the same four bytes
	look   look
	shape  *shape
	idiom  *idiom
}

// look is what is to be done at a literal.
type look uint8

const (
	lookShape look = iota
	lookIdiom
	lookName
	lookURL
	lookDataSource
	lookCommand
)

// Names of credentials contain one of these, which the separator may follow only
// where it says so: "key" is in too many words.
const (
	nameWords  = "pass secr toke cred auth bear cook pswd"
	shortWords = "key pwd psw jwt pat psk"
	behindName = "=: \"'_-.]>,\t\n\r\\0123456789bpr"
)

// wordChars are what stands behind short literals, in lower case.
const wordChars = "abcdefghijklmnopqrstuvwxyz0123456789_-+/=.~%:"

func newFilter(t *table, text bool) *filter {
	f := &filter{pins: make([]pin, 1, 1024)}
	for i := range t.shapes {
		if sh := &t.shapes[i]; text || !sh.weak {
			f.literal(pin{text: sh.prefix, look: lookShape, shape: sh})
		}
	}
	for i := range idioms {
		if x := &idioms[i]; text || x.form == formPEM {
			f.literal(pin{text: x.begin, look: lookIdiom, idiom: x})
		}
	}
	if !text {
		return f
	}
	for w := range strings.FieldsSeq(nameWords) {
		f.pin(w, pin{text: w, look: lookName})
	}
	for w := range strings.FieldsSeq(shortWords) {
		for _, c := range behindName {
			f.pin(w+string(c), pin{text: w, look: lookName})
		}
	}
	for _, before := range "_-. \n\t\"'/,;{<[dts" { // bindpw, rootpw
		for _, c := range "=: \"'>]" {
			f.pin(string(before)+"pw"+string(c), pin{text: "pw", offset: -1, look: lookName})
		}
	}
	f.literal(pin{text: "configjson", look: lookName})
	for _, c := range wordChars {
		f.pin("://"+string(c), pin{text: "://", look: lookURL})
	}
	for _, w := range [...]string{"@tcp(", "@unix("} {
		f.literal(pin{text: w, look: lookDataSource})
	}
	for _, c := range commands {
		f.literal(pin{text: c.program, look: lookCommand})
	}
	return f
}

// literal pins a literal to its rarest four bytes, or to all that begin with it.
func (f *filter) literal(p pin) {
	switch n := len(p.text); {
	case n == 2:
		for _, c := range "0123456789abcdef" { // Twilio's SK and hexadecimal digits
			for _, d := range "0123456789abcdef" {
				f.pin(p.text+string(c)+string(d), p)
			}
		}
	case n == 3:
		for _, c := range wordChars {
			f.pin(p.text+string(c), p)
		}
	default:
		for i := 1; i+4 <= n; i++ {
			if rarity(p.text[i:i+4]) > rarity(p.text[p.offset:p.offset+4]) {
				p.offset = i
			}
		}
		f.pin(p.text[p.offset:p.offset+4], p)
	}
}

// rarity guesses how rare four bytes are: common letters and blanks count little.
func rarity(four string) int {
	n := 0
	for i := range len(four) {
		switch c := lower(four[i]); {
		case strings.IndexByte("etaoinsr ", c) >= 0:
			n++
		case isLower(c):
			n += 2
		default:
			n += 3
		}
	}
	return n
}

func (f *filter) pin(four string, p pin) {
	g := fold(binary.LittleEndian.Uint32([]byte(four)))
	h := hash(g)
	f.set[h>>6] |= 1 << (h & 63)
	for i := h % uint32(len(f.grams)); ; i = (i + 1) % uint32(len(f.grams)) {
		slot := &f.grams[i]
		if slot.pin != 0 && slot.bytes != g {
			continue
		}
		p.next = slot.pin
		f.pins = append(f.pins, p)
		*slot = gram{g, uint16(len(f.pins) - 1)}
		return
	}
}

// fold makes letters lower case, and loses a bit of everything else.
func fold(four uint32) uint32 { return four | 0x20202020 }

// hash has 17 bits, all of which depend on all four bytes.
func hash(folded uint32) uint32 { return folded * 0x9E3779B1 >> 15 }

// next returns the first place from i on, in steps of eight, where one of eight
// fours may be the one of a literal; len(t) if there is none. The last few bytes
// of the text it leaves to the caller.
func (f *filter) next(t string, i int) int {
	set := &f.set
	for ; i+12 <= len(t); i += 8 {
		b := t[i : i+12]
		x := (uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56) | 0x2020202020202020
		y := (uint64(b[8]) | uint64(b[9])<<8 | uint64(b[10])<<16 | uint64(b[11])<<24) | 0x20202020
		h0, h1, h2, h3 := hash(uint32(x)), hash(uint32(x>>8)), hash(uint32(x>>16)), hash(uint32(x>>24))
		h4, h5, h6, h7 := hash(uint32(x>>32)), hash(uint32(x>>40|y<<24)), hash(uint32(x>>48|y<<16)), hash(uint32(x>>56|y<<8))
		if (set[h0>>6]>>(h0&63)|set[h1>>6]>>(h1&63)|set[h2>>6]>>(h2&63)|set[h3>>6]>>(h3&63)|
			set[h4>>6]>>(h4&63)|set[h5>>6]>>(h5&63)|set[h6>>6]>>(h6&63)|set[h7>>6]>>(h7&63))&1 != 0 {
			return i
		}
	}
	return len(t)
}

// pinned returns the first pin of the four bytes of t at i, 0 if there is none.
func (f *filter) pinned(t string, i int) uint16 {
	if i+4 > len(t) {
		return 0
	}
	b := t[i : i+4]
	g := fold(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
	h := hash(g)
	if f.set[h>>6]>>(h&63)&1 == 0 {
		return 0
	}
	for k := h % uint32(len(f.grams)); f.grams[k].pin != 0; k = (k + 1) % uint32(len(f.grams)) {
		if f.grams[k].bytes == g {
			return f.grams[k].pin
		}
	}
	return 0
}
