#!/bin/sh
# How long a set-up takes where nothing is cached: no toolchain, no Go build cache, no Go modules, no packages.
#   sh bench/cold.sh         `make up`, to the environment that runs
#   sh bench/cold.sh real    the toolchain, a real node and all images for it
set -eu
project=$(pwd)
folder=$(mktemp -d)
trap 'cd "$folder/clone" && make clean >/dev/null 2>&1; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
git clone --quiet "$project" "$folder/clone"
cd "$folder/clone"
export POSCLOUD_CACHE="$folder/cache" GOCACHE="$folder/go-build" GOMODCACHE="$folder/go-mod" PIP_NO_CACHE_DIR=1
start=$(date +%s)
if [ "${1:-}" = real ]; then
  what="real node and all images" most=900
  make setup
  .venv/bin/poscloud cluster up --nodes real
  .venv/bin/poscloud cluster images --build
else
  what="make up" most=1200
  make up
fi
end=$(date +%s)
echo "$what, nothing cached: $((end - start)) s (at most $most)"
test $((end - start)) -le "$most"
