package asset

// File is a file of an image or folder in which something was found. Files
// without a finding are no assets.
type File struct {
	Head `cel:"-"`

	// Path is absolute in an image.
	Path string `json:"path"`
	Size int64  `json:"size"`
	// Layer is the layer that the file is in; outside of images it is empty.
	Layer Layer `json:"layer"`
	// Deleted says that a later layer removes or replaces it: it is not in the
	// container, and still in the image for whoever pulls it.
	Deleted bool `json:"deleted"`
	// Commit is the commit that the file was found in, "" for a file on disk or
	// in an image.
	Commit string `json:"commit"`
	// Owner is the distribution's package that the file belongs to, "" if none.
	Owner string `json:"owner"`

	Secrets    []Secret    `json:"secrets"`
	Indicators []Indicator `json:"indicators"`
}

// From returns the layer that the file is in.
func (f *File) From() *Layer { return &f.Layer }

// Secret is a credential in a file. What it is, not what it says.
type Secret struct {
	// Kind is the credential's kind, as "aws-access-key", "private-key".
	Kind string `json:"kind"`
	// Title is the kind in words.
	Title string `json:"title"`
	// Severity is "critical", "high", "medium", "low" or "info": what whoever
	// reads it gains.
	Severity string `json:"severity"`
	Line     int64  `json:"line"`
	// Masked is what may be shown of it.
	Masked string `json:"masked"`
	// Checked says that a checksum within the credential is right: it was really
	// issued.
	Checked bool `json:"checked"`
}

// Indicator is a sign of compromise in a file.
type Indicator struct {
	// Kind is "miner", "reverse-shell", "web-shell", "packed-executable",
	// "hidden-executable", "preload", "dropper", ...
	Kind string `json:"kind"`
	// Severity is "critical", "high", "medium" or "low".
	Severity string `json:"severity"`
	// Evidence is what was seen, in words that a person can check.
	Evidence []string `json:"evidence"`
	Line     int64    `json:"line"`
}
