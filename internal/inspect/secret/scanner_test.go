package secret

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// mixture is a text with all kinds of credential between ordinary lines.
func mixture(t testing.TB, seed uint64, size int) string {
	good, _ := examples(t)
	g := newGenerator(seed)
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(manifest[:g.IntN(len(manifest))] + "\n")
		if g.IntN(3) == 0 {
			b.WriteString(g.expand(good[g.IntN(len(good))].text) + "\n")
		}
	}
	return b.String()
}

// inPieces scans a text that comes in pieces of the sizes that next gives.
func inPieces(name, text string, next func() int) []Hit {
	var hits []Hit
	stream := NewScanner().Stream(name, int64(len(text)), func(h Hit) { hits = append(hits, h) })
	for start := 0; ; {
		end := min(len(text), start+max(next(), Overlap+300))
		// What the scanner gets is gone afterwards.
		piece := []byte(text[start:end])
		more := stream.Write(piece, int64(start))
		for i := range piece {
			piece[i] = 'x'
		}
		if !more || end == len(text) {
			return hits
		}
		start = end - Overlap
	}
}

// What is found does not depend on how a file is cut into pieces.
func TestStream(t *testing.T) {
	for seed := range uint64(6) {
		text := mixture(t, seed, 200<<10)
		want := scan("srv/x.yaml", text)
		if len(want) < 30 {
			t.Fatalf("%d hits", len(want))
		}
		r := rand.New(rand.NewPCG(seed, 0))
		for _, next := range []func() int{
			func() int { return 0 }, func() int { return Overlap + 100 }, func() int { return 64 << 10 },
			func() int { return r.IntN(100 << 10) }, func() int { return Overlap + r.IntN(300) },
		} {
			if got := inPieces("srv/x.yaml", text, next); !slices.Equal(got, want) {
				for i := range got {
					if i >= len(want) || got[i] != want[i] {
						t.Fatalf("seed %d, hit %d of %d: %+v in pieces, %+v in one, of %d", seed, i, len(got), got[i], want[min(i, len(want)-1)], len(want))
					}
				}
				t.Fatalf("seed %d: %d hits in pieces, %d in one", seed, len(got), len(want))
			}
		}
	}
}

// Offsets and lines are those of the file, and what is shown is no use to anybody.
func TestHits(t *testing.T) {
	text := mixture(t, 7, 200<<10)
	end := int64(0)
	for _, h := range scan("srv/x.yaml", text) {
		secret := text[h.Start:h.End]
		switch {
		case h.Start < end || h.End <= h.Start:
			t.Fatalf("%+v begins before %d", h, end)
		case h.Line != int64(1+strings.Count(text[:h.Start], "\n")):
			t.Fatalf("%+v is in line %d", h, 1+strings.Count(text[:h.Start], "\n"))
		case h.Title == "" || h.Severity == "":
			t.Fatalf("%+v", h)
		}
		shown := strings.ReplaceAll(h.Masked, Mask, "")
		if hidden := len(secret) - len(shown); strings.Contains(h.Masked, secret) || hidden < 8 && shown != "" && !strings.HasPrefix(secret, shown) {
			t.Errorf("%s: %q is shown of %q", h.Kind, h.Masked, secret)
		}
		end = h.End
	}
}

// What a name proves depends on the file.
func TestTrust(t *testing.T) {
	g := newGenerator(8)
	tok := g.token()
	const pw = "Sommer" + "2024!x"
	tests := []struct {
		name, text, want string
	}{
		{"etc/app/db.conf", "password = " + pw, "password"},
		{"srv/.env", "DB_PASSWORD=" + pw, "password"},
		{"srv/.env", "DB_PASSWORD=letmein", ""},
		{"srv/.env", "DB_PASSWORD=password", ""},
		{"srv/app.py", "password = '" + pw + "'", "password"},
		{"srv/app.py", "password = " + pw, ""},
		{"srv/app.py", "password = 'letmein'", ""},
		{"srv/app.py", "# token = '" + tok + "'", ""},
		{"srv/app.py", "token = '" + tok + "'", "generic-token"},
		{"README.md", "password: " + pw, ""},
		{"README.md", "API_TOKEN=" + tok, "generic-token"},
		{"x/testdata/db.conf", "password = " + pw + "\ntoken = " + tok, ""},
		{"usr/lib/node_modules/pg/test/x.json", `{"token": "` + tok + `"}`, ""},
		{"web/app.min.js", `apiKey="` + tok + `"`, ""},
		{"web/package-lock.json", `{"token": "` + tok + `"}`, ""},
		{"web/locales/en.json", `{"token": "` + tok + `"}`, ""},
		{"srv/x.env", "url=postgres://shop:" + pw + "@db/shop", "connection-string"},
		{"README.md", "postgres://shop:" + pw + "@db/shop", ""},
		{"bin/holdfast", "\x00 glpat-glptt-glcbt-gloas-whsec_shpat_shpca_x7 hvs.hvb.hvr.dapipul-fm2_sbp_squ_sqp_sqa_A-Z_x9\x00", ""},
		{"srv/api.yaml", "token: " + base64.StdEncoding.EncodeToString([]byte("this is no token at all!")), ""},
		{"srv/swagger.yaml", "password: " + pw, ""},
		{"bin/x", "\x00\x00 token=" + tok + " https://u:" + pw + "@h/", ""},
		{".pgpass", "db:5432:shop:shop:" + tok + "\n", "password"},
		{"srv/pgpass.txt", "db:5432:shop:shop:" + tok + "\n", ""},
		{"etc/x.yaml", "password: " + pw + " # note\n", "password"},
		{"etc/x.yaml", "- name: API_KEY\n  value: " + tok + "\n", "generic-token"},
	}
	for _, tt := range tests {
		kinds := []string{}
		for _, h := range scan(tt.name, tt.text) {
			kinds = append(kinds, h.Kind)
		}
		if got := strings.Join(kinds, " "); got != tt.want {
			t.Errorf("%s: %q is %q, want %q", tt.name, tt.text, got, tt.want)
		}
	}
}

// Keys tell whether a passphrase is needed.
func TestEncryptedKeys(t *testing.T) {
	g := newGenerator(9)
	_, rsa := g.pem("RSA PRIVATE" + " KEY")
	legacy := strings.Replace(rsa, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"+g.from(upperHex, 32)+"\n\n", 1)
	for text, want := range map[string]string{
		rsa:                                   "private-key",
		legacy:                                "private-key-encrypted",
		g.expand("{openssh:none}"):            "ssh-key",
		g.expand("{openssh:aes256-ctr}"):      "ssh-key-encrypted",
		g.expand("{pem:PGP PRIVATE BLOCK}"):   "pgp-key",
		g.expand("{pem:ENCRYPTED PRIVATE}"):   "private-key-encrypted",
		g.expand("k: {pem-base64:PRIVATE}"):   "private-key",
		g.expand("{pem:PUBLIC}"):              "",
		"-----BEGIN CERTIFICATE-----\n" + rsa: "private-key",
	} {
		got := ""
		for _, h := range scan("srv/key", text) {
			got += h.Kind
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// A file full of what looks like secrets neither floods nor takes forever.
func TestBounds(t *testing.T) {
	g := newGenerator(10)
	var b strings.Builder
	for range 5000 {
		b.WriteString("dop_v1_" + g.from(lowerHex, 64) + "\n")
	}
	if hits := scan("x", b.String()); len(hits) != maxHits {
		t.Errorf("%d hits", len(hits))
	}
	for _, part := range []string{"eyJ.", "sk-", "-----BEGIN PRIVATE" + " KEY-----", "LS0tLS1CRUdJTi", "password=", "://a:", "curl -u", "key: ", "PuTTY-User-Key-File-3: a\nEncryption: none\n", `"name": "password"`} {
		scan("x.yaml", strings.Repeat(part, (1<<20)/len(part))) // is over in no time
	}
}

// A credential that is there several times is told once, at its first place.
func TestRepeated(t *testing.T) {
	line := "token: " + newGenerator(13).token() + "\n"
	for _, text := range []string{line + line + line, line + strings.Repeat("x: 1\n", 20000) + line} {
		if hits := scan("x.yaml", text); len(hits) != 1 || hits[0].Line != 1 {
			t.Errorf("%+v", hits)
		}
	}
}

// Scanning without a hit allocates nothing.
func TestNoAllocation(t *testing.T) {
	content := []byte(strings.Repeat(manifest, 20))
	scanner := NewScanner()
	emit := func(h Hit) { t.Errorf("%+v", h) }
	if n := testing.AllocsPerRun(20, func() { scanner.Scan(content, "srv/x.yaml", emit) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Several files may be scanned at the same time.
func TestConcurrent(t *testing.T) {
	text := mixture(t, 11, 40<<10)
	want := scan("x.yaml", text)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if got := scan("x.yaml", text); !slices.Equal(got, want) {
				t.Error("the hits differ")
			}
		})
	}
	wait.Wait()
}

func FuzzScan(f *testing.F) {
	seed(f)
	f.Add(mixture(f, 12, 50<<10))
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"x.yaml", "x.go", "README.md", ".pgpass"} {
			end := int64(0)
			want := scan(name, text)
			for _, h := range want {
				if h.Start < end || h.End <= h.Start || h.End > int64(len(text)) || h.Line != int64(1+strings.Count(text[:h.Start], "\n")) {
					t.Fatalf("%+v in %q", h, text)
				}
				end = h.End
			}
			// Long enough for pieces.
			long := text + strings.Repeat(" ", Overlap) + text + strings.Repeat("\n", 100) + text
			all := scan(name, long)
			for _, size := range []int{0, Overlap + 37} {
				if got := inPieces(name, long, func() int { return size }); !slices.Equal(got, all) {
					t.Fatalf("%d hits in pieces, %d in one, of %q", len(got), len(all), text)
				}
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	var binary strings.Builder
	for i := range 4096 {
		fmt.Fprintf(&binary, "%c%c", i*7, i>>3)
	}
	for name, part := range map[string]string{"text.yaml": manifest, "binary": "\x00" + binary.String()} {
		content := []byte(strings.Repeat(part, 1+(1<<20)/len(part)))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			scanner := NewScanner()
			for b.Loop() {
				scanner.Scan(content, name, func(Hit) {})
			}
		})
	}
}
