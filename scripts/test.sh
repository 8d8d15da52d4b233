#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. Arguments go to ctest: scripts/test.sh -R store
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
scripts/build.sh
ctest --test-dir build -j2 --output-on-failure --no-tests=error "$@"
