package helm

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	helmloader "helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
)

// expressions are templates whose output Helm's own engine and ours have to
// agree on: every function that gives the same twice, and the odd corners of
// the template language.
var expressions = strings.Split(strings.TrimSpace(`
{{ .Values }}|{{ .Values.none }}|{{ .Values.list }}|{{ .Values.map }}|{{ .Values.number }}|{{ .Values.large }}|{{ .Values.float }}
{{ .Chart.Name }} {{ .Chart.Version }} {{ .Chart.AppVersion }} {{ .Chart.IsRoot }} {{ .Chart.Annotations }} {{ .Chart.Keywords }} {{ .Chart.Type }}
{{ .Chart.Maintainers }} {{ range .Chart.Maintainers }}{{ .Name }} {{ .Email }}{{ end }} {{ .Chart }}
{{ .Release }} {{ .Release.Service }} {{ .Template.Name }} {{ .Template.BasePath }}
{{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Major }} {{ .Capabilities.KubeVersion.GitVersion }}
{{ .Capabilities.APIVersions.Has "apps/v1" }} {{ .Capabilities.APIVersions.Has "apps/v9" }} {{ .Capabilities.APIVersions }}
{{ .Files.Get "config/a.txt" }} {{ .Files.Get "nowhere" }} {{ range .Files.Lines "config/a.txt" }}-{{ . }}{{ end }} {{ .Files.GetBytes "config/a.txt" }}
{{ (.Files.Glob "config/*").AsConfig }} {{ (.Files.Glob "config/*").AsSecrets }} {{ range $k, $v := .Files.Glob "**.txt" }}{{ $k }}={{ $v }}{{ end }}
{{ with .Files.Glob "x*" }}yes{{ else }}no{{ end }} {{ (.Files.Glob "config/*").AsConfig | nindent 2 }} {{ len .Files }} {{ index .Files "config/a.txt" }}
{{ .Subcharts.sub.Values.own }} {{ .Subcharts.sub.Chart.Name }}
{{ include "name" . }}|{{ include "name" . | upper }}|{{ template "name" . }}|{{ define "inner" }}in{{ .Values.map.a }}{{ end }}{{ include "inner" . | quote }}
{{ tpl "{{ .Values.map.a }}-{{ include \"name\" . }}" . }} {{ tpl .Values.template . }} {{ tpl "{{ define \"t\" }}[{{ . }}]{{ end }}{{ include \"t\" 1 }}" . }} {{ tpl "plain" . }} {{ tpl "{{ .Values.none }}" . }}
{{ include "none" . }}|{{ include "none" . | default "x" }}|{{ print .Values.none }}|{{ printf "%v" .Values.none }}|{{ .Values.map.none }}
{{- if and .Values.map (not .Values.none) }} yes {{- else if .Values.list }} no {{- end -}} x {{- /* comment */ -}} y
{{ range $i, $v := .Values.list }}{{ $i }}={{ $v }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ end }} {{ range .Values.none }}{{ else }}none{{ end }} {{ range $k, $v := .Values.map }}{{ $k }}={{ $v }},{{ end }} {{ range 3 }}{{ . }}{{ end }}
{{ $x := 1 }}{{ range .Values.list }}{{ $x = add $x 1 }}{{ continue }}{{ end }}{{ $x }} {{ with .Values.map }}{{ .a }}{{ $.Release.Name }}{{ end }} {{ with .Values.none }}{{ else with .Values.map }}{{ .b }}{{ end }}
{{ toYaml .Values }} {{ toYaml .Values.list | nindent 4 }} {{ toYaml "a: b" }} {{ toYaml nil }} {{ toYamlPretty .Values.map }} {{ mustToYaml .Values.map }}
{{ toJson .Values }} {{ toPrettyJson .Values.map }} {{ toRawJson "<>" }} {{ mustToJson .Values.list }} {{ toToml .Values.map }} {{ mustToToml .Values.map }}
{{ fromYaml "a: {b: [1, 2.5, x, true, null]}" }} {{ fromYamlArray "- 1\n- a" }} {{ fromJson "{\"a\": 1}" }} {{ fromJsonArray "[1]" }} {{ fromToml "a = 1" }} {{ (fromYaml "[").Error | empty }} {{ mustFromJson "[1]" }}
{{ dict "a" 1 "b" (list 1 2) }} {{ $d := dict "a" 1 }}{{ $_ := set $d "b" 2 }}{{ $d }} {{ unset $d "a" }} {{ hasKey $d "b" }} {{ get $d "c" }} {{ pluck "b" $d (dict "b" 3) }} {{ dig "a" "b" "none" (dict "a" (dict "b" 1)) }}
{{ keys (dict "a" 1) }} {{ values (dict "a" 1) }} {{ pick .Values.map "a" }} {{ omit .Values.map "a" }} {{ merge (dict "a" 1) (dict "a" 2 "b" 3) }} {{ mergeOverwrite (dict "a" 1) (dict "a" 2) }} {{ mustMerge (dict) (dict "a" 1) }} {{ deepCopy .Values.map }}
{{ list 1 "a" nil }} {{ append (list 1) 2 }} {{ prepend (list 1) 2 }} {{ concat (list 1) (list 2) }} {{ first (list 1 2) }} {{ last (list 1 2) }} {{ rest (list 1 2) }} {{ initial (list 1 2) }} {{ reverse (list 1 2) }} {{ uniq (list 1 1 2) }} {{ without (list 1 2) 1 }} {{ has 1 (list 1) }} {{ compact (list 1 0 "") }} {{ slice (list 1 2 3) 1 }} {{ chunk 2 (list 1 2 3) }} {{ index .Values.list 1 }} {{ tuple 1 2 }} {{ until 3 }} {{ untilStep 1 7 2 }} {{ seq 3 }} {{ seq 1 2 9 }} {{ mustHas 1 (list 1) }} {{ mustUniq (list 1 1) }}
{{ trim " a " }}{{ trimAll "-" "-a-" }}{{ trimSuffix "a" "ba" }}{{ trimPrefix "a" "ab" }}{{ upper "a" }}{{ lower "A" }}{{ title "a b" }}{{ untitle "A" }}{{ repeat 3 "ab" }}{{ substr 1 2 "abc" }}{{ nospace "a b" }}{{ trunc 2 "abc" }}{{ trunc -2 "abc" }}{{ abbrev 5 "abcdefgh" }}{{ abbrevboth 5 10 "1234 5678 9123" }}{{ initials "A B" }}{{ wrap 3 "aa bb" }}{{ wrapWith 2 "-" "abcd" }}{{ contains "a" "ab" }}{{ hasPrefix "a" "ab" }}{{ hasSuffix "b" "ab" }}{{ quote "a" 1 nil }}{{ squote "a" 1 }}{{ cat "a" 1 }}{{ indent 2 "a\nb" }}{{ nindent 2 "a" }}{{ replace "a" "b" "aa" }}{{ plural "one" "many" 2 }}{{ snakecase "AbCd" }}{{ camelcase "ab_cd" }}{{ kebabcase "AbCd" }}{{ swapcase "aB" }}
{{ print 1 "a" 2 3 }}{{ println 1 "a" }}{{ printf "%s-%d-%v-%q-%5.2f-%%-%[1]s" "a" 1 .Values.list "q" 1.5 }}{{ html "<a>" }}{{ js "'" }}{{ urlquery "a b" }}
{{ regexMatch "a+" "aa" }}{{ regexFind "a+" "baa" }}{{ regexFindAll "a" "aaa" 2 }}{{ regexReplaceAll "a(b)" "ab" "${1}" }}{{ regexReplaceAllLiteral "a" "a" "${1}" }}{{ regexSplit "," "a,b" -1 }}{{ regexQuoteMeta "a.b" }}{{ mustRegexMatch "a" "a" }}
{{ split "," "a,b" }}{{ (split "," "a,b")._1 }}{{ splitList "," "a,b" }}{{ splitn "," 2 "a,b,c" }}{{ join "," .Values.list }}{{ sortAlpha (list "b" "a") }}{{ toStrings .Values.list }}
{{ default "a" .Values.none }}{{ default "a" 0 }}{{ empty "" }}{{ coalesce nil "" "a" }}{{ ternary "a" "b" true }}{{ all 1 0 }}{{ any 1 0 }}{{ required "m" "v" }}{{ fromJson (toJson .Values.map) | toJson }}
{{ eq 1 1 }}{{ ne "a" "b" }}{{ lt 1 2 }}{{ gt 1.5 1.0 }}{{ le 1 1 }}{{ ge 1 2 }}{{ and 1 0 }}{{ or 0 "a" }}{{ not 1 }}{{ len "abc" }}{{ len .Values.list }}{{ eq .Values.number 8080.0 }}{{ eq "a" "b" "a" }}
{{ add 1 2 "3" }}{{ sub 5 2 }}{{ mul 2 3 }}{{ div 7 2 }}{{ mod 7 2 }}{{ add1 1 }}{{ max 1 3 2 }}{{ min 3 1 }}{{ floor 1.7 }}{{ ceil 1.2 }}{{ round 1.555 2 }}{{ addf 1.5 2 }}{{ mulf 1.5 2 }}{{ divf 3 2 }}{{ subf 3 1.5 }}{{ int "5" }}{{ int64 "5" }}{{ float64 "1.5" }}{{ atoi "7" }}{{ toDecimal "777" }}{{ int .Values.large }}{{ maxf 1 2.5 }}{{ biggest 1 2 }}
{{ typeOf 1.5 }}{{ kindOf .Values.list }}{{ kindIs "map" .Values.map }}{{ typeIs "string" "a" }}{{ typeIsLike "string" "a" }}{{ deepEqual (list 1) (list 1) }}{{ typeOf .Values.number }}{{ kindOf nil }}
{{ b64enc "a" }}{{ b64dec "YQ==" }}{{ b32enc "a" }}{{ b32dec "ME======" }}{{ sha1sum "a" }}{{ sha256sum "a" }}{{ sha512sum "a" }}{{ adler32sum "a" }}{{ toString 1.5 }}{{ toString .Values.map }}
{{ base "a/b" }}{{ dir "a/b" }}{{ clean "a//b" }}{{ ext "a.b" }}{{ isAbs "/a" }}{{ osBase "a/b" }}{{ urlParse "https://u@h:1/p?q#f" }}{{ urlJoin (dict "scheme" "https" "host" "h") }}
{{ semver "1.2.3-a" }}{{ (semver "1.2.3").Minor }}{{ semverCompare ">=1.2" "1.3.0" }}{{ semverCompare "^1.2.0-0" .Capabilities.KubeVersion.Version }}
{{ date "2006-01-02" 86400 | empty }}{{ dateInZone "2006-01-02 15:04" 86400 "UTC" }}{{ htmlDateInZone 86400 "UTC" }}{{ duration "95" }}{{ durationRound "2h10m5s" }}{{ unixEpoch (toDate "2006-01-02" "2020-01-01") | empty }}{{ dateModify "24h" (toDate "2006-01-02" "2020-01-01") | kindOf }}
{{ durationSeconds "90s" }}{{ durationMinutes 90 }}{{ durationHours "1.5" }}{{ durationDays "36h" }}{{ durationWeeks 604800 }}{{ durationMilliseconds "1s" }}{{ durationMicroseconds 1 }}{{ durationNanoseconds "1us" }}{{ durationRoundTo "100s" "1m" }}{{ durationTruncateTo "100s" 60 }}{{ mustToDuration "5" }}{{ durationSeconds "x" }}
{{ lookup "v1" "Pod" "a" "b" }}{{ getHostByName "x" }}{{ len (lookup "v1" "Pod" "" "") }}{{ (lookup "v1" "Secret" "a" "b").data }}
{{ block "b" . }}{{ .Values.map.a }}{{ end }}{{"quoted {{ text }}"}}{{ `+"`raw`"+` }}{{ 'a' }}{{ 1_000 }}{{ 0x10 }}{{ 1e3 }}{{ true }}{{ .Values.list | join "-" | upper | quote }}
{{ $m := .Values.map }}{{ $m.a }}{{ (index .Values "map").b }}{{ ((.Values).map).a }}{{ index .Values.map "a" }}{{ .Values.map | toYaml | fromYaml | toJson }}{{ "a" | printf "%s-%s" "b" }}
`), "\n")

// TestEngineAgrees holds our renderer beside Helm's.
func TestEngineAgrees(t *testing.T) {
	files := map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.2.3\nappVersion: \"7\"\nkeywords: [a, b]\nannotations: {x: y}\n" +
			"maintainers: [{name: M, email: m@example.org}]\ntype: application\n",
		"values.yaml":             "list: [1, b, 2.5]\nmap: {a: 1, b: x}\nnumber: 8080\nlarge: 12345678\nfloat: 1.5\ntemplate: \"{{ .Release.Name }}\"\nnothing: null\n",
		"config/a.txt":            "one\ntwo\n",
		"config/b.txt":            "b",
		"templates/_helpers.tpl":  "{{ define \"name\" }}{{ .Chart.Name }}-{{ .Release.Name }}{{ end }}{{ define \"none\" }}{{ .Values.none }}{{ end }}",
		"charts/sub/Chart.yaml":   "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
		"charts/sub/values.yaml":  "own: 1\n",
		"charts/sub/templates/a":  "{{ .Values }} {{ .Chart.IsRoot }} {{ include \"name\" . }} {{ .Template.Name }}",
		"templates/tests/deep/a":  "{{ .Template.Name }}",
		"templates/empty":         "{{- define \"empty\" }} {{ end }}",
		"templates/windows":       "a: {{ .Values.number }}\r\n{{- if true }}\r\nb: 1\r\n{{- end }}\r\n",
		"templates/set.yaml":      "{{ $_ := set .Values \"touched\" true }}",
		"templates/aaa-last.yaml": "{{ .Values.touched }}",
	}
	for i, text := range expressions {
		files[fmt.Sprintf("templates/e%02d", i)] = text
	}
	var theirs []*archive.BufferedFile
	var ours []*file
	for _, name := range sortedKeys(files) {
		theirs = append(theirs, &archive.BufferedFile{Name: name, Data: []byte(files[name])})
		ours = append(ours, &file{name: name, place: name, data: []byte(files[name])})
	}
	release := common.ReleaseOptions{Name: "release-name", Namespace: "default", Revision: 1, IsInstall: true}

	loaded, err := helmloader.LoadFiles(theirs)
	if err != nil {
		t.Fatal(err)
	}
	caps := *common.DefaultCapabilities
	version, err := common.ParseKubeVersion(defaultKubeVersion)
	if err != nil {
		t.Fatal(err)
	}
	caps.KubeVersion = *version
	top, err := util.ToRenderValues(loaded, nil, release, &caps)
	if err != nil {
		t.Fatal(err)
	}
	want, err := engine.Render(loaded, top)
	if err != nil {
		t.Fatal(err)
	}

	l := new(loader)
	c, p := l.load("c", ours, nil)
	if p != nil {
		t.Fatal(p)
	}
	l.readFiles(c, true)
	values, err := coalesce(c, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	own, err := newCapabilities("", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := newRenderer()
	r.budget = newBudget(t.Context(), maxCost)
	out, err := r.render(templates(c, map[string]any{
		"Chart": c.templateData(), "Capabilities": own, "Values": Values(values), "Release": top["Release"],
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out {
		if o.err != nil {
			t.Errorf("%s: %v", o.name, o.err)
			continue
		}
		// The type of the values has another name.
		if got := string(o.trace.text); got != want[o.name] {
			t.Errorf("%s: %s\ngives %q\n want %q", o.name, o.file.data, got, want[o.name])
		}
	}
	if len(out) != len(want)-1 { // Helm lists partials neither
		if _, ok := want[path.Join("c", "templates/_helpers.tpl")]; ok || len(out) != len(want) {
			t.Errorf("%d templates are rendered, want %d", len(out), len(want))
		}
	}
}

func TestCapabilitiesAgree(t *testing.T) {
	if !reflect.DeepEqual([]string(defaultAPIVersions), []string(common.DefaultVersionSet)) {
		t.Errorf("the API versions are %q, Helm's are %q", defaultAPIVersions, common.DefaultVersionSet)
	}
	for _, version := range []string{"1.30", "v1.31.2", "v1.33.4-gke.1245000", "1.29.0+k3s1"} {
		own, err := newCapabilities(version, nil)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := common.ParseKubeVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		if own.KubeVersion.String() != theirs.String() || own.KubeVersion.Minor != theirs.Minor {
			t.Errorf("%s is %q, want %q", version, own.KubeVersion, theirs)
		}
	}
}

// TestCoalesceAgrees lays random values over those of random charts.
func TestCoalesceAgrees(t *testing.T) {
	log.SetOutput(io.Discard) // Helm tells everybody about conflicts
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		own, theirs := randomChart(random, 0)
		values := randomValues(random, 0)
		got, err := coalesce(own, values, false)
		want, wantErr := util.CoalesceValues(theirs, values)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error is %v, want %v", err, wantErr)
		}
		if err == nil && asJSON(t, got) != asJSON(t, want) {
			t.Fatalf("%s\nover %s\ngives %s\n want %s", asJSON(t, values), describe(t, own), asJSON(t, got), asJSON(t, want))
		}
		got, err = coalesce(own, values, true)
		want, wantErr = util.MergeValues(theirs, values)
		if (err == nil) != (wantErr == nil) || err == nil && asJSON(t, got) != asJSON(t, want) {
			t.Fatalf("%s\nmerged over %s\ngives %s\n want %s", asJSON(t, values), describe(t, own), asJSON(t, got), asJSON(t, want))
		}
	}
}

// names are few, so that random values meet.
var names = []string{"a", "b", "sub", "global"}

func randomValues(random *rand.Rand, depth int) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		switch n := random.IntN(8); {
		case n < 3 && depth < 3:
			out[name] = randomValues(random, depth+1)
		case n == 3:
			out[name] = nil
		case n == 4:
			out[name] = float64(random.IntN(3))
		case n == 5:
			out[name] = []any{"x"}
		}
	}
	return out
}

func randomChart(random *rand.Rand, depth int) (*chart, *helmchart.Chart) {
	values := randomValues(random, 0)
	own := &chart{meta: metadata{Name: "sub"}, values: copyMap(values)}
	theirs := &helmchart.Chart{Metadata: &helmchart.Metadata{Name: "sub"}, Values: copyMap(values)}
	if depth < 2 {
		sub, theirSub := randomChart(random, depth+1)
		sub.parent = own
		own.deps = append(own.deps, sub)
		theirs.AddDependency(theirSub)
	}
	return own, theirs
}

func describe(t *testing.T, c *chart) string {
	text := asJSON(t, c.values)
	for _, sub := range c.deps {
		text += " with " + describe(t, sub)
	}
	return text
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
