package secret

// random says whether the value looks drawn by a generator rather than written
// by a person. Entropy alone cannot tell: "my-service-token-for-staging" has as
// much of it as a short key. So the value is cut into chunks as people do, and
// what counts is how much of it lies in chunks that are not made of words.
func random(v string) bool {
	if len(v) < 12 || len(v) > maxValue || numeric(v) || distinct(v) < 7 || sequential(v) {
		return false
	}
	odd := oddChars(v)
	// Ten is the suffix that Kustomize gives to names.
	return odd >= 12 || odd >= 10 && odd*2 > len(v)
}

// oddChars is how many characters lie in chunks that are not made of words.
func oddChars(v string) int {
	odd := 0
	for start := 0; start < len(v); {
		n := alnum.run(v[start:], len(v))
		odd += oddness(v[start : start+n])
		start += n + 1
	}
	return odd
}

// oddness is how many characters of a chunk do not belong to words: none if the
// chunk is mostly words. Short chunks belong to names whatever they are: v2, k8s,
// 2024, influxdb.
func oddness(chunk string) int {
	if len(chunk) <= 4 || len(chunk) <= 9 && piece(chunk) == len(chunk) && isAlpha(chunk[0]) {
		return 0
	}
	inWords := 0
	for i := 0; i < len(chunk); {
		n := piece(chunk[i:])
		if wordy(chunk[i : i+n]) {
			inWords += n
		}
		i += n
	}
	if inWords*10 >= len(chunk)*6 {
		return 0
	}
	return len(chunk) - inWords
}

// piece is the length of the first run of digits or of letters that would be one
// word: token, TOKEN or Token.
func piece(s string) int {
	n := 1
	if isDigit(s[0]) {
		return digits.run(s, len(s))
	}
	if isUpper(s[0]) && n < len(s) && isUpper(s[n]) {
		for n < len(s) && isUpper(s[n]) {
			n++
		}
		if n < len(s) && isLower(s[n]) {
			n-- // the last capital begins the next word: the P of APIPath
		}
		return n
	}
	for n < len(s) && isLower(s[n]) {
		n++
	}
	return n
}

// wordy says whether letters could be a word: two thirds or more of the pairs of
// neighbours must be common ones.
func wordy(s string) bool {
	if len(s) < 3 || !isAlpha(s[0]) {
		return false
	}
	common := 0
	for i := range len(s) - 1 {
		if followers[lower(s[i])-'a']&(1<<(lower(s[i+1])-'a')) != 0 {
			common++
		}
	}
	return common*3 >= (len(s)-1)*2
}

// followers are the letters that often follow each letter in the words of
// technical English, counted over the documentation and manifests of some
// twenty container projects.
var followers = letterSets(
	"bcdfgiklmnprstuvy", "aeilorsuy", "aehiklorstuy", "adegiorsuy", "abcdefglmnpqrstvwxy", // a-e
	"aefiloru", "aehilnorsu", "aeioty", "abcdefglmnoprstvz", "aeosu", // f-j
	"aeiosuy", "adeilostuy", "abeimopsuy", "acdefgiknostuvy", "abcdfgiklmnoprstuvwy", // k-o
	"aehiloprstuy", "lu", "acdegiklmnorstuvy", "acehiklmopqstuwy", "acehiloprstuwy", // p-t
	"abcdegilmnprst", "aeio", "aehinor", "acipty", "aelmpst", "aeioz", // u-z
)

func letterSets(sets ...string) (masks [26]uint32) {
	for i, set := range sets {
		for _, c := range set {
			masks[i] |= 1 << (c - 'a')
		}
	}
	return masks
}

// numeric says whether the value is a time or has no letter: a number, an address.
func numeric(v string) bool {
	if v[4] == '-' && v[7] == '-' && digits.all(v[:4]) {
		return true // 2006-01-02T15:04:05Z
	}
	for i := range len(v) {
		if isAlpha(v[i]) {
			return false
		}
	}
	return true
}

// distinct counts the different bytes.
func distinct(s string) int {
	var seen alphabet
	n := 0
	for i := range len(s) {
		if !seen[s[i]] {
			seen[s[i]] = true
			n++
		}
	}
	return n
}

// sequential says whether a tenth of randomness hides in a run along the
// keyboard or the alphabet: abcdef0123456789, 1111111122222222.
func sequential(s string) bool {
	steps := 0
	for i := range len(s) - 1 {
		if d := int(s[i+1]) - int(s[i]); d >= -1 && d <= 1 {
			steps++
		}
	}
	return steps*2 > len(s)-1
}
