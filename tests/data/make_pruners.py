#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes pruners.safetensors: magnitude pruning by the published rules, n:m and structured, with ties at the cuts.

Magnitudes are multiples of 1/16, so that many weights share one and every sum of squares is exact.  A pruned weight
becomes +0; the others keep their bits.  README.md in this folder says what each array is.

Written from the definitions, before the C++ it tests.
"""
import numpy as np

from write_oracle import write_safetensors

F = np.float32
ROWS, COLUMNS = 12, 64
SPARSITIES = ("0", "0.1", "0.25", "0.5", "0.9")
HEAD_COLUMNS, HEAD_ROWS = 16, 4


def lattice(rng, shape, scale):
    """Multiples of 1/16 of either sign, none of them 0."""
    steps = np.maximum(np.rint(16 * np.abs(rng.standard_normal(shape)) * scale), 1)
    return (np.where(rng.random(shape) < 0.5, -1.0, 1.0) * steps / 16).astype(F)


def norms(w, axis):
    return np.sqrt((w.astype(np.float64) ** 2).sum(axis=axis))


def straddles(magnitudes, sparsity):
    """Whether the k smallest end in the middle of a tie."""
    s, k = np.sort(magnitudes, axis=None), int(sparsity * magnitudes.size)
    return s[k - 1] == s[k]


def make_weights(rng):
    w = lattice(rng, (ROWS, COLUMNS), np.linspace(0.8, 1.3, ROWS).reshape(-1, 1))
    w[10] = np.where(np.arange(COLUMNS) % 3 == 0, -1.25, 1.25)  # every magnitude the same
    w[11, 0::2] = -w[11, 1::2]  # each magnitude at least twice
    # Two columns with the same norm on either side of the cut at 0.5, then two rows on either side of that at 0.25.
    # Each of the two moves the norms of the other a little: repeat until both hold.
    while not (straddles(norms(w, 0), 0.5) and straddles(norms(w, 1), 0.25)):
        rank = np.argsort(norms(w, 0), kind="stable")
        w[:, rank[32]] = -w[:, rank[31]]
        rank = np.argsort(norms(w, 1), kind="stable")
        w[rank[3]] = -w[rank[2]]
    w2 = lattice(rng, (6, 32), 1.0)
    w2[1, 5], w2[3, 9], w2[4, 0] = 0.0, -0.0, 0.0
    return w, w2


def zero_at_most(w, threshold):
    return np.where(np.abs(w) <= threshold, F(0), w)


def paper(w, sparsity):
    """k = floor(s n); prunes every weight up to the k-th smallest magnitude, ties included; k = 0 prunes nothing."""
    k = int(np.floor(sparsity * w.size))
    return w.copy() if k == 0 else zero_at_most(w, np.sort(np.abs(w), axis=None)[k - 1])


def wanda_repository(w, sparsity):
    """The threshold is sorted[int(n s)], counted from 0: k + 1 weights and the ties of the last, even at s = 0."""
    return zero_at_most(w, np.sort(np.abs(w), axis=None)[int(w.size * sparsity)])


def llm_compressor(w, sparsity):
    """k = int(s n); keeps what is greater than the k-th smallest magnitude; k = 0 keeps everything."""
    k = int(sparsity * w.size)
    keep = np.ones(w.shape, bool) if k == 0 else np.abs(w) > np.partition(np.abs(w).ravel(), k - 1)[k - 1]
    return np.where(keep, w, F(0))


def per_row(w, sparsity):
    return np.stack([paper(row, sparsity) for row in w])


def both(w, w2, sparsity):
    """One threshold for the two tensors as if they were one, by the paper's rule."""
    joined = paper(np.concatenate([w.ravel(), w2.ravel()]), sparsity)
    return joined[:w.size].reshape(w.shape), joined[w.size:].reshape(w2.shape)


def n_of_m(w, n, m):
    """Zeroes the n smallest magnitudes of each m consecutive columns; of equal ones the leftmost first."""
    out = w.copy()
    for row in out:
        for left in range(0, w.shape[1], m):
            order = sorted(range(left, left + m), key=lambda c: (abs(row[c]), c))
            row[order[:n]] = 0.0
    return out


def structured(w, sparsity, height, width):
    """Cuts w into blocks of `height` rows and `width` columns, each spanning the other dimension, and zeroes the
    int(s blocks) of smallest L2 norm; of equal ones the first first."""
    blocks = [(slice(r, r + height), slice(c, c + width)) for r in range(0, ROWS, height)
              for c in range(0, COLUMNS, width)]
    order = sorted(range(len(blocks)), key=lambda i: (norms(w[blocks[i]].reshape(1, -1), 1)[0], i))
    out = w.copy()
    for i in order[:int(sparsity * len(blocks))]:
        out[blocks[i]] = 0.0
    return out


def check(out):
    w, w2 = out["weights"], out["weights2"]
    n, joined = w.size, np.abs(np.concatenate([w.ravel(), w2.ravel()]))
    for text in SPARSITIES[1:]:
        s = float(text)
        assert straddles(np.abs(w), s) and straddles(joined, s)
        assert 4 <= sum(straddles(np.abs(row), s) for row in w) < ROWS
        zeros = {name: int((out[f"{name}.{text}"] == 0).sum()) for name in ("paper", "wanda_repo", "llmc")}
        assert int(s * n) < zeros["paper"] == zeros["llmc"] <= zeros["wanda_repo"] < s * n + 70
    # With a tie at the cut both rules take the whole tie; they differ where there is none, and at 0.
    assert (out["paper.0"] == w).all() and 0 < (out["wanda_repo.0"] == 0).sum()
    assert (out["paper.distinct"] == 0).sum() + 1 == (out["wanda_repo.distinct"] == 0).sum()
    for (zeroed, m) in ((2, 4), (4, 8), (1, 4)):
        pruned = out[f"nm.{zeroed}_{m}"].reshape(-1, m)
        assert ((pruned == 0).sum(axis=1) == zeroed).all()
    assert straddles(norms(w, 0), 0.5) and straddles(norms(w, 1), 0.25)
    assert (np.diff(np.sort([norms(w[:, i:i + 16].reshape(1, -1), 1)[0] for i in range(0, COLUMNS, 16)])) > 1e-3).all()
    assert (np.diff(np.sort([norms(w[i:i + 4].reshape(1, -1), 1)[0] for i in range(0, ROWS, 4)])) > 1e-3).all()
    for text in SPARSITIES:
        s = float(text)
        assert (out[f"rows.{text}"] == 0).all(axis=1).sum() == int(s * ROWS)
        assert (out[f"columns.{text}"] == 0).all(axis=0).sum() == int(s * COLUMNS)
        assert (out[f"heads_o.{text}"] == 0).all(axis=0).sum() == 16 * int(s * 4)
        assert (out[f"heads_q.{text}"] == 0).all(axis=1).sum() == 4 * int(s * 3)
    for name, x in out.items():
        source = w2 if x.shape == w2.shape else out["distinct"] if name.endswith("distinct") else w
        assert np.isfinite(x).all() and ((x == source) | (x == 0)).all(), name


def main():
    rng = np.random.default_rng(20261202)
    w, w2 = make_weights(rng)
    out = {"weights": w, "weights2": w2}
    for text in SPARSITIES:
        s = float(text)
        out[f"paper.{text}"] = paper(w, s)
        out[f"wanda_repo.{text}"] = wanda_repository(w, s)
        out[f"llmc.{text}"] = llm_compressor(w, s)
        out[f"row.{text}"] = per_row(w, s)
        out[f"global.{text}"], out[f"global2.{text}"] = both(w, w2, s)
        out[f"rows.{text}"] = structured(w, s, 1, COLUMNS)
        out[f"columns.{text}"] = structured(w, s, ROWS, 1)
        out[f"heads_o.{text}"] = structured(w, s, ROWS, HEAD_COLUMNS)
        out[f"heads_q.{text}"] = structured(w, s, HEAD_ROWS, COLUMNS)
    for n, m in ((2, 4), (4, 8), (1, 4)):
        out[f"nm.{n}_{m}"] = n_of_m(w, n, m)
    order = rng.permutation(w.size).reshape(w.shape)
    out["distinct"] = ((order + 1) / 16 * np.where(order % 2 == 0, 1, -1)).astype(F)
    for name, rule in (("paper", paper), ("wanda_repo", wanda_repository), ("llmc", llm_compressor)):
        out[f"{name}.distinct"] = rule(out["distinct"], 0.25)
    check(out)
    write_safetensors("pruners.safetensors", out)


if __name__ == "__main__":
    main()
