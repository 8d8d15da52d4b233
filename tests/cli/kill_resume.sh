#!/usr/bin/env bash
# A run that is killed three times ends with the same database as one that is left alone (times aside).
# Usage: kill_resume.sh TOUCHSTONE [PLAN]; the plan defaults to the small one beside this script.
set -euo pipefail
touchstone=$1
plan=${2:-$(dirname "$0")/kill_resume.json}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# setsid: the program's whole process group is killed, helpers included.
"$touchstone" run "$plan" --db "$folder/alone.sqlite" --quiet
alone=$("$touchstone" report --db "$folder/alone.sqlite" --format digest)

kills=0
for seconds in 1.5 3 4.5; do
  setsid "$touchstone" run "$plan" --db "$folder/killed.sqlite" --quiet >"$folder/out" 2>&1 &
  pid=$!
  sleep "$seconds"
  if kill -KILL -- "-$pid" 2>/dev/null; then kills=$((kills + 1)); fi
  wait "$pid" 2>/dev/null || true
done
# A fourth stop is a polite one: SIGTERM must leave with 143.
setsid "$touchstone" run "$plan" --db "$folder/killed.sqlite" --quiet >"$folder/out" 2>&1 &
pid=$!
sleep 2
kill -TERM "$pid" 2>/dev/null || true
code=0
wait "$pid" || code=$?
if [ "$code" != 143 ] && [ "$code" != 0 ]; then
  echo "SIGTERM gave exit code $code, expected 143:"; cat "$folder/out"; exit 1
fi
"$touchstone" run "$plan" --db "$folder/killed.sqlite" --quiet
killed=$("$touchstone" report --db "$folder/killed.sqlite" --format digest)
again=$("$touchstone" run "$plan" --db "$folder/killed.sqlite" --quiet --json)

echo "kills: $kills; alone $alone; killed $killed; once more: $again"
[ "$kills" -ge 1 ] || { echo "the plan was too quick to be killed"; exit 1; }
[ "$alone" = "$killed" ] || { echo "the two databases differ"; exit 1; }
case $again in *'"done":0'*) ;; *) echo "the last call computed cells again"; exit 1 ;; esac
