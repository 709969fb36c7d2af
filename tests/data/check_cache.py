#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes a part of cache.safetensors another way: loops, tables, torch's types and float64 in place of the helpers
of make_cache.py, and plain rules for how many tokens are quantized when.  Prints what it compared; stops at a mismatch.
"""
import json
import os
import struct

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
F, H = np.float32, np.float16
TYPES = {"F64": np.float64, "F32": F, "I64": np.int64, "U32": np.uint32, "U8": np.uint8}


def read(name):
    with open(os.path.join(HERE, name), "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header, body = json.loads(file.read(size)), file.read()
    return {k: np.frombuffer(body[v["data_offsets"][0]:v["data_offsets"][1]], TYPES[v["dtype"]]).reshape(v["shape"])
            for k, v in header.items() if k != "__metadata__"}


D = read("cache.safetensors")
K, V = D["keys"], D["values"]


def fnv(data):
    h = 2166136261
    for byte in data:
        h = (h ^ byte) * 16777619 % 2 ** 32
    return h


def row_hashes(x):
    return [fnv(struct.pack(f"<{len(row)}f", *[v + 0.0 for v in row])) for row in x.tolist()]


def same(name, *pair, name_of="prefill"):
    for i, x in enumerate(pair):
        found, wanted = row_hashes(x), D[f"{name}.{name_of}.hash"][i][:len(x)]
        assert (np.array(found, np.uint32) == wanted).all(), (name, i, np.flatnonzero(found != wanted)[:9])
        four = [fnv(np.ascontiguousarray((x[:, c:c + 4] + F(0)).T).tobytes()) for c in range(0, 128, 4)]
        assert (np.array(four, np.uint32) == D[f"{name}.{name_of}.hash"][i][len(x):]).all(), name
    print("same:", name, name_of)


def whole(x):
    return fnv(b"".join(struct.pack("<I", h) for h in row_hashes(x)))


def over_time(name, held_at, prompt, arrived=(K, V)):
    """held_at(T) gives the keys and values held after T tokens; a call reads what was held and its own as arrived."""
    for t in (prompt, prompt + 1, 100, 101, 127, 128, 129, 150):
        held = held_at(t)
        assert [whole(x) for x in held] == D[f"{name}.held.{prompt}"][t - prompt].tolist(), (name, t)
        before = [x[:0] for x in arrived] if t == prompt else held_at(t - 1)
        seen = [np.concatenate([old, x[len(old):t]]) for old, x in zip(before, arrived)]
        assert [whole(x) for x in seen] == D[f"{name}.read.{prompt}"][t - prompt].tolist(), (name, t)
        if f"{name}.after.{prompt}.{t}" in D:
            assert (np.array([row_hashes(x) for x in held]) == D[f"{name}.after.{prompt}.{t}"]).all()
    print("same over time:", name, prompt)


def published_torch():
    def run(x, bits, dtype):
        x = torch.tensor(x).to(dtype)
        low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
        s = ((high - low) / (2 ** bits - 1)).clamp(min=1e-8)
        z = torch.round(0 - low / s).clamp(0, 2 ** bits - 1)
        return ((torch.round(x / s + z).clamp(0, 2 ** bits - 1) - z) * s).float().numpy()

    for bits in (8, 4):
        same(f"published.asym{bits}.per_token.bf16", run(K, bits, torch.bfloat16), run(V, bits, torch.bfloat16))
        same(f"published.asym{bits}.per_token", run(K, bits, torch.float32), run(V, bits, torch.float32))
        same(f"published.asym{bits}.per_token_head",
             *(run(x.reshape(300, 64), bits, torch.float32).reshape(150, 128) for x in (K, V)))
        same(f"published.asym{bits}.per_channel", *(run(x.T.copy(), bits, torch.float32).T for x in (K, V)))
    padded = np.zeros((150, 144), F)
    padded[:, :128] = K
    x = run(padded.reshape(450, 48), 3, torch.float32).reshape(150, 144)[:, :128]
    padded[:, :128] = V
    same("published.asym3.per_group48", x, run(padded.reshape(450, 48), 3, torch.float32).reshape(150, 144)[:, :128])


def published_half():
    """numpy's own float16; the floor 1e-8 would be 0 there and is 2^-24."""
    with np.errstate(over="ignore"):
        for bits in (8, 4):
            pair = []
            for x in (K.astype(H), V.astype(H)):
                low, high, top = x.min(1, keepdims=True), x.max(1, keepdims=True), H(2 ** bits - 1)
                s = np.maximum((high - low) / top, H(2.0 ** -24))
                z = np.clip(np.rint(-(low / s)), H(0), top)
                pair.append(((np.clip(np.rint(x / s + z), H(0), top) - z) * s).astype(F))
            same(f"published.asym{bits}.per_token.fp16", *pair)


def sym3(values, scale_of):
    """Scalar by scalar, round() of Python being half to even."""
    peak = max(max(abs(v) for v in scale_of), F(1e-8))
    s = F(peak) / F(3)
    return [F(min(max(round(float(F(v) / s)), -4), 3)) * s for v in values]


def lifetimes():
    def per_channel(x, begin, end, sample):
        return np.array([sym3(x[begin:end, c], x[sample[0]:sample[1], c]) for c in range(128)], F).T

    def call(t):
        return [np.concatenate([per_channel(x, 0, 70, (0, 70))] + [per_channel(x, i, i + 1, (i, i + 1))
                                                                   for i in range(70, t)]) for x in (K, V)]

    def frozen(t):
        return [per_channel(x, 0, t, (0, 70)) for x in (K, V)]

    def grouped(t):
        done = t // 32 * 32
        return [np.concatenate([per_channel(x, i, i + 32, (i, i + 32)) for i in range(0, done, 32)] + [x[done:t]])
                for x in (K, V)]

    over_time("lifetime.sym3.per_channel.grouped32", grouped, 70)
    same("lifetime.sym3.per_channel.call", *(per_channel(x, 0, 150, (0, 150)) for x in (K, V)))
    same("published.sym3.per_tensor", *(np.array(sym3(x.ravel(), x.ravel()), F).reshape(150, 128) for x in (K, V)))
    for name, rule in (("call", call), ("frozen_prefill", frozen)):
        for t in (70, 71, 150):
            hashes = [whole(x) for x in rule(t)]
            name_of = f"lifetime.sym3.per_channel.{name}."
            assert hashes == D[name_of + "held.70"][t - 70].tolist() == D[name_of + "read.70"][t - 70].tolist()
        print("same over time: lifetime.sym3.per_channel." + name)


def kivi():
    """numpy's own float16, one group at a time."""
    def group(g, bits, T):
        low, high = min(g), max(g)
        s = T(T(high - low) / T(2 ** bits - 1))
        if s == 0:
            return [low for _ in g]
        return [T(T(T(np.rint(min(max(T(T(v - low) / s), T(0)), T(2 ** bits - 1)))) * s) + low) for v in g]

    for bits, size, window, T in ((2, 32, 64, H), (4, 16, 32, F)):
        k, v = K.astype(T), V.astype(T)
        quantized_k, quantized_v = k.copy(), v.copy()
        for c in range(128):
            for i in range(0, 128, size):
                quantized_k[i:i + size, c] = group(k[i:i + size, c], bits, T)
        for t in range(150):
            for i in range(0, 128, size):
                quantized_v[t, i:i + size] = group(v[t, i:i + size], bits, T)

        def held(t):
            whole, recent = t // window * window, max(t - window, 0)
            return [np.concatenate([q[:n], x[n:t]]).astype(F)
                    for q, x, n in ((quantized_k, k, whole), (quantized_v, v, recent))]

        name = f"kivi.{bits}.g{size}.r{window}.{'fp16' if T is H else 'fp32'}"
        same(name, *held(150))
        over_time(name, held, 70, (k.astype(F), v.astype(F)))


def quanto():
    def quantize(x, bits, axis, size):
        """On [heads, tokens, head_dim], by lists of elements."""
        y = np.stack([x[:, :64], x[:, 64:]])
        heads, tokens, dim = y.shape
        out = np.empty_like(y)
        order = [(h, t, d) for h in range(heads) for t in range(tokens) for d in range(dim)]
        if axis == -1:
            order.sort(key=lambda p: p[2])
        length = dim if axis == 0 else heads * tokens
        for begin in range(0, len(order), length):
            for i in range(begin, begin + length, size):
                at = tuple(np.array(order[i:min(i + size, begin + length)]).T)
                g = torch.tensor(y[at])
                s = (g.max() - g.min()) / (2 ** bits - 1)
                s = s if s > 0 else torch.ones(())
                out[at] = (torch.round((g - g.min()) / s).clamp(0, 2 ** bits - 1) * s + g.min()).numpy()
        return np.concatenate(list(out), axis=1)

    for bits, axis, size, prompt in ((2, -1, 32, 70), (4, -1, 64, 64), (4, 0, 32, 70)):
        memory = {}

        def held(t):
            if t < prompt + 32:
                old = memory.setdefault(prompt, [quantize(x[:prompt], bits, axis, size) for x in (K, V)])
                return [np.concatenate([o, x[prompt:t]]) for o, x in zip(old, (K, V))]
            n = prompt + (t - prompt) // 32 * 32
            if n not in memory:
                memory[n] = [quantize(np.concatenate([o, x[n - 1:n]]), bits, axis, size)
                             for o, x in zip(held(n - 1), (K, V))]
            return [np.concatenate([o, x[n:t]]) for o, x in zip(memory[n], (K, V))]

        over_time(f"hf.quanto{bits}.axis{axis}.g{size}", held, prompt)


if __name__ == "__main__":
    for check in (published_torch, published_half, lifetimes, kivi, quanto):
        check()
