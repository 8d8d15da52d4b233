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
VERDICTS = ROOT / "configs" / "verdicts.json"
CATALOGUE = ROOT / "build" / "catalogue.json"
HEAD = """# Recipes

Written by `scripts/make_recipe_docs.py` from the option readers themselves: change these, not this file.

A method is a JSON file in `configs/methods`: a list of `"stages"`, run in order. `"use"` names a stage; the other keys are its
options. `"$train_on"` and `"$seed"` stand for what the plan or the command line says. `--set STAGE.KEY=VALUE` of
`touchstone train`, and `"set"` of a plan, change one option of every stage of that name. Names are those of TRL,
transformers and peft where these have one. An unknown key is an error that names the nearest one.

Beside `"method"`, `"paper"` and `"stages"` a recipe tells of its method: `"source"` (the places in the paper and its code that
it was built from), `"summary"`, `"claim"` (`"text"`, `"direction"`, `"figures"`), `"formula"`, `"cost"` (`"passes"`, `"memory"`,
`"generation"`) and `"inferred"`, a list of what was chosen because the source does not say it. `touchstone show methods NAME`
prints them with every option. They are texts of one line, of 1000 bytes at most; a recipe of your own may leave them out, those
of `configs/methods` may not (`scripts/check_plugins.sh`). They change nothing that is trained, nor what is stored already.
The verdict on a method, and on each claim of its plan, is read from `configs/verdicts.json`.
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


def found_of(claim):
    main = "main claim: " if claim.get("main") else ""
    return f"{main}{claim['compared']}: {claim['found']}: {claim.get('words', claim['verdict'])}"


def page(recipe, verdicts):
    """What `touchstone show methods NAME` prints of a method before its options, as a list of lines."""
    claim, cost = recipe["claim"], recipe["cost"]
    verdict = verdicts.get(recipe["method"], {"verdict": "not measured yet", "claims": []})
    facts = {
        "Claim": claim["text"],
        "Expected": claim.get("direction") and f"`{claim['direction']}`",
        "The paper's figures": claim.get("figures"),
        "Formula": f"`{recipe['formula']}`",
        "Source": recipe["source"],
        "Passes": cost["passes"],
        "Memory": cost["memory"],
        "Generation": cost["generation"],
        "Inferred": "; ".join(recipe["inferred"]) or "nothing",
        "Verdict": verdict["verdict"],
        "Found": "; ".join(found_of(claim) for claim in verdict["claims"]),
    }
    lines = ["", f"### `{recipe['method']}`", "", recipe["summary"] + ". " + recipe["paper"] + ".", ""]
    return lines + [f"- **{name}**: {text}" for name, text in facts.items() if text]


def methods():
    recipes = [json.loads(path.read_text()) for path in sorted((ROOT / "configs" / "methods").glob("*.json"))]
    for recipe in recipes:
        absent = [key for key in ("source", "summary", "claim", "formula", "cost", "inferred") if key not in recipe]
        if absent:
            sys.exit(f"configs/methods/{recipe['method']}.json lacks {', '.join(absent)}")
    verdicts = json.loads(VERDICTS.read_text()) if VERDICTS.is_file() else {}
    lines = ["", "## Methods", "", "| method | what it does | stages |", "| --- | --- | --- |"]
    for recipe in recipes:
        names = [stage if isinstance(stage, str) else stage["use"] for stage in recipe["stages"]]
        lines.append(f"| `{recipe['method']}` | {cell(recipe['summary'])} | {', '.join(names)} |")
    for recipe in recipes:
        lines += page(recipe, verdicts)
    return lines


def main():
    catalogue = json.loads(CATALOGUE.read_text())
    lines = [HEAD.rstrip(), *methods(), *things("Stages", catalogue["stages"]),
             *things("Objectives", catalogue["objectives"]), *things("Rewards", catalogue["rewards"]),
             *things("Procedures", catalogue["procedures"]), *things("Adapters", catalogue["adapters"])]
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
