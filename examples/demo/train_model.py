#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the demo's language model and saves it as a Hugging Face directory, weights in float16.

    train_model.py DATA_DIR MODEL_DIR [--steps N]

DATA_DIR is make_text.py's.  Every row is <bos> and 127 words.  The loss printed at the end is that of the
weights as saved, on the first 64 rows of the held-out stream.
"""
import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from gpt_neox import GptNeox, load, rows_with_bos, write_safetensors

CONTEXT = 128


def configuration(words):
    return {
        "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "hidden_size": 128,
        "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 512, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "use_parallel_residual": True, "vocab_size": words, "layer_norm_eps": 1e-05,
        "hidden_act": "gelu", "max_position_embeddings": CONTEXT, "tie_word_embeddings": False,
        "attention_bias": True, "torch_dtype": "float16", "bos_token_id": 0, "eos_token_id": 0,
    }


def mean_nll(model, rows):
    """Mean next-token loss in nats over all scored positions of `rows`."""
    total = 0.0
    with torch.no_grad():
        for part in torch.from_numpy(rows).split(32):
            logits = model(part[:, :-1])
            total += F.cross_entropy(logits.flatten(0, 1), part[:, 1:].flatten(), reduction="sum").item()
    return total / (rows.shape[0] * (rows.shape[1] - 1))


def save(model, words, directory):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(model.config, indent=1) + "\n")
    (directory / "vocab.json").write_text(words)
    tensors = {k: v.detach().numpy().astype(np.float16) for k, v in model.state_dict().items()}
    write_safetensors(directory / "model.safetensors", tensors, {"format": "pt"})


def initialize(model):
    """Draws the matrices from torch's own stream; embeddings are small, biases zero."""
    for name, p in model.named_parameters():
        if p.dim() == 2:
            scale = 0.02 if "embed" in name else 1.0 / math.sqrt(p.shape[1])
            if name.endswith(("dense.weight", "4h_to_h.weight")):
                scale /= math.sqrt(2.0 * model.config["num_hidden_layers"])
            torch.nn.init.normal_(p, std=scale)
        elif name.endswith("bias"):
            torch.nn.init.zeros_(p)


def optimizer_of(model, rate):
    decayed = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
                             lr=rate, betas=(0.9, 0.98), eps=1e-8)


def take_step(model, optimizer, ids, rate):
    """One step of AdamW on `ids` (rows, CONTEXT) with gradients clipped at norm 1; the loss before it."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--steps", type=int, default=2300)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    words = (args.data / "vocab.json").read_text()
    model = GptNeox(configuration(len(json.loads(words))))
    initialize(model)
    optimizer = optimizer_of(model, args.rate)

    def schedule(step):
        warm = min(1.0, (step + 1) / 100)
        return warm * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / args.steps)))

    rows = rows_with_bos(np.load(args.data / "train.npy"), CONTEXT)
    heldout = rows_with_bos(np.load(args.data / "tokens.npy"), CONTEXT)[:64]
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(args.seed)).numpy()
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(rows)} rows", flush=True)
    start = time.time()
    for step in range(args.steps):
        take = order[np.arange(step * args.batch, (step + 1) * args.batch) % len(rows)]
        ids = torch.from_numpy(rows[take])
        loss = take_step(model, optimizer, ids, args.rate * schedule(step))
        if step % 50 == 0 or step + 1 == args.steps:
            seconds = time.time() - start
            print(f"step {step} loss {loss:.4f} {(step + 1) * args.batch * CONTEXT / seconds:.0f} tokens/s "
                  f"{seconds:.0f} s", flush=True)
        if step % 500 == 499:
            save(model, words, args.model)
            print(f"held-out {mean_nll(model.eval(), heldout):.6f}", flush=True)
            model.train()
    save(model, words, args.model)
    print(f"held-out, as saved: {mean_nll(load(args.model), heldout):.6f}", flush=True)


if __name__ == "__main__":
    main()
