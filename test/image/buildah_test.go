package image

import (
	"os"
	"slices"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// buildah returns a function that runs it on a store of the test's own, without
// needing more of the machine than a folder.
func buildah(t *testing.T) func(args ...string) string {
	t.Helper()
	needs(t, "buildah")
	if os.Getuid() != 0 {
		t.Skip("buildah needs a user namespace set up for this user, or root")
	}
	dir := t.TempDir()
	return func(args ...string) string {
		return run(t, "buildah", append([]string{"--root", dir + "/store", "--runroot", dir + "/run", "--storage-driver", "vfs"}, args...)...)
	}
}

// TestBuildah builds from a Containerfile and pushes to a registry.
func TestBuildah(t *testing.T) {
	do, context, host := buildah(t), t.TempDir(), startRegistry(t)
	write(t, context, "Containerfile", `FROM scratch
ARG BUILD_TOKEN=none
LABEL maintainer=shop
ENV DB_PASSWORD=made-up
COPY app /app
USER 1000
EXPOSE 22
ENTRYPOINT ["/app/run"]
`)
	write(t, context, "app/run", "#!/bin/sh\n")
	for _, arch := range []string{"amd64", "arm64"} {
		do("build", "-q", "--isolation", "chroot", "--platform", "linux/"+arch, "--manifest", "shop", "-f", context+"/Containerfile", context)
	}
	do("manifest", "push", "-q", "--all", "--tls-verify=false", "shop", "docker://"+host+"/shop:1")

	img := open(t, host+"/shop:1", image.Registry, nil)
	if got := files(t, img)["app/run"]; got != "#!/bin/sh\n" {
		t.Errorf("app/run holds %q", got)
	}
	if img.Config.Architecture != "amd64" {
		t.Errorf("the variant for %s was read, want amd64", img.Config.Architecture)
	}
	if !slices.Contains(img.Config.Config.Env, "DB_PASSWORD=made-up") || img.Config.Config.User != "1000" {
		t.Errorf("the environment is %q and the user %q", img.Config.Config.Env, img.Config.Config.User)
	}
}
