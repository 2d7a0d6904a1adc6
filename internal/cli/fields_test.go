package cli

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFieldPage holds docs/reference/fields.md, the vocabulary of rules, against
// the Go types of assets and their comments.
func TestFieldPage(t *testing.T) {
	types := assetTypes(t)
	var b strings.Builder
	b.WriteString(generated("internal/asset/*.go") + strings.ReplaceAll(`# What rules can ask about

A rule on containers sees the fields of [Container](#container) as
^container.privileged^ and so on, and likewise for the other kinds of asset. A
list is entered with ^each^ or with the macros of CEL: ^all^, ^exists^,
^filter^, ^map^. See [how to write rules](../rules.md).

An ^object^ is a Kubernetes object as it is written: any key may be absent, so
ask with ^object.?spec.?type.orValue('')^ or ^has(object.spec)^.
`, "^", "`"))
	kinds := []string{"Container", "Pod", "Image", "Grant", "Namespace", "Component"}
	for _, name := range kinds {
		writeType(&b, name, types)
		delete(types, name)
	}
	b.WriteString("\n# The parts they consist of\n")
	for _, name := range slices.Sorted(maps.Keys(types)) {
		writeType(&b, name, types)
	}
	comparePages(t, reference, map[string]string{"fields.md": b.String()})
}

// assetType is a Go type that rules see.
type assetType struct {
	doc    string
	fields []assetField
}

type assetField struct{ name, typ, doc string }

// assetTypes reads the structs of internal/asset that have fields for rules.
func assetTypes(t *testing.T) map[string]*assetType {
	t.Helper()
	files, err := filepath.Glob("../asset/*.go")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]*assetType{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				s, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				if body, ok := s.Type.(*ast.StructType); ok {
					types[s.Name.Name] = &assetType{oneLine(gen.Doc.Text()), ruleFields(body)}
				}
			}
		}
	}
	// What every asset has is for the engine, and an object is dynamic.
	for _, name := range []string{"Head", "Field", "Unknown", "Object"} {
		if types[name] == nil {
			t.Fatalf("internal/asset has no type %s any more", name)
		}
		delete(types, name)
	}
	return types
}

// ruleFields lists the fields of a struct that rules see. A comment that names
// the fields after it as well stands for them too.
func ruleFields(body *ast.StructType) []assetField {
	var out []assetField
	shared := ""
	for _, f := range body.Fields.List {
		name := jsonName(f)
		if name == "" {
			continue
		}
		goName := f.Names[0].Name
		doc := oneLine(f.Doc.Text())
		itself := regexp.MustCompile(`\b` + goName + `\b`)
		if doc == "" && itself.MatchString(shared) {
			doc = shared
		}
		shared = doc
		out = append(out, assetField{name, celName(f.Type), itself.ReplaceAllString(doc, "`"+name+"`")})
	}
	return out
}

func jsonName(f *ast.Field) string {
	if f.Tag == nil || len(f.Names) == 0 {
		return ""
	}
	text, err := strconv.Unquote(f.Tag.Value)
	tag := reflect.StructTag(text)
	name, _, _ := strings.Cut(tag.Get("json"), ",")
	if err != nil || name == "-" || tag.Get("cel") == "-" {
		return ""
	}
	return name
}

// celName is a Go type as rules know it.
func celName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return celName(e.X)
	case *ast.ArrayType:
		return "list of " + celName(e.Elt)
	case *ast.MapType:
		return "map of " + celName(e.Value)
	case *ast.Ident:
		switch {
		case e.Name == "int64":
			return "int"
		case e.Name == "Format":
			return "string"
		case ast.IsExported(e.Name):
			return fmt.Sprintf("[%s](#%s)", e.Name, strings.ToLower(e.Name))
		}
		return e.Name
	}
	return "?"
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func writeType(b *strings.Builder, name string, types map[string]*assetType) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| field | type | |\n| --- | --- | --- |\n", name, types[name].doc)
	for _, f := range types[name].fields {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.name, f.typ, strings.ReplaceAll(f.doc, "|", `\|`))
	}
}
