package helm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Capabilities is what charts ask about the cluster that they would be
// installed into, under the names that templates use.
type Capabilities struct {
	KubeVersion KubeVersion
	APIVersions VersionSet
	HelmVersion HelmVersion
}

// KubeVersion is a version of Kubernetes.
type KubeVersion struct {
	Version, Major, Minor string
}

// String returns the version without a provider's suffix.
func (v KubeVersion) String() string {
	version, _, _ := strings.Cut(v.Version, "-")
	version, _, _ = strings.Cut(version, "+")
	return version
}

// GitVersion returns the version as it was given.
func (v KubeVersion) GitVersion() string { return v.Version }

// VersionSet is the API versions that a cluster serves.
type VersionSet []string

// Has reports whether an API version, or a kind of one, is served.
func (s VersionSet) Has(version string) bool { return slices.Contains(s, version) }

// HelmVersion is the build that charts are told they are rendered by.
type HelmVersion struct {
	Version, GitCommit, GitTreeState, GoVersion, KubeClientVersion string
}

// defaultKubeVersion is the version that charts are rendered for unless the
// user names one: what Helm's own `helm template` assumes.
const defaultKubeVersion = "v1.37.0"

// defaultAPIVersions are the groups and versions that Kubernetes itself serves
// or has served, as Helm knows them without a cluster.
var defaultAPIVersions = VersionSet{
	"v1",
	"admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1alpha1", "admissionregistration.k8s.io/v1beta1",
	"internal.apiserver.k8s.io/v1alpha1",
	"apps/v1", "apps/v1beta1", "apps/v1beta2",
	"authentication.k8s.io/v1", "authentication.k8s.io/v1alpha1", "authentication.k8s.io/v1beta1",
	"authorization.k8s.io/v1", "authorization.k8s.io/v1beta1",
	"autoscaling/v1", "autoscaling/v2",
	"batch/v1", "batch/v1beta1",
	"certificates.k8s.io/v1", "certificates.k8s.io/v1beta1", "certificates.k8s.io/v1alpha1",
	"coordination.k8s.io/v1alpha2", "coordination.k8s.io/v1beta1", "coordination.k8s.io/v1",
	"discovery.k8s.io/v1", "discovery.k8s.io/v1beta1",
	"events.k8s.io/v1", "events.k8s.io/v1beta1",
	"extensions/v1beta1",
	"flowcontrol.apiserver.k8s.io/v1", "flowcontrol.apiserver.k8s.io/v1beta1",
	"flowcontrol.apiserver.k8s.io/v1beta2", "flowcontrol.apiserver.k8s.io/v1beta3",
	"lifecycle.k8s.io/v1alpha1",
	"networking.k8s.io/v1", "networking.k8s.io/v1beta1",
	"node.k8s.io/v1", "node.k8s.io/v1alpha1", "node.k8s.io/v1beta1",
	"policy/v1", "policy/v1beta1",
	"rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1", "rbac.authorization.k8s.io/v1alpha1",
	"resource.k8s.io/v1", "resource.k8s.io/v1beta2", "resource.k8s.io/v1beta1", "resource.k8s.io/v1alpha3",
	"scheduling.k8s.io/v1alpha3", "scheduling.k8s.io/v1beta1", "scheduling.k8s.io/v1",
	"storage.k8s.io/v1beta1", "storage.k8s.io/v1", "storage.k8s.io/v1alpha1",
	"storagemigration.k8s.io/v1", "storagemigration.k8s.io/v1beta1",
	"apiextensions.k8s.io/v1beta1", "apiextensions.k8s.io/v1",
}

// newCapabilities describes a cluster of the version, "" for the default one,
// that serves more API versions than Kubernetes' own.
func newCapabilities(kubeVersion string, more []string) (*Capabilities, error) {
	if kubeVersion == "" {
		kubeVersion = defaultKubeVersion
	}
	v, err := semver.NewVersion(kubeVersion)
	if err != nil {
		return nil, fmt.Errorf("Kubernetes version %q is none: give it as 1.37 or v1.37.2", kubeVersion)
	}
	return &Capabilities{
		KubeVersion: KubeVersion{
			Version: "v" + strings.TrimPrefix(kubeVersion, "v"), Major: strconv.FormatUint(v.Major(), 10), Minor: strconv.FormatUint(v.Minor(), 10),
		},
		APIVersions: slices.Concat(defaultAPIVersions, VersionSet(more)),
		HelmVersion: HelmVersion{Version: "v4.3", GoVersion: "go1.26", KubeClientVersion: "v1.37"},
	}, nil
}
