#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes uncertainty.json: rank-biased overlap, block lengths and Poisson weights by their definitions.

Run with Debian 12's numpy and scipy: /usr/bin/python3 make_uncertainty.py.  Written from the definitions alone, before
the C++ that it tests.
"""
import json
import math
import pathlib

import numpy as np
from scipy import stats


def agreement(a, b, depth):
    """Common members of the two lists down to `depth`, as sets."""
    return len(set(a[:depth]) & set(b[:depth]))


def rbo_ext(a, b, p):
    """Webber, Moffat and Zobel (2010), equation 32: the extrapolated form, for lists of any two lengths."""
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    s, l = len(short), len(long)
    if s == 0:
        return None
    x_s, x_l = agreement(short, long, s), agreement(short, long, l)
    first = sum(agreement(short, long, d) / d * p**d for d in range(1, l + 1))
    second = sum(x_s * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
    return (1 - p) / p * (first + second) + ((x_l - x_s) / l + x_s / s) * p**l


def rbo_weight(p, depth):
    """The same paper, equation 21: the share of the weight that the first `depth` ranks carry."""
    tail = math.log(1 / (1 - p)) - sum(p**i / i for i in range(1, depth))
    return 1 - p ** (depth - 1) + (1 - p) / p * depth * tail


def block_length(x):
    """Politis and White (2004), corrected by Patton, Politis and White (2009), for the circular block bootstrap.

    The bandwidth is 2 m, where m >= 1 is the least lag behind which K = max(5, ceil(sqrt(log10 n))) autocorrelations in
    a row lie within 2 sqrt(log10(n) / n) of zero; where there is none up to M = ceil(sqrt n) + K, the last lag that
    lies beyond.  At most M.  The length is at most ceil(min(3 sqrt n, n / 3)).
    """
    x = np.asarray(x, dtype=np.longdouble)
    n = len(x)
    e = x - x.mean()
    k_n = max(5, math.ceil(math.sqrt(math.log10(n))))
    m_max = math.ceil(math.sqrt(n)) + k_n
    gamma = [np.dot(e[: n - k], e[k:]) / n for k in range(m_max + 1)]
    bound = 2 * math.sqrt(math.log10(n) / n)
    beyond = [k for k in range(1, m_max + 1) if abs(gamma[k] / gamma[0]) >= bound]
    m = None
    for candidate in range(0, m_max - k_n + 1):
        if not any(candidate < k <= candidate + k_n for k in beyond):
            m = candidate
            break
    if m is None:
        m = max(beyond)
    bandwidth = min(2 * max(m, 1), m_max)
    lam = lambda u: min(1.0, 2 * (1 - abs(u)))
    lags = range(-bandwidth, bandwidth + 1)
    g = sum(lam(k / bandwidth) * abs(k) * gamma[abs(k)] for k in lags)
    d = 4 / 3 * sum(lam(k / bandwidth) * gamma[abs(k)] for k in lags) ** 2
    return float(min((2 * g * g / d * n) ** (1 / 3), math.ceil(min(3 * math.sqrt(n), n / 3)))), bandwidth


def main():
    rng = np.random.default_rng(20)
    out = {}
    lists = []
    for n, m, universe in [(1, 1, 1), (1, 1, 2), (5, 5, 5), (10, 10, 20), (10, 4, 12), (3, 17, 40), (50, 50, 60), (20, 20, 4000)]:
        a = rng.permutation(universe)[:n].tolist()
        b = rng.permutation(universe)[:m].tolist()
        for p in (0.5, 0.9, 0.98):
            lists.append({"a": a, "b": b, "p": p, "rbo": rbo_ext(a, b, p)})
    # Lists of different lengths that agree early.
    for a, b in [([3, 1, 4, 15, 9, 2, 6], [1, 3, 5]), ([7, 8], [8, 7, 1, 2, 3, 4]), ([5, 6, 7, 8], [5, 9, 7, 6, 8, 1, 2])]:
        for p in (0.5, 0.9):
            lists.append({"a": a, "b": b, "p": p, "rbo": rbo_ext(a, b, p)})
    out["rank_biased_overlap"] = lists
    out["rank_biased_weight"] = [{"p": p, "depth": d, "weight": rbo_weight(p, d)} for p in (0.5, 0.9, 0.98) for d in (1, 2, 10, 50)]

    series = []
    for name, n, phi in [("white", 200, 0.0), ("weak", 400, 0.4), ("strong", 400, 0.9), ("negative", 300, -0.5), ("short", 40, 0.7)]:
        x = np.zeros(n)
        noise = rng.standard_normal(n)
        for t in range(n):
            x[t] = (phi * x[t - 1] if t else 0.0) + noise[t]
        x = np.round(x, 6)
        length, bandwidth = block_length(x)
        series.append({"name": name, "x": x.tolist(), "block_length": length, "bandwidth": bandwidth})
    trend = np.round(np.linspace(0, 1, 100) ** 2, 6)
    length, bandwidth = block_length(trend)
    series.append({"name": "trend", "x": trend.tolist(), "block_length": length, "bandwidth": bandwidth})
    out["block_length"] = series

    # The inverse of the Poisson(1) distribution at multiples of 2^-53: the least k with cdf(k) > u.
    us = [0.0, 0.1, float(np.nextafter(np.exp(-1.0), 0)), 0.5, 0.75, 0.95, 0.99, 0.9999, 1 - 1e-12]
    out["poisson"] = [{"u": u, "count": int(np.sum(stats.poisson.cdf(np.arange(40), 1) <= u))} for u in us]
    pathlib.Path(__file__).with_name("uncertainty.json").write_text(json.dumps(out) + "\n")


main()
