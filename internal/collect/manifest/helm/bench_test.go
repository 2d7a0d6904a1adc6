package helm

import (
	"fmt"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// BenchmarkChart renders a chart of the size that people have: 50 workloads,
// helpers, blocks of values, two sets of values.
func BenchmarkChart(b *testing.B) {
	files := map[string]string{
		"shop/Chart.yaml":             chartYAML,
		"shop/values.yaml":            "image: nginx\nsecurityContext: {runAsNonRoot: true, capabilities: {drop: [ALL]}}\nenv: {A: a, B: b}\n",
		"shop/values-production.yaml": "image: nginx:1.27\n",
		"shop/templates/_helpers.tpl": "{{ define \"labels\" }}\napp: {{ .Chart.Name }}\nrelease: {{ .Release.Name }}\n{{ end }}",
	}
	for i := range 50 {
		files[fmt.Sprintf("shop/templates/%d.yaml", i)] = fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-%d
  labels: {{- include "labels" . | nindent 4 }}
spec:
  template:
    spec:
      containers:
        - name: app
          image: "{{ .Values.image }}"
          securityContext: {{- toYaml .Values.securityContext | nindent 12 }}
          env:
            {{- range $name, $value := .Values.env }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
`, i)
	}
	b.ReportAllocs()
	objects := 0
	for b.Loop() {
		objects += scan(b, Options{}, collect.NewTree(files)).objects
	}
	b.ReportMetric(float64(objects)/b.Elapsed().Seconds(), "objects/s")
}
