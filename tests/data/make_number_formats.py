#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes number_formats.safetensors: small floating-point formats and the block formats made of them, from their
definitions, before the C++ it tests.  README.md in this folder says what each array is.

Every operation below is one float32 operation, rounded to nearest even, in the order written; no product is fused
with a sum.  Only the rounding onto a format's own lattice works in float64, where it is exact, and means are summed in
float64 and rounded once.  amax is the largest magnitude, / a division (never a product with a reciprocal, unless
written so), E4M3() the saturating rounding, half to even.

  fp8          s = amax / divisor (1 where amax = 0); value = round(w / s) * s.  Divisors 448, 57344, 240, 224.
  mxfp4        32 columns; e from amax: floor, even, ceil: see shared_exponent; rceil: amax / 6 first; clamped to
               -127 .. 127, and -127 where amax = 0; half_even, half_away: value = round(x / 2^e) * 2^e;
               lower: the first of the 16 codes with the least abs(level * 2^e - x).
  mxfp8        32 columns; e = floor(log2 amax) - 8 (e4m3) or - 15 (e5m2), clamped; value = round(x / 2^e) * 2^e.
  modelopt     16 columns; s2 = amax / 2688; s = E4M3(block amax / (6 * s2)), 1 where that is 0; d = s * s2;
               value = E2M1(x / d) * d.
  compressed_tensors  g = 2688 / amax; s = E4M3((g * block amax) / 6), 0.125 where that is 0; d = s / g;
               value = E2M1(x / d) * d.
  torchao      s2 = amax / 2688; s = E4M3(max(block amax / (6 * s2), 2^-6)); r = (1 / s2) / s;
               value = E2M1(x * r) * (s * s2).
  ggml         s = UE4M3(block amax / 6); value = the first of 16 levels with the least abs(level * s - x), times s.
  nf4, fp4     64 columns; r = 1 / amax; code by thresholds of x * r, strictly above; value = level * amax; all codes
               are 0.0's where amax = 0.
  double       m = mean(absmax); y = absmax - m; 256 entries: a = max(abs y), code = nearest of the map to y * (1 / a);
               absmax' = map[code] * a + m; value = level * absmax', the 4-bit codes being those of the exact absmax.
  ternary      s = max(mean(abs w), 1e-5); value = clamp(round(w / s), -1, 1) * s.
"""
from pathlib import Path

import numpy as np

from write_oracle import write_safetensors

F32 = np.float32
NAN, INF = float("nan"), float("inf")

# Name: bits of exponent and mantissa, bias, and what is not a number: "fn" (all ones), "ieee" (the top exponent),
# "fnuz" (the negative zero's code) or "finite" (nothing).
FORMATS = {"e4m3": (4, 3, 7, "fn"), "e5m2": (5, 2, 15, "ieee"), "e4m3fnuz": (4, 3, 8, "fnuz"),
           "e5m2fnuz": (5, 2, 16, "fnuz"), "e2m1": (2, 1, 1, "finite"), "e2m3": (2, 3, 1, "finite"),
           "e3m2": (3, 2, 3, "finite")}
MAX = {"e4m3": 448.0, "e5m2": 57344.0, "e4m3fnuz": 240.0, "e5m2fnuz": 57344.0, "e2m1": 6.0, "e2m3": 7.5, "e3m2": 28.0}


# Decoding, one code at a time.

def decode(name, code):
    exponent_bits, mantissa_bits, bias, kind = FORMATS[name]
    mantissa = code & (2**mantissa_bits - 1)
    exponent = (code >> mantissa_bits) & (2**exponent_bits - 1)
    negative = (code >> (mantissa_bits + exponent_bits)) & 1
    top = exponent == 2**exponent_bits - 1
    if kind == "fn" and top and mantissa == 2**mantissa_bits - 1:
        return NAN
    if kind == "fnuz" and negative and exponent == 0 and mantissa == 0:
        return NAN
    if kind == "ieee" and top:
        magnitude = INF if mantissa == 0 else NAN
    elif exponent == 0:
        magnitude = mantissa * 2.0 ** (1 - bias - mantissa_bits)
    else:
        magnitude = (1 + mantissa / 2**mantissa_bits) * 2.0 ** (exponent - bias)
    return -magnitude if negative else magnitude


def decode_e8m0(code):
    return NAN if code == 255 else 2.0 ** (code - 127)


def decode_ue4m3(code):
    """E4M3 without a sign."""
    return decode("e4m3", code)


DECODED = {name: np.array([decode(name, c) for c in range(2 ** (1 + f[0] + f[1]))], F32) for name, f in FORMATS.items()}
DECODED["e8m0"] = np.array([decode_e8m0(c) for c in range(256)], F32)
DECODED["ue4m3"] = np.array([decode_ue4m3(c) for c in range(128)], F32)


# Rounding.

def exponent_of(a):
    """floor(log2 a) of positive numbers, exactly."""
    return np.frexp(a)[1] - 1


def round_to(name, x, saturating=True, ties="half_even"):
    """Rounds float32 numbers onto the lattice of a format; the distance of its points is 2^(e - mantissa bits)."""
    _, mantissa_bits, bias, kind = FORMATS[name]
    x = np.asarray(x, F32)
    a = np.abs(x.astype(np.float64))
    finite = np.isfinite(a)
    e = np.maximum(exponent_of(np.where(finite & (a > 0), a, 1.0)), 1 - bias)
    step = np.ldexp(1.0, e - mantissa_bits)
    units = np.where(finite, a, 0.0) / step  # exact: step is a power of two
    r = (np.rint(units) if ties == "half_even" else np.floor(units + 0.5)) * step
    r = np.where(finite, r, a)
    overflow = MAX[name] if saturating else INF if kind == "ieee" else NAN
    r = np.where(r > MAX[name], overflow, r)  # NaN is not above
    r = np.copysign(r, x)
    if kind == "fnuz":
        r = np.where(r == 0, 0.0, r)  # no negative zero
    return r.astype(F32)


def ue4m3_code(x):
    """ggml's encoder of one nonnegative float32."""
    x = F32(x)
    if x >= 248:
        return 0x7E
    if x < F32(2.0**-6):
        return min(int(x * F32(512) + F32(0.5)), 7)
    bits = int(x.view(np.uint32))
    exponent = (bits >> 23) - 127 + 7
    mantissa = ((bits >> 20) & 7) + ((bits >> 19) & 1)  # the fourth bit rounds up, whatever follows it
    return (exponent << 3) + mantissa  # a mantissa of 8 carries into the exponent


def nearest_e2m1(x, scale):
    """The first of the 16 codes whose value times the scale is nearest; all comparisons in float32 and strict."""
    best = np.zeros(x.shape, np.uint8)
    best_error = np.abs(DECODED["e2m1"][0] * scale - x)
    for code in range(1, 16):
        error = np.abs(DECODED["e2m1"][code] * scale - x)
        closer = error < best_error
        best[closer], best_error = code, np.where(closer, error, best_error)
    return best


def e2m1_codes(q):
    """Codes of numbers on the lattice; a negative zero has code 8."""
    index = np.searchsorted(DECODED["e2m1"][:8], np.abs(q)).astype(np.uint8)
    assert (DECODED["e2m1"][:8][index] == np.abs(q)).all()
    return index | (np.signbit(q).astype(np.uint8) << 3)


# Test inputs.

def around(values):
    values = np.asarray(values, F32)
    return np.concatenate([values, np.nextafter(values, F32(-INF)), np.nextafter(values, F32(INF))])


def make_probe(rng):
    parts = []
    for name, table in DECODED.items():
        values = np.unique(table[np.isfinite(table)].astype(np.float64))
        middle = (values[:-1] + values[1:]) / 2
        assert (middle == middle.astype(F32)).all()
        parts += [values, around(middle)]
    edges = [448, 456, 464, 465, 479, 480, 496, 512, 1000, 57344, 61439, 61440, 61441, 65504, 65536, 1e6, 1e30,
             224, 240, 244, 247, 248, 249, 256, 5, 6, 7, 7.5, 7.75, 8, 28, 30, 32]
    tiny = [2.0**k for k in range(-20, -4)] + [2.0**-149, 2.0**-140, 1.5 * 2.0**-127, 2.0**-126, 1e-30]
    parts += [around(edges), -around(edges), around(tiny), -around(tiny), np.finfo(F32).max * np.array([1, -1], F32)]
    parts += [rng.standard_normal(500) * s for s in (1e-5, 1e-3, 0.02, 1.0, 20.0, 300.0, 40000.0)]
    x = np.concatenate([np.asarray(p, F32) for p in parts])
    x = np.unique(x[np.isfinite(x)])
    return np.concatenate([x[x != 0], np.array([0.0, -0.0, INF, -INF, NAN], F32)])


def make_weights(rng):
    w = rng.standard_normal((8, 256)) * 0.05
    w[0] = 0.0
    w[1] *= 1e-30 / 0.05
    w[1, 64:128] = rng.uniform(-1.2, 1.2, 64) * 2.0**-126  # the shared exponent would be below -127
    w[1, 70], w[1, 100] = 1.3 * 2.0**-126, -1.4 * 2.0**-126
    w = w.astype(F32)
    w[2, 137] = -42.0  # 42 / 2688 is a power of two: NVFP4 has exact ties, too
    midpoints = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0], F32)
    six, seven, four = F32(6), F32(7), F32(4)
    largest = [six, seven, four, np.nextafter(six, F32(9)), np.nextafter(six, F32(0)), np.nextafter(seven, F32(0)),
               np.nextafter(four, F32(9)), F32(5)]
    for b in range(8):
        block = np.resize(np.concatenate([midpoints, -midpoints]), 32)
        block = np.where(np.abs(block) > largest[b], F32(1), block).astype(F32)
        block[[3, 19]] = largest[b], -largest[b]  # in each half, for the blocks of 16
        w[3, 32 * b:32 * b + 32] = block * F32(2.0 ** (b - 5))
    w[4] = 0.3
    w[7] *= 4
    w[7, 128:192] = np.clip(w[7, 128:192], -0.9, 0.9)
    w[7, 130], w[7, 150], w[7, 151] = 1.0, 0.0859375, -0.0859375  # a threshold of bitsandbytes' FP4
    return w


# Schemes.

def blocks(w, size):
    return w.reshape(w.shape[0], -1, size)


def amax_of(x, axis):
    return np.abs(x).max(axis=axis, keepdims=True)


def fp8(w, name, divisor, axis):
    s = amax_of(w, axis) / F32(divisor)
    s = np.where(s == 0, F32(1), s)
    return round_to(name, w / s) * s, s.reshape(-1)


def shared_exponent(amax, mode):
    """Exponent of the E8M0 scale of an E2M1 block."""
    if mode == "rceil":
        fraction, e = np.frexp(amax / F32(6))  # fraction in [1/2, 1)
        e = e - (fraction == 0.5)
    else:
        fraction, e = np.frexp(amax)
        if mode == "ceil":
            e = e - (fraction == 0.5) - 2
        else:
            e = e - 1 - 2
            if mode == "even":
                e = e + (fraction >= 0.875)  # the mantissa is 1.75 or more
    return clamp_exponent(amax, e)


def clamp_exponent(amax, e):
    return np.where(amax == 0, -127, np.clip(e, -127, 127))


def power(e):
    return np.ldexp(F32(1), e).astype(F32)


def mxfp4(w, mode, ties):
    x = blocks(w, 32)
    e = shared_exponent(amax_of(x, 2), mode)
    d = power(e)
    if ties == "lower":
        codes = nearest_e2m1(x, d)
        assert (codes == nearest_e2m1(x / d, F32(1))).all()  # the same where the scale is divided out
    else:
        codes = e2m1_codes(round_to("e2m1", x / d, ties=ties))
    return (DECODED["e2m1"][codes] * d).reshape(w.shape), codes.reshape(w.shape), (e[:, :, 0] + 127).astype(np.uint8)


def mxfp8(w, name, largest_exponent):
    x = blocks(w, 32)
    amax = amax_of(x, 2)
    e = clamp_exponent(amax, exponent_of(amax) - largest_exponent)
    return (round_to(name, x / power(e)) * power(e)).reshape(w.shape), (e[:, :, 0] + 127).astype(np.uint8)


def nvfp4(w, convention):
    """Values, codes, block scales, tensor scale (compressed_tensors: its inverse, g)."""
    x, largest = blocks(w, 16), amax_of(w, None).reshape(())
    amax = amax_of(x, 2)
    if convention == "compressed_tensors":
        g = F32(2688) / largest
        s = round_to("e4m3", g * amax / F32(6))
        assert (s == round_to("e4m3", g * (amax / F32(6)))).all()  # the order does not matter here
        s = np.where(s == 0, F32(0.125), s)
        d = s / g
        q, tensor = round_to("e2m1", x / d), g
    else:
        s2 = tensor = largest / F32(2688)
        ratio = amax / (F32(6) * s2)
        assert (round_to("e4m3", ratio) == round_to("e4m3", amax / F32(6) / s2)).all()  # nor here
        if convention == "modelopt":
            s = round_to("e4m3", ratio)
            s = np.where(s == 0, F32(1), s)
            d = s * s2
            q = round_to("e2m1", x / d)
        else:
            s = round_to("e4m3", np.maximum(ratio, F32(2.0**-6)))
            d = s * s2
            q = round_to("e2m1", x * (F32(1) / s2 / s))
    return (q * d).reshape(w.shape), e2m1_codes(q).reshape(w.shape), s[:, :, 0], np.array([tensor])


def nvfp4_ggml(w):
    x = blocks(w, 16)
    scale_codes = np.array([[[ue4m3_code(a)] for a in row] for row in (amax_of(x, 2) / F32(6))[:, :, 0]], np.uint8)
    s = DECODED["ue4m3"][scale_codes]
    codes = nearest_e2m1(x, s)
    return ((DECODED["e2m1"][codes] * s).reshape(w.shape), codes.reshape(w.shape), s[:, :, 0], scale_codes[:, :, 0])


NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023,
                1.0], F32)
NF4_THRESHOLDS = np.array([-.8480964, -.6106329, -.4599953, -.3396794, -.2346074, -.1379117, -.0455250, .0397901,
                           .1202553, .2035213, .2920138, .3893125, .5016634, .6427869, .8614784], F32)
FP4_TWELFTHS = np.array([0, 0.0625, 8, 12, 4, 6, 2, 3])  # magnitudes of codes 0 .. 7
FP4 = np.concatenate([FP4_TWELFTHS / 12, -FP4_TWELFTHS / 12]).astype(F32)
FP4_THRESHOLDS = np.array([.00260417, .0859375, .20833333, .29166667, .4166667, .583333, .8333333], F32)
FP4_ORDER = np.argsort(FP4_TWELFTHS).astype(np.uint8)  # codes by rising magnitude


def nf4_codes(normed):
    assert np.abs(NF4_THRESHOLDS - (NF4[1:] + NF4[:-1]) / 2).max() < 1.2e-7
    assert (np.abs(normed[..., None] - NF4_THRESHOLDS) > 4e-7).all()  # so thresholds of seven digits serve
    return (normed[..., None] > NF4_THRESHOLDS).sum(-1).astype(np.uint8)


def fp4_codes(normed):
    """The thresholds are the published decimals: .583333 is not the float32 nearest to 7 / 12, and that shows."""
    above = (np.abs(normed)[..., None] > FP4_THRESHOLDS).sum(-1)
    return FP4_ORDER[above] | ((normed < 0).astype(np.uint8) << 3)


def linspace(start, end, count):
    """torch.linspace in float32: from both ends to the middle."""
    start, end = F32(start), F32(end)
    step = (end - start) / F32(count - 1)
    i = np.arange(count)
    return np.where(i < count // 2, start + step * i.astype(F32), end - step * (count - 1 - i).astype(F32)).astype(F32)


def dynamic_map():
    """bitsandbytes' create_dynamic_map(signed=True, max_exponent_bits=7, total_bits=8), which is not in the spec: for
    each i = 0 .. 6, +- 10^(i - 6) times the middles of 2^i equal parts of [0.1, 1]; 0; 1."""
    data = [F32(0), F32(1)]
    for i in range(7):
        edges = linspace(0.1, 1.0, 2**i + 1)
        means = (edges[:-1] + edges[1:]) / F32(2)
        data += list(F32(10.0 ** (i - 6)) * means) + list(F32(-(10.0 ** (i - 6))) * means)
    assert len(data) == 256
    return np.sort(np.array(data, F32))


def double_quant(absmax):
    """Codes, second-level absmax, offset and the absmax that comes back; `absmax` flat."""
    table = dynamic_map()
    middle = (table[:-1] + table[1:]) * F32(0.5)
    offset = F32(absmax.astype(np.float64).mean())
    y = absmax - offset
    codes, second, back = [], [], []
    for start in range(0, len(y), 256):
        part = y[start:start + 256]
        a = np.abs(part).max()
        normed = part * (F32(1) / a)
        assert (np.abs(normed[:, None] - middle) > 2e-7 * np.maximum(np.abs(middle), 0.01)).all()  # no ties, not nearly
        c = (normed[:, None] > middle).sum(1).astype(np.uint8)
        codes.append(c)
        second.append(a)
        back.append(table[c] * a + offset)
    return np.concatenate(codes), np.array(second, F32), np.array([offset]), np.concatenate(back)


def four_bit(w, encode, levels, zero_code):
    x = blocks(w, 64)
    absmax = amax_of(x, 2)
    r = F32(1) / np.where(absmax == 0, F32(1), absmax)
    codes = np.where(absmax == 0, np.uint8(zero_code), encode(x * r))
    return codes, absmax[:, :, 0], (levels[codes] * absmax).reshape(w.shape)


def ternary(w, axis):
    mean = np.abs(w.astype(np.float64)).mean(axis=axis, keepdims=True).astype(F32)
    s = np.maximum(mean, F32(1e-5))
    assert (np.abs(np.abs(w / s) - F32(0.5)) > 1e-6).all()  # so the mean's last bit decides nothing
    return np.clip(np.rint(w / s), F32(-1), F32(1)) * s, s.reshape(-1)


# The rules once more, by other means.

def check_rounding(probe, out):
    """By search: the nearest entry of the table, of two nearest the one with the even code."""
    for name in FORMATS:
        table = DECODED[name][:len(DECODED[name]) // 2].astype(np.float64)  # the nonnegative codes come first
        table = table[np.isfinite(table)]
        assert table[-1] == MAX[name] and (np.diff(table) > 0).all()
        a = np.abs(probe.astype(np.float64))
        for x, a1, r in zip(probe, a, out[f"round.{name}.saturating"]):
            if np.isnan(x):
                assert np.isnan(r)
                continue
            distance = np.abs(table - min(a1, 1e9))
            nearest = np.nonzero(distance == distance.min())[0]
            code = nearest[0] if len(nearest) == 1 else nearest[nearest % 2 == 0][0]
            assert abs(r) == table[code] and (r == 0 or (r < 0) == (x < 0))
        if f"round.{name}.plain" in out:
            plain, inside = out[f"round.{name}.plain"], a <= table[-1]
            assert (plain[inside] == out[f"round.{name}.saturating"][inside]).all()
            limit, tie_stays = {"e4m3": (464, True), "e5m2": (61440, False), "e4m3fnuz": (248, False),
                                "e5m2fnuz": (61440, False)}[name]
            over = (a > limit) | ((a == limit) & (not tie_stays))
            beyond = plain[over]
            assert (np.isinf(beyond) if name == "e5m2" else np.isnan(beyond)).all()
            assert np.isfinite(plain[~over & ~np.isnan(a)]).all()


def check_golden():
    """The spec's golden vector of ggml's mxfp4 and nvfp4: mean squared error, y[0], y[37]."""
    state, x = 12345, np.zeros((1, 256), F32)
    for i in range(256):
        u = []
        for _ in range(4):
            state = (state * 1664525 + 1013904223) % 2**32
            u.append(F32(state >> 8) / F32(2**24))
        x[0, i] = u[0] + u[1] + u[2] + u[3] - F32(2)
    x[0, 37] *= F32(6)
    for y, mse, first, other in ((mxfp4(x, "floor", "lower")[0], 3.459438327e-03, -0.75, -1.5),
                                 (nvfp4_ggml(x)[0], 2.636246727e-03, -0.84375, -1.6875)):
        assert abs(((y - x).astype(np.float64) ** 2).mean() / mse - 1) < 1e-6
        assert y[0, 0] == first and y[0, 37] == other


def main():
    check_golden()
    rng = np.random.default_rng(448)
    out = {"decode." + name: table for name, table in DECODED.items()}

    probe = out["probe"] = make_probe(rng)
    for name, (_, _, _, kind) in FORMATS.items():
        out[f"round.{name}.saturating"] = round_to(name, probe)
        if kind != "finite":
            out[f"round.{name}.plain"] = round_to(name, probe, saturating=False)
    check_rounding(probe, out)
    positive = out["probe.ue4m3"] = probe[(probe >= 0) & ~np.signbit(probe)]
    out["round.ue4m3.codes"] = np.array([ue4m3_code(x) for x in positive], np.uint8)
    out["round.ue4m3"] = DECODED["ue4m3"][out["round.ue4m3.codes"]]
    assert out["round.ue4m3.codes"].max() == 0x7E and not np.isnan(out["round.ue4m3"]).any()

    w = out["weights"] = make_weights(rng)
    for label, name, divisor in (("e4m3", "e4m3", 448), ("e5m2", "e5m2", 57344), ("e4m3fnuz240", "e4m3fnuz", 240),
                                 ("e4m3fnuz224", "e4m3fnuz", 224)):
        for per, axis in (("tensor", None), ("row", 1)):
            out[f"fp8.{label}.{per}.values"], out[f"fp8.{label}.{per}.scales"] = fp8(w, name, divisor, axis)
    for name in ("e4m3", "e5m2", "e4m3fnuz", "e5m2fnuz"):
        out[f"fp8.{name}.one.values"] = round_to(name, w)
        sixteenth = F32(0.0625)
        out[f"fp8.{name}.sixteenth.values"] = round_to(name, w / sixteenth) * sixteenth

    for mode in ("floor", "even", "ceil", "rceil"):
        for ties in ("half_even", "lower", "half_away"):
            key = f"mxfp4.{mode}.{ties}"
            out[key + ".values"], out[key + ".codes"], out[f"mxfp4.{mode}.scales"] = mxfp4(w, mode, ties)
    out["mxfp8.e4m3.values"], out["mxfp8.e4m3.scales"] = mxfp8(w, "e4m3", 8)
    out["mxfp8.e5m2.values"], out["mxfp8.e5m2.scales"] = mxfp8(w, "e5m2", 15)

    generic = out["weights.generic"] = (rng.standard_normal((8, 256)) * 0.037).astype(F32)
    for suffix, x in (("", w), (".generic", generic)):
        for convention in ("modelopt", "compressed_tensors", "torchao"):
            key = f"nvfp4.{convention}{suffix}"
            (out[key + ".values"], out[key + ".codes"], out[key + ".scales"],
             out[key + ".tensor_scale"]) = nvfp4(x, convention)
        key = "nvfp4.ggml" + suffix
        out[key + ".values"], out[key + ".codes"], out[key + ".scales"], out[key + ".scale_codes"] = nvfp4_ggml(x)

    out["double_quant.map"] = dynamic_map()
    for name, encode, levels, zero_code in (("nf4", nf4_codes, NF4, 7), ("fp4", fp4_codes, FP4, 0)):
        codes, absmax, out[name + ".values"] = four_bit(w, encode, levels, zero_code)
        out[name + ".levels"], out[name + ".codes"], out[name + ".absmax"] = levels, codes.reshape(w.shape), absmax
        (out["double_quant.codes"], out["double_quant.absmax2"], out["double_quant.offset"],
         back) = double_quant(absmax.reshape(-1))
        out["double_quant.absmax"] = back
        out[name + ".double.values"] = (levels[codes] * back.reshape(8, 4, 1)).reshape(w.shape)
    long = out["double_quant.long.input"] = np.abs(rng.gamma(9.0, 0.02, 600)).astype(F32)
    (out["double_quant.long.codes"], out["double_quant.long.absmax2"], out["double_quant.long.offset"],
     out["double_quant.long.absmax"]) = double_quant(long)

    for per, axis in (("tensor", None), ("row", 1)):
        out[f"ternary.{per}.values"], out[f"ternary.{per}.scales"] = ternary(w, axis)

    for key, value in out.items():
        if key.endswith(".values"):
            assert value.dtype == F32 and value.shape == w.shape and np.isfinite(value).all(), key
            if ".double" not in key and ".generic" not in key:
                assert (value[0] == 0).all(), key
    path = Path(__file__).parent / "number_formats.safetensors"
    write_safetensors(path, {k: np.asarray(v) for k, v in out.items()})
    print(path.stat().st_size, "bytes;", len(probe), "probes;", len(out), "arrays")
    error = {k: np.abs(v - (generic if ".generic" in k else w)).mean() for k, v in out.items() if k.endswith(".values")}
    for key, value in error.items():
        print(f"{key:40s} mean error {value:.6f}, of row 5 "
              f"{np.abs(out[key][5] - (generic if '.generic' in key else w)[5]).mean():.6f}")


if __name__ == "__main__":
    main()
