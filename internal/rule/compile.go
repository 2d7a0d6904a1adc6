package rule

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// compiled is a rule that is ready to judge.
type compiled struct {
	*Rule
	each    []step
	when    *cel.Ast
	program cel.Program
	message cel.Program
	env     *cel.Env
	// partial is the condition for assets with unknown fields, made when the
	// first one comes.
	partial func() (cel.Program, error)
}

// interruptEvery is how many steps of a comprehension pass between looks at the
// deadline.
const interruptEvery = 1000

// compile type-checks a rule in the environment of its kind.
func compile(env *cel.Env, r *Rule) (*compiled, error) {
	c := &compiled{Rule: r, env: env}
	if r.Each.Text != "" {
		if err := c.bindEach(); err != nil {
			return nil, r.Each.error(1, 0, err.Error())
		}
	}
	var err error
	if c.when, c.program, err = c.expr(r.When, cel.BoolType); err != nil {
		return nil, err
	}
	if _, c.message, err = c.expr(r.Message, cel.StringType); err != nil {
		return nil, err
	}
	c.partial = sync.OnceValues(func() (cel.Program, error) {
		return c.env.Program(c.when, cel.EvalOptions(cel.OptPartialEval), cel.InterruptCheckFrequency(interruptEvery))
	})
	return c, c.checkAt()
}

// bindEach declares "each" and "parent" with the types of the path's elements.
func (c *compiled) bindEach() error {
	steps, err := eachPath(c.On, c.Each.Text)
	if err != nil {
		return err
	}
	c.each = steps
	each, parent := cel.DynType, cel.DynType
	var opts []cel.EnvOption
	if t, ok := judgedTypes()[c.On]; ok {
		if each, parent, err = elementTypes(t, steps); err != nil {
			return err
		}
		if each.TypeName() == "rule.Entry" {
			opts = append(opts, ext.NativeTypes(reflect.TypeFor[Entry](), ext.ParseStructField(fieldName)))
		}
	}
	opts = append(opts, cel.Variable("each", each))
	if parent != nil {
		opts = append(opts, cel.Variable("parent", parent))
	}
	c.env, err = c.env.Extend(opts...)
	return err
}

// checkAt refuses a field path that the asset's type does not have.
func (c *compiled) checkAt() error {
	t, ok := judgedTypes()[c.On]
	if !ok || c.At == "" {
		return nil
	}
	for _, s := range c.each {
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
	envs := map[asset.Kind]*cel.Env{}
	for i := range rules {
		r := &rules[i]
		env, ok := envs[r.On]
		if !ok {
			var err error
			if env, err = newEnv(r.On, fn); err != nil {
				return append(errs, fmt.Errorf("setting up the rule language for %s: %w", r.On, err))
			}
			envs[r.On] = env
		}
		if _, err := compile(env, r); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
