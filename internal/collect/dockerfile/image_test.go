package dockerfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

func unknowns(img *asset.Image) string {
	var out []string
	for _, u := range img.Unknown {
		out = append(out, u.Path+" ("+u.Reason+")")
	}
	return strings.Join(out, ", ")
}

func TestBase(t *testing.T) {
	tests := []struct{ name, text, base, unknown string }{
		{"plain", "FROM alpine:3.22", "docker.io/library/alpine:3.22", ""},
		{"digest", "FROM ghcr.io/a/b@sha256:00", "ghcr.io/a/b@sha256:00", ""},
		{"scratch", "FROM scratch", "scratch", ""},
		{"last stage", "FROM a:1\nFROM b:2", "docker.io/library/b:2", ""},
		{"chain", "FROM a:1 AS x\nFROM X AS y\nFROM c:3\nFROM y", "docker.io/library/a:1", ""},
		{"a stage of its own name", "FROM alpine AS alpine\nFROM alpine", "docker.io/library/alpine", ""},
		{"argument", "ARG T=1\nARG I=a:$T\nFROM ${I}", "docker.io/library/a:1", ""},
		{"default in place", "ARG T\nFROM a:${T:-2}", "docker.io/library/a:2", ""},
		{"undeclared, default in place", "FROM a:${T:-2}", "docker.io/library/a:2", ""},
		{"suffix", "ARG S=x\nFROM a:1${S:+-slim}", "docker.io/library/a:1-slim", ""},
		{"trimmed", "ARG V=1.2.3\nFROM a:${V%.*}-${V//./_}", "docker.io/library/a:1.2-1_2_3", ""},
		{"quoted", "FROM \"a:1\"", "docker.io/library/a:1", ""},
		{"no default", "ARG T\nFROM a:$T", "docker.io/library/a:${T}",
			"base.text (build argument T has no default), base.tag (build argument T has no default), stages[0].base.text (build argument T has no default), stages[0].base.tag (build argument T has no default)"},
		{"nothing known", "ARG I\nFROM $I", "docker.io/library/${I}", "base (build argument I has no default), stages[0].base (build argument I has no default)"},
		{"registry", "ARG R\nFROM ${R}/a:1", "${R}/a:1",
			"base.text (build argument R has no default), base.registry (build argument R has no default), stages[0].base.text (build argument R has no default), stages[0].base.registry (build argument R has no default)"},
		{"an argument of a stage does not reach FROM", "FROM a\nARG T=1\nFROM b:$T", "docker.io/library/b:${T}",
			"base.text (build argument T is not declared before the first FROM), base.tag (build argument T is not declared before the first FROM), stages[1].base.text (build argument T is not declared before the first FROM), stages[1].base.tag (build argument T is not declared before the first FROM)"},
		{"platform of the builder", "FROM a AS b-amd64\nFROM c AS b-arm64\nFROM b-$TARGETARCH", "docker.io/library/a", ""},
		{"template", "FROM {{.Image}}", "docker.io/library/{{.Image}}", "base (a template fills in {{.Image}}), stages[0].base (a template fills in {{.Image}})"},
		{"in other stages only", "ARG T\nFROM a:$T AS x\nFROM b:1", "docker.io/library/b:1", "stages[0].base.text (build argument T has no default), stages[0].base.tag (build argument T has no default)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			img := one(t, test.text+"\n")
			got := img.Base.Repository
			if img.Base.Registry != "" {
				got = img.Base.Registry + "/" + got
			}
			if img.Base.Tag != "" {
				got += ":" + img.Base.Tag
			}
			if img.Base.Digest != "" {
				got += "@" + img.Base.Digest
			}
			if img.Scratch {
				got += "scratch"
			}
			if got != test.base {
				t.Errorf("base is %q, want %q", got, test.base)
			}
			if got := unknowns(img); got != test.unknown {
				t.Errorf("unknown %q\nwant    %q", got, test.unknown)
			}
		})
	}
}

func TestStages(t *testing.T) {
	img := one(t, `FROM golang:1 AS Build
RUN make
FROM build AS test
FROM alpine:3 AS files
FROM scratch AS base
COPY --from=2 /etc/passwd /etc/
FROM base
COPY --from=build /x /x
RUN --mount=type=bind,from=test,target=/t true
`)
	var got []string
	for _, s := range img.Stages {
		got = append(got, fmt.Sprintf("%s %s parent=%s scratch=%v shipped=%v copied=%v", s.Name, s.Base.Text, s.Parent, s.Scratch, s.Shipped, s.Copied))
	}
	want := []string{
		"build golang:1 parent= scratch=false shipped=false copied=true",
		"test golang:1 parent=build scratch=false shipped=false copied=true",
		"files alpine:3 parent= scratch=false shipped=false copied=true",
		"base  parent= scratch=true shipped=true copied=false",
		"  parent=base scratch=true shipped=true copied=false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i, shipped := range []bool{false, false, false, false, true, true, true, true, true} {
		if img.Instructions[i].Shipped != shipped {
			t.Errorf("instruction %d is shipped %v, want %v", i, !shipped, shipped)
		}
	}
	if in := img.Instructions[8]; in.From != "test" || !slices.Equal(in.Mounts, []string{"bind"}) {
		t.Errorf("mount of %q, %v", in.From, in.Mounts)
	}
}

func TestUser(t *testing.T) {
	tests := []struct {
		text    string
		want    asset.User
		unknown string
	}{
		{"", asset.User{UID: -1}, ""},
		{"USER root", asset.User{Text: "root", UID: -1, Root: true}, ""},
		{"USER 0", asset.User{Text: "0", UID: 0, Root: true}, ""},
		{"USER 00:5", asset.User{Text: "00:5", UID: 0, Root: true}, ""},
		{"USER root:app", asset.User{Text: "root:app", UID: -1, Root: true}, ""},
		{"USER app", asset.User{Text: "app", UID: -1}, ""},
		{"USER 1000:0", asset.User{Text: "1000:0", UID: 1000}, ""},
		{"USER root\nUSER app", asset.User{Text: "app", UID: -1}, ""},
		{"ARG U=7\nUSER $U", asset.User{Text: "7", UID: 7}, ""},
		{"ENV U=7\nARG U=8\nUSER $U", asset.User{Text: "7", UID: 7}, ""},
		{"ARG U\nUSER $U", asset.User{Text: "${U}", UID: -1}, "user.uid (build argument U has no default), user.root (build argument U has no default)"},
		{"USER $U", asset.User{Text: "${U}", UID: -1}, "user.uid (variable U is not set in this file, the base image may set it), user.root (variable U is not set in this file, the base image may set it)"},
		{"ONBUILD USER 0", asset.User{UID: -1}, ""},
		{"USER 1\nFROM a", asset.User{UID: -1}, ""},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			img := one(t, "FROM x\n"+test.text+"\n")
			if img.User != test.want {
				t.Errorf("user is %+v, want %+v", img.User, test.want)
			}
			if got := unknowns(img); got != test.unknown {
				t.Errorf("unknown %q, want %q", got, test.unknown)
			}
		})
	}
	img := one(t, "FROM a AS x\nRUN one\nUSER app\nRUN two\nFROM x\nRUN three\nUSER 0\n")
	var got []string
	for _, in := range img.Instructions {
		if in.Cmd == "RUN" {
			got = append(got, in.User.Text)
		}
	}
	if !slices.Equal(got, []string{"", "app", "app"}) {
		t.Errorf("RUN executes as %q", got)
	}
}

func TestConfiguration(t *testing.T) {
	img := one(t, `ARG TOKEN=fromglobal
ARG UNUSED
FROM a AS base
ENV A=1 B=$A C=${PATH}:/x
ENV A=2 D="$A and $B"
LABEL k=base only=base
EXPOSE 80
CMD ["base"]
HEALTHCHECK CMD true
FROM base
ARG TOKEN
ARG NONE
ENV T=$TOKEN N=$NONE A=3
LABEL k="v $A"
EXPOSE 8000-8002/udp 1$A
VOLUME ["/data", "/$A"]
WORKDIR x
WORKDIR y
ENTRYPOINT exec server
`)
	var env []string
	for _, e := range img.Env {
		env = append(env, e.Name+"="+e.Value)
	}
	if got, want := strings.Join(env, "|"), "A=3|B=${A}|C=${PATH}:/x|D=1 and ${A}|T=fromglobal|N=${NONE}"; got != want {
		t.Errorf("env is %s\nwant   %s", got, want)
	}
	var args []string
	for _, a := range img.Args {
		args = append(args, fmt.Sprintf("%s=%s %v", a.Name, a.Value, a.Used))
	}
	if got, want := strings.Join(args, "|"), "TOKEN=fromglobal false|UNUSED= false|TOKEN= true|NONE= true"; got != want {
		t.Errorf("args are %s\nwant     %s", got, want)
	}
	if got, want := fmt.Sprint(img.Ports), "[{80 tcp} {8000 udp} {8001 udp} {8002 udp} {13 tcp}]"; got != want {
		t.Errorf("ports are %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(img.Labels), "map[k:v 3 only:base]"; got != want {
		t.Errorf("labels are %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%v %s %s", img.Volumes, img.Workdir, img.Healthcheck), "[/data /3] /x/y CMD"; got != want {
		t.Errorf("volumes, workdir, healthcheck are %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%q %q", img.Entrypoint, img.Cmd), `["/bin/sh" "-c" "exec server"] []`; got != want {
		t.Errorf("entrypoint and cmd are %s, want %s", got, want)
	}
}

func TestInstructions(t *testing.T) {
	img := one(t, `FROM a
ADD --checksum=sha256:1 --chown=1:1 https://x/y.tgz /opt/
ONBUILD COPY --chmod=755 . /app
COPY <<EOF /secret
hunter2
EOF
RUN --security=insecure --network=host --mount=type=secret,id=t --mount=type=ssh make
COPY ["a b", "c", "/d"]
SHELL ["/bin/bash", "-c"]
`)
	var got []string
	for _, in := range img.Instructions[1:] {
		got = append(got, fmt.Sprintf("%s %q src=%q dst=%s onbuild=%v chmod=%s chown=%s sum=%s sec=%s net=%s mounts=%v",
			in.Cmd, in.Text, in.Sources, in.Dest, in.Onbuild, in.Chmod, in.Chown, in.Checksum, in.Security, in.Network, in.Mounts))
	}
	want := []string{
		`ADD "--checksum=sha256:1 --chown=1:1 https://x/y.tgz /opt/" src=["https://x/y.tgz"] dst=/opt/ onbuild=false chmod= chown=1:1 sum=sha256:1 sec= net= mounts=[]`,
		`COPY "--chmod=755 . /app" src=["."] dst=/app onbuild=true chmod=755 chown= sum= sec= net= mounts=[]`,
		`COPY "<<EOF /secret\nhunter2\n" src=[] dst=/secret onbuild=false chmod= chown= sum= sec= net= mounts=[]`,
		`RUN "--security=insecure --network=host --mount=type=secret,id=t --mount=type=ssh make" src=[] dst= onbuild=false chmod= chown= sum= sec=insecure net=host mounts=[secret ssh]`,
		`COPY "[\"a b\", \"c\", \"/d\"]" src=["a b" "c"] dst=/d onbuild=false chmod= chown= sum= sec= net= mounts=[]`,
		`SHELL "[\"/bin/bash\", \"-c\"]" src=[] dst= onbuild=false chmod= chown= sum= sec= net= mounts=[]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Variables that multiply must cost little and end as unknown, not as memory.
func TestHostileSubstitution(t *testing.T) {
	var b strings.Builder
	b.WriteString("FROM a\nENV A=" + strings.Repeat("x", 1000) + "\n")
	for range 1000 {
		b.WriteString("ENV A=$A$A$A$A\nENV B=${A//?/$A}\nENV C=${A//?/${A//?/$A}}\n")
	}
	b.WriteString("USER $A\n")
	img := one(t, b.String())
	total := 0
	for _, in := range img.Instructions {
		for _, p := range in.Pairs {
			total += len(p.Value)
		}
	}
	if total > 16<<20 {
		t.Errorf("the values have %d MiB", total>>20)
	}
	if !strings.HasPrefix(unknowns(img), "user.uid (") {
		t.Errorf("unknown is %q", unknowns(img))
	}
}
