#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes budget.json: the least cost of one choice for each of some units within a budget of sizes, by mixed integer
programming (scipy.optimize.milp) and, where there is one budget, by a table over all sizes in units of their greatest
common divisor (numpy) as well; the two must agree.  README.md in this folder names every entry."""
import json
from pathlib import Path

import numpy as np
from scipy.optimize import LinearConstraint, Bounds, milp


def bits_of(rows, columns, bits):
    """Whole bits of a matrix with one float scale a row."""
    return rows * (columns * bits + 32)


def table(units, options, seed):
    """Matrices of five shapes; costs fall fourfold with each bit, up to a factor of their own: multiples of 2^-20."""
    random = np.random.default_rng(seed)
    shapes = [(64, 64), (32, 64), (172, 64), (64, 172), (96, 48)]
    sizes = np.array([[bits_of(*shapes[u % len(shapes)], 2 + o) for o in range(options)] for u in range(units)])
    weight = np.exp(random.normal(0, 1.5, units))
    noise = np.exp(random.normal(0, 0.3, (units, options)))
    costs = weight[:, None] * noise * 4.0 ** -np.arange(options)[None]
    return sizes, np.round(costs * 2**20) / 2**20


def by_milp(sizes, costs, budget, extra=None, most=None):
    units, options = sizes.shape
    one_each = np.kron(np.eye(units), np.ones(options))
    constraints = [LinearConstraint(one_each, 1, 1), LinearConstraint(sizes.ravel()[None], 0, budget)]
    if extra is not None:
        constraints.append(LinearConstraint(extra.ravel()[None], 0, most))
    found = milp(costs.ravel(), constraints=constraints, integrality=np.ones(sizes.size), bounds=Bounds(0, 1),
                 options={"mip_rel_gap": 0.0})
    assert found.status == 0, found.message
    chosen = found.x.reshape(sizes.shape).argmax(1)
    rows = np.arange(units)
    assert sizes[rows, chosen].sum() <= budget
    return float(costs[rows, chosen].sum())


def by_table(sizes, costs, budget):
    """least[s]: the least cost of the units so far at s or less, in units of the greatest common divisor."""
    unit = int(np.gcd.reduce(sizes.ravel()))
    least = np.zeros(budget // unit + 1)
    for u in range(sizes.shape[0]):
        after = np.full(least.shape, np.inf)
        for o in range(sizes.shape[1]):
            step = int(sizes[u, o]) // unit
            after[step:] = np.minimum(after[step:], least[:len(least) - step] + costs[u, o])
        least = after
    return float(least[-1])


def main():
    out = {"tables": [], "bounded": []}
    for units, options, seed in [(35, 6, 1), (60, 8, 2)]:
        sizes, costs = table(units, options, seed)
        budgets = []
        for level in np.linspace(0.8, options - 1.3, 6):
            low = int(level)
            budget = int(sizes[:, low].sum() + (level - low) * (sizes[:, low + 1] - sizes[:, low]).sum())
            cost = by_milp(sizes, costs, budget)
            assert cost == by_table(sizes, costs, budget), (units, budget)
            budgets.append({"budget": budget, "cost": cost})
        out["tables"].append({"options": options, "sizes": sizes.ravel().tolist(), "costs": costs.ravel().tolist(),
                              "budgets": budgets})
    for seed in range(4):
        sizes, damage = table(35, 6, 10 + seed)
        _, kl = table(35, 6, 20 + seed)
        damage[21:] = 0.0  # behind the hook
        budget, most_kl = int(sizes[:, 2].sum()), float(kl[:, 2].sum())
        out["bounded"].append({"options": 6, "sizes": sizes.ravel().tolist(), "damages": damage.ravel().tolist(),
                               "kl": kl.ravel().tolist(), "most_bits": budget, "most_kl": most_kl,
                               "damage": by_milp(sizes, damage, budget, kl, most_kl)})
    Path(__file__).with_name("budget.json").write_text(json.dumps(out) + "\n")


main()
