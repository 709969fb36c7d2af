# SPDX-License-Identifier: Apache-2.0
"""Number formats and elementary operations of make_cache.py, each from its definition.

Everything is float32 with one rounding per operation; a narrower arithmetic type rounds after every operation, to
nearest even, which is the same as computing in that type: float32 has more than twice its digits and two more.
"""
import numpy as np

F = np.float32
NIBBLES = F([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])  # IQ4_NL


def fp32(x):
    return np.asarray(x, F)


def fp16(x):
    return np.asarray(x, F).astype(np.float16).astype(F)


def bf16(x):
    """The upper 16 bits, to nearest even; infinities stay."""
    bits = np.ascontiguousarray(x, F).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)).view(F)


LEAST = {fp32: F(2.0 ** -149), bf16: F(2.0 ** -133), fp16: F(2.0 ** -24)}


def floor_in(floor, r):
    """A floor of a scale in an arithmetic type: rounded to it, and never 0."""
    return np.maximum(r(F(floor)), LEAST[r])


def half_away(x):
    wide = x.astype(np.float64)  # the sum below is exact, in float32 it is not
    return np.copysign(np.floor(np.abs(wide) + 0.5), wide).astype(F)


def clamp(x, low, high):
    return np.minimum(np.maximum(x, F(low)), F(high))


def minifloat(x, mantissa, least_exponent, largest):
    """Nearest even with `mantissa` bits after the leading one, subnormal below 2^least_exponent, saturating."""
    exponent = np.maximum(np.frexp(x)[1] - 1, least_exponent)
    unit = np.ldexp(F(1), exponent - mantissa).astype(F)
    return clamp(np.rint(x / unit) * unit, -largest, largest)


def e4m3(x):
    return minifloat(x, 3, -6, 448)


def e5m2(x):
    return minifloat(x, 2, -14, 57344)


def e2m1(x):
    return minifloat(x, 1, 0, 6)


def fp8_bytes(x, mantissa, bias):
    """The bytes of numbers that the format has."""
    a = np.abs(x)
    exponent = np.where(a == 0, 1 - bias, np.maximum(np.frexp(a)[1] - 1, 1 - bias))
    whole = np.ldexp(a, mantissa - exponent).astype(np.int64)  # 2^mantissa and more where normal
    code = whole + ((exponent + bias - 1) << mantissa)
    return (code | (np.signbit(x).astype(np.int64) << 7)).astype(np.uint8)


def hadamard(x, n):
    """Orthonormal Sylvester transform of each n consecutive columns: for h = 1, 2, 4 .. n / 2 each pair (a, b) that is
    h apart becomes (a + b, a - b); then everything times 1 / sqrt(n).  In float64, rounded to float32 once: the
    definition names no order of sums, and kernels differ in theirs.  Its own inverse but for that rounding."""
    y = x.reshape(-1, n).astype(np.float64)
    h = 1
    while h < n:
        pairs = y.reshape(-1, n // (2 * h), 2, h)
        a, b = pairs[:, :, 0].copy(), pairs[:, :, 1].copy()
        pairs[:, :, 0], pairs[:, :, 1] = a + b, a - b
        h *= 2
    return (y * (1 / np.sqrt(n))).astype(F).reshape(x.shape)


# ggml's blocks of 32 along a row: each function takes x [blocks, 32], returns codes, d, m (None where there is none)
# and values.  d and m are stored as fp16, values are computed from what is stored, codes from the float32 d.


def reciprocal(d):
    return np.where(d != 0, F(1) / np.where(d == 0, F(1), d), F(0))


def signed_peak(x):
    """The first of the elements that are largest in magnitude, with its sign."""
    return np.take_along_axis(x, np.abs(x).argmax(axis=1).reshape(-1, 1), axis=1)


def ggml_signed(x, bits):
    """q4_0, q5_0: d = peak / -2^(bits - 1); q = min(2^bits - 1, trunc(x * (1 / d) + 2^(bits - 1) + 0.5))."""
    half = 2 ** (bits - 1)
    d = signed_peak(x) / F(-half)
    q = np.minimum(np.trunc(x * reciprocal(d) + F(half + 0.5)), F(2 * half - 1))
    stored = fp16(d)
    return q, stored, None, (q - F(half)) * stored


def ggml_ranged(x, bits):
    """q4_1, q5_1: d = (max - min) / (2^bits - 1), m = min; q = min(2^bits - 1, trunc((x - m) * (1 / d) + 0.5))."""
    low = x.min(axis=1, keepdims=True)
    d = (x.max(axis=1, keepdims=True) - low) / F(2 ** bits - 1)
    q = np.minimum(np.trunc((x - low) * reciprocal(d) + F(0.5)), F(2 ** bits - 1))
    stored, m = fp16(d), fp16(low)
    return q, stored, m, q * stored + m


def ggml_q8_0(x):
    """The reference kernel: d = absmax / 127; q = half_away(x * (1 / d))."""
    d = np.abs(x).max(axis=1, keepdims=True) / F(127)
    q = half_away(x * reciprocal(d))
    stored = fp16(d)
    return q, stored, None, q * stored


def ggml_q8_0_avx(x):
    """The x86 kernel: the multiplier is 127 / absmax, ties go to even."""
    a = np.abs(x).max(axis=1, keepdims=True)
    q = np.rint(x * np.where(a != 0, F(127) / np.where(a == 0, F(1), a), F(0)))
    stored = fp16(a / F(127))
    return q, stored, None, q * stored


def ggml_iq4_nl(x):
    """1 / d = -127 / peak; the nearest value to x / d, the upper of two as near; then the stored d is
    sum(w v x) / sum(w v v), w = x x, in float32, element by element: ((w v) x), ((w v) v).  Codes stay."""
    peak = signed_peak(x)
    empty = np.abs(peak) < F(1e-15)
    d = np.where(empty, F(1), peak) / NIBBLES[0]
    scaled = x * (F(1) / d)
    above = np.clip(np.searchsorted(NIBBLES, scaled, side="right"), 1, 15)  # the first value above, or the last
    q = np.where(scaled - NIBBLES[above - 1] < NIBBLES[above] - scaled, above - 1, above)
    q = np.where(scaled <= NIBBLES[0], 0, np.where(scaled >= NIBBLES[15], 15, q))
    top, bottom = np.zeros((len(x), 1), F), np.zeros((len(x), 1), F)
    for j in range(x.shape[1]):
        w = x[:, j:j + 1] * x[:, j:j + 1]
        v = NIBBLES[q[:, j:j + 1]]
        top, bottom = top + (w * v) * x[:, j:j + 1], bottom + (w * v) * v
    stored = fp16(np.where(empty, F(0), top / np.where(bottom == 0, F(1), bottom)))
    return q.astype(F), stored, None, NIBBLES[q] * stored


GGML = {"q8_0": ggml_q8_0, "q8_0_avx": ggml_q8_0_avx, "q5_0": lambda x: ggml_signed(x, 5),
        "q5_1": lambda x: ggml_ranged(x, 5), "q4_0": lambda x: ggml_signed(x, 4),
        "q4_1": lambda x: ggml_ranged(x, 4), "iq4_nl": ggml_iq4_nl}
