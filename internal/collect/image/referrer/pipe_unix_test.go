//go:build unix

package referrer

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPipes are not opened: nobody would write into them, and opening waits.
func TestPipes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"index.json", "archive.tar"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, filepath.Join(dir, "archive.tar")} {
		if _, err := Open(t.Context(), name, ""); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}
