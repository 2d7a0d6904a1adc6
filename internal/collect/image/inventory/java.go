package inventory

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// The bounds on archives within archives.
const (
	maxArchiveDepth   = 5
	maxArchiveEntries = 300_000
	maxManifest       = 1 << 20
	// maxNested is the largest archive that is unpacked out of another one,
	// maxUnpacked all of them together out of one file. Most are stored and
	// need no unpacking.
	maxNested   = 128 << 20
	maxUnpacked = 512 << 20
	// maxNestedRatio is how much a packed archive may shrink when it is packed
	// again.
	maxNestedRatio = 50
)

// readJavaArchive reads what an archive of Java classes, and all those in it,
// say of themselves.
func (inv *Inventory) readJavaArchive(f *image.File, c image.Content) error {
	a := archive{entries: maxArchiveEntries, unpacked: maxUnpacked}
	err := a.read(c, c.Size(), "/"+f.Path, 0)
	if errors.Is(err, zip.ErrFormat) && len(a.packages) == 0 {
		return nil // placeholders and test data have such names, too
	}
	return errors.Join(inv.add(f, a.packages...), err)
}

// archive walks an archive and those in it, within what is left of the bounds.
type archive struct {
	packages []asset.Package
	entries  int
	unpacked int64
	problem  error // the first one of nested archives; the others are read on
}

func (a *archive) read(r io.ReaderAt, size int64, path string, depth int) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return err
	}
	if a.entries -= len(z.File); a.entries < 0 {
		return fmt.Errorf("it has more than %d entries, those of nested archives counted", maxArchiveEntries)
	}
	var poms []mavenID
	var manifest map[string]string
	for _, entry := range z.File {
		name := entry.Name
		switch {
		case name == "META-INF/MANIFEST.MF":
			if text, err := a.text(entry); err == nil {
				manifest = readManifest(text)
			}
		case strings.HasPrefix(name, "META-INF/maven/") && strings.HasSuffix(name, "/pom.properties"):
			if text, err := a.text(entry); err == nil {
				poms = append(poms, readPomProperties(text))
			}
		case isArchive(name) && depth < maxArchiveDepth:
			if err := a.nested(r, entry, path+"!/"+name, depth+1); err != nil && a.problem == nil {
				a.problem = fmt.Errorf("%s in it: %w", name, err)
			}
		}
	}
	_, base := cutLast(path)
	named := nameArchive(base, manifest)
	for _, id := range poms {
		if id.artifact == named.artifact {
			named = mavenID{} // its own properties say it better
		}
		a.add(id, path)
	}
	if named.group != "" || len(poms) == 0 {
		a.add(named, path)
	}
	if depth == 0 {
		return a.problem
	}
	return nil
}

func (a *archive) add(id mavenID, path string) {
	if id.artifact == "" || id.version == "" || strings.Contains(id.version, "${") {
		return
	}
	name := id.artifact
	if id.group != "" {
		name = id.group + ":" + id.artifact
	}
	a.packages = append(a.packages, asset.Package{Type: "maven", Name: name, Version: id.version, Paths: []string{path}})
}

func (a *archive) text(entry *zip.File) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxManifest))
}

// nested reads an archive in an archive: where it lies if it is only stored,
// unpacked in memory otherwise.
func (a *archive) nested(r io.ReaderAt, entry *zip.File, path string, depth int) error {
	size := int64(entry.UncompressedSize64)
	if entry.Method == zip.Store && entry.CompressedSize64 == entry.UncompressedSize64 {
		at, err := entry.DataOffset()
		if err != nil {
			return err
		}
		return a.read(io.NewSectionReader(r, at, size), size, path, depth)
	}
	if size > maxNested || size > 1<<20 && entry.UncompressedSize64/maxNestedRatio > entry.CompressedSize64 {
		return fmt.Errorf("it would become %d bytes and is not unpacked", size)
	}
	if a.unpacked -= size; a.unpacked < 0 {
		return fmt.Errorf("more than %d MB would have to be unpacked", maxUnpacked>>20)
	}
	packed, err := entry.Open()
	if err != nil {
		return err
	}
	defer packed.Close()
	whole, err := io.ReadAll(io.LimitReader(packed, size))
	if err != nil {
		return err
	}
	return a.read(bytes.NewReader(whole), int64(len(whole)), path, depth)
}

func isArchive(name string) bool {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return false
	}
	switch name[dot+1:] {
	case "jar", "war", "ear", "par", "sar", "nar", "hpi", "jpi", "kar", "lpkg":
		return true
	}
	return false
}

// mavenID is what Maven tells artifacts apart by.
type mavenID struct {
	group, artifact, version string
}

// readPomProperties reads what Maven writes into the archives that it builds.
func readPomProperties(text []byte) mavenID {
	var id mavenID
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(string(line)), "=")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "groupId":
			id.group = value
		case "artifactId":
			id.artifact = value
		case "version":
			id.version = value
		}
	}
	return id
}

// readManifest reads the main section: lines that begin with a space go on with
// the one before.
func readManifest(text []byte) map[string]string {
	fields := map[string]string{}
	last := ""
	for line := range bytes.Lines(text) {
		line := strings.TrimRight(string(line), "\r\n")
		if line == "" {
			break
		}
		if line[0] == ' ' {
			fields[last] += line[1:]
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		last = key
		fields[key] = strings.TrimSpace(value)
	}
	return fields
}

var archiveName = expression(`^(.+)-(\d[0-9A-Za-z_]*(?:[.+-][0-9A-Za-z_]+)*)\.[a-z]+$`)

// nameArchive makes out what an archive is that Maven did not build, by its
// file name and its manifest.
func nameArchive(base string, manifest map[string]string) mavenID {
	var id mavenID
	if m := archiveName().FindStringSubmatch(base); m != nil {
		id.artifact, id.version = m[1], m[2]
	} else if dot := strings.LastIndexByte(base, '.'); dot > 0 {
		id.artifact = base[:dot]
	}
	if id.version == "" {
		for _, key := range []string{"Implementation-Version", "Bundle-Version", "Specification-Version"} {
			if v := manifest[key]; v != "" && v[0] >= '0' && v[0] <= '9' && !strings.ContainsAny(v, " /") {
				id.version = v
				break
			}
		}
	}
	id.group = groupOf(id.artifact, manifest)
	return id
}

// groups are those of artifacts that are built without Maven and do not name
// their group, by the beginning of their names; the longer ones stand first.
var groups = []struct{ prefix, group string }{
	{"spring-boot", "org.springframework.boot"},
	{"spring-security", "org.springframework.security"},
	{"spring-cloud", "org.springframework.cloud"},
	{"spring-data", "org.springframework.data"},
	{"spring-batch", "org.springframework.batch"},
	{"spring-integration", "org.springframework.integration"},
	{"spring-kafka", "org.springframework.kafka"},
	{"spring-session", "org.springframework.session"},
	{"spring-ws", "org.springframework.ws"},
	{"spring-", "org.springframework"},
	{"tomcat-embed-", "org.apache.tomcat.embed"},
	{"catalina", "org.apache.tomcat"},
	{"tomcat-", "org.apache.tomcat"},
	{"kotlin-", "org.jetbrains.kotlin"},
	{"micrometer-", "io.micrometer"},
	{"reactor-core", "io.projectreactor"},
	{"reactor-netty", "io.projectreactor.netty"},
	{"lucene-", "org.apache.lucene"},
	{"kafka-clients", "org.apache.kafka"},
	{"hibernate-core", "org.hibernate.orm"},
	{"okhttp", "com.squareup.okhttp3"},
	{"okio", "com.squareup.okio"},
	{"groovy", "org.apache.groovy"},
	{"elasticsearch", "org.elasticsearch"},
	{"rxjava", "io.reactivex.rxjava3"},
	{"bcprov-", "org.bouncycastle"},
	{"bcpkix-", "org.bouncycastle"},
}

// groupOf finds a group: "" if nothing tells.
func groupOf(artifact string, manifest map[string]string) string {
	for _, g := range groups {
		if strings.HasPrefix(artifact, g.prefix) {
			return g.group
		}
	}
	for _, key := range []string{"Implementation-Vendor-Id", "Bundle-SymbolicName", "Automatic-Module-Name"} {
		name, _, _ := strings.Cut(manifest[key], ";")
		name = strings.TrimSpace(name)
		if !strings.Contains(name, ".") || strings.ContainsAny(name, " :/") {
			continue
		}
		// A name that ends in the artifact's own is group and artifact.
		return strings.TrimSuffix(name, "."+artifact)
	}
	return ""
}
