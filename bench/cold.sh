#!/bin/sh
# How long `make up` takes where nothing is cached: no toolchain, no Go build cache, no Go modules, no packages.
set -eu
project=$(pwd)
folder=$(mktemp -d)
trap 'cd "$folder/clone" && make clean >/dev/null 2>&1; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
git clone --quiet "$project" "$folder/clone"
cd "$folder/clone"
export POSCLOUD_CACHE="$folder/cache" GOCACHE="$folder/go-build" GOMODCACHE="$folder/go-mod" PIP_NO_CACHE_DIR=1
start=$(date +%s)
make up
end=$(date +%s)
echo "make up, nothing cached: $((end - start)) s (at most 1200)"
test $((end - start)) -le 1200
