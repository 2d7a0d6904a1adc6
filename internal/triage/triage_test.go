package triage

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

const today = "2026-11-23"

// span makes a place of lines of a file.
func span(file string, first, last int) source.Place {
	return source.Place{File: file, Position: source.Position{Line: first}, EndLine: last}
}

// failure makes a finding of a rule at a line, on an asset.
func failure(rule string, asset finding.Asset, line int, ignores ...string) finding.Finding {
	return finding.Finding{Rule: rule, Severity: finding.High, Verdict: finding.Fail, Asset: asset,
		Place: span(asset.Place.File, line, 0), Field: "field", Ignores: ignores}
}

// The assets of a manifest with one Deployment of two containers, of a Compose
// file with two services, and of a Dockerfile.
var (
	web   = finding.Asset{Kind: "pod", ID: "a.yaml/Deployment/web", Name: "Deployment shop/web", Format: "kubernetes", Place: span("a.yaml", 2, 30)}
	app   = finding.Asset{Kind: "container", ID: "a.yaml/Deployment/web/app", Name: "Deployment shop/web, container app", Format: "kubernetes", Place: span("a.yaml", 10, 19)}
	side  = finding.Asset{Kind: "container", ID: "a.yaml/Deployment/web/side", Name: "Deployment shop/web, container side", Format: "kubernetes", Place: span("a.yaml", 20, 29)}
	front = finding.Asset{Kind: "container", ID: "compose.yaml/front", Name: "service front", Format: "compose", Place: span("compose.yaml", 2, 8)}
	back  = finding.Asset{Kind: "container", ID: "compose.yaml/back", Name: "service back", Format: "compose", Place: span("compose.yaml", 9, 15)}
	image = finding.Asset{Kind: "image", ID: "Dockerfile", Name: "image of Dockerfile", Format: "dockerfile", Place: span("Dockerfile", 1, 20)}
	// lastStage is the image of a Dockerfile with several stages.
	lastStage = finding.Asset{Kind: "image", ID: "Dockerfile", Name: "image of Dockerfile", Format: "dockerfile", Place: span("Dockerfile", 8, 12)}

	ruleIDs = []string{"root", "caps", "limits", "token"}
)

// suppressed runs Apply and lists the findings that do not count, as
// "rule@asset-or-file:line by".
func suppressed(t *testing.T, findings []finding.Finding, c Choices) ([]string, *finding.Result) {
	t.Helper()
	result := &finding.Result{Findings: findings}
	total := len(findings)
	Apply(result, c, today)
	if len(result.Findings)+len(result.Suppressed) != total {
		t.Errorf("%d findings became %d and %d suppressed", total, len(result.Findings), len(result.Suppressed))
	}
	for _, f := range result.Findings {
		if f.Suppressed != nil {
			t.Errorf("%s counts and is suppressed", f.Rule)
		}
	}
	var out []string
	for _, f := range result.Suppressed {
		out = append(out, fmt.Sprintf("%s@%s:%d %s", f.Rule, f.Asset.ID, f.Place.Line, f.Suppressed.By))
	}
	slices.Sort(out)
	return out, result
}

func messages(notes []finding.Note) string {
	var lines []string
	for _, n := range notes {
		lines = append(lines, fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Message))
	}
	return strings.Join(lines, "\n")
}

func comments(t *testing.T, file, text string) []Ignore {
	t.Helper()
	ignores, notes := Comments(file, []byte(text))
	if len(notes) > 0 {
		t.Fatalf("notes on the comments: %v", notes)
	}
	return ignores
}

// TestCommentScope puts one comment at or above a line and asks which of the
// findings on the assets it hides.
func TestCommentScope(t *testing.T) {
	manifest := []finding.Finding{
		failure("root", web, 8), failure("root", app, 10), failure("root", app, 15), failure("root", side, 24), failure("caps", app, 15),
	}
	compose := []finding.Finding{failure("root", front, 2), failure("root", front, 5), failure("root", back, 9)}
	dockerfile := []finding.Finding{failure("root", image, 3), failure("root", image, 5), failure("root", image, 12)}
	lines := func(n int) []string { return slices.Repeat([]string{"  k: v"}, n) }
	tests := []struct {
		name     string
		file     string
		findings []finding.Finding
		lines    []string
		at       int // the line of the comment
		own      bool
		want     []string
	}{
		{"line", "a.yaml", manifest, lines(30), 15, false, []string{"root@a.yaml/Deployment/web/app:15 comment"}},
		{"above a line", "a.yaml", manifest, lines(30), 14, true, []string{"root@a.yaml/Deployment/web/app:15 comment"}},
		{"end of an asset's first line is that line", "a.yaml", manifest, lines(30), 10, false, []string{"root@a.yaml/Deployment/web/app:10 comment"}},
		{"above an asset", "a.yaml", manifest, lines(30), 9, true, []string{"root@a.yaml/Deployment/web/app:10 comment", "root@a.yaml/Deployment/web/app:15 comment"}},
		{"above an object, with the assets in it", "a.yaml", manifest, lines(30), 1, true,
			[]string{"root@a.yaml/Deployment/web/app:10 comment", "root@a.yaml/Deployment/web/app:15 comment", "root@a.yaml/Deployment/web/side:24 comment", "root@a.yaml/Deployment/web:8 comment"}},
		{"above an object that has no finding itself", "a.yaml", manifest[1:], lines(30), 1, true,
			[]string{"root@a.yaml/Deployment/web/app:10 comment", "root@a.yaml/Deployment/web/app:15 comment", "root@a.yaml/Deployment/web/side:24 comment"}},
		{"above the first line of Compose is no asset", "compose.yaml", compose, lines(15), 1, true,
			[]string{"root@compose.yaml/front:2 comment", "root@compose.yaml/front:5 comment"}},
		{"above a service", "compose.yaml", compose, lines(15), 8, true, []string{"root@compose.yaml/back:9 comment"}},
		{"head of a Dockerfile", "Dockerfile", dockerfile, append([]string{"#", "#", "FROM a"}, lines(12)...), 2, true,
			[]string{"root@Dockerfile:12 comment", "root@Dockerfile:3 comment", "root@Dockerfile:5 comment"}},
		{"above an instruction of several lines", "Dockerfile", dockerfile, append([]string{"FROM x", "", "", "RUN a \\", " b"}, lines(12)...), 3, true,
			[]string{"root@Dockerfile:5 comment"}},
		{"above the stage where the image starts", "Dockerfile", []finding.Finding{failure("root", lastStage, 3), failure("root", lastStage, 8), failure("root", lastStage, 9)},
			append([]string{"FROM x", "", "RUN z", "", "RUN z", "", "", "FROM y", "RUN z"}, lines(3)...), 7, true,
			[]string{"root@Dockerfile:8 comment", "root@Dockerfile:9 comment"}},
		{"above a stage", "Dockerfile", dockerfile, append([]string{"FROM x", "", "", "FROM y", " RUN z", "FROM z"}, lines(12)...), 3, true,
			[]string{"root@Dockerfile:5 comment"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := slices.Clone(test.lines)
			if test.own {
				text[test.at-1] = "# holdfast:ignore root -- why"
			} else {
				text[test.at-1] += " # holdfast:ignore root -- why"
			}
			ignores := comments(t, test.file, strings.Join(text, "\n"))
			got, result := suppressed(t, slices.Clone(test.findings), Choices{Ignores: ignores})
			if !slices.Equal(got, test.want) {
				t.Errorf("suppressed:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if len(result.Notes) > 0 {
				t.Errorf("notes: %s", messages(result.Notes))
			}
			s := result.Suppressed[0].Suppressed
			if s.Reason != "why" || s.Place.File != test.file || s.Place.Line != test.at {
				t.Errorf("suppression %+v", s)
			}
		})
	}
}

func TestIgnoreFileHoldsForPlacesAndAssetsOfTheFile(t *testing.T) {
	inherited := failure("root", front, 3)
	inherited.Place.File = "base.yaml"
	for _, file := range []string{"base.yaml", "compose.yaml"} {
		got, _ := suppressed(t, []finding.Finding{inherited, failure("root", app, 3)},
			Choices{Ignores: comments(t, file, "a: 1\n# holdfast:ignore-file root -- why\n")})
		if want := []string{"root@compose.yaml/front:3 comment"}; !slices.Equal(got, want) {
			t.Errorf("%s: %v", file, got)
		}
	}
}

func TestConfigIgnores(t *testing.T) {
	findings := []finding.Finding{failure("root", app, 10), failure("caps", app, 11), failure("root", front, 5), failure("root", image, 3)}
	tests := []struct {
		name   string
		ignore Ignore
		want   []string
	}{
		{"rule", Ignore{Rules: []string{"caps"}}, []string{"caps@a.yaml/Deployment/web/app:11 config"}},
		{"pattern of rules", Ignore{Rules: []string{"c*", "x"}}, []string{"caps@a.yaml/Deployment/web/app:11 config"}},
		{"path", Ignore{Rules: []string{"*"}, Paths: []string{"Docker*"}}, []string{"root@Dockerfile:3 config"}},
		{"path of the configuration's folder", Ignore{Rules: []string{"*"}, Base: "x/y", Paths: []string{"x/y/Docker*", "a.yaml/z"}}, []string{"root@Dockerfile:3 config"}},
		{"asset by name", Ignore{Rules: []string{"*"}, Assets: []string{"service front"}}, []string{"root@compose.yaml/front:5 config"}},
		{"asset by id", Ignore{Rules: []string{"root"}, Assets: []string{"*/web/app"}}, []string{"root@a.yaml/Deployment/web/app:10 config"}},
		{"all of them have to match", Ignore{Rules: []string{"root"}, Paths: []string{"a.yaml"}, Assets: []string{"service*"}}, nil},
		{"until today", Ignore{Rules: []string{"caps"}, Until: today}, []string{"caps@a.yaml/Deployment/web/app:11 config"}},
		{"expired", Ignore{Rules: []string{"caps"}, Until: "2026-11-22"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.ignore.By, test.ignore.Reason = ByConfig, "why"
			got, _ := suppressed(t, slices.Clone(findings), Choices{Ignores: []Ignore{test.ignore}})
			if !slices.Equal(got, test.want) {
				t.Errorf("suppressed %v, want %v", got, test.want)
			}
		})
	}
}

func TestAnnotations(t *testing.T) {
	text := "root, caps until 2027-01-31 -- needs the host; limits: batch job\n\nnonsense here\ntoken -- never used"
	findings := []finding.Finding{
		failure("root", app, 10, text), failure("limits", app, 12, text), failure("caps", side, 20, text), failure("probes", web, 2, text),
		failure("root", front, 5),
	}
	got, result := suppressed(t, findings, Choices{})
	want := []string{"caps@a.yaml/Deployment/web/side:20 annotation", "limits@a.yaml/Deployment/web/app:12 annotation", "root@a.yaml/Deployment/web/app:10 annotation"}
	if !slices.Equal(got, want) {
		t.Errorf("suppressed %v, want %v", got, want)
	}
	for _, f := range result.Suppressed {
		if f.Rule == "limits" && f.Suppressed.Reason != "batch job" || f.Rule == "root" && f.Suppressed.Until != "2027-01-31" {
			t.Errorf("%s: %+v", f.Rule, f.Suppressed)
		}
	}
	notes := messages(result.Notes)
	for _, want := range []string{`a.yaml:2: the ignore annotation "nonsense here" is disregarded`, "a.yaml:2: the ignore of token matches nothing"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, notes)
		}
	}
	if len(result.Notes) != 2 {
		t.Errorf("notes:\n%s", notes)
	}
}

func TestNotes(t *testing.T) {
	unread := finding.Unread(span("b.yaml", 3, 0), "it is broken")
	tests := []struct {
		name   string
		ignore Ignore
		rules  []string
		want   string // "" for no note
	}{
		{"all is well", Ignore{Rules: []string{"root"}, Reason: "why"}, ruleIDs, ""},
		{"no reason", Ignore{Rules: []string{"root"}}, ruleIDs, "the ignore of root has no reason and is disregarded"},
		{"expired", Ignore{Rules: []string{"root"}, Reason: "why", Until: "2026-11-22"}, ruleIDs, "the ignore of root expired on 2026-11-22: 2 findings count again"},
		{"expired and stale", Ignore{Rules: []string{"caps"}, Reason: "why", Until: "2026-11-22"}, ruleIDs, "expired on 2026-11-22 and matches nothing any more"},
		{"stale", Ignore{Rules: []string{"caps", "tok*"}, Reason: "why", Paths: []string{"a.yaml"}}, ruleIDs, "the ignore of caps, tok* matches nothing in what was scanned"},
		{"stale, or in the file that was not read", Ignore{Rules: []string{"caps"}, Reason: "why", Paths: []string{"b.yaml"}}, ruleIDs, ""},
		{"unknown rule", Ignore{Rules: []string{"limit"}, Reason: "why"}, ruleIDs, "in an ignore: there is no rule limit: did you mean limits?"},
		{"unknown rule with nothing near", Ignore{Rules: []string{"zzzzzzzz"}, Reason: "why"}, ruleIDs, "there is no rule zzzzzzzz: see holdfast rules list"},
		{"unknown pattern", Ignore{Rules: []string{"zz*"}, Reason: "why"}, ruleIDs, "no rule matches zz*"},
		{"one unknown of two", Ignore{Rules: []string{"root", "rot"}, Reason: "why"}, ruleIDs, "there is no rule rot: did you mean root?"},
		{"rules not told", Ignore{Rules: []string{"zzz", "root"}, Reason: "why"}, nil, ""},
		{"undetermined", Ignore{Rules: []string{"input-*"}, Reason: "why"}, []string{"input-unread"}, "matches only what could not be judged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.ignore.By, test.ignore.Place = ByConfig, span(".holdfast.yaml", 7, 0)
			result := &finding.Result{
				Findings:     []finding.Finding{failure("root", app, 10), failure("root", side, 24)},
				Undetermined: []finding.Finding{unread},
			}
			Apply(result, Choices{Ignores: []Ignore{test.ignore}, Rules: test.rules}, today)
			if test.want == "" {
				if len(result.Notes) > 0 {
					t.Errorf("notes:\n%s", messages(result.Notes))
				}
				return
			}
			if len(result.Notes) != 1 || !strings.Contains(messages(result.Notes), ".holdfast.yaml:7: ") || !strings.Contains(messages(result.Notes), test.want) {
				t.Errorf("notes:\n%s\nwant %q", messages(result.Notes), test.want)
			}
			if len(result.Undetermined) != 1 {
				t.Error("what could not be judged was taken away")
			}
		})
	}
}

func TestStaleComments(t *testing.T) {
	ignores := comments(t, "a.yaml", "a: 1\nb: 1 # holdfast:ignore caps -- why\n")
	_, result := suppressed(t, []finding.Finding{failure("root", app, 10)}, Choices{Ignores: ignores})
	if want := "a.yaml:2: the ignore of caps matches nothing: remove it"; messages(result.Notes) != want {
		t.Errorf("notes: %s", messages(result.Notes))
	}
	result = &finding.Result{Undetermined: []finding.Finding{finding.Unread(span("a.yaml", 1, 0), "broken")}}
	if Apply(result, Choices{Ignores: ignores}, today); len(result.Notes) > 0 {
		t.Errorf("notes on a file that was not read: %s", messages(result.Notes))
	}
}

func TestNoIgnoresTellsHowManyWouldApply(t *testing.T) {
	findings := []finding.Finding{failure("root", app, 10, "caps -- host tool"), failure("caps", app, 11, "caps -- host tool"), failure("root", front, 5)}
	c := Choices{NoIgnores: true, Ignores: append(comments(t, "a.yaml", "# holdfast:ignore-file root -- why\n"),
		Ignore{Rules: []string{"root"}, By: ByConfig}, Ignore{Rules: []string{"token"}, By: ByConfig, Reason: "why"})}
	got, result := suppressed(t, findings, c)
	if len(got) > 0 {
		t.Errorf("suppressed %v", got)
	}
	if want := ":0: ignores are switched off: 2 ignores would suppress 2 findings"; messages(result.Notes) != want {
		t.Errorf("notes:\n%s", messages(result.Notes))
	}
}

func TestTheMostTellingChoiceIsGiven(t *testing.T) {
	config := Ignore{Rules: []string{"*"}, By: ByConfig, Reason: "all"}
	comment := comments(t, "a.yaml", "# holdfast:ignore-file root -- here\n")
	f := func() []finding.Finding {
		return finding.Sort([]finding.Finding{failure("root", app, 10), failure("caps", app, 11, "caps -- there")})
	}
	baseline := Baseline{}
	for _, known := range f() {
		baseline.Entries = append(baseline.Entries, entryOf(&known))
	}
	diff := &Diff{Changed: map[string][]Range{}}
	for _, test := range []struct {
		c    Choices
		want string
	}{
		{Choices{Ignores: append([]Ignore{config}, comment...), Baseline: baseline, Diff: diff}, "caps annotation root comment"},
		{Choices{Ignores: []Ignore{config}, Baseline: baseline, Diff: diff}, "caps annotation root config"},
		{Choices{NoIgnores: true, Baseline: baseline, Diff: diff}, "caps baseline root baseline"},
		{Choices{NoIgnores: true, Diff: diff}, "caps diff root diff"},
	} {
		_, result := suppressed(t, f(), test.c)
		var got []string
		for _, s := range result.Suppressed {
			got = append(got, s.Rule+" "+s.Suppressed.By)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != test.want {
			t.Errorf("got %v, want %s", got, test.want)
		}
	}
}

// TestReportOrderFollowsWhatCounts: an asset whose worst finding is ignored
// goes down in the order.
func TestReportOrderFollowsWhatCounts(t *testing.T) {
	worst := failure("root", app, 10)
	worst.Severity = finding.Critical
	low := failure("limits", app, 11)
	low.Severity = finding.Low
	_, result := suppressed(t, []finding.Finding{worst, low, failure("root", front, 5)},
		Choices{Ignores: comments(t, "a.yaml", "# holdfast:ignore-file root -- why\n")})
	if result.Findings[0].Asset.ID != front.ID {
		t.Errorf("first is %s", result.Findings[0].Asset.ID)
	}
}

func TestFiles(t *testing.T) {
	inherited := failure("root", front, 3)
	inherited.Place.File = "base.yaml"
	got := Files([]finding.Finding{inherited, failure("root", app, 3), failure("caps", app, 3)})
	if want := []string{"a.yaml", "base.yaml", "compose.yaml"}; !slices.Equal(got, want) {
		t.Errorf("files %v", got)
	}
}
