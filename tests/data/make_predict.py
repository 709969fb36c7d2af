# SPDX-License-Identifier: Apache-2.0
"""Writes predict.json: what numpy, scipy and scikit-learn say about a small made-up study.

Run with Debian's python3 (numpy 1.24, scipy 1.10, scikit-learn 1.2): python3 make_predict.py
"""
import json
import os

import numpy as np
from scipy import stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(20260603)
n = 240

# Features with rates over four decades, quantized so that ties occur; some clipped ones at the end.
rate = np.round(10 ** rng.uniform(-4, -0.3, n), 4) + 1e-4
on = np.round(np.exp(rng.normal(0.0, 0.6, n)), 2) + 0.01
mean = rate * on
peak = np.round(on * (1.5 + rng.exponential(2.0, n)), 3)
rate[-3:], mean[-3:], peak[-3:] = [0.0, 1e-9, 1.0], [0.0, 1e-9, 1.0], [0.0, 1e-9, 0.5]

rarity = -np.log(np.maximum(rate, 1e-8))
log_mean = np.log(np.maximum(mean, 1e-8))
log_max = np.log(np.maximum(peak, 1e-8))
log_concentration = np.log(np.maximum(peak / np.maximum(mean, 1e-8), 1))
when_active = np.log(np.maximum(mean, 1e-8) / np.maximum(rate, 1e-8))
x = np.c_[rarity, log_mean, log_max, log_concentration]

snr = 1.4 * log_max + 0.3 * rarity
damage_a = np.round(np.exp(-snr + rng.normal(0, 0.5, n)), 2)  # two decimals: many ties
damage_b = np.round(np.exp(-snr + rng.normal(0, 0.7, n)), 2)
survived = damage_a < 0.2

scaler = StandardScaler().fit(x)
xs = scaler.transform(x)


def fit(columns, c):
    # The Newton-Cholesky solver regularizes nothing but w, as lbfgs, and reaches a tight tolerance.
    m = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-13, max_iter=10000).fit(columns, survived)
    return {"c": c, "coefficients": m.coef_[0].tolist(), "intercept": float(m.intercept_[0])}


wide = np.c_[xs, np.ones(n)]  # a constant column: a coefficient of its own, shrunk against the free intercept
model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-13, max_iter=10000).fit(xs, survived)
decision = np.round(model.decision_function(xs), 1)  # one decimal: ties between the classes
probability = 1 / (1 + np.exp(-decision))
free = LogisticRegression(penalty=None, solver="newton-cholesky", tol=1e-13, max_iter=10000).fit(
    decision[:, None], survived)


def partial(a, b, predictors):
    r = np.column_stack([stats.rankdata(p) for p in predictors])
    r = (r - r.mean(0)) / r.std(0)
    design = np.column_stack([np.ones(n), r, r**2])

    def residual(v):
        q = stats.rankdata(v)
        return q - design @ np.linalg.lstsq(design, q, rcond=None)[0]

    return float(np.corrcoef(residual(a), residual(b))[0, 1])


oracle = {
    "rate": rate.tolist(), "mean": mean.tolist(), "max": peak.tolist(),
    "predictors": {"rarity": rarity.tolist(), "log_mean": log_mean.tolist(), "log_max": log_max.tolist(),
                   "log_concentration": log_concentration.tolist(), "log_mean_when_active": when_active.tolist()},
    "damage_a": damage_a.tolist(), "damage_b": damage_b.tolist(),
    "survived": survived.astype(int).tolist(),
    "spearman": float(stats.spearmanr(damage_a, damage_b)[0]),
    "kendall": float(stats.kendalltau(damage_a, damage_b)[0]),
    "partial_three": partial(damage_a, damage_b, [rarity, log_mean, log_max]),
    "partial_five": partial(damage_a, damage_b, [rarity, log_mean, log_max, log_concentration, when_active]),
    "scaler": {"mean": scaler.mean_.tolist(), "scale": scaler.scale_.tolist()},
    "fits": [fit(xs, 1.0), fit(xs, 0.01), fit(xs, 100.0)],
    "fit_with_constant_column": fit(wide, 1.0),
    "decision": decision.tolist(),
    "average_precision": metrics.average_precision_score(survived, decision),
    "brier": metrics.brier_score_loss(survived, probability),
    "calibration": {"slope": float(free.coef_[0, 0]), "intercept": float(free.intercept_[0])},
}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "predict.json"), "w") as f:
    json.dump(oracle, f, separators=(",", ":"))
    f.write("\n")
print({k: v for k, v in oracle.items() if not isinstance(v, list)}, oracle["fits"])
