#!/usr/bin/env python3
"""Writes the measured part of a base model's card from the database of the plan that made it.

    scripts/make_model_card.py made.sqlite models/micro-text/README.md

It replaces what stands between the two marks in the card; the text around them is written by hand. Intervals are 95 %,
normal, over clusters of items that share a fact, a topic or a function's steps (Cameron and Miller, "A Practitioner's
Guide to Cluster-Robust Inference", 2015, equation 11, without a factor for few clusters: there are hundreds).
"""
import json
import math
import pathlib
import sqlite3
import sys

BEGIN = "<!-- measured: made by scripts/make_model_card.py -->"
END = "<!-- end -->"


def mean_and_half(rows):
    """Mean and half the width of its interval, in points, of (value, cluster) rows."""
    mean = sum(value for value, _ in rows) / len(rows)
    sums = {}
    for number, (value, cluster) in enumerate(rows):
        key = cluster or number
        sums[key] = sums.get(key, 0.0) + value - mean
    error = math.sqrt(sum(total * total for total in sums.values())) / len(rows)
    return 100 * mean, 196 * error


def samples(db, run, cell):
    """By benchmark and whether the items chose the checkpoint: all (score, cluster) rows."""
    found = {}
    for benchmark, task, settings, score, cluster in db.execute(
        "SELECT measure.benchmark, measure.task, measure.settings_json, sample.score, item.cluster FROM run_measure "
        "JOIN measure ON measure.id = run_measure.measure JOIN sample ON sample.measure = measure.id "
        "JOIN item ON item.id = sample.item WHERE run_measure.run = ? AND ifnull(run_measure.cell, 0) = ?", (run, cell)):
        name = task if benchmark == "micro-truthfulqa" else benchmark
        if "split" not in json.loads(settings):
            found.setdefault(name, []).append((score, cluster))
    return found


def cell_text(rows):
    if not rows:
        return ""
    mean, half = mean_and_half(rows)
    return f"{mean:.1f} ± {half:.1f} ({len(rows):,})"


def curve_lines(db, cell):
    """Mean loss of the 20 steps before every twelfth of the training."""
    steps = dict(db.execute("SELECT step, loss FROM step WHERE cell = ? ORDER BY step", (cell,)))
    last = max(steps)
    at = [round(last * part / 12) for part in range(1, 13)]
    losses = []
    for step in at:
        near = [steps[other] for other in range(step - 19, step + 1) if other in steps]
        losses.append(f"{sum(near) / len(near):.3f}")
    return [f"| step | {' | '.join(map(str, at))} |", "| --- |" + " --- |" * len(at), f"| loss | {' | '.join(losses)} |"]


def measured_part(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    run, plan, seconds, cpu, version = db.execute(
        "SELECT run.id, plan_json, seconds, cpu, code_version FROM run JOIN environment ON environment.id = environment "
        "WHERE state = 'done' ORDER BY run.id DESC LIMIT 1").fetchone()
    plan = json.loads(plan)
    cell, steps, tokens, parameters = db.execute(
        "SELECT cell.id, steps, tokens, parameters FROM cell JOIN run_cell ON cell = cell.id "
        "JOIN model ON model.id = result_model WHERE run_cell.run = ? AND state = 'done'", (run,)).fetchone()
    trained = db.execute("SELECT max(step) FROM step WHERE cell = ?", (cell,)).fetchone()[0]
    base, model = samples(db, run, 0), samples(db, run, cell)
    lines = [BEGIN, f"{parameters:,} parameters; plan `{plan['name']}`, {trained:,} steps, {tokens / 1e6:.1f} million tokens, "
             f"{seconds / 60:.0f} minutes of one core ({cpu}), measuring included; program {version}. "
             + (f"The checkpoint is that of step {steps:,}: the last one whose scores on the validation items all lie in the "
                "plan's bands." if "choose" in plan else ""), "",
             "Scores in points with 95 % intervals over items (their number); zero shots, greedy or by likelihood, products in "
             f"{plan['dtype']}. \"before\" is what the plan started from.", "",
             "| benchmark | band | before | this model | out of distribution |", "| --- | --- | --- | --- | --- |"]
    bands = plan.get("choose", {}).get("bands", {})
    for name in model:
        if name.endswith("-ood"):
            continue
        shifted = model.get(name.replace("-mc1", "") + "-ood", [])
        band = "{} to {}".format(*bands[name]) if name in bands else ""
        lines.append(f"| `{name}` | {band} | {cell_text(base.get(name, []))} | {cell_text(model[name])} | {cell_text(shifted)} |")
    lines += ["", "Loss in nats a token, mean of the 20 steps before:", ""] + curve_lines(db, cell) + [END]
    return "\n".join(lines)


def main():
    database, card = sys.argv[1], pathlib.Path(sys.argv[2])
    text = card.read_text() if card.exists() else f"# {card.parent.name}\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text or END not in text:
        sys.exit(f"{card}: expected the marks '{BEGIN}' and '{END}'")
    before, rest = text.split(BEGIN, 1)
    card.write_text(before + measured_part(database) + rest.split(END, 1)[1])


main()
