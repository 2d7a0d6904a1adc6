// Package test holds what concerns the project as a whole: which package may
// import which, and the stories of test/script.
package test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/holdfast-sec/holdfast/"

// forbidden are the imports that would bring the house down, each with its
// reason. A name that ends in "/" stands for everything below it.
var forbidden = []struct {
	from, to string
	except   []string
	reason   string
}{
	{"internal/source", "internal/", nil, "source is the cellar: everything stands on it"},
	{"internal/asset", "internal/", []string{"internal/source"}, "assets are plain types of the ground floor"},
	{"internal/finding", "internal/", []string{"internal/source", "internal/asset", "internal/finding"}, "findings are plain types of the ground floor"},

	{"internal/rule", "internal/collect", nil, "rules judge assets and do not care who collected them"},
	{"internal/rule", "internal/inspect/", nil, "algorithms reach rules as functions, so that rules can be tested without them"},
	{"internal/collect", "internal/rule", nil, "collectors hand over facts and have no opinion"},
	{"internal/collect", "internal/inspect/", nil, "collectors hand over facts and have no opinion"},
	{"internal/collect", "internal/finding", nil, "collectors report what they could not read to the sink"},
	{"internal/inspect/", "internal/", []string{"internal/inspect/", "internal/advisory", "internal/source", "internal/asset", "internal/finding"}, "inspectors stand on the ground floor, and may ask the advisories"},
	{"internal/inspect/secret", "internal/advisory", nil, "only vulnerabilities are in the advisories"},
	{"internal/inspect/malware", "internal/advisory", nil, "only vulnerabilities are in the advisories"},
	{"internal/inspect/", "net/http", nil, "inspectors judge what they are given: what an image carries leads to no connection"},
	{"internal/advisory", "internal/", []string{"internal/advisory"}, "advisories know of versions and of nothing that has one"},
	{"internal/advisory", "net/http", []string{"internal/advisory/fetch"}, "a look-up is offline: only db update asks a server"},
	{"internal/collect/image", "os/exec", nil, "what is scanned is never executed, and nothing else is needed to read it"},

	{"internal/triage", "internal/", []string{"internal/source", "internal/asset", "internal/finding", "internal/triage"}, "triage is a pure function of findings and choices"},
	{"internal/triage", "os", nil, "triage is a pure function: no files"},
	{"internal/fix", "internal/", []string{"internal/source", "internal/asset", "internal/finding", "internal/rule", "internal/fix"}, "a fix is a pure function of a file and a finding"},
	{"internal/fix", "os", nil, "a fix is a pure function: the command writes the file"},

	{"internal/report/", "internal/rule", nil, "reports know results, not how they came about"},
	{"internal/report/", "internal/scan", nil, "reports know results, not how they came about"},
	{"internal/report/", "internal/collect", nil, "reports know results, not how they came about"},
	{"internal/report/", "internal/triage", nil, "reports know results, not how they came about"},
	{"internal/report/", "os", []string{"internal/report/sample"}, "a report is a pure function of a result"},

	{"internal/scan", "internal/cli", nil, "the pipeline does not know who asked"},
	{"internal/scan", "internal/report/", nil, "the pipeline does not know who reads"},
	{"", "k8s.io/client-go/kubernetes", nil, "files need no client of a cluster: 15 MB and a slow start"},
	{"", "k8s.io/pod-security-admission/", nil, "the oracle of a test is no part of the program"},
	{"", "github.com/google/osv-scalibr/scalibr", nil, "the scanner around the extractors: 26 MB for what a list does"},
	{"", "github.com/google/osv-scalibr/extractor/filesystem/list", nil, "the list of all extractors imports all of them"},
	{"", "github.com/docker/docker/", nil, "an engine is asked with some lines of HTTP"},
	{"", "net/http/pprof", nil, "a scanner opens no port"},
	{"", "plugin", nil, "a scanner loads no code"},
}

// TestDependencies holds the import graph against the list.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("listing the packages: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from := strings.TrimPrefix(fields[0], module)
		for _, imported := range fields[1:] {
			to := strings.TrimPrefix(imported, module)
			for _, f := range forbidden {
				if !below(from, f.from) || !below(to, f.to) || anyBelow(to, f.except) || anyBelow(from, f.except) {
					continue
				}
				t.Errorf("%s imports %s: %s", from, to, f.reason)
			}
		}
	}
}

func below(name, root string) bool {
	return root == "" || name == strings.TrimSuffix(root, "/") || strings.HasPrefix(name, strings.TrimSuffix(root, "/")+"/")
}

func anyBelow(name string, roots []string) bool {
	for _, root := range roots {
		if below(name, root) {
			return true
		}
	}
	return false
}

// TestSidewaysCollectors checks that collectors do not import each other, but
// for the renderers of manifests, which stand on the manifest normaliser, and the
// readers of what an image carries, which stand on the image's. The splitter of
// scripts collects nothing.
func TestSidewaysCollectors(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"internal/collect/...").Output()
	if err != nil {
		t.Fatalf("listing the collectors: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from := strings.TrimPrefix(fields[0], module+"internal/collect/")
		for _, imported := range fields[1:] {
			to, ok := strings.CutPrefix(imported, module+"internal/collect/")
			if ok && to != "manifest" && to != "script" && !below(to, from) && !below(from, to) {
				t.Errorf("the collector %s imports the collector %s: collectors know nothing of each other", from, to)
			}
			if ok && to == "manifest" && !below(from, "manifest") {
				t.Errorf("the collector %s imports manifest: only what renders Kubernetes objects does", from)
			}
		}
	}
}
