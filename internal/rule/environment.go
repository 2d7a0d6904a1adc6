package rule

import (
	"fmt"
	"path"
	"reflect"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// Functions are the judgements that are algorithms and live elsewhere; rules
// call them by the names of the fields in lower case.
type Functions struct {
	// Credential says what kind of credential a value given under a name is,
	// "" for none.
	Credential func(name, value string) string
	// Credentials says what kinds of credential stand in a longer text.
	Credentials func(text string) []string
	// Lookalike says which well-known image a name imitates, "" for none.
	Lookalike func(registry, repository string) string
	// RegistryAllowed says whether the user lets images come from a repository
	// of a registry.
	RegistryAllowed func(registry, repository string) bool
}

// judgedTypes are the Go types that rules see, by the kind that they judge.
// Objects are missing: they are dynamic.
func judgedTypes() map[asset.Kind]reflect.Type {
	return map[asset.Kind]reflect.Type{
		asset.KindContainer: reflect.TypeFor[asset.Container](),
		asset.KindPod:       reflect.TypeFor[asset.Pod](),
		asset.KindImage:     reflect.TypeFor[asset.Image](),
		asset.KindGrant:     reflect.TypeFor[asset.Grant](),
		asset.KindNamespace: reflect.TypeFor[asset.Namespace](),
		asset.KindComponent: reflect.TypeFor[asset.Component](),
		asset.KindPackage:   reflect.TypeFor[asset.Package](),
		asset.KindFile:      reflect.TypeFor[asset.File](),
	}
}

// fieldName gives a Go field its name in the rule language: its json name, or
// one that no rule can spell for fields that are hidden from rules.
func fieldName(f reflect.StructField) string {
	if f.Tag.Get("cel") == "-" || f.Tag.Get("json") == "-" {
		return "\x00" + f.Name
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// variable is what the rule language calls the asset: its kind, but "ns" for a
// namespace and "pkg" for a package, as CEL keeps those words for itself.
func variable(kind asset.Kind) string {
	switch kind {
	case asset.KindNamespace:
		return "ns"
	case asset.KindPackage:
		return "pkg"
	}
	return string(kind)
}

// newEnv makes the CEL environment for rules on one kind.
func newEnv(kind asset.Kind, fn Functions) (*cel.Env, error) {
	judged := cel.DynType
	opts := []cel.EnvOption{
		ext.Strings(), ext.Lists(), ext.Sets(), ext.Math(), ext.Bindings(), ext.TwoVarComprehensions(),
		cel.OptionalTypes(),
	}
	if t, ok := judgedTypes()[kind]; ok {
		opts = append(opts, withGoTypes(t, reflect.TypeFor[Entry]()))
		judged = celType(t)
	}
	opts = append(opts, cel.Variable(variable(kind), judged))
	return cel.NewCustomEnv(append([]cel.EnvOption{cel.StdLib()}, append(opts, functions(fn)...)...)...)
}

func functions(fn Functions) []cel.EnvOption {
	str, boolean := cel.StringType, cel.BoolType
	opts := []cel.EnvOption{
		// within(p, dir): the path is dir or lies below it.
		cel.Function("within", cel.Overload("within_string_string", []*cel.Type{str, str}, boolean,
			cel.BinaryBinding(func(p, dir ref.Val) ref.Val { return types.Bool(within(text(p), text(dir))) }))),
		// exposes(p, target): whoever has p can reach target: p is target, a
		// parent of it, or lies below it.
		cel.Function("exposes", cel.Overload("exposes_string_string", []*cel.Type{str, str}, boolean,
			cel.BinaryBinding(func(p, target ref.Val) ref.Val {
				return types.Bool(within(text(p), text(target)) || within(text(target), text(p)))
			}))),
		cel.Function("credential", cel.Overload("credential_string_string", []*cel.Type{str, str}, str,
			cel.BinaryBinding(func(name, value ref.Val) ref.Val {
				return types.String(fn.Credential(text(name), text(value)))
			}))),
		cel.Function("credentials", cel.Overload("credentials_string", []*cel.Type{str}, cel.ListType(str),
			cel.UnaryBinding(func(value ref.Val) ref.Val {
				return types.DefaultTypeAdapter.NativeToValue(fn.Credentials(text(value)))
			}))),
	}
	opts = append(opts, cel.Function("lookalike", cel.Overload("lookalike_string_string", []*cel.Type{str, str}, str,
		cel.BinaryBinding(func(registry, repository ref.Val) ref.Val {
			return types.String(fn.Lookalike(text(registry), text(repository)))
		}))))
	opts = append(opts, cel.Function("registryAllowed", cel.Overload("registryAllowed_string_string", []*cel.Type{str, str}, boolean,
		cel.BinaryBinding(func(registry, repository ref.Val) ref.Val {
			return types.Bool(fn.RegistryAllowed(text(registry), text(repository)))
		}))))
	opts = append(opts, cel.Function("allows", cel.MemberOverload("grant_allows_string_string_string",
		[]*cel.Type{cel.ObjectType("asset.Grant"), str, str, str}, boolean,
		cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			g, ok := args[0].Value().(*asset.Grant)
			if !ok {
				return types.NewErr("allows: no grant but %T", args[0].Value())
			}
			return types.Bool(g.Allows(text(args[1]), text(args[2]), text(args[3])))
		}))))
	return opts
}

func text(v ref.Val) string {
	s, ok := v.Value().(string)
	if !ok {
		return fmt.Sprint(v.Value())
	}
	return s
}

// within reports whether the slash-separated path p is dir or lies below it.
func within(p, dir string) bool {
	if p == "" || dir == "" {
		return false
	}
	p, dir = path.Clean(p), path.Clean(dir)
	return p == dir || dir == "/" && path.IsAbs(p) || strings.HasPrefix(p, dir+"/")
}
