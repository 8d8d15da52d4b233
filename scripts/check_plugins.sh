#!/usr/bin/env bash
# Every plug-in file must appear in the lists of the built program, under a name that begins with the file's own. For
# tasks/micro/micro_NAME.cpp that is micro-NAME, or NAME itself unless a file tasks/NAME.cpp could have added it.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${TOUCHSTONE_PROGRAM:-build/touchstone}
missing=0
count=0
# check KIND FILE...: the stem of each file against `touchstone list KIND`
check() {
  local kind=$1 listed file stem
  shift
  listed=$("$program" list "$kind" --json)
  for file in "$@"; do
    [ -e "$file" ] || continue
    stem=$(basename "${file%.*}")
    count=$((count + 1))
    local names="\"${stem//_/[-_]}"
    if [[ $stem == micro_* && ! -e tasks/${stem#micro_}.cpp ]]; then names="($names|\"${stem#micro_}\")"; fi
    if ! grep -qE "\"name\": $names" <<<"$listed"; then
      echo "plug-ins: $file is not in 'touchstone list $kind'" >&2
      missing=1
    fi
  done
}
check tasks tasks/*.cpp tasks/micro/micro_*.cpp
check methods configs/methods/*.json
check families backends/families/*.cpp
check objectives trainers/objectives/*.cpp
check stages trainers/stages/*.cpp
check rewards trainers/rewards/*.cpp
check procedures trainers/procedures/*.cpp
check adapters trainers/adapters/*.cpp
check metrics harness/metrics/*.cpp
check sections reports/sections/*.cpp
# A method that comes with the program must state its claim, its formula, its cost, and what was inferred.
for recipe in configs/methods/*.json; do
  absent=$("$program" show methods "$(basename "${recipe%.json}")" --json | sed -n 's/^  "missing": "\(.*\)",\{0,1\}$/\1/p')
  if [ -n "$absent" ]; then
    echo "plug-ins: $recipe lacks $absent: docs/recipes.md says what these keys are for" >&2
    missing=1
  fi
done
[ "$missing" = 0 ] || exit 1
echo "plug-ins: all $count files are listed"
