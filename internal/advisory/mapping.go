package advisory

import (
	"fmt"
	"os"
)

// openMappable opens a file that may be one of the database, with its size.
func openMappable(name string) (*os.File, int, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	size := info.Size()
	if !info.Mode().IsRegular() || size < headerSize || size > maxFile || size != int64(int(size)) {
		f.Close()
		return nil, 0, fmt.Errorf("%s: this is no file of an advisory database", name)
	}
	return f, int(size), nil
}
