#!/usr/bin/env bash
# Checks the C++ sources of the product, its tests and its fuzz targets against the rules of .clang-tidy. JOBS=N: so many at a
# time (default: one a core).
#
#   scripts/check_tidy.sh           sources that differ from the branch "origin/main", or, on it, from the commit before
#   scripts/check_tidy.sh BASE      sources that differ from a commit
#   scripts/check_tidy.sh --all     all sources: about half an hour of two cores
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

# Without precompiled headers, which are another compiler's. A folder that is compiled as one is checked as one. The fuzz
# targets have a build of their own.
cmake --preset release -B build-tidy -DTOUCHSTONE_UNITY=ON -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null 2>&1
if grep -q '^tests/fuzz/' <<<"$files"; then cmake --preset fuzz -B build-tidy/fuzz >/dev/null 2>&1; fi
FILES="$files" python3 - <<'END'
import json, os, re, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

root = os.getcwd()
wanted = set(os.environ["FILES"].split())
units = {}  # the file that the compiler is given -> its build and the wanted sources within it
for build in ["build-tidy"] + ["build-tidy/fuzz"] * any(source.startswith("tests/fuzz/") for source in wanted):
    for entry in json.load(open(build + "/compile_commands.json")):
        path = os.path.join(entry["directory"], entry["file"])
        held = re.findall(r'#include "([^"]+\.cpp)"', open(path).read()) if "/Unity/" in path else [path]
        sources = wanted & {os.path.relpath(source, root) for source in held}
        if build.endswith("fuzz"): sources = {source for source in sources if source.startswith("tests/fuzz/")}
        if sources: units[path] = build, sorted(sources)
checked = {source for _, sources in units.values() for source in sources}
if wanted - checked: print("tidy: not built here, so not checked: " + " ".join(sorted(wanted - checked)), file=sys.stderr)

# Without OpenMP, whose header is another compiler's; the rule on includes knows no folders that are compiled as one.
settings = ["--quiet", "--checks=-bugprone-suspicious-include", "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-fno-openmp"]

def check(unit):
    build, sources = units[unit]
    shown = "^(" + "|".join(re.escape(os.path.join(root, source)) for source in sources) + ")$"
    command = ["clang-tidy-14", "-p", build, *settings, "--header-filter=" + shown, unit]
    ran = subprocess.run(command, capture_output=True, text=True)
    said = ran.stdout + "\n".join(line for line in ran.stderr.splitlines() if "warnings generated" not in line and "Suppressed" not in line)
    return said.strip() if ran.returncode else ""

wrong = 0
with ThreadPoolExecutor(int(os.environ.get("JOBS", len(os.sched_getaffinity(0))))) as pool:
    for said in pool.map(check, units):
        if said:
            wrong += 1
            print(said, file=sys.stderr, flush=True)
print(f"tidy: {len(checked)} sources " + ("keep the rules of .clang-tidy" if not wrong else "were checked, and some break the rules of .clang-tidy"))
sys.exit(1 if wrong else 0)
END
