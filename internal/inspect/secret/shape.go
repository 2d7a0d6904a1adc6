package secret

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// shape is what a provider documents about its credentials: how they begin,
// which characters follow and how many of them.
type shape struct {
	kind   string
	prefix string
	set    *alphabet // of what follows the prefix
	min    int       // fewest and most characters that follow
	max    int
	open   bool // the prefix itself is public: a URL, a keyword
	// valid judges the characters after the prefix further, where a structure or a
	// checksum is documented.
	valid func(body string) bool
}

var (
	hexAny  = chars("0-9A-Fa-f")
	upper32 = chars("A-Z2-7")
	lower36 = chars("0-9a-z")
	upper36 = chars("0-9A-Z")
	slashed = chars("0-9A-Za-z/_-")
	percent = chars("0-9A-Za-z%+/=_.~-")
)

// shapes are the documented forms, each with its public source.
var shapes = []shape{
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
	{kind: "aws-access-key", prefix: "AKIA", set: upper32, min: 16, max: 16},
	{kind: "aws-access-key", prefix: "ASIA", set: upper32, min: 16, max: 16},
	// https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
	{kind: "aws-bedrock-key", prefix: "ABSK", set: base64std, min: 100, max: 140},

	// https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
	{kind: "github-token", prefix: "ghp_", set: alnum, min: 36, max: 36, valid: githubChecksum},
	{kind: "github-token", prefix: "gho_", set: alnum, min: 36, max: 36, valid: githubChecksum},
	{kind: "github-token", prefix: "ghu_", set: alnum, min: 36, max: 36, valid: githubChecksum},
	{kind: "github-token", prefix: "ghr_", set: alnum, min: 36, max: 80},
	// Since 2026 also an application's number and a JWT:
	// https://github.blog/changelog/2026-05-15-github-app-installation-tokens-per-request-override-header/
	{kind: "github-token", prefix: "ghs_", set: dotted, min: 36, max: 2048, valid: githubInstallation},
	// https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
	{kind: "github-token", prefix: "github_pat_", set: word, min: 82, max: 82},

	// https://docs.gitlab.com/security/tokens/#token-prefixes; longer with a dotted
	// trailer since tokens are routable:
	// https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/
	{kind: "gitlab-token", prefix: "glpat-", set: dotted, min: 20, max: 320},
	{kind: "gitlab-token", prefix: "gldt-", set: dotted, min: 20, max: 320},
	{kind: "gitlab-token", prefix: "glrt-", set: dotted, min: 20, max: 320},
	{kind: "gitlab-token", prefix: "glptt-", set: dotted, min: 20, max: 320},
	{kind: "gitlab-token", prefix: "glcbt-", set: dotted, min: 20, max: 320},
	{kind: "gitlab-token", prefix: "glft-", set: dotted, min: 20, max: 320},
	{kind: "gitlab-token", prefix: "glsoat-", set: dotted, min: 20, max: 320},
	{kind: "gitlab-token", prefix: "gloas-", set: dotted, min: 20, max: 320},
	{kind: "gitlab-token", prefix: "glagent-", set: dotted, min: 20, max: 320},

	// https://docs.slack.dev/authentication/tokens
	{kind: "slack-token", prefix: "xoxb-", set: base64url, min: 20, max: 200, valid: slackToken},
	{kind: "slack-token", prefix: "xoxp-", set: base64url, min: 20, max: 200, valid: slackToken},
	{kind: "slack-token", prefix: "xoxa-", set: base64url, min: 20, max: 200, valid: slackToken},
	{kind: "slack-token", prefix: "xoxs-", set: base64url, min: 20, max: 200, valid: slackToken},
	{kind: "slack-token", prefix: "xoxe-", set: base64url, min: 20, max: 200, valid: slackToken},
	{kind: "slack-token", prefix: "xapp-", set: base64url, min: 20, max: 200, valid: slackToken},
	// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
	{kind: "slack-webhook", prefix: "hooks.slack.com/services/", set: slashed, min: 40, max: 60, open: true},
	{kind: "slack-webhook", prefix: "hooks.slack.com/workflows/", set: slashed, min: 40, max: 90, open: true},
	// https://discord.com/developers/docs/resources/webhook
	{kind: "discord-webhook", prefix: "discord.com/api/webhooks/", set: slashed, min: 78, max: 100, open: true},
	{kind: "discord-webhook", prefix: "discordapp.com/api/webhooks/", set: slashed, min: 78, max: 100, open: true},

	// https://docs.stripe.com/keys
	{kind: "stripe-key", prefix: "sk_live_", set: alnum, min: 24, max: 247},
	{kind: "stripe-key", prefix: "rk_live_", set: alnum, min: 24, max: 247},
	{kind: "stripe-test-key", prefix: "sk_test_", set: alnum, min: 24, max: 247},
	{kind: "stripe-test-key", prefix: "rk_test_", set: alnum, min: 24, max: 247},
	// https://docs.stripe.com/webhooks#endpoint-secrets
	{kind: "stripe-webhook-secret", prefix: "whsec_", set: base64std, min: 32, max: 100},
	// https://developer.squareup.com/docs/build-basics/access-tokens
	{kind: "square-token", prefix: "sq0csp-", set: base64url, min: 43, max: 43},
	{kind: "square-token", prefix: "sq0atp-", set: base64url, min: 22, max: 22},
	// https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
	{kind: "shopify-token", prefix: "shpat_", set: hexAny, min: 32, max: 32},
	{kind: "shopify-token", prefix: "shpca_", set: hexAny, min: 32, max: 32},
	{kind: "shopify-token", prefix: "shppa_", set: hexAny, min: 32, max: 32},
	{kind: "shopify-token", prefix: "shpss_", set: hexAny, min: 32, max: 32},

	// https://cloud.google.com/docs/authentication/api-keys
	{kind: "google-api-key", prefix: "AIza", set: base64url, min: 35, max: 35},
	// https://developers.google.com/identity/protocols/oauth2/web-server
	{kind: "google-oauth-secret", prefix: "GOCSPX-", set: base64url, min: 28, max: 28},
	// https://cloud.google.com/docs/authentication/token-types
	{kind: "google-oauth-token", prefix: "ya29.", set: base64url, min: 60, max: 2048},
	// https://learn.microsoft.com/azure/storage/common/storage-sas-overview
	{kind: "azure-sas", prefix: "sig=", set: percent, min: 43, max: 60, open: true, valid: sasSignature},

	// https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/
	{kind: "npm-token", prefix: "npm_", set: alnum, min: 36, max: 36, valid: githubChecksum},
	// A macaroon for pypi.org: https://pypi.org/help/#apitoken
	{kind: "pypi-token", prefix: "pypi-AgE", set: base64url, min: 80, max: 1000},
	// https://guides.rubygems.org/api-key-scopes/
	{kind: "rubygems-key", prefix: "rubygems_", set: lowerHex, min: 48, max: 48},
	// https://github.com/rust-lang/crates.io/pull/4114
	{kind: "crates-io-token", prefix: "cio", set: alnum, min: 32, max: 32, valid: random},
	// https://learn.microsoft.com/nuget/nuget-org/publish-a-package
	{kind: "nuget-key", prefix: "oy2", set: lower36, min: 43, max: 43},
	// https://docs.docker.com/security/access-tokens/
	{kind: "docker-token", prefix: "dckr_pat_", set: base64url, min: 27, max: 60},
	{kind: "docker-token", prefix: "dckr_oat_", set: base64url, min: 27, max: 60},

	// https://www.rfc-editor.org/rfc/rfc7519
	{kind: "jwt", prefix: "eyJ", set: dotted, min: 40, max: 8192, valid: jsonWebToken},
	// https://github.com/FiloSottile/age: Bech32 of 32 bytes
	{kind: "age-key", prefix: "AGE-SECRET-KEY-1", set: upper36, min: 58, max: 58},
	{kind: "age-key", prefix: "AGE-SECRET-KEY-PQ-1", set: upper36, min: 58, max: 120},

	// https://platform.openai.com/docs/api-reference/authentication; the infix is
	// "OpenAI" in base64
	{kind: "openai-key", prefix: "sk-", set: base64url, min: 40, max: 250, valid: openAI},
	// https://docs.anthropic.com/en/api/overview
	{kind: "anthropic-key", prefix: "sk-ant-", set: base64url, min: 80, max: 140},
	// https://openrouter.ai/docs/api-reference/authentication
	{kind: "openrouter-key", prefix: "sk-or-v1-", set: lowerHex, min: 64, max: 64},
	// https://huggingface.co/docs/hub/security-tokens
	{kind: "huggingface-token", prefix: "hf_", set: alnum, min: 34, max: 40},
	// https://console.groq.com/docs/quickstart
	{kind: "groq-key", prefix: "gsk_", set: alnum, min: 52, max: 52},
	// https://replicate.com/docs/topics/security/api-tokens
	{kind: "replicate-token", prefix: "r8_", set: alnum, min: 37, max: 37},

	// https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys
	{kind: "sendgrid-key", prefix: "SG.", set: dotted, min: 66, max: 66, valid: sendGrid},
	// https://www.twilio.com/docs/iam/api-keys
	{kind: "twilio-key", prefix: "SK", set: lowerHex, min: 32, max: 32},
	// https://developers.brevo.com/docs/getting-started
	{kind: "brevo-key", prefix: "xkeysib-", set: chars("0-9A-Za-z-"), min: 81, max: 81},

	// https://developer.hashicorp.com/vault/docs/concepts/tokens
	{kind: "vault-token", prefix: "hvs.", set: base64url, min: 24, max: 300},
	{kind: "vault-token", prefix: "hvb.", set: base64url, min: 100, max: 300},
	{kind: "vault-token", prefix: "hvr.", set: base64url, min: 24, max: 300},
	// https://docs.digitalocean.com/reference/api/create-personal-access-token/
	{kind: "digitalocean-token", prefix: "dop_v1_", set: lowerHex, min: 64, max: 64},
	{kind: "digitalocean-token", prefix: "doo_v1_", set: lowerHex, min: 64, max: 64},
	{kind: "digitalocean-token", prefix: "dor_v1_", set: lowerHex, min: 64, max: 64},
	// https://docs.databricks.com/dev-tools/auth/pat.html
	{kind: "databricks-token", prefix: "dapi", set: chars("0-9a-f-"), min: 32, max: 34},
	// https://docs.doppler.com/reference/auth-token-formats
	{kind: "doppler-token", prefix: "dp.", set: chars("0-9A-Za-z_."), min: 42, max: 80, valid: doppler},
	// https://www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens/
	{kind: "pulumi-token", prefix: "pul-", set: lowerHex, min: 40, max: 40},
	// https://tailscale.com/kb/1277/key-prefixes
	{kind: "tailscale-key", prefix: "tskey-", set: chars("0-9A-Za-z-"), min: 30, max: 80},
	// https://fly.io/docs/security/tokens/
	{kind: "fly-token", prefix: "fm2_", set: base64std, min: 100, max: 4096},
	// https://devcenter.heroku.com/articles/authentication
	{kind: "heroku-key", prefix: "HRKU-", set: base64url, min: 36, max: 80},
	// https://planetscale.com/docs/concepts/service-tokens
	{kind: "planetscale-token", prefix: "pscale_tkn_", set: dotted, min: 32, max: 64},
	{kind: "planetscale-password", prefix: "pscale_pw_", set: dotted, min: 32, max: 64},
	// https://supabase.com/docs/guides/api/api-keys
	{kind: "supabase-key", prefix: "sb_secret_", set: base64url, min: 30, max: 60},
	{kind: "supabase-key", prefix: "sbp_", set: lowerHex, min: 40, max: 40},

	// https://grafana.com/docs/grafana/latest/administration/service-accounts/
	{kind: "grafana-token", prefix: "glsa_", set: word, min: 41, max: 41, valid: grafana},
	{kind: "grafana-token", prefix: "glc_eyJ", set: base64std, min: 60, max: 400},
	// https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/
	{kind: "newrelic-key", prefix: "NRAK-", set: upper36, min: 27, max: 27},
	// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-api/basics/dynatrace-api-authentication
	{kind: "dynatrace-token", prefix: "dt0c01.", set: chars("0-9A-Z."), min: 89, max: 89},
	// https://docs.sentry.io/account/auth-tokens/
	{kind: "sentry-token", prefix: "sntrys_eyJ", set: chars("0-9A-Za-z+/=_"), min: 80, max: 400},
	{kind: "sentry-token", prefix: "sntryu_", set: lowerHex, min: 64, max: 64},
	// https://docs.sonarsource.com/sonarqube-server/latest/user-guide/managing-tokens/
	{kind: "sonarqube-token", prefix: "squ_", set: lowerHex, min: 40, max: 40},
	{kind: "sonarqube-token", prefix: "sqp_", set: lowerHex, min: 40, max: 40},
	{kind: "sonarqube-token", prefix: "sqa_", set: lowerHex, min: 40, max: 40},
	// https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/
	{kind: "atlassian-token", prefix: "ATATT3xFfGF0", set: chars("0-9A-Za-z=_-"), min: 150, max: 220},
	// https://learning.postman.com/docs/developer/postman-api/authentication/
	{kind: "postman-key", prefix: "PMAK-", set: chars("0-9a-f-"), min: 59, max: 59},
	// https://linear.app/developers/graphql
	{kind: "linear-key", prefix: "lin_api_", set: alnum, min: 40, max: 40},
	// https://www.figma.com/developers/api#authentication
	{kind: "figma-token", prefix: "figd_", set: base64url, min: 40, max: 40},
	// https://developers.notion.com/docs/authorization
	{kind: "notion-token", prefix: "ntn_", set: alnum, min: 46, max: 46},
	// https://developer.1password.com/docs/service-accounts/
	{kind: "onepassword-token", prefix: "ops_eyJ", set: base64url, min: 200, max: 2048},
	// https://docs.netlify.com/api-and-cli-guides/api-guides/get-started-with-api/
	{kind: "netlify-token", prefix: "nfp_", set: alnum, min: 36, max: 36},
	// https://buildkite.com/docs/apis/managing-api-tokens
	{kind: "buildkite-token", prefix: "bkua_", set: lowerHex, min: 40, max: 40},

	// https://docs.djangoproject.com/en/stable/ref/settings/#secret-key: what
	// startproject writes, not meant for production
	{kind: "django-secret-key", prefix: "django-insecure-", set: chars("0-9a-z!@#$%^&*(=_+)-"), min: 50, max: 50},
	// A PEM private key once more in base64: client-key-data of a kubeconfig, data of
	// a Secret.
	{kind: "private-key", prefix: "LS0tLS1CRUdJTi", set: base64std, min: 80, max: 32 << 10, valid: encodedPEM},
	// https://www.rfc-editor.org/rfc/rfc6750
	{kind: kindToken, prefix: "Bearer ", set: chars("0-9A-Za-z_.~+/=-"), min: 16, max: 4096, open: true, valid: random},
	{kind: kindToken, prefix: "bearer ", set: chars("0-9A-Za-z_.~+/=-"), min: 16, max: 4096, open: true, valid: random},
	// https://www.rfc-editor.org/rfc/rfc7617
	{kind: "basic-auth-header", prefix: "Basic ", set: base64std, min: 8, max: 512, open: true, valid: basic},
}

// shapesBy holds the shapes by their first byte.
var shapesBy = func() (by [256][]shape) {
	for _, s := range shapes {
		by[s.prefix[0]] = append(by[s.prefix[0]], s)
	}
	return by
}()

// run is how many characters of the alphabet follow the prefix of the shape with
// which text begins, at most one more than fit.
func (s *shape) run(text string) int {
	return s.set.run(text[len(s.prefix):], s.max+1)
}

// match returns how long the body of the token is that begins text, 0 if it is
// none. Run is how far the body could reach.
func (s *shape) match(text string, run int) int {
	rest := text[len(s.prefix):]
	n := run
	for n > 0 && (rest[n-1] == '.' || rest[n-1] == '-') { // the end of a sentence
		n--
	}
	if n > s.max && !base64url[rest[s.max]] { // punctuation that the alphabet has as well
		n = s.max
	}
	if n < s.min || n > s.max || n < len(rest) && alnum[rest[n]] {
		return 0
	}
	if body := rest[:n]; s.valid != nil && !s.valid(body) || !plausible(body) {
		return 0
	}
	return n
}

// plausible refuses what documentation puts in place of a token: EXAMPLE, a row
// of x, 1234567890.
func plausible(body string) bool {
	low := strings.ToLower(body)
	for _, s := range [...]string{"example", "xxxx", "placeholder", "redacted", "changeme", "123456789", "abcdefgh"} {
		if strings.Contains(low, s) {
			return false
		}
	}
	return distinct(body) >= 6 && !sequential(body)
}

// base62 is the order of digits in GitHub's and npm's checksums.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// githubChecksum verifies that the last six characters are the CRC-32 of the
// others in base 62.
func githubChecksum(body string) bool {
	cut := len(body) - 6
	sum := crc32.ChecksumIEEE([]byte(body[:cut]))
	for i := len(body) - 1; i >= cut; i-- {
		if body[i] != base62[sum%62] {
			return false
		}
		sum /= 62
	}
	return true
}

func githubInstallation(body string) bool {
	if len(body) == 36 {
		return alnum.all(body) && githubChecksum(body)
	}
	return strings.Count(body, ".") == 2 && strings.Contains(body, "eyJ")
}

// grafana verifies the CRC-32 behind the secret, least significant byte first.
// https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/tokengen.go
func grafana(body string) bool {
	sum := crc32.ChecksumIEEE([]byte("glsa_" + body[:32]))
	return body[32] == '_' && body[33:] == hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, sum))
}

func slackToken(body string) bool { return strings.ContainsAny(body, "0123456789") && random(body) }

func openAI(body string) bool { return strings.Contains(body, "T3BlbkFJ") }

func sendGrid(body string) bool { return body[22] == '.' && strings.Count(body, ".") == 1 }

func doppler(body string) bool {
	_, key, ok := strings.Cut(body, ".")
	return ok && len(key) >= 40
}

func sasSignature(body string) bool {
	return strings.HasSuffix(body, "%3D") || strings.HasSuffix(body, "%3d") || strings.HasSuffix(body, "=")
}

func encodedPEM(body string) bool {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight("LS0tLS1CRUdJTi"+body, "="))
	if err != nil {
		return false
	}
	_, ok := privateKey(string(raw), len("-----"))
	return ok
}

// jsonWebToken accepts a signed token, not the example that jwt.io made famous.
func jsonWebToken(body string) bool {
	head, payload, signature, ok := splitToken("eyJ" + body)
	return ok && strings.Contains(head, `"alg"`) && len(signature) >= 20 &&
		!strings.Contains(payload, `"1234567890"`)
}

// serviceAccount says whether a JWT was issued by a cluster to a service account.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
func serviceAccount(jwt string) bool {
	_, payload, _, ok := splitToken(jwt)
	return ok && (strings.Contains(payload, "kubernetes.io") || strings.Contains(payload, "kubernetes/serviceaccount"))
}

// splitToken decodes the first two of the three parts of a JWT.
func splitToken(jwt string) (head, payload, signature string, ok bool) {
	head, rest, _ := strings.Cut(jwt, ".")
	payload, signature, ok = strings.Cut(rest, ".")
	h, err := base64.RawURLEncoding.DecodeString(head)
	p, err2 := base64.RawURLEncoding.DecodeString(payload)
	return string(h), string(p), signature, ok && err == nil && err2 == nil
}
