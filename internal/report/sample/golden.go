package sample

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Compare checks what was rendered against a golden file, or writes the file if
// update is set.
func Compare(t testing.TB, golden string, got []byte, update bool) {
	t.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range gotLines {
		if i >= len(wantLines) || !bytes.Equal(gotLines[i], wantLines[i]) {
			line := []byte("(end of file)")
			if i < len(wantLines) {
				line = wantLines[i]
			}
			t.Fatalf("%s:%d is\n\t%q\nwant\n\t%q\n(run with -update if this is meant)", golden, i+1, gotLines[i], line)
		}
	}
	t.Fatalf("%s has %d lines more than what was rendered (run with -update if this is meant)", golden, len(wantLines)-len(gotLines))
}
