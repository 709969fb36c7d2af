#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes survival_gap.json: how much more one of two conditions leaves, by the correlations of statistics.safetensors.

Run with Debian 12's numpy and scipy: /usr/bin/python3 make_survival_gap.py, after make_statistics.py, whose arrays of r
and of r without each group it reads.  Nothing of qfa is read.
"""
import json
import pathlib

import numpy as np
from scipy import stats

from make_statistics import bandwidths, chances

here = pathlib.Path(__file__).parent
raw = (here / "statistics.safetensors").read_bytes()
size = int.from_bytes(raw[:8], "little")
kinds = {"F64": "<f8", "I64": "<i8", "F32": "<f4", "U32": "<u4", "U8": "u1"}
arrays = {}
for name, entry in json.loads(raw[8:8 + size]).items():
    low, high = entry["data_offsets"]
    arrays[name] = np.frombuffer(raw[8 + size + low:8 + size + high], kinds[entry["dtype"]]).reshape(entry["shape"])

# Honest evidence: active, 50 firings in 8 groups, worth 5 groups, and not constant on the reference.
tokens, features = arrays["tokens_rows_row_tokens_groups_features"][[0, 4]]
x = np.zeros((tokens, features))
x[np.repeat(np.arange(tokens), np.diff(arrays["x.begin"].astype(int))), arrays["x.features"]] = arrays["x.values"]
varies = (x != x[0]).any(0)
counted = (arrays["active"] * arrays["measured"] != 0) & (arrays["m_eff"] >= 5) & varies
r, without, rows = ({c: arrays[f"{c}.{what}"][counted] for c in "ab"} for what in ("r", "r_without", "r_interval"))
groups = without["a"].shape[1]
h = {c: bandwidths(rows[c]) for c in "ab"}  # for the spread, and for the bias


def share_gap(r_a, r_b, width):
    if width is None:
        return (r_a > 0.9).mean() - (r_b > 0.9).mean()
    return chances(r_a, 0.9, h["a"][width]).mean() - chances(r_b, 0.9, h["b"][width]).mean()


def mean_gap(r_a, r_b):
    known = np.isfinite(r_a) & np.isfinite(r_b)
    return (r_a[known] - r_b[known]).mean()


def deletions(gap):
    return gap(r["a"], r["b"]), np.array([gap(without["a"][:, g], without["b"][:, g]) for g in range(groups)])


def spread(whole, each):
    return np.sqrt((groups - 1) / groups * ((each - whole) ** 2).sum())


def pull(whole, each):
    return (groups - 1) * (each - whole).mean()


t = stats.t.ppf(0.975, groups - 1)
value = share_gap(r["a"], r["b"], None)
error = spread(*deletions(lambda x, y: share_gap(x, y, 0)))
bias = pull(*deletions(lambda x, y: share_gap(x, y, 1)))
mean, mean_without = deletions(mean_gap)
mean_error = spread(mean, mean_without)
alone = {c: spread(r[c][np.isfinite(r[c])].mean(), np.array([np.nanmean(without[c][:, g]) for g in range(groups)]))
         for c in "ab"}
out = {"features": int(counted.sum()),
       "survived": {"value": value, "error": error, "lower": value - t * error - max(bias, 0),
                    "upper": value + t * error + max(-bias, 0), "corrected": value - bias},
       "mean_r": {"value": mean, "error": mean_error, "lower": mean - t * mean_error, "upper": mean + t * mean_error,
                  "corrected": mean - pull(mean, mean_without)},
       "unpaired_mean_error": float(np.hypot(alone["a"], alone["b"]))}
(here / "survival_gap.json").write_text(json.dumps(out, indent=1) + "\n")
print(json.dumps(out, indent=1))
