package config

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Schema returns the JSON schema of the configuration file, for editors.
func Schema() ([]byte, error) {
	root := object("Configuration of Holdfast, read from " + FileName + ".")
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "Holdfast"
	for _, s := range defaults().settings() {
		section, key := root, s.key
		if name, rest, ok := strings.Cut(s.key, "."); ok {
			section, key = subsection(root, name), rest
		}
		schema := s.value.schema()
		schema["description"] = s.about
		section["properties"].(map[string]any)[key] = schema
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(root)
	return b.Bytes(), err
}

func object(about string) map[string]any {
	return map[string]any{"type": "object", "description": about, "additionalProperties": false, "properties": map[string]any{}}
}

// subsection returns the schema of a section, made when it is first asked for.
func subsection(root map[string]any, name string) map[string]any {
	properties := root["properties"].(map[string]any)
	if properties[name] == nil {
		properties[name] = object("Settings of " + name + ".")
	}
	return properties[name].(map[string]any)
}
