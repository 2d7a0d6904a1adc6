package wording

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain text":                   "plain text",
		"two\n  lines\r\n\tof\ttext":   "two lines of text",
		"\x1b[31mred\x1b[0m":           `\x1b[31mred\x1b[0m`,
		"a\x00b\x7fc":                  `a\x00b\x7fc`,
		"C1 \u009b31m":                 `C1 \x9b31m`,
		"bad \xff\xc3 bytes":           `bad \xff\xc3 bytes`,
		"gpj\u202eexe\u2066x":          `gpj\u202eexe\u2066x`,
		"zero\u200bwidth\ufeff":        `zero\u200bwidth\ufeff`,
		"line\u2028separator":          `line\u2028separator`,
		"tag\U000e0041":                `tag\U000e0041`,
		"名前 é e\u0301 👩\u200d💻 \ufffd": "名前 é e\u0301 👩\u200d💻 \ufffd",
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b]0;title\x07b\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		line := Line(text)
		if !utf8.ValidString(line) {
			t.Errorf("Line(%q) = %q is not valid UTF-8", text, line)
		}
		for _, r := range line {
			if Hidden(r) {
				t.Errorf("Line(%q) = %q holds %U", text, line, r)
			}
		}
		if again := Line(line); again != line {
			t.Errorf("Line(%q) = %q, but the line of that is %q", text, line, again)
		}
	})
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{
		{"short", 5, "short"},
		{"longer", 5, "lo..."},
		{"ééééé", 5, "ééééé"},
		{"éééééé", 5, "éé..."},
		{strings.Repeat("x", 100), 10, "xxxxxxx..."},
	} {
		if got := Cut(test.text, test.n); got != test.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.text, test.n, got, test.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	at := source.Position{Line: 3, Column: 5}
	for _, test := range []struct {
		place         source.Place
		where, origin string
	}{
		{source.Place{File: "a.yaml", Position: at}, "a.yaml:3:5", ""},
		{source.Place{File: "-", Position: at}, "stdin:3:5", ""},
		{source.Place{File: "a\x1b.yaml"}, `a\x1b.yaml`, ""},
		{source.Place{File: "t/x.yaml", Rendered: true}, "t/x.yaml", "rendered from t/x.yaml"},
		{source.Place{File: "t/x.yaml", Rendered: true, Values: "image.tag"}, "t/x.yaml", "rendered from t/x.yaml; set .Values.image.tag"},
		{source.Place{File: "t/x.yaml", Position: at, Values: ".Values.a\nb"}, "t/x.yaml:3:5", "set .Values.a b"},
	} {
		if got := Where(test.place); got != test.where {
			t.Errorf("Where(%+v) = %q, want %q", test.place, got, test.where)
		}
		if got := Origin(test.place); got != test.origin {
			t.Errorf("Origin(%+v) = %q, want %q", test.place, got, test.origin)
		}
	}
}

func TestSplitArchive(t *testing.T) {
	for file, want := range map[string][2]string{
		"a/b.yaml":             {"a/b.yaml", ""},
		"c.tgz!/t/x.yaml":      {"c.tgz", "t/x.yaml"},
		"odd!name/x.yaml":      {"odd!name/x.yaml", ""},
		"c.tgz!/d.tgz!/x.yaml": {"c.tgz", "d.tgz!/x.yaml"},
	} {
		if archive, entry := SplitArchive(file); archive != want[0] || entry != want[1] {
			t.Errorf("SplitArchive(%q) = %q, %q, want %q", file, archive, entry, want)
		}
	}
}

// The first word goes with the exit code, whatever else the sentence says.
func TestVerdict(t *testing.T) {
	findings := func(severities ...finding.Severity) []finding.Finding {
		out := make([]finding.Finding, len(severities))
		for i := range out {
			out[i].Severity = severities[i]
		}
		return out
	}
	judged := finding.Stats{Checks: 12, Assets: 1}
	for _, test := range []struct {
		name string
		r    finding.Result
		gate finding.Severity
		want string
	}{
		{"clean", finding.Result{Stats: judged}, finding.High, "Passed: nothing was found by 12 checks of 1 asset."},
		{"below the gate", finding.Result{Stats: judged, Findings: findings(finding.Low, finding.Info)}, finding.High, "Passed: none of 2 findings is high or worse."},
		{"one at the gate", finding.Result{Stats: judged, Findings: findings(finding.High, finding.Low)}, finding.High, "Failed: 1 of 2 findings is high or worse."},
		{"critical gate", finding.Result{Stats: judged, Findings: findings(finding.Critical, finding.Critical, finding.High)}, finding.Critical, "Failed: 2 of 3 findings are critical."},
		{"any", finding.Result{Stats: judged, Findings: findings(finding.Info)}, finding.Info, "Failed: 1 finding."},
		{"failed and incomplete", finding.Result{Stats: judged, Findings: findings(finding.High), Undetermined: findings(0, 0)}, finding.Info, "Failed: 1 finding, and 2 results are undetermined."},
		{"incomplete", finding.Result{Stats: judged, Findings: findings(finding.Low), Undetermined: findings(0)}, finding.High, "Incomplete: none of 1 finding is high or worse, but 1 result is undetermined."},
		{"nothing found, incomplete", finding.Result{Stats: judged, Undetermined: findings(0)}, finding.High, "Incomplete: nothing was found, but 1 result is undetermined."},
		{"nothing judged", finding.Result{}, finding.High, "Incomplete: nothing was judged."},
		{"nothing readable", finding.Result{Undetermined: findings(0)}, finding.High, "Incomplete: nothing was judged, but 1 result is undetermined."},
	} {
		got := Verdict(&test.r, test.gate)
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		word := map[int]string{finding.ExitClean: "Passed", finding.ExitFindings: "Failed", finding.ExitIncomplete: "Incomplete"}[test.r.Exit(test.gate)]
		if !strings.HasPrefix(got, word+": ") {
			t.Errorf("%s: %q does not go with exit code %d", test.name, got, test.r.Exit(test.gate))
		}
	}
}

func TestLeast(t *testing.T) {
	flaw := func(asset, fixed string, layer *asset.Layer) finding.Finding {
		return finding.Finding{Asset: finding.Asset{ID: asset}, Layer: layer, Vulnerability: &finding.Vulnerability{Fixed: fixed}}
	}
	base := &asset.Layer{Origin: asset.OriginBase}
	for _, test := range []struct {
		findings []finding.Finding
		want     string
	}{
		{nil, ""},
		{[]finding.Finding{{Rule: "other"}}, ""},
		{[]finding.Finding{flaw("a", "", nil)}, "1 vulnerability in 1 package, none of which has a fix yet."},
		{[]finding.Finding{flaw("a", "2", base), flaw("a", "", base), flaw("b", "3", nil)},
			"3 vulnerabilities in 2 packages: 2 updates end 2; 2 come with the base image."},
	} {
		if got := Least(test.findings); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestStep(t *testing.T) {
	for createdBy, want := range map[string]string{
		"/bin/sh -c #(nop)  CMD [\"bash\"]":                      "CMD [\"bash\"]",
		"/bin/sh -c apt-get update":                              "RUN apt-get update",
		"RUN /bin/sh -c npm ci # buildkit":                       "RUN npm ci",
		"RUN |2 TOKEN=******** B=c /bin/sh -c npm ci # buildkit": "RUN npm ci",
		"|1 TOKEN=******** /bin/sh -c npm ci":                    "RUN npm ci",
		"COPY app /app # buildkit":                               "COPY app /app",
		"":                                                       "",
		"RUN echo /bin/sh -c ls # buildkit":                      "RUN echo /bin/sh -c ls",
		"bazel build //:image":                                   "bazel build //:image",
	} {
		if got := Step(createdBy); got != want {
			t.Errorf("Step(%q) = %q, want %q", createdBy, got, want)
		}
	}
}

func TestVulnerability(t *testing.T) {
	for _, test := range []struct {
		v    finding.Vulnerability
		want string
	}{
		{finding.Vulnerability{Summary: "a flaw", Basis: "CVSS 7.5"}, "a flaw"},
		{finding.Vulnerability{Summary: "a flaw", Basis: "no advisory rates it, medium is assumed"}, "unrated: a flaw"},
		{finding.Vulnerability{Summary: "a flaw", Tier: "symbol", Symbols: []string{"net/http.Get"}}, "linked: http.Get: a flaw"},
		{finding.Vulnerability{Summary: "a flaw", Tier: "module", Basis: "no advisory rates it, medium is assumed"}, "the flawed package is not linked: a flaw"},
		{finding.Vulnerability{Exploited: true}, "exploited in the wild"},
	} {
		if got := Vulnerability(&test.v); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestImage(t *testing.T) {
	image := &asset.Image{Head: asset.Head{Name: "app.tar"}, Build: asset.Build{Ref: asset.ImageRef{Text: "shop/app:1"}, ConfigDigest: "sha256:ab",
		OS: "linux", Architecture: "amd64", Layers: make([]asset.Layer, 3)}}
	for _, test := range []struct {
		base      int64
		certainty string
		want      string
	}{
		{0, "unknown", "app.tar: shop/app:1, sha256:ab, linux/amd64, 3 layers; which of them are a base image's is not known."},
		{1, "likely", "app.tar: shop/app:1, sha256:ab, linux/amd64, 3 layers, the first of them the base image's (likely)."},
		{2, "certain", "app.tar: shop/app:1, sha256:ab, linux/amd64, 3 layers, the first 2 of them the base image's (certain)."},
		{3, "likely", "app.tar: shop/app:1, sha256:ab, linux/amd64, 3 layers, all of them the base image's (likely)."},
	} {
		image.Build.BaseLayers, image.Build.BaseCertainty = test.base, test.certainty
		if got := Image(image); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
