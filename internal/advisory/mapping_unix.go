//go:build unix

package advisory

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// mapFile maps a file into memory, read only. Who replaces it by renaming
// another one to its name does not disturb the mapping.
func mapFile(name string) ([]byte, error) {
	f, size, err := openMappable(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", name, err)
	}
	return data, nil
}

func unmap(data []byte) error { return syscall.Munmap(data) }

// tryLock locks an open file until it is closed, if nobody else has.
func tryLock(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	// A file system without locks is used without.
	return err == nil || !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR)
}
