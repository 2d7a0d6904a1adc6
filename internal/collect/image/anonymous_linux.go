package image

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// anonymousFile is a file that is nowhere but in memory.
func anonymousFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("holdfast", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	return os.NewFile(uintptr(fd), "memory"), nil
}
