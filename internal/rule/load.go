package rule

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Error is what is wrong with a rule file, at a place in it.
type Error struct {
	Place  source.Place
	Reason string
}

func (e *Error) Error() string { return e.Place.String() + ": " + e.Reason }

var slug = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Load reads all rule files (*.yaml, *.yml) of a file system, in order of their
// names. It returns every rule that is right and every error.
func Load(files fs.FS, root string, builtIn bool) ([]Rule, []error) {
	var rules []Rule
	var errs []error
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		more, moreErrs := Parse(path.Join(root, name), text, builtIn)
		rules, errs = append(rules, more...), append(errs, moreErrs...)
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("reading rules in %s: %w", root, err))
	}
	seen := map[string]source.Place{}
	for _, r := range rules {
		if first, ok := seen[r.ID]; ok {
			errs = append(errs, &Error{r.Place, fmt.Sprintf("rule %q is already defined at %s", r.ID, first)})
		}
		seen[r.ID] = r.Place
	}
	return rules, append(errs, settle(rules)...)
}

// settle adds to the condition of every rule that the more precise rules named
// in its "unless" do not hold. A rule that the user has switched off still
// counts: switching it off must not bring up another finding for its cause.
func settle(rules []Rule) []error {
	conditions := make(map[string]string, len(rules))
	sameElements := make(map[string]string, len(rules))
	for _, r := range rules {
		conditions[r.ID] = r.When.Text
		sameElements[r.ID] = string(r.On) + " " + r.Each.Text
	}
	var errs []error
	for i := range rules {
		r := &rules[i]
		if len(r.Unless) == 0 {
			continue
		}
		r.When.Text = "(" + r.When.Text + ")"
		for _, id := range r.Unless {
			if sameElements[id] != sameElements[r.ID] {
				errs = append(errs, &Error{r.Place, fmt.Sprintf("rule %s: \"unless\" names %q, which is no rule with the same \"on\" and \"each\"", r.ID, id)})
				continue
			}
			r.When.Text += " && !(" + conditions[id] + ")"
		}
	}
	return errs
}

// LoadKind reads only the built-in rules on one kind of asset, without their
// examples: the rules of a scan, at the cost of what the scan needs. Built-in
// rule files keep a layout (rules start with "- id:" at the first column,
// examples come last) that a test checks.
func LoadKind(files fs.FS, kind asset.Kind) ([]Rule, error) {
	var rules []Rule
	wanted := []byte("\n  on: " + string(kind) + "\n")
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		line := 1
		for len(text) > 0 {
			end := len(text)
			if i := bytes.Index(text[1:], []byte("\n- id:")); i >= 0 {
				end = i + 2
			}
			chunk := text[:end]
			if bytes.Contains(chunk, wanted) {
				if i := bytes.Index(chunk, []byte("\n  examples:\n")); i >= 0 {
					chunk = chunk[:i+1]
				}
				more, errs := parseAt(path.Join("rules", name), chunk, line, true)
				if len(errs) > 0 {
					return nil, errs[0]
				}
				rules = append(rules, more...)
			}
			line += bytes.Count(text[:end], []byte("\n"))
			text = text[end:]
		}
	}
	if errs := settle(rules); len(errs) > 0 {
		return nil, errs[0]
	}
	return rules, nil
}

// IDs lists the ids of built-in rules without reading more of them.
func IDs(files fs.FS) ([]string, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if id, ok := strings.CutPrefix(line, "- id: "); ok {
				ids = append(ids, strings.TrimSpace(id))
			}
		}
	}
	return ids, nil
}

// Parse reads one rule file: a list of rules.
func Parse(file string, text []byte, builtIn bool) ([]Rule, []error) {
	return parseAt(file, text, 1, builtIn)
}

func parseAt(file string, text []byte, line int, builtIn bool) ([]Rule, []error) {
	var rules []Rule
	l := loader{file: file, builtIn: builtIn}
	for _, doc := range source.Split(text) {
		doc.Line += line - 1
		root, err := doc.Parse()
		if err != nil {
			return nil, []error{fmt.Errorf("%s: %w", file, err)}
		}
		if root.Kind != source.List {
			l.errorf(root.Position, "a rule file is a list of rules: start each with \"- id:\"")
			continue
		}
		for _, n := range root.Items {
			before := len(l.errs)
			if r := l.rule(n); len(l.errs) == before {
				rules = append(rules, r)
			}
		}
	}
	return rules, l.errs
}

// loader turns nodes into rules and collects what is wrong with them.
type loader struct {
	file    string
	builtIn bool
	errs    []error
}

func (l *loader) errorf(at source.Position, format string, args ...any) {
	l.errs = append(l.errs, &Error{l.place(at), fmt.Sprintf(format, args...)})
}

func (l *loader) place(at source.Position) source.Place {
	return source.Place{File: l.file, Position: at}
}

func (l *loader) rule(n *source.Node) Rule {
	l.keys(n, "a rule", "id", "title", "topic", "severity", "rating", "on", "kinds", "formats", "each", "when", "unless",
		"at", "message", "why", "fix", "refs", "sensitive", "edit", "examples")
	r := Rule{
		ID: n.Text("id"), Title: n.Text("title"), Topic: n.Text("topic"),
		On: asset.Kind(n.Text("on")), Kinds: n.Strings("kinds"), Unless: n.Strings("unless"),
		Each: l.expr(n, "each"), When: l.expr(n, "when"), Message: l.expr(n, "message"), Rating: l.expr(n, "rating"),
		At: n.Text("at"), Why: strings.TrimSpace(n.Text("why")), Fix: strings.TrimSpace(n.Text("fix")),
		Place: l.place(n.Place("id")), BuiltIn: l.builtIn,
	}
	r.Sensitive, _ = n.Bool("sensitive")
	for _, key := range []string{"id", "title", "topic", "severity", "on", "when", "message"} {
		if n.Text(key) == "" {
			l.errorf(n.Position, "the rule has no %q", key)
		}
	}
	if r.ID != "" && !slug.MatchString(r.ID) {
		l.errorf(n.Place("id"), "id %q is no slug: use lower-case words joined by hyphens", r.ID)
	}
	if r.Topic != "" && !slices.Contains(Topics(), r.Topic) {
		l.errorf(n.Place("topic"), "unknown topic %q: use one of %s", r.Topic, strings.Join(Topics(), ", "))
	}
	if text := n.Text("severity"); text != "" {
		severity, err := finding.ParseSeverity(text)
		if err != nil {
			l.errorf(n.Place("severity"), "%s", err)
		}
		r.Severity = severity
	}
	if r.On != "" && !slices.Contains(kinds(), r.On) {
		l.errorf(n.Place("on"), "unknown kind of asset %q: use one of %s", r.On, joinKinds())
	}
	if (r.On == asset.KindObject) != (len(r.Kinds) > 0) {
		l.errorf(n.Place("on"), "\"kinds\" belongs to rules on objects, and they need it: it lists the Kubernetes kinds that the rule reads")
	}
	for _, f := range n.List("formats") {
		format := asset.Format(f.Text())
		if !slices.Contains([]asset.Format{asset.Kubernetes, asset.Compose, asset.Dockerfile, asset.Built, asset.Folder}, format) {
			l.errorf(f.Position, "unknown format %q: use kubernetes, compose, dockerfile, image or folder", format)
		}
		r.Formats = append(r.Formats, format)
	}
	r.Refs = l.refs(n)
	r.Edits = l.edits(n)
	r.Examples = Examples{Bad: l.examples(n, "bad"), Good: l.examples(n, "good")}
	return r
}

// keys refuses keys that are not known: a typo must not be a silent pass.
func (l *loader) keys(n *source.Node, what string, known ...string) {
	if n.Kind != source.Map {
		l.errorf(n.Position, "%s is a mapping", what)
		return
	}
	for _, p := range n.Pairs {
		if !slices.Contains(known, p.Key.Value) {
			l.errorf(p.Key.Position, "%s has no %q: the keys are %s", what, p.Key.Value, strings.Join(known, ", "))
		}
	}
}

func (l *loader) expr(n *source.Node, key string) Expr {
	v := n.Get(key)
	if v == nil {
		return Expr{}
	}
	return Expr{Text: strings.TrimSpace(v.Text()), Place: l.place(v.Position), block: v.IsBlock()}
}

func (l *loader) refs(n *source.Node) map[string][]string {
	pairs := n.Map("refs")
	if len(pairs) == 0 {
		return nil
	}
	refs := make(map[string][]string, len(pairs))
	for _, p := range pairs {
		if p.Value.Kind != source.List {
			l.errorf(p.Value.Position, "the references of %q are a list of ids", p.Key.Value)
		}
		refs[p.Key.Value] = p.Value.Strings()
	}
	return refs
}

func (l *loader) edits(n *source.Node) map[string]Edit {
	pairs := n.Map("edit")
	if len(pairs) == 0 {
		return nil
	}
	edits := make(map[string]Edit, len(pairs))
	for _, p := range pairs {
		l.keys(p.Value, "an edit", "set", "remove", "append", "value")
		e := Edit{
			Set: p.Value.Text("set"), Remove: p.Value.Text("remove"),
			Append: p.Value.Text("append"), Value: p.Value.Text("value"),
		}
		named := 0
		for _, at := range []string{e.Set, e.Remove, e.Append} {
			if at != "" {
				named++
			}
		}
		if named != 1 {
			l.errorf(p.Value.Position, "an edit has exactly one of \"set\", \"remove\" and \"append\"")
		}
		edits[p.Key.Value] = e
	}
	return edits
}

func (l *loader) examples(n *source.Node, key string) []Example {
	var out []Example
	for _, item := range n.List("examples", key) {
		if item.Kind != source.Map || len(item.Pairs) != 1 {
			l.errorf(item.Position, "an example is one format and its text: \"- compose: |\"")
			continue
		}
		p := item.Pairs[0]
		if !slices.Contains(ExampleFormats(), p.Key.Value) {
			l.errorf(p.Key.Position, "unknown format %q: use one of %s", p.Key.Value, strings.Join(ExampleFormats(), ", "))
		}
		out = append(out, Example{Format: p.Key.Value, Text: p.Value.Text(), Place: l.place(p.Key.Position)})
	}
	return out
}

func kinds() []asset.Kind {
	return []asset.Kind{asset.KindContainer, asset.KindPod, asset.KindImage, asset.KindGrant,
		asset.KindNamespace, asset.KindComponent, asset.KindObject, asset.KindPackage, asset.KindFile}
}

func joinKinds() string {
	var names []string
	for _, k := range kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}
