#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes cache.safetensors and cache.json: keys and values of one text under the quantizers of caches, after a single
call and token by token.  `make_cache.py FILE` writes every matrix in full to FILE instead, to look into a mismatch.

README.md in this folder says what each array is; cache_quantizers.py has the formulas, cache_states.py what happens
when.  Written from the definitions, before the C++ it tests.
"""
import json
import os
import sys

import numpy as np

from cache_numbers import F, e4m3, e5m2, fp8_bytes, hadamard
from cache_presets import bits_table, rotated_presets, stateful_presets, stateless_presets
from cache_quantizers import HEAD, hqq_groups, hqq_layout, inner_range, nuq_normalized, outside, rotated
from write_oracle import write_safetensors

TOKENS, CHANNELS, PROMPT = 150, 128, 70
AFTER = (100, 101, 128, 150)
CODEBOOKS = {4: [-64, -50, -39, -30, -22, -15, -9, -4, 1, 6, 12, 18, 25, 34, 46, 64],
             3: [-64, -38, -20, -6, 7, 21, 39, 64], 2: [-58, -16, 15, 57]}


def on_grid(x, bound):
    """Multiples of 2^-12 below `bound` <= 32: sums of 64 of them (of 128 for |x| < 32) are exact in float32."""
    limit = bound - 2.0 ** -12
    return np.clip(np.rint(x * 4096) / 4096, -limit, limit)


def make_rows(rng, tokens, bound, scale, offset):
    return on_grid(rng.standard_t(4, (tokens, CHANNELS)) * scale + offset, bound)


def tie_row(rng, low, high, step):
    """Half steps between low and high, both of which stand in each 16 channels."""
    row = low + step * (rng.integers(0, int((high - low) / step), CHANNELS) + 0.5)
    row[0::16], row[5::16] = high, low
    return row


def order_row(rng, low_share, levels, symmetric):
    """Extremes -low_share p and p in each 16 channels, and elsewhere up to 40 numbers which x / s and x * (1 / s) round
    to different codes, s = p / levels or (p + low_share p) / levels."""
    while True:
        high = F(rng.integers(4096 * 3, 4096 * 15) / 4096)
        low = F(np.rint(-low_share * high * 4096) / 4096)
        s = high / F(levels) if symmetric else (high - low) / F(levels)
        x = (np.arange(low * 4096, high * 4096) / 4096).astype(F)
        base = F(0) if symmetric else low
        found = x[np.rint((x - base) / s) != np.rint((x - base) * (F(1) / s))]
        found = np.concatenate([found, x[np.rint(x / s) != np.rint(x * (F(1) / s))]])
        if len(found) >= 2:
            row = rng.permutation(np.resize(found, CHANNELS))
            row = np.where(rng.random(CHANNELS) < 0.3, row, rng.choice(x, CHANNELS)).astype(np.float64)
            row[0::16], row[5::16] = high, low
            return row


def special_rows(rng, x, first, second):
    """Six rows of halfway points for scales of integers, two for q5_1 and q5_0, one for FP8 (odd multiples of 1 / 32
    from 1 / 2 to 1), one for the codebooks (multiples of 1 / 128), one for IQ4_NL (half steps of a d of 1 / 32)."""
    for i, (low, high, step) in enumerate(((-15.875, 15.875, 0.125), (-7, 7, 1), (-7, 8, 1), (-8, 7.9375, 0.0625),
                                           (-3, 3, 1), (-1.5, 1.5, 1))):
        x[first + i] = tie_row(rng, low, high, step)
    x[second] = tie_row(rng, -1.9375, 1.9375, 0.125)
    x[second + 1] = tie_row(rng, -2, 1.875, 0.125)
    x[second + 2] = rng.choice([-1, 1], CHANNELS) * (2 * rng.integers(8, 16, CHANNELS) + 1) / 32
    x[second + 2, 0::16] = 14
    x[second + 3] = rng.integers(-128, 129, CHANNELS) / 128
    x[second + 4] = rng.integers(-254, 255, CHANNELS) / 64
    for row, peak in ((second + 3, 1), (second + 4, -3.96875)):
        x[row, 0::16], x[row, 5::16] = peak, -peak


def make_inputs():
    """README.md says which row and channel is what."""
    rng = np.random.default_rng(20260611)
    shapes = [(np.exp(0.4 * rng.standard_normal(CHANNELS)), np.where(rng.random(CHANNELS) < 0.2, 1.5, 0))
              for _ in range(2)]
    keys, values = make_rows(rng, TOKENS, 32, *shapes[0]), make_rows(rng, TOKENS, 16, *shapes[1])
    keys[:, 37] = on_grid(18 + 4 * rng.standard_normal(TOKENS), 32)
    for x in (keys, values):
        special_rows(rng, x, 5, 22)
        special_rows(rng, x, 88, 94)
        for i, (low_share, levels) in enumerate(((1, 127), (1, 7), (0.75, 255), (0.75, 15))):
            x[100 + i] = order_row(rng, low_share, levels, low_share == 1)
        x[14], x[15] = -np.abs(x[14]) - 0.25, np.abs(x[15]) + 0.25
        x[16] = rng.integers(-3, 4, CHANNELS) / 4096
        x[17] = 0
        x[17, 70] = 2.75
        x[:, 3] = rng.integers(-6, 7, TOKENS) / 2
        x[:, 9] = rng.integers(-14, 15, TOKENS) / 2
        x[30:32, 9] = -7, 7
        x[:, 6] = rng.integers(-128, 129, TOKENS) / 128
        x[:, 4] = rng.integers(0, 7, TOKENS) / 2
        x[0::16, 4], x[1::16, 4] = 0, 3
        x[32:64, 21], x[64:96, 21] = -0.5, 0
    for row in (11, 120):
        keys[row] = 1.5
        values[row, :HEAD], values[row, HEAD:] = 0.75, 0
    for row in (12, 121):
        keys[row, :HEAD], keys[row, HEAD:] = 0, 1.5
        values[row] = 0
    keys[:, 84], values[:, 84] = 1.5, 0
    sample, sample_values = make_rows(rng, 100, 12, *shapes[0]), make_rows(rng, 32, 7, *shapes[1])
    sample[:, 37] = on_grid(18 + 2 * rng.standard_normal(100), 20)
    sample[50, 37], sample_values[10, 37] = 21, -7  # NVFP4's tensor scale of keys is 2^-7, FP8's scale of values 2^-6
    sample[:, 6] = rng.integers(-128, 129, 100) / 128
    sample[40:42, 6], sample[42:44, 6] = 1, -1
    sample[:, 3], sample[:, 84], sample[:, 85] = rng.integers(-6, 7, 100) / 2, 1.5, 0.25
    wide = (10.0 ** rng.uniform(-7, 6, (8, CHANNELS))) * rng.choice([-1, 1], (8, CHANNELS))
    edges = [448, 449, 456, 464, 465, 480, 57344, 61440, 65536, 1e30, 2.0 ** -9, 2.0 ** -10, 3 * 2.0 ** -10, 2.0 ** -16,
             2.0 ** -17, 3 * 2.0 ** -17, 1.0625, 1.1875, 1.125, 1.375, 15.5, 17, 0]
    wide[0, :len(edges)], wide[1, :len(edges)] = edges, np.negative(edges)
    out = {"keys": keys, "values": values, "calibration.keys": sample, "calibration.values": sample_values,
           "wide": wide, "signs": rng.choice([-1, 1], HEAD)}
    out.update({f"codebook.{bits}": np.array(c) / 64 for bits, c in CODEBOOKS.items()})
    return {name: np.ascontiguousarray(a, F) for name, a in out.items()}


# ------------------------------------------------------------------------------------------------------------ recording


def fnv1a(x):
    """32-bit FNV-1a of the bytes, little-endian, of each row."""
    data = np.ascontiguousarray(x).view(np.uint8).reshape(len(x), -1).astype(np.uint32)
    h = np.full(len(x), 2166136261, np.uint32)
    for column in data.T:
        h = (h ^ column) * np.uint32(16777619)
    return h


def token_hashes(x):
    """-0 counts as +0."""
    assert x.dtype == F and np.isfinite(x).all()
    return fnv1a(x + F(0))


def hashes(x):
    """Of each token, then of each four channels: the first's values by token, the second's, and so on."""
    return np.concatenate([token_hashes(x), fnv1a((x + F(0)).T.reshape(-1, 4 * len(x)))])


def whole_hash(x):
    return fnv1a(token_hashes(x).reshape(1, -1))[0]


def record(out, name, pair, full):
    if full:
        out[name + ".keys"], out[name + ".values"] = pair
        return
    t = np.arange(0, TOKENS, 3)
    out[name + ".hash"] = np.stack([hashes(x) for x in pair])
    out[name + ".diagonal"] = np.stack([x[t, 37 * t % CHANNELS] for x in pair])


def record_over_time(out, name, makers, data, prompt, full):
    caches = [make() for make in makers]
    inputs = (data["keys"], data["values"])
    held, read = [], []
    for t in range(prompt, TOKENS + 1):
        begin = 0 if t == prompt else t - 1
        read.append([whole_hash(cache.call(x[begin:t])) for cache, x in zip(caches, inputs)])
        pair = [cache.held() for cache in caches]
        held.append([whole_hash(x) for x in pair])
        assert all(x.shape == (t, CHANNELS) for x in pair)
        if full and t in AFTER:
            out[f"{name}.after.{prompt}.{t}.keys"], out[f"{name}.after.{prompt}.{t}.values"] = pair
        elif prompt == PROMPT and t in AFTER:
            out[f"{name}.after.{prompt}.{t}"] = np.stack([token_hashes(x) for x in pair])
    if not full:
        out[f"{name}.held.{prompt}"], out[f"{name}.read.{prompt}"] = np.array(held), np.array(read)


def record_hqq(out, data):
    """`stable`: in float64 no element comes within 1e-5 of a halfway point in any iteration, so float32 rounds alike
    whatever its last bits."""
    for axis in (1, 0):
        for which in ("keys", "values"):
            g = np.ascontiguousarray(hqq_layout(data[which], axis, 64))
            q, m, z, _, iterations = hqq_groups(g, 4, True)
            wide, near = g.astype(np.float64), []
            exact = hqq_groups(wide, 4, True, near.append)
            stable = np.min(near, axis=(0, 2)) > 1e-5
            name = f"hf.hqq4.axis{axis}.g64.optimized.prefill.{which}"
            assert exact[4] == iterations and stable.mean() > 0.8, (name, stable.mean())
            assert (exact[0] == q)[stable].all() and np.abs(exact[2] - z)[stable].max() < 1e-4
            codes, m, z = exact[0].astype(np.uint8), exact[1], exact[2]
            out[name + ".codes"] = codes[:, 0::2] | (codes[:, 1::2] << 4)
            out[name + ".scale"], out[name + ".zero"] = m[:, 0], z[:, 0]
            out[name + ".stable"], out[name + ".iterations"] = stable.astype(np.uint8), np.array([iterations])
            print(name, "groups that are not stable:", (~stable).sum(), "of", len(g))


def best_inertia(x, weights, k):
    """The least weighted sum of squares of a k-means on a line, by dynamic programming over the sorted samples."""
    order = np.argsort(x, kind="stable")
    x, w = x[order], weights[order]
    n = len(x)
    a, b, c = (np.concatenate([[0], np.cumsum(v)]) for v in (w, w * x, w * x * x))
    i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    mass = np.where(j > i, a[j] - a[i], 1)
    cost = np.where(j > i, (c[j] - c[i]) - (b[j] - b[i]) ** 2 / mass, np.inf)
    best = cost[0].copy()
    for _ in range(k - 1):
        best = (best[:, None] + cost).min(axis=0)
    return best[n]


def record_kmeans(out, data):
    from sklearn.cluster import KMeans
    sample = data["calibration.keys"][:, [10]]
    outlier = outside(sample, 0.99, 0)[0]
    n = nuq_normalized(sample, *inner_range(sample, outlier, 0))[0][~outlier].astype(np.float64)
    weights = np.random.default_rng(7).gamma(0.5, size=len(n))
    out["kmeans.samples"], out["kmeans.weights"] = n, weights
    for bits in (4, 3, 2):
        for name, w in ((f"kmeans.{bits}", np.ones(len(n))), (f"kmeans.{bits}.weighted", weights)):
            fit = KMeans(2 ** bits, random_state=0, n_init=10, max_iter=50).fit(n.reshape(-1, 1), sample_weight=w)
            out[name + ".centroids"] = np.sort(fit.cluster_centers_.ravel())
            best = best_inertia(n, w, 2 ** bits)
            assert best <= fit.inertia_ * (1 + 1e-9)
            out[name + ".inertia"] = np.array([fit.inertia_, best])


def check_degenerate(data):
    """Zeros, constants, tiny numbers and single tokens: everything stays finite."""
    shape = (40, CHANNELS)
    texts = [np.zeros(shape, F), np.full(shape, 1.5, F), np.full(shape, -2.25, F), np.full(shape, 1e-30, F),
             np.full((1, CHANNELS), 0.75, F), np.zeros((1, CHANNELS), F), data["keys"][:1]]
    for x in texts:
        for quantizers in stateless_presets(data).values():
            assert all(np.isfinite(quantize(x)).all() for quantize in quantizers)
        for n_keys, n_values, quantize, signs in rotated_presets(data).values():
            assert all(np.isfinite(rotated(x, n, quantize, signs)[0]).all() for n in (n_keys, n_values))
        for makers in stateful_presets().values():
            for cache in (make() for make in makers):
                for part in (x, x[:1], x[:1]):
                    assert np.isfinite(cache.call(part)).all() and np.isfinite(cache.held()).all()
        assert all(np.isfinite(hqq_groups(hqq_layout(x, axis, 64), 4, True)[3]).all() for axis in (1, 0))


def main(full=None):
    data = make_inputs()
    check_degenerate(data)
    for n in (64, 128):
        for x in (data["keys"], data["values"]):
            exact = hadamard(x, n).astype(np.float64) / F(1 / np.sqrt(n))
            sums = x.reshape(-1, n).astype(np.float64) @ np.rint(hadamard(np.eye(n, dtype=F), n) * np.sqrt(n))
            assert np.allclose(exact.reshape(-1, n), sums, rtol=2e-7, atol=0)
            assert (sums.astype(F) == sums).all()  # whatever the order of a sum
    out = dict(data)
    inputs = (data["keys"], data["values"])
    for name, quantizers in stateless_presets(data).items():
        record(out, name + ".prefill", [quantize(x) for quantize, x in zip(quantizers, inputs)], full)
    for name, (n_keys, n_values, quantize, signs) in rotated_presets(data).items():
        both = [rotated(x, n, quantize, signs) for x, n in zip(inputs, (n_keys, n_values))]
        record(out, name + ".prefill", [back for back, _ in both], full)
        record(out, name + ".inside", [inside for _, inside in both], full)
    for name, makers in stateful_presets().items():
        caches = [make() for make in makers]
        for cache, x in zip(caches, inputs):
            cache.call(x)
        record(out, name + ".prefill", [cache.held() for cache in caches], full)
        for prompt in (PROMPT, 64) if "axis-1" in name else (PROMPT,):
            record_over_time(out, name, makers, data, prompt, full)
    for kind, mantissa, bias, form in (("e4m3", 3, 7, e4m3), ("e5m2", 2, 15, e5m2)):
        out[f"wide.{kind}"] = fp8_bytes(form(data["wide"]), mantissa, bias)
    record_hqq(out, data)
    record_kmeans(out, data)
    here = os.path.dirname(os.path.abspath(__file__))
    write_safetensors(full or os.path.join(here, "cache.safetensors"), out)
    if not full:
        with open(os.path.join(here, "cache.json"), "w") as file:
            json.dump({"bits_per_element": bits_table()}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    with np.errstate(over="ignore", divide="ignore"):
        main(*sys.argv[1:])
