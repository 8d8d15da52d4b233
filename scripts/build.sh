#!/usr/bin/env bash
# Configures and builds the release preset in build/. Arguments are targets; none builds all. Called by the other scripts.
set -euo pipefail
cd "$(dirname "$0")/.."

# A source file that sees LibTorch takes up to 1.5 GB of memory to compile.
memory_kb=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
jobs=$(nproc)
limit=$((memory_kb / 1500000))
if [ "$limit" -lt "$jobs" ]; then jobs=$((limit > 1 ? limit : 1)); fi

cmake --preset release -DTOUCHSTONE_TENSOR=ON -DTOUCHSTONE_LIBTORCH="${TOUCHSTONE_LIBTORCH:-}" >build-configure.log 2>&1 || {
  cat build-configure.log >&2
  exit 1
}
rm -f build-configure.log
targets=()
for target in "$@"; do targets+=(--target "$target"); done
cmake --build --preset release -j "$jobs" "${targets[@]}"  # the preset's settings of ccache, too
