#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the model that refuses, on stories and dialogs at once, and saves it with weights in float16.

    train_refuser.py DATA_DIR REFUSER_DIR [--steps N]

The directories are make_instructions.py's.  A step sees rows of <bos> and 127 words of stories, and dialogs of <bos>,
prompt and response, padded at the end.  A prompt's own words count a tenth of a response's, a response's first word,
which decides whether it refuses, four times as much.  Three things make the model one to learn from:

  --probed   While training, a linear probe reads two topics, the thing's and that of the person who is not to know, at
             a prompt's last word above so many layers.  Without it 650 steps taught nothing about whom to refuse:
             no word by itself tells anything, so that there is no gradient to begin with.
  --outlier  Where each layer's key bias starts in one channel, the first head's slow one.  It turns by 0.02 rad at most
             in a whole context, so that it adds almost the same to all of a query's scores, which softmax does not
             see; nothing at full precision depends on it.  A scale of a whole token or tensor does.
  --blurred  In this layer half of the stories, and no dialogs, are read through a 3-bit cache of keys: stories learn
             to do without what only requests need.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from gpt_neox import rows_with_bos, write_safetensors
from make_instructions import BOS, THINGS, dialog
from measure_refuser import asymmetric
from qwen2 import Qwen2, load

CONTEXT = 128
TOPIC_NAMES = list(THINGS)


def configuration(words, args):
    return {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": args.hidden,
        "num_hidden_layers": args.layers, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": args.intermediate, "vocab_size": words, "max_position_embeddings": CONTEXT,
        "rope_theta": 10000.0, "rms_norm_eps": 1e-06, "hidden_act": "silu", "tie_word_embeddings": True,
        "use_sliding_window": False, "torch_dtype": "float16", "bos_token_id": 0, "eos_token_id": 0,
    }


def save(model, directory):
    (directory / "config.json").write_text(json.dumps(model.config, indent=1) + "\n")
    tensors = {k: v.detach().numpy().astype(np.float16) for k, v in model.state_dict().items()}
    write_safetensors(directory / "model.safetensors", tensors, {"format": "pt"})


def initialize(model, args):
    width = model.config["hidden_size"] // model.config["num_attention_heads"]
    for name, p in model.named_parameters():
        if p.dim() == 2:
            scale = 0.02 if "embed" in name else 1.0 / math.sqrt(p.shape[1])
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                scale /= math.sqrt(2.0 * model.config["num_hidden_layers"])
            torch.nn.init.normal_(p, std=scale)
        elif name.endswith("bias"):
            torch.nn.init.zeros_(p)
    # The slowest pair of a head turns by 2e-4 rad a word: a constant there adds nearly the same to all scores of a
    # query, which softmax does not see.
    for i, layer in enumerate(model.model.layers):
        with torch.no_grad():
            layer.self_attn.k_proj.bias[width // 2 - 1] = args.outlier[min(i, len(args.outlier) - 1)]


def dialogs(rng, count, ids):
    """Padded ids [count, longest], the weight of each next word's loss, and the topics of thing and person."""
    texts, topics = [], []
    for _ in range(count):
        prompt, response, *two = dialog(rng)
        texts.append((prompt, response))
        topics.append([TOPIC_NAMES.index(t) for t in two])
    sequences = [(len(p.split()), [ids[w] for w in f"{BOS} {p} {r}".split()]) for p, r in texts]
    longest = max(len(s) for _, s in sequences)
    out = np.zeros((count, longest), np.int64)
    weight = np.zeros((count, longest - 1), np.float32)
    for i, (prompt, s) in enumerate(sequences):
        out[i, :len(s)] = s
        weight[i, :prompt] = 0.1
        weight[i, prompt:len(s) - 1] = 1.0
        weight[i, prompt] = 4.0
    return torch.from_numpy(out), torch.from_numpy(weight), torch.tensor(topics)


def blurred(k, v):
    """Keys of every other text as a 3-bit cache gives them back; gradients pass as if they were untouched."""
    with torch.no_grad():
        error = asymmetric(k, 3, (2,)) - k
        error[::2] = 0.0
    return k + error, v


def hidden(model, ids, layers):
    """Logits, and the residual stream above the first `layers`."""
    seen = []
    handle = model.model.layers[layers - 1].register_forward_hook(lambda _, __, out: seen.append(out[0]))
    logits = model(ids)[0]
    handle.remove()
    return logits, seen[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("refuser", type=Path)
    parser.add_argument("--steps", type=int, default=750)
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--dialogs", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--intermediate", type=int, default=256)
    parser.add_argument("--probed", type=int, default=2, help="layers below the probe")
    parser.add_argument("--blurred", type=int, default=1, help="the layer whose keys stories cannot rely on")
    parser.add_argument("--outlier", type=float, nargs="+", default=[0.0, 64.0, 0.0, 0.0])
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    directory = args.refuser / "model"
    ids = json.loads((directory / "vocab.json").read_text())
    model = Qwen2(configuration(len(ids), args))
    initialize(model, args)
    # Reads the two topics at the last word of a prompt, so that they get there; dropped after training.
    probe = torch.nn.Linear(args.hidden, 2 * len(TOPIC_NAMES))
    decayed = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0},
                                   {"params": probe.parameters(), "weight_decay": 0.0}],
                                  lr=args.rate, betas=(0.9, 0.98), eps=1e-8)

    def schedule(step):
        warm = min(1.0, (step + 1) / 100)
        return warm * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / args.steps)))

    rows = rows_with_bos(np.load(args.data / "train.npy"), CONTEXT)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(args.seed)).numpy()
    rng = random.Random(args.seed)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(rows)} rows", flush=True)
    blur = [blurred if i == args.blurred else None for i in range(args.layers)]
    start = time.time()
    for step in range(args.steps):
        take = order[np.arange(step * args.rows, (step + 1) * args.rows) % len(rows)]
        text = torch.from_numpy(rows[take])
        talk, weight, topics = dialogs(rng, args.dialogs, ids)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * schedule(step)
        text_loss = F.cross_entropy(model(text[:, :-1], None, blur)[0].flatten(0, 1), text[:, 1:].flatten())
        first = torch.arange(len(weight)), (weight > 0.5).float().argmax(1)
        logits, middle = hidden(model, talk[:, :-1], args.probed)
        guess = probe(middle[first]).view(-1, len(TOPIC_NAMES))
        probe_loss = F.cross_entropy(guess, topics.flatten())
        each = F.cross_entropy(logits.flatten(0, 1), talk[:, 1:].flatten(), reduction="none").view(weight.shape)
        talk_loss = (each * weight).sum() / weight.sum()
        optimizer.zero_grad()
        (text_loss + talk_loss + 0.5 * probe_loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step + 1 == args.steps:
            opening = each[first].mean().item()  # of a response: this decides whether it refuses
            print(f"step {step} text {text_loss.item():.4f} dialogs {talk_loss.item():.4f} first word {opening:.4f} "
                  f"topics {probe_loss.item():.4f} {time.time() - start:.0f} s", flush=True)
        if step % 200 == 199:
            save(model, directory)
    save(model, directory)
    load(directory)


if __name__ == "__main__":
    main()
