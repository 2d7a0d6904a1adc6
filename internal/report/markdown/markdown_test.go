package markdown

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t testing.TB, r *finding.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r, Options{Gate: finding.High, Command: "holdfast scan . --explain"}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	for name, r := range map[string]*finding.Result{
		"nothing": {}, "empty": sample.Empty(), "rich": sample.Rich(),
	} {
		sample.Compare(t, "testdata/"+name+".md", render(t, r), *update)
	}
}

// GitHub refuses a comment of more than 65,536 characters, so the rest must be
// cut, and counted.
func TestBounded(t *testing.T) {
	worst := func(text string) *finding.Result {
		r := sample.Many(3000)
		for i := range r.Findings {
			f := &r.Findings[i]
			f.Message, f.Fix, f.Asset.Name, f.Place.File = text, text, text, text
		}
		r.Undetermined = r.Findings[:2000:2000]
		for i := range 2000 {
			r.Notes = append(r.Notes, finding.Note{Message: fmt.Sprint(text, i)})
		}
		return r
	}
	for name, r := range map[string]*finding.Result{
		"many": sample.Many(50_000), "dollars": worst(strings.Repeat("$", 400)), "mentions": worst(strings.Repeat("@#", 400)),
		"wide": worst(strings.Repeat("名", 400)), "one asset": oneAsset(5000), "rich": sample.Rich(),
	} {
		var out bytes.Buffer
		if err := Write(&out, r, Options{Command: strings.Repeat("界", 400)}); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if len(text) > 65_536 || !utf8.ValidString(text) {
			t.Errorf("%s: %d bytes, valid UTF-8: %v", name, len(text), utf8.ValidString(text))
		}
		if open, closed := strings.Count(text, "<details>"), strings.Count(text, "</details>"); open != closed {
			t.Errorf("%s: %d details are opened, %d closed", name, open, closed)
		}
		shown := strings.Count(text, "\n- critical: ") + strings.Count(text, "\n- **") + strings.Count(text, "\n- medium: ") +
			strings.Count(text, "\n- low: ") + strings.Count(text, "\n- info: ")
		left := 0
		if i := strings.Index(text, " more findings do not fit"); i >= 0 {
			fmt.Sscan(text[strings.LastIndexByte(text[:i], '\n')+1:i], &left)
		}
		if shown+left != len(r.Findings) {
			t.Errorf("%s: %d findings are shown and %d said to be left out, want %d together", name, shown, left, len(r.Findings))
		}
	}
}

func oneAsset(n int) *finding.Result {
	r := sample.Many(n)
	for i := range r.Findings {
		r.Findings[i].Asset = r.Findings[0].Asset
	}
	return r
}

func TestProse(t *testing.T) {
	for in, want := range map[string]string{
		"plain: text, 1-2 (x)": "plain: text, 1-2 (x)",
		"@octocat":             "@&#8203;octocat",
		"fixes #12 !3":         "fixes #&#8203;12 !&#8203;3",
		"[a](https://b)":       `\[a\](https:&#8203;//b)`,
		"www.evil.example":     "www&#8203;.evil.example",
		"<img src=x>&lt;":      "&lt;img src=x&gt;&amp;lt;",
		"a | `b` *c* _d_ ~e~":  "a \\| \\`b\\` \\*c\\* \\_d\\_ \\~e\\~",
		`\*`:                   `\\\*`,
		"$x$":                  "<span>$</span>x<span>$</span>",
	} {
		if got := prose(in); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"a.yaml:1":     "`a.yaml:1`",
		"a`b":          "`` a`b ``",
		"``x`":         "``` ``x` ```",
		"@octocat <b>": "`@octocat <b>`",
		"a\n\nb":       "`a b`",
	} {
		if got := code(in); got != want {
			t.Errorf("code(%q) = %q, want %q", in, got, want)
		}
	}
}

// A pipe would end the cell of a table even within a code span.
func TestTableCells(t *testing.T) {
	r := sample.One()
	r.Findings[0].Message, r.Findings[0].Place.File = `a\|b`, `c\|d.yaml`
	if text, want := string(render(t, r)), `| a\\\|b | c\\\|d.yaml:31:23 |`+"\n"; !strings.Contains(text, want) {
		t.Errorf("no row with %s in\n%s", want, text)
	}
}
