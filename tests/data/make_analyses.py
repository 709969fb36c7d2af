#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes analyses.json and analyses.safetensors: shift accounting, meaning drift, families and substitution, damage by
token, probes and steering, oracle patching, by definition, each number by two ways that must agree where a second way
exists.  README.md in this folder names every entry and every choice.

Needs numpy, scipy and scikit-learn (Debian 12: 1.24, 1.10, 1.2).  Written from the definitions alone, before the C++ it
tests.
"""
import json
import math
from collections import defaultdict
from itertools import permutations
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.metrics import roc_auc_score

from write_oracle import write_safetensors

HERE = Path(__file__).parent
ROWS, LENGTH, FEATURES, WIDTH, VOCABULARY = 16, 50, 40, 12, 50
TOKENS = ROWS * LENGTH
POSITION = np.arange(TOKENS) % LENGTH
ROW = np.arange(TOKENS) // LENGTH
NONE = 0xFFFFFFFF


def close(a, b, tolerance=1e-11):
    assert (a is None) == (b is None), (a, b)
    assert a is None or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b)), (a, b)
    return a


def ratio(a, b):
    """a / b, None where b is 0: undefined is never 0."""
    return None if b == 0 else float(a / b)


def plain(value):
    """The same with Python's numbers, NaN as null."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return None if math.isnan(value) else float(value)
    return value


def pearson(x, y):
    """None unless both vary."""
    x, y = np.asarray(x, np.longdouble), np.asarray(y, np.longdouble)
    if len(x) < 2 or (x == x[0]).all() or (y == y[0]).all():
        return None
    a, b = x - x.mean(), y - y.mean()
    r = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    return close(r, float(np.corrcoef(x.astype(float), y.astype(float))[0, 1]))


def spearman(x, y):
    return pearson(stats.rankdata(x), stats.rankdata(y))


# ------------------------------------------------------------------------------------------------------- the inputs

def draw_tokens(rng):
    weight = 1 / (np.arange(VOCABULARY - 2) + 2.0)
    tokens = rng.choice(VOCABULARY - 2, TOKENS, p=weight / weight.sum()).astype(np.uint32)
    tokens[411] = VOCABULARY - 2  # once; the last id never
    return tokens


def draw_decoder(rng):
    """Unit directions of which no unplanned pair has a cosine above 0.45, times lengths; then the planned ones."""
    rows = []
    while len(rows) < FEATURES:
        v = rng.standard_normal(WIDTH)
        v /= np.linalg.norm(v)
        if all(v @ other < 0.45 for other in rows):
            rows.append(v)
    w = np.array(rows) * rng.uniform(0.5, 1.5, (FEATURES, 1))

    def beside(k, i, cosine, kin=()):
        """A row k at this cosine to row i, at no more than 0.45 to any other row that is not kin."""
        u = w[i] / np.linalg.norm(w[i])
        while True:
            v = rng.standard_normal(WIDTH)
            v -= (v @ u) * u
            v = cosine * u + math.sqrt(1 - cosine ** 2) * v / np.linalg.norm(v)
            with np.errstate(all="ignore"):
                others = np.delete(w @ v / np.linalg.norm(w, axis=1), [k, i, *kin])
            if np.nanmax(others) < 0.45:
                return v

    w[9] = 0
    for j, length in ((20, 0.5), (21, 0.4), (36, 0.2)):
        w[j] *= length / np.linalg.norm(w[j])
    w = w.astype(np.float32).astype(float)
    w[12] = 2 * w[11]
    w[14] = beside(14, 13, 0.78)
    w[15] = beside(15, 14, 0.81, (13,))
    w[29] = beside(29, 17, 0.75)
    for k, cosine in ((31, 0.93), (32, 0.85), (33, 0.74)):
        w[k] = beside(k, 30, cosine, range(31, 34))
    w[35] = beside(35, 34, 0.6)
    return w.astype(np.float32)


def draw_codes(rng, tokens):
    x, y = np.zeros((TOKENS, FEATURES), np.float32), np.zeros((TOKENS, FEATURES), np.float32)
    likes = [rng.choice(30, 4, replace=False) for _ in range(FEATURES)]
    likes[20], likes[21] = [6, 9, 11, 14], [5, 8, 12, 13]

    def values(n):
        return rng.lognormal(0, 0.6, n).astype(np.float32)

    def fires(j, rate=0.65, other=0.02):
        return rng.random(TOKENS) < np.where(np.isin(tokens, likes[j]), rate, other)

    for j in range(FEATURES):
        on = fires(j)
        x[on, j] = values(on.sum())
        kept = on & (rng.random(TOKENS) > rng.uniform(0.02, 0.3))
        noise = rng.uniform(0.02, 0.4)
        y[kept, j] = x[kept, j] * np.exp(noise * rng.standard_normal(kept.sum())) * rng.uniform(0.8, 1.1)
        ghosts = ~on & (rng.random(TOKENS) < rng.uniform(0, 0.015))
        y[ghosts, j] = 0.3 * values(ghosts.sum())
    y[:, 0] = x[:, 0]
    x[:, 1] = y[:, 1] = 0
    y[:, 2] = 0
    x[:, 3] = 0
    x[:, 4], y[:, 4] = (x[:, 4] > 0) * 1.25, (y[:, 4] > 0) * 0.75
    x[:, 5] = 0.2 + 0.2 * values(TOKENS)
    y[:, 5] = x[:, 5] * np.exp(0.3 * rng.standard_normal(TOKENS))
    x[POSITION > 0, 6] = y[POSITION > 0, 6] = 0
    x[POSITION == 0, 6] = 3 + values(ROWS)
    y[POSITION == 0, 6] = x[POSITION == 0, 6] * np.float32(0.9)
    x[:, 7] = y[:, 7] = 0
    x[[44, 260, 700], 7] = 0.5, 2, 1
    y[[260, 701], 7] = 1.5, 2.5
    x[:, 8], y[:, 8] = np.ceil(2 * x[:, 8]) / 2, np.ceil(2 * y[:, 8]) / 2
    x[ROW // 4 % 2 == 1, 10] = 0
    missed = np.flatnonzero((x[:, 11] > 0) & (rng.random(TOKENS) < 0.5))
    x[missed, 12] = 0
    y[missed, 12] = x[missed, 11] / 2
    y[:, 11] = x[:, 11]
    y[missed, 11] = 0
    both = fires(16, 0.8)  # 16 and 17 fire together
    x[:, 16] = both * values(TOKENS)
    x[:, 17] = (both & (rng.random(TOKENS) < 0.8)) * values(TOKENS)
    x[:, 18:20] = 0  # 30 together, 15 each alone: J = 30 / 60
    chosen = rng.permutation(np.setdiff1d(np.arange(TOKENS), (137, 138, 555)))[:60]
    x[chosen[:45], 18], x[chosen[15:], 19] = values(45), values(45)
    y[:, 16:20] = x[:, 16:20] * (rng.random((TOKENS, 4)) < 0.9) * np.exp(0.1 * rng.standard_normal((TOKENS, 4)))
    for j, noise, added in ((20, 0.01, (2, 3)), (21, 1.5, (0, 4))):  # new tokens; 20 alone keeps its magnitudes
        y[:, j] = (x[:, j] > 0) * x[:, j] * np.exp(noise * rng.standard_normal(TOKENS))
        new = np.isin(tokens, added) & (x[:, j] == 0)
        y[new, j] = 1 + values(new.sum())
    previous = np.roll(tokens, 1)  # 36 fires after certain tokens, and under compression after others
    x[:, 36] = (np.isin(previous, (3, 4, 7)) & (POSITION > 0)) * values(TOKENS)
    y[:, 36] = x[:, 36] * np.float32(0.75)
    new = np.isin(previous, (0, 1)) & (POSITION > 0)
    y[new, 36] = 4 + values(new.sum())
    y[:, 22] = (x[:, 22] > 0) * values(TOKENS)  # same tokens, unrelated magnitudes
    y[:, 23] = (x[:, 23] == 0) * fires(24) * values(TOKENS)  # never together
    x[137], y[137] = 0, 0
    y[138], x[555] = 0, 0
    x[138, 24], y[555, 25] = 1.5, 2.5
    return x, y


def draw_dense(rng, x, y, w, b):
    """float32, multiples of 2^-12: codes decoded, plus what the SAE misses."""
    def stored(a):
        return (np.round(a * 4096) / 4096).astype(np.float32)

    miss = 0.5 * rng.standard_normal((TOKENS, WIDTH))
    massive = (POSITION == 0)[:, None] * 20 * np.eye(WIDTH)[3]
    h = x.astype(float) @ w + b + miss + massive
    h[300] = 0
    shift = 0.1 * rng.standard_normal(WIDTH)
    q = h + (y.astype(float) - x) @ w + shift + 0.2 * rng.standard_normal((TOKENS, WIDTH)) - 0.1 * miss + 0.05 * massive
    return stored(h), stored(q)


def sparse(code):
    token, feature = np.nonzero(code)
    begin = np.searchsorted(token, np.arange(TOKENS + 1)).astype(np.uint32)
    return {"begin": begin, "features": feature.astype(np.uint32), "values": code[token, feature].astype(np.float32)}


# --------------------------------------------------------------------------------------------- A9: shift accounting

def gini(e):
    e = np.sort(np.asarray(e, float))
    n, total = len(e), e.sum()
    if n == 0 or total == 0:
        return None
    g = float(((2 * np.arange(1, n + 1) - n - 1) * e).sum() / (n * total))
    return close(g, float(np.abs(e[:, None] - e[None, :]).sum() / (2 * n * total)))


def top_share(e, percent):
    """Of the ceil(percent F / 100) largest."""
    count = -(-percent * len(e) // 100)
    return ratio(np.sort(e)[::-1][:count].sum(), e.sum())


def shift(h, q, x, y, w, b):
    h, q, x, y, w, b = (a.astype(float) for a in (h, q, x, y, w, b))
    d = q - h
    p = (y - x) @ w
    e = (q - (y @ w + b)) - (h - (x @ w + b))
    assert np.abs(d - p - e).max() < 1e-12
    dd, pp, qq, pq, dp = [(a * c).sum(1) for a, c in ((d, d), (p, p), (e, e), (p, e), (d, p))]
    total = dd.mean()
    close(total, pp.mean() + qq.mean() + 2 * pq.mean())
    phi = np.array([np.nan if total == 0 else math.fsum((y - x)[:, j] * (d @ w[j])) / TOKENS / total
                    for j in range(FEATURES)])
    share = ratio(dp.mean(), total)
    if share is not None:
        close(float(phi.sum()), share)
    energy = ((y - x) ** 2).mean(0) * (w ** 2).sum(1)
    mean = d.mean(0)
    at = [POSITION == i for i in range(LENGTH)]
    either = (x > 0).any(0) | (y > 0).any(0)
    return {"shift": total, "sae_part": pp.mean(), "error_part": qq.mean(), "cross": 2 * pq.mean(),
            "explained_share": share, "phi": phi, "energy": energy, "gini": gini(energy),
            "gini_firing": gini(energy[either]), "top_1_percent": top_share(energy, 1),
            "top_10_percent": top_share(energy, 10), "mean_shift": mean,
            "mean_shift_share": ratio((mean ** 2).sum(), total),
            "position_shift": [dd[m].mean() for m in at], "position_sae_part": [pp[m].mean() for m in at],
            "position_error_part": [qq[m].mean() for m in at], "position_cross": [2 * pq[m].mean() for m in at],
            "position_explained_share": [ratio(dp[m].mean(), dd[m].mean()) for m in at],
            "position_0_share_of_shift": ratio(dd[at[0]].sum(), dd.sum()),
            "position_0_mean_norm": np.sqrt((h[at[0]] ** 2).sum(1)).mean()}


# ------------------------------------------------------------------------------------------------ A7: meaning drift

def highest(column, k):
    """Firing tokens by value, then row, then position."""
    ordered = sorted((int(t) for t in np.flatnonzero(column > 0)), key=lambda t: (-column[t], ROW[t], POSITION[t]))
    assert ordered == [t for t in np.argsort(-column, kind="stable") if column[t] > 0]
    return ordered[:k]


def rbo(first, second, p=0.9):
    """Extrapolated rank-biased overlap, equation 32 of Webber, Moffat and Zobel (2010)."""
    short, long = sorted((list(first), list(second)), key=len)
    s, l = len(short), len(long)
    if s == 0:
        return None
    shared = [len(set(short[:d]) & set(long[:d])) for d in range(l + 1)]
    total = sum(shared[d] / d * p ** d for d in range(1, l + 1))
    total += sum(shared[s] * (d - s) / (s * d) * p ** d for d in range(s + 1, l + 1))
    value = (1 - p) / p * total + ((shared[l] - shared[s]) / l + shared[s] / s) * p ** l

    def agreement(d):  # what the extrapolation supposes: the short list goes on as it was, then both do
        return shared[d] / d if d <= s else (shared[min(d, l)] + shared[s] * (min(d, l) - s) / s) / min(d, l)
    return close(value, (1 - p) * math.fsum(p ** (d - 1) * agreement(d) for d in range(1, 1500)))


def distribution(values, ids):
    mass = np.bincount(ids, values.astype(float), VOCABULARY)
    return mass / mass.sum() if mass.sum() > 0 else None


def jsd(p, q):
    """Base 2, of two distributions with equal weights."""
    if p is None or q is None:
        return None

    def entropy(a):
        a = a[a > 0]
        return -math.fsum(a * np.log2(a))
    m = (p + q) / 2
    value = entropy(m) - (entropy(p) + entropy(q)) / 2

    def kl(a):
        on = a > 0
        return math.fsum(a[on] * np.log2(a[on] / m[on]))
    return close(max(0.0, value), (kl(p) + kl(q)) / 2)


def meaning(x, y, tokens):
    previous, after = np.roll(tokens, 1), POSITION > 0
    out, arrays = {}, {}
    lists = [(highest(x[:, j], 50), highest(y[:, j], 50)) for j in range(FEATURES)]
    for side, name in ((0, "x"), (1, "y")):
        top = np.full((FEATURES, 50), NONE, np.uint32)
        for j in range(FEATURES):
            top[j, :len(lists[j][side])] = lists[j][side]
        arrays[f"a7.top.{name}"] = top
    for k in (8, 50):
        shared = [len(set(a[:k]) & set(b[:k])) for a, b in lists]
        out[f"shared_{k}"] = shared
        out[f"overlap_{k}"] = [s / k if a or b else None for s, (a, b) in zip(shared, lists)]
        out[f"overlap_longer_{k}"] = [ratio(s, min(k, max(len(a), len(b)))) for s, (a, b) in zip(shared, lists)]
        out[f"rbo_{k}"] = [rbo(a[:k], b[:k]) for a, b in lists]
    out["n_x"], out["n_y"] = (x > 0).sum(0), (y > 0).sum(0)
    together = (x > 0) & (y > 0)
    out["n_xy"] = together.sum(0)
    out["r_on"] = [pearson(x[on, j], y[on, j]) for j, on in enumerate(together.T)]
    measured = out["n_x"] >= 50
    for name, ids, use in (("current", tokens, np.ones(TOKENS, bool)), ("previous", previous, after)):
        def of(column, where):
            where = where & use & (column > 0)
            return distribution(column[where], ids[where])
        every = np.ones(TOKENS, bool)
        part = {"jsd": [jsd(of(x[:, j], every), of(y[:, j], every)) for j in range(FEATURES)], "controls": []}
        for groups in (4, 8):
            odd = ROW * groups // ROWS % 2 == 1
            control = [jsd(of(x[:, j], ~odd), of(x[:, j], odd)) for j in range(FEATURES)]
            entry = {"groups": groups, "jsd_even_odd": control}
            for label, chosen in (("all", np.ones(FEATURES, bool)), ("measured", measured)):
                defined = np.sort([c for c, use_it in zip(control, chosen) if c is not None and use_it])
                place = 0.99 * (len(defined) - 1)
                low = int(place)
                threshold = float(np.quantile(defined, 0.99))
                close(threshold, float(defined[low] + (place - low) * (defined[min(low + 1, len(defined) - 1)]
                                                                        - defined[low])))
                table, left_out = [[0, 0], [0, 0]], 0
                for j in np.flatnonzero(chosen):
                    if part["jsd"][j] is None or out["r_on"][j] is None:
                        left_out += 1
                        continue
                    assert abs(part["jsd"][j] - threshold) > 1e-6 and abs(out["r_on"][j] - 0.9) > 1e-6
                    table[part["jsd"][j] > threshold][out["r_on"][j] > 0.9] += 1
                entry[label] = {"defined": len(defined), "quantile_99": threshold, "table": table,
                                "left_out": left_out, "changed": [int(j) for j in np.flatnonzero(chosen)
                                if part["jsd"][j] is not None and part["jsd"][j] > threshold]}
            part["controls"].append(entry)
        out[name] = part
        arrays[f"a7.distribution.{name}.x"], arrays[f"a7.distribution.{name}.y"] = [
            np.array([of(a[:, j], every) for j in (8, 20)]) for a in (x, y)]
    out["rbo_cases"] = [dict(first=a, second=b, p=p, rbo=rbo(a, b, p)) for a, b, p in (
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 0.9), ([1, 2, 3], [4, 5, 6], 0.9), ([1, 2, 3, 4, 5], [5, 4, 3, 2, 1], 0.9),
        ([1, 2, 3], [1, 2, 3, 4, 5, 6, 7], 0.9), ([3, 9], [1, 2, 3, 4, 5, 9], 0.9), ([1], [1], 0.9), ([1], [2, 1], 0.9),
        ([7, 1, 4], [1, 8, 7, 2, 4, 6], 0.5), ([7, 1, 4], [1, 8, 7, 2, 4, 6], 0.98), ([], [1, 2], 0.9), ([], [], 0.9))]
    out["jsd_cases"] = [dict(p=p, q=q, jsd=jsd(np.array(p), np.array(q))) for p, q in (
        ([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]), ([1.0, 0.0], [0.0, 1.0]), ([0.5, 0.5, 0.0], [0.0, 0.5, 0.5]),
        ([0.25, 0.75], [0.75, 0.25]))]
    return out, arrays


# ------------------------------------------------------------------------------------ A11: families and substitution

def components(edges):
    family = list(range(FEATURES))

    def find(i):
        while family[i] != i:
            i = family[i]
        return i
    for i, j in edges:
        a, b = sorted((find(i), find(j)))
        family[b] = a
    return [find(i) for i in range(FEATURES)]


def cut(edges, cosine, limit):
    """While a component has more than `limit` members, drop its edges of least cosine."""
    edges = set(edges)
    while True:
        family = components(edges)
        sizes = np.bincount(family, minlength=FEATURES)
        large = [f for f in range(FEATURES) if sizes[f] > limit]
        if not large:
            return family
        inside = [e for e in edges if family[e[0]] == large[0]]
        least = min(cosine[e] for e in inside)
        edges -= {e for e in inside if cosine[e] <= least}


def icc(values, family):
    """One-way analysis of variance over families of unequal sizes; None where undefined."""
    groups = defaultdict(list)
    for v, f in zip(values, family):
        groups[f].append(v)
    groups = [np.array(g) for g in groups.values()]
    n, k = sum(map(len, groups)), len(groups)
    if k < 2 or n == k:
        return None
    mean = math.fsum(values) / n
    between = math.fsum(len(g) * (g.mean() - mean) ** 2 for g in groups) / (k - 1)
    within = math.fsum(((g - g.mean()) ** 2).sum() for g in groups) / (n - k)
    m0 = (n - sum(len(g) ** 2 for g in groups) / n) / (k - 1)
    value = ratio(between - within, between + (m0 - 1) * within)
    if within > 0:
        f = stats.f_oneway(*groups).statistic
        close(value, (f - 1) / (f + m0 - 1), 1e-9)
    return value


def icc_case(values, family, exact=False):
    out = {"values": values, "family": family, "icc": icc(values, family)}
    if exact:
        alls = [icc([values[i] for i in order], family) for order in permutations(range(len(values)))]
        out["exact_p"] = sum(a >= out["icc"] - 1e-9 for a in alls) / len(alls)
    return out


def substitution(rng, x, y, w):
    w = w.astype(float)
    miss, birth = (x > 0) & (y == 0), (x == 0) & (y > 0)
    counts = miss.astype(int).T @ birth.astype(int)
    loop = np.zeros_like(counts)
    for t in range(TOKENS):
        for j in np.flatnonzero(miss[t]):
            loop[j, birth[t]] += 1
    assert (loop == counts).all()
    n_miss, n_birth = miss.sum(0), birth.sum(0)
    with np.errstate(all="ignore"):
        lift = counts * float(TOKENS) / np.outer(n_miss, n_birth)
        norm = np.linalg.norm(w, axis=1)
        cosine = w @ w.T / np.outer(norm, norm)
        fires = (x > 0).astype(int)
        together = fires.T @ fires
        j_fire = together / (fires.sum(0)[:, None] + fires.sum(0)[None, :] - together)
    top = [[[k, counts[j, k], lift[j, k]] for k in sorted(range(FEATURES), key=lambda k: (-counts[j, k], k))[:5]
            if counts[j, k]] for j in range(FEATURES)]
    moved, moved_to = [], []
    for j in range(FEATURES):
        kin = [k for k in range(FEATURES) if k != j and cosine[j, k] > 0.5]
        best = max(kin, key=lambda k: (counts[j, k], -k), default=None)
        share = None if n_miss[j] == 0 else counts[j, best] / n_miss[j] if best is not None else 0.0
        moved.append(share)
        moved_to.append(best if share else None)
    off = ~np.eye(FEATURES, dtype=bool)
    for edge in (0.5, 0.7):
        assert np.nanmin(np.abs(cosine - edge)[off]) > 1e-4
    assert j_fire[18, 19] == 0.5 and together[18, 19] == 30
    edges = {(i, j) for i in range(FEATURES) for j in range(i + 1, FEATURES)
             if cosine[i, j] > 0.7 or 2 * together[i, j] > fires.sum(0)[i] + fires.sum(0)[j] - together[i, j]}
    r = [pearson(x[:, j], y[:, j]) for j in range(FEATURES)]
    nu = [None if v is None or v == 0 else (1 - v * v) / (v * v) for v in r]
    used = [j for j in range(FEATURES) if nu[j] is not None and nu[j] < 4]  # else two features decide the ICC
    values = [nu[j] for j in used]
    orders = np.array([rng.permutation(len(used)) for _ in range(99)], np.uint32)
    families, permuted = [], []
    for limit in (None, 2, 3):
        family = components(edges) if limit is None else cut(edges, cosine, limit)
        aware = []
        for j in range(FEATURES):
            kin = [k for k in range(FEATURES) if family[k] == family[j]]
            if norm[j] == 0:
                aware.append(None)
                continue
            weight = (w[kin] @ w[j]) / norm[j]  # |w_k| cos
            assert np.abs(weight - norm[kin] * cosine[j, kin]).max() < 1e-12
            aware.append(pearson(x[:, kin].astype(float) @ weight, y[:, kin].astype(float) @ weight))
            if len(kin) == 1:
                close(aware[-1], r[j])
        of = [family[j] for j in used]
        statistic = icc(values, of)
        drawn = np.array([icc([values[i] for i in order], of) for order in orders])
        assert np.abs(drawn - statistic).min() > 1e-9
        permuted.append(drawn)
        large = [j for j in used if of.count(family[j]) > 1]
        families.append({"limit": limit, "family": family, "r_family": aware, "icc": statistic,
                         "icc_without_singletons": icc([nu[j] for j in large], [family[j] for j in large]),
                         "permuted_at_least": int((drawn >= statistic - 1e-9).sum()),
                         "permutation_p": (1 + int((drawn >= statistic - 1e-9).sum())) / (1 + len(orders))})
    rest = icc_case([0.1, 0.3, 0.2, 0.9, 1.1, 0.4, 0.5, 0.45], [0, 0, 0, 1, 1, 2, 2, 3], True)
    middling = icc_case([0.3, 0.8, 0.5, 0.2, 0.9, 0.6, 0.7], [0, 0, 1, 1, 2, 2, 2], True)
    cases = [rest, middling, icc_case([1.0, 1.0, 2.0, 2.0, 5.0, 5.0], [0, 0, 1, 1, 2, 2], True),
             icc_case([1.0, 2.0, 1.0, 2.0], [0, 0, 1, 1], True), icc_case([1.0, 2.0, 3.0], [0, 1, 2]),
             icc_case([1.0, 2.0, 3.0], [0, 0, 0]), icc_case([2.0, 2.0, 2.0, 2.0], [0, 0, 1, 1]), icc_case([], [])]
    out = {"misses": n_miss, "births": n_birth, "top_5": top, "moved": moved, "moved_to": moved_to,
           "edges": [[i, j, cosine[i, j], j_fire[i, j]] for i, j in sorted(edges)], "r": r, "nu": nu,
           "nu_features": used, "families": families, "icc_cases": cases}
    return out, {"a11.counts": counts.astype(np.uint32), "a11.permutations": orders.astype(np.uint8),
                 "a11.permuted": np.array(permuted)}


# ------------------------------------------------------------------------------------------------------- A12: tokens

def draw_loss(rng, h, q):
    size = np.linalg.norm((q - h).astype(float), axis=1)
    kl = 0.02 * size ** 2 * rng.lognormal(0, 1, TOKENS)
    kl[rng.random(TOKENS) < 0.05] = 0
    top = rng.beta(1.2, 1.0, TOKENS)
    top[:6] = 0.25, 0.5, 0.75, 0.95, 1.0, 0.02
    top[700:704] = 1.0, 0.95, 0.25, np.nextafter(0.95, 0)
    entropy = -np.log(top) * rng.uniform(1, 2.5, TOKENS)
    entropy[1], entropy[2] = 1.0, 0.5
    return kl, entropy + 0.0, top


def by_token(x, y, h, q, tokens, kl, entropy, top):
    x, y, h, q = (a.astype(float) for a in (x, y, h, q))
    cosine, jaccard, relative = np.full((3, TOKENS), np.nan)
    for t in range(TOKENS):
        a, b = np.linalg.norm(x[t]), np.linalg.norm(y[t])
        if a > 0 and b > 0:
            cosine[t] = (x[t] / a) @ (y[t] / b)
        on, off = set(np.flatnonzero(x[t])), set(np.flatnonzero(y[t]))
        if on | off:
            jaccard[t] = len(on & off) / len(on | off)
        if np.linalg.norm(h[t]) > 0:
            relative[t] = np.linalg.norm(q[t] - h[t]) / np.linalg.norm(h[t])
    with np.errstate(all="ignore"):
        second = (x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1))
    assert np.allclose(cosine, second, 1e-14, 1e-14, equal_nan=True)
    shared, union = ((x > 0) & (y > 0)).sum(1), ((x > 0) | (y > 0)).sum(1)
    some = union > 0
    assert np.array_equal(jaccard[some], shared[some] / union[some]) and np.isnan(jaccard[~some]).all()
    for m in (cosine, relative):  # no rank depends on the last bits
        gaps = np.diff(np.sort(m[~np.isnan(m)]))
        assert gaps[gaps > 0].min() > 1e-10
    measures = {"cosine": cosine, "jaccard": jaccard, "relative_shift": relative}
    out = {"spearman": []}
    for name, m in measures.items():
        for groups in (8, 16):
            use, g = ~np.isnan(m), ROW * groups // ROWS
            whole = spearman(kl[use], m[use])
            close(whole, float(stats.spearmanr(kl[use], m[use]).statistic))
            without = np.array([spearman(kl[use & (g != i)], m[use & (g != i)]) for i in range(groups)])
            z = np.arctanh(without) - np.arctanh(whole)
            se = math.sqrt((groups - 1) / groups * (z ** 2).sum())
            t = stats.t.ppf(0.975, groups - 1)
            out["spearman"].append({
                "measure": name, "groups": groups, "defined": int(use.sum()), "estimate": whole, "without": without,
                "se": se, "low": math.tanh(math.atanh(whole) - t * se), "high": math.tanh(math.atanh(whole) + t * se),
                "bias_corrected": groups * whole - (groups - 1) * without.mean(), "dof": groups - 1})
    count = np.bincount(tokens, minlength=VOCABULARY)[tokens]
    out["frequency_of_id"] = np.bincount(tokens, minlength=VOCABULARY)
    inf = None
    for name, key, edges in (("position", POSITION, [0, 1, 2, 4, 8, 16, 32, inf]),
                             ("frequency", count, [1, 2, 4, 8, 16, 32, 64, 128, 256, inf]),
                             ("entropy", entropy, [0.0, 0.5, 1.0, 2.0, 3.0, inf]),
                             ("top_probability", top, [0.0, 0.25, 0.5, 0.75, 0.95, 1.0])):
        table = []
        for i, (low, high) in enumerate(zip(edges, edges[1:])):
            closed = name == "top_probability" and i == len(edges) - 2
            inside = (key >= low) & (True if high is None else key <= high if closed else key < high)
            line = {"low": low, "high": high, "tokens": int(inside.sum()),
                    "kl": kl[inside].mean() if inside.any() else None}
            for measure, m in measures.items():
                defined = inside & ~np.isnan(m)
                line[measure] = m[defined].mean() if defined.any() else None
                line[measure + "_defined"] = int(defined.sum())
            table.append(line)
        assert sum(line["tokens"] for line in table) == TOKENS
        out["by_" + name] = table
    return out, {"a12." + name: m for name, m in measures.items()}


# ---------------------------------------------------------------------------------------------- A8: probe and steering

def auroc(positive, negative):
    """Share of pairs in the right order, ties half."""
    if len(positive) == 0 or len(negative) == 0:
        return None
    wins = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
    value = wins / (len(positive) * len(negative))
    return close(float(value), float(roc_auc_score(np.r_[np.ones(len(positive)), np.zeros(len(negative))],
                                                   np.r_[positive, negative])))


def mcnemar(b, c):
    return 1.0 if b + c == 0 else close(min(1.0, 2 * stats.binom.cdf(min(b, c), b + c, 0.5)),
                                        float(stats.binomtest(b, b + c, 0.5).pvalue))


def threshold_of(negative, percent=1):
    """The least of the negatives' scores that at most floor(percent n / 100) of them exceed.  Positive is above it."""
    allowed = percent * len(negative) // 100
    value = np.sort(negative)[::-1][allowed]
    for candidate in negative:
        if candidate < value:
            assert (negative > candidate).sum() > allowed
    assert (negative > value).sum() <= allowed
    return float(value)


def draw_probe(rng):
    """Train: 25 positive, 35 negative rows. Test: 50 and 110. Multiples of 2^-10."""
    def stored(a):
        return (np.round(a * 1024) / 1024).astype(np.float32)
    axis = rng.standard_normal(WIDTH)
    axis /= np.linalg.norm(axis)
    spread = np.exp(0.3 * rng.standard_normal(WIDTH))
    sets = {}
    for part, sizes in (("train", (25, 35)), ("test", (50, 110))):
        label = np.r_[np.ones(sizes[0]), np.zeros(sizes[1])]
        sets[part] = stored(spread * rng.standard_normal((len(label), WIDTH)) + 3.2 * label[:, None] * axis + 0.7)
    middle = np.full(WIDTH, 0.5, np.float32)
    for part in ("train", "test"):
        h = sets[part]
        sets[part + ".bias"] = stored(h - 1.5 * axis + 0.01 * rng.standard_normal(h.shape))
        sets[part + ".noise"] = stored(h + 0.9 * rng.standard_normal(h.shape))
        sets[part + ".both"] = stored(0.8 * h - 0.6 * axis + 0.7 * rng.standard_normal(h.shape))
        sets[part + ".collapsed"] = np.tile(middle, (len(h), 1))
    return sets


def probes(sets):
    train, test = sets["train"].astype(float), sets["test"].astype(float)
    v = train[:25].mean(0) - train[25:].mean(0)
    v /= np.linalg.norm(v)
    score = test @ v
    threshold = threshold_of(score[50:])
    decided = score > threshold
    label = np.r_[np.ones(50, bool), np.zeros(110, bool)]
    assert np.sort(np.abs(score - threshold))[1] > 1e-6
    out = {"direction": v, "threshold": threshold, "auroc_ref": auroc(score[:50], score[50:]),
           "tpr_ref": decided[:50].mean(), "fpr_ref": decided[50:].mean(), "conditions": []}
    for condition in ("same", "bias", "noise", "both", "collapsed"):
        suffix = "" if condition == "same" else "." + condition
        moved_train, moved = sets["train" + suffix].astype(float), sets["test" + suffix].astype(float)
        line = {"condition": condition}
        for name, centre in (("frozen", np.zeros(WIDTH)), ("recentred", (moved_train - train).mean(0)),
                             ("recentred_test", (moved - test).mean(0))):
            s = (moved - centre) @ v
            if condition == "collapsed":
                s = np.full(len(s), s[0])
            gaps = np.abs(s[:50, None] - s[50:])
            assert condition == "collapsed" or gaps.min() > 1e-7
            assert condition == "same" or np.abs(s - threshold).min() > 1e-6
            now = s > threshold
            right, right_now = decided == label, now == label
            b, c = int((decided & ~now).sum()), int((~decided & now).sum())
            worse, better = int((right & ~right_now).sum()), int((~right & right_now).sum())
            line[name] = {"auroc": auroc(s[:50], s[50:]), "tpr": now[:50].mean(), "fpr": now[50:].mean(),
                          "b": b, "c": c, "mcnemar_p": mcnemar(b, c), "right_to_wrong": worse, "wrong_to_right": better,
                          "mcnemar_p_right": mcnemar(worse, better)}
        out["conditions"].append(line)
    out["auroc_cases"] = [dict(positive=p, negative=n, auroc=auroc(np.array(p), np.array(n))) for p, n in (
        ([1.0, 2.0, 3.0], [0.0, 0.5]), ([1.0, 2.0, 2.0], [2.0, 1.0, 0.0]), ([1.0, 1.0], [1.0]), ([1.0], []),
        ([], [1.0]))]
    out["threshold_cases"] = []
    for n in (list(range(7)), [0.5] * 150, list(range(100)), list(range(99)), [0] * 197 + [5, 5, 5],
              [0] * 297 + [4, 5, 6], [0] * 296 + [4, 4, 5, 6]):
        t = threshold_of(np.array(n, float))
        out["threshold_cases"].append(dict(negative=n, threshold=t, fpr=float((np.array(n) > t).mean())))
    return out


DOSES = [0.25, 0.5, 1.0, 2.0, 4.0]
TARGET = 7


def draw_logits(rng, tokens=8):
    """[1 + doses, tokens, vocabulary]: unsteered first. Multiples of 2^-9."""
    def stored(a):
        return (np.round(a * 256) / 256).astype(np.float32)
    base = stored(2 * rng.standard_normal((tokens, VOCABULARY)))
    other = stored(base + 0.3 * rng.standard_normal(base.shape))
    pull = 0.5 * rng.standard_normal((tokens, VOCABULARY))
    pull[:, TARGET] = rng.uniform(1.5, 2.5, tokens)
    turn = 0.4 * rng.standard_normal(pull.shape)

    def bend(a):
        return a / (1 + 0.15 * a)
    ref = np.stack([base] + [stored(base + bend(a) * pull + 1.5 * a) for a in DOSES])
    out = {"ref": ref, "half": np.stack([other] + [other + (ref[i + 1] - base) / 2 for i in range(len(DOSES))])}
    out["weaker"] = np.stack([other] + [stored(other + 0.7 * bend(a) * pull + a * turn) for a in DOSES])
    rise = dict(zip(DOSES, (0.1, 0.9, 1.4, 0.8, 0.3)))  # up, then down again
    out["turning"] = np.stack([other] + [stored(other + rise[a] * pull + 0.1 * turn) for a in DOSES])
    out["deaf"] = np.stack([other] * 6)
    return out


def inverse(curve, wanted):
    """The least dose at which the piecewise linear curve through (0, 0) reaches `wanted`."""
    xs, ys = [0.0] + DOSES, [0.0] + list(curve)
    for (x0, y0), (x1, y1) in zip(zip(xs, ys), zip(xs[1:], ys[1:])):
        if min(y0, y1) <= wanted <= max(y0, y1):
            return x0 if y0 == y1 else x0 + (wanted - y0) / (y1 - y0) * (x1 - x0)
    return None


def steering(logits):
    def deltas(a):
        a = a.astype(float)
        d = a[1:] - a[0]
        return d - d.mean(2, keepdims=True)
    ref = deltas(logits["ref"])
    out = {"doses": DOSES, "target": TARGET, "shift_ref": ref[:, :, TARGET].mean(1), "conditions": []}
    for condition in ("ref", "half", "weaker", "turning", "deaf"):
        comp = deltas(logits[condition])
        product, ours, theirs = [(a * b).sum(2).mean(1) for a, b in ((ref, comp), (ref, ref), (comp, comp))]
        shift = comp[:, :, TARGET].mean(1)
        dose = [inverse(shift, wanted) for wanted in out["shift_ref"]]
        out["conditions"].append({
            "condition": condition, "gain": product / ours, "shift": shift,
            "fidelity": [ratio(p, math.sqrt(a * b)) for p, a, b in zip(product, ours, theirs)],
            "equal_dose": dose, "exchange_rate": [None if a is None else a / b for a, b in zip(dose, DOSES)]})
    reverse = out["conditions"][0]
    assert np.abs(reverse["gain"] - 1).max() < 1e-12 and all(abs(a - 1) < 1e-12 for a in reverse["exchange_rate"])
    half = out["conditions"][1]
    assert np.abs(half["gain"] - 0.5).max() < 1e-12 and all(abs(a - 1) < 1e-12 for a in half["fidelity"])
    return out


# ----------------------------------------------------------------------------------------------- A10: oracle patching

def patching(rng, x, y, h, q, w, energy, r):
    x, y, h, q, w = (a.astype(float) for a in (x, y, h, q, w))
    worst = sorted((j for j in range(FEATURES) if r[j] is not None), key=lambda j: (r[j], j))
    strongest = sorted(range(FEATURES), key=lambda j: (-energy[j], j))
    everything = list(range(FEATURES))
    sets = {"none": [], "silent": [1], "dead": [2], "worst_r_5": worst[:5], "energy_4": strongest[:4],
            "all_but_energy_4": sorted(strongest[4:]), "even": everything[::2], "all": everything}
    out, arrays = {"by_r": worst, "by_energy": strongest, "sets": []}, {}
    for name, chosen in sets.items():
        patched = q + (x - y)[:, chosen] @ w[chosen]
        second = q[:LENGTH].copy()
        for t in range(LENGTH):
            for j in chosen:
                second[t] += (x[t, j] - y[t, j]) * w[j]
        assert np.abs(second - patched[:LENGTH]).max() < 1e-12
        out["sets"].append({"name": name, "features": chosen, "remaining": ((patched - h) ** 2).sum(1).mean()})
        if name in ("none", "silent"):
            assert (patched == q).all()
        else:
            arrays["a10.patched." + name] = patched[:LENGTH]
    kl = rng.gamma(0.5, 0.2, 12)
    cases = [("unpatched", kl, kl), ("exact", kl, 0 * kl), ("half", kl, kl / 2),
             ("uneven", kl, kl * rng.uniform(0, 1.4, 12)), ("worse", kl, kl * 1.3),
             ("nothing to recover", 0 * kl, 0 * kl)]
    out["recovery"] = [{"name": name, "kl_compressed": a, "kl_patched": b,
                        "recovery": None if a.sum() == 0 else 1 - b.mean() / a.mean()} for name, a, b in cases]
    return out, arrays


def main():
    rng = np.random.default_rng(20102)
    tokens = draw_tokens(rng)
    w = draw_decoder(rng)
    b = rng.standard_normal(WIDTH).astype(np.float32)
    x, y = draw_codes(rng, tokens)
    h, q = draw_dense(rng, x, y, w, b)
    kl, entropy, top = draw_loss(rng, h, q)
    arrays = {"tokens": tokens.reshape(ROWS, LENGTH), "decoder": w, "decoder_bias": b, "h": h, "h_compressed": q,
              "a12.kl": kl, "a12.entropy": entropy, "a12.top_probability": top}
    for name, code in (("x", x), ("y", y)):
        arrays.update({f"{name}.{key}": a for key, a in sparse(code).items()})
    out = {"sizes": dict(rows=ROWS, length=LENGTH, features=FEATURES, width=WIDTH, vocabulary=VOCABULARY)}

    constant = (h + np.float32(0.25)).astype(np.float32)
    assert (constant - h == 0.25).all()
    out["a9"] = [dict({"case": name}, **shift(h, q_, x, y_, w, b)) for name, q_, y_ in (
        ("compressed", q, y), ("same", h, x), ("codes_same", q, x), ("constant", constant, x))]
    for case in out["a9"][2:]:
        for key in [key for key in case if key.startswith("position")]:
            del case[key]
    out["a9_gini"] = [{"values": v, "gini": gini(v)} for v in (
        [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0], [3.0], [4.0, 1.0, 3.0, 2.0], [])]
    out["a7"], more = meaning(x, y, tokens)
    arrays.update(more)
    out["a11"], more = substitution(rng, x, y, w)
    arrays.update(more)
    out["a12"], more = by_token(x, y, h, q, tokens, kl, entropy, top)
    arrays.update(more)
    sets = draw_probe(rng)
    arrays.update({"a8.probe." + name: a for name, a in sets.items() if "collapsed" not in name})
    out["a8_probe"] = probes(sets)
    logits = draw_logits(rng)
    arrays.update({"a8.logits." + name: a for name, a in logits.items() if name != "deaf"})
    out["a8_steering"] = steering(logits)
    out["a10"], more = patching(rng, x, y, h, q, w, out["a9"][0]["energy"], out["a11"]["r"])
    arrays.update(more)

    everything = next(s for s in out["a10"]["sets"] if s["name"] == "all")
    close(everything["remaining"], out["a9"][0]["error_part"])
    path = HERE / "analyses.json"

    def lines(value):
        if isinstance(value, dict):
            return "{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, allow_nan=False)}"
                                      for k, v in value.items()) + "}"
        return "[\n" + ",\n".join(json.dumps(v, allow_nan=False) for v in value) + "]"
    path.write_text("{" + ",\n".join(f"{json.dumps(key)}: {lines(value)}" for key, value in plain(out).items()) + "}\n")
    write_safetensors(HERE / "analyses.safetensors", arrays)
    print(path.stat().st_size, (HERE / "analyses.safetensors").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
