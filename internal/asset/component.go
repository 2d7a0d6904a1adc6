package asset

// Component is a process of the control plane or of a node with its effective
// settings: command line and configuration file merged as it merges them.
type Component struct {
	Head `cel:"-"`

	// Name is "kube-apiserver", "kube-controller-manager", "kube-scheduler",
	// "etcd", "kubelet" or "kube-proxy".
	Name string `json:"name"`
	// From is "args" (a static pod or process) or "file" (a configuration file).
	From string `json:"from"`
	// Flags are the declared settings by flag name without dashes. Settings of
	// a configuration file stand under the name of the flag they replace.
	// Repeated flags are joined with commas.
	Flags map[string]string `json:"flags"`
}
