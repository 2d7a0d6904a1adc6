package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/report/wording"
)

func TestDocument(t *testing.T) {
	var out bytes.Buffer
	j := New(&out)
	j.Object("")
	j.Value("text", "<a href=\"x\">&")
	j.Array("list")
	j.Value("", 1)
	j.Value("", map[string]any{"a": []int{1, 2}, "b": map[string]int{}, "c": []string{}})
	j.Close()
	j.Array("none")
	j.Close()
	j.Object("empty")
	j.Close()
	j.Close()
	if err := j.Finish(); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "text": "<a href=\"x\">&",
  "list": [
    1,
    {
      "a": [
        1,
        2
      ],
      "b": {},
      "c": []
    }
  ],
  "none": [],
  "empty": {}
}
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestHiddenCharactersAreEscaped(t *testing.T) {
	const text = "\x1b[2J \u009b \x7f \u202e \U000e0041 \u00ad 名 \\ \""
	got := write(t, text)
	const want = `"\u001b[2J \u009b \u007f \u202e \udb40\udc41 \u00ad 名 \\ \""` + "\n"
	if got != want {
		t.Errorf("got %s want %s", got, want)
	}
	var back string
	if err := json.Unmarshal([]byte(got), &back); err != nil || back != text {
		t.Errorf("read back as %q, %v", back, err)
	}
}

func TestDeepIndentation(t *testing.T) {
	v := any("x")
	for range 60 {
		v = []any{v}
	}
	var want bytes.Buffer
	compact, _ := json.Marshal(v)
	if err := json.Indent(&want, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	if got := write(t, v); got != want.String()+"\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestErrors(t *testing.T) {
	j := New(io.Discard)
	j.Array("")
	j.Value("", math.Inf(1))
	j.Value("", "after it")
	j.Close()
	var unsupported *json.UnsupportedValueError
	if err := j.Finish(); !errors.As(err, &unsupported) {
		t.Errorf("error %v, want that of the value", err)
	}
}

func write(t testing.TB, v any) string {
	t.Helper()
	var out bytes.Buffer
	j := New(&out)
	j.Value("", v)
	if err := j.Finish(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Any document is written as encoding/json would indent it, but for the hidden
// characters.
func FuzzValue(f *testing.F) {
	f.Add([]byte(`{"a\"\\":[1,2.5e3,true,null,"x:{}[],\u202e"],"b":{},"c":[[]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v any
		if json.Unmarshal(text, &v) != nil {
			t.Skip()
		}
		got := write(t, v)
		var back any
		if err := json.Unmarshal([]byte(got), &back); err != nil || !reflect.DeepEqual(v, back) {
			t.Fatalf("%s is read back as %v, %v", got, back, err)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && wording.Hidden(r) }) {
			t.Fatalf("%q holds a hidden character", got)
		}
		if strings.Contains(got, `\u`) || strings.Contains(got, "\u2028") {
			return
		}
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		if got != want.String() {
			t.Fatalf("got\n%s\nwant\n%s", got, want.String())
		}
	})
}
