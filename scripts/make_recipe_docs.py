#!/usr/bin/env python3
"""Writes docs/recipes.md from the table that the build makes of the option readers, and from configs/methods.

    scripts/make_recipe_docs.py            writes it
    scripts/make_recipe_docs.py --check    exit status 1 when the committed one is not that of this build
"""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "recipes.md"
CATALOGUE = ROOT / "build" / "catalogue.json"
HEAD = """# Recipes

Written by `scripts/make_recipe_docs.py` from the option readers themselves: change these, not this file.

A method is a JSON file in `configs/methods`: a list of `"stages"`, run in order. `"use"` names a stage; the other keys are its
options. `"$train_on"` and `"$seed"` stand for what the plan or the command line says. `--set STAGE.KEY=VALUE` of
`touchstone train`, and `"set"` of a plan, change one option of every stage of that name. Names are those of TRL,
transformers and peft where these have one. An unknown key is an error that names the nearest one.
"""


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(options):
    lines = ["| option | type | default | what it does |", "| --- | --- | --- | --- |"]
    for option in options:
        default = f"`{cell(option['default'])}`" if option.get("default") else "required"
        choices = option.get("choices") or []
        words = ", ".join(f"`{choice}`" for choice in choices if choice)
        text = cell(option.get("help", "")) + (f" ({words})" if words else "")
        lines.append(f"| `{option['key']}` | {option['type']} | {default} | {text} |")
    return lines if options else ["No options."]


def things(title, entries):
    lines = ["", f"## {title}"]
    for entry in entries:
        lines += ["", f"### {entry['name']}", "", entry.get("summary", "").strip() + ".", "", *table(entry["options"])]
    return lines


def methods():
    lines = ["", "## Methods", "", "| method | what it does | stages | source |", "| --- | --- | --- | --- |"]
    for path in sorted((ROOT / "configs" / "methods").glob("*.json")):
        recipe = json.loads(path.read_text())
        names = [stage if isinstance(stage, str) else stage["use"] for stage in recipe["stages"]]
        lines.append(f"| `{recipe['method']}` | {cell(recipe.get('summary', ''))} | {', '.join(names)} | "
                     f"{cell(recipe['paper'])} |")
    return lines


def main():
    catalogue = json.loads(CATALOGUE.read_text())
    lines = [HEAD.rstrip(), *methods(), *things("Stages", catalogue["stages"]),
             *things("Objectives", catalogue["objectives"])]
    text = "\n".join(lines) + "\n"
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    if TARGET.is_file() and TARGET.read_text() == text:
        print("docs: recipes.md is that of this build")
        return 0
    print("docs/recipes.md is not that of this build: run scripts/make_recipe_docs.py", file=sys.stderr)
    return 1


sys.exit(main())
