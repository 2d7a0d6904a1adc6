package gitdiff

import (
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/triage"
)

func TestParsePatch(t *testing.T) {
	head := func(name string) string {
		return "diff --git a/" + name + " b/" + name + "\nindex 1..2 100644\n--- a/" + name + "\n+++ b/" + name + "\n"
	}
	tests := []struct {
		name, patch string
		want        map[string][]triage.Range
	}{
		{"nothing", "", map[string][]triage.Range{}},
		{"long lines", head("a") + "@@ -1 +1 @@\n-" + strings.Repeat("x", 300_000) + "\n+" + strings.Repeat("y", 300_000) + "\n@@ -3,0 +4,2 @@ f()\n+a\n+b\n",
			map[string][]triage.Range{"a": {{First: 1, Last: 1}, {First: 4, Last: 5}}}},
		{"unmerged", "* Unmerged path a b\n", map[string][]triage.Range{"a b": {{First: 1, Last: math.MaxInt}}}},
		{"quoted", "diff --git x y\n--- /dev/null\n+++ \"b/\\303\\244\\t\\\"\\\\\"\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n",
			map[string][]triage.Range{"ä\t\"\\": {{First: 1, Last: 1}}}},
		{"submodule", "diff --git a/s b/s\nindex 1..2 160000\n--- a/s\n+++ b/s\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n" + head("t"),
			map[string][]triage.Range{"s/": {{First: 1, Last: 1}}, "t": nil}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parsePatch(strings.NewReader(test.patch))
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
	for name, patch := range map[string]string{
		"hunk without a file":    "@@ -1 +1 @@\n-a\n+b\n",
		"hunk that ends early":   head("a") + "@@ -1,2 +1 @@\n-a\n+b\n",
		"context":                head("a") + "@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
		"numbers out of bounds":  head("a") + "@@ -1 +99999999999999999999 @@\n",
		"negative numbers":       head("a") + "@@ -1 +-4,-9 @@\n",
		"wrong signs":            head("a") + "@@ +1 -1 @@\n",
		"quote that is not shut": "+++ \"b/x\n",
		"no path":                "+++ b/\n",
		"removed from nowhere":   "+++ /dev/null\n",
	} {
		if got, err := parsePatch(strings.NewReader(patch)); err == nil || !strings.HasPrefix(err.Error(), "reading what git prints: ") {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if _, err := parsePatch(io.MultiReader(strings.NewReader(head("a")), brokenPipe{})); err == nil {
		t.Error("a reader that fails gives no error")
	}
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// FuzzParsePatch: a patch is read or refused, and every range has its lines in
// order.
func FuzzParsePatch(f *testing.F) {
	f.Add("diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n-b\n+c\n\\ No newline at end of file\n")
	f.Add("diff --git a/x b/y\nrename from x\nrename to \"y\\n\"\n* Unmerged path z\n")
	f.Add("diff --git a/x b/x\ndeleted file mode 160000\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-s\n")
	f.Fuzz(func(t *testing.T, patch string) {
		changed, err := parsePatch(strings.NewReader(patch))
		if err != nil {
			return
		}
		for name, ranges := range changed {
			if name == "" {
				t.Fatal("a file without a name")
			}
			for _, r := range ranges {
				if r.First < 0 || r.Last < r.First {
					t.Fatalf("%s: %v", name, r)
				}
			}
		}
	})
}
