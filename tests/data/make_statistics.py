#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes statistics.safetensors: sparse codes of a reference and of two compressed models, and every statistic of
them, computed from the definitions on dense arrays in extended precision (80 bits, two passes), stored as doubles.

Nothing here streams, merges or shifts: where the library adds up cells of features and groups, this script looks at
the whole column.  NaN stands for "undefined".  README.md in this folder says what each array is.
"""
from pathlib import Path

import numpy as np
from scipy import integrate, stats

from write_oracle import write_safetensors

ROWS, ROW_TOKENS, FEATURES = 98, 33, 48
TOKENS = ROWS * ROW_TOKENS
GROUPS = min(64, ROWS // 4)  # 24 of 98 rows: groups of four and of five rows
WIDE = np.longdouble


def group_ids():
    row = np.arange(TOKENS) // ROW_TOKENS
    return (row * GROUPS // ROWS).astype(np.uint32)


def bursty(rng, rate):
    """A feature whose rate and strength vary from row to row; zero where it does not fire."""
    level = np.repeat(rng.gamma(1.5, 1 / 1.5, ROWS), ROW_TOKENS)
    strength = np.repeat(rng.uniform(0.6, 1.4, ROWS), ROW_TOKENS)
    fires = rng.random(TOKENS) < np.minimum(rate * level, 0.9)
    return np.where(fires, strength * rng.gamma(4.0, 0.25, TOKENS) + 0.2, 0.0)


def compressed(rng, x, noise, lost, ghosts, gain=1.0):
    """The same feature after compression: noise where it fires, firings lost, firings that were not there."""
    y = np.where(x > 0, gain * x + noise * rng.standard_normal(TOKENS), 0.0)
    y[(x > 0) & (rng.random(TOKENS) < lost)] = 0.0
    born = (x == 0) & (rng.random(TOKENS) < ghosts * (x > 0).mean())
    y[born] = rng.gamma(2.0, 0.25, born.sum()) + 0.1
    return np.maximum(y, 0.0)


SPECIAL = ["identical", "gain_only", "rare", "dead", "born", "constant_both", "constant_reference",
           "constant_compressed", "mean_over_std_1e6", "silent_both", "tiny", "one_group", "amplified",
           "never_together", "always_firing", "fifty_firings", "forty_nine_firings", "seven_groups", "eight_groups"]


def make_codes(rng):
    x = np.zeros((TOKENS, FEATURES))
    a = np.zeros_like(x)
    b = np.zeros_like(x)
    for j in range(FEATURES):
        rate = 0.015 + 0.1 * rng.random() ** 2
        x[:, j] = bursty(rng, rate)
        # Most features lie near one of the two thresholds, so that leaving a group out moves some across.
        hardness = rng.choice([0.05, 0.12, 0.25, 0.6]) * rng.uniform(0.7, 1.4)
        a[:, j] = compressed(rng, x[:, j], 0.6 * hardness, hardness * 0.7, hardness * 0.5)
        hardness *= rng.uniform(0.6, 1.7)
        b[:, j] = compressed(rng, x[:, j], 0.6 * hardness, min(hardness * 0.7, 0.9), hardness * 0.5)
    fired = bursty(rng, 0.05)
    at = {name: i for i, name in enumerate(SPECIAL)}

    def put(name, cx, ca, cb):
        x[:, at[name]], a[:, at[name]], b[:, at[name]] = cx, ca, cb

    put("identical", fired, fired, fired)
    put("gain_only", bursty(rng, 0.05), 0, 0)
    a[:, at["gain_only"]] = b[:, at["gain_only"]] = x[:, at["gain_only"]] * 0.5
    rare = bursty(rng, 0.006)
    put("rare", rare, compressed(rng, rare, 0.1, 0.2, 0.2), compressed(rng, rare, 0.1, 0.0, 0.2))
    put("dead", bursty(rng, 0.04), 0, bursty(rng, 0.001))
    put("born", 0, bursty(rng, 0.04), bursty(rng, 0.04))
    put("constant_both", 0.75, 0.75, 0.75)
    put("constant_reference", 0.75, 0.75 + 0.1 * rng.standard_normal(TOKENS).clip(-3, 3), bursty(rng, 0.05))
    cx = bursty(rng, 0.05)
    put("constant_compressed", cx, 0.5, 0.5)
    wave = rng.standard_normal(TOKENS)
    put("mean_over_std_1e6", 1000.0 + 1e-3 * wave, 999.0 + 1e-3 * (wave + 0.5 * rng.standard_normal(TOKENS)),
        1001.0 + 1e-3 * (wave + rng.standard_normal(TOKENS)))
    put("silent_both", 0, 0, 0)
    cx = bursty(rng, 0.05)
    put("tiny", 1e-6 * cx, 1e-6 * compressed(rng, cx, 0.1, 0.1, 0.1), 1e-6 * compressed(rng, cx, 0.3, 0.3, 0.1))
    cx = bursty(rng, 0.8)
    cx[group_ids() != 5] = 0.0
    put("one_group", cx, compressed(rng, cx, 0.1, 0.1, 0.0), compressed(rng, cx, 0.2, 0.1, 0.0))
    cx = bursty(rng, 0.05)
    put("amplified", cx, 1.5 * cx, np.where(cx > 0, 1.5 * cx + 0.05 * np.abs(rng.standard_normal(TOKENS)), 0))
    cx = bursty(rng, 0.05)
    put("never_together", cx, np.where(cx > 0, 0, bursty(rng, 0.05)), np.where(cx > 0, 0, bursty(rng, 0.05)))
    cx = 1.0 + rng.gamma(2.0, 0.5, TOKENS)
    put("always_firing", cx, cx + 0.2 * rng.standard_normal(TOKENS).clip(-3, 3), cx * rng.uniform(0.5, 1.5, TOKENS))
    # The edges of the rule of fifty firings in eight groups.
    group = group_ids()
    for name, count, groups in (("fifty_firings", 50, GROUPS), ("forty_nine_firings", 49, GROUPS),
                                ("seven_groups", 84, 7), ("eight_groups", 80, 8)):
        chosen = np.concatenate([np.nonzero(group == g)[0][:-(-count // groups)] for g in range(groups)])[:count]
        cx = np.zeros(TOKENS)
        cx[chosen] = rng.gamma(4.0, 0.25, count) + 0.2
        put(name, cx, compressed(rng, cx, 0.3, 0.1, 0.1), compressed(rng, cx, 0.3, 0.2, 0.1))
    return [c.astype(np.float32) for c in (x, a, b)]


def ratio(top, bottom):
    return WIDE(top) / WIDE(bottom) if bottom != 0 else WIDE(np.nan)


def pearson(x, y):
    """Pearson's r, NaN where either side does not vary."""
    if len(x) == 0:
        return WIDE(np.nan)
    dx, dy = x - x.mean(), y - y.mean()
    xx, yy = (dx * dx).sum(), (dy * dy).sum()
    if varies(x) and varies(y):
        return (dx * dy).sum() / np.sqrt(xx * yy)
    return WIDE(np.nan)


def varies(x):
    return x.min() != x.max()


def published_r(x, y):
    """The published guard: the product of the sums of squares is at least 1e-12, so silence gives 0."""
    dx, dy = x - x.mean(), y - y.mean()
    product = (dx * dx).sum() * (dy * dy).sum()
    r = (dx * dy).sum() / np.sqrt(max(product, WIDE(1e-12)))
    return min(max(r, WIDE(-1)), WIDE(1))


def feature_statistics(x, y):
    """All of one feature, from its two columns."""
    n = WIDE(len(x))
    on_x, on_y = x > 0, y > 0
    both = on_x & on_y
    nx, ny, nxy = (WIDE(m.sum()) for m in (on_x, on_y, both))
    mx, my = x.mean(), y.mean()
    var_x = ((x - mx) ** 2).mean() if varies(x) else WIDE(0)
    var_y = ((y - my) ** 2).mean() if varies(y) else WIDE(0)
    cov = ((x - mx) * (y - my)).mean() if varies(x) and varies(y) else WIDE(0)
    mse = ((y - x) ** 2).mean()
    lost, ghost = on_x & ~on_y, ~on_x & on_y
    eflip = (x[lost] ** 2).sum() + (y[ghost] ** 2).sum()
    eon = ((y - x)[both] ** 2).sum()
    beta = ratio(cov, var_x)
    noise = var_y - cov * beta  # (1 - r^2) Var y, which has a value also where y does not vary
    r = pearson(x, y)
    phi_squared = nx * ny * (n - nx) * (n - ny)
    return {
        "n_x": nx, "n_y": ny, "n_xy": nxy, "mean_x": mx, "mean_y": my, "max_x": x.max(), "max_y": y.max(),
        "var_x": var_x, "var_y": var_y, "cov": cov, "r_published": published_r(x, y), "r": r,
        "recall": ratio(nxy, nx), "precision": ratio(nxy, ny), "j_fire": ratio(nxy, nx + ny - nxy),
        "phi": ratio(n * nxy - nx * ny, np.sqrt(phi_squared)),
        "mass_lost": ratio(x[lost].sum(), x.sum()), "mass_ghost": ratio(y[ghost].sum(), y.sum()),
        "r_on": pearson(x[both], y[both]), "eflip": eflip, "eon": eon, "flip_share": ratio(eflip, eflip + eon),
        "mse": mse, "beta": beta, "bias_sq": (my - mx) ** 2, "gain": (beta - 1) ** 2 * var_x, "noise": noise,
        "nmse": ratio(mse, var_x), "repairable": 1 - ratio(noise, mse), "nu": (1 - r * r) / (r * r),
    }


def jackknife(theta, without, dof, forward, back):
    """[estimate, se, low, high, bias-corrected, dof]; se and interval on the scale `forward`, as long as finite."""
    g = len(without)
    with np.errstate(all="ignore"):
        z, zg = forward(theta), forward(without)
        se = np.sqrt((g - 1) / g * ((zg - z) ** 2).sum())
        corrected = g * theta - (g - 1) * without.mean()
        if not np.isfinite(se) or not se > 0:
            return [theta, np.nan, np.nan, np.nan, corrected, dof]
        t = stats.t.ppf(0.975, dof)
        return [theta, se, back(z - t * se), back(z + t * se), corrected, dof]


def r_row(theta, without, m_eff, m_error):
    """The same for r of a feature on atanh: degrees of freedom of its own, and the end on the side of the longer tail
    moved outward.  Where a deletion reaches 1, deviations on the scale are those of r times the slope."""
    g = len(without)
    # Effective groups of the reference's energy or, where they are fewer, of the error's, of which 5 always count.
    dof = (max(m_error, 5) if m_eff > 5 and 0 < m_error < m_eff else m_eff) - 1
    bad = not np.isfinite(theta) or abs(theta) >= 1 - 1e-14 or not m_eff >= 5 or not np.isfinite(without).all()
    if bad or (without == theta).all():
        return [theta, np.nan, np.nan, np.nan, np.nan, dof]
    with np.errstate(all="ignore"):
        gaps = np.arctanh(np.where(np.abs(without) > 1 - 1e-14, np.sign(without), without)) - np.arctanh(theta)
    if not np.isfinite(gaps).all():
        gaps = (without - theta) / (1 - theta**2)
    se = np.sqrt((g - 1) / g * (gaps**2).sum())
    u = gaps.mean() - gaps
    skewness = (u**3).sum() / (u**2).sum() ** 1.5
    z, t = np.arctanh(theta), stats.t.ppf(0.975, dof)
    down, up = ((t + max(tail, 0) * (2 * t * t + 1) / 6) * se for tail in (-skewness, skewness))
    return [theta, se, np.tanh(z - down), np.tanh(z + up), g * theta - (g - 1) * without.mean(), dof]


def bandwidths(rows):
    """(2, features): h for the spread of a count and for its bias; 0 for the step itself."""
    rows = np.array(rows)
    known = np.isfinite(rows[:, 1])
    mean_t = np.array([integrate.quad(lambda t, v=v: 2 * t * stats.t.pdf(t, v), 0, np.inf)[0] if k else 1
                       for v, k in zip(rows[:, 5], known)])
    se = np.where(known, rows[:, 1], 0)
    return np.array([se / (2 * np.sqrt(np.pi) * mean_t), se])


def chances(r, limit, h):
    """Phi((atanh r - atanh limit) / h), 0 or 1 beyond six h; a step where h is 0."""
    with np.errstate(all="ignore"):
        u = (np.arctanh(r) - np.arctanh(limit)) / h
        return np.where((h > 0) & (np.abs(u) <= 6), stats.norm.cdf(u), r > limit)


def smooth_aggregates(r_a, r_b, h_a, h_b, median):
    """What `aggregates` counts, smoothed; for the median, the share above it."""
    survived, kept = chances(r_a, 0.9, h_a), chances(r_a, 0.5, h_a)
    out = {"survived": survived.mean(), "blurred": (kept - survived).mean(), "destroyed": 1 - kept.mean(),
           "median_r": chances(r_a, median, h_a).mean()}
    p, q = 1 - survived, 1 - chances(r_b, 0.9, h_b)
    out["jaccard"] = (p * q).sum() / (p + q - p * q).sum()
    for tau in range(0, 101):
        out[f"s{tau}"] = chances(r_a, tau / 100, h_a).mean()
    return out


def counted_row(theta, whole, parts, slope, scale):
    """Gives a row of `jackknife` the spread and the bias of smoothed counts: whole[k] and parts[k] (groups) for the two
    bandwidths.  `slope`: of the scale over the smoothed number."""
    g = len(parts[0])
    forward, back = scale
    se = np.sqrt((g - 1) / g * ((parts[0] - whole[0]) ** 2).sum()) * slope
    bias = (g - 1) * (parts[1] - whole[1]).mean() * slope
    t, z = stats.t.ppf(0.975, g - 1), forward(theta)
    to_theta = 1 - theta**2 if forward is np.arctanh else theta * (1 - theta)
    return [theta, se, back(z - t * se - max(bias, 0)), back(z + t * se + max(-bias, 0)), theta - bias * to_theta, g - 1]


def z_of(r):
    """atanh r, infinite where r is 1 but for rounding."""
    with np.errstate(all="ignore"):
        return np.arctanh(np.where(np.abs(r) > 1 - 1e-14, np.sign(r), r))


def grades(z, at, h):
    """For each place of `at`, the mean over features of the smoothed step at z."""
    with np.errstate(all="ignore"):
        u = (at[:, None] - z) / h
        return np.where((h > 0) & (np.abs(u) <= 6), stats.norm.cdf(u), at[:, None] > z).mean(1)


def damage_spearman(r_a, r_b, without_a, without_b, h_a, h_b):
    """[Spearman, corrected, low, high]: Spearman of damage with the jackknife's bias of Pearson's r of smoothed grades."""
    g = without_a.shape[1]
    plain = stats.spearmanr(r_a, r_b).statistic
    deleted = np.array([stats.spearmanr(without_a[:, k], without_b[:, k]).statistic for k in range(g)])
    se = np.sqrt((g - 1) / g * ((np.arctanh(deleted) - np.arctanh(plain)) ** 2).sum())
    z_a, z_b = z_of(r_a), z_of(r_b)
    smooth = lambda x, y: np.corrcoef(grades(z_a, z_of(x), h_a), grades(z_b, z_of(y), h_b))[0, 1]
    whole = smooth(r_a, r_b)
    bias = (g - 1) * (np.array([smooth(without_a[:, k], without_b[:, k]) for k in range(g)]) - whole).mean()
    center = np.arctanh(plain) - bias / (1 - plain**2)
    t = stats.t.ppf(0.975, g - 1)
    return [plain, np.tanh(center), np.tanh(center - t * se), np.tanh(center + t * se)]


def logit(p):
    return np.log(p) - np.log1p(-p)


def expit(z):
    return 1 / (1 + np.exp(-z))


def aggregates(r_a, r_b):
    """Every aggregate over a set of features, from correlations of both conditions."""
    n = len(r_a)
    out = {"mean_r": r_a.mean(), "median_r": np.sort(r_a)[(n - 1) // 2],
           "survived": (r_a > 0.9).sum() / n, "blurred": ((r_a <= 0.9) & (r_a >= 0.5)).sum() / n,
           "destroyed": (r_a < 0.5).sum() / n}
    hit_a, hit_b = r_a <= 0.9, r_b <= 0.9
    out["jaccard"] = (hit_a & hit_b).sum() / max((hit_a | hit_b).sum(), 1)
    out["spearman"] = stats.spearmanr(1 - r_a, 1 - r_b).statistic
    for tau in range(0, 101):
        out[f"s{tau}"] = (r_a > tau / 100).sum() / n
    return {k: float(v) for k, v in out.items()}


SCALES = {"mean_r": (np.arctanh, np.tanh), "median_r": (np.arctanh, np.tanh), "spearman": (np.arctanh, np.tanh)}


def main():
    rng = np.random.default_rng(606)
    x, a, b = make_codes(rng)
    group = group_ids()
    out = {"tokens_rows_row_tokens_groups_features": np.array([TOKENS, ROWS, ROW_TOKENS, GROUPS, FEATURES], np.int64),
           "group_of_token": group}
    for name, codes in (("x", x), ("a", a), ("b", b)):
        assert codes.min() >= 0
        token, feature = np.nonzero(codes)
        out[name + ".features"] = feature.astype(np.uint32)
        out[name + ".values"] = codes[token, feature]
        out[name + ".begin"] = np.concatenate(([0], np.cumsum((codes > 0).sum(1)))).astype(np.uint32)

    wide = [c.astype(WIDE) for c in (x, a, b)]
    r_of, without_of, published_of, published_without_of = {}, {}, {}, {}
    rows_of, published_rows_of = {}, {}
    keep = [group != g for g in range(GROUPS)]
    for name, y in (("a", wide[1]), ("b", wide[2])):
        table = [feature_statistics(wide[0][:, j], y[:, j]) for j in range(FEATURES)]
        for key in table[0]:
            out[f"{name}.{key}"] = np.array([float(t[key]) for t in table])
        r_of[name], published_of[name] = out[name + ".r"], out[name + ".r_published"]
        for j in range(FEATURES):  # the extended precision agrees with scipy, where that can
            if np.isfinite(r_of[name][j]) and SPECIAL.index("mean_over_std_1e6") != j:
                assert abs(stats.pearsonr(x[:, j].astype(float), y[:, j].astype(float))[0] - r_of[name][j]) < 1e-12
        without_of[name] = np.array([[float(pearson(wide[0][k, j], y[k, j])) for k in keep] for j in range(FEATURES)])
        published_without_of[name] = np.array(
            [[float(published_r(wide[0][k, j], y[k, j])) for k in keep] for j in range(FEATURES)])
        out[name + ".r_without"], out[name + ".r_published_without"] = without_of[name], published_without_of[name]
        even = group % 2 == 0
        out[name + ".r_even"] = np.array([float(pearson(wide[0][even, j], y[even, j])) for j in range(FEATURES)])
        out[name + ".r_odd"] = np.array([float(pearson(wide[0][~even, j], y[~even, j])) for j in range(FEATURES)])
        mass = np.array([[float((wide[0][group == g, j] ** 2).sum()) for g in range(GROUPS)] for j in range(FEATURES)])
        error = np.array(
            [[float(((y[group == g, j] - wide[0][group == g, j]) ** 2).sum()) for g in range(GROUPS)]
             for j in range(FEATURES)])
        with np.errstate(all="ignore"):
            m_eff = mass.sum(1) ** 2 / (mass**2).sum(1)
            m_error = np.nan_to_num(error.sum(1) ** 2 / (error**2).sum(1))
        out["m_eff"], out[name + ".m_error"] = m_eff, m_error
        intervals = []
        for j in range(FEATURES):
            intervals.append(r_row(r_of[name][j], without_of[name][j], m_eff[j], m_error[j]))
        rows_of[name] = intervals
        published_rows_of[name] = [
            r_row(published_of[name][j], published_without_of[name][j], m_eff[j], m_error[j]) for j in range(FEATURES)]
        out[name + ".r_interval"] = np.array(intervals, dtype=np.float64)

    n_x = (x > 0).sum(0)
    groups_firing = np.array([[(x[group == g, j] > 0).any() for g in range(GROUPS)] for j in range(FEATURES)]).sum(1)
    out["groups_firing"] = groups_firing.astype(np.int64)
    active = n_x / TOKENS > 0.001
    measured = (n_x >= 50) & (groups_firing >= 8)
    both = measured & np.isfinite(r_of["a"]) & np.isfinite(r_of["b"])
    out["active"], out["measured"], out["measured_and_defined"] = (m.astype(np.uint8) for m in (active, measured, both))
    for label, mask, r, without, rows in (("published", active, published_of, published_without_of, published_rows_of),
                                          ("honest", both, r_of, without_of, rows_of)):
        full = aggregates(r["a"][mask], r["b"][mask])
        parts = [aggregates(without["a"][mask, g], without["b"][mask, g]) for g in range(GROUPS)]
        h_a, h_b = (bandwidths(rows[c])[:, mask] for c in "ab")
        median = full["median_r"]
        smooth = [smooth_aggregates(r["a"][mask], r["b"][mask], h_a[k], h_b[k], median) for k in range(2)]
        smooth_parts = [[smooth_aggregates(without["a"][mask, g], without["b"][mask, g], h_a[k], h_b[k], median)
                         for g in range(GROUPS)] for k in range(2)]
        wide_h = h_a[1][h_a[1] > 0]
        u = (np.arctanh(r["a"][mask])[h_a[1] > 0] - np.arctanh(median)) / wide_h
        density = (stats.norm.pdf(u) / wide_h).sum() / mask.sum()
        survival = []
        for key, theta in full.items():
            each = np.array([p[key] for p in parts])
            scale = SCALES.get(key, (logit, expit))
            row = jackknife(theta, each, GROUPS - 1, *scale)
            if key in smooth[0] and (each != theta).any() and np.isfinite(scale[0](theta)):
                slope = 1 / density if key == "median_r" else 1 / (theta * (1 - theta))
                row = counted_row(theta, [w[key] for w in smooth],
                                  [np.array([p[key] for p in of]) for of in smooth_parts], slope, scale)
            if key[0] == "s" and key[1:].isdigit():
                survival.append(row)
                continue
            out[f"{label}.{key}"] = np.array(row, dtype=np.float64)
            out[f"{label}.{key}.without"] = each
        if label == "honest":
            enough = mask & (m_eff >= 5)
            sides = [x[c][enough] for x in (r, without) for c in "ab"]
            out["honest.damage_spearman"] = np.array(
                damage_spearman(*sides, *(bandwidths(rows[c])[1, enough] for c in "ab")))
        out[label + ".survival_curve"] = np.array(survival, dtype=np.float64)

    path = Path(__file__).parent / "statistics.safetensors"
    write_safetensors(path, {k: np.asarray(v) for k, v in out.items()})
    print(path.stat().st_size, "bytes;", {m: int(v.sum()) for m, v in (("active", active), ("measured", measured))})
    np.set_printoptions(precision=6, suppress=True, linewidth=150)
    for label in ("published", "honest"):
        for key in ("mean_r", "median_r", "survived", "blurred", "destroyed", "jaccard", "spearman"):
            print(label, key, out[f"{label}.{key}"])
    for j, name in enumerate(SPECIAL):
        print(f"{j:2d} {name:20s} r {r_of['a'][j]:.12f} published {published_of['a'][j]:.12f} n_x {n_x[j]}",
              out["a.r_interval"][j])
    # Identities that must hold of any data.
    for name in ("a", "b"):
        o = {k[2:]: v for k, v in out.items() if k.startswith(name + ".")}
        defined = np.isfinite(o["beta"])
        assert np.allclose((o["bias_sq"] + o["gain"] + o["noise"])[defined], o["mse"][defined], rtol=1e-13)
        assert np.allclose(o["eflip"] + o["eon"], o["mse"] * TOKENS, rtol=1e-13)


if __name__ == "__main__":
    main()
