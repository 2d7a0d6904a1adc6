package rule

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/cel-go/cel"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// compiled is a rule that judges. Its condition is compiled when the first asset
// needs it.
type compiled struct {
	*Rule
	each  *listPath
	tally tally
	// prepare compiles the condition, once; ready says that it has.
	prepare func() error
	ready   atomic.Bool

	env     *cel.Env
	when    *cel.Ast
	program cel.Program
	// message is compiled when the first finding needs it: most rules of a run
	// find nothing.
	message func() (cel.Program, error)
	// rating is compiled likewise; nil where the severity is always the same.
	rating func() (cel.Program, error)
	// partial is the condition for assets with unknown fields, made when the
	// first one comes.
	partial func() (cel.Program, error)
}

// listPath is what the "each" of one or more rules says: the way to a list, and the
// environment in which its elements have their types.
type listPath struct {
	steps []step
	env   func() (*cel.Env, error)
}

// interruptEvery is how many steps of a comprehension pass between looks at the
// deadline.
const interruptEvery = 1000

// compiler type-checks the rules on one kind.
type compiler struct {
	kind  asset.Kind
	env   *cel.Env
	paths map[string]*listPath
}

func newCompiler(kind asset.Kind, fn Functions) (*compiler, error) {
	env, err := newEnv(kind, fn)
	if err != nil {
		return nil, fmt.Errorf("setting up the rule language for %s: %w", kind, err)
	}
	return &compiler{kind, env, map[string]*listPath{}}, nil
}

// bind finds out what a rule judges; rules with the same "each" share it.
func (c *compiler) bind(r *Rule) (*compiled, error) {
	out := &compiled{Rule: r}
	out.prepare = sync.OnceValue(func() error {
		err := out.compile(c.env)
		out.ready.Store(err == nil)
		return err
	})
	if r.Each.Text == "" {
		return out, nil
	}
	if out.each = c.paths[r.Each.Text]; out.each == nil {
		p, err := newPath(c.kind, c.env, r.Each.Text)
		if err != nil {
			return nil, r.Each.error(1, 0, err.Error())
		}
		c.paths[r.Each.Text], out.each = p, p
	}
	return out, nil
}

// compile type-checks a rule. It may be called for several rules at once.
func (c *compiled) compile(env *cel.Env) (err error) {
	if c.env = env; c.each != nil {
		if c.env, err = c.each.env(); err != nil {
			return c.Each.error(1, 0, err.Error())
		}
	}
	if c.when, c.program, err = c.expr(c.When, cel.BoolType); err != nil {
		return err
	}
	c.message = sync.OnceValues(func() (cel.Program, error) {
		_, program, err := c.expr(c.Message, cel.StringType)
		return program, err
	})
	if c.Rating.Text != "" {
		c.rating = sync.OnceValues(func() (cel.Program, error) {
			_, program, err := c.expr(c.Rating, cel.StringType)
			return program, err
		})
	}
	c.partial = sync.OnceValues(func() (cel.Program, error) {
		return c.env.Program(c.when, cel.EvalOptions(cel.OptPartialEval), cel.InterruptCheckFrequency(interruptEvery))
	})
	return c.checkAt()
}

// compileAll compiles rules with all processors.
func compileAll(rules []*compiled) error {
	errs := make([]error, len(rules))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(rules)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(rules); i = int(next.Add(1)) - 1 {
				errs[i] = rules[i].prepare()
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// newPath declares "each" and "parent" with the types of the path's elements.
func newPath(kind asset.Kind, env *cel.Env, text string) (*listPath, error) {
	steps, err := eachPath(kind, text)
	if err != nil {
		return nil, err
	}
	each, parent := cel.DynType, cel.DynType
	if t, ok := judgedTypes()[kind]; ok {
		if each, parent, err = elementTypes(t, steps); err != nil {
			return nil, err
		}
	}
	opts := []cel.EnvOption{cel.Variable("each", each)}
	if parent != nil {
		opts = append(opts, cel.Variable("parent", parent))
	}
	return &listPath{steps, sync.OnceValues(func() (*cel.Env, error) { return env.Extend(opts...) })}, nil
}

// checkAt refuses a field path that the asset's type does not have.
func (c *compiled) checkAt() error {
	t, ok := judgedTypes()[c.On]
	if !ok || c.At == "" {
		return nil
	}
	for _, s := range c.each.all() {
		f, _ := fieldByName(t, s.field)
		t = f.Type
		if s.enter && t.Kind() == reflect.Map {
			t = reflect.TypeFor[Entry]()
		} else if s.enter {
			t = t.Elem()
		}
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	for _, field := range strings.Split(c.At, ".") {
		if t.Kind() == reflect.Map {
			return nil
		}
		name, _, _ := strings.Cut(field, "[") // a list's or mapping's element
		f, ok := fieldByName(t, name)
		if !ok {
			return &Error{c.Place, fmt.Sprintf("rule %s: \"at\" names the field %q, which does not exist", c.ID, c.At)}
		}
		t = f.Type
	}
	return nil
}

// all returns the steps of a path; a rule without one has none.
func (p *listPath) all() []step {
	if p == nil {
		return nil
	}
	return p.steps
}

func (c *compiled) expr(e Expr, want *cel.Type) (*cel.Ast, cel.Program, error) {
	ast, issues := c.env.Compile(e.Text)
	if issues != nil && len(issues.Errors()) > 0 {
		first := issues.Errors()[0]
		return nil, nil, e.error(first.Location.Line(), first.Location.Column(), first.Message)
	}
	if got := ast.OutputType(); !got.IsExactType(want) && !got.IsExactType(cel.DynType) {
		return nil, nil, e.error(1, 0, fmt.Sprintf("the expression gives %s and has to give %s", got, want))
	}
	program, err := c.env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, nil, e.error(1, 0, err.Error())
	}
	return ast, program, nil
}

// error places a problem at a line and column of the expression in its file.
func (e Expr) error(line, column int, reason string) error {
	at := e.Place
	switch {
	case e.block:
		// The text of a block scalar starts below its header, two further in
		// than the key; the header's column tells nothing of that.
		at.Line += line
		at.Column = 0
	default:
		at.Line += line - 1
		at.Column += column
	}
	return &Error{at, reason}
}

// Check type-checks rules without judging anything. It returns every error.
func Check(rules []Rule, fn Functions) []error {
	var errs []error
	compilers := map[asset.Kind]*compiler{}
	for i := range rules {
		if err := check(compilers, &rules[i], fn); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func check(compilers map[asset.Kind]*compiler, r *Rule, fn Functions) error {
	c, ok := compilers[r.On]
	if !ok {
		var err error
		if c, err = newCompiler(r.On, fn); err != nil {
			return err
		}
		compilers[r.On] = c
	}
	out, err := c.bind(r)
	if err != nil {
		return err
	}
	if err := out.prepare(); err != nil {
		return err
	}
	if out.rating != nil {
		if _, err := out.rating(); err != nil {
			return err
		}
	}
	_, err = out.message()
	return err
}
