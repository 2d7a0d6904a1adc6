package advisory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// tempName is how files begin that are being written.
const tempName = ".new-"

// writeTemp writes a file beside those of the database, down to the disk, and
// returns its name.
func writeTemp(dir string, write func(io.Writer) error) (name string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the folder of the advisory database: %w", err)
	}
	f, err := os.CreateTemp(dir, tempName+"*")
	if err != nil {
		return "", fmt.Errorf("writing to the advisory database: %w", err)
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// place gives a written file its name: who reads has the old one or the new one.
func place(temp, dir, name string) error {
	if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
		os.Remove(temp)
		return fmt.Errorf("replacing %s: %w", filepath.Join(dir, name), err)
	}
	// The name reaches the disk with the folder. Not every system can do that.
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// replace writes a file of the database as a whole.
func replace(dir, name string, data []byte) error {
	temp, err := writeTemp(dir, func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		return err
	}
	return place(temp, dir, name)
}

// Confirm puts down in a file of the database that its source said at a time that
// there is nothing newer.
func Confirm(ctx context.Context, dir, name string, when time.Time) error {
	release, err := Lock(ctx, dir, "write")
	if err != nil {
		return err
	}
	defer release()
	file := bundled{Name: name}.file()
	mapped, err := mapFile(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	defer unmap(mapped)
	data := bytes.Clone(mapped)
	h, err := readHeader(data)
	if err != nil {
		return fmt.Errorf("reading %s: %w", filepath.Join(dir, file), err)
	}
	h.checked = seconds(when)
	copy(data, h.encode())
	return replace(dir, file, data)
}
