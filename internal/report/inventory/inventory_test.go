package inventory

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/report/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func TestGolden(t *testing.T) {
	for name, r := range map[string]*finding.Result{"nothing": {}, "images": sample.Images()} {
		var out bytes.Buffer
		if err := Write(&out, r); err != nil {
			t.Fatal(err)
		}
		sample.Compare(t, "testdata/"+name+".txt", out.Bytes(), *update)
		for _, c := range out.String() {
			if c < ' ' && c != '\n' || c == 0x202e {
				t.Errorf("%s: the character %U gets through", name, c)
			}
		}
	}
}

func TestWriterErrorIsReturned(t *testing.T) {
	if err := Write(full{}, sample.Images()); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v, want the writer's", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
