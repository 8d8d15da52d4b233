#!/usr/bin/env bash
# A run that meets a limit on file sizes (as a full disk: no byte more can be written) says so in one line, leaves with 2,
# loses nothing, and goes on when there is room: its database ends like that of a run that was left alone.
# Usage: full_disk.sh TOUCHSTONE
set -euo pipefail
touchstone=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
plan=$folder/plan.json
cat >"$plan" <<'PLAN'
{"name": "full-disk", "models": ["stories260k"], "methods": ["sft"], "train_on": ["gsm8k"], "seeds": [1],
 "measure_on": [{"tasks": ["truthfulqa_mc1"], "limit": 30}],
 "set": {"load.limit": 16, "train.max_steps": 3}, "save_every_steps": 1}
PLAN

"$touchstone" run "$plan" --db "$folder/alone.sqlite" --quiet
alone=$("$touchstone" report --db "$folder/alone.sqlite" --format digest)

# Blocks of 1024 bytes: the database's first pages, its first measure, the weights of a checkpoint, its moments.
for limit in 20 200 900 1800; do
  code=0
  (ulimit -f "$limit" && "$touchstone" run "$plan" --db "$folder/full.sqlite" --quiet >"$folder/out" 2>"$folder/err") || code=$?
  sed -i '/^warning: /d' "$folder/err"
  echo "limit of $limit KiB: exit $code: $(cat "$folder/err")"
  [ "$code" = 2 ] || { echo "expected exit code 2"; exit 1; }
  [ "$(wc -l <"$folder/err")" = 1 ] || { echo "expected one line"; exit 1; }
  grep -qE 'ulimit -f|File too large' "$folder/err" || { echo "the line does not say what ran out"; exit 1; }
done
"$touchstone" run "$plan" --db "$folder/full.sqlite" --quiet
full=$("$touchstone" report --db "$folder/full.sqlite" --format digest)
echo "alone $alone; filled up $full"
[ "$alone" = "$full" ] || { echo "the two databases differ"; exit 1; }
