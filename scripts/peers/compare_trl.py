#!/usr/bin/env python3
"""touchstone against TRL: the same checkpoint, token ids and settings; losses step by step, speed and peak memory.

    scripts/peers/compare_trl.py --python venv/bin/python --model DIR --dtype bfloat16

--python names an interpreter that has trl, transformers and torch (pip install trl). Rows of --length random ids, no
padding, every id after a row's first trained, one optimizer step a batch. The programs take turns --rounds times, and
the median of each counts. TRL's bfloat16 is taken in both of its forms: weights and optimizer state in bfloat16 (less
work and less precision than touchstone, which keeps float32 masters), and autocast over float32 weights.
Exit status: 1 when a ratio is below --min-ratio, float32 losses differ by more than 1e-4, or more memory is taken.
"""
import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--touchstone", default=HERE.parent.parent / "build" / "touchstone", type=Path)
parser.add_argument("--python", default=sys.executable, help="interpreter that has trl")
parser.add_argument("--model", required=True)
parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--length", type=int, default=256)
parser.add_argument("--steps", type=int, default=13)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--min-ratio", type=float, default=0.0)
args = parser.parse_args()


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


vocabulary = json.loads((Path(args.model) / "config.json").read_text())["vocab_size"]
draw = random.Random(0)
ids = [[draw.randrange(3, vocabulary) for _ in range(args.length)] for _ in range(args.batch * args.steps)]
common = ["--model", args.model, "--batch", args.batch, "--steps", args.steps, "--threads", args.threads]
kinds = ["float32"] if args.dtype == "float32" else ["bfloat16", "autocast"]
results = {name: [] for name in ["touchstone", *kinds]}
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "ids.json"
    file.write_text(json.dumps(ids))
    for _ in range(args.rounds):
        results["touchstone"].append(run([args.touchstone, "bench", "train", *common, "--length", args.length,
                                          "--ids", file, "--dtype", args.dtype, "--json"]))
        for kind in kinds:
            results[kind].append(run([args.python, HERE / "trl_run.py", *common, "--ids", file, "--dtype", kind]))


def middle(name, key):
    return statistics.median(one[key] for one in results[name])


bad = False
print(f"touchstone        {middle('touchstone', 'tokens_per_second'):8.0f} tokens/s  peak "
      f"{middle('touchstone', 'peak_mebibytes'):5.0f} MiB  ({results['touchstone'][0]['kernels']})")
for kind in kinds:
    ratios = [a["tokens_per_second"] / b["tokens_per_second"] for a, b in zip(results["touchstone"], results[kind])]
    apart = max(abs(a - b) for a, b in zip(results["touchstone"][0]["losses"], results[kind][0]["losses"]))
    print(f"TRL {kind:13} {middle(kind, 'tokens_per_second'):8.0f} tokens/s  peak {middle(kind, 'peak_mebibytes'):5.0f} MiB"
          f"  touchstone is {statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f});"
          f" losses differ by at most {apart:.1e}")
    bad |= statistics.median(ratios) < args.min_ratio
    bad |= middle("touchstone", "peak_mebibytes") > middle(kind, "peak_mebibytes")
    bad |= args.dtype == "float32" and apart > 1e-4
sys.exit(bad)
