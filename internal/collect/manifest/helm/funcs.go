package helm

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// builtins are the functions that text/template brings along.
var builtins = []string{
	"and", "or", "not", "len", "index", "slice", "call",
	"eq", "ne", "lt", "le", "gt", "ge",
	"html", "js", "urlquery", "print", "printf", "println",
}

// functions returns what templates may call, each one paid for by the budget,
// but for those that belong to a rendering: include and tpl.
func functions(b *budget) template.FuncMap {
	f := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv"} {
		delete(f, name)
	}
	maps.Copy(f, helmFuncs())
	maps.Copy(f, durationFuncs())
	maps.Copy(f, settledFuncs(f))
	guard := guard{budget: b, programs: map[string]int64{}}
	for name, function := range f {
		f[name] = guard.wrap(name, function)
	}
	return f
}

// helmFuncs are the functions that Helm adds to sprig, and the ones of
// text/template that print values and so have to be watched.
func helmFuncs() template.FuncMap {
	return template.FuncMap{
		"toYaml": toYAML, "mustToYaml": mustToYAML, "toYamlPretty": toYAMLPretty,
		"fromYaml": fromYAML, "fromYamlArray": fromYAMLArray,
		"toToml": toTOML, "mustToToml": mustToTOML, "fromToml": fromTOML,
		"toJson": toJSON, "mustToJson": mustToJSON,
		"fromJson": fromJSON, "fromJsonArray": fromJSONArray,
		"required": func(message string, v any) (any, error) {
			if v == nil || v == "" {
				return v, failure(message)
			}
			return v, nil
		},
		"fail": func(message string) (string, error) { return "", failure(message) },
		// No cluster is asked and no name is resolved.
		"lookup":        func(_, _, _, _ string) (map[string]any, error) { return map[string]any{}, nil },
		"getHostByName": func(string) string { return "" },
		"print":         fmt.Sprint, "printf": fmt.Sprintf, "println": fmt.Sprintln,
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
	}
}

// failure is what a chart's author says by fail or required.
type failure string

func (f failure) Error() string { return string(f) }

// Certificate is what the functions that make certificates return.
type Certificate struct{ Cert, Key string }

// generated stands for whatever a cluster would generate: a key, a certificate,
// a hash. It is no secret, so that nobody is told that one was committed.
const generated = "generated"

// renderTime is the time of every rendering.
var renderTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// settledFuncs replaces the functions whose result differs from run to run or
// from machine to machine, and those that compute for seconds, by ones that
// always give the same.
func settledFuncs(f template.FuncMap) template.FuncMap {
	inZone := f["dateInZone"].(func(string, any, string) string)
	settled := func(date any) any {
		switch date.(type) {
		case time.Time, *time.Time, int, int32, int64:
			return date
		}
		return renderTime
	}
	in := func(layout string, date any, zone string) string { return inZone(layout, settled(date), zone) }
	filled := func(with string) func(int) (string, error) {
		return func(n int) (string, error) {
			if n > maxText {
				return "", errText
			}
			return strings.Repeat(with, max(n, 0)), nil
		}
	}
	certificate := Certificate{Cert: generated, Key: generated}
	return template.FuncMap{
		"now":        func() time.Time { return renderTime },
		"date":       func(layout string, date any) string { return in(layout, date, "UTC") },
		"dateInZone": in, "date_in_zone": in,
		"htmlDate":       func(date any) string { return in(time.DateOnly, date, "UTC") },
		"htmlDateInZone": func(date any, zone string) string { return in(time.DateOnly, date, zone) },
		"ago":            func(any) string { return "0s" },
		"toDate":         func(layout, text string) time.Time { t, _ := time.Parse(layout, text); return t },
		"mustToDate":     time.Parse,

		"keys": func(dicts ...map[string]any) []string {
			var keys []string
			for _, d := range dicts {
				keys = append(keys, sortedKeys(d)...)
			}
			return keys
		},
		"values": func(dict map[string]any) []any {
			values := make([]any, 0, len(dict))
			for _, key := range sortedKeys(dict) {
				values = append(values, dict[key])
			}
			return values
		},

		"randAlphaNum": filled("x"), "randAlpha": filled("x"), "randAscii": filled("x"), "randNumeric": filled("1"),
		"randBytes": func(n int) (string, error) {
			if n > maxText {
				return "", errText
			}
			return base64.StdEncoding.EncodeToString(make([]byte, max(n, 0))), nil
		},
		"randInt": func(low, _ int) int { return low },
		"shuffle": func(text string) string { return text },
		"uuidv4":  func() string { return "00000000-0000-4000-8000-000000000000" },

		"genPrivateKey":     func(string) string { return generated },
		"genCA":             func(string, int) Certificate { return certificate },
		"genCAWithKey":      func(string, int, string) Certificate { return certificate },
		"genSelfSignedCert": func(string, []any, []any, int) Certificate { return certificate },
		"genSelfSignedCertWithKey": func(string, []any, []any, int, string) Certificate {
			return certificate
		},
		"genSignedCert":        func(string, []any, []any, int, Certificate) Certificate { return certificate },
		"genSignedCertWithKey": func(string, []any, []any, int, Certificate, string) Certificate { return certificate },
		"buildCustomCert": func(cert, key string) (Certificate, error) {
			c, err := base64.StdEncoding.DecodeString(cert)
			if err != nil {
				return Certificate{}, fmt.Errorf("the certificate is not base64: %w", err)
			}
			k, err := base64.StdEncoding.DecodeString(key)
			if err != nil {
				return Certificate{}, errors.New("the key is not base64")
			}
			return Certificate{Cert: string(c), Key: string(k)}, nil
		},
		"bcrypt":         func(string) string { return generated },
		"htpasswd":       func(user, _ string) string { return user + ":" + generated },
		"derivePassword": func(uint32, string, string, string, string) string { return generated },
		"encryptAES":     func(string, string) (string, error) { return generated, nil },
		"decryptAES":     func(string, string) (string, error) { return generated, nil },
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
