package asset

// Layer is one layer of an image: where a file or a package came in.
type Layer struct {
	// Index counts from the oldest layer, which is 0.
	Index int64 `json:"index"`
	// Digest is that of the layer as it is stored or transferred, DiffID that of
	// its uncompressed content. One of them may be "" where the source does not
	// tell.
	Digest string `json:"digest"`
	DiffID string `json:"diffID"`
	// CreatedBy is the instruction that made the layer, from the image's history.
	CreatedBy string `json:"createdBy"`
	// Origin is "base" for the base image's layers, "own" for those that were
	// put on top, "" where it cannot be told.
	Origin string `json:"origin"`
}

// Layered is implemented by assets that came with a layer of an image.
type Layered interface {
	// From returns the layer; its DiffID and Digest are "" outside of images.
	From() *Layer
}

// The origins of layers.
const (
	OriginBase = "base"
	OriginOwn  = "own"
)
