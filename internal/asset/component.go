package asset

// Component is a process of the control plane or of a node with its effective
// settings: command line and configuration file merged as it merges them.
type Component struct {
	Head `cel:"-"`

	// Name is "kube-apiserver", "kube-controller-manager", "kube-scheduler",
	// "etcd", "kubelet" or "kube-proxy".
	Name string `json:"name"`
	// From says what an absent setting means. "args" is the whole command line
	// of a process and "file" a whole configuration file: the component's own
	// defaults apply, which differ between the two. "kubeadm" is what is added
	// to kubeadm's choices, and "extra" what is added to those of k3s, RKE2 or
	// kind.
	From string `json:"from"`
	// Flags are the declared settings by flag name without dashes. Settings of
	// a configuration file stand under the name of the flag they replace.
	// Repeated flags that add up are joined with commas; of others the last
	// one counts. Booleans are "true" or "false".
	Flags map[string]string `json:"flags"`
}
