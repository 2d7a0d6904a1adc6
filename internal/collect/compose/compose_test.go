package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// outcome is what a collector hands over; it is the sink of the tests.
type outcome struct {
	mu         sync.Mutex
	containers []*asset.Container
	unread     []string
	objects    int
}

func (o *outcome) Asset(a asset.Asset) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.containers = append(o.containers, a.(*asset.Container))
}

func (o *outcome) Unread(place source.Place, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unread = append(o.unread, place.String()+": "+reason)
}

func (o *outcome) Object(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.objects += n
}

// collectTree reads everything that the collector claims of a tree.
func collectTree(ctx context.Context, c *Collector, tree *collect.Tree) *outcome {
	o := &outcome{}
	for _, in := range c.Claim(tree) {
		in.Read(ctx, o)
	}
	c.Finish(ctx, o)
	slices.Sort(o.unread)
	return o
}

func collectFiles(t *testing.T, files map[string]string) *outcome {
	t.Helper()
	return collectTree(t.Context(), New(), collect.NewTree(files))
}

// service reads one service, given by its fields, in a project of its own.
func service(t *testing.T, fields string) *asset.Container {
	t.Helper()
	var b strings.Builder
	b.WriteString("services:\n  app:\n")
	for line := range strings.Lines(fields) {
		b.WriteString("    " + line)
	}
	return only(t, collectFiles(t, map[string]string{"compose.yaml": b.String()}))
}

func only(t *testing.T, o *outcome) *asset.Container {
	t.Helper()
	for _, u := range o.unread {
		t.Errorf("unread: %s", u)
	}
	if len(o.containers) != 1 {
		t.Fatalf("got %d containers, want 1", len(o.containers))
	}
	return o.containers[0]
}

// value looks a field up by its path, as rules and findings spell it.
func value(t *testing.T, c *asset.Container, path string) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	for _, step := range steps(path) {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(x) {
				return "<none>"
			}
			v = x[i]
		default:
			return "<none>"
		}
	}
	switch x := v.(type) {
	case nil:
		return "<none>"
	case string:
		if x == "" {
			return "<empty>"
		}
		return x
	case []any, map[string]any:
		text, _ := json.Marshal(x)
		return string(text)
	}
	return fmt.Sprint(v)
}

func steps(path string) []string {
	return strings.FieldsFunc(strings.NewReplacer("[", ".", "]", "", `"`, "").Replace(path), func(r rune) bool { return r == '.' })
}

// check compares fields of a container: "path = value" a line, and
// "path @ place" for where it is declared, "path ? reason" for what is unknown.
func check(t *testing.T, c *asset.Container, want string) {
	t.Helper()
	for line := range strings.Lines(want) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if path, want, ok := strings.Cut(line, " = "); ok {
			if got := value(t, c, path); got != want {
				t.Errorf("%s is %s, want %s", path, got, want)
			}
		} else if path, want, ok := strings.Cut(line, " @ "); ok {
			place, declared := c.Locate(path)
			if got := place.String(); got != want || !declared {
				t.Errorf("%s stands at %s (declared: %v), want %s", path, got, declared, want)
			}
		} else if path, want, ok := strings.Cut(line, " ? "); ok {
			if !slices.Contains(c.Unknown, asset.Unknown{Path: path, Reason: want}) {
				t.Errorf("unknown are %v, want %s: %s", c.Unknown, path, want)
			}
		} else {
			t.Fatalf("bad expectation %q", line)
		}
	}
}
