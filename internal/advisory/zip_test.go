package advisory

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
)

// unzip reads all entries of an archive.
func unzip(data []byte) (files map[string]string, broken map[string]error, err error) {
	files, broken = map[string]string{}, map[string]error{}
	r := bytes.NewReader(data)
	var u unzipper
	for e, err := range zipEntries(r, int64(len(data))) {
		if err != nil {
			return files, broken, err
		}
		text, err := u.read(r, e)
		if err != nil {
			broken[e.name] = err
			continue
		}
		files[e.name] = string(text)
	}
	return files, broken, nil
}

func TestZip(t *testing.T) {
	want := map[string]string{"a.json": "text", "b/c.json": strings.Repeat("long ", 5000), "empty": ""}
	for i := range 70_000 { // more than 16 bits count
		want[fmt.Sprintf("n/%d", i)] = "x"
	}
	data := archive(t, want)
	for _, prefix := range []string{"", "#!/bin/sh\nexit\n"} {
		if prefix != "" {
			data = archive(t, map[string]string{"a.json": "text"})
			want = map[string]string{"a.json": "text"}
		}
		got, broken, err := unzip(append([]byte(prefix), data...))
		if err != nil || len(broken) > 0 || len(got) != len(want) {
			t.Fatalf("with %q before it: %d of %d entries, %d broken (%v)", prefix, len(got), len(want), len(broken), err)
		}
		for name, text := range want {
			if got[name] != text {
				t.Errorf("%s is another text", name)
			}
		}
	}
}

func TestZipStored(t *testing.T) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "a", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("text"))
	w.SetComment("PK\x05\x06 is in the comment")
	w.Close()
	got, _, err := unzip(out.Bytes())
	if err != nil || got["a"] != "text" {
		t.Errorf("there is %q (%v)", got, err)
	}
}

// TestHostileZip patches the directory of an archive.
func TestHostileZip(t *testing.T) {
	data := archive(t, map[string]string{"a.json": strings.Repeat("a", 1000)})
	directory := bytes.Index(data, []byte("PK\x01\x02"))
	patched := func(at, size int, value uint64) []byte {
		b := bytes.Clone(data)
		switch size {
		case 2:
			binary.LittleEndian.PutUint16(b[directory+at:], uint16(value))
		case 4:
			binary.LittleEndian.PutUint32(b[directory+at:], uint32(value))
		}
		return b
	}
	tests := []struct {
		name, want string
		data       []byte
	}{
		{"encrypted", "encrypted", patched(8, 2, 1)},
		{"an unknown method", "not supported", patched(10, 2, 99)},
		{"another checksum", "checksum", patched(16, 4, 7)},
		{"more than it says", "more than it says", patched(24, 4, 10)},
		{"less than it says", "damaged", patched(24, 4, 2000)},
		{"huge", "more than 32 MiB", patched(24, 4, 1<<30)},
		{"packed huge", "more than 32 MiB", patched(20, 4, 1<<30)},
		{"packed longer than the file", "no zip archive", patched(20, 4, 1<<20)},
		{"elsewhere", "no zip archive", patched(42, 4, 1<<30)},
		{"at the directory", "no zip archive", patched(42, 4, uint64(directory))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, broken, err := unzip(test.data)
			if err == nil {
				err = broken["a.json"]
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || len(got) > 0 {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestZipBomb reads an archive whose entries all are one piece of data.
func TestZipBomb(t *testing.T) {
	data := archive(t, map[string]string{"a.json": strings.Repeat("a", 8<<20)})
	directory, end := bytes.Index(data, []byte("PK\x01\x02")), bytes.Index(data, []byte("PK\x05\x06"))
	entry := bytes.Clone(data[directory:end])
	bomb := bytes.Clone(data[:directory])
	for range 1000 {
		bomb = append(bomb, entry...)
	}
	tail := bytes.Clone(data[end:])
	binary.LittleEndian.PutUint32(tail[12:], uint32(1000*len(entry)))
	bomb = append(bomb, tail...)
	r := bytes.NewReader(bomb)
	n, total := 0, uint64(0)
	var failed error
	for e, err := range zipEntries(r, int64(len(bomb))) {
		if failed = err; err == nil {
			n++
			total += e.size
		}
	}
	if failed == nil || !strings.Contains(failed.Error(), "times its size") || total > max(minUnpack, maxRatio*uint64(len(bomb))) {
		t.Errorf("%d entries of %d bytes were taken (%v)", n, total, failed)
	}
}

// FuzzZip holds our reader against that of the standard library: what both can
// read is the same.
func FuzzZip(f *testing.F) {
	f.Add(archive(f, map[string]string{"a.json": "text", "b.json": strings.Repeat("b", 300)}))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := unzip(data)
		theirs, err2 := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil || err2 != nil {
			return
		}
		seen := map[string]int{}
		for _, file := range theirs.File {
			seen[file.Name]++
		}
		for _, file := range theirs.File {
			ours, ok := got[file.Name]
			r, err := file.Open()
			if !ok || err != nil || seen[file.Name] > 1 {
				continue
			}
			text, err := io.ReadAll(io.LimitReader(r, maxEntry))
			r.Close()
			if err == nil && string(text) != ours {
				t.Errorf("%q is %q, and %q to the standard library", file.Name, ours, text)
			}
		}
	})
}
