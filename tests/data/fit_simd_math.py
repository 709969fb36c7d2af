# SPDX-License-Identifier: Apache-2.0
"""Fits the polynomials of include/qfa/simd/math.hpp and prints their coefficients as floats.

Each is a minimax fit of the stated weighted error by Lawson's iteration on Chebyshev points: least squares whose weights
are multiplied by the error until the error is level.  Coefficients are rounded to float one by one, lowest first, and
the rest refitted around what was rounded.  Needs Debian's python3-mpmath and python3-numpy.
"""
import mpmath as mp
import numpy as np

mp.mp.dps = 40


def level_fit(f, weight, lo, hi, powers, fixed, points=300, rounds=60):
    """Coefficients of `powers` (those in `fixed` given) that level weight(x) (f(x) - sum c_p x^p) on [lo, hi]."""
    xs = [(lo + hi) / 2 + (hi - lo) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * points)) for i in range(points)]
    w = np.array([float(weight(x)) for x in xs])
    target = np.array([float(mp.mpf(weight(x)) * (f(x) - sum(c * x**p for p, c in fixed.items()))) for x in xs], dtype=np.longdouble)
    free = [p for p in powers if p not in fixed]
    scale = max(abs(lo), abs(hi))
    a = np.array([[float(weight(x) * (x / scale) ** p) for p in free] for x in xs])
    lawson = np.ones(points) / points
    best = None
    for _ in range(rounds):
        s = np.sqrt(lawson)
        c, *_ = np.linalg.lstsq(a * s[:, None], (target * s).astype(float), rcond=None)
        error = np.abs(target.astype(float) - a @ c)
        if best is None or error.max() < best[0]:
            best = (error.max(), c.copy())
        lawson = lawson * error
        lawson /= lawson.sum()
    return {p: float(c) / float(scale) ** p for p, c in zip(free, best[1])}, best[0]


def fit(name, f, weight, lo, hi, powers, fixed=None):
    fixed = dict(fixed or {})
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    for p in powers:
        if p not in fixed:
            free, error = level_fit(f, weight, lo, hi, powers, fixed)
            fixed[p] = mp.mpf(float(np.float32(free[p])))
    worst = max(abs(weight(x) * (f(x) - sum(c * x**p for p, c in fixed.items())))
                for x in [lo + (hi - lo) * mp.mpf(i) / 4000 for i in range(4001)])
    print(name, "worst weighted error", mp.nstr(worst, 3))
    for p in powers:
        print("  x^%d  %.9gf" % (p, float(fixed[p])))


def ratio(f, order):
    """f with a removable zero at 0 divided out."""
    return lambda x: mp.taylor(f, 0, order)[order] if x == 0 else f(x)


half_ln2 = mp.log(2) / 2 * mp.mpf("1.0001")
fit("exp(r) = 1 + r + r^2 p(r)", lambda r: (mp.exp(r) - 1 - r) / r**2 if abs(r) > 1e-9 else mp.mpf(1) / 2,
    lambda r: r**2 / mp.exp(r), -half_ln2, half_ln2, range(5))
T = 0.5625
fit("tanh(x) = x + x z p(z), z = x^2 < %g" % T**2,
    lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z > 1e-12 else mp.mpf(-1) / 3,
    lambda z: z / (mp.tanh(mp.sqrt(z)) / mp.sqrt(z)) if z > 0 else mp.mpf(0), 0, T**2, range(5))
E = 0.921875
fit("erf(x) = x + x p(z), z = x^2 < %g" % E**2,
    lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1 if z > 1e-16 else 2 / mp.sqrt(mp.pi) - 1,
    lambda z: 1 / (mp.erf(mp.sqrt(z)) / mp.sqrt(z)) if z > 1e-16 else mp.sqrt(mp.pi) / 2, 0, E**2, range(7))
fit("erf(t) = 1 - exp(-t - t p(t)), t > %g" % E, lambda t: -mp.log(mp.erfc(t)) / t - 1,
    lambda t: t * mp.erfc(t) / mp.erf(t), E, 4, range(8))
