#!/usr/bin/env python3
"""Writes tests/backends/vision_engine: a tiny Idefics3 checkpoint with tokenizer and preprocessor_config.json, and what
transformers' processor and model make of prompts with pictures, split and not.

    python tests/backends/make_vision_engine.py tests/backends/vision_engine

Made with transformers 5.23.0, torch 2.13.0 and Pillow 13.0.0.
"""
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import Idefics3Config, Idefics3ForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor

SPECIAL = ["<s>", "</s>", "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"]
SPECIAL += ["<row_%d_col_%d>" % (r, c) for r in range(1, 5) for c in range(1, 5)]
WORDS = ["[UNK]", "a", "b", "what", "is", "in", "the", "picture", "red", "blue", "?"]


def picture(width, height, shift):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return Image.fromarray(((x * x * 3 + y * 5 + x * y * (c + 1) + c * 80 + shift) % 256).astype(np.uint8))


def main():
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    plain = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    plain.add_special_tokens(SPECIAL)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>", eos_token="</s>", unk_token="[UNK]")
    size = len(WORDS) + len(SPECIAL)
    torch.manual_seed(3)
    config = Idefics3Config(
        text_config=dict(model_type="llama", vocab_size=size, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, bos_token_id=11,
                         eos_token_id=12, pad_token_id=12),
        vision_config=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=1, num_attention_heads=3,
                           image_size=32, patch_size=8),
        scale_factor=2, image_token_id=plain.token_to_id("<image>"))
    model = Idefics3ForConditionalGeneration(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            norm = "norm" in name and name.endswith("weight")
            p.copy_(torch.randn_like(p) * (0.1 if norm else 0.3) + (1.0 if norm else 0.0))
    model.save_pretrained(target)
    (target / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save_pretrained(target)
    model.eval()
    cases = []
    options = dict(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    for split in (True, False):
        images = Idefics3ImageProcessorPil(**options, do_image_splitting=split)
        processor = Idefics3Processor(images, tokenizer, image_seq_len=4)
        for text, pictures in (("what is in <image> ?", [(50, 30, 0)]), ("what is in <image> ?", [(50, 30, 9)]),
                               ("<image> <image> what is the red ?", [(30, 50, 0), (32, 32, 5)]),
                               ("a b a b a b a b a b a b a b a b <image>", [(20, 20, 1)])):
            out = processor(images=[[picture(*p) for p in pictures]], text=[text], return_tensors="pt")
            rest = tokenizer(" blue picture", return_tensors="pt", add_special_tokens=False)["input_ids"]
            ids = torch.cat([out["input_ids"], rest], 1)
            with torch.no_grad():
                logp = model(ids, pixel_values=out["pixel_values"]).logits.float().log_softmax(-1)[0]
            total = sum(logp[-3 + i, token].item() for i, token in enumerate(rest[0]))
            cases.append({"split": split, "context": text, "pictures": pictures, "tokens": out["input_ids"].shape[1],
                          "logp": total})
    (target / "preprocessor_config.json").write_text(json.dumps(
        {"image_processor_type": "Idefics3ImageProcessor", **options}, indent=2) + "\n")
    (target / "expected.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
