package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// maxListed bounds the lists of a statement: subjects, materials, packages.
const maxListed = 100_000

// maxShown bounds what of a statement goes into results.
const maxShown = 1000

// signType is the predicate of cosign's bundles that say no more than "signed".
const signType = "https://sigstore.dev/cosign/sign/v1"

// statement is an in-toto statement.
type statement struct {
	Type    string `json:"_type"`
	Subject []struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

func parseStatement(text []byte) (*statement, error) {
	s := &statement{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("it is no in-toto statement: %w", err)
	}
	if !strings.HasPrefix(s.Type, "https://in-toto.io/Statement/v") {
		return nil, fmt.Errorf("it is no in-toto statement, but of type %q", clip(s.Type))
	}
	if len(s.Subject) > maxListed {
		return nil, fmt.Errorf("the statement has more than %d subjects", maxListed)
	}
	return s, nil
}

// digests are the SHA-256 digests of the subjects.
func (s *statement) digests() []string {
	var out []string
	for _, subject := range s.Subject {
		if hex := subject.Digest["sha256"]; hex != "" {
			out = append(out, "sha256:"+strings.ToLower(hex))
		}
	}
	return out
}

// attestation reads what a statement says.
func (s *statement) attestation() asset.Attestation {
	a := asset.Attestation{Type: "other", PredicateType: clip(s.PredicateType)}
	switch {
	case strings.HasPrefix(s.PredicateType, "https://slsa.dev/provenance/v0."):
		a.Type = slsa
		readSLSA02(&a, s.Predicate)
	case strings.HasPrefix(s.PredicateType, "https://slsa.dev/provenance/v1"):
		a.Type = slsa
		readSLSA1(&a, s.Predicate)
	default:
		a.Type, a.Packages = document(s.PredicateType, s.Predicate)
	}
	return a
}

// slsa is the type of attestations that say how an image was built.
const slsa = "slsa-provenance"

// resource is a source, a base image or a tool that went into a build.
type resource struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest"`
}

// readSLSA02 reads provenance of version 0.1 and 0.2. What does not fit is left
// empty: a demand for it is then not met.
func readSLSA02(a *asset.Attestation, text []byte) {
	var p struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		BuildType  string `json:"buildType"`
		Invocation struct {
			ConfigSource resource `json:"configSource"`
		} `json:"invocation"`
		Materials []resource `json:"materials"`
	}
	if json.Unmarshal(text, &p) != nil {
		return
	}
	a.Builder, a.BuildType = clip(p.Builder.ID), clip(p.BuildType)
	addResources(a, append([]resource{p.Invocation.ConfigSource}, p.Materials...))
}

// readSLSA1 reads provenance of version 1. Where the source is stands in the
// parameters, under names that depend on the builder.
func readSLSA1(a *asset.Attestation, text []byte) {
	var p struct {
		BuildDefinition struct {
			BuildType          string `json:"buildType"`
			ExternalParameters struct {
				Source       json.RawMessage `json:"source"`
				ConfigSource resource        `json:"configSource"`
				Workflow     struct {
					Repository string `json:"repository"`
					Ref        string `json:"ref"`
				} `json:"workflow"`
			} `json:"externalParameters"`
			ResolvedDependencies []resource `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
		RunDetails struct {
			Builder struct {
				ID string `json:"id"`
			} `json:"builder"`
		} `json:"runDetails"`
	}
	if json.Unmarshal(text, &p) != nil {
		return
	}
	d := &p.BuildDefinition
	a.Builder, a.BuildType = clip(p.RunDetails.Builder.ID), clip(d.BuildType)
	resources := []resource{d.ExternalParameters.ConfigSource}
	var uri string
	var nested resource
	if json.Unmarshal(d.ExternalParameters.Source, &uri) == nil {
		resources = append(resources, resource{URI: uri})
	} else if json.Unmarshal(d.ExternalParameters.Source, &nested) == nil {
		resources = append(resources, nested)
	}
	if w := d.ExternalParameters.Workflow; w.Repository != "" {
		if w.Ref != "" {
			w.Repository += "@" + w.Ref
		}
		resources = append(resources, resource{URI: w.Repository})
	}
	addResources(a, append(resources, d.ResolvedDependencies...))
}

// addResources sorts what went into a build into sources and base images.
func addResources(a *asset.Attestation, list []resource) {
	for _, r := range list[:min(len(list), maxListed)] {
		into, text := &a.Sources, r.URI
		if image := imageOf(r.URI); image != "" {
			if isBuildTool(image) {
				continue
			}
			into, text = &a.Bases, image
		}
		if digest := r.Digest["sha256"]; digest != "" && !strings.Contains(text, "@sha256:") {
			text += "@sha256:" + digest
		}
		if text = clip(text); text != "" && !slices.Contains(*into, text) && len(*into) < maxShown {
			*into = append(*into, text)
		}
	}
}

// imageOf reads the package URL of an image: "pkg:docker/debian@12" is
// "docker.io/library/debian:12". It is "" for what is no image.
func imageOf(uri string) string {
	body, query, _ := strings.Cut(uri, "?")
	name, ok := strings.CutPrefix(body, "pkg:docker/")
	if !ok {
		if name, ok = strings.CutPrefix(body, "pkg:oci/"); !ok {
			return ""
		}
	}
	name, version, _ := strings.Cut(name, "@")
	name, _ = url.PathUnescape(name)
	version, _ = url.PathUnescape(version)
	values, _ := url.ParseQuery(query)
	if where := values.Get("repository_url"); where != "" && strings.HasSuffix(where, "/"+name) {
		name = where
	} else if where != "" {
		name = where + "/" + name
	}
	if name = repository(name); name == "" {
		return ""
	}
	switch {
	case version == "":
	case strings.HasPrefix(version, "sha256:"):
		name += "@" + version
	default:
		name += ":" + version
	}
	return name
}

// isBuildTool tells the images that BuildKit runs from those that it builds on.
func isBuildTool(image string) bool {
	return slices.Contains([]string{"docker.io/docker/dockerfile", "docker.io/docker/buildkit-syft-scanner"}, repository(image))
}

// document reads a bill of materials or another document by its type: what it
// is, and how many packages it lists.
func document(kind string, text []byte) (name string, packages int64) {
	var quoted string
	if json.Unmarshal(text, &quoted) == nil { // as older versions of cosign wrote it
		text = []byte(quoted)
	}
	kind = strings.ToLower(kind)
	switch {
	case strings.Contains(kind, "spdx"):
		return "spdx", elements(text, "packages")
	case strings.Contains(kind, "cyclonedx"):
		return "cyclonedx", elements(text, "components")
	case strings.Contains(kind, "vex"):
		return "vex", 0
	}
	return "other", 0
}

// elements counts those of a list at the top of a document, without keeping it.
func elements(text []byte, key string) (n int64) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return 0
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return n
		}
		if name != key {
			if skip(d) != nil {
				return n
			}
			continue
		}
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return n
		}
		for ; d.More() && n < maxListed; n++ {
			if skip(d) != nil {
				return n
			}
		}
		return n
	}
	return n
}

func skip(d *json.Decoder) error {
	var value json.RawMessage
	return d.Decode(&value)
}

// envelope is a DSSE envelope.
type envelope struct {
	PayloadType string `json:"payloadType"`
	Payload     []byte `json:"payload"`
	Signatures  []struct {
		KeyID string `json:"keyid"`
		Sig   []byte `json:"sig"`
	} `json:"signatures"`
}

// inTotoType is the payload type of envelopes around statements.
const inTotoType = "application/vnd.in-toto+json"

func (e *envelope) check() error {
	switch {
	case e.PayloadType != inTotoType:
		return fmt.Errorf("its payload is of type %q, not %s", clip(e.PayloadType), inTotoType)
	case len(e.Signatures) == 0:
		return errors.New("the envelope has no signature")
	case len(e.Signatures) > 20:
		return errors.New("the envelope has more than 20 signatures")
	}
	return nil
}

// signed is the text that a signature of the envelope is over.
func (e *envelope) signed() []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.Payload), e.Payload)
}
