package collect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

func TestParseImage(t *testing.T) {
	tests := map[string]asset.ImageRef{
		"nginx":                          {Registry: "docker.io", Repository: "library/nginx"},
		"nginx:1.29":                     {Registry: "docker.io", Repository: "library/nginx", Tag: "1.29"},
		"acme/web@sha256:ab":             {Registry: "docker.io", Repository: "acme/web", Digest: "sha256:ab"},
		"ghcr.io/acme/web:1@sha256:ab":   {Registry: "ghcr.io", Repository: "acme/web", Tag: "1", Digest: "sha256:ab"},
		"registry:5000/app":              {Registry: "registry:5000", Repository: "app"},
		"localhost/app:x":                {Registry: "localhost", Repository: "app", Tag: "x"},
		"index.docker.io/nginx":          {Registry: "docker.io", Repository: "library/nginx"},
		"10.0.0.9:5000/a/b/c:1.0":        {Registry: "10.0.0.9:5000", Repository: "a/b/c", Tag: "1.0"},
		"docker://quay.io/acme/web:v1.2": {Registry: "quay.io", Repository: "acme/web", Tag: "v1.2"},
		"":                               {},
	}
	for text, want := range tests {
		want.Text = text
		if got := ParseImage(text); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func paths(t *Tree) []string {
	var out []string
	for _, e := range t.Entries {
		out = append(out, e.Path)
	}
	return out
}

func TestWalk(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"app/b.yaml", "app/a/x.yaml", "app/.git/config", "app/node_modules/y.yaml", "app/skipped/z.yaml", "outside/secret.yaml"} {
		write(t, name, "a: 1\n")
	}
	for link, to := range map[string]string{"app/loop": ".", "app/up": "..", "app/away.yaml": "../outside/secret.yaml", "app/self": "self", "way": "app"} {
		if err := os.Symlink(to, link); err != nil {
			t.Skip("no links here:", err)
		}
	}
	skip := func(p string) bool { return strings.HasPrefix(p, "app/skipped") || strings.HasPrefix(p, "way/skipped") }
	tree, err := Walk([]string{"app"}, nil, skip)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(tree), []string{"app/a/x.yaml", "app/b.yaml"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v: links within a tree lead nowhere", got, want)
	}
	if tree, err = Walk([]string{"way"}, nil, skip); err != nil || len(tree.Entries) != 2 {
		t.Errorf("a target that is a link itself: %v, %v", paths(tree), err)
	}
	if tree, err = Walk([]string{filepath.Join(dir, "app"), "app/b.yaml"}, nil, skip); err != nil || !slices.Equal(paths(tree), []string{"app/a/x.yaml", "app/b.yaml"}) {
		t.Errorf("the same file named twice, once absolutely: %v, %v", paths(tree), err)
	}
	if _, err = Walk([]string{"nowhere"}, nil, skip); err == nil || !strings.Contains(err.Error(), "looking at nowhere") {
		t.Errorf("a target that is not there: %v", err)
	}
}

func TestReach(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "above.yaml"), "a: 1\n")
	write(t, filepath.Join(dir, "work", "base", "b.yaml"), "a: 1\n")
	write(t, filepath.Join(dir, "work", "overlay", "o.yaml"), "a: 1\n")
	t.Chdir(filepath.Join(dir, "work"))
	if err := os.Symlink("../above.yaml", "link.yaml"); err != nil {
		t.Skip("no links here:", err)
	}
	tree, err := Walk([]string{"overlay"}, nil, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	if e := tree.Reach("base/b.yaml"); e == nil || !e.Claimed() {
		t.Error("a file below the working directory is not reached, or is an input by itself")
	}
	for _, p := range []string{"../above.yaml", filepath.Join(dir, "above.yaml"), "link.yaml", "base", "absent.yaml"} {
		if tree.Reach(p) != nil {
			t.Errorf("%s was reached", p)
		}
	}
	if len(tree.Entries) != 1 {
		t.Errorf("the tree grew to %v", paths(tree))
	}
	if NewTree(map[string]string{"x": ""}).Reach("base/b.yaml") != nil {
		t.Error("a tree in memory reached the disk")
	}
}

// unreads is a sink that remembers what could not be read.
type unreads []string

func (u *unreads) Asset(asset.Asset) {}
func (u *unreads) Object(int)        {}
func (u *unreads) Unread(place source.Place, reason string) {
	*u = append(*u, place.String()+": "+reason)
}

func TestReadText(t *testing.T) {
	tree := NewTree(map[string]string{"good": "a\n", "binary": "a\nb\x00", "latin": "a\n\xe4\n"})
	for name, want := range map[string]string{"good": "", "binary": "binary:2: it is not UTF-8 text", "latin": "latin:2: it is not UTF-8 text"} {
		var sink unreads
		_, ok := tree.Get(name).ReadText(&sink)
		if ok != (want == "") || want != "" && !slices.Equal(sink, unreads{want}) {
			t.Errorf("%s: ok %v, %q", name, ok, []string(sink))
		}
	}
}
