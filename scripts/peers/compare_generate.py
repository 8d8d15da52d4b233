#!/usr/bin/env python3
"""touchstone against transformers' generate: the same checkpoint and prompts, greedy answers of mixed lengths.

    scripts/peers/compare_generate.py --model DIR --data DIR --python venv/bin/python --dtype float32

The prompts are GSM8K questions; the answers' lengths come from --lengths, in turn, unless a model ends one earlier.
Both work on --batch answers at a time with --threads threads: transformers pads, and waits for the longest row of a
batch; touchstone puts the next prompt into the place of an answer that is finished. Only the tokens of the answers
count. In float32 all texts must be equal (--allow counts ties of two logits, which another order of summing may turn).
The two take turns --rounds times; the best of each counts. Exit status: 0 equal and fast enough (--min-ratio), 1 not.
"""
import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--touchstone", default=HERE.parent.parent / "build" / "touchstone", type=Path)
parser.add_argument("--python", default=sys.executable, help="interpreter that has transformers and torch")
parser.add_argument("--model", required=True)
parser.add_argument("--data", required=True, type=Path, help="folder with gsm8k/")
parser.add_argument("--requests", type=int, default=48)
parser.add_argument("--lengths", default="16,128,32,64,24,96,16,48")
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--allow", type=int, default=0, help="texts that may differ in float32")
parser.add_argument("--min-ratio", type=float, default=0.0)
parser.add_argument("--cpu", type=int, help="pin both programs to this core (one thread)")
parser.add_argument("--json", action="store_true")
a = parser.parse_args()


def run(command):
    command = list(map(str, (["taskset", "-c", a.cpu] if a.cpu is not None else []) + command))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(a.threads)})
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout


def questions():
    for path in (a.data / "gsm8k" / "test.jsonl", a.data / "gsm8k" / "test.jsonl.gz"):
        if path.exists():
            with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
                return [json.loads(line)["question"] for line in file if line.strip()]
    raise SystemExit(f"{a.data / 'gsm8k' / 'test.jsonl'}: not there")


def main():
    with tempfile.TemporaryDirectory(prefix="compare-") as name:
        folder = Path(name)
        lengths = [int(length) for length in a.lengths.split(",")]
        requests = folder / "requests.jsonl"
        requests.write_text("".join(
            json.dumps({"prompt": f"Question: {question}\nAnswer:", "max_new_tokens": lengths[at % len(lengths)]}) + "\n"
            for at, question in enumerate(questions()[:a.requests])), encoding="utf-8")
        own, peer = [], []
        for _ in range(a.rounds):
            out = folder / "own.jsonl"
            own.append(json.loads(run([a.touchstone, "bench", "decode", "--model", a.model, "--requests", requests, "--out",
                                       out, "--batch", a.batch, "--dtype", a.dtype, "--threads", a.threads, "--json"])))
            mine = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
            run([a.python, HERE / "generate_run.py", "--model", a.model, "--requests", requests, "--batch", a.batch,
                 "--dtype", a.dtype, "--threads", a.threads, "--out", folder / "peer.json"])
            peer.append(json.loads((folder / "peer.json").read_text()))
        different = sum(x["text"].strip() != y["text"].strip() for x, y in zip(mine, peer[-1]["answers"], strict=True))
    fast = max(one["tokens"] / one["seconds"] for one in own)
    slow = max(one["tokens"] / one["seconds"] for one in peer)
    equal = a.dtype != "float32" or different <= a.allow
    result = {"dtype": a.dtype, "kernels": own[0]["kernels"], "threads": a.threads, "batch": a.batch,
              "requests": len(mine), "rounds": a.rounds, "touchstone_tokens": own[0]["tokens"],
              "transformers_tokens": peer[0]["tokens"], "texts_different": different,
              "touchstone_tokens_per_second": fast, "transformers_tokens_per_second": slow, "ratio": fast / slow,
              "touchstone_decode_seconds": own[-1]["decode_seconds"],
              "touchstone_prefill_seconds": own[-1]["prefill_seconds"], "equal": equal}
    if a.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:40} {value:.6g}" if isinstance(value, float) else f"{key:40} {value}")
    return 0 if equal and fast / slow >= a.min_ratio else 1


sys.exit(main())
