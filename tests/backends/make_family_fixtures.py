#!/usr/bin/env python3
"""Writes tests/backends/family_fixtures: tiny checkpoints of model families with random weights, and what transformers
computes of them.

    python tests/backends/make_family_fixtures.py tests/backends/family_fixtures [CASE...]

Made with transformers 5.24.0 and torch 2.13.0. Each folder: config.json, model.safetensors, and expected.safetensors with
ids [T], logits [T, V], layer.N [T, D] (what layer N gives), gradient.NAME of the mean cross-entropy of the next token,
greedy [20] (tokens written after the first 9 ids, with a cache) and half [T, V], the logits in bfloat16.
Sizes are odd on purpose, so that an axis taken for another shows.
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM)

BASE = dict(vocab_size=41, hidden_size=20, intermediate_size=22, num_hidden_layers=3, num_attention_heads=6,
            num_key_value_heads=2, head_dim=10, max_position_embeddings=64, bos_token_id=1, eos_token_id=2)
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": 100.0,
        "beta_fast": 4.0, "beta_slow": 1.0}
NO_HEAD_DIM = {key: value for key, value in BASE.items() if key != "head_dim"}

# CASE: (configuration class, model class, options, changes to config.json: a value of None takes the key out)
CASES = {
    "qwen2_windows": (Qwen2Config, Qwen2ForCausalLM,
                      dict(NO_HEAD_DIM, hidden_size=24, use_sliding_window=True, sliding_window=5, max_window_layers=1,
                           rope_parameters=YARN, rms_norm_eps=1e-5), {"layer_types": None}),
    "qwen2_tied": (Qwen2Config, Qwen2ForCausalLM,
                   dict(NO_HEAD_DIM, hidden_size=24, tie_word_embeddings=True, hidden_act="gelu"),
                   {"layer_types": None, "rope_parameters": None, "rope_theta": 5000.0, "use_sliding_window": None,
                    "sliding_window": None, "max_window_layers": None, "rms_norm_eps": None}),
    "qwen3_windows": (Qwen3Config, Qwen3ForCausalLM,
                      dict(BASE, attention_bias=True, use_sliding_window=True, sliding_window=4,
                           layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                           rope_parameters={"rope_type": "default", "rope_theta": 300.0}), {}),
    "qwen3_defaults": (Qwen3Config, Qwen3ForCausalLM,
                       dict(NO_HEAD_DIM, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=128,
                            tie_word_embeddings=True),
                       {"head_dim": None, "layer_types": None, "sliding_window": None, "rms_norm_eps": None}),
    "gemma3_new": (Gemma3TextConfig, Gemma3ForCausalLM,
                   dict(BASE, num_attention_heads=4, sliding_window=5, query_pre_attn_scalar=7, final_logit_softcapping=3.0,
                        attention_bias=True, tie_word_embeddings=False,
                        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                        rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 900.0},
                                         "sliding_attention": {"rope_type": "default", "rope_theta": 60.0}}), {}),
    "gemma3_old": (Gemma3TextConfig, Gemma3ForCausalLM,
                   dict(NO_HEAD_DIM, num_attention_heads=1, num_key_value_heads=1, sliding_window=6, head_dim=256,
                        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                        rope_parameters={"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1e6},
                                         "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}),
                   {"layer_types": None, "rope_parameters": None, "sliding_window_pattern": 2, "head_dim": None,
                    "rope_scaling": {"rope_type": "linear", "factor": 4.0}, "query_pre_attn_scalar": None}),
}


def make(folder, case):
    configuration, kind, options, changes = case
    torch.manual_seed(11)
    model = kind(configuration(**options))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.randn_like(p) * (0.15 if "norm" in name else 0.3) + (1.0 if "norm" in name else 0.0))
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    written = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        written.pop(key, None)
        if value is not None:
            written[key] = value
    (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n")

    # What transformers itself makes of the file.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.tensor([[1] + [(7 * i * i + 3 * i) % 38 + 3 for i in range(30)]])
    expected = {"ids": ids[0]}
    layers = {}
    hooks = [layer.register_forward_hook(
        lambda module, inputs, output, at=at: layers.__setitem__(at, output[0] if isinstance(output, tuple) else output))
        for at, layer in enumerate(model.model.layers)]
    logits = model(ids).logits[0]
    for hook in hooks:
        hook.remove()
    expected["logits"] = logits.detach()
    for at, output in layers.items():
        expected[f"layer.{at}"] = output.detach().reshape(ids.shape[1], -1).clone()
    torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:]).backward()
    for name, p in model.named_parameters():
        expected["gradient." + name] = p.grad.clone()
    with torch.no_grad():
        made, step, cache = [], ids[:, :9], None
        for _ in range(20):
            output = model(step, past_key_values=cache, use_cache=True)
            cache, step = output.past_key_values, output.logits[:, -1:].argmax(-1)
            made.append(step.item())
        expected["greedy"] = torch.tensor(made)
        half = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="eager").eval()
        expected["half"] = half(ids).logits[0].float()
    save_file({name: tensor.contiguous() for name, tensor in expected.items()}, folder / "expected.safetensors")


def main():
    target = Path(sys.argv[1])
    for name in sys.argv[2:] or CASES:
        make(target / name, CASES[name])
    print(sum(f.stat().st_size for f in target.rglob("*") if f.is_file()), "bytes")


main()
