package openvex

// These are the parts of OpenVEX 0.2.0 that are written, named as it names them.

type statement struct {
	Vulnerability   vulnerability `json:"vulnerability"`
	Products        []product     `json:"products"`
	Status          string        `json:"status"`
	StatusNotes     string        `json:"status_notes,omitempty"`
	Justification   string        `json:"justification,omitempty"`
	ImpactStatement string        `json:"impact_statement,omitempty"`
	ActionStatement string        `json:"action_statement,omitempty"`
}

type vulnerability struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
}

type product struct {
	component
	Subcomponents []component `json:"subcomponents,omitempty"`
}

type component struct {
	ID          string       `json:"@id"`
	Identifiers *identifiers `json:"identifiers,omitempty"`
	Hashes      *hashes      `json:"hashes,omitempty"`
}

type identifiers struct {
	PURL string `json:"purl"`
}

type hashes struct {
	SHA256 string `json:"sha-256"`
}
