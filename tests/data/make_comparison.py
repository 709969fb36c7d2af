#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes comparison/: features.csv and groups.npy of two made-up audits of the same rows, and in expected.json Spearman's
correlation of r in both with its interval by leaving the same group of rows out of both.

Run with Debian 12's numpy and scipy: /usr/bin/python3 make_comparison.py.  Nothing of qfa is read.
"""
import csv
import json
import pathlib

import numpy as np
from scipy import stats

from make_statistics import grades, z_of

here = pathlib.Path(__file__).parent / "comparison"
GROUPS, FEATURES = 12, 60
CONDITIONS = {"a": ["p"], "b": ["other", "p"]}  # the shifts of b's p are not the first in its file


def make():
    random = np.random.default_rng(20261127)
    strength = random.normal(1.4, 0.6, FEATURES)  # atanh r that both sides share
    shared = random.normal(0, 0.5, (GROUPS, 1)) + random.normal(0, 0.3, (GROUPS, FEATURES))  # of the rows, in both
    sides = {}
    for side, conditions in CONDITIONS.items():
        r, shift = {}, {}
        for name in conditions:
            z = strength + random.normal(0, 0.35, FEATURES) + shared + random.normal(0, 0.6, (GROUPS, FEATURES))
            r[name] = np.tanh(z.mean(0))
            shift[name] = np.tanh((z.sum(0) - z) / (GROUPS - 1)) - r[name]
        sides[side] = r, shift
    (r_a, shift_a), (r_b, shift_b) = [(r["p"], shift["p"]) for r, shift in sides.values()]
    kind = {side: np.full(FEATURES, "two_sided", dtype=object) for side in CONDITIONS}
    honest = {side: np.full(FEATURES, True) for side in CONDITIONS}
    for j in (0, 1):  # nothing moves them, in both
        r_a[j] = r_b[j] = 1.0
        shift_a[:, j] = shift_b[:, j] = 0.0
        kind["a"][j] = kind["b"][j] = "at_least"
    honest["a"][2], kind["a"][2] = False, "unmeasured"  # too little evidence: the published protocol alone counts it
    r_b[3], shift_b[:, 3], kind["b"][3] = np.nan, np.nan, "unmeasured"
    shift_a[5, 4], kind["a"][4] = np.nan, "unmeasured"  # undefined without group 5
    r_a[5] = r_a[6]  # a tie of all groups, which the parts break
    r_a[9], shift_a[:, 9] = 0.9995, shift_a[:, 9] / 400
    shift_a[7, 9] = 0.000501  # r is 1 without group 7
    r_b[10] = -r_b[10]
    return sides, kind, honest


def write(sides, kind, honest):
    def text(x):
        return "" if np.isnan(x) else repr(float(x))

    for side, (r, shift) in sides.items():
        folder = here / side
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "features.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["policy", "feature", "active", "published_outcome", "honest_outcome", "r_interval", "r"])
            for j in range(FEATURES):
                rows.writerow(["reference", j, 1, "survived", "survived", "at_least", 1])
            for name in CONDITIONS[side]:
                for j, x in enumerate(r[name]):
                    band = "survived" if x > 0.9 else "blurred" if x >= 0.5 else "destroyed"
                    rows.writerow([name, j, 1, band, band if honest[side][j] else "unmeasured",
                                   kind[side][j] if name == "p" else "two_sided", text(x)])
        np.save(folder / "groups.npy", np.stack([shift[name] for name in CONDITIONS[side]]).astype("<f4"))


def errors_of(r, without, kind):
    """Jackknife errors of atanh r; 0 where the audit has no two-sided interval.  Where a part is 1, by the slope."""
    with np.errstate(all="ignore"):
        gaps = z_of(without) - z_of(r)
        flat = ~np.isfinite(gaps).all(0)
        gaps[:, flat] = (without - r)[:, flat] / (1 - r[flat] ** 2)
    return np.where(kind == "two_sided", np.sqrt((GROUPS - 1) / GROUPS * (gaps**2).sum(0)), 0.0)


def tabulated(z, at, h):
    """`grades` at 4096 places from six errors below the least finite z to six above the greatest, linear between."""
    finite = np.isfinite(z)
    places = np.linspace((z - 6 * h)[finite].min(), (z + 6 * h)[finite].max(), 4096)
    return np.where(np.isinf(at), grades(z, at, h), np.interp(at, places, grades(z, places, h)))


def expected(sides, kind, counted):
    r, without, h = {}, {}, {}
    for side, (_, shift) in sides.items():
        with open(here / side / "features.csv", newline="") as file:
            cells = [row["r"] for row in csv.DictReader(file) if row["policy"] == "p"]
        r[side] = np.array([float(x) if x else np.nan for x in cells])
        shifts = np.load(here / side / "groups.npy")[CONDITIONS[side].index("p")].astype(float)
        without[side] = np.clip(r[side] + shifts, -1, 1)
        h[side] = errors_of(r[side], without[side], kind[side])
    keep = counted & np.isfinite(r["a"]) & np.isfinite(r["b"])
    (a, b), (rest_a, rest_b), (h_a, h_b) = [[x[side][..., keep] for side in "ab"] for x in (r, without, h)]

    def spearman(x, y):
        known = np.isfinite(x) & np.isfinite(y)
        return stats.spearmanr(x[known], y[known]).statistic

    value = spearman(a, b)
    each = np.array([spearman(rest_a[g], rest_b[g]) for g in range(GROUPS)])
    spread = lambda theta, parts: np.sqrt((GROUPS - 1) / GROUPS * ((parts - theta) ** 2).sum())
    error, t = spread(np.arctanh(value), np.arctanh(each)), stats.t.ppf(0.975, GROUPS - 1)
    out = {"features": int(counted.sum()), "ranked": int(keep.sum()), "value": value,
           "standard_error": spread(value, each), "scale_error": error}
    for name, grade in (("exact", grades), ("tabulated", tabulated)):
        def smooth(x, y):  # what a part leaves undefined stays where it was
            x, y = np.where(np.isnan(x), a, x), np.where(np.isnan(y), b, y)
            return np.corrcoef(grade(z_of(a), z_of(x), h_a), grade(z_of(b), z_of(y), h_b))[0, 1]

        bias = (GROUPS - 1) * (np.array([smooth(rest_a[g], rest_b[g]) for g in range(GROUPS)]) - smooth(a, b)).mean()
        center = np.arctanh(value) - bias / (1 - value**2)
        out[name] = [np.tanh(center), np.tanh(center - t * error), np.tanh(center + t * error)]
    return out


sides, kind, honest = make()
write(sides, kind, honest)
out = {"honest": expected(sides, kind, honest["a"] & honest["b"]),
       "published": expected(sides, kind, np.full(FEATURES, True))}
(here / "expected.json").write_text(json.dumps(out, indent=1) + "\n")
print(json.dumps(out, indent=1))
