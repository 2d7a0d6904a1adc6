package asset

import (
	"testing"

	"github.com/holdfast-sec/holdfast/internal/source"
)

func line(n int) source.Place {
	return source.Place{File: "f", Position: source.Position{Line: n, Column: 1}}
}

func TestLocate(t *testing.T) {
	h := Head{Place: line(1)}
	h.At("securityContext", line(2)) // an anchor, and then what is declared
	h.At("privileged", line(2))
	h.At("privileged", line(5))
	h.At("mounts", line(7))
	h.At("mounts[0]", line(8))
	h.At("mounts[0].hostPath", line(9))
	h.At(`labels["a.b/c"].value`, line(11))
	h.At("ignored", source.Place{File: "f"})
	for _, test := range []struct {
		path     string
		line     int
		declared bool
	}{
		{"privileged", 5, true},
		{"mounts[0].hostPath", 9, true},
		{"mounts[0].readOnly", 8, false},
		{"mounts[3].hostPath", 7, false},
		{`labels["a.b/c"].value`, 11, true},
		{"user.uid", 1, false},
		{"ignored", 1, false},
		{"", 1, false},
	} {
		place, declared := h.Locate(test.path)
		if place.Line != test.line || declared != test.declared {
			t.Errorf("%q is at line %d (declared %v), want %d (%v)", test.path, place.Line, declared, test.line, test.declared)
		}
	}
	h.At("", line(4))
	if place, declared := h.Locate("user.uid"); place.Line != 4 || declared {
		t.Errorf("an absent field is at line %d, want the parent of all fields", place.Line)
	}
}

func TestLocateInObject(t *testing.T) {
	root, err := source.Split([]byte("kind: X\nspec:\n  list:\n    - a: 1\n    - a: 2\ndata:\n  a.b: v\n"))[0].Parse()
	if err != nil {
		t.Fatal(err)
	}
	o := &Object{Head: Head{Place: line(1)}, Content: root}
	for path, want := range map[string]int{"spec.list[1].a": 5, "spec.list": 3, "spec.absent": 2, `data["a.b"]`: 7, "nothing.at.all": 1, "spec.list[9]": 3} {
		if place, _ := o.Locate(path); place.Line != want {
			t.Errorf("%s is at line %d, want %d", path, place.Line, want)
		}
	}
}
