package inventory

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// program builds one of the programs of testdata for Linux.
func program(t testing.TB, name string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	build := exec.Command("go", append(append([]string{"build", "-o", out}, flags...), "./testdata/"+name)...)
	build.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, text)
	}
	return out
}

// lookAtProgram takes the inventory of an image that holds nothing but a
// program.
func lookAtProgram(t testing.TB, path string) Result {
	t.Helper()
	c := open(t, path)
	inv := New()
	f := &image.File{Path: "usr/local/bin/app", Layer: &asset.Layer{Index: 1}, Mode: 0o755, Size: c.Size()}
	show(t, inv, f, c)
	return inv.Finish()
}

func TestGoPrograms(t *testing.T) {
	builds := []struct {
		name, program string
		flags         []string
		strip         bool // of its sections, too
		linked        bool
	}{
		{"plain", "linked", nil, false, true},
		{"stripped", "linked", []string{"-ldflags=-s -w"}, false, true},
		{"position-independent", "linked", []string{"-ldflags=-s -w", "-buildmode=pie"}, false, true},
		{"without sections", "linked", []string{"-ldflags=-s -w"}, true, true},
		{"without the package", "unlinked", []string{"-ldflags=-s -w"}, false, false},
	}
	for _, build := range builds {
		t.Run(build.name, func(t *testing.T) {
			if build.name == "position-independent" && testing.Short() {
				t.Skip("it compiles the standard library anew")
			}
			path := program(t, build.program, build.flags...)
			if build.strip {
				removeSections(t, path)
			}
			r := lookAtProgram(t, path)
			text := r.named(t, "golang.org/x/text")
			if text.Version == "" || strings.HasPrefix(text.Version, "v") || text.Ecosystem != "Go" || text.Binary != "/usr/local/bin/app" {
				t.Errorf("the module is %+v", text)
			}
			if want := "pkg:golang/golang.org/x/text@v" + text.Version; text.PURL != want {
				t.Errorf("its URL is %s, want %s", text.PURL, want)
			}
			std := r.named(t, "stdlib")
			if want := goToolchain(runtime.Version()); std.Version != want {
				t.Errorf("the toolchain is %q, want %q", std.Version, want)
			}
			if main := r.named(t, "github.com/holdfast-sec/holdfast"); main.Layer.Index != 1 {
				t.Errorf("the main module is %+v", main)
			}
			symbols := text.Symbols
			if symbols == nil || symbols != std.Symbols {
				t.Fatalf("symbols are %v and %v", symbols, std.Symbols)
			}
			for _, name := range []string{"golang.org/x/text/language", "golang.org/x/text/language.Parse", "golang.org/x/text/language.Tag.String"} {
				if symbols.Has(name) != build.linked {
					t.Errorf("%s is linked: %v, want %v", name, symbols.Has(name), build.linked)
				}
			}
			for _, name := range []string{"fmt", "fmt.Println", "os.File.Write", "runtime.gcStart", "main.main"} {
				if !symbols.Has(name) {
					t.Errorf("%s is not linked", name)
				}
			}
			if build.linked && !symbols.Has("main.greeter.greet") {
				t.Error("the method of a generic type is not linked")
			}
			for _, name := range []string{"net/http", "golang.org/x/text/language.NoSuchFunction", "main.main.func1"} {
				if symbols.Has(name) {
					t.Errorf("%s is linked", name)
				}
			}
		})
	}
}

// Large programs are read while they pass by, and have to tell the same.
func TestLargeProgramsTellTheSame(t *testing.T) {
	for _, flags := range [][]string{nil, {"-ldflags=-s -w"}} {
		path := program(t, "linked", flags...)
		want := lookAtProgram(t, path)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []image.Content{contents(whole), loaded(whole)} {
			inv := New()
			f := &image.File{Path: "usr/local/bin/app", Layer: &asset.Layer{Index: 1}, Mode: 0o755, Size: int64(len(whole))}
			if err := inv.readLargeExecutable(f, c); err != nil {
				t.Fatal(err)
			}
			r := inv.Finish()
			if r.names() != want.names() {
				t.Errorf("packages are %s, want %s", r.names(), want.names())
			}
			got, all := r.named(t, "stdlib").Symbols, want.named(t, "stdlib").Symbols
			if got == nil || got.Len() != all.Len() || !got.Has("golang.org/x/text/language.Parse") {
				t.Errorf("%v of %d functions", got, all.Len())
			}
		}
	}
}

func TestLargeProgramsInRust(t *testing.T) {
	text := auditable(t, `{"packages":[{"name":"serde","version":"1.0.190"},{"name":"tool","version":"0.3.0"}]}`)
	inv := New()
	f := &image.File{Path: "usr/bin/tool", Layer: &asset.Layer{}, Mode: 0o755, Size: int64(len(text))}
	if err := inv.readLargeExecutable(f, contents(text)); err != nil {
		t.Fatal(err)
	}
	r := inv.Finish()
	if got, want := r.names(), "serde 1.0.190, tool 0.3.0"; got != want {
		t.Errorf("packages are %s, want %s", got, want)
	}
}

// removeSections cuts the list of sections off, as packers and some strippers
// do.
func removeSections(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, zero := range []struct{ at, n int64 }{{0x28, 8}, {0x3c, 4}} {
		if _, err := f.WriteAt(make([]byte, zero.n), zero.at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestToolchainVersions(t *testing.T) {
	for text, want := range map[string]string{
		"go1.22.3": "1.22.3", "go1.21": "1.21.0", "go1.22rc1": "1.22.0-rc.1", "go1.20.5 X:boringcrypto": "1.20.5",
		"devel go1.23-abc": "", "": "",
	} {
		if got := goToolchain(text); got != want {
			t.Errorf("%q is version %q, want %q", text, got, want)
		}
	}
}

func TestProgramsThatAreNone(t *testing.T) {
	r := inventoryOf(t, layers{{
		"bin/script*":    "#!/bin/sh\n" + strings.Repeat("# comment\n", 20_000),
		"bin/truncated*": "\x7fELF\x02\x01" + strings.Repeat("\xff", 200_000),
		"bin/zeros*":     "\x7fELF\x02\x01" + strings.Repeat("\x00", 200_000),
	}})
	if len(r.Packages) != 0 {
		t.Errorf("packages are %s", r.names())
	}
}

func TestLargeFilesAreKeptForAReason(t *testing.T) {
	program := []byte("\x7fELF\x02\x01" + strings.Repeat("\x00", 100))
	tests := []struct {
		path string
		size int64
		head []byte
		want image.Need
	}{
		{"usr/bin/tool", 90 << 20, program, image.Windows},
		{"usr/bin/tool", 9 << 20, program, image.Random},
		{"usr/bin/tool", 2 << 20, []byte("#!/bin/sh"), image.Nothing},
		{"app/app.jar", 90 << 20, []byte("PK"), image.Random},
		{"usr/local/bin/node", 90 << 20, program, image.Windows},
	}
	for _, test := range tests {
		f := &image.File{Path: test.path, Size: test.size, Mode: 0o755}
		if got := New().Refine(f, test.head); got != test.want {
			t.Errorf("%s of %d MB: need %d, want %d", test.path, test.size>>20, got, test.want)
		}
	}
}
