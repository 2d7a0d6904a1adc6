// Package rules embeds the built-in rules: knowledge lives here as data, the
// algorithms that apply it live in internal/rule.
package rules

import (
	"embed"
	"io/fs"
)

//go:embed *.yaml
var files embed.FS

// Files returns the built-in rule files.
func Files() fs.FS { return files }
