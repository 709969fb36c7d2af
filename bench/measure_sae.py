#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what the inputs, weights and pre-activations of real SAEs look like, for bench/made_sae.hpp to imitate.

    python3 bench/measure_sae.py --qfa build/release/examples/qfa/qfa --stories DIR --massive FILE > bench/real_sae.hpp

DIR holds stories260K (karpathy/tinyllamas, as a Hugging Face llama) and three SAEs of 512 to 1,024 features that were
trained on it, FILE "activations" (309 tokens, 1152) of google/gemma-3-1b-it, whose residual stream has a massive
dimension; neither is in this repository.  The fourth SAE is the demo's, of 2,048 features.  Needs numpy.

A margin is a pre-activation less what it must exceed: 0, the threshold, or for top_k the middle between a token's k-th
and (k+1)-th.  Small dictionaries fire on two percent of their features, large ones on a half (16,384 at L0 82) or a
quarter (32,768): so features are measured that are as rare, the rarest ones that together have that share.  Each line is
a quantile: its level, then the least, the mean and the largest over the four SAEs.
"""
import argparse
import json
import pathlib
import struct
import subprocess
import tempfile

import numpy as np

TOKENS = 32768
SHARES = {"half_percent": 0.005, "quarter_percent": 0.0025}
TAIL = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999]
SPREAD = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0]
NEAR = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    kinds = {"F32": np.float32, "F16": np.float16}
    out = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name != "__metadata__":
            first, last = (8 + size + o for o in entry["data_offsets"])
            out[name] = np.frombuffer(raw[first:last], kinds[entry["dtype"]]).reshape(entry["shape"])
    return out


def root_mean_square(x, axis=None):
    return np.sqrt(np.mean(np.square(x, dtype=np.float64), axis=axis))


def measure(folder, x, at):
    """One SAE on its activations, its features that have the share `at`: name of a table -> its quantiles."""
    sae = read_safetensors(folder / "sae_weights.safetensors")
    k = json.loads((folder / "cfg.json").read_text()).get("k")
    w, d = sae["W_enc"], sae["W_enc"].shape[0]
    u = x - sae["b_dec"]
    margins = u @ w + sae["b_enc"]
    if "threshold" in sae:
        margins = margins - sae["threshold"]
    elif k:
        margins = margins - np.sort(margins, axis=1)[:, -k - 1:][:, :2].mean(1)[:, None]
    rates = (margins > 0).mean(0)
    order = np.argsort(rates, kind="stable")
    rare = order[:max(1, int((np.cumsum(rates[order]) / np.arange(1, len(rates) + 1) <= at).sum()))]
    margins, w = margins[:, rare].astype(np.float64), w[:, rare]
    spread, share = margins.std(0), (margins > 0).mean()
    token, feature = root_mean_square(u, 1), np.linalg.norm(w, axis=0)
    in_spread = margins / spread
    in_norms = margins / (token[:, None] * feature)  # the unit is |u| |w| / sqrt(d)
    return {
        "margins": np.quantile(in_spread, TAIL),
        "feature_means": np.quantile(in_spread.mean(0), SPREAD),
        "fired_margins": np.quantile(in_spread[in_spread > 0], SPREAD),
        "near_in_spreads": [(np.abs(in_spread) < e).mean() / share for e in NEAR],
        "near_in_norms": [(np.abs(in_norms) < e).mean() / share for e in NEAR],
        "alignments": np.quantile(spread / (feature * root_mean_square(u)), SPREAD),
        "weight_norms": np.quantile(feature / np.median(feature), SPREAD),
        "weight_peaks": np.quantile(np.abs(w).max(0) * np.sqrt(d) / feature, SPREAD),
        "token_norms": np.quantile(token / root_mean_square(u), SPREAD),
        "token_peaks": np.quantile(np.abs(u).max(1) / token, SPREAD),
        "dimensions": np.quantile(root_mean_square(u, 0) / root_mean_square(u), SPREAD),
        "decoder_bias": np.quantile(np.abs(sae["b_dec"]) / root_mean_square(u), SPREAD),
    }


BY_SHARE = ["margins", "feature_means", "fired_margins", "near_in_spreads", "near_in_norms", "alignments"]
LEVELS = {"margins": TAIL, "near_in_spreads": NEAR, "near_in_norms": NEAR}
SAYS = {
    "margins": "Margins in standard deviations of their feature's pre-activation, over tokens and features.",
    "feature_means": "The mean of each feature's margins, in its standard deviations.",
    "fired_margins": "Margins of what fires, in standard deviations.",
    "near_in_spreads": "Margins nearer to 0 than so many standard deviations, for each firing.",
    "near_in_norms": "Margins nearer to 0 than so many |u| |w| / sqrt(d), for each firing: what a screen's bound meets.",
    "alignments": "A feature's standard deviation in units of |w| rms|u| / sqrt(d), over features; a random w has 1.",
    "weight_norms": "|w| of a feature over the median feature's.",
    "weight_peaks": "A feature's largest weight over their root mean square.",
    "token_norms": "|u| of a token over the root mean square; u = x - b_dec.",
    "token_peaks": "A token's largest |u_i| over the root mean square of its own.",
    "dimensions": "The root mean square of a dimension of u over that of all.",
    "decoder_bias": "|b_dec| of a dimension over the root mean square of u.",
    "massive_dimensions": "`dimensions` of a model with massive ones, the mean over tokens subtracted as b_dec would.",
    "massive_token_peaks": "`token_peaks` of that model.",
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--qfa", required=True)
    parser.add_argument("--stories", required=True, type=pathlib.Path)
    parser.add_argument("--massive", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    demo = pathlib.Path(__file__).resolve().parent.parent / "examples" / "demo"
    stories = (arguments.stories, arguments.stories / "tokens.npy")
    runs = [
        (arguments.stories / "sae_l2_standard", "blocks.2.hook_resid_post", *stories, ["--context", "256"]),
        (arguments.stories / "sae_l2_jumprelu", "blocks.2.hook_resid_post", *stories, ["--context", "256"]),
        (arguments.stories / "sae_l3_topk", "blocks.3.hook_resid_post", *stories, ["--context", "256"]),
        (demo / "sae", "blocks.2.hook_resid_post", demo / "model", demo / "tokens.npy",
         ["--context", "128", "--prepend-bos"]),
    ]
    tables = {at: [] for at in SHARES}
    with tempfile.TemporaryDirectory() as folder:
        for sae, hook, model, tokens, options in runs:
            out = pathlib.Path(folder) / "x.npy"
            subprocess.run([arguments.qfa, "activations", "--model", model, "--tokens", tokens, "--hook", hook,
                            "--max-tokens", str(TOKENS), "--out", out, *options], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for at, share in SHARES.items():
                tables[at].append(measure(sae, np.load(out), share))
    x = read_safetensors(arguments.massive)["activations"].astype(np.float64)
    u = x - x.mean(0)
    massive = {"massive_dimensions": np.quantile(root_mean_square(u, 0) / root_mean_square(u), SPREAD),
               "massive_token_peaks": np.quantile(np.abs(u).max(1) / root_mean_square(u, 1), SPREAD)}

    print("// SPDX-License-Identifier: Apache-2.0\n#ifndef QFA_BENCH_REAL_SAE_HPP\n#define QFA_BENCH_REAL_SAE_HPP\n")
    print("#include <array>\n#include <cstddef>\n")
    print("// Written by bench/measure_sae.py, which says what was measured and how; not by hand.\n")
    print("namespace qfa_bench::real {\n")
    print("/// One quantile (or distance) and what four SAEs have there: the least, the mean and the largest.")
    print("struct measured {\n  double level, least, mean, most;\n};\n")
    print("template <std::size_t N>\nusing table = std::array<measured, N>;\n")
    print("/// Features that fire on a share of the tokens.\nstruct rare_features {\n  double share;")
    for name in BY_SHARE:
        print(f"  /// {SAYS[name]}\n  table<{len(LEVELS.get(name, SPREAD))}> {name};")
    print("};")
    for at, share in SHARES.items():
        print(f"\ninline constexpr rare_features {at}{{\n    .share = {share},")
        for name in BY_SHARE:
            print(f"    .{name} = {{{{")
            print_rows(np.array([t[name] for t in tables[at]]), LEVELS.get(name, SPREAD))
            print("    }},")
        print("};")
    for name in [name for name in SAYS if name not in BY_SHARE]:
        rows = np.array([massive[name]] if name in massive else [t[name] for t in tables["half_percent"]])
        print(f"\n/// {SAYS[name]}\ninline constexpr table<{len(SPREAD)}> {name}{{{{")
        print_rows(rows, SPREAD)
        print("}};")
    print("\n}  // namespace qfa_bench::real\n\n#endif")


def print_rows(rows, levels):
    for level, column in zip(levels, rows.T):
        print(f"    {{{level:g}, {column.min():.4g}, {column.mean():.4g}, {column.max():.4g}}},")


if __name__ == "__main__":
    main()
