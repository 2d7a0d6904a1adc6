//go:build !linux

package image

import (
	"errors"
	"os"
)

func anonymousFile() (*os.File, error) {
	return nil, errors.New("containerd's store can be read on Linux only")
}
