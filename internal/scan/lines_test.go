package scan

import (
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

func TestExcerpt(t *testing.T) {
	tests := []struct {
		name, line string
		column     int
		sensitive  bool
		excerpt    string
		endColumn  int
	}{
		{"plain", "  privileged: true # why", 15, false, "  privileged: true # why", 19},
		{"key", "  securityContext:", 3, false, "  securityContext:", 18},
		{"quoted", `  - "80:80"  # x`, 5, false, `  - "80:80"  # x`, 12},
		{"in flow", "a: {privileged: true, b: 1}", 17, false, "a: {privileged: true, b: 1}", 21},
		{"list", "  add: [SYS_ADMIN, CHOWN] # x", 8, false, "  add: [SYS_ADMIN, CHOWN] # x", 26},
		{"colon within", "image: registry:5000/app:1.0", 8, false, "image: registry:5000/app:1.0", 29},
		{"secret", "  value: hunter2-hunter2", 10, true, "  value: ********", 0},
		{"secret with a reference in it", "  URL: postgres://u:${PW}@db/x", 8, true, "  URL: ********", 0},
		{"secret in flow", "{name: PW, value: hunter2-hunter2}", 19, true, "{name: PW, value: ********}", 0},
		{"column behind the end", "a: b", 99, false, "a: b", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := finding.Finding{Sensitive: test.sensitive, Place: source.Place{File: "f", Position: source.Position{Line: 1, Column: test.column}}}
			excerpts([]byte(test.line+"\r\n"), []*finding.Finding{&f})
			if f.Excerpt != test.excerpt {
				t.Errorf("excerpt is %q, want %q", f.Excerpt, test.excerpt)
			}
			if f.Place.EndColumn != test.endColumn {
				t.Errorf("region ends at column %d, want %d", f.Place.EndColumn, test.endColumn)
			}
		})
	}
}
