package script

import (
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// split returns the names of the commands of a script, and where they stand.
func split(script Text, most int) (names []string, places []source.Place, problem string) {
	s := &Splitter{File: "x", Add: func(c asset.Command, place source.Place) string {
		if len(names) == most {
			return "too many"
		}
		names, places = append(names, strings.Join(append(slices.Clone(c.Wrappers), c.Name), ">")), append(places, place)
		return ""
	}}
	s.Read(script)
	return names, places, s.Problem
}

func TestPlaces(t *testing.T) {
	var b Builder
	b.Add("one && ", source.Position{Line: 3, Column: 5})
	b.Add("sudo two | three", source.Position{Line: 4, Column: 2})
	names, places, problem := split(b.Text(), 10)
	if problem != "" || !slices.Equal(names, []string{"one", "sudo>two", "three"}) {
		t.Fatalf("%q, %q", names, problem)
	}
	for i, want := range []source.Position{{Line: 3, Column: 5}, {Line: 4, Column: 2}, {Line: 4, Column: 13}} {
		if places[i].Position != want || places[i].File != "x" {
			t.Errorf("%s is at %v, want %v", names[i], places[i], want)
		}
	}
}

func TestNowhere(t *testing.T) {
	names, places, _ := split(Pin(`sh -c "a; b"`, source.Position{}), 10)
	if !slices.Equal(names, []string{"sh", "a", "b"}) {
		t.Errorf("%q", names)
	}
	for _, p := range places {
		if p.Line != 0 {
			t.Errorf("a command of a script that stands nowhere is at %v", p)
		}
	}
}

func TestRefused(t *testing.T) {
	if names, _, problem := split(Pin("a; b; c", source.Position{}), 2); len(names) != 2 || problem != "too many" {
		t.Errorf("%q, %q", names, problem)
	}
}

func TestTarget(t *testing.T) {
	for words, want := range map[string]string{
		"/usr/bin/env A=1 python3 -c x": "python3", "sudo -u app sh -c x": "sh", "sudo -v": "sudo", "make": "make",
	} {
		if got := Target(strings.Fields(words)); got != want {
			t.Errorf("%q runs %q, want %q", words, got, want)
		}
	}
}

// FuzzScript reads any script: every command has a text, or there is a reason.
func FuzzScript(f *testing.F) {
	for _, seed := range []string{"a | b && c", `sh -c "x $(y)"`, "cat <<E | sh\nz\nE", "find . -exec a {} \\;", "for i in `a`; do b; done", "if", "export A=$(b)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &Splitter{Add: func(c asset.Command, _ source.Place) string {
			if c.Text == "" {
				t.Fatalf("%+v has no text", c)
			}
			return ""
		}}
		s.Read(Pin(text, source.Position{Line: 1, Column: 1}))
	})
}
