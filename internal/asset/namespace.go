package asset

// Namespace is what the objects read together say about one namespace.
type Namespace struct {
	Head `cel:"-"`

	Name string `json:"name"`
	// Declared says that the Namespace object itself was read.
	Declared    bool              `json:"declared"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	// Workloads counts the pod templates in it.
	Workloads int64 `json:"workloads"`
	// Unselected names the workloads that no NetworkPolicy selects for ingress.
	// Pods on the node's network are left out: no policy reaches them.
	Unselected []string `json:"unselected"`
	// NetworkPolicies counts the policies in it.
	NetworkPolicies int64 `json:"networkPolicies"`
	// DefaultDenyIngress and DefaultDenyEgress say that a policy selects every
	// pod and admits nothing of its own.
	DefaultDenyIngress bool `json:"defaultDenyIngress"`
	DefaultDenyEgress  bool `json:"defaultDenyEgress"`
	// MetadataReachable says that pods in it may reach the cloud's metadata
	// address as far as the policies read go.
	MetadataReachable bool `json:"metadataReachable"`
	ResourceQuota     bool `json:"resourceQuota"`
	LimitRange        bool `json:"limitRange"`
}
