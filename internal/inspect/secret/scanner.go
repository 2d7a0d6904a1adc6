package secret

import (
	"strings"
	"sync"
	"unsafe"
)

// Scanner finds credentials in files of any kind. It is safe for concurrent use.
type Scanner struct {
	table *table
	// text finds the places that are worth a closer look, binary those where a
	// name proves nothing.
	text   *filter
	binary func() *filter
}

// Hit is one credential in a file.
type Hit struct {
	// Kind is the id of the kind, Title the same in words.
	Kind, Title string
	// Severity is what whoever reads it gains: "critical", "high", "medium",
	// "low" or "info".
	Severity string
	// Start and End are the offsets of the secret part in the file.
	Start, End int64
	// Line is where it begins, from 1.
	Line int64
	// Checked says that a checksum within it is right: it was really issued.
	Checked bool
	// Masked is what may be shown of it: enough to tell which one it is for
	// somebody who has it, too little to use it.
	Masked string
}

const (
	// behind and ahead are how far around a place the closer look reaches.
	behind = 1 << 10
	ahead  = 16 << 10

	// maxLiteral bounds the literals that are looked for.
	maxLiteral = 64

	// Overlap is how much of a piece the next one has to repeat, so that what
	// lies across their border is found.
	Overlap = behind + ahead + maxLiteral

	// maxHits bounds what is told about one file.
	maxHits = 1000
	// headSize is how much of a file says whether it is binary.
	headSize = 8 << 10
)

// NewScanner returns the scanner for the built-in kinds. It is made once, when it
// is first asked for.
func NewScanner() *Scanner { return builtInScanner() }

var builtInScanner = sync.OnceValue(func() *Scanner {
	t := builtIn()
	return &Scanner{
		table:  t,
		text:   newFilter(t, true),
		binary: sync.OnceValue(func() *filter { return newFilter(t, false) }),
	}
})

// Scan finds the credentials in the content of a file, in the order in which
// they stand, each at its first place. The name, a path, tells what kind of file
// it is.
func (s *Scanner) Scan(content []byte, name string, emit func(Hit)) {
	stream := s.stream(name, int64(len(content)), emit)
	stream.Write(content, 0)
}

// Stream scans a file that comes piece by piece.
type Stream struct {
	walker
	scanner *Scanner
	name    string
	size    int64
	emit    func(Hit)

	filter *filter
	// done is the place up to which literals were looked at, seen up to which
	// lines were counted.
	done, seen int64
	line       int64
	// asked is the last separator and listed the end of the last command that was
	// looked at: each is only once.
	asked, listed int
	// read is up to where a long value without quotes was read.
	read int
	hits int
	// told are the sums of what was told: each credential is told once.
	told map[uint64]bool
}

// Stream begins the scan of a file of the size in bytes.
func (s *Scanner) Stream(name string, size int64, emit func(Hit)) *Stream {
	stream := s.stream(name, size, emit)
	return &stream
}

func (s *Scanner) stream(name string, size int64, emit func(Hit)) Stream {
	return Stream{scanner: s, walker: walker{table: s.table}, name: name, size: size, emit: emit}
}

// Write scans the next piece, which begins at the offset of the file and repeats
// at least Overlap bytes of the one before; the first has more than Overlap bytes
// or is the whole file. What is found does not depend on how the file is cut.
// Write says whether it wants more.
func (st *Stream) Write(piece []byte, offset int64) bool {
	if len(piece) == 0 {
		return offset < st.size
	}
	// The closer look works on strings. The bytes do not change while it lasts,
	// and of the string only copies are kept.
	text := unsafe.String(&piece[0], len(piece))
	if st.filter == nil {
		st.begin(text)
	}
	end := offset + int64(len(text))
	last := end >= st.size
	limit := end - ahead // what lies behind has to be seen with what follows
	if last {
		limit = end
	}
	if st.done < limit {
		st.pass(text, offset, int(limit-offset))
		st.done = limit
	}
	switch {
	case st.hits >= maxHits:
		return false
	case last:
		st.flush(text, offset, int(end)+1)
		return false
	}
	seen := int(st.done) - behind // what lies before may not be in the next piece
	st.flush(text, offset, seen)
	for i := range st.found {
		if f := &st.found[i]; f.Start < seen && f.line == 0 {
			f.line = st.lineOf(text, offset, f.Start)
		}
	}
	st.lineOf(text, offset, seen)
	return true
}

// begin decides by the name and the first bytes how the file is to be read.
func (st *Stream) begin(text string) {
	st.line, st.asked = 1, -1
	st.trust = trustOf(st.name, text[:min(len(text), headSize)])
	st.filter = st.scanner.text
	if st.trust == trustShapes {
		st.filter = st.scanner.binary()
	}
	if st.trust == trustSettings && st.size <= Overlap && passwordFile(st.name) {
		st.text = text
		st.pgpass(text)
		st.mask(0)
	}
}

// pass looks at the literals of the text up to the limit that were not looked at
// before.
func (st *Stream) pass(text string, offset int64, limit int) {
	i := int(max(st.done-offset, 0))
	for i < limit && st.hits < maxHits {
		from := i
		i = st.filter.next(text, i)
		if i == len(text) {
			for i = max(from, len(text)-12); i < limit; i++ { // the rest, place by place
				st.place(text, offset, i)
			}
			return
		}
		for end := min(i+8, limit); i < end; i++ {
			st.place(text, offset, i)
		}
	}
}

// place looks closer where a literal has its four bytes at i.
func (st *Stream) place(text string, offset int64, i int) {
	for n := st.filter.pinned(text, i); n != 0; {
		p := &st.filter.pins[n]
		n = p.next
		from := i - p.offset
		if from < 0 || from+len(p.text) > len(text) {
			continue
		}
		exact := text[from:from+len(p.text)] == p.text
		if !exact && (p.look != lookName || !strings.EqualFold(text[from:from+len(p.text)], p.text)) {
			continue
		}
		// However the file is cut, the closer look sees the same around a place.
		low := max(0, from-behind)
		st.text = text[low:min(len(text), from+ahead)]
		st.base = int(offset) + low
		known := len(st.found)
		st.closer(p, from-low)
		if st.emit != nil {
			st.mask(known)
		}
		if len(st.found) > 64 && st.emit != nil {
			st.flush(text, offset, int(offset)+from-behind)
		}
	}
}

// closer looks at the literal that begins at i of the text around it.
func (st *Stream) closer(p *pin, i int) {
	s := &st.walker
	s.label, s.labelEnd, s.bareEnd = "", 0, max(0, st.read-s.base)
	switch p.look {
	case lookShape:
		s.shapeAt(p.shape, i)
	case lookIdiom:
		s.idiom(p.idiom, i)
	case lookURL:
		s.userInfo(i)
	case lookDataSource:
		s.dataSource(i)
	case lookName:
		st.named(i)
	case lookCommand:
		st.command(i)
	}
	st.read = max(st.read, s.base+s.bareEnd)
}

// named looks at the name around the word at i: what follows it may be a value.
func (st *Stream) named(i int) {
	s, t := &st.walker, st.text
	name := span{i, i + nameChars.run(t[i:], 128)}
	for name.start > 0 && i-name.start < 128 && nameChars[t[name.start-1]] {
		name.start--
	}
	k := name.end
	if k+1 < len(t) && t[k] == '\\' && (t[k+1] == '"' || t[k+1] == '\'') {
		k++
	}
	if k < len(t) && (t[k] == '"' || t[k] == '\'') {
		k++
	}
	quoted := k > name.end
	if k < len(t) && t[k] == ']' {
		k++
	}
	for k < len(t) && k-name.end < 60 && (t[k] == ' ' || t[k] == '\t') {
		k++
	}
	if k+1 < len(t) && t[k+1] == '=' && strings.IndexByte(":?+.", t[k]) >= 0 {
		k++
	}
	if k == len(t) || s.base+k <= st.asked { // two words of the same name
		return
	}
	st.asked = s.base + k
	equals := 0
	if s.trust == trustCode && !quoted {
		equals = typed(t, k)
	}
	switch c := t[k]; {
	case equals > 0:
		s.nameAssigned(name, equals, false)
	case c == '=' || c == ':' || c == '>':
		s.assignment(k)
	case c == ',' && quoted && s.trust == trustCode && name.start > 1 && t[name.start-2] == '(':
		s.nameAssigned(name, k, true) // setProperty("API_TOKEN", "x")
	case t[name.start] == '-':
		s.flag(name.start)
	default:
		st.pair(name)
	}
}

// typed returns where the sign is of a declaration with a type, of which k is
// behind the name: "var token string = ", "token: string = "; 0 if it is none.
func typed(t string, k int) int {
	if t[k] == ':' {
		k++
	}
	t = t[:min(len(t), k+60)]
	for k < len(t) && t[k] == ' ' {
		k++
	}
	n := typeChars.run(t[min(k, len(t)):], 40)
	k += n
	for k < len(t) && t[k] == ' ' {
		k++
	}
	if n < 3 || k+1 >= len(t) || t[k] != '=' || t[k+1] == '=' || t[k-1] != ' ' {
		return 0
	}
	return k
}

// typeChars are what the names of types are written in.
var typeChars = chars("0-9A-Za-z_<>?.*")

// pair is for the name of a list of pairs: "name: DB_PASSWORD", then "value: x".
func (st *Stream) pair(name span) {
	s, t := &st.walker, st.text
	before := strings.TrimRight(t[max(0, name.start-20):name.start], " \t\"'\\")
	if before == "" || before[len(before)-1] != ':' && before[len(before)-1] != '=' {
		return
	}
	before = strings.TrimRight(before[:len(before)-1], " \"'\\")
	if !strings.HasSuffix(before, "name") && !strings.HasSuffix(before, "Name") && !strings.HasSuffix(before, "key") && !strings.HasSuffix(before, "Key") {
		return
	}
	rest := t[name.end:min(len(t), name.end+200)]
	next := strings.TrimLeft(rest, " \t\r\n\"',\\")
	if !strings.HasPrefix(next, "value") && !strings.HasPrefix(next, "Value") {
		return
	}
	k := name.end + len(rest) - len(next) + len("value")
	for k < len(t) && strings.IndexByte("\\\"' ", t[k]) >= 0 {
		k++
	}
	if k < len(t) && (t[k] == ':' || t[k] == '=') {
		s.label, s.labelEnd = t[name.start:name.end], name.end
		s.assignment(k)
	}
}

// values looks at every key called value: the name that goes with it may not be in
// sight.
func (st *Stream) values(text string) {
	for at := 0; ; {
		n := strings.Index(text[at:], "alue")
		if n < 0 {
			return
		}
		at += n + len("alue")
		if at < len(text) && text[at] == '"' {
			at++
		}
		if at < len(text) && (text[at] == ':' || text[at] == '=') {
			low := max(0, at-behind)
			st.text, st.base = text[low:min(len(text), at+ahead)], low
			st.label, st.labelEnd, st.bareEnd = "", 0, 0
			before := strings.TrimRight(strings.TrimRight(text[low:at], "aelVvu\""), " \t\r\n\"',\\")
			if name := strings.LastIndexAny(before, ":="); name > 0 {
				st.assignment(name) // reads the label if it is one
			}
			st.assignment(at - low)
		}
	}
}

// maxCommand is how far behind a program its flags are looked for.
const maxCommand = 400

// command looks at the flags of the program whose name begins at i.
func (st *Stream) command(i int) {
	s, t := &st.walker, st.text
	if i > 0 && nameChars[t[i-1]] {
		return
	}
	end := min(len(t), i+maxCommand)
	for k := max(i, st.listed-s.base); k < end; k++ {
		switch t[k] {
		case ';', '|':
			end = k
		case '\n':
			if k == 0 || !strings.HasSuffix(strings.TrimRight(t[max(0, k-3):k], " \r"), "\\") {
				end = k
			}
		case '-':
			if k > 0 && t[k-1] != '-' && k+1 < len(t) && shortFlags[t[k+1]] {
				s.flag(k)
			}
		}
	}
	st.listed = max(st.listed, s.base+end)
}

// shortFlags are what the flags of commands begin with.
var shortFlags = chars("aupwP-")

// flush hands over what was found and ends before the place: nothing that is
// found later can touch it.
func (st *Stream) flush(text string, offset int64, before int) {
	if len(st.found) == 0 {
		return
	}
	all := st.merge(st.found)
	keep := len(all)
	for keep > 0 && all[keep-1].End > before {
		keep--
	}
	for _, f := range all[:keep] {
		if st.told[f.sum] {
			continue
		}
		if st.hits++; st.hits > maxHits {
			break
		}
		st.tell(text, offset, f)
	}
	st.found = append(st.found[:0], all[keep:]...)
}

// mask notes what may be shown of the matches from the known ones on, while the
// text is at hand.
func (st *Stream) mask(known int) {
	for i := known; i < len(st.found); i++ {
		f := &st.found[i]
		chosen := st.rank(f.Kind) < 2
		secret := st.text[f.Start-st.base : f.End-st.base]
		f.masked = preview(secret, f.prefix, chosen)
		f.sum = 14695981039346656037 // FNV-1a
		for k := range len(secret) {
			f.sum = (f.sum ^ uint64(secret[k])) * 1099511628211
		}
	}
}

func (st *Stream) tell(text string, offset int64, f found) {
	if f.line == 0 {
		f.line = st.lineOf(text, offset, f.Start)
	}
	if st.told == nil {
		st.told = map[uint64]bool{}
	}
	st.told[f.sum] = true
	k := st.byID[f.Kind]
	st.emit(Hit{
		Kind: k.id, Title: k.title, Severity: k.severity, Start: int64(f.Start), End: int64(f.End),
		Line: f.line, Checked: f.checked, Masked: f.masked,
	})
}

// lineOf returns the line of a place in the file that lies behind the last one
// that was asked for.
func (st *Stream) lineOf(text string, offset int64, place int) int64 {
	if int64(place) > st.seen {
		st.line += int64(strings.Count(text[st.seen-offset:int64(place)-offset], "\n"))
		st.seen = int64(place)
	}
	return st.line
}
