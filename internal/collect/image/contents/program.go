package contents

import "strings"

// kind is what a program is for.
type kind uint8

const (
	other kind = iota
	shell
	packageManager
	compiler
	networkTool
	loginServer
)

// programs are known by their names, without the version and the machine that
// some are called after (x86_64-linux-gnu-gcc-14).
var programs = map[string]kind{
	"sh": shell, "bash": shell, "rbash": shell, "dash": shell, "ash": shell, "zsh": shell, "ksh": shell, "mksh": shell,
	"fish": shell, "csh": shell, "tcsh": shell, "busybox": shell, "toybox": shell, "pwsh": shell, "nu": shell,

	"apt": packageManager, "apt-get": packageManager, "aptitude": packageManager, "dpkg": packageManager,
	"apk": packageManager, "rpm": packageManager, "yum": packageManager, "dnf": packageManager, "dnf5": packageManager,
	"microdnf": packageManager, "tdnf": packageManager, "zypper": packageManager, "pacman": packageManager,
	"opkg": packageManager, "xbps-install": packageManager, "emerge": packageManager, "nix-env": packageManager, "snap": packageManager,
	"pip": packageManager, "pip3": packageManager, "pipx": packageManager, "uv": packageManager, "conda": packageManager, "mamba": packageManager,
	"npm": packageManager, "npx": packageManager, "yarn": packageManager, "pnpm": packageManager, "corepack": packageManager,
	"gem": packageManager, "bundle": packageManager, "composer": packageManager, "cpan": packageManager, "luarocks": packageManager,

	"cc": compiler, "gcc": compiler, "g++": compiler, "c++": compiler, "c89": compiler, "c99": compiler, "cpp": compiler,
	"gfortran": compiler, "clang": compiler, "clang++": compiler, "tcc": compiler, "as": compiler, "ld": compiler,
	"ld.gold": compiler, "ld.bfd": compiler, "ld.lld": compiler, "nasm": compiler, "yasm": compiler, "rustc": compiler, "cargo": compiler, "go": compiler, "gccgo": compiler,
	"javac": compiler, "kotlinc": compiler, "scalac": compiler, "ghc": compiler, "swiftc": compiler, "zig": compiler,
	"ocamlopt": compiler, "make": compiler, "gmake": compiler, "cmake": compiler, "ninja": compiler, "mvn": compiler, "gradle": compiler,

	"curl": networkTool, "wget": networkTool, "aria2c": networkTool, "nc": networkTool, "netcat": networkTool,
	"nc.openbsd": networkTool, "nc.traditional": networkTool, "ncat": networkTool, "nmap": networkTool, "masscan": networkTool,
	"zmap": networkTool, "socat": networkTool, "telnet": networkTool, "ftp": networkTool, "tftp": networkTool, "lftp": networkTool,
	"ssh": networkTool, "scp": networkTool, "sftp": networkTool, "rsync": networkTool, "tcpdump": networkTool, "tshark": networkTool,
	"dig": networkTool, "nslookup": networkTool, "hydra": networkTool, "proxychains": networkTool, "proxychains4": networkTool, "tor": networkTool,

	"sshd": loginServer, "dropbear": loginServer, "tinysshd": loginServer, "telnetd": loginServer, "in.telnetd": loginServer,
	"rlogind": loginServer, "vsftpd": loginServer, "proftpd": loginServer, "pure-ftpd": loginServer, "x11vnc": loginServer,
	"Xvnc": loginServer, "Xtigervnc": loginServer, "xrdp": loginServer, "code-server": loginServer,
}

// kindOf says what an executable is for. Programs lie where a PATH may lead;
// of files elsewhere the name says too little.
func kindOf(path string) kind {
	dir := strings.LastIndexByte(path, '/')
	if dir < 0 || !strings.HasSuffix(path[:dir], "bin") && !strings.HasSuffix(path[:dir], "busybox") {
		return other
	}
	name := path[dir+1:]
	if k, ok := programs[name]; ok {
		return k
	}
	if k := programs[plain(name)]; k == compiler || k == packageManager {
		return k
	}
	return other
}

// plain is a program's name without the machine before it and the version
// behind it: gcc of x86_64-linux-gnu-gcc-14, pip of pip3.13.
func plain(name string) string {
	end := len(name)
	for end > 0 && (name[end-1] >= '0' && name[end-1] <= '9' || name[end-1] == '.') {
		end--
	}
	name = strings.TrimSuffix(name[:end], "-")
	if i := strings.LastIndex(name, "-gnu-"); i >= 0 {
		return name[i+len("-gnu-"):]
	}
	if i := strings.LastIndex(name, "-musl-"); i >= 0 {
		return name[i+len("-musl-"):]
	}
	return name
}
