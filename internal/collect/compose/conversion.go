package compose

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// conversion turns the nodes of one document into the untyped values that
// compose-go works on.
type conversion struct {
	*assembly
	doc *document
}

// absent is the value of what is as good as not written.
type absent struct{}

// value converts one node. p is its path as compose-go's tables spell paths,
// keys the same as a list.
func (c *conversion) value(n *source.Node, p tree.Path, keys []string) (any, error) {
	if c.values++; c.values > maxValues {
		return nil, c.problem(n, fmt.Sprintf("the project holds more than %d values", maxValues))
	}
	switch n.Tag {
	case "!reset":
		c.doc.resets.add(keys)
		return absent{}, nil
	case "!override":
		c.doc.resets.add(keys)
	}
	switch n.Kind {
	case source.Map:
		return c.mapping(n, p, keys)
	case source.List:
		return c.list(n, p, keys)
	case source.String:
		return c.text(n, p)
	}
	return scalar(n), nil
}

func (c *conversion) problem(n *source.Node, reason string) error {
	return &problem{source.Place{File: c.doc.file, Position: n.Position}, reason}
}

func (c *conversion) mapping(n *source.Node, p tree.Path, keys []string) (any, error) {
	out := make(map[string]any, len(n.Pairs))
	for _, pair := range n.Pairs {
		name := pair.Key.Value
		if fragment(name, keys) {
			continue
		}
		v, err := c.value(pair.Value, p.Next(name), append(keys, name))
		if err != nil {
			return nil, err
		}
		if v != (absent{}) {
			out[name] = v
			continue
		}
		delete(out, name)
		if len(keys) == 4 && keys[2] == "ulimits" {
			return absent{}, nil // half a limit is none
		}
	}
	return out, nil
}

// fragment reports whether a key holds an extension that no field of a
// container comes from; what others take from it, they took as an alias.
func fragment(name string, keys []string) bool {
	return strings.HasPrefix(name, "x-") && (len(keys) == 0 || len(keys) == 2 && (keys[0] == "services" || keys[0] == "jobs"))
}

func (c *conversion) list(n *source.Node, p tree.Path, keys []string) (any, error) {
	if len(n.Items) > maxList {
		return nil, c.problem(n, fmt.Sprintf("a list of more than %d entries", maxList))
	}
	out := make([]any, 0, len(n.Items))
	for i, item := range n.Items {
		v, err := c.value(item, p.Next(tree.PathMatchList), append(keys, strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		if v == (absent{}) {
			continue
		}
		more, err := c.shortForm(item, v, keys)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// shortForm checks the short forms that compose-go parses without saying where
// they are wrong, and writes out the ports that it could not or should not.
func (c *conversion) shortForm(n *source.Node, v any, keys []string) ([]any, error) {
	if len(keys) != 3 || keys[0] != "services" && keys[0] != "jobs" {
		return []any{v}, nil
	}
	switch text := fmt.Sprint(v); {
	case n.Kind == source.Map:
		m, _ := v.(map[string]any)
		if _, ok := m["target"]; keys[2] == "ports" && !ok && n.Has("target") {
			return nil, nil
		}
	case keys[2] == "volumes":
		if _, err := format.ParseVolume(text); err != nil {
			return nil, c.problem(n, "this is no volume: "+cmp.Or(errors.Unwrap(err), err).Error())
		}
	case keys[2] == "ports":
		p, ok := parsePort(text)
		switch {
		case ok && open(p.container.text):
			return nil, nil // the service's ports are not known; see ports
		case ok && (open(text) || p.container.size() > maxPortRange):
			return p.long(), nil
		}
		if _, err := types.ParsePortConfig(text); err != nil || !ok {
			return nil, c.problem(n, "this is no port: write HOST:CONTAINER, as in 127.0.0.1:8080:80")
		}
	}
	return []any{v}, nil
}

// text expands a string and gives it the type that its place has.
func (c *conversion) text(n *source.Node, p tree.Path) (any, error) {
	e, err := c.doc.scope.expand(n.Value)
	if err != nil {
		return nil, c.problem(n, err.Error())
	}
	if !c.castable.Matches(p) {
		return e.text, nil
	}
	if open(e.text) {
		return absent{}, nil
	}
	for pattern, cast := range c.casts {
		if p.Matches(pattern) {
			v, err := cast(yaml11Bool(e.text))
			if err != nil {
				// The error repeats the value, which may be somebody's secret.
				if strings.HasPrefix(err.Error(), "invalid boolean") {
					return nil, c.problem(n, "this value has to be true or false")
				}
				return nil, c.problem(n, "this value has to be a number")
			}
			return v, nil
		}
	}
	return e.text, nil
}

// yaml11Bool spells an old boolean in the new way, before compose-go does so
// with a warning on standard error.
func yaml11Bool(text string) string {
	switch strings.ToLower(text) {
	case "y", "yes", "on":
		return "true"
	case "n", "no", "off":
		return "false"
	}
	return text
}

// scalar is a scalar that is no string as compose-go has it.
func scalar(n *source.Node) any {
	switch n.Kind {
	case source.Bool:
		b, _ := n.Bool()
		return b
	case source.Int:
		if i, ok := n.Int(); ok {
			return int(i)
		}
	case source.Float:
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f
		}
	case source.Null:
		return nil
	}
	return n.Value
}
