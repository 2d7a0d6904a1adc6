package secret

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// kindsYAML is the data that the engine is made of.
//
//go:embed kinds.yaml
var kindsYAML string

// kind is one kind of credential, as kinds.yaml describes it.
type kind struct {
	id, title, severity string
	prefixes, keywords  []string
	expression          string
	before, window      int
	entropy             float64
	checksum, valid     string
	weak, files         bool

	compile sync.Once
	pattern *regexp.Regexp
}

// defaultWindow is how far behind its prefix an expression reaches.
const defaultWindow = 512

// re is the expression, compiled when it is first needed: a run meets few kinds.
func (k *kind) re() *regexp.Regexp {
	k.compile.Do(func() {
		expression := k.expression
		switch {
		case len(k.prefixes) == 0:
			expression = `^(?:` + expression + `)$`
		case k.before == 0:
			expression = `^(?:` + expression + `)`
		}
		k.pattern = regexp.MustCompile(expression)
	})
	return k.pattern
}

// table is the data in the form that a scan uses.
type table struct {
	kinds []kind
	byID  map[string]*kind
	// keyed are the kinds that a name tells.
	keyed  []*kind
	shapes []shape
}

// shape is one way in which credentials of a kind begin.
type shape struct {
	prefix string
	*kind
}

// builtIn is made once, when something is first looked at.
var builtIn = sync.OnceValue(func() *table {
	t, err := newTable(kindsYAML)
	if err != nil {
		panic("kinds.yaml: " + err.Error()) // the tests read the same text
	}
	return t
})

func newTable(yaml string) (*table, error) {
	kinds, err := readKinds(yaml)
	if err != nil {
		return nil, err
	}
	t := &table{kinds: kinds, byID: map[string]*kind{}}
	for i := range kinds {
		k := &kinds[i]
		if t.byID[k.id] != nil {
			return nil, fmt.Errorf("kind %s is there twice", k.id)
		}
		t.byID[k.id] = k
		if len(k.keywords) > 0 {
			t.keyed = append(t.keyed, k)
		}
		for _, p := range k.prefixes {
			t.shapes = append(t.shapes, shape{p, k})
		}
	}
	return t, nil
}

// readKinds reads the fixed layout of kinds.yaml. A YAML parser would take a
// tenth of the whole start of the program for it.
func readKinds(yaml string) ([]kind, error) {
	kinds := make([]kind, 0, 160)
	number := 0
	for line := range strings.Lines(yaml) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "- "); ok {
			kinds = append(kinds, kind{window: defaultWindow})
			line = "  " + rest
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "  "), ": ")
		if !ok || len(kinds) == 0 {
			return nil, fmt.Errorf("line %d is no key with a value", number)
		}
		if err := kinds[len(kinds)-1].set(key, value); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return kinds, nil
}

func (k *kind) set(key, value string) (err error) {
	switch key {
	case "id":
		k.id = value
	case "title":
		k.title = value
	case "severity":
		k.severity = value
	case "expression":
		k.expression = unquote(value)
	case "prefixes":
		k.prefixes = list(value)
	case "keywords":
		k.keywords = list(value)
	case "before":
		k.before, err = strconv.Atoi(value)
	case "window":
		k.window, err = strconv.Atoi(value)
	case "entropy":
		k.entropy, err = strconv.ParseFloat(value, 64)
	case "checksum":
		k.checksum = value
	case "valid":
		k.valid = value
	case "weak":
		k.weak = value == "true"
	case "files":
		k.files = value == "true"
	case "source", "examples", "counterexamples": // for people and tests
	default:
		err = fmt.Errorf("%s is no key of a kind", key)
	}
	return err
}

// list reads [a, "b"], whose elements have no commas.
func list(value string) []string {
	var items []string
	for item := range strings.SplitSeq(strings.Trim(value, "[]"), ", ") {
		items = append(items, unquote(item))
	}
	return items
}
