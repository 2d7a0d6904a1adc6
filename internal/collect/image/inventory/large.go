package inventory

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/collect/image/inventory/pclntab"
)

// maxKept is the largest executable that is kept in memory as a whole. What
// larger ones say of themselves is picked out while they pass by.
const maxKept = 16 << 20

// The marks that the go command puts around the list of modules, and the one
// of the record that names the toolchain.
var (
	modulesStart = []byte("\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6")
	modulesEnd   = []byte("\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2")
	goRecord     = []byte("\xff Go buildinf:")
	// goNote is the name of the note that Go's linker leaves near the beginning.
	goNote = []byte("\x04\x00\x00\x00Go\x00\x00")
)

const (
	// overlap holds whatever has to be in one piece to be recognised.
	overlap    = 1 << 10
	maxModules = 4 << 20
	maxCrates  = 1 << 20
	recordSize = 128
)

// readLargeExecutable reads an executable piece by piece.
func (inv *Inventory) readLargeExecutable(f *image.File, c image.Content) error {
	p := passing{modules: gather{limit: maxModules}, toolchain: gather{limit: recordSize}, crates: gather{limit: maxCrates}}
	functions := pclntab.NewStream(c.Size())
	var failed error
	symbols := asset.NewSymbols(func(yield func(string) bool) {
		names := symbolNames(yield)
		failed = c.Windows(overlap, func(piece []byte, offset int64) bool {
			if offset == 0 && !bytes.HasPrefix(piece, []byte("\x7fELF")) {
				return false
			}
			p.look(piece, offset)
			functions.Next(piece, offset, names)
			return true
		})
	})
	if failed != nil {
		return failed
	}
	if len(p.crates.bytes) > 0 && len(p.modules.bytes) == 0 {
		return inv.readAudit(f, p.crates.bytes)
	}
	if len(p.modules.bytes) == 0 {
		return nil
	}
	info, err := p.info()
	if err != nil {
		return err
	}
	if !functions.Complete() {
		symbols = nil
	}
	return inv.addGoProgram(f, goModules(info), symbols)
}

// passing is what a program says of itself, picked out while it passes by.
type passing struct {
	modules   gather // from behind the mark
	toolchain gather // the record
	crates    gather
	golang    bool
	inflate   io.ReadCloser
}

// gather collects a byte range that begins somewhere in one piece and may end in
// another.
type gather struct {
	found bool
	at    int64
	limit int
	bytes []byte
}

func (g *gather) begin(at int64) { g.found, g.at = true, at }

func (g *gather) take(piece []byte, offset int64) {
	from := g.at + int64(len(g.bytes)) - offset
	if !g.found || from < 0 || from >= int64(len(piece)) || len(g.bytes) >= g.limit {
		return
	}
	part := piece[from:]
	g.bytes = append(g.bytes, part[:min(len(part), g.limit-len(g.bytes))]...)
}

func (p *passing) look(piece []byte, offset int64) {
	if !p.modules.found {
		p.findModules(piece, offset)
	}
	if !p.toolchain.found {
		p.findToolchain(piece, offset)
	}
	if offset == 0 {
		p.golang = bytes.Contains(piece[:min(len(piece), image.HeadSize)], goNote)
	}
	if !p.crates.found && !p.golang {
		p.findCrates(piece, offset)
	}
	p.modules.take(piece, offset)
	if end := bytes.Index(p.modules.bytes[max(0, len(p.modules.bytes)-len(piece)-len(modulesEnd)):], modulesEnd); end >= 0 {
		p.modules.limit = len(p.modules.bytes) // enough
	}
	p.toolchain.take(piece, offset)
	p.crates.take(piece, offset)
}

// findModules looks for the mark of the list of modules. The go command itself
// holds the bare mark.
func (p *passing) findModules(piece []byte, offset int64) {
	for at := 0; ; {
		i := bytes.Index(piece[at:], modulesStart)
		if i < 0 {
			return
		}
		at += i + len(modulesStart)
		if rest := piece[at:]; bytes.HasPrefix(rest, []byte("path\t")) || bytes.HasPrefix(rest, []byte("mod\t")) {
			p.modules.begin(offset + int64(at))
			return
		}
	}
}

// findToolchain looks for the record, which is aligned; the bare mark is in
// programs that read such records.
func (p *passing) findToolchain(piece []byte, offset int64) {
	for at := 0; ; {
		i := bytes.Index(piece[at:], goRecord)
		if i < 0 {
			return
		}
		at += i
		if start := offset + int64(at); start%16 == 0 {
			p.toolchain.begin(start)
			return
		}
		at++
	}
}

// findCrates looks for the list of cargo-auditable: compressed text that begins
// in the one way that it can.
func (p *passing) findCrates(piece []byte, offset int64) {
	const enough = 256 // compressed bytes to tell by
	want := []byte(`{"packages":`)
	var got [12]byte
	for at := 0; at+2 < len(piece); at++ {
		i := bytes.IndexByte(piece[at:], 0x78)
		if i < 0 {
			return
		}
		at += i
		if at+1 >= len(piece) || binary.BigEndian.Uint16(piece[at:])%31 != 0 || piece[at+1]&0x20 != 0 {
			continue
		}
		source := bytes.NewReader(piece[at:min(len(piece), at+enough)])
		if !p.restart(source) {
			continue
		}
		if n, _ := io.ReadFull(p.inflate, got[:]); bytes.Equal(got[:n], want) {
			p.crates.begin(offset + int64(at))
			return
		}
	}
}

func (p *passing) restart(source io.Reader) bool {
	if p.inflate != nil {
		return p.inflate.(zlib.Resetter).Reset(source, nil) == nil
	}
	var err error
	p.inflate, err = zlib.NewReader(source)
	return err == nil
}

// info makes the build information of what was gathered.
func (p *passing) info() (*debug.BuildInfo, error) {
	end := bytes.Index(p.modules.bytes, modulesEnd)
	if end < 0 {
		return nil, errors.New("its list of modules has no end")
	}
	info, err := debug.ParseBuildInfo(string(p.modules.bytes[:end]))
	if err != nil {
		return nil, fmt.Errorf("its list of modules: %w", err)
	}
	info.GoVersion = toolchainOf(p.toolchain.bytes)
	return info, nil
}

// toolchainOf reads the record that Go since 1.18 leaves: 32 bytes, then the
// version with its length before it. Older ones only point at it.
func toolchainOf(record []byte) string {
	const inline = 2
	if len(record) < 34 || record[15]&inline == 0 {
		return ""
	}
	length, n := binary.Uvarint(record[32:])
	if n <= 0 || length > uint64(len(record)-32-n) {
		return ""
	}
	return string(record[32+n:][:length])
}
