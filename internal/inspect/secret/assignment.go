package secret

import "strings"

// nameChars are what names of variables, keys and flags are written in.
var (
	nameChars    = dotted
	settingChars = chars("0-9A-Za-z_. -") // those of connection strings
)

// span is a part of the text.
type span struct{ start, end int }

// assignment looks at the '=', ':' or '>' at i: what stands before it may be a
// name, what follows its value.
func (s *walker) assignment(i int) {
	t := s.text
	if t[i] == ':' && strings.HasPrefix(t[i:], "://") {
		s.userInfo(i)
		return
	}
	if i < s.bareEnd || i+1 < len(t) && (t[i+1] == '=' || t[i+1] == '~') || t[i] == ':' && i+1 < len(t) && t[i+1] == ':' {
		return // ==, :=, =~, ::
	}
	name, quoted := s.nameBefore(i)
	if name.start == name.end {
		return
	}
	key := t[name.start:name.end]
	if t[i] == '>' {
		s.element(key, name, i)
		return
	}
	if t[i] == ':' && !quoted && i+1 < len(t) && !isSpace(t[i+1]) && t[i+1] != '"' && t[i+1] != '\'' {
		return // not a mapping: 8080:80, password:text
	}
	switch key {
	case "name", "Name", "key", "Key":
		if v, _ := s.value(i+1, t[i]); s.loose && v.end > v.start {
			s.label, s.labelEnd = t[v.start:v.end], v.end
		}
	case "value", "Value":
		key = s.labelOf(key, name.start)
	}
	if classOf(key) != plain {
		s.assigned(key, name, i, quoted)
	}
}

// nameAssigned is for a name and the sign that belongs to it, between which more
// stands.
func (s *walker) nameAssigned(name span, sign int, quoted bool) {
	if key := s.text[name.start:name.end]; classOf(key) != plain {
		s.assigned(key, name, sign, quoted)
	}
}

// assigned judges the value that the separator at i gives to the name, which is
// called key where a label tells more.
func (s *walker) assigned(key string, name span, i int, quoted bool) {
	t := s.text
	sep := t[i]
	if s.loose && sep == '=' && s.untilLineEnd(name.start, i) {
		sep = ':'
	}
	v, bare := s.value(i+1, sep)
	s.bare = bare
	if bare && v.end-v.start > 64 {
		s.bareEnd = v.end
	}
	if bare && name.start > 0 && (t[name.start-1] == '?' || t[name.start-1] == '&') { // in a URL
		v.end = v.start + urlChars.run(t[v.start:v.end], maxValue)
	}
	if v.start == v.end || s.inTemplate(name.start) || bare && !s.loose && (s.expression(name, v, i, quoted) || s.code(v, sep)) {
		return
	}
	known := len(s.found)
	s.judge(key, v)
	if len(s.found) > known && s.found[known].Kind == kindPassword && s.inList(name.start, v.end) {
		// One of the settings of a connection string is a better name for it.
		s.found[known].Kind = "connection-string"
	}
}

// inList says whether name=value is part of a list such as Server=db;Password=x.
func (s *walker) inList(name, end int) bool {
	return name > 0 && s.text[name-1] == ';' ||
		end < len(s.text) && s.text[end] == ';' && pair(s.text[end+1:])
}

// untilLineEnd says whether the value of name=value takes the rest of the line:
// in an item of a YAML list and where space surrounds the sign.
func (s *walker) untilLineEnd(name, sep int) bool {
	before := s.text[max(0, name-64):name]
	before = strings.TrimSpace(before[strings.LastIndexByte(before, '\n')+1:])
	return before == "-" || before == "" && s.text[sep-1] == ' '
}

// expression says whether a program assigns to the name, so that only a value in
// quotes would be a literal: x := y, $x = y, x["name"] = y, {"name": password}.
func (s *walker) expression(name, v span, sep int, quoted bool) bool {
	t := s.text
	switch {
	case t[sep-1] == ':', quoted && t[sep] == '=':
		return true
	case quoted:
		return word.all(t[v.start:v.end]) && classOf(t[v.start:v.end]) != plain
	case t[sep] == '=' && t[sep+1] == '>':
		return true
	case t[sep] == ':' && s.inSentence(name.start):
		return true
	}
	return t[sep-1] == ' ' && name.start > 0 && t[name.start-1] == '$'
}

// inSentence says whether "name: value" follows another one on the line, which no
// YAML mapping allows outside of braces.
func (s *walker) inSentence(name int) bool {
	before := s.text[max(0, name-200):name]
	before = before[strings.LastIndexByte(before, '\n')+1:]
	if !strings.Contains(before, ": ") {
		return false
	}
	before = strings.TrimRight(before, " ")
	return strings.IndexByte(",{\"'", before[len(before)-1]) < 0 && !strings.HasSuffix(before, `\n`)
}

// inTemplate says whether the place lies inside {{ an action }}.
func (s *walker) inTemplate(i int) bool {
	before := s.text[max(0, i-200):i]
	return strings.LastIndex(before, "{{") > strings.LastIndex(before, "}}")
}

// judge adds the value if its name makes it a credential.
func (s *walker) judge(name string, v span) {
	value := s.text[v.start:v.end]
	kind := judge(name, value)
	if kind == kindPassword && classOf(name) == account {
		// Of user:password and user/password the second part is the secret.
		v.start += strings.IndexAny(value, ":/") + 1
	}
	if kind == "" || !s.trusts(kind, s.text[v.start:v.end]) {
		return
	}
	if s.trust != trustFully && mentions(name, "csrf", "xsrf", "authenticity") && !mentions(name, "secret") {
		return // made for one page
	}
	if s.trust != trustFully && s.inComment(v.start) || generic(kind) && !s.loose && s.inComment(v.start) && !(kind == kindToken && random(value)) {
		return
	}
	s.add(kind, v.start, v.end)
}

// inComment says whether the place lies in a comment. A password there is nearly
// always an example of one.
func (s *walker) inComment(i int) bool {
	before := s.text[max(0, i-maxValue):i]
	before = strings.TrimLeft(before[strings.LastIndexByte(before, '\n')+1:], " \t")
	if rest, ok := strings.CutPrefix(before, "//"); ok && s.trust != trustCode && s.trust != trustFully {
		return rest == "" || rest[0] == ' ' || rest[0] == '\t' // else a line of .npmrc
	}
	return strings.HasPrefix(before, "#") || strings.HasPrefix(before, "//") || strings.HasPrefix(before, ";") ||
		strings.Contains(before, " # ")
}

// labelOf is the name that a "value" key at i belongs to: that of the last
// "name:" if only punctuation and space lie between them. Where the text shows no
// name, Redact assumes the worst.
func (s *walker) labelOf(key string, i int) string {
	switch {
	case s.label == "" && s.loose:
		return "password"
	case s.label == "" || i < s.labelEnd || i-s.labelEnd > 200:
		return key
	case strings.Trim(s.text[s.labelEnd:i], " \t\r\n\"',\\") != "":
		return key
	}
	return s.label
}

// nameBefore finds the name that ends before the separator at i, and whether it
// is in quotes.
func (s *walker) nameBefore(i int) (name span, quoted bool) {
	t := s.text
	end := i
	if t[i] == '=' && end > 0 && strings.IndexByte(":?+", t[end-1]) >= 0 || t[i] == '=' && end > 1 && t[end-1] == '.' && isSpace(t[end-2]) {
		end--
	}
	for end > 0 && i-end < 64 && (t[end-1] == ' ' || t[end-1] == '\t') {
		end--
	}
	if end > 0 && t[end-1] == ']' {
		end--
	}
	if end > 0 && (t[end-1] == '"' || t[end-1] == '\'') {
		quoted = true
		end--
		if end > 0 && t[end-1] == '\\' {
			end--
		}
	}
	start := end
	for start > 0 && end-start < 128 && nameChars[t[start-1]] {
		start--
	}
	return span{start, end}, quoted
}

// value finds the value that begins at or after i, up to where the separator,
// or 0 for a word of a command, lets it end. Bare tells that it is not in quotes.
func (s *walker) value(i int, sep byte) (v span, bare bool) {
	t := s.text
	if sep == '=' && i < len(t) && t[i] == '>' { // Ruby and PHP: 'password' => 'x'
		i++
	}
	for i < len(t) && (t[i] == ' ' || t[i] == '\t') {
		i++
	}
	if sep == ':' && i < len(t) && (t[i] == '|' || t[i] == '>') {
		return s.block(i), false
	}
	if i+1 < len(t) && t[i] == '\\' && (t[i+1] == '"' || t[i+1] == '\'') {
		v.start = i + 2
		v.end = v.start + closing(t[v.start:], t[i:i+2])
		return v, false
	}
	if i < len(t) && (t[i] == '"' || t[i] == '\'' || t[i] == '`' && s.trust == trustCode) {
		v.start = i + 1
		v.end = v.start + closing(t[v.start:], t[i:i+1])
		if strings.HasPrefix(t[v.start:], " ") {
			v.end = v.start // the quote closes one opened before: echo "PASSWORD=" > file
		}
		return v, false
	}
	return span{i, i + bareLen(t[i:], sep)}, true
}

// closing is the length of a quoted text, up to its closing quote or the end of
// the line.
func closing(t, quote string) int {
	t = t[:min(len(t), maxValue)]
	for i := 0; i < len(t); i++ {
		switch {
		case strings.HasPrefix(t[i:], quote), t[i] == '\n':
			return i
		case t[i] == '\\' && quote == `"`:
			i++
		}
	}
	return len(t)
}

// block is the first line of a YAML block scalar whose '|' or '>' is at i.
func (s *walker) block(i int) span {
	t := s.text[:min(len(s.text), i+maxValue)]
	nl := strings.IndexByte(t[i:], '\n')
	if nl < 0 || strings.Trim(t[i+1:i+nl], "+-0123456789 \r") != "" {
		return span{}
	}
	i += nl + 1
	for i < len(t) && t[i] == ' ' {
		i++
	}
	return span{i, i + bareLen(t[i:], ':')}
}

// bareLen is the length of a value without quotes. In a mapping it ends with the
// line or a comment, elsewhere with the word. In both it ends where the next
// option, a closing bracket or quote, or an escaped line break begins.
func bareLen(t string, sep byte) int {
	t = t[:min(len(t), maxValue)]
	n := 0
	for n < len(t) && !ends(t[n:], sep) {
		n++
	}
	for n > 0 && (t[n-1] == ' ' || t[n-1] == '\t') {
		n--
	}
	return n
}

// ends says whether a bare value ends where t begins.
func ends(t string, sep byte) bool {
	switch c := t[0]; c {
	case '\n', '\r', '`':
		return true
	case ' ', '\t':
		return sep != ':' || len(t) > 1 && t[1] == '#'
	case '\\':
		return len(t) > 1 && strings.IndexByte("nrt\"'\n", t[1]) >= 0
	case '"', '\'', ')', ']', '}', '|':
		return terminal(t[1:])
	case ',', ';', '&':
		return terminal(t[1:]) || t[1] == c || pair(t[1:])
	case '<':
		return len(t) > 1 && t[1] == '/'
	}
	return false
}

// terminal says whether nothing of a word follows.
func terminal(t string) bool {
	return t == "" || isSpace(t[0]) || strings.IndexByte(",;)]}\"'\\|&", t[0]) >= 0
}

// pair says whether another name=value begins here, as in a=1;b=2 and a=1&b=2.
func pair(t string) bool {
	n := settingChars.run(t, 40)
	return n > 0 && n < len(t) && t[n] == '='
}

// code says whether a bare value is an expression or prose, not a literal.
func (s *walker) code(v span, sep byte) bool {
	t := s.text
	value := t[v.start:v.end]
	switch value[0] {
	case '{', '[', '*', '&', '!', '|':
		return true
	}
	if sep == ':' && strings.Contains(value, " ") {
		return true
	}
	if i := strings.IndexAny(value, "([{"); i > 0 && dotted[value[i-1]] {
		return true // a call or an index
	}
	if i := strings.LastIndexByte(value, '.'); i > 0 && dotted.all(value) {
		// cfg.password, process.env.TOKEN
		root, _, _ := strings.Cut(value, ".")
		return classOf(value[i+1:]) != plain || roots[root]
	}
	// connect(user=user, password=password)
	return v.end < len(t) && t[v.end] == ')' && word.all(value) && strings.HasSuffix(strings.TrimRight(t[max(0, v.start-maxValue):v.start], " "), value+"=")
}

// roots are where programs keep their settings.
var roots = set("os self this process config settings args opts options params req request env secrets vars var local " +
	"data module ctx obj spec cfg conf input inputs steps github matrix values each resource")

// element looks at the '>' of <password>text</password>.
func (s *walker) element(name string, at span, i int) {
	t := s.text
	if at.start == 0 || t[at.start-1] != '<' || classOf(name) == plain {
		return
	}
	body := t[i+1 : min(len(t), i+1+maxValue)]
	if n := strings.Index(body, "</"); n > 0 && strings.HasPrefix(body[n+2:], name) {
		inside := strings.TrimSpace(body[:n])
		start := i + 1 + strings.Index(body, inside)
		s.judge(name, span{start, start + len(inside)})
	}
}
