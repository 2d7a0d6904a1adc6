// Package sample holds results that put reports to the test: every verdict and
// severity, places of every kind, and names that were chosen to break things.
// Only tests import it.
package sample

import (
	"fmt"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Hostile is a name that tries to leave every format it is printed in: an
// escape sequence for terminals, markup for HTML and XML, a mention, a link and
// a table cell for Markdown, a reversed order of characters for people.
const Hostile = "evil\x1b[2J</script><b>]]>|@octocat[click](https://evil.example)`\u202eexe"

// Empty is a run that found nothing.
func Empty() *finding.Result {
	return &finding.Result{
		Stats: finding.Stats{Files: 3, Skipped: 1, Objects: 4, Assets: 9, Checks: 412},
		Rules: []finding.Tally{{Rule: "container-privileged", Judged: 4}},
	}
}

// One is a run with a single finding.
func One() *finding.Result {
	r := Empty()
	r.Findings = finding.Sort([]finding.Finding{privileged(web)})
	return r
}

// Rich is a run with one of everything that a report has to get right.
func Rich() *finding.Result {
	r := &finding.Result{
		Stats: finding.Stats{Files: 14, Skipped: 2, Objects: 21, Assets: 31, Checks: 2310},
		Rules: []finding.Tally{
			{Rule: "container-privileged", Judged: 12, Failed: 1, Undetermined: 1},
			{Rule: "env-secret", Judged: 12, Failed: 1},
			{Rule: "image-no-digest", Judged: 12, Failed: 3},
		},
		Advisories: []finding.Advisories{{Ecosystem: "Debian:12", Date: "2026-05-30", Count: 41_000}, {Ecosystem: "PyPI", Date: "2026-05-29", Count: 16_000}},
		Notes: []finding.Note{
			{Message: "the ignore of image-latest expired on 2026-01-31", File: "deploy/web.yaml", Line: 9},
			{Message: "the baseline has 2 entries that match nothing any more"},
		},
	}
	findings := []finding.Finding{privileged(web), hostNetwork(web)}
	findings = append(findings, absent(web)...)
	findings = append(findings, secrets()...)
	findings = append(findings, dockerfile(), multiLine(), chart(), archive(), wide(), hostile())
	findings = append(findings, stdin()...)
	findings = append(findings, vulnerable()...)
	r.Findings = finding.Sort(findings)
	r.Undetermined = finding.Sort(undetermined())
	r.Suppressed = finding.Sort(suppressed())
	return r
}

// Many is a run with n findings in assets of eight each.
func Many(n int) *finding.Result {
	r := Empty()
	all := Rich().Findings
	findings := make([]finding.Finding, n)
	for i := range findings {
		f := all[i%len(all)]
		a := i / 8
		f.Fingerprint = fmt.Sprintf("%032x", i)
		f.Asset.ID = fmt.Sprintf("deploy/%d.yaml/Deployment/shop/web-%d/app", a/40, a)
		f.Asset.Name = fmt.Sprintf("Deployment shop/web-%d, container app", a)
		f.Asset.Place.File = fmt.Sprintf("deploy/%d.yaml", a/40)
		f.Place.File, f.Place.Line = f.Asset.Place.File, i%1000+1
		findings[i] = f
	}
	r.Findings = finding.Sort(findings)
	return r
}

var (
	web = finding.Asset{
		Kind: "container", ID: "deploy/web.yaml/Deployment/shop/web/app", Format: "kubernetes",
		Name: "Deployment shop/web, container app", Place: span("deploy/web.yaml", 18, 47),
	}
	orders = finding.Asset{
		Kind: "container", ID: "compose.yaml/service/orders", Format: "compose",
		Name: "Compose service orders", Place: span("compose.yaml", 30, 62),
	}
)

func span(file string, from, to int) source.Place {
	return source.Place{File: file, Position: source.Position{Line: from, Column: 1}, EndLine: to}
}

// at is a region within one line; length 0 leaves its end open.
func at(file string, line, column, length int) source.Place {
	p := source.Place{File: file, Position: source.Position{Line: line, Column: column}}
	if length > 0 {
		p.EndLine, p.EndColumn = line, column+length
	}
	return p
}

func privileged(a finding.Asset) finding.Finding {
	return finding.Finding{
		Rule: "container-privileged", Title: "Container runs privileged", Severity: finding.Critical,
		Verdict: finding.Fail, Topic: "privilege", Asset: a, Place: at(a.Place.File, 31, 23, 4), Field: "privileged",
		Message:    "container app has every capability and every device of its node",
		Excerpt:    "          privileged: true",
		Why:        "Whoever gets a shell in a privileged container owns the node: the devices of the host are there to be mounted, and no profile stands in the way.",
		Fix:        "Remove privileged: true and add only the capabilities that the program needs.\n\nA program that only binds a low port needs NET_BIND_SERVICE and nothing else.",
		References: map[string][]string{"cis-kubernetes": {"5.2.2"}, "pss": {"baseline"}, "attack": {"T1611"}},
		Fixable:    true,
	}
}

func hostNetwork(a finding.Asset) finding.Finding {
	return finding.Finding{
		Rule: "host-network", Title: "Pod uses the network of its node", Severity: finding.High,
		Verdict: finding.Fail, Topic: "privilege", Asset: a, Place: at(a.Place.File, 22, 4, 17), Field: "hostNetwork",
		Message:    "the pod sees the traffic of its node and reaches whatever listens on the node's loopback",
		Excerpt:    "\t  hostNetwork: true\t# for the metrics",
		Fix:        "Remove hostNetwork: true; publish the port through a Service.",
		References: map[string][]string{"cis-kubernetes": {"5.2.5"}},
	}
}

// vulnerable is a package of an image with more flaws than are listed one by one.
func vulnerable() []finding.Finding {
	layer := &asset.Layer{Index: 2, Digest: "sha256:" + strings.Repeat("ab", 32), Origin: asset.OriginOwn,
		CreatedBy: "RUN |1 TOKEN=******** /bin/sh -c pip install -r requirements.txt # buildkit"}
	software := &finding.Package{Name: "django", Version: "3.2", PURL: "pkg:pypi/django@3.2", Update: "3.2.25"}
	var out []finding.Finding
	for i := range 10 {
		v := &finding.Vulnerability{ID: fmt.Sprintf("CVE-2026-%04d", i+1), Aliases: []string{fmt.Sprintf("PYSEC-2026-%d", i+1)},
			Summary: "A query can be changed by whoever fills in a form", Score: 5.5, Fixed: fmt.Sprintf("3.2.%d", i+1), URL: fmt.Sprintf("https://osv.dev/CVE-2026-%04d", i+1)}
		severity := finding.Medium
		switch i {
		case 0:
			severity, v.Exploited = finding.Critical, true
		case 1:
			severity, v.Tier, v.Symbols = finding.High, "symbol", []string{"example.org/q.Parse", "example.org/q.Query.Run", "example.org/q.quote"}
		case 9:
			severity, v.Fixed, v.Tier = finding.Low, "", "module"
		}
		out = append(out, finding.Finding{
			Rule: "vulnerable-package", Title: "Package has a known vulnerability", Severity: severity, Verdict: finding.Fail, Topic: "image",
			Asset: finding.Asset{Kind: "package", ID: "app.tar!pkg:pypi/django@3.2", Name: "django 3.2 (pypi)", Format: "image", Place: source.Place{File: "app.tar"}},
			Place: source.Place{File: "app.tar:/usr/lib/python3/dist-packages/Django-3.2.dist-info/METADATA"}, Field: fmt.Sprintf("vulnerabilities[%d]", i),
			Key: "vulnerabilities[" + v.ID + "]", Message: "django 3.2 has " + v.ID, Layer: layer, Package: software, Vulnerability: v,
			Fix: "Update the package to the fixed version.", References: map[string][]string{"nist-800-190": {"4.1.1"}},
		})
	}
	return out
}

// absent are findings about keys that are not there: they share the place of
// the nearest parent.
func absent(a finding.Asset) []finding.Finding {
	var out []finding.Finding
	for _, f := range []finding.Finding{
		{Rule: "container-root", Title: "Container may run as root", Severity: finding.Medium, Message: "nothing stops container app from running as root", Fix: "Set runAsNonRoot: true."},
		{Rule: "no-seccomp", Title: "No seccomp profile", Severity: finding.Medium, Message: "container app may make every system call", Fix: "Set seccompProfile.type: RuntimeDefault."},
		{Rule: "no-memory-limit", Title: "No memory limit", Severity: finding.Low, Message: "container app may use all memory of its node"},
		{Rule: "no-owner-label", Title: "No owner label", Severity: finding.Info, Message: "nobody is named as the owner of Deployment web"},
	} {
		f.Verdict, f.Topic, f.Asset, f.Place = finding.Fail, "privilege", a, at(a.Place.File, 27, 9, 0)
		f.Excerpt = "      - name: app"
		out = append(out, f)
	}
	return out
}

// secrets are more findings of one rule in one asset than anybody reads one by
// one; their values are masked.
func secrets() []finding.Finding {
	var out []finding.Finding
	for i := range 14 {
		name := fmt.Sprintf("API_TOKEN_%02d", i)
		out = append(out, finding.Finding{
			Rule: "env-secret", Title: "Credential in an environment variable", Severity: finding.High,
			Verdict: finding.Fail, Topic: "data", Asset: orders, Place: at("compose.yaml", 40+i, 7, 24),
			Field: fmt.Sprintf("env[%d].value", i), Key: "env[" + name + "].value", Sensitive: true,
			Message: name + " holds what looks like a token",
			Excerpt: "      " + name + ": ********",
			Fix:     "Move it into a secret of the platform and refer to it.",
		})
	}
	return out
}

func dockerfile() finding.Finding {
	return finding.Finding{
		Rule: "image-no-user", Title: "Image runs as root", Severity: finding.Medium, Verdict: finding.Fail, Topic: "image",
		Asset:   finding.Asset{Kind: "image", ID: "catalog/Dockerfile/final", Format: "dockerfile", Name: "catalog/Dockerfile", Place: span("catalog/Dockerfile", 1, 22)},
		Place:   at("catalog/Dockerfile", 12, 1, 0),
		Message: "the final stage has no USER, so its processes run as root",
		Excerpt: "FROM gcr.io/distroless/base-debian12", Fix: "Add USER 65532:65532 after the last RUN.", Fixable: true,
	}
}

func multiLine() finding.Finding {
	f := finding.Finding{
		Rule: "run-curl-pipe", Title: "RUN executes what it downloads", Severity: finding.High, Verdict: finding.Fail, Topic: "image",
		Asset:   finding.Asset{Kind: "image", ID: "payments/Dockerfile/final", Format: "dockerfile", Name: "payments/Dockerfile", Place: span("payments/Dockerfile", 1, 30)},
		Place:   at("payments/Dockerfile", 7, 5, 0),
		Message: "a script from install.example.com runs at build time unseen",
		Excerpt: "RUN apt-get update && apt-get install -y --no-install-recommends curl ca-certificates gnupg lsb-release build-essential && curl -fsSL https://install.example.com/very/long/path/to/a/script.sh | bash -s -- --yes \\",
		Fix:     "Download it, check its SHA-256 and run the copy.",
	}
	f.Place.EndLine, f.Place.EndColumn = 9, 12
	f.Place.Column = 124
	return f
}

func chart() finding.Finding {
	f := finding.Finding{
		Rule: "image-no-digest", Title: "Image is not pinned by digest", Severity: finding.Low, Verdict: finding.Fail, Topic: "image",
		Asset:   finding.Asset{Kind: "container", ID: "chart/templates/deployment.yaml/Deployment/shop/app", Format: "kubernetes", Name: "Deployment shop, container app", Place: source.Place{File: "chart/templates/deployment.yaml", Rendered: true}},
		Place:   source.Place{File: "chart/templates/deployment.yaml", Rendered: true, Values: "image.tag"},
		Message: "registry.example.com/shop:1.4 may be another image tomorrow",
		Fix:     "Give the digest: registry.example.com/shop:1.4@sha256:...",
	}
	f.References = map[string][]string{"cis-docker": {"4.2"}}
	return f
}

func archive() finding.Finding {
	f := chart()
	f.Asset.ID = "vendor/db 1.tgz!/db/templates/set.yaml/StatefulSet/db/db"
	f.Asset.Name = "StatefulSet db, container db"
	f.Asset.Place = span("vendor/db 1.tgz!/db/templates/set.yaml", 4, 40)
	f.Place = at("vendor/db 1.tgz!/db/templates/set.yaml", 17, 18, 12)
	f.Excerpt = `          image: "db:{{ .Values.tag }}"`
	return f
}

func wide() finding.Finding {
	return finding.Finding{
		Rule: "configmap-secret", Title: "Credential in a ConfigMap", Severity: finding.High, Verdict: finding.Fail, Topic: "data",
		Asset:   finding.Asset{Kind: "object", ID: "deploy/設定.yaml/ConfigMap/shop/設定", Format: "kubernetes", Name: "ConfigMap shop/設定", Place: span("deploy/設定.yaml", 1, 9)},
		Place:   at("deploy/設定.yaml", 7, 14, 8),
		Message: "データベース holds what looks like a pass\u0301word 🔑",
		Excerpt: "  データベース: x, ********", Sensitive: true,
		Fix: "Move it into a Secret.",
	}
}

func hostile() finding.Finding {
	return finding.Finding{
		Rule: "no-network-policy", Title: "Namespace has no network policy", Severity: finding.Low, Verdict: finding.Fail, Topic: "exposure",
		Asset:   finding.Asset{Kind: "namespace", ID: "deploy/" + Hostile + "/Namespace", Format: "kubernetes", Name: "Namespace " + Hostile, Place: span("deploy/a b:#?%.yaml", 1, 4)},
		Place:   at("deploy/a b:#?%.yaml", 4, 9, 6),
		Message: "whatever runs in " + Hostile + " may talk to everybody; see #1 and www.evil.example and $x$",
		Excerpt: "  name: " + Hostile + "\xff\x00",
		Fix:     "Write a NetworkPolicy that denies by default.",
	}
}

func stdin() []finding.Finding {
	a := finding.Asset{Kind: "pod", ID: "-/Pod/default/debug", Format: "kubernetes", Name: "Pod default/debug", Place: span("-", 1, 12)}
	return []finding.Finding{
		{Rule: "host-pid", Title: "Pod sees the processes of its node", Severity: finding.High, Verdict: finding.Fail, Topic: "privilege", Asset: a, Place: at("-", 6, 3, 13), Message: "the pod sees and may signal every process of its node", Excerpt: "  hostPID: true", Fix: "Remove hostPID: true."},
		{Rule: "default-namespace", Title: "Object in the default namespace", Severity: finding.Info, Verdict: finding.Fail, Topic: "orchestrator", Asset: a, Place: at("-", 3, 1, 0), Message: "Pod debug is in the namespace that everything falls into", Excerpt: "metadata:"},
	}
}

func undetermined() []finding.Finding {
	out := []finding.Finding{
		finding.Unread(source.Place{File: "deploy/broken.yaml", Position: source.Position{Line: 3, Column: 5}}, "line 3, column 5: mapping values are not allowed here"),
		finding.Unread(source.Place{File: "chart-" + Hostile}, "rendering the chart:\n  values.yaml has no key \"name\""),
	}
	for i := range 9 {
		f := privileged(web)
		f.Verdict, f.Message = finding.Undetermined, "Container runs privileged: could not be decided"
		f.Reason = "the variable PRIVILEGED has no value"
		f.Asset.ID, f.Asset.Name = fmt.Sprintf("compose.yaml/service/job-%d", i), fmt.Sprintf("Compose service job-%d", i)
		f.Asset.Place, f.Place = span("compose.yaml", 70+4*i, 73+4*i), at("compose.yaml", 72+4*i, 17, 13)
		f.Excerpt = "    privileged: ${PRIVILEGED}"
		out = append(out, f)
	}
	return out
}

func suppressed() []finding.Finding {
	byComment := hostNetwork(orders)
	byComment.Suppressed = &finding.Suppression{By: "comment", Reason: "the agent needs the node's network", Until: "2027-06-30", Place: at("compose.yaml", 21, 3, 0)}
	byAnnotation := privileged(orders)
	byAnnotation.Suppressed = &finding.Suppression{By: "annotation", Reason: "reviewed by " + Hostile, Place: at("compose.yaml", 33, 3, 0)}
	byBaseline := dockerfile()
	byBaseline.Place.Line = 13
	byBaseline.Suppressed = &finding.Suppression{By: "baseline"}
	return []finding.Finding{byComment, byAnnotation, byBaseline}
}
