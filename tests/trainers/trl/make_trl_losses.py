#!/usr/bin/env python3
"""Writes losses.json and tensors.safetensors beside itself: what TRL's own trainers make of one small batch.

    python tests/trainers/trl/make_trl_losses.py

Made with trl 1.16.0, transformers 5.23.0 and torch 2.13.0. Each case is one call of a trainer's compute_loss in float32 on a
tiny Llama with random weights: the rows that the trainer's collator made, the loss, and its gradient with respect to
every weight. Where TRL has a loss in another form than the papers, the case says what was put in its place.
"""
import json
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import (DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer, RLOOConfig, RLOOTrainer, SFTConfig,
                 SFTTrainer)
from trl.data_utils import pack_dataset
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

HERE = Path(__file__).resolve().parent
WORDS = 20
torch.set_num_threads(1)

vocabulary = {name: at for at, name in enumerate(["<pad>", "<s>", "</s>"] + [f"w{at}" for at in range(3, WORDS)])}
inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
                                    unk_token="<pad>")
config = LlamaConfig(vocab_size=WORDS, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2,
                     num_key_value_heads=1, head_dim=4, max_position_embeddings=64, rms_norm_eps=1e-5,
                     tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, pad_token_id=0)


def text(seed, words):
    draw = torch.Generator().manual_seed(seed)
    return " ".join(f"w{at}" for at in torch.randint(3, WORDS, (words,), generator=draw).tolist())


PROMPTS = [text(10 + at, words) for at, words in enumerate([3, 5, 2, 4])]
BETTER = [" " + text(20 + at, words) for at, words in enumerate([4, 2, 6, 3])]
WORSE = [" " + text(30 + at, words) for at, words in enumerate([5, 3, 2, 4])]
pairs = Dataset.from_dict({"prompt": PROMPTS, "chosen": BETTER, "rejected": WORSE})
even = Dataset.from_dict({"prompt": PROMPTS, "chosen": [" " + text(40 + at, 4) for at in range(4)], "rejected": WORSE})
answers = Dataset.from_dict({"prompt": PROMPTS, "completion": BETTER})
judged = Dataset.from_dict({"prompt": PROMPTS, "completion": BETTER, "label": [True, False, True, True]})


def model(seed):
    torch.manual_seed(seed)
    made = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            weight.copy_(torch.randn_like(weight) * 0.35 + (1.0 if "norm" in name else 0.0))
    return made


def common(folder):
    return dict(output_dir=folder, per_device_train_batch_size=4, use_cpu=True, bf16=False, report_to="none",
                gradient_checkpointing=False, disable_tqdm=True, save_strategy="no")


def answer(ids, trained):
    """(prompt's ids, answer's ids) of one padded row."""
    ids, trained = ids.tolist(), trained.tolist()
    first = trained.index(True)
    last = len(trained) - trained[::-1].index(True)
    assert all(trained[first:last])
    return ids[:first], ids[first:last]


def record(given, rewards=None):
    assert all(prompt == given[0][0] for prompt, _ in given)
    made = {"prompt": given[0][0], "answers": [ids for _, ids in given]}
    return made if rewards is None else made | {"rewards": rewards}


def dpo_rows(batch):
    half = len(batch["input_ids"]) // 2
    rows = [answer(ids, mask.bool()) for ids, mask in zip(batch["input_ids"], batch["completion_mask"])]
    return [record([rows[at], rows[half + at]]) for at in range(half)]


def kto_rows(batch):
    made = []
    for at in range(len(batch["input_ids"])):
        own = answer(batch["input_ids"][at], batch["completion_mask"][at].bool())
        other = answer(batch["KL_input_ids"][at], batch["KL_completion_mask"][at].bool())
        made.append(record([own, other], [1.0 if batch["label"][at] else -1.0, 0.0]))
    return made


def label_rows(batch):
    names = [("chosen_input_ids", "chosen_labels"), ("rejected_input_ids", "rejected_labels")]
    sides = [[answer(ids, labels != -100) for ids, labels in zip(batch[one], batch[two])] for one, two in names]
    return [record(list(both)) for both in zip(*sides)]


def sft_rows(batch):
    return [record([answer(ids, labels != -100)]) for ids, labels in zip(batch["input_ids"], batch["labels"])]


cases, tensors = [], {}
for side, seed in [("policy", 1), ("reference", 2)]:
    tensors |= {f"{side}/{name}": weight.detach().clone() for name, weight in model(seed).named_parameters()}


def add(name, objective, trainer, rows_of, note=None, zero_reference=False, loss_of=None, swapped=False):
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    # `num_items_in_batch` absent: the batch is the whole step.
    loss = loss_of(batch) if loss_of else trainer.compute_loss(trainer.model, dict(batch))
    loss.backward()
    for weight, tensor in trainer.model.named_parameters():
        tensors[f"{name}/{weight}"] = tensor.grad.detach().clone()
    cases.append({"name": name, "objective": objective, "trainer": type(trainer).__name__, "loss": loss.item(),
                  "rows": rows_of(batch)})
    if note is not None:
        cases[-1]["note"] = note
    if swapped:
        cases[-1]["swapped"] = True
    if zero_reference:
        cases[-1]["zero_reference"] = True


def orpo_of_the_response(trainer):
    """TRL's odds ratio; the likelihood, which TRL takes over prompt and response, is of the response as in the paper."""
    def loss(batch):
        chosen, rejected = trainer.concatenated_forward(trainer.model, batch)[:2]
        return -trainer.odds_ratio_loss(chosen, rejected)[0].mean() - chosen.mean()
    return loss


GROUPS = [([3, 9, 4], [[5, 6, 2], [7, 8, 9, 10, 2], [11, 2]], [1.0, 0.0, 0.5]),
          ([6, 12], [[13, 14, 2], [3, 2], [15, 16, 17, 18]], [0.0, 0.0, 1.0])]
TEMPERATURE = 0.9


def add_group(name, objective, trainer, advantages):
    """One loss of written answers: as if the reference model had written them, which is their reference, too."""
    rows = [(prompt, ids) for prompt, answers, _ in GROUPS for ids in answers]
    prompts, longest = max(len(x) for x, _ in rows), max(len(y) for _, y in rows)
    left = lambda x: [0] * (prompts - len(x)) + x
    right = lambda y: y + [0] * (longest - len(y))
    inputs = {"prompt_ids": torch.tensor([left(x) for x, _ in rows]),
              "prompt_mask": torch.tensor([left([1] * len(x)) for x, _ in rows]),
              "completion_ids": torch.tensor([right(y) for _, y in rows]),
              "completion_mask": torch.tensor([right([1] * len(y)) for _, y in rows]),
              "advantages": advantages, "num_items_in_batch": torch.tensor(sum(len(y) for _, y in rows))}
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
    with torch.no_grad():
        logits = model(2)(ids, attention_mask=mask).logits[:, -longest - 1:-1] / TEMPERATURE
        old = torch.log_softmax(logits, -1).gather(-1, inputs["completion_ids"].unsqueeze(-1)).squeeze(-1)
    inputs |= {"old_per_token_logps": old, "ref_per_token_logps": old,
               "old_logps": (old * inputs["completion_mask"]).sum(1)}
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    loss = trainer._compute_loss(trainer.model, inputs)
    loss.backward()
    for weight, tensor in trainer.model.named_parameters():
        tensors[f"{name}/{weight}"] = tensor.grad.detach().clone()
    cases.append({"name": name, "objective": objective, "trainer": type(trainer).__name__, "loss": loss.item(),
                  "temperature": TEMPERATURE,
                  "rows": [{"prompt": x, "answers": y, "rewards": r} for x, y, r in GROUPS]})


def group_advantages(scale):
    made = []
    for _, _, rewards in GROUPS:
        r = torch.tensor(rewards)
        made.append((r - r.mean()) / (r.std() + 1e-4) if scale else r - r.mean())
    return torch.cat(made)


with tempfile.TemporaryDirectory() as folder:
    given = common(folder)
    for kind, loss in [("sft", "nll"), ("dft", "dft")]:
        trainer = SFTTrainer(model(1), args=SFTConfig(loss_type=loss, **given), train_dataset=answers,
                             processing_class=tokenizer)
        add(kind, {"use": kind}, trainer, sft_rows)
    for kind, extra in [("sigmoid", {}), ("hinge", {}), ("ipo", {}), ("robust", {"label_smoothing": 0.2})]:
        args = DPOConfig(loss_type=[kind], beta=0.3, **extra, **given)
        trainer = DPOTrainer(model(1), ref_model=model(2), args=args, train_dataset=pairs, processing_class=tokenizer)
        add(f"dpo-{kind}", {"use": "dpo", "loss_type": kind, "beta": 0.3, **extra}, trainer, dpo_rows)
    args = CPOConfig(loss_type="sigmoid", beta=0.3, label_smoothing=0.2, cpo_alpha=0.0, **given)
    trainer = CPOTrainer(model(1), args=args, train_dataset=pairs, processing_class=tokenizer)
    add("dpo-conservative", {"use": "dpo", "loss_type": "conservative", "beta": 0.3, "label_smoothing": 0.2}, trainer,
        label_rows, "TRL smooths labels in its CPO trainer alone, which has no reference: ours is zero here", True)
    args = KTOConfig(beta=0.3, desirable_weight=1.2, undesirable_weight=0.8, **given)
    trainer = KTOTrainer(model(2), ref_model=model(1), args=args, train_dataset=judged, processing_class=tokenizer)
    add("kto", {"use": "kto", "beta": 0.3, "desirable_weight": 1.2, "undesirable_weight": 0.8}, trainer, kto_rows,
        swapped=True)  # the other way round the estimate of the divergence is below zero, and cut
    for kind, alpha, data in [("simpo", 0.0, pairs), ("simpo-nll", 0.4, even)]:
        args = CPOConfig(loss_type="simpo", beta=2.0, simpo_gamma=0.5, cpo_alpha=alpha, **given)
        trainer = CPOTrainer(model(1), args=args, train_dataset=data, processing_class=tokenizer)
        add(kind, {"use": "simpo", "beta": 2.0, "simpo_gamma": 0.5, "cpo_alpha": alpha}, trainer, label_rows,
            "better answers of equal length: TRL's likelihood is a mean over all tokens, ours over records"
            if alpha > 0 else None)
    trainer = ORPOTrainer(model(1), args=ORPOConfig(beta=0.3, **given), train_dataset=pairs,
                          processing_class=tokenizer)
    add("orpo", {"use": "orpo", "beta": 0.3}, trainer, label_rows,
        "the likelihood is of the response alone, as in the paper", loss_of=orpo_of_the_response(trainer))

    written = given | dict(per_device_train_batch_size=6, num_generations=3, temperature=TEMPERATURE)
    zero = lambda completions, **_: [0.0] * len(completions)
    asked = Dataset.from_dict({"prompt": PROMPTS})
    for kind, extra in [("grpo", {}), ("dapo", {"beta": 0.1, "epsilon_high": 0.28}),
                        ("dr_grpo", {"max_completion_length": 8, "scale_rewards": "none"}),
                        ("grpo", {"importance_sampling_level": "sequence"}), ("dapo", {"delta": 1.5})]:
        own = {key: value for key, value in extra.items() if key != "beta"}
        own["use_bias_correction_kl"] = False  # the papers' form
        trainer = GRPOTrainer(model(1), reward_funcs=zero, args=GRPOConfig(loss_type=kind, **own, **written),
                              train_dataset=asked, processing_class=tokenizer)
        trainer.beta = extra.get("beta", 0.0)  # as an argument it would load a reference, which is given here
        add_group("-".join(["group", kind, *extra]).replace("_", "-"), {"use": "grpo", "loss_type": kind, **extra}, trainer,
                  group_advantages("scale_rewards" not in extra))
    trainer = RLOOTrainer(model(1), reward_funcs=zero, args=RLOOConfig(beta=0.0, **written), train_dataset=asked,
                          processing_class=tokenizer)
    add_group("rloo", {"use": "rloo", "beta": 0.0}, trainer, group_advantages(False) * 3 / 2)

lengths = [4, 8, 5, 11, 3, 2]
ids = [[1 + at] * length for at, length in enumerate(lengths)]
packed = {kind: pack_dataset(Dataset.from_dict({"input_ids": ids}), 16, strategy=kind)["input_ids"][:]
          for kind in ["bfd", "wrapped"]}
(HERE / "losses.json").write_text(json.dumps({"config": config.to_dict() | {"architectures": ["LlamaForCausalLM"]},
                                              "cases": cases, "packed": {"capacity": 16, "ids": ids, **packed}},
                                             default=str) + "\n", encoding="utf-8")
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, HERE / "tensors.safetensors")
for case in cases:
    print(case["name"], case["loss"], [[len(x) for x in row["answers"]] for row in case["rows"]])
