#!/usr/bin/env python3
"""Writes tests/backends/vision: tiny vision-language checkpoints with random weights, and what transformers computes.

    python tests/backends/make_vision_fixtures.py tests/backends/vision

Made with transformers 5.23.0 and torch 2.13.0. Each folder: config.json, model.safetensors, logits.json with the ids, the
shape of the tiles (pixel [t, c, y, x] is by formula, see pixels()), the soft tokens and the logits of the last positions.
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from transformers import (Idefics3Config, Idefics3ForConditionalGeneration, SmolVLMConfig,
                          SmolVLMForConditionalGeneration)

TEXT = dict(model_type="llama", vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2,
            pad_token_id=0, rms_norm_eps=1e-5)
VISION = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, image_size=32,
              patch_size=8)
IMAGE = 39
CASES = {
    "one_tile": dict(tiles=1),
    "split": dict(tiles=5),
    "grid26": dict(tiles=2, vision=dict(image_size=104, patch_size=4)),
    "grid7": dict(tiles=1, vision=dict(image_size=56, patch_size=8, hidden_act="gelu"), scale=7),
    "smolvlm": dict(smolvlm=True, tiles=3, vision=dict(image_size=64, patch_size=8), scale=4, tied=True),
    "bfloat16": dict(smolvlm=True, tiles=2, dtype=torch.bfloat16),
}


def pixels(tiles, side):
    t, c, y, x = torch.meshgrid(*map(torch.arange, (tiles, 3, side, side)), indexing="ij")
    return (((t * 31 + c * 7 + y * 13 + x * 29 + x * y) % 255).double() / 127.5 - 1.0).float()


def make(folder, case):
    smolvlm = case.get("smolvlm", False)
    vision = {**VISION, **case.get("vision", {})}
    scale = case.get("scale", 2)
    config = (SmolVLMConfig if smolvlm else Idefics3Config)(
        text_config=TEXT, vision_config=vision, scale_factor=scale, image_token_id=IMAGE,
        tie_word_embeddings=case.get("tied", False))
    torch.manual_seed(11)
    model = (SmolVLMForConditionalGeneration if smolvlm else Idefics3ForConditionalGeneration)(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            norm = "norm" in name and name.endswith("weight")
            p.copy_(torch.randn_like(p) * (0.1 if norm else 0.3) + (1.0 if norm else 0.0))
    if case.get("tied"):
        model.tie_weights()
    model = model.to(case.get("dtype", torch.float32))
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    model = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    tiles = pixels(case["tiles"], vision["image_size"])
    count = (vision["image_size"] // vision["patch_size"] // scale) ** 2
    ids = [1, 5, 7]
    for tile in range(case["tiles"]):
        ids += [3, 8 + tile] + [IMAGE] * count
    ids += [3, 11, 12, 13, 30]
    with torch.no_grad():
        soft = torch.cat(list(model.model.get_image_features(tiles[None]).pooler_output))
        logits = model(torch.tensor([ids]), pixel_values=tiles[None]).logits[0, -4:]
    rounded = lambda rows: [[round(x, 6) for x in row] for row in rows.tolist()]
    (folder / "logits.json").write_text(json.dumps({
        "ids": ids, "image_token": IMAGE, "tiles": list(tiles.shape), "soft_rows": soft.shape[0],
        "soft": rounded(soft[:: max(1, len(soft) // 8)]), "last": rounded(logits)}) + "\n")


def main():
    target = Path(sys.argv[1])
    for name, case in CASES.items():
        make(target / name, case)
    print(sum(f.stat().st_size for f in target.rglob("*") if f.is_file()), "bytes")


main()
