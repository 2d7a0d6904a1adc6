package gitdiff

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-sec/holdfast/internal/triage"
)

// trap is a program that leaves a mark when it is run.
func (s *sandbox) trap(name string) (program, mark string) {
	s.t.Helper()
	mark = filepath.Join(s.t.TempDir(), "mark-"+name)
	program = filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(program, []byte("#!/bin/sh\ntouch '"+mark+"'\nexit 1\n"), 0o777); err != nil {
		s.t.Fatal(err)
	}
	return program, mark
}

func sprung(t *testing.T, mark string) bool {
	t.Helper()
	_, err := os.Stat(mark)
	return err == nil
}

// provoke runs plain git in the way that springs a trap, to know that it would.
func (s *sandbox) provoke(args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = s.dir
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Logf("git %v: %v\n%s", args, err, out)
	}
}

// TestNothingOfTheRepositoryRuns sets up a repository for each way in which git
// runs a program that the repository names, shows that plain git falls for it,
// and that we do not.
func TestNothingOfTheRepositoryRuns(t *testing.T) {
	tests := []struct {
		name string
		// set sets the trap up in a repository with one commit and a change.
		set func(s *sandbox, program string)
		// provoke is what plain git falls for.
		provoke []string
	}{
		{"external diff", func(s *sandbox, program string) { s.git("config", "diff.external", program) }, []string{"diff"}},
		{"diff driver", func(s *sandbox, program string) {
			s.git("config", "diff.evil.command", program)
			s.write(".git/info/attributes", "* diff=evil\n")
		}, []string{"diff"}},
		{"text conversion", func(s *sandbox, program string) {
			s.git("config", "diff.evil.textconv", program)
			s.write(".git/info/attributes", "* diff=evil\n")
		}, []string{"diff"}},
		{"file system monitor", func(s *sandbox, program string) { s.git("config", "core.fsmonitor", program) }, []string{"status"}},
		{"hook", func(s *sandbox, program string) {
			text, err := os.ReadFile(program)
			if err != nil {
				s.t.Fatal(err)
			}
			s.write(".git/hooks/post-index-change", string(text))
		}, []string{"update-index", "--force-write-index"}},
		{"hooks elsewhere", func(s *sandbox, program string) {
			text, err := os.ReadFile(program)
			if err != nil {
				s.t.Fatal(err)
			}
			s.write("hooks/post-index-change", string(text))
			s.git("config", "core.hooksPath", "hooks")
		}, []string{"update-index", "--force-write-index"}},
		{"clean filter", func(s *sandbox, program string) {
			s.git("config", "filter.evil.clean", program)
			s.write(".git/info/attributes", "* filter=evil\n")
		}, []string{"diff"}},
		{"required filter with dots in its name", func(s *sandbox, program string) {
			s.git("config", "filter.e.v.il.clean", program)
			s.git("config", "filter.e.v.il.required", "true")
			s.write(".gitattributes", "*.yaml filter=e.v.il\n")
		}, []string{"diff"}},
		{"filter process", func(s *sandbox, program string) {
			s.git("config", "filter.evil.process", program)
			s.write(".git/info/attributes", "* filter=evil\n")
		}, []string{"diff"}},
		{"filter of an included file", func(s *sandbox, program string) {
			s.write(".git/more", "[filter \"evil\"]\n\tclean = "+program+"\n")
			s.git("config", "include.path", "more")
			s.write(".git/info/attributes", "* filter=evil\n")
		}, []string{"diff"}},
		{"submodule", func(s *sandbox, program string) {
			s.git("init", "-q", "sub")
			inSub := &sandbox{s.t, filepath.Join(s.dir, "sub")}
			inSub.write("x.yaml", lines(3))
			inSub.commit()
			s.git("-c", "advice.addEmbeddedRepo=false", "add", "sub")
			s.git("commit", "-q", "-m", "sub", "--", "sub")
			inSub.git("config", "filter.evil.clean", program)
			inSub.write(".git/info/attributes", "* filter=evil\n")
			inSub.write("x.yaml", strings.Replace(lines(3), "line 1", "LINE 1", 1)) // of the same size: git has to look
		}, []string{"diff"}},
		{"fetch of missing objects", func(s *sandbox, program string) {
			s.git("config", "core.repositoryFormatVersion", "1")
			s.git("config", "extensions.partialClone", "origin")
			s.git("config", "remote.origin.url", "ssh://host/path")
			s.git("config", "core.sshCommand", program)
			s.git("config", "ssh.variant", "simple")
			s.git("config", "protocol.ssh.allow", "always")
			blob := strings.TrimSpace(s.git("rev-parse", "HEAD:a.yaml"))
			s.remove(filepath.Join(".git", "objects", blob[:2], blob[2:]))
		}, []string{"diff"}},
		{"alias", func(s *sandbox, program string) {
			for _, command := range []string{"diff-index", "rev-parse", "ls-files", "merge-base", "config", "try"} {
				s.git("config", "alias."+command, "!"+program)
			}
		}, []string{"try"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSandbox(t)
			s.write("a.yaml", lines(20))
			s.commit()
			program, mark := s.trap("trap")
			test.set(s, program)
			s.write("a.yaml", lines(20, 5))
			// A failure is as good as an answer here, as long as nothing ran.
			changed, err := Changed(context.Background(), s.dir, "HEAD")
			if sprung(t, mark) {
				t.Fatalf("the trap was sprung")
			}
			if err == nil && show(map[string][]triage.Range{"a.yaml": changed["a.yaml"]}) != "a.yaml 5-5" {
				t.Errorf("changed: %v", changed)
			}
			if err != nil && test.name != "fetch of missing objects" {
				t.Errorf("error %v", err)
			}
			s.provoke(test.provoke...)
			if !sprung(t, mark) {
				t.Skip("this git does not fall for it, so that nothing was shown")
			}
		})
	}
}

func TestFiltersThatCannotBeSwitchedOff(t *testing.T) {
	s := newSandbox(t)
	s.write("a.yaml", lines(20))
	s.commit()
	program, mark := s.trap("trap")
	s.git("config", "filter.a=b.clean", program)
	s.write(".git/info/attributes", "* filter=a=b\n")
	s.write("a.yaml", lines(20, 5))
	if _, err := Changed(context.Background(), s.dir, "HEAD"); err == nil || !strings.Contains(err.Error(), `filter named "a=b"`) {
		t.Errorf("error %v", err)
	}
	if sprung(t, mark) {
		t.Error("the trap was sprung")
	}
}

// TestAWorkingTreeElsewhere: a repository cannot point at the files around it.
func TestAWorkingTreeElsewhere(t *testing.T) {
	s := newSandbox(t)
	s.write("a.yaml", lines(3))
	s.commit()
	s.git("config", "core.worktree", filepath.Dir(s.dir))
	_, err := Changed(context.Background(), s.dir, "HEAD")
	if err == nil || !strings.Contains(err.Error(), "where no .git is") {
		t.Errorf("error %v", err)
	}
}

// TestARepositoryHiddenInAFolder: what looks like a bare repository within the
// tree is not taken for the repository.
func TestARepositoryHiddenInAFolder(t *testing.T) {
	s := newSandbox(t)
	s.git("init", "-q", "--bare", "evil")
	s.write("evil/config", "[core]\n\trepositoryFormatVersion = 0\n\tbare = false\n\tworktree = /\n")
	_, err := Changed(context.Background(), filepath.Join(s.dir, "evil"), "HEAD")
	if err == nil || !strings.Contains(err.Error(), "has no working tree") {
		t.Errorf("error %v", err)
	}
}
