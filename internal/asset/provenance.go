package asset

// Provenance is what is known of where a built image comes from: what is
// attached to it, what of that could be verified, and whether it is what the
// user's policy asks for.
type Provenance struct {
	// Policy is the policy file, "" where none was given. Scope is the pattern
	// of its scope that covers the image, "" where none does.
	Policy string `json:"policy"`
	Scope  string `json:"scope"`
	// Index is the digest of the multi-platform index that the reference names,
	// "" where it names the image itself.
	Index string `json:"index"`

	Signatures   []Signature   `json:"signatures"`
	Attestations []Attestation `json:"attestations"`

	// What is asked of the image, by the policy or of every image.

	// Covered: a scope of the policy covers the image.
	Covered Demand `json:"covered"`
	// Registry: it comes from an allowed registry or repository.
	Registry Demand `json:"registry"`
	// Digest: the content has the digest that the reference names.
	Digest Demand `json:"digest"`
	// Tag: the tag still stands for the digest that was recorded.
	Tag Demand `json:"tag"`
	// Name: the name is no imitation of a well-known image's.
	Name Demand `json:"name"`
	// Signature: enough of the trusted signers have signed it.
	Signature Demand `json:"signature"`
	// Build: there is verified SLSA provenance; Builder and Source: it names a
	// trusted builder and a trusted source.
	Build   Demand `json:"build"`
	Builder Demand `json:"builder"`
	Source  Demand `json:"source"`
	// SBOM: there is a verified bill of materials.
	SBOM Demand `json:"sbom"`
	// Base: it is built on a trusted base image.
	Base Demand `json:"base"`
}

// Demand is one thing that is asked of an image.
type Demand struct {
	// State is "" where it is not asked for, else "met", "unmet" or "undecided".
	State string `json:"state"`
	// Reason says what was found, or why it could not be decided.
	Reason string `json:"reason"`
}

// NamedDemand is a demand with the name of its field.
type NamedDemand struct {
	Name string
	Demand
}

// Demands lists what is asked of the image, in the order in which it is told.
func (p *Provenance) Demands() []NamedDemand {
	return []NamedDemand{
		{"digest", p.Digest}, {"name", p.Name}, {"covered", p.Covered}, {"registry", p.Registry}, {"tag", p.Tag},
		{"signature", p.Signature}, {"build", p.Build}, {"builder", p.Builder}, {"source", p.Source},
		{"sbom", p.SBOM}, {"base", p.Base},
	}
}

// The states of a demand.
const (
	Met       = "met"
	Unmet     = "unmet"
	Undecided = "undecided"
)

// Signature is one signature that is attached to an image.
type Signature struct {
	// Kind is "cosign", "sigstore-bundle" or "notation", "" for an attestation
	// that carries none.
	Kind string `json:"kind"`
	// Digest is that of the artifact that carries it, Found how it was found.
	Digest string `json:"digest"`
	Found  string `json:"found"`
	// Subject is the digest that it is attached to, Claims the digest that the
	// signed text names.
	Subject string `json:"subject"`
	Claims  string `json:"claims"`
	// Verified says that a signer whom the policy trusts made it over this
	// image. Signer is that signer as the policy names it, Reason why it is not
	// verified.
	Verified bool   `json:"verified"`
	Signer   string `json:"signer"`
	Reason   string `json:"reason"`
	// Identity and Issuer are those of its certificate: claims where Verified
	// is false.
	Identity string `json:"identity"`
	Issuer   string `json:"issuer"`
	// Checks says step by step what was checked and what was not.
	Checks []Check `json:"checks"`
}

// Check is one step of a verification.
type Check struct {
	// Name is "digest", "signature", "identity", "certificate", "log",
	// "timestamp" or "revocation".
	Name string `json:"name"`
	// State is "passed", "failed" or "skipped".
	State  string `json:"state"`
	Detail string `json:"detail"`
}

// The states of a check.
const (
	Passed  = "passed"
	Failed  = "failed"
	Skipped = "skipped"
)

// Attestation is a statement about an image that is attached to it.
type Attestation struct {
	// Type is "slsa-provenance", "spdx", "cyclonedx", "vex" or "other".
	Type string `json:"type"`
	// PredicateType is its type as written, or the media type of a document
	// that is no attestation.
	PredicateType string `json:"predicateType"`
	// Signature is how it is signed. An unsigned one that lies in an index is
	// verified where the index is.
	Signature Signature `json:"signature"`

	// Builder, BuildType, Sources and Bases are what provenance says of the
	// build; a source or base is a URI, with its digest behind "@" if known.
	Builder   string   `json:"builder"`
	BuildType string   `json:"buildType"`
	Sources   []string `json:"sources"`
	Bases     []string `json:"bases"`
	// Packages is how many a bill of materials lists.
	Packages int64 `json:"packages"`
}

// Attachment is an artifact that a registry or a layout holds about an image,
// as it was read and not judged.
type Attachment struct {
	// Digest is that of the manifest that carries it, "" where there is none.
	Digest string
	// Found says how: "referrers API", "tag sha256-....sig", "image index" ...
	Found string
	// Subject is the digest that it is attached to.
	Subject string
	// Type is its artifact type, MediaType that of its content.
	Type      string
	MediaType string
	// Annotations are those of the manifest, and of the layer above them.
	Annotations map[string]string
	// Content is the text of the signature, envelope, bundle or document. It
	// has the digest that the manifest names.
	Content []byte
	// Problem says why there is no content, "" if there is.
	Problem string
}

// Manifest is an image's manifest, or the index that names it, as it was read.
type Manifest struct {
	// Asked is the digest that it was asked for by, "" where it was a tag;
	// Digest is that of the content.
	Asked     string
	Digest    string
	MediaType string
	Content   []byte
}
