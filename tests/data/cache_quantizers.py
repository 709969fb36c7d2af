# SPDX-License-Identifier: Apache-2.0
"""The cache quantizers of make_cache.py: what comes back of keys or values, [tokens, channels] float32, channels those
of all heads side by side.  Written from the definitions, before the C++ it tests."""
import numpy as np

from cache_numbers import F, GGML, clamp, e2m1, e4m3, e5m2, floor_in, fp16, fp32, hadamard, half_away

HEAD = 64  # two heads


def low_of(x):
    return x.min(axis=-1, keepdims=True)


def high_of(x):
    return x.max(axis=-1, keepdims=True)


def absmax(x):
    return np.abs(x).max(axis=-1, keepdims=True)


# ------------------------------------------------------------------------------ the published quantizer, by granularity


def groups_of(x, granularity, group):
    """x as [groups, elements of one scale]; a last group of channels that is short is filled with zeros."""
    if granularity == "per_tensor":
        return x.reshape(1, -1)
    if granularity == "per_channel":
        return x.T
    width = {"per_token": x.shape[1], "per_token_head": HEAD}.get(granularity, group)
    padded = np.pad(x, ((0, 0), (0, -x.shape[1] % width)))
    return padded.reshape(-1, width)


def from_groups(g, granularity, shape):
    if granularity == "per_channel":
        return g.T.copy()
    return g.reshape(shape[0], -1)[:, :shape[1]].copy()


def published_parameters(g, bits, symmetric, r):
    """sym: s = max(absmax, 1e-8) / qmax.  asym: s = max((max - min) / (2^bits - 1), 1e-8), z = clamp(round(0 - min /
    s), 0, 2^bits - 1).  A floor that the arithmetic type would round to 0 is the type's least positive number."""
    if symmetric:
        s = r(np.maximum(absmax(g), floor_in(1e-8, r)) / F(2 ** (bits - 1) - 1))
        return np.maximum(s, floor_in(0, r)), None
    top = F(2 ** bits - 1)
    s = np.maximum(r(r(high_of(g) - low_of(g)) / top), floor_in(1e-8, r))
    return s, clamp(np.rint(r(F(0) - r(low_of(g) / s))), 0, top)


def published_apply(g, s, z, bits, r):
    """sym: q = clamp(round(x / s), -2^(bits - 1), 2^(bits - 1) - 1), value = q s.  asym: q = clamp(round(x / s + z), 0,
    2^bits - 1), value = (q - z) s."""
    if z is None:
        return r(clamp(np.rint(r(g / s)), -2 ** (bits - 1), 2 ** (bits - 1) - 1) * s)
    return r(r(clamp(np.rint(r(r(g / s) + z)), 0, 2 ** bits - 1) - z) * s)


def published(x, bits, symmetric, granularity, group=64, r=fp32):
    x = r(x)
    g = groups_of(x, granularity, group)
    if symmetric and granularity == "per_tensor" and np.abs(g).max() < F(1e-10):
        return x.copy()
    s, z = published_parameters(g, bits, symmetric, r)
    return from_groups(published_apply(g, s, z, bits, r), granularity, x.shape)


def published_channels(x, bits, symmetric, granularity, channels):
    """Only these channels, gathered, by their own statistics."""
    out = x.copy()
    out[:, channels] = published(np.ascontiguousarray(x[:, channels]), bits, symmetric, granularity)
    return out


def published_kivi(x, bits, keys):
    """K per channel, a call of one token per token; V by groups of 32 channels.  Asymmetric, no window."""
    if not keys:
        return published(x, bits, False, "per_group", 32)
    return published(x, bits, False, "per_token" if len(x) == 1 else "per_channel")


# ------------------------------------------------------------------------------------------------------- KIVI, KVQuant


def kivi_groups(g, bits, r):
    """s = (max - min) / (2^bits - 1); q = round(clamp((x - min) / s, 0, 2^bits - 1)), 0 where s = 0; value =
    q s + min."""
    low = low_of(g)
    s = r(r(high_of(g) - low) / F(2 ** bits - 1))
    q = np.rint(clamp(r(r(g - low) / np.where(s == 0, F(1), s)), 0, 2 ** bits - 1))
    return r(r(np.where(s == 0, F(0), q) * s) + low)


def kivi_keys(x, bits, group, r):
    """Groups of `group` tokens of one channel."""
    g = x.reshape(-1, group, x.shape[1]).transpose(0, 2, 1)
    return kivi_groups(g, bits, r).transpose(0, 2, 1).reshape(x.shape)


def kivi_values(x, bits, group, r):
    """Groups of `group` channels of one token."""
    return kivi_groups(x.reshape(len(x), -1, group), bits, r).reshape(x.shape)


def outside(x, keep, axis):
    """Elements strictly outside the percentiles 100 (1 - t) and 100 t, t = 1 - (1 - keep) / 2, along an axis."""
    t = 1 - (1 - keep) / 2
    wide = x.astype(np.float64)
    low = np.percentile(wide, 100 * (1 - t), axis=axis, keepdims=True, method="linear")
    high = np.percentile(wide, 100 * t, axis=axis, keepdims=True, method="linear")
    return (wide < low) | (wide > high), low, high


def inner_range(x, outlier, axis):
    """min and max with the outliers replaced by the (lower) median of all, which makes them those of the rest."""
    middle = np.sort(x, axis=axis).take([(x.shape[axis] - 1) // 2], axis=axis)
    rest = np.where(outlier, middle, x)
    return rest.min(axis=axis, keepdims=True), rest.max(axis=axis, keepdims=True)


def nuq_normalized(x, low, high):
    """(x - offset) / range, offset = (max + min) / 2, range = (max - min) / 2; 0 where the range is 0."""
    offset, span = (high + low) / F(2), (high - low) / F(2)
    return np.where(span == 0, F(0), (x - offset) / np.where(span == 0, F(1), span)), offset, span


def nuq(x, low, high, codebook):
    """The nearest centroid, of two as near the lower one; value = c range + offset."""
    n, offset, span = nuq_normalized(x, low, high)
    return codebook[np.abs(n[..., None] - codebook).argmin(axis=-1)] * span + offset


def kvquant_integer(x, low, high, bits):
    """qx = (2^bits - 1) / (max - min); q = clamp(round(qx x - min qx), 0, 2^bits - 1); value = (q + min qx) / qx; min
    where the range is 0."""
    span = high - low
    qx = F(2 ** bits - 1) / np.where(span == 0, F(1), span)
    q = clamp(np.rint(qx * x - low * qx), 0, 2 ** bits - 1)
    return np.where(span == 0, low, (q + low * qx) / qx)


def kvquant(x, sample, keep, first, encode):
    """`sample` given: keys, thresholds and ranges of each channel from it; without: values, from each token.  Outliers
    and the tokens before `first` are kept as fp16."""
    if sample is not None:
        out, low, high = outside(sample, keep, 0)
        low_in, high_in = inner_range(sample, out, 0)
        outlier = (x < low) | (x > high)
    else:
        outlier = outside(x, keep, 1)[0]
        low_in, high_in = inner_range(x, outlier, 1)
    if keep == 1 and sample is not None:
        outlier = np.zeros(x.shape, bool)
    outlier[:first] = True
    return np.where(outlier, fp16(x), encode(x, low_in, high_in)).astype(F)


# ------------------------------------------------------------------------------- Hugging Face: quanto and HQQ by layout


def head_rows(x, head=HEAD):
    """[tokens, channels] to [heads * tokens, head_dim], heads outermost: a cache of shape [1, heads, tokens, head_dim]
    flattened."""
    return x.reshape(len(x), -1, head).transpose(1, 0, 2).reshape(-1, head)


def from_head_rows(rows, tokens):
    return rows.reshape(-1, tokens, rows.shape[1]).transpose(1, 0, 2).reshape(tokens, -1).copy()


def quanto_groups(g, bits):
    """s = (max - min) / (2^bits - 1), 1 instead of 0; shift = -min; q = clamp(round((x + shift) / s), 0, 2^bits - 1);
    value = q s - shift."""
    s = (high_of(g) - low_of(g)) / F(2 ** bits - 1)
    s[s == 0] = F(1)
    shift = -low_of(g)
    return clamp(np.rint((g + shift) / s), 0, 2 ** bits - 1) * s - shift


def quanto(x, bits, axis, group):
    """axis 0: `group` consecutive elements of a head's vector.  axis -1: `group` consecutive rows (head, token) of one
    channel of head_dim; the last group of each channel may be short."""
    rows = head_rows(x)
    if axis == 0:
        out = quanto_groups(rows.reshape(-1, group), bits).reshape(rows.shape)
    else:
        cut = [quanto_groups(rows[i:i + group].T, bits).T for i in range(0, len(rows), group)]
        out = np.concatenate(cut)
    return from_head_rows(out, len(x))


def hqq_groups(g, bits, optimize, watch=lambda distance: None):
    """m = (2^bits - 1) / (max - min), at most 2e4, 1 where max - min <= 1e-4; z = -min m, a float; q = clamp(round(x m
    + z), 0, 2^bits - 1); value = (q - z) / m.  optimize: at most 20 times r = x - (q - z) / m, e = sign(r) max(|r| -
    |r|^-0.3 / 10, 0), z = mean(q - ((x - e) m)), until the mean of |r| over everything no longer falls; z is not rolled
    back.  Returns codes, m, z, values, iterations.  Means are sums in float64, rounded once.
    watch is told each element's distance to a halfway point before each rounding."""
    span = high_of(g) - low_of(g)
    narrow = np.abs(span) <= F(1e-4)
    m = np.where(narrow, F(1), np.minimum(F(2 ** bits - 1) / np.where(narrow, F(1), span), F(2e4)))
    z = -low_of(g) * m
    best, iterations = np.inf, 0

    def codes():
        watch(np.abs(g * m + z - np.floor(g * m + z) - 0.5))
        return clamp(np.rint(g * m + z), 0, 2 ** bits - 1)

    while optimize and iterations < 20:
        iterations += 1
        q = codes()
        r = g - (q - z) / m
        size = np.abs(r)
        power = np.where(size > 0, np.where(size > 0, size, 1) ** g.dtype.type(-0.3), 0)
        e = np.sign(r) * np.maximum(size - g.dtype.type(0.1) * power, 0)
        z = (q - (g - e) * m).mean(axis=-1, keepdims=True, dtype=np.float64).astype(g.dtype)
        error = size.mean(dtype=np.float64)
        if error >= best:
            break
        best = error
    q = codes()
    return q, m, z, (q - z) / m, iterations


def hqq_layout(x, axis, group):
    """axis 1: rows of reshape(-1, group); axis 0: columns of reshape(group, -1)."""
    rows = head_rows(x)
    return rows.reshape(-1, group) if axis == 1 else rows.reshape(group, -1).T


def hqq(x, bits, axis, group, optimize):
    """In float64, rounded to float32 once: the library computes in fp16 on a GPU, which has no bits to hold to."""
    values = hqq_groups(hqq_layout(x, axis, group).astype(np.float64), bits, optimize)[3].astype(F)
    return from_head_rows((values if axis == 1 else values.T).reshape(-1, HEAD), len(x))


# -------------------------------------------------------------------------------------------- vLLM, llama.cpp, ModelOpt


def fp8(x, form, scale):
    """byte = form(x / scale), saturating; value = byte scale.  scale: one float32."""
    return form(x / scale) * scale


def by_head(x, head, quantize):
    return quantize(x.reshape(-1, head)).reshape(x.shape)


def fp8_token_head(g):
    """s = max(absmax / 448, 1e-6); E4M3(clamp(x (1 / s), -448, 448)) s."""
    s = np.maximum(absmax(g) / F(448), F(1e-6))
    return e4m3(clamp(g * (F(1) / s), -448, 448)) * s


def int8_token_head(g, rounding):
    """s = max(absmax / 127, 1e-6); rounding(clamp(x (1 / s), -128, 127)) s."""
    s = np.maximum(absmax(g) / F(127), F(1e-6))
    return rounding(clamp(g * (F(1) / s), -128, 127)) * s


def int4_token_head(g):
    """s = max((max - min) / 15, 1e-6); z = clamp(half_away(-min / s), 0, 15); q = clamp(half_away(x / s + z), 0, 15);
    z takes the low four bits of s, and value = (q - z) times that changed s."""
    s = np.maximum((high_of(g) - low_of(g)) / F(15), F(1e-6))
    z = clamp(half_away(-low_of(g) / s), 0, 15)
    q = clamp(half_away(g / s + z), 0, 15)
    changed = ((s.view(np.uint32) & ~np.uint32(15)) | z.astype(np.uint32)).view(F)
    return (q - z) * changed


def rotated(x, n, quantize, signs=None):
    """What comes back, and the same before it is rotated back.  `signs` [n] are applied before the transform."""
    signs = np.ones(n, F) if signs is None else signs
    turn = np.tile(signs, x.shape[1] // n)
    inside = quantize(hadamard(x * turn, n))
    return hadamard(inside, n) * turn, inside


def ggml(x, kind):
    return by_head(x, 32, lambda g: GGML[kind](g)[3])


def nvfp4(x, amax):
    """t = amax / (6 448); s = E4M3(blockmax / (6 t)), saturating, 1 instead of 0; E2M1(x / (s t)) (s t), blocks of 16
    channels.  amax: of a sample."""
    t = amax / F(6 * 448)
    g = x.reshape(-1, 16)
    s = e4m3(absmax(g) / (F(6) * t))
    s[s == 0] = F(1)
    return (e2m1(g / (s * t)) * (s * t)).reshape(x.shape)


def fp8_form(name):
    return {"e4m3": (e4m3, F(448)), "e5m2": (e5m2, F(57344))}[name]
