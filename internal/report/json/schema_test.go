package json

import (
	"encoding"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
)

// generator makes a JSON Schema from Go types: the form by reflection, the
// descriptions from their comments.
type generator struct {
	docs   map[string]string // by "package.Type" and "package.Type.Field"
	defs   map[string]any
	closed bool // refuse members that are not described
}

// schemaOf returns the schema of a report.
func schemaOf(t *testing.T, closed bool) map[string]any {
	t.Helper()
	g := &generator{docs: map[string]string{}, defs: map[string]any{}, closed: closed}
	for _, dir := range []string{".", "../../asset", "../../finding", "../../source"} {
		g.readDocs(t, dir)
	}
	schema := g.object(reflect.TypeFor[Document]())
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$id"] = Schema
	schema["title"] = "Report of holdfast scan"
	schema["properties"].(map[string]any)["schema"].(map[string]any)["const"] = Schema
	schema["$defs"] = g.defs
	return schema
}

// readDocs collects the comments of a package's types and fields.
func (g *generator) readDocs(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			types, ok := decl.(*ast.GenDecl)
			if !ok || types.Tok != token.TYPE {
				continue
			}
			for _, spec := range types.Specs {
				g.typeDocs(tree.Name.Name, types.Doc, spec.(*ast.TypeSpec))
			}
		}
	}
}

func (g *generator) typeDocs(pkg string, doc *ast.CommentGroup, spec *ast.TypeSpec) {
	name := pkg + "." + spec.Name.Name
	g.docs[name] = sentence(doc)
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range fields.Fields.List {
		for _, ident := range field.Names {
			g.docs[name+"."+ident.Name] = sentence(field.Doc)
		}
	}
}

func sentence(doc *ast.CommentGroup) string {
	return strings.Join(strings.Fields(doc.Text()), " ")
}

func (g *generator) schema(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[finding.Severity]():
		var names []any
		for _, s := range finding.Severities() {
			names = append(names, s.String())
		}
		return map[string]any{"type": "string", "enum": names}
	case t == reflect.TypeFor[finding.Verdict]():
		return map[string]any{"type": "string", "enum": []any{finding.Fail, finding.Pass, finding.Manual, finding.Undetermined}}
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.schema(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": g.schema(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": g.schema(t.Elem())}
	case reflect.Struct:
		return g.reference(t)
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return map[string]any{"type": "number", "minimum": 0}
	}
	panic("the schema generator does not know " + t.String())
}

// reference describes a struct once, under its name.
func (g *generator) reference(t reflect.Type) map[string]any {
	name := t.Name()
	if _, ok := g.defs[name]; !ok {
		g.defs[name] = nil // being described
		g.defs[name] = g.object(t)
	}
	return map[string]any{"$ref": "#/$defs/" + name}
}

func (g *generator) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []any{}
	for _, field := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous || name == "-" || !field.IsExported() {
			continue
		}
		property := g.schema(field.Type)
		owner := t
		for _, i := range field.Index[:len(field.Index)-1] {
			owner = owner.Field(i).Type
		}
		if doc := g.doc(owner, field.Name); doc != "" {
			property["description"] = doc
		}
		properties[name] = property
		if options == "" {
			required = append(required, name)
		}
	}
	schema := map[string]any{"type": "object", "properties": properties, "required": required}
	if doc := g.docs[t.String()]; doc != "" {
		schema["description"] = doc
	}
	if g.closed {
		schema["additionalProperties"] = false
	}
	return schema
}

func (g *generator) doc(owner reflect.Type, field string) string {
	return g.docs[owner.String()+"."+field]
}
