package helm

import (
	"context"
	"errors"
	"reflect"
	"time"
)

// A template is a program, and a hostile one never ends or fills the memory. A
// rendering therefore pays for everything it does out of a budget: for each
// call and turn of a loop a fixed price, for each byte that it makes or walks
// through one more. The price, unlike a clock, is the same on every machine,
// so the same chart always gives the same result; the clock only catches what
// the price does not see.
const (
	// maxCost is what the renderings of one chart may cost together. The large
	// charts of the field cost between a thousandth and a fifteenth of it.
	maxCost = 1 << 28
	// callCost is the price of a function call or of a turn of a loop.
	callCost = 64
	// maxText is the largest text that a single call may make.
	maxText = 16 << 20
	// maxNesting bounds values within values and templates within templates.
	maxNesting = 500
	// maxTime is for what the budget does not foresee.
	maxTime = 20 * time.Second
	// clockEvery is how many payments lie between two looks at the clock.
	clockEvery = 256
)

// The ways in which a rendering ends early.
var (
	errSpent  = errors.New("its templates do not end within the bounds of a rendering: a loop or a text in them grows without limit")
	errText   = errors.New("it makes a text of more than 16 MiB in one call")
	errNested = errors.New("values or templates contain each other more than 500 levels deep")
)

// budget is what a rendering may still spend.
type budget struct {
	ctx      context.Context
	left     int64
	deadline time.Time
	payments uint
}

func newBudget(ctx context.Context, cost int64) *budget {
	return &budget{ctx: ctx, left: cost, deadline: time.Now().Add(maxTime)}
}

// spend pays, or reports why the rendering has to stop.
func (b *budget) spend(cost int64) error {
	b.left -= cost
	if b.left < 0 || cost < 0 {
		b.left = 0
		return errSpent
	}
	if b.payments++; b.payments%clockEvery == 0 {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(b.deadline) {
			b.left = 0
			return errSpent
		}
	}
	return nil
}

// over reports whether an error ends the rendering, not only one template.
func over(err error) bool {
	return errors.Is(err, errSpent) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// measure returns the size of a value and of everything below it, counting
// what is reached twice twice, as whoever prints it would. It gives up on
// values that contain themselves and on those that the budget cannot pay for.
func (b *budget) measure(v any) (int64, error) {
	m := measurer{left: b.left}
	m.value(v, 0)
	return b.left - m.left, m.err
}

type measurer struct {
	left int64
	err  error
}

// wordSize stands for a value that holds no text.
const wordSize = 16

// mapSize stands for a mapping itself, which takes much memory even when empty.
const mapSize = 256

func (m *measurer) pay(size int, depth int) bool {
	switch {
	case m.err != nil:
	case depth > maxNesting:
		m.err = errNested
	case int64(size)+wordSize > m.left:
		m.err = errSpent
	default:
		m.left -= int64(size) + wordSize
		return true
	}
	return false
}

func (m *measurer) value(v any, depth int) {
	switch v := v.(type) {
	case nil, bool, int, int64, float64:
		m.pay(0, depth)
	case string:
		m.pay(len(v), depth)
	case map[string]any:
		m.mapping(v, depth)
	case Values:
		m.mapping(v, depth)
	case []any:
		if !m.pay(0, depth) {
			return
		}
		for _, item := range v {
			if m.value(item, depth+1); m.err != nil {
				return
			}
		}
	default:
		m.reflected(reflect.ValueOf(v), depth)
	}
}

func (m *measurer) mapping(v map[string]any, depth int) {
	if !m.pay(mapSize, depth) {
		return
	}
	for key, item := range v {
		if m.pay(len(key), depth); m.err != nil {
			return
		}
		if m.value(item, depth+1); m.err != nil {
			return
		}
	}
}

func (m *measurer) reflected(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		m.pay(v.Len(), depth)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() <= reflect.Complex128 { // numbers and bytes hold nothing
			m.pay(v.Len()*int(v.Type().Elem().Size()), depth)
			return
		}
		if !m.pay(0, depth) {
			return
		}
		for i := 0; i < v.Len() && m.err == nil; i++ {
			m.reflected(v.Index(i), depth+1)
		}
	case reflect.Map:
		if !m.pay(mapSize, depth) {
			return
		}
		for it := v.MapRange(); it.Next() && m.err == nil; {
			m.reflected(it.Key(), depth+1)
			m.reflected(it.Value(), depth+1)
		}
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() && m.pay(0, depth) {
			m.reflected(v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := 0; i < v.NumField() && m.err == nil; i++ {
			m.reflected(v.Field(i), depth+1)
		}
	default:
		m.pay(0, depth)
	}
}

// shallow returns the size of a value without what its elements hold.
func shallow(v reflect.Value) int64 {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		return int64(v.Len())
	case reflect.Slice:
		return int64(v.Len()) * wordSize
	case reflect.Map:
		return mapSize + int64(v.Len())*4*wordSize
	}
	return 0
}
