package scan

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/collect"
)

// benchTree is 1,000 workloads with a service and a service account each, and
// definitions of custom resources that make up most of the bytes, as in real
// repositories. CORPUS names a folder to read instead.
func benchTree(b *testing.B) (tree func() *collect.Tree, bytes int64) {
	if dir := os.Getenv("CORPUS"); dir != "" {
		walk := func() *collect.Tree {
			t, err := collect.Walk([]string{dir}, nil, func(string) bool { return false })
			if err != nil {
				b.Fatal(err)
			}
			return t
		}
		for _, e := range walk().Entries {
			if text, err := e.Read(); err == nil {
				bytes += int64(len(text))
			}
		}
		return walk, bytes
	}
	files := map[string]string{}
	definition := "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: x\nspec:\n" +
		strings.Repeat("  some: {description: the words that definitions are full of, type: object}\n", 1000)
	for i := range 1000 {
		files[fmt.Sprintf("app%d.yaml", i)] = fmt.Sprintf(workload, i, i, i, i, i)
		if i%10 == 0 {
			files[fmt.Sprintf("crd%d.yaml", i)] = definition
		}
	}
	for _, text := range files {
		bytes += int64(len(text))
	}
	return func() *collect.Tree { return collect.NewTree(files) }, bytes
}

const workload = `apiVersion: v1
kind: ServiceAccount
metadata: {name: app%d, namespace: shop}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Service
metadata:
  name: app%d
  namespace: shop
spec:
  selector: {app: app%d}
  ports:
    - port: 80
      targetPort: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app%d
  namespace: shop
spec:
  replicas: 2
  template:
    metadata:
      labels: {app: app}
    spec:
      serviceAccountName: app%d
      containers:
        - name: app
          image: registry.example/app:1.0
          env:
            - {name: LOG_LEVEL, value: info}
            - name: DB_PASSWORD
              valueFrom: {secretKeyRef: {name: db, key: password}}
          ports:
            - containerPort: 8080
          resources:
            limits: {memory: 64Mi, cpu: 100m}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: tmp
          emptyDir: {}
`

// BenchmarkScan is the whole pipeline, rules compiled afresh in every run.
func BenchmarkScan(b *testing.B) {
	tree, bytes := benchTree(b)
	b.SetBytes(bytes)
	b.ReportAllocs()
	objects := 0
	for b.Loop() {
		plan := examplePlan()
		plan.Collectors = collectors()
		result, err := Tree(b.Context(), plan, tree())
		if err != nil {
			b.Fatal(err)
		}
		objects = result.Stats.Objects
	}
	b.ReportMetric(float64(objects)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}
