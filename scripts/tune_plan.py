#!/usr/bin/env python3
"""Tunes the methods of a plan and writes the best values into its file.

    scripts/tune_plan.py configs/plans/papers/fait.json papers.sqlite

It runs `touchstone run PLAN --tune`, which goes on where it was stopped, and then sets the tuned key of every method to
the value that was best. Each method stands on a line of its own in the file; other lines stay as they are. Nothing is
written when a best value lies at the edge of a grid that may grow no further (exit status 1). The environment variable
TOUCHSTONE names the program (default build/touchstone).
"""
import json
import os
import pathlib
import subprocess
import sys


def with_value(line, name, key, value):
    """The line of the method's entry with that key set; None where it is another method's line."""
    entry = line.strip().rstrip(",")
    if not entry.startswith("{") or '"method"' not in entry:
        return None
    method = json.loads(entry)
    if method.get("name", method["method"]) != name:
        return None
    method.setdefault("set", {})[key] = value
    comma = "," if line.rstrip().endswith(",") else ""
    return line[: len(line) - len(line.lstrip())] + json.dumps(method, ensure_ascii=False) + comma


def main():
    plan, database = pathlib.Path(sys.argv[1]), sys.argv[2]
    program = os.environ.get("TOUCHSTONE", "build/touchstone")
    done = subprocess.run([program, "run", str(plan), "--tune", "--db", database, "--json", "--quiet"],
                          stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    methods = json.loads(done.stdout)["methods"]
    for method in methods:
        print(method["words"])
    unmeasured = [method["method"] for method in methods if method["best"] is None]
    if unmeasured:
        sys.exit(f"{plan}: nothing is written, since not every value of {', '.join(unmeasured)} was measured")
    at_edge = [method["method"] for method in methods if method["edge"]]
    if at_edge:
        sys.exit(f"{plan}: nothing is written, since the best value lies at an edge for {', '.join(at_edge)}")
    lines = plan.read_text().split("\n")
    for method in methods:
        for at, line in enumerate(lines):
            changed = with_value(line, method["method"], method["key"], method["best"])
            if changed is not None:
                lines[at] = changed
                break
        else:
            sys.exit(f"{plan}: found no line of its own for the method '{method['method']}'")
    plan.write_text("\n".join(lines))


main()
