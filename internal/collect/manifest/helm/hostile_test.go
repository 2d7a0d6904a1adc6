package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// Templates that never end, and those that fill the memory, end early with a
// reason, and the charts and templates beside them are judged.
func TestHostileTemplates(t *testing.T) {
	const spent = "shop/Chart.yaml: its templates do not end within the bounds of a rendering: a loop or a text in them grows without limit"
	const nested = "shop/templates/t.yaml:1: the template fails: values or templates contain each other more than 500 levels deep"
	const text = "shop/templates/t.yaml:1: the template fails: it makes a text of more than 16 MiB in one call"
	for _, test := range []struct{ name, template, want string }{
		{"loops within loops", `{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}`, spent},
		{"empty loops", `{{ range 100000000000 }}{{ end }}`, spent},
		{"loops over a growing list", `{{ $l := list 1 }}{{ range until 200000 }}{{ $l = append $l . }}{{ end }}`, spent},
		{"a loop in a text that is executed", `{{ tpl "{{ range 100000000000 }}{{ end }}" . }}`, spent},
		{"include of itself", `{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`, nested},
		{"template of itself", `{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`, nested},
		{"two includes of each other, twice", `{{ define "a" }}{{ include "b" . }}{{ include "b" . }}{{ end }}{{ define "b" }}{{ if lt (len .) 100 }}{{ include "a" (append . 1) }}{{ end }}{{ end }}{{ include "a" list }}`, spent},
		{"a text that executes itself", `{{ $t := "{{ tpl .t . }}" }}{{ tpl $t (dict "t" $t "Template" .Template) }}`, nested},
		{"repeat", `{{ repeat 1000000000 "x" }}`, text},
		{"repeat of repeat", `{{ repeat 4100 (repeat 4100 "x") }}`, text},
		{"repeat in a loop", `{{ $d := dict }}{{ range until 200000 }}{{ $_ := set $d (toString .) (repeat 10000000 "x") }}{{ end }}`, spent},
		{"until", `{{ until 1000000000 }}`, text},
		{"untilStep past the largest number", `{{ untilStep -1 -5 -9223372036854775808 }}`, text},
		{"seq", `{{ seq 1 1000000000 }}`, text},
		{"indent", `{{ indent 1000000000 "x" }}`, text},
		{"indent of many lines", `{{ nindent 10000 (repeat 10000 "\n") }}`, text},
		{"printf with a width", `{{ printf (repeat 100 "%1000000d") 1 }}`, text},
		{"printf with a width from an argument", `{{ printf (repeat 100 "%*d") 1000000 1 }}`, text},
		{"printf of one argument many times", `{{ printf (repeat 10000 "%[1]s") (repeat 10000 "x") }}`, text},
		{"replace", `{{ $x := repeat 100000 "x" }}{{ replace "x" $x $x }}`, text},
		{"join", `{{ join (repeat 1000000 "x") (until 1000) }}`, text},
		{"a regular expression that multiplies", `{{ $x := repeat 100000 "x" }}{{ regexReplaceAll "x" $x $x }}`, text},
		{"a regular expression that refers back", `{{ $x := repeat 1000000 "x" }}{{ regexReplaceAll "x+" $x (repeat 1000 "${0}") }}`, text},
		{"large regular expressions", `{{ $x := repeat 1000000 "x" }}{{ range until 1000 }}{{ $_ := regexMatch "((x{100}){100}){10}y" $x }}{{ end }}`, spent},
		{"wrap", `{{ wrapWith 1 "," (repeat 1000000 "x ") }}`, text},
		{"keys for each other", `{{ range 100000000000 }}{{ $_ := genPrivateKey "rsa" }}{{ $_ := genCA "a" 1 }}{{ $_ := htpasswd "a" "b" }}{{ end }}`, spent},
		{"a list that doubles", `{{ $l := list 1 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toYaml $l }}`, spent},
		{"a list that doubles, printed", `{{ $l := list 1 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ $l }}`, spent},
		{"a dict that grows", `{{ $d := dict }}{{ range $i, $_ := until 200000 }}{{ range until 200000 }}{{ $_ := set $d (printf "%d-%d" $i .) (dict "a" (dict "b" (list 1 2 3))) }}{{ end }}{{ end }}`, spent},
		{"lists of lists", `{{ $l := list }}{{ range until 200000 }}{{ $l = list $l (list 1 2 3) (list) (dict) }}{{ range until 200000 }}{{ $l = list $l (list 1 2 3) (list) (dict) }}{{ end }}{{ end }}`, spent},
		{"splitting", `{{ $x := repeat 1000000 "x," }}{{ $d := dict }}{{ range until 200000 }}{{ $_ := set $d (toString .) (splitList "," $x) }}{{ end }}`, spent},
		{"splitting into a dict", `{{ $x := repeat 1000000 "x," }}{{ $d := dict }}{{ range until 200000 }}{{ $_ := set $d (toString .) (split "," $x) }}{{ end }}`, spent},
		{"reading JSON", `{{ $x := printf "[%s1]" (repeat 500000 "1,") }}{{ $d := dict }}{{ range until 200000 }}{{ $_ := set $d (toString .) (fromJsonArray $x) }}{{ end }}`, spent},
		{"reading YAML", `{{ $x := repeat 100000 "- {a: b}\n" }}{{ $d := dict }}{{ range until 200000 }}{{ $_ := set $d (toString .) (fromYamlArray $x) }}{{ end }}`, spent},
		{"reading files", `{{ $d := dict }}{{ range until 200000 }}{{ $_ := set $d (toString .) ($.Files.Lines "large") }}{{ end }}`, spent},
		{"a deep list", `{{ $l := list }}{{ range until 20000 }}{{ $l = list $l }}{{ end }}{{ toJson $l }}`, nested},
		{"a dict that contains itself", `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}`, nested},
		{"a dict that contains itself, formatted", `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ printf "%v" $d }}`, nested},
		{"a dict that contains itself, copied", `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $_ := deepCopy $d }}`, nested},
		{"a dict that contains itself, merged", `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $_ := merge dict $d }}`, nested},
		{"values that contain themselves", `{{ $_ := set .Values "v" .Values }}{{ .Values }}`, nested},
		{"YAML that grows", `{{ fromYaml "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]" | toYaml | len }}`, "shop/templates/t.yaml:1:1: it is no Kubernetes object: it has no apiVersion and kind"},
		{"deep control structures", strings.Repeat("{{ if 1 }}", 5000) + strings.Repeat("{{ end }}", 5000), "shop/templates/t.yaml:1: the template fails: its expressions are nested more than 400 levels deep"},
		{"very many control structures", strings.Repeat("{{ if 1 }}", 300000), "shop/templates/t.yaml: the template fails: it has more than 20000 control structures"},
		{"deep parentheses", "{{ " + strings.Repeat("(", 9000) + "1" + strings.Repeat(")", 9000) + " }}", "shop/templates/t.yaml:1: the template fails: its expressions are nested more than 400 levels deep"},
		{"a glob with many wildcards", `{{ .Files.Glob "` + strings.Repeat("*a", 100) + `" }}`, "shop/templates/t.yaml:1:1: it is no Kubernetes object: it has no apiVersion and kind"},
		{"the executor's own functions", `{{ _print 99999 1 }}`, `shop/templates/t.yaml:1: the template fails: function "_print" not defined`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// The bounds are the same for a smaller budget, and met sooner.
			r := scanFor(t, maxCost>>4, Options{}, collect.NewTree(map[string]string{
				"shop/Chart.yaml": chartYAML, "shop/templates/t.yaml": test.template, "shop/aaaaaaaa": "",
				"shop/large": strings.Repeat("\n", 1<<20),
			}))
			if !slices.Equal(r.unread, []string{test.want}) {
				t.Errorf("unread is %.400q, want %q", r.unread, test.want)
			}
		})
	}
}

// What a hostile template does is paid for by its own chart alone.
func TestHostileNeighbour(t *testing.T) {
	r := scan(t, Options{}, collect.NewTree(map[string]string{
		"a/Chart.yaml": chartYAML, "a/values-b.yaml": "x: 1\n", "a/templates/a.yaml": `{{ range 100000000000 }}{{ end }}`,
		"b/Chart.yaml": chartYAML, "b/templates/a.yaml": podWith("fine"), "b/templates/b.yaml": `{{ repeat 1000000000 "x" }}`,
	}))
	if len(r.unread) != 2 || r.containers()["app"] == nil {
		t.Errorf("unread is %q, containers are %v", r.unread, r.containers())
	}
}

func TestHostileValues(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("a%d: &a%[1]d [%s]\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	for _, test := range []struct{ name, values, want string }{
		{"a bomb", bomb, "shop/values.yaml:6:22: it is not valid YAML: aliases expand to more than 500000 values"},
		{"very deep", strings.Repeat("[", 100000), "shop/values.yaml:1:201: it is not valid YAML: nested deeper than 200 levels"},
		{"very large", "a: " + strings.Repeat("x", 5<<20), "shop/values.yaml:1:1: it is larger than 4 MiB"},
		{"a cycle", "a: &a [*a]\n", "shop/values.yaml:1:8: it is not valid YAML: alias \"a\" refers to a value that contains it"},
		{"no text", "a: \xff\n", "shop/values.yaml:1: it is not valid YAML: invalid leading UTF-8 octet (value: 255)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := scan(t, Options{}, collect.NewTree(map[string]string{
				"shop/Chart.yaml": chartYAML, "shop/values.yaml": test.values, "shop/templates/t.yaml": podWith("x"),
			}))
			if !slices.Equal(r.unread, []string{test.want}) {
				t.Errorf("unread is %.400q, want %q", r.unread, test.want)
			}
		})
	}
}

// Charts that name each other as parts end.
func TestChartCycles(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"two charts": {
			"a/Chart.yaml": chartYAML + "dependencies: [{name: b, version: \"*\", repository: \"file://../b\"}]\n", "a/templates/a.yaml": podNamed("a", "a"),
			"b/Chart.yaml": "name: b\nversion: 1.0.0\ndependencies: [{name: shop, version: \"*\", repository: \"file://../a\"}]\n", "b/templates/b.yaml": podNamed("b", "b"),
		},
		"one chart": {
			"a/Chart.yaml": chartYAML + "dependencies: [{name: shop, version: \"*\", repository: \"file://.\"}]\n", "a/templates/a.yaml": podNamed("a", "a"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := scan(t, Options{}, collect.NewTree(files))
			if r.containers()["a"] == nil {
				t.Errorf("the chart is not judged: %q", r.unread)
			}
		})
	}
}

func TestArchives(t *testing.T) {
	chart := func(more ...*tar.Header) []byte {
		members := []*tar.Header{{Name: "shop/Chart.yaml", Size: int64(len(chartYAML)), Typeflag: tar.TypeReg, Mode: 0o644}}
		bodies := []string{chartYAML}
		for _, h := range more {
			if h.Typeflag == 0 {
				h.Typeflag = tar.TypeReg
			}
			body := ""
			if h.Typeflag == tar.TypeReg {
				body = podWith("x")
				h.Size = int64(len(body))
			}
			members, bodies = append(members, h), append(bodies, body)
		}
		return pack(t, members, bodies)
	}
	many := make([]*tar.Header, maxMembers+1)
	for i := range many {
		many[i] = &tar.Header{Name: fmt.Sprintf("shop/files/%d", i), Typeflag: tar.TypeDir}
	}
	bomb := pack(t, []*tar.Header{
		{Name: "shop/Chart.yaml", Size: int64(len(chartYAML)), Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "shop/zeros", Size: maxUnpacked + 1, Typeflag: tar.TypeReg, Mode: 0o644},
	}, []string{chartYAML, string(make([]byte, maxUnpacked+1))})
	whole := chart(&tar.Header{Name: "shop/templates/a.yaml"})
	for _, test := range []struct {
		name    string
		archive []byte
		want    string // "" for a chart that is judged
	}{
		{"a chart", whole, ""},
		{"a path that leads out", chart(&tar.Header{Name: "shop/../../etc/passwd"}), "its entry shop/../../etc/passwd leads out of it"},
		{"a path that leads out and back", chart(&tar.Header{Name: "shop/templates/../../shop/a"}), "its entry shop/templates/../../shop/a leads out of it"},
		{"a path of Windows that leads out", chart(&tar.Header{Name: `shop\..\..\x`}), `its entry shop\..\..\x leads out of it`},
		{"an absolute path", chart(&tar.Header{Name: "/etc/passwd"}), "its entry /etc/passwd is an absolute path"},
		{"a drive", chart(&tar.Header{Name: `C:\x`}), `its entry C:\x is an absolute path`},
		{"a file beside the folder", chart(&tar.Header{Name: "x"}), "its entry x does not lie in the chart's folder"},
		{"two folders", chart(&tar.Header{Name: "other/x"}), "it holds more than one folder: shop and other"},
		{"one file twice", chart(&tar.Header{Name: "shop/templates/a.yaml"}, &tar.Header{Name: "shop/templates/a.yaml"}), "it holds templates/a.yaml twice"},
		{"a symbolic link", chart(&tar.Header{Name: "shop/x", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}), "its entry shop/x is a link or a device"},
		{"a hard link", chart(&tar.Header{Name: "shop/x", Linkname: "shop/Chart.yaml", Typeflag: tar.TypeLink}), "its entry shop/x is a link or a device"},
		{"a device", chart(&tar.Header{Name: "shop/x", Typeflag: tar.TypeBlock}), "its entry shop/x is a link or a device"},
		{"a name with a line break", chart(&tar.Header{Name: "shop/a\nb"}), "the name of its entry \"shop/a\\nb\" is no text"},
		{"a very long name", chart(&tar.Header{Name: "shop/" + strings.Repeat("x", 2000)}), "the name of its entry shop/" + strings.Repeat("x", 75) + "... is too long"},
		{"too many entries", chart(many...), "it holds more than 20000 files"},
		{"a bomb", bomb, "it unpacks to more than 64 MiB"},
		{"an archive that is cut off", whole[:len(whole)-40], "it is damaged: unexpected EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := scan(t, Options{}, collect.NewTree(map[string]string{"shop-1.0.tgz": string(test.archive)}))
			want := []string{"shop-1.0.tgz: the archive is refused: " + test.want}
			if test.want == "" {
				want = nil
				if c := r.containers()["app"]; c == nil || !strings.HasPrefix(c.Place.File, "shop-1.0.tgz!/shop/templates/a.yaml") {
					t.Errorf("the chart is not judged: %+v", c)
				}
			}
			if !slices.Equal(r.unread, want) {
				t.Errorf("unread is %q, want %q", r.unread, want)
			}
		})
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(tarball(f, map[string]string{"shop/Chart.yaml": chartYAML, "shop/templates/a.yaml": podWith("x")}))
	f.Add(pack(f, []*tar.Header{{Name: "shop/../x", Typeflag: tar.TypeReg}}, []string{""}))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		looksLikeChart(archive)
		// Most changes break the compression, so the bytes are also tried as
		// what would have been compressed.
		for _, archive := range [][]byte{archive, compress(t, archive)} {
			root, files, err := unpack(archive, "x.tgz")
			if err != nil {
				continue
			}
			total := 0
			for _, f := range files {
				total += len(f.data)
				if strings.Contains("/"+f.name+"/", "/../") || strings.HasPrefix(f.name, "/") || strings.Contains(root, "/") || root == ".." {
					t.Errorf("the entry %q of %q leads elsewhere", f.name, root)
				}
			}
			if total > maxUnpacked {
				t.Errorf("%d bytes come out", total)
			}
		}
	})
}

func compress(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
