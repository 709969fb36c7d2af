#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes compare.json: ranks, correlations, overlap, AUC, t quantiles and logistic regression by scipy and
scikit-learn, on small made-up inputs that are stored with them.  README.md in this folder names every entry."""
import json
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler


def pair(x, y):
    x, y = np.asarray(x, float), np.asarray(y, float)
    return {"x": x.tolist(), "y": y.tolist(), "ranks_x": stats.rankdata(x).tolist(),
            "ranks_y": stats.rankdata(y).tolist(), "pearson": float(stats.pearsonr(x, y)[0]),
            "spearman": float(stats.spearmanr(x, y).statistic),
            "kendall_tau_b": float(stats.kendalltau(x, y).statistic)}


def expected_jaccard(a, b, universe):
    """E of k / (a + b - k), k the overlap of two independent random sets of sizes a and b: summed over k."""
    k = np.arange(max(0, a + b - universe), min(a, b) + 1)
    if a + b == 0:
        return None
    return float((stats.hypergeom.pmf(k, universe, a, b) * k / (a + b - k)).sum())


def overlap(a, b, shared, universe):
    first = np.r_[np.ones(a), np.zeros(universe - a)]
    second = np.r_[np.ones(shared), np.zeros(a - shared), np.ones(b - shared), np.zeros(universe - a - b + shared)]
    union = a + b - shared
    return {"a": a, "b": b, "shared": shared, "universe": universe, "union": union,
            "jaccard": shared / union if union else None, "expected": expected_jaccard(a, b, universe),
            "ceiling": min(a, b) / max(a, b) if max(a, b) else None,
            "overlap_coefficient": shared / min(a, b) if min(a, b) else None,
            "kappa": None if a in (0, universe) and b in (0, universe) and a == b
            else float(metrics.cohen_kappa_score(first, second)),
            "matthews": float(metrics.matthews_corrcoef(first, second))}


def solve_logistic(x, y, c=1.0):
    """Newton's method on 1/2 |w|^2 + c sum log(1 + exp(-s (w x + b))), to the last bits; b is not penalized."""
    design = np.c_[x, np.ones(len(x))].astype(np.longdouble)
    penalty = np.diag(np.r_[np.ones(x.shape[1]), 0.0])
    w = np.zeros(design.shape[1], np.longdouble)
    for _ in range(60):
        p = 1 / (1 + np.exp(-design @ w))
        gradient = penalty @ w + c * design.T @ (p - y)
        hessian = penalty + c * (design * (p * (1 - p))[:, None]).T @ design
        w -= np.linalg.solve(hessian.astype(float), gradient.astype(float))
    assert np.abs(gradient).max() < 1e-13
    return w.astype(float)


def decision(w, x):
    return x @ w[:-1] + w[-1]


def main():
    rng = np.random.default_rng(919)
    out = {"pairs": [
        pair([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8]),
        pair([1, 1, 1, 2], [1, 2, 2, 2]),
        pair([-1.5, 0.0, 0.0, 0.25, 7.0], [5, 4, 3, 2, 1]),
        pair(rng.standard_normal(60), rng.standard_normal(60)),
        pair(np.round(rng.gamma(1.0, 1.0, 80), 1), np.round(rng.gamma(1.0, 1.0, 80), 1)),
    ]}
    base = rng.gamma(1.0, 0.05, 120)
    out["pairs"].append(pair(np.where(rng.random(120) < 0.2, 1.0, np.round(base, 3)),
                             np.where(rng.random(120) < 0.2, 1.0, np.round(base * rng.uniform(0.5, 2, 120), 3))))

    out["overlaps"] = [overlap(*s) for s in ((2139, 2220, 2016, 5688), (3479, 4388, 3478, 7144), (58, 17, 13, 5688),
                                             (2081, 2203, 1954, 5688), (3479, 4371, 3461, 7144), (0, 17, 0, 7144),
                                             (3, 4, 2, 10), (5, 5, 5, 10), (7, 8, 5, 10), (1, 1, 0, 2))]

    auc = []
    for n, digits in ((12, 0), (50, 1), (200, 2), (200, 12)):
        label = (rng.random(n) < 0.4).astype(int)
        label[:2] = [0, 1]
        score = np.round(rng.standard_normal(n) + label, digits)
        auc.append({"score": score.tolist(), "label": label.tolist(), "auc": metrics.roc_auc_score(label, score),
                    "average_precision": metrics.average_precision_score(label, score)})
    out["auc"] = auc

    out["t_quantiles"] = [{"p": p, "dof": d, "t": float(stats.t.ppf(p, d))} for p in (0.95, 0.975, 0.995)
                          for d in (1, 2, 3.25, 4, 5.5, 10, 22.890547, 23, 30, 63, 200.5)]

    # Features of a study: the published predictors, three of them independent (concentration = peak - mean in logs).
    n = 300
    rate = np.exp(rng.uniform(np.log(1e-3), np.log(0.3), n))
    when_active = np.exp(0.5 * rng.standard_normal(n))
    mean = rate * when_active
    peak = when_active * (1.5 + rng.gamma(2.0, 1.0, n))
    columns = np.c_[-np.log(rate), np.log(mean), np.log(peak), np.log(np.maximum(peak / mean, 1.0))]
    noise = rng.logistic(size=n)
    survived = (2.5 * np.log(when_active) - 0.3 * np.log(rate) - 1.0 + 0.7 * noise > 0).astype(int)
    scaler = StandardScaler().fit(columns)
    z = scaler.transform(columns)
    w = solve_logistic(z, survived)
    theirs = LogisticRegression(C=1.0, tol=1e-12, max_iter=100000).fit(z, survived)
    assert np.abs(theirs.coef_[0] - w[:-1]).max() < 1e-4
    p = 1 / (1 + np.exp(-decision(w, z)))
    fold = np.zeros(n, int)
    published, honest = [], []
    for f, (train, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(columns, survived)):
        fold[test] = f
        published.append(metrics.roc_auc_score(survived[test], decision(solve_logistic(z[train], survived[train]),
                                                                          z[test])))
        inner = StandardScaler().fit(columns[train])
        wf = solve_logistic(inner.transform(columns[train]), survived[train])
        honest.append(metrics.roc_auc_score(survived[test], decision(wf, inner.transform(columns[test]))))
    out["logistic"] = {
        "firing_rate": rate.tolist(), "mean": mean.tolist(), "peak": peak.tolist(), "columns": columns.tolist(),
        "survived": survived.tolist(), "scale_mean": scaler.mean_.tolist(), "scale_std": scaler.scale_.tolist(),
        "coefficients": w[:-1].tolist(), "intercept": float(w[-1]),
        "sklearn_coefficients": theirs.coef_[0].tolist(), "sklearn_intercept": float(theirs.intercept_[0]),
        "probabilities": p.tolist(), "auc": metrics.roc_auc_score(survived, p),
        "average_precision": metrics.average_precision_score(survived, p),
        "brier": metrics.brier_score_loss(survived, p),
        "marginal_auc": [metrics.roc_auc_score(survived, c) for c in columns.T],
        "fold": fold.tolist(),
        "published_fold_auc": published, "published_mean": float(np.mean(published)),
        "published_sd": float(np.std(published)),
        "honest_fold_auc": honest, "honest_mean": float(np.mean(honest)), "honest_sd": float(np.std(honest)),
    }
    path = Path(__file__).parent / "compare.json"
    path.write_text(json.dumps(out, indent=0, separators=(",", ":")).replace("\n", " ").replace("}, {", "},\n{") + "\n")
    print(path.stat().st_size, "bytes", {k: out["logistic"][k] for k in ("coefficients", "intercept",
                                         "sklearn_coefficients", "published_mean", "honest_mean", "brier")})
    print([(o["jaccard"], o["expected"], o["ceiling"], o["overlap_coefficient"], o["kappa"]) for o in out["overlaps"]])


if __name__ == "__main__":
    main()
