#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes demo_expected.json: an audit of examples/demo in float64 numpy, from the definitions, sharing no code with
the library.  make_demo_expected.py [REPOSITORY [ROWS]]; a minute on one core.

Rows are <bos> and 127 words of tokens.npy, the first 128 of them unless told otherwise; statistics are over all 128 positions, the first included.
Weights are quantized in float32 (symmetric, one scale per output row, half to even), queries, keys and values each by
itself; everything else runs in float64.
"""
import json
import sys
from pathlib import Path

import numpy as np
from scipy import special, stats

CONTEXT = 128
ROOT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "demo"


def read_safetensors(path):
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    kinds = {"F16": np.float16, "F32": np.float32}
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(raw[8 + size + e["data_offsets"][0]:8 + size + e["data_offsets"][1]],
                                kinds[e["dtype"]]).reshape(e["shape"]).astype(np.float32)
            for name, e in header.items()}


CONFIG = json.loads((DEMO / "model" / "config.json").read_text())
HEADS = CONFIG["num_attention_heads"]
WIDTH = CONFIG["hidden_size"] // HEADS


def target_matrices(weights):
    """(tensor name, rows) of each matrix that compression touches; the fused rows are [head][q|k|v][WIDTH]."""
    rows = np.arange(3 * CONFIG["hidden_size"]).reshape(HEADS, 3, WIDTH)
    for name, w in weights.items():
        if not name.endswith(".weight") or w.ndim != 2 or ".layers." not in name:
            continue
        if "query_key_value" in name:
            for part in range(3):
                yield name, rows[:, part].reshape(-1)
        else:
            yield name, np.arange(len(w))


def rtn(weights, bits):
    out = {k: v.copy() for k, v in weights.items()}
    limit = np.float32(2 ** (bits - 1) - 1)
    for name, rows in target_matrices(weights):
        w = weights[name][rows]
        s = np.abs(w).max(1, keepdims=True) / limit
        s[s == 0] = 1
        out[name][rows] = np.clip(np.rint(w / s), -limit - 1, limit) * s
    return out


def prune(weights, share):
    out = {k: v.copy() for k, v in weights.items()}
    for name, rows in target_matrices(weights):
        w = weights[name][rows]
        k = int(np.floor(share * w.size))
        if k:
            cut = np.partition(np.abs(w).ravel(), k - 1)[k - 1]
            out[name][rows] = np.where(np.abs(w) <= cut, np.float32(0), w)
    return out


def layer_norm(x, weights, name):
    m = x.mean(-1, keepdims=True)
    v = ((x - m) ** 2).mean(-1, keepdims=True)
    return (x - m) / np.sqrt(v + CONFIG["layer_norm_eps"]) * weights[name + ".weight"] + weights[name + ".bias"]


def linear(x, weights, name):
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def turn(x):
    """Rotary embedding of the first quarter of a head: dimension i with i + half, angle position / base^(2 i / n)."""
    n = int(WIDTH * CONFIG["rotary_pct"])
    half = n // 2
    angle = np.arange(x.shape[-2])[:, None] * CONFIG["rotary_emb_base"] ** (-2.0 * np.arange(half) / n)
    a, b = x[..., :half], x[..., half:n]
    out = x.copy()
    out[..., :half] = a * np.cos(angle) - b * np.sin(angle)
    out[..., half:n] = b * np.cos(angle) + a * np.sin(angle)
    return out


def forward(weights, ids, layer):
    """(residual after `layer`, next-token losses (rows, CONTEXT - 1), logits' arg max) of rows of ids."""
    x = weights["gpt_neox.embed_in.weight"][ids]
    rows, length, d = x.shape
    mask = np.triu(np.full((length, length), -np.inf), 1)
    kept = None
    for i in range(CONFIG["num_hidden_layers"]):
        p = f"gpt_neox.layers.{i}."
        fused = linear(layer_norm(x, weights, p + "input_layernorm"), weights, p + "attention.query_key_value")
        fused = fused.reshape(rows, length, HEADS, 3, WIDTH).transpose(3, 0, 2, 1, 4)
        q, k, v = turn(fused[0]), turn(fused[1]), fused[2]
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(WIDTH) + mask
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ v).transpose(0, 2, 1, 3).reshape(rows, length, d)
        up = linear(layer_norm(x, weights, p + "post_attention_layernorm"), weights, p + "mlp.dense_h_to_4h")
        up = 0.5 * up * (1.0 + special.erf(up / np.sqrt(2.0)))
        x = x + linear(mixed, weights, p + "attention.dense") + linear(up, weights, p + "mlp.dense_4h_to_h")
        if i == layer:
            kept = x
    logits = layer_norm(x[:, :-1], weights, "gpt_neox.final_layer_norm") @ weights["embed_out.weight"].T
    top = logits.max(-1)
    nll = top + np.log(np.exp(logits - top[..., None]).sum(-1))
    nll -= np.take_along_axis(logits, ids[:, 1:, None], -1)[..., 0]
    return kept, nll, logits.argmax(-1)


def encode(sae, x):
    z = (x - sae["b_dec"]) @ sae["W_enc"] + sae["b_enc"]
    return np.where(z > sae["threshold"], np.maximum(z, 0.0), 0.0)


def widened(tensors):
    return {k: v.astype(np.float64) for k, v in tensors.items()}


def main():
    weights = read_safetensors(DEMO / "model" / "model.safetensors")
    sae = widened(read_safetensors(DEMO / "sae" / "sae_weights.safetensors"))
    cfg = json.loads((DEMO / "sae" / "cfg.json").read_text())
    layer = int(cfg["metadata"]["hook_name"].split(".")[1])
    stream = np.load(DEMO / "tokens.npy").astype(np.int64)
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 128
    ids = np.concatenate((np.zeros((rows, 1), np.int64), stream[:rows * (CONTEXT - 1)].reshape(rows, -1)), 1)
    batches = np.array_split(np.arange(rows), -(-rows // 32))
    n = rows * CONTEXT

    conditions = [("reference", weights)]
    conditions += [(f"rtn-int{b}-row", rtn(weights, b)) for b in (8, 7, 6, 5, 4, 3)]
    conditions += [(f"prune-{s}", prune(weights, s)) for s in (0.1, 0.2, 0.3, 0.4)]

    # The reference's codes, sparse, and what health needs.
    reference, error, x_sum, x_square = [], 0.0, np.zeros(CONFIG["hidden_size"]), 0.0
    out = {"tokens": n, "rows": rows, "conditions": {}}
    damage = {}
    for name, w in conditions:
        w = widened(w)
        s = {key: np.zeros(len(sae["b_enc"])) for key in ("x", "y", "xx", "yy", "xy", "nx", "ny", "nxy")}
        losses, agree = [], 0
        for at, part in enumerate(batches):
            resid, nll, best = forward(w, ids[part], layer)
            losses.append(nll)
            flat = resid.reshape(-1, resid.shape[-1])
            y = encode(sae, flat)
            if name == "reference":
                fit = y @ sae["W_dec"] + sae["b_dec"]
                error += ((flat - fit) ** 2).sum()
                x_sum += flat.sum(0)
                x_square += (flat**2).sum()
                token, feature = np.nonzero(y)
                reference.append((token, feature, y[token, feature], best))
            token, feature, value, best_reference = reference[at]
            agree += (best == best_reference).sum()
            there = y[token, feature]  # the compressed value where the reference fires
            other, other_feature = np.nonzero(y)
            here = y[other, other_feature]
            for key, index, column in (("x", feature, value), ("xx", feature, value**2), ("xy", feature, value * there),
                                       ("nx", feature, None), ("nxy", feature[there > 0], None),
                                       ("y", other_feature, here), ("yy", other_feature, here**2),
                                       ("ny", other_feature, None)):
                s[key] += np.bincount(index, column, len(s[key]))
        losses = np.concatenate(losses)
        # Sparse codes in float64: plain sums lose nothing that matters here (checked: r of the reference is 1).
        num = s["xy"] - s["x"] * s["y"] / n
        product = (s["xx"] - s["x"] ** 2 / n) * (s["yy"] - s["y"] ** 2 / n)
        r = np.clip(num / np.sqrt(np.maximum(product, 1e-12)), -1, 1)
        active = s["nx"] / n > 0.001
        ra = r[active]
        damage[name] = 1 - ra
        loss = losses.mean()
        if name == "reference":
            spread = x_square - (x_sum**2).sum() / n
            out.update({"active": int(active.sum()), "features": len(r), "fvu": error / spread,
                        "l0": float(s["nx"].sum() / n), "dead": int((s["nx"] == 0).sum()),
                        "nll_first_64_rows": float(losses[:64].mean()),
                        "nll_rows": losses[:64].mean(1).tolist()})
            reference_loss = loss
        entry = {"loss": float(loss), "ppl": float(np.exp(loss)),
                 "delta_ppl_percent": float(100 * (np.exp(loss - reference_loss) - 1)),
                 "top1_agreement": float(agree / losses.size), "mean_r": float(ra.mean()),
                 "median_r": float(np.sort(ra)[(len(ra) - 1) // 2]), "survived": int((ra > 0.9).sum()),
                 "blurred": int(((ra <= 0.9) & (ra >= 0.5)).sum()), "destroyed": int((ra < 0.5).sum()),
                 "not_survived_percent": float(100 * (ra <= 0.9).mean()),
                 "recall_mean": float((s["nxy"] / np.maximum(s["nx"], 1))[active].mean())}
        out["conditions"][name] = entry
        print(name, entry, flush=True)
    print({k: v for k, v in out.items() if k not in ("conditions", "nll_rows")})
    for a, b in (("rtn-int4-row", "prune-0.3"), ("rtn-int5-row", "prune-0.2")):
        first, second = damage[a] >= 0.1, damage[b] >= 0.1
        print(a, b, "jaccard", (first & second).sum() / max((first | second).sum(), 1), "spearman",
              stats.spearmanr(damage[a], damage[b]).statistic)
    (ROOT / "tests" / "data" / "demo_expected.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
