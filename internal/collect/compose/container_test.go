package compose

import (
	"strings"
	"testing"
)

// The engine's defaults, for a service that says nothing.
func TestDefaults(t *testing.T) {
	c := service(t, "image: nginx:1.29\n")
	check(t, c, `
		id = compose:compose.yaml#app
		name = app
		kind = container
		format = compose
		role = app
		os = linux
		workload.kind = service
		workload.name = app
		workload.replicas = 1
		image.text = nginx:1.29
		image.registry = docker.io
		image.repository = library/nginx
		image.tag = 1.29
		image.pullPolicy = IfNotPresent
		build = false
		user.text = <empty>
		user.uid = -1
		user.root = false
		group = -1
		privileged = false
		allowPrivilegeEscalation = true
		readOnlyRootFilesystem = false
		seccomp.type = RuntimeDefault
		appArmor.type = RuntimeDefault
		procMount = Default
		hostUsers = true
		hostNetwork = false
		liveness.declared = false
		restart = <empty>
		logDriver = <empty>
		service.networks = ["default"]
	`)
	if place := c.Place; place.Line != 2 || place.Column != 3 || place.EndLine != 3 {
		t.Errorf("the service stands at %+v", place)
	}
	if c.Head.Name != "service app" || len(c.Unknown) > 0 {
		t.Errorf("name %q, unknown %v", c.Head.Name, c.Unknown)
	}
	if _, declared := c.Locate("hostUsers"); declared {
		t.Error("hostUsers counts as declared")
	}
}

func TestFields(t *testing.T) {
	tests := []struct{ name, service, want string }{
		{"user", "image: a:1\nuser: \"1000:50\"\ngroup_add: [audio, 44]\n", `
			user.uid = 1000
			user.root = false
			group = 50
			groups = ["audio","44"]
			user @ compose.yaml:4:11
			groups[1] @ compose.yaml:5:24`},
		{"root by name", "image: a:1\nuser: root:root\n", `
			user.root = true
			user.uid = 0
			group = 0`},
		{"root by number", "image: a:1\nuser: \"0\"\n", "user.root = true\nuser.uid = 0"},
		{"user by name", "image: a:1\nuser: www-data\n", "user.text = www-data\nuser.uid = -1\nuser.root = false"},
		{"privileged, where the engine's profiles do not apply", "image: a:1\nprivileged: \"true\"\n", `
			privileged = true
			privileged @ compose.yaml:4:17
			seccomp.type = <empty>
			appArmor.type = <empty>
			procMount = Default`},
		{"old boolean", "image: a:1\nprivileged: yes\nread_only: on\n", "privileged = true\nreadOnlyRootFilesystem = true"},
		{"capabilities", "image: a:1\ncap_add: [cap_sys_admin, Net_Raw]\ncap_drop:\n  - all\n", `
			capabilities.add = ["SYS_ADMIN","NET_RAW"]
			capabilities.drop = ["ALL"]
			capabilities.add[1] @ compose.yaml:4:30
			capabilities.drop[0] @ compose.yaml:6:9
			capabilities.drop @ compose.yaml:5:5`},
		{"no new privileges", "image: a:1\nsecurity_opt: [\"no-new-privileges:true\"]\n", `
			allowPrivilegeEscalation = false
			allowPrivilegeEscalation @ compose.yaml:4:20`},
		{"no new privileges, bare", "image: a:1\nsecurity_opt: [no-new-privileges]\n", "allowPrivilegeEscalation = false"},
		{"no new privileges, the last one holds", "image: a:1\nsecurity_opt: [no-new-privileges=true, no-new-privileges=false]\n", "allowPrivilegeEscalation = true"},
		{"profiles", "image: a:1\nsecurity_opt:\n  - seccomp:unconfined\n  - apparmor=web\n  - systempaths=unconfined\n", `
			seccomp.type = Unconfined
			seccomp.type @ compose.yaml:5:9
			appArmor.type = Localhost
			appArmor.name = web
			procMount = Unmasked
			procMount @ compose.yaml:7:9`},
		{"profile of its own", "image: a:1\nsecurity_opt: [seccomp=./p.json, apparmor:docker-default]\n", `
			seccomp.type = Localhost
			seccomp.name = ./p.json
			appArmor.type = RuntimeDefault`},
		{"profile of a privileged service", "image: a:1\nprivileged: true\nsecurity_opt: [seccomp=builtin]\n", "seccomp.type = RuntimeDefault\nappArmor.type = <empty>"},
		{"labels of SELinux", "image: a:1\nsecurity_opt:\n  - label:type:spc_t\n  - label=user:system_u\n  - label:level:s0:c1,c2\n", `
			seLinux.type = spc_t
			seLinux.user = system_u
			seLinux.level = s0:c1,c2
			seLinux.disabled = false
			seLinux.type @ compose.yaml:5:9`},
		{"SELinux off", "image: a:1\nsecurity_opt: [\"label:disable\"]\n", "seLinux.disabled = true\nseLinux @ compose.yaml:4:20"},
		{"namespaces", "image: a:1\npid: host\nipc: host\nuts: host\nnetwork_mode: host\nuserns_mode: host\ncgroup: host\n", `
			hostPID = true
			hostIPC = true
			hostUTS = true
			hostNetwork = true
			networkMode = host
			hostUsers = true
			hostUsers @ compose.yaml:8:18
			service.usernsMode = host
			hostCgroup = true
			hostPID @ compose.yaml:4:10
			hostNetwork @ compose.yaml:7:19`},
		{"namespace of a container", "image: a:1\npid: container:x\n", "hostPID = false\nshareProcessNamespace = true"},
		{"control group", "image: a:1\ncgroup_parent: grp\n", "hostCgroup = true\ncgroupParent = grp\ncgroupParent @ compose.yaml:4:20"},
		{"devices", "image: a:1\ndevices:\n  - /dev/sda:/dev/xvda:r\n  - source: /dev/kvm\n    target: /dev/kvm\n    permissions: rw\n", `
			devices[0].hostPath = /dev/sda
			devices[0].containerPath = /dev/xvda
			devices[0].permissions = r
			devices[0].hostPath @ compose.yaml:5:9
			devices[1].hostPath = /dev/kvm
			devices[1].permissions = rw
			devices[1].hostPath @ compose.yaml:6:17`},
		{"device rules and GPUs", "image: a:1\ndevice_cgroup_rules: [\"c 1:3 r\"]\ngpus: all\n", `
			service.deviceCgroupRules = ["c 1:3 r"]
			service.gpus = ["all"]
			service.gpus[0] @ compose.yaml:5:11`},
		{"reserved GPUs", "image: a:1\ndeploy: {resources: {reservations: {devices: [{capabilities: [gpu], device_ids: [\"0\", \"3\"]}]}}}\n", `service.gpus = ["0,3"]`},
		{"limits, old keys", "image: a:1\nmem_limit: 512m\ncpus: \"0.5\"\npids_limit: 100\nmem_reservation: 1g\n", `
			resources.memoryLimit = 512m
			resources.cpuLimit = 0.5
			resources.pidsLimit = 100
			resources.memoryRequest = 1g
			resources.memoryLimit @ compose.yaml:4:16`},
		{"limits under deploy", "image: a:1\ndeploy:\n  resources:\n    limits: {cpus: \"2\", memory: 64M, pids: 5}\n    reservations: {cpus: 0.25, memory: 32M}\n  replicas: 3\n", `
			resources.memoryLimit = 64M
			resources.cpuLimit = 2
			resources.pidsLimit = 5
			resources.cpuRequest = 0.25
			resources.memoryRequest = 32M
			resources.memoryLimit @ compose.yaml:6:37
			workload.replicas = 3
			workload.replicas @ compose.yaml:8:17`},
		{"limits of zero are none", "image: a:1\nmem_limit: 0\ncpus: 0\n", "resources.memoryLimit = <empty>\nresources.cpuLimit = <empty>"},
		{"processor time by quota", "image: a:1\ncpu_quota: 50000\n", "resources.cpuLimit = 0.5\nresources.cpuLimit @ compose.yaml:4:16"},
		{"health check", "image: a:1\nhealthcheck:\n  test: curl -f localhost\n", `
			liveness.declared = true
			liveness.type = exec
			liveness.command = ["/bin/sh","-c","curl -f localhost"]
			liveness @ compose.yaml:4:5`},
		{"health check, exec form", "image: a:1\nhealthcheck: {test: [CMD, app, health]}\n", `liveness.command = ["app","health"]`},
		{"health check off", "image: a:1\nhealthcheck: {disable: true}\n", "liveness.declared = false\nliveness.disabled = true"},
		{"health check none", "image: a:1\nhealthcheck: {test: [NONE]}\n", "liveness.declared = false\nliveness.disabled = true"},
		{"restart", "image: a:1\nrestart: no\n", "restart = no\nrestart @ compose.yaml:4:14"},
		{"restart under deploy", "image: a:1\nrestart: always\ndeploy: {restart_policy: {condition: on-failure, max_attempts: 4}}\n", "restart = on-failure:4\nrestart @ compose.yaml:5:42"},
		{"command and entry point", "image: a:1\nentrypoint: /run.sh 'a b'\ncommand: [serve, --debug]\n", `
			command = ["/run.sh","a b"]
			args = ["serve","--debug"]
			command[1] @ compose.yaml:4:17
			args[1] @ compose.yaml:5:22`},
		{"command alone", "image: a:1\ncommand:\n  - serve\n", "command = <none>\nargs = [\"serve\"]\ncommand @ compose.yaml:4:5\nargs[0] @ compose.yaml:5:9"},
		{"hooks", "image: a:1\npost_start:\n  - command: /x.sh\n    user: root\n    privileged: true\npre_stop:\n  - command: [a, b]\n", `
			hooks[0].on = postStart
			hooks[0].user = root
			hooks[0].privileged = true
			hooks[0].privileged @ compose.yaml:7:21
			hooks[1].on = preStop
			hooks[1].command = ["a","b"]`},
		{"settings of the kernel", "image: a:1\nsysctls:\n  - net.ipv4.ip_forward=1\nulimits: {nproc: 5, nofile: {soft: 1, hard: -1}}\n", `
			sysctls[0].name = net.ipv4.ip_forward
			sysctls[0].value = 1
			sysctls[0].name @ compose.yaml:5:9
			ulimits["nproc"] = 5
			ulimits["nofile"] = 1:-1
			ulimits["nproc"] @ compose.yaml:6:22`},
		{"labels", "image: a:1\nlabels:\n  holdfast.dev/ignore: \"x until later\"\n  a.b: c\n", `
			labels = {"a.b":"c","holdfast.dev/ignore":"x until later"}
			labels["a.b"] @ compose.yaml:6:12`},
		{"logging", "image: a:1\nlogging: {driver: none}\n", "logDriver = none\nlogDriver @ compose.yaml:4:23"},
		{"pull policy", "image: a:1\npull_policy: daily\n", "image.pullPolicy = Always\nimage.pullPolicy @ compose.yaml:4:18"},
		{"pull policy never", "image: a:1\npull_policy: never\n", "image.pullPolicy = Never"},
		{"build", "build:\n  context: .\n  args: {A: b, NONE: null}\n", `
			build = true
			image.text = <empty>
			service.buildArgs[0].value = b
			service.buildArgs[0].value @ compose.yaml:5:17
			service.buildArgs[1].source = host`},
		{"platform", "image: a:1\nplatform: windows/amd64\ncredential_spec: {registry: web}\n", `
			os = windows
			service.credentialSpec = registry://web
			service.credentialSpec @ compose.yaml:5:33`},
		{"links", "image: a:1\nlinks: [\"app:x\"]\nexternal_links:\n  - y\nextra_hosts: [\"h:host-gateway\"]\n", `
			service.links = ["app:x"]
			service.externalLinks[0] @ compose.yaml:6:9
			service.extraHosts = ["h=host-gateway"]`},
		{"image by digest", "image: ghcr.io/x/y:1@sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b\n", `
			image.registry = ghcr.io
			image.repository = x/y
			image.tag = 1
			image.digest = sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { check(t, service(t, test.service), test.want) })
	}
}

func TestIgnores(t *testing.T) {
	c := service(t, "image: a:1\nlabels: [\"holdfast.dev/ignore=rule-x: because\"]\n")
	if len(c.Ignores) != 1 || c.Ignores[0] != "rule-x: because" {
		t.Errorf("ignores are %q", c.Ignores)
	}
}

func TestMounts(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"short forms", `
services:
  app:
    image: a:1
    volumes:
      - /var/run/../run/docker.sock:/sock:ro
      - ./data/:/data
      - ../up:/up
      - ~/.ssh:/keys:rw,rshared
      - data:/named/
      - /anonymous
      - C:\data:/win
`, `
			mounts[0].type = hostPath
			mounts[0].hostPath = /var/run/docker.sock
			mounts[0].mountPath = /sock
			mounts[0].readOnly = true
			mounts[0].hostPath @ compose.yaml:6:9
			mounts[0].readOnly @ compose.yaml:6:9
			mounts[1].hostPath = ./data
			mounts[1].readOnly = false
			mounts[1].propagation = None
			mounts[2].hostPath = ../up
			mounts[3].hostPath = ~/.ssh
			mounts[3].propagation = Bidirectional
			mounts[4].type = volume
			mounts[4].name = data
			mounts[4].hostPath = <empty>
			mounts[4].mountPath = /named
			mounts[5].type = volume
			mounts[5].mountPath = /anonymous
			mounts[6].hostPath = C:\data`},
		{"long forms", `
services:
  app:
    image: a:1
    volumes:
      - type: bind
        source: /etc
        target: /host
        read_only: true
        bind: {propagation: rslave}
      - {type: volume, source: v, target: /v, volume: {subpath: sub}}
      - type: tmpfs
        target: /t
      - {type: npipe, source: '\\.\pipe\docker_engine', target: '\\.\pipe\docker_engine'}
    tmpfs: /run:size=1m
`, `
			mounts[0].hostPath = /etc
			mounts[0].readOnly = true
			mounts[0].propagation = HostToContainer
			mounts[0].hostPath @ compose.yaml:7:17
			mounts[0].readOnly @ compose.yaml:9:20
			mounts[0].propagation @ compose.yaml:10:29
			mounts[1].subPath = sub
			mounts[1].source = v
			mounts[2].type = tmpfs
			mounts[3].type = hostPath
			mounts[3].hostPath = \\.\pipe\docker_engine
			mounts[4].type = tmpfs
			mounts[4].mountPath = /run
			mounts[4].mountPath @ compose.yaml:15:12`},
		{"bind hidden in a volume's driver", `
services:
  app:
    image: a:1
    volumes: ["data:/data", "disk:/disk", "ram:/ram", "share:/share"]
volumes:
  data:
    driver_opts:
      type: none
      o: bind,ro
      device: /etc
  disk:
    driver: local
    driver_opts: {type: ext4, device: /dev/sdb1}
  ram: {driver_opts: {type: tmpfs, device: tmpfs}}
  share: {driver_opts: {type: nfs, o: "addr=10.0.0.1,rw", device: ":/srv"}}
`, `
			mounts[0].type = hostPath
			mounts[0].name = data
			mounts[0].hostPath = /etc
			mounts[0].readOnly = true
			mounts[0].hostPath @ compose.yaml:11:15
			mounts[0].mountPath @ compose.yaml:5:15
			mounts[1].hostPath = /dev/sdb1
			mounts[2].type = tmpfs
			mounts[3].type = volume`},
		{"secrets and configs", `
services:
  app:
    image: a:1
    secrets:
      - db
      - {source: key, target: /k.pem}
    configs: [conf]
secrets:
  db: {file: ./compose.yaml}
  key: {environment: KEY}
configs:
  conf:
    content: a=${NOT}
`, `
			mounts[0].type = secret
			mounts[0].mountPath = /run/secrets/db
			mounts[1].mountPath = /k.pem
			mounts[1].mountPath @ compose.yaml:7:31
			mounts[2].type = configMap
			mounts[2].mountPath = /conf
			service.secrets[0].source = file
			service.secrets[0].ref = ./compose.yaml
			service.secrets[0].scanned = true
			service.secrets[0].ref @ compose.yaml:10:14
			service.secrets[1].source = environment
			service.secrets[1].ref = KEY
			service.configs[0].source = content
			service.configs[0].content = a=${NOT}`},
		{"socket of the engine", `
services:
  app:
    image: a:1
    use_api_socket: true
`, `
			mounts[0].hostPath = /var/run/docker.sock
			mounts[0].hostPath @ compose.yaml:5:21`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, only(t, collectFiles(t, map[string]string{"compose.yaml": test.file})), test.want)
		})
	}
}

func TestPorts(t *testing.T) {
	tests := []struct{ name, service, want string }{
		{"short forms", "image: a:1\nports:\n  - 80\n  - \"8080:80\"\n  - 127.0.0.1:53:5353/udp\n  - \"[::1]:81:81\"\nexpose: [\"80\", \"90-91\"]\n", `
			ports[0].containerPort = 80
			ports[0].hostPort = 0
			ports[0].published = true
			ports[0].protocol = TCP
			ports[0].containerPort @ compose.yaml:5:9
			ports[1].hostPort = 8080
			ports[1].hostIP = <empty>
			ports[1].hostPort @ compose.yaml:6:9
			ports[2].hostIP = 127.0.0.1
			ports[2].containerPort = 5353
			ports[2].protocol = UDP
			ports[3].hostIP = ::1
			ports[3] @ compose.yaml:8:9
			ports[4].containerPort = 90
			ports[4].published = false
			ports[5].containerPort = 91
			ports[5] @ compose.yaml:9:20`},
		{"both protocols", "image: a:1\nports:\n  - 53:53/udp\n  - 53:53\n  - {target: 9, published: 9, protocol: udp}\n  - \"9:9\"\n", `
			ports[0] @ compose.yaml:5:9
			ports[1] @ compose.yaml:6:9
			ports[2] @ compose.yaml:7:9
			ports[3] @ compose.yaml:8:9`},
		{"long form", "image: a:1\nports:\n  - target: 80\n    published: \"8000-8010\"\n    host_ip: 10.0.0.1\n    protocol: udp\n", `
			ports[0].hostPort = 8000
			ports[0].hostPort @ compose.yaml:6:20
			ports[0].hostIP @ compose.yaml:7:18
			ports[0].protocol = UDP`},
		{"range", "image: a:1\nports: [\"3000-3002:4000-4002\"]\n", `
			ports[0].containerPort = 4000
			ports[2].containerPort = 4002
			ports[2].hostPort = 3002
			ports[2] @ compose.yaml:4:13`},
		{"long range", "image: a:1\nports: [\"10000-20000:10000-20000/udp\"]\n", `
			ports[0].hostPort = 10000
			ports[1].containerPort = 20000
			ports[2] = <none>
			ports[1] @ compose.yaml:4:13
			ports ? of the 10001 ports of a range, the first and the last are judged`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { check(t, service(t, test.service), test.want) })
	}
}

func TestEnvironment(t *testing.T) {
	o := collectFiles(t, map[string]string{
		"p/compose.yaml": `
services:
  list:
    image: a:1
    environment:
      - B=literal=1
      - A
      - EMPTY=
  map:
    image: a:1
    env_file: [base.env, {path: absent.env, required: false}]
    environment:
      A: 5
      FROM: "${TOKEN}"
      HOST: ${NOWHERE}
      MIXED: postgres://u:${PASS}@db
      TOKEN:
      NONE:
`,
		"p/.env":     "TOKEN=tok\n",
		"p/base.env": "# x\nA=one\nexport ONLY='file'\nREF=$TOKEN\n",
	})
	if len(o.unread) > 0 || len(o.containers) != 2 {
		t.Fatalf("unread %v, %d containers", o.unread, len(o.containers))
	}
	check(t, o.containers[0], `
		env[0].name = A
		env[0].source = host
		env[0].value = <empty>
		env[0].value ? variable A has no value here
		env[0] @ p/compose.yaml:7:9
		env[1].value = literal=1
		env[1].source = literal
		env[1].value @ p/compose.yaml:6:9
		env[2].value = <empty>
		env[2].source = literal`)
	check(t, o.containers[1], `
		env[0].name = A
		env[0].value = 5
		env[0].value @ p/compose.yaml:13:10
		env[1].name = FROM
		env[1].value = tok
		env[1].source = file
		env[1].ref = p/.env
		env[1].value @ p/compose.yaml:14:13
		env[2].name = HOST
		env[2].source = host
		env[2].ref = NOWHERE
		env[2].value ? variable NOWHERE has no value here
		env[3].name = MIXED
		env[3].source = literal
		env[3].value = postgres://u:${PASS}@db
		env[4].name = NONE
		env[4].source = host
		env[4] @ p/compose.yaml:18:7
		env[5].name = ONLY
		env[5].value = file
		env[5].source = file
		env[5].ref = p/base.env
		env[5].value @ p/base.env:3:13
		env[6].name = REF
		env[6].value = tok
		env[7].name = TOKEN
		env[7].value = tok
		env[7].source = file
		envFrom[0].name = ./base.env
		envFrom[0] @ p/compose.yaml:11:16`)
	for _, u := range o.containers[1].Unknown {
		if strings.HasPrefix(u.Path, "env[3]") {
			t.Errorf("the literal part of a value is known, got %v", u)
		}
	}
}

// What a variable without a value reaches is unknown, and nothing else is.
func TestUnknown(t *testing.T) {
	const reason = "variable X has no value here"
	tests := []struct{ service, want, known string }{
		{"image: nginx:${X}\n", "image.tag ? " + reason + "\nimage.text = nginx:${X}\nimage.repository = library/nginx\nimage.tag = ${X}", "image.repository"},
		{"image: ${X}/app:1\n", "image.registry ? " + reason + "\nimage.repository ? " + reason + "\nimage.tag = 1", "image.tag"},
		{"image: reg.example/${X}:1\n", "image.repository ? " + reason + "\nimage.registry = reg.example", "image.registry"},
		{"image: \"${X:?set it: now}\"\n", "image.text = ${X:?set it: now}\nimage.tag ? " + reason + "\nimage.digest ? " + reason, ""},
		{"image: a:1\nprivileged: ${X}\n", "privileged ? " + reason + "\nprivileged @ compose.yaml:4:17", "user"},
		{"image: a:1\nuser: \"${X}:50\"\n", "user ? " + reason + "\nuser.text = ${X}:50\ngroup = 50", "group"},
		{"image: a:1\nread_only: ${X}\nmem_limit: ${X}\npids_limit: $X\n", "readOnlyRootFilesystem ? " + reason + "\nresources.memoryLimit ? " + reason + "\nresources.pidsLimit ? " + reason, ""},
		{"image: a:1\nports: [\"${X}:80\"]\n", "ports[0].containerPort = 80\nports[0].hostPort = 0\nports[0].published = true\nports[0].hostPort ? " + reason, "ports[0].containerPort"},
		{"image: a:1\nports: [\"${X}:8080:80\"]\n", "ports[0].hostIP ? " + reason + "\nports[0].hostPort = 8080\nports[0].hostIP = ${X}", ""},
		{"image: a:1\nports: [\"8080:${X}\", \"9:9\"]\n", "ports ? " + reason + "\nports[0].containerPort = 9", ""},
		{"image: a:1\nports: [{target: \"${X}\", published: 9}]\n", "ports ? " + reason, ""},
		{"image: a:1\nvolumes: [\"${X}/data:/data:ro\"]\n", "mounts[0].type = hostPath\nmounts[0].hostPath = ${X}/data\nmounts[0].hostPath ? " + reason + "\nmounts[0].readOnly = true", "mounts[0].mountPath"},
		{"image: a:1\nvolumes: [\"${X}:/data\"]\n", "mounts[0].type ? " + reason + "\nmounts[0].hostPath ? " + reason, ""},
		{"image: a:1\nvolumes: [\"/etc:/data:${X}\"]\n", "mounts[0].hostPath = /etc\nmounts[0].readOnly ? " + reason, "mounts[0].hostPath"},
		{"image: a:1\nvolumes: [{type: bind, source: /etc, target: /x, read_only: \"${X}\"}]\n", "mounts[0].readOnly ? " + reason, ""},
		{"image: a:1\nnetwork_mode: ${X}\n", "networkMode ? " + reason + "\nhostNetwork ? " + reason, "hostPID"},
		{"image: a:1\npid: ${X}\nipc: ${X}\ncgroup: ${X}\n", "hostPID ? " + reason + "\nhostIPC ? " + reason + "\nhostCgroup ? " + reason, ""},
		{"image: a:1\ncap_add: [\"${X}\"]\n", "capabilities.add[0] ? " + reason, ""},
		{"image: a:1\nsecurity_opt: [\"seccomp:${X}\"]\n", "seccomp ? " + reason + "\nappArmor.type = RuntimeDefault", "appArmor"},
		{"image: a:1\nsecurity_opt: [\"${X}\"]\n", "seccomp ? " + reason + "\nallowPrivilegeEscalation ? " + reason, ""},
		{"image: a:1\nulimits: {nofile: {soft: \"$X\", hard: 5}, nproc: \"$X\"}\n", "ulimits[\"nproc\"] ? " + reason, ""},
		{"image: a:1\nrestart: ${X}\ndeploy: {replicas: \"${X}\"}\n", "restart ? " + reason + "\nworkload.replicas ? " + reason, ""},
		{"image: a:1\npull_policy: ${X}\n", "image.pullPolicy ? " + reason, ""},
		{"image: a:1\nhealthcheck: {test: x, interval: \"${X}\", retries: \"${X}\"}\n", "liveness.declared = true", ""},
		{"image: a:1\ncommand: run --x=${X}\n", "args[1] = --x=${X}\nargs[1] ? " + reason, ""},
		{"image: a:1\nenv_file: ${X}.env\n", "env ? env_file ${X}.env: " + reason, ""},
		{"image: a:1\nenv_file: gone.env\n", "env ? env_file ./gone.env: it does not exist here\nenvFrom[0].name = ./gone.env", ""},
		{"image: a:${X:-1}\nprivileged: ${X:-true}\n", "image.tag = 1\nprivileged = true", "privileged"},
		{"image: a:1\nvolumes: [\"$HOME/.ssh:/s\", \"${PWD}/x:/x\"]\n", "mounts[0].hostPath = ~/.ssh\nmounts[1].hostPath = ./x", "mounts[0].hostPath"},
	}
	for _, test := range tests {
		t.Run(test.service, func(t *testing.T) {
			c := service(t, test.service)
			check(t, c, test.want)
			for _, u := range c.Unknown {
				if u.Path == test.known {
					t.Errorf("%s counts as unknown: %s", u.Path, u.Reason)
				}
			}
		})
	}
}

// The environment of whoever runs the scan changes nothing.
func TestProcessEnvironment(t *testing.T) {
	t.Setenv("X", "latest")
	t.Setenv("HOME", "/home/somebody")
	c := service(t, "image: nginx:${X}\nvolumes: [\"~/a:/a\", \"$HOME/b:/b\"]\nenvironment: [X]\n")
	check(t, c, "image.tag = ${X}\nmounts[0].hostPath = ~/a\nmounts[1].hostPath = ~/b\nenv[0].source = host\nenv[0].value = <empty>")
}

// Init containers run with what their service has, and their own on top.
func TestInitContainers(t *testing.T) {
	o := collectFiles(t, map[string]string{"compose.yaml": `
services:
  app:
    image: a:1
    cap_drop: [ALL]
    volumes: ["/srv:/srv"]
    pre_start:
      - command: migrate
      - image: b:2
        privileged: true
`})
	if len(o.containers) != 3 || o.objects != 1 {
		t.Fatalf("got %d containers, %d objects, unread %v", len(o.containers), o.objects, o.unread)
	}
	check(t, o.containers[1], `
		role = init
		id = compose:compose.yaml#app.pre_start[0]
		image.text = a:1
		image @ compose.yaml:4:12
		args = ["migrate"]
		capabilities.drop = ["ALL"]
		mounts[0].hostPath = /srv`)
	check(t, o.containers[2], `
		image.text = b:2
		image @ compose.yaml:9:16
		privileged = true
		privileged @ compose.yaml:10:21`)
}

// Namespaces and volumes that a service takes from another are the other's.
func TestShared(t *testing.T) {
	o := collectFiles(t, map[string]string{"compose.yaml": `
services:
  a:
    image: a:1
    network_mode: service:b
    pid: service:b
    volumes_from: ["b:ro", "c"]
  b:
    image: b:1
    network_mode: host
    pid: host
    volumes: ["/etc:/etc", "v:/v"]
  c:
    image: c:1
    networks: [outer]
    volumes_from: [a]
networks:
  outer: {external: {name: host}}
volumes: {v: {}}
`})
	if len(o.containers) != 3 {
		t.Fatalf("unread %v", o.unread)
	}
	check(t, o.containers[0], `
		hostNetwork = true
		hostNetwork @ compose.yaml:5:19
		networkMode = service:b
		hostPID = true
		shareProcessNamespace = true
		mounts[0].hostPath = /etc
		mounts[0].readOnly = true
		mounts[0].hostPath @ compose.yaml:7:20`)
	check(t, o.containers[2], `
		hostNetwork = true
		hostNetwork @ compose.yaml:15:16
		service.networks = ["host"]`)
}

func TestJobs(t *testing.T) {
	c := only(t, collectFiles(t, map[string]string{"compose.yaml": "jobs:\n  nightly:\n    image: a:1\n    privileged: true\n    triggers: {manual: true}\n"}))
	check(t, c, "id = compose:compose.yaml#job.nightly\nworkload.kind = job\nprivileged = true\nprivileged @ compose.yaml:4:17")
	if c.Head.Name != "job nightly" {
		t.Errorf("name is %q", c.Head.Name)
	}
}
