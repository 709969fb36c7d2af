#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a sparse autoencoder on the demo model's residual stream and saves it in SAELens' layout.

    train_sae.py DATA_DIR MODEL_DIR SAE_DIR [--features N] [--k K] [--steps N]

Training keeps the k * batch largest activations of a whole batch (BatchTopK, arXiv:2412.06410), with an auxiliary
loss that lets features which have not fired for a while explain what is left over.  What is saved is a JumpReLU
autoencoder: one threshold per feature, all the same, chosen on training text so that k features fire per token.
The model is the one saved, its weights rounded.  Position 0, <bos>, is trained on and counted like any other.
"""
import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from gpt_neox import load, rows_with_bos, write_safetensors

CONTEXT = 128


def activations(model, rows, layer):
    """(rows, CONTEXT, d): the residual stream after `layer`."""
    with torch.no_grad():
        return torch.cat([model.resid_post(part, layer) for part in torch.from_numpy(rows).split(64)])


def health(x, weights):
    """FVU, L0 and the share of features that never fire, of x (tokens, d)."""
    w = {k: torch.from_numpy(v) for k, v in weights.items()}
    error = spread = firings = 0.0
    mean = x.double().mean(0)
    counts = torch.zeros(len(w["b_enc"]))
    for part in x.split(4096):
        z = (part - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
        f = torch.where(z > w["threshold"], z.clamp(min=0.0), torch.zeros(()))
        error += (part - f @ w["W_dec"] - w["b_dec"]).double().square().sum().item()
        spread += (part.double() - mean).square().sum().item()
        counts += (f > 0).sum(0)
    rates = (counts / len(x)).numpy()
    return {"fvu": error / spread, "l0": float(rates.sum()), "dead": float((rates == 0).mean()),
            "active": int((rates > 0.001).sum()), "rates": np.quantile(rates, [0.05, 0.25, 0.5, 0.75, 0.95]).round(5)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("sae", type=Path)
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--k", type=float, default=32)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--rows", type=int, default=8000, help="training rows whose activations are kept")
    parser.add_argument("--seed", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    model = load(args.model)
    train = rows_with_bos(np.load(args.data / "train.npy"), CONTEXT)[-args.rows:]
    x = activations(model, train, args.layer).flatten(0, 1)
    heldout = activations(model, rows_with_bos(np.load(args.data / "tokens.npy"), CONTEXT), args.layer)
    norms = heldout.norm(dim=-1).mean(0)
    print(f"mean norm at positions 0, 1, 2, 64: {norms[0]:.2f} {norms[1]:.2f} {norms[2]:.2f} {norms[64]:.2f}", flush=True)

    d, n = x.shape[1], args.features
    mean = x.mean(0)
    scale = (x - mean).norm(dim=1).mean().item() / d**0.5  # trained in units of the residual's own spread
    x = (x - mean) / scale
    w_dec = F.normalize(torch.randn(n, d), dim=1)
    w_enc = w_dec.t().clone()
    b_enc, b_dec = torch.zeros(n), torch.zeros(d)
    parameters = [p.requires_grad_() for p in (w_enc, w_dec, b_enc, b_dec)]
    optimizer = torch.optim.Adam(parameters, lr=args.rate, betas=(0.9, 0.999))
    silent_for = torch.zeros(n)
    start = time.time()
    order = torch.randperm(len(x))
    at = 0
    for step in range(args.steps):
        if at + args.batch > len(x):
            order, at = torch.randperm(len(x)), 0
        batch = x[order[at:at + args.batch]]
        at += args.batch
        left = (args.steps - step) / args.steps
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1.0, (step + 1) / 100, left / 0.3)
        # Starting dense and narrowing down leaves fewer features behind.
        k = args.k * max(1.0, 4.0 - 3.0 * step / (0.2 * args.steps))
        z = F.relu((batch - b_dec) @ w_enc + b_enc)
        kept = z.detach().flatten()
        cut = kept.kthvalue(kept.numel() - int(k * args.batch)).values
        f = torch.where(z > cut, z, torch.zeros(()))
        residual = batch - f @ w_dec - b_dec
        loss = residual.square().sum(1).mean()
        silent_for += args.batch
        silent_for[(f.detach() > 0).any(0)] = 0
        dead = silent_for > 60_000
        if dead.sum() > 0:
            pre = ((batch - b_dec) @ w_enc[:, dead] + b_enc[dead])
            top = pre.topk(min(32, int(dead.sum())), dim=1)
            aux = torch.zeros_like(pre).scatter(1, top.indices, F.relu(top.values)) @ w_dec[dead]
            loss = loss + (residual.detach() - aux).square().sum(1).mean() / 8
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            w_dec.grad -= (w_dec.grad * w_dec).sum(1, keepdim=True) * w_dec
        optimizer.step()
        with torch.no_grad():
            w_dec /= w_dec.norm(dim=1, keepdim=True)
        if step % 100 == 0 or step + 1 == args.steps:
            fvu = residual.detach().square().sum() / (batch - batch.mean(0)).square().sum()
            print(f"step {step} fvu {fvu.item():.4f} dead {int(dead.sum())} {time.time() - start:.0f} s", flush=True)

    with torch.no_grad():
        sample = x[torch.randperm(len(x))[:50_000]]
        z = torch.cat([F.relu((part - b_dec) @ w_enc + b_enc) for part in sample.split(4096)]).flatten()
        cut = z.kthvalue(z.numel() - int(args.k * len(sample))).values
    # From the scaled to the raw stream: x = mean + scale u, so codes and threshold grow by `scale`, rows stay unit.
    weights = {"W_enc": w_enc, "W_dec": w_dec, "b_enc": b_enc * scale, "b_dec": mean + scale * b_dec,
               "threshold": torch.full((n,), cut.item() * scale)}
    weights = {k: v.detach().contiguous().numpy().astype(np.float32) for k, v in weights.items()}
    args.sae.mkdir(parents=True, exist_ok=True)
    write_safetensors(args.sae / "sae_weights.safetensors", weights)
    cfg = {
        "architecture": "jumprelu", "d_in": d, "d_sae": n, "dtype": "float32", "device": "cpu",
        "apply_b_dec_to_input": True, "normalize_activations": "none", "reshape_activations": "none",
        "metadata": {
            "model_name": "qfa-demo", "model_class_name": "HookedTransformer",
            "hook_name": f"blocks.{args.layer}.hook_resid_post", "hook_head_index": None, "prepend_bos": True,
            "exclude_special_tokens": False, "context_size": CONTEXT, "seqpos_slice": [None],
            "dataset_path": "examples/demo/make_text.py",
            "model_from_pretrained_kwargs": {"fold_ln": False, "center_writing_weights": False,
                                             "center_unembed": False, "fold_value_biases": False},
        },
    }
    (args.sae / "cfg.json").write_text(json.dumps(cfg, indent=1) + "\n")
    print("held-out, all positions:", health(heldout.flatten(0, 1), weights))
    print("held-out, without position 0:", health(heldout[:, 1:].flatten(0, 1), weights))


if __name__ == "__main__":
    main()
