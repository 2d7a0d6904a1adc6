//go:build !unix

package advisory

import (
	"io"
	"os"
)

// mapFile reads a file: where a mapped file cannot be replaced, a copy can.
func mapFile(name string) ([]byte, error) {
	f, size, err := openMappable(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	_, err = io.ReadFull(f, data)
	return data, err
}

func unmap([]byte) error { return nil }

// tryLock does not lock there: the last writer wins.
func tryLock(*os.File) bool { return true }
