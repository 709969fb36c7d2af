#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes refuser_expected.json: what examples/demo/refuser does at full precision and under 4 and 3-bit caches.

Written from the definitions, in float64, a token at a time; it shares nothing with examples/demo/qwen2.py but the file
it reads.  Every token is embedded and passes the layers: RMS norm; query, key and value with bias; rotary
embedding over a whole head, first half against second half; softmax over all keys so far; RMS norm; SwiGLU.

The cache is "section4": key and value of a token, both key/value heads together, as they leave their projections and
before the rotary embedding, become (q - z) s with s = max((high - low) / top, 1e-8), z = clamp(round(-low / s), 0, top)
and q = clamp(round(x / s + z), 0, top), rounding half to even, top = 15 or 7.  As s and z are of one token, one call
for the whole prompt and one call for each token are the same; a prompt's own attention sees quantized keys and values.

PROMPTS are six of either class from the part "test" along whose greedy paths the likeliest word leads the second by
more than MARGIN in every condition, in float64 and with weights and arithmetic of float32, and for which both say the
same: the first three whose response 3 bits change and the first three whose response they do not.
"""
import json
from pathlib import Path

import numpy as np

DEMO = Path(__file__).parents[2] / "examples" / "demo" / "refuser"
ROWS, EACH, MARGIN = 8, 6, 0.15


def read_tensors(path, dtype):
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    out = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            assert entry["dtype"] == "F16"
            out[name] = np.frombuffer(raw[8 + size + begin:8 + size + end], np.float16).reshape(entry["shape"])
    return {name: t.astype(dtype) for name, t in out.items()}


def section4(top):
    def quantize(x):
        low, high = x.min(), x.max()
        s = np.maximum((high - low) / x.dtype.type(top), x.dtype.type(1e-8))
        z = np.clip(np.rint(-low / s), 0, top)
        return (np.clip(np.rint(x / s + z), 0, top) - z) * s

    return quantize


class Reader:
    """Reads a text a token at a time."""

    def __init__(self, config, tensors, quantize=None):
        self.c, self.t, self.quantize = config, tensors, quantize
        self.dtype = tensors["model.norm.weight"].dtype.type
        kv_heads, width = config["num_key_value_heads"], config["hidden_size"] // config["num_attention_heads"]
        shape = config["num_hidden_layers"], kv_heads, config["max_position_embeddings"], width
        self.keys, self.values = np.zeros(shape, self.dtype), np.zeros(shape, self.dtype)
        self.position = 0

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean() + self.dtype(self.c["rms_norm_eps"])) * self.t[name]

    def turn(self, heads):
        half = heads.shape[1] // 2
        angle = self.position * self.c["rope_theta"] ** (-np.arange(half) / half)
        cos, sin = np.cos(angle).astype(self.dtype), np.sin(angle).astype(self.dtype)
        a, b = heads[:, :half], heads[:, half:]
        return np.concatenate((a * cos - b * sin, b * cos + a * sin), 1)

    def attend(self, x, layer):
        name = f"model.layers.{layer}.self_attn."
        q, k, v = (self.t[f"{name}{p}_proj.weight"] @ x + self.t[f"{name}{p}_proj.bias"] for p in "qkv")
        if self.quantize:
            k, v = self.quantize(k), self.quantize(v)
        heads, kv_heads = self.c["num_attention_heads"], self.c["num_key_value_heads"]
        q, k = self.turn(q.reshape(heads, -1)), self.turn(k.reshape(kv_heads, -1))
        seen = self.position + 1
        self.keys[layer, :, self.position] = k
        self.values[layer, :, self.position] = v.reshape(kv_heads, -1)
        out = []
        for h in range(heads):
            g = h * kv_heads // heads
            scores = self.keys[layer, g, :seen] @ q[h] / self.dtype(np.sqrt(q.shape[1]))
            weights = np.exp(scores - scores.max())
            out.append((weights / weights.sum()) @ self.values[layer, g, :seen])
        return self.t[f"{name}o_proj.weight"] @ np.concatenate(out)

    def mlp(self, x, layer):
        name = f"model.layers.{layer}.mlp."
        gate, up = self.t[name + "gate_proj.weight"] @ x, self.t[name + "up_proj.weight"] @ x
        return self.t[name + "down_proj.weight"] @ (gate / (1 + np.exp(-gate)) * up)

    def __call__(self, token):
        """The logits of what follows `token`."""
        x = self.t["model.embed_tokens.weight"][token]
        for i in range(self.c["num_hidden_layers"]):
            x = x + self.attend(self.norm(x, f"model.layers.{i}.input_layernorm.weight"), i)
            x = x + self.mlp(self.norm(x, f"model.layers.{i}.post_attention_layernorm.weight"), i)
        self.position += 1
        return self.t["model.embed_tokens.weight"] @ self.norm(x, "model.norm.weight")


def row_nll(config, tensors, row, quantize=None):
    read, total = Reader(config, tensors, quantize), 0.0
    for token, following in zip(row[:-1], row[1:]):
        logits = read(token)
        top = logits.max()
        total += float(top + np.log(np.exp(logits - top).sum()) - logits[following])
    return total


def greedy(config, tensors, prompt, end, longest, quantize=None):
    """The words said, <end> included, and the least lead of the likeliest word over the second."""
    read, said, lead = Reader(config, tensors, quantize), [], np.inf
    for token in prompt:
        logits = read(token)
    while True:
        second, first = np.argsort(logits)[-2:]
        lead = min(lead, float(logits[first] - logits[second]))
        said.append(int(first))
        if first == end or len(said) == longest:
            return said, lead
        logits = read(first)


def main():
    config = json.loads((DEMO / "model" / "config.json").read_text())
    assert config["tie_word_embeddings"]
    exact, single = (read_tensors(DEMO / "model" / "model.safetensors", d) for d in (np.float64, np.float32))
    stream = np.load(DEMO / "tokens.npy").astype(int)
    rows = [[0, *stream[127 * i:127 * (i + 1)]] for i in range(ROWS)]
    scored = ROWS * 127
    conditions = {"full": None, "section4_4bit": section4(15), "section4_3bit": section4(7)}
    nll = {name: sum(row_nll(config, exact, r, q) for r in rows) / scored for name, q in conditions.items()}

    held = json.loads((DEMO / "prompts.json").read_text())
    end, longest = held["end_of_response"], held["max_new_tokens"]
    chosen = []
    for label in ("harmful", "harmless"):
        wanted = {True: EACH // 2, False: EACH // 2}
        of_label = [p for p in held["prompts"] if p["split"] == "test" and p["label"] == label]
        for p in of_label:
            entry = {"id": p["id"], "label": label, "responses": {}, "smallest_lead": {}}
            for name, q in conditions.items():
                said, lead = greedy(config, exact, p["tokens"], end, longest, q)
                if lead <= MARGIN:
                    break
                same, lead_single = greedy(config, single, p["tokens"], end, longest, q)
                if said != same or lead_single <= MARGIN:
                    break
                entry["responses"][name], entry["smallest_lead"][name] = said, round(min(lead, lead_single), 4)
            else:
                changed = entry["responses"]["full"] != entry["responses"]["section4_3bit"]
                if wanted[changed] > 0:
                    wanted[changed] -= 1
                    chosen.append(entry)
            if not any(wanted.values()):
                break
        assert not any(wanted.values()), f"too few {label} prompts with clear leads: {wanted} are missing"
    out = {"rows": ROWS, "scored_tokens": scored, "mean_nll": nll, "prompts": chosen,
           "smallest_lead": min(lead for p in chosen for lead in p["smallest_lead"].values())}
    (Path(__file__).parent / "refuser_expected.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
