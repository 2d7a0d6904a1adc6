package helm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// TestPlaces renders a template with one container and looks where its fields
// are said to stand. The places are file:line:column, "~" for what was rendered
// as a block, and the values key.
func TestPlaces(t *testing.T) {
	const spec = "spec:\n  containers:\n    - name: app\n" // lines 5 to 7
	const head = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n" + spec
	for _, test := range []struct {
		name     string
		template string // follows head: its first line is line 8
		values   string
		helpers  string
		extra    map[string]string
		want     map[string]string // field to place
	}{
		{
			name:     "literal text",
			template: "      image: nginx\n      securityContext: {privileged: true}\n",
			want:     map[string]string{"image": "t:8:14", "privileged": "t:9:37"},
		},
		{
			name:     "literal text after actions that print several lines or none",
			template: "      {{- if .Values.no }}\n      args: [a]\n      {{- end }}\n      env:\n        {{- range .Values.env }}\n        - name: {{ . }}\n          value: x\n        {{- end }}\n      securityContext:\n        privileged: true\n",
			values:   "env: [A, B, C]\n",
			want:     map[string]string{"privileged": "t:17:21", "env[2].value": "t:14:18", "env[2].name": "t:13:17 env"},
		},
		{
			name:     "a value",
			template: "      image: {{ .Values.image }}\n      securityContext:\n        privileged: {{ .Values.a.b.privileged | default false }}\n",
			values:   "image: nginx\na: {b: {privileged: true}}\n",
			want:     map[string]string{"image": "t:8:14 image", "privileged": "t:10:21 a.b.privileged"},
		},
		{
			name:     "a text of several values",
			template: "      image: \"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}\"\n      args: [\"{{ .Values.a }}\", \"x\", \"y{{ .Values.b }}\"]\n",
			values:   "image: {repository: nginx}\na: 1\nb: 2\n",
			want: map[string]string{
				"image": "t:8:14 image", "args[0]": "t:9:14 a", "args[1]": "t:9:33", "args[2]": "t:9:38 b",
			},
		},
		{
			name:     "a text of values that have nothing in common",
			template: "      image: {{ .Values.registry }}/{{ .Values.name }}\n",
			values:   "registry: r\nname: n\n",
			want:     map[string]string{"image": "t:8:14 registry"},
		},
		{
			name:     "a value among other things",
			template: "      image: {{ .Release.Name }}/{{ .Values.name }}\n      args: [\"x-{{ .Release.Name }}-{{ .Values.name }}\"]\n",
			values:   "name: n\n",
			want:     map[string]string{"image": "t:8:14", "args[0]": "t:9:14"},
		},
		{
			name:     "the name of a key decides nothing about what follows it",
			template: "      securityContext:\n        {{ .Values.key }}: true\n",
			values:   "key: privileged\n",
			want:     map[string]string{"privileged": "t:9:28"},
		},
		{
			name:     "a block of values",
			template: "      securityContext:\n        {{- toYaml .Values.securityContext | nindent 8 }}\n",
			values:   "securityContext: {privileged: true, capabilities: {add: [SYS_ADMIN, NET_RAW]}}\n",
			want: map[string]string{
				"privileged":          "~t:9:9 securityContext.privileged",
				"capabilities.add[1]": "~t:9:9 securityContext.capabilities.add[1]",
			},
		},
		{
			name:     "a block of values within with and range",
			template: "      {{- with .Values.web }}\n      securityContext:\n        {{- toYaml .securityContext | nindent 8 }}\n      {{- with .resources }}\n      resources: {{ toJson . }}\n      {{- end }}\n      {{- end }}\n      env:\n      {{- range $k, $v := .Values.env }}\n      - {name: \"{{ $k }}\", value: {{ $v | quote }}}\n      {{- end }}\n",
			values:   "web: {securityContext: {privileged: true}, resources: {limits: {memory: 1Gi}}}\nenv: {A: x}\n",
			want: map[string]string{
				"privileged":            "~t:10:9 web.securityContext.privileged",
				"resources.memoryLimit": "~t:12:18 web.resources.limits.memory",
				"env[0].name":           "t:17:16", "env[0].value": "t:17:35 env",
			},
		},
		{
			name:     "a block that the template changed is not traced into the values",
			template: "      securityContext:\n        {{- toYaml (merge (dict \"privileged\" true) .Values.sc) | nindent 8 }}\n",
			values:   "sc: {readOnlyRootFilesystem: true}\n",
			want:     map[string]string{"privileged": "~t:9:9 sc", "readOnlyRootFilesystem": "~t:9:9 sc.readOnlyRootFilesystem"},
		},
		{
			name:     "a variable, and one that is assigned to",
			template: "      {{- $a := .Values.a }}\n      {{- $b := .Values.b }}\n      {{- if .Values.c }}{{ $b = .Values.c }}{{ end }}\n      image: {{ $a }}\n      workingDir: /\n      args: [\"{{ $b }}\"]\n",
			values:   "a: nginx\nb: 1\nc: 2\n",
			want:     map[string]string{"image": "t:11:14 a", "args[0]": "t:13:14"},
		},
		{
			name:     "an included text",
			template: "      {{- include \"sc\" . | nindent 6 }}\n      image: {{ include \"image\" . | quote }}\n      args: [\"{{ template \"arg\" . }}\"]\n",
			helpers:  "{{- define \"sc\" -}}\nsecurityContext:\n  privileged: true\n  {{- if .Values.sc }}\n  {{- toYaml .Values.sc | nindent 2 }}\n  {{- end }}\n{{- end }}\n{{ define \"image\" }}{{ .Values.image }}{{ end }}\n{{ define \"arg\" }}{{ .Values.arg }}{{ end }}",
			values:   "sc: {runAsUser: 0}\nimage: nginx\narg: x\n",
			want: map[string]string{
				"privileged": "h:3:15",
				"user":       "~t:8:7 sc.runAsUser",
				"image":      "t:9:14",
				"args[0]":    "t:10:14 arg",
			},
		},
		{
			name:     "includes within includes, and through other functions",
			template: "      {{- include \"outer\" . | trim | nindent 6 }}\n      image: {{ include \"name\" . | trunc 3 }}\n",
			helpers:  "{{ define \"outer\" }}\n\n{{ include \"inner\" . | indent 2 }}\n{{ end }}{{ define \"inner\" }}securityContext:\n  privileged: true{{ end }}{{ define \"name\" }}abcdef{{ end }}",
			want:     map[string]string{"privileged": "h:5:15", "image": "t:9:14"},
		},
		{
			name:     "an included text of another action is not taken for this one's",
			template: "      {{- $x := include \"a\" . }}\n      image: {{ .Values.b | quote }}\n",
			helpers:  "{{ define \"a\" }}\"same\"{{ end }}",
			values:   "b: same\n",
			want:     map[string]string{"image": "t:9:14 b"},
		},
		{
			name:     "a text that is a template",
			template: "      image: {{ tpl .Values.image . }}\n      {{- tpl (toYaml .Values.more) . | nindent 6 }}\n",
			values:   "image: \"{{ .Values.name }}\"\nname: nginx\nmore: {securityContext: {privileged: \"{{ true }}\"}, workingDir: \"/{{ 1 }}\"}\n",
			want:     map[string]string{"image": "t:8:14 image"},
		},
		{
			name:     "a value that is not there",
			template: "      image: nginx{{ .Values.none }}\n      workingDir: {{ .Values.none }}{{ .Values.none }}/x{{ .Values.none }}\n      securityContext: {privileged: true}\n",
			want:     map[string]string{"image": "t:8:14 none", "privileged": "t:10:37"},
		},
		{
			name:     "characters, not bytes, and carriage returns",
			template: "      {{/* é */}}image: \"ü{{ .Values.x }}\"\r\n      args: [\"é\", \"b\"]\r\n",
			want:     map[string]string{"image": "t:8:25 x", "args[1]": "t:9:19"},
		},
		{
			name:     "a template in one place",
			template: "      {{ if true }}image: {{ \"nginx\" }}{{ end }}\n",
			want:     map[string]string{"image": "t:8:27"},
		},
		{
			name:     "a subchart's value is named as the parent knows it",
			template: "      image: x\n",
			values:   "db: {tag: 2}\n",
			extra: map[string]string{
				"shop/charts/db/Chart.yaml":     "name: db\nversion: 1.0.0\n",
				"shop/charts/db/values.yaml":    "tag: 1\n",
				"shop/charts/db/templates/t":    strings.Replace(head, "name: app", "name: sub", 1) + "      image: {{ .Values.tag }}\n      args: [\"{{ .Values.global.x }}\"]\n",
				"shop/charts/db/templates/NOTE": "",
			},
			want: map[string]string{"image": "d:8:14 db.tag", "args[0]": "d:9:14 global.x"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{
				"shop/Chart.yaml": chartYAML, "shop/values.yaml": test.values,
				"shop/templates/_h.tpl": test.helpers, "shop/templates/t.yaml": head + test.template,
			}
			for name, text := range test.extra {
				files[name] = text
			}
			r := scan(t, Options{}, collect.NewTree(files))
			for _, reason := range r.unread {
				t.Error(reason)
			}
			got := map[string][]string{}
			for _, a := range r.assets {
				if a.Meta().Kind != "container" && a.Meta().Kind != "pod" {
					continue
				}
				for _, f := range a.Meta().Fields {
					got[f.Path] = append(got[f.Path], show(f.Place))
				}
			}
			for _, c := range r.containers() {
				for _, f := range c.Fields {
					got[f.Path] = append(got[f.Path], show(f.Place))
				}
			}
			for field, want := range test.want {
				if !slices.Contains(got[field], want) {
					t.Errorf("%s stands at %q, want %s", field, got[field], want)
				}
			}
		})
	}
}

// show prints a place as the table above writes it.
func show(p source.Place) string {
	file := map[string]string{"shop/templates/t.yaml": "t", "shop/templates/_h.tpl": "h", "shop/charts/db/templates/t": "d"}[p.File]
	text := fmt.Sprintf("%s:%d:%d", cmp.Or(file, p.File), p.Line, p.Column)
	if p.Rendered {
		text = "~" + text
	}
	if p.Values != "" {
		text += " " + p.Values
	}
	return text
}

// Whatever a rendered line is made of, a place that says it is literal has to
// hold that very text.
func FuzzAlignment(f *testing.F) {
	f.Add("{{ define \"a\" }}x: 1\ny: {{ .Values.v }}{{ end }}{{ include \"a\" . | nindent 4 }}\nz: {{ .Values.v | quote }}")
	f.Add("{{- range list 1 2 }}\n- a{{ . }}b\n{{- end }}\n{{ include \"b\" (dict \"x\" \"<no value>\") }}{{ define \"b\" }}{{ .x }}{{ .y }}t{{ end }}")
	f.Add("{{ $x := tpl \"a{{ .Values.v }}\\nb\" . }}{{ $x | indent 2 | trim }} {{ template \"t\" . }}{{ define \"t\" }} é {{ .none }}{{ end }}")
	f.Add("{{ with .Values }}{{ toYaml . }}{{ else }}no{{ end }}{{ printf \"%s%s\" .Values.v .Values.v }}\r\n---# x\n---\na: b")
	f.Fuzz(func(t *testing.T, text string) {
		values := map[string]any{"v": "value", "m": map[string]any{"k": []any{"a", 1.5}}}
		c := &chart{dir: "c", meta: metadata{Name: "c"}, file: &file{place: "c/Chart.yaml"}, values: values}
		template := &file{name: "templates/x", place: "c/templates/x", data: []byte(text)}
		c.templates = []*file{template}
		r := newRenderer()
		r.budget = newBudget(t.Context(), 1<<22)
		out, err := r.render(templates(c, map[string]any{"Values": Values(values)}))
		if err != nil || len(out) == 0 || out[0].err != nil {
			return
		}
		l := &locator{mu: new(sync.Mutex), file: template, trace: out[0].trace, values: values}
		for line, at := 1, 0; at < len(l.trace.text); line++ {
			end := len(l.trace.text)
			if i := strings.IndexByte(string(l.trace.text[at:]), '\n'); i >= 0 {
				end = at + i
			}
			for column, char := range []rune(string(l.trace.text[at:end])) {
				p := l.place(source.Position{Line: line, Column: column + 1})
				if p.Line == 0 {
					continue
				}
				offset, _ := l.offset(source.Position{Line: line, Column: column + 1})
				found, ok := l.trace.spot(offset)
				if ok && found.literal && !strings.HasPrefix(text[found.offset:], string(l.trace.text[offset:offset+1])) {
					t.Fatalf("%q at %d:%d is said to come from %v, where %q stands", char, line, column+1, p, text[found.offset:])
				}
			}
			at = end + 1
		}
	})
}
