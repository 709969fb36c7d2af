# SPDX-License-Identifier: Apache-2.0
"""The presets of make_cache.py by name: what quantizes keys and values, and when."""
import numpy as np

from cache_numbers import F, bf16, fp16, fp32
from cache_quantizers import (HEAD, by_head, fp8, fp8_form, fp8_token_head, ggml, hqq, int4_token_head,
                              int8_token_head, kvquant, kvquant_integer, nuq, nvfp4, published, published_channels,
                              published_kivi, quanto)
from cache_states import FrozenPrefill, Grouped, KiviKeys, KiviValues, PerCall, Requantizing

CHOSEN = [0, 7, 8, 37, 64, 100, 127]


def published_presets():
    out = {}
    for symmetric in (True, False):
        for bits in (8, 4, 3, 2):
            for granularity, group in (("per_tensor", 0), ("per_token", 0), ("per_token_head", 0), ("per_channel", 0),
                                       ("per_group", 64), ("per_group", 48)):
                name = f"published.{'sym' if symmetric else 'asym'}{bits}.{granularity}{group or ''}"
                out[name] = lambda x, b=bits, s=symmetric, g=granularity, n=group: published(x, b, s, g, n)
    for bits in (8, 4):
        for r in (bf16, fp16):
            out[f"published.asym{bits}.per_token.{r.__name__}"] = (
                lambda x, b=bits, r=r: published(x, b, False, "per_token", r=r))
    out["published.asym4.per_token.chosen"] = lambda x: published_channels(x, 4, False, "per_token", CHOSEN)
    return {name: (q, q) for name, q in out.items()}


def stateless_presets(data):
    """NAME to the functions of keys and of values; what a call stores depends on nothing but its own tokens, and on
    those one by one (per_tensor and per_channel excepted)."""
    out = published_presets()
    samples = (data["calibration.keys"], data["calibration.values"])

    def both(name, quantize):
        out[name] = (quantize, quantize)

    for kind in ("e4m3", "e5m2"):
        form, largest = fp8_form(kind)
        both(f"vllm.fp8_{kind}", lambda x, f=form: fp8(x, f, F(1)))
        out[f"vllm.fp8_{kind}.calibrated"] = tuple(
            lambda x, f=form, s=np.abs(sample).max() / largest: fp8(x, f, s) for sample in samples)
    out["modelopt.fp8"] = out["vllm.fp8_e4m3.calibrated"]
    out["modelopt.nvfp4"] = tuple(lambda x, a=np.abs(sample).max(): nvfp4(x, a) for sample in samples)
    both("vllm.fp8_per_token_head", lambda x: by_head(x, HEAD, fp8_token_head))
    both("vllm.int8_per_token_head.trunc", lambda x: by_head(x, HEAD, lambda g: int8_token_head(g, np.trunc)))
    both("vllm.int8_per_token_head.round", lambda x: by_head(x, HEAD, lambda g: int8_token_head(g, np.rint)))
    both("vllm.int4_per_token_head", lambda x: by_head(x, HEAD, int4_token_head))
    both("vllm.int4_per_token_head.head16", lambda x: by_head(x, 16, int4_token_head))
    for kind in ("q8_0", "q8_0_avx", "q5_0", "q5_1", "q4_0", "q4_1", "iq4_nl"):
        both(f"llama.{kind}", lambda x, k=kind: ggml(x, k))
    for bits in (4, 3, 2):
        book = data[f"codebook.{bits}"]
        for name, keep, encode in ((f"kvquant.nuq{bits}", 0.99, lambda x, a, b, c=book: nuq(x, a, b, c)),
                                   (f"kvquant.int{bits}", 0.99, lambda x, a, b, n=bits: kvquant_integer(x, a, b, n)),
                                   (f"kvquant.nuq{bits}.dense", 1, lambda x, a, b, c=book: nuq(x, a, b, c))):
            first = 0 if keep == 1 else 4
            out[name] = tuple(lambda x, s=sample, k=keep, n=first, e=encode: kvquant(x, s, k, n, e)
                              for sample in (samples[0], None))
    return out


def rotated_presets(data):
    """NAME to (n of keys, n of values, quantizer of the rotated, signs)."""
    out = {f"llama.{k}.hadamard": (64, 64, lambda x, k=k: ggml(x, k), None)
           for k in ("q8_0", "q5_0", "q5_1", "q4_0", "q4_1", "iq4_nl")}
    out["llama.q4_0.hadamard.head128"] = (128, 64, lambda x: ggml(x, "q4_0"), None)
    for name, signs in (("hadamard", None), ("hadamard_signs", data["signs"])):
        out["vllm.int4_per_token_head." + name] = (HEAD, HEAD, lambda x: by_head(x, HEAD, int4_token_head), signs)
    return out


def stateful_presets():
    """NAME to makers of the caches of keys and of values."""
    out = {}
    for kind, symmetric, bits, granularity in (("sym3", True, 3, "per_channel"), ("sym3", True, 3, "per_tensor"),
                                               ("asym4", False, 4, "per_channel")):
        q = lambda x, b=bits, s=symmetric, g=granularity: published(x, b, s, g)
        lives = {"call": lambda q=q: PerCall(q),
                 "frozen_prefill": lambda a=(bits, symmetric, granularity): FrozenPrefill(*a),
                 "grouped32": lambda q=q: Grouped(32, q)}
        for life, make in lives.items():
            out[f"lifetime.{kind}.{granularity}.{life}"] = (make, make)
    for bits in (4, 2):
        out[f"published_kivi.{bits}"] = tuple(lambda b=bits, k=k: PerCall(lambda x: published_kivi(x, b, k))
                                              for k in (True, False))
        for group, window in ((32, 64), (16, 32)):
            for r in (fp16, fp32):
                out[f"kivi.{bits}.g{group}.r{window}.{r.__name__}"] = tuple(
                    lambda c=c, a=(bits, group, window, r): c(*a) for c in (KiviKeys, KiviValues))
        for axis in (0, -1):
            for group in (64, 32):
                make = lambda b=bits, a=axis, g=group: Requantizing(lambda x: quanto(x, b, a, g), 32)
                out[f"hf.quanto{bits}.axis{axis}.g{group}"] = (make, make)
    for axis in (1, 0):
        make = lambda a=axis: Requantizing(lambda x: hqq(x, 4, a, 64, False), 32)
        out[f"hf.hqq4.axis{axis}.g64"] = (make, make)
    return out


def bits_table():
    """Stored bits of an element of the quantized part, scales included; see README.md."""
    out = {f"kivi.{b}.g{g}.{t}": b + 2 * w / g
           for b in (4, 2) for g in (32, 16) for t, w in (("fp16", 16), ("fp32", 32))}
    out.update({"llama.q8_0": 8.5, "llama.q5_0": 5.5, "llama.q5_1": 6.0, "llama.q4_0": 4.5, "llama.q4_1": 5.0,
                "llama.iq4_nl": 4.5, "modelopt.nvfp4": 4.5, "vllm.fp8_e4m3": 8.0, "vllm.fp8_e5m2": 8.0,
                "modelopt.fp8": 8.0})
    out.update({f"vllm.{k}_per_token_head": b + 32 / HEAD for k, b in (("fp8", 8), ("int8", 8), ("int4", 4))})
    return out
