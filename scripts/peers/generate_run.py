#!/usr/bin/env python3
"""One run of transformers' generate on a file of prompts; called by compare_generate.py.

Prompts are taken in order, --batch at a time, padded on the left. A row that has its own number of new tokens, or its
end token, is done (a stopping criterion of its own), and a batch ends with its longest row: the most that generate
offers. Writes one JSON file: seconds, counted tokens, and each answer's text and number of tokens.
"""
import argparse
import json
import os
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", required=True)
parser.add_argument("--requests", required=True, type=Path)
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--out", required=True, type=Path)
a = parser.parse_args()
os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
                   "OMP_NUM_THREADS": str(a.threads), "MKL_NUM_THREADS": str(a.threads)})

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria

torch.set_num_threads(a.threads)


class OwnLength(StoppingCriteria):
    """True for each row that has as many new tokens as it was asked for."""

    def __init__(self, prompt, wanted):
        self.prompt, self.wanted = prompt, torch.tensor(wanted)

    def __call__(self, ids, scores, **named):
        return ids.shape[1] - self.prompt >= self.wanted


def main():
    tokenizer = AutoTokenizer.from_pretrained(a.model, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=getattr(torch, a.dtype)).eval()
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends]) | {tokenizer.eos_token_id}
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    tokenizer.pad_token_id = pad
    rows = [json.loads(line) for line in a.requests.read_text(encoding="utf-8").splitlines() if line]

    def answer(batch):
        inputs = tokenizer([row["prompt"] for row in batch], return_tensors="pt", padding=True)
        wanted = [row["max_new_tokens"] for row in batch]
        length = inputs["input_ids"].shape[1]
        with torch.inference_mode():
            out = model.generate(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"],
                                 do_sample=False, max_new_tokens=max(wanted), pad_token_id=pad,
                                 eos_token_id=sorted(ends), stopping_criteria=[OwnLength(length, wanted)])
        answers = []
        for row, count in zip(out[:, length:].tolist(), wanted):
            row = row[:count]
            row = row[:min((row.index(end) for end in ends if end in row), default=len(row))]
            answers.append({"tokens": len(row), "text": tokenizer.decode(row, skip_special_tokens=True)})
        return answers

    answer([{"prompt": rows[0]["prompt"], "max_new_tokens": 2}])  # warms up
    start = time.perf_counter()
    answers = []
    for first in range(0, len(rows), a.batch):
        answers += answer(rows[first:first + a.batch])
    seconds = time.perf_counter() - start
    a.out.write_text(json.dumps({"seconds": seconds, "tokens": sum(one["tokens"] for one in answers),
                                 "answers": answers}))


main()
