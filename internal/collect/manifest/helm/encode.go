package helm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
	"sigs.k8s.io/yaml"
	pretty "sigs.k8s.io/yaml/goyaml.v3"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// The functions below are those that Helm adds to the sprig library. They keep
// Helm's manners: what cannot be written becomes an empty text, what cannot be
// read becomes a value that holds the error's text.

// maxYAML is the largest text that is read as YAML, TOML or JSON. Reading
// takes many times its size.
const maxYAML = 4 << 20

// unmarshalYAML reads YAML as Helm does: through JSON, so that every number is
// a float64. A text with aliases is read by the bounded parser first, because
// this one lets them grow far.
func unmarshalYAML(text []byte, into any) error {
	if len(text) > maxYAML {
		return fmt.Errorf("it is larger than %d MiB", maxYAML>>20)
	}
	if bytes.IndexByte(text, '&') >= 0 && bytes.IndexByte(text, '*') >= 0 {
		for _, doc := range source.Split(text) {
			if _, err := doc.Parse(); err != nil {
				return err
			}
		}
	}
	return yaml.Unmarshal(text, into)
}

func toYAML(v any) string {
	text, err := yaml.Marshal(v)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

func mustToYAML(v any) (string, error) {
	text, err := yaml.Marshal(v)
	return strings.TrimSuffix(string(text), "\n"), err
}

func toYAMLPretty(v any) string {
	var text bytes.Buffer
	encoder := pretty.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func fromYAML(text string) map[string]any {
	out := map[string]any{}
	if err := unmarshalYAML([]byte(text), &out); err != nil {
		out["Error"] = err.Error()
	}
	return out
}

func fromYAMLArray(text string) []any {
	out := []any{}
	if err := unmarshalYAML([]byte(text), &out); err != nil {
		return []any{err.Error()}
	}
	return out
}

func toTOML(v any) string {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(v); err != nil {
		return err.Error()
	}
	return text.String()
}

func mustToTOML(v any) (string, error) {
	var text bytes.Buffer
	err := toml.NewEncoder(&text).Encode(v)
	return text.String(), err
}

func fromTOML(text string) map[string]any {
	out := map[string]any{}
	if err := unmarshalBounded(text, &out, func(b []byte, v any) error { return toml.Unmarshal(b, v) }); err != nil {
		out["Error"] = err.Error()
	}
	return out
}

func toJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

func mustToJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

func fromJSON(text string) map[string]any {
	out := map[string]any{}
	if err := unmarshalBounded(text, &out, json.Unmarshal); err != nil {
		out["Error"] = err.Error()
	}
	return out
}

func fromJSONArray(text string) []any {
	out := []any{}
	if err := unmarshalBounded(text, &out, json.Unmarshal); err != nil {
		return []any{err.Error()}
	}
	return out
}

func unmarshalBounded(text string, into any, read func([]byte, any) error) error {
	if len(text) > maxYAML {
		return errors.New("the text is too large")
	}
	return read([]byte(text), into)
}
