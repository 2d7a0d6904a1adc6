package secret

import (
	"strings"
	"testing"
)

// manifest is configuration without a credential in it.
const manifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  namespace: shop
  labels: {app.kubernetes.io/name: cart, app.kubernetes.io/version: "1.9.2"}
spec:
  replicas: 3
  template:
    spec:
      serviceAccountName: cart
      containers:
        - name: server
          image: registry.shop.internal/cart@sha256:8d74beff1db271f6769aa29e1eff47b1f4e5b1b24ef0a1d4f3e2c7b6a5948372
          args: ["--listen=:8080", "--log-level", "info", "--metrics-addr", ":9090"]
          env:
            - name: REDIS_ADDR
              value: "redis-cart:6379"
            - name: REDIS_PASSWORD
              valueFrom:
                secretKeyRef: {name: redis, key: password}
            - name: JAVA_OPTS
              value: -Xmx512m -Djava.security.egd=file:/dev/./urandom
          volumeMounts:
            - {name: tls, mountPath: /etc/tls, readOnly: true}
# The server speaks gRPC; see https://grpc.io/docs/what-is-grpc/introduction/ for details.
`

func BenchmarkFindManifest(b *testing.B) { benchmarkFind(b, manifest) }

func BenchmarkFindShell(b *testing.B) {
	benchmarkFind(b, "set -eu\nfor pod in $(kubectl get pods -n shop -o name); do\n"+
		"  kubectl exec \"$pod\" -- /bin/sh -c 'curl -fsS --max-time 5 http://localhost:8080/healthz' || echo \"not ready: $pod\"\ndone\n")
}

func BenchmarkFindBinary(b *testing.B) {
	var s strings.Builder
	for i := range 4096 {
		s.WriteByte(byte(i * 7))
	}
	benchmarkFind(b, s.String())
}

// Text full of separators and prefixes is the worst to walk over.
func BenchmarkFindWorst(b *testing.B) { benchmarkFind(b, "pw=sk-pw:eyJ@-p ://a:b@ ") }

func benchmarkFind(b *testing.B, part string) {
	text := strings.Repeat(part, 1+(256<<10)/len(part))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		Find(text)
	}
}

func BenchmarkClassify(b *testing.B) {
	for name, value := range map[string]string{
		"LOG_LEVEL":         "info",
		"DATABASE_HOST":     "postgres.shop.svc.cluster.local",
		"CATALOG_URL":       "http://catalog:3550/v1/products?limit=20",
		"JAVA_OPTS":         "-Xms256m -Xmx512m -XX:+UseG1GC",
		"DB_PASSWORD_FILE":  "/run/secrets/db-password",
		"DB_PASSWORD":       "${DB_PASSWORD}",
		"POSTGRES_PASSWORD": "postgres",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Classify(name, value)
			}
		})
	}
}

func BenchmarkRedact(b *testing.B) {
	text := strings.Repeat("  image: nginx:1.27\n", 5) + "  DB_PASSWORD: hunter" + "2\n"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Redact(text)
	}
}
