package asset

// Container is one container as its platform would run it: pod-level settings,
// defaults and overrides are resolved into it.
type Container struct {
	Head `cel:"-"`

	// Name is the container's own name; a Compose service's name.
	Name string `json:"name"`
	// Format says which platform's language declared it.
	Format Format `json:"format"`
	// Role is "app", "init", "sidecar" (an init container that keeps running)
	// or "ephemeral".
	Role string `json:"role"`
	// OS is "linux" or "windows".
	OS       string   `json:"os"`
	Workload Workload `json:"workload"`
	Image    ImageRef `json:"image"`
	// Build says that the image is built from a Dockerfile beside the file.
	Build bool `json:"build"`

	User User `json:"user"`
	// Group is the primary group id, -1 when not declared.
	Group int64 `json:"group"`
	// Groups are the supplementary groups.
	Groups []string `json:"groups"`
	// RunAsNonRoot says that the platform refuses to start it as uid 0.
	RunAsNonRoot bool `json:"runAsNonRoot"`
	Privileged   bool `json:"privileged"`
	// AllowPrivilegeEscalation is true unless it is switched off: no_new_privs
	// is not set by default on any platform.
	AllowPrivilegeEscalation bool         `json:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool         `json:"readOnlyRootFilesystem"`
	Capabilities             Capabilities `json:"capabilities"`
	Seccomp                  Profile      `json:"seccomp"`
	AppArmor                 Profile      `json:"appArmor"`
	SELinux                  SELinux      `json:"seLinux"`
	// ProcMount is "Default" or "Unmasked".
	ProcMount string `json:"procMount"`

	HostNetwork bool `json:"hostNetwork"`
	HostPID     bool `json:"hostPID"`
	HostIPC     bool `json:"hostIPC"`
	HostUTS     bool `json:"hostUTS"`
	// HostUsers says that uid 0 inside is uid 0 of the node: no user namespace.
	HostUsers bool `json:"hostUsers"`
	// HostCgroup says that the container shares the node's cgroup namespace or
	// a cgroup parent of the user's choice.
	HostCgroup bool `json:"hostCgroup"`
	// HostProcess is a Windows container that runs as a process of the node.
	HostProcess bool `json:"hostProcess"`
	// ShareProcessNamespace says that the containers of the pod see each
	// other's processes.
	ShareProcessNamespace bool `json:"shareProcessNamespace"`
	// NetworkMode is a Compose network_mode, "" in Kubernetes.
	NetworkMode string `json:"networkMode"`

	Devices []Device `json:"devices"`
	Mounts  []Mount  `json:"mounts"`
	Env     []EnvVar `json:"env"`
	// EnvFrom are the whole Secrets, ConfigMaps or files given as environment.
	EnvFrom   []EnvSource `json:"envFrom"`
	Ports     []Port      `json:"ports"`
	Resources Resources   `json:"resources"`
	Liveness  Probe       `json:"liveness"`
	Readiness Probe       `json:"readiness"`
	Startup   Probe       `json:"startup"`
	// Hooks are the calls that the platform makes into the container: probes
	// and lifecycle handlers.
	Hooks   []Hook   `json:"hooks"`
	Sysctls []Sysctl `json:"sysctls"`
	Command []string `json:"command"`
	Args    []string `json:"args"`
	// Process is the whole command line: Command and Args in one.
	Process []string `json:"process"`
	// Labels and Annotations are those of the pod or service.
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	// ServiceAccount is the identity it acts as, "" outside Kubernetes.
	ServiceAccount string `json:"serviceAccount"`
	// TokenMounted says that a token of the service account is in the container.
	TokenMounted bool `json:"tokenMounted"`
	// Restart is the restart policy as the platform spells it.
	Restart string `json:"restart"`
	// Ulimits are the limits that a Compose service sets, by name.
	Ulimits map[string]string `json:"ulimits"`
	// CgroupParent is a Compose cgroup_parent.
	CgroupParent string `json:"cgroupParent"`
	// LogDriver is a Compose logging driver, "" for the engine's default.
	LogDriver string `json:"logDriver"`
	// Service is what only a Compose service has.
	Service Service `json:"service"`
}

// Workload is the object whose template a container or pod comes from.
type Workload struct {
	// Kind is "Deployment", "Pod", ..., or "service" in Compose.
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Replicas is the declared count; 1 when not declared.
	Replicas int64 `json:"replicas"`
}

// ImageRef is an image reference taken apart. Registry is "docker.io" and
// Repository starts with "library/" where Docker would fill them in.
type ImageRef struct {
	// Text is the reference as written.
	Text       string `json:"text"`
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	// Tag is "latest" only if it is written; see Digest for pinned ones.
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
	// PullPolicy is the effective one: "Always", "IfNotPresent", "Never".
	PullPolicy string `json:"pullPolicy"`
}

// User is who a container or image runs as.
type User struct {
	// Text is the user as written, "" when not declared.
	Text string `json:"text"`
	// UID is the numeric id, -1 when not declared or a name.
	UID int64 `json:"uid"`
	// Root says that it is declared and means uid 0.
	Root bool `json:"root"`
}

// Capabilities are the Linux capabilities added to and dropped from the
// platform's default set, without "CAP_", in capitals.
type Capabilities struct {
	Add  []string `json:"add"`
	Drop []string `json:"drop"`
}

// Profile is a seccomp or AppArmor confinement.
type Profile struct {
	// Type is "RuntimeDefault", "Localhost", "Unconfined", another text as
	// written, or "" where nothing is declared and the platform applies none.
	Type string `json:"type"`
	// Name is the profile of Type Localhost.
	Name string `json:"name"`
}

// SELinux is the SELinux context that a container asks for.
type SELinux struct {
	User  string `json:"user"`
	Role  string `json:"role"`
	Type  string `json:"type"`
	Level string `json:"level"`
	// Disabled says that labelling is switched off for the container.
	Disabled bool `json:"disabled"`
}

// Device is a device of the host given to a container.
type Device struct {
	HostPath      string `json:"hostPath"`
	ContainerPath string `json:"containerPath"`
	Permissions   string `json:"permissions"`
}

// Mount is a file system that a container sees.
type Mount struct {
	// Name is the volume's name.
	Name string `json:"name"`
	// Type is the volume's source: "hostPath" (any bind of the host), "emptyDir",
	// "secret", "configMap", "persistentVolumeClaim", "volume", "tmpfs", ...
	Type string `json:"type"`
	// HostPath is the path on the node, cleaned, for Type hostPath.
	HostPath  string `json:"hostPath"`
	MountPath string `json:"mountPath"`
	SubPath   string `json:"subPath"`
	ReadOnly  bool   `json:"readOnly"`
	// Propagation is "None", "HostToContainer" or "Bidirectional".
	Propagation string `json:"propagation"`
	// Source names the Secret, ConfigMap, claim or volume behind it.
	Source string `json:"source"`
}

// EnvVar is one environment variable.
type EnvVar struct {
	Name string `json:"name"`
	// Value is the literal value; "" unless Source is "literal" or "file".
	Value string `json:"value"`
	// Source is "literal", "secret", "configMap", "field", "file" (an env_file)
	// or "host" (taken from the environment of whoever starts it).
	Source string `json:"source"`
	// Ref names the object or file behind it.
	Ref string `json:"ref"`
}

// EnvSource is a whole set of variables given to a container.
type EnvSource struct {
	// Source is "secret", "configMap" or "file".
	Source string `json:"source"`
	Name   string `json:"name"`
}

// Port is a port of a container.
type Port struct {
	Name          string `json:"name"`
	ContainerPort int64  `json:"containerPort"`
	// HostPort is the port opened on the node, 0 for none.
	HostPort int64 `json:"hostPort"`
	// HostIP is the address it is opened on; "" is every address.
	HostIP string `json:"hostIP"`
	// Published says that a Compose service opens it on the node: at HostPort
	// or, where that is 0, at a port that the engine picks.
	Published bool   `json:"published"`
	Protocol  string `json:"protocol"`
}

// Resources are limits and requests as written, "" where not declared.
type Resources struct {
	CPULimit         string `json:"cpuLimit"`
	MemoryLimit      string `json:"memoryLimit"`
	EphemeralLimit   string `json:"ephemeralLimit"`
	PIDsLimit        int64  `json:"pidsLimit"`
	CPURequest       string `json:"cpuRequest"`
	MemoryRequest    string `json:"memoryRequest"`
	EphemeralRequest string `json:"ephemeralRequest"`
}

// Probe is a health check.
type Probe struct {
	Declared bool `json:"declared"`
	// Type is "httpGet", "tcpSocket", "grpc" or "exec".
	Type string `json:"type"`
	// Host is the address that is asked when it is not the pod's own.
	Host string `json:"host"`
	// Scheme is "HTTP" or "HTTPS" for httpGet.
	Scheme string `json:"scheme"`
	// Disabled says that a check of the image is switched off.
	Disabled bool     `json:"disabled"`
	Command  []string `json:"command"`
}

// Hook is a call that the platform makes into a container.
type Hook struct {
	// On is "liveness", "readiness", "startup", "postStart" or "preStop".
	On      string   `json:"on"`
	Type    string   `json:"type"`
	Host    string   `json:"host"`
	Command []string `json:"command"`
	// User and Privileged are how a Compose service's handler runs.
	User       string `json:"user"`
	Privileged bool   `json:"privileged"`
}

// Sysctl is a kernel parameter that is set for the container.
type Sysctl struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
