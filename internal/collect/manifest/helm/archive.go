package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// The bounds on archives: what comes out of them, not what they say.
const (
	maxUnpacked = 64 << 20
	maxMembers  = 20_000
	maxName     = 1024
)

func isArchive(name string) bool {
	return strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".tar.gz")
}

// unpack reads a packed chart: a compressed tar archive with one folder. It
// writes nothing anywhere. Place is how findings name the archive.
func unpack(archive []byte, place string) (root string, files []*file, err error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return "", nil, errors.New("it is not compressed with gzip")
	}
	limited := &io.LimitedReader{R: unzipped, N: maxUnpacked + 1}
	entries := tar.NewReader(limited)
	members := 0
	seen := map[string]bool{}
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			break
		}
		switch {
		case limited.N <= 0:
			return "", nil, fmt.Errorf("it unpacks to more than %d MiB", maxUnpacked>>20)
		case err != nil:
			return "", nil, fmt.Errorf("it is damaged: %w", err)
		}
		if members++; members > maxMembers {
			return "", nil, fmt.Errorf("it holds more than %d files", maxMembers)
		}
		switch header.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader, tar.TypeXHeader:
			continue
		case tar.TypeReg:
		default:
			return "", nil, fmt.Errorf("its entry %s is a link or a device", shorten(header.Name))
		}
		dir, name, err := memberName(header.Name)
		if err != nil {
			return "", nil, err
		}
		if root == "" {
			root = dir
		}
		if dir != root {
			return "", nil, fmt.Errorf("it holds more than one folder: %s and %s", shorten(root), shorten(dir))
		}
		data, err := io.ReadAll(entries)
		if limited.N <= 0 {
			return "", nil, fmt.Errorf("it unpacks to more than %d MiB", maxUnpacked>>20)
		}
		if err != nil {
			return "", nil, fmt.Errorf("it is damaged: %w", err)
		}
		if seen[name] {
			return "", nil, fmt.Errorf("it holds %s twice", shorten(name))
		}
		seen[name] = true
		files = append(files, &file{name: name, place: place + "!/" + root + "/" + name, data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))})
	}
	if len(files) == 0 {
		return "", nil, errors.New("it is empty")
	}
	return root, files, nil
}

// memberName takes the name of an entry apart into the chart's folder and the
// path within it. It refuses every name that leads elsewhere.
func memberName(name string) (dir, rest string, err error) {
	slashed := strings.ReplaceAll(name, `\`, "/")
	clean := path.Clean(slashed)
	dir, rest, ok := strings.Cut(clean, "/")
	switch {
	case len(name) > maxName:
		return "", "", fmt.Errorf("the name of its entry %s is too long", shorten(name))
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\ufffd' }):
		return "", "", fmt.Errorf("the name of its entry %q is no text", shorten(name))
	case path.IsAbs(slashed), len(slashed) > 1 && slashed[1] == ':':
		return "", "", fmt.Errorf("its entry %s is an absolute path", shorten(name))
	case strings.HasPrefix(clean, ".."), strings.Contains("/"+slashed+"/", "/../"):
		return "", "", fmt.Errorf("its entry %s leads out of it", shorten(name))
	case !ok:
		return "", "", fmt.Errorf("its entry %s does not lie in the chart's folder", shorten(name))
	}
	return dir, rest, nil
}

func shorten(name string) string {
	if len(name) > 80 {
		return name[:80] + "..."
	}
	return name
}

// looksLikeChart reports whether the first bytes of an archive are those of a
// packed chart: a Chart.yaml in a folder among the first entries.
func looksLikeChart(head []byte) bool {
	unzipped, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return false
	}
	entries := tar.NewReader(io.LimitReader(unzipped, 1<<20))
	for range 32 {
		header, err := entries.Next()
		if err != nil {
			return false
		}
		if dir, base := path.Split(path.Clean(header.Name)); base == "Chart.yaml" && dir != "" && strings.Count(dir, "/") == 1 {
			return true
		}
	}
	return false
}
