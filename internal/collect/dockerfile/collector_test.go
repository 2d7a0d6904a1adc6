package dockerfile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// catcher is a sink that keeps everything.
type catcher struct {
	images  []*asset.Image
	unread  []string
	objects int
}

func (c *catcher) Asset(a asset.Asset) { c.images = append(c.images, a.(*asset.Image)) }
func (c *catcher) Unread(place source.Place, reason string) {
	c.unread = append(c.unread, place.String()+": "+reason)
}
func (c *catcher) Object(n int) { c.objects += n }

// collectAll reads a tree of files in memory.
func collectAll(files map[string]string) *catcher {
	c := &catcher{}
	for _, in := range New().Claim(collect.NewTree(files)) {
		in.Read(context.Background(), c)
	}
	return c
}

// one reads a Dockerfile that has to be an image.
func one(t *testing.T, text string) *asset.Image {
	t.Helper()
	c := collectAll(map[string]string{"Dockerfile": text})
	if len(c.images) != 1 || len(c.unread) != 0 || c.objects != 1 {
		t.Fatalf("got %d images, unread %q", len(c.images), c.unread)
	}
	return c.images[0]
}

func TestClaim(t *testing.T) {
	const image = "FROM alpine:3.22\n"
	tests := []struct {
		path, text string
		want       bool
	}{
		{"Dockerfile", image, true},
		{"dockerfile", image, true},
		{"a/b/Containerfile", image, true},
		{"Dockerfile.prod", image, true},
		{"Dockerfile-chroot", image, true},
		{"Dockerfile_alpine", image, true},
		{"api.Dockerfile", image, true},
		{"api.dockerfile", image, true},
		{"Containerfile.web", image, true},
		{"Dockerfile.tmpl", "{{ . }}", true},
		{"Dockerfile", "nonsense", true}, // to say that it is none
		{"Dockerfile", "", true},
		{"Dockerfile.java", image, true},
		{"Dockerfile.java", "class Dockerfile {}", false},
		{"dockerfile.go", "package dockerfile\n", false},
		{"Dockerfile.md", image, false},
		{"Dockerfile.dockerignore", "*\n", false},
		{".dockerignore", "*\n", false},
		{"MyDockerfile", "x", false},
		{"build/image", "# a comment\n\nARG V=1\nFROM --platform=$BUILDPLATFORM golang:$V AS build\n", true},
		{"build/image", "# syntax=docker/dockerfile:1\n\nRUN x\n", true},
		{"build/image", "\ufeffFROM alpine\r\n", true},
		{"mail", "From me@shop.example Mon Sep 17 00:00:00 2001\n", false},
		{"mail", "FROM the shop with love\n", false},
		{"script", "#!/bin/sh\n# syntax\nFROM=1\n", false},
		{"query.sql", "FROM orders\n", false},
		{"image.txt", image, false},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			tree := collect.NewTree(map[string]string{test.path: test.text})
			got := New().Claim(tree)
			if (len(got) == 1) != test.want || tree.Entries[0].Claimed() != test.want {
				t.Errorf("claimed %v of %q, want %v", got, test.text, test.want)
			}
		})
	}
}

func TestClaimWhatTheUserNames(t *testing.T) {
	tree, err := collect.Walk([]string{"-"}, strings.NewReader("FROM alpine\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	inputs := New().Claim(tree)
	if len(inputs) != 1 {
		t.Fatalf("a Dockerfile on standard input is not claimed")
	}
	c := &catcher{}
	inputs[0].Read(context.Background(), c)
	if got := c.images[0].Name; got != "image of standard input" {
		t.Errorf("name is %q", got)
	}
}

func TestUnread(t *testing.T) {
	tests := []struct{ name, path, text, want string }{
		{"empty", "Dockerfile", "", "Dockerfile: it is no valid Dockerfile: it has no instructions"},
		{"only comments", "Dockerfile", "# nothing\n", "Dockerfile:1: it is no valid Dockerfile: it has no instructions"},
		{"no FROM", "Dockerfile", "ARG A\n", "Dockerfile: it is no valid Dockerfile: it has no FROM"},
		{"RUN first", "Dockerfile", "\nRUN x\nFROM a\n", "Dockerfile:2: it is no valid Dockerfile: RUN stands before the first FROM"},
		{"typo", "Dockerfile", "FROM a\nRUNN x\n", "Dockerfile:2: it is no valid Dockerfile: there is no instruction RUNN"},
		{"no secret is quoted", "Dockerfile", "FROM a\nENV A=1 hunter2\n",
			`Dockerfile:2: it is no valid Dockerfile: Syntax error - can't find = in "...". Must be of the form: name=value`},
		{"no key is quoted", "Dockerfile", "FROM a\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n", "Dockerfile:2: it is no valid Dockerfile: an instruction is expected here"},
		{"heredoc without end", "Dockerfile", "FROM a\nRUN <<EOF\nls\n", "Dockerfile:2: it is no valid Dockerfile: unterminated heredoc"},
		{"template", "Dockerfile.tmpl", "{{ if .X }}\nFROM a\n{{ end }}\n", "Dockerfile.tmpl:1: it is a template, render it first: an instruction is expected here"},
		{"template by name", "Dockerfile.in", "@begin@\nFROM a\n", "Dockerfile.in:1: it is a template, render it first: an instruction is expected here"},
		{"no text", "Dockerfile", "FROM a\n\x00", "Dockerfile:2: it is not UTF-8 text"},
		{"huge", "Dockerfile", "FROM a\n" + strings.Repeat("# x\n", 1<<19), "Dockerfile: it is larger than 1 MiB, which no Dockerfile is"},
		{"long line", "Dockerfile", "FROM a\nRUN " + strings.Repeat("x", 70_000), "Dockerfile:1: it is no valid Dockerfile: dockerfile line greater than max allowed size of 65535"},
		{"many instructions", "Dockerfile", "FROM a\n" + strings.Repeat("RUN x\n", 5_000), "Dockerfile: it has 5001 instructions, more than the 5000 that are read"},
		{"many values", "Dockerfile", "FROM a\n" + strings.Repeat("ENV"+strings.Repeat(" A=1", 1000)+"\n", 30), "Dockerfile: it declares more than 50000 values"},
		{"many stages", "Dockerfile", strings.Repeat("FROM a\n", 1_001), "Dockerfile: it has 1001 stages, more than the 1000 that are read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := collectAll(map[string]string{test.path: test.text})
			if len(c.images) != 0 || !slices.Equal(c.unread, []string{test.want}) {
				t.Errorf("got %d images, unread %q\nwant %q", len(c.images), c.unread, test.want)
			}
		})
	}
}

func TestIgnore(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"none", map[string]string{"a/b/.dockerignore": "x"}, ""},
		{"beside", map[string]string{"a/.dockerignore": "\ufeff# c\n\n.git\r\n!x\n", ".dockerignore": "y"}, ".git !x"},
		{"named after it", map[string]string{"a/.dockerignore": "x", "a/Dockerfile.dockerignore": "y"}, "y"},
		{"for Podman", map[string]string{"a/.containerignore": "x", "a/.dockerignore": "y"}, "x"},
		{"above", map[string]string{".dockerignore": "x"}, "x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.files["a/Dockerfile"] = "FROM scratch\n"
			c := collectAll(test.files)
			img := c.images[0]
			if got := strings.Join(img.IgnorePatterns, " "); got != test.want || img.Ignored != (test.want != "") {
				t.Errorf("ignored %v, patterns %q, want %q", img.Ignored, got, test.want)
			}
		})
	}
}

// placed lists fields with where they stand: "user 3:6-3:9".
func placed(img *asset.Image, paths ...string) string {
	var out []string
	for _, path := range paths {
		p, declared := img.Locate(path)
		s := fmt.Sprintf("%s %d:%d", path, p.Line, p.Column)
		if p.EndLine > 0 {
			s += fmt.Sprintf("-%d:%d", p.EndLine, p.EndColumn)
		}
		if !declared {
			s += " absent"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func TestPlaces(t *testing.T) {
	tests := []struct {
		name, text string
		paths      []string
		want       string
	}{
		{
			"every field", `# syntax = docker/dockerfile:1
ARG V=3.22
FROM --platform=linux/arm64 alpine:3.22 AS a
ENV A=1 \
    B="two words"
ENV C three
LABEL org.x="y"
EXPOSE 80 22/tcp
VOLUME /data
WORKDIR /srv
COPY --from=golang:1 --chmod=777 --chown=0:0 x y /z/
USER app:app
HEALTHCHECK --interval=3s CMD true
ENTRYPOINT ["/x"]
CMD ["y"]
`,
			[]string{
				"syntax", "args[0]", "args[0].value", "platform", "base", "base.tag", "stages[0]", "stages[0].base.tag",
				"env[0]", "env[0].value", "env[1].value", "env[2]", "env[2].value", `labels["org.x"]`,
				"ports[0]", "ports[1]", "volumes[0]", "workdir", "user", "healthcheck", "entrypoint", "cmd",
				"instructions[8].from", "instructions[8].chmod", "instructions[8].chown",
				"instructions[8].sources[1]", "instructions[8].dest", "instructions[2]",
			},
			"syntax 1:12, args[0] 2:5-2:11, args[0].value 2:7-2:11, platform 3:6-3:28, base 3:29-3:40, base.tag 3:36-3:40, stages[0] 3:1-3:45, stages[0].base.tag 3:36-3:40, " +
				`env[0] 4:5-4:8, env[0].value 4:7-4:8, env[1].value 5:7-5:18, env[2] 6:5-6:6, env[2].value 6:7-6:12, labels["org.x"] 7:13-7:16, ` +
				"ports[0] 8:8-8:10, ports[1] 8:11-8:17, volumes[0] 9:8-9:13, workdir 10:9-10:13, user 12:6-12:13, healthcheck 13:1-13:35, entrypoint 14:1-14:18, cmd 15:1-15:10, " +
				"instructions[8].from 11:6-11:21, instructions[8].chmod 11:22-11:33, instructions[8].chown 11:34-11:45, " +
				"instructions[8].sources[1] 11:48-11:49, instructions[8].dest 11:50-11:53, instructions[2] 4:1-5:18",
		},
		{
			"absent is at the final FROM", "FROM a AS b\nUSER x\n\n  FROM c\nRUN y\n", []string{"user", "healthcheck", "base.tag"},
			"user 4:3 absent, healthcheck 4:3 absent, base.tag 4:8-4:9 absent",
		},
		{
			"commands", "FROM a\nRUN one && \\\n  # remark\n\n  two | \\\n\tthree; four >/x\nRUN [\"five\", \"x\"]\n",
			[]string{"instructions[1]", "instructions[1].commands[0]", "instructions[1].commands[1]", "instructions[1].commands[2]",
				"instructions[1].commands[3]", "instructions[2].commands[0]"},
			"instructions[1] 2:1-6:17, instructions[1].commands[0] 2:5-2:8, instructions[1].commands[1] 5:3-5:6, instructions[1].commands[2] 6:2-6:7, " +
				"instructions[1].commands[3] 6:9-6:17, instructions[2].commands[0] 7:5-7:18",
		},
		{
			"characters, not bytes", "FROM a\nRUN echo 'ä€' && two\n", []string{"instructions[1].commands[1]"},
			"instructions[1].commands[1] 2:18-2:21",
		},
		{
			"long lines", "FROM a\nRUN echo " + strings.Repeat("ä", 1000) + " && two\n", []string{"instructions[1].commands[1]"},
			"instructions[1].commands[1] 2:1014-2:1017",
		},
		{
			"CRLF and byte-order mark", "\ufeffFROM a\r\nRUN one \\\r\n && two\r\nUSER x\r\n", []string{"base", "instructions[1].commands[1]", "user"},
			"base 1:6-1:7, instructions[1].commands[1] 3:5-3:8, user 4:6-4:7",
		},
		{
			"heredocs", "FROM a\nRUN <<A\none\n  two &&\\\n three\nA\nRUN bash <<-B\n\tfour\n\tB\nCOPY <<C <<D /x\n1\nC\n2\nD\nUSER x\n",
			[]string{"instructions[1]", "instructions[1].commands[0]", "instructions[1].commands[1]", "instructions[1].commands[2]",
				"instructions[2].commands[0]", "instructions[2].commands[1]", "instructions[3]", "user"},
			"instructions[1] 2:1-6:2, instructions[1].commands[0] 3:1-3:4, instructions[1].commands[1] 4:3-4:6, instructions[1].commands[2] 5:2-5:7, " +
				"instructions[2].commands[0] 7:5-9:3, instructions[2].commands[1] 8:2-8:6, instructions[3] 10:1-14:2, user 15:6-15:7",
		},
		{
			"scripts in quotes", "FROM a\nRUN sh -c 'one; two'\nRUN sh -c \"three; $X four\"\nRUN sh -c \"five \\\"; six\\\"\"\n",
			[]string{"instructions[1].commands[2]", "instructions[2].commands[2]", "instructions[3].commands[1]"},
			"instructions[1].commands[2] 2:17-2:20, instructions[2].commands[2] 3:19-3:26, instructions[3].commands[1] 4:5",
		},
		{
			"another escape", "# escape=`\nFROM a\nRUN one `\n && two \\\nUSER x\n", []string{"instructions[1].commands[1]", "user"},
			"instructions[1].commands[1] 4:5-4:10, user 5:6-5:7",
		},
		{
			"ONBUILD", "FROM a\nONBUILD RUN one && \\\n two\n", []string{"instructions[1]", "instructions[1].commands[1]"},
			"instructions[1] 2:1-3:5, instructions[1].commands[1] 3:2-3:5",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			img := one(t, test.text)
			if got := placed(img, test.paths...); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
