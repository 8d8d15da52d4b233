#!/usr/bin/env python3
"""Holds our LoRA adapters against peft's own, on a tiny Llama. Needs torch, transformers, peft, safetensors.

    check_adapter.py make FOLDER            writes the fixture: base/, adapter/ (by peft, with values that are not zero), logits.json
    check_adapter.py kinds FOLDER           adds dora/, ia3/, rslora_patterns/ and their logits, kinds.json, to that fixture
    check_adapter.py read BASE ADAPTER      prints peft's logits for the fixed tokens, as JSON, of an adapter that we wrote
"""
import json
import os
import sys

import torch

TOKENS = [1, 5, 9, 14, 3, 27, 8]


def base_model(folder):
    from transformers import AutoModelForCausalLM
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def logits(model):
    with torch.no_grad():
        return model(input_ids=torch.tensor([TOKENS])).logits[0].tolist()


def make(folder):
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, head_dim=4, max_position_embeddings=64,
                         tie_word_embeddings=False, initializer_range=0.2)
    base = os.path.join(folder, "base")
    LlamaForCausalLM(config).save_pretrained(base)
    model = base_model(base)
    found = {"tokens": TOKENS, "base": logits(model)}
    adapted = get_peft_model(model, LoraConfig(r=4, lora_alpha=6, use_rslora=True, task_type="CAUSAL_LM",
                                               target_modules=["q_proj", "v_proj", "down_proj"]))
    for name, value in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.3)
    adapted.save_pretrained(os.path.join(folder, "adapter"))
    # A path of the machine that made the fixture would be of no use to anybody.
    config = os.path.join(folder, "adapter", "adapter_config.json")
    with open(config) as file:
        written = json.load(file)
    written["base_model_name_or_path"] = "../base"
    with open(config, "w") as file:
        json.dump(written, file, indent=2, sort_keys=True)
    found["adapted"] = logits(adapted.eval())
    with open(os.path.join(folder, "logits.json"), "w") as file:
        json.dump(found, file)


def kinds(folder):
    from peft import IA3Config, LoraConfig, get_peft_model
    lora = dict(r=4, lora_alpha=6, task_type="CAUSAL_LM")
    configs = {
        "dora": LoraConfig(use_dora=True, target_modules=["q_proj", "down_proj"], **lora),
        "ia3": IA3Config(task_type="CAUSAL_LM", target_modules=["k_proj", "v_proj", "down_proj"],
                         feedforward_modules=["down_proj"]),
        "rslora_patterns": LoraConfig(use_rslora=True, init_lora_weights="gaussian", rank_pattern={"q_proj": 2},
                                      alpha_pattern={"v_proj": 3}, target_modules=["q_proj", "v_proj"], **lora),
    }
    found = {}
    for kind, config in configs.items():
        torch.manual_seed(1)
        adapted = get_peft_model(base_model(os.path.join(folder, "base")), config)
        for name, value in adapted.named_parameters():
            if any(part in name for part in ("lora_B", "magnitude", "ia3_l")):
                with torch.no_grad():
                    value.add_(torch.randn_like(value) * 0.3)
        adapted.save_pretrained(os.path.join(folder, kind))
        path = os.path.join(folder, kind, "adapter_config.json")
        with open(path) as file:
            written = json.load(file)
        written["base_model_name_or_path"] = "../base"
        with open(path, "w") as file:
            json.dump(written, file, indent=2, sort_keys=True)
        os.remove(os.path.join(folder, kind, "README.md"))
        found[kind] = logits(adapted.eval())
    with open(os.path.join(folder, "kinds.json"), "w") as file:
        json.dump(found, file)


def read(base, adapter):
    from peft import PeftModel
    print(json.dumps(logits(PeftModel.from_pretrained(base_model(base), adapter).eval())))


if __name__ == "__main__":
    {"make": make, "kinds": kinds, "read": read}[sys.argv[1]](*sys.argv[2:])
