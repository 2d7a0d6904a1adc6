package image

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/holdfast-sec/holdfast/internal/collect/image/fake"
)

// storeOf starts a containerd that has one image, under a name in a namespace.
func storeOf(t *testing.T, namespace, name string, img v1.Image) *fake.Containerd {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("containerd's store can be read on Linux only")
	}
	c, err := fake.StartContainerd(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Pull(namespace, name, img); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestContainerd reads a store whose lock containerd holds.
func TestContainerd(t *testing.T) {
	img := imageOf(t, []node{{name: "etc/key", content: "secret"}}, []node{{name: "etc/.wh.key"}, {name: "bin/sh", content: "sh"}})
	for _, test := range []struct{ namespace, name, target, only, want string }{
		{"k8s.io", "docker.io/library/nginx:1", "nginx:1", "", ""},
		{"moby", "docker.io/library/nginx:latest", "nginx", "", ""},
		{"default", "registry.example/app:1", "registry.example/app:1", "", ""},
		{"shop", "registry.example/app:1", "registry.example/app:1", "", ""},
		{"shop", "registry.example/app:1", "registry.example/app:1", "shop", ""},
		{"shop", "registry.example/app:1", "registry.example/app:1", "k8s.io", "no such image"},
		{"k8s.io", "sha256:" + strings.Repeat("ab", 32), "sha256:" + strings.Repeat("ab", 32), "", ""},
		{"k8s.io", "registry.example/app:1", "registry.example/app:2", "", "no such image"},
		{"k8s.io", "registry.example/app:1", "no name at all", "", "no reference"},
	} {
		t.Run(test.namespace+" "+test.target+" "+test.only, func(t *testing.T) {
			c := storeOf(t, test.namespace, test.name, img)
			env := map[string]string{"CONTAINERD_ROOT": c.Root, "CONTAINERD_NAMESPACE": test.only}
			opened, err := Open(t.Context(), test.target, Containerd, Platform{}, env)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("the error is %v, want one with %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer opened.Close()
			r := &recorder{need: Windows}
			if problems := opened.Images[0].Walk(t.Context(), []Analyser{r}); len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			if got, want := r.visible(), []string{"bin/sh"}; !slices.Equal(got, want) {
				t.Errorf("the container sees %v, want %v", got, want)
			}
		})
	}
}

// TestContainerdDiscards reads a store that has thrown layers away, as many
// clusters are told to.
func TestContainerdDiscards(t *testing.T) {
	img := imageOf(t, []node{{name: "a", content: "a"}}, []node{{name: "b", content: "b"}})
	c := storeOf(t, "k8s.io", "registry.example/app:1", img)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.Blob(digest)); err != nil {
		t.Fatal(err)
	}
	opened, err := Open(t.Context(), "registry.example/app:1", Containerd, Platform{}, map[string]string{"CONTAINERD_ROOT": c.Root})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	r := &recorder{need: Windows}
	problems := opened.Images[0].Walk(t.Context(), []Analyser{r})
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, "discard_unpacked_layers") {
		t.Errorf("problems: %v, want one that says why the layer is missing", problems)
	}
	if got, want := r.visible(), []string{"b"}; !slices.Equal(got, want) {
		t.Errorf("the container sees %v, want %v", got, want)
	}
}

// TestContainerdDamaged reads databases with wrong bytes in them: an answer or an
// error, and never more than that.
func TestContainerdDamaged(t *testing.T) {
	c := storeOf(t, "k8s.io", "registry.example/app:1", imageOf(t, []node{{name: "a", content: "a"}}))
	file := filepath.Join(c.Root, metaFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"CONTAINERD_ROOT": filepath.Join(t.TempDir(), "copy")}
	copied := filepath.Join(env["CONTAINERD_ROOT"], metaFile)
	if err := os.MkdirAll(filepath.Dir(copied), 0o700); err != nil {
		t.Fatal(err)
	}
	read := func(text []byte) error {
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := Open(t.Context(), "registry.example/app:1", Containerd, Platform{}, env)
		if err == nil {
			opened.Close()
		}
		return err
	}
	for _, size := range []int{0, 1, os.Getpagesize(), 2*os.Getpagesize() + 1, len(whole) / 2} {
		if err := read(whole[:size]); err == nil {
			t.Errorf("a database of %d bytes has an image", size)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		text := slices.Clone(whole)
		for range 1 + random.IntN(8) {
			text[random.IntN(len(text))] ^= byte(1 + random.IntN(255))
		}
		if err := read(text); err == nil {
			t.Error("the copy has an image, but its content is elsewhere")
		}
	}
}
