# SPDX-License-Identifier: Apache-2.0
"""Writes effective_bits.json: damage laws, effective bits, interval-censored curves and proportional odds in float64.

Run with Debian's python3 (numpy 1.24, scipy 1.10, statsmodels 0.13): python3 make_effective_bits.py

Everything is found another way than by the closed forms and searches that it is to test: laws by general least squares
from many starts, effective bits by bracketing a root of the law, Turnbull's curve by its self-consistency and a check of
its optimality, the ordinal model by its probabilities and complex-step derivatives, and without a penalty by statsmodels.
"""
import json
import os

import numpy as np
from scipy import optimize, stats

rng = np.random.default_rng(20261126)


def log2_law(c, a, bits):
    return np.log2(c * 4.0**-bits + a * 2.0**-bits)


# ---- ladders: weighted least squares of log2 nu on nu(b) = c 4^-b + a 2^-b, a and c at least 0 ----
def fit_law(bits, y, w):
    root = np.sqrt(w)
    best = None
    for only, slope in (("c", 2.0), ("a", 1.0)):  # one term alone: the weighted mean of what is left
        level = np.sum(w * (y + slope * bits)) / np.sum(w)
        loss = np.sum(w * (y + slope * bits - level) ** 2)
        c, a = (2.0**level, 0.0) if only == "c" else (0.0, 2.0**level)
        if best is None or loss < best[0]:
            best = (loss, c, a)

    def residual(p):  # p = log2 c, log2 a
        return root * (np.logaddexp2(p[0] - 2 * bits, p[1] - bits) - y)

    middle = np.sum(w * y) / np.sum(w)
    for crossing in np.linspace(-2, 14, 33):
        start = [middle + 2 * 5 + min(0, crossing - 5), middle + 5 - max(0, crossing - 5)]
        found = optimize.least_squares(residual, start, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=2000)
        loss = np.sum(residual(found.x) ** 2)
        if loss < best[0] * (1 - 1e-12) and abs(found.x[0] - found.x[1]) < 18:
            best = (loss, 2.0 ** found.x[0], 2.0 ** found.x[1])
    return best


ladders = []
for case in range(24):
    bits = np.arange(3.0, 9.0) if case % 4 else np.array([3.0, 5.0, 6.0, 8.0])
    c, a = [(40.0, 0.0), (0.0, 1.3), (25.0, 0.7), (300.0, 8.0)][case % 4 if case < 12 else 2 + case % 2]
    noise = [0.0, 0.05, 0.25][case % 3]
    y = log2_law(c, a, bits) + noise * rng.normal(size=bits.size)
    w = 1.0 / rng.uniform(0.05, 0.6, bits.size) ** 2
    if case in (5, 10):
        w[1] = 0.0  # a rung that is left out
        y[1] = 0.0
    loss, c_hat, a_hat = fit_law(bits, y, w)
    ladders.append({"bits": bits.tolist(), "log2_nu": y.tolist(), "weights": w.tolist(), "c": c_hat, "a": a_hat,
                    "loss": loss, "planted": [c, a] if noise == 0 else None})

# ---- effective bits: the b at which the law says nu; and bits to break, where nu = (1 - tau^2) / tau^2 ----
def bits_of(c, a, nu):
    return optimize.brentq(lambda b: log2_law(c, a, b) - np.log2(nu), -200, 400, xtol=1e-13, rtol=1e-15, maxiter=1000)


effective = []
for c, a in [(40.0, 0.0), (0.0, 1.3), (25.0, 0.7), (300.0, 8.0), (1e-6, 3.0), (2.0, 1e-9)]:
    for nu in [1e-9, 1e-4, 0.01, 0.2345679, 3.0, 1e5]:
        effective.append([c, a, nu, bits_of(c, a, nu)])
breaking = []
for c, a in [(40.0, 0.0), (0.0, 1.3), (25.0, 0.7), (300.0, 8.0), (0.01, 0.001), (1e6, 10.0)]:
    for tau in [0.5, 0.9, 0.99]:
        b = bits_of(c, a, (1 - tau**2) / tau**2)
        breaking.append([c, a, tau, b, min(max(b, 3.0), 8.0), -1 if b < 3 else int(b > 8)])

# ---- Turnbull (1976): intervals (lower, upper], null for an open end ----
def turnbull(lower, upper):
    ends = sorted({v for v in np.r_[lower, upper]})
    # Mass can only lie where a lower end is followed at once by an upper one.
    inner = [(p, q) for p, q in zip(ends[:-1], ends[1:]) if p in lower and q in upper]
    inside = np.array([[lo <= p and q <= up for p, q in inner] for lo, up in zip(lower, upper)], float)
    mass = np.full(len(inner), 1 / len(inner))
    for _ in range(2000000):
        share = inside * mass
        new = (share / share.sum(1, keepdims=True)).mean(0)
        if np.max(np.abs(new - mass)) < 1e-16:
            break
        mass = new
    # Optimal: no inner interval would gain by more mass (Gentleman and Geyer 1994).
    gain = (inside / (inside @ mass)[:, None]).mean(0)
    assert np.all(gain < 1 + 1e-8), gain
    assert np.allclose(gain[mass > 1e-6], 1, atol=1e-8), (gain, mass)
    return inner, mass


censored = []
rungs = [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
for case in range(4):
    lower, upper = [], []
    for _ in range([30, 40, 60, 80][case]):
        b = rng.normal(5.5, 1.6)
        seen = rungs if case == 0 else sorted(rng.choice(rungs, size=rng.integers(2, 6), replace=False))
        lower.append(max([r for r in seen if r < b], default=-np.inf))
        upper.append(min([r for r in seen if r >= b], default=np.inf))
    inner, mass = turnbull(np.array(lower), np.array(upper))
    finite = lambda v: None if np.isinf(v) else float(v)
    censored.append({"lower": [finite(v) for v in lower], "upper": [finite(v) for v in upper],
                     "inner": [[finite(p), finite(q)] for p, q in inner], "mass": mass.tolist(),
                     # P(B <= b): the features that survive b bits, where the curve is determined
                     "at": rungs, "survive": [float(sum(m for (p, q), m in zip(inner, mass) if q <= b)) for b in rungs]})

# ---- proportional odds over (feature, bit) rows ----
features, families = 90, 40
family = np.sort(rng.integers(0, families, features))
x = rng.normal(size=(features, 3)) @ np.array([[1, .4, 0], [0, 1, .5], [0, 0, 1.0]])
x = (x - x.mean(0)) / x.std(0)
effect = rng.normal(0, 0.7, families)[family]
latent = 1.1 * np.array(rungs) + (x @ [0.8, -0.5, 0.3])[:, None] + np.array(rungs) * (x @ [0.1, 0, -0.1])[:, None]
y = np.digitize(latent + effect[:, None] + rng.logistic(size=(features, 6)), [4.5, 6.2])  # 0 destroyed .. 2 survived
rows = [(f, i) for f in range(features) for i in range(6)]
design = np.array([np.r_[rungs[i], x[f], rungs[i] * x[f]] for f, i in rows])
label = np.array([y[f, i] for f, i in rows])
cluster = np.array([family[f] for f, _ in rows])
ridge = 1e-3


def log_likelihoods(p, z, k):  # of each row; p = alpha_0, alpha_1, beta; P(Y <= k) = 1 / (1 + exp(-(alpha_k - z beta)))
    below = lambda j: 1 / (1 + np.exp(-(p[j] - z @ p[2:])))
    prob = np.where(k == 0, below(0), np.where(k == 1, below(1) - below(0), 1 - below(1)))
    return np.log(prob)


def binary(p, z, yes):  # p = intercept, beta
    t = 1 / (1 + np.exp(-(p[0] + z @ p[1:])))
    return np.log(np.where(yes, t, 1 - t))


def scores(each, p):  # rows x parameters, by complex steps
    out = np.empty((len(label), len(p)))
    for i in range(len(p)):
        q = p.astype(complex)
        q[i] += 1e-30j
        out[:, i] = each(q).imag / 1e-30
    return out


def curvature(total_gradient, p):
    h = np.empty((len(p), len(p)))
    for i in range(len(p)):
        step = np.zeros(len(p))
        step[i] = 1e-5
        h[:, i] = (8 * (total_gradient(p + step) - total_gradient(p - step))
                   - (total_gradient(p + 2 * step) - total_gradient(p - 2 * step))) / 12e-5
    return (h + h.T) / 2


def fit(each, start, free, penalty):
    """Maximum of the sum of `each` - penalty/2 |p[free:]|^2, the curvature there and each cluster's score."""
    pen = np.r_[np.zeros(free), np.ones(len(start) - free)] * penalty
    gradient = lambda p: -scores(each, p).sum(0) + pen * p
    value = lambda p: -each(p).sum() + 0.5 * np.sum(pen * p * p)
    p = optimize.minimize(value, start, jac=gradient, method="BFGS", options={"gtol": 1e-6, "maxiter": 5000}).x
    for _ in range(20):
        p = p - np.linalg.solve(curvature(gradient, p), gradient(p))
    assert np.max(np.abs(gradient(p))) < 1e-8
    s = scores(each, p)
    by_cluster = np.array([s[cluster == g].sum(0) for g in np.unique(cluster)])
    return p, curvature(gradient, p), by_cluster, -value(p)


def sandwich(h1, s1, h2, s2):
    groups = len(s1)
    return np.linalg.inv(h1) @ (s1.T @ s2) @ np.linalg.inv(h2) * groups / (groups - 1)


start = np.r_[4.5, 6.2, 1.0, np.zeros(6)]
p, h, s, value = fit(lambda q: log_likelihoods(q, design, label), start, 2, ridge)
cov = sandwich(h, s, h, s)

from statsmodels.miscmodels.ordinal_model import OrderedModel  # without a penalty, to see that it is the same model

free, _, _, free_value = fit(lambda q: log_likelihoods(q, design, label), start, 2, 0.0)
known = OrderedModel(label, design, distr="logit").fit(method="bfgs", maxiter=5000, gtol=1e-9, disp=False)
cuts = known.model.transform_threshold_params(known.params[-2:])[1:-1]
assert np.allclose(known.params[:-2], free[2:], rtol=1e-3, atol=1e-3), (known.params, free)
assert np.allclose(cuts, free[:2], rtol=1e-3, atol=1e-3) and abs(known.llf - free_value) < 1e-5

# ---- proportional?  The effect of a bit by separate binary fits of Y > 0 and Y > 1 ----
fits = [fit(lambda q, k=k: binary(q, design, label > k), np.zeros(8), 1, ridge) for k in (0, 1)]
slope = [f[0][1] for f in fits]
var = [[sandwich(fits[i][1], fits[i][2], fits[j][1], fits[j][2])[1, 1] for j in (0, 1)] for i in (0, 1)]
gap_error = np.sqrt(var[0][0] + var[1][1] - 2 * var[0][1])
z = (slope[1] - slope[0]) / gap_error
normal = stats.norm.ppf(0.975)
ordinal = {
    "bits": rungs, "x": x.tolist(), "outcome": y.tolist(), "family": family.tolist(), "ridge": ridge,
    "alpha": p[:2].tolist(), "beta": p[2:].tolist(), "value": value,
    "standard_errors": np.sqrt(np.diag(cov)).tolist(),  # alpha_0, alpha_1, bit, x (3), bit times x (3)
    "odds_ratio": float(np.exp(p[2])),
    "odds_ratio_interval": np.exp(p[2] + np.array([-1, 1]) * normal * np.sqrt(cov[2, 2])).tolist(),
    "binary_intercepts": [float(f[0][0]) for f in fits], "binary_bit": [float(v) for v in slope],
    "binary_errors": [float(np.sqrt(var[i][i])) for i in (0, 1)],
    "gap_error": float(gap_error), "gap_z": float(z), "gap_p": float(2 * stats.norm.sf(abs(z))),
}

where = os.path.join(os.path.dirname(os.path.abspath(__file__)), "effective_bits.json")
with open(where, "w") as out:
    json.dump({"ladders": ladders, "effective": effective, "breaking": breaking, "censored": censored,
               "ordinal": ordinal}, out, separators=(",", ":"))
    out.write("\n")
print(os.path.getsize(where), [round(v, 4) for v in p], np.round(np.sqrt(np.diag(cov)), 4), ordinal["gap_z"])
print(np.bincount(label), [(round(l["c"], 3), round(l["a"], 3), round(l["loss"], 6)) for l in ladders])
