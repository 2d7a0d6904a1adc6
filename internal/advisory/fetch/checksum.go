package fetch

import (
	"context"
	"crypto/md5" //nolint:gosec // it is what the bucket gives, beside TLS
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"strings"
)

// checksums are the kinds that a server may give, the strongest first.
var checksums = []string{"sha256", "md5", "crc32c"}

// verify holds a file against the checksum that the server gives in its answer, or
// in a file beside it on a mirror.
func (d *download) verify(ctx context.Context, f *fetched) error {
	want, err := d.expected(ctx, f.header)
	if err != nil {
		return err
	}
	for _, kind := range checksums {
		sum := want[kind]
		if sum == nil {
			continue
		}
		got, err := sumOf(kind, f.file)
		if err != nil {
			return err
		}
		if string(got) != string(sum) {
			f.remove()
			err := fmt.Errorf("its %s is %x and should be %x", kind, got, sum)
			if d.result.Resumed > 0 {
				d.result.Resumed = 0
				return again{err} // the part from before may be to blame
			}
			return err
		}
		d.result.Verified = kind
		return nil
	}
	return nil
}

// expected collects the checksums that are given for the file.
func (d *download) expected(ctx context.Context, header http.Header) (map[string][]byte, error) {
	want := map[string][]byte{}
	for _, line := range header.Values("X-Goog-Hash") {
		for pair := range strings.SplitSeq(line, ",") {
			kind, text, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if sum, err := base64.StdEncoding.DecodeString(text); err == nil && (kind == "md5" && len(sum) == md5.Size || kind == "crc32c" && len(sum) == 4) {
				want[kind] = sum
			}
		}
	}
	if d.mirror == nil || len(want) > 0 {
		return want, nil
	}
	sum, err := d.beside(ctx)
	if sum != nil {
		want["sha256"] = sum
	}
	return want, err
}

// beside reads the checksum in the file of the same name with ".sha256" behind it;
// nil if there is none.
func (d *download) beside(ctx context.Context) ([]byte, error) {
	address := *d.url
	address.Path += ".sha256"
	address.RawPath = ""
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, again{fmt.Errorf("fetching its checksum: %w", plain(ctx, err))}
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone:
		return nil, nil
	default:
		return nil, again{fmt.Errorf("fetching its checksum: the server answers %s", response.Status)}
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return nil, again{fmt.Errorf("fetching its checksum: %w", err)}
	}
	word, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	sum, err := hex.DecodeString(word)
	if err != nil || len(sum) != sha256.Size {
		return nil, errors.New("the file " + address.Redacted() + " holds no SHA-256")
	}
	return sum, nil
}

// sumOf computes a checksum of a file.
func sumOf(kind, name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var h hash.Hash
	switch kind {
	case "sha256":
		h = sha256.New()
	case "md5":
		h = md5.New()
	default:
		h = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	}
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	if kind == "crc32c" {
		return binary.BigEndian.AppendUint32(nil, h.(hash.Hash32).Sum32()), nil
	}
	return h.Sum(nil), nil
}
