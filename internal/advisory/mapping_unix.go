//go:build unix

package advisory

import (
	"fmt"
	"os"
	"syscall"
)

// mapFile maps a file into memory, read only. Who replaces it by renaming
// another one to its name does not disturb the mapping.
func mapFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if size := info.Size(); !info.Mode().IsRegular() || size < headerSize || size > maxFile || size != int64(int(size)) {
		return nil, fmt.Errorf("%s: this is no file of an advisory database", name)
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", name, err)
	}
	return data, nil
}

func unmap(data []byte) error { return syscall.Munmap(data) }
