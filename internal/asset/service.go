package asset

// Service is what only a Compose service has: settings that no other platform
// knows, and how its secrets and configs come about.
type Service struct {
	// UsernsMode is the user namespace mode as written: "host" switches off a
	// remapping that the engine may have.
	UsernsMode string `json:"usernsMode"`
	// DeviceCgroupRules are the devices that are allowed beyond Devices, as
	// written: "c 189:* rmw".
	DeviceCgroupRules []string `json:"deviceCgroupRules"`
	// GPUs are the GPUs that are asked for: "all", "2" or a device's id.
	GPUs []string `json:"gpus"`
	// Runtime is the OCI runtime, "" for the engine's default.
	Runtime string `json:"runtime"`
	// CredentialSpec is the source of a Windows credential spec:
	// "file://...", "registry://..." or "config://...".
	CredentialSpec string `json:"credentialSpec"`
	// Networks are the networks that it joins, by their names in the engine
	// where they are external, else by their keys.
	Networks []string `json:"networks"`
	// Links and ExternalLinks are as written.
	Links         []string `json:"links"`
	ExternalLinks []string `json:"externalLinks"`
	// ExtraHosts are lines of its hosts file, "name=address".
	ExtraHosts []string `json:"extraHosts"`
	// OOMKillDisable says that the kernel may not kill it when memory runs out.
	OOMKillDisable bool `json:"oomKillDisable"`
	// BuildArgs are the arguments of its build.
	BuildArgs []EnvVar `json:"buildArgs"`
	// Secrets and Configs are the objects mounted into it.
	Secrets []FileObject `json:"secrets"`
	Configs []FileObject `json:"configs"`
	// Version is the obsolete version of the file format; the first service of
	// a file that states one has it.
	Version string `json:"version"`
}

// FileObject is a secret or config of a Compose project.
type FileObject struct {
	Name string `json:"name"`
	// Source is "file", "environment", "content", "external" or "driver".
	Source string `json:"source"`
	// Ref is the file, seen from the project's folder, or the variable.
	Ref string `json:"ref"`
	// Content is what the Compose file itself says the object holds.
	Content string `json:"content"`
	// Scanned says that the file is among those that were scanned: whoever has
	// the project's files has the secret.
	Scanned bool `json:"scanned"`
}
