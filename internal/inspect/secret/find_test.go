package secret

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// In the texts of these tests § stands for a password and ¤ for a random token
// that must be found. What else looks like one must not.
func TestFind(t *testing.T) {
	g := newGenerator(4)
	pw, tok := "Sommer"+"2024", g.token()
	pair := base64.StdEncoding.EncodeToString([]byte("robot:" + pw))

	tests := []struct {
		name, text string
		want       string // kinds
	}{
		// Dockerfile
		{"env", "FROM x\nENV DB_PASSWORD=§ LOG_LEVEL=info\n", "password"},
		{"env quoted", `ENV DB_PASSWORD="§"`, "password"},
		{"env without sign", "ENV DB_PASSWORD §\nENV MODE x\n", "password"},
		{"env of a file", "ENV DB_PASSWORD_FILE /run/x\nENV GPG_KEY " + g.from(upperHex, 40) + "\n", ""},
		{"arg", "ARG API_TOKEN=¤\n", "generic-token"},
		{"arg without value", "ARG API_TOKEN\nARG DB_PASSWORD=\nRUN x", ""},
		{"run with variable", "RUN PGPASSWORD=§ psql -h db", "password"},
		{"run with header", `RUN curl -H "Authorization: Bearer ¤" https://api`, "bearer-token"},
		{"run with basic header", `RUN curl -H 'Authorization: Basic ` + pair + `' https://api`, "basic-auth-header"},
		{"curl", "RUN curl -fsS -u robot:§ https://repo/x.tgz", "password"},
		{"curl over lines", "RUN curl -fsS \\\n  --user robot:§ \\\n  https://repo/x.tgz", "password"},
		{"curl with variable", `RUN curl -u "robot:$PASS" https://repo/x.tgz`, ""},
		{"user of docker run", "docker run -u 1000:1000 --user app:app -p 8080:80 x", ""},
		{"chpasswd", "RUN echo 'root:§' | chpasswd", "password"},
		{"chpasswd of a variable", `RUN echo "root:$PW" | chpasswd`, ""},
		{"mysql", "mysqladmin -uroot -p§ ping", "password"},
		{"mysql asks", "mysql -u root -p -h db", ""},
		{"mysql with port", "mysql -P3306 -p\"$PW\" -h db", ""},
		{"sshpass", "sshpass -p '§' ssh -p 2222 host", "password"},
		{"sqlcmd", `test: ["CMD-SHELL", "sqlcmd -S localhost -U sa -P § -Q 'SELECT 1'"]`, "password"},
		{"redis-cli", "redis-cli -a § ping", "password"},
		{"docker login", "docker login -u robot -p § registry", "password"},
		{"keytool", "keytool -importkeystore -srcstorepass § -noprompt", "password"},
		{"sql", "CREATE USER shop IDENTIFIED BY '§';", "password"},
		{"sql postgres", "ALTER ROLE shop WITH PASSWORD '§';", "password"},
		{"clone", "RUN git clone https://robot:§@git.corp/x.git", "basic-auth-url"},

		// Arguments
		{"flag with sign", "--db-password=§ --verbose", "password"},
		{"flag", "--db-password § --verbose", "password"},
		{"flag quoted", `--db-password "§" --verbose`, "password"},
		{"flag in a list", `CMD ["server", "--db-password", "§", "-v"]`, "password"},
		{"flag in lines", "args:\n  - --db-password\n  - §\n  - -v\n", "password"},
		{"flag in quoted lines", "args:\n  - \"--api-token\"\n  - \"¤\"\n", "generic-token"},
		{"flag over lines", "server --db-password \\\n  § \\\n  -v", "password"},
		{"flag before flag", "server --db-password --verbose", ""},
		{"flag in prose", "Use the --password flag, or --token to log in.", ""},
		{"flag in usage", "  --password string   what to log in with\n  --token TOKEN", ""},
		{"flag of a variable", "--password $PW --token ${TOKEN}", ""},
		{"kubeadm", "kubeadm join 10.0.0.1:6443 --token " + g.from(lower36, 6) + "." + g.from(lower36, 16), "kubernetes-token"},
		{"system property", "java -Dspring.datasource.password=§ -jar x.jar", "password"},
		{"helm set", "helm install x y --set auth.password=§,auth.user=x", "password"},
		{"from literal", "kubectl create secret generic x --from-literal=password=§", "password"},

		// YAML
		{"yaml", "db:\n  password: § # the default\n  port: 5432\n", "password"},
		{"yaml quoted", "password: '§'\ntoken: \"¤\"\n", "password generic-token"},
		{"yaml pair", "- name: DB_PASSWORD\n  value: §\n- name: MODE\n  value: x\n", "password"},
		{"yaml pair in one line", "env: [{name: DB_PASSWORD, value: §}, {name: MODE, value: x}]", "password"},
		{"yaml reference", "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: db, key: password}\n", ""},
		{"yaml list", "environment:\n  - DB_PASSWORD=§\n  - MODE=x\n", "password"},
		{"yaml block", "password: |\n  §\nuser: x\n", "password"},
		{"yaml nested", "password:\n  secretKeyRef:\n    name: db\n", ""},
		{"yaml schema", "properties:\n  password:\n    type: string\n    description: the password to use\n  token: {type: string}\nrequired: [password]\n", ""},
		{"yaml alias", "password: *db\ntoken: !vault x\n", ""},
		{"yaml comment", "# password: hunter2\nuser: x\n", ""},
		{"yaml prose", "description: set password to anything\nnote: password: the one you chose\n", ""},
		{"helm template", "password: {{ .Values.password }}\n{{- $password := include \"x.password\" . }}\n", ""},
		{"workflow", "password: ${{ secrets.PASSWORD }}\nid-token: write\n", ""},
		{"sealed", "kind: SealedSecret\nspec:\n  encryptedData:\n    encryptedPassword: AgB" + g.from(base64std, 40) + "\n", ""},

		// JSON
		{"json", `{"user": "x", "password": "§", "port": 1}`, "password"},
		{"json without space", `{"user":"x","password":"§","token":"¤"}`, "password generic-token"},
		{"json pair", `{"name": "DB_PASSWORD", "value": "§"}`, "password"},
		{"json in a string", `annotation: "{\"password\": \"§\", \"port\": 1}"`, "password"},
		{"json with lines in a string", `{"x.conf": "user=x\npassword=§\nport=1\n"}`, "password"},
		{"docker config", `{"auths": {"registry": {"auth": "` + pair + `"}}}`, "docker-auth"},
		{"json schema", `{"password": {"type": "string"}, "token": null, "secret": true}`, ""},

		// Other files
		{"properties", "db.user=x\ndb.password=§\ndb.port=1\n", "password"},
		{"ini", "[db]\npassword = §\n; password = hunter2\n", "password"},
		{"toml", "[db]\npassword = \"§\"\n", "password"},
		{"xml", "<server><username>x</username><password>§</password></server>", "password"},
		{"xml attribute", `<Resource username="x" password="§"/>`, "password"},
		{"xml of a variable", "<password>${env.PW}</password><passwordFile>x</passwordFile>", ""},
		{"redis.conf", "port 6379\nrequirepass §\n", "password"},
		{"npmrc", "//registry.npmjs.org/:_authToken=¤\n", "npm-registry-auth"},
		{"netrc", "machine git.corp login robot password §\n", "password"},
		{"connection string", "Server=db;Database=shop;User Id=sa;Password=§;Encrypt=false", "connection-string"},
		{"url list", "HOSTS=redis://:§@a:1,redis://b:2", "connection-string"},
		{"url with slash", "amqp://x:a/§@mq", "connection-string"},
		{"two urls", "postgres://a:§@db/x mysql://b:§@db/y", "connection-string connection-string"},
		{"query", "jdbc:mysql://db/x?user=a&password=§&ssl=true", "password"},
		{"ruby", "config[:a] = 1\nconfig['password'] = '§'\n", "password"},
		{"php", "$cfg['password'] = '§';\n", "password"},
		{"go", "password := \"§\"\n", "password"},
		{"code", "password = os.environ['PW']\npassword = getpass()\ntoken = req.headers.token\nif password == \"x\":\nconnect(user=user, password=password)\n", ""},
		{"sed", `sed -e 's/password=.*/password=[hidden]/g' x`, ""},
		{"echo", `echo "PASSWORD=" > /file`, ""},
		{"lock file", `"registry-auth-token": "^4.0.0", "pgpass": "1.0.2", "integrity": "sha512-` + g.from(base64std, 86) + `=="`, ""},
		{"digest", "image: x@sha256:" + g.from(lowerHex, 64) + "\nuses: actions/checkout@" + g.from(lowerHex, 40) + "\n", ""},
		{"telegram", "url: https://api.telegram.org/bot" + g.from(digits, 9) + ":AA" + g.from(alnum, 33) + "/sendMessage", "telegram-token"},
		{"terraform", "token: " + g.from(alnum, 14) + ".atlasv1." + g.from(alnum, 67), "terraform-token"},
		{"azure application", "x: " + g.from(alnum, 3) + "8Q~" + g.from(alnum, 34), "azure-client-secret"},
		{"find", `find . -name 'mysql' -printf x`, ""},
		{"interface texts", `{"input.password": "Password", "auth.failed.password": "Wrong", "label.password": "Kennwort"}`, ""},
		{"comment behind", "url:  # mongodb://user:password@db/x or password=x\n", ""},
		{"python", "{'password': redis_password, \"token\": token}", ""},
		{"sentence", "- test: password: abcd\n", ""},
		{"option names", "{'SECRET_KEY': 'system.secret-key'}", ""},
		{"sealed json", `{"kind": "SealedSecret", "secret": "Ag` + g.from(base64std, 600) + `"}`, ""},
		{"concatenation", `run("mysql -p'" + pw + "' db")`, ""},
		{"broken", "password=\"\n\xff\xfe: \\", ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.NewReplacer("§", pw, "¤", tok).Replace(tt.text)
			found := Find(text)
			checkMatches(t, text, found)
			kinds, secrets := []string{}, 0
			for _, m := range found {
				kinds = append(kinds, m.Kind)
				if got := text[m.Start:m.End]; got == pw || got == tok || got == "a/"+pw {
					secrets++
				}
			}
			if got := strings.Join(kinds, " "); got != tt.want {
				t.Errorf("found %q, want %q in\n%s", got, tt.want, text)
			}
			if want := strings.Count(tt.text, "§") + strings.Count(tt.text, "¤"); secrets != want {
				t.Errorf("%d secrets with exact offsets, want %d: %v in\n%s", secrets, want, found, text)
			}
		})
	}
}

// checkMatches verifies what Find promises about its result.
func checkMatches(t *testing.T, text string, found []Match) {
	t.Helper()
	end := 0
	for _, m := range found {
		if m.Kind == "" || m.Start < end || m.End <= m.Start || m.End > len(text) {
			t.Fatalf("matches %v of %q", found, text)
		}
		end = m.End
	}
}

// A key is found with its lines, from any file that holds it.
func TestFindPrivateKey(t *testing.T) {
	g := newGenerator(5)
	body, block := g.pem("EC PRIVATE" + " KEY")
	for _, text := range []string{block, "key: |\n  " + strings.ReplaceAll(block, "\n", "\n  "), "echo '" + block + "' > key", block[:150]} {
		found := Find(text)
		if len(found) != 1 || found[0].Kind != "private-key" {
			t.Fatalf("found %v in\n%s", found, text)
		}
		got := text[found[0].Start:found[0].End]
		if !strings.HasPrefix(got, body[:64]) || strings.Contains(got, "-----") || got != strings.TrimSpace(got) {
			t.Errorf("secret part %q", got)
		}
	}
	escaped := `{"key": "` + strings.ReplaceAll(block, "\n", `\n`) + `"}`
	if found := Find(escaped); len(found) != 1 || escaped[found[0].Start:found[0].End] != strings.ReplaceAll(body, "\n", `\n`) {
		t.Errorf("found %v in\n%s", found, escaped)
	}
}

// What lies behind the first MiB is not read.
func TestFindBound(t *testing.T) {
	line := "DB_PASSWORD=" + "Sommer2024\n"
	text := line + strings.Repeat("x ", maxText/2) + line
	if found := Find(text); len(found) != 1 || found[0].Start != len("DB_PASSWORD=") {
		t.Errorf("found %v", found)
	}
	if Classify("DB_PASSWORD", strings.Repeat("y ", maxText)) != "" {
		t.Error("a text of 2 MiB passes for a password")
	}
}

// Random values are told from names, dates and numbers.
func TestRandom(t *testing.T) {
	g := newGenerator(6)
	for set, alphabet := range map[string]*alphabet{"base62": alnum, "hex": lowerHex, "base36": lower36, "base64": base64std} {
		for _, n := range []int{20, 32, 64} {
			missed := 0
			for range 1000 {
				if !random(g.from(alphabet, n)) {
					missed++
				}
			}
			if missed > 80 {
				t.Errorf("%d of 1000 %s values of %d characters are not taken for random", missed, set, n)
			}
		}
	}
	for _, v := range []string{
		"", "short", "my-service-token-for-staging", "kubernetes.io/service-account-token",
		"2024-01-31T12:34:56.789012Z", "3101.63818359375", "1234567890123456789", "0123456789abcdef0123456789abcdef",
		"aaaaaaaaaaaaaaaaaaaaaaaa", "registry.k8s.io/kube-state-metrics", "io.prometheus.jmx.shaded", "user@host.example.com",
		"CamelCaseNamesForEverything", "SCREAMING_SNAKE_CASE_NAME", "/var/lib/postgresql/data", "x86_64-unknown-linux-gnu",
	} {
		if random(v) {
			t.Errorf("%q is taken for random", v)
		}
	}
}

func TestRedact(t *testing.T) {
	g := newGenerator(7)
	pw, tok := "Sommer"+"2024", g.token()
	_, block := g.pem("RSA PRIVATE" + " KEY")
	tests := []struct{ text, want string }{
		{"DB_PASSWORD=§", "DB_PASSWORD=********"},
		{"DB_PASSWORD: §", "DB_PASSWORD: ********"},
		{`"dbPassword": "§",`, `"dbPassword": "********",`},
		{"mysql --password § -h db", "mysql --password ******** -h db"},
		{"mysql --password=§ -h db", "mysql --password=******** -h db"},
		{"postgres://shop:§@db:5432/shop", "postgres://shop:********@db:5432/shop"},
		{"a: 1\npassword: §\nb: 2\n", "a: 1\npassword: ********\nb: 2\n"},
		{"a: 1\r\npassword: §\r\nb: 2\r\n", "a: 1\r\npassword: ********\r\nb: 2\r\n"},
		{"password: §§§§", "password: ********"},
		{"password: correct horse battery\n", "password: ********\n"},
		{"  - DB_PASSWORD=correct horse\n", "  - DB_PASSWORD=********\n"},
		{"# password: §", "# password: ********"},
		{"- name: DB_PASSWORD\n  value: §\n", "- name: DB_PASSWORD\n  value: ********\n"},
		{"  value: §\n", "  value: ********\n"},
		{"- name: MODE\n  value: §\n", "- name: MODE\n  value: §\n"},
		{"API_TOKEN=¤\necho ¤\n", "API_TOKEN=********\necho ********\n"},
		{"user: postgres\npassword: postgres\n", "user: postgres\npassword: ********\n"},
		{"key: |\n  " + strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n  ") + "\nx: y\n", "key: |\n  -----BEGIN RSA PRIVATE" + " KEY-----\n  ********\n  ********\n  ********\n  -----END RSA PRIVATE" + " KEY-----\nx: y\n"},
		{strings.Split(block, "\n")[1] + "\n", "********\n"},
		{"image: nginx:1.27\nports: [\"80:80\"]\n", "image: nginx:1.27\nports: [\"80:80\"]\n"},
		{"password: ${DB_PASSWORD}", "password: ${DB_PASSWORD}"},
		{"password: {{ .Values.password }}", "password: {{ .Values.password }}"},
		{"", ""},
	}
	for _, tt := range tests {
		r := strings.NewReplacer("§", pw, "¤", tok)
		text, want := r.Replace(tt.text), r.Replace(tt.want)
		if got := Redact(text); got != want {
			t.Errorf("Redact(%q)\n got %q\nwant %q", text, got, want)
		}
	}
}

// However secrets and ordinary lines are mixed, none of the secrets survives,
// and each line stays where it was.
func TestRedactLeavesNothing(t *testing.T) {
	g := newGenerator(8)
	forms := []string{
		"DB_PASSWORD=%s\n", "export API_TOKEN='%s'\n", "password: %s\n", "  \"clientSecret\": \"%s\",\n",
		"- name: SECRET_KEY\n  value: %s\n", "server --token %s --verbose\n", "[\"--api-key\", \"%s\"]\n",
		"postgres://shop:%s@db/shop\n", "Server=db;Password=%s;Encrypt=true\n", "Authorization: Bearer %s\n",
		"<password>%s</password>\n", "curl -u robot:%s https://repo\n", "echo root:%s | chpasswd\n",
		"# token: %s\n", "args: --password=%s # note\n", "note = \"password=%s\"\n",
	}
	for range 300 {
		var text strings.Builder
		var secrets []string
		for range 1 + g.IntN(12) {
			if g.IntN(2) == 0 {
				text.WriteString(manifest[:g.IntN(len(manifest))] + "\n")
			}
			secret := g.from(alnum, 24+g.IntN(20))
			secrets = append(secrets, secret)
			fmt.Fprintf(&text, forms[g.IntN(len(forms))], secret)
		}
		got := Redact(text.String())
		if strings.Count(got, "\n") != strings.Count(text.String(), "\n") {
			t.Fatalf("lines moved:\n%s\n%s", text.String(), got)
		}
		if i := slices.IndexFunc(secrets, func(s string) bool { return strings.Contains(got, s) }); i >= 0 {
			t.Fatalf("%q survives in\n%s", secrets[i], got)
		}
	}
}

// Long texts are redacted to their end.
func TestRedactLong(t *testing.T) {
	line := "password: " + "Sommer2024\n"
	text := strings.Repeat(line, 2*maxText/len(line))
	if got := Redact(text); strings.Contains(got, "Sommer") || strings.Count(got, "\n") != strings.Count(text, "\n") {
		t.Error("a password survives")
	}
}

func FuzzFind(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		found := Find(text)
		checkMatches(t, text, found)
		if again := Find(text); !slices.Equal(found, again) {
			t.Fatalf("first %v, then %v", found, again)
		}
		name, value, _ := strings.Cut(text, "=")
		Classify(name, value)
	})
}

func FuzzRedact(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		got := Redact(text)
		if strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Fatalf("lines moved:\n%q\n%q", text, got)
		}
		for i, m := range Find(text) {
			secret := text[m.Start:m.End]
			if i < maxRepeated && random(secret) && strings.Contains(got, secret) {
				t.Fatalf("%q survives in %q", secret, got)
			}
		}
	})
}

func seed(f *testing.F) {
	g := newGenerator(9)
	_, block := g.pem("RSA PRIVATE" + " KEY")
	for _, s := range []string{
		manifest, block, "password=x", "--password x", `{"name":"DB_PASSWORD","value":"x"}`, "- name: A_TOKEN\n  value: " + g.token(),
		"postgres://a:b@c/d", "a:b@tcp(c)/d", "echo a:b | chpasswd", "ENV DB_PASSWORD x", "curl -u a:b c", "mysql -pa", "password: |\n  x",
		"eyJ" + g.token() + ".eyJ" + g.token() + "." + g.token(), "Bearer " + g.token(), "LS0tLS1CRUdJTi" + g.token(), "<password>a</password>",
		"aaa8Q~" + g.token(), "123456789:AA" + g.token(), "Server=a;Password=b;c=d", "{{ password=a", "password=\xff\x00\"", "glsa_" + g.token() + "_12345678",
	} {
		f.Add(s)
	}
}
