package secret

import "strings"

// found is a match with what is known about it.
type found struct {
	Match
	// checked says that a checksum within it is right.
	checked bool
	// prefix is how much of it is public, masked what may be shown.
	prefix int
	masked string
	// sum tells its text from that of others.
	sum uint64
	// line is where it begins, 0 where that was not counted yet.
	line int64
}

// shapeAt looks whether one of the shapes stands at i and returns its end, else
// 0.
func (s *walker) shapeAt(sh *shape, i int) int {
	t, k := s.text, sh.kind
	if k.weak && s.trust >= trustProse || k.files && s.trust == trustFully {
		return 0
	}
	from := max(0, i-k.before)
	if k.checksum == "" && k.before == 0 && !s.wordStart(i) {
		return 0
	}
	if s.spent > workBase+workFactor*(s.base+i) {
		return 0
	}
	part := t[from:min(len(t), i+len(sh.prefix)+k.window)]
	at := k.re().FindStringSubmatchIndex(part)
	if at == nil || from+at[0] > i || from+at[1] <= i {
		if strings.Contains(k.expression, "(?s)") { // reads over lines
			s.spent += len(part)
		} else {
			s.spent += tokenChars.run(t[i:], k.window)
		}
		return 0
	}
	whole := span{from + at[0], from + at[1]}
	for whole.end > whole.start && (t[whole.end-1] == '.' || t[whole.end-1] == '-') { // the end of a sentence
		whole.end--
	}
	if whole.end < len(t) && word[t[whole.end]] || k.before > 0 && !s.apart(whole.start) {
		s.spent += whole.end - whole.start
		return 0
	}
	secret := whole
	if len(at) > 2 && at[2] >= 0 {
		secret = span{from + at[2], from + at[3]}
	}
	if text := t[secret.start:secret.end]; !sh.holds(t, secret, i) || s.prefixes(text) || secret != whole && s.trust != trustFully && dummy(text) {
		s.spent += whole.end - whole.start
		return 0
	}
	f := found{Match: Match{Kind: refined(k.id, t[secret.start:secret.end]), Start: secret.start, End: secret.end}, checked: k.checksum != ""}
	if secret.start == i {
		f.prefix = len(sh.prefix)
	}
	s.record(f)
	return whole.end
}

// The work that expressions may do in vain, in bytes: some at first, and so much
// for each byte of the text. Ordinary text needs a thousandth of it.
const (
	workBase   = 1 << 20
	workFactor = 4
)

// tokenChars is what tokens of all kinds are written in.
var tokenChars = chars("0-9A-Za-z_.~+/=%-")

// holds verifies what the expression cannot tell.
func (sh *shape) holds(t string, secret span, i int) bool {
	text := t[secret.start:secret.end]
	if samples[text] {
		return false
	}
	body := text
	if secret.start == i {
		body = t[i+len(sh.prefix) : secret.end]
	}
	return plausible(body) && (sh.entropy == 0 || entropy(body) >= sh.entropy) &&
		(sh.checksum == "" || checks[sh.checksum](text, body)) &&
		(sh.valid == "" || checks[sh.valid](text, body))
}

// prefixes says whether the text is a list of prefixes, as programs such as this
// one hold it: they keep their strings one behind the other.
func (t *table) prefixes(text string) bool {
	if len(text) > 500 {
		return false
	}
	n := 0
	for i := range t.shapes {
		if p := t.shapes[i].prefix; len(p) >= 4 && strings.Contains(text, p) {
			n++
		}
	}
	return n > 2 // its own is one
}

// refined is the kind of what a credential of the kind contains.
func refined(kind, secret string) string {
	switch kind {
	case "jwt":
		if serviceAccount(secret) {
			return "kubernetes-token"
		}
	case "private-key":
		if inner, ok := encodedPEM(strings.TrimPrefix(secret, "LS0tLS1CRUdJTi")); ok {
			return inner
		}
	}
	return kind
}

// wordStart says whether a word begins at i. An escaped line break ends a word
// as a real one does.
func (s *walker) wordStart(i int) bool {
	t := s.text
	return i == 0 || !word[t[i-1]] || i > 1 && t[i-2] == '\\' && strings.IndexByte("nrt", t[i-1]) >= 0 ||
		i > 2 && t[i-3] == '%' && hexAny.all(t[i-2:i])
}

// apart says whether what begins at i with a digit or a letter is not the rest of
// a longer run.
func (s *walker) apart(i int) bool {
	if i == 0 {
		return true
	}
	if isDigit(s.text[i]) && isAlpha(s.text[i-1]) {
		return true // bot123456789:AA...
	}
	return !alnum[s.text[i-1]] || s.wordStart(i)
}

// plausible refuses what documentation puts in place of a token: EXAMPLE, a row
// of x, 1234567890.
func plausible(body string) bool {
	low := strings.ToLower(body)
	for _, s := range [...]string{"example", "xxxx", "placeholder", "redacted", "changeme", "123456789", "abcdefgh", "your_", "your-"} {
		if strings.Contains(low, s) {
			return false
		}
	}
	return distinct(body) >= 6 && !sequential(body)
}
