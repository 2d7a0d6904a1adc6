package source

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func parseOne(t *testing.T, text string) *Node {
	t.Helper()
	docs := Split([]byte(text))
	if len(docs) != 1 {
		t.Fatalf("got %d documents, want 1", len(docs))
	}
	n, err := docs[0].Parse()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPlaces(t *testing.T) {
	yaml := "a:\n  b: true\n  c:\n    - x: 'q'\n    - x: 2\n  d: null\n"
	json := "{\"a\": {\n\t\"b\": true,\n\t\"c\": [\n\t\t{\"x\": \"q\"}, {\"x\": 2}],\n\t\"d\": null}}\n"
	tests := []struct {
		name, text string
		keys       []string
		want       Position
	}{
		{"yaml scalar", yaml, []string{"a", "b"}, Position{2, 6}},
		{"yaml list is at its key", yaml, []string{"a", "c"}, Position{3, 3}},
		{"yaml absent key is at its parent's key", yaml, []string{"a", "z"}, Position{1, 1}},
		{"yaml null", yaml, []string{"a", "d"}, Position{6, 6}},
		{"json scalar", json, []string{"a", "b"}, Position{2, 7}},
		{"json list", json, []string{"a", "c"}, Position{3, 2}},
		{"json absent", json, []string{"a", "z"}, Position{1, 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := parseOne(t, test.text).Place(test.keys...); got != test.want {
				t.Errorf("place of %v is %v, want %v", test.keys, got, test.want)
			}
		})
	}
	if got := parseOne(t, yaml).List("a", "c")[1].Place("x"); got != (Position{5, 10}) {
		t.Errorf("element place is %v", got)
	}
}

func TestSplitKeepsLinesOfTheFile(t *testing.T) {
	docs := Split([]byte("\xef\xbb\xbf# only a comment\n---\nkind: A\r\n---\r\n# c\n\n---\n  \n--- \nkind: \"B\" # b\ntext: |\n  --- no marker\n"))
	if len(docs) != 2 {
		t.Fatalf("got %d documents, want 2", len(docs))
	}
	if k := docs[0].TopLevel("kind"); k != "A" {
		t.Errorf("first kind is %q", k)
	}
	if k := docs[1].TopLevel("kind"); k != "B" {
		t.Errorf("second kind is %q", k)
	}
	n, err := docs[1].Parse()
	if err != nil {
		t.Fatal(err)
	}
	if at := n.Place("kind"); at != (Position{10, 7}) {
		t.Errorf("kind of the second document is at %v", at)
	}
}

func TestMergeKeysAndAliases(t *testing.T) {
	n := parseOne(t, "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nagain: *b\nscalar: &s v\ns2: *s\n")
	if x, _ := n.Int("use", "x"); x != 1 {
		t.Errorf("x = %d", x)
	}
	if y, _ := n.Int("use", "y"); y != 3 {
		t.Errorf("y = %d: the own key wins", y)
	}
	if got := n.Place("use", "x"); got != (Position{1, 14}) {
		t.Errorf("merged value is at %v, want where it is written", got)
	}
	if n.Text("s2") != "v" || n.Place("s2").Line != 6 {
		t.Errorf("alias of a scalar: %q at %v", n.Text("s2"), n.Place("s2"))
	}
}

func TestBooleansAsKubectlReadsThem(t *testing.T) {
	n := parseOne(t, "a: yes\nb: 'yes'\nc: off\nd: True\ne: \"true\"\n")
	for key, want := range map[string][2]bool{"a": {true, true}, "b": {false, false}, "c": {false, true}, "d": {true, true}, "e": {false, false}, "f": {false, false}} {
		v, ok := n.Bool(key)
		if v != want[0] || ok != want[1] {
			t.Errorf("%s: got %v, %v", key, v, ok)
		}
	}
}

func TestPresentLeavesNullsOut(t *testing.T) {
	root := parseOne(t, "a:\nb: {c: ~, d: 1}\ne: [~, {f: null}]\n")
	if got, want := fmt.Sprint(root.Present()), "map[b:map[d:1] e:[<nil> map[]]]"; got != want {
		t.Errorf("present: got %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(root.Native()), "map[a:<nil> b:map[c:<nil> d:1] e:[<nil> map[f:<nil>]]]"; got != want {
		t.Errorf("native: got %s, want %s", got, want)
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 9; i++ {
		p, c := string(rune('0'+i-1)), string(rune('0'+i))
		bomb += "a" + c + ": &a" + c + " [" + strings.Repeat("*a"+p+", ", 9) + "*a" + p + "]\n"
	}
	tests := []struct {
		name, text string
		line       int
		reason     string
	}{
		{"tab", "a: 1\n---\nb:\n\t- c\n", 4, ""},
		{"bomb", bomb, 6, "aliases expand"},
		{"cycle", "a: &a\n  b: *a\n", 2, "contains it"},
		{"deep yaml", strings.Repeat("[", 5000), 1, ""},
		{"deep json", "[" + strings.Repeat("[", 5000) + strings.Repeat("]", 5001), 1, ""},
		{"json cut off", "{\"a\": {\n\"b\": ", 2, ""},
		{"bare carriage return", "a: 1\r\nb: 2\rc: 3\n", 2, "stands alone"},
		{"broken utf-8", "a: \xff\xfe\n", 1, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			docs := Split([]byte(test.text))
			_, err := docs[len(docs)-1].Parse()
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got error %v, want a syntax error", err)
			}
			if syntax.Line != test.line || !strings.Contains(syntax.Reason, test.reason) {
				t.Errorf("got %v, want line %d and %q", err, test.line, test.reason)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a: &x [1, *x]\n--- \n{\"b\": [true, null]}\n"))
	f.Add([]byte("<<: {a: b}\nc: |\n  d\n"))
	f.Add([]byte("{\"a\":\t{\"b\":1}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, doc := range Split(text) {
			n, err := doc.Parse()
			if err != nil {
				var syntax *SyntaxError
				if !errors.As(err, &syntax) || syntax.Line < doc.Line {
					t.Fatalf("error without a place: %v", err)
				}
				continue
			}
			if n.EndLine < n.Line {
				t.Fatalf("value ends on line %d before it starts on line %d", n.EndLine, n.Line)
			}
			doc.TopLevel("kind")
		}
	})
}

func TestTags(t *testing.T) {
	n := parseOne(t, "a: !reset null\nb: !override\n  - x\nc: !!str 5\nd: x\n")
	for name, want := range map[string]string{"a": "!reset", "b": "!override", "c": "", "d": ""} {
		if got := n.Pair(name).Value.Tag; got != want {
			t.Errorf("%s has tag %q, want %q", name, got, want)
		}
	}
	if at := n.Place("d"); at != (Position{5, 4}) {
		t.Errorf("what follows stands at %v", at)
	}
}
