package secret

import "strings"

// userInfo looks at the "://" at i for the password in scheme://user:password@host.
// https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
func (s *walker) userInfo(i int) {
	t := s.text
	from := i + len("://")
	if s.base+i < s.noHost {
		return
	}
	n := authority(t[from:])
	hostAt := strings.LastIndexByte(t[from:from+n], '@')
	if hostAt < 0 {
		s.noHost = s.base + from + n
		return
	}
	hostAt += from
	user, pass, ok := strings.Cut(t[from:hostAt], ":")
	if !ok {
		if random(user) && s.trusts("basic-auth-url", user) && !(len(user) == 32 && lowerHex.all(user)) { // Sentry's is public
			s.add("basic-auth-url", from, hostAt)
		}
		return
	}
	host := t[hostAt+1 : from+n]
	if !literal(pass) || documentation(user, pass, host) || !s.loose && s.inComment(i) && !random(pass) {
		return
	}
	scheme := i
	for scheme > 0 && alnum[t[scheme-1]] && i-scheme < 16 {
		scheme--
	}
	kind := "connection-string"
	switch strings.ToLower(t[scheme:i]) {
	case "http", "https", "ftp", "ftps", "sftp", "ssh", "git", "ws", "wss", "svn":
		kind = "basic-auth-url"
	}
	name, _, _ := strings.Cut(host, ":")
	if s.trust != trustFully && (strings.HasSuffix(name, ".example") || strings.HasSuffix(name, ".invalid")) {
		return // https://www.rfc-editor.org/rfc/rfc2606
	}
	if s.trusts(kind, pass) {
		s.add(kind, hostAt-len(pass), hostAt)
	}
}

// authority is the length of what stands between :// and the path. A password
// may hold an unescaped slash, so after user: one is only the end if a port, not
// a password, stands before it.
func authority(t string) int {
	t = t[:min(len(t), 512)]
	colon := -1
	for i := range len(t) {
		switch c := t[i]; {
		case c <= ' ' || strings.IndexByte("\"'`<>|", c) >= 0:
			return i
		case c == ':' && colon < 0:
			colon = i
		case c == '/' || c == '?' || c == '#':
			if colon < 0 || digits.all(t[colon+1:i]) || strings.IndexByte(t[:i], '@') >= 0 {
				return i
			}
		}
	}
	return len(t)
}

// documentation says whether the parts are those of a manual: user:password@host.
func documentation(user, pass, host string) bool {
	host, _, _ = strings.Cut(host, ":")
	for _, d := range [...]string{"example.com", "example.org", "example.net"} {
		if host == d || strings.HasSuffix(host, "."+d) { // https://www.rfc-editor.org/rfc/rfc2606
			return true
		}
	}
	switch strings.ToLower(host) {
	case "host", "hostname", "server", "<host>", "address", "myhost", "domain", "url", "":
		switch strings.ToLower(pass) {
		case "password", "pass", "pwd", "passwd", "pw", "secret":
			return true
		}
	}
	return user == "USER" || user == "USERNAME" || strings.ContainsAny(user+host, "[]<>{}")
}

// dataSource looks at the '@' at i for the Go MySQL driver's user:password@tcp(host).
// https://github.com/go-sql-driver/mysql#dsn-data-source-name
func (s *walker) dataSource(i int) {
	t := s.text
	if !strings.HasPrefix(t[i:], "@tcp(") && !strings.HasPrefix(t[i:], "@unix(") {
		return
	}
	from := i
	for from > 0 && i-from < 128 && !isSpace(t[from-1]) && strings.IndexByte("\"'`=", t[from-1]) < 0 {
		from--
	}
	if _, pass, ok := strings.Cut(t[from:i], ":"); ok && literal(pass) && s.trusts("connection-string", pass) {
		s.add("connection-string", i-len(pass), i)
	}
}
