#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes checkpoints/: a tiny llama in the layouts of compressed-tensors, GPTQ and AWQ, and what each stands for.

Each folder has config.json, model.safetensors and expected.safetensors: F32 under Hugging Face names, the dequantized
weight of each quantized linear and every other tensor.  The stored integers and scales are random, so that every code
occurs; there is no original model.  hidden 32, intermediate 64, 4 heads, 2 kv heads, head_dim 8, vocabulary 16, untied;
one layer, but two where it matters.  The embedding, the norms and lm_head are never quantized: BF16, or F16 for GPTQ
and AWQ.

q is a code, s a scale, z a zero point, o an output row, i an input column, g a group.  "Words": int32 word w holds the
codes w n .. w n + n - 1, n = 32 / bits, the first in the lowest bits.  [S] in the specification, [G] general knowledge.

compressed-tensors; `format` in quantization_config [S], tensors beside each other under the linear's name:
  ct_int        int-quantized, symmetric, per channel.  weight I8 [out, in], weight_scale BF16 [out, 1] [G].  s q.
  ct_pack       pack-quantized, 4 bits, symmetric, groups of 32.  weight_packed I32 [out, in / 8]: words along `in` of
                q + 8; weight_scale BF16 [out, groups]; weight_shape I64 [2] = out, in.  s q.  [names S, packing G]
  ct_pack_asym  the same, asymmetric, and weight_zero_point I32 [out / 8, groups]: words along `out` of z + 8.
                Layer 0 in groups of 32; layer 1 in groups of 16 with actorder: weight_g_idx I32 [in] names the group of
                each column, which need not be in order; the columns themselves are in their natural order.
                s[o, g] (q - z[o, g]).  [names S, packing G]
  ct_float      float-quantized.  weight F8_E4M3 [out, in]; weight_scale: attention per channel, BF16 [out, 1]; MLP per
                tensor, F32, [1] for gate_proj and up_proj and [] for down_proj.  s q.  [G]
  ct_nvfp4      nvfp4-pack-quantized.  weight_packed U8 [out, in / 2]: E2M1, even column in the low nibble [G];
                weight_scale F8_E4M3 [out, in / 16] [G]; weight_global_scale F32 [1] [G], by which one divides [S].
                Expected: q s / global rounded once to float32; q (s / global) may differ in the last bit.
  ct_ignored    pack-quantized, 8 bits (words of four, q + 128), symmetric, per channel: weight_scale BF16 [out, 1].
                Layer 1 is in `ignore`, its attention by "re:..." and its MLP by names, and is plain BF16.

GPTQ; qweight I32 [in bits / 32, out]: words along `in`; qzeros I32 [groups, out bits / 32]: words along `out`; scales
F16 [groups, out]; g_idx I32 [in] [S, words G].  weight[o, i] = s[g, o] (q[i, o] - z[g, o]) with g = g_idx[i]; q and z
are unsigned.
Format "gptq" (version 1) stores z - 1 [S]; here z is at least 1, since readers disagree about a stored -1.
  gptq_v1         4 bits, groups of 16, asymmetric, version 1; z from 1 to 15
  gptq_v2         4 bits, groups of 16, asymmetric, version 2; z from 0 to 15
  gptq_act_order  4 bits, groups of 16, symmetric (z = 8), version 1, desc_act: g_idx is out of order
  gptq_8bit       8 bits, group_size -1 (one group), symmetric (z = 128), no checkpoint_format, which means version 1
  gptq_2bit       2 bits, groups of 16, asymmetric, version 2; z from 0 to 3

awq: GEMM, 4 bits, groups of 32.  qweight I32 [in, out / 8], qzeros I32 [groups, out / 8], scales F16 [groups, out] [S]:
bits 4 k .. 4 k + 3 of word w hold column 8 w + order[k], order = 0 2 4 6 1 3 5 7 [S, direction G].  s (q - z).

All products but those of ct_nvfp4 and of ct_float's per-tensor scales are exact in float32; libraries that multiply in
the scales' own type round them further.
"""
import json
import pathlib
import shutil
import struct

import numpy as np

here = pathlib.Path(__file__).parent / "checkpoints"
F = np.float32
HIDDEN, INTER, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 32, 64, 4, 2, 8, 16
LINEARS = {"self_attn.q_proj": (HEADS * HEAD_DIM, HIDDEN), "self_attn.k_proj": (KV_HEADS * HEAD_DIM, HIDDEN),
           "self_attn.v_proj": (KV_HEADS * HEAD_DIM, HIDDEN), "self_attn.o_proj": (HIDDEN, HEADS * HEAD_DIM),
           "mlp.gate_proj": (INTER, HIDDEN), "mlp.up_proj": (INTER, HIDDEN), "mlp.down_proj": (HIDDEN, INTER)}
random = np.random.default_rng(0)  # started anew for each folder


# ---------------------------------------------------------------- numbers and files

class Stored:
    """A tensor as the file has it: safetensors' dtype and the array of its bits."""

    def __init__(self, dtype, bits):
        self.dtype, self.bits = dtype, np.ascontiguousarray(bits).reshape(np.shape(bits))  # a scalar stays one
        numpy_type = {"I64": "<i8", "F32": "<f4", "I32": "<i4", "BF16": "<u2", "F16": "<f2", "I8": "i1", "U8": "u1",
                      "F8_E4M3": "u1"}[dtype]
        assert self.bits.dtype == np.dtype(numpy_type), (dtype, self.bits.dtype)

    def value(self):
        """As float32, exactly."""
        if self.dtype == "BF16":
            return (self.bits.astype("<u4") << 16).view("<f4")
        if self.dtype == "F8_E4M3":
            return E4M3[self.bits]
        return self.bits.astype(F)


def e4m3_values():
    code = np.arange(256)
    sign, exponent, mantissa = np.where(code & 128, -1., 1.), code >> 3 & 15, code & 7
    value = sign * np.where(exponent == 0, np.ldexp(mantissa / 8, -6), np.ldexp(1 + mantissa / 8, exponent - 7))
    value[code & 127 == 127] = np.nan
    return value.astype(F)


E4M3 = e4m3_values()
E2M1 = np.array([0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6], F)


def bf16(x):
    """The upper halves of x's bits (truncated: the numbers are random anyway)."""
    return Stored("BF16", (np.asarray(x, "<f4").view("<u4") >> 16).astype("<u2"))


def f16(x):
    return Stored("F16", np.asarray(x, "<f2"))


def write_safetensors(path, tensors):
    """Widest type first, then by name; the header padded to 8 bytes."""
    header, offset = {}, 0
    order = sorted(tensors, key=lambda name: (-tensors[name].bits.itemsize, name))
    for name in order:
        bits = tensors[name].bits
        header[name] = {"dtype": tensors[name].dtype, "shape": list(bits.shape),
                        "data_offsets": [offset, offset + bits.nbytes]}
        offset += bits.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensors[name].bits.tobytes() for name in order))


def integers(low, high, *shape):
    """Uniform, both ends included."""
    return random.integers(low, high + 1, shape)


def scales(largest_code, *shape):
    """Positive, such that weights are about 0.3 at most."""
    return random.uniform(.1, .3, shape) / largest_code


# ---------------------------------------------------------------- packing

def packed(codes, bits):
    """Unsigned codes [rows, columns] to int32 words along the columns, the first code in the lowest bits."""
    n = 32 // bits
    words = np.zeros((codes.shape[0], codes.shape[1] // n), np.uint64)
    for k in range(n):
        words |= codes[:, k::n].astype(np.uint64) << np.uint64(bits * k)
    return Stored("I32", words.astype("<u4").view("<i4"))


def packed_down(codes, bits):
    """The same along the rows."""
    return Stored("I32", packed(codes.T, bits).bits.T)


def unpacked(stored, bits):
    """The inverse of packed()."""
    words, n = stored.bits.view("<u4"), 32 // bits
    return np.stack([words >> bits * k & (1 << bits) - 1 for k in range(n)], axis=2).reshape(len(words), -1).astype(int)


def unpacked_down(stored, bits):
    return unpacked(Stored("I32", stored.bits.T), bits).T


AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def awq_packed(codes):
    columns = np.arange(codes.shape[1]).reshape(-1, 8)[:, AWQ_ORDER].ravel()  # of which column each nibble is
    return packed(codes[:, columns], 4)


def awq_unpacked(stored):
    nibbles = unpacked(stored, 4)
    codes = np.empty_like(nibbles)
    for k, column in enumerate(AWQ_ORDER):
        codes[:, column::8] = nibbles[:, k::8]
    return codes


# ---------------------------------------------------------------- linears: (layer, name, out, in) to tensors and weight

def ct_int(layer, name, out, columns):
    t = {"weight": Stored("I8", integers(-128, 127, out, columns).astype(np.int8)),
         "weight_scale": bf16(scales(127, out, 1))}
    return t, t["weight"].value() * t["weight_scale"].value()


def shape_of(out, columns):
    return Stored("I64", np.array([out, columns], "<i8"))


def ct_pack(layer, name, out, columns, bits=4, group=32):
    q = integers(-(1 << bits - 1), (1 << bits - 1) - 1, out, columns)
    t = {"weight_packed": packed(q + (1 << bits - 1), bits), "weight_shape": shape_of(out, columns),
         "weight_scale": bf16(scales(1 << bits - 1, out, columns // group))}
    codes = unpacked(t["weight_packed"], bits) - (1 << bits - 1)
    return t, codes.astype(F) * np.repeat(t["weight_scale"].value(), group, axis=1)


def ct_pack_channel_8(layer, name, out, columns):
    return None if layer == 1 else ct_pack(layer, name, out, columns, bits=8, group=columns)


def out_of_order(columns, group):
    """A group for each column, as many columns in each, neither sorted nor cyclic."""
    return Stored("I32", random.permutation(np.arange(columns) // group).astype("<i4"))


def ct_pack_asym(layer, name, out, columns):
    group = 16 if layer == 1 else 32
    groups = columns // group
    t = {"weight_packed": packed(integers(0, 15, out, columns), 4), "weight_shape": shape_of(out, columns),
         "weight_scale": bf16(scales(16, out, groups)),
         "weight_zero_point": packed_down(integers(0, 15, out, groups), 4)}
    group_of_column = np.arange(columns) // group
    if layer == 1:
        t["weight_g_idx"] = out_of_order(columns, group)
        group_of_column = t["weight_g_idx"].bits
    q = unpacked(t["weight_packed"], 4) - 8
    z = unpacked_down(t["weight_zero_point"], 4) - 8
    s = t["weight_scale"].value()
    return t, (q - z[:, group_of_column]).astype(F) * s[:, group_of_column]


def ct_float(layer, name, out, columns):
    codes = integers(0, 255, out, columns)
    codes[codes & 127 == 127] ^= 1  # no NaN: 448 instead
    if "attn" in name:
        scale = bf16(scales(448, out, 1))
    else:
        shape = () if "down" in name else (1,)
        scale = Stored("F32", np.asarray(scales(448, *shape), "<f4"))
    t = {"weight": Stored("F8_E4M3", codes.astype(np.uint8)), "weight_scale": scale}
    return t, t["weight"].value() * scale.value()


def ct_nvfp4(layer, name, out, columns):
    codes = integers(0, 15, out, columns)
    t = {"weight_packed": Stored("U8", (codes[:, 0::2] | codes[:, 1::2] << 4).astype(np.uint8)),
         "weight_scale": Stored("F8_E4M3", integers(1, 126, out, columns // 16).astype(np.uint8)),
         "weight_global_scale": Stored("F32", np.array([448 * 6 / random.uniform(.2, .4)], "<f4"))}
    packed_bytes = t["weight_packed"].bits
    q = E2M1[np.stack([packed_bytes & 15, packed_bytes >> 4], axis=2).reshape(out, columns)]
    s = np.repeat(t["weight_scale"].value(), 16, axis=1)
    return t, q * s / t["weight_global_scale"].value()  # q s has six bits, so the quotient alone is rounded


def gptq(bits, group, sym, version, act_order=False):
    def linear(layer, name, out, columns):
        width = columns if group < 0 else group
        groups, top = columns // width, (1 << bits) - 1
        z = np.full((groups, out), 1 << bits - 1) if sym else integers(version == 1, top, groups, out)
        in_order = Stored("I32", (np.arange(columns) // width).astype("<i4"))
        g_idx = out_of_order(columns, width) if act_order else in_order
        t = {"qweight": packed_down(integers(0, top, columns, out), bits),
             "qzeros": packed(z - 1 if version == 1 else z, bits), "scales": f16(scales(1 << bits - 1, groups, out)),
             "g_idx": g_idx}
        q = unpacked_down(t["qweight"], bits)
        z = unpacked(t["qzeros"], bits) + (1 if version == 1 else 0)
        return t, ((q - z[g_idx.bits]).astype(F) * t["scales"].value()[g_idx.bits]).T
    return linear


def awq(layer, name, out, columns, group=32):
    t = {"qweight": awq_packed(integers(0, 15, columns, out)),
         "qzeros": awq_packed(integers(0, 15, columns // group, out)), "scales": f16(scales(8, columns // group, out))}
    q, z = awq_unpacked(t["qweight"]), awq_unpacked(t["qzeros"])
    group_of_row = np.arange(columns) // group
    return t, ((q - z[group_of_row]).astype(F) * t["scales"].value()[group_of_row]).T


# ---------------------------------------------------------------- folders

def weights(**changes):
    """compressed-tensors' QuantizationArgs."""
    return {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel", "group_size": None,
            "block_structure": None, "dynamic": False, "actorder": None, "observer": "memoryless_minmax",
            "observer_kwargs": {}, **changes}


def group(targets, args, input_activations=None):
    return {"targets": targets, "weights": args, "input_activations": input_activations, "output_activations": None}


def compressed_tensors(kind, *groups, ignore=("lm_head",)):
    return {"quant_method": "compressed-tensors", "format": kind, "quantization_status": "compressed",
            "global_compression_ratio": None, "kv_cache_scheme": None, "ignore": list(ignore),
            "config_groups": {f"group_{i}": g for i, g in enumerate(groups)}}


def gptq_config(bits, group_size, sym, desc_act, **checkpoint_format):
    return {"quant_method": "gptq", "bits": bits, "group_size": group_size, "desc_act": desc_act, "sym": sym,
            "damp_percent": 0.01, "static_groups": False, "true_sequential": True, "lm_head": False,
            **checkpoint_format}


def write(name, layers, linear, quantization, seed):
    global random
    random = np.random.default_rng(seed)
    plain_type = bf16 if name.startswith("ct_") else f16
    stored, expected = {}, {}

    def plain(key, x):
        stored[key] = plain_type(x)
        expected[key] = stored[key].value()

    def normal(*shape):
        return random.standard_normal(shape).astype(F)

    plain("model.embed_tokens.weight", normal(VOCAB, HIDDEN))
    for i in range(layers):
        for norm in ("input_layernorm", "post_attention_layernorm"):
            plain(f"model.layers.{i}.{norm}.weight", 1 + normal(HIDDEN) / 8)
        for part, (out, columns) in LINEARS.items():
            key = f"model.layers.{i}.{part}"
            made = linear(i, part, out, columns)
            if made is None:
                plain(key + ".weight", normal(out, columns) / 8)
                continue
            tensors, expected[key + ".weight"] = made
            stored.update({f"{key}.{suffix}": tensor for suffix, tensor in tensors.items()})
            assert expected[key + ".weight"].shape == (out, columns)
    plain("model.norm.weight", 1 + normal(HIDDEN) / 8)
    plain("lm_head.weight", normal(VOCAB, HIDDEN) / 8)

    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
              "intermediate_size": INTER, "num_hidden_layers": layers, "num_attention_heads": HEADS,
              "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM, "vocab_size": VOCAB, "rms_norm_eps": 1e-5,
              "rope_theta": 10000.0, "hidden_act": "silu", "max_position_embeddings": 64, "tie_word_embeddings": False,
              "torch_dtype": "bfloat16" if plain_type is bf16 else "float16", "bos_token_id": 1, "eos_token_id": 2,
              "attention_bias": False, "mlp_bias": False, "quantization_config": quantization}
    folder = here / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    write_safetensors(folder / "model.safetensors", stored)
    for key, x in expected.items():
        assert x.dtype == F and np.isfinite(x).all() and np.abs(x).max() < 8, key
    write_safetensors(folder / "expected.safetensors", {key: Stored("F32", x) for key, x in expected.items()})


def main():
    shutil.rmtree(here, ignore_errors=True)
    all_linears = ["Linear"]
    dynamic_int8 = weights(strategy="token", dynamic=True, observer=None)
    grouped = {"num_bits": 4, "strategy": "group"}
    write("ct_int", 1, ct_int, compressed_tensors("int-quantized", group(all_linears, weights(), dynamic_int8)), 1)
    write("ct_pack", 1, ct_pack,
          compressed_tensors("pack-quantized", group(all_linears, weights(**grouped, group_size=32))), 2)
    write("ct_pack_asym", 2, ct_pack_asym, compressed_tensors(
        "pack-quantized",
        group([r"re:.*layers\.0\..*"], weights(**grouped, group_size=32, symmetric=False)),
        group([r"re:.*layers\.1\..*"], weights(**grouped, group_size=16, symmetric=False, actorder="group"))), 3)
    write("ct_float", 1, ct_float, compressed_tensors(
        "float-quantized",
        group([r"re:.*self_attn\..*"], weights(type="float")),
        group([r"re:.*mlp\..*"], weights(type="float", strategy="tensor"))), 4)
    write("ct_nvfp4", 1, ct_nvfp4, compressed_tensors(
        "nvfp4-pack-quantized",
        group(all_linears, weights(num_bits=4, type="float", strategy="tensor_group", group_size=16))), 5)
    write("ct_ignored", 2, ct_pack_channel_8, compressed_tensors(
        "pack-quantized", group(all_linears, weights()),
        ignore=["lm_head", r"re:.*layers\.1\.self_attn\..*"]
        + [f"model.layers.1.mlp.{part}_proj" for part in ("gate", "up", "down")]), 6)

    v1, v2 = {"checkpoint_format": "gptq"}, {"checkpoint_format": "gptq_v2"}
    write("gptq_v1", 1, gptq(4, 16, False, 1), gptq_config(4, 16, False, False, **v1), 7)
    write("gptq_v2", 1, gptq(4, 16, False, 2), gptq_config(4, 16, False, False, **v2), 8)
    write("gptq_act_order", 1, gptq(4, 16, True, 1, act_order=True), gptq_config(4, 16, True, True, **v1), 9)
    write("gptq_8bit", 1, gptq(8, -1, True, 1), gptq_config(8, -1, True, False), 10)
    write("gptq_2bit", 1, gptq(2, 16, False, 2), gptq_config(2, 16, False, False, **v2), 11)
    write("awq", 1, awq, {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "version": "gemm",
                          "modules_to_not_convert": None}, 12)


if __name__ == "__main__":
    main()
