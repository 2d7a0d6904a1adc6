package compose

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
)

func TestExpand(t *testing.T) {
	s := &scope{gaps: newGaps(), vars: map[string]variable{
		"TAG": {"1.27", ".env"}, "EMPTY": {"", ".env"}, "A_b2": {"x", ""},
	}}
	tests := []struct{ name, text, want, reason string }{
		{"no reference", "nginx", "nginx", ""},
		{"named", "nginx:$TAG-a", "nginx:1.27-a", ""},
		{"braced", "nginx:${TAG}a", "nginx:1.27a", ""},
		{"escaped dollar", "$${TAG} $$TAG", "${TAG} $TAG", ""},
		{"no name after the dollar", "cost 5$ $1 $", "cost 5$ $1 $", ""},
		{"default of an absent variable", "${NO:-d}${NO-d}", "dd", ""},
		{"default of an empty variable", "[${EMPTY:-d}][${EMPTY-d}]", "[d][]", ""},
		{"default with braces", `${NO:-{"a": {}}}!`, `{"a": {}}!`, ""},
		{"default that is a reference", "${NO:-${TAG}}", "1.27", ""},
		{"default without a value", "a${NO:-${NEITHER}}", "a${NEITHER}", "variable NEITHER has no value here"},
		{"alternative", "[${TAG:+y}][${EMPTY:+y}][${EMPTY+y}][${NO+y}]", "[y][][y][]", ""},
		{"required and there", "${TAG:?needed}", "1.27", ""},
		{"required and absent", "${NO:?say: so}", "${NO:?say: so}", "variable NO has no value here"},
		{"required and empty", "${EMPTY:?}${EMPTY?}", "${EMPTY:?}", "variable EMPTY has no value here"},
		{"absent", "x/${NO}:$NOR${NO}", "x/${NO}:$NOR${NO}", "variables NO, NOR have no value here"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, err := s.expand(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.gaps.fill(e.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := s.gaps.reason(e.text); got != test.reason {
				t.Errorf("reason is %q, want %q", got, test.reason)
			}
		})
	}
	for _, text := range []string{"${", "${}", "${A", "${A:-b", "${A b}", "${1}", "${A:-a\nb}", strings.Repeat("${A:-", 50)} {
		if e, err := s.expand(text); err == nil {
			t.Errorf("%q expands to %q, want an error", text, e.text)
		}
	}
}

// A mark in the input itself must not pass for a gap.
func TestExpandForgedGap(t *testing.T) {
	s := &scope{gaps: newGaps()}
	forged := s.gaps.mark(gap{"${SECRET}", "SECRET"})
	if e, err := s.expand("a" + forged); err != nil || open(e.text) {
		t.Errorf("got %q, %v: the mark survived", e.text, err)
	}
}

// Where every variable has a value, references mean what compose-go says.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"$A", "${A}", "${B:-x}", "$$A", "${C-${A}}", "${A:+y}z", "${C:?no}", "a$", "${", "${A:-{}}"} {
		f.Add(seed)
	}
	vars := map[string]string{"A": "1", "B": "", "a": "2"}
	f.Fuzz(func(t *testing.T, text string) {
		s := &scope{gaps: newGaps(), vars: map[string]variable{}}
		for name, value := range vars {
			s.vars[name] = variable{value: value}
		}
		got, err := s.expand(text)
		if err != nil || open(got.text) || strings.Contains(text, "{{") || strings.ContainsRune(text, gapStart) || strings.ContainsAny(text, "ſK") {
			return
		}
		want, wantErr := template.Substitute(text, func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
		if wantErr == nil && got.text != want {
			t.Errorf("%q expands to %q, compose-go says %q", text, got.text, want)
		}
	})
}

const envSample = `# a comment
PLAIN=one two # not this
export EXPORTED=yes
QUOTED="a \"b\" $PLAIN \$X"  # said
SINGLE='$PLAIN "x"'
YAML: style
EMPTY=
  INDENTED =  spaced
MULTI="first
second"
LATER=$MULTI!
HASH=a#b
ESC="tab\tend\0101"
`

func TestEnvFile(t *testing.T) {
	gaps := newGaps()
	got, err := parseEnvFile([]byte("\ufeff"+envSample+"UNKNOWN=a${NOWHERE}\nFROM=$OUTER\nPLAIN2=${NO:-d}\nONLY\n"), "", gaps,
		func(name string) (variable, bool) { return variable{value: "out"}, name == "OUTER" })
	if err != nil {
		t.Fatal(err)
	}
	want, err := dotenv.Parse(strings.NewReader(envSample))
	if err != nil {
		t.Fatal(err)
	}
	want["UNKNOWN"], want["FROM"], want["PLAIN2"] = "a${NOWHERE}", "out", "d"
	for name, value := range want {
		if gaps.fill(got[name].value) != value {
			t.Errorf("%s is %q, want %q", name, gaps.fill(got[name].value), value)
		}
	}
	if len(got) != len(want)+1 || !got["ONLY"].inherited {
		t.Errorf("got %d variables, want %d and the inherited ONLY", len(got), len(want))
	}
	for name, place := range map[string][2]int{"PLAIN": {2, 7}, "EXPORTED": {3, 17}, "INDENTED": {8, 15}, "LATER": {11, 7}} {
		if at := got[name].at; at.Line != place[0] || at.Column != place[1] {
			t.Errorf("%s stands at %v, want %v", name, at, place)
		}
	}
}

func TestEnvFileRefused(t *testing.T) {
	doubling := "A0=xxxxxxxxxxxxxxxx\n"
	for i := range 60 {
		doubling += "A" + string(rune('a'+i%26)) + "=$A0$A0\nA0=$A" + string(rune('a'+i%26)) + "\n"
	}
	tests := map[string]string{
		"A\"B=1":      `line 1, column 1: unexpected character '"' in the name of a variable`,
		"A=1\nB='x\n": "line 2, column 3: the quoted value does not end",
		doubling:      "the values of variables add up to more than 64 MiB",
	}
	for text, want := range tests {
		_, err := parseEnvFile([]byte(text), "", newGaps(), func(string) (variable, bool) { return variable{}, false })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestEnvFileRaw(t *testing.T) {
	got, err := parseEnvFile([]byte("A='$X' # y\r\nB=\"z\n"), "raw", newGaps(), func(string) (variable, bool) { return variable{}, false })
	if err != nil || got["A"].value != "'$X' # y" || got["B"].value != `"z` {
		t.Errorf("got %v, %v", got, err)
	}
}

// Where compose-go reads an environment file, it is read alike.
func FuzzEnvFile(f *testing.F) {
	f.Add(envSample)
	f.Add("A=1\n=x\nB: '\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 || strings.ContainsAny(text, "$\r") || strings.ContainsRune(text, gapStart) {
			return
		}
		got, err := parseEnvFile([]byte(text), "", newGaps(), func(string) (variable, bool) { return variable{}, false })
		want, wantErr := dotenv.Parse(strings.NewReader(text))
		if err != nil || wantErr != nil {
			return
		}
		for name, line := range got {
			if value, ok := want[name]; ok && name != "" && !open(line.value) && !line.inherited && value != line.value {
				t.Errorf("%q in %q is %q, compose-go says %q", name, text, line.value, value)
			}
		}
	})
}
