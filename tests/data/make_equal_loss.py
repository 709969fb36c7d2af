#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes equal_loss.json: damage of pruning at the loss of another compression, between two sparsities.

Run with Debian 12's numpy and scipy: /usr/bin/python3 make_equal_loss.py.  Nothing of qfa is read: codes and losses are
drawn here, and every number is taken from them by its definition, once of all rows and once without each group.
"""
import json
import pathlib

import numpy as np
from scipy import stats

ROWS, TOKENS, FEATURES, GROUPS = 32, 6, 5, 8
rng = np.random.default_rng(20)
fires = rng.random((ROWS, TOKENS, FEATURES)) < 0.7
x = np.where(fires, rng.integers(16, 64, (ROWS, TOKENS, FEATURES)), 0)


def compressed(noise):
    """Codes, in sixteenths, of a run that adds noise of this size where the reference fires."""
    size = np.asarray(noise) * np.ones(FEATURES)
    y = x + np.rint(rng.normal(size=x.shape) * size).astype(int)
    return np.where(fires, np.maximum(y, 0), 0)


runs = {
    "policy": compressed([3, 9, 14, 20, 2]),
    "nearest": compressed([5, 8, 11, 14, 6]),
    "across": compressed([9, 13, 18, 22, 10]),
}
# Nats of each row, in 1024ths, over the 5 scored tokens of each.
reference = rng.integers(9000, 12000, ROWS)
extra = {"policy": 700, "nearest": 620, "across": 960}
losses = {name: reference + np.rint(mean + 150 * rng.normal(size=ROWS)).astype(int) for name, mean in extra.items()}
group_of = np.arange(ROWS) * GROUPS // ROWS


def correlations(y, kept):
    a, b = x[kept].reshape(-1, FEATURES), y[kept].reshape(-1, FEATURES)
    return np.array([np.corrcoef(a[:, f], b[:, f])[0, 1] for f in range(FEATURES)])


def numbers(kept):
    cost = {n: float((l[kept] - reference[kept]).sum()) / 1024 / (5 * kept.sum()) for n, l in losses.items()}
    place = (cost["policy"] - cost["nearest"]) / (cost["across"] - cost["nearest"])
    r = {n: correlations(y, kept) for n, y in runs.items()}
    at = (1 - place) * r["nearest"] + place * r["across"]
    return {
        "excess": cost,
        "place": place,
        "r": at.tolist(),
        "survived": float((at > 0.9).mean()),
        "mean_r": float(at.mean()),
        "more_mean_r": float(r["policy"].mean() - at.mean()),
    }


def interval(whole, rest, forth, back):
    """Delete-one-group jackknife on a scale, Student's t at one less than the groups."""
    gaps = forth(np.array(rest)) - forth(whole)
    reach = stats.t.ppf(0.975, GROUPS - 1) * np.sqrt((GROUPS - 1) / GROUPS * (gaps**2).sum())
    return [float(back(forth(whole) - reach)), float(back(forth(whole) + reach))]


whole = numbers(np.ones(ROWS, bool))
rest = [numbers(group_of != g) for g in range(GROUPS)]
same = lambda value: value  # noqa: E731
whole["mean_r_interval"] = interval(whole["mean_r"], [n["mean_r"] for n in rest], np.arctanh, np.tanh)
whole["more_mean_r_interval"] = interval(whole["more_mean_r"], [n["more_mean_r"] for n in rest], same, same)
whole["sparsity"] = (1 - whole["place"]) * 0.25 + whole["place"] * 0.5
out = {
    "x": x.reshape(-1).tolist(),
    "runs": {n: y.reshape(-1).tolist() for n, y in runs.items()},
    "reference_losses": reference.tolist(),
    "losses": {n: l.tolist() for n, l in losses.items()},
    "found": whole,
    "without_each": rest,
}
path = pathlib.Path(__file__).with_name("equal_loss.json")
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(whole)
