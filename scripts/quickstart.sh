#!/usr/bin/env bash
# Installs what is missing, builds, and runs the main job: several methods on several tasks, measured before and after, with
# a report at the end. Stopped at any moment, the same command goes on. Arguments go to `touchstone run`:
#   scripts/quickstart.sh --model ~/models/SmolLM2-135M-Instruct --data ~/benchmarks
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
scripts/build.sh touchstone touchstone_tensor catalogue
mkdir -p quickstart
status=0
build/touchstone run configs/plans/quickstart.json --db quickstart/results.sqlite "$@" || status=$?
# 1 says that a cell failed: the report shows which, and why. Anything else leaves nothing to report.
if [ "$status" -gt 1 ]; then exit "$status"; fi
build/touchstone report --db quickstart/results.sqlite --out quickstart/report.html
build/touchstone report --db quickstart/results.sqlite --format brief
echo "open quickstart/report.html"
exit "$status"
