package advisory

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A bundle is several files of a database in one, for networks without a way out:
//
//	"HFBUNDL1" | length of the list, 4 bytes | list, JSON
//	           | length of the signature, 4 bytes: 0 or 64 | signature
//	           | the files, one behind the other, in the order of the list
//
// The list has the SHA-256 of each file, so a signature of the list is one of all.
const (
	bundleMagic = "HFBUNDL1"
	maxManifest = 1 << 20
	// signed precedes the list in what is signed, so that a signature is good for
	// nothing else.
	signed = "holdfast advisory bundle 1\n"
)

// manifest is the list at the beginning of a bundle.
type manifest struct {
	Files []bundled `json:"files"`
}

// bundled is a file in a bundle.
type bundled struct {
	Name   string `json:"name"` // ecosystem, or KEV or EPSS
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// file is the name of the file in the folder of the database.
func (b bundled) file() string {
	if b.Name == KEV || b.Name == EPSS {
		return b.Name + tableSuffix
	}
	return packFile(b.Name)
}

// Export writes files of the database in a folder into one: those of the names,
// ecosystems and KEV and EPSS, or all. With a key the result is signed. It returns
// the names of what was written.
func Export(w io.Writer, dir string, names []string, key ed25519.PrivateKey) ([]string, error) {
	store, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	var all manifest
	var found []string
	for _, s := range store.Status() {
		found = append(found, s.Name)
		if len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { f, _ := Family(n); return f == s.Name }) {
			continue
		}
		if s.Err != nil {
			return nil, s.Err
		}
		b, err := describe(dir, s.Name)
		if err != nil {
			return nil, err
		}
		all.Files = append(all.Files, b)
	}
	for _, name := range names {
		if family, _ := Family(name); !slices.Contains(found, family) {
			return nil, fmt.Errorf("%w on %s in %s: get them with holdfast db update %s", ErrMissing, family, dir, shellWord(family))
		}
	}
	if len(all.Files) == 0 {
		return nil, fmt.Errorf("the advisory database in %s is empty: fill it with holdfast db update", dir)
	}
	return writeBundle(w, dir, all, key)
}

// describe measures a file of the database.
func describe(dir, name string) (bundled, error) {
	b := bundled{Name: name}
	f, err := os.Open(filepath.Join(dir, b.file()))
	if err != nil {
		return b, fmt.Errorf("exporting %s: %w", name, err)
	}
	defer f.Close()
	hash := sha256.New()
	if b.Size, err = io.Copy(hash, f); err != nil {
		return b, fmt.Errorf("exporting %s: %w", name, err)
	}
	b.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return b, nil
}

func writeBundle(w io.Writer, dir string, all manifest, key ed25519.PrivateKey) (names []string, err error) {
	list, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	var signature []byte
	if key != nil {
		signature = ed25519.Sign(key, append([]byte(signed), list...))
	}
	begin := append([]byte(bundleMagic), binary.LittleEndian.AppendUint32(nil, uint32(len(list)))...)
	begin = append(begin, list...)
	begin = append(binary.LittleEndian.AppendUint32(begin, uint32(len(signature))), signature...)
	if _, err := w.Write(begin); err != nil {
		return nil, err
	}
	for _, b := range all.Files {
		if err := copyFile(w, filepath.Join(dir, b.file()), b); err != nil {
			return nil, fmt.Errorf("exporting %s: %w", b.Name, err)
		}
		names = append(names, b.Name)
	}
	return names, nil
}

// copyFile copies a file that must still be what was measured.
func copyFile(w io.Writer, name string, b bundled) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(f, b.Size)); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != b.SHA256 {
		return errors.New("the file was replaced meanwhile: run the export again")
	}
	return nil
}

// readManifest reads the beginning of a bundle, and checks its signature if there
// is a key.
func readManifest(r io.Reader, key ed25519.PublicKey) (all manifest, err error) {
	begin := make([]byte, len(bundleMagic))
	if _, err := io.ReadFull(r, begin); err != nil || string(begin) != bundleMagic {
		return all, errors.New("it was not written by holdfast db export")
	}
	list, err := readPart(r, maxManifest)
	if err != nil {
		return all, err
	}
	signature, err := readPart(r, ed25519.SignatureSize)
	if err != nil {
		return all, err
	}
	switch {
	case key == nil:
	case len(signature) == 0:
		return all, errors.New("it is not signed: ask for one written by holdfast db export --key")
	case !ed25519.Verify(key, append([]byte(signed), list...), signature):
		return all, errors.New("its signature is not of the key that belongs to the one given: do not use it")
	}
	if err := checkDepth(list); err != nil {
		return all, err
	}
	if err := json.Unmarshal(list, &all); err != nil {
		return all, fmt.Errorf("its list of files cannot be read: %w", err)
	}
	return all, all.check()
}

// check refuses lists that name a file twice, or what is no file of a database.
func (m manifest) check() error {
	seen := map[string]bool{}
	for _, b := range m.Files {
		family, release := Family(b.Name)
		if err := checkFamily(b.Name); err != nil {
			return err
		}
		if family != b.Name || release != "" || seen[strings.ToLower(b.Name)] || b.Size < headerSize || b.Size > maxFile {
			return fmt.Errorf("its list of files is wrong at %s", b.Name)
		}
		seen[strings.ToLower(b.Name)] = true
	}
	if len(m.Files) == 0 {
		return errors.New("there is nothing in it")
	}
	return nil
}

// readPart reads bytes that are preceded by their number.
func readPart(r io.Reader, limit uint32) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, errShort
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > limit {
		return nil, errors.New("its beginning is damaged")
	}
	part := make([]byte, n)
	if _, err := io.ReadFull(r, part); err != nil {
		return nil, errShort
	}
	return part, nil
}

var errShort = errors.New("it is cut short: copy it again")

// arrived is a file of a bundle that lies beside its place.
type arrived struct {
	temp string
	bundled
	header
	complete bool
}

// bundle takes what Export wrote: all of it, or nothing if anything is wrong.
func (in *importer) bundle(r io.Reader, name string) (err error) {
	all, err := readManifest(r, in.options.Key)
	if err != nil {
		return fmt.Errorf("importing %s: %w", name, err)
	}
	var files []arrived
	defer func() {
		for _, f := range files {
			os.Remove(f.temp) // those that found their place are gone
		}
	}()
	for _, b := range all.Files {
		f, err := in.receive(io.LimitReader(r, b.Size), b)
		if err != nil {
			return fmt.Errorf("importing %s: %s: %w", name, b.Name, err)
		}
		files = append(files, f)
	}
	var more [1]byte
	if n, _ := r.Read(more[:]); n > 0 {
		return fmt.Errorf("importing %s: there is more in it than its list says", name)
	}
	for _, f := range files {
		if in.skips(f.Name) {
			continue
		}
		if err := in.put(f); err != nil {
			return err
		}
	}
	return nil
}

// skips says whether the user did not ask for this file.
func (in *importer) skips(name string) bool {
	only := in.options.Ecosystems
	return len(only) > 0 && !slices.ContainsFunc(only, func(n string) bool { f, _ := Family(n); return f == name })
}

// receive writes a file beside its place and checks all of it.
func (in *importer) receive(r io.Reader, b bundled) (f arrived, err error) {
	hash := sha256.New()
	temp, err := writeTemp(in.dir, func(w io.Writer) error {
		n, err := io.Copy(io.MultiWriter(w, hash), r)
		if err == nil && n < b.Size {
			err = errShort
		}
		return err
	})
	if err != nil {
		return f, err
	}
	f = arrived{temp: temp, bundled: b}
	if b.SHA256 != "" && !strings.EqualFold(hex.EncodeToString(hash.Sum(nil)), b.SHA256) {
		err = errors.New("its checksum is wrong: copy it again")
	}
	if err == nil {
		err = f.verify()
	}
	if err == nil {
		err = in.dateBack(&f)
	}
	if err == nil {
		err = in.notOlder(&f)
	}
	if err != nil {
		os.Remove(temp)
		return f, err
	}
	return f, nil
}

// verify reads every part of the file as look-ups would.
func (f *arrived) verify() error {
	if kind := tableKind(f.Name); kind != 0 {
		t, err := openTable(f.temp, kind)
		if err != nil {
			return err
		}
		defer unmap(t.data)
		f.header = t.header
		if !t.sorted() {
			return errDamaged
		}
		return nil
	}
	p, err := openPack(f.temp)
	if err != nil {
		return err
	}
	defer unmap(p.data)
	if f.Name == "" {
		f.Name = p.ecosystem
	}
	if p.ecosystem != f.Name || checkFamily(f.Name) != nil {
		return fmt.Errorf("it is a pack of %q", clip(p.ecosystem, maxFamily))
	}
	f.header = p.header
	return p.all(func(string, []Advisory) error { return nil })
}

// dateBack takes dates that have not come out of a file's header.
func (in *importer) dateBack(f *arrived) error {
	date, checked := seconds(in.past(moment(f.date))), seconds(in.past(moment(f.checked)))
	if date == f.date && checked == f.checked {
		return nil
	}
	f.date, f.checked = date, checked
	file, err := os.OpenFile(f.temp, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(f.header.encode(), 0)
	return errors.Join(err, file.Sync(), file.Close())
}

// tableKind is the kind of file that a table is; 0 for ecosystems.
func tableKind(name string) uint32 {
	switch name {
	case KEV:
		return kindExploited
	case EPSS:
		return kindEPSS
	}
	return 0
}

// notOlder refuses to go back: who hands out old packs hides what is new.
func (in *importer) notOlder(f *arrived) error {
	if in.options.Older {
		return nil
	}
	data, err := mapFile(filepath.Join(in.dir, f.file()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unmap(data)
	have, err := readHeader(data)
	if err == nil && have.date > f.date {
		return fmt.Errorf("it is of %s, older than what is there (%s): take it nevertheless with --older",
			day(moment(f.date)), day(moment(have.date)))
	}
	return nil // what is damaged may be replaced by anything
}

// put gives a file that arrived its place.
func (in *importer) put(f arrived) error {
	if err := place(f.temp, in.dir, f.file()); err != nil {
		return err
	}
	in.report.Packs = append(in.report.Packs, Imported{f.Name, int(f.count), moment(f.date), f.Size, f.flags&flagComplete != 0})
	return nil
}

// packFile takes a single file of a database.
func (in *importer) packFile(r io.Reader, name string, size int64) error {
	b := bundled{Size: size}
	begin := make([]byte, headerSize)
	if n, err := io.ReadFull(r, begin); err != nil {
		return fmt.Errorf("importing %s: %w", name, errShort)
	} else if kind := begin[len(magic)]; n == headerSize && kind != kindPack {
		b.Name = map[byte]string{kindExploited: KEV, kindEPSS: EPSS}[kind]
	}
	f, err := in.receive(io.MultiReader(bytes.NewReader(begin), r), b)
	if err != nil {
		return fmt.Errorf("importing %s: %w", name, err)
	}
	return in.put(f)
}
