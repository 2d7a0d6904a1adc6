package triage

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

func writeBaseline(t rapid.TB, findings []finding.Finding) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteBaseline(&b, findings); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readBaseline(t rapid.TB, text string) Baseline {
	t.Helper()
	b, err := ReadBaseline(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBaselineFile(t *testing.T) {
	a, b := failure("root", app, 10), failure("caps", front, 5)
	a.Fingerprint, b.Fingerprint = "f1", "f2"
	a.Key, b.Asset.Name, b.Field = "mounts[data].path", "service <front> & co", ""
	want := `{"version": 1, "entries": [
{"fingerprint":"f1","rule":"root","field":"mounts[data].path","asset":"Deployment shop/web, container app","file":"a.yaml"},
{"fingerprint":"f2","rule":"caps","asset":"service <front> & co","file":"compose.yaml"}
]}
`
	if got := writeBaseline(t, []finding.Finding{b, a, b}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := writeBaseline(t, nil); len(readBaseline(t, got).Entries) != 0 {
		t.Errorf("an empty baseline is %q", got)
	}
}

func TestBaselineHoldsNoText(t *testing.T) {
	for _, test := range []struct {
		field, key string
		sensitive  bool
		want       string
	}{
		{"vulnerabilities[3]", "vulnerabilities[CVE-2026-1]", false, "vulnerabilities[CVE-2026-1]"},
		{"mounts[0].path", "mounts[/var/run].path", false, "mounts[/var/run].path"},
		{"instructions[4].commands[0]", "instructions[mysql -phunter2].commands[mysql]", false, "instructions[4].commands[0]"},
		{"instructions[4].pairs[0].value", "instructions[TOKEN=hunter2].pairs[TOKEN].value", false, "instructions[4].pairs[0].value"},
		{"args[1]", "args[https://shop:hunter2@db]", false, "args[1]"},
		{"args[1]", "args[hunter2]", true, "args[1]"},
		{"user", "", false, "user"},
	} {
		f := failure("rule", app, 1)
		f.Field, f.Key, f.Sensitive, f.Fingerprint = test.field, test.key, test.sensitive, "f1"
		if got := readBaseline(t, writeBaseline(t, []finding.Finding{f})).Entries[0].Field; got != test.want {
			t.Errorf("%s: got %s, want %s", test.key, got, test.want)
		}
	}
}

func TestBaselineErrors(t *testing.T) {
	entry := `{"fingerprint":"f","rule":"r","asset":"a","file":"b"}`
	for text, want := range map[string]string{
		"":   "line 1: the baseline ends too early",
		"{}": "it is no baseline, as it has no version",
		"{\"version\": 1,\n\"entries\": [\n" + entry + ",\n<<<<<<< HEAD\n": "line 4: invalid character '<'",
		"{\"version\": 1,\n\"entries\": [\n":                               "line 3: the baseline ends too early",
		`{"version": 2, "entries": []}`:                                    "version 2 and this program reads 1",
		"{\"version\": 1,\n\"entrys\": []}":                                `unknown field "entrys"`,
		"{\"version\": 1,\n\"entries\": {}}":                               "line 2: entries has another type",
		"{\"version\": \"1\"}":                                             "line 1: version has another type",
		"[]":                                                               "line 1: the whole has another type",
		`{"version": 1, "entries": [` + entry + `, {"rule": "r"}]}`:        "entry 2 of the baseline has no fingerprint",
		"{\"version\": 1}\n{}":                                             "line 2: more follows",
	} {
		if _, err := ReadBaseline(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", text, err, want)
		}
	}
	broken := errors.New("broken disk")
	if _, err := ReadBaseline(readerFunc(func([]byte) (int, error) { return 0, broken })); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// moved gives an asset another file, and so another identity.
func moved(f finding.Finding, file string) finding.Finding {
	f.Asset.ID = file + f.Asset.ID
	f.Asset.Place.File, f.Place.File = file, file
	f.Fingerprint = ""
	return f
}

func TestBaseline(t *testing.T) {
	known := []finding.Finding{failure("root", app, 10), failure("caps", app, 11), failure("root", front, 5)}
	baseline := readBaseline(t, writeBaseline(t, finding.Sort(slices.Clone(known))))
	anew := func(f finding.Finding) finding.Finding { f.Fingerprint = ""; return f }
	copied := moved(known[0], "z.yaml")
	tests := []struct {
		name     string
		findings []finding.Finding
		c        Choices
		want     int // suppressed
		note     string
	}{
		{"the same", []finding.Finding{known[0], known[1], known[2]}, Choices{}, 3, ""},
		{"lines moved", []finding.Finding{failure("root", app, 110), failure("caps", app, 111), failure("root", front, 105)}, Choices{}, 3, ""},
		{"file moved", []finding.Finding{moved(known[0], "b.yaml"), moved(known[1], "b.yaml"), known[2]}, Choices{}, 3, ""},
		{"one is new", []finding.Finding{known[0], known[1], known[2], failure("limits", app, 10)}, Choices{}, 3, ""},
		{"a copy is new", []finding.Finding{known[0], known[1], known[2], copied}, Choices{}, 3, ""},
		{"one is fixed", []finding.Finding{known[0], known[2]}, Choices{}, 2, "1 baseline entry is fixed: run holdfast baseline write"},
		{"two are fixed", []finding.Finding{known[0]}, Choices{}, 1, "2 baseline entries are fixed"},
		{"fixed, or not looked at", []finding.Finding{known[2]}, Choices{Targets: []string{"compose.yaml"}}, 1, ""},
		{"fixed in the target", []finding.Finding{known[2]}, Choices{Targets: []string{"."}}, 1, "2 baseline entries are fixed"},
		{"an ignored finding is not fixed", []finding.Finding{known[0], known[1], known[2]},
			Choices{Ignores: []Ignore{{Rules: []string{"caps"}, By: ByConfig, Reason: "why"}}}, 3, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i := range test.findings {
				test.findings[i] = anew(test.findings[i])
			}
			test.c.Baseline = baseline
			got, result := suppressed(t, test.findings, test.c)
			if len(got) != test.want {
				t.Errorf("suppressed %v, want %d", got, test.want)
			}
			if notes := messages(result.Notes); (notes == "") != (test.note == "") || !strings.Contains(notes, test.note) {
				t.Errorf("notes %q, want %q", notes, test.note)
			}
		})
	}
	t.Run("what could not be judged is not fixed", func(t *testing.T) {
		result := &finding.Result{Findings: []finding.Finding{anew(known[2])}, Undetermined: []finding.Finding{finding.Unread(span("a.yaml", 1, 0), "broken")}}
		if Apply(result, Choices{Baseline: baseline}, today); len(result.Notes) > 0 {
			t.Errorf("notes: %s", messages(result.Notes))
		}
	})
}

// drawFindings makes findings on a few assets, so that rules, fields and names
// meet again.
func drawFindings(t *rapid.T) []finding.Finding {
	one := rapid.Custom(func(t *rapid.T) finding.Finding {
		file := rapid.SampledFrom([]string{"a.yaml", "b.yaml", "dir/a.yaml", "dir/\"b\".yaml"}).Draw(t, "file")
		name := rapid.OneOf(rapid.SampledFrom([]string{"web", "ü<>&\u2028", "line\nbreak", "\\"}), rapid.String()).Draw(t, "name")
		line := rapid.IntRange(1, 60).Draw(t, "line")
		f := failure(rapid.SampledFrom([]string{"root", "caps", "limits"}).Draw(t, "rule"),
			finding.Asset{ID: file + "/" + name, Name: name, Place: span(file, line, 60)}, line)
		f.Field = rapid.SampledFrom([]string{"", "a", "a.b[2]"}).Draw(t, "field")
		f.Severity = rapid.SampledFrom(finding.Severities()).Draw(t, "severity")
		return f
	})
	return finding.Sort(rapid.SliceOfN(one, 0, 30).Draw(t, "findings"))
}

// TestBaselineRoundTrip: whatever the findings are, a baseline of them hides
// them all, in any order of writing, after lines have moved and after all files
// were moved to other folders.
func TestBaselineRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		findings := drawFindings(r)
		text := writeBaseline(r, findings)
		if again := writeBaseline(r, rapid.Permutation(findings).Draw(r, "order")); again != text {
			r.Fatalf("the order of findings shows:\n%s\n%s", text, again)
		}
		baseline := readBaseline(r, text)
		for name, change := range map[string]func(finding.Finding) finding.Finding{
			"as it was": func(f finding.Finding) finding.Finding { return f },
			"lines moved": func(f finding.Finding) finding.Finding {
				f.Place.Line += 7
				f.Asset.Place.Line += 7
				f.Asset.Place.EndLine += 9
				return f
			},
			"files moved": func(f finding.Finding) finding.Finding { return moved(f, "new/"+f.Place.File) },
		} {
			later := slices.Clone(findings)
			for i := range later {
				later[i] = change(later[i])
			}
			result := &finding.Result{Findings: later}
			Apply(result, Choices{Baseline: baseline}, today)
			if len(result.Findings) > 0 || len(result.Notes) > 0 {
				r.Fatalf("%s: %d of %d findings count, notes %q", name, len(result.Findings), len(findings), messages(result.Notes))
			}
		}
	})
}

// FuzzReadBaseline: whatever is read can be written and read again, the same.
func FuzzReadBaseline(f *testing.F) {
	f.Add([]byte(`{"version": 1, "entries": [` + "\n" + `{"fingerprint":"f","rule":"r","field":"x","asset":"a","file":"b"}` + "\n]}"))
	f.Add([]byte("{\"version\": 1}\n["))
	f.Add([]byte("{\"version\": 1.5, \"entries\": [null]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ReadBaseline(bytes.NewReader(text))
		if err != nil {
			return
		}
		var findings []finding.Finding
		for _, e := range b.Entries {
			findings = append(findings, finding.Finding{Rule: e.Rule, Field: e.Field, Fingerprint: e.Fingerprint,
				Asset: finding.Asset{Name: e.Asset, Place: span(e.File, 1, 1)}})
		}
		slices.SortFunc(b.Entries, compareEntries)
		again := readBaseline(t, writeBaseline(t, findings))
		if !slices.Equal(again.Entries, slices.Compact(b.Entries)) {
			t.Fatalf("read %q,\nthen %q", b.Entries, again.Entries)
		}
	})
}
