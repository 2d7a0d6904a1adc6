// Package fake has stand-ins for the places where images are: an engine's API and
// containerd's content store. A registry comes with go-containerregistry.
package fake

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Engine speaks as much of Docker's and Podman's API as reading images takes.
type Engine struct {
	// Socket is where it listens.
	Socket string

	images  map[string]string
	exports atomic.Int64
	server  http.Server
}

// StartEngine starts an engine on a unix socket. Images maps the names that it
// knows to the archives that it hands over for them.
func StartEngine(socket string, images map[string]string) (*Engine, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", socket, err)
	}
	e := &Engine{Socket: socket, images: images}
	e.server = http.Server{Handler: http.HandlerFunc(e.answer), ReadHeaderTimeout: time.Minute}
	go e.server.Serve(listener) //nolint:errcheck // it ends with Close
	return e, nil
}

// Close stops the engine, whoever still reads.
func (e *Engine) Close() error { return e.server.Close() }

// Exports is how many times images were asked for as a whole.
func (e *Engine) Exports() int { return int(e.exports.Load()) }

func (e *Engine) answer(w http.ResponseWriter, r *http.Request) {
	path, isImage := strings.CutPrefix(r.URL.Path, "/images/")
	name, isExport := strings.CutSuffix(path, "/get")
	name, isInspect := strings.CutSuffix(name, "/json")
	archive, known := e.images[name]
	switch {
	case r.Method != http.MethodGet || !isImage || isExport == isInspect:
		refuse(w, http.StatusMethodNotAllowed, "this engine only reads images")
	case !known:
		refuse(w, http.StatusNotFound, "No such image: "+name)
	case isInspect:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"RepoTags": []string{name}}) //nolint:errcheck // the client is gone
	default:
		e.exports.Add(1)
		e.export(w, archive)
	}
}

func (e *Engine) export(w http.ResponseWriter, archive string) {
	f, err := os.Open(archive)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/x-tar")
	f.WriteTo(w) //nolint:errcheck // the client is gone
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message}) //nolint:errcheck // the client is gone
}
