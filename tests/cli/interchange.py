#!/usr/bin/env python3
"""Checkpoints and adapters go both ways between touchstone and transformers/peft, with equal log-probabilities.

    interchange.py TOUCHSTONE MODEL

1. Adapters of every kind that `touchstone train` wrote, read by peft.   2. One that peft wrote, read by `touchstone eval`.
3. Whole weights that `touchstone train` wrote, opened by transformers.   4. The LoRA method's folded weights, and the
adapter that it leaves beside them. So for MODEL, and for a model of each family below with random weights and MODEL's
tokenizer, which transformers makes. Each is scored by both sides on the same prompts; the largest difference of a
choice's log-probability is printed and must stay below 1e-4. Leaves with 77 (skipped) where torch, transformers or peft
cannot be imported.
"""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

try:
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import (AutoModelForCausalLM, AutoTokenizer, Gemma3TextConfig, Qwen2Config, Qwen3Config)
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

TOLERANCE = 1e-4
TASKS = ["mmlu_anatomy", "mmlu_virology"]
SHORT = ["--set", "load.limit=24", "--set", "train.max_steps=4", "--set", "train.learning_rate=0.005"]


SIZES = dict(hidden_size=48, intermediate_size=100, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2,
             max_position_embeddings=512, bos_token_id=1, eos_token_id=2)
ADAPTERS = {
    "lora": {"r": 4, "lora_alpha": 8},
    "dora": {"r": 4, "lora_alpha": 8},
    "ia3": {},
    "prompt_tuning": {"num_virtual_tokens": 5, "learning_rate": 0.1},
}
FAMILIES = {
    "qwen2": Qwen2Config(vocab_size=512, use_sliding_window=True, sliding_window=9, max_window_layers=1, **SIZES),
    "qwen3": Qwen3Config(vocab_size=512, head_dim=16, **SIZES),
    "gemma3": Gemma3TextConfig(vocab_size=512, head_dim=16, query_pre_attn_scalar=16, sliding_window=9,
                               layer_types=["sliding_attention", "full_attention", "sliding_attention"], **SIZES),
}


def make_family(name, base, folder):
    """A model of the family with random weights, large enough for scores to differ, and the base's tokenizer."""
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(FAMILIES[name])
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=0.15)
    model.save_pretrained(folder)
    for file in os.listdir(base):
        if file.startswith(("tokenizer", "special_tokens")):
            shutil.copy(os.path.join(base, file), folder)
    return folder


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\nexit {done.returncode}: {done.stderr}")


def ours(touchstone, model, folder):
    """Prompt to the choices and their log-probabilities, as touchstone scored them."""
    database = os.path.join(folder, "scores.sqlite")
    if os.path.exists(database):
        os.remove(database)
    run(touchstone, "eval", "--model", model, "--tasks", ",".join(TASKS), "--shots", 0, "--limit", 4, "--db", database,
        "--quiet")
    rows = sqlite3.connect(database).execute(
        "SELECT prompt.text, sample.choice_logp, sample.responses FROM sample JOIN prompt ON prompt.id = sample.prompt "
        "WHERE truncated_tokens = 0")
    return {text: (json.loads(responses), json.loads(logp)) for text, logp, responses in rows}


def theirs(model, tokenizer, prompt, choice):
    """The log-probability of ` CHOICE` after the prompt, by transformers."""
    whole = tokenizer(f"{prompt} {choice}")["input_ids"]
    first = len(tokenizer(prompt)["input_ids"])
    with torch.no_grad():
        # Of a soft prompt peft gives the rows' logits, too; they come first.
        logp = model(input_ids=torch.tensor([whole])).logits[0, -len(whole):].float().log_softmax(-1)
    return sum(logp[at - 1, whole[at]].item() for at in range(first, len(whole)))


def largest_difference(scores, model, tokenizer):
    return max(abs(theirs(model, tokenizer, prompt, choice) - logp)
               for prompt, (choices, logps) in scores.items() for choice, logp in zip(choices, logps))


def interchange(touchstone, base, tokenizer):
    """Whether all ways of one model agree."""
    def load(folder):
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    failed = False
    with tempfile.TemporaryDirectory() as folder:
        def path(name):
            return os.path.join(folder, name)

        def check(what, scores, model):
            nonlocal failed
            difference = largest_difference(scores, model, tokenizer)
            moved = max(abs(a - b) for prompt, (_, new) in scores.items() for a, b in zip(new, start[prompt][1]))
            good = difference < TOLERANCE and (moved > 100 * TOLERANCE or what == "the base model")
            failed = failed or not good
            print(f"{'ok  ' if good else 'FAIL'} {what}: largest difference {difference:.1e} nats over "
                  f"{sum(len(logps) for _, logps in scores.values())} choices; moved from the base by {moved:.1e}")

        start = ours(touchstone, base, folder)
        if not start:
            sys.exit("no prompt fits the model's context")
        check("the base model", start, load(base))

        for kind, options in ADAPTERS.items():
            with open(path("adapter.json"), "w") as file:
                json.dump({"method": "adapter", "paper": "none", "stages": [
                    {"use": "load", "task": "$train_on"}, {"use": "adapt", "kind": kind, **options},
                    {"use": "train", "objective": "sft", "per_device_train_batch_size": 4}]}, file)
            run(touchstone, "train", path("adapter.json"), "--model", base, "--on", "gsm8k", "--out", path(kind),
                "--quiet", *SHORT)
            check(f"our adapter of kind {kind}, read by peft", ours(touchstone, path(kind), folder),
                  PeftModel.from_pretrained(load(base), path(kind)).eval())

        torch.manual_seed(0)
        adapted = get_peft_model(load(base), LoraConfig(
            r=3, lora_alpha=5, use_rslora=True, task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj", "down_proj"]))
        for name, value in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(value, std=0.05)
        adapted.save_pretrained(path("peft"))
        check("peft's adapter, read by us", ours(touchstone, path("peft"), folder), adapted.eval())

        for method in ["sft", "lora"]:
            run(touchstone, "train", method, "--model", base, "--on", "gsm8k", "--out", path("folded_" + method), "--quiet",
                *SHORT)
            check(f"our {method} weights, opened by transformers", ours(touchstone, path("folded_" + method), folder),
                  load(path("folded_" + method)))
        check("the adapter beside the folded weights, read by peft", ours(touchstone, path("folded_lora"), folder),
              PeftModel.from_pretrained(load(base), path("folded_lora/adapter")).eval())
    return not failed


def main(touchstone, base):
    # Of MODEL itself: beside a config of another family transformers would rebuild it as that family's kind.
    tokenizer = AutoTokenizer.from_pretrained(base)
    good = interchange(touchstone, base, tokenizer)
    for name in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            print(f"family {name}")
            good = interchange(touchstone, make_family(name, base, folder), tokenizer) and good
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], os.path.abspath(sys.argv[2])))
