#!/bin/sh
# Runs every fuzz target of the module for the given time each (default 30s).
set -eu
time=${1:-30s}
for file in $(grep -rlE '^func Fuzz' --include='*_test.go' internal); do
	package=./$(dirname "$file")
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file"); do
		echo "== $package $target"
		"${GO:-go}" test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x -parallel 2
	done
done
