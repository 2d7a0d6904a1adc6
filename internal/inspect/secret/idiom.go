package secret

import "strings"

// idiom is a phrase before or after which a credential stands.
type idiom struct {
	begin string
	form  form
}

// form is where in an idiom the credential is.
type form uint8

const (
	formPEM    form = iota
	formQuoted      // in quotes behind the phrase, as in SQL: ALTER ROLE x PASSWORD 'y'
	formWord        // the word behind it, as in redis.conf
	formNetrc
	formChpasswd
	formEnv
)

var idioms = []idiom{
	{"BEGIN ", formPEM},
	{"IDENTIFIED BY ", formQuoted},
	{"identified by ", formQuoted},
	{"PASSWORD '", formQuoted},
	{"password '", formQuoted},
	{"requirepass ", formWord},
	{"masterauth ", formWord},
	{"password ", formNetrc},
	{"chpasswd", formChpasswd},
	{"ENV ", formEnv},
}

// idiom looks around the phrase that begins at i.
func (s *walker) idiom(x *idiom, i int) {
	end := i + len(x.begin)
	switch x.form {
	case formPEM:
		s.pem(i)
	case formQuoted:
		if v, bare := s.value(i+len(strings.TrimSuffix(x.begin, "'")), 0); !bare {
			s.judge("password", v)
		}
	case formWord:
		s.wordAt(end)
	case formNetrc:
		// machine host login user password secret:
		// https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html
		before := s.text[max(0, i-200):i]
		if strings.Contains(before, "login ") && strings.Contains(before, "machine ") {
			s.wordAt(end)
		}
	case formChpasswd:
		s.changePasswords(i)
	case formEnv:
		s.legacyEnv(i)
	}
}

// wordAt judges the word at i as a password.
func (s *walker) wordAt(i int) {
	if v, bare := s.value(i, 0); v.end > v.start && !(bare && usage[s.text[v.start:v.end]]) {
		s.judge("password", v)
	}
}

// pem is for "-----BEGIN ... PRIVATE KEY-----".
func (s *walker) pem(i int) {
	if m, ok := privateKey(s.text, i); ok {
		s.record(found{Match: m})
	}
}

// changePasswords is for echo 'user:password' | chpasswd.
func (s *walker) changePasswords(i int) {
	before := s.text[max(0, i-300):i]
	bar := strings.LastIndexByte(before, '|')
	echo := max(strings.LastIndex(before, "echo "), strings.LastIndex(before, "printf "))
	if echo < 0 || echo > bar {
		return
	}
	colon := strings.IndexByte(before[echo:bar], ':')
	if colon < 0 {
		return
	}
	start := i - len(before) + echo + colon + 1
	s.judge("password", span{start, start + bareLen(s.text[start:i-len(before)+bar], 0)})
}

// legacyEnv is for a Dockerfile's "ENV NAME value".
// https://docs.docker.com/reference/dockerfile/#env
func (s *walker) legacyEnv(i int) {
	t := s.text
	before := t[max(0, i-40):i]
	before = strings.TrimSpace(before[strings.LastIndexByte(before, '\n')+1:])
	if before != "" && before != "ONBUILD" {
		return
	}
	from := i + len("ENV ")
	n := word.run(t[from:], 64)
	if n == 0 || from+n >= len(t) || t[from+n] != ' ' || classOf(t[from:from+n]) == plain {
		return
	}
	v := span{from + n + 1, from + n + 1}
	if nl := strings.IndexAny(t[v.start:min(len(t), v.start+maxValue)], "\r\n"); nl >= 0 {
		v.end += nl
	} else {
		v.end = min(len(t), v.start+maxValue)
	}
	s.judge(t[from:from+n], v)
}
