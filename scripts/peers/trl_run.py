#!/usr/bin/env python3
"""TRL's SFTTrainer on given token ids, for compare_trl.py: prints one JSON object on the last line.

Every id after a row's first is trained; rows in the file's order; AdamW (0.9, 0.999, 1e-8), weight decay 0.01, constant
rate, no clipping. --dtype bfloat16 keeps weights and optimizer state in bfloat16, autocast keeps them in float32.
"""
import argparse
import json
import os
import resource
import statistics
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", required=True)
parser.add_argument("--ids", required=True)
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--steps", type=int, required=True)
parser.add_argument("--dtype", choices=["float32", "bfloat16", "autocast"], required=True)
parser.add_argument("--threads", type=int, required=True)
args = parser.parse_args()
os.environ.update(OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads), HF_HUB_OFFLINE="1",
                  ACCELERATE_USE_CPU="true", CUDA_VISIBLE_DEVICES="", TOKENIZERS_PARALLELISM="false")

import torch
from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

torch.set_num_threads(args.threads)
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(
    args.model, dtype=torch.bfloat16 if args.dtype == "bfloat16" else torch.float32)
tokenizer = AutoTokenizer.from_pretrained(args.model)
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
with open(args.ids) as file:
    rows = json.load(file)
rows = [rows[at % len(rows)] for at in range(args.batch * args.steps)]
losses, ends = [], []


class Ends(TrainerCallback):
    def on_step_end(self, *_, **__):
        ends.append(time.perf_counter())


class InOrder(SFTTrainer):
    def _get_train_sampler(self, *_, **__):
        return SequentialSampler(self.train_dataset)

    def compute_loss(self, *given, **named):
        loss = super().compute_loss(*given, **named)
        losses.append(float((loss[0] if isinstance(loss, tuple) else loss).detach()))
        return loss


with tempfile.TemporaryDirectory() as folder:
    config = SFTConfig(output_dir=folder, per_device_train_batch_size=args.batch, max_steps=args.steps,
                       learning_rate=3e-4, lr_scheduler_type="constant", weight_decay=0.01, max_grad_norm=0.0,
                       optim="adamw_torch", bf16=args.dtype == "autocast", use_cpu=True, gradient_checkpointing=False,
                       save_strategy="no", report_to="none", disable_tqdm=True, packing=False, loss_type="nll",
                       max_length=len(rows[0]), shuffle_dataset=False, dataset_kwargs={"skip_prepare_dataset": True})
    InOrder(model, args=config, train_dataset=Dataset.from_dict({"input_ids": rows, "labels": rows}),
            processing_class=tokenizer, callbacks=[Ends()]).train()
seconds = statistics.median([b - a for a, b in zip(ends[2:], ends[3:])])
print(json.dumps({"tokens_per_second": args.batch * len(rows[0]) / seconds, "losses": losses,
                  "peak_mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
