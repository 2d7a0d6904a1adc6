package image

import (
	"archive/tar"
	"context"
	"io"
	"log"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/holdfast-sec/holdfast/internal/collect/image/fake"
)

// engineOf starts an engine that knows archives by name.
func engineOf(t *testing.T, images map[string][]byte) *fake.Engine {
	t.Helper()
	// Sockets have short names: the folders of tests may be too deep.
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	files := map[string]string{}
	for name, text := range images {
		files[name] = filepath.Join(dir, strings.NewReplacer("/", "_", ":", "_").Replace(name))
		if err := os.WriteFile(files[name], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e, err := fake.StartEngine(filepath.Join(dir, "sock"), files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestEngine(t *testing.T) {
	large := noise(2 * smallEntry)
	files := savedFiles(t, imageOf(t,
		[]node{{name: "etc/", kind: tar.TypeDir}, {name: "etc/key", content: "secret"}, {name: "big", content: large}},
		[]node{{name: "etc/.wh.key"}, {name: "bigger", content: large + large}},
		[]node{{name: "bin/sh", content: "sh"}},
	))
	id := strings.Repeat("ab", 32)
	e := engineOf(t, map[string][]byte{"registry.example/app:1": archiveOf(t, files), "sha256:" + id: archiveOf(t, files), "broken": []byte("no archive")})

	for _, test := range []struct {
		target string
		from   Source
		env    map[string]string
		ref    string
	}{
		{"registry.example/app:1", Docker, map[string]string{"DOCKER_HOST": "unix://" + e.Socket}, "registry.example/app:1"},
		{"registry.example/app:1", Anywhere, map[string]string{"DOCKER_HOST": e.Socket}, "registry.example/app:1"},
		{"registry.example/app:1", Podman, map[string]string{"CONTAINER_HOST": "unix://" + e.Socket}, "registry.example/app:1"},
		{"sha256:" + id, Docker, map[string]string{"DOCKER_HOST": "unix://" + e.Socket}, "registry.example/app:1"},
	} {
		t.Run(string(test.from)+" "+test.target, func(t *testing.T) {
			before := e.Exports()
			opened, err := Open(t.Context(), test.target, test.from, Platform{}, test.env)
			if err != nil {
				t.Fatal(err)
			}
			defer opened.Close()
			img := opened.Images[0]
			if img.Name != test.target || img.Ref.Text != test.ref {
				t.Errorf("the image is called %q and has the reference %q, want %q and %q", img.Name, img.Ref.Text, test.target, test.ref)
			}
			r := &recorder{need: Windows}
			if problems := img.Walk(t.Context(), []Analyser{r}); len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			if got, want := r.visible(), []string{"big", "bigger", "bin/sh"}; !slices.Equal(got, want) {
				t.Errorf("the container sees %v, want %v", got, want)
			}
			if got, want := slices.Sorted(maps.Keys(r.content)), []string{"0big", "0etc/key", "1bigger", "2bin/sh"}; !slices.Equal(got, want) {
				t.Errorf("content of %v, want of %v", got, want)
			}
			if got := e.Exports() - before; got > 2 {
				t.Errorf("the engine was asked for the image %d times", got)
			}
		})
	}
}

// An engine's name without a tag is a name and no tag: unlike in a layout, where a
// single word is a tag.
func TestEngineName(t *testing.T) {
	files := savedFiles(t, imageOf(t, []node{{name: "a", content: "a"}}))
	e := engineOf(t, map[string][]byte{"nginx": archiveOf(t, files)})
	opened, err := Open(t.Context(), "nginx", Docker, Platform{}, map[string]string{"DOCKER_HOST": e.Socket})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if ref := opened.Images[0].Ref; ref.Repository != "library/nginx" || ref.Registry != "docker.io" || ref.Tag != "" {
		t.Errorf("the image is %+v, want library/nginx of docker.io", ref)
	}
}

func TestEngineRefuses(t *testing.T) {
	e := engineOf(t, map[string][]byte{"broken": []byte("no archive")})
	for _, test := range []struct{ target, host, want string }{
		{"app:1", e.Socket, "it has no such image"},
		{"broken", e.Socket, "no whole tar archive"},
		{"app:1", e.Socket + ".none", "no such file or directory"},
		{"app:1", "tcp://127.0.0.1:2375", "docker save"},
		{"../../containers/json?x", e.Socket, "no reference to an image"},
	} {
		t.Run(test.target+" "+filepath.Base(test.host), func(t *testing.T) {
			_, err := Open(t.Context(), test.target, Docker, Platform{}, map[string]string{"DOCKER_HOST": test.host})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestEngineSilent breaks off when the user does, whatever the engine does.
func TestEngineSilent(t *testing.T) {
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	listener, err := net.Listen("unix", filepath.Join(dir, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if c, err := listener.Accept(); err == nil {
			cancel()
			defer c.Close()
			<-t.Context().Done()
		}
	}()
	if _, err := Open(ctx, "app:1", Docker, Platform{}, map[string]string{"DOCKER_HOST": listener.Addr().String()}); err == nil {
		t.Error("a silent engine has an image")
	}
}

func TestSockets(t *testing.T) {
	for _, test := range []struct {
		kind Source
		env  map[string]string
		want []string
	}{
		{Docker, nil, []string{"/var/run/docker.sock"}},
		{Docker, map[string]string{"DOCKER_HOST": "unix:///d.sock", "HOME": "/home/a"}, []string{"unix:///d.sock"}},
		{Docker, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1", "HOME": "/home/a"}, []string{"/var/run/docker.sock", "/run/user/1/docker.sock", "/home/a/.docker/run/docker.sock"}},
		{Podman, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1"}, []string{"/run/user/1/podman/podman.sock", "/run/podman/podman.sock"}},
		{Podman, map[string]string{"CONTAINER_HOST": "unix:///p.sock", "DOCKER_HOST": "unix:///d.sock"}, []string{"unix:///p.sock"}},
		{Containerd, map[string]string{"HOME": "/home/a"}, nil},
	} {
		if got := sockets(test.kind, test.env); !slices.Equal(got, test.want) {
			t.Errorf("%s with %v: %v, want %v", test.kind, test.env, got, test.want)
		}
	}
}

// TestEngineThenRegistry looks on where the engine has no image, and tells of both
// where nobody has it.
func TestEngineThenRegistry(t *testing.T) {
	e := engineOf(t, nil)
	host := registryOf(t, map[string]v1.Image{"app:1": imageOf(t, []node{{name: "a", content: "a"}})})
	env := map[string]string{"DOCKER_HOST": "unix://" + e.Socket}
	opened, err := Open(t.Context(), host+"/app:1", Anywhere, Platform{OS: "linux", Architecture: "amd64"}, env)
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	_, err = Open(t.Context(), host+"/app:2", Anywhere, Platform{OS: "linux", Architecture: "amd64"}, env)
	if err == nil || !strings.Contains(err.Error(), "the registry has no such image") || !strings.Contains(err.Error(), e.Socket+": it has no such image") {
		t.Errorf("the error is %v, want one that tells of the registry and of the engine", err)
	}
}

// registryOf starts a registry with images.
func registryOf(t *testing.T, images map[string]v1.Image) (host string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	for tag, img := range images {
		ref, err := name.ParseReference(host + "/" + tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, img); err != nil {
			t.Fatal(err)
		}
	}
	return host
}
