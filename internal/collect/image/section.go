package image

import (
	"errors"
	"io"
)

// seekBuffer is how much a seeker reads ahead: the headers of many small files
// then cost one system call.
const seekBuffer = 64 << 10

// seeker reads a part of a file in order, buffered, and skips without reading.
type seeker struct {
	file  io.ReaderAt
	base  int64 // where the part begins in the file
	size  int64
	at    int64 // the next byte to hand out, from base
	buf   []byte
	start int64 // where buf begins, from base
}

func newSeeker(file io.ReaderAt, base, size int64) *seeker {
	return &seeker{file: file, base: base, size: size}
}

// offset is where the next byte is in the file.
func (s *seeker) offset() int64 { return s.base + s.at }

func (s *seeker) Read(p []byte) (int, error) {
	if s.at >= s.size {
		return 0, io.EOF
	}
	if in := s.at - s.start; in >= 0 && in < int64(len(s.buf)) {
		n := copy(p, s.buf[in:])
		s.at += int64(n)
		return n, nil
	}
	if len(p) >= seekBuffer {
		n, err := s.file.ReadAt(p[:min(int64(len(p)), s.size-s.at)], s.offset())
		s.at += int64(n)
		if n > 0 {
			err = nil
		}
		return n, err
	}
	if s.buf == nil {
		s.buf = make([]byte, seekBuffer)
	}
	s.buf = s.buf[:min(seekBuffer, s.size-s.at)]
	n, err := s.file.ReadAt(s.buf, s.offset())
	s.buf, s.start = s.buf[:n], s.at
	if n == 0 {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	n = copy(p, s.buf)
	s.at += int64(n)
	return n, nil
}

// Seek implements io.Seeker; archive/tar skips content by it.
func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, errors.New("seeking before the beginning")
	}
	s.at = offset
	return offset, nil
}

// section is a blob that lies in a file and can be read in any order.
type section struct{ *seeker }

func (s *section) Close() error { return nil }

// ReadAt implements io.ReaderAt within the section.
func (s *section) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > s.size-off
	if short {
		p = p[:s.size-off]
	}
	n, err := s.file.ReadAt(p, s.base+off)
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}
