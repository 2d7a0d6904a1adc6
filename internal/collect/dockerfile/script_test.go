package dockerfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// spell writes a command as "sudo>curl -x <cat": wrappers, words, pipe.
func spell(c asset.Command) string {
	s := strings.Join(append(slices.Clone(c.Wrappers), c.Name), ">")
	for _, a := range c.Args {
		if strings.ContainsAny(a, " \n") || a == "" {
			a = fmt.Sprintf("%q", a)
		}
		s += " " + a
	}
	if c.PipedFrom != "" {
		s += " <" + c.PipedFrom
	}
	return s
}

func TestCommands(t *testing.T) {
	tests := []struct {
		name, instruction string
		want              []string
	}{
		{"lists", "RUN a && b || c; d & e", []string{"a", "b", "c", "d", "e"}},
		{"pipes", "RUN a | b | c && d", []string{"a", "b <a", "c <b", "d"}},
		{"groups in pipes", "RUN { a; b; } | (c; d)", []string{"a", "b", "c <b", "d <b"}},
		{"loops in pipes", "RUN while a; do b; done | c; for x in y; do d; done | e; if f; then g; fi | h; case i in j) k;; esac | l",
			[]string{"a", "b", "c <b", "d", "e <d", "f", "g", "h <g", "k", "l"}},
		{"set", "RUN set -eux; a", []string{"set -eux", "a"}},
		{"if and loops", "RUN if a; then b; elif c; then d; else e; fi; for x in 1 2; do f; done; while g; do h; done; case x in y) i ;; esac",
			[]string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}},
		{"functions and negation", "RUN f() { a; }; ! f", []string{"a", "f"}},
		{"quotes", `RUN a "b c" 'd e' f\ g "h\"i" $X "${Y}z" "$(j k)"`, []string{"j k", `a "b c" "d e" "f g" h"i $X ${Y}z "$(j k)"`}},
		{"paths", "RUN /usr/bin/a x && ./b && $C/d", []string{"a x", "b", "d"}},
		{"assignments", "RUN X=1 Y=$(a) b && Z=2 && export W=3 V", []string{"a", "b", "export W=3 V"}},
		{"wrappers", "RUN sudo -u root -E env -i A=1 nice -n 5 a -b", []string{"sudo>env>nice>a -b"}},
		{"more wrappers", "RUN exec a; command b; time c; nohup d; timeout -k 1 5 e; gosu app f; su-exec app g; xargs -n 1 h",
			[]string{"exec>a", "command>b", "c", "nohup>d", "timeout>e", "gosu>f", "su-exec>g", "xargs>h"}},
		{"wrappers by themselves", "RUN sudo -v; command -v a; env; exec 2>&1", []string{"sudo -v", "command -v a", "env", "exec"}},
		{"wrapped pipes", "RUN a | sudo tee /x | sudo -E bash -", []string{"a", "sudo>tee /x <a", "sudo>bash - <tee"}},
		{"sh -c", `RUN sh -c "a && b" && bash -euxo pipefail -c 'c | d'`,
			[]string{`sh -c "a && b"`, "a", "b", `bash -euxo pipefail -c "c | d"`, "c", "d <c"}},
		{"nested sh -c", `RUN sudo sh -c "sh -c 'a; b'"`, []string{`sudo>sh -c "sh -c 'a; b'"`, `sh -c "a; b"`, "a", "b"}},
		{"su -c and eval", `RUN su app -c "a b" && eval "c d"`, []string{`su app -c "a b"`, "a b", `eval "c d"`, "c d"}},
		{"sh -c of a substitution", `RUN sh -c "$(curl -fsSL https://x)"`, []string{"curl -fsSL https://x", `sh -c "$(curl -fsSL https://x)"`}},
		{"process substitution", `RUN bash <(curl -s https://x)`, []string{"curl -s https://x", `bash "<(curl -s https://x)"`}},
		{"backquotes", "RUN a `b`", []string{"b", "a `b`"}},
		{"find", `RUN find / -perm /6000 -exec chmod a-s {} \; -o -exec sudo rm {} +`,
			[]string{"find / -perm /6000 -exec chmod a-s {} ; -o -exec sudo rm {} +", "find>chmod a-s {}", "find>sudo>rm {}"}},
		{"comments in the middle", "RUN a && \\\n# no\n  b # c && \\\n  d", []string{"a", "b"}},
		{"exec form", `RUN ["/bin/a", "-b", "c d"]`, []string{`a -b "c d"`}},
		{"exec form of a shell", `CMD ["sh", "-c", "a \"b\" | c"]`, []string{`sh -c "a \"b\" | c"`, "a b", "c <a"}},
		{"empty exec form", `CMD []`, nil},
		{"CMD", "CMD exec a $B", []string{"exec>a $B"}},
		{"ENTRYPOINT", `ENTRYPOINT ["tini", "-g", "--", "a", "b"]`, []string{"tini>a b"}},
		{"HEALTHCHECK", "HEALTHCHECK --retries=3 CMD a || exit 1", []string{"a", "exit 1"}},
		{"HEALTHCHECK exec form", `HEALTHCHECK CMD ["a", "b"]`, []string{"a b"}},
		{"HEALTHCHECK NONE", `HEALTHCHECK NONE`, nil},
		{"ONBUILD", "ONBUILD RUN a && b", []string{"a", "b"}},
		{"flags", "RUN --mount=type=cache,target=/x --network=none a", []string{"a"}},
		{"heredoc", "RUN <<EOF\na\nb | c\nEOF", []string{"a", "b", "c <b"}},
		{"heredoc for a shell", "RUN bash -x <<'EOF' && d\na $X\nEOF", []string{"bash -x", "a $X", "d"}},
		{"heredoc of a shell script", "RUN <<EOF\n#!/bin/bash -e\na\nEOF", []string{"a"}},
		{"heredoc of another language", "RUN <<EOF\n#!/usr/bin/env python3\nimport os; os.system('a')\nEOF", []string{"env>python3"}},
		{"heredoc for another program", "RUN python3 <<EOF\nimport os\nEOF", []string{"python3"}},
		{"heredoc into a file", "RUN cat <<EOF >/x && b\nsudo rm -rf /\nEOF", []string{"cat", "b"}},
		{"declared shell", "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN a <<< b", []string{"a"}},
		{"POSIX only", "RUN a; function=1; b", []string{"a", "b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			img := one(t, "FROM x\n"+test.instruction+"\n")
			var got []string
			for _, c := range img.Instructions[len(img.Instructions)-1].Commands {
				got = append(got, spell(c))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if len(img.Unknown) > 0 {
				t.Errorf("unknown: %v", img.Unknown)
			}
		})
	}
}

func TestUnreadScripts(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"powershell", "FROM a\nSHELL [\"powershell\", \"-Command\"]\nRUN Get-Item x", "instructions[2].commands (scripts for powershell are not judged)"},
		{"Windows", "FROM mcr.microsoft.com/windows/nanoserver:ltsc2022\nRUN dir", "instructions[1].commands (scripts for cmd are not judged)"},
		{"syntax", "FROM a\nRUN if true; then", "instructions[1].commands (the script does not parse and is not judged: ... must be followed by a statement list)"},
		{"no secret is quoted", "FROM a\nRUN echo 'hunter2", "instructions[1].commands (the script does not parse and is not judged: reached EOF without closing quote ...)"},
		{"nesting", "FROM a\nRUN " + strings.Repeat("(", 200), "instructions[1].commands (the script is nested too deeply and not judged)"},
		{"nesting behind closed ones", "FROM a\nRUN " + strings.Repeat(")", 200) + strings.Repeat("(", 200), "instructions[1].commands (the script is nested too deeply and not judged)"},
		{"length", "FROM a\nRUN <<E\n" + strings.Repeat("true\n", 20_000) + "E", "instructions[1].commands (the script is longer than 64 KiB and not judged)"},
		{"number", "FROM a\n" + strings.Repeat("RUN "+strings.Repeat("a;", 15_000)+"\n", 2), "instructions[2].commands (the file has more than 20000 commands: the rest is not judged)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := collectAll(map[string]string{"Dockerfile": test.text + "\n"})
			if got := unknowns(c.images[0]); got != test.want {
				t.Errorf("unknown %q\nwant    %q", got, test.want)
			}
			_, reason, _ := strings.Cut(strings.TrimSuffix(test.want, ")"), " (")
			if len(c.unread) != 1 || !strings.HasSuffix(c.unread[0], ": "+reason) {
				t.Errorf("unread %q, want %q once", c.unread, reason)
			}
		})
	}
}

func TestUnreadScriptsAreReportedOnce(t *testing.T) {
	c := collectAll(map[string]string{"Dockerfile": "FROM a\nSHELL [\"pwsh\", \"-c\"]\nRUN a\nRUN b\nRUN c\n"})
	want := []string{"Dockerfile:3:1: scripts for pwsh are not judged (nor are 2 more in this file)"}
	if !slices.Equal(c.unread, want) {
		t.Errorf("unread %q, want %q", c.unread, want)
	}
}
