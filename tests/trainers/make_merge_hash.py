#!/usr/bin/env python3
"""Prints what tests/trainers/named_models_test.cpp expects of a merge: the SHA-256 over the bytes of 0.25 A + 0.75 B in
name order, with A and B as that test fills them, in plain numpy."""
import hashlib

import numpy as np

SHAPES = {"lm_head.weight": (101, 32), "model.embed_tokens.weight": (101, 32), "model.norm.weight": (32,)}
for layer in range(2):
    SHAPES |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in {
        "self_attn.q_proj": (32, 32), "self_attn.k_proj": (16, 32), "self_attn.v_proj": (16, 32),
        "self_attn.o_proj": (32, 32), "mlp.gate_proj": (48, 32), "mlp.up_proj": (48, 32), "mlp.down_proj": (32, 48),
        "input_layernorm": (32,), "post_attention_layernorm": (32,)}.items()}


def filled(number, shape, seed):
    count = int(np.prod(shape))
    return (((np.arange(count) * 7 + number * 13 + seed * 5) % 17 - 8) / 16).astype(np.float32)


digest = hashlib.sha256()
for number, name in enumerate(sorted(SHAPES)):
    a, b = (filled(number, SHAPES[name], seed).astype(np.float64) for seed in (1, 2))
    digest.update((0.25 * a + 0.75 * b).astype(np.float32).tobytes())
print(digest.hexdigest())
