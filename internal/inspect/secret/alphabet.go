package secret

// alphabet is a set of bytes.
type alphabet [256]bool

// chars makes an alphabet of single characters and of ranges such as "a-z".
func chars(spec string) *alphabet {
	var set alphabet
	for i := 0; i < len(spec); i++ {
		lo, hi := spec[i], spec[i]
		if i+2 < len(spec) && spec[i+1] == '-' {
			hi = spec[i+2]
			i += 2
		}
		for c := int(lo); c <= int(hi); c++ {
			set[c] = true
		}
	}
	return &set
}

var (
	hexAny    = chars("0-9A-Fa-f")
	digits    = chars("0-9")
	lowerHex  = chars("0-9a-f")
	upperHex  = chars("0-9A-F")
	upperWord = chars("A-Z_")
	alnum     = chars("0-9A-Za-z")
	word      = chars("0-9A-Za-z_")
	base64url = chars("0-9A-Za-z_-")
	base64std = chars("0-9A-Za-z+/=")
	urlChars  = chars("0-9A-Za-z%+/=_.~!*$'@:-")
	dotted    = chars("0-9A-Za-z_.-")
)

// run is how many bytes of s, up to limit, are in the alphabet.
func (a *alphabet) run(s string, limit int) int {
	n := 0
	for n < len(s) && n < limit && a[s[n]] {
		n++
	}
	return n
}

// all says whether s is written in the alphabet.
func (a *alphabet) all(s string) bool { return a.run(s, len(s)) == len(s) }

func isDigit(c byte) bool { return c-'0' < 10 }
func isLower(c byte) bool { return c-'a' < 26 }
func isUpper(c byte) bool { return c-'A' < 26 }
func isAlpha(c byte) bool { return isLower(c | 0x20) }
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func lower(c byte) byte {
	if isUpper(c) {
		c |= 0x20
	}
	return c
}
