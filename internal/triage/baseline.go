package triage

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

// Baseline is a set of findings that are already known: only others count.
type Baseline struct {
	Entries []BaselineEntry
}

// BaselineEntry is one known finding. The fingerprint decides; the rest is for
// people, and for finding it again when its file was moved.
type BaselineEntry struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	Field       string `json:"field,omitempty"`
	Asset       string `json:"asset"`
	File        string `json:"file"`
}

const (
	// baselineVersion is the version of the file's form.
	baselineVersion = 1
	// maxBaseline bounds the file, in bytes.
	maxBaseline = 64 << 20
)

// same is what an entry keeps of a finding whose file was moved.
type same struct{ rule, field, asset string }

func (e *BaselineEntry) same() same { return same{e.Rule, e.Field, e.Asset} }

func entryOf(f *finding.Finding) BaselineEntry {
	return BaselineEntry{Fingerprint: f.Fingerprint, Rule: f.Rule, Field: publicField(f),
		Asset: f.Asset.Name, File: cmp.Or(f.Asset.Place.File, f.Place.File)}
}

// publicField is the field of a finding by the names of elements, which stay when
// others come before them. Some names are a whole command or argument, which may
// hold a credential, and baselines are committed: those fields are by number.
func publicField(f *finding.Finding) string {
	if f.Key == "" || f.Sensitive || strings.IndexFunc(f.Key, inText) >= 0 {
		return f.Field
	}
	return f.Key
}

// inText reports whether a character is one of text, not of names and paths.
func inText(c rune) bool {
	return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(`-_./*"[]`, c)
}

// WriteBaseline writes the findings as a baseline: sorted, one entry a line, so
// that a change of it can be read as a diff. Give it the findings that count
// after ignores and without a baseline or a diff.
func WriteBaseline(w io.Writer, findings []finding.Finding) error {
	entries := make([]BaselineEntry, 0, len(findings))
	for i := range findings {
		entries = append(entries, entryOf(&findings[i]))
	}
	slices.SortFunc(entries, compareEntries)
	entries = slices.Compact(entries)

	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"version\": %d, \"entries\": [", baselineVersion)
	separator := "\n"
	for _, e := range entries {
		b.WriteString(separator)
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("writing the baseline entry of %s: %w", e.Asset, err)
		}
		b.Truncate(b.Len() - 1) // the line end comes after the comma
		separator = ",\n"
	}
	b.WriteString("\n]}\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	return nil
}

func compareEntries(a, b BaselineEntry) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Field, b.Field), cmp.Compare(a.Fingerprint, b.Fingerprint))
}

// ReadBaseline reads what WriteBaseline wrote. Its error names the line where
// that is known, and not the file.
func ReadBaseline(r io.Reader) (Baseline, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBaseline+1))
	if err != nil {
		return Baseline{}, err
	}
	if len(text) > maxBaseline {
		return Baseline{}, fmt.Errorf("the baseline is larger than %d MiB", maxBaseline>>20)
	}
	var file struct {
		Version *int            `json:"version"`
		Entries []BaselineEntry `json:"entries"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return Baseline{}, baselineError(text, dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Baseline{}, baselineError(text, dec.InputOffset(), errors.New("more follows after the baseline"))
	}
	if file.Version == nil {
		return Baseline{}, errors.New("it is no baseline, as it has no version: write one with holdfast baseline write")
	}
	if *file.Version != baselineVersion {
		return Baseline{}, fmt.Errorf("the baseline has version %d and this program reads %d: write it anew with holdfast baseline write", *file.Version, baselineVersion)
	}
	for i, e := range file.Entries {
		if e.Fingerprint == "" || e.Rule == "" {
			return Baseline{}, fmt.Errorf("entry %d of the baseline has no fingerprint or no rule: write it anew with holdfast baseline write", i+1)
		}
	}
	return Baseline{file.Entries}, nil
}

// baselineError gives a decoder's error its line.
func baselineError(text []byte, offset int64, err error) error {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	reason := strings.TrimPrefix(err.Error(), "json: ")
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &wrongType):
		offset = wrongType.Offset
		reason = fmt.Sprintf("%s has another type than a baseline has", cmp.Or(wrongType.Field, "the whole"))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		offset, reason = int64(len(text)), "the baseline ends too early"
	}
	before := text[:min(max(offset, 0), int64(len(text)))]
	return fmt.Errorf("line %d: %s", 1+bytes.Count(before, []byte("\n")), reason)
}

// baselineMatch says which findings a baseline knows and which of its entries
// still occur.
type baselineMatch struct {
	entries []BaselineEntry
	finding []bool
	entry   []bool
}

// match compares by fingerprint, and then pairs what is left by rule, field and
// name of the asset: an entry stands for one finding only, so that a copy of
// what is known is new.
func (b Baseline) match(findings []finding.Finding) baselineMatch {
	m := baselineMatch{b.Entries, make([]bool, len(findings)), make([]bool, len(b.Entries))}
	if len(b.Entries) == 0 {
		return m
	}
	byPrint := make(map[string][]int, len(b.Entries))
	for i, e := range b.Entries {
		byPrint[e.Fingerprint] = append(byPrint[e.Fingerprint], i)
	}
	for i := range findings {
		for _, n := range byPrint[findings[i].Fingerprint] {
			m.finding[i], m.entry[n] = true, true
		}
	}
	free := map[same][]int{}
	for i := range b.Entries {
		if !m.entry[i] {
			free[b.Entries[i].same()] = append(free[b.Entries[i].same()], i)
		}
	}
	for i := range findings {
		if m.finding[i] {
			continue
		}
		e := entryOf(&findings[i])
		if left := free[e.same()]; len(left) > 0 {
			m.finding[i], m.entry[left[0]] = true, true
			free[e.same()] = left[1:]
		}
	}
	return m
}

// notes says how many entries no longer occur, of those that would have been
// seen: in files that were scanned, and where nothing was left undetermined.
func (m baselineMatch) notes(result *finding.Result, targets []string) []finding.Note {
	unsure := map[string]bool{}
	for i := range result.Undetermined {
		unsure[result.Undetermined[i].Place.File] = true
		unsure[result.Undetermined[i].Asset.Place.File] = true
	}
	fixed := 0
	for i, e := range m.entries {
		if !m.entry[i] && !unsure[e.File] && scanned(e.File, targets) {
			fixed++
		}
	}
	if fixed == 0 {
		return nil
	}
	verb := "are"
	if fixed == 1 {
		verb = "is"
	}
	return []finding.Note{{Message: fmt.Sprintf("%s %s fixed: run holdfast baseline write to drop what no longer occurs", count(fixed, "baseline entry"), verb)}}
}

// scanned reports whether a file is a target or lies below one.
func scanned(file string, targets []string) bool {
	return len(targets) == 0 || slices.ContainsFunc(targets, func(target string) bool {
		target = path.Clean(strings.ReplaceAll(target, `\`, "/"))
		return file == target || strings.HasPrefix(file, target+"/") ||
			target == "." && !path.IsAbs(file) && !strings.HasPrefix(file, "../")
	})
}
