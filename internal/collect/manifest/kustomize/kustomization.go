package kustomize

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// kustomization is one kustomization file, taken apart.
type kustomization struct {
	entry     *collect.Entry
	id        int
	text      []byte
	root      *source.Node // nil if it could not be parsed
	component bool
	// out is the kustomization as the library is given it.
	out      map[string]any
	children []*kustomization
	// files are all files that it consists of, resources those with objects.
	files     []*collect.Entry
	resources []*collect.Entry
	patches   []patchSource
	problems  []problem
	// cut says that something was taken out that objects may come from.
	cut bool
}

// patchSource is a patch: a file, or text within the kustomization.
type patchSource struct {
	entry  *collect.Entry
	inline *source.Node
	target *source.Node
}

func byPath(a, b *kustomization) int { return cmp.Compare(a.entry.Path, b.entry.Path) }

// maxKustomization bounds the text of a kustomization.
const maxKustomization = 1 << 20

// read parses a kustomization. It returns nil for files that only share the
// name, such as the objects with which Flux deploys one.
func read(e *collect.Entry) *kustomization {
	k := &kustomization{entry: e}
	text, err := e.Read()
	if err == nil && len(text) > maxKustomization {
		err = fmt.Errorf("it is larger than %d KiB", maxKustomization>>10)
	}
	if err != nil {
		k.problemf(source.Place{File: e.Path}, "%s", err)
		return k
	}
	docs := source.Split(text)
	if len(docs) == 0 {
		k.problemf(source.Place{File: e.Path}, "the kustomization is empty")
		return k
	}
	root, err := docs[0].Parse()
	if err != nil {
		place := source.Place{File: e.Path}
		if syntax, ok := err.(*source.SyntaxError); ok {
			place.Position = syntax.Position
			err = fmt.Errorf("it is not valid YAML: %s", syntax.Reason)
		}
		k.problemf(place, "%s", err)
		return k
	}
	if group, _, _ := strings.Cut(root.Text("apiVersion"), "/"); group != "" && group != "kustomize.config.k8s.io" {
		return nil
	}
	k.text = text
	if root.Kind != source.Map {
		k.problemf(source.Place{File: e.Path}, "it is no kustomization: it is not a mapping")
		return k
	}
	k.root, k.component = root, root.Text("kind") == "Component"
	return k
}

// at is the place of a node of the kustomization file.
func (k *kustomization) at(n *source.Node) source.Place {
	return source.Place{File: k.entry.Path, Position: n.Position}
}

// key is the place of a key of the kustomization.
func (k *kustomization) key(name string) source.Place { return k.at(k.root.Pair(name).Key) }

// folder and location are names that a kustomization and a file have for the
// library. They are made up: a name of the input might be taken for an address.
func (k *kustomization) folder() string { return fmt.Sprintf("/k%d", k.id) }

func (k *kustomization) use(e *collect.Entry) string {
	if !slices.Contains(k.files, e) {
		k.files = append(k.files, e)
	}
	return "../f" + encode(e.Path)
}

// encode gives a path a form that holds letters and digits only.
func encode(p string) string { return fmt.Sprintf("%x", p) }

// remote recognises what kustomize would download.
var remote = regexp.MustCompile(`(?i)^(?:[a-z][a-z0-9+.-]*://|git::|[a-z0-9_.-]+@[^/]+:|(?:www\.)?github\.com[/:]|gh:)|\?(?:ref|version|timeout|submodules)=|^[a-z0-9-]+(?:\.[a-z0-9-]+)+/.*(?:\.git\b|//|_git/)`)

// find looks an entry up: a file or a kustomization of the tree, or why not.
func (k *kustomization) find(f *forest, entry string) (*collect.Entry, *kustomization, string) {
	p := path.Join(k.entry.Dir(), entry)
	known := !path.IsAbs(entry) && !remote.MatchString(entry) && strings.TrimSpace(entry) != ""
	if known {
		if e := f.tree.Reach(p); e != nil {
			return e, nil, ""
		}
	}
	child := f.byDir[p]
	if child == nil && known {
		child = f.reach(p)
	}
	shown := short(entry)
	switch {
	case strings.TrimSpace(entry) == "":
		return nil, nil, "the entry is empty"
	case remote.MatchString(entry):
		return nil, nil, "it is remote and not fetched: " + shown
	case path.IsAbs(entry):
		return nil, nil, shown + " is an absolute path: kustomize refuses it"
	case child == k:
		return nil, nil, shown + " is the kustomization itself"
	case child != nil:
		return nil, child, ""
	case len(f.tree.Below(p)) > 0:
		return nil, nil, shown + " holds no kustomization"
	}
	return nil, nil, shown + " is not among the scanned files: it is left out (does it exist, and does the scan start high enough to see it?)"
}

// short keeps a text of the input to one line.
func short(text string) string {
	text, _, cut := strings.Cut(strings.TrimSpace(text), "\n")
	if r := []rune(text); len(r) > 120 {
		text, cut = string(r[:120]), true
	}
	if cut {
		text += "..."
	}
	return text
}

// resolve finds everything that the kustomization refers to and writes the form
// that the library is given.
func (k *kustomization) resolve(f *forest) {
	if k.root == nil {
		return
	}
	k.out, _ = k.root.Native().(map[string]any)
	k.out["buildMetadata"] = []any{"originAnnotations"}
	k.operands(f)
	k.allPatches(f)
	for _, field := range []string{"configMapGenerator", "secretGenerator"} {
		k.generators(f, field)
	}
	k.replacements(f)
	k.programs(f)
	k.unsupported()
	for field, value := range k.out {
		if list, ok := value.([]any); value == nil || ok && len(list) == 0 {
			delete(k.out, field)
		}
	}
	slices.SortStableFunc(k.problems, func(a, b problem) int { return a.place.Compare(b.place) })
}

// operands are the lists of files and folders.
func (k *kustomization) operands(f *forest) {
	var resources []any
	for _, field := range []string{"resources", "bases"} {
		for _, item := range k.root.List(field) {
			if name, ok := k.operand(f, item, false); ok {
				resources = append(resources, name)
			}
		}
	}
	delete(k.out, "bases")
	k.out["resources"] = resources
	var components []any
	for _, item := range k.root.List("components") {
		if name, ok := k.operand(f, item, true); ok {
			components = append(components, name)
		}
	}
	k.out["components"] = components
	for _, field := range []string{"crds", "configurations"} {
		var kept []any
		for _, item := range k.root.List(field) {
			if e, ok := k.file(f, item); ok {
				kept = append(kept, k.use(e))
			}
		}
		k.out[field] = kept
	}
}

// operand is one entry of resources or components.
func (k *kustomization) operand(f *forest, item *source.Node, component bool) (string, bool) {
	e, child, reason := k.find(f, item.Text())
	switch {
	case reason != "":
	case e != nil && component:
		reason = short(item.Text()) + " is a file: a component is a folder"
	case e != nil && slices.Contains(fileNames, e.Base()):
		reason = short(item.Text()) + " is a kustomization: kustomize wants its folder"
	case e != nil:
		k.resources = append(k.resources, e)
		return k.use(e), true
	case child.component != component:
		reason = short(item.Text()) + map[bool]string{true: " is no component: it belongs under resources", false: " is a component: it belongs under components"}[component]
	case child.root == nil:
		k.cut = true
		return "", false // the child says why
	default:
		k.children = append(k.children, child)
		return ".." + child.folder(), true
	}
	k.cut = true
	k.problemf(k.at(item), "%s", reason)
	return "", false
}

// file is an entry that has to be a file.
func (k *kustomization) file(f *forest, item *source.Node) (*collect.Entry, bool) {
	e, child, reason := k.find(f, item.Text())
	if child != nil {
		reason = short(item.Text()) + " is a folder, not a file"
	}
	if reason != "" {
		k.problemf(k.at(item), "%s", reason)
		return nil, false
	}
	return e, true
}

// allPatches puts the three lists of patches into one, as `kustomize edit fix`
// does: the library writes warnings about two of them to the terminal.
func (k *kustomization) allPatches(f *forest) {
	var kept []any
	for _, item := range k.root.List("patchesStrategicMerge") {
		if strings.Contains(strings.TrimSpace(item.Text()), "\n") {
			kept = append(kept, map[string]any{"patch": item.Text()})
			k.patches = append(k.patches, patchSource{inline: item})
		} else if e, ok := k.file(f, item); ok {
			kept = append(kept, map[string]any{"path": k.use(e)})
			k.patches = append(k.patches, patchSource{entry: e})
		}
	}
	for _, field := range []string{"patches", "patchesJson6902"} {
		for _, item := range k.root.List(field) {
			patch, ok := item.Native().(map[string]any)
			if !ok {
				k.problemf(k.at(item), "the patch is no mapping with a path or a patch")
				continue
			}
			p := patchSource{inline: item.Get("patch"), target: item.Get("target")}
			if file := item.Get("path"); file != nil {
				e, ok := k.file(f, file)
				if !ok {
					continue
				}
				p.entry = e
				patch["path"] = k.use(e)
			}
			kept = append(kept, patch)
			k.patches = append(k.patches, p)
		}
	}
	delete(k.out, "patchesStrategicMerge")
	delete(k.out, "patchesJson6902")
	k.out["patches"] = kept
}

// generators leaves out the files of a generator that are not there, and goes
// on with its other values: files with secrets are rarely checked in.
func (k *kustomization) generators(f *forest, field string) {
	list, _ := k.out[field].([]any)
	for i, item := range k.root.List(field) {
		generator, ok := list[i].(map[string]any)
		if !ok {
			continue
		}
		var files, envs []any
		for _, n := range item.List("files") {
			key, file, named := strings.Cut(n.Text(), "=")
			if !named {
				key, file = path.Base(n.Text()), n.Text()
			}
			entry := *n
			entry.Value = file
			if e, ok := k.file(f, &entry); ok {
				files = append(files, key+"="+k.use(e))
			}
		}
		for _, n := range append(slices.Clip(item.List("envs")), item.Get("env")) {
			if n == nil {
				continue
			}
			if e, ok := k.file(f, n); ok {
				envs = append(envs, k.use(e))
			}
		}
		delete(generator, "env")
		generator["files"], generator["envs"] = files, envs
	}
}

func (k *kustomization) replacements(f *forest) {
	list, _ := k.out["replacements"].([]any)
	var kept []any
	for i, item := range k.root.List("replacements") {
		replacement, ok := list[i].(map[string]any)
		if file := item.Get("path"); ok && file != nil {
			e, found := k.file(f, file)
			if !found {
				continue
			}
			replacement["path"] = k.use(e)
		}
		kept = append(kept, list[i])
	}
	k.out["replacements"] = kept
}

// harmless are the kinds of generators and transformers that the library itself
// brings and that touch nothing but the objects.
var harmless = []string{"AnnotationsTransformer", "ConfigMapGenerator", "ImageTagTransformer", "LabelTransformer",
	"NamespaceTransformer", "PatchJson6902Transformer", "PatchStrategicMergeTransformer", "PatchTransformer",
	"PrefixSuffixTransformer", "PrefixTransformer", "ReplacementTransformer", "ReplicaCountTransformer",
	"SecretGenerator", "SuffixTransformer"}

// programs leaves out the generators and transformers that are programs,
// containers or charts. Validators change nothing and are left out silently.
func (k *kustomization) programs(f *forest) {
	delete(k.out, "validators")
	for _, field := range []string{"generators", "transformers"} {
		var kept []any
		for _, item := range k.root.List(field) {
			text, name := []byte(item.Text()), item.Text()
			if !strings.Contains(strings.TrimSpace(name), "\n") {
				e, ok := k.file(f, item)
				if !ok {
					continue
				}
				name = k.use(e)
				var err error
				if text, err = e.Read(); err != nil {
					k.problemf(source.Place{File: e.Path}, "%s", err)
					continue
				}
			}
			if reason := program(text); reason != "" {
				k.problemf(k.at(item), "%s and is not run: the objects are judged without it", reason)
				continue
			}
			kept = append(kept, name)
		}
		k.out[field] = kept
	}
}

// program tells why the configuration of a generator or a transformer is not
// used; "" if it is.
func program(text []byte) string {
	for _, doc := range source.Split(text) {
		n, err := doc.Parse()
		switch {
		case err != nil:
			return "its configuration is not valid YAML"
		case n.Text("apiVersion") != "builtin" || !slices.Contains(harmless, n.Text("kind")):
			return fmt.Sprintf("%s is a plugin, a function or a chart", cmp.Or(short(n.Text("kind")), "it"))
		}
		for _, key := range []string{"path", "paths", "files", "envs", "env"} {
			if n.Has(key) {
				return n.Text("kind") + " reads further files"
			}
		}
		for _, r := range n.List("replacements") {
			if r.Has("path") {
				return n.Text("kind") + " reads further files"
			}
		}
	}
	return ""
}

// unsupported takes out what is never done here.
func (k *kustomization) unsupported() {
	for _, field := range []string{"helmCharts", "helmChartInflationGenerator"} {
		for _, item := range k.root.List(field) {
			k.cut = true
			name := cmp.Or(item.Text("name"), item.Text("chartName"), "without a name")
			k.problemf(k.at(item), "the chart %s is not rendered as part of the overlay: scan its folder, or the output of kustomize build --enable-helm", short(name))
		}
		delete(k.out, field)
	}
	delete(k.out, "helmGlobals")
	delete(k.out, "sortOptions")
	if k.root.Has("openapi") {
		k.problemf(k.key("openapi"), "the schema is not used: lists of custom resources are patched as a whole")
	}
	delete(k.out, "openapi")
	if k.root.Has("vars") {
		k.problemf(k.key("vars"), "vars are not resolved: $(NAME) stays as it is (kustomize has replacements instead)")
	}
	delete(k.out, "vars")
	if images := k.root.List("imageTags"); len(images) > 0 {
		list, _ := k.out["images"].([]any)
		k.out["images"] = append(list, k.root.Get("imageTags").Native().([]any)...)
	}
	delete(k.out, "imageTags")
	if pairs, ok := k.out["commonLabels"].(map[string]any); ok {
		list, _ := k.out["labels"].([]any)
		k.out["labels"] = append(list, map[string]any{"pairs": pairs, "includeSelectors": true})
	}
	delete(k.out, "commonLabels")
}

// cutCycles takes references out that lead back to where they come from.
func (k *kustomization) cutCycles(open, reached map[*kustomization]bool) {
	open[k], reached[k] = true, true
	defer delete(open, k)
	k.children = slices.DeleteFunc(k.children, func(child *kustomization) bool {
		if !open[child] {
			if !reached[child] {
				child.cutCycles(open, reached)
			}
			return false
		}
		for _, field := range []string{"resources", "components"} {
			list, _ := k.out[field].([]any)
			k.out[field] = slices.DeleteFunc(list, func(v any) bool { return v == any(".."+child.folder()) })
		}
		k.cut = true
		k.problemf(k.reference(child), "the kustomizations refer to each other in a circle: this entry is left out")
		return true
	})
}

// reference is the place of the entry that names a child.
func (k *kustomization) reference(child *kustomization) source.Place {
	for _, field := range []string{"resources", "bases", "components"} {
		for _, item := range k.root.List(field) {
			if path.Join(k.entry.Dir(), item.Text()) == child.entry.Dir() {
				return k.at(item)
			}
		}
	}
	return source.Place{File: k.entry.Path}
}

// closure is the kustomization and all that it consists of, each once, the
// outer ones first.
func (k *kustomization) closure() []*kustomization {
	all := []*kustomization{k}
	seen := map[*kustomization]bool{k: true}
	for i := 0; i < len(all); i++ {
		for _, child := range all[i].children {
			if !seen[child] {
				seen[child] = true
				all = append(all, child)
			}
		}
	}
	return all
}
