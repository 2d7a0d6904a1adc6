package image

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/cli"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// shop builds an image with umoci: three layers, of which the second deletes a key
// and a folder, and the third exchanges a file and a folder. It returns the layout.
func shop(t *testing.T) string {
	t.Helper()
	needs(t, "umoci")
	dir := t.TempDir()
	layout, bundle := filepath.Join(dir, "layout"), filepath.Join(dir, "bundle")
	root := filepath.Join(bundle, "rootfs")
	run(t, "umoci", "init", "--layout", layout)
	run(t, "umoci", "new", "--image", layout+":latest")
	unpack := []string{"unpack", "--image", layout + ":latest", bundle}
	if os.Getuid() != 0 {
		unpack = slices.Insert(unpack, 1, "--rootless")
	}
	run(t, "umoci", unpack...)
	layer := func(createdBy string) {
		run(t, "umoci", "repack", "--refresh-bundle", "--image", layout+":latest", "--history.created_by", createdBy, bundle)
	}
	remove := func(name string) {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}

	write(t, root, "etc/passwd", "root:x:0:0::/root:/bin/sh\n")
	write(t, root, "app/.env", dotenv)
	write(t, root, "app/cache/a", "a")
	write(t, root, "app/cache/b", "b")
	write(t, root, "app/data", strings.Repeat("data ", 1_000_000)) // several windows
	write(t, root, "srv/site", "a file")
	layer("COPY . / # buildkit")
	remove("app/.env")
	remove("app/cache")
	layer("RUN rm -r /app/.env /app/cache # buildkit")
	remove("srv/site")
	write(t, root, "srv/site/index.html", "a folder")
	write(t, root, "etc/passwd", "root:x:0:0::/root:/bin/bash\n")
	layer("COPY site /srv/site # buildkit")
	run(t, "umoci", "config", "--image", layout+":latest", "--config.user", "1000", "--config.env", "MODE=shop", "--config.exposedports", "8080/tcp")
	return layout
}

// dotenv holds the secret that the second layer deletes.
const dotenv = "DATABASE_URL=postgres://shop:Kx7-vR2m_Tq9w@db.internal/shop\n"

// wantShop is what the files of the shop hold, whatever has been done to it since.
func wantShop() map[string]string {
	return map[string]string{
		"etc/passwd":            "root:x:0:0::/root:/bin/bash\n",
		"etc/passwd (deleted)":  "root:x:0:0::/root:/bin/sh\n",
		"app/.env (deleted)":    dotenv,
		"app/cache/a (deleted)": "a",
		"app/cache/b (deleted)": "b",
		"app/data":              strings.Repeat("data ", 1_000_000),
		"srv/site (deleted)":    "a file",
		"srv/site/index.html":   "a folder",
	}
}

// wantHistory is what made the shop's layers.
var wantHistory = []string{
	"COPY . / # buildkit",
	"RUN rm -r /app/.env /app/cache # buildkit",
	"COPY site /srv/site # buildkit",
}

// checkShop reads an image that should be the shop.
func checkShop(t *testing.T, img *image.Image) {
	t.Helper()
	got, want := files(t, img), wantShop()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s holds %.40q, want %.40q", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("the files are %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	if got := lines(img); !slices.Equal(got, wantHistory) {
		t.Errorf("the layers were made by %q, want %q", got, wantHistory)
	}
	if got := img.Config.Config.User; got != "1000" {
		t.Errorf("the user is %q, want 1000", got)
	}
}

// TestForms lets skopeo write the shop in every form that it knows.
func TestForms(t *testing.T) {
	needs(t, "skopeo")
	layout := shop(t)
	dir, host, first := t.TempDir(), startRegistry(t), ""
	for _, form := range []struct {
		name, to string
		flags    []string
		target   string
		from     image.Source
	}{
		{name: "umoci's layout", target: layout},
		{name: "docker-archive", to: "docker-archive:" + dir + "/saved.tar:registry.example/shop:1", target: dir + "/saved.tar"},
		{name: "oci-archive", to: "oci-archive:" + dir + "/oci.tar:shop", target: dir + "/oci.tar"},
		{name: "layout", to: "oci:" + dir + "/oci:shop", target: dir + "/oci"},
		{name: "zstd", to: "oci:" + dir + "/zstd:shop", flags: []string{"--dest-compress-format", "zstd"}, target: dir + "/zstd"},
		{name: "plain", to: "oci:" + dir + "/plain:shop", flags: []string{"--dest-decompress"}, target: dir + "/plain"},
		{name: "registry", to: "docker://" + host + "/shop:1", flags: []string{"--dest-tls-verify=false"}, target: host + "/shop:1", from: image.Registry},
		{name: "Docker's manifest", to: "docker://" + host + "/shop:2", flags: []string{"--dest-tls-verify=false", "--format", "v2s2"}, target: host + "/shop:2", from: image.Registry},
	} {
		t.Run(form.name, func(t *testing.T) {
			if form.to != "" {
				args := append([]string{"--insecure-policy", "copy", "-q"}, form.flags...)
				run(t, "skopeo", append(args, "oci:"+layout+":latest", form.to)...)
			}
			checkShop(t, open(t, form.target, form.from, nil))
			got := scan(t, form.target)
			if first == "" {
				first = got
			}
			if got != first || !strings.Contains(got, "secret-in-deleted-file high /app/.env:1") {
				t.Errorf("a scan finds\n%s\nand of %s\n%s", got, layout, first)
			}
		})
	}
}

// scan runs the program on an image and returns what it finds, a finding a line.
// Health checks are left out: only Docker's own form can hold one.
func scan(t *testing.T, target string) string {
	t.Helper()
	var out, errors bytes.Buffer
	nowhere := []string{"HOLDFAST_DB=" + t.TempDir(), "DOCKER_HOST=unix:///nowhere.sock", "CONTAINER_HOST=unix:///nowhere.sock"}
	cli.Main([]string{"scan", "image", "-o", "json", "--disable", "image-healthcheck-missing", target}, cli.System{Stdout: &out, Stderr: &errors, Environ: nowhere, Today: "2026-06-01"})
	var report struct {
		Findings []struct {
			Rule, Severity string
			Place          struct {
				File string
				Line int
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, &errors)
	}
	var found strings.Builder
	for _, f := range report.Findings {
		fmt.Fprintf(&found, "%s %s %s:%d\n", f.Rule, f.Severity, strings.TrimPrefix(f.Place.File, target+":"), f.Place.Line)
	}
	return strings.ReplaceAll(found.String(), target, "image")
}
