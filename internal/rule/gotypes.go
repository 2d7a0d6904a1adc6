package rule

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// goTypes makes the Go types of assets known to CEL under their json names. It
// does what cel-go's ext.NativeTypes does, for plain structs only, but looks
// fields up once when a rule is compiled and hands out pointers instead of
// copies: conditions over assets are the hot path of every scan.
type goTypes struct {
	adapter  types.Adapter
	provider types.Provider
	byName   map[string]*goType
	byType   map[reflect.Type]*goType
}

// goType is one struct type.
type goType struct {
	name   string
	cel    *types.Type
	fields map[string]*types.FieldType
	names  []string
}

// withGoTypes is the environment option that adds struct types and all that
// they contain.
func withGoTypes(roots ...reflect.Type) cel.EnvOption {
	return func(env *cel.Env) (*cel.Env, error) {
		g := &goTypes{adapter: env.CELTypeAdapter(), provider: env.CELTypeProvider(),
			byName: map[string]*goType{}, byType: map[reflect.Type]*goType{}}
		for _, root := range roots {
			g.add(root)
		}
		env, err := cel.CustomTypeAdapter(g)(env)
		if err != nil {
			return nil, err
		}
		return cel.CustomTypeProvider(g)(env)
	}
}

func (g *goTypes) add(t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if _, known := g.byType[t]; known || t.Kind() != reflect.Struct {
		return
	}
	gt := &goType{name: typeName(t), cel: types.NewObjectType(typeName(t)), fields: map[string]*types.FieldType{}}
	g.byType[t], g.byName[gt.name] = gt, gt
	for i := range t.NumField() {
		f := t.Field(i)
		name := fieldName(f)
		if name == "" || name[0] == 0 {
			continue
		}
		g.add(f.Type)
		gt.names = append(gt.names, name)
		gt.fields[name] = &types.FieldType{
			Type: celType(f.Type),
			IsSet: func(v any) bool {
				field, ok := structField(v, i)
				return ok && !field.IsZero()
			},
			GetFrom: func(v any) (any, error) {
				field, ok := structField(v, i)
				if !ok {
					return nil, fmt.Errorf("no field %s in %T", name, v)
				}
				return plain(field), nil
			},
		}
	}
}

func structField(v any, index int) (reflect.Value, bool) {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	}
	if rv.Kind() != reflect.Struct {
		return reflect.Value{}, false
	}
	return rv.Field(index), true
}

// plain takes a field's value out of its struct: structs by pointer, lists of
// structs as pointers to their elements, texts of named types as text.
func plain(field reflect.Value) any {
	switch field.Kind() {
	case reflect.Struct:
		if field.CanAddr() {
			return field.Addr().Interface()
		}
	case reflect.String:
		return field.String()
	case reflect.Slice:
		if elem := field.Type().Elem().Kind(); elem == reflect.Struct || elem == reflect.Pointer {
			items := make([]any, field.Len())
			for i := range items {
				item := field.Index(i)
				if elem == reflect.Struct {
					item = item.Addr()
				}
				items[i] = item.Interface()
			}
			return items
		}
	}
	return field.Interface()
}

// typeName is the name of a Go type in the rule language: "asset.Mount".
func typeName(t reflect.Type) string { return t.String() }

// celType is the CEL type of values of a Go type.
func celType(t reflect.Type) *cel.Type {
	switch t.Kind() {
	case reflect.Pointer:
		return celType(t.Elem())
	case reflect.Bool:
		return cel.BoolType
	case reflect.String:
		return cel.StringType
	case reflect.Int, reflect.Int64:
		return cel.IntType
	case reflect.Slice:
		return cel.ListType(celType(t.Elem()))
	case reflect.Map:
		return cel.MapType(celType(t.Key()), celType(t.Elem()))
	case reflect.Struct:
		return cel.ObjectType(typeName(t))
	}
	return cel.DynType
}

// NativeToValue implements types.Adapter.
func (g *goTypes) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case ref.Val:
		return v
	case string:
		return types.String(v)
	case bool:
		return types.Bool(v)
	case int64:
		return types.Int(v)
	case []any:
		return types.NewDynamicList(g, v)
	case []string:
		return types.NewStringList(g, v)
	case map[string]any:
		return types.NewStringInterfaceMap(g, v)
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer && !rv.IsNil() {
		if t, ok := g.byType[rv.Type().Elem()]; ok {
			return &goObject{goTypes: g, goType: t, value: v}
		}
	}
	return g.adapter.NativeToValue(v)
}

// EnumValue implements types.Provider.
func (g *goTypes) EnumValue(name string) ref.Val { return g.provider.EnumValue(name) }

// FindIdent implements types.Provider.
func (g *goTypes) FindIdent(name string) (ref.Val, bool) {
	if t, ok := g.byName[name]; ok {
		return t.cel, true
	}
	return g.provider.FindIdent(name)
}

// FindStructType implements types.Provider.
func (g *goTypes) FindStructType(name string) (*types.Type, bool) {
	if t, ok := g.byName[name]; ok {
		return types.NewTypeTypeWithParam(t.cel), true
	}
	return g.provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (g *goTypes) FindStructFieldNames(name string) ([]string, bool) {
	if t, ok := g.byName[name]; ok {
		return slices.Clone(t.names), true
	}
	return g.provider.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (g *goTypes) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if t, ok := g.byName[name]; ok {
		f, ok := t.fields[field]
		return f, ok
	}
	return g.provider.FindStructFieldType(name, field)
}

// NewValue implements types.Provider. Rules judge assets and make none.
func (g *goTypes) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := g.byName[name]; ok {
		return types.NewErr("rules cannot make values of type %s", name)
	}
	return g.provider.NewValue(name, fields)
}

// goObject is a struct as a CEL value, by pointer.
type goObject struct {
	*goTypes
	*goType
	value any
}

// Get implements traits.Indexer.
func (o *goObject) Get(key ref.Val) ref.Val {
	f, ok := o.fields[text(key)]
	if !ok {
		return types.NewErr("no such field: %v", key)
	}
	v, err := f.GetFrom(o.value)
	if err != nil {
		return types.WrapErr(err)
	}
	return o.NativeToValue(v)
}

// IsSet implements traits.FieldTester.
func (o *goObject) IsSet(key ref.Val) ref.Val {
	f, ok := o.fields[text(key)]
	if !ok {
		return types.NewErr("no such field: %v", key)
	}
	return types.Bool(f.IsSet(o.value))
}

// ConvertToNative implements ref.Val.
func (o *goObject) ConvertToNative(t reflect.Type) (any, error) {
	if reflect.TypeOf(o.value).AssignableTo(t) {
		return o.value, nil
	}
	return nil, fmt.Errorf("a value of type %s is no %v", o.name, t)
}

// ConvertToType implements ref.Val.
func (o *goObject) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.cel
	}
	return types.NewErr("a value of type %s is no %s", o.name, t.TypeName())
}

// Equal implements ref.Val.
func (o *goObject) Equal(other ref.Val) ref.Val {
	return types.Bool(reflect.DeepEqual(o.value, other.Value()))
}

// Type implements ref.Val.
func (o *goObject) Type() ref.Type { return o.cel }

// Value implements ref.Val.
func (o *goObject) Value() any { return o.value }
