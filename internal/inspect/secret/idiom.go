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
	formPEM form = iota
	formTelegram
	formTerraform
	formQuoted // in quotes behind the phrase, as in SQL: ALTER ROLE x PASSWORD 'y'
	formWord   // the word behind it, as in redis.conf
	formNetrc
	formChpasswd
	formEnv
)

var idioms = []idiom{
	{"BEGIN ", formPEM},
	{"AA", formTelegram},
	{"atlasv1.", formTerraform},
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

var idiomsBy = func() (by [256][]idiom) {
	for _, x := range idioms {
		by[x.begin[0]] = append(by[x.begin[0]], x)
	}
	return by
}()

// idiom looks around the phrase that begins at i.
func (s *scanner) idiom(x idiom, i int) {
	end := i + len(x.begin)
	switch x.form {
	case formPEM:
		s.pem(i)
	case formTelegram:
		s.telegram(i)
	case formTerraform:
		s.terraform(i)
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
func (s *scanner) wordAt(i int) {
	if v, bare := s.value(i, 0); v.end > v.start && !(bare && usage[s.text[v.start:v.end]]) {
		s.judge("password", v)
	}
}

// pem is for "-----BEGIN ... PRIVATE KEY-----".
func (s *scanner) pem(i int) {
	if m, ok := privateKey(s.text, i); ok {
		s.found = append(s.found, m)
	}
}

// telegram is for 123456789:AA..., where the number of the bot comes first.
// https://core.telegram.org/bots/api#authorizing-your-bot
func (s *scanner) telegram(i int) {
	if i == 0 || s.text[i-1] != ':' {
		return
	}
	from := i - 1
	for from > 0 && i-from < 12 && isDigit(s.text[from-1]) {
		from--
	}
	bot, n := i-1-from, base64url.run(s.text[i:], 36)
	if bot >= 8 && bot <= 10 && n == 35 && plausible(s.text[i:i+n]) {
		s.add("telegram-token", from, i+n)
	}
}

// terraform is for the id.atlasv1.key of HCP Terraform.
// https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens
func (s *scanner) terraform(i int) {
	from := max(0, i-len("0123456789abcd."))
	n := base64url.run(s.text[i+len("atlasv1."):], 80)
	if n >= 60 && i-from == 15 && s.text[i-1] == '.' && alnum.all(s.text[from:i-1]) && plausible(s.text[i:i+n]) {
		s.add("terraform-token", from, i+len("atlasv1.")+n)
	}
}

// azureSecret looks at the '~' at i for the secret of an Entra application:
// three characters, a digit, "Q~" and 31 to 34 more.
// https://learn.microsoft.com/purview/sit-defn-azure-ad-client-secret
func (s *scanner) azureSecret(i int) {
	t := s.text
	if i < 5 || t[i-1] != 'Q' || !isDigit(t[i-2]) || !entraChars.all(t[i-5:i]) || i > 5 && entraChars[t[i-6]] {
		return
	}
	if n := entraChars.run(t[i+1:], 35); n >= 31 && n <= 34 && plausible(t[i+1:i+1+n]) {
		s.add("azure-client-secret", i-5, i+1+n)
	}
}

var entraChars = chars("0-9A-Za-z_~.-")

// changePasswords is for echo 'user:password' | chpasswd.
func (s *scanner) changePasswords(i int) {
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
func (s *scanner) legacyEnv(i int) {
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
