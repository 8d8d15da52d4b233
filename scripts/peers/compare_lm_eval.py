#!/usr/bin/env python3
"""touchstone against lm-evaluation-harness: the same checkpoint, items, dtype and threads; scores item by item, and speed.

    scripts/peers/compare_lm_eval.py --model DIR --data DIR --python venv/bin/python \\
        --tasks mmlu --subjects anatomy,virology --shots 5 --limit 10 --dtype float32

--python names an interpreter that has lm_eval, transformers and torch (pip install lm-eval). The two programs take
turns --rounds times; the best of each counts. Prompts must be equal by SHA-256, verdicts too; log-likelihoods within
--tolerance (nats; default 1e-3 in float32; in bfloat16 both programs round, and what is compared is each one's distance
from float32). Speed is of the same requests, so the ratio of seconds is the ratio of tokens-equivalent throughput:
touchstone's seconds are those of the whole measurement (prompts, tokens, model, judging), lm-eval's those of its
answering alone; process start and loading are left out on both sides and shown beside.
Exit status: 0 equal and fast enough (--min-ratio), 1 not.
"""
import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--touchstone", default=HERE.parent.parent / "build" / "touchstone", type=Path)
parser.add_argument("--python", default=sys.executable, help="interpreter that has lm_eval")
parser.add_argument("--model", required=True)
parser.add_argument("--data", required=True)
parser.add_argument("--tasks", default="mmlu")
parser.add_argument("--subjects", default="")
parser.add_argument("--shots", type=int)
parser.add_argument("--limit", type=int)
parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--batch", type=int, default=8, help="lm-eval's batch size")
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--tolerance", type=float)
parser.add_argument("--min-ratio", type=float, default=0.0)
parser.add_argument("--cpu", type=int, help="pin both programs to this core (one thread)")
parser.add_argument("--json", action="store_true")
a = parser.parse_args()


def run(command):
    if a.cpu is not None:
        command = ["taskset", "-c", str(a.cpu), *command]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(a.threads)})
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stderr[-4000:]}")
    return time.perf_counter() - start


def shared(flags):
    for name in ("subjects", "shots", "limit"):
        if getattr(a, name) not in (None, ""):
            flags += [f"--{name}", str(getattr(a, name))]
    return flags


def run_peer(folder, number, dtype):
    out = folder / f"peer-{dtype}-{number}.json"
    run(shared([a.python, str(HERE / "lm_eval_run.py"), "--model", a.model, "--data", a.data, "--tasks", a.tasks,
                "--dtype", dtype, "--threads", str(a.threads), "--batch", str(a.batch), "--out", str(out)]))
    return json.loads(out.read_text())


def run_own(folder, number, dtype):
    db = folder / f"own-{dtype}-{number}.sqlite"
    wall = run(shared([str(a.touchstone), "eval", "--model", a.model, "--data", a.data, "--tasks", a.tasks, "--dtype",
                       dtype, "--threads", str(a.threads), "--db", str(db), "--quiet"]))
    rows = sqlite3.connect(db)
    seconds = rows.execute("SELECT sum(seconds) FROM measure").fetchone()[0]
    items = {}
    for task, prompt, logp, responses, metrics in rows.execute(
            "SELECT measure.task, prompt.hash, choice_logp, responses, metrics FROM sample "
            "JOIN measure ON measure.id = sample.measure JOIN prompt ON prompt.id = sample.prompt"):
        items[task, prompt] = {"logp": json.loads(logp), "texts": json.loads(responses), "metrics": json.loads(metrics)}
    return {"seconds": {"answering": seconds, "all": wall}, "items": items}


def compare(own, peer):
    """Counts of what differs, and the largest and mean difference of a log-likelihood."""
    found = {"items": 0, "requests": 0, "prompts_missing": 0, "verdicts_different": 0, "texts_different": 0}
    differences = []
    for item in peer["items"]:
        mine = own["items"].get((item["task"], item["prompt"]))
        if mine is None:
            found["prompts_missing"] += 1
            continue
        found["items"] += 1
        if "logp" in item:
            found["requests"] += len(item["logp"])
            differences += [abs(x - y) for x, y in zip(item["logp"], mine["logp"], strict=True)]
        elif item["text"] != mine["texts"][0]:
            found["texts_different"] += 1
        for name, value in item["metrics"].items():
            key = f"{name},{item['filter']}"
            if abs(float(value) - float(mine["metrics"].get(key, float("nan")))) > 1e-3 or key not in mine["metrics"]:
                found["verdicts_different"] += 1
    found["logp_max_difference"] = max(differences, default=0.0)
    found["logp_mean_difference"] = sum(differences) / max(len(differences), 1)
    return found


def best(runs, name):
    return min(one["seconds"][name] for one in runs)


def main():
    with tempfile.TemporaryDirectory(prefix="compare-") as name:
        folder = Path(name)
        own, peer = [], []
        for number in range(a.rounds):
            own.append(run_own(folder, number, a.dtype))
            peer.append(run_peer(folder, number, a.dtype))
        result = {"tasks": a.tasks, "dtype": a.dtype, "threads": a.threads, "shots": a.shots, "limit": a.limit,
                  "lm_eval_batch": a.batch, "rounds": a.rounds, **compare(own[0], peer[0])}
        tolerance = a.tolerance if a.tolerance is not None else 1e-3
        equal = result["prompts_missing"] == 0 and result["items"] > 0
        if a.dtype == "float32":
            equal = equal and result["logp_max_difference"] <= tolerance and result["verdicts_different"] == 0
            equal = equal and result["texts_different"] == 0
        else:
            exact = run_own(folder, a.rounds, "float32")
            for label, runs in (("touchstone", own[0]), ("lm_eval", {"items": {
                    (item["task"], item["prompt"]): item for item in peer[0]["items"]}})):
                away = [abs(x - y) for key, item in runs["items"].items() if item.get("logp")
                        for x, y in zip(item["logp"], exact["items"][key]["logp"])]
                result[f"{label}_mean_distance_from_float32"] = sum(away) / max(len(away), 1)
            equal = equal and (result["touchstone_mean_distance_from_float32"]
                               <= 1.5 * result["lm_eval_mean_distance_from_float32"] + tolerance)
    ratio = best(peer, "answering") / best(own, "answering")
    tokens = peer[0]["request_tokens"]
    result |= {"request_tokens": tokens,
               "touchstone_seconds": best(own, "answering"), "lm_eval_seconds": best(peer, "answering"),
               "touchstone_tokens_per_second": tokens / best(own, "answering"),
               "lm_eval_tokens_per_second": tokens / best(peer, "answering"), "ratio": ratio,
               "touchstone_process_seconds": best(own, "all"), "lm_eval_process_seconds": best(peer, "all"),
               "equal": equal}
    if a.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:40} {value:.6g}" if isinstance(value, float) else f"{key:40} {value}")
    return 0 if equal and ratio >= a.min_ratio else 1


sys.exit(main())
