#!/usr/bin/env bash
# Checks the tracked C++ files against the include rules: which folder may see which, and where LibTorch may be seen.
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files '*.cpp' '*.hpp' | python3 -c '
import os, re, sys

files = sys.stdin.read().split()
line_form = re.compile(r"^\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", re.M)
includes = {}
for path in files:
    if os.path.exists(path):
        includes[path] = [(kind == "\"", name) for kind, name in line_form.findall(open(path, encoding="utf-8").read())]

siblings = ("tasks", "backends", "trainers", "reports")
free_folders = ("harness/base", "harness/jinja", "harness/pictures", "harness/audio", "harness/data", "harness/recipe", "harness/measure", "harness/metrics", "harness/store",
                "harness/compare", "harness/run", "harness/report", "harness/cli", "harness/main.cpp", "tasks", "reports", "backends/tokenizers")
everywhere_forbidden = ("torch/torch.h", "torch/nn.h", "torch/all.h", "torch/extension.h", "torch/script.h")
source_only = ("torch/csrc/autograd/custom_function.h", "torch/version.h")
wrong = []

def of_torch(name): return name.split("/")[0] in ("ATen", "c10", "torch", "caffe2")

def inside(path, folders): return any(path == folder or path.startswith(folder + "/") for folder in folders)

sees = {}
def sees_torch(path):
    """Why a file sees LibTorch, as a chain of includes; empty when it does not."""
    if path not in sees:
        sees[path] = ""
        for ours, name in includes.get(path, []):
            if not ours and of_torch(name): sees[path] = "<" + name + ">"
            elif ours and sees_torch(name): sees[path] = name + " > " + sees[name]
            if sees[path]: break
    return sees[path]

for path, names in includes.items():
    top = path.split("/")[0]
    for ours, name in names:
        target = name.split("/")[0]
        if name in everywhere_forbidden: wrong.append("%s includes %s, which costs 13 s a file" % (path, name))
        elif not ours and name.startswith("torch/") and not (name in source_only and path.endswith(".cpp")):
            wrong.append("%s includes <%s>; ATen is the surface of LibTorch here" % (path, name))
        if not ours: continue
        # Files written by the build: from NAME.in, and FOLDER/assets.hpp from the files of FOLDER/assets.
        made = os.path.exists(name + ".in") or (name.endswith("/assets.hpp") and os.path.isdir(name[:-len(".hpp")]))
        if name not in includes and not made: wrong.append("%s includes \"%s\", which is not a tracked file by its full path" % (path, name))
        if path == "harness/main.cpp" or top in ("tests", "tools"): continue
        if top == "harness" and target != "harness" and not (path == "harness/tensor_main.cpp" and target in siblings):
            wrong.append("%s includes %s: harness includes no sibling" % (path, name))
        if top in siblings and target not in ("harness", top):
            wrong.append("%s includes %s: %s may include harness and itself" % (path, name, top))
    if inside(path, free_folders) and sees_torch(path): wrong.append("%s sees LibTorch: %s" % (path, sees[path]))

print("\n".join(wrong), file=sys.stderr) if wrong else print("includes: %d files keep the rules" % len(includes))
sys.exit(1 if wrong else 0)
'
