package advisory

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// generated is an archive of as many advisories as two middling ecosystems have:
// each on one of 2,000 packages, with a text that is mostly left out and thirty
// versions.
func generated(b *testing.B, dir string, count int) (file string) {
	files := map[string]string{}
	details := strings.Repeat("This flaw lets somebody do something. ", 30)
	for i := range count {
		var versions []string
		for v := range 30 {
			versions = append(versions, fmt.Sprintf(`"%d.%d.%d"`, v/10, v%10, i%7))
		}
		name := fmt.Sprintf("package-%d", i%2000)
		files[fmt.Sprintf("PYSEC-2026-%d.json", i)] = fmt.Sprintf(`{"id": "PYSEC-2026-%[1]d", "modified": "2026-05-06T07:08:09.123Z", "published": "2026-01-02T03:04:05Z",
			"aliases": ["CVE-2026-%05[1]d", "GHSA-aaaa-bbbb-%04[1]d"], "summary": "A flaw of the kind number %[1]d in %[2]s", "details": %[3]q,
			"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}],
			"affected": [{"package": {"ecosystem": "PyPI", "name": %[2]q}, "versions": [%[4]s],
			"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.0"}]}]}],
			"references": [{"type": "WEB", "url": "https://example.com/%[1]d"}]}`, i, name, details, strings.Join(versions, ", "))
	}
	return write(b, dir, "PyPI.zip", archive(b, files))
}

func BenchmarkInstall(b *testing.B) {
	dir := b.TempDir()
	file := generated(b, dir, 7000)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Install(context.Background(), filepath.Join(dir, "db"), []string{file}, Options{Replace: true})
		if err != nil || r.Broken > 0 {
			b.Fatal(r, err)
		}
		b.ReportMetric(float64(r.Packs[0].Size), "pack-bytes")
	}
}

// BenchmarkLookups opens a database, looks 500 packages up and closes it; of those
// that are known, one in ten is affected by something.
func BenchmarkLookups(b *testing.B) {
	dir := b.TempDir()
	db := filepath.Join(dir, "db")
	if _, err := Install(context.Background(), db, []string{generated(b, dir, 7000)}, Options{}); err != nil {
		b.Fatal(err)
	}
	for _, known := range []int{0, 100, 500} {
		b.Run(fmt.Sprintf("known=%d", known), func(b *testing.B) {
			var names []string
			for i := range 500 {
				name := fmt.Sprintf("package-%d", i*3)
				if i >= known {
					name = fmt.Sprintf("unknown-%d", i)
				}
				names = append(names, name)
			}
			b.ReportAllocs()
			for b.Loop() {
				store, err := Open(db)
				if err != nil {
					b.Fatal(err)
				}
				for n, name := range names {
					p, err := store.Pack("PyPI")
					if err != nil {
						b.Fatal(err)
					}
					found, err := p.Lookup(name)
					if err != nil {
						b.Fatal(err)
					}
					for i := range found {
						if _, err := found[i].Lists("1.2.3"); err != nil {
							b.Fatal(err)
						}
						if n%10 != 0 {
							continue
						}
						if err := found[i].Unpack(); err != nil {
							b.Fatal(err)
						}
					}
				}
				store.Close()
			}
		})
	}
}
