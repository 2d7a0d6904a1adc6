package helm

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// instrumenter prepares one template's syntax tree for a rendering that is
// bounded and traced:
//
//	{{ PIPE }}             becomes {{ PIPE | _print N }}
//	include NAME, tpl TEXT become  include N NAME, tpl N TEXT
//	.Files.METHOD ARGS     becomes .Files.METHOD ARGS | _read
//	{{ template NAME }}    stands between {{ _call N }} and {{ _return }}
//	the body of a loop     starts with {{ _turn }}
//	the whole template     stands between {{ _enter W }} and {{ _leave W }}
//
// N is the number of the action and W the depth of the tree. On its way it
// follows what dot and variables stand for, so that it knows which values each
// action reads.
type instrumenter struct {
	*renderer
	file  *file // nil for a text that tpl executes
	tree  *parse.Tree
	deep  int
	scope scope
	// changed are the variables that are assigned to after they are declared:
	// what they stand for depends on what was executed.
	changed map[string]bool
}

// scope is what the names in a part of a template stand for, as far as it is
// known: keys below .Values.
type scope struct {
	dot  string
	vars map[string]string
}

func (in *instrumenter) instrument() error {
	if parse.IsEmptyTree(in.tree.Root) {
		// An empty template does not replace another of its name: it must stay
		// recognisable.
		for _, n := range in.tree.Root.Nodes {
			if text, ok := n.(*parse.TextNode); ok {
				in.text(text)
			}
		}
		return nil
	}
	in.scope = scope{vars: map[string]string{}}
	in.changed = map[string]bool{}
	assigned(in.tree.Root, in.changed)
	if err := in.list(in.tree.Root, 0); err != nil {
		return err
	}
	root := in.tree.Root
	root.Nodes = slices.Concat(
		[]parse.Node{in.call(root.Pos, "_enter", in.deep)}, root.Nodes,
		[]parse.Node{in.call(root.Pos, "_leave", in.deep)})
	return nil
}

// list prepares the nodes of a list.
func (in *instrumenter) list(list *parse.ListNode, depth int) error {
	if list == nil {
		return nil
	}
	if depth > maxTreeDepth {
		return in.errorf(list.Pos, "its control structures are nested more than %d levels deep", maxTreeDepth)
	}
	in.deep = max(in.deep, depth)
	nodes := make([]parse.Node, 0, len(list.Nodes))
	for _, n := range list.Nodes {
		if t, ok := n.(*parse.TemplateNode); ok {
			number := in.newAction(t.Pos)
			if err := in.pipe(t.Pipe, number, depth+1); err != nil {
				return err
			}
			in.acts[number].values = in.reads(t.Pipe)
			nodes = append(nodes, in.call(t.Pos, "_call", number), t, in.call(t.Pos, "_return"))
			continue
		}
		if err := in.node(n, depth+1); err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	list.Nodes = nodes
	return nil
}

func (in *instrumenter) node(n parse.Node, depth int) error {
	switch n := n.(type) {
	case *parse.TextNode:
		in.text(n)
	case *parse.ActionNode:
		return in.action(n, depth)
	case *parse.IfNode:
		return in.branch(&n.BranchNode, depth)
	case *parse.WithNode:
		return in.branch(&n.BranchNode, depth)
	case *parse.RangeNode:
		if err := in.branch(&n.BranchNode, depth); err != nil {
			return err
		}
		n.List.Nodes = slices.Insert(n.List.Nodes, 0, parse.Node(in.call(n.Pos, "_turn")))
	}
	return nil
}

func (in *instrumenter) text(n *parse.TextNode) {
	if len(n.Text) == 0 {
		return
	}
	at := origin{file: in.file, offset: int(n.Pos)}
	if in.file == nil || !bytes.HasPrefix(in.file.data[min(at.offset, len(in.file.data)):], n.Text) {
		at = origin{}
	}
	in.texts[&n.Text[0]] = at
}

// newAction numbers an action. Its place is its opening brackets.
func (in *instrumenter) newAction(pos parse.Pos) int {
	a := &action{}
	if in.file != nil {
		end := min(int(pos), len(in.file.data))
		if i := bytes.LastIndex(in.file.data[:end], []byte("{{")); i >= 0 {
			a.origin = origin{file: in.file, offset: i}
		}
	}
	in.acts = append(in.acts, a)
	return len(in.acts) - 1
}

func (in *instrumenter) action(n *parse.ActionNode, depth int) error {
	number := in.newAction(n.Pos)
	if err := in.pipe(n.Pipe, number, depth); err != nil {
		return err
	}
	keys := in.reads(n.Pipe)
	in.acts[number].values = keys
	if len(n.Pipe.Decl) == 0 {
		n.Pipe.Cmds = append(n.Pipe.Cmds, in.command(n.Pos, "_print", number))
		return nil
	}
	in.declare(n.Pipe, keys)
	return nil
}

// declare notes what the variables of a pipeline stand for: with a value that
// is exactly one key below .Values, that key.
func (in *instrumenter) declare(p *parse.PipeNode, keys []string) {
	key := ""
	if len(keys) == 1 {
		key = keys[0]
	}
	for _, v := range p.Decl {
		name := v.Ident[0]
		if !in.changed[name] {
			in.scope.vars[name] = key
		}
	}
}

// assigned collects the variables that are assigned to below a list.
func assigned(list *parse.ListNode, into map[string]bool) {
	if list == nil {
		return
	}
	pipe := func(p *parse.PipeNode) {
		if p != nil && p.IsAssign {
			for _, v := range p.Decl {
				into[v.Ident[0]] = true
			}
		}
	}
	branch := func(n *parse.BranchNode) {
		pipe(n.Pipe)
		assigned(n.List, into)
		assigned(n.ElseList, into)
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			pipe(n.Pipe)
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		}
	}
}

// branch prepares if, with and range. Inside with and range dot stands for what
// the pipeline reads, or for an element of it.
func (in *instrumenter) branch(n *parse.BranchNode, depth int) error {
	if err := in.pipe(n.Pipe, in.newAction(n.Pos), depth); err != nil {
		return err
	}
	outer := in.scope
	in.scope.vars = maps.Clone(outer.vars)
	keys := in.reads(n.Pipe)
	if len(n.Pipe.Decl) > 0 {
		in.declare(n.Pipe, keys)
		if n.NodeType == parse.NodeRange && len(n.Pipe.Decl) == 2 {
			delete(in.scope.vars, n.Pipe.Decl[0].Ident[0]) // the index or key
		}
	}
	if n.NodeType != parse.NodeIf {
		in.scope.dot = ""
		if len(keys) == 1 {
			in.scope.dot = keys[0]
		}
	}
	if err := in.list(n.List, depth); err != nil {
		return err
	}
	in.scope = scope{dot: outer.dot, vars: in.scope.vars}
	if err := in.list(n.ElseList, depth); err != nil {
		return err
	}
	in.scope = outer
	return nil
}

// pipe numbers the calls of include and tpl in a pipeline and makes those of
// the methods of .Files pay.
func (in *instrumenter) pipe(p *parse.PipeNode, number, depth int) error {
	if p == nil {
		return nil
	}
	if depth > maxTreeDepth {
		return in.errorf(p.Pos, "its expressions are nested more than %d levels deep", maxTreeDepth)
	}
	in.deep = max(in.deep, depth)
	var commands []*parse.CommandNode
	for _, c := range p.Cmds {
		for i, arg := range c.Args {
			if err := in.argument(arg, number, depth); err != nil {
				return err
			}
			if i > 0 && readsFile(arg) {
				inner := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: arg.Position(), Args: []parse.Node{arg}}
				c.Args[i] = in.pipeline(arg.Position(), inner, in.command(arg.Position(), "_read"))
			}
		}
		commands = append(commands, c)
		if readsFile(c.Args[0]) {
			commands = append(commands, in.command(c.Pos, "_read"))
		}
		if name, ok := c.Args[0].(*parse.IdentifierNode); ok && (name.Ident == "include" || name.Ident == "tpl") {
			c.Args = slices.Insert(c.Args, 1, parse.Node(in.number(c.Pos, number)))
		}
	}
	p.Cmds = commands
	return nil
}

// readsFile reports whether a node may call a method of .Files.
func readsFile(n parse.Node) bool {
	last := func(fields []string) bool { return len(fields) > 0 && slices.Contains(reads, fields[len(fields)-1]) }
	switch n := n.(type) {
	case *parse.FieldNode:
		return last(n.Ident)
	case *parse.VariableNode:
		return last(n.Ident[1:])
	case *parse.ChainNode:
		return last(n.Field)
	}
	return false
}

func (in *instrumenter) argument(arg parse.Node, number, depth int) error {
	switch arg := arg.(type) {
	case *parse.PipeNode:
		return in.pipe(arg, number, depth+1)
	case *parse.ChainNode:
		return in.argument(arg.Node, number, depth+1)
	}
	return nil
}

// reads lists the keys below .Values that a pipeline reads, each once.
func (in *instrumenter) reads(p *parse.PipeNode) []string {
	var keys []string
	add := func(key string) {
		if key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	var visit func(n parse.Node)
	visit = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.PipeNode:
			for _, c := range n.Cmds {
				for _, arg := range c.Args {
					visit(arg)
				}
			}
		case *parse.DotNode:
			add(in.scope.dot)
		case *parse.FieldNode:
			add(below(in.scope.dot, n.Ident))
		case *parse.VariableNode:
			add(below(in.scope.vars[n.Ident[0]], n.Ident[1:]))
		case *parse.ChainNode:
			if i := slices.Index(n.Field, "Values"); i >= 0 {
				add(strings.Join(n.Field[i+1:], "."))
				return
			}
			visit(n.Node)
		}
	}
	if p != nil {
		visit(p)
	}
	return keys
}

// below returns the key that fields lead to, from a known key or through the
// Values of whatever they start from; "" if they do not lead below .Values.
func below(key string, fields []string) string {
	if i := slices.Index(fields, "Values"); i >= 0 {
		return strings.Join(fields[i+1:], ".")
	}
	if key == "" || len(fields) == 0 {
		return key
	}
	return key + "." + strings.Join(fields, ".")
}

// call makes an action of our own.
func (in *instrumenter) call(pos parse.Pos, name string, args ...int) *parse.ActionNode {
	return &parse.ActionNode{
		NodeType: parse.NodeAction, Pos: pos, Pipe: in.pipeline(pos, in.command(pos, name, args...)),
	}
}

func (in *instrumenter) pipeline(pos parse.Pos, commands ...*parse.CommandNode) *parse.PipeNode {
	return &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos, Cmds: commands}
}

func (in *instrumenter) command(pos parse.Pos, name string, args ...int) *parse.CommandNode {
	c := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: pos}
	c.Args = append(c.Args, parse.NewIdentifier(name).SetPos(pos).SetTree(in.tree))
	for _, arg := range args {
		c.Args = append(c.Args, in.number(pos, arg))
	}
	return c
}

func (in *instrumenter) number(pos parse.Pos, n int) *parse.NumberNode {
	return &parse.NumberNode{NodeType: parse.NodeNumber, Pos: pos, IsInt: true, Int64: int64(n), Text: strconv.Itoa(n)}
}

// errorf makes an error in the form of the template library's own.
func (in *instrumenter) errorf(pos parse.Pos, format string, args ...any) error {
	line := 1
	if in.file != nil {
		line = sourceLine(in.file.data, int(pos))
	}
	return fmt.Errorf("template: %s:%d: %s", in.tree.ParseName, line, fmt.Sprintf(format, args...))
}
