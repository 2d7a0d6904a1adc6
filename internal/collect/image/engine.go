package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// engine is the API of Docker, which Podman speaks too, on a unix socket.
//
// An engine writes an image to its own disk before it hands it over as one
// stream, in an order of its own: the image is asked for twice (see tape.go).
type engine struct {
	socket string
	http   *http.Client
}

// dialTimeout bounds how long a socket may take to answer at all.
const dialTimeout = 5 * time.Second

// errNoImage says that an engine does not have an image.
var errNoImage = errors.New("it has no such image")

// sockets lists where an engine may listen, the most likely place first. What the
// user names is the only one.
func sockets(kind Source, env map[string]string) []string {
	runtimeDir, home := env["XDG_RUNTIME_DIR"], env["HOME"]
	var out []string
	add := func(parts ...string) {
		if parts[0] != "" {
			out = append(out, filepath.Join(parts...))
		}
	}
	switch kind {
	case Docker:
		if host := env["DOCKER_HOST"]; host != "" {
			return []string{host}
		}
		add("/var/run/docker.sock")
		add(runtimeDir, "docker.sock")
		add(home, ".docker/run/docker.sock")
	case Podman:
		if host := env["CONTAINER_HOST"]; host != "" {
			return []string{host}
		}
		add(runtimeDir, "podman/podman.sock")
		add("/run/podman/podman.sock")
	}
	return out
}

// listening leaves out the sockets that are not there.
func listening(sockets []string) []string {
	var out []string
	for _, s := range sockets {
		file, named := strings.CutPrefix(s, "unix://")
		_, err := os.Stat(file)
		if err == nil || !named && strings.Contains(s, "://") {
			out = append(out, s)
		}
	}
	return out
}

// fromEngine opens an image of the first engine that has it.
func fromEngine(ctx context.Context, target string, kind Source, sockets []string, platform Platform) (*Opened, error) {
	if !isEngineName(target) {
		return nil, fmt.Errorf("%q is no reference to an image", target)
	}
	var reasons []string
	for _, socket := range sockets {
		opened, err := fromSocket(ctx, target, socket, platform)
		if err == nil || ctx.Err() != nil {
			return opened, err
		}
		reasons = append(reasons, fmt.Sprintf("%s: %v", socket, err))
	}
	return nil, fmt.Errorf("asking %s for %s: %s", kind, target, strings.Join(reasons, "; "))
}

// isEngineName keeps what is no name of an image out of the paths of requests.
func isEngineName(target string) bool {
	_, err := name.ParseReference(target)
	return err == nil || isID(target)
}

// isID tells the id of an image, or the beginning of one, from a name.
func isID(target string) bool {
	return isHex(strings.TrimPrefix(target, "sha256:"), 64) || len(target) == 12 && isHex(target, 12)
}

func fromSocket(ctx context.Context, target, socket string, platform Platform) (*Opened, error) {
	e, err := newEngine(socket)
	if err != nil {
		return nil, err
	}
	if err := e.has(ctx, target); err != nil {
		return nil, err
	}
	a := &archive{open: func(ctx context.Context) (io.ReadCloser, error) {
		return e.get(ctx, "/images/"+target+"/get", maxWrite)
	}}
	if err := a.index(ctx); err != nil {
		return nil, fmt.Errorf("reading %s: %w", target, err)
	}
	images, err := a.images(ctx, target, platform)
	if err != nil {
		a.Close() //nolint:errcheck // nothing was written
		return nil, fmt.Errorf("reading %s: %w", target, err)
	}
	for _, img := range images {
		if !isID(target) {
			img.Ref = collect.ParseImage(target)
		}
	}
	return &Opened{images, a}, nil
}

func newEngine(socket string) (*engine, error) {
	file, ok := strings.CutPrefix(socket, "unix://")
	if !ok && strings.Contains(socket, "://") {
		return nil, errors.New("only sockets on this machine (unix://) are spoken to: save the image there with `docker save` and scan the file")
	}
	var dialer net.Dialer
	return &engine{file, &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return dialer.DialContext(ctx, "unix", file)
		},
		DisableCompression: true,
		DisableKeepAlives:  true,
	}}}, nil
}

// has asks for an image by name, which costs the engine little.
func (e *engine) has(ctx context.Context, target string) error {
	body, err := e.get(ctx, "/images/"+target+"/json", maxSilence)
	if err != nil {
		return err
	}
	return body.Close()
}

// get asks the engine for something, and waits as long as is said for an answer.
func (e *engine) get(ctx context.Context, path string, wait time.Duration) (io.ReadCloser, error) {
	ctx, wrap := patience(ctx, wait)
	u := url.URL{Scheme: "http", Host: "engine", Path: path}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		wrap(nil)
		return nil, err
	}
	answer, err := e.http.Do(request)
	if err != nil {
		err = silent(ctx, reachable(err))
		wrap(nil)
		return nil, err
	}
	body := wrap(answer.Body)
	if answer.StatusCode == http.StatusOK {
		return body, nil
	}
	defer body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return nil, errNoImage
	}
	var said struct{ Message string }
	text, _ := io.ReadAll(io.LimitReader(body, 4<<10)) //nolint:errcheck // the status alone will do
	if json.Unmarshal(text, &said) != nil || said.Message == "" {
		return nil, fmt.Errorf("the engine answers %s", answer.Status)
	}
	return nil, fmt.Errorf("the engine answers %s: %.300q", answer.Status, said.Message)
}

// reachable says what keeps a socket from answering, without the request's text.
func reachable(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
