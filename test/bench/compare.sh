#!/bin/sh
# compare.sh measures `holdfast scan` beside the other scanners on this machine.
#
#	test/bench/compare.sh [FOLDER]
#
# FOLDER, else $CORPUS, else examples/, is scanned by Holdfast and by each peer
# found on PATH. Every tool gets one warm-up run and then $RUNS timed ones, taken
# in turns so that a busy moment of the machine falls on all of them alike.
#
#	HOLDFAST  the binary to measure (./holdfast)
#	CORPUS    the folder to scan (examples/)
#	RUNS      timed runs for each tool (5)
#	LIMIT     seconds after which a run is ended, where timeout(1) exists (600)
#	PEERS     the peers to look for (kube-linter kube-score polaris trivy checkov)
#
# The table goes to standard output, notes on it to standard error. It exits with 0
# when every tool that was found has run, 1 when one of them did not, and 2 when
# there is nothing to measure.
#
# Reading it: objects/s divides the objects that Holdfast counts in the folder by
# the tool's wall time, for every tool, whether it judges all of them or not.
# "x wall" is that wall time in units of Holdfast's. A scanner that finds something
# exits with 1, so the exit column alone does not tell a finding from a failure: a
# tool that gave no whole report is named below the table with what it said. GNU time
# counts in hundredths of a second, so a folder that is scanned in less than a tenth
# gives rough figures.

set -u
LC_ALL=C
export LC_ALL

folder=${1:-${CORPUS:-examples/}}
holdfast=${HOLDFAST:-./holdfast}
runs=${RUNS:-5}
limit=
command -v timeout >/dev/null && limit="timeout ${LIMIT:-600}"
known='kube-linter kube-score polaris trivy checkov'
peers=${PEERS:-$known}

# Whatever can be switched off so that no tool waits for the network is switched off.
TRIVY_SKIP_CHECK_UPDATE=true TRIVY_SKIP_VERSION_CHECK=true TRIVY_DISABLE_TELEMETRY=true
export TRIVY_SKIP_CHECK_UPDATE TRIVY_SKIP_VERSION_CHECK TRIVY_DISABLE_TELEMETRY

note() { echo "compare: $*" >&2; }

die() {
	note "$*"
	exit 2
}

# scan TOOL runs one tool once over the folder, under $timer, a prefix of words.
scan() {
	case $1 in
	holdfast) $timer "$holdfast" scan "$folder" ;;
	kube-linter) $timer kube-linter lint "$folder" ;;
	# kube-score takes files only. The timer counts what find starts.
	kube-score) $timer find "$folder" -type f \( -name '*.yaml' -o -name '*.yml' \) \
		-exec kube-score score {} + ;;
	polaris) $timer polaris audit --audit-path "$folder" --format pretty ;;
	trivy) $timer trivy config --quiet "$folder" ;;
	checkov) $timer checkov --directory "$folder" --quiet --compact --skip-download ;;
	esac
}

# path TOOL prints the command a tool is started by.
path() {
	if [ "$1" = holdfast ]; then echo "$holdfast"; else command -v "$1"; fi
}

# version TOOL prints the version a tool claims, else the one of its Go module.
version() {
	for how in version --version; do
		said=$("$(path "$1")" $how </dev/null 2>/dev/null | version_number)
		[ -n "$said" ] && echo "$said" && return
	done
	said=$(go version -m "$(path "$1")" 2>/dev/null |
		awk '$1 == "mod" { print $3; exit }' | version_number)
	echo "${said:--}"
}

# version_number keeps the first thing on standard input that looks like a version.
version_number() {
	awk 'match($0, /(^|[ :v])[0-9]+\.[0-9]+[0-9.]*([-+][0-9A-Za-z.+-]+)?/) {
		found = substr($0, RSTART, RLENGTH)
		sub(/^[ :v]/, "", found)
		print found
		exit
	}'
}

# gnu_time prints the first command that is GNU time, or one that takes its options.
gnu_time() {
	for t in /usr/bin/time /bin/time gtime; do
		if "$t" -o "$work/probe" -f %e,%U,%S,%M true 2>/dev/null &&
			[ "$(awk -F, '{ print NF }' "$work/probe")" = 4 ]; then
			echo "$t"
			return
		fi
	done
}

# now prints seconds, as finely as this date can.
now() {
	case $(date +%N) in
	*[!0-9]* | '') date +%s ;;
	*) date +%s.%N ;;
	esac
}

# measure TOOL runs a tool once; its exit code goes to $code, its report to the files
# out and err, and one line "wall cpu kilobytes" is added to TOOL.runs.
measure() {
	if [ -n "$gnu" ]; then
		timer="$gnu -o $work/time -f %e,%U,%S,%M $limit"
		scan "$1" >"$work/out" 2>"$work/err" </dev/null
		code=$?
		# GNU time puts a line about the exit code before the figures.
		tail -n 1 "$work/time" | awk -F, '{ print $1, $2 + $3, $4 }' >>"$work/$1.runs"
		return
	fi
	timer=$limit
	began=$(now)
	# The times of a shell's children are those of this one run in a fresh subshell.
	(
		scan "$1" >"$work/out" 2>"$work/err" </dev/null
		code=$?
		times >"$work/time"
		exit $code
	)
	code=$?
	ended=$(now)
	awk -v began="$began" -v ended="$ended" '
		function seconds(s) { split(s, part, /[ms]/); return part[1] * 60 + part[2] }
		NR == 2 { print ended - began, seconds($1) + seconds($2), "-" }
	' "$work/time" >>"$work/$1.runs"
}

# column TOOL N prints the Nth column of a tool's runs, sorted.
column() {
	awk -v n="$2" '{ print $n }' "$work/$1.runs" | sort -n
}

median() {
	awk '{ v[NR] = $1 } END { m = int((NR + 1) / 2); print NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2 }'
}

# objects prints how many objects the folder holds: as Holdfast says, else as seen.
objects() {
	n=$("$holdfast" scan -o json "$folder" 2>/dev/null </dev/null | tr -d ' \t\r\n' |
		awk -F '"stats":[{]' 'NF > 1 && match($NF, /"objects":[0-9]+/) {
			print substr($NF, RSTART + 10, RLENGTH - 10)
		}')
	if [ "${n:-0}" -gt 0 ]; then
		echo "$n"
		return
	fi
	note "no stats.objects from \`$holdfast scan -o json\`: counting the lines that begin with kind:"
	find "$folder" -type f \( -name '*.yaml' -o -name '*.yml' \) -exec cat {} + | grep -c '^kind:'
}

case $runs in
'' | *[!0-9]* | 0) die "RUNS=$runs: want a number above 0" ;;
esac
[ -d "$folder" ] || die "$folder: no such folder; name the one to scan as the argument or in CORPUS"
command -v "$holdfast" >/dev/null ||
	die "$holdfast: no such program; build it with \`go build ./cmd/holdfast\` or name it in HOLDFAST"

work=$(mktemp -d) || die "no temporary folder could be made; set TMPDIR to one that can be written"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

gnu=$(gnu_time)
[ -n "$gnu" ] || note "GNU time was not found: no peak memory (Debian: apt install time; macOS: brew install gnu-time)"

tools=holdfast missing=
for peer in $peers; do
	case " $known " in
	*" $peer "*) ;;
	*) die "PEERS names $peer: want some of $known" ;;
	esac
	if command -v "$peer" >/dev/null; then tools="$tools $peer"; else missing="$missing${missing:+, }$peer"; fi
done

count=$(objects)
timer=$limit
for tool in $tools; do
	scan "$tool" >/dev/null 2>&1 </dev/null
done
run=0
while [ "$run" -lt "$runs" ]; do
	run=$((run + 1))
	for tool in $tools; do
		measure "$tool"
		echo "$code" >"$work/$tool.code"
		if ! grep -q . "$work/out" || [ "$code" -ge 124 ]; then
			{ cat "$work/err"; echo "(it said nothing)"; } | awk 'NF { print; exit }' >"$work/$tool.silent"
		fi
	done
done

echo "$count objects in $folder; timed runs of each tool: $runs; wall and CPU: median, peak: highest"
echo
form='%-12s %-18.18s %9s %9s %9s %10s %7s %5s\n'
# shellcheck disable=SC2059 # the form is ours
printf "$form" tool version 'wall s' 'CPU s' 'peak MB' objects/s 'x wall' exit
ours=$(column holdfast 1 | median)
for tool in $tools; do
	# shellcheck disable=SC2046,SC2059 # the figures are words; the form is ours
	printf "$form" "$tool" "$(version "$tool")" $(
		awk -v wall="$(column "$tool" 1 | median)" -v cpu="$(column "$tool" 2 | median)" \
			-v peak="$(column "$tool" 3 | tail -n 1)" -v ours="$ours" -v count="$count" 'BEGIN {
			printf "%.2f %.2f ", wall, cpu
			if (peak ~ /^[0-9]+$/) printf "%.0f ", peak / 1024; else printf "- "
			if (wall > 0) printf "%.0f ", count / wall; else printf "- "
			if (ours > 0) printf "%.1f", wall / ours; else printf "-"
		}') "$(cat "$work/$tool.code")"
done

status=0
for tool in $tools; do
	[ -e "$work/$tool.silent" ] || continue
	note "$tool gave no whole report, so its figures mean little: $(cat "$work/$tool.silent")"
	status=1
done
if [ -n "$missing" ]; then
	echo
	echo "not found on PATH: $missing"
fi
exit $status
