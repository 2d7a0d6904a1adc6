package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// sample is a text in a realistic file. In the text each planted secret stands
// between « and », which are not written.
type sample struct {
	// kind is what is planted, "" for look-alikes, of which none must be reported.
	kind string
	path string
	text string
}

// label is where a secret was planted: lines of a file.
type label struct {
	kind, path  string
	first, last int
}

// draw makes random characters. Nothing in the repository looks like a secret;
// all of them are made when the corpus is.
type draw struct{ *rand.Rand }

const (
	digits    = "0123456789"
	lowerHex  = "0123456789abcdef"
	lower     = "abcdefghijklmnopqrstuvwxyz"
	upper     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base62    = digits + upper + lower
	base64std = base62 + "+/"
	base64url = base62 + "-_"
)

func (d draw) from(set string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = set[d.IntN(len(set))]
	}
	// Punctuation at the ends is a question of its own.
	for _, i := range []int{0, n - 1} {
		if strings.IndexByte(base62, b[i]) < 0 {
			b[i] = 'k'
		}
	}
	return string(b)
}

func (d draw) hex(n int) string   { return d.from(lowerHex, n) }
func (d draw) alnum(n int) string { return d.from(base62, n) }

func (d draw) uuid() string {
	return d.hex(8) + "-" + d.hex(4) + "-4" + d.hex(3) + "-9" + d.hex(3) + "-" + d.hex(12)
}

// checksummed is the body of a token of GitHub and npm.
func (d draw) checksummed() string {
	body := d.alnum(30)
	sum := crc32.ChecksumIEEE([]byte(body))
	tail := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		tail[i] = base62[sum%62]
		sum /= 62
	}
	return body + string(tail)
}

func (d draw) grafana() string {
	secret := d.alnum(32)
	sum := crc32.ChecksumIEEE([]byte("glsa_" + secret))
	return "glsa_" + secret + "_" + hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, sum))
}

func (d draw) jwt(payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc([]byte(payload)) + "." + d.from(base64url, 86)
}

func (d draw) pem(label string, lines int) string {
	var b strings.Builder
	b.WriteString("-----BEGIN " + label + "-----\n")
	for range lines {
		b.WriteString(d.from(base64std, 64) + "\n")
	}
	b.WriteString(d.from(base64std, 22) + "==\n-----END " + label + "-----\n")
	return b.String()
}

func (d draw) openssh(cipher string) string {
	raw := "openssh-key-v1\x00\x00\x00\x00" + string([]byte{byte(len(cipher))}) + cipher + d.alnum(240)
	body := base64.StdEncoding.EncodeToString([]byte(raw))
	var b strings.Builder
	b.WriteString("-----BEGIN OPENSSH PRIVATE" + " KEY-----\n")
	for len(body) > 70 {
		b.WriteString(body[:70] + "\n")
		body = body[70:]
	}
	return b.String() + body + "\n-----END OPENSSH PRIVATE" + " KEY-----\n"
}

func (d draw) macaroon() string {
	packet := func(field byte, data string) string { return string([]byte{field, byte(len(data))}) + data }
	raw := "\x02" + packet(1, "pypi.org") + packet(2, d.uuid()) + "\x00" + packet(2, `{"permissions": "user", "version": 1}`) + "\x00\x00" + packet(6, d.alnum(32))
	return "pypi-" + base64.RawURLEncoding.EncodeToString([]byte(raw))
}

// password is one that a careful person chooses.
func (d draw) password() string {
	words := []string{"Harbor", "velvet", "Copper", "lantern", "Drift", "meadow"}
	return words[d.IntN(len(words))] + d.from(digits, 2) + string("!#%+"[d.IntN(4)]) + d.from(lower, 3) + d.from(upper, 2)
}

// planted are samples with secrets.
func planted(d draw) []sample {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	indent := func(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ") }
	return []sample{
		// Clouds
		{"aws", "app/.aws/credentials", "[default]\naws_access_key_id = «AKIA" + d.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16) + "»\naws_secret_access_key = «" + d.from(base64std, 40) + "»\nregion = eu-west-1\n"},
		{"aws-env", "srv/shop/.env.production", "NODE_ENV=production\nAWS_ACCESS_KEY_ID=«AKIA" + d.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16) + "»\nAWS_SECRET_ACCESS_KEY=«" + d.from(base64std, 40) + "»\nPORT=8080\n"},
		{"aws-session", "home/ci/session.sh", "export AWS_ACCESS_KEY_ID=«ASIA" + d.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16) + "»\nexport AWS_SESSION_TOKEN=«IQoJb3JpZ2luX2VjE" + d.from(base64std, 280) + "»\n"},
		{"aws-terraform", "infra/provider.tf", "provider \"aws\" {\n  region     = \"eu-west-1\"\n  access_key = \"«AKIA" + d.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16) + "»\"\n  secret_key = \"«" + d.from(base64std, 40) + "»\"\n}\n"},
		{"gcp-service-account", "srv/keys/shop-1a2b3c.json", "{\n  \"type\": \"service_account\",\n  \"project_id\": \"shop\",\n  \"private_key_id\": \"" + d.hex(40) + "\",\n  \"private_key\": \"«" + strings.ReplaceAll(d.pem("PRIVATE"+" KEY", 24), "\n", `\n`) + "»\",\n  \"client_email\": \"shop@shop.iam.gserviceaccount.com\"\n}\n"},
		{"google-api-key", "web/src/config.js", "export const config = {\n  mapsKey: '«AIza" + d.from(base64url, 35) + "»',\n  zoom: 7,\n}\n"},
		{"google-oauth-secret", "srv/client.json", `{"web":{"client_id":"12-x.apps.googleusercontent.com","client_secret":"«GOCSPX-` + d.from(base64url, 28) + `»"}}` + "\n"},
		{"azure-storage", "srv/appsettings.json", "{\n  \"Storage\": \"DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=«" + d.from(base64std, 86) + "==»;EndpointSuffix=core.windows.net\"\n}\n"},
		{"azure-client-secret", "srv/auth.yaml", "tenant: " + d.uuid() + "\nclient_secret: «" + d.alnum(3) + "8Q~" + d.alnum(34) + "»\n"},
		{"azure-sas", "srv/sync.sh", "azcopy sync \"https://shop.blob.core.windows.net/b?sv=2022-11-02&sp=rwl&sig=«" + d.alnum(43) + "%3D»\" /data\n"},
		{"azure-service-bus", "srv/bus.properties", "bus.connection=Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=«" + d.from(base64std, 43) + "=»\n"},
		{"digitalocean", "infra/do.auto.tfvars", "do_token = \"«dop_v1_" + d.hex(64) + "»\"\nregion = \"fra1\"\n"},
		{"alibaba", "srv/oss.yaml", "oss:\n  accessKeyId: «LTAI5t" + d.alnum(18) + "»\n  accessKeySecret: «" + d.alnum(30) + "»\n"},
		{"cloudflare", "infra/dns.env", "CLOUDFLARE_API_TOKEN=«" + d.alnum(40) + "»\n"},
		{"heroku", "ci/deploy.sh", "#!/bin/sh\nexport HEROKU_API_KEY=«" + d.uuid() + "»\nheroku container:push web\n"},
		// Code hosting and registries
		{"github-pat", "ci/release.sh", "#!/bin/sh\nset -eu\nTOKEN=«ghp_" + d.checksummed() + "»\ncurl -H \"Authorization: token $TOKEN\" https://api.github.com/user\n"},
		{"github-oauth", "srv/oauth.py", "import os\n\nGITHUB = \"«gho_" + d.checksummed() + "»\"\n"},
		{"github-app", "srv/app.yml", "github:\n  installation: «ghs_" + d.checksummed() + "»\n"},
		{"github-fine-grained", "docs/setup.md", "# Setup\n\nClone with\n\n    git clone https://x:«github_pat_" + d.alnum(22) + "_" + d.alnum(59) + "»@github.com/shop/cart.git\n"},
		{"gitlab-pat", ".gitlab-ci.yml", "deploy:\n  script:\n    - curl -H \"PRIVATE-TOKEN: «glpat-" + d.alnum(20) + "»\" https://gitlab.shop/api/v4/projects\n"},
		{"gitlab-runner", "etc/gitlab-runner/config.toml", "[[runners]]\n  name = \"shop\"\n  token = \"«glrt-" + d.alnum(20) + "»\"\n"},
		{"npm", "web/.npmrc", "registry=https://registry.npmjs.org/\n//registry.npmjs.org/:_authToken=«npm_" + d.checksummed() + "»\n"},
		{"npm-legacy", "home/node/.npmrc", "//npm.shop.internal/:_authToken=«" + d.uuid() + "»\nalways-auth=true\n"},
		{"npm-auth", "root/.npmrc", "//npm.shop.internal/:_auth=«" + b64("robot:"+d.password()) + "»\n"},
		{"pypi", "home/py/.pypirc", "[pypi]\nusername = __token__\npassword = «" + d.macaroon() + "»\n"},
		{"rubygems", "home/rb/.gem/credentials", ":rubygems_api_key: «rubygems_" + d.hex(48) + "»\n"},
		{"crates", "home/rs/.cargo/credentials.toml", "[registry]\ntoken = \"«cio" + d.alnum(32) + "»\"\n"},
		{"docker-hub", "ci/push.sh", "echo «dckr_pat_" + d.from(base64url, 27) + "» | docker login -u shop --password-stdin\n"},
		{"docker-config", "root/.docker/config.json", "{\n  \"auths\": {\n    \"registry.shop.internal\": {\n      \"auth\": \"«" + b64("robot:"+d.password()) + "»\"\n    }\n  }\n}\n"},
		{"nuget", "ci/push.cmd", "dotnet nuget push x.nupkg --api-key «oy2" + d.from("0123456789abcdefghijklmnopqrstuvwxyz", 43) + "» --source nuget.org\n"},
		// Chat, mail, payment
		{"slack-bot", "srv/notify.rb", "Slack.configure do |c|\n  c.token = '«xoxb-" + d.from(digits, 12) + "-" + d.from(digits, 13) + "-" + d.alnum(24) + "»'\nend\n"},
		{"slack-webhook", "srv/alertmanager.yml", "receivers:\n  - name: ops\n    slack_configs:\n      - api_url: «https://hooks.slack.com/services/T" + d.from(digits+upper, 8) + "/B" + d.from(digits+upper, 10) + "/" + d.alnum(24) + "»\n"},
		{"discord-webhook", "srv/bot.ts", "const hook = \"«https://discord.com/api/webhooks/1" + d.from(digits, 17) + "/" + d.from(base64url, 68) + "»\";\n"},
		{"telegram", "srv/bot.py", "BOT = \"«" + "5" + d.from(digits, 9) + ":AA" + d.from(base64url, 33) + "»\"\n"},
		{"stripe", "srv/pay.go", "package pay\n\nconst key = \"«sk_live_" + d.alnum(99) + "»\"\n"},
		{"stripe-webhook", "srv/stripe.env", "STRIPE_WEBHOOK_SECRET=«whsec_" + d.alnum(32) + "»\n"},
		{"sendgrid", "srv/mail.php", "<?php\n$key = '«SG." + d.from(base64url, 22) + "." + d.from(base64url, 43) + "»';\n"},
		{"twilio", "srv/sms.env", "TWILIO_ACCOUNT_SID=AC" + d.hex(32) + "\nTWILIO_AUTH_TOKEN=«" + d.hex(32) + "»\n"},
		{"mailgun", "srv/mail.ini", "[mailgun]\napi_key = «key-" + d.hex(32) + "»\n"},
		{"shopify", "srv/shop.py", "SHOPIFY = {'token': '«shpat_" + d.hex(32) + "»'}\n"},
		{"square", "srv/square.rb", "Square.token = \"«sq0csp-" + d.from(base64url, 43) + "»\"\n"},
		// Models, watching, infrastructure
		{"openai", "srv/llm.py", "client = OpenAI(api_key=\"«sk-proj-" + d.alnum(74) + "T3BlbkFJ" + d.alnum(74) + "»\")\n"},
		{"anthropic", "srv/llm.env", "ANTHROPIC_API_KEY=«sk-ant-api03-" + d.from(base64url, 93) + "AA»\n"},
		{"huggingface", "srv/model.sh", "huggingface-cli login --token «hf_" + d.from(lower+upper, 34) + "»\n"},
		{"grafana", "srv/grafana.yaml", "grafana:\n  token: «" + d.grafana() + "»\n"},
		{"datadog", "etc/datadog-agent/datadog.yaml", "site: datadoghq.eu\napi_key: «" + d.hex(32) + "»\n"},
		{"newrelic", "srv/newrelic.yml", "common:\n  user_key: «NRAK-" + d.from(digits+upper, 27) + "»\n"},
		{"sentry", "ci/sentry.properties", "auth.token=«sntryu_" + d.hex(64) + "»\n"},
		{"vault", "home/ops/.vault-token", "«hvs." + d.from(base64url, 90) + "»"},
		{"terraform-cloud", "home/ops/.terraform.d/credentials.tfrc.json", "{\"credentials\":{\"app.terraform.io\":{\"token\":\"«" + d.alnum(14) + ".atlasv1." + d.from(base64url, 67) + "»\"}}}\n"},
		{"terraform-state", "infra/terraform.tfstate", "{\n  \"version\": 4,\n  \"resources\": [{\"type\": \"aws_db_instance\", \"instances\": [{\"attributes\": {\n    \"address\": \"db.shop.internal\",\n    \"password\": \"«" + d.password() + "»\"\n  }}]}]\n}\n"},
		{"pulumi", "ci/pulumi.yaml", "env:\n  PULUMI_ACCESS_TOKEN: «pul-" + d.hex(40) + "»\n"},
		{"doppler", "ci/doppler.env", "DOPPLER_TOKEN=«dp.pt." + d.alnum(43) + "»\n"},
		{"tailscale", "etc/tailscale.sh", "tailscale up --authkey=«tskey-auth-" + d.alnum(12) + "CNTRL-" + d.alnum(32) + "»\n"},
		{"databricks", "home/data/.databrickscfg", "[DEFAULT]\nhost = https://x.cloud.databricks.com\ntoken = «dapi" + d.hex(32) + "»\n"},
		{"age", "home/ops/keys.txt", "# created: 2026-01-02T03:04:05Z\n# public key: age1" + d.from("023456789acdefghjklmnpqrstuvwxyz", 58) + "\n«" + d.age() + "»\n"},
		{"wireguard", "etc/wireguard/wg0.conf", "[Interface]\nAddress = 10.0.0.2/24\nPrivateKey = «" + d.from(base64std, 42) + "o=»\n\n[Peer]\nPublicKey = " + d.from(base64std, 42) + "o=\nAllowedIPs = 0.0.0.0/0\n"},
		// Keys
		{"private-key", "etc/ssl/private/shop.key", "«" + d.pem("PRIVATE"+" KEY", 25) + "»"},
		{"private-key-rsa", "srv/tls/server.pem", d.pem("CERTIFICATE", 12) + "«" + d.pem("RSA PRIVATE"+" KEY", 25) + "»"},
		{"private-key-in-yaml", "srv/tls.yaml", "tls:\n  key: |\n    «" + indent(d.pem("EC PRIVATE"+" KEY", 3)) + "»\n"},
		{"private-key-encrypted", "srv/tls/ca.key", "«" + d.pem("ENCRYPTED PRIVATE"+" KEY", 25) + "»"},
		{"ssh-key", "root/.ssh/id_ed25519", "«" + d.openssh("none") + "»"},
		{"ssh-key-encrypted", "root/.ssh/id_rsa", "«" + d.openssh("aes256-ctr") + "»"},
		{"pgp-key", "root/signing.asc", "«-----BEGIN PGP PRIVATE" + " KEY BLOCK-----\n\n" + strings.Join(strings.Split(d.pem("X", 30), "\n")[1:31], "\n") + "\n-----END PGP PRIVATE" + " KEY BLOCK-----»\n"},
		{"putty-key", "home/ops/jump.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: jump\nPublic-Lines: 2\n" + d.from(base64std, 64) + "\n" + d.from(base64std, 20) + "\n«Private-Lines: 1\n" + d.from(base64std, 48) + "»\nPrivate-MAC: " + d.hex(64) + "\n"},
		{"kubeconfig", "root/.kube/config", "apiVersion: v1\nkind: Config\nusers:\n  - name: admin\n    user:\n      client-certificate-data: " + b64(d.pem("CERTIFICATE", 12)) + "\n      client-key-data: «" + b64(d.pem("RSA PRIVATE"+" KEY", 25)) + "»\n"},
		{"service-account-token", "run/token.txt", "«" + d.jwt(`{"iss":"https://kubernetes.default.svc","kubernetes.io":{"namespace":"shop"},"sub":"system:serviceaccount:shop:cart"}`) + "»"},
		{"jwt", "srv/client.yaml", "api:\n  url: https://api.shop.internal\n  jwt: «" + d.jwt(`{"sub":"cart","exp":1999999999}`) + "»\n"},
		// Connections and passwords
		{"postgres-url", "srv/docker.env", "DATABASE_URL=postgres://shop:«" + d.alnum(16) + "»@db.shop.internal:5432/shop\n"},
		{"mongodb-url", "srv/db.js", "mongoose.connect('mongodb+srv://shop:«" + d.alnum(14) + "»@cluster0.x1y2z.mongodb.net/shop')\n"},
		{"redis-url", "srv/cache.yml", "cache:\n  url: redis://:«" + d.alnum(20) + "»@redis:6379/0\n"},
		{"sqlalchemy", "srv/db.py", "engine = create_engine(\"mysql+pymysql://shop:«" + d.alnum(15) + "»@db/shop\")\n"},
		{"ado-net", "srv/web.config", "<configuration>\n  <connectionStrings>\n    <add name=\"Shop\" connectionString=\"Server=db;Database=shop;User Id=sa;Password=«" + d.password() + "»;Encrypt=false\" />\n  </connectionStrings>\n</configuration>\n"},
		{"jdbc", "srv/application.properties", "spring.datasource.url=jdbc:mysql://db/shop?user=shop&password=«" + d.alnum(14) + "»\nspring.datasource.username=shop\n"},
		{"spring-password", "srv/application-prod.yml", "spring:\n  datasource:\n    username: shop\n    password: «" + d.password() + "»\n"},
		{"git-credentials", "root/.git-credentials", "https://robot:«" + d.alnum(24) + "»@git.shop.internal\n"},
		{"netrc", "root/.netrc", "machine git.shop.internal\nlogin robot\npassword «" + d.alnum(18) + "»\n"},
		{"pgpass", "root/.pgpass", "db.shop.internal:5432:shop:shop:«" + d.alnum(16) + "»\n"},
		{"maven", "root/.m2/settings.xml", "<settings><servers><server>\n  <id>nexus</id><username>robot</username>\n  <password>«" + d.password() + "»</password>\n</server></servers></settings>\n"},
		{"ini", "etc/shop/shop.ini", "[smtp]\nhost = mail\npassword = «" + d.password() + "»\n"},
		{"json-token", "srv/settings.json", "{\n  \"endpoint\": \"https://api.shop.internal\",\n  \"apiToken\": \"«" + d.alnum(40) + "»\"\n}\n"},
		{"django", "srv/settings.py", "DEBUG = False\nSECRET_KEY = '«" + d.alnum(50) + "»'\n"},
		{"rails", "srv/config/secrets.yml", "production:\n  secret_key_base: «" + d.hex(128) + "»\n"},
		{"jwt-secret", "srv/auth.env", "JWT_SECRET=«" + d.alnum(48) + "»\n"},
		{"bearer", "ci/call.sh", "curl -H 'Authorization: Bearer «" + d.alnum(44) + "»' https://api.shop.internal/v1/orders\n"},
		{"curl-user", "ci/fetch.sh", "curl -fsS -u robot:«" + d.alnum(20) + "» https://nexus.shop.internal/x.tgz -o x.tgz\n"},
		{"shadow", "etc/shadow", "daemon:*:19000:0:99999:7:::\nroot:«$6$" + d.alnum(16) + "$" + d.from(base62+"./", 86) + "»:19000:0:99999:7:::\n"},
		{"k8s-pair", "deploy/cart.yaml", "env:\n  - name: PAYMENT_API_KEY\n    value: «" + d.alnum(36) + "»\n  - name: MODE\n    value: production\n"},
	}
}

// age draws a key whose Bech32 checksum is right, by trying.
func (d draw) age() string {
	const digits32 = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
	var values []uint32
	const prefix = "age-secret-key-"
	for i := range len(prefix) {
		values = append(values, uint32(prefix[i]>>5))
	}
	values = append(values, 0)
	for i := range len(prefix) {
		values = append(values, uint32(prefix[i]&31))
	}
	text := "AGE-SECRET-KEY-1"
	for range 52 {
		v := d.IntN(32)
		values, text = append(values, uint32(v)), text+digits32[v:v+1]
	}
	sum := uint32(1)
	for _, v := range append(values, 0, 0, 0, 0, 0, 0) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ v
		for i, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			sum ^= g * (top >> i & 1)
		}
	}
	sum ^= 1
	for i := range 6 {
		v := sum >> (5 * (5 - i)) & 31
		text += digits32[v : v+1]
	}
	return text
}

// lookAlikes are samples without a secret.
func lookAlikes(d draw) []sample {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	texts := []struct{ path, text string }{
		// Placeholders and references
		{"srv/.env.dist", "DB_PASSWORD=\nAPI_KEY=your-api-key-here\nSECRET_KEY=<generate me>\nTOKEN=xxxxxxxxxxxxxxxxxxxx\n"},
		{"srv/compose.yaml", "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: ${DB_PASSWORD:?set it}\n      API_TOKEN: $API_TOKEN\n"},
		{"chart/templates/secret.yaml", "stringData:\n  password: {{ .Values.db.password | quote }}\n  token: {{ required \"token\" .Values.token }}\n"},
		{"srv/secretref.yaml", "env:\n  - name: DB_PASSWORD\n    valueFrom:\n      secretKeyRef:\n        name: shop-db-credentials\n        key: password\n"},
		{"srv/vault.yaml", "password: vault:secret/data/shop#password\ntoken: ref+awssecrets://shop/token\napi_key: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf\n"},
		{"srv/passwd-file.yaml", "db:\n  password_file: /run/secrets/db-password\n  token_path: /var/run/secrets/kubernetes.io/serviceaccount/token\n"},
		{".github/workflows/ci.yml", "jobs:\n  x:\n    steps:\n      - uses: actions/checkout@" + d.hex(40) + "\n        with:\n          token: ${{ secrets.GITHUB_TOKEN }}\n"},
		{"infra/main.tf", "resource \"aws_db_instance\" \"db\" {\n  password = var.db_password\n  username = local.user\n}\nvariable \"db_password\" {\n  sensitive = true\n}\n"},
		{"ansible/vars.yml", "db_password: \"{{ vault_db_password }}\"\napi_token: \"{{ lookup('env', 'API_TOKEN') }}\"\n"},
		{"srv/env.py", "import os\npassword = os.environ['DB_PASSWORD']\ntoken = config.get('token')\nsecret_key = get_secret(\"shop/prod/secret_key\")\n"},
		{"srv/Login.java", "class Login {\n  String password = request.getParameter(\"password\");\n  private static final String TOKEN_HEADER = \"X-Shop-Auth-Token\";\n  String secretKey = System.getenv(\"SHOP_SECRET_KEY\");\n}\n"},
		{"srv/login.js", "const password = document.querySelector('#password').value\nconst apiKey = process.env.API_KEY\nconst tokenUrl = 'https://auth.shop.internal/oauth2/token'\n"},
		{"srv/keys.go", "package keys\n\nconst (\n\tPasswordKey = \"database.password\"\n\tTokenKey    = \"session.token.v2\"\n\tAPIKeyHeader = \"X-Api-Key\"\n)\n"},
		// Samples of documentation
		{"docs/aws.md", "    aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n    aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"},
		{"srv/aws-sample.ini", "[profile x]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"},
		{"docs/github.rst", "Set ``GITHUB_TOKEN`` to something like ``ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx``.\n"},
		{"docs/slack.md", "POST https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX\nxoxb-your-token-here\n"},
		{"docs/urls.md", "postgres://user:password@localhost:5432/db\nhttps://user:pass@example.com/\nmongodb://<username>:<password>@cluster0.mongodb.net\n"},
		{"srv/url-sample.py", "# e.g. postgres://user:password@localhost/db or redis://:password@redis:6379\nURL = \"postgres://{user}:{password}@{host}/{db}\".format(**settings)\n"},
		{"docs/rfc6749.txt", "     Authorization: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW\n     {\"access_token\":\"2YotnFZFEjr1zCsicMWpAA\",\"refresh_token\":\"tGzv3JOkF0XG5Qx2TlKWIA\"}\n"},
		{"srv/jwt-sample.go", "package x\n\n// eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c\n"},
		{"docs/pem.md", "    -----BEGIN RSA PRIVATE" + " KEY-----\n    ...\n    -----END RSA PRIVATE" + " KEY-----\n"},
		{"srv/pem.py", "HEADER = '-----BEGIN PRIVATE" + " KEY-----'\nFOOTER = '-----END PRIVATE" + " KEY-----'\n"},
		// Public material
		{"etc/ssl/shop.crt", d.pem("CERTIFICATE", 20)},
		{"etc/ssl/shop.pub", d.pem("PUBLIC"+" KEY", 6)},
		{"root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" + d.from(base64std, 44) + " ops@shop\nssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + d.from(base64std, 500) + " ci@shop\n"},
		{"root/.ssh/known_hosts", "|1|" + b64(d.alnum(20)) + "|" + b64(d.alnum(20)) + " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" + d.from(base64std, 44) + "\n"},
		{"root/pub.asc", strings.ReplaceAll(d.pem("PGP PUBLIC"+" KEY BLOCK", 20), "PRIVATE", "PUBLIC")},
		{"srv/kube-ca.yaml", "clusters:\n  - cluster:\n      certificate-authority-data: " + b64(d.pem("CERTIFICATE", 15)) + "\n"},
		{"srv/age.txt", "recipient: age1" + d.from("023456789acdefghjklmnpqrstuvwxyz", 58) + "\n"},
		{"srv/wg-peer.conf", "[Peer]\nPublicKey = " + d.from(base64std, 42) + "o=\n"},
		{"srv/stripe.js", "const stripe = Stripe('pk_live_" + d.alnum(99) + "')\n"},
		{"srv/sentry.js", "Sentry.init({ dsn: 'https://" + d.hex(32) + "@o12345.ingest.sentry.io/67890' })\n"},
		{"srv/recaptcha.html", "<div class=\"g-recaptcha\" data-sitekey=\"6L" + d.alnum(38) + "\"></div>\n"},
		{"srv/publishable.yaml", "publishableKey: " + d.alnum(32) + "\npublic_key: " + d.alnum(44) + "\n"},
		// Hashes and ids
		{"web/package-lock.json", "{\n  \"packages\": {\n    \"node_modules/token-types\": {\n      \"resolved\": \"https://registry.npmjs.org/token-types/-/token-types-5.0.1.tgz\",\n      \"integrity\": \"sha512-" + d.from(base64std, 86) + "==\"\n    }\n  }\n}\n"},
		{"web/yarn.lock", "registry-auth-token@^4.0.0:\n  version \"4.2.1\"\n  resolved \"https://registry.yarnpkg.com/registry-auth-token/-/registry-auth-token-4.2.1.tgz#" + d.hex(40) + "\"\n  integrity sha512-" + d.from(base64std, 86) + "==\n"},
		{"srv/go.sum", "github.com/golang-jwt/jwt v3.2.2+incompatible h1:" + d.from(base64std, 43) + "=\n"},
		{"py/Pipfile.lock", "{\"default\": {\"python-secrets\": {\"hashes\": [\"sha256:" + d.hex(64) + "\", \"sha256:" + d.hex(64) + "\"]}}}\n"},
		{"py/poetry.lock", "[[package]]\nname = \"keyring\"\n[package.metadata]\ncontent-hash = \"" + d.hex(64) + "\"\n"},
		{"srv/SHA256SUMS", d.hex(64) + "  secret-tool.tar.gz\n" + d.hex(64) + "  token.tar.gz\n"},
		{"srv/image.yaml", "image: registry.shop.internal/cart@sha256:" + d.hex(64) + "\nimagePullSecrets:\n  - name: registry-shop-" + d.from(lower+digits, 10) + "\n"},
		{"srv/commit.txt", "secret-scanner at commit " + d.hex(40) + "\ntoken service: " + d.hex(40) + "\n"},
		{"srv/ids.json", "{\"id\": \"" + d.uuid() + "\", \"keyId\": \"" + d.uuid() + "\", \"tokenId\": \"" + d.hex(32) + "\", \"etag\": \"" + d.hex(32) + "\"}\n"},
		{"srv/csrf.html", "<input type=\"hidden\" name=\"csrf_param\" value=\"authenticity_token\"><input type=\"password\" name=\"password\" placeholder=\"Password\">\n"},
		{"srv/secret-meta.yaml", "kind: Secret\nmetadata:\n  name: shop-tls\n  uid: " + d.uuid() + "\n  resourceVersion: \"123456\"\n"},
		{"srv/sealed.yaml", "kind: SealedSecret\nspec:\n  encryptedData:\n    password: Ag" + d.from(base64std, 600) + "\n"},
		{"srv/sops.yaml", "password: ENC[AES256_GCM,data:" + b64(d.alnum(14)) + ",iv:" + b64(d.alnum(32)) + ",tag:" + b64(d.alnum(16)) + ",type:str]\n"},
		{"srv/dbhash.sql", "INSERT INTO users (name, password) VALUES ('ann', '$2y$10$" + d.from(base62+"./", 53) + "');\n"},
		{"srv/pbkdf2.yaml", "admin_password_hash: pbkdf2_sha256$260000$" + d.alnum(22) + "$" + d.from(base64std, 43) + "=\n"},
		{"Dockerfile", "FROM python:3.13@sha256:" + d.hex(64) + "\nENV GPG_KEY " + d.from("0123456789ABCDEF", 40) + "\nENV PYTHON_SHA256 " + d.hex(64) + "\nRUN --mount=type=secret,id=token cat /run/secrets/token\n"},
		{"debian/md5sums", d.hex(32) + "  usr/share/doc/token/secret.txt\n"},
		// Data
		{"web/dist/app.min.js", "!function(e,t){var n=\"" + d.alnum(300) + "\",token=\"" + d.alnum(32) + "\",apiKey=\"a\"+t;e.password=\"" + d.alnum(20) + "\"}(window," + strings.Repeat("\"abcDEF123\",", 300) + "0);\n"},
		{"web/logo.css", ".key-icon{background:url(data:image/png;base64," + d.from(base64std, 800) + "==)}\n"},
		{"web/logo.html", "<img alt=\"secret garden\" src=\"data:image/png;base64," + d.from(base64std, 600) + "\">\n"},
		{"web/app.js.map", "{\"version\":3,\"mappings\":\"" + d.from(base62+",;", 600) + "\"}\n"},
		{"web/locales/de.json", "{\"login\": {\"password\": \"Kennwort\", \"passwordHint\": \"Mindestens 8 Zeichen\", \"token\": \"Zugangsmarke2\"}}\n"},
		{"srv/i18n/messages_fr.properties", "login.password=Mot de passe\nlogin.password.error=Mot de passe incorrect\nauth.token=Jeton d'acc\\u00e8s\n"},
		{"share/locale/fr.po", "msgid \"password: \"\nmsgstr \"mot de passe : \"\nmsgid \"API token\"\nmsgstr \"Jeton2024API\"\n"},
		{"srv/schema.json", "{\"properties\": {\"password\": {\"type\": \"string\", \"minLength\": 8}, \"token\": {\"type\": \"string\", \"pattern\": \"^[a-z0-9]{32}$\"}}}\n"},
		{"srv/openapi.yaml", "components:\n  securitySchemes:\n    apiKey:\n      type: apiKey\n      name: X-API-Key\n      in: header\n    bearerAuth:\n      type: http\n      scheme: bearer\n"},
		{"srv/metrics.txt", "auth_token_requests_total{code=\"200\"} 123456789\npassword_resets_total 42\n"},
		{"srv/policy.yaml", "password_min_length: 12\npassword_policy: strong-2024\ntoken_ttl: 3600s\nsecret_name: shop-db-v2\nkey_rotation_days: 90\n"},
		{"srv/tests/login_test.py", "PASSWORD = 'Passw0rd!23'\nTOKEN = '" + d.alnum(32) + "'\n"},
		{"usr/lib/node_modules/pg/test/config.js", "module.exports = {user: 'u', password: 'Str0ng!Pass99', token: '" + d.alnum(24) + "'}\n"},
		{"usr/lib/python3/site-packages/jwt/tests/keys.py", "SECRET_KEY = '" + d.alnum(40) + "'\n"},
		{"srv/comment.conf", "# password = Harbor42!xyAB\n; token = put it here\n// api_key: Copper11#abc\nport = 8080\n"},
		{"srv/args.txt", "Usage: shop [--password STRING] [--token TOKEN] [--api-key KEY]\n  --password string   password for the database\n"},
		{"srv/query.sql", "ALTER ROLE shop PASSWORD :'password';\nCREATE USER x IDENTIFIED BY '@DB_PASSWORD@';\n"},
		{"srv/checksum.txt", "ghp_" + d.alnum(30) + "AAAAAA\nnpm_" + d.alnum(30) + "000000\nglsa_" + d.alnum(32) + "_00000000\n"},
		{"srv/short.txt", "AKIA" + d.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 10) + "\nglpat-short\nsk_live_tooshort\nhvs.x\nxoxb-1\n"},
		{"srv/words.yaml", "token: my-service-token-for-staging\nsecret: shop-oauth-client\napiKey: partner-portal-key-name\nclientSecret: use-the-one-from-vault\n"},
		{"srv/code.ts", "type Props = { password: string; token?: string }\nconst KEYS = { accessToken: 'auth.accessToken', refreshToken: 'auth.refreshToken' }\n"},
		{"srv/license.txt", "License key server: licenses.shop.internal\nKey fingerprint = " + strings.Repeat("ABCD 1234 ", 5) + "\n"},
		{"srv/x.svg", "<svg><path d=\"M" + d.from(digits+"LCz, ", 400) + "\"/><title>password-token</title></svg>\n"},
	}
	var out []sample
	for _, t := range texts {
		out = append(out, sample{path: t.path, text: t.text})
	}
	return out
}

// write puts the corpus below a folder and returns where the secrets are. Planted
// files come below "shop", look-alikes below "other".
func write(dir string, seed uint64) ([]label, error) {
	d := draw{rand.New(rand.NewPCG(seed, 1))}
	var labels []label
	for top, samples := range map[string][]sample{"shop": planted(d), "other": lookAlikes(draw{rand.New(rand.NewPCG(seed, 2))})} {
		for i, s := range samples {
			// Each sample has a folder of its own, so that names may repeat.
			path := filepath.Join(top, fmt.Sprintf("%03d", i), s.path)
			var b strings.Builder
			rest, line := s.text, 1
			for {
				before, after, ok := strings.Cut(rest, "«")
				b.WriteString(before)
				line += strings.Count(before, "\n")
				if !ok {
					break
				}
				secret, behind, _ := strings.Cut(after, "»")
				b.WriteString(secret)
				last := line + strings.Count(strings.TrimRight(secret, "\n"), "\n")
				labels = append(labels, label{s.kind, path, line, last})
				line += strings.Count(secret, "\n")
				rest = behind
			}
			full := filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				return nil, err
			}
			if err := os.WriteFile(full, []byte(b.String()), 0o644); err != nil {
				return nil, err
			}
		}
	}
	return labels, nil
}
