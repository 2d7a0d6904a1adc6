package test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/scan"
	"github.com/holdfast-sec/holdfast/rules"
)

// planted are the ways to lose the example shop that its authors put there: the
// place below examples/shop and the rule that has to name it.
var planted = []string{
	"compose.override.yaml:11 container-privileged",
	"compose.shared.yaml:14 container-seccomp-unconfined",
	"compose.yaml:12 mount-runtime-socket",
	"compose.yaml:39 container-env-credential",
	"compose.yaml:56 compose-port-store",
	"deploy/chart/shop/templates/deployment.yaml:24 container-image-latest",
	"deploy/chart/shop/templates/deployment.yaml:29 container-env-credential",
	"deploy/chart/shop/templates/deployment.yaml:50 mount-host-path",
	"deploy/kustomize/overlays/staging/kustomization.yaml:11 secret-committed",
	"deploy/kustomize/overlays/staging/mail.yaml:8 container-host-network",
	"deploy/manifests/admission.yaml:10 webhook-validating-fails-open",
	"deploy/manifests/backup.yaml:17 container-image-latest",
	"deploy/manifests/log-agent.yaml:15 container-host-pid",
	"deploy/manifests/log-agent.yaml:17 pod-tolerates-control-plane",
	"deploy/manifests/log-agent.yaml:25 container-runs-as-root",
	"deploy/manifests/log-agent.yaml:37 mount-host-root",
	"deploy/manifests/network.yaml:8 ingress-tls-missing",
	"deploy/manifests/payments.yaml:8 configmap-credential",
	"deploy/manifests/payments.yaml:23 pod-token-mounted-by-default",
	"deploy/manifests/payments.yaml:35 container-env-credential",
	"deploy/manifests/payments.yaml:49 mount-host-logs-writable",
	"deploy/manifests/rbac.yaml:18 rbac-secrets-read-namespace",
	"deploy/manifests/rbac.yaml:43 secret-service-account-token",
	"deploy/manifests/rbac.yaml:51 rbac-cluster-admin-account",
	"ops/encryption.yaml:6 encryption-identity-first",
	"ops/encryption.yaml:10 encryption-key-committed",
	"ops/kube-apiserver.yaml:36 apiserver-static-credentials",
	"ops/kubelet-config.yaml:5 kubelet-open",
	"ops/kubelet-config.yaml:12 kubelet-read-only-port",
	"payments/Dockerfile:2 image-secret-arg-default",
	"payments/Dockerfile:4 image-secret-env",
	"payments/Dockerfile:6 image-add-url",
	"payments/Dockerfile:8 image-download-run-unseen",
}

// clean are the parts of the shop that are done well: nothing above info.
var clean = []string{
	"catalog/Dockerfile",
	"deploy/manifests/catalog.yaml",
	"deploy/kustomize/overlays/production/",
}

func scanShop(t *testing.T) *finding.Result {
	t.Helper()
	t.Chdir("../examples/shop")
	collectors, err := scan.Collectors(scan.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := scan.Run(context.Background(), scan.Plan{
		Targets: []string{"."}, Collectors: collectors, Today: "2026-01-01",
		Rules: scan.Rules{BuiltIn: rules.Files(), Functions: scan.Functions(nil)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestShop scans the example: every planted flaw is named at its line, what is
// done well is left alone, and no secret of its files is in the result.
func TestShop(t *testing.T) {
	result := scanShop(t)
	found := map[string]bool{}
	for _, f := range result.Findings {
		found[fmt.Sprintf("%s:%d %s", f.Place.File, f.Place.Line, f.Rule)] = true
		for _, prefix := range clean {
			if strings.HasPrefix(f.Place.File, prefix) && f.Severity > finding.Info {
				t.Errorf("%s is done well, and yet %s says %q (%s)", f.Place, f.Rule, f.Message, f.Severity)
			}
		}
	}
	for _, want := range planted {
		if !found[want] {
			t.Errorf("planted and not found: %s", want)
		}
	}
	for _, u := range result.Undetermined {
		t.Errorf("undetermined: %s: %s", u.Place, u.Reason)
	}
	for _, secret := range shopSecrets(t) {
		for _, f := range result.Findings {
			for _, text := range []string{f.Message, f.Excerpt, f.Field, f.Asset.Name} {
				if strings.Contains(text, secret) {
					t.Errorf("%s shows a secret: %q", f.Rule, text)
				}
			}
		}
	}
}

// shopSecrets reads the passwords out of the example's .env.
func shopSecrets(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(".env")
	if err != nil {
		t.Fatal(err)
	}
	var secrets []string
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if strings.Contains(name, "PASSWORD") || strings.Contains(name, "SECRET") {
			secrets = append(secrets, value)
		}
	}
	if len(secrets) == 0 {
		t.Fatal("the example's .env has no password any more: choose another witness")
	}
	return secrets
}

// TestScanIsDeterministic scans twice and compares.
func TestScanIsDeterministic(t *testing.T) {
	first := fmt.Sprintf("%+v", scanShop(t))
	t.Chdir("../../test")
	if second := fmt.Sprintf("%+v", scanShop(t)); first != second {
		t.Error("two scans of the same files differ")
	}
}
