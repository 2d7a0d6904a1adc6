package asset

// Image is an image as a Dockerfile declares it (the final stage, with what it
// inherits from the stages that it is built on) or as it was built. What only
// one of the two can tell is empty for the other; rules say with "formats" which
// they can judge.
type Image struct {
	Head `cel:"-"`

	// Base is the image that the final stage's chain of stages starts from, with
	// build arguments resolved.
	Base ImageRef `json:"base"`
	// Scratch says that the chain starts from nothing.
	Scratch bool `json:"scratch"`
	// Platform is the --platform of the base, "" when not given.
	Platform string `json:"platform"`
	// User is the last USER that holds in the final stage; that of the base
	// image is not known from a Dockerfile, and Text is then "". In a built image
	// an empty Text means root, and Root says so.
	User User `json:"user"`
	// Env is what the shipped image carries, ENV of inherited stages included.
	Env []EnvVar `json:"env"`
	// Args are the build arguments of every stage, with their defaults.
	Args   []BuildArg        `json:"args"`
	Ports  []ExposedPort     `json:"ports"`
	Labels map[string]string `json:"labels"`
	// Healthcheck is "", "NONE" or "CMD".
	Healthcheck string   `json:"healthcheck"`
	Entrypoint  []string `json:"entrypoint"`
	Cmd         []string `json:"cmd"`
	Volumes     []string `json:"volumes"`
	Workdir     string   `json:"workdir"`
	Stages      []Stage  `json:"stages"`
	// Instructions are those of every stage in the order of the file. Those
	// with Shipped end up in the image; the others leave their traces only in
	// the build cache and in history.
	Instructions []Instruction `json:"instructions"`
	// Ignored says that a .dockerignore stands beside the Dockerfile, and
	// IgnorePatterns are its lines.
	Ignored        bool     `json:"ignored"`
	IgnorePatterns []string `json:"ignorePatterns"`
	// Syntax is the frontend that a "# syntax" line names.
	Syntax string `json:"syntax"`

	// Build is what only a built image can tell.
	Build Build `json:"build"`
}

// Build is what only a built image can tell.
type Build struct {
	// Ref is the reference that the image was asked for by.
	Ref ImageRef `json:"ref"`
	// Digest is that of its manifest, ConfigDigest that of its configuration.
	Digest       string `json:"digest"`
	ConfigDigest string `json:"configDigest"`
	// Format is "oci" or "docker", "" where the image does not tell. OCI images
	// have no place for a health check.
	Format string `json:"format"`
	// Created is a day, YYYY-MM-DD, "" where the image does not tell.
	Created      string  `json:"created"`
	OS           string  `json:"os"`
	Architecture string  `json:"architecture"`
	Layers       []Layer `json:"layers"`
	// BaseLayers is the number of layers from the base image; BaseCertainty is
	// "certain", "likely" or "unknown", and BaseEvidence says why.
	BaseLayers    int64  `json:"baseLayers"`
	BaseCertainty string `json:"baseCertainty"`
	BaseEvidence  string `json:"baseEvidence"`

	Distro   Distro    `json:"distro"`
	Runtimes []Runtime `json:"runtimes"`
	Contents Contents  `json:"contents"`

	Provenance Provenance `json:"provenance"`
}

// Distro is the distribution that an image is made of, from its os-release.
type Distro struct {
	// ID and Version are as in os-release: "debian" and "12".
	ID      string `json:"id"`
	Version string `json:"version"`
	Name    string `json:"name"`
	// Ends is the day its security support ends, "" where it is not known.
	// Ended says that it is over today.
	Ends  string `json:"ends"`
	Ended bool   `json:"ended"`
}

// Runtime is the interpreter or virtual machine of a language.
type Runtime struct {
	// Name is "python", "node", "go", "java", "php", "ruby", "dotnet", ...
	Name    string `json:"name"`
	Version string `json:"version"`
	Path    string `json:"path"`
	// Owner is the distribution's package that brought it, "" if none: the
	// distribution then supports it.
	Owner string `json:"owner"`
	Ends  string `json:"ends"`
	Ended bool   `json:"ended"`
}

// Contents is what the files of an image tell as a whole. Paths are absolute
// and sorted.
type Contents struct {
	Files int64 `json:"files"`
	// Size is that of the files that the container sees, in bytes; Total that
	// of all layers, uncompressed.
	Size  int64 `json:"size"`
	Total int64 `json:"total"`
	// Deleted counts the bytes that a later layer removes or replaces by others.
	Deleted int64 `json:"deleted"`
	// Duplicate counts the bytes of files that an earlier layer already holds at
	// the same path with the same content. They are not counted as deleted too.
	Duplicate int64 `json:"duplicate"`
	// Waste are the layers' shares of both, for layers that have one.
	Waste []LayerWaste `json:"waste"`

	// SetID are programs with the setuid or setgid bit.
	SetID []string `json:"setID"`
	// WorldWritable are files that every user may change, and folders without
	// the sticky bit; what lies in a listed folder is not listed.
	WorldWritable   []string `json:"worldWritable"`
	Shells          []string `json:"shells"`
	PackageManagers []string `json:"packageManagers"`
	// Compilers are also assemblers, linkers and build tools.
	Compilers    []string `json:"compilers"`
	NetworkTools []string `json:"networkTools"`
	// LoginServers are servers that let people log in: sshd, telnetd, ...
	LoginServers []string   `json:"loginServers"`
	Caches       []PathSize `json:"caches"`
	// CacheSize is that of all caches but version control.
	CacheSize int64 `json:"cacheSize"`
}

// PathSize is a folder or file and the bytes in it.
type PathSize struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	// Kind is "packages" (lists and downloads of a package manager), "build"
	// (what a compiler or runtime keeps to be faster next time), "log",
	// "temporary", "version-control" or "backup" (of an editor).
	Kind string `json:"kind"`
}

// LayerWaste is the bytes of a layer that no container sees.
type LayerWaste struct {
	Layer     Layer `json:"layer"`
	Deleted   int64 `json:"deleted"`
	Duplicate int64 `json:"duplicate"`
}

// BuildArg is a build argument and its default.
type BuildArg struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Used says that an instruction of the same stage refers to it.
	Used bool `json:"used"`
}

// ExposedPort is a port that an image declares.
type ExposedPort struct {
	Port     int64  `json:"port"`
	Protocol string `json:"protocol"`
}

// Stage is one FROM of a Dockerfile.
type Stage struct {
	Name string   `json:"name"`
	Base ImageRef `json:"base"`
	// Parent is the name or index of the stage that it is built on, "" if it
	// is built on an image.
	Parent  string `json:"parent"`
	Scratch bool   `json:"scratch"`
	// Shipped says that the final stage is this one or is built on it.
	Shipped bool `json:"shipped"`
	// Copied says that a shipped stage copies files from it.
	Copied bool `json:"copied"`
}

// Instruction is one instruction of a Dockerfile, build arguments resolved.
type Instruction struct {
	// Cmd is the instruction in capitals: "RUN", "COPY", "ADD", ...
	Cmd string `json:"cmd"`
	// Text is the instruction's arguments on one line, as written.
	Text string `json:"text"`
	// Stage is the index of its stage.
	Stage   int64 `json:"stage"`
	Shipped bool  `json:"shipped"`
	// Layer is the index of the layer that it made in a built image, -1 where it
	// made none or that is not known, as in a Dockerfile.
	Layer int64 `json:"layer"`
	// Onbuild says that it runs when another image is built on this one.
	Onbuild bool `json:"onbuild"`
	// User says who a RUN executes as: the USER that holds at that point.
	User User `json:"user"`

	// Commands are the simple commands of a RUN, CMD, ENTRYPOINT or HEALTHCHECK,
	// as a shell would split them, heredocs included.
	Commands []Command `json:"commands"`
	// Sources and Dest are those of COPY and ADD.
	Sources []string `json:"sources"`
	Dest    string   `json:"dest"`
	// From is the --from of a COPY or of a RUN mount.
	From  string `json:"from"`
	Chown string `json:"chown"`
	Chmod string `json:"chmod"`
	// Checksum is the --checksum of an ADD.
	Checksum string `json:"checksum"`
	// Mounts are the RUN --mount types: "cache", "secret", "ssh", "bind".
	Mounts []string `json:"mounts"`
	// Security is RUN --security ("insecure"), Network RUN --network ("host").
	Security string `json:"security"`
	Network  string `json:"network"`
	// Pairs are the keys and values of ENV, ARG and LABEL.
	Pairs []EnvVar `json:"pairs"`
}

// Command is one simple command of a shell script.
type Command struct {
	// Name is the program without its path; wrappers such as sudo, env, exec
	// and time are looked through and listed in Wrappers.
	Name string `json:"name"`
	// Args are its arguments, unquoted, variables left as written.
	Args     []string `json:"args"`
	Wrappers []string `json:"wrappers"`
	// PipedFrom is the name of the program whose output it reads, "" if none.
	PipedFrom string `json:"pipedFrom"`
	// Text is the command as written.
	Text string `json:"text"`
}
