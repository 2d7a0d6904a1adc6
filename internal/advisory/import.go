package advisory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say how Install takes what it is given.
type Options struct {
	// Ecosystems limit the import to these families; none does not.
	Ecosystems []string
	// Replace forgets what the packs held before, instead of adding to it.
	Replace bool
	// Key refuses everything that is not signed with the key that belongs to it.
	Key ed25519.PublicKey
	// Older allows packs that are older than those which they replace.
	Older bool
	// Source, ETag and Checked are put down in the packs: where the data is from
	// and when it was confirmed there. The default source is the file's name.
	Source, ETag string
	Checked      time.Time
	// Date is when the source changed last, if that is known.
	Date time.Time
	// Now is the time: nothing is newer. The default is that of the clock.
	Now time.Time
}

// Report is what an import did.
type Report struct {
	Packs []Imported // sorted by name
	// Broken is how many advisories could not be read; Problems names the first.
	Broken   int
	Problems []error
	// Withdrawn is how many advisories were withdrawn.
	Withdrawn int
}

// Imported is a file of the database that an import wrote.
type Imported struct {
	Name       string // ecosystem, or KEV or EPSS
	Advisories int
	Date       time.Time
	Size       int64
	Complete   bool
}

// maxProblems is how many broken advisories a report names.
const maxProblems = 20

func (r *Report) broken(name string, err error) {
	if r.Broken++; len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Errorf("%s: %w", name, err))
	}
}

// Install puts files into the database in a folder: OSV archives, single OSV
// advisories, folders of these, the list of CISA, EPSS scores, packs and what
// Export wrote. Advisories are added to the packs that are there. An archive that
// is called after an ecosystem ("Go.zip", "Go/all.zip") is about that one only,
// though advisories in it may name others.
func Install(ctx context.Context, dir string, files []string, o Options) (*Report, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	in := importer{dir: dir, options: o, builder: NewBuilder(), report: &Report{}}
	release, err := Lock(ctx, dir, "write")
	if err != nil {
		return in.report, err
	}
	defer release()
	for _, file := range files {
		if err := in.add(ctx, file); err != nil {
			return in.report, err
		}
	}
	err = in.write()
	slices.SortFunc(in.report.Packs, func(a, b Imported) int { return strings.Compare(a.Name, b.Name) })
	return in.report, err
}

type importer struct {
	dir     string
	options Options
	builder *Builder
	report  *Report
	// whole are the families of which an archive or a folder went in.
	whole map[string]bool
}

// add takes a file or folder for what it is.
func (in *importer) add(ctx context.Context, name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("importing advisories: %w", err)
	}
	if info.IsDir() {
		if err := in.unsigned(name); err != nil {
			return err
		}
		return in.folder(ctx, name)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("importing %s: it is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("importing advisories: %w", err)
	}
	defer f.Close()
	begin := make([]byte, 512)
	n, _ := io.ReadFull(f, begin)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("importing %s: %w", name, err)
	}
	begin = begin[:n]
	if bytes.HasPrefix(begin, []byte(bundleMagic)) {
		return in.bundle(f, name)
	}
	if err := in.unsigned(name); err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(begin, []byte("PK")):
		shown := cmp.Or(in.options.Source, name)
		return in.documents(ctx, zipDocuments(shown, f, info.Size()), shown)
	case bytes.HasPrefix(begin, []byte(magic)):
		return in.packFile(f, name, info.Size())
	case bytes.HasPrefix(begin, []byte("\x1f\x8b")), bytes.HasPrefix(begin, []byte("#model_version")), bytes.HasPrefix(begin, []byte("cve,")):
		return in.epss(f, name)
	case bytes.HasPrefix(bytes.TrimLeft(begin, "\ufeff \t\r\n"), []byte("{")):
		return in.json(ctx, name)
	}
	return fmt.Errorf("importing %s: it is neither an OSV archive or advisory nor a list of CISA, EPSS scores or what holdfast db export wrote", name)
}

// folder takes the archives in a folder one by one, as if they had been named, and
// the advisories beside them as one.
func (in *importer) folder(ctx context.Context, dir string) error {
	archives, advisories := 0, false
	for file, err := range folderFiles(dir) {
		switch {
		case err != nil:
			return fmt.Errorf("reading %s: %w", dir, err)
		case filepath.Ext(file) == ".json":
			advisories = true
		case filepath.Ext(file) == ".zip":
			archives++
			if err := in.add(ctx, file); err != nil {
				return err
			}
		}
	}
	if archives > 0 && !advisories {
		return nil
	}
	return in.documents(ctx, folderDocuments(dir), dir)
}

// past is a time, or now if that has not come: who dates data in the future would
// have it taken for fresh until then, and keep out all that is newer.
func (in *importer) past(t time.Time) time.Time {
	if t.After(in.options.Now) {
		return in.options.Now
	}
	return t
}

// unsigned refuses files without a signature when one is asked for.
func (in *importer) unsigned(name string) error {
	if in.options.Key == nil {
		return nil
	}
	return fmt.Errorf("importing %s: it is not signed: with a key only what holdfast db export --key wrote is taken", name)
}

// scope is which families of what is in an archive or folder count, none for all,
// and whether it can be taken for all that there is on them: it can if its name
// or the user says what it is of. Advisories of one ecosystem name packages of
// others as well; a few of those are no database of them.
func (in *importer) scope(name string) (only []string, whole bool) {
	for _, ecosystem := range in.options.Ecosystems {
		family, _ := Family(ecosystem)
		only = append(only, family)
	}
	if len(only) > 0 || strings.EqualFold(filepath.Ext(name), ".json") {
		return only, len(only) > 0
	}
	stem := strings.TrimSuffix(filepath.Base(name), ".zip")
	if stem == "all" {
		if full, err := filepath.Abs(name); err == nil {
			stem = filepath.Base(filepath.Dir(full))
		}
	}
	if family, _ := Family(stem); slices.Contains(known, family) {
		return []string{family}, true
	}
	return nil, filepath.Base(name) == "all.zip"
}

// documents puts OSV advisories into the builder.
func (in *importer) documents(ctx context.Context, documents iter.Seq2[document, error], source string) error {
	only, whole := in.scope(source)
	outside := func(a Affected) bool {
		family, _ := Family(a.Ecosystem)
		return only != nil && !slices.Contains(only, family)
	}
	readable, broken := 0, in.report.Broken
	touched := map[string]bool{}
	err := readAll(ctx, documents, func(r read) {
		if r.err != nil {
			in.report.broken(r.name, r.err)
			return
		}
		readable++
		r.entry.Packages, r.entry.only = slices.DeleteFunc(r.entry.Packages, outside), only
		if r.entry.Withdrawn {
			in.report.Withdrawn++
		}
		for _, a := range r.entry.Packages {
			family, _ := Family(a.Ecosystem)
			touched[family] = true
		}
		in.builder.Add(r.entry)
	})
	if err != nil {
		return err
	}
	if readable == 0 {
		return errors.Join(append([]error{fmt.Errorf("importing %s: it holds no advisory that can be read", source)}, in.report.Problems...)...)
	}
	// One broken advisory among many is a fault of its author; more are one of the
	// file, and what is left of it is no database.
	if broken = in.report.Broken - broken; broken > readable {
		return errors.Join(fmt.Errorf("importing %s: %d of its %d advisories cannot be read: get the file again", source, broken, broken+readable), in.report.Problems[0])
	}
	if len(touched) == 0 {
		return fmt.Errorf("importing %s: none of its advisories is on %s", source, orAny(only))
	}
	for family := range touched {
		f := in.builder.families[family]
		f.source = cmp.Or(in.options.Source, filepath.Base(source))
		f.etag, f.checked = in.options.ETag, in.options.Checked
		if in.options.Date.After(f.newest) {
			f.newest = in.options.Date
		}
		if whole {
			in.markWhole(family)
		}
	}
	return nil
}

func (in *importer) markWhole(family string) {
	if in.whole == nil {
		in.whole = map[string]bool{}
	}
	in.whole[family] = true
}

func orAny(names []string) string {
	if len(names) == 0 {
		return "a package of an ecosystem"
	}
	return strings.Join(names, " or ")
}

// json takes a JSON file: the list of CISA, or one advisory.
func (in *importer) json(ctx context.Context, name string) error {
	if strings.Contains(strings.ToLower(filepath.Base(name)), "known_exploited") {
		return in.kev(name)
	}
	data, err := readBounded(name, maxKEV)
	if err != nil {
		return fmt.Errorf("importing %s: %w", name, err)
	}
	if isKEV(data) {
		return in.kev(name)
	}
	one := func(yield func(document, error) bool) { yield(fileDocument(name), nil) }
	return in.documents(ctx, one, name)
}

// write makes the packs of all that was read and puts them in their places.
func (in *importer) write() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(in.builder.families)) {
		if err := in.writePack(name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (in *importer) writePack(name string) error {
	f := in.builder.families[name]
	whole := in.whole[name]
	f.incomplete = !whole
	if !in.options.Replace {
		if err := in.keep(f, whole); err != nil {
			return err
		}
	}
	f.newest, f.checked = in.past(f.newest), in.past(f.checked)
	data, err := in.builder.encode(name)
	if err != nil {
		return err
	}
	h, err := readHeader(data)
	if err != nil {
		return err
	}
	if h.count == 0 {
		return in.empty(name)
	}
	if err := replace(in.dir, packFile(name), data); err != nil {
		return err
	}
	in.report.Packs = append(in.report.Packs, Imported{name, int(h.count), moment(h.date), int64(len(data)), h.flags&flagComplete != 0})
	return nil
}

// keep puts what the pack of a family holds into the builder.
func (in *importer) keep(f *family, whole bool) error {
	old, err := openPack(filepath.Join(in.dir, packFile(f.name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer unmap(old.data)
		f.incomplete = f.incomplete && old.flags&flagComplete == 0
		// Single advisories do not change where the others are from.
		if !whole {
			f.source, f.etag, f.checked = old.source, old.etag, moment(old.checked)
		}
		err = in.builder.addPack(old)
	}
	if err != nil && whole {
		// What replaces a damaged pack is whole itself.
		in.report.Problems = append(in.report.Problems, fmt.Errorf("%w; what it held is not kept", err))
		return nil
	}
	return err
}

// empty removes the pack of a family of which all advisories are withdrawn.
func (in *importer) empty(name string) error {
	err := os.Remove(filepath.Join(in.dir, packFile(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the pack of %s, all of which is withdrawn: %w", name, err)
	}
	in.report.Packs = append(in.report.Packs, Imported{Name: name})
	return nil
}
