package asset

// Pod is a pod as Kubernetes would create it, with what is declared at the
// level of the pod. What the containers inherit is resolved in each of them.
type Pod struct {
	Head `cel:"-"`

	Name     string   `json:"name"`
	Workload Workload `json:"workload"`
	OS       string   `json:"os"`

	// The pod-level security context as declared, before inheritance.
	// RunAsNonRoot is "", "true" or "false".
	RunAsNonRoot string `json:"runAsNonRoot"`
	// RunAsUser and FSGroup are -1 when not declared.
	RunAsUser   int64    `json:"runAsUser"`
	FSGroup     int64    `json:"fsGroup"`
	Seccomp     Profile  `json:"seccomp"`
	AppArmor    Profile  `json:"appArmor"`
	SELinux     SELinux  `json:"seLinux"`
	HostProcess bool     `json:"hostProcess"`
	Sysctls     []Sysctl `json:"sysctls"`

	HostNetwork           bool `json:"hostNetwork"`
	HostPID               bool `json:"hostPID"`
	HostIPC               bool `json:"hostIPC"`
	HostUsers             bool `json:"hostUsers"`
	ShareProcessNamespace bool `json:"shareProcessNamespace"`

	// Volumes are all volumes of the pod, mounted or not.
	Volumes []Volume `json:"volumes"`

	ServiceAccount string `json:"serviceAccount"`
	// TokenMounted says that the service account's token is mounted: declared
	// on the pod, else on the service account, else yes.
	TokenMounted bool `json:"tokenMounted"`
	// TokenDeclared says where that was decided: "pod", "serviceAccount" or ""
	// for Kubernetes' default.
	TokenDeclared string `json:"tokenDeclared"`

	NodeName      string            `json:"nodeName"`
	NodeSelector  map[string]string `json:"nodeSelector"`
	Tolerations   []Toleration      `json:"tolerations"`
	PriorityClass string            `json:"priorityClass"`
	RuntimeClass  string            `json:"runtimeClass"`
	RestartPolicy string            `json:"restartPolicy"`
	HostAliases   []string          `json:"hostAliases"`
	Labels        map[string]string `json:"labels"`
	Annotations   map[string]string `json:"annotations"`
	ImagePull     []string          `json:"imagePullSecrets"`

	// Containers are every container of the pod, init and ephemeral included.
	Containers []*Container `json:"containers"`
}

// Volume is a volume of a pod.
type Volume struct {
	Name string `json:"name"`
	// Type is the key of its source ("hostPath", "emptyDir", ...), "" if none.
	Type     string `json:"type"`
	HostPath string `json:"hostPath"`
	// Source names the Secret, ConfigMap or claim behind it.
	Source string `json:"source"`
	// TokenProjected says that a projected volume carries a service account token.
	TokenProjected bool `json:"tokenProjected"`
}

// Toleration lets a pod onto tainted nodes.
type Toleration struct {
	Key      string `json:"key"`
	Operator string `json:"operator"`
	Effect   string `json:"effect"`
}
