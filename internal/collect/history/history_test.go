package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	return strings.TrimSpace(string(out))
}

// commit writes files ("" removes one) and returns the commit that has them.
func (s *sandbox) commit(files map[string]string) string {
	s.t.Helper()
	for name, text := range files {
		path := filepath.Join(s.dir, name)
		if text == "" {
			s.git("rm", "-q", name)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			s.t.Fatal(err)
		}
	}
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "x")
	return s.git("rev-parse", "HEAD")
}

// walked returns "path commit deleted content" of each blob.
func walked(t *testing.T, dir string, options Options) ([]string, Summary) {
	t.Helper()
	var seen []string
	summary, err := Walk(context.Background(), dir, options, func(b Blob) error {
		if b.Content != nil && int64(len(b.Content)) != b.Size || b.ID == "" {
			t.Errorf("%+v", b)
		}
		seen = append(seen, fmt.Sprintf("%s %s %v %s", b.Path, b.Commit, b.Deleted, b.Content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen, summary
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWalk(t *testing.T) {
	s := newSandbox(t)
	first := s.commit(map[string]string{"a.env": "one", "dir/ä b.txt": "umlaut"})
	second := s.commit(map[string]string{"a.env": "two"})
	third := s.commit(map[string]string{"copy.env": "two", "dir/ä b.txt": ""})
	fourth := s.commit(map[string]string{"back.env": "one"})
	s.git("checkout", "-q", "-b", "topic", first)
	side := s.commit(map[string]string{"only-on-a-branch": "three"})
	s.git("tag", "-a", "-m", "x", "v1")
	s.git("checkout", "-q", "main")
	s.git("merge", "-q", "--no-commit", "topic")
	merge := s.commit(map[string]string{"evil": "in the merge alone"})
	s.git("branch", "-q", "-D", "topic")

	want := []string{
		"a.env " + first + " false one",
		"dir/ä b.txt " + first + " true umlaut",
		"a.env " + second + " false two",
		"only-on-a-branch " + side + " false three",
		"evil " + merge + " false in the merge alone",
	}
	got, summary := walked(t, s.dir, Options{})
	if len(got) == len(want) && strings.HasPrefix(got[2], "only") { // branches have no order
		got[2], got[3] = got[3], got[2]
	}
	equal(t, got, want)
	if summary.Commits != 6 || summary.Blobs != 5 || summary.Shallow || summary.Missing > 0 {
		t.Errorf("%+v", summary)
	}
	_, _ = third, fourth

	// A folder within, a bare clone and the .git folder are the same history.
	bare := filepath.Join(t.TempDir(), "bare.git")
	s.git("clone", "-q", "--bare", s.dir, bare)
	for _, dir := range []string{filepath.Join(s.dir, "dir"), bare, filepath.Join(s.dir, ".git")} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if more, _ := walked(t, dir, Options{}); len(more) != len(want) {
			t.Errorf("%s: %q", dir, more)
		}
	}
}

// What a clone does not have, or is too much, is counted and not lost in silence.
func TestLimits(t *testing.T) {
	s := newSandbox(t)
	s.commit(map[string]string{"a": "one", "b": strings.Repeat("long", 100)})
	last := s.commit(map[string]string{"a": "two"})
	got, summary := walked(t, s.dir, Options{MaxSize: 100})
	if len(got) != 3 || summary.Large != 1 || summary.Blobs != 2 {
		t.Errorf("%q, %+v", got, summary)
	}
	if _, summary := walked(t, s.dir, Options{MaxBlobs: 2}); !summary.Cut || summary.Blobs != 2 {
		t.Errorf("%+v", summary)
	}
	id := s.git("rev-parse", "HEAD~1:a")
	if err := os.Remove(filepath.Join(s.dir, ".git", "objects", id[:2], id[2:])); err != nil {
		t.Fatal(err)
	}
	if _, summary := walked(t, s.dir, Options{}); summary.Missing != 1 || summary.Blobs != 2 {
		t.Errorf("%+v", summary)
	}
	shallow := filepath.Join(t.TempDir(), "shallow")
	s.git("clone", "-q", "--depth=1", "file://"+s.dir, shallow)
	if got, summary := walked(t, shallow, Options{}); !summary.Shallow || len(got) != 2 || !strings.Contains(got[0], last) {
		t.Errorf("%q, %+v", got, summary)
	}
}

func TestErrors(t *testing.T) {
	s := newSandbox(t)
	if got, summary := walked(t, s.dir, Options{}); len(got) > 0 || summary.Commits > 0 {
		t.Errorf("a repository without commits: %q", got)
	}
	s.commit(map[string]string{"a": "one"})
	stop := errors.New("enough")
	if _, err := Walk(context.Background(), s.dir, Options{}, func(Blob) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Walk(canceled, s.dir, Options{}, func(Blob) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for dir, want := range map[string]string{t.TempDir(): "is in no git repository", filepath.Join(s.dir, "a"): "it is no folder"} {
		if _, err := Walk(context.Background(), dir, Options{}, func(Blob) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestNothingOfTheRepositoryRuns sets up a repository for each way in which git
// runs a program that the repository names.
func TestNothingOfTheRepositoryRuns(t *testing.T) {
	for name, set := range map[string]func(s *sandbox, program string){
		"file system monitor": func(s *sandbox, program string) { s.git("config", "core.fsmonitor", program) },
		"external diff":       func(s *sandbox, program string) { s.git("config", "diff.external", program) },
		"text conversion": func(s *sandbox, program string) {
			s.git("config", "diff.evil.textconv", program)
			s.git("config", "diff.evil.command", program)
			write(s, ".git/info/attributes", "* diff=evil filter=evil\n")
			s.git("config", "filter.evil.smudge", program)
			s.git("config", "filter.evil.process", program)
		},
		"signatures": func(s *sandbox, program string) {
			s.git("config", "log.showSignature", "true")
			s.git("config", "gpg.program", program)
		},
		"pager": func(s *sandbox, program string) {
			s.git("config", "core.pager", program)
			for _, command := range []string{"rev-list", "diff-tree", "cat-file", "ls-tree", "rev-parse"} {
				s.git("config", "pager."+command, program)
				s.git("config", "alias."+command, "!"+program)
			}
		},
		"fetch of missing objects": func(s *sandbox, program string) {
			s.git("config", "core.repositoryFormatVersion", "1")
			s.git("config", "extensions.partialClone", "origin")
			s.git("config", "remote.origin.url", "ssh://host/path")
			s.git("config", "core.sshCommand", program)
			s.git("config", "ssh.variant", "simple")
			s.git("config", "protocol.ssh.allow", "always")
			id := s.git("rev-parse", "HEAD:a.yaml")
			if err := os.Remove(filepath.Join(s.dir, ".git", "objects", id[:2], id[2:])); err != nil {
				s.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t)
			s.commit(map[string]string{"a.yaml": "one", "b.yaml": "two"})
			mark := filepath.Join(t.TempDir(), "mark")
			program := filepath.Join(t.TempDir(), "trap")
			if err := os.WriteFile(program, []byte("#!/bin/sh\ntouch '"+mark+"'\nexit 1\n"), 0o777); err != nil {
				t.Fatal(err)
			}
			set(s, program)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			blobs := 0
			_, err := Walk(ctx, s.dir, Options{}, func(Blob) error { blobs++; return nil })
			if _, sprung := os.Stat(mark); sprung == nil {
				t.Error("the trap was sprung")
			}
			if name != "fetch of missing objects" && (err != nil || blobs != 2) {
				t.Errorf("%d blobs, error %v", blobs, err)
			}
		})
	}
}

func write(s *sandbox, name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o666); err != nil {
		s.t.Fatal(err)
	}
}

// FuzzChanges: whatever git prints is read or refused.
func FuzzChanges(f *testing.F) {
	zero, id := strings.Repeat("0", 40), strings.Repeat("a1", 20)
	f.Add([]byte(id + "\x00:000000 100644 " + zero + " " + id + " A\x00dir/x\x00"))
	f.Add([]byte(":000000 120000 0 1 A\x00x\x00:1\x00"))
	f.Fuzz(func(t *testing.T, output []byte) {
		w := walk{options: Options{MaxBlobs: 10}}
		if err := w.changes(bytes.NewReader(output)); err == nil && len(w.blobs) > 10 {
			t.Fatalf("%d blobs", len(w.blobs))
		}
	})
}
