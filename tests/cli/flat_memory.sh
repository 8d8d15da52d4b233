#!/usr/bin/env bash
# A plan of twelve bfloat16 cells needs hardly more memory than one of three: what a cell needed goes with it. (Every new
# number of rows of a bfloat16 product left 0.5 MB behind, 130 MB a cell of this kind.)
# Usage: flat_memory.sh TOUCHSTONE
set -euo pipefail
touchstone=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# peak SEEDS: the largest memory of a plan with so many cells, in KiB, as the database has it of the last one.
peak() {
  cat >"$folder/plan.json" <<PLAN
{"name": "flat-memory", "models": ["micro-text"], "methods": ["sft"], "train_on": ["micro-gsm8k"], "seeds": [$1],
 "measure_on": [{"tasks": ["micro-truthfulqa"], "limit": 8}], "dtype": "bfloat16", "jobs": 1,
 "set": {"load.limit": 96, "train.max_steps": 8}}
PLAN
  "$touchstone" run "$folder/plan.json" --db "$folder/$2.sqlite" --quiet >"$folder/out" &
  local pid=$! most=0 now
  while now=$(awk '/^VmHWM:/ {print $2}' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
    most=$now
    sleep 0.1
  done
  wait "$pid"
  echo "$most"
}
few=$(peak "1, 2, 3" few)
many=$(peak "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12" many)
echo "3 cells: $few KiB, 12 cells: $many KiB"
[ "$few" -gt 0 ] && [ "$many" -gt 0 ] || { echo "no memory was read"; exit 1; }
[ $((many * 100)) -le $((few * 125)) ] || { echo "expected at most a quarter more"; exit 1; }
