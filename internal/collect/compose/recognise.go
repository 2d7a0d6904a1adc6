package compose

import (
	"bytes"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// defaultNames are the files that docker compose looks for, the first one
// first; overrideNames are those that it then merges over them.
func defaultNames() []string {
	return []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
}

func overrideNames() []string {
	return []string{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"}
}

// composeName is a name that says what a file is: compose.yaml, docker-compose.yml
// and their variants, such as compose.prod.yaml or docker-compose-test.yml.
var composeName = regexp.MustCompile(`^(docker-)?compose([.\-_][\w.\-]+)?\.ya?ml$`)

// topKeys are the keys that a Compose file may have at its top.
var topKeys = regexp.MustCompile(`^(name|version|include|services|jobs|networks|volumes|secrets|configs|models|x-.*)$`)

// topKey is a key at the first column, in YAML or as JSON.
var topKey = regexp.MustCompile(`(?m)^["']?([A-Za-z_][\w.\-]*)["']?[ \t]*:`)

// recognises reports whether a file is a Compose file: by its name unless its
// first bytes say something else, else by its content.
func recognises(e *collect.Entry, known map[string]bool) bool {
	base := path.Base(e.Path)
	if !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(path.Ext(base))) && !e.Explicit {
		return false
	}
	head, named := e.Head(), composeName.MatchString(base)
	switch {
	case !named && !bytes.Contains(head, []byte("services")), kubernetes(head):
		return false
	case named:
		return true
	case !mayBeCompose(head):
		return false
	}
	text, err := e.Read()
	if err != nil {
		return false
	}
	return isCompose(text, known)
}

// kubernetes reports whether the first document is a Kubernetes object.
func kubernetes(head []byte) bool {
	return topLevelKey(head, "apiVersion") && topLevelKey(head, "kind")
}

func topLevelKey(head []byte, name string) bool {
	for _, m := range topKey.FindAllSubmatch(head, -1) {
		if string(m[1]) == name {
			return true
		}
	}
	return false
}

// mayBeCompose judges by the first bytes: nothing at the first column is
// foreign to a Compose file. JSON has nothing there.
func mayBeCompose(head []byte) bool {
	if trimmed := bytes.TrimLeft(head, "\ufeff \t\r\n"); bytes.HasPrefix(trimmed, []byte("{")) {
		return bytes.Contains(head, []byte(`"services"`))
	}
	keys := topKey.FindAllSubmatch(head, -1)
	for _, m := range keys {
		if !topKeys.Match(m[1]) {
			return false
		}
	}
	return len(keys) > 0
}

// isCompose reports whether a text is a Compose file: every key at the top is
// one of Compose, and every service has nothing but keys of a service.
func isCompose(text []byte, known map[string]bool) bool {
	nodes, err := parseDocuments(text)
	if err != nil || len(nodes) == 0 {
		return false
	}
	services := 0
	for _, n := range nodes {
		for _, p := range n.Pairs {
			if !topKeys.MatchString(p.Key.Value) {
				return false
			}
		}
		for _, p := range n.Map("services") {
			if !isService(p.Value, known) {
				return false
			}
			services++
		}
	}
	return services > 0
}

func isService(n *source.Node, known map[string]bool) bool {
	for _, p := range n.Pairs {
		if !known[p.Key.Value] && !strings.HasPrefix(p.Key.Value, "x-") {
			return false
		}
	}
	return n.Kind == source.Map && len(n.Pairs) > 0
}

// serviceKeys are the keys of a service, as compose-go's type has them.
func serviceKeys() map[string]bool {
	known := map[string]bool{}
	addKeys(known, reflect.TypeFor[types.ServiceConfig]())
	delete(known, "name")
	return known
}

func addKeys(known map[string]bool, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			addKeys(known, f.Type)
		case name != "" && name[0] >= 'a' && name[0] <= 'z':
			known[name] = true
		}
	}
}
