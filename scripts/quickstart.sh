#!/usr/bin/env bash
# Installs what is missing, builds, shows a first result (a plan of a minute and its report), and starts the main job:
# several methods on several tasks, measured before and after, with a report at the end. If it is stopped, the same
# command continues. Arguments go to `touchstone run` of the main job:
#   scripts/quickstart.sh --model ~/models/SmolLM2-135M-Instruct --data ~/benchmarks
set -euo pipefail
cd "$(dirname "$0")/.."

echo "quickstart: on two cores, about five minutes to install and build (1.5 GB), one to a first report, seven more to the whole matrix"
scripts/setup.sh
scripts/build.sh touchstone touchstone_tensor catalogue
mkdir -p quickstart
status=0
build/touchstone run demo --db quickstart/demo.sqlite || status=$?
if [ "$status" -gt 1 ]; then exit "$status"; fi
build/touchstone report --db quickstart/demo.sqlite --out quickstart/demo.html
echo "quickstart: a first report is quickstart/demo.html; now the whole matrix (Ctrl-C keeps what is done)"
build/touchstone run configs/plans/quickstart.json --db quickstart/results.sqlite "$@" || status=$?
# Exit code 1: a cell failed; the report shows which one and why. Any other error leaves nothing to report.
if [ "$status" -gt 1 ]; then exit "$status"; fi
build/touchstone report --db quickstart/results.sqlite --out quickstart/report.html
build/touchstone report --db quickstart/results.sqlite --format brief
echo "open quickstart/report.html"
echo "the program is build/touchstone; cmake --install build --prefix ~/touchstone puts it elsewhere"
exit "$status"
