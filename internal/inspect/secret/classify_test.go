package secret

import (
	"encoding/base64"
	"strings"
	"testing"
)

// In the values of this test § stands for a password.
func TestClassify(t *testing.T) {
	g := newGenerator(3)
	random32, random20, hex40, uuid := g.from(alnum, 32), g.from(alnum, 20), g.from(lowerHex, 40), g.uuid()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	key64 := g.from(chars("0-9A-Za-z+/"), 86) + "=="
	_, rsa := g.pem("RSA PRIVATE" + " KEY")
	_, ssh := g.pem("OPENSSH PRIVATE" + " KEY")
	_, pgp := g.pem("PGP PRIVATE" + " KEY BLOCK")
	_, encrypted := g.pem("ENCRYPTED PRIVATE" + " KEY")
	_, certificate := g.pem("CERTIFICATE")
	_, public := g.pem("PUBLIC" + " KEY")

	tests := []struct{ name, value, want string }{
		// Passwords by name: any literal.
		{"POSTGRES_PASSWORD", "postgres", "password"},
		{"MYSQL_ROOT_PASSWORD", "root", "password"},
		{"MONGO_INITDB_ROOT_PASSWORD", "example", "password"},
		{"GF_SECURITY_ADMIN_PASSWORD", "admin", "password"},
		{"password", "changeme", "password"},
		{"PASSWORD", "password", "password"},
		{"DB_PASS", "toor", "password"},
		{"DB_PWD", "s3cret", "password"},
		{"SA_PASSWORD", "Passw0rd!", "password"},
		{"PGPASSWORD", "hunter2", "password"},
		{"RABBITMQ_DEFAULT_PASS", "guest", "password"},
		{"dbPassword", "letmein", "password"},
		{"spring.datasource.password", "tiger", "password"},
		{"grafana-admin-password", "admin", "password"},
		{"--requirepass", "foobared", "password"},
		{"mysqlpassword", "tiger", "password"},
		{"PASSWORD_1", "tiger", "password"},
		{"PASSWORD2", "tiger", "password"},
		{"ADMIN_PASSWORD_DEFAULT", "tiger", "password"},
		{"KEYCLOAK_ADMIN_PASSWORD", "admin", "password"},
		{"KEY_PASSPHRASE", "correct horse battery staple", "password"},
		{"REDIS_PASSWORD", "1234", "password"},
		{"REDIS_PASSWORD", `"quoted"`, "password"},
		{"DB_PASSWORD", "p$ssw0rd", "password"},
		{"DB_PASSWORD", "a/b+c=", "password"},
		{"TRUSTSTORE_PASSWORD", "changeit", "password"},
		{"ldap.bindpw", "admin", "password"},
		{"DB_PASSWORD", "пароль", "password"},

		// The same names with what is no password.
		{"DB_PASSWORD", "", ""},
		{"DB_PASSWORD", "   ", ""},
		{"DB_PASSWORD", `""`, ""},
		{"DB_PASSWORD", "<password>", ""},
		{"DB_PASSWORD", "<your password>", ""},
		{"DB_PASSWORD", "${DB_PASSWORD}", ""},
		{"DB_PASSWORD", "${DB_PASSWORD:-}", ""},
		{"DB_PASSWORD", "prefix-${DB_PASSWORD}", ""},
		{"DB_PASSWORD", "$(DB_PASSWORD)", ""},
		{"DB_PASSWORD", "$DB_PASSWORD", ""},
		{"DB_PASSWORD", "$$DB_PASSWORD", ""},
		{"DB_PASSWORD", "test-$RANDOM", ""},
		{"DB_PASSWORD", "{{ .Values.db.password }}", ""},
		{"DB_PASSWORD", "%DB_PASSWORD%", ""},
		{"DB_PASSWORD", "%s", ""},
		{"DB_PASSWORD", "__DB_PASSWORD__", ""},
		{"DB_PASSWORD", "@DB_PASSWORD@", ""},
		{"DB_PASSWORD", "#{db.password}", ""},
		{"DB_PASSWORD", "[REDACTED]", ""},
		{"DB_PASSWORD", "xxxx", ""},
		{"DB_PASSWORD", "XXXXXXXX", ""},
		{"DB_PASSWORD", "********", ""},
		{"DB_PASSWORD", "••••••", ""},
		{"DB_PASSWORD", "XXX-XXX", ""},
		{"DB_PASSWORD", "<<<PASSWORD>>>", ""},
		{"DB_PASSWORD", "'$DB_PASSWORD'", ""},
		{"JWT_SECRET_KEY", "%kernel.project_dir%/jwt/private.pem", ""},
		{"DB_PASSWORD", "...", ""},
		{"DB_PASSWORD", "REPLACE_ME", ""},
		{"DB_PASSWORD", "replace-with-password", ""},
		{"DB_PASSWORD", "your-password-here", ""},
		{"DB_PASSWORD", "yourPassword", ""},
		{"DB_PASSWORD", "MY_DB_PASSWORD", ""},
		{"DB_PASSWORD", "TODO", ""},
		{"DB_PASSWORD", "/run/secrets/db", ""},
		{"DB_PASSWORD", "/path/to/file", ""},
		{"DB_PASSWORD", "./password.txt", ""},
		{"DB_PASSWORD", `C:\secrets\db`, ""},
		{"DB_PASSWORD", "file:///run/secrets/db", ""},
		{"DB_PASSWORD", "vault:secret/data/db#password", ""},
		{"DB_PASSWORD", "ref+vault://secret/db#/password", ""},
		{"DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db", ""},
		{"DB_PASSWORD", "sm://project/db-password", ""},
		{"DB_PASSWORD", "op://vault/db/password", ""},
		{"DB_PASSWORD", "projects/shop/secrets/db", ""},
		{"DB_PASSWORD", "ENC[AES256_GCM,data:abc]", ""},
		{"DB_PASSWORD", "true", ""},
		{"DB_PASSWORD", "None", ""},
		{"DB_PASSWORD", "null", ""},
		{"DB_PASSWORD", "string", ""},
		{"DB_PASSWORD", "30s", ""},
		{"DB_PASSWORD", "24h", ""},
		{"DB_PASSWORD", "8", ""},
		{"pgpass", "^1.0.2", ""},
		{"DB_PASSWORD", "$2y$10$" + g.from(alnum, 53), ""},
		{"htpasswd", "admin:$apr1$" + g.from(alnum, 31), ""},
		{"DB_PASSWORD", "sha256:" + g.from(lowerHex, 64), ""},
		{"password", "The password that clients have to send with each request", ""},

		// Names that only sound like it.
		{"PASSWORD_MIN_LENGTH", "12", ""},
		{"PASSWORD_POLICY", "strong", ""},
		{"PASSWORD_FILE", "db", ""},
		{"DB_PASSWORD_PATH", "secret/db", ""},
		{"PASSWORDLESS", "certificates", ""},
		{"PASSWORD_RESET_URL", "https://shop/reset", ""},
		{"NO_PASSWORD", "needed", ""},
		{"HASHED_PASSWORD", "deadbeef", ""},
		{"existingSecretPassword", "db-secret", ""},
		{"passwordKey", "postgres-password", ""},
		{"TOKEN_TTL", random32, ""},
		{"TOKEN_EXPIRY", "2027-01-01T00:00:00Z", ""},
		{"AUTH_TOKEN_URL", "https://auth/token", ""},
		{"API_KEY_HEADER", "X-Api-Key-For-Partner-Systems", ""},
		{"SECRET_KEY_REF", random32, ""},
		{"SECRET_NAME", random32, ""},
		{"secretName", "cart-tls-" + g.from(lower36, 10), ""},
		{"AWS_SECRET_ARN", random32, ""},
		{"SECRET_ID", random32, ""},
		{"PUBLIC_KEY", random32, ""},
		{"STRIPE_PUBLISHABLE_KEY", random32, ""},
		{"SSH_AUTH_SOCK", "/tmp/ssh-" + random20 + "/agent", ""},
		{"KEYCLOAK_ADMIN", "admin", ""},
		{"KEYCLOAK_USER", random32, ""},
		{"PWD", "/app", ""},
		{"PWD", "app", ""},
		{"OLDPWD", "app", ""},
		{"tokenizer", random32, ""},
		{"max_tokens", "4096", ""},
		{"MONKEY", random32, ""},
		{"CACHE_KEY", random32, ""},
		{"PARTITION_KEY", random32, ""},
		{"tokenReviewer", random32, ""},
		{"COMPASS", "north", ""},
		{"BYPASS", "proxy", ""},
		{"COMMIT_SHA", hex40, ""},
		{"", random32, ""},
		{"", uuid, ""},

		// Tokens and keys by name: only what looks random.
		{"API_TOKEN", random32, "generic-token"},
		{"SLACK_SIGNING_SECRET", g.from(lowerHex, 32), "generic-token"},
		{"clientSecret", uuid, "generic-token"},
		{"apiKey", random20, "generic-token"},
		{"X-Api-Key", random32, "generic-token"},
		{"RABBITMQ_ERLANG_COOKIE", g.from(upper36, 24), "generic-token"},
		{"SECRET_KEY_BASE", g.from(lowerHex, 128), "generic-token"},
		{"ENCRYPTION_KEY", g.from(base64url, 43) + "=", "generic-token"},
		{"GITHUB_PAT", hex40, "generic-token"},
		{"API_TOKEN", "my-service-token-for-staging", ""},
		{"clientSecret", "shop-oauth-client", ""},
		{"imagePullSecret", "registry-credentials", ""},
		{"token", "podinfo-token-" + g.from(lower36, 10), ""},
		{"token", "access_token", ""},
		{"token", "abcdef.0123456789" + "abcdef", ""},
		{"accessToken", "1234567890123456", ""},
		{"authToken", "kubernetes.io/service-account-token", ""},
		{"apiKey", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", ""},
		{"GPG_KEY", g.from(upperHex, 40), ""},
		{"tls.key", b64(certificate), ""},

		// Environment variables whose value people choose: a word will do.
		{"JWT_SECRET", "supersecret", "generic-token"},
		{"MINIO_SECRET_KEY", "minio123", "generic-token"},
		{"SECRET_KEY", "change-me", "generic-token"},
		{"SECRET_KEY", "0123456789abcdef", "generic-token"},
		{"AWS_SECRET_ACCESS_KEY", "minio-secret", "generic-token"},
		{"jwtSecret", "shop-jwt", ""},

		// Kinds that name and value tell together.
		{"AWS_SECRET_ACCESS_KEY", g.from(chars("0-9A-Za-z+/"), 40), "aws-secret-key"},
		{"aws.secretAccessKey", g.from(chars("0-9A-Za-z+/"), 40), "aws-secret-key"},
		{"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfi" + "CYEXAMPLEKEY", ""},
		{"AWS_ACCESS_KEY_ID", "AKIA" + "IOSFODNN7EXAMPLE", ""},
		{"AWS_ACCESS_KEY_ID", "AKIA" + g.from(upper32, 16), "aws-access-key"},
		{"AZURE_STORAGE_KEY", key64, "azure-storage-key"},
		{"BOOTSTRAP_TOKEN", g.from(lower36, 6) + "." + g.from(lower36, 16), "kubernetes-token"},
		{"auth", b64("robot:" + random20), "docker-auth"},
		{"_auth", b64("robot:" + random20), "docker-auth"},
		{"auth", "true", ""},
		{"auth", "bearer-token", ""},
		{"NEO4J_AUTH", "neo4j/letmein", "password"},
		{"NEO4J_AUTH", "none", ""},
		{"COUCHDB_AUTH", "admin:letmein", "password"},

		// The value speaks for itself, or a part of it does.
		{"", rsa, "private-key"},
		{"ANY", pgp, "pgp-key"},
		{"tls.key", encrypted, "private-key-encrypted"},
		{"id_ed25519", ssh, "ssh-key"},
		{"client-key-data", b64(rsa), "private-key"},
		{"tls.crt", certificate, ""},
		{"PUBLIC_KEY", public, ""},
		{"KEY", "-----BEGIN RSA PRIVATE" + " KEY-----\n...\n-----END RSA PRIVATE" + " KEY-----", ""},
		{"sa.json", `{"type": "service_account", "private_key_id": "1", "private_key": "` + strings.ReplaceAll(rsa, "\n", `\n`) + `"}`, "gcp-service-account"},
		{"TOKEN_FILE_CONTENT", g.jwt(`{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:shop:cart"}`), "kubernetes-token"},
		{"SESSION", g.jwt(`{"sub":"cart"}`), "jwt"},
		{"SESSION", g.jwt(`{"sub":"1234567890","name":"John Doe"}`), ""},
		{"SESSION", g.jwt(`{"sub":"cart"}`)[:60], ""},
		{"DATABASE_URL", "postgres://shop:§@db:5432/shop", "connection-string"},
		{"DATABASE_URL", "mongodb+srv://shop:§@cluster0.mongo.net/?retryWrites=true", "connection-string"},
		{"REDIS_URL", "redis://:§@redis:6379/0", "connection-string"},
		{"DSN", "shop:§@tcp(db:3306)/shop", "connection-string"},
		{"ConnectionStrings__Shop", "Server=db;User Id=sa;Password=§;Encrypt=false", "connection-string"},
		{"ConnectionStrings__Shop", "Password=§;Initial Catalog=shop", "connection-string"},
		{"SPRING_DATASOURCE_URL", "jdbc:postgresql://db/shop?user=shop&password=§&ssl=true", "password"},
		{"AZURE", "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=" + key64 + ";EndpointSuffix=core.windows.net", "azure-storage-key"},
		{"BUS", "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=" + g.from(base64std, 43) + "=", "azure-connection-string"},
		{"PROXY", "http://proxy:§@proxy.corp:3128", "basic-auth-url"},
		{"REPO", "https://" + random32 + "@git.shop.internal/shop.git", "basic-auth-url"},
		{"JAVA_OPTS", "-Xmx1g -Djavax.net.ssl.trustStorePassword=changeit", "password"},
		{"DATABASE_URL", "postgres://shop:$(DB_PASSWORD)@db:5432/shop", ""},
		{"DATABASE_URL", "postgres://shop:${DB_PASSWORD}@db:5432/shop", ""},
		{"DATABASE_URL", "postgres://db:5432/shop", ""},
		{"DATABASE_URL", "postgres://user:password@host:5432/db", ""},
		{"DATABASE_URL", "postgres://USER:PASSWORD@HOST:5432/DB", ""},
		{"URL", "https://user:pass@example.com/", ""},
		{"URL", "http://cart:8080/@latest/x", ""},
		{"REPO", "git@github.com:holdfast-sec/holdfast.git", ""},
		{"REPO", "ssh://git@github.com/holdfast-sec/holdfast.git", ""},
		{"IMAGE", "registry/cart@sha256:" + g.from(lowerHex, 64), ""},
		{"SENTRY_DSN", "https://" + g.from(lowerHex, 32) + "@o1.ingest.sentry.io/1", ""},
		{"LOG_LEVEL", "info", ""},
		{"HOSTS", "a:9092,b:9092", ""},
		{"FLAGS", "--token-ttl=5m --password-file /run/secrets/db", ""},
	}
	if len(tests) < 120 {
		t.Fatalf("%d cases", len(tests))
	}
	for _, tt := range tests {
		value := strings.ReplaceAll(tt.value, "§", "Sommer"+"2024")
		if got := Classify(tt.name, value); got != tt.want {
			t.Errorf("Classify(%q, %q) = %q, want %q", tt.name, value, got, tt.want)
		}
	}
}

// A name decides in whatever style it is written.
func TestNameStyles(t *testing.T) {
	for _, name := range []string{"DB_PASSWORD", "db_password", "dbPassword", "DbPassword", "DBPassword", "db-password", "db.password", "--db-password", "shop/db.password", "DB_PASSWORD_2"} {
		if got := classOf(name); got != password {
			t.Errorf("classOf(%q) = %d, want a password", name, got)
		}
	}
	for _, name := range []string{"APIKey", "apiKey", "API_KEY", "api-key", "apikey", "x-api-key", strings.Repeat("very_", 100) + "api_key"} {
		if got := classOf(name); got != token {
			t.Errorf("classOf(%q) = %d, want a token", name, got)
		}
	}
	for _, name := range []string{"", "_", "0", "key", "PASSWORDS_ALLOWED", "monkey", "keyboard", "passive", "secretary", "authority"} {
		if got := classOf(name); got != plain {
			t.Errorf("classOf(%q) = %d, want nothing", name, got)
		}
	}
}
