package collect

import "io"

// Windows hands over what a reader gives in pieces of the buffer's size, each
// beginning with the last overlap bytes of the one before; offset is where the
// piece begins. It stops when yield returns false.
func Windows(r io.Reader, buffer []byte, overlap int, yield func(piece []byte, offset int64) bool) error {
	overlap = min(overlap, len(buffer)/2)
	kept, offset := 0, int64(0)
	for {
		n, err := Fill(r, buffer[kept:])
		if n > 0 && !yield(buffer[:kept+n], offset) {
			return nil
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		offset += int64(kept + n - overlap)
		kept = copy(buffer, buffer[kept+n-overlap:kept+n])
	}
}

// Fill is io.ReadFull, but leaves the reader's own word about its end alone: a
// truncated stream says io.ErrUnexpectedEOF, which is no end.
func Fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
