#!/usr/bin/env python3
"""Writes tests/backends/carried/micro-text.json: what transformers makes of the text model that the repository carries.

    python tests/backends/make_carried_reference.py

Made with transformers 5.23.0 and torch 2.13.0: the ids that its tokenizer gives for a text, the float32 logits of the last
four positions, and the ids of its greedy answer.
"""
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = "Question: Tom has 14 red pens and 27 blue pens. How many pens does Tom have?\nAnswer:"

folder = ROOT / "models/micro-text"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
ids = tokenizer(TEXT)["input_ids"]
with torch.no_grad():
    logits = model(torch.tensor([ids])).logits[0, -4:]
    answer = model.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False)[0, len(ids):]
out = ROOT / "tests/backends/carried/micro-text.json"
out.parent.mkdir(exist_ok=True)
out.write_text(json.dumps({"text": TEXT, "ids": ids, "last": [[float(f"{x:.6g}") for x in row] for row in logits.tolist()],
                           "greedy": answer.tolist()}) + "\n", encoding="utf-8")
