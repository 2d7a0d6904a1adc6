package lifecycle

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

func TestDistro(t *testing.T) {
	for _, test := range []struct {
		id, version, end string
		known            bool
	}{
		{"debian", "12", "2028-06-30", true},
		{"debian", "12.5", "2028-06-30", true},
		{"Debian", "10", "2024-06-30", true},
		{"ubuntu", "22.04", "2027-06-01", true},
		{"ubuntu", "22", "", false},
		{"alpine", "3.20.1", "2026-04-01", true},
		{"alpine", "3.2.9", "", false}, // not 3.20
		{"rhel", "9.4", "2032-05-31", true},
		{"centos", "8", "2024-05-31", true},
		{"amzn", "2", "2026-06-30", true},
		{"amzn", "2023.5.20240701", "2029-06-30", true},
		{"sles", "15.6", "2025-12-31", true},
		{"wolfi", "20230201", "", true},
		{"debian", "", "", false}, // testing has no number
		{"debian", "99", "", false},
		{"templeos", "5", "", false},
		{"", "", "", false},
	} {
		if end, known := Distro(test.id, test.version); end != test.end || known != test.known {
			t.Errorf("Distro(%q, %q) = %q, %v, want %q, %v", test.id, test.version, end, known, test.end, test.known)
		}
	}
}

func TestRuntime(t *testing.T) {
	for _, test := range []struct {
		name, version, end string
		known              bool
	}{
		{"python", "3.8.19", "2024-10-07", true},
		{"python", "3.13.0rc1", "2029-10-31", true},
		{"python", "3.1.4", "", false}, // not 3.14
		{"node", "v18.20.4", "2025-04-30", true},
		{"go", "go1.24.3", "2026-02-10", true},
		{"go", "1.27.1", "", true},
		{"java", "11.0.2+9", "2027-10-31", true},
		{"java", "1.8.0_292", "2030-12-31", true},
		{"dotnet", "8.0.11", "2026-11-10", true},
		{"php", "7.4.33", "2022-11-28", true},
		{"perl", "5.36.0", "", false},
	} {
		if end, known := Runtime(test.name, test.version); end != test.end || known != test.known {
			t.Errorf("Runtime(%q, %q) = %q, %v, want %q, %v", test.name, test.version, end, known, test.end, test.known)
		}
	}
}

// A line that is wrong would be a release that silently is not known.
func TestTable(t *testing.T) {
	if _, err := time.Parse(time.DateOnly, Date()); err != nil {
		t.Errorf("the table has no date: %v", err)
	}
	lines := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) == 2 && f[0] == "date" {
			continue
		}
		if lines++; len(f) != 4 || f[0] != "distro" && f[0] != "runtime" || f[1] == "" || f[2] == "" {
			t.Errorf("the line %q has another form", line)
			continue
		}
		if _, err := time.Parse(time.DateOnly, f[3]); err != nil && f[3] != rolling && f[3] != open {
			t.Errorf("the line %q has no day", line)
		}
	}
	if n := len(read().ends); n != lines {
		t.Errorf("%d lines are %d releases: one is there twice", lines, n)
	}
}

func TestJudge(t *testing.T) {
	image := &asset.Image{Build: asset.Build{
		Distro: asset.Distro{ID: "debian", Version: "11"},
		Runtimes: []asset.Runtime{
			{Name: "python", Version: "3.12.4"},
			{Name: "python", Version: "3.9.2", Owner: "python3.9"},
			{Name: "node", Version: "99.0.0"},
			{Name: "perl", Version: "5.36.0"},
		},
	}}
	Judge(image, "2026-08-31")
	if d := image.Build.Distro; d.Ended || d.Ends != "2026-08-31" {
		t.Errorf("on its last day: %+v", d)
	}
	image.Unknown = nil
	Judge(image, "2026-09-01")
	if !image.Build.Distro.Ended {
		t.Errorf("after its last day: %+v", image.Build.Distro)
	}
	if r := image.Build.Runtimes; r[0].Ended || r[0].Ends != "2028-10-31" || r[1].Ends != "" {
		t.Errorf("runtimes %+v", r)
	}
	if len(image.Unknown) != 1 || image.Unknown[0].Path != "build.runtimes[2].ended" || !strings.Contains(image.Unknown[0].Reason, "node 99.0.0") {
		t.Errorf("unknown %+v", image.Unknown)
	}

	bare := &asset.Image{}
	Judge(bare, "2026-09-01")
	if len(bare.Unknown) != 0 || bare.Build.Distro.Ended {
		t.Errorf("an image without a distribution: %+v", bare)
	}
	strange := &asset.Image{Build: asset.Build{Distro: asset.Distro{ID: "templeos", Version: "5"}}}
	Judge(strange, "2026-09-01")
	if len(strange.Unknown) != 1 || strange.Unknown[0].Path != "build.distro.ended" {
		t.Errorf("a distribution that nobody knows: %+v", strange.Unknown)
	}
}

func TestDocsNameTheDate(t *testing.T) {
	text, err := os.ReadFile("../../../docs/vulnerabilities.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "as of "+Date()) {
		t.Errorf("docs/vulnerabilities.md does not say that the table is of %s", Date())
	}
}
