package gitdiff

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/triage"
)

// sandbox is a real git repository. The environment of whoever runs the tests
// does not reach it.
type sandbox struct {
	t   *testing.T
	dir string
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"} {
		t.Setenv(name, "a@example.com")
	}
	s := &sandbox{t, filepath.Join(t.TempDir(), "r")}
	if err := os.Mkdir(s.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s.git("init", "-q", "-b", "main")
	return s
}

func (s *sandbox) git(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (s *sandbox) write(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o777); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sandbox) commit() {
	s.t.Helper()
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "x")
}

func (s *sandbox) remove(name string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

// lines makes a text of numbered lines; those named are written otherwise.
func lines(n int, changed ...int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		word := "line"
		if slices.Contains(changed, i) {
			word = "changed"
		}
		fmt.Fprintf(&b, "%s %d\n", word, i)
	}
	return b.String()
}

// show gives what has changed as "file first-last ...", in order, without the
// absolute names.
func show(changed map[string][]triage.Range) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		if filepath.IsAbs(name) {
			continue
		}
		for _, r := range changed[name] {
			last := fmt.Sprint(r.Last)
			if r.Last == math.MaxInt {
				last = "end"
			}
			name += fmt.Sprintf(" %d-%s", r.First, last)
		}
		out = append(out, name)
	}
	return strings.Join(out, "\n")
}

func (s *sandbox) check(dir, rev, want string) {
	s.t.Helper()
	changed, err := Changed(context.Background(), filepath.Join(s.dir, dir), rev)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := show(changed); got != want {
		s.t.Errorf("changed since %s:\n%s\nwant:\n%s", rev, got, want)
	}
}

func TestLines(t *testing.T) {
	s := newSandbox(t)
	s.write("a.yaml", lines(20))
	s.commit()
	for _, test := range []struct{ name, text, want string }{
		{"nothing", lines(20), ""},
		{"one line", lines(20, 5), "a.yaml 5-5"},
		{"two places", lines(20, 1, 5, 6, 20), "a.yaml 1-1 5-6 20-20"},
		{"added at the end", lines(22), "a.yaml 21-22"},
		{"added at the start", "new\n" + lines(20), "a.yaml 1-1"},
		{"removed in the middle", strings.Replace(lines(20), "line 7\nline 8\n", "", 1), "a.yaml 6-7"},
		{"removed at the start", strings.Replace(lines(20), "line 1\n", "", 1), "a.yaml 1-1"},
		{"removed at the end", lines(18), "a.yaml 18-19"},
		{"all", "", "a.yaml 1-1"},
		{"no end of line", strings.TrimSuffix(lines(20), "\n"), "a.yaml 20-20"},
		{"lines that look like a patch", strings.Replace(lines(20), "line 7\n", "-- a/x\n++ b/y\n@@ -1 +1 @@\ndiff --git a/q b/q\n", 1), "a.yaml 7-10"},
		{"line ends", strings.ReplaceAll(lines(3), "\n", "\r\n") + strings.TrimPrefix(lines(20), lines(3)), "a.yaml 1-3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.write("a.yaml", test.text)
			s.check(".", "HEAD", test.want)
		})
	}
	t.Run("removed lines that look like a patch", func(t *testing.T) {
		s.write("a.yaml", "-- a/x\n++ b/y\n-\n")
		s.commit()
		s.write("a.yaml", "1\n2\n3\n")
		s.check(".", "HEAD", "a.yaml 1-3")
	})
}

func TestSinceTheMergeBase(t *testing.T) {
	s := newSandbox(t)
	s.write("a.yaml", lines(20))
	s.write("b.yaml", lines(20))
	s.write(".gitignore", "*.tmp\n")
	s.commit()
	s.git("checkout", "-q", "-b", "topic")
	s.write("a.yaml", lines(20, 3))
	s.commit()
	s.git("checkout", "-q", "main")
	s.write("b.yaml", lines(20, 10))
	s.commit()
	s.git("checkout", "-q", "topic")
	s.check(".", "main", "a.yaml 3-3")

	s.write("a.yaml", lines(20, 3, 5))
	s.git("add", "a.yaml")
	s.write("a.yaml", lines(20, 3, 5, 7))
	s.write("new.yaml", "x\n")
	s.write("staged.yaml", "x\ny\n")
	s.git("add", "staged.yaml")
	s.write("later.yaml", "x\n")
	s.git("add", "-N", "later.yaml")
	s.write("ignored.tmp", "x\n")
	s.check(".", "main", "a.yaml 3-3 5-5 7-7\nlater.yaml 1-1\nnew.yaml 1-end\nstaged.yaml 1-2")
	s.check(".", "HEAD", "a.yaml 5-5 7-7\nlater.yaml 1-1\nnew.yaml 1-end\nstaged.yaml 1-2")

	s.git("tag", "v1", "main")
	for _, rev := range []string{"v1", "refs/heads/main", "main~0", strings.TrimSpace(s.git("rev-parse", "main"))} {
		s.check(".", rev, "a.yaml 3-3 5-5 7-7\nlater.yaml 1-1\nnew.yaml 1-end\nstaged.yaml 1-2")
	}
}

func TestFiles(t *testing.T) {
	s := newSandbox(t)
	for _, name := range []string{"mode.sh", "moved.yaml", "rewritten.yaml", "gone.yaml", "kept.yaml", "dir/x.yaml"} {
		s.write(name, lines(20)+name+"\n")
	}
	s.write("logo.tgz", "a\x00b\n")
	s.write("hidden.yaml", lines(20))
	s.write(".gitattributes", "hidden.yaml -diff\n")
	s.commit()
	if err := os.Chmod(filepath.Join(s.dir, "mode.sh"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.git("mv", "moved.yaml", "dir/moved.yaml")
	s.git("mv", "rewritten.yaml", "dir/rewritten.yaml")
	s.write("dir/rewritten.yaml", lines(20, 4)+"rewritten.yaml\n")
	s.git("rm", "-q", "gone.yaml")
	s.git("rm", "-q", "--cached", "kept.yaml")
	s.write("logo.tgz", "a\x00c\n")
	s.write("hidden.yaml", lines(20, 9))
	s.write("empty.yaml", "")
	s.git("add", "empty.yaml")
	s.check(".", "HEAD", strings.Join([]string{
		"dir/moved.yaml", "dir/rewritten.yaml 4-4", "gone.yaml", "hidden.yaml 9-9", "kept.yaml 1-end", "logo.tgz 1-1", "moved.yaml", "rewritten.yaml"}, "\n"))
	s.check("dir", "HEAD", strings.Join([]string{
		"../gone.yaml", "../hidden.yaml 9-9", "../kept.yaml 1-end", "../logo.tgz 1-1", "../moved.yaml", "../rewritten.yaml", "moved.yaml", "rewritten.yaml 4-4"}, "\n"))
	changed, err := Changed(context.Background(), filepath.Join(s.dir, "dir"), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := changed[filepath.ToSlash(filepath.Join(s.dir, "hidden.yaml"))]; !ok {
		t.Errorf("a file outside of the folder is not named by its absolute path: %v", changed)
	}
}

func TestNamesOfFiles(t *testing.T) {
	s := newSandbox(t)
	names := []string{"with blank.yaml", "tab\there.yaml", "new\nline.yaml", `quote".yaml`, `back\slash.yaml`, "ümläut.yaml", "snow☃.yaml",
		"-dash.yaml", "a/b/c d.yaml", "=> arrow.yaml", "latin\xe4.yaml", "\x01ctl.yaml", "b/a.yaml"}
	for _, name := range names {
		s.write(name, lines(5))
	}
	s.commit()
	var want []string
	for _, name := range names {
		s.write(name, lines(5, 2))
		want = append(want, name+" 2-2")
	}
	s.write("untr\"acked\nü.yaml", "x\n")
	want = append(want, "untr\"acked\nü.yaml 1-end")
	slices.Sort(want)
	s.check(".", "HEAD", strings.Join(want, "\n"))
}

func TestSettingsOfDiffDoNotMatter(t *testing.T) {
	s := newSandbox(t)
	s.write("sub/a.yaml", lines(20))
	s.commit()
	for _, setting := range []string{"diff.noprefix=true", "diff.mnemonicPrefix=true", "diff.context=5", "diff.interHunkContext=9", "diff.relative=true",
		"color.ui=always", "color.diff=always", "core.quotePath=false", "diff.renames=false", "diff.submodule=log", "diff.srcPrefix=x", "diff.dstPrefix=y",
		"diff.wsErrorHighlight=all", "diff.colorMoved=zebra", "core.pager=false", "diff.orderFile=none"} {
		key, value, _ := strings.Cut(setting, "=")
		s.git("config", key, value)
	}
	t.Setenv("GIT_DIFF_OPTS", "-u9")
	s.write("sub/a.yaml", lines(20, 5, 9))
	s.write("ä.yaml", "x\n")
	s.git("-c", "diff.orderFile=", "add", "ä.yaml")
	s.check("sub", "HEAD", "../ä.yaml 1-1\na.yaml 5-5 9-9")
}

func TestConflict(t *testing.T) {
	s := newSandbox(t)
	s.write("a.yaml", lines(20))
	s.commit()
	s.git("checkout", "-q", "-b", "topic")
	s.write("a.yaml", lines(20, 5))
	s.commit()
	s.git("checkout", "-q", "main")
	s.write("a.yaml", strings.Replace(lines(20), "line 5", "other", 1))
	s.commit()
	cmd := exec.Command("git", "merge", "topic")
	cmd.Dir = s.dir
	if err := cmd.Run(); err == nil {
		t.Fatal("the merge has no conflict")
	}
	s.check(".", "HEAD", "a.yaml 5-5 7-9") // the marks of the conflict, and the other side
}

func TestRepositoriesWithin(t *testing.T) {
	s := newSandbox(t)
	s.write("a.yaml", lines(3))
	s.git("init", "-q", "sub")
	s.write("sub/x.yaml", lines(3))
	inSub := &sandbox{t, filepath.Join(s.dir, "sub")}
	inSub.commit()
	s.git("-c", "advice.addEmbeddedRepo=false", "add", "-A")
	s.git("commit", "-q", "-m", "x")
	s.check(".", "HEAD", "")
	inSub.write("x.yaml", lines(3, 1))
	inSub.commit()
	s.git("init", "-q", "nested")
	s.write("nested/y.yaml", lines(3))
	(&sandbox{t, filepath.Join(s.dir, "nested")}).commit()
	s.check(".", "HEAD", "nested/ 1-end\nsub/ 1-1")
}

func TestErrors(t *testing.T) {
	s := newSandbox(t)
	empty := t.TempDir()
	s.write("a.yaml", lines(3))
	s.commit()
	s.git("checkout", "-q", "--orphan", "other")
	s.write("a.yaml", lines(4))
	s.commit()
	s.git("init", "-q", "--bare", filepath.Join(s.dir, "bare.git"))
	tests := []struct{ name, dir, rev, want string }{
		{"no repository", empty, "HEAD", "is in no git repository"},
		{"no folder", filepath.Join(empty, "none"), "HEAD", "running git rev-parse: chdir"},
		{"no working tree", filepath.Join(s.dir, ".git"), "HEAD", "has no working tree"},
		{"bare", filepath.Join(s.dir, "bare.git"), "HEAD", "has no working tree"},
		{"unknown", s.dir, "origin/main", `git knows no revision "origin/main" in ` + s.dir + `: fetch it first; in CI, check out the whole history (GitHub: fetch-depth: 0`},
		{"no commit", s.dir, "HEAD:a.yaml", `git knows no revision "HEAD:a.yaml"`},
		{"nothing in common", s.dir, "main", `revision "main" and the checked-out commit have no commit in common`},
		{"option", s.dir, "--output=/tmp/x", "starts with a hyphen"},
		{"empty", s.dir, "", "is empty"},
		{"range", s.dir, "main..other", "is a range"},
		{"blank", s.dir, "main other", "has blanks"},
		{"zero byte", s.dir, "main\x00", "has blanks"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Changed(context.Background(), test.dir, test.rev)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
	t.Run("stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := Changed(ctx, s.dir, "HEAD"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no git", func(t *testing.T) {
		t.Setenv("PATH", empty)
		if _, err := Changed(context.Background(), s.dir, "HEAD"); !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "install it") {
			t.Errorf("error %v", err)
		}
	})
}

func TestShallowClone(t *testing.T) {
	s := newSandbox(t)
	s.write("a.yaml", lines(3))
	s.commit()
	s.write("a.yaml", lines(3, 1))
	s.commit()
	first := strings.TrimSpace(s.git("rev-parse", "HEAD~1"))
	clone := filepath.Join(t.TempDir(), "clone")
	s.git("clone", "-q", "--depth=1", "file://"+s.dir, clone)
	for _, rev := range []string{first, "HEAD~1"} {
		if _, err := Changed(context.Background(), clone, rev); err == nil || !strings.Contains(err.Error(), "fetch-depth: 0") {
			t.Errorf("%s: error %v", rev, err)
		}
	}
}

// TestTheEnvironmentOfAHook: git tells hooks which repository it is working on,
// which need not be the one that is scanned.
func TestTheEnvironmentOfAHook(t *testing.T) {
	other := newSandbox(t)
	other.write("other.yaml", "x\n")
	other.commit()
	s := newSandbox(t)
	s.write("a.yaml", lines(3))
	s.commit()
	s.write("a.yaml", lines(3, 2))
	t.Setenv("GIT_DIR", filepath.Join(other.dir, ".git"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(other.dir, ".git", "index"))
	t.Setenv("GIT_WORK_TREE", other.dir)
	s.check(".", "HEAD", "a.yaml 2-2")
}
