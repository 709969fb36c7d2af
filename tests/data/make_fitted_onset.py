#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes fitted_onset.json: the bits at which a logistic curve through the flips of a sweep has the rate of an onset.

Run with Debian's python3 (numpy 1.24, scipy 1.10): python3 make_fitted_onset.py

Another way than the C++'s: the curve by a root of its score equations (scipy), the clustered covariance as the textbook
has it, G/(G-1) A^-1 (sum over prompts of u u') A^-1, and Fieller's ends by walking from the estimate until
(line - logit rate)^2 first passes t^2 times its variance, instead of by the quadratic's roots.
`coverage`: of 95 % intervals, prompts' own curves drawn anew each time, whose average has the rate at known bits.
"""
import json
import os

import numpy as np
from scipy import optimize, special, stats

RIDGE = 1e-3


def score_rows(p, x, y):
    return (y - special.expit(p[0] + p[1] * x))[:, None] * np.stack([np.ones_like(x), x], axis=1)


def fit(x, y, ridge):
    """intercept and slope of the log odds of y; the slope alone is penalized."""
    def equations(p):
        return score_rows(p, x, y).sum(axis=0) - np.array([0.0, ridge * p[1]])

    def jacobian(p):
        m = special.expit(p[0] + p[1] * x)
        w = m * (1 - m)
        return -np.array([[w.sum(), (w * x).sum()], [(w * x).sum(), (w * x * x).sum() + ridge]])

    found = optimize.root(equations, [special.logit(y.mean()), 0.0], jac=jacobian, method="lm",
                          options={"xtol": 1e-15, "ftol": 1e-15, "maxiter": 10000})
    assert np.max(np.abs(equations(found.x))) < 1e-9, equations(found.x)
    return found.x, -jacobian(found.x)


def clustered(p, a, x, y, prompt):
    u = score_rows(p, x, y)
    groups = np.unique(prompt)
    b = np.zeros((2, 2))
    for g in groups:
        one = u[prompt == g].sum(axis=0)
        b += np.outer(one, one)
    bread = np.linalg.inv(a)
    return len(groups) / (len(groups) - 1) * bread @ b @ bread


def walk(inside, start, direction):
    """The first b from `start` on that is not inside; None where there is none within 1e7 bits."""
    last = 0.0
    for step in np.geomspace(1e-4, 1e7, 2000):
        if not inside(start + direction * step) > 0:
            last = step
            continue
        ends = start + direction * last, start + direction * step
        return float(optimize.brentq(inside, *ends, xtol=1e-14, rtol=1e-14))
    return None


def told_apart(bits, flipped, rate=0.05, level=0.95):
    """The curve, its covariance, the bits at the rate, and of any b what is above 0 where it is told from them."""
    settings, prompts = flipped.shape
    x = np.repeat(np.asarray(bits, float), prompts)
    y = flipped.astype(float).ravel()
    prompt = np.tile(np.arange(prompts), settings)
    p, a = fit(x, y, RIDGE)
    v = clustered(p, a, x, y, prompt)
    at = float((special.logit(rate) - p[0]) / p[1])
    t2 = stats.t.ppf(0.5 + level / 2, prompts - 1) ** 2

    def inside(b):  # <= 0 inside
        return (p[0] + p[1] * b - special.logit(rate)) ** 2 - t2 * (v[0, 0] + 2 * b * v[0, 1] + b * b * v[1, 1])

    return p, v, at, inside


def curve(bits, flipped, rate=0.05):
    p, v, at, inside = told_apart(bits, flipped, rate)
    return p, v, at, walk(inside, at, -1.0), walk(inside, at, 1.0)


def draw(rng, bits, prompts, middle, steep, spread):
    """Prompts flip below bits of their own, not sharply."""
    own = middle + spread * rng.normal(size=prompts)
    return rng.random((len(bits), prompts)) < special.expit(steep * (own[None, :] - np.asarray(bits)[:, None]))


def coverage(prompts, repeats=300, bits=(8, 6, 5, 4, 3, 2)):
    """Truth: the bits at which the same model's fit to 200,000 prompts has the rate."""
    rng = np.random.default_rng(77)
    big = draw(rng, bits, 200000, 3.0, 2.0, 0.8)
    x = np.asarray(bits, float)
    k = big.sum(axis=1)  # grouped: the same likelihood

    def equations(p):
        r = k - 200000 * special.expit(p[0] + p[1] * x)
        return [r.sum(), (r * x).sum()]

    p = optimize.root(equations, [6.0, -2.0]).x
    truth = (special.logit(0.05) - p[0]) / p[1]
    held = fits = 0
    for _ in range(repeats):
        flipped = draw(rng, bits, prompts, 3.0, 2.0, 0.8)
        x_all = np.asarray(bits)
        with_flip, without = x_all[flipped.any(axis=1)], x_all[~flipped.all(axis=1)]
        if not len(with_flip) or not len(without) or with_flip.max() <= without.min():
            continue
        p, _, _, inside = told_apart(bits, flipped)
        if p[1] >= 0:
            continue
        fits += 1
        held += bool(inside(truth) <= 0)
    return {"prompts": prompts, "truth": truth, "fits": fits, "repeats": repeats, "share": held / fits}


def main():
    rng = np.random.default_rng(20261127)
    cases = []
    designs = [([8, 6, 5, 4, 3, 2], 40, 3.2, 2.0, 0.8, 0.05), ([8, 6, 5, 4, 3, 2], 159, 2.8, 3.0, 0.5, 0.05),
               ([5, 8, 3, 4], 60, 4.0, 1.5, 1.0, 0.05), ([6, 4, 2], 12, 3.0, 1.5, 0.5, 0.2),
               ([8, 4], 25, 4.0, 0.4, 1.0, 0.05), ([8, 6, 5], 30, 5.0, 0.15, 1.0, 0.05),
               ([8, 6, 5, 4], 20, 0.0, 0.5, 0.5, 0.05), ([4, 3, 2], 15, 6.0, 0.3, 0.5, 0.05),
               ([8, 6, 5, 4, 3, 2], 8, 3.0, 1.0, 1.0, 0.05), ([4, 3], 30, 1.0, 0.5, 2.0, 0.1),
               ([8, 6, 5, 4], 60, -12.0, 0.2, 0.5, 0.05)]
    for bits, prompts, middle, steep, spread, rate in designs:
        while True:
            flipped = draw(rng, bits, prompts, middle, steep, spread)
            x = np.asarray(bits)
            if not flipped.any() or flipped.all() or x[flipped.any(axis=1)].max() <= x[~flipped.all(axis=1)].min():
                continue
            p, v, at, low, high = curve(bits, flipped, rate)
            if p[1] < -1e-3:
                break
        cases.append({"bits": bits, "rate": rate, "flipped": ["".join("01"[int(f)] for f in row) for row in flipped],
                      "flips": int(flipped.sum()), "intercept": p[0], "slope": p[1], "intercept_error": v[0, 0] ** 0.5,
                      "slope_error": v[1, 1] ** 0.5, "at": at, "lower": low, "upper": high})
        print(bits, prompts, round(at, 3), low, high)
    out = {"cases": cases, "coverage": [coverage(n) for n in (20, 40, 160)]}
    print(out["coverage"])
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "fitted_onset.json"), "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
