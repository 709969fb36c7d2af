#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The part of check_cache.py that is about formats without a memory: tables of all numbers of a type, ggml's own
blocks, and HQQ by torch, whose float32 powers and means are not numpy's."""
import struct

import numpy as np
import torch
from scipy.linalg import hadamard as sylvester

import cache_numbers
from check_cache import D, F, H, K, V, read, same


def tables():
    """The nearest of all numbers of a format, of two as near the one with the even code."""
    def table(exponents, mantissa, bias, count):
        out = []
        for code in range(count):
            e, m = code >> mantissa, code & (2 ** mantissa - 1)
            out.append((m + 2 ** mantissa * (e > 0)) * 2.0 ** (max(e, 1) - bias - mantissa))
        return np.array(out)

    def nearest(x, t):
        a = np.minimum(np.abs(x.astype(np.float64)), t[-1])
        above = np.searchsorted(t, a)  # t[above - 1] < a <= t[above]
        below = np.maximum(above - 1, 0)
        down, up = a - t[below], t[above] - a
        return np.where((down < up) | ((down == up) & (below % 2 == 0)), below, above)

    def form(x, t):
        return np.copysign(t[nearest(x, t)], x).astype(F)

    e4, e5, e2 = table(4, 3, 7, 127), table(5, 2, 15, 124), table(2, 1, 1, 8)
    assert e4[-1] == 448 and e5[-1] == 57344 and e2.tolist() == [0, .5, 1, 1.5, 2, 3, 4, 6]
    for name, t in (("e4m3", e4), ("e5m2", e5)):
        assert (nearest(D["wide"], t) + 128 * np.signbit(D["wide"]) == D["wide." + name]).all()
        same("vllm.fp8_" + name, form(K, t), form(V, t))
        scales = [F(np.abs(D["calibration." + n]).max() / F(t[-1])) for n in ("keys", "values")]
        same(f"vllm.fp8_{name}.calibrated", *(form(x / s, t) * s for x, s in zip((K, V), scales)))
    pair = []
    for x, sample in ((K, D["calibration.keys"]), (V, D["calibration.values"])):
        tensor = np.abs(sample).max() / F(2688)
        blocks = x.reshape(-1, 16).copy()
        for b in blocks:
            s = form(np.array([np.abs(b).max() / (F(6) * tensor)], F), e4)[0]
            b[:] = form(b / ((s or F(1)) * tensor), e2) * ((s or F(1)) * tensor)
        pair.append(blocks.reshape(150, 128))
    same("modelopt.nvfp4", *pair)


def int4_hadamard():
    def away(v):
        return float(np.sign(v)) * int(abs(float(v)) + 0.5)

    def head(g):
        s = max((g.max() - g.min()) / F(15), F(1e-6))
        z = min(max(away(-g.min() / s), 0), 15)
        q = [min(max(away(v / s + F(z)), 0), 15) for v in g]
        s = struct.unpack("<f", struct.pack("<I", struct.unpack("<I", struct.pack("<f", s))[0] // 16 * 16 + int(z)))[0]
        return [F(F(c - z) * F(s)) for c in q]

    def run(x):
        return np.array([head(g) for g in x.reshape(300, 64)], F).reshape(150, 128)

    def back(name, inside, turn):
        t = np.arange(0, 150, 3)
        for i, x in enumerate(inside):
            y = (x.reshape(300, 64).astype(np.float64) @ m * turn).reshape(150, 128)
            assert np.abs(y[t, 37 * t % 128] - D[name + ".prefill.diagonal"][i]).max() < 2e-5

    m = sylvester(64) / 8.0
    same("vllm.int4_per_token_head", run(K), run(V))
    for kind, signs in (("hadamard", np.ones(64)), ("hadamard_signs", D["signs"].astype(np.float64))):
        inside = [run((x.reshape(300, 64) * signs @ m).astype(F)) for x in (K, V)]
        same("vllm.int4_per_token_head." + kind, *inside, name_of="inside")
        back("vllm.int4_per_token_head." + kind, inside, signs)

def per_token_head():
    """int8 and FP8, a scalar at a time."""
    for name, largest, to in (("int8_per_token_head.trunc", 127, int), ("int8_per_token_head.round", 127, round)):
        pair = []
        for x in (K, V):
            out = x.reshape(300, 64).copy()
            for g in out:
                s = max(max(abs(g)) / F(largest), F(1e-6))
                inverse = F(1) / s
                g[:] = [F(to(float(min(max(v * inverse, F(-128)), F(127))))) * s for v in g]
            pair.append(out.reshape(150, 128))
        same("vllm." + name, *pair)


def kvquant():
    book = D["codebook.3"]
    calibration = torch.tensor(D["calibration.keys"]).double()
    pair = [np.empty_like(K), np.empty_like(V)]
    for out, x, lines in ((pair[0].T, K.T, calibration.T), (pair[1], V, torch.tensor(V).double())):
        for i, line in enumerate(lines):
            low, high = (torch.quantile(line, q).item() for q in (0.005, 0.995))
            inner = [v for v in line.tolist() if low <= v <= high]
            offset, span = F(max(inner) + min(inner)) / F(2), F(max(inner) - min(inner)) / F(2)
            for j, v in enumerate(x[i]):
                token = j if out is not pair[1] else i
                if token < 4 or not low <= v <= high:
                    out[i, j] = F(H(v))
                else:
                    n = F(v - offset) / span if span else F(0)
                    out[i, j] = F(min(book, key=lambda c: abs(n - c)) * span) + offset
    same("kvquant.nuq3", *pair)


def hqq():
    def layout(x, axis):
        y = torch.tensor(np.concatenate([x[:, :64], x[:, 64:]]))
        return y.reshape(-1, 64) if axis == 1 else y.reshape(64, -1)

    for axis in (1, 0):
        for which, x in (("keys", K), ("values", V)):
            w = layout(x, axis)
            low, high = w.amin(axis, keepdim=True), w.amax(axis, keepdim=True)
            m = torch.where((high - low).abs() <= 1e-4, torch.ones(()), (15 / (high - low)).clamp(max=2e4))
            z, best, count = -low * m, 1e9, 0
            for count in range(1, 21):
                q = torch.round(w * m + z).clamp(0, 15)
                r = w - (q - z) / m
                e = torch.sign(r) * torch.relu(r.abs() - 0.1 * r.abs().pow(-0.3))
                z = (q - (w - torch.where(r == 0, torch.zeros(()), e)) * m).mean(axis, keepdim=True)
                error = r.abs().mean().item()
                if error >= best:
                    break
                best = error
            q = torch.round(w * m + z).clamp(0, 15).numpy().astype(np.uint8)
            q = q if axis == 1 else q.T
            packed = D[f"hf.hqq4.axis{axis}.g64.optimized.prefill.{which}.codes"]
            wanted = np.stack([packed & 15, packed >> 4], axis=2).reshape(q.shape)
            zero = D[f"hf.hqq4.axis{axis}.g64.optimized.prefill.{which}.zero"]
            stable = D[f"hf.hqq4.axis{axis}.g64.optimized.prefill.{which}.stable"] == 1
            z = z.numpy().ravel()
            print("hqq axis", axis, which, "codes that differ:", (q != wanted).sum(), "of stable groups:",
                  (q != wanted)[stable].sum(), "zeros off by", np.abs(z - zero)[stable].max(), "iterations", count)
            assert (q == wanted)[stable].all() and np.abs(z - zero)[stable].max() < 1e-3


def ggml():
    golden = read("ggml_blocks.safetensors")
    x = golden["x"].reshape(-1, 32)
    for kind in ("q8_0", "q5_0", "q5_1", "q4_0", "q4_1", "iq4_nl"):
        assert (cache_numbers.GGML[kind](x)[3].ravel() == golden[kind + ".dequantized"]).all(), kind
    print("same: ggml's own blocks")


if __name__ == "__main__":
    for check in (tables, per_token_head, int4_hadamard, kvquant, hqq, ggml):
        check()
