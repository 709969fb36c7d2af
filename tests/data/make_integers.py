#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes integers.safetensors: one weight matrix under the integer conventions of the published quantizers.

Everything but HQQ is float32 arithmetic, one rounding per operation, in the order written in the comment above each
function.  Here round is half to even, clamp(x, lo, hi) = min(max(x, lo), hi), and all groups run along a row.  A bound
of the code range is an integer, so clamping before or after rounding gives the same code; each function does it where
its library does.  HQQ is float64.  README.md in this folder says what each array is.

Written from the definitions, before the C++ it tests.
"""
import numpy as np

from write_oracle import write_safetensors

F = np.float32
ROWS, COLUMNS, GROUP = 16, 128, 32
EPS = F(2.0 ** -23)  # compressed-tensors' floor of a scale: the epsilon of float32
TINY = F(2.0 ** -126)  # torchao's: the smallest normal float32


def make_weights(rng):
    """Each row has its own purpose; see README.md."""
    w = 0.05 * rng.standard_normal((ROWS, COLUMNS))
    w[0] = 0.0
    w[0, 1::3] = -0.0
    w[1] = np.abs(w[1]) + 0.01
    w[2] = -np.abs(w[2]) - 0.01
    w[3, 37] = 60.0
    w[4] = 0.3
    w[5] *= 2e-5
    for row, largest, unit in ((6, 7.0, 2.0 ** -5), (7, 7.5, 2.0 ** -6), (8, 127.0, 2.0 ** -9)):
        # Every weight is a half-integer of absmax / 7, / 7.5 or / 127; each group holds both +absmax and -absmax.
        w[row] = rng.integers(-int(largest), int(largest), COLUMNS) + 0.5
        w[row, 0::GROUP] = largest
        w[row, 5::GROUP] = -largest
        w[row] *= unit
    w[9, 0::7] = 0.0
    w[9, 3::7] = -0.0
    w[9, 64:96] = 0.0
    w[9, 65:96:2] = -0.0
    w[10] = rng.uniform(-5e-8, 5e-8, COLUMNS)  # below 2^-24
    w[11] *= 0.4
    w[12] *= 1.9
    w[13] *= 8.0
    w[14] *= 20.0
    w[15, :32] *= 30000.0
    w[15, 3] = -4000.0
    w = w.astype(F)
    order_matters(w)
    return w


def order_matters(w):
    """Moves some weights onto halfway points between two codes, to where the order of operations decides the code."""
    def move(x, lattice, one, other):
        """x is changed in place where a float32 near the middle of its cell rounds differently by `one` and `other`."""
        moved = 0
        for c in np.flatnonzero(np.abs(x) < F(0.6) * np.abs(x).max()):
            middle = (np.floor(x[c] / lattice) + F(0.5)) * lattice
            near = np.nextafter(middle, np.array([-np.inf, np.inf, 0, 0], F)).astype(F)
            near[2], near[3] = middle, np.nextafter(near[0], F(-np.inf))
            near = near[np.rint(one(near)) != np.rint(other(near))]
            if len(near) and moved < 8:
                x[c] = near[0]
                moved += 1
        return moved

    moved = []
    for row, divisor in ((11, F(7.5)), (12, F(127.5)), (13, F(7.0))):
        s = np.abs(w[row]).max() / divisor
        moved.append(move(w[row], s, lambda x: x / s, lambda x: x * (F(1) / s)))
    a = np.abs(w[14]).max()
    s = a / F(127)
    moved.append(move(w[14, 0:32], s, lambda x: (x * F(127)) / a, lambda x: x * (F(127) / a)))
    moved.append(move(w[14, 32:64], s, lambda x: (x * F(127)) / a, lambda x: x / s))
    moved.append(move(w[14, 64:96], s, lambda x: x * (F(127) / a), lambda x: x / s))
    s = (w[15, 96:].max() - w[15, 96:].min()) / F(15)
    moved.append(move(w[15, 96:], s, lambda x: x / s, lambda x: x * (F(1) / s)))
    assert min(moved) >= 2, moved


def half_even(x):
    return np.rint(x)


def half_away(x):
    wide = x.astype(np.float64)  # exact: the sum below is not, in float32
    return np.copysign(np.floor(np.abs(wide) + 0.5), wide).astype(F)


def truncate(x):
    return np.trunc(x)


def truncate_plus_half(x):
    """ggml's Q4_0: x + 8.5 in float32, then toward zero, less 8; x is never below -8."""
    return np.trunc(x + F(8.5)) - F(8)


def clamp(x, low, high):
    return np.minimum(np.maximum(x, F(low)), F(high))


def signed_range(bits):
    return F(-2 ** (bits - 1)), F(2 ** (bits - 1) - 1)


def absmax(x):
    return np.abs(x).max(axis=1, keepdims=True)


def range_with_zero(x):
    return np.minimum(x.min(axis=1, keepdims=True), F(0)), np.maximum(x.max(axis=1, keepdims=True), F(0))


# Each function below takes x [groups, n] and returns codes, scale, zero (None where there is none) and values.


# scale = max(absmax / ((qmax - qmin) / 2), 2^-23); q = round(clamp(x / scale, qmin, qmax)); value = q * scale.
def compressed_tensors_symmetric(x, bits):
    qmin, qmax = signed_range(bits)
    s = np.maximum(absmax(x) / ((qmax - qmin) / F(2)), EPS)
    q = half_even(clamp(x / s, qmin, qmax))
    return q, s, None, q * s


# min and max include 0; scale = max((max - min) / (qmax - qmin), 2^-23); zero = round(clamp(qmin - min / scale, qmin,
# qmax)); q = round(clamp(x / scale + zero, qmin, qmax)); value = (q - zero) * scale.
def compressed_tensors_asymmetric(x, bits):
    qmin, qmax = signed_range(bits)
    low, high = range_with_zero(x)
    s = np.maximum((high - low) / (qmax - qmin), EPS)
    z = half_even(clamp(qmin - low / s, qmin, qmax))
    q = half_even(clamp(x / s + z, qmin, qmax))
    return q, s, z, (q - z) * s


# scale = max(absmax / ((qmax - qmin) / 2), 2^-126); q = clamp(round(x * (1 / scale)), qmin, qmax); value = q * scale.
def torchao_symmetric(x, bits):
    qmin, qmax = signed_range(bits)
    s = np.maximum(absmax(x) / ((qmax - qmin) / F(2)), TINY)
    q = clamp(half_even(x * (F(1) / s)), qmin, qmax)
    return q, s, None, q * s


# min and max include 0; scale = max(min / qmin, max / qmax, 2^-126); the rest as torchao_symmetric.
def torchao_no_clipping(x, bits):
    qmin, qmax = signed_range(bits)
    low, high = range_with_zero(x)
    s = np.maximum(np.maximum(low / qmin, high / qmax), TINY)
    q = clamp(half_even(x * (F(1) / s)), qmin, qmax)
    return q, s, None, q * s


# min and max include 0; scale = max((max - min) / (qmax - qmin), 2^-126); zero = clamp(qmin - round(min / scale), qmin,
# qmax); q = clamp(round(x * (1 / scale)) + zero, qmin, qmax); value = (q - zero) * scale.
def torchao_asymmetric(x, bits):
    qmin, qmax = signed_range(bits)
    low, high = range_with_zero(x)
    s = np.maximum((high - low) / (qmax - qmin), TINY)
    z = clamp(qmin - half_even(low / s), qmin, qmax)
    q = clamp(half_even(x * (F(1) / s)) + z, qmin, qmax)
    return q, s, z, (q - z) * s


# min and max include 0.  sym: max = max(abs(min), max), and min = -max only if min < 0, so that a group without a
# negative value keeps min = 0.  Both 0: min = -1, max = 1.
def gptq_range(x, symmetric):
    low, high = range_with_zero(x)
    if symmetric:
        high = np.maximum(np.abs(low), high)
        low = np.where(low < 0, -high, low)
    empty = (low == 0) & (high == 0)
    return np.where(empty, F(-1), low), np.where(empty, F(1), high)


# scale = (max - min) / (2^bits - 1); zero = 2^(bits - 1) if sym, else round(-min / scale).
def gptq_parameters(low, high, bits, symmetric):
    s = (high - low) / F(2 ** bits - 1)
    z = np.full_like(s, 2 ** (bits - 1)) if symmetric else half_even(-low / s)
    return s, z


# q = clamp(round(x / scale) + zero, 0, 2^bits - 1); value = scale * (q - zero).
def gptq_quantize(x, s, z, bits):
    q = clamp(half_even(x / s) + z, 0, 2 ** bits - 1)
    return q, s, z, s * (q - z)


def gptq(x, bits, symmetric):
    return gptq_quantize(x, *gptq_parameters(*gptq_range(x, symmetric), bits, symmetric), bits)


def error_norm(x, values):
    """Sum over the group of |value - x|^2.4; the differences are float32, the powers and the sum float64."""
    return (np.abs(values - x).astype(np.float64) ** 2.4).sum(axis=1, keepdims=True)


def assert_clear(errors, chosen):
    """No other candidate comes within 1e-5 of the chosen one, so that the order of summation does not matter."""
    best = np.take_along_axis(errors, chosen, axis=1)
    rival = (errors != best) & (best > 0)
    assert (np.abs(errors - best)[rival] > 1e-5 * np.broadcast_to(best, errors.shape)[rival]).all()


# For i = 0 .. 79, p = float32(1 - i / 100): the parameters from p * min and p * max; the first i with the smallest
# error_norm wins.
def gptq_mse(x, bits):
    low, high = gptq_range(x, True)
    errors = []
    for i in range(80):
        p = F(1 - i / 100)
        errors.append(error_norm(x, gptq_quantize(x, *gptq_parameters(p * low, p * high, bits, True), bits)[3]))
    errors = np.concatenate(errors, axis=1)
    step = errors.argmin(axis=1).reshape(-1, 1)
    assert_clear(errors, step)
    p = np.array([1 - i / 100 for i in range(80)]).astype(F)[step]
    return (*gptq_quantize(x, *gptq_parameters(p * low, p * high, bits, True), bits), step)


# For i = 0 .. 19, p = float32(1 - i / 100): compressed_tensors_symmetric with p * absmax in place of absmax.  A group
# takes i when error_norm is strictly less than the best it has seen.  patience: `per_group` stops a group after 5
# candidates in a row that did not improve it; otherwise the search ends for all groups after 5 in a row that improved
# no group at all.
def llm_compressor_mse(x, bits, per_group):
    qmin, qmax = signed_range(bits)
    best = np.full((len(x), 1), np.inf)
    step = np.zeros((len(x), 1), np.int64)
    idle = np.zeros((len(x), 1), np.int64)
    errors = []
    for i in range(20):
        s = np.maximum(F(1 - i / 100) * absmax(x) / ((qmax - qmin) / F(2)), EPS)
        e = error_norm(x, half_even(clamp(x / s, qmin, qmax)) * s)
        errors.append(e)
        better = (e < best) & (idle < 5)
        best, step = np.where(better, e, best), np.where(better, i, step)
        if per_group:
            idle = np.where(better | (idle >= 5), np.where(better, 0, idle), idle + 1)
        else:
            idle = np.where(better.any(), 0, idle + 1)
            if (idle >= 5).all():
                break
    if not per_group:
        assert_clear(np.concatenate(errors, axis=1), step)
    p = np.array([1 - i / 100 for i in range(20)]).astype(F)[step]
    s = np.maximum(p * absmax(x) / ((qmax - qmin) / F(2)), EPS)
    q = half_even(clamp(x / s, qmin, qmax))
    return q, s, None, q * s, step


# min and max need not include 0; scale = max(max - min, 1e-5) / qmax; zero = clamp(-round(min / scale), 0, qmax);
# q = clamp(round(x / scale) + zero, 0, qmax); value = (q - zero) * scale.
def awq(x, bits):
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    qmax = 2 ** bits - 1
    s = np.maximum(high - low, F(1e-5)) / F(qmax)
    z = clamp(-half_even(low / s), 0, qmax)
    q = clamp(half_even(x / s) + z, 0, qmax)
    return q, s, z, (q - z) * s


# scale = max(absmax, 1e-5) / qmax; q = clamp(round(x / scale), qmin, qmax); value = q * scale.
def autoawq_symmetric(x, bits):
    qmin, qmax = signed_range(bits)
    s = np.maximum(absmax(x), F(1e-5)) / qmax
    q = clamp(half_even(x / s), qmin, qmax)
    return q, s, None, q * s


# scale = absmax / qmax, 1 instead of 0; q = clamp(round(x / scale), qmin, qmax); value = q * scale.
def quanto_symmetric(x, bits):
    qmin, qmax = signed_range(bits)
    s = absmax(x) / qmax
    s[s == 0] = F(1)
    q = clamp(half_even(x / s), qmin, qmax)
    return q, s, None, q * s


# min and max need not include 0; scale = (max - min) / (2^bits - 1), 1 instead of 0; shift = -min, a float;
# q = clamp(round((x + shift) / scale), 0, 2^bits - 1); value = q * scale - shift.  The shift is returned as the zero.
def quanto_affine(x, bits):
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    s = (high - low) / F(2 ** bits - 1)
    s[s == 0] = F(1)
    shift = -low
    q = clamp(half_even((x + shift) / s), 0, 2 ** bits - 1)
    return q, s, shift, q * s - shift


# m = qmax / absmax, returned as the scale; q = clamp(round(x * m), -qmax, qmax); value = q / m.  absmax <= 2^-24: all
# codes and values 0, m = 0.
def modelopt(x, bits):
    qmax = F(2 ** (bits - 1) - 1)
    a = absmax(x)
    empty = a <= F(2.0 ** -24)
    m = qmax / np.where(empty, F(1), a)
    q = np.where(empty, F(0), clamp(half_even(x * m), -qmax, qmax))
    return q, np.where(empty, F(0), m), None, q / m


# q = round((x * 127) / absmax); value = (q * absmax) / 127.  absmax = 0: all codes and values 0.  absmax is returned
# as the scale.
def bnb_int8(x):
    a = absmax(x)
    q = half_even((x * F(127)) / np.where(a == 0, F(1), a))
    return q, a, None, (q * a) / F(127)


# ------------------------------------------------------- the classic symmetric absmax / qmax, by one choice at a time


def store_fp32(s):
    return s


def store_fp16(s):
    """To nearest even; what would become 0 becomes the least positive number."""
    return np.maximum(s.astype(np.float16).astype(F), F(2.0 ** -24))


def store_bf16(s):
    """To nearest even on the upper 16 bits (s is finite and positive)."""
    bits = s.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)).view(F)


def store_e8m0(s):
    """The power of two at or above s: 2^ceil(log2 s), the exponent in -127 .. 127."""
    fraction, exponent = np.frexp(s)  # s = fraction 2^exponent, 0.5 <= fraction < 1
    return np.ldexp(F(1), np.clip(np.where(fraction == 0.5, exponent - 1, exponent), -127, 127)).astype(F)


def store_e4m3(s):
    """Nearest even with three bits after the leading one, subnormals of 2^-9, saturating at 448; never 0, as fp16."""
    exponent = np.maximum(np.frexp(s)[1] - 1, -6)
    unit = np.ldexp(F(1), exponent - 3).astype(F)
    return np.clip(np.rint(s / unit) * unit, F(2.0 ** -9), F(448))


# s = absmax / qmax, 1 instead of 0; stored, which never makes it 0; q = clamp(rounding(x / stored), qmin, qmax);
# value = q * stored.
def rtn(w, bits, height, width, rounding=half_even, store=store_fp32):
    """One scale for each block of `height` rows by `width` columns; the last block of a row or column may be short."""
    qmin, qmax = signed_range(bits)
    values, scales = np.empty_like(w), []
    for top in range(0, ROWS, height):
        scales.append([])
        for left in range(0, COLUMNS, width):
            block = w[top:top + height, left:left + width]
            s = np.abs(block).max(keepdims=True) / qmax
            s[s == 0] = F(1)
            s = store(s)
            q = clamp(rounding(block / s), qmin, qmax)
            values[top:top + height, left:left + width] = q * s
            scales[-1].append(s[0, 0])
    return values, np.array(scales, F)


# ---------------------------------------------------------------------------------------------------- HQQ, in float64


def make_hqq_weights(rng):
    w = rng.standard_normal((3, COLUMNS))
    w[0, 17] = 9.0
    w[1, :64] = 0.3  # a constant group of axis 1: its range is below 1e-4, so its scale is 1
    w[1, 64:] *= 8e-5  # its scale is clamped to 2e4
    w[2] = np.sign(w[2]) * np.abs(w[2]) ** 1.7
    return w.astype(F)


# m = min((2^bits - 1) / (max - min), 2e4), but 1 where abs(max - min) <= 1e-4; zero = -min * m.
# Up to 20 times: q = clamp(round(w * m + zero), 0, 2^bits - 1); r = w - (q - zero) / m;
# e = sign(r) * max(abs(r) - (1 / 10) * abs(r)^(0.7 - 1), 0), the 10 never changes; zero = mean over the group of
# q - (w - e) * m; end when the mean of abs(r) over the whole tensor is not less than the least so far (the zero just
# computed stays).
# Last q = clamp(round(w * m + zero), 0, 2^bits - 1); value = (q - zero) / m.
def hqq(weights, bits, axis, iterations):
    w = weights.astype(np.float64)
    w = w.reshape(-1, 64) if axis == 1 else w.reshape(64, -1)
    qmax = 2.0 ** bits - 1
    low, high = w.min(axis=axis, keepdims=True), w.max(axis=axis, keepdims=True)
    flat = np.abs(high - low) <= 1e-4
    m = np.where(flat, 1.0, np.minimum(qmax / np.where(flat, 1.0, high - low), 2e4))
    zero = -low * m

    def quantize():
        x = w * m + zero
        inside = (x > -0.4) & (x < qmax + 0.4)
        assert (np.abs(x - np.floor(x) - 0.5)[inside] > 1e-9).all()  # no code hangs on the last bits
        return np.clip(np.rint(x), 0.0, qmax)

    least, done = np.inf, 0
    for _ in range(iterations):
        q = quantize()
        r = w - (q - zero) / m
        size = np.abs(r)
        with np.errstate(divide="ignore"):  # r = 0: 0^-0.3 is infinite, and e is 0
            e = np.sign(r) * np.maximum(size - (1 / 10.0) * size ** (0.7 - 1.0), 0.0)
        zero = (q - (w - e) * m).mean(axis=axis, keepdims=True)
        done += 1
        assert least == np.inf or abs(size.mean() - least) > 1e-9 * least or size.mean() == least
        if size.mean() < least:
            least = size.mean()
        else:
            break
    q = quantize()
    return q.reshape(weights.shape), m, zero, ((q - zero) / m).reshape(weights.shape), done


def add(out, name, result, lowest):
    """codes are stored as unsigned bytes, less the lowest code of the range."""
    codes, scale, zero, values = result[:4]
    for part in (codes, scale, values):
        assert part.dtype == F and np.isfinite(part).all(), name
    assert (codes == np.rint(codes)).all() and codes.min() >= lowest and codes.max() - lowest <= 255, name
    out[f"{name}.codes"] = (codes.reshape(ROWS, COLUMNS) - lowest).astype(np.uint8)
    out[f"{name}.scale"] = scale.reshape(ROWS, -1)
    if zero is not None:
        assert zero.dtype == F and np.isfinite(zero).all(), name
        out[f"{name}.zero"] = zero.reshape(ROWS, -1)
    out[f"{name}.values"] = values.reshape(ROWS, COLUMNS)


def check(out, w):
    def error(name):
        return float(((out[f"{name}.values"] - w)[11:15].astype(np.float64) ** 2).mean())

    for per in ("row", "group"):
        for kind in ("sym", "asym"):
            e = [error(f"gptq.{kind}.{bits}.{per}") for bits in (2, 3, 4, 8)]
            assert e[0] > e[1] > e[2] > 50 * e[3]
    for kind in ("sym", "asym"):
        for bits in (2, 3, 4, 8):
            assert error(f"gptq.{kind}.{bits}.group") < error(f"gptq.{kind}.{bits}.row")
    assert error("ct.w8a16") < error("ct.w4a16") and error("ct.w4a16_asym") < error("ct.w4a16")
    assert error("torchao.sym.8") < error("torchao.sym.4") and error("quanto.int4") < error("quanto.int2")
    assert error("gptq.mse") < error("gptq.sym.4.row") and error("llmc.mse") < error("ct.w4a16")
    assert error("rtn.block") > error("rtn.group48") > error("rtn.group32") and error("rtn.tensor") > error("rtn.row")
    assert max(error("rtn.half_away"), error("rtn.trunc_half")) < error("rtn.trunc")
    # The classic rule keeps its own codes when it is applied twice (the scale may move by its last bit).
    for name, height, width in (("row", 1, COLUMNS), ("group32", 1, 32), ("block", 8, 32), ("tensor", ROWS, COLUMNS)):
        again = rtn(out[f"rtn.{name}.values"], 4, height, width)[0]
        assert np.allclose(again, out[f"rtn.{name}.values"], rtol=4e-7, atol=0)
    # The quirk: a group without negative values has half the scale, and clips at 7 / 15 of its largest.
    assert out["gptq.sym.4.row.values"][1].max() < 0.47 * w[1].max()
    # Each of these arrays differs from every other: no convention is an alias.
    values = [name for name in out if name.endswith(".values") and not name.startswith("hqq")]
    assert len({out[name].tobytes() for name in values}) == len(values)


def main():
    rng = np.random.default_rng(20261201)
    w = make_weights(rng)
    groups = w.reshape(-1, GROUP)
    out = {"weights": w}

    add(out, "ct.w8a16", compressed_tensors_symmetric(w, 8), -128)
    add(out, "ct.w4a16", compressed_tensors_symmetric(groups, 4), -8)
    add(out, "ct.w4a16_asym", compressed_tensors_asymmetric(groups, 4), -8)
    add(out, "torchao.sym.4", torchao_symmetric(w, 4), -8)
    add(out, "torchao.sym.8", torchao_symmetric(w, 8), -128)
    add(out, "torchao.no_clipping", torchao_no_clipping(w, 4), -8)
    add(out, "torchao.asym", torchao_asymmetric(groups, 4), -8)
    for bits in (2, 3, 4, 8):
        for per, x in (("row", w), ("group", groups)):
            add(out, f"gptq.sym.{bits}.{per}", gptq(x, bits, True), 0)
            add(out, f"gptq.asym.{bits}.{per}", gptq(x, bits, False), 0)
    best = gptq_mse(w, 4)
    add(out, "gptq.mse", best, 0)
    out["gptq.mse.step"] = best[4].astype(np.uint8)
    best = llm_compressor_mse(groups, 4, False)
    add(out, "llmc.mse", best, -8)
    out["llmc.mse.step"] = best[4].reshape(ROWS, -1).astype(np.uint8)
    out["llmc.mse.step_per_group"] = llm_compressor_mse(groups, 4, True)[4].reshape(ROWS, -1).astype(np.uint8)
    add(out, "awq", awq(groups, 4), 0)
    add(out, "autoawq.sym", autoawq_symmetric(groups, 4), -8)
    add(out, "quanto.int8", quanto_symmetric(w, 8), -128)
    add(out, "quanto.int4", quanto_affine(groups, 4), 0)
    add(out, "quanto.int2", quanto_affine(groups, 2), 0)
    add(out, "modelopt.int8", modelopt(w, 8), -128)
    add(out, "bnb.int8", bnb_int8(w), -128)

    row = (1, COLUMNS)
    variants = {"tensor": (ROWS, COLUMNS), "row": row, "column": (ROWS, 1), "group32": (1, 32), "group48": (1, 48),
                "block": (8, 32), "half_away": (*row, half_away), "trunc": (*row, truncate),
                "trunc_half": (*row, truncate_plus_half), "fp16": (*row, half_even, store_fp16),
                "bf16": (*row, half_even, store_bf16), "e8m0": (*row, half_even, store_e8m0),
                "e4m3": (*row, half_even, store_e4m3)}
    for name, how in variants.items():
        out[f"rtn.{name}.values"], out[f"rtn.{name}.scale"] = rtn(w, 4, *how)

    h = out["hqq.weights"] = make_hqq_weights(rng)
    for bits in (4, 2):
        for axis in (0, 1):
            for kind, iterations in (("", 20), (".plain", 0)):
                codes, m, zero, values, done = hqq(h, bits, axis, iterations)
                name = f"hqq.{bits}.axis{axis}{kind}"
                assert np.isfinite(values).all() and np.isfinite(zero).all()
                out[f"{name}.codes"] = codes.astype(np.uint8)
                out[f"{name}.scale"], out[f"{name}.zero"], out[f"{name}.values"] = m, zero, values
                if iterations:
                    out[f"{name}.iterations"] = np.array([done], np.int64)

    check(out, w)
    write_safetensors("integers.safetensors", out)


if __name__ == "__main__":
    main()
