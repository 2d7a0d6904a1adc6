package advisory

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// osv is an advisory on one package, as text.
func osv(id, ecosystem, name string, more ...string) string {
	fields := append([]string{
		fmt.Sprintf(`"id": %q`, id), `"modified": "2024-05-06T07:08:09Z"`,
		fmt.Sprintf(`"affected": [{"package": {"ecosystem": %q, "name": %q}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]`, ecosystem, name),
	}, more...)
	return "{" + strings.Join(fields, ", ") + "}"
}

// archive makes a zip archive of files.
func archive(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// write puts a file into a folder and returns its name.
func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func install(t *testing.T, db string, o Options, files ...string) *Report {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	r, err := Install(context.Background(), db, files, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// known returns the ids in a database on a package.
func inDB(t *testing.T, db, ecosystem, name string) string {
	t.Helper()
	store, err := Open(db)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p, err := store.Pack(ecosystem)
	if errors.Is(err, ErrMissing) {
		return "missing"
	}
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	got := ids(found)
	if !p.Complete() {
		got += " (partial)"
	}
	return got
}

func TestInstallNames(t *testing.T) {
	both := map[string]string{
		"GO-1.json": osv("GO-1", "Go", "m"), "NPM-1.json": osv("NPM-1", "npm", "m"), "README.md": "no advisory",
		"../../escape.json": osv("GO-2", "Go", "m"),
	}
	tests := []struct {
		file    string
		options Options
		goes    string
		npm     string
	}{
		{"Go.zip", Options{}, "GO-1 GO-2", "missing"},
		{"go.zip", Options{}, "GO-1 GO-2", "missing"},
		{"Go/all.zip", Options{}, "GO-1 GO-2", "missing"},
		{"db/all.zip", Options{}, "GO-1 GO-2", "NPM-1"},
		{"some.zip", Options{}, "GO-1 GO-2 (partial)", "NPM-1 (partial)"},
		{"some.zip", Options{Ecosystems: []string{"NPM"}}, "missing", "NPM-1"},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			db, dir := t.TempDir(), t.TempDir()
			install(t, db, test.options, write(t, dir, test.file, archive(t, both)))
			if got := inDB(t, db, "Go", "m"); got != test.goes {
				t.Errorf("on Go there is %q, want %q", got, test.goes)
			}
			if got := inDB(t, db, "npm", "m"); got != test.npm {
				t.Errorf("on npm there is %q, want %q", got, test.npm)
			}
		})
	}
}

func TestInstallFolder(t *testing.T) {
	db, dir := t.TempDir(), t.TempDir()
	write(t, dir, "Go/a/GO-1.json", []byte(osv("GO-1", "Go", "m")))
	write(t, dir, "Go/GO-2.json", []byte(osv("GO-2", "Go", "m")))
	write(t, dir, "secret.json", []byte(osv("GO-3", "Go", "m")))
	if err := os.Symlink(filepath.Join(dir, "secret.json"), filepath.Join(dir, "Go", "link.json")); err != nil {
		t.Skip(err)
	}
	install(t, db, Options{}, filepath.Join(dir, "Go"))
	if got := inDB(t, db, "Go", "m"); got != "GO-1 GO-2" {
		t.Errorf("there is %q", got)
	}
}

// TestInstallFolderOfArchives imports a download: archives, each as if it had been
// named, and advisories beside them.
func TestInstallFolderOfArchives(t *testing.T) {
	db, dir := t.TempDir(), t.TempDir()
	write(t, dir, "osv/Go/all.zip", archive(t, map[string]string{"GO-1.json": osv("GO-1", "Go", "m")}))
	write(t, dir, "osv/npm.zip", archive(t, map[string]string{"NPM-1.json": osv("NPM-1", "npm", "m"), "GO-9.json": osv("GO-9", "Go", "m")}))
	install(t, db, Options{}, filepath.Join(dir, "osv"))
	for ecosystem, want := range map[string]string{"Go": "GO-1", "npm": "NPM-1"} {
		if got := inDB(t, db, ecosystem, "m"); got != want {
			t.Errorf("on %s there is %q, want %q", ecosystem, got, want)
		}
	}
	write(t, dir, "osv/own.json", []byte(osv("OWN-1", "Go", "m")))
	install(t, db, Options{}, filepath.Join(dir, "osv"))
	if got := inDB(t, db, "Go", "m"); got != "GO-1 OWN-1" {
		t.Errorf("with one beside the archives there is %q", got)
	}
	write(t, dir, "osv/broken.zip", []byte("PK, and nothing else"))
	if _, err := Install(context.Background(), db, []string{filepath.Join(dir, "osv")}, Options{}); err == nil || !strings.Contains(err.Error(), "broken.zip") {
		t.Errorf("the error is %v", err)
	}
}

// TestFutureDates imports what is dated after the day of the import.
func TestFutureDates(t *testing.T) {
	now := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	late := now.AddDate(100, 0, 0)
	dir, from := t.TempDir(), t.TempDir()
	file := write(t, dir, "Go.zip", archive(t, map[string]string{"1.json": osv("GO-1", "Go", "a", `"modified": "2125-01-01T00:00:00Z"`)}))
	kev := write(t, dir, "known_exploited_vulnerabilities.json", []byte(`{"title": "CISA", "dateReleased": "2125-01-01T00:00:00Z",
		"vulnerabilities": [{"cveID": "CVE-2024-0001"}]}`))
	install(t, from, Options{Now: late.AddDate(1, 0, 0), Checked: late}, file, kev)
	bundle := write(t, dir, "bundle", export(t, from, nil))
	for _, files := range [][]string{{file, kev}, {bundle}, {filepath.Join(from, "Go.pack"), filepath.Join(from, "kev.table")}} {
		db := t.TempDir()
		install(t, db, Options{Now: now, Checked: late}, files...)
		store, err := Open(db)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range store.Status() {
			if s.Err != nil || !s.Date.Equal(now) || !s.Checked.Equal(now) {
				t.Errorf("%s of %v: it is of %v, confirmed %v (%v)", s.Name, files, s.Date, s.Checked, s.Err)
			}
		}
		if got := inDB(t, db, "Go", "a"); got != "GO-1" || !store.Exploited("CVE-2024-0001") {
			t.Errorf("of %v there is %q", files, got)
		}
		store.Close()
	}
}

func TestInstallAdds(t *testing.T) {
	db, dir := t.TempDir(), t.TempDir()
	file := func(name, text string) string { return write(t, dir, name, []byte(text)) }
	install(t, db, Options{}, write(t, dir, "Go.zip", archive(t, map[string]string{
		"1.json": osv("GO-1", "Go", "a"), "2.json": osv("GO-2", "Go", "a"), "3.json": osv("GO-3", "Go", "b")})))

	install(t, db, Options{}, file("own.json", osv("OWN-1", "Go", "a")))
	if got := inDB(t, db, "Go", "a"); got != "GO-1 GO-2 OWN-1" {
		t.Errorf("with one more there is %q", got)
	}
	r := install(t, db, Options{}, file("gone.json", osv("GO-1", "Go", "a", `"withdrawn": "2024-06-01T00:00:00Z"`)))
	if got := inDB(t, db, "Go", "a"); got != "GO-2 OWN-1" || r.Withdrawn != 1 {
		t.Errorf("with one withdrawn there is %q, %d withdrawn", got, r.Withdrawn)
	}
	install(t, db, Options{}, file("moved.json", osv("GO-2", "Go", "b")))
	if a, b := inDB(t, db, "Go", "a"), inDB(t, db, "Go", "b"); a != "OWN-1" || b != "GO-2 GO-3" {
		t.Errorf("with one changed there is %q and %q", a, b)
	}
	install(t, db, Options{Replace: true}, file("Go/only.json", osv("GO-9", "Go", "a")), filepath.Join(dir, "Go"))
	if a, b := inDB(t, db, "Go", "a"), inDB(t, db, "Go", "b"); a != "GO-9" || b != "" {
		t.Errorf("replaced there is %q and %q", a, b)
	}
	install(t, db, Options{}, file("last.json", osv("GO-9", "Go", "a", `"withdrawn": "2024-06-01T00:00:00Z"`)))
	if got := inDB(t, db, "Go", "a"); got != "missing" {
		t.Errorf("with the last one withdrawn there is %q", got)
	}
}

// An advisory on packages of two ecosystems stands in the archives of both.
func TestInstallTwoEcosystems(t *testing.T) {
	both := map[string]string{"1.json": `{"id": "CGA-1", "modified": "2024-05-06T07:08:09Z", "affected": [
	  {"package": {"ecosystem": "Wolfi", "name": "openssl"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]},
	  {"package": {"ecosystem": "Chainguard", "name": "openssl"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]}`}
	db, dir := t.TempDir(), t.TempDir()
	install(t, db, Options{}, write(t, dir, "Wolfi.zip", archive(t, both)), write(t, dir, "Chainguard.zip", archive(t, both)))
	for _, ecosystem := range []string{"Wolfi", "Chainguard"} {
		if got := inDB(t, db, ecosystem, "openssl"); got != "CGA-1" {
			t.Errorf("%s has %q", ecosystem, got)
		}
	}
}

// TestInstallAtOnce adds to one pack from several sides.
func TestInstallAtOnce(t *testing.T) {
	db, dir := t.TempDir(), t.TempDir()
	var group sync.WaitGroup
	var want []string
	for i := range 8 {
		id := fmt.Sprintf("OWN-%d", i)
		want = append(want, id)
		file := write(t, dir, id+".json", []byte(osv(id, "Go", "m")))
		group.Go(func() {
			if _, err := Install(context.Background(), db, []string{file}, Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := inDB(t, db, "Go", "m"); got != strings.Join(want, " ")+" (partial)" {
		t.Errorf("there is %q", got)
	}
}

func TestInstallBroken(t *testing.T) {
	db, dir := t.TempDir(), t.TempDir()
	files := map[string]string{"good.json": osv("GO-1", "Go", "a")}
	for i := range 30 {
		files[fmt.Sprintf("bad-%02d.json", i)] = "{"
		files[fmt.Sprintf("good-%02d.json", i)] = osv(fmt.Sprintf("NPM-%d", i), "npm", "a")
	}
	r := install(t, db, Options{}, write(t, dir, "Go.zip", archive(t, files)))
	if r.Broken != 30 || len(r.Problems) != maxProblems || !strings.Contains(r.Problems[0].Error(), "bad-00.json") {
		t.Errorf("%d broken, %d named, the first %v", r.Broken, len(r.Problems), r.Problems[0])
	}
	if got := inDB(t, db, "Go", "a"); got != "GO-1" {
		t.Errorf("there is %q", got)
	}
	delete(files, "good-00.json")
	delete(files, "good-01.json")
	if _, err := Install(context.Background(), db, []string{write(t, dir, "Go.zip", archive(t, files))}, Options{}); err == nil || !strings.Contains(err.Error(), "30 of its 59") {
		t.Errorf("with more broken than whole ones the error is %v", err)
	}
	for name, text := range map[string]string{"none.json": "{", "none.txt": "hello", "none.zip": "PK nothing", "cut.zip": string(archive(t, files)[:200])} {
		_, err := Install(context.Background(), db, []string{write(t, dir, name, []byte(text))}, Options{})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestInstallDates(t *testing.T) {
	db, dir := t.TempDir(), t.TempDir()
	install(t, db, Options{}, write(t, dir, "Go.zip", archive(t, map[string]string{
		"1.json": osv("GO-1", "Go", "a"), "2.json": osv("GO-2", "Go", "a", `"modified": "2025-01-02T03:04:05Z"`)})))
	store, err := Open(db)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p, err := store.Pack("Go")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Date().Format(time.RFC3339); got != "2025-01-02T03:04:05Z" || !p.Checked().IsZero() || p.Source() != "Go.zip" || p.Count() != 2 {
		t.Errorf("of %s, confirmed %v, from %s, %d advisories", got, p.Checked(), p.Source(), p.Count())
	}
	when := time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)
	if err := Confirm(context.Background(), db, "Go", when); err != nil {
		t.Fatal(err)
	}
	again, err := Open(db)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if s := again.Status(); len(s) != 1 || !s[0].Checked.Equal(when) || s[0].Err != nil || s[0].Advisories != 2 {
		t.Errorf("the status is %+v", s)
	}
}

func TestExploitation(t *testing.T) {
	db, dir := t.TempDir(), t.TempDir()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, "#model_version:v2025.03.14,score_date:2026-05-30T12:00:00+0000\ncve,epss,percentile\nCVE-2024-0001,0.97355,0.999\nCVE-2024-12345678,0.00043,0.1\nCVE-2024-2,x,y\n")
	w.Close()
	r := install(t, db, Options{},
		write(t, dir, "scores.csv.gz", packed.Bytes()),
		write(t, dir, "kev.json", []byte(`{"dateReleased": "2026-05-29T10:00:00.0000Z", "vulnerabilities": [{"cveID": "CVE-2024-0001"}, {"cveID": "bad"}]}`)))
	if r.Broken != 2 {
		t.Errorf("%d are broken: %v", r.Broken, r.Problems)
	}
	store, err := Open(db)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	tests := []struct {
		cve       string
		exploited bool
		score     float64
	}{{"CVE-2024-0001", true, 0.97355}, {"CVE-2024-12345678", false, 0.00043}, {"CVE-2024-0002", false, 0}, {"GHSA-1", false, 0}, {"CVE-1-1", false, 0}}
	for _, test := range tests {
		score, ok := store.EPSS(test.cve)
		if store.Exploited(test.cve) != test.exploited || score != test.score || ok != (test.score > 0) {
			t.Errorf("%s: exploited %v, score %v (%v)", test.cve, store.Exploited(test.cve), score, ok)
		}
	}
	want := map[string]string{KEV: "2026-05-29", EPSS: "2026-05-30"}
	for _, s := range store.Status() {
		if day(s.Date) != want[s.Name] || s.Err != nil {
			t.Errorf("%s is of %s (%v)", s.Name, day(s.Date), s.Err)
		}
	}
}

// keys makes the files of a pair of keys.
func keys(t *testing.T, dir, name string) (private, public string) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte(name[:1]), ed25519.SeedSize))
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	private = write(t, dir, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	return private, write(t, dir, name+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}))
}

// export exports a database into memory.
func export(t *testing.T, db string, key ed25519.PrivateKey, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := Export(&out, db, names, key); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBundle(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	private, public := keys(t, dir, "team")
	_, foreign := keys(t, dir, "other")
	key, err := PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(file string) ed25519.PublicKey {
		k, err := PublicKey(file)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	install(t, from, Options{}, write(t, dir, "Go.zip", archive(t, map[string]string{"1.json": osv("GO-1", "Go", "a")})),
		write(t, dir, "Debian.zip", archive(t, map[string]string{"2.json": osv("DSA-1", "Debian:12", "b")})),
		write(t, dir, "kev.json", []byte(`{"dateReleased": "2026-05-29T10:00:00Z", "vulnerabilities": [{"cveID": "CVE-2024-0001"}]}`)))
	signed, unsigned := export(t, from, key), export(t, from, nil)
	flipped := func(at int) []byte {
		b := slices.Clone(signed)
		b[at] ^= 1
		return b
	}
	tests := []struct {
		name    string
		data    []byte
		options Options
		want    string // of the error; "" is none
	}{
		{"signed", signed, Options{Key: verify(public)}, ""},
		{"signed, nobody asks", signed, Options{}, ""},
		{"not signed, nobody asks", unsigned, Options{}, ""},
		{"not signed", unsigned, Options{Key: verify(public)}, "not signed"},
		{"signed by another", signed, Options{Key: verify(foreign)}, "signature"},
		{"the list changed", flipped(20), Options{Key: verify(public)}, "signature"},
		{"a pack changed", flipped(len(signed) - 300), Options{Key: verify(public)}, "checksum"},
		{"a pack changed, nobody asks for signatures", flipped(len(signed) - 300), Options{}, "checksum"},
		{"cut short", signed[:len(signed)-1], Options{Key: verify(public)}, "cut short"},
		{"cut within its beginning", signed[:30], Options{}, "cut short"},
		{"something behind it", append(slices.Clone(signed), 1), Options{}, "more in it"},
		{"another file", archive(t, map[string]string{"1.json": osv("GO-1", "Go", "a")}), Options{Key: verify(public)}, "not signed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := t.TempDir()
			_, err := Install(context.Background(), db, []string{write(t, dir, "bundle", test.data)}, test.options)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("the error is %v, want one with %q", err, test.want)
				}
				if left, _ := filepath.Glob(filepath.Join(db, "[^.]*")); len(left) > 0 {
					t.Errorf("the refused file left %v", left)
				}
				if left, _ := filepath.Glob(filepath.Join(db, tempName+"*")); len(left) > 0 {
					t.Errorf("the refused file left %v", left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a, b := inDB(t, db, "Go", "a"), inDB(t, db, "Debian:12", "b"); a != "GO-1" || b != "DSA-1" {
				t.Errorf("there is %q and %q", a, b)
			}
			for _, file := range []string{"Go.pack", "Debian.pack", "kev.table"} {
				a, err := os.ReadFile(filepath.Join(from, file))
				b, err2 := os.ReadFile(filepath.Join(db, file))
				if err != nil || err2 != nil || !bytes.Equal(a, b) {
					t.Errorf("%s is another file (%v, %v)", file, err, err2)
				}
			}
		})
	}
}

func TestBundleParts(t *testing.T) {
	from, dir, db := t.TempDir(), t.TempDir(), t.TempDir()
	install(t, from, Options{}, write(t, dir, "Go.zip", archive(t, map[string]string{"1.json": osv("GO-1", "Go", "a")})),
		write(t, dir, "npm.zip", archive(t, map[string]string{"2.json": osv("NPM-1", "npm", "b")})))
	install(t, db, Options{}, write(t, dir, "part", export(t, from, nil, "npm")))
	if a, b := inDB(t, db, "Go", "a"), inDB(t, db, "npm", "b"); a != "missing" || b != "NPM-1" {
		t.Errorf("exported one: there is %q and %q", a, b)
	}
	// A single file of a database is taken as well.
	install(t, db, Options{}, filepath.Join(from, "Go.pack"))
	if got := inDB(t, db, "Go", "a"); got != "GO-1" {
		t.Errorf("with the file of Go there is %q", got)
	}
	if _, err := Export(&bytes.Buffer{}, from, []string{"PyPI"}, nil); !errors.Is(err, ErrMissing) {
		t.Errorf("the error is %v, want ErrMissing", err)
	}
	if _, err := Export(&bytes.Buffer{}, t.TempDir(), nil, nil); err == nil || !strings.Contains(err.Error(), "db update") {
		t.Errorf("the error is %v", err)
	}
}

func TestOlderBundle(t *testing.T) {
	from, dir, db := t.TempDir(), t.TempDir(), t.TempDir()
	install(t, from, Options{}, write(t, dir, "Go.zip", archive(t, map[string]string{"1.json": osv("GO-1", "Go", "a")})))
	old := write(t, dir, "old", export(t, from, nil))
	install(t, db, Options{}, write(t, dir, "Go.zip", archive(t, map[string]string{"2.json": osv("GO-2", "Go", "a", `"modified": "2025-01-01T00:00:00Z"`)})))
	_, err := Install(context.Background(), db, []string{old}, Options{})
	if err == nil || !strings.Contains(err.Error(), "2024-05-06") || !strings.Contains(err.Error(), "--older") {
		t.Errorf("the error is %v", err)
	}
	if got := inDB(t, db, "Go", "a"); got != "GO-2" {
		t.Errorf("there is %q", got)
	}
	install(t, db, Options{Older: true}, old)
	if got := inDB(t, db, "Go", "a"); got != "GO-1" {
		t.Errorf("taken nevertheless, there is %q", got)
	}
}

// TestHostileBundle hands over lists that would write elsewhere.
func TestHostileBundle(t *testing.T) {
	for _, list := range []string{
		`{"files": [{"name": "../../x", "size": 1000, "sha256": ""}]}`,
		`{"files": [{"name": "Go", "size": 1000}, {"name": "go", "size": 1000}]}`,
		`{"files": [{"name": "Go", "size": -1}]}`,
		`{"files": [{"name": "Debian:12", "size": 1000}]}`,
		`{"files": []}`, `{"files": 7}`, `[`,
	} {
		data := append([]byte(bundleMagic), byte(len(list)), 0, 0, 0)
		data = append(append(data, list...), 0, 0, 0, 0)
		data = append(data, make([]byte, 2000)...)
		db := t.TempDir()
		_, err := Install(context.Background(), filepath.Join(db, "db"), []string{write(t, t.TempDir(), "b", data)}, Options{})
		if err == nil {
			t.Errorf("%s was taken", list)
		}
		if left, _ := os.ReadDir(db); len(left) > 1 {
			t.Errorf("%s wrote %v", list, left)
		}
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	private, public := keys(t, dir, "a")
	text := write(t, dir, "text", []byte("hello"))
	for file, want := range map[string]string{public: "PUBLIC KEY", text: "no PEM", filepath.Join(dir, "none"): "no such file"} {
		if _, err := PrivateKey(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", file, err)
		}
	}
	if _, err := PublicKey(private); err == nil || !strings.Contains(err.Error(), "PRIVATE KEY") {
		t.Errorf("the error is %v", err)
	}
}

func FuzzBundle(f *testing.F) {
	list := `{"files": [{"name": "Go", "size": 1000, "sha256": "00"}]}`
	f.Add(append(append([]byte(bundleMagic), byte(len(list)), 0, 0, 0), list+"\x00\x00\x00\x00"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := readManifest(bytes.NewReader(data), nil)
		if err != nil {
			return
		}
		for _, b := range all.Files {
			if name := b.file(); filepath.Base(name) != name || strings.HasPrefix(name, ".") {
				t.Errorf("%q would be written to %q", b.Name, name)
			}
		}
	})
}

func FuzzEPSS(f *testing.F) {
	f.Add([]byte("#model_version:v1,score_date:2026-01-01\ncve,epss\nCVE-2024-0001,0.5,0.6\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := importer{report: &Report{}}
		values, date, err := in.readEPSS(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		file, err := encodeTable(kindEPSS, values, date, time.Time{}, labels{ecosystem: EPSS})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readTable("fuzz", file, kindEPSS); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
