#!/usr/bin/env bash
# Checks C++ sources against the rules of .clang-tidy.
#
#   scripts/check_tidy.sh           sources that differ from the branch "origin/main", or, on it, from the commit before
#   scripts/check_tidy.sh BASE      sources that differ from a commit
#   scripts/check_tidy.sh --all     all sources: about an hour of two cores
set -euo pipefail
cd "$(dirname "$0")/.."

base="${1:-}"
if [ -z "$base" ]; then
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then base=$(git rev-parse --verify --quiet HEAD^ || true); fi
fi
if [ "$base" = --all ]; then
  files=$(git ls-files '*.cpp')
elif [ -z "$base" ]; then
  echo "tidy: there is no commit before this one to compare with; nothing is checked (--all checks all)"
  exit 0
else
  files=$(git diff --name-only --diff-filter=d "$base" -- '*.cpp')
fi

# Each source alone and without precompiled headers, because those are another compiler's.
cmake --preset release -B build-tidy -DTOUCHSTONE_UNITY=OFF -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null 2>&1
known=$(python3 -c '
import json, os, sys
known = {os.path.relpath(entry["file"]) for entry in json.load(open("build-tidy/compile_commands.json"))}
print("\n".join(sorted(known & set(sys.stdin.read().split()))))' <<<"$files")
count=$(grep -c . <<<"$known" || true)
if [ "$count" -gt 0 ]; then
  xargs -P "$(nproc)" -n 1 clang-tidy-14 -p build-tidy --quiet --extra-arg=-Wno-unknown-warning-option <<<"$known" 2> >(grep -v 'warnings generated\|^Suppressed' >&2)
fi
echo "tidy: $count sources keep the rules of .clang-tidy"
