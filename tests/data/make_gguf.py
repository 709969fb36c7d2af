#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes gguf/: small llama models as GGUF, what they hold as float32, and broken files that a reader must refuse.

Models, each with <name>.expected.safetensors (F32, Hugging Face names, rows of Q and K in Hugging Face order):
  mixed_v3.gguf     version 3, two blocks, rows of 256; sixteen tensor types; metadata of all thirteen types.
                    head_dim is 8 (llama.attention.key_length), not embedding_length / head_count = 64.
  small_v2.gguf     version 2, two blocks, F32 and F16, alignment 64 with real padding, no output.weight (tied),
                    no key_length: head_dim = 40 / 4.
  attack_base.gguf  version 3, one block, Q4_0 and F32: the sound file of which each attack spoils one thing.
  attacks/NAME.gguf attack_base with the one defect that NAME says (see attacks() below).

From the specification (formats.md D.2, D.3, D.7, D.8; interop.md 4.3): the container, type numbers, block sizes,
nibble and bit orders, scale packing of Q4_K and Q5_K, dequantization formulas.  From general knowledge of ggml, and
checked bit for bit against reference values of thirteen formats (make_gguf.py --check ggml_blocks.safetensors): the
order of the fields in a block, the packing of Q3_K's sixteen 6-bit scales, the element order of MXFP4 and NVFP4.
From general knowledge alone: the names of the metadata keys; the permutation of Q and K, which the converter makes by
w.reshape(n_head, 2, head_dim / 2, in).swapaxes(1, 2).reshape(out, in).

Quantized tensors are random block bytes with a small finite scale, so every code occurs; no E8M0 of 255, no UE4M3
above 0x7E (NaN in one convention, a number in another).  E2M1's code 8 is -0 here and +0 in ggml: compare as numbers.
"""
import json
import pathlib
import shutil
import struct
import sys

import numpy as np

here = pathlib.Path(__file__).parent / "gguf"
random = np.random.default_rng(40)
F = np.float32


# ---------------------------------------------------------------- blocks to float32; b is U8 [blocks, bytes per block]

def half(b, at):
    """The fp16 at byte `at` of each block, as float32 [blocks, 1]."""
    return np.ascontiguousarray(b[:, at:at + 2]).view("<f2").astype(F)


def nibbles(qs):
    """Low nibbles of all bytes, then the high ones."""
    return np.concatenate([qs & 15, qs >> 4], axis=1)


def signed(q, offset=0):
    """Unsigned codes as float32, less their offset (exact)."""
    return (q.astype(np.int32) - offset).astype(F)


def q4_0(b):  # d, qs[16]
    return signed(nibbles(b[:, 2:18]), 8) * half(b, 0)


def q4_1(b):  # d, m, qs[16]
    return signed(nibbles(b[:, 4:20])) * half(b, 0) + half(b, 2)


def fifth_bits(qh):
    """Bit j of the little-endian 32-bit qh, j = 0 .. 31."""
    return np.unpackbits(np.ascontiguousarray(qh), axis=1, bitorder="little")


def q5_0(b):  # d, qh[4], qs[16]
    return signed(nibbles(b[:, 6:22]) | fifth_bits(b[:, 2:6]) << 4, 16) * half(b, 0)


def q5_1(b):  # d, m, qh[4], qs[16]
    return signed(nibbles(b[:, 8:24]) | fifth_bits(b[:, 4:8]) << 4) * half(b, 0) + half(b, 2)


def q8_0(b):  # d, int8 qs[32]
    return np.ascontiguousarray(b[:, 2:34]).view(np.int8).astype(F) * half(b, 0)


IQ4_NL = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], F)


def iq4_nl(b):  # d, qs[16]
    return IQ4_NL[nibbles(b[:, 2:18])] * half(b, 0)


E2M1 = np.array([0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6], F)


def mxfp4(b):  # E8M0, qs[16]
    scale = np.ldexp(1.0, b[:, :1].astype(np.int32) - 127)
    return (E2M1[nibbles(b[:, 1:17])] * scale).astype(F)  # exact


def ue4m3(b):
    exponent, mantissa = b.astype(np.int32) >> 3, b.astype(np.int32) & 7
    return np.where(exponent == 0, np.ldexp(mantissa / 8, -6), np.ldexp(1 + mantissa / 8, exponent - 7)).astype(F)


def nvfp4(b):  # four UE4M3, then qs[8] for each sixteen elements: low nibbles first, then high ones
    scale = ue4m3(b[:, :4])
    return np.concatenate([E2M1[nibbles(b[:, 4 + 8 * i:12 + 8 * i])] * scale[:, i:i + 1] for i in range(4)], axis=1)


def each(per_sub_block, width):
    return np.repeat(per_sub_block, width, axis=1)


def two_bits(qs):
    """64 bytes to 256 codes: of each 32 bytes, bits 0-1 of all, then bits 2-3, 4-5 and 6-7."""
    return np.concatenate([qs[:, h:h + 32] >> s & 3 for h in (0, 32) for s in (0, 2, 4, 6)], axis=1)


def q2_k(b):  # scales[16], qs[64], d, dmin
    sc, m = each(signed(b[:, :16] & 15), 16), each(signed(b[:, :16] >> 4), 16)
    return half(b, 80) * sc * signed(two_bits(b[:, 16:80])) - half(b, 82) * m


def q3_k(b):  # hmask[32], qs[64], scales[12], d
    s = b[:, 96:108]
    low = np.concatenate([s[:, :8] & 15, s[:, :8] >> 4], axis=1)
    high = np.concatenate([s[:, 8:12] >> shift & 3 for shift in (0, 2, 4, 6)], axis=1)
    third_bit = np.concatenate([b[:, :32] >> j & 1 for j in range(8)], axis=1)  # element j: byte j % 32, bit j / 32
    return half(b, 108) * each(signed(low | high << 4, 32), 16) * signed(two_bits(b[:, 32:96]) | third_bit << 2, 4)


def six_bit_scales(s):
    """The 12 bytes of Q4_K and Q5_K: eight scales and eight minima of six bits."""
    sc = np.concatenate([s[:, 0:4] & 63, s[:, 8:12] & 15 | s[:, 0:4] >> 6 << 4], axis=1)
    m = np.concatenate([s[:, 4:8] & 63, s[:, 8:12] >> 4 | s[:, 4:8] >> 6 << 4], axis=1)
    return each(signed(sc), 32), each(signed(m), 32)


def by_64(qs):
    """128 bytes to 256 codes: of each 32 bytes the low nibbles, then the high ones."""
    return np.concatenate([nibbles(qs[:, h:h + 32]) for h in (0, 32, 64, 96)], axis=1)


def q4_k(b):  # d, dmin, scales[12], qs[128]
    sc, m = six_bit_scales(b[:, 4:16])
    return half(b, 0) * sc * signed(by_64(b[:, 16:144])) - half(b, 2) * m


def q5_k(b):  # d, dmin, scales[12], qh[32], qs[128]
    sc, m = six_bit_scales(b[:, 4:16])
    fifth_bit = np.concatenate([b[:, 16:48] >> j & 1 for j in range(8)], axis=1)
    return half(b, 0) * sc * signed(by_64(b[:, 48:176]) | fifth_bit << 4) - half(b, 2) * m


def q6_k(b):  # ql[128], qh[64], int8 scales[16], d
    codes = []
    for h in (0, 1):  # 128 elements at a time
        ql, qh = b[:, 64 * h:64 * h + 64], b[:, 128 + 32 * h:160 + 32 * h]
        for low, shift in ((ql[:, :32] & 15, 0), (ql[:, 32:] & 15, 2), (ql[:, :32] >> 4, 4), (ql[:, 32:] >> 4, 6)):
            codes.append(low | (qh >> shift & 3) << 4)
    sc = np.ascontiguousarray(b[:, 192:208]).view(np.int8).astype(F)
    return half(b, 208) * each(sc, 16) * signed(np.concatenate(codes, axis=1), 32)


def f32(b):
    return np.ascontiguousarray(b).view("<f4")


def f16(b):
    return np.ascontiguousarray(b).view("<f2").astype(F)


def bf16(b):
    return (np.ascontiguousarray(b).view("<u2").astype("<u4") << 16).view("<f4")


# name: (ggml_type, elements and bytes in a block, to float32, {byte at which a fp16 stands: its largest magnitude})
TYPES = {
    "F32": (0, 1, 4, f32, {}), "F16": (1, 1, 2, f16, {}), "BF16": (30, 1, 2, bf16, {}),
    "Q4_0": (2, 32, 18, q4_0, {0: .02}), "Q4_1": (3, 32, 20, q4_1, {0: .02, 2: .2}),
    "Q5_0": (6, 32, 22, q5_0, {0: .01}), "Q5_1": (7, 32, 24, q5_1, {0: .01, 2: .2}),
    "Q8_0": (8, 32, 34, q8_0, {0: .001}),
    "Q2_K": (10, 256, 84, q2_k, {80: .005, 82: .01}), "Q3_K": (11, 256, 110, q3_k, {108: .001}),
    "Q4_K": (12, 256, 144, q4_k, {0: .0002, 2: .002}), "Q5_K": (13, 256, 176, q5_k, {0: .0001, 2: .002}),
    "Q6_K": (14, 256, 210, q6_k, {208: .00005}), "IQ4_NL": (20, 32, 18, iq4_nl, {0: .001}),
    "MXFP4": (39, 32, 17, mxfp4, {}), "NVFP4": (40, 64, 36, nvfp4, {}),
}


def check(path):
    """Compares the dequantizers above with reference bytes and values."""
    raw = pathlib.Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    data, numpy_type = raw[8 + size:], {"F32": "<f4", "U8": "u1"}
    array = {name: np.frombuffer(data[slice(*entry["data_offsets"])], numpy_type[entry["dtype"]])
             for name, entry in header.items() if name != "__metadata__"}
    for name in sorted(TYPES):
        key = name.lower().replace("_k", "_K")
        if key + ".bytes" in array:
            _, _, nbytes, floats, _ = TYPES[name]
            y = floats(array[key + ".bytes"].reshape(-1, nbytes)).ravel()
            assert y.dtype == F
            same = np.array_equal(y.view("<u4"), array[key + ".dequantized"].view("<u4"))
            print(name, "same bits" if same else "DIFFERS", y.size)


# ---------------------------------------------------------------- tensors

class Tensor:
    """Rows of blocks, as the file holds them."""

    def __init__(self, kind, rows, columns, scale=.1, around=0.):
        number, elements, nbytes, floats, halves = TYPES[kind]
        self.ne, self.type = ([columns, rows] if rows else [columns]), number
        if not halves and elements == 1:
            x = (around + scale * random.standard_normal((max(rows, 1), columns))).astype("<f4")
            raw = {4: x, 2: x.astype("<f2")}[nbytes] if kind != "BF16" else (x.view("<u4") >> 16).astype("<u2")
            blocks = np.ascontiguousarray(raw).view("u1").reshape(-1, nbytes)
        else:
            blocks = random.integers(0, 256, (rows * columns // elements, nbytes), dtype=np.uint8)
            for at, largest in halves.items():
                d = (largest * random.uniform(-1, 1, len(blocks))).astype("<f2")
                blocks[:, at:at + 2] = d.view("u1").reshape(-1, 2)
            if kind == "MXFP4":
                blocks[:, 0] = random.integers(116, 124, len(blocks))
                blocks[:3, 0] = 0, 1, 2  # 2^-127, 2^-126, 2^-125: the first is subnormal
            if kind == "NVFP4":
                blocks[:, :4] = random.integers(0, 48, (len(blocks), 4))  # up to 0.234375; below 8 is subnormal
                blocks[0, :4] = 0, 1, 0x7D, 0x7E  # 416 and 448, the two largest
                blocks[0, 20:] &= 0x99  # ... with elements of 0 and 0.5 only
        self.data = blocks.tobytes()
        self.value = floats(blocks).reshape((rows, columns) if rows else (columns,))
        assert self.value.dtype == F and np.isfinite(self.value).all()


def model(kinds, layers, hidden, heads, kv_heads, head_dim, ffn, vocab):
    """Tensors by GGUF name; kinds(name) tells the type of a matrix, norms are F32."""
    shapes = {"attn_norm": (0, hidden), "attn_q": (heads * head_dim, hidden), "attn_k": (kv_heads * head_dim, hidden),
              "attn_v": (kv_heads * head_dim, hidden), "attn_output": (hidden, heads * head_dim),
              "ffn_norm": (0, hidden), "ffn_gate": (ffn, hidden), "ffn_up": (ffn, hidden), "ffn_down": (hidden, ffn)}
    names = {"token_embd": (vocab, hidden)}
    for i in range(layers):
        names.update({f"blk.{i}.{name}": shape for name, shape in shapes.items()})
    names.update({"output_norm": (0, hidden), "output": (vocab, hidden)})
    return {name + ".weight": Tensor(kinds(name), *shape) if shape[0] else Tensor("F32", *shape, around=1.)
            for name, shape in names.items() if kinds(name)}


HF = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
      "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
      "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def unpermuted(w, heads):
    """Within a head the file has rows 0, h/2, 1, h/2 + 1, ... of Hugging Face's h rows."""
    return w.reshape(heads, w.shape[0] // heads // 2, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def expected(tensors, heads, kv_heads):
    out = {}
    for name, tensor in tensors.items():
        parts = name.split(".")
        if parts[0] == "blk":
            x = tensor.value
            if parts[2] in ("attn_q", "attn_k"):
                x = unpermuted(x, heads if parts[2] == "attn_q" else kv_heads)
            out[f"model.layers.{parts[1]}.{HF[parts[2]]}.weight"] = x
        else:
            top = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
            out[top[parts[0]] + ".weight"] = tensor.value
    return out


def write_safetensors(path, arrays):
    """F32 only, names sorted, header padded to 8 bytes."""
    header, offset = {}, 0
    for name in sorted(arrays):
        a = arrays[name]
        assert a.dtype == F
        header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [offset, offset + a.nbytes]}
        offset += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text
                     + b"".join(np.ascontiguousarray(arrays[name]).tobytes() for name in sorted(arrays)))


# ---------------------------------------------------------------- the container

SCALARS = {"u8": (0, "B"), "i8": (1, "b"), "u16": (2, "H"), "i16": (3, "h"), "u32": (4, "I"), "i32": (5, "i"),
           "f32": (6, "f"), "bool": (7, "B"), "u64": (10, "Q"), "i64": (11, "q"), "f64": (12, "d")}


def string(text, e="<"):
    raw = text.encode()
    return struct.pack(e + "Q", len(raw)) + raw


def number(kind):
    return {"string": 8, "array": 9}[kind] if kind in ("string", "array") else SCALARS[kind][0]


def encoded(kind, value, e):
    """A metadata value without its type; an array is (kind of its elements, list)."""
    if kind == "string":
        return string(value, e)
    if kind == "array":
        inner, items = value
        head = struct.pack(e + "iQ", number(inner), len(items))
        return head + b"".join(encoded(inner, item, e) for item in items)
    return struct.pack(e + SCALARS[kind][1], value)


def gguf(kv, tensors, version=3, alignment=32, e="<", magic=b"GGUF", kv_count=None, tensor_count=None,
         last_ne=None, last_type=None, last_offset=0, last_gap=0):
    """The bytes of a file.  kv: list of (key, kind, value); tensors: list of (name, Tensor).

    The options from kv_count on spoil it: other counts, and for the last tensor other dimensions, another type, an
    offset of so much more than the true one, and so many bytes of zero before its data.
    """
    pairs = b"".join(string(key, e) + struct.pack(e + "i", number(kind)) + encoded(kind, value, e)
                     for key, kind, value in kv)
    infos, data = b"", b""
    for i, (name, tensor) in enumerate(tensors):
        last = i == len(tensors) - 1
        ne = last_ne if last and last_ne else tensor.ne
        kind = last_type if last and last_type is not None else tensor.type
        offset = len(data) + (last_offset if last else 0)
        infos += string(name, e) + struct.pack(e + "I", len(ne)) + struct.pack(f"{e}{len(ne)}q", *ne)
        infos += struct.pack(e + "iQ", kind, offset)
        data += (b"\0" * last_gap if last else b"") + tensor.data
        data += b"\0" * (-len(data) % alignment)
    head = magic + struct.pack(e + "Iqq", version, len(tensors) if tensor_count is None else tensor_count,
                               len(kv) if kv_count is None else kv_count) + pairs + infos
    return head + b"\0" * (-len(head) % alignment) + data


def metadata(name, layers, hidden, heads, kv_heads, head_dim, ffn, vocab, alignment, explicit_head_dim):
    kv = [("general.architecture", "string", "llama"), ("general.name", "string", name),
          ("general.alignment", "u32", alignment), ("llama.block_count", "u32", layers),
          ("llama.context_length", "u32", 64), ("llama.embedding_length", "u32", hidden),
          ("llama.feed_forward_length", "u32", ffn), ("llama.attention.head_count", "u32", heads),
          ("llama.attention.head_count_kv", "u32", kv_heads), ("llama.attention.layer_norm_rms_epsilon", "f32", 1e-5),
          ("llama.rope.freq_base", "f32", 10000.), ("llama.rope.dimension_count", "u32", head_dim),
          ("llama.vocab_size", "u32", vocab)]
    if explicit_head_dim:
        kv += [("llama.attention.key_length", "u32", head_dim), ("llama.attention.value_length", "u32", head_dim)]
    return kv


ALL_KINDS = [  # one pair of each type, with arrays of several, an empty one among them
    ("oracle.u8", "u8", 255), ("oracle.i8", "i8", -128), ("oracle.u16", "u16", 65535), ("oracle.i16", "i16", -32768),
    ("oracle.u32", "u32", 4294967295), ("oracle.i32", "i32", -2147483648), ("oracle.f32", "f32", -0.15625),
    ("oracle.true", "bool", 1), ("oracle.false", "bool", 0),
    ("oracle.string", "string", "caf\u00e9 \u2013 \u65e5\u672c"),
    ("oracle.empty_string", "string", ""), ("oracle.u64", "u64", 18446744073709551615),
    ("oracle.i64", "i64", -9223372036854775808), ("oracle.f64", "f64", 0.1),
    ("oracle.array_i16", "array", ("i16", [-2, -1, 0, 1])), ("oracle.array_bool", "array", ("bool", [1, 0, 1])),
    ("oracle.array_f64", "array", ("f64", [0.5, -0.25])), ("oracle.array_empty", "array", ("u32", [])),
    ("tokenizer.ggml.model", "string", "llama"),
    ("tokenizer.ggml.tokens", "array", ("string", [f"<{i}>" for i in range(31)] + [""])),
    ("tokenizer.ggml.scores", "array", ("f32", [-float(i) for i in range(32)])),
    ("tokenizer.ggml.token_type", "array", ("i32", [1] * 32)), ("tokenizer.ggml.bos_token_id", "u32", 1),
    ("tokenizer.ggml.add_bos_token", "bool", 1),
]

MIXED = {"token_embd": "F16", "output": "Q8_0",
         "blk.0.attn_q": "Q4_K", "blk.0.attn_k": "Q5_K", "blk.0.attn_v": "Q6_K", "blk.0.attn_output": "Q4_0",
         "blk.0.ffn_gate": "Q2_K", "blk.0.ffn_up": "Q3_K", "blk.0.ffn_down": "Q5_0",
         "blk.1.attn_q": "NVFP4", "blk.1.attn_k": "MXFP4", "blk.1.attn_v": "IQ4_NL", "blk.1.attn_output": "Q5_1",
         "blk.1.ffn_gate": "BF16", "blk.1.ffn_up": "F32", "blk.1.ffn_down": "Q4_1"}


def mixed(name):
    return MIXED.get(name, "F32")


def small(name):
    return None if name == "output" else "F16" if name.endswith(("_q", "_v", "gate", "down")) else "F32"


def put(name, kv, tensors, heads, kv_heads, **options):
    (here / f"{name}.gguf").write_bytes(gguf(kv, list(tensors.items()), **options))
    write_safetensors(here / f"{name}.expected.safetensors", expected(tensors, heads, kv_heads))


def changed(kv, key, *pairs):
    """kv with the pairs in place of the one named key."""
    return [p for pair in kv for p in (pairs if pair[0] == key else (pair,))]


def attacks(kv, tensors):
    """Each file has one defect; whatever else a reader looks at fits."""
    last_name, last = tensors[-1]  # output.weight, Q4_0, {32, 8}: 144 bytes of data and 16 of padding
    sound = gguf(kv, tensors)
    size = len(last.data)
    data_begins = len(sound) - sum(len(t.data) + -len(t.data) % 32 for _, t in tensors)
    bad_bool = ("oracle.flag", "bool", 2)
    nested = ("oracle.nested", "array", ("array", [("u8", [1]), ("u8", [2, 3])]))
    return {
        "bad_magic": gguf(kv, tensors, magic=b"GGUX"),
        "version_1": gguf(kv, tensors, version=1),  # only the number: the rest is as in version 3
        "version_4": gguf(kv, tensors, version=4),
        "big_endian": gguf(kv, tensors, e=">"),  # every number of the header, the version too
        "huge_tensor_count": gguf(kv, tensors, tensor_count=1 << 60),
        "huge_kv_count": gguf(kv, tensors, kv_count=1 << 60),
        # general.name is said to have 2^64 - 16 bytes: position + length wraps around
        "huge_string": sound.replace(string("attack_base"), struct.pack("<Q", (1 << 64) - 16) + b"attack_base"),
        "truncated_header": sound[:sound.index(string("output_norm.weight")) + 20],  # inside a name
        "truncated_data": sound[:len(sound) - -size % 32 - 1],  # without the padding and the last byte
        "duplicate_key": gguf(changed(kv, "llama.vocab_size", ("llama.vocab_size", "u32", 8),
                                      ("llama.vocab_size", "u32", 8)), tensors),
        "duplicate_tensor": gguf(kv, tensors + [(last_name, last)]),
        "empty_key": gguf(kv + [("", "u32", 1)], tensors),
        "five_dims": gguf(kv, tensors, last_ne=[32, 8, 1, 1, 1]),
        "negative_dim": gguf(kv, tensors, last_ne=[32, -8]),
        "overflowing_dims": gguf(kv, tensors, last_ne=[1 << 32, 1 << 32]),  # the product is 0 modulo 2^64
        "row_not_multiple_of_block": gguf(kv, tensors, last_ne=[16, 16]),  # the same number of elements as before
        "bad_alignment_3": gguf(changed(kv, "general.alignment", ("general.alignment", "u32", 3)), tensors,
                                alignment=3),  # and laid out so
        "offset_misaligned": gguf(kv, tensors, last_offset=4, last_gap=4),
        "offset_gap": gguf(kv, tensors, last_offset=32, last_gap=32),
        "offset_beyond_file": gguf(kv, tensors, last_offset=1 << 40),
        "unknown_type": gguf(kv, tensors, last_type=99),
        "nested_array": gguf(kv + [nested], tensors),
        "name_too_long": gguf(kv, tensors + [("x" * 64, last)]),
        "bad_bool": gguf(kv + [bad_bool], tensors),
    }, data_begins


def main():
    shutil.rmtree(here, ignore_errors=True)
    (here / "attacks").mkdir(parents=True)

    shape = {"layers": 2, "hidden": 256, "heads": 4, "kv_heads": 2, "head_dim": 8, "ffn": 64, "vocab": 32}
    kv = metadata("mixed_v3", **shape, alignment=32, explicit_head_dim=True) + ALL_KINDS
    put("mixed_v3", kv, model(mixed, **shape), 4, 2)

    shape = {"layers": 2, "hidden": 40, "heads": 4, "kv_heads": 2, "head_dim": 10, "ffn": 44, "vocab": 32}
    kv = metadata("small_v2", **shape, alignment=64, explicit_head_dim=False)
    put("small_v2", kv, model(small, **shape), 4, 2, version=2, alignment=64)

    shape = {"layers": 1, "hidden": 32, "heads": 4, "kv_heads": 2, "head_dim": 8, "ffn": 32, "vocab": 8}
    kv = metadata("attack_base", **shape, alignment=32, explicit_head_dim=False)
    tensors = model(lambda name: "Q4_0", **shape)
    put("attack_base", kv, tensors, 4, 2)
    broken, data_begins = attacks(kv, list(tensors.items()))
    assert data_begins % 32 == 0 and len(broken["truncated_header"]) < data_begins
    assert len(set(broken.values())) == len(broken) == 24
    for name, raw in broken.items():
        (here / "attacks" / f"{name}.gguf").write_bytes(raw)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(sys.argv[2])
    else:
        main()
