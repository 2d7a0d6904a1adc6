package image

import (
	"io"
	"io/fs"
	"time"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// Analyser looks at the files of one image while they stream by. An analyser
// sees every entry once and takes what it needs; nothing is kept for it and
// nothing can be asked for again. The newest layer comes first, unless the image
// comes as a stream (of an engine, of a compressed archive), which has an order of
// its own; File.Deleted and File.Layer are right either way.
type Analyser interface {
	// Visit is shown the header of every entry, one after the other, and says
	// how much of its content the analyser needs. Only regular files have any.
	Visit(*File) Need
	// Look is handed the content that was asked for. Several files may be looked
	// at at the same time, while Visit goes on; the content is gone when Look
	// returns. An error is about this file alone and goes to the user.
	Look(*File, Content) error
}

// Need is how much of a file's content an analyser needs.
type Need uint8

// The needs.
const (
	// Nothing: the header was enough.
	Nothing Need = iota
	// Head is the first HeadSize bytes; Look gets a Content that ends there.
	Head
	// Windows is the whole content, but never more than a window of it at a
	// time, in order; Look uses Content.Windows. A file may be of any size.
	Windows
	// Random is the whole content in any order: files up to MaxRandom are kept
	// in memory for that where their layer is compressed.
	Random
)

// The bounds on content.
const (
	// HeadSize is how much of a file the need Head gives.
	HeadSize = 8 << 10
	// WindowSize is how much of a large file is in memory at a time.
	WindowSize = 1 << 20
	// MaxRandom is the largest file that is kept in memory for random access.
	MaxRandom = 256 << 20
)

// File is one entry of a layer.
type File struct {
	// Path is clean, slash-separated and relative to the root of the image:
	// "etc/passwd".
	Path string
	// Layer is the layer that the entry is in.
	Layer *asset.Layer
	// Deleted says that a later layer removes or replaces the entry: no
	// container sees it.
	Deleted bool
	// Mode holds the permissions, the set-id and sticky bits and the type.
	Mode fs.FileMode
	UID  int
	GID  int
	Size int64
	// Link is the target of a symbolic link, or the path of the entry that a
	// hard link shares its content with.
	Link string
	// Hard says that the entry is a hard link. It has no content of its own.
	Hard    bool
	ModTime time.Time
}

// Content is the content of a file, or the beginning of it.
type Content interface {
	io.ReaderAt
	// Size is the number of bytes that can be read.
	Size() int64
	// Bytes returns the whole content where it is in memory already, else nil.
	// It must not be changed or kept.
	Bytes() []byte
	// Windows hands over the content piece by piece, each piece beginning with
	// the last overlap bytes of the one before; offset is where in the file the
	// piece begins. It stops when yield returns false.
	Windows(overlap int, yield func(piece []byte, offset int64) bool) error
}
