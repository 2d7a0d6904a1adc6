package image

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-sec/holdfast/internal/collect/image"
)

// engineStart bounds how long an engine may take until its socket answers.
const engineStart = 30 * time.Second

// engine starts a daemon for the time of a test and waits for its socket. Where it
// cannot run (no root, no name spaces, a machine that forbids it), the test is
// skipped and says what it said.
func engine(t *testing.T, dir, socket, daemon string, args ...string) {
	t.Helper()
	needs(t, daemon)
	if os.Getuid() != 0 {
		t.Skipf("%s needs root", daemon)
	}
	var said bytes.Buffer
	cmd := exec.Command(daemon, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, dir
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Skipf("%s cannot be started: %v", daemon, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill() //nolint:errcheck // likewise
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), engineStart)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Skipf("%s does not run here: %v\n%s", daemon, err, tail(said.Bytes()))
		case <-ctx.Done():
			t.Skipf("%s does not answer here", daemon)
		case <-retry.C:
		}
	}
}

func tail(text []byte) []byte { return text[max(0, len(text)-1000):] }

// folder is a temporary one with a name short enough for sockets.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// saved writes the shop as an archive that engines load.
func saved(t *testing.T) string {
	t.Helper()
	needs(t, "skopeo")
	file := filepath.Join(t.TempDir(), "shop.tar")
	run(t, "skopeo", "--insecure-policy", "copy", "-q", "oci:"+shop(t)+":latest", "docker-archive:"+file+":registry.example/shop:1")
	return file
}

func TestDocker(t *testing.T) {
	needs(t, "docker")
	dir := folder(t)
	socket := dir + "/sock"
	engine(t, dir, socket, "dockerd", "--data-root", dir+"/root", "--exec-root", dir+"/exec", "--pidfile", dir+"/pid",
		"--host", "unix://"+socket, "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs")
	run(t, "docker", "-H", "unix://"+socket, "load", "-q", "-i", saved(t))
	checkShop(t, open(t, "registry.example/shop:1", image.Docker, map[string]string{"DOCKER_HOST": "unix://" + socket}))
}

func TestPodman(t *testing.T) {
	dir := folder(t)
	socket := dir + "/sock"
	engine(t, dir, socket, "podman", "--root", dir+"/root", "--runroot", dir+"/run", "--storage-driver", "vfs",
		"system", "service", "-t", "0", "unix://"+socket)
	run(t, "podman", "--url", "unix://"+socket, "load", "-q", "-i", saved(t))
	checkShop(t, open(t, "registry.example/shop:1", image.Podman, map[string]string{"CONTAINER_HOST": "unix://" + socket}))
}

func TestContainerd(t *testing.T) {
	needs(t, "ctr")
	dir := folder(t)
	socket := dir + "/sock"
	write(t, dir, "config.toml", fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = %q
[ttrpc]
address = %q
`, dir+"/root", dir+"/state", socket, dir+"/ttrpc"))
	engine(t, dir, socket, "containerd", "--config", dir+"/config.toml")
	run(t, "ctr", "--address", socket, "--namespace", "k8s.io", "images", "import", "--no-unpack", saved(t))
	checkShop(t, open(t, "registry.example/shop:1", image.Containerd, map[string]string{"CONTAINERD_ROOT": dir + "/root"}))
}
