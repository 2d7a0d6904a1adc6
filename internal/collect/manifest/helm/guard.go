package helm

import (
	"cmp"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// guard makes functions pay.
type guard struct {
	budget   *budget
	programs map[string]int64 // the sizes of regular expressions
}

// touches are the functions that take the same time however large their
// arguments are, copies those that go through the first level of them. All
// others are taken to walk through everything below.
var (
	touches = []string{
		"all", "any", "coalesce", "default", "dig", "empty", "first", "mustFirst", "get", "hasKey", "kindIs",
		"kindOf", "last", "mustLast", "list", "required", "set", "ternary", "tuple", "typeIs", "typeIsLike", "typeOf", "unset",
	}
	copies = []string{
		"append", "push", "mustAppend", "mustPush", "prepend", "mustPrepend", "concat", "initial", "mustInitial", "rest",
		"mustRest", "keys", "values", "omit", "pick", "pluck", "reverse", "mustReverse", "slice", "mustSlice", "chunk",
		"mustChunk", "compact", "mustCompact",
	}
)

// wrap returns the function with the same type that pays first: for the call,
// for its arguments, and for its result.
func (g *guard) wrap(name string, function any) any {
	f := reflect.ValueOf(function)
	variadic := f.Type().IsVariadic()
	price, made := walked, everything
	switch {
	case name == "dict", slices.Contains(copies, name):
		price, made = copied, firstLevel
	case slices.Contains(touches, name):
		price, made = touched, nothing
	}
	forecast := forecasts[name]
	return reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
		cost, err := price(g.budget, args)
		g.check(err)
		g.check(g.budget.spend(callCost + cost))
		if forecast != nil {
			g.check(forecast(g, args, cost))
		}
		var out []reflect.Value
		if variadic {
			out = f.CallSlice(args)
		} else {
			out = f.Call(args)
		}
		g.check(g.paid(out[0], made))
		return out
	}).Interface()
}

// How much of a function's result is new.
const (
	nothing = iota
	firstLevel
	everything
)

// paid pays for what is new in a result.
func (g *guard) paid(result reflect.Value, made int) error {
	switch made {
	case firstLevel:
		return g.budget.spend(shallow(result))
	case everything:
		n, err := g.budget.measure(result.Interface())
		if err != nil {
			return err
		}
		return g.budget.spend(n)
	}
	return nil
}

// touched is the price of arguments that are only passed on: that of the list
// of them.
func touched(_ *budget, args []reflect.Value) (int64, error) {
	if n := len(args); n > 0 && args[n-1].Kind() == reflect.Slice {
		return int64(args[n-1].Len()) * wordSize, nil
	}
	return 0, nil
}

// copied is the price of the first level of arguments.
func copied(_ *budget, args []reflect.Value) (int64, error) {
	cost := int64(0)
	for _, arg := range args {
		cost += shallow(arg)
		if arg.Kind() == reflect.Slice {
			for i := range arg.Len() {
				cost += shallow(arg.Index(i))
			}
		}
	}
	return cost, nil
}

// walked is the price of everything in and below arguments.
func walked(b *budget, args []reflect.Value) (int64, error) {
	cost := int64(0)
	for _, arg := range args {
		n, err := b.measure(arg.Interface())
		if err != nil {
			return 0, err
		}
		cost += n
	}
	return cost, nil
}

// check ends the call: text/template turns the panic into the error of the
// template.
func (g *guard) check(err error) {
	if err != nil {
		panic(err)
	}
}

// A forecast refuses a call whose result would be out of proportion to its
// arguments, before it is made. Cost is what the arguments cost.
type forecast func(g *guard, args []reflect.Value, cost int64) error

var forecasts = map[string]forecast{
	"repeat":  func(_ *guard, a []reflect.Value, _ int64) error { return product(a[0].Int(), int64(a[1].Len())) },
	"indent":  indentation,
	"nindent": indentation,
	"replace": func(_ *guard, a []reflect.Value, _ int64) error {
		return product(int64(strings.Count(a[2].String(), a[0].String())), int64(a[1].Len()))
	},
	"join": func(_ *guard, a []reflect.Value, _ int64) error {
		return product(int64(a[0].Len()), shallow(a[1])/wordSize)
	},
	"until":     counting,
	"untilStep": counting,
	"seq": func(g *guard, a []reflect.Value, cost int64) error {
		var params []reflect.Value
		for i := range a[0].Len() {
			params = append(params, a[0].Index(i))
		}
		return counting(g, params, cost)
	},
	"split":                      splitting,
	"splitn":                     func(g *guard, a []reflect.Value, c int64) error { return splitting(g, []reflect.Value{a[0], a[2]}, c) },
	"printf":                     formatting,
	"fromYaml":                   reading,
	"fromYamlArray":              reading,
	"fromToml":                   reading,
	"fromJson":                   reading,
	"fromJsonArray":              reading,
	"mustFromJson":               reading,
	"wrap":                       wrapping,
	"wrapWith":                   wrapping,
	"uniq":                       pairwise,
	"mustUniq":                   pairwise,
	"without":                    pairwise,
	"mustWithout":                pairwise,
	"regexMatch":                 matching,
	"mustRegexMatch":             matching,
	"regexFind":                  matching,
	"mustRegexFind":              matching,
	"regexFindAll":               matching,
	"mustRegexFindAll":           matching,
	"regexSplit":                 matching,
	"mustRegexSplit":             matching,
	"regexReplaceAll":            replacing,
	"mustRegexReplaceAll":        replacing,
	"regexReplaceAllLiteral":     replacing,
	"mustRegexReplaceAllLiteral": replacing,
}

// product refuses a result of n times size bytes if that is too much.
func product(n, size int64) error {
	if n > 0 && size > 0 && n > maxText/size {
		return errText
	}
	return nil
}

// counting bounds lists of numbers as if they counted in steps of 1 from zero
// to the largest number that is named.
func counting(_ *guard, a []reflect.Value, _ int64) error {
	for _, number := range a {
		const most = maxText / 4 / wordSize
		if n := number.Int(); n > most || n < -most {
			return errText
		}
	}
	return nil
}

func indentation(_ *guard, a []reflect.Value, _ int64) error {
	return product(a[0].Int(), int64(strings.Count(a[1].String(), "\n")+1))
}

// formatting bounds the widths in a format and arguments that it names twice.
func formatting(_ *guard, a []reflect.Value, cost int64) error {
	const widest = 1_000_000 // fmt refuses more
	format := a[0].String()
	var total int64
	for at := 0; at < len(format); at++ {
		if format[at] != '%' {
			continue
		}
		width := int64(0)
		for at++; at < len(format) && strings.IndexByte("+-# .0123456789[]*", format[at]) >= 0; at++ {
			switch c := format[at]; {
			case c >= '0' && c <= '9':
				width = min(10*width+int64(c-'0'), widest)
			case c == '*':
				width = widest
			case c == '[':
				total += cost
			case c == '.':
				total += width
				width = 0
			}
		}
		total += width
	}
	return product(total, 1)
}

// splitting pays for a mapping with an entry for each part of a text.
func splitting(g *guard, a []reflect.Value, _ int64) error {
	return g.budget.spend(128 * int64(strings.Count(a[1].String(), a[0].String())))
}

// reading pays for a parser, which takes many times the memory of its text.
func reading(g *guard, a []reflect.Value, _ int64) error {
	const most = 1 << 20
	if a[0].Len() > most {
		return errText
	}
	return g.budget.spend(16 * int64(a[0].Len()))
}

// wrapping bounds a function that takes quadratic time.
func wrapping(_ *guard, _ []reflect.Value, cost int64) error { return product(cost, cost>>8) }

// pairwise bounds functions that compare each element with each other.
func pairwise(g *guard, _ []reflect.Value, cost int64) error {
	return g.budget.spend(cost / wordSize * (cost / wordSize) / 16)
}

// matching pays for a regular expression: its machine takes a step for each of
// its instructions and each byte of the text.
func matching(g *guard, a []reflect.Value, _ int64) error {
	pattern, text := a[0].String(), a[1].String()
	size, ok := g.programs[pattern]
	if !ok {
		size = 1
		if parsed, err := syntax.Parse(pattern, syntax.Perl); err == nil {
			if program, err := syntax.Compile(parsed.Simplify()); err == nil {
				size = int64(len(program.Inst))
			}
		}
		g.programs[pattern] = size
	}
	// Compiling it again costs about as much for each instruction.
	return g.budget.spend(size * (16 + int64(len(text))/8))
}

func replacing(g *guard, a []reflect.Value, cost int64) error {
	if err := matching(g, a, cost); err != nil {
		return err
	}
	text, with := a[1].String(), a[2].String()
	most := int64(len(text)+1)*int64(len(with)) + int64(strings.Count(with, "$")*len(text))
	if product(most, 1) == nil {
		return nil
	}
	expression, err := regexp.Compile(a[0].String())
	if err != nil {
		return nil // the function itself says so
	}
	matches := int64(len(expression.FindAllStringIndex(text, -1)))
	return cmp.Or(product(matches, int64(len(with))), product(int64(strings.Count(with, "$")), int64(len(text))))
}
