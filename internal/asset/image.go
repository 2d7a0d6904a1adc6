package asset

// Image is an image as a Dockerfile declares it: the final stage, with what it
// inherits from the stages that it is built on.
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
	// image is not known from a Dockerfile, and Text is then "".
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
