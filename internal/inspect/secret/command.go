package secret

import "strings"

// flag looks at the '-' at i for a flag whose value is the next word of a shell
// command or the next item of an argument list. Values after '=' are
// assignments.
func (s *walker) flag(i int) {
	t := s.text
	if i > 0 && !isSpace(t[i-1]) && strings.IndexByte("\"'[,(=`", t[i-1]) < 0 {
		return
	}
	from := i + 1
	if from < len(t) && t[from] == '-' {
		from++
	}
	n := nameChars.run(t[from:], 64)
	if n == 0 || !isAlpha(t[from]) {
		return
	}
	name, end := t[from:from+n], from+n
	if cmd := s.shortFlag(i, name); cmd.flag != "" {
		s.shortValue(cmd, from, end)
		return
	}
	if c := classOf(name); c != password && c != token {
		return
	}
	v, bare := s.argument(end)
	if v.start == v.end || bare && (t[v.start] == '-' || !s.loose && usage[strings.TrimRight(t[v.start:v.end], ".,:")]) {
		return
	}
	s.judge(name, v)
}

// usage are words that follow a flag when somebody writes about it.
var usage = set("flag flags option options argument parameter and or to is are was for in with without from if when must should " +
	"will can does do not no nor via like has have the a an of on as at by that which value values field password username user instead")

// argument finds the word of a command, or the item of a list, that follows the
// one that ends at i.
func (s *walker) argument(i int) (v span, bare bool) {
	t, from := s.text, i
	if strings.HasPrefix(t[i:], `\"`) { // a list within a string
		i++
	}
	quoted := i < len(t) && (t[i] == '"' || t[i] == '\'')
	if quoted {
		i++
	}
	rest := t[i:min(len(t), i+200)]
	next := strings.TrimLeft(rest, " \t")
	switch {
	case quoted && strings.HasPrefix(next, ","): // "--password", "x"
		next = strings.TrimLeft(next[1:], " \t\r\n")
	case strings.HasPrefix(next, "\\\n"), strings.HasPrefix(next, "\\\r\n"):
		next = strings.TrimLeft(next[1:], " \t\r\n")
	case strings.HasPrefix(next, "\n"), strings.HasPrefix(next, "\r\n"): // - --password, then - x
		next = strings.TrimLeft(next, " \t\r\n")
		if !strings.HasPrefix(next, "- ") {
			return v, false
		}
		next = next[2:]
	}
	i += len(rest) - len(next)
	if i == from || next == "" {
		return v, false
	}
	return s.value(i, 0)
}

// command is a program with a flag that holds a credential for this program
// only: -p is a port elsewhere.
type command struct {
	program string
	flag    string
	pair    bool // the value is user:password
	joined  bool // the value is written right behind the flag
	first   bool // the flag is the first of the program, later ones are another's
}

var commands = []command{
	{program: "curl", flag: "u", pair: true},
	{program: "curl", flag: "user", pair: true},
	{program: "mysql", flag: "p", joined: true},
	{program: "mariadb", flag: "p", joined: true},
	{program: "sshpass", flag: "p", first: true},
	{program: "sqlcmd", flag: "P"},
	{program: "redis-cli", flag: "a"},
	{program: "docker login", flag: "p"},
	{program: "ldap", flag: "w"},
	{program: "mongo", flag: "p"},
}

// shortFlag finds the command that the flag at i belongs to.
func (s *walker) shortFlag(i int, name string) command {
	line := ""
	for _, c := range commands {
		if name != c.flag && !(c.joined && len(name) > len(c.flag) && strings.HasPrefix(name, c.flag) && s.text[i+1] != '-') {
			continue
		}
		if line == "" {
			line = s.line(i)
		}
		if rest, ok := c.in(line); ok && (!c.first || strings.TrimSpace(rest) == "") {
			return c
		}
	}
	return command{}
}

// in says whether the line calls the program, or one whose name begins so, and
// what follows.
func (c command) in(line string) (rest string, ok bool) {
	for at := 0; ; {
		n := strings.Index(line[at:], c.program)
		if n < 0 {
			return rest, ok
		}
		begin := at + n
		at = begin + len(c.program)
		at += base64url.run(line[at:], len(line))
		called := begin == 0 || !nameChars[line[begin-1]]
		if called && at < len(line) && (isSpace(line[at]) || line[at] == '"') {
			rest, ok = line[at:], true
		}
	}
}

// line is what stands before i in the same command, as far as it matters.
func (s *walker) line(i int) string {
	t := s.text
	from := i
	for from > 0 && i-from < 200 {
		switch t[from-1] {
		case ';', '|':
			return t[from:i]
		case '\n':
			if !strings.HasSuffix(strings.TrimRight(t[max(0, from-3):from-1], " \r"), "\\") {
				return t[from:i]
			}
		}
		from--
	}
	return t[from:i]
}

func (s *walker) shortValue(c command, from, end int) {
	t := s.text
	v := span{from + len(c.flag), from + len(c.flag)}
	if c.joined {
		if v.start < len(t) && (t[v.start] == '"' || t[v.start] == '\'') {
			v, _ = s.value(v.start, 0)
		} else {
			v.end += bareLen(t[v.start:], 0)
		}
	} else {
		v, _ = s.argument(end)
	}
	value := t[v.start:v.end]
	if c.pair {
		user, pass, ok := strings.Cut(value, ":")
		if !ok || !literal(pass) {
			return
		}
		v.start += len(user) + 1
	} else if strings.HasPrefix(value, "-") || digits.all(strings.ReplaceAll(value, ":", "")) && strings.Contains(value, ":") {
		return
	}
	s.judge("password", v)
}
