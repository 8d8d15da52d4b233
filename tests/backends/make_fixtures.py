#!/usr/bin/env python3
"""Writes tests/backends/fixtures: tiny checkpoints with random weights and the logits that transformers computes for them.

    python tests/backends/make_fixtures.py tests/backends/fixtures

Made with transformers 5.23.0 and torch 2.13.0. Each folder: config.json, model.safetensors, logits.json with the ids and
the float32 logits of the last positions.
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from transformers import BitNetConfig, BitNetForCausalLM, LlamaConfig, LlamaForCausalLM

BASE = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=32, bos_token_id=1, eos_token_id=2, rms_norm_eps=1e-5)
CASES = {
    "default": dict(),
    "old_keys": dict(old={"rope_theta": 5000.0, "rope_scaling": {"type": "linear", "factor": 2.0}}),
    "linear": dict(rope={"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}),
    "dynamic": dict(rope={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}),
    "llama3": dict(rope={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 16, "rope_theta": 500.0}),
    "yarn": dict(rope={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16,
                       "rope_theta": 100.0, "beta_fast": 4.0, "beta_slow": 1.0}),
    "yarn_mscale": dict(rope={"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16,
                              "rope_theta": 100.0, "mscale": 1.0, "mscale_all_dim": 0.5, "truncate": False,
                              "beta_fast": 8.0}),
    "biases": dict(attention_bias=True, mlp_bias=True),
    "head_dim": dict(head_dim=10, num_key_value_heads=1, hidden_act="gelu_pytorch_tanh"),
    "tied": dict(tie_word_embeddings=True, hidden_act="gelu"),
    "float16": dict(dtype=torch.float16, num_key_value_heads=4),
    "float32": dict(dtype=torch.float32, hidden_act="relu"),
    "bitnet": dict(bitnet=True),
}


def make(folder, case):
    case = dict(case)
    dtype = case.pop("dtype", torch.bfloat16)
    old = case.pop("old", None)
    bitnet = case.pop("bitnet", False)
    options = {**BASE}
    if "rope" in case:
        options["rope_parameters"] = case.pop("rope")
    options.update(case)
    if old:
        options["rope_parameters"] = {"rope_type": "linear", "factor": 2.0, "rope_theta": old["rope_theta"]}
    config = BitNetConfig(**options) if bitnet else LlamaConfig(**options)
    torch.manual_seed(7)
    model = (BitNetForCausalLM if bitnet else LlamaForCausalLM)(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.randn_like(p) * (0.1 if "norm" in name else 0.35) + (1.0 if "norm" in name else 0.0))
    model = model.to(dtype)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    written = json.loads((folder / "config.json").read_text())
    if old:
        written.pop("rope_parameters")
        written.update(old)
        (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n")
    # Read again: casting a model also rounds its rotary frequencies.
    model = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    # Longer than max_position_embeddings, so that "dynamic" has something to do.
    ids = [1] + [(7 * i * i + 3 * i) % 37 + 3 for i in range(44)]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -4:]
    rows = [[round(x, 6) for x in row] for row in logits.tolist()]
    (folder / "logits.json").write_text(json.dumps({"ids": ids, "last": rows}) + "\n")


def main():
    target = Path(sys.argv[1])
    for name, case in CASES.items():
        make(target / name, case)
    print(sum(f.stat().st_size for f in target.rglob("*") if f.is_file()), "bytes")


main()
