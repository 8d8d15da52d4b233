#!/usr/bin/env python3
"""Holds our adapters against peft's own, on a tiny Llama. Needs torch, transformers, peft, safetensors.

    check_adapter.py make FOLDER            writes the fixture: base/, adapter/ (by peft, with values that are not zero), logits.json
    check_adapter.py kinds FOLDER           adds dora/, ia3/, rslora_patterns/ and their logits, kinds.json, to that fixture
    check_adapter.py prompt FOLDER          adds prompt_tuning/ and its logits, prompt_tuning.json
    check_adapter.py train FOLDER           adds training.safetensors: of adapter, dora, ia3 and prompt_tuning, under KIND/, peft's logits in
                                            training mode, the loss, its gradients (grad/NAME), and the parameters after
                                            five AdamW steps on the same tokens (end/NAME), by their names in peft's files
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


def without_this_machine(folder):
    """A path of the machine that made the fixture would be of no use to anybody."""
    path = os.path.join(folder, "adapter_config.json")
    with open(path) as file:
        written = json.load(file)
    written["base_model_name_or_path"] = "../base"
    with open(path, "w") as file:
        json.dump(written, file, indent=2, sort_keys=True)
    os.remove(os.path.join(folder, "README.md"))


def prompt(folder):
    from peft import PromptTuningConfig, get_peft_model
    torch.manual_seed(2)
    model = get_peft_model(base_model(os.path.join(folder, "base")),
                           PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)).eval()
    model.save_pretrained(os.path.join(folder, "prompt_tuning"))
    without_this_machine(os.path.join(folder, "prompt_tuning"))
    # peft gives the logits of its rows, too; they come first.
    with open(os.path.join(folder, "prompt_tuning.json"), "w") as file:
        json.dump(logits(model)[-len(TOKENS):], file)


def name_in_file(name):
    """A parameter's name in adapter_model.safetensors."""
    name = name.replace(".default", "")
    if name == "prompt_encoder.embedding.weight":
        return "prompt_embeddings"
    return name.removesuffix(".weight") if name.endswith("lora_magnitude_vector.weight") else name


def train(folder):
    from peft import PeftModel, PromptTuningConfig, get_peft_model
    from safetensors.torch import load_file, save_file

    def open_adapter(place):
        base = base_model(os.path.join(folder, "base"))
        if not place.endswith("prompt_tuning"):
            return PeftModel.from_pretrained(base, place, is_trainable=True).train()
        # peft opens a written soft prompt for inference alone.
        model = get_peft_model(base, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)).train()
        with torch.no_grad():
            model.prompt_encoder["default"].embedding.weight.copy_(
                load_file(os.path.join(place, "adapter_model.safetensors"))["prompt_embeddings"])
        return model

    found = {}
    for kind in ["adapter", "dora", "ia3", "prompt_tuning"]:
        place = os.path.join(folder, kind)
        model = open_adapter(place)
        trained = {name_in_file(name): value for name, value in model.named_parameters() if value.requires_grad}
        assert trained.keys() == load_file(os.path.join(place, "adapter_model.safetensors")).keys(), kind
        optimizer = torch.optim.AdamW(trained.values(), lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
        for step in range(5):
            logits_now = model(input_ids=torch.tensor([TOKENS])).logits[0, -len(TOKENS):]
            loss = torch.nn.functional.cross_entropy(logits_now[:-1], torch.tensor(TOKENS[1:]))
            optimizer.zero_grad()
            loss.backward()
            if step == 0:
                found[f"{kind}/logits"] = logits_now.detach().clone()
                found[f"{kind}/loss"] = loss.detach().clone()
                for name, value in trained.items():
                    found[f"{kind}/grad/{name}"] = value.grad.clone()
            optimizer.step()
        for name, value in trained.items():
            found[f"{kind}/end/{name}"] = value.detach().clone()
    save_file(found, os.path.join(folder, "training.safetensors"))


def read(base, adapter):
    from peft import PeftModel
    print(json.dumps(logits(PeftModel.from_pretrained(base_model(base), adapter).eval())))


if __name__ == "__main__":
    {"make": make, "kinds": kinds, "prompt": prompt, "train": train, "read": read}[sys.argv[1]](*sys.argv[2:])
