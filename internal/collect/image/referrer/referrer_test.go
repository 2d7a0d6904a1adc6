package referrer

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	fake "github.com/google/go-containerregistry/pkg/registry"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// holding is a registry or a layout that a test fills.
type holding interface {
	// put stores a blob, tag a manifest under a name ("" for none).
	put(text string) string
	tag(name, manifest string) string
	// target is what Open is asked for.
	target() string
}

// server is a registry in memory.
type server struct {
	t   *testing.T
	url string
}

func newServer(t *testing.T, referrers bool) *server {
	s := httptest.NewServer(fake.New(fake.WithReferrersSupport(referrers), fake.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return &server{t, s.URL}
}

func (s *server) send(method, path, mediaType, text string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode >= 300 {
		s.t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
}

func (s *server) put(text string) string {
	s.send("POST", "/v2/acme/shop/blobs/uploads/?digest="+digestOf([]byte(text)), "application/octet-stream", text)
	return digestOf([]byte(text))
}

func (s *server) tag(name, manifest string) string {
	var shape struct {
		MediaType string `json:"mediaType"`
	}
	_ = json.Unmarshal([]byte(manifest), &shape)
	if name == "" {
		name = digestOf([]byte(manifest))
	}
	s.send("PUT", "/v2/acme/shop/manifests/"+name, shape.MediaType, manifest)
	return digestOf([]byte(manifest))
}

func (s *server) target() string { return strings.TrimPrefix(s.url, "http://") + "/acme/shop:1" }

// folder is an OCI layout.
type folder struct {
	t       *testing.T
	dir     string
	entries []string
	// hide leaves manifests without a tag out of the index.
	hide bool
}

func newFolder(t *testing.T) *folder {
	f := &folder{t: t, dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(f.dir, "blobs/sha256"), 0o777); err != nil {
		t.Fatal(err)
	}
	f.write("oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	return f
}

func (f *folder) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o666); err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) put(text string) string {
	digest := digestOf([]byte(text))
	f.write(blobPath(digest), text)
	return digest
}

func (f *folder) tag(name, manifest string) string {
	digest := f.put(manifest)
	if name != "" || !f.hide {
		f.entries = append(f.entries, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"annotations":{"org.opencontainers.image.ref.name":%q}}`, manifestType, digest, len(manifest), name))
		f.write("index.json", `{"schemaVersion":2,"manifests":[`+strings.Join(f.entries, ",")+`]}`)
	}
	return digest
}

func (f *folder) target() string { return f.dir }

// tarred is the layout as an oci-archive.
type tarred struct{ *folder }

func (f tarred) target() string {
	f.t.Helper()
	name := filepath.Join(f.t.TempDir(), "image.tar")
	out, err := os.Create(name)
	if err != nil {
		f.t.Fatal(err)
	}
	defer out.Close()
	w := tar.NewWriter(out)
	if err := w.AddFS(os.DirFS(f.dir)); err != nil {
		f.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.t.Fatal(err)
	}
	return name
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// fill puts an image with a label, and returns its digest.
func fill(h holding) string {
	config := h.put(`{"config":{"Labels":{"org.opencontainers.image.base.name":"debian:12"}}}`)
	layer := h.put("layer")
	return h.tag("1", fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":72},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":5}]}`, manifestType, config, layer))
}

// attach puts an artifact with one layer. subject is "" for one that is found by
// its tag.
func attach(h holding, tag, kind, configType, mediaType, content, subject string) string {
	h.put("{}")
	layer := h.put(content)
	extra := ""
	if kind != "" {
		extra += fmt.Sprintf(`,"artifactType":%q`, kind)
	}
	if subject != "" {
		extra += fmt.Sprintf(`,"subject":{"mediaType":%q,"digest":%q,"size":1}`, manifestType, subject)
	}
	return h.tag(tag, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":2},"layers":[{"mediaType":%q,"digest":%q,"size":%d,"annotations":{"of":"layer"}}],"annotations":{"of":"manifest","more":"x"}%s}`,
		manifestType, configType, digestOf([]byte("{}")), mediaType, layer, len(content), extra))
}

const notary = "application/vnd.cncf.notary.signature"

// everywhere runs a test against every kind of store.
func everywhere(t *testing.T, test func(t *testing.T, h holding)) {
	for name, make := range map[string]func(t *testing.T) holding{
		"registry":                   func(t *testing.T) holding { return newServer(t, true) },
		"registry without referrers": func(t *testing.T) holding { return newServer(t, false) },
		"layout":                     func(t *testing.T) holding { return newFolder(t) },
		"layout that hides":          func(t *testing.T) holding { f := newFolder(t); f.hide = true; return f },
		"archive":                    func(t *testing.T) holding { return tarred{newFolder(t)} },
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

func open(t *testing.T, target, platform string) *Image {
	t.Helper()
	img, err := Open(context.Background(), target, platform)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	return img
}

// TestAttachments finds what the tools of the field attach, wherever it is.
func TestAttachments(t *testing.T) {
	everywhere(t, func(t *testing.T, h holding) {
		digest := fill(h)
		hex := strings.TrimPrefix(digest, "sha256:")
		other := digestOf([]byte("another"))
		want := []string{
			attach(h, "", "application/vnd.dev.sigstore.bundle.v0.3+json", emptyType, "application/vnd.dev.sigstore.bundle.v0.3+json", "bundle", digest),
			attach(h, "", notary, emptyType, "application/jose+json", "notation, by its type", digest),
			attach(h, "", "", notary, "application/cose", "notation, by its configuration", digest),
			attach(h, "sha256-"+hex+".sig", "", "application/vnd.oci.image.config.v1+json", "application/vnd.dev.cosign.simplesigning.v1+json", "signature", ""),
			attach(h, "sha256-"+hex+".att", "", "application/vnd.oci.image.config.v1+json", "application/vnd.dsse.envelope.v1+json", "attestation", ""),
		}
		// These are none of it.
		attach(h, "", "application/vnd.example.something", emptyType, "text/plain", "something", digest)
		attach(h, "", notary, emptyType, "application/jose+json", "of another image", other)
		if s, ok := h.(*server); ok {
			s.fallback(digest, want[:3])
		}
		img := open(t, h.target(), "")
		if img.Manifests[0].Digest != digest || img.Labels["org.opencontainers.image.base.name"] != "debian:12" {
			t.Fatalf("it opened %+v", img)
		}
		got, err := img.Attachments(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var digests []string
		for _, a := range got {
			digests = append(digests, a.Digest)
			if a.Subject != digest || a.Problem != "" || len(a.Content) == 0 || a.Found == "" {
				t.Errorf("%+v", a)
			}
			if a.Annotations["of"] != "layer" || a.Annotations["more"] != "x" {
				t.Errorf("annotations %v", a.Annotations)
			}
		}
		slices.Sort(digests)
		slices.Sort(want)
		if !slices.Equal(digests, want) {
			t.Errorf("found %d, want %d: %+v", len(digests), len(want), got)
		}
	})
}

// fallback writes the tag that stands in for the referrers API.
func (s *server) fallback(digest string, manifests []string) {
	var list []string
	for _, m := range manifests {
		list = append(list, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1}`, manifestType, m))
	}
	s.tag(strings.Replace(digest, ":", "-", 1), `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[`+strings.Join(list, ",")+`]}`)
}

// TestIndex chooses platforms, and reads the attestations of an index.
func TestIndex(t *testing.T) {
	everywhere(t, func(t *testing.T, h holding) {
		amd := fill(h)
		config := h.put(`{"config":{}}`)
		arm := h.tag("", fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":13},"layers":[]}`, manifestType, config))
		var entries []string
		for digest, arch := range map[string]string{amd: "amd64", arm: "arm64"} {
			entries = append(entries, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1,"platform":{"os":"linux","architecture":%q}}`, manifestType, digest, arch))
			layer := h.put("statement " + arch)
			att := h.tag("", fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":13},"layers":[{"mediaType":"application/vnd.in-toto+json","digest":%q,"size":15}]}`, manifestType, config, layer))
			entries = append(entries, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1,"platform":{"os":"unknown","architecture":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":%q}}`, manifestType, att, digest))
		}
		slices.Sort(entries)
		index := h.tag("multi", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[`+strings.Join(entries, ",")+`]}`)
		target := h.target()
		if _, ok := h.(*server); ok {
			target = strings.TrimSuffix(target, ":1") + ":multi"
		} else {
			target += "#multi"
		}
		for _, test := range []struct {
			platform string
			image    string
			found    []string
		}{{"", "", []string{"statement amd64", "statement arm64"}}, {"linux/amd64", amd, []string{"statement amd64"}}, {"linux/arm64", arm, []string{"statement arm64"}}} {
			img := open(t, target, test.platform)
			if img.Manifests[0].Digest != index || test.image != "" && img.Manifests[1].Digest != test.image || test.image == "" && len(img.Manifests) != 1 {
				t.Fatalf("%s opened %+v", test.platform, img.Manifests)
			}
			got, err := img.Attachments(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, a := range got {
				texts = append(texts, string(a.Content))
				if a.Found != inImageIndex {
					t.Errorf("found as %q", a.Found)
				}
			}
			slices.Sort(texts)
			if !slices.Equal(texts, test.found) {
				t.Errorf("%q found %q, want %q", test.platform, texts, test.found)
			}
		}
		if _, err := Open(context.Background(), target, "linux/s390x"); err == nil || !strings.Contains(err.Error(), "choose one of") {
			t.Errorf("a platform that is not there: %v", err)
		}
	})
}

// TestSavedByCosign reads a layout in which kinds stand for tags.
func TestSavedByCosign(t *testing.T) {
	f := newFolder(t)
	digest := fill(f)
	sig := attach(f, "x", "", "application/vnd.oci.image.config.v1+json", "application/vnd.dev.cosign.simplesigning.v1+json", "signature", "")
	f.write("index.json", fmt.Sprintf(`{"manifests":[
		{"mediaType":%[1]q,"digest":%[2]q,"size":1,"annotations":{"kind":"dev.cosignproject.cosign/image"},"artifactType":"application/vnd.oci.image.config.v1+json"},
		{"mediaType":%[1]q,"digest":%[3]q,"size":1,"annotations":{"kind":"dev.cosignproject.cosign/sigs"},"artifactType":"application/vnd.oci.image.config.v1+json"}]}`, manifestType, digest, sig))
	img := open(t, f.dir, "")
	got, err := img.Attachments(context.Background())
	if err != nil || img.Manifests[0].Digest != digest || len(got) != 1 || got[0].Digest != sig || got[0].Subject != digest {
		t.Errorf("%+v %v", got, err)
	}
}

// TestExchanged checks that content which does not have its digest is told.
func TestExchanged(t *testing.T) {
	f := newFolder(t)
	digest := fill(f)
	sig := attach(f, "", notary, emptyType, "application/jose+json", "signature", digest)
	f.write(blobPath(digestOf([]byte("signature"))), "changed")
	got, err := open(t, f.dir, "").Attachments(context.Background())
	if err != nil || len(got) != 1 || got[0].Digest != sig || !strings.Contains(got[0].Problem, "does not have the digest") || got[0].Content != nil {
		t.Errorf("%+v %v", got, err)
	}
	f.write(blobPath(digest), `{"schemaVersion":2}`)
	var mismatch *Mismatch
	if _, err := Open(context.Background(), f.dir, ""); !errors.As(err, &mismatch) || !strings.Contains(err.Error(), digest) {
		t.Errorf("an exchanged manifest: %v", err)
	}
}

// TestExchangedByRegistry asks a registry that answers with another manifest.
func TestExchangedByRegistry(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", manifestType)
			fmt.Fprint(w, `{"schemaVersion":2}`)
		}
	}))
	defer s.Close()
	digest := digestOf([]byte("what was asked for"))
	var mismatch *Mismatch
	if _, err := Open(context.Background(), strings.TrimPrefix(s.URL, "http://")+"/acme/shop@"+digest, ""); !errors.As(err, &mismatch) || mismatch.Ref.Repository != "acme/shop" {
		t.Errorf("%v", err)
	}
}

// TestBrokenRegistry checks that what cannot be read is told and no "there is
// none".
func TestBrokenRegistry(t *testing.T) {
	real := newServer(t, true)
	digest := fill(real)
	attach(real, "", notary, emptyType, "application/jose+json", "signature", digest)
	broken := ""
	inner := fake.New(fake.WithReferrersSupport(true), fake.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken != "" && strings.Contains(r.URL.Path, broken) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer s.Close()
	h := &server{t, s.URL}
	fill(h)
	attach(h, "", notary, emptyType, "application/jose+json", "signature", digest)
	for _, path := range []string{"/referrers/", ".sig", "/blobs/" + digestOf([]byte("signature"))} {
		broken = ""
		img := open(t, h.target(), "")
		broken = path
		got, err := img.Attachments(context.Background())
		problem := len(got) == 1 && strings.Contains(got[0].Problem, "log in")
		if !problem && (err == nil || !strings.Contains(err.Error(), "log in")) {
			t.Errorf("with %s broken: %+v, %v", path, got, err)
		}
	}
	broken = "/manifests/1"
	if _, err := Open(context.Background(), h.target(), ""); err == nil || !strings.Contains(err.Error(), "log in") {
		t.Errorf("without the manifest: %v", err)
	}
	s.Close()
	if _, err := Open(context.Background(), h.target(), ""); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("without the registry: %v", err)
	}
}

// TestChoice holds what Open says of targets that it cannot take.
func TestChoice(t *testing.T) {
	f := newFolder(t)
	fill(f)
	f.tag("2", `{"schemaVersion":2,"config":{}}`)
	empty := newFolder(t)
	empty.write("index.json", `{"manifests":[]}`)
	none := t.TempDir()
	text := filepath.Join(none, "x.tar")
	if err := os.WriteFile(text, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		f.dir: `put "#" and one of 1, 2`, f.dir + "#3": `no image "3": it has 1, 2`, empty.dir: "holds no image",
		none: "no OCI layout", text: "no tar archive", "./nothing": "no such file", "A b": "neither a file nor a reference", "ghcr.io/acme/../evil/shop:1": "its path leads elsewhere",
	} {
		if _, err := Open(context.Background(), target, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", target, err, want)
		}
	}
	if img := open(t, f.dir+"#1", ""); img.Ref != (asset.ImageRef{Text: "1", Tag: "1"}) {
		t.Errorf("the reference is %+v", img.Ref)
	}
}

// TestLinks checks that a layout does not lead out of its folder.
func TestLinks(t *testing.T) {
	f := newFolder(t)
	digest := fill(f)
	path := filepath.Join(f.dir, blobPath(digest))
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Rename(path, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, path); err != nil {
		t.Skip(err)
	}
	if _, err := Open(context.Background(), f.dir, ""); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a link out of the layout was followed: %v", err)
	}
}

// FuzzLayout reads hostile layouts.
func FuzzLayout(f *testing.F) {
	f.Add([]byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}]}`), []byte(`{}`))
	f.Add([]byte(`{"manifests":[{"digest":"sha256:x"}]}`), []byte(`{"subject":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}}`))
	f.Add([]byte(`{"manifests":[{"artifactType":"a"},{"annotations":{"org.opencontainers.image.ref.name":"sha256-1"}}]}`), []byte(`{"manifests":[{}]}`))
	f.Fuzz(func(t *testing.T, index, blob []byte) {
		l := &layout{files: memory{"index.json": index, blobPath(digestOf(blob)): blob}}
		d, err := l.choose("")
		if err != nil {
			return
		}
		img := &Image{store: l}
		if err := img.resolve(context.Background(), d.Digest.String(), ""); err != nil {
			return
		}
		if img.Manifests[0].Digest != digestOf(img.Manifests[0].Content) {
			t.Errorf("the content has another digest: %+v", img.Manifests)
		}
		_, _ = img.Attachments(context.Background())
	})
}

// memory is the files of a layout in memory.
type memory map[string][]byte

func (m memory) read(name string, _ int64) ([]byte, error) {
	text, ok := m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return text, nil
}

func (m memory) blobs() (map[string]int64, error) {
	out := map[string]int64{}
	for name, text := range m {
		if hex, ok := strings.CutPrefix(name, "blobs/sha256/"); ok {
			out[hex] = int64(len(text))
		}
	}
	return out, nil
}

func (memory) close() error { return nil }
