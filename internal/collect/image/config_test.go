package image

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// history makes one of entries; those that begin with "-" made no layer.
func history(cfg *v1.ConfigFile, entries ...string) *v1.ConfigFile {
	for _, e := range entries {
		by, empty := strings.CutPrefix(e, "-")
		cfg.History = append(cfg.History, v1.History{CreatedBy: by, EmptyLayer: empty})
		if !empty {
			cfg.RootFS.DiffIDs = append(cfg.RootFS.DiffIDs, v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)})
		}
	}
	return cfg
}

// spell writes an instruction as "RUN@1 [a b|c <b]": its layer, its commands.
func spell(in asset.Instruction) string {
	s := fmt.Sprintf("%s@%d", in.Cmd, in.Layer)
	if in.Onbuild {
		s = "ONBUILD " + s
	}
	if !in.Shipped {
		s = "(" + s + ")"
	}
	var commands []string
	for _, c := range in.Commands {
		text := strings.Join(append([]string{c.Name}, c.Args...), " ")
		if c.PipedFrom != "" {
			text += " <" + c.PipedFrom
		}
		commands = append(commands, text)
	}
	if commands != nil {
		s += " [" + strings.Join(commands, "|") + "]"
	}
	for _, p := range in.Pairs {
		s += fmt.Sprintf(" %s=%q", p.Name, p.Value)
	}
	return s
}

func TestHistory(t *testing.T) {
	tests := []struct{ name, entry, want, args string }{
		{"classic RUN", "/bin/sh -c apt-get update && apt-get install -y curl", "RUN@0 [apt-get update|apt-get install -y curl]", ""},
		{"classic RUN with arguments", "|2 A=1 B=two words /bin/sh -c make $A", "RUN@0 [make $A]", `A="1" B="two words"`},
		{"classic, a value that looks like a name", "|1 OPTS=-x LEVEL=2 /bin/sh -c make", "RUN@0 [make]", `OPTS="-x LEVEL=2"`},
		{"classic, own shell", "/bin/bash -o pipefail -c curl -s https://x | bash", "RUN@0 [curl -s https://x|bash <curl]", ""},
		{"classic, shell with all options in one", "/bin/bash -euxo pipefail -c a | b", "RUN@0 [a|b <a]", ""},
		{"classic, trailing option", "/bin/ash -eo pipefail -c a", "RUN@0 [a]", ""},
		{"classic ENV", "/bin/sh -c #(nop)  ENV PATH=/usr/bin:/bin", `ENV@0 PATH="/usr/bin:/bin"`, ""},
		{"classic ADD", "/bin/sh -c #(nop) ADD file:1f0e2d3c4b5a69788796a5b4c3d2e1f01f0e2d3c4b5a69788796a5b4c3d2e1f0 in / ", "ADD@0", ""},
		{"BuildKit RUN", "RUN /bin/sh -c set -eux; apk add curl # buildkit", "RUN@0 [set -eux|apk add curl]", ""},
		{"BuildKit RUN with arguments", "RUN |1 NPM_TOKEN=s3cr3t /bin/sh -c npm ci # buildkit", "RUN@0 [npm ci]", `NPM_TOKEN="s3cr3t"`},
		{"BuildKit exec form", "RUN |1 A=1 /usr/bin/make -j2 # buildkit", "RUN@0 [make -j2]", `A="1"`},
		{"BuildKit heredoc", "RUN /bin/sh -c a\nb | c\n # buildkit", "RUN@0 [a|b|c <b]", ""},
		{"BuildKit ARG", "-ARG VERSION=1.2", `ARG@-1 VERSION="1.2"`, `VERSION="1.2"`},
		{"BuildKit ARG without value", "-ARG TOKEN", `ARG@-1 TOKEN=""`, `TOKEN=""`},
		{"BuildKit ENV of several", "-ENV A=1 B=x y", `ENV@-1 A="1" B="x y"`, ""},
		{"BuildKit COPY", "COPY --chown=app:app --chmod=4755 a b /dst # buildkit", "COPY@0", ""},
		{"BuildKit EXPOSE", "-EXPOSE map[443/tcp:{} 80/tcp:{}]", "EXPOSE@-1", ""},
		{"kaniko", "RUN apt-get update && make", "RUN@0 [apt-get update|make]", ""},
		{"buildah", "/bin/sh -c #(nop) LABEL a=\"b c\"", `LABEL@0 a="b c"`, ""},
		{"buildah commit", "/bin/sh", "@0", ""},
		{"of no Dockerfile", "# debian.sh --arch 'amd64' out/ 'trixie'", "@0", ""},
		{"nothing", "", "@0", ""},
		{"ONBUILD that is gone", "-ONBUILD RUN make", "(ONBUILD RUN@-1) [make]", ""},
		{"replaced CMD", `-CMD ["bash"]`, "(CMD@-1) [bash]", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			img := fromConfig(history(&v1.ConfigFile{OS: "linux"}, test.entry))
			if got := spell(img.Instructions[0]); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			var args []string
			for _, a := range img.Args {
				args = append(args, fmt.Sprintf("%s=%q", a.Name, a.Value))
			}
			if got := strings.Join(args, " "); got != test.args {
				t.Errorf("arguments %s, want %s", got, test.args)
			}
		})
	}
}

func TestCopied(t *testing.T) {
	img := fromConfig(history(&v1.ConfigFile{}, "COPY --chown=app:app --chmod=4755 a b /dst # buildkit",
		"/bin/sh -c #(nop) COPY dir:1f0e2d3c4b5a69788796a5b4c3d2e1f01f0e2d3c4b5a69788796a5b4c3d2e1f0 in /app "))
	first, second := img.Instructions[0], img.Instructions[1]
	if !slices.Equal(first.Sources, []string{"a", "b"}) || first.Dest != "/dst" || first.Chmod != "4755" || first.Chown != "app:app" {
		t.Errorf("%+v", first)
	}
	if len(second.Sources) != 0 || second.Dest != "/app" {
		t.Errorf("%+v", second)
	}
}

func TestLayersOfInstructions(t *testing.T) {
	cfg := history(&v1.ConfigFile{}, "/bin/sh -c #(nop) ADD file:x in /", "-ENV A=1", "RUN /bin/sh -c a # buildkit", "-USER app", "WORKDIR /app")
	var got []int64
	for _, in := range fromConfig(cfg).Instructions {
		got = append(got, in.Layer)
	}
	if want := []int64{0, -1, 1, -1, 2}; !slices.Equal(got, want) {
		t.Errorf("layers %v, want %v", got, want)
	}
	cfg.RootFS.DiffIDs = cfg.RootFS.DiffIDs[1:] // squashed: nobody knows whose is whose
	for _, in := range fromConfig(cfg).Instructions {
		if in.Layer != -1 {
			t.Errorf("%s is said to have made layer %d of an image whose history tells of other layers", in.Cmd, in.Layer)
		}
	}
}

func TestConfiguration(t *testing.T) {
	cfg := history(&v1.ConfigFile{OS: "linux", Config: v1.Config{
		User: "1000:1000", Env: []string{"PATH=/bin", "EMPTY=", "API_KEY=k=v"},
		Labels: map[string]string{"b": "2", "a": "1"}, ExposedPorts: map[string]struct{}{"443/tcp": {}, "80": {}, "53/UDP": {}},
		Healthcheck: &v1.HealthConfig{Test: []string{"CMD-SHELL", "curl -f http://x || exit 1"}},
		Entrypoint:  []string{"/app", "-v"}, Cmd: []string{"<serve>"}, Volumes: map[string]struct{}{"/b": {}, "/a": {}},
		WorkingDir: "/srv", OnBuild: []string{"RUN make"},
	}}, "-ENV PATH=/bin", "-USER app", "RUN /bin/sh -c a # buildkit", `-ENTRYPOINT ["/old"]`, `-ENTRYPOINT ["/app" "-v"]`,
		`-HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" '\x00'}`, `-HEALTHCHECK &{["CMD-SHELL" "curl -f http://x || exit 1"] "0s" "0s" "0s" "0s" '\x00'}`)
	img := fromConfig(cfg)
	if img.User.UID != 1000 || img.User.Root || img.Healthcheck != "CMD" || img.Workdir != "/srv" || img.Labels["b"] != "2" ||
		!slices.Equal(img.Volumes, []string{"/a", "/b"}) || len(img.Env) != 3 || img.Env[2].Value != "k=v" {
		t.Errorf("%+v", img)
	}
	if got, want := fmt.Sprint(img.Ports), "[{53 udp} {80 tcp} {443 tcp}]"; got != want {
		t.Errorf("ports %s, want %s", got, want)
	}
	var got []string
	for _, in := range img.Instructions {
		got = append(got, spell(in))
	}
	want := []string{
		`ENV@-1 PATH="/bin"`, "USER@-1", "RUN@0 [a]", "(ENTRYPOINT@-1) [old]", "ENTRYPOINT@-1 [app -v]", "(HEALTHCHECK@-1)",
		"HEALTHCHECK@-1 [curl -f http://x|exit 1]",
		// What no history tells.
		`ENV@-1 EMPTY=""`, `ENV@-1 API_KEY="k=v"`, `LABEL@-1 a="1"`, `LABEL@-1 b="2"`, "CMD@-1 [<serve>]", "ONBUILD RUN@-1 [make]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if run := img.Instructions[2]; run.User.Text != "app" {
		t.Errorf("RUN is said to run as %+v", run.User)
	}
}

func TestUserOfAnImage(t *testing.T) {
	for _, test := range []struct {
		os, user string
		root     bool
	}{{"linux", "", true}, {"linux", "root", true}, {"linux", "0:0", true}, {"linux", "app", false}, {"windows", "", false}} {
		if got := fromConfig(&v1.ConfigFile{OS: test.os, Config: v1.Config{User: test.user}}).User.Root; got != test.root {
			t.Errorf("user %q on %s: root is %v", test.user, test.os, got)
		}
	}
}

func TestScriptsOfOtherShells(t *testing.T) {
	img := fromConfig(history(&v1.ConfigFile{OS: "windows"}, `powershell -Command $x = 1; iwr https://x | iex`, `RUN cmd /S /C dir # buildkit`))
	if len(img.Unknown) != 2 || img.Unknown[0].Reason != "scripts for powershell are not judged" {
		t.Errorf("unknown: %v", img.Unknown)
	}
}

// FuzzHistory reads any history: every instruction has a keyword of a Dockerfile
// or none, and layers are those of the image.
func FuzzHistory(f *testing.F) {
	for _, seed := range []string{
		"|2 A=1 B=2 /bin/sh -c a | b", "RUN |1 A=b /bin/sh -c x # buildkit", "/bin/sh -c #(nop)  CMD [\"a\" \"b\"]",
		"COPY --chmod=1 a b # buildkit", "ENV A=\"b\" C='d'", "ONBUILD ONBUILD RUN a", "HEALTHCHECK &{}", "EXPOSE map[1-9/tcp:{}]",
		"|9999 /bin/bash -o pipefail -c", "cmd /S /C x", "ARG",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		cfg := history(&v1.ConfigFile{Config: v1.Config{Cmd: []string{entry}, Env: []string{entry}, OnBuild: []string{entry}}}, entry, "-"+entry)
		for _, in := range fromConfig(cfg).Instructions {
			if in.Cmd != "" && !slices.Contains(keywords, in.Cmd) || in.Layer < -1 || in.Layer > 1 {
				t.Fatalf("%q became %+v", entry, in)
			}
		}
	})
}
