#!/usr/bin/env bash
# Checks the tracked C++ files against .clang-format, as clang-format 14 reads it.
set -euo pipefail
cd "$(dirname "$0")/.."

formatter=clang-format-14
command -v $formatter >/dev/null || {
  echo "format: $formatter is missing; scripts/setup.sh --dev installs it" >&2
  exit 2
}
mapfile -t files < <(git ls-files '*.cpp' '*.hpp')
if [ "${1:-}" = --fix ]; then
  printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 40 $formatter -i --style=file
fi
different=$(printf '%s\n' "${files[@]}" |
  xargs -P "$(nproc)" -n 40 $formatter --dry-run --style=file 2>&1 | awk -F: '/clang-format-violations/ {print $1}' | sort -u)
if [ -n "$different" ]; then
  awk '{print $0 " is not as clang-format 14 writes it (scripts/check_format.sh --fix)"}' <<<"$different" >&2
  exit 1
fi
echo "format: ${#files[@]} files are as clang-format 14 writes them"
