# SPDX-License-Identifier: Apache-2.0
"""Writes law.json: the precision law's forms, and fits of made-up tables, by numpy and scipy.

Run with Debian's python3 (numpy 1.24, scipy 1.10): python3 make_law.py
Everything follows from the printed forms (Kumar et al. 2024, arXiv 2411.04330) and from the convention for fitting them
(Hoffmann et al. 2022): the least sum of Huber losses, threshold 1e-3, of the differences of logarithms.
"""
import json
import os

import numpy as np
from scipy import optimize, spatial, stats

THRESHOLD = 1e-3
rng = np.random.default_rng(20241107)

# Kumar et al., appendix, table 2.
A, ALPHA, B, E = 4.299e3, 0.4965, 1.806e4, 2.7648
GAMMA = {"w": 2.6745, "a": 2.2102, "kv": 0.9578}
SHIFT = {"w": 0.3037, "a": 1.4072, "kv": 2.4185}
C_T, G_D, G_N, G_POST, BIAS = 0.0598, 0.5068, 0.3439, 0.5907, 1.1277


def response(kind, p, biased=True):
    return 1.0 - np.exp(-p / GAMMA[kind] + (SHIFT[kind] if biased else 0.0))


def degradation(n, d, p, bias):
    return C_T * d**G_D / n**G_N * np.exp(-p / G_POST + bias)


def critical(n, p, bias):
    """Where B D^-beta + delta is least, by search."""
    total = lambda t: B * np.exp(-ALPHA * t) + degradation(n, np.exp(t), p, bias)
    found = optimize.minimize_scalar(total, bounds=(5.0, 60.0), method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


def joint_optimum(biased):
    cost = lambda p: p / np.prod([response(k, p, biased) for k in GAMMA])
    grid = np.linspace(0.5, 20.0, 2000)
    grid = grid[[all(response(k, p, biased) > 0 for k in GAMMA) for p in grid]]
    at = grid[np.argmin([cost(p) for p in grid])]
    return float(optimize.minimize_scalar(cost, bounds=(at - 0.02, at + 0.02), method="bounded",
                                          options={"xatol": 1e-10}).x)


places = [(3e7, 2.6e10), (2.2e8, 2.6e10), (8e9, 1.5e13), (7e10, 1.5e13)]
forms = []
for n, d in places:
    for p in (3, 4, 5, 6):
        weights = response("w", 8)
        effective = n * weights * response("a", 8) * response("kv", 6)
        unified = C_T * d**G_D / effective**G_N * np.exp(-p / G_POST)
        for c, train in ((0.5, 8), (0.7, 8), (0.9, 6)):
            unified *= 1.0 - np.exp(-c * (train - p))
        eq8 = degradation(n, d, p, 0.0) * (1.0 - np.exp(-0.5 * (8 - p)))
        noise = lambda bits: np.exp(-bits / G_POST)
        loss = A * effective**-ALPHA + B * d**-ALPHA + E
        full = A * n**-ALPHA + B * d**-ALPHA + E
        share = ((loss - full) / A + n**-ALPHA) ** (-1.0 / ALPHA) / n
        forms.append({"n": n, "d": d, "bits": p, "delta": degradation(n, d, p, 0.0),
                      "delta_biased": degradation(n, d, p, BIAS), "effective": effective, "loss": loss,
                      "share": share, "eq8": eq8, "unified": unified,
                      "eq10": C_T * (noise(p) - noise(8)) * d**G_D / (n * weights)**G_N,
                      "critical": critical(n, p, 0.0), "critical_biased": critical(n, p, BIAS)})


def huber(r):
    r = np.abs(r)
    return np.where(r <= THRESHOLD, 0.5 * r * r, THRESHOLD * (r - 0.5 * THRESHOLD)).sum()


def regress(x, y):
    """The least sum of Huber losses of y - x b, through its dual: the u within [-threshold, threshold] with x'u = 0 that
    is nearest to y, by bounded least squares (the equation weighs 1e4 a column); rows where u is not at a bound have
    u = y - x b, and what rows at a bound pull is known, which gives b.  With a proof: u'y - |u|^2 / 2 of such a u bounds
    the least from below."""
    q, upper = np.linalg.qr(x)
    start = q.T @ y
    rest = y - q @ start
    found = optimize.lsq_linear(np.r_[np.eye(len(y)), 1e4 * q.T], np.r_[rest, np.zeros(q.shape[1])],
                                bounds=(-THRESHOLD, THRESHOLD), method="bvls", tol=1e-15, max_iter=1000)
    inside = found.active_mask == 0
    pull = np.where(inside, rest, THRESHOLD * found.active_mask)
    b = np.linalg.lstsq(q[inside].T @ q[inside], q.T @ pull, rcond=1e-12)[0]
    u = np.clip(rest - q @ b, -THRESHOLD, THRESHOLD)
    u = u - q @ (q.T @ u)
    u *= min(1.0, THRESHOLD / np.abs(u).max())
    gap = huber(rest - q @ b) - (u @ rest - 0.5 * u @ u)
    assert gap < 1e-8, gap
    return np.linalg.solve(upper, b + start), huber(rest - q @ b)


def scanned(objective, low, high, points=161):
    """The least of a function of one number: a fine grid, then a search around its best point."""
    grid = np.linspace(low, high, points)
    values = [objective(t) for t in grid]
    at = int(np.argmin(values))
    found = optimize.minimize_scalar(objective, bounds=(grid[max(at - 1, 0)], grid[min(at + 1, points - 1)]),
                                     method="bounded", options={"xatol": 1e-9})
    return float(found.x if found.fun < values[at] else grid[at])


def design(n, d, *more):
    return np.c_[(np.ones(len(n)), np.log(d), -np.log(n)) + more]


def fit_degradation(n, d, p, delta):
    b, value = regress(design(n, d, -p), np.log(delta))
    return {"c": np.exp(b[0]), "gamma_d": b[1], "gamma_n": b[2], "gamma_post": 1 / b[3], "objective": value}


def fit_noise(n, d, p, nu):
    target = lambda t: np.log(nu) - np.log(4.0**-p + np.exp(t) * 2.0**-p)
    t = scanned(lambda t: regress(design(n, d), target(t))[1], -9.0, 9.0)
    b, value = regress(design(n, d), target(t))
    return {"c": np.exp(b[0]), "gamma_d": b[1], "gamma_n": b[2], "kappa": np.exp(t), "objective": value}


def fit_loss(n, d, loss):
    """log A, log B, log E and the one exponent together, from several starting points."""
    def objective(v):
        return huber(np.logaddexp(np.logaddexp(v[0] - v[3] * np.log(n), v[1] - v[3] * np.log(d)), v[2]) - np.log(loss))

    best = None
    for a in (2.0, 5.0):
        for e in (-0.5, 0.3):
            for alpha in (0.25, 0.5):
                x = np.array([a, a + 1.0, e, alpha])
                for _ in range(3):
                    x = optimize.minimize(objective, x, method="Nelder-Mead",
                                          options={"xatol": 1e-11, "fatol": 1e-17, "maxiter": 2000}).x
                if best is None or objective(x) < best[0]:
                    best = (objective(x), x)
    a, b, e, alpha = best[1]
    return {"a": np.exp(a), "b": np.exp(b), "e": np.exp(e), "alpha": alpha, "objective": best[0]}


def fit_unified(n, d, trained, p, delta, c_w, gamma_w):
    """The linear part at given c_w and gamma_w, and its objective."""
    y = np.log(delta) - np.log(1 - np.exp(-c_w * (trained - p)))
    b, value = regress(np.c_[np.ones(len(n)), np.log(d), -np.log(n * (1 - np.exp(-trained / gamma_w))), -p], y)
    return {"c": np.exp(b[0]), "gamma_d": b[1], "gamma_n": b[2], "gamma_post": 1 / b[3], "c_w": c_w,
            "gamma_w": gamma_w, "objective": value}


def jackknifed(fit, keys, groups, arrays):
    """Value, standard error and interval of each parameter, each on its scale, leaving out a group at a time."""
    whole = fit(*arrays)
    names = sorted(set(groups))
    without = [fit(*[a[groups != g] for a in arrays]) for g in names]
    count = len(names)
    quantile = stats.t.ppf(0.975, count - 1)
    out = {}
    for key, scale in keys.items():
        f, back = (np.log, np.exp) if scale == "log" else (lambda v: v, lambda v: v)
        spread = np.sqrt((count - 1) / count * sum((f(w[key]) - f(whole[key])) ** 2 for w in without))
        out[key] = {"value": whole[key], "lower": back(f(whole[key]) - quantile * spread),
                    "upper": back(f(whole[key]) + quantile * spread)}
    return out


def without_each_size(fit, predict, arrays):
    """Root mean square, over all rows, of log(predicted / measured), each by the fit without the rows of its N."""
    n = arrays[0]
    squares = 0.0
    for size in sorted(set(n)):
        model = fit(*[a[n != size] for a in arrays])
        held = [a[n == size] for a in arrays]
        squares += np.sum((np.log(predict(model, *held[:-1])) - np.log(held[-1])) ** 2)
    return np.sqrt(squares / len(n))


def conditions(n, d, p):
    columns = np.c_[np.log(n), np.log(d), p]
    centered = columns - columns.mean(0)
    centered /= np.linalg.norm(centered, axis=0)
    raw = np.c_[np.ones(len(n)), columns]
    raw /= np.linalg.norm(raw, axis=0)
    return np.linalg.cond(centered), np.linalg.cond(raw)


# A made-up family: three sizes, four lengths, six precisions, every checkpoint with an error of its own.
sizes, lengths, bits = [25472, 100096, 396800], [650240, 1625600, 4064000, 10160000], range(3, 9)
# No two lengths alike: a balanced table can leave a whole line of optima, as an even count leaves many medians.
table = np.array([(n, round(d * rng.uniform(0.9, 1.1)), p) for n in sizes for d in lengths for p in bits], float)
table[:, 1] = np.repeat(table[::6, 1], 6)
n, d, p = table.T
groups = np.array([f"{a:.0f}/{b:.0f}" for a, b in zip(n, d)])
own = {g: rng.normal(0, 0.12) for g in sorted(set(groups))}
error = np.array([own[g] for g in groups]) + rng.standard_t(3, len(n)) * 0.05
delta = np.round(0.02 * d**0.45 / n**0.3 * np.exp(-p / 0.7 + error), 12)
nu = np.round(0.9 * d**0.2 / n**0.25 * (4.0**-p + 0.06 * 2.0**-p) * np.exp(error), 12)
degrading = jackknifed(fit_degradation, {"c": "log", "gamma_d": "identity", "gamma_n": "identity", "gamma_post": "log"},
                       groups, (n, d, p, delta))
noise = fit_noise(n, d, p, nu)
cond = conditions(n, d, p)

first = p == 3
loss = np.round((30.0 * n[first]**-0.3 + 60.0 * d[first]**-0.3 + 1.1) * np.exp(rng.normal(0, 0.002, first.sum())), 9)

# Models trained in low precision, compressed further.
trained_table = np.array([(n, d, t, p) for n in sizes for d in lengths[1:] for t in (4, 5, 6, 8, 12)
                          for p in (3, 4, 5, 6) if p < t], float)
un, ud, ut, up = trained_table.T
udelta = 0.02 * ud**0.45 / (un * (1 - np.exp(-ut / 2.5)))**0.3 * np.exp(-up / 0.7) * (1 - np.exp(-0.6 * (ut - up)))
udelta = np.round(udelta * np.exp(rng.normal(0, 0.03, len(un))), 12)
nested = lambda v: fit_unified(un, ud, ut, up, udelta, np.exp(v[0]), np.exp(v[1]))["objective"]
best = optimize.minimize(nested, (-0.4, 0.8), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-13}).x
unified = fit_unified(un, ud, ut, up, udelta, np.exp(best[0]), np.exp(best[1]))

# Which places lie within the hull of a table with corners cut off.
kept = (p < 7) | (n > 5e4)
cloud = np.c_[np.log(n), np.log(d), p][kept]
middle, reach = cloud.mean(0), cloud.max(0) - cloud.min(0)
queries = middle + rng.uniform(-0.6, 0.6, (60, 3)) * reach
inside = spatial.Delaunay(cloud).find_simplex(queries) >= 0

result = {
    "forms": forms, "joint_optimum": joint_optimum(True), "joint_optimum_unbiased": joint_optimum(False),
    "response_w": [[b, response("w", b)] for b in (3, 4, 5, 6, 8)],
    "table": {"n": n, "d": d, "bits": p, "delta": delta, "nu": nu},
    "degradation": degrading, "degradation_objective": fit_degradation(n, d, p, delta)["objective"],
    "degradation_without_each_size": without_each_size(
        fit_degradation, lambda m, n, d, p: m["c"] * d**m["gamma_d"] / n**m["gamma_n"] * np.exp(-p / m["gamma_post"]),
        (n, d, p, delta)),
    "condition": {"exponents": cond[0], "with_constant": cond[1]},
    "noise": noise,
    "loss_table": {"n": n[first], "d": d[first], "loss": loss}, "loss": fit_loss(n[first], d[first], loss),
    "unified_table": {"n": un, "d": ud, "trained": ut, "bits": up, "delta": udelta}, "unified": unified,
    "hull": {"kept": kept, "queries": np.exp(queries[:, :2]), "bits": queries[:, 2], "inside": inside},
}


def plain(x):
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [plain(v) for v in x]
    return x.item() if isinstance(x, np.generic) else x


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "law.json"), "w") as out:
    json.dump(plain(result), out, separators=(",", ":"))
    out.write("\n")
print(json.dumps(plain({k: result[k] for k in ("joint_optimum", "joint_optimum_unbiased", "degradation",
                                               "degradation_without_each_size", "condition", "noise", "loss", "unified")}),
                 indent=1), inside.sum())
