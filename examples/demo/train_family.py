#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the family behind the precision law: three sizes, each saved at five lengths of training.

    train_family.py DATA_DIR FAMILY_DIR [--widths 24 48 96] [--steps 75 120 190 300 750]

DATA_DIR is make_text.py's.  A model is two layers of GPT-NeoX as train_model.py trains them, in float16; it goes to
FAMILY_DIR/w{width}-s{steps}/ with family.json beside its weights: N, the parameters without the two embeddings, and D,
the words it has learned to predict.

One run for each size.  The learning rate stays level after its warm-up; the last fifth of each length is a branch on
which it falls to nothing while the run itself goes on from where the branch began (warm-up, stable, decay: Hu et al.
2024, arXiv 2404.06395).  So every model saved has been annealed, and their losses may be compared: under one cosine
for the whole run the early ones would be those of a learning rate still high.
"""
import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch

from gpt_neox import GptNeox, load, rows_with_bos
from train_model import CONTEXT, configuration, initialize, mean_nll, optimizer_of, save, take_step

LAYERS, HEAD = 2, 24
WARM_UP, DECAY = 50, 0.2
BATCH = 16


def family_configuration(words, width):
    return {**configuration(words), "hidden_size": width, "num_hidden_layers": LAYERS,
            "num_attention_heads": width // HEAD, "intermediate_size": 4 * width}


def non_embedding(model):
    return sum(p.numel() for name, p in model.named_parameters() if "embed" not in name)


def train(args, words, width, rows, heldout):
    torch.manual_seed(args.seed)
    model = GptNeox(family_configuration(len(json.loads(words)), width))
    initialize(model)
    optimizer = optimizer_of(model, args.rate)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(args.seed)).numpy()
    start = time.time()

    def batch(step):
        return torch.from_numpy(rows[order[np.arange(step * BATCH, (step + 1) * BATCH) % len(rows)]])

    step = 0
    for length in sorted(args.steps):
        branch_at = length - int(DECAY * length)
        while step < branch_at:
            take_step(model, optimizer, batch(step), args.rate * min(1.0, (step + 1) / WARM_UP))
            step += 1
        branch = copy.deepcopy(model)
        annealed = optimizer_of(branch, args.rate)
        annealed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        for s in range(branch_at, length):
            take_step(branch, annealed, batch(s), args.rate * (length - s) / (length - branch_at))
        directory = args.family / f"w{width}-s{length}"
        save(branch, words, directory)
        n, d = non_embedding(branch), length * BATCH * (CONTEXT - 1)
        (directory / "family.json").write_text(json.dumps({"N": n, "D": d}) + "\n")
        print(f"N {n} D {d} held-out, as saved: {mean_nll(load(directory), heldout):.4f} {time.time() - start:.0f} s",
              flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("family", type=Path)
    parser.add_argument("--widths", type=int, nargs="+", default=[24, 48, 96])
    parser.add_argument("--steps", type=int, nargs="+", default=[75, 120, 190, 300, 750])
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    words = (args.data / "vocab.json").read_text()
    rows = rows_with_bos(np.load(args.data / "train.npy"), CONTEXT)
    heldout = rows_with_bos(np.load(args.data / "tokens.npy"), CONTEXT)[:64]
    for width in args.widths:
        train(args, words, width, rows, heldout)


if __name__ == "__main__":
    main()
