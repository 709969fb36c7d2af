#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes calibrated.safetensors: compression that looks at activations, in float64 from its definitions.

y = x W^T, with x [384 tokens, 64 channels] and W [24 output rows, 64 columns] as stored in float32.  "Round" is half
to even, int() truncates, argsort is stable, and the first of equal candidates wins.

Statistics: sums over tokens; gram = sum over tokens of x x^T.  objective = trace((W - Q) gram (W - Q)^T) / tokens.

GPTQ.
 1. The grids per row, and static grids per group of 16 columns, come from the original W (dead columns are never the
    extremes, so that it does not matter whether they are 0 already).
 2. H = (2 / tokens) gram.
 3. Where H_ii = 0 the column is dead: H_ii = 1 and w_i = 0.
 4. With act-order the columns are sorted by diag(H), which has the ones of step 3 and no damping yet, largest first;
    static groups stay those of the original columns.
 5. H_ii += 0.01 mean(diag H), a mean that counts the ones of step 3.
 6. U is upper triangular with U^T U = inv(H).
 7. Blocks of columns, and in a block column by column: at a group's first column its grid if it is not static, from
    the group's weights with every update so far; q_i = quantized w_i; e_i = (w_i - q_i) / U_ii; w_j -= e_i U_ij for
    the block's later columns j.  After the block, w_rest -= E U_(block, rest).  Here groups never straddle blocks,
    and so the size of the blocks changes roundings only.
Grid: low = min(w, 0), high = max(w, 0); symmetric: high = max(-low, high), and low = -high if low < 0; if both are 0
then -1 and 1; scale = (high - low) / (2^b - 1); zero = 2^(b-1), or asymmetric round(-low / scale).
q = clamp(round(w / scale) + zero, 0, 2^b - 1), value = scale (q - zero).

SparseGPT.  Steps 2, 3, 5, 6 and 7 with q_i = 0 for what is pruned, else w_i or its value on a grid (made in step 1).
The score is w^2 / U_jj^2.  Unstructured: at the start of a block, from the weights as they are then, pruned are all
scores of the block (all rows, its columns) <= sorted(scores)[int(rows * columns * s)].  n of m: at each m-th column, n
lowest of each row.
Magnitude: the same two rules with |W| of the whole matrix.

Wanda.  score = |W_ij| sqrt(sum_square_j / tokens); each row loses its int(columns * s) lowest, or n lowest of each m.

AWQ.  4 bits, asymmetric, groups of 16: scale = max(max w - min w, 1e-5) / 15, zero = clamp(-round(min w / scale), 0,
15), q = clamp(round(w / scale) + zero, 0, 15), value = (q - zero) scale; v / scale as v / max(...) times 15, exact
for a group clamped at both ends, where it is -7.5 or 7.5.
Scale, for i = 0 .. 19: s = max((sum_abs / tokens)^(i / 20), 1e-4) with 0^0 = 1, then s /= sqrt(max s * min s); Q =
quantized(W s) / s; loss = mean over tokens and rows of (x W^T - x Q^T)^2.
Clip, for i = 0 .. 9: every group clamped to [-l, l], l = max|w| (1 - i / 20), its grid and codes those of the clamped
weights; a group keeps the i with the least sum over tokens of (x_g . (w_g - q_g))^2, w_g not clamped.
Both: the best s, then the clip search with W s and x / s, then Q / s.

SmoothQuant.  s_j = max(max|x_j|^a / max(max_i |w_ij|, 1e-5)^(1 - a), 1e-5), 1 for a dead channel.  Rows of W s and
tokens of x / s become int8: scale = absmax / 127 (1 if that is 0), q = clamp(round(v / scale), -128, 127).  weights =
Q(W s) / s, activations = Q(x / s) s, y = activations weights^T.

LLM.int8().  Columns of x with any |x| >= 6 are outliers; x without them is int8 per token, W int8 per row: q =
round(v 127 / absmax), y = (sum of q q) scale_x scale_w / 127^2 with scale = absmax, plus the outlier columns of x
times those of W (y), or times those of quantized W (y_dequantized).  No row of W has its absmax in an outlier column.

Activations.  Symmetric as in SmoothQuant: a scale for each token, or max|x| / 127 for all.  Asymmetric per token: low
= min(x, 0), high = max(x, 0), scale = max((high - low) / 255, 2^-23), zero = round(clamp(-128 - low / scale, -128,
127)), q = clamp(round(x / scale) + zero, -128, 127), value = (q - zero) scale.

Hadamard.  H_1 = [1], H_2n = [[H, H], [H, -H]], / sqrt(64); rotated = W H, back = rotated H^T.

SEED is one for which no number lies within MARGIN steps of a tie that decides its code, no two scores within 1e-6 of
each other (relative) where one is pruned and the other is kept, and no two losses within 1e-9 where one is chosen,
unless they are equal: the asserts below.  In the row of zeros the asymmetric zero point is round(7.5), and any would
do.
The largest magnitude of each group of 16 is positive, since its negative would be such a tie: it lies at -7.5 steps
of a symmetric grid.
"""
from pathlib import Path

import numpy as np

from write_oracle import write_safetensors

SEED, MARGIN = 3419, 1.8e-5  # a float's rounding moves a quotient of up to 128 by 8e-6
TOKENS, ROWS, COLUMNS, GROUP = 384, 24, 64, 16
DEAD, OUTLIER, PADDING = 20, 33, 5  # a channel without activations, one beyond 6, a token of zeros


def make_inputs(seed):
    rng = np.random.default_rng(seed)
    latent, mixing = rng.standard_normal((TOKENS, 12)), rng.standard_normal((12, COLUMNS))
    x = sum(latent[:, [k]] * mixing[k] for k in range(12)) / 3.5 + 0.7 * rng.standard_t(4, (TOKENS, COLUMNS))
    x[:, ::8] += 1.0
    x *= rng.uniform(0.05, 0.8, COLUMNS)
    peak = np.minimum(np.abs(x).max(0), 4.0)
    peak[[9, 50, OUTLIER]] = 5.2, 4.7, 14.0
    x *= peak / np.abs(x).max(0)
    x[:, DEAD] = 0.0
    x[PADDING] = 0.0

    w = 0.05 * rng.standard_normal((ROWS, COLUMNS))
    w.flat[rng.choice(ROWS * COLUMNS, 14, replace=False)] = 0.3
    w *= np.linspace(0.4, 2.0, ROWS).reshape(-1, 1)
    w[:, [DEAD, OUTLIER]] *= 0.1
    w[3, 16:32] = np.abs(w[3, 16:32])  # a group without negative weights
    w[3, 16] = 0.0
    w[7, 32:48] = 0.0  # a group of zeros
    w[11] = 0.0  # a row of zeros
    for g in range(0, COLUMNS, GROUP):
        for row in w[:, g:g + GROUP]:
            top = np.argmax(np.abs(row))
            row[top] = np.abs(row[top])
    return x.astype(np.float32), w.astype(np.float32)


# ---- rounding to codes, and choosing the lowest scores

def codes(t, zero, low, high, exact=None):
    """clamp(round(t) + zero, low, high); no t may lie where a small error changes the result, but for +-exact."""
    q = np.clip(np.rint(t) + zero, low, high)
    for nudge in (-MARGIN, MARGIN):
        nudged = np.clip(np.rint(np.where(np.abs(t) == exact, t, t + nudge)) + zero, low, high)
        assert np.array_equal(nudged, q), "near a tie"
    return q


def distinct(below, above):
    assert np.all((above - below > 1e-6 * above) | ((above == 0) & (below == 0))), "scores too close"


def lowest(score, count):
    """Mask of the `count` lowest in each row."""
    order = np.argsort(score, axis=1, kind="stable")
    ranked = np.take_along_axis(score, order, axis=1)
    distinct(ranked[:, count - 1], ranked[:, count])
    mask = np.zeros(score.shape, bool)
    np.put_along_axis(mask, order[:, :count], True, axis=1)
    return mask


def lowest_of_each(score, n, m):
    return np.concatenate([lowest(score[:, j:j + m], n) for j in range(0, score.shape[1], m)], axis=1)


def under_threshold(score, sparsity):
    ranked, k = np.sort(score.ravel()), int(score.size * sparsity)
    distinct(ranked[k], ranked[k + 1])
    return score <= ranked[k]


# ---- grids; scale and zero have one column for each group (one group: the whole row)

def gptq_grid(w, bits, symmetric):
    low, high = np.minimum(w.min(1), 0.0), np.maximum(w.max(1), 0.0)
    if symmetric:
        high = np.maximum(-low, high)
        low = np.where(low < 0, -high, low)
    empty = (low == 0) & (high == 0)
    low, high = np.where(empty, -1.0, low), np.where(empty, 1.0, high)
    scale = (high - low) / (2 ** bits - 1)
    if symmetric:
        return scale, np.full(scale.shape, 2.0 ** (bits - 1))
    codes((-low / scale)[~empty], 0, 0, 2 ** bits - 1)  # only for its assertion
    return scale, np.rint(-low / scale)


def static_grid(w, bits, symmetric, group):
    grids = [gptq_grid(w[:, j:j + group], bits, symmetric) for j in range(0, w.shape[1], group)]
    return np.stack([g[0] for g in grids], axis=1), np.stack([g[1] for g in grids], axis=1)


def on_grid(w, scale, zero, bits):
    return scale * (codes(w / scale, zero, 0, 2 ** bits - 1) - zero)


def round_to_nearest(w, scale, zero, bits):
    group = w.shape[1] // scale.shape[1]
    return on_grid(w, np.repeat(scale, group, axis=1), np.repeat(zero, group, axis=1), bits)


def awq_groups(w, shrink=1.0):
    """Asymmetric, 4 bits, after clamping; `shrink` is one number or one for each row and group."""
    g = w.reshape(ROWS, COLUMNS // GROUP, GROUP)
    limit = (np.abs(g).max(2) * shrink)[:, :, None]
    g = np.clip(g, -limit, limit)
    low = g.min(2, keepdims=True)
    width = np.maximum(g.max(2, keepdims=True) - low, 1e-5)
    zero = np.clip(-codes(low / width * 15, 0, -1000, 1000, exact=7.5), 0, 15)
    return ((codes(g / width * 15, zero, 0, 15, exact=7.5) - zero) * (width / 15)).reshape(w.shape)


def int8_rows(v):
    """Symmetric int8 with one scale for each row: values and scales."""
    scale = np.abs(v).max(1, keepdims=True) / 127
    scale[scale == 0] = 1.0
    return codes(v / scale, 0, -128, 127) * scale, scale[:, 0]


def int8_rows_asymmetric(v):
    low, high = np.minimum(v.min(1, keepdims=True), 0.0), np.maximum(v.max(1, keepdims=True), 0.0)
    scale = np.maximum((high - low) / 255, 2.0 ** -23)
    zero = codes(np.clip(-128 - low / scale, -128, 127), 0, -128, 127)
    return (codes(v / scale, zero, -128, 127) - zero) * scale, scale[:, 0], zero[:, 0]


# ---- GPTQ and SparseGPT

def upper_factor(h):
    h = h + np.diag(np.full(len(h), 0.01 * np.mean(np.diag(h))))
    return np.linalg.cholesky(np.linalg.inv(h)).T


def prepare(w, gram, tokens):
    """W and H with dead columns set; H without damping."""
    w, h = w.copy(), 2.0 / tokens * gram
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    w[:, dead] = 0.0
    return w, h


def sweep(w, u, block, column_values):
    """Step 7. column_values(w, i, begin, end): quantized column i; w has all updates of its block."""
    w = w.copy()
    for begin in range(0, w.shape[1], block):
        end = min(begin + block, w.shape[1])
        errors = np.zeros((w.shape[0], end - begin))
        for i in range(begin, end):
            q = column_values(w, i, begin, end)
            e = (w[:, i] - q) / u[i, i]
            w[:, i + 1:end] -= np.outer(e, u[i, i + 1:end])
            w[:, i] = q
            errors[:, i - begin] = e
        w[:, end:] -= errors @ u[begin:end, end:]
    return w


def gptq(w, gram, tokens, block, bits, symmetric, group=COLUMNS, static=True, act_order=False):
    """Values, and scale and zero [rows, groups]."""
    scale, zero = static_grid(w, bits, symmetric, group)
    w, h = prepare(w, gram, tokens)
    assert all(np.array_equal(a, b) for a, b in zip((scale, zero), static_grid(w, bits, symmetric, group)))
    perm = np.argsort(-np.diag(h), kind="stable") if act_order else np.arange(w.shape[1])

    def column_values(w, i, begin, end):
        g = perm[i] // group
        if not static and i % group == 0:
            scale[:, g], zero[:, g] = gptq_grid(w[:, i:i + group], bits, symmetric)
        return on_grid(w[:, i], scale[:, g], zero[:, g], bits)

    q = np.empty_like(w)
    q[:, perm] = sweep(w[:, perm], upper_factor(h[perm][:, perm]), block, column_values)
    return q, scale, zero


def sparsegpt(w, gram, tokens, block, sparsity=0.0, n=0, m=0, grid=None):
    """Values, and the mask of what is kept; grid: scale, zero (one for each row) and bits."""
    w, h = prepare(w, gram, tokens)
    u = upper_factor(h)
    pruned = np.zeros(w.shape, bool)

    def column_values(w, i, begin, end):
        score = w ** 2 / np.diag(u) ** 2
        if n == 0 and i == begin:
            pruned[:, begin:end] = under_threshold(score[:, begin:end], sparsity)
        if n != 0 and i % m == 0:
            pruned[:, i:i + m] = lowest(score[:, i:i + m], n)
        kept = w[:, i] if grid is None else on_grid(w[:, i], grid[0][:, 0], grid[1][:, 0], grid[2])
        return np.where(pruned[:, i], 0.0, kept)

    return sweep(w, u, block, column_values), ~pruned


# ---- searches

def first_least(loss):
    """Index of the first least along the last axis; the others must be equal to it or clearly greater."""
    best = loss.min(-1, keepdims=True)
    assert np.all((loss == best) | (loss > best * (1 + 1e-9))), "losses too close"
    return loss.argmin(-1)


def awq_scale(sum_abs, tokens, i):
    s = np.maximum((sum_abs / tokens) ** (i / 20), 1e-4)
    return s / np.sqrt(s.max() * s.min())


def awq_clip(w, x):
    """Values, the chosen i of each row and group, and all errors [rows, groups, 10]."""
    shrinks = 1.0 - np.arange(10) / 20
    errors = np.empty((ROWS, COLUMNS // GROUP, 10))
    for i, shrink in enumerate(shrinks):
        d = (w - awq_groups(w, shrink)).reshape(ROWS, -1, GROUP)
        for g in range(COLUMNS // GROUP):
            errors[:, g, i] = ((x[:, g * GROUP:(g + 1) * GROUP] @ d[:, g].T) ** 2).sum(0)
    index = first_least(errors)
    return awq_groups(w, shrinks[index]), index, errors


def smooth(x, w, alpha):
    top_x, top_w = np.abs(x).max(0), np.abs(w).max(0)
    s = np.maximum(top_x ** alpha / np.maximum(top_w, 1e-5) ** (1 - alpha), 1e-5)
    s[top_x == 0] = 1.0
    return s, int8_rows(w * s)[0] / s, int8_rows(x / s)[0] * s


def llm_int8(x, w):
    """Outlier columns, and y with the outlier columns of W as they are or quantized."""
    outlier = (np.abs(x) >= 6.0).any(0)
    assert not outlier[np.abs(w).argmax(1)].any()
    qx, qw = int8_codes(np.where(outlier, 0.0, x)), int8_codes(w)
    y = (qx[0] @ qw[0].T) * qx[1] * qw[1].T / 127 ** 2
    quantized_w = qw[0] * qw[1] / 127
    return outlier, y + x[:, outlier] @ w[:, outlier].T, y + x[:, outlier] @ quantized_w[:, outlier].T


def int8_codes(v):
    top = np.abs(v).max(1, keepdims=True)
    return codes(v * 127 / np.where(top == 0, 1.0, top), 0, -127, 127), top


def hadamard(order):
    h = np.ones((1, 1))
    while len(h) < order:
        h = np.block([[h, h], [h, -h]])
    return h / np.sqrt(order)


# ---- all arrays

def build(seed):
    stored_x, stored_w = make_inputs(seed)
    out = {"x": stored_x, "weights": stored_w}
    x, w = stored_x.astype(np.float64), stored_w.astype(np.float64)
    gram, tokens = x.T @ x, len(x)
    out.update({"count": np.array([tokens]), "sum_abs": np.abs(x).sum(0), "sum_square": (x ** 2).sum(0),
                "max_abs": np.abs(x).max(0), "gram": gram})

    def objective(q):
        return np.array([np.trace((w - q) @ gram @ (w - q).T) / tokens])

    # Round to nearest on the grids of GPTQ.
    grids = {"sym4_row": (4, True, COLUMNS), "asym4_row": (4, False, COLUMNS), "sym3_group": (3, True, GROUP)}
    for name, (bits, symmetric, group) in grids.items():
        q = round_to_nearest(w, *static_grid(w, bits, symmetric, group), bits)
        out[f"rtn.{name}.values"], out[f"rtn.{name}.objective"] = q, objective(q)

    h = prepare(w, gram, tokens)[1]
    out["gptq.perm"] = np.argsort(-np.diag(h), kind="stable").astype(np.int64)
    out["gptq.upper_diagonal"] = np.diag(upper_factor(h)).copy()
    distinct(*np.sort(np.diag(h))[[np.arange(COLUMNS - 1), np.arange(1, COLUMNS)]])
    variants = {"sym4_row": ("sym4_row", {}), "asym4_row": ("asym4_row", {}),
                "sym3_group": ("sym3_group", {"static": False}), "sym3_static": ("sym3_group", {}),
                "sym4_row_act": ("sym4_row", {"act_order": True}),
                "sym3_static_act": ("sym3_group", {"act_order": True})}
    for name, (grid, options) in variants.items():
        bits, symmetric, group = grids[grid]
        q, scale, zero = gptq(w, gram, tokens, 128, bits, symmetric, group, **options)
        small_blocks = gptq(w, gram, tokens, 16, bits, symmetric, group, **options)[0]
        assert np.abs(q - small_blocks).max() < 1e-12
        out.update({f"gptq.{name}.values": q, f"gptq.{name}.scale": scale, f"gptq.{name}.zero": zero,
                    f"gptq.{name}.objective": objective(q)})
        assert objective(q) < out[f"rtn.{grid}.objective"]

    # Pruning.
    row_grid = static_grid(w, 4, True, COLUMNS)
    half, two_of_four = under_threshold(np.abs(w), 0.5), lowest_of_each(np.abs(w), 2, 4)
    magnitude = {"half": np.where(half, 0.0, w), "2_4": np.where(two_of_four, 0.0, w),
                 "half_sym4": np.where(half, 0.0, round_to_nearest(w, *row_grid, 4))}
    for name, q in magnitude.items():
        out[f"magnitude.{name}.values"], out[f"magnitude.{name}.objective"] = q, objective(q)
    variants = {"half_block128": ("half", 128, {"sparsity": 0.5}), "half_block16": ("half", 16, {"sparsity": 0.5}),
                "2_4": ("2_4", 128, {"n": 2, "m": 4}),
                "half_sym4": ("half_sym4", 128, {"sparsity": 0.5, "grid": (*row_grid, 4)})}
    for name, (baseline, block, options) in variants.items():
        q, kept = sparsegpt(w, gram, tokens, block, **options)
        out.update({f"sparsegpt.{name}.values": q, f"sparsegpt.{name}.kept": kept.astype(np.uint8),
                    f"sparsegpt.{name}.objective": objective(q)})
        assert objective(q) < out[f"magnitude.{baseline}.objective"]
    assert np.abs(out["sparsegpt.2_4.values"] - sparsegpt(w, gram, tokens, 16, n=2, m=4)[0]).max() < 1e-12

    score = np.abs(w) * np.sqrt(out["sum_square"] / tokens)
    masks = {str(s): lowest(score, int(COLUMNS * s)) for s in (0.3, 0.5, 0.6)}
    masks.update({"2_4": lowest_of_each(score, 2, 4), "4_8": lowest_of_each(score, 4, 8)})
    for name, pruned in masks.items():
        q = np.where(pruned, 0.0, w)
        out.update({f"wanda.{name}.values": q, f"wanda.{name}.kept": (~pruned).astype(np.uint8),
                    f"wanda.{name}.objective": objective(q)})

    # AWQ.
    scales = [awq_scale(out["sum_abs"], tokens, i) for i in range(20)]
    scaled = [awq_groups(w * s) / s for s in scales]
    loss = np.array([np.mean((x @ w.T - x @ q.T) ** 2) for q in scaled])
    best = first_least(loss)
    assert 0 < best and loss[best] < loss[0]
    s = scales[best]
    out.update({"awq.rtn.values": scaled[0], "awq.scale.loss": loss, "awq.scale.best": np.array([best]),
                "awq.scale.s": s, "awq.scale.values": scaled[best]})
    q, index, errors = awq_clip(w, x)
    out.update({"awq.clip.values": q, "awq.clip.index": index, "awq.clip.errors": errors})
    q, index, errors = awq_clip(w * s, x / s)
    out.update({"awq.both.values": q / s, "awq.both.index": index})
    for name in ("rtn", "scale", "clip", "both"):
        out[f"awq.{name}.objective"] = objective(out[f"awq.{name}.values"])

    # Weights and activations.
    for alpha in (0.5, 0.8):
        s, weights, activations = smooth(x, w, alpha)
        out.update({f"smooth.{alpha}.s": s, f"smooth.{alpha}.weights": weights,
                    f"smooth.{alpha}.activations": activations[:64].copy(),
                    f"smooth.{alpha}.y": activations @ weights.T})
    outlier, y, y_dequantized = llm_int8(x, w)
    assert list(np.flatnonzero(outlier)) == [OUTLIER]
    out.update({"llm_int8.outlier": outlier.astype(np.uint8), "llm_int8.y": y,
                "llm_int8.y_dequantized": y_dequantized[:64].copy()})
    out["activations.token.values"], out["activations.token.scale"] = int8_rows(x)
    flat, scale = int8_rows(x.reshape(1, -1))
    out["activations.tensor.values"], out["activations.tensor.scale"] = flat.reshape(x.shape), scale
    q, scale, zero = int8_rows_asymmetric(x)
    out.update({"activations.token_asymmetric.values": q, "activations.token_asymmetric.scale": scale,
                "activations.token_asymmetric.zero": zero})

    rotation = hadamard(COLUMNS)
    out["hadamard.rotated"] = w @ rotation
    out["hadamard.back"] = out["hadamard.rotated"] @ rotation.T
    assert np.abs(out["hadamard.back"] - w).max() < 1e-14
    return out


if __name__ == "__main__":
    write_safetensors(Path(__file__).with_name("calibrated.safetensors"), build(SEED))
