package secret

import "strings"

// class is what a name promises about its value.
type class uint8

const (
	plain    class = iota // nothing
	password              // anything literal is a credential
	token                 // a random value is a credential
	account               // "user:password", or that in base64
)

// role is what one word does in a name.
type role uint8

const (
	headPassword role = 1 << iota // the name ends here and means a password
	headToken                     // likewise a token, secret or key
	headAccount                   // likewise a user with a password
	headKey                       // a credential if the word before it says so
	ofKey                         // such a word: the API key, the signing key
	trailing                      // may follow the head and changes nothing
	denial                        // anywhere before the head: it is no credential
)

// lexicon holds the words that decide. A name is read like the English compound
// that it is: PASSWORD_MIN_LENGTH is a length and TOKEN_URL is a URL, since the
// last word is the head, so words that are not listed need no listing.
var lexicon = map[string]role{
	"password": headPassword, "passwd": headPassword, "passphrase": headPassword,
	"passcode": headPassword, "pass": headPassword, "pwd": headPassword, "pw": headPassword,
	"psw": headPassword, "passwort": headPassword, "pswd": headPassword,
	"pgpass": headPassword, "dbpass": headPassword, "sshpass": headPassword, "rootpw": headPassword,
	"bindpw": headPassword, "keypass": headPassword, "storepass": headPassword, "userpass": headPassword,
	"requirepass": headPassword, "masterauth": headPassword, "adminpass": headPassword,
	"psk": headPassword, "rootpass": headPassword, "dbpwd": headPassword, "userpwd": headPassword, "mypass": headPassword,

	"token": headToken | ofKey, "secret": headToken | ofKey, "apikey": headToken, "apitoken": headToken,
	"authtoken": headToken, "accesstoken": headToken, "bearertoken": headToken, "bearer": headToken,
	"refreshtoken": headToken, "secretkey": headToken, "accesskey": headToken, "privatekey": headToken,
	"signingkey": headToken, "encryptionkey": headToken, "masterkey": headToken, "authkey": headToken,
	"clientsecret": headToken, "appsecret": headToken, "apisecret": headToken, "sharedkey": headToken,
	"sharedaccesskey": headToken, "accountkey": headToken, "jwt": headToken | ofKey, "pat": headToken,
	"keybase": headToken, "credential": headToken, "credentials": headAccount, "creds": headAccount,
	"auth": headAccount | ofKey, "basicauth": headAccount, "dockerconfigjson": headToken,

	"key": headKey, "base": headKey, "cookie": headKey,
	"api": ofKey, "access": ofKey, "private": ofKey, "encryption": ofKey, "encrypt": ofKey,
	"signing": ofKey, "sign": ofKey, "signature": ofKey, "master": ofKey, "account": ofKey,
	"shared": ofKey, "storage": ofKey, "service": ofKey, "app": ofKey, "application": ofKey,
	"consumer": ofKey, "client": ofKey, "crypt": ofKey, "crypto": ofKey, "hmac": ofKey,
	"session": ofKey, "cookies": ofKey, "admin": ofKey, "deploy": ofKey, "webhook": ofKey,
	"integration": ofKey, "ingestion": ofKey, "subscription": ofKey, "license": ofKey,
	"licence": ofKey, "function": ofKey, "ssh": ofKey, "rsa": ofKey, "tls": ofKey, "ssl": ofKey,
	"pgp": ofKey, "gpg": ofKey, "aes": ofKey, "write": ofKey, "seal": ofKey, "unseal": ofKey,
	"preshared": ofKey, "security": ofKey, "instrumentation": ofKey, "sendgrid": ofKey, "stripe": ofKey,
	"openai": ofKey, "datadog": ofKey, "erlang": ofKey, "data": ofKey | trailing, "server": ofKey,

	"value": trailing, "plain": trailing, "plaintext": trailing, "base64": trailing, "b64": trailing,
	"string": trailing, "literal": trailing, "raw": trailing, "default": trailing, "prod": trailing,
	"production": trailing, "dev": trailing, "development": trailing, "staging": trailing,
	"local": trailing, "old": trailing, "new": trailing, "current": trailing, "previous": trailing,
	"primary": trailing, "secondary": trailing, "confirmation": trailing,

	"public": denial, "publishable": denial, "hashed": denial, "encrypted": denial, "sealed": denial,
	"no": denial, "without": denial, "allow": denial, "empty": denial, "reset": denial,
	"forgot": denial, "require": denial, "requires": denial, "is": denial, "has": denial,
	"proxy": denial, "fastcgi": denial, "automount": denial, "existing": denial,
	"by": denial,

	// Texts of a user interface.
	"confirm": denial | trailing, "failed": denial, "input": denial, "label": denial, "title": denial,
	"hint": denial, "message": denial, "error": denial, "invalid": denial, "wrong": denial, "enter": denial,
	"placeholder": denial, "prompt": denial,

	"htpasswd": 0, // a file of hashes
}

// classOf judges a name by its words: DB_PASSWORD, dbPassword, db.password and
// --db-password all end in the word "password".
func classOf(name string) class {
	var w words
	w.split(name)
	n := w.n
	for n > 1 && w.role(n-1)&trailing != 0 && w.role(n-1)&headToken == 0 {
		n--
	}
	if n == 0 {
		return plain
	}
	head := w.role(n - 1)
	switch {
	case head&headPassword != 0:
		if name == "PWD" { // the shell's working directory
			return plain
		}
		return w.unless(n-1, password)
	case head&headToken != 0:
		return w.unless(n-1, token)
	case head&headAccount != 0:
		return account
	case head&headKey != 0 && n > 1 && w.role(n-2)&(ofKey|headKey) != 0:
		return w.unless(n-1, token)
	}
	return plain
}

// chosen says whether people make up the value of an environment variable of
// this name themselves: JWT_SECRET, SECRET_KEY. Then even a word is a credential.
// In other styles the same names hold references: clientSecret: my-oauth-secret.
func chosen(name string) bool {
	if strings.ToUpper(name) != name || strings.Contains(name, "PASSW") { // DB_PASSWORD_SECRET_KEY=password
		return false
	}
	end := len(name)
	for range 2 {
		if end = strings.LastIndexByte(name[:end], '_'); end < 0 {
			break
		}
	}
	return chosenNames[strings.ToLower(name[end+1:])] || strings.HasSuffix(name, "SECRET_ACCESS_KEY")
}

// chosenNames leave out what a provider issues, such as API keys: those are random.
var chosenNames = set("jwt_secret session_secret cookie_secret app_secret http_secret signing_secret api_secret " +
	"webhook_secret shared_secret hmac_secret csrf_secret auth_secret nextauth_secret encryption_secret " +
	"secret_key encryption_key crypto_key signing_key jwt_key session_key app_key key_base erlang_cookie")

// words is a name cut into lower-case words, without allocating. Of a long name
// the end is kept: that is where the head is.
type words struct {
	buf [64]byte
	end [64]uint8
	n   int
}

func (w *words) split(name string) {
	if len(name) > len(w.buf) {
		name = name[len(name)-len(w.buf):]
	}
	size, prev := 0, byte(0)
	for i := range len(name) {
		c := name[i]
		if !alnum[c] {
			prev = 0
			continue
		}
		hump := isUpper(c) && (isLower(prev) || isUpper(prev) && i+1 < len(name) && isLower(name[i+1]))
		if prev == 0 || hump {
			w.n++
		}
		w.buf[size] = lower(c)
		size++
		w.end[w.n-1] = uint8(size)
		prev = c
	}
}

// role looks a word up. A number at its end and what it is composed of are
// taken off where needed: PASSWORD2 and mysqlpassword are passwords.
func (w *words) role(i int) role {
	start := 0
	if i > 0 {
		start = int(w.end[i-1])
	}
	word := w.buf[start:w.end[i]]
	if r, ok := lexicon[string(word)]; ok {
		return r
	}
	for len(word) > 0 && isDigit(word[len(word)-1]) {
		word = word[:len(word)-1]
	}
	if len(word) == 0 {
		return trailing // PASSWORD_1
	}
	for _, head := range [...]string{"password", "passwd", "passphrase", "storepass", "keypass"} {
		n := len(word) - len(head)
		if n > 0 && string(word[n:]) == head && lexicon[string(word[:n])]&denial == 0 {
			return headPassword
		}
	}
	return lexicon[string(word)]
}

// unless is c, or plain if a word before the head takes the meaning back.
func (w *words) unless(head int, c class) class {
	for i := range head {
		if w.role(i)&denial != 0 {
			return plain
		}
	}
	return c
}
