package inventory

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// The bounds on an executable's own description.
const (
	// minProgram is the smallest that may hold a list of modules: an empty
	// program in Go has more than a megabyte, one in Rust some hundred kilobytes.
	minProgram  = 96 << 10
	maxSections = 4096
	maxNames    = 1 << 20
	maxSection  = 64 << 20
)

// mayHoldModules tells by the header whether it is worth to look at a file's
// first bytes.
func mayHoldModules(f *image.File) bool {
	if f.Size < minProgram {
		return false
	}
	// Kernel modules and firmware are neither programs nor libraries.
	return f.Mode.Perm()&0o111 != 0 || isLibrary(f.Path)
}

// needOfExecutable tells by the first bytes of a large file what to read of it.
func needOfExecutable(f *image.File, head []byte) image.Need {
	switch {
	case bytes.HasPrefix(head, []byte("MZ")):
		return image.Random
	case !bytes.HasPrefix(head, []byte("\x7fELF")):
		return image.Nothing
	case f.Size > maxKept:
		return image.Windows
	}
	return image.Random
}

// isLibrary tells shared libraries: "libx.so", "libx.so.1.2".
func isLibrary(path string) bool {
	_, base := cutLast(path)
	return bytes.HasSuffix([]byte(base), []byte(".so")) || bytes.Contains([]byte(base), []byte(".so."))
}

// readExecutable looks for what Go and cargo-auditable leave in executables.
func (inv *Inventory) readExecutable(f *image.File, c image.Content) error {
	var magic [4]byte
	_, err := c.ReadAt(magic[:], 0)
	if f.Size > maxKept && (err != nil || string(magic[:]) == "\x7fELF") {
		return inv.readLargeExecutable(f, c) // it may only pass by
	}
	switch {
	case err != nil:
		return nil
	case string(magic[:]) == "\x7fELF":
	case string(magic[:2]) == "MZ": // Windows
		return inv.readGoProgram(f, c, section{})
	default:
		return nil
	}
	goInfo, table, audit, known := findSections(c)
	if audit.size > 0 {
		packed := make([]byte, audit.size)
		if _, err := c.ReadAt(packed, audit.offset); err != nil && err != io.EOF {
			return err
		}
		return inv.readAudit(f, packed)
	}
	if goInfo.size > 0 || !known {
		return inv.readGoProgram(f, c, table)
	}
	return nil
}

// section is a byte range of a file.
type section struct {
	offset, size int64
}

// findSections looks for the sections that matter here, without reading any of
// them. known is false where the file has no list of sections.
func findSections(c image.Content) (goInfo, table, audit section, known bool) {
	var head [64]byte
	if n, _ := c.ReadAt(head[:], 0); n < len(head) {
		return
	}
	e := elf{wide: head[4] == 2, order: binary.LittleEndian}
	if head[5] == 2 {
		e.order = binary.BigEndian
	}
	offset, size, count, names := e.list(head[:])
	if offset <= 0 || count == 0 || count > maxSections || names >= count || size < e.least() || size > 128 {
		return
	}
	list := make([]byte, int64(count)*int64(size))
	if n, _ := c.ReadAt(list, offset); n < len(list) {
		return
	}
	_, strings := e.section(list[names*size:])
	if strings.size <= 0 || strings.size > maxNames || strings.offset > c.Size() {
		return
	}
	text := make([]byte, strings.size)
	if n, _ := c.ReadAt(text, strings.offset); n < len(text) {
		return
	}
	for i := range count {
		at, s := e.section(list[i*size:])
		if int64(at) >= int64(len(text)) || s.offset < 0 || s.size <= 0 || s.size > maxSection || s.offset > c.Size()-s.size {
			continue
		}
		name := text[at:]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		switch string(name) {
		case ".go.buildinfo":
			goInfo = s
		case ".gopclntab", ".data.rel.ro.gopclntab":
			table = s
		case ".dep-v0":
			audit = s
		}
	}
	return goInfo, table, audit, true
}

// elf reads the two widths and byte orders of the format.
type elf struct {
	wide  bool
	order binary.ByteOrder
}

// least is the size of an entry of the list of sections.
func (e elf) least() int {
	if e.wide {
		return 64
	}
	return 40
}

func (e elf) list(head []byte) (offset int64, size, count, names int) {
	if e.wide {
		return int64(e.order.Uint64(head[0x28:])), int(e.order.Uint16(head[0x3a:])), int(e.order.Uint16(head[0x3c:])), int(e.order.Uint16(head[0x3e:]))
	}
	return int64(e.order.Uint32(head[0x20:])), int(e.order.Uint16(head[0x2e:])), int(e.order.Uint16(head[0x30:])), int(e.order.Uint16(head[0x32:]))
}

func (e elf) section(entry []byte) (name uint32, s section) {
	if e.wide {
		return e.order.Uint32(entry), section{int64(e.order.Uint64(entry[0x18:])), int64(e.order.Uint64(entry[0x20:]))}
	}
	return e.order.Uint32(entry), section{int64(e.order.Uint32(entry[0x10:])), int64(e.order.Uint32(entry[0x14:]))}
}
