// Command secret makes a corpus with planted secrets and look-alikes, and counts
// what scanners find in it.
//
//	go run ./test/bench/secret [-seed N] [-keep DIR] [-bulk DIR,DIR] [-gitleaks PROGRAM]
//
// It prints recall (planted secrets that are reported), precision (reports that
// are about a planted secret) and, for the bulk folders, megabytes for each second
// of processor time. With -gitleaks, that program reads the same files in the same
// run.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/holdfast-sec/holdfast/internal/inspect/secret"
)

// report is one thing that a scanner reported.
type report struct {
	kind, path  string
	first, last int
}

func main() {
	seed := flag.Uint64("seed", 1, "what the random part of the corpus is made from")
	keep := flag.String("keep", "", "folder to leave the corpus in")
	bulk := flag.String("bulk", "", "folders with text to measure the speed on, separated by commas")
	gitleaks := flag.String("gitleaks", "", "gitleaks to compare with")
	flag.Parse()
	if err := run(*seed, *keep, *bulk, *gitleaks); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(seed uint64, keep, bulk, gitleaks string) error {
	dir := keep
	if dir == "" {
		temporary, err := os.MkdirTemp("", "secrets")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	}
	labels, err := write(dir, seed)
	if err != nil {
		return err
	}
	scanners := []struct {
		name string
		scan func(dir string) ([]report, time.Duration, int64, error)
	}{{"holdfast", scanOurs}}
	if gitleaks != "" {
		scanners = append(scanners, struct {
			name string
			scan func(dir string) ([]report, time.Duration, int64, error)
		}{"gitleaks", func(dir string) ([]report, time.Duration, int64, error) { return scanGitleaks(gitleaks, dir) }})
	}
	for _, s := range scanners {
		reports, _, _, err := s.scan(dir)
		if err != nil {
			return err
		}
		found, missed, wrong := score(labels, reports)
		fmt.Printf("%-9s recall %d of %d (%.1f%%), reports %d, wrong %d (precision %.1f%%)\n", s.name,
			found, len(labels), 100*float64(found)/float64(len(labels)), len(reports), len(wrong), 100*float64(len(reports)-len(wrong))/float64(max(1, len(reports))))
		for _, l := range missed {
			fmt.Printf("  missed %s %s:%d\n", l.kind, l.path, l.first)
		}
		for _, r := range wrong {
			fmt.Printf("  wrong  %s %s:%d\n", r.kind, r.path, r.first)
		}
	}
	for folder := range strings.SplitSeq(bulk, ",") {
		for _, s := range scanners {
			if folder == "" {
				continue
			}
			reports, cpu, size, err := s.scan(folder)
			if err != nil {
				return err
			}
			fmt.Printf("%-9s %s: %d MB, %.2f s of processor time, %.1f MB/s, %d reports\n", s.name, folder, size/1e6, cpu.Seconds(), float64(size)/1e6/cpu.Seconds(), len(reports))
		}
	}
	return nil
}

// score tells which labels were found, and which reports are about none.
func score(labels []label, reports []report) (found int, missed []label, wrong []report) {
	hit := make([]bool, len(labels))
	for _, r := range reports {
		right := false
		for i, l := range labels {
			if l.path == r.path && r.first <= l.last && r.last >= l.first {
				hit[i], right = true, true
			}
		}
		if !right {
			wrong = append(wrong, r)
		}
	}
	for i, h := range hit {
		if h {
			found++
		} else {
			missed = append(missed, labels[i])
		}
	}
	return found, missed, wrong
}

// scanOurs reads the files of a folder one after the other. The time is that of
// reading and scanning, as the peer's is.
func scanOurs(dir string) (reports []report, cpu time.Duration, size int64, err error) {
	start := processorTime(syscall.RUSAGE_SELF)
	scanner := secret.NewScanner()
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // what cannot be read is not compared
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		size += int64(len(content))
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		scanner.Scan(content, name, func(h secret.Hit) {
			lines := strings.Count(string(content[h.Start:h.End]), "\n")
			reports = append(reports, report{h.Kind, name, int(h.Line), int(h.Line) + lines})
		})
		return nil
	})
	return reports, processorTime(syscall.RUSAGE_SELF) - start, size, err
}

func scanGitleaks(program, dir string) (reports []report, cpu time.Duration, size int64, err error) {
	out := filepath.Join(os.TempDir(), fmt.Sprintf("gitleaks-%d.json", os.Getpid()))
	defer os.Remove(out)
	cmd := exec.Command(program, "dir", dir, "--no-banner", "--exit-code", "0", "-f", "json", "-r", out)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, 0, 0, fmt.Errorf("running %s: %w\n%s", program, err, text)
	}
	cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	text, err := os.ReadFile(out)
	if err != nil {
		return nil, 0, 0, err
	}
	var leaks []struct {
		RuleID, File       string
		StartLine, EndLine int
	}
	if err := json.Unmarshal(text, &leaks); err != nil {
		return nil, 0, 0, err
	}
	seen := map[report]bool{}
	for _, l := range leaks {
		name, err := filepath.Rel(dir, l.File)
		if err != nil {
			return nil, 0, 0, err
		}
		r := report{l.RuleID, name, l.StartLine, l.EndLine}
		if !seen[r] {
			reports = append(reports, r)
		}
		seen[r] = true
	}
	sort.Slice(reports, func(i, j int) bool { return reports[i].path < reports[j].path })
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if info, err := entry.Info(); err == nil && entry.Type().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return reports, cpu, size, err
}

func processorTime(who int) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
