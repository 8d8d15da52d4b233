#!/usr/bin/env python3
"""Cuts data/samples out of full copies of the benchmarks.

    scripts/make_samples.py DATA [OUT]

DATA holds mmlu/{dev,val,test}/SUBJECT_SPLIT.csv, gsm8k/{train,test}.jsonl[.gz], truthfulqa/{TruthfulQA.csv,mc_task.json}
and humaneval/HumanEval.jsonl.gz. Every sample is the first rows of its file, byte for byte (mc_task.json: the first
entries), and is listed in BENCHMARK/MANIFEST.json with its SHA-256, rows, source and licence.
"""
import csv
import gzip
import hashlib
import io
import json
import sys
from pathlib import Path

MMLU_ROWS = {"dev": 5, "val": 3, "test": 5}


def text_of(path):
    packed = path.with_name(path.name + ".gz")
    if path.exists():
        return path.read_bytes().decode("utf-8")
    return gzip.decompress(packed.read_bytes()).decode("utf-8")


def first_lines(text, rows):
    return "".join(text.splitlines(keepends=True)[:rows])


def first_records(text, rows):
    """The first records of a CSV text; a record may span lines."""
    reader = csv.reader(io.StringIO(text, newline=""))
    for _ in range(rows):
        if next(reader, None) is None:
            break
    lines = io.StringIO(text, newline="").readlines()
    return "".join(lines[: reader.line_num])


def put(out, benchmark, name, text, rows, source, licence):
    path = out / benchmark / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode("utf-8")
    path.write_bytes(data)
    return {"path": name, "sha256": hashlib.sha256(data).hexdigest(), "rows": rows, "source": source, "licence": licence}


def main(data, out):
    made = {"mmlu": [], "gsm8k": [], "truthfulqa": [], "humaneval": []}
    for split, rows in MMLU_ROWS.items():
        for path in sorted((data / "mmlu" / split).glob(f"*_{split}.csv")):
            text = first_records(text_of(path), rows)
            made["mmlu"].append(put(out, "mmlu", f"{split}/{path.name}", text, rows,
                                    f"hendrycks/test, {split}/{path.name}, first {rows} rows", "MIT"))
    for split, rows in (("train", 200), ("test", 40)):
        text = first_lines(text_of(data / "gsm8k" / f"{split}.jsonl"), rows)
        made["gsm8k"].append(put(out, "gsm8k", f"{split}.jsonl", text, rows,
                                 f"openai/grade-school-math, {split}.jsonl, first {rows} rows", "MIT"))
    rows, folder = 40, data / "truthfulqa"
    text = first_records(text_of(folder / "TruthfulQA.csv"), rows + 1)
    made["truthfulqa"].append(put(out, "truthfulqa", "TruthfulQA.csv", text, rows,
                                  f"sylinrl/TruthfulQA, TruthfulQA.csv, first {rows} rows", "Apache-2.0"))
    entries = json.loads(text_of(folder / "mc_task.json"))[:rows]
    text = json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
    made["truthfulqa"].append(put(out, "truthfulqa", "mc_task.json", text, rows,
                                  f"sylinrl/TruthfulQA, data/mc_task.json, first {rows} entries", "Apache-2.0"))
    rows = 16
    text = first_lines(text_of(data / "humaneval" / "HumanEval.jsonl"), rows)
    made["humaneval"].append(put(out, "humaneval", "HumanEval.jsonl", text, rows,
                                 f"openai/human-eval, data/HumanEval.jsonl.gz, first {rows} rows", "MIT"))
    for benchmark, files in made.items():
        files.sort(key=lambda f: f["path"])
        (out / benchmark / "MANIFEST.json").write_text(json.dumps({"files": files}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    here = Path(__file__).resolve().parent.parent
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else here / "data" / "samples")
