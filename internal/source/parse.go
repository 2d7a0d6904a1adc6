package source

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// The bounds on what one document may cost. A document of the field's largest
// real generators stays far below them.
const (
	maxDepth = 200
	// maxExpanded bounds what aliases add to a document. They share memory
	// here, but whoever walks the tree pays for every visit.
	maxExpanded = 500_000
)

// Parse reads the document. Its error is a *SyntaxError with the line counted
// in the file.
func (d Document) Parse() (*Node, error) {
	if line := bareReturn(d.Text); line > 0 {
		return nil, &SyntaxError{Position{Line: d.Line + line - 1}, "a carriage return stands alone: YAML ends a line there and editors do not, so that no place could be named"}
	}
	var root *Node
	var err error
	if d.IsJSON() {
		if root, err = parseJSON(d.Text, d.Line-1); err != nil {
			// A flow mapping with comments or bare words is YAML after all.
			if asYAML, yamlErr := parseYAML(d.Text, d.Line-1); yamlErr == nil {
				root, err = asYAML, nil
			}
		}
	} else {
		root, err = parseYAML(d.Text, d.Line-1)
	}
	if err == nil {
		return root, nil
	}
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		return nil, &SyntaxError{Position: Position{Line: d.Line}, Reason: err.Error()}
	}
	syntax.Line = max(syntax.Line, 1) + d.Line - 1
	return nil, syntax
}

// bareReturn returns the line with a carriage return that ends no line, or 0.
func bareReturn(text []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '\r')
		if i < 0 {
			return 0
		}
		at += i + 1
		if at < len(text) && text[at] != '\n' {
			return 1 + bytes.Count(text[:at], []byte("\n"))
		}
	}
}

// parseYAML loads with go-yaml and converts. The library is given hostile text,
// so a panic of its is a syntax error of the text and no end of the run.
func parseYAML(text []byte, above int) (root *Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, &SyntaxError{Reason: fmt.Sprintf("the YAML parser gave up: %v", r)}
		}
	}()
	var tree yaml.Node
	limits := loaderlimits.New(loaderlimits.DepthValue(maxDepth), loaderlimits.AliasNone())
	if err := yaml.Load(text, &tree, yaml.WithPlugin(limits), yaml.WithUniqueKeys(false)); err != nil {
		return nil, yamlSyntaxError(err)
	}
	c := converter{above: above, open: map[*yaml.Node]bool{}, done: map[*yaml.Node]converted{}}
	n, _, err := c.convert(&tree, 0)
	return n, err
}

func yamlSyntaxError(err error) error {
	var load *yaml.LoadError
	if errors.As(err, &load) {
		at := load.Mark
		if at.Line == 0 {
			at = load.ContextMark
		}
		return &SyntaxError{Position: Position{at.Line, at.Column}, Reason: load.Message}
	}
	return &SyntaxError{Reason: err.Error()}
}

// converter turns a go-yaml tree into ours: aliases resolved by sharing, merge
// keys applied, cycles and explosions refused.
type converter struct {
	above    int                 // lines of the file before the document
	expanded int                 // values that aliases have added so far
	open     map[*yaml.Node]bool // anchored nodes being converted: an alias to one is a cycle
	done     map[*yaml.Node]converted
}

type converted struct {
	node *Node
	size int
}

func (c *converter) convert(y *yaml.Node, depth int) (n *Node, size int, err error) {
	if depth > maxDepth {
		return nil, 0, syntaxErrorf(y, "nested deeper than %d levels", maxDepth)
	}
	switch y.Kind {
	case yaml.DocumentNode:
		if len(y.Content) == 0 {
			return &Node{}, 1, nil
		}
		return c.convert(y.Content[0], depth)
	case yaml.AliasNode:
		return c.alias(y, depth)
	}
	if y.Anchor != "" {
		c.open[y] = true
		defer func() {
			delete(c.open, y)
			c.done[y] = converted{n, size}
		}()
	}
	n = &Node{Position: Position{y.Line + c.above, y.Column}, EndLine: y.Line + c.above}
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") && len(y.Tag) > 1 {
		n.Tag = y.Tag
	}
	switch y.Kind {
	case yaml.MappingNode:
		size, err = c.mapping(n, y, depth)
	case yaml.SequenceNode:
		size, err = c.sequence(n, y, depth)
	default:
		scalar(n, y)
		size = 1
	}
	n.Size = size
	return n, size, err
}

func (c *converter) alias(y *yaml.Node, depth int) (*Node, int, error) {
	if y.Alias == nil || c.open[y.Alias] {
		return nil, 0, syntaxErrorf(y, "alias %q refers to a value that contains it", y.Value)
	}
	d, ok := c.done[y.Alias]
	if !ok {
		return c.convert(y.Alias, depth+1)
	}
	if c.expanded += d.size; c.expanded > maxExpanded {
		return nil, 0, syntaxErrorf(y, "aliases expand to more than %d values", maxExpanded)
	}
	return d.node, d.size, nil
}

func (c *converter) mapping(n *Node, y *yaml.Node, depth int) (int, error) {
	n.Kind = Map
	n.Pairs = make([]Pair, 0, len(y.Content)/2)
	size := 1
	var merges []*Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, keySize, err := c.convert(y.Content[i], depth+1)
		if err != nil {
			return 0, err
		}
		value, valueSize, err := c.convert(y.Content[i+1], depth+1)
		if err != nil {
			return 0, err
		}
		size += keySize + valueSize
		n.EndLine = max(n.EndLine, y.Content[i].Line+c.above, y.Content[i+1].Line+c.above)
		if y.Content[i+1].Kind != yaml.AliasNode {
			n.EndLine = max(n.EndLine, value.EndLine)
		}
		if y.Content[i].Tag == "!!merge" {
			merges = append(merges, value)
			continue
		}
		n.Pairs = append(n.Pairs, Pair{key, value})
	}
	if len(merges) > 0 {
		own := make(map[string]bool, len(n.Pairs))
		for _, p := range n.Pairs {
			own[p.Key.Value] = true
		}
		for _, m := range merges {
			n.merge(m, own)
		}
	}
	return size, nil
}

// merge adds the entries of a "<<" value whose keys the mapping does not have
// yet. The size of the value was counted when it was converted.
func (n *Node) merge(from *Node, own map[string]bool) {
	for _, item := range from.Items {
		n.merge(item, own)
	}
	for _, p := range from.Pairs {
		if !own[p.Key.Value] {
			own[p.Key.Value] = true
			n.Pairs = append(n.Pairs, p)
		}
	}
}

func (c *converter) sequence(n *Node, y *yaml.Node, depth int) (int, error) {
	n.Kind = List
	n.Items = make([]*Node, 0, len(y.Content))
	size := 1
	for _, item := range y.Content {
		value, valueSize, err := c.convert(item, depth+1)
		if err != nil {
			return 0, err
		}
		size += valueSize
		n.Items = append(n.Items, value)
		n.EndLine = max(n.EndLine, item.Line+c.above)
		if item.Kind != yaml.AliasNode {
			n.EndLine = max(n.EndLine, value.EndLine)
		}
	}
	return size, nil
}

func scalar(n *Node, y *yaml.Node) {
	n.Value = y.Value
	n.plain = y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
	switch y.ShortTag() {
	case "!!null":
		n.Kind = Null
	case "!!bool":
		n.Kind = Bool
	case "!!int":
		n.Kind = Int
	case "!!float":
		n.Kind = Float
	default:
		n.Kind = String
	}
	if y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		n.block = true
		// A block scalar's own lines follow its header.
		for _, r := range y.Value {
			if r == '\n' {
				n.EndLine++
			}
		}
	}
}

func syntaxErrorf(y *yaml.Node, format string, args ...any) error {
	return &SyntaxError{Position: Position{y.Line, y.Column}, Reason: fmt.Sprintf(format, args...)}
}
