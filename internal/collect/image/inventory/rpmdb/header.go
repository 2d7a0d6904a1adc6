package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"strconv"
)

// Header is what rpm recorded of an installed package.
type Header struct {
	Name, Version, Release, Epoch string
	Arch, License, SourceRPM      string
	// Module says which module it was built for: name, stream, version and
	// context, parted by colons; "" for most.
	Module string

	store     []byte
	dirIndex  tag
	baseNames tag
	dirNames  tag
	digests   tag
	modes     tag
}

// The tags that matter here.
const (
	tagName       = 1000
	tagVersion    = 1001
	tagRelease    = 1002
	tagEpoch      = 1003
	tagLicense    = 1014
	tagArch       = 1022
	tagModes      = 1030
	tagDigests    = 1035
	tagSourceRPM  = 1044
	tagDirIndexes = 1116
	tagBaseNames  = 1117
	tagDirNames   = 1118
	tagModule     = 5096
)

// The types of values.
const (
	typeInt16       = 3
	typeInt32       = 4
	typeString      = 6
	typeStringArray = 8
	typeI18nString  = 9
)

// The bounds on a header. rpm itself allows 65,535 tags.
const (
	maxTags  = 1 << 16
	maxFiles = 500_000
	maxPath  = 4096
)

// tag is an entry of the index: where in the store values of a type begin.
type tag struct {
	kind   uint32
	offset uint32
	count  uint32
}

// ParseHeader reads a header as databases keep it: two lengths, the index and
// the store, all of it big-endian. The header keeps the blob.
func ParseHeader(blob []byte) (*Header, error) {
	if len(blob) < 8 {
		return nil, errTruncated
	}
	tags, length := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if tags > maxTags || length > maxHeader || uint64(len(blob)) < 8+16*uint64(tags)+uint64(length) {
		return nil, errors.New("the header is longer than its record")
	}
	index := blob[8 : 8+16*tags]
	h := &Header{store: blob[8+16*tags:][:length]}
	for ; len(index) > 0; index = index[16:] {
		t := tag{binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:]), binary.BigEndian.Uint32(index[12:])}
		if t.offset > length {
			return nil, errors.New("a tag of the header points behind its end")
		}
		h.set(binary.BigEndian.Uint32(index), t)
	}
	return h, nil
}

func (h *Header) set(id uint32, t tag) {
	switch id {
	case tagName:
		h.Name = h.text(t)
	case tagVersion:
		h.Version = h.text(t)
	case tagRelease:
		h.Release = h.text(t)
	case tagEpoch:
		if t.kind == typeInt32 && t.count > 0 && len(h.store)-int(t.offset) >= 4 {
			h.Epoch = strconv.FormatUint(uint64(binary.BigEndian.Uint32(h.store[t.offset:])), 10)
		}
	case tagLicense:
		h.License = h.text(t)
	case tagArch:
		h.Arch = h.text(t)
	case tagSourceRPM:
		h.SourceRPM = h.text(t)
	case tagModes:
		h.modes = t
	case tagDigests:
		h.digests = t
	case tagDirIndexes:
		h.dirIndex = t
	case tagBaseNames:
		h.baseNames = t
	case tagModule:
		h.Module = h.text(t)
	case tagDirNames:
		h.dirNames = t
	}
}

// text returns a string; of translated ones the first, which is in English.
func (h *Header) text(t tag) string {
	if t.count == 0 || t.kind != typeString && t.kind != typeI18nString && t.kind != typeStringArray {
		return ""
	}
	value, _ := cutString(h.store[t.offset:])
	return string(value)
}

func cutString(store []byte) (value, rest []byte) {
	if i := bytes.IndexByte(store, 0); i >= 0 {
		return store[:i], store[i+1:]
	}
	return store, nil
}

// Files yields the paths of the package's files, folders left out, each with its
// digest in hexadecimal, "" where there is none.
func (h *Header) Files() iter.Seq2[string, string] {
	return func(yield func(path, digest string) bool) {
		if h.baseNames.kind != typeStringArray || h.dirNames.kind != typeStringArray || h.dirIndex.kind != typeInt32 {
			return
		}
		dirs := h.strings(h.dirNames)
		names, digests := h.store[h.baseNames.offset:], []byte(nil)
		if h.digests.kind == typeStringArray {
			digests = h.store[h.digests.offset:]
		}
		indexes, modes := h.store[h.dirIndex.offset:], h.store[h.modes.offset:]
		count := min(int(h.baseNames.count), int(h.dirIndex.count), len(indexes)/4, maxFiles)
		for i := range count {
			var name, digest []byte
			name, names = cutString(names)
			digest, digests = cutString(digests)
			if h.modes.kind == typeInt16 && i < int(h.modes.count) && len(modes) >= 2*i+2 && isFolder(binary.BigEndian.Uint16(modes[2*i:])) {
				continue
			}
			dir := binary.BigEndian.Uint32(indexes[4*i:])
			if int64(dir) >= int64(len(dirs)) {
				return
			}
			if len(dirs[dir])+len(name) > maxPath {
				continue
			}
			if !yield(string(dirs[dir])+string(name), string(digest)) {
				return
			}
		}
	}
}

func isFolder(mode uint16) bool { return mode&0o170000 == 0o040000 }

func (h *Header) strings(t tag) [][]byte {
	rest := h.store[t.offset:]
	var out [][]byte
	for i := uint32(0); i < t.count && len(rest) > 0; i++ {
		var value []byte
		value, rest = cutString(rest)
		out = append(out, value)
	}
	return out
}
