#!/bin/sh
# image.sh measures `holdfast scan image` beside the other scanners of images on
# this machine.
#
#	test/bench/image.sh [FOLDER]
#
# FOLDER, else $IMAGES, else dist/images, holds big.tar and many.tar; what is not
# there is built by image-make.sh, which needs root and the mirrors of Debian, npm
# and Go. Every tool gets one warm-up run on an image and then $RUNS timed ones,
# taken in turns so that a busy moment of the machine falls on all of them alike.
#
#	HOLDFAST  the binary to measure (./holdfast)
#	IMAGES    the folder with the images (dist/images)
#	RUNS      timed runs for each tool (3)
#	LIMIT     seconds after which a run is ended (600)
#	PEERS     the peers to look for (trivy trivy-secret syft scalibr osv-scanner grype gitleaks)
#
# The table goes to standard output, notes on it to standard error. It exits with 0
# when every tool that was found has run, 1 when one of them did not, and 2 when
# there is nothing to measure.
#
# Reading it: the tools do not do the same work, see the column "does". Holdfast does
# all of it in the one run. Nobody is given advisories here but those that lie where
# the tool looks for them ($HOLDFAST_DB, $OSV_SCALIBR_LOCAL_DB_CACHE_DIRECTORY).
# A scanner that finds something exits with 1.

set -u
LC_ALL=C
export LC_ALL

folder=${1:-${IMAGES:-dist/images}}
holdfast=${HOLDFAST:-./holdfast}
runs=${RUNS:-3}
limit=${LIMIT:-600}
peers=${PEERS:-trivy trivy-secret syft scalibr osv-scanner grype gitleaks}
here=$(dirname "$0")

# Whatever can be switched off so that no tool waits for the network is switched off.
TRIVY_SKIP_DB_UPDATE=true TRIVY_SKIP_VERSION_CHECK=true TRIVY_DISABLE_TELEMETRY=true
SYFT_CHECK_FOR_APP_UPDATE=false GRYPE_CHECK_FOR_APP_UPDATE=false GRYPE_DB_AUTO_UPDATE=false
export TRIVY_SKIP_DB_UPDATE TRIVY_SKIP_VERSION_CHECK TRIVY_DISABLE_TELEMETRY
export SYFT_CHECK_FOR_APP_UPDATE GRYPE_CHECK_FOR_APP_UPDATE GRYPE_DB_AUTO_UPDATE

note() { echo "image: $*" >&2; }

die() {
	note "$*"
	exit 2
}

# scan TOOL ARCHIVE runs one tool once, under $timer, a prefix of words.
scan() {
	case $1 in
	holdfast) $timer "$holdfast" scan image "$2" ;;
	trivy) $timer trivy image --quiet --input "$2" --scanners vuln --format json --list-all-pkgs ;;
	trivy-secret) $timer trivy image --quiet --input "$2" --scanners secret --format json ;;
	syft) $timer syft scan --quiet "docker-archive:$2" --output json ;;
	scalibr) $timer scalibr --image-tarball="$2" --offline --result="$work/scalibr.textproto" ;;
	osv-scanner) $timer osv-scanner scan image --archive --offline --all-packages --format json "$2" ;;
	grype) $timer grype --quiet "docker-archive:$2" ;;
	gitleaks) $timer gitleaks dir "$2" --max-archive-depth 3 --no-banner --redact --log-level error ;;
	esac
}

# does TOOL names the work that a tool does in such a run.
does() {
	case $1 in
	holdfast) echo "inventory vulnerabilities secrets malware contents config" ;;
	trivy | osv-scanner | grype) echo "inventory vulnerabilities" ;;
	trivy-secret | gitleaks) echo "secrets" ;;
	syft | scalibr) echo "inventory" ;;
	esac
}

# program TOOL prints the command that a tool is started by.
program() {
	case $1 in
	holdfast) echo "$holdfast" ;;
	*) echo "${1%-secret}" ;;
	esac
}

# measure TOOL IMAGE adds a line "wall cpu kilobytes" to IMAGE.TOOL.runs.
measure() {
	timer="$gnu -o $work/time -f %e,%U,%S,%M timeout $limit"
	scan "$1" "$folder/$2.tar" >"$work/out" 2>"$work/err" </dev/null
	code=$?
	echo "$code" >"$work/$2.$1.code"
	# GNU time puts a line about the exit code before the figures.
	tail -n 1 "$work/time" | awk -F, '{ print $1, $2 + $3, $4 }' >>"$work/$2.$1.runs"
	# osv-scanner exits with 128 where there is no package to look for.
	if [ "$code" -gt 128 ] || { [ "$code" -ge 124 ] && [ "$code" != 128 ]; }; then
		note "$1 gave no whole report of $2: $(awk 'NF' "$work/err" | head -n 1 | cut -c 1-200)"
		status=1
	fi
}

# column IMAGE.TOOL N prints the Nth column of a tool's runs, sorted.
column() { awk -v n="$2" '{ print $n }' "$work/$1.runs" | sort -n; }

median() {
	awk '{ v[NR] = $1 } END { m = int((NR + 1) / 2); print NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2 }'
}

# table FOLDER IMAGE prints what was measured on an image.
table() {
	echo
	echo "$2.tar: $(($(wc -c <"$1/$2.tar") / 1000000)) MB"
	form='%-14s %8s %8s %8s %7s %5s  %s\n'
	# shellcheck disable=SC2059 # the form is ours
	printf "$form" tool 'wall s' 'CPU s' 'peak MB' 'x wall' exit does
	ours=$(column "$2.holdfast" 1 | median)
	for tool in $tools; do
		# shellcheck disable=SC2046,SC2059 # the figures are words; the form is ours
		printf "$form" "$tool" $(
			awk -v wall="$(column "$2.$tool" 1 | median)" -v cpu="$(column "$2.$tool" 2 | median)" \
				-v peak="$(column "$2.$tool" 3 | tail -n 1)" -v ours="$ours" 'BEGIN {
				printf "%.2f %.2f %.0f ", wall, cpu, peak / 1024
				if (ours > 0) printf "%.1f", wall / ours; else printf "-"
			}') "$(cat "$work/$2.$tool.code")" "$(does "$tool")"
	done
}

case $runs in
'' | *[!0-9]* | 0) die "RUNS=$runs: want a number above 0" ;;
esac
command -v "$holdfast" >/dev/null ||
	die "$holdfast: no such program; build it with \`go build ./cmd/holdfast\` or name it in HOLDFAST"
work=$(mktemp -d) || die "no temporary folder could be made; set TMPDIR to one that can be written"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

gnu=
for t in /usr/bin/time /bin/time gtime; do
	[ -z "$gnu" ] && "$t" -o "$work/probe" -f %e,%U,%S,%M true 2>/dev/null && gnu=$t
done
[ -n "$gnu" ] || die "GNU time was not found (Debian: apt install time; macOS: brew install gnu-time)"
[ -e "$folder/big.tar" ] && [ -e "$folder/many.tar" ] || "$here/image-make.sh" "$folder" || exit 2

tools=holdfast missing=
for peer in $peers; do
	[ -n "$(does "$peer")" ] || die "PEERS names $peer, which is not known here"
	if command -v "$(program "$peer")" >/dev/null; then tools="$tools $peer"; else missing="$missing $peer"; fi
done

status=0
timer="timeout $limit"
for image in big many; do
	for tool in $tools; do
		scan "$tool" "$folder/$image.tar" >/dev/null 2>&1 </dev/null
	done
	run=0
	while [ "$run" -lt "$runs" ]; do
		run=$((run + 1))
		for tool in $tools; do measure "$tool" "$image"; done
	done
done
echo "timed runs of each tool: $runs; wall and CPU: median, peak: highest; load $(cut -d ' ' -f 1 /proc/loadavg 2>/dev/null)"
for image in big many; do table "$folder" "$image"; done
[ -z "$missing" ] || { echo; echo "not found on PATH:$missing"; }
exit $status
