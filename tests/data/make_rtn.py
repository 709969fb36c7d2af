#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes rtn.safetensors: round-to-nearest quantization and magnitude pruning by torch, as arXiv:2606.03002 does them.

Weights are kept as Hugging Face keeps them, (output rows, input columns).  The published quantizer sees them as
TransformerLens lays them out and takes one scale for each index of the last dimension; tl_* below are those layouts.
"""
import json
import struct

import torch

torch.manual_seed(20260603)
HEADS, HEAD_DIM, COLUMNS, GROUP = 3, 8, 40, 16  # 40 = 16 + 16 + 8: the last group is short
ROWS = HEADS * HEAD_DIM


def dims(x, keep):
    return [d for d in range(x.dim()) if d not in keep]


def rtn(x, bits, keep):
    """Symmetric, in x's own data type; one scale for each index of the dimensions `keep`."""
    qmax, qmin = 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    s = x.abs().amax(dim=dims(x, keep), keepdim=True) / qmax
    s[s == 0] = 1
    return torch.clamp(torch.round(x / s), qmin, qmax) * s


def per_tensor(w, bits):
    return rtn(w, bits, [])


def per_row(w, bits):
    return rtn(w, bits, [0])


def per_group(w, bits):
    return torch.cat([rtn(g, bits, [0]) for g in torch.split(w, GROUP, dim=1)], dim=1)


def tl_query(w, bits, heads=HEADS):
    """W_Q, W_K, W_V are [head, d_model, d_head]."""
    x = w.reshape(heads, -1, w.shape[1]).permute(0, 2, 1)
    return rtn(x, bits, [2]).permute(0, 2, 1).reshape(w.shape)


def tl_output(w, bits, heads=5):
    """W_O is [head, d_head, d_model]."""
    x = w.T.reshape(heads, -1, w.shape[0])
    return rtn(x, bits, [2]).reshape(w.shape[1], w.shape[0]).T


def tl_mlp(w, bits):
    """W_in and W_gate are [d_model, d_mlp], W_out is [d_mlp, d_model]."""
    return rtn(w.T, bits, [1]).T


def prune(w, sparsity):
    k = int(sparsity * w.numel())
    if k == 0:
        return w.clone()
    threshold = torch.kthvalue(w.abs().flatten(), k).values
    return torch.where(w.abs() <= threshold, torch.zeros_like(w), w)


def weights():
    w = torch.randn(ROWS, COLUMNS) * 0.05
    w *= torch.linspace(0.2, 3.0, ROWS).reshape(-1, 1)
    w[3] = 0.0  # a row of zeros
    w[4, 16:32] = 0.0  # a group of zeros
    w[5, 7] = 1.75  # an outlier
    w[6, 0], w[6, 1] = -0.0, 0.0
    w[7] = torch.randint(-40, 41, (COLUMNS,)) * 2.0 ** -149  # subnormal: the scale has one or two bits left
    w[7, 0] = -40 * 2.0 ** -149
    w[8, 0], w[8, 1:] = -(1 + 62 / 128), w[8, 1:] * 0.1  # bfloat16: |w| / s is 127.5
    w[9, 0], w[9, 1:] = 1 + 62 / 128, w[9, 1:] * 0.1
    return w


def halves(bits):
    """Every weight but the absmax of each row and group lies halfway between two integers; each scale is exactly 1."""
    qmax = 2 ** (bits - 1) - 1
    w = torch.randint(-qmax, qmax, (HEADS * 2, COLUMNS)) + 0.5
    w[:, 0::GROUP] = qmax
    w[::2, 0::GROUP] = -qmax
    return w


def write(path, tensors):
    names = {torch.float32: "F32", torch.bfloat16: "BF16"}
    header, body = {}, b""
    for key, x in tensors.items():
        x = x.contiguous()
        raw = x.view(torch.int16 if x.dtype == torch.bfloat16 else torch.int32).numpy().tobytes()
        header[key] = {"dtype": names[x.dtype], "shape": list(x.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)


def main():
    w = weights()
    out = {"weights": w}
    for dtype, name in ((torch.float32, "fp32"), (torch.bfloat16, "bf16")):
        x = w.to(dtype)
        for bits in range(2, 9):
            out[f"rtn.{name}.tensor.{bits}"] = per_tensor(x, bits)
            out[f"rtn.{name}.row.{bits}"] = per_row(x, bits)
            out[f"rtn.{name}.group.{bits}"] = per_group(x, bits)
            out[f"rtn.{name}.shared_heads.{bits}"] = tl_query(x, bits)
    for bits in (4, 6):
        out[f"published.o.{bits}"] = tl_output(w, bits)
        out[f"published.mlp.{bits}"] = tl_mlp(w, bits)
    for bits in range(2, 9):
        h = halves(bits)
        out[f"halves.{bits}"] = h
        out[f"halves.out.{bits}"] = per_row(h, bits)
        for other in (per_tensor, per_group):
            assert torch.equal(other(h, bits), out[f"halves.out.{bits}"])

    small = torch.randperm(100).reshape(10, 10) - 49.5  # every magnitude occurs twice
    out["small"] = small
    for sparsity in ("0", "0.005", "0.175", "0.29", "0.57", "0.8", "1"):
        out[f"prune.small.{sparsity}"] = prune(small, float(sparsity))
    coarse = w.to(torch.bfloat16)
    for sparsity in ("0.0005", "0.1625", "0.175", "0.5"):
        out[f"prune.bf16.{sparsity}"] = prune(coarse, float(sparsity))
        out[f"prune.fp32.{sparsity}"] = prune(w, float(sparsity))
    write("rtn.safetensors", out)


if __name__ == "__main__":
    main()
