package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// header is a tar header written by hand: archive/tar writes no hostile ones.
func header(name string, kind byte, size string) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	copy(h[124:136], size)
	copy(h[136:], "00000000000\x00        ")
	h[156] = kind
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// TestHoles does not look into a petabyte that is not there.
func TestHoles(t *testing.T) {
	var records string
	for _, r := range []string{"GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.name=large", "GNU.sparse.size=1125899906842624", "GNU.sparse.numblocks=1", "GNU.sparse.map=0,512"} {
		records += fmt.Sprintf("%d %s\n", len(r)+4, r)
	}
	layer := append(header("pax", 'x', fmt.Sprintf("%011o\x00", len(records))), records...)
	layer = append(layer, make([]byte, 512-len(records)%512)...)
	layer = append(layer, header("large", '0', fmt.Sprintf("%011o\x00", 512))...)
	layer = append(layer, bytes.Repeat([]byte("x"), 512)...)
	layer = append(append(layer, header("after", '0', fmt.Sprintf("%011o\x00", 0))...), make([]byte, 1024)...)
	for _, inFile := range []bool{true, false} {
		img := &Image{store: fuzzed{layer, inFile}, Layers: []Layer{{}}}
		r := &recorder{need: Windows}
		problems := img.Walk(t.Context(), []Analyser{r})
		if len(problems) != 1 || !strings.Contains(problems[0].Reason, "sparse") || problems[0].Path != "large" {
			t.Errorf("in a file %t: problems are %v, want one about the sparse file", inFile, problems)
		}
		if len(r.visits) != 2 {
			t.Errorf("in a file %t: %d files were seen, want two", inFile, len(r.visits))
		}
	}
}

// TestDeepFolders bounds what is remembered of paths by their folders too.
func TestDeepFolders(t *testing.T) {
	for index, most := range []int{maxMarks, maxShadow} {
		testDeepFolders(t, int64(index), most)
	}
}

func testDeepFolders(t *testing.T, index int64, most int) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := range most/2000 + 10 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint(i, strings.Repeat("/a", 2000), "/f"), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	img := &Image{store: fuzzed{b.Bytes(), false}, Layers: []Layer{{Layer: asset.Layer{Index: index}}}}
	problems := img.Walk(t.Context(), []Analyser{&recorder{}})
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, "folders that they are in") {
		t.Errorf("problems are %v, want one about the number of folders", problems)
	}
}

// TestLayerAgain does not let a small layer become large by naming it often.
func TestLayerAgain(t *testing.T) {
	zeros := strings.Repeat("\x00", 300<<20)
	img := inMemory(t, imageOf(t, []node{{name: "zeros", content: zeros}}))
	img.Layers = append(img.Layers, img.Layers[0], img.Layers[0], img.Layers[0])
	if problems := img.Walk(t.Context(), []Analyser{&recorder{}}); len(problems) == 0 || !strings.Contains(problems[0].Reason, "times its size") {
		t.Errorf("problems are %v, want some about the size", problems)
	}
}

// endless is a blob that never ends.
type endless struct{}

func (endless) blob(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	start := append(header("a", '0', fmt.Sprintf("%011o\x00", 0)), header("b", '0', "77777777777\x00")...)
	return io.NopCloser(io.MultiReader(bytes.NewReader(start), noEnd{})), nil
}

type noEnd struct{}

func (noEnd) Read(p []byte) (int, error) { return len(p), nil }

// TestLongerThanPromised ends reading where the manifest says that a layer ends.
func TestLongerThanPromised(t *testing.T) {
	img := &Image{store: endless{}, Layers: []Layer{{Size: 1 << 20}}}
	problems := img.Walk(t.Context(), []Analyser{&recorder{}})
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, errLonger.Error()) {
		t.Errorf("problems are %v, want one about the length", problems)
	}
}

// cancels is an analyser that ends the walk when it sees a file.
type cancels struct {
	recorder
	cancel func()
}

func (c *cancels) Visit(f *File) Need { c.cancel(); return c.recorder.Visit(f) }

// TestWalkEndsWithItsContext in the midst of a file that has no end.
func TestWalkEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	img := &Image{store: endless{}, Layers: []Layer{{}}}
	problems := img.Walk(ctx, []Analyser{&cancels{recorder{need: Windows}, cancel}})
	if len(problems) == 0 || !strings.Contains(problems[len(problems)-1].Reason, "broken off") {
		t.Errorf("problems are %v, want one that says that it was broken off", problems)
	}
}

// TestDigestsOfOtherKinds are not taken for checked.
func TestDigestsOfOtherKinds(t *testing.T) {
	img := inMemory(t, imageOf(t, []node{{name: "a", content: "a"}}))
	img.Layers[0].DiffID = "sha512:" + strings.Repeat("0", 128)
	if problems := img.Walk(t.Context(), []Analyser{&recorder{}}); len(problems) != 1 || !strings.Contains(problems[0].Reason, "cannot be checked") {
		t.Errorf("problems are %v, want one about the digest", problems)
	}
}

// TestDocumentsOfManyValues are refused: in memory they are much larger.
func TestDocumentsOfManyValues(t *testing.T) {
	text := `{"history":[` + strings.Repeat("{},", maxValues) + `{}]}`
	if _, err := readDocument(strings.NewReader(text), "x"); err == nil || !strings.Contains(err.Error(), "values") {
		t.Errorf("the error is %v, want one about the values", err)
	}
	escaped, err := json.Marshal(map[string]string{"a": strings.Repeat(`,"{[\`, maxValues)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readDocument(bytes.NewReader(escaped), "x"); err != nil {
		t.Errorf("text is taken for values: %v", err)
	}
}

// TestCompressedArchiveBomb ends where the archive becomes too large.
func TestCompressedArchiveBomb(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "zeros", Typeflag: tar.TypeReg, Size: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 1 << 10 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), file, Archive, Platform{}, nil); err == nil || !strings.Contains(err.Error(), "times its size") {
		t.Errorf("the error is %v, want one about the size", err)
	}
}

// TestLayersOfOtherTypes are not left out without a word.
func TestLayersOfOtherTypes(t *testing.T) {
	img := &Image{store: memory{}}
	if err := img.describe([]byte(`{"config":{}}`), []v1.Descriptor{{MediaType: "application/vnd.other"}}); err != nil {
		t.Fatal(err)
	}
	if problems := img.Walk(t.Context(), []Analyser{&recorder{}}); len(problems) != 1 || !strings.Contains(problems[0].Reason, "vnd.other") {
		t.Errorf("problems are %v, want one about the type", problems)
	}
}
