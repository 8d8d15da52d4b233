#!/usr/bin/env python3
"""One run of lm-evaluation-harness on local data, with nothing fetched; called by compare_lm_eval.py.

The prompts, filters and metrics are those of the task files that lm_eval brings; only where the rows lie is replaced.
Writes one JSON file: seconds of answering and of all, and for each item the SHA-256 of its prompt, what was asked, the
log-likelihoods or the text, and the metrics.
"""
import time

BEGUN = time.perf_counter()
import argparse
import csv
import gzip
import hashlib
import importlib.util
import io
import json
import os
import resource
import tempfile
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", required=True, help="checkpoint folder")
parser.add_argument("--data", required=True, type=Path, help="folder with mmlu/, gsm8k/, truthfulqa/")
parser.add_argument("--tasks", required=True, help="mmlu, gsm8k, truthfulqa_mc1, truthfulqa_mc2; comma-separated")
parser.add_argument("--subjects", default="", help="of mmlu; empty: all")
parser.add_argument("--shots", type=int)
parser.add_argument("--limit", type=int, help="documents a task (mmlu: a subject)")
parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--max-new-tokens", type=int, help="cap of generated answers; default: the task's own")
parser.add_argument("--prompts-only", action="store_true", help="writes the prompts and answers none of them")
parser.add_argument("--out", required=True, type=Path)
arguments = parser.parse_args()

os.environ.update({"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
                   "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": str(arguments.threads),
                   "MKL_NUM_THREADS": str(arguments.threads), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"})


def text_of(path):
    for candidate in (path, path.with_name(path.name + ".gz")):
        if candidate.exists():
            with (gzip.open if candidate.suffix == ".gz" else open)(candidate, "rt", encoding="utf-8", newline="") as file:
                return file.read()
    raise SystemExit(f"{path}: not there")


def mmlu_rows(subject, split):
    text = text_of(arguments.data / "mmlu" / split / f"{subject}_{split}.csv")
    for row in csv.reader(io.StringIO(text, newline="")):  # not splitlines(): it cuts at more than line breaks
        yield {"question": row[0], "subject": subject, "choices": row[1:5], "answer": "ABCD".index(row[5])}


def gsm8k_rows(split):
    yield from map(json.loads, filter(None, text_of(arguments.data / "gsm8k" / f"{split}.jsonl").split("\n")))


def truthfulqa_rows():
    for row in json.loads(text_of(arguments.data / "truthfulqa" / "mc_task.json")):
        out = {"question": row["question"]}
        for name in ("mc1_targets", "mc2_targets"):
            # mc1 takes its first choice for the right one; the sort keeps the order of the others.
            pairs = sorted(row[name].items(), key=lambda pair: -pair[1]) if name == "mc1_targets" else row[name].items()
            out[name] = {"choices": [text for text, _ in pairs], "labels": [label for _, label in pairs]}
        yield out


def bind(folder, name, base, splits):
    """A task file that includes lm_eval's own and names local rows."""
    lines = [f'include: "{base}"', "dataset_path: json", "dataset_name: null", "dataset_kwargs:", "  data_files:"]
    for split, rows in splits.items():
        path = folder / f"{name}_{split}.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        lines.append(f'    {split}: "{path}"')
    (folder / f"{name}.yaml").write_text("\n".join(lines) + "\n")
    return name


def bind_all(folder):
    own = Path(importlib.util.find_spec("lm_eval").submodule_search_locations[0]) / "tasks"
    names = []
    for task in arguments.tasks.split(","):
        if task == "mmlu":
            found = sorted(path.stem[5:] for path in (own / "mmlu" / "default").glob("mmlu_*.yaml"))
            wanted = arguments.subjects.split(",") if arguments.subjects else found
            for subject in wanted:
                names.append(bind(folder, f"mmlu_{subject}", own / "mmlu" / "default" / f"mmlu_{subject}.yaml",
                                  {"test": mmlu_rows(subject, "test"), "dev": mmlu_rows(subject, "dev")}))
        elif task == "gsm8k":
            names.append(bind(folder, task, own / "gsm8k" / "gsm8k.yaml",
                              {"train": gsm8k_rows("train"), "test": gsm8k_rows("test")}))
        elif task in ("truthfulqa_mc1", "truthfulqa_mc2"):
            names.append(bind(folder, task, own / "truthfulqa" / f"{task}.yaml", {"validation": truthfulqa_rows()}))
        else:
            raise SystemExit(f"task '{task}' is not known here, expected mmlu, gsm8k, truthfulqa_mc1 or truthfulqa_mc2")
    return names


def item_of(task, sample):
    pairs = sample["arguments"].values() if isinstance(sample["arguments"], dict) else sample["arguments"]
    pairs = [list(pair.values()) if isinstance(pair, dict) else list(pair) for pair in pairs]
    item = {"task": task, "filter": sample.get("filter"), "prompt": hashlib.sha256(pairs[0][0].encode()).hexdigest(),
            "metrics": {name: sample[name] for name in sample.get("metrics", [])}}
    if isinstance(sample["resps"][0][0], (list, tuple)):
        item["logp"] = [float(answer[0][0]) for answer in sample["resps"]]
        item["tokens"] = [pair[0] + pair[1] for pair in pairs]
    else:
        item["text"] = sample["resps"][0][0]
        item["tokens"] = [pairs[0][0]]
    return item


def main():
    import torch
    from lm_eval import evaluator
    from lm_eval.api.task import Task
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory(prefix="lm-eval-") as name:
        folder = Path(name)
        os.environ["HF_DATASETS_CACHE"] = str(folder / "cache")
        names = bind_all(folder)
        model = HFLM(pretrained=arguments.model, dtype=arguments.dtype, device="cpu", batch_size=arguments.batch)
        seconds = {"answering": 0.0}
        if arguments.prompts_only:
            model.loglikelihood = lambda requests, **named: [(0.0, False)] * len(requests)
            model.generate_until = lambda requests, **named: [""] * len(requests)
            built = Task.build_all_requests
            seconds["prompts"] = 0.0

            def timed_build(*args, **named):
                start = time.perf_counter()
                built(*args, **named)
                seconds["prompts"] += time.perf_counter() - start
            Task.build_all_requests = timed_build
        for method in ("loglikelihood", "generate_until"):
            def timed(*args, inner=getattr(model, method), **named):
                start = time.perf_counter()
                answers = inner(*args, **named)
                seconds["answering"] += time.perf_counter() - start
                return answers
            setattr(model, method, timed)
        result = evaluator.simple_evaluate(
            model=model, tasks=names, num_fewshot=arguments.shots, limit=arguments.limit, bootstrap_iters=0,
            log_samples=True, task_manager=TaskManager(include_path=str(folder), include_defaults=False),
            gen_kwargs={"max_gen_toks": arguments.max_new_tokens} if arguments.max_new_tokens else None)
    items = [item_of(task, sample) for task, samples in result["samples"].items() for sample in samples]
    tokens = 0
    for item in [] if arguments.prompts_only else items:  # of every request, as if nothing were shared
        tokens += sum(len(model.tok_encode(text)) for text in item.pop("tokens"))
    seconds["all"] = time.perf_counter() - BEGUN
    report = {"seconds": seconds, "request_tokens": tokens, "items": items,
              "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    arguments.out.write_text(json.dumps(report))


main()
