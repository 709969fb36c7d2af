# SPDX-License-Identifier: Apache-2.0
"""Caches over time, of keys or of values: call(new) takes the next tokens' [n, channels] as they arrive and returns
what the attention of that call reads, [all tokens so far, channels]; held() is what the cache then holds,
full-precision windows in place.  The first call is the prompt."""
import numpy as np

from cache_quantizers import from_groups, groups_of, kivi_keys, kivi_values, published_apply, published_parameters
from cache_numbers import fp32


class PerCall:
    """Each call's tokens are quantized by themselves; attention reads what was stored."""

    def __init__(self, quantize):
        self.quantize, self.rows = quantize, []

    def held(self):
        return np.concatenate(self.rows)

    def call(self, new):
        self.rows.append(self.quantize(new))
        return self.held()


class FrozenPrefill:
    """The first call's scales (and zeros) serve every later token, which the code range clamps."""

    def __init__(self, bits, symmetric, granularity):
        self.how, self.parameters, self.rows = (bits, symmetric, granularity), None, []

    def held(self):
        return np.concatenate(self.rows)

    def call(self, new):
        bits, symmetric, granularity = self.how
        g = groups_of(new, granularity, 64)
        if self.parameters is None:
            self.parameters = published_parameters(g, bits, symmetric, fp32)
        self.rows.append(from_groups(published_apply(g, *self.parameters, bits, fp32), granularity, new.shape))
        return self.held()


class Windowed:
    """Tokens stay as they arrived until flush() says how many of the oldest to quantize, after the call's attention,
    which therefore reads the call's own tokens as they arrived."""

    def __init__(self, arrive):
        self.arrive, self.done, self.residual = arrive, [], None

    def held(self):
        return np.concatenate(self.done + [self.residual])

    def call(self, new):
        new = self.arrive(new)
        first = self.residual is None
        self.residual = new if first else np.concatenate([self.residual, new])
        read = self.held()
        count = self.flush(first)
        if count:
            self.done.append(self.quantize(self.residual[:count]))
            self.residual = self.residual[count:]
        return read


class Grouped(Windowed):
    """Each `size` tokens in order of arrival make a block with its own scales."""

    def __init__(self, size, quantize):
        super().__init__(fp32)
        self.size, self.block = size, quantize

    def flush(self, first):
        return len(self.residual) // self.size * self.size

    def quantize(self, x):
        return np.concatenate([self.block(x[i:i + self.size]) for i in range(0, len(x), self.size)])


class KiviKeys(Windowed):
    """The residual is flushed in whole blocks of `window` tokens, as soon as there is one."""

    def __init__(self, bits, group, window, r):
        super().__init__(r)
        self.how, self.window = (bits, group, r), window

    def flush(self, first):
        return len(self.residual) // self.window * self.window

    def quantize(self, x):
        return kivi_keys(x, *self.how)


class KiviValues(Windowed):
    """A sliding window: all but the last `window` tokens are quantized, each by itself."""

    def __init__(self, bits, group, window, r):
        super().__init__(r)
        self.how, self.window = (bits, group, r), window

    def flush(self, first):
        return max(len(self.residual) - self.window, 0)

    def quantize(self, x):
        return kivi_values(x, *self.how)


class Requantizing:
    """Hugging Face's: the whole prompt is quantized, and read as it arrived.  A later call reads the dequantized, the
    residual and its own tokens as they arrived; then, if the residual was one short of `window` or longer, all that is
    quantized anew and the residual emptied, else its tokens join the residual."""

    def __init__(self, quantize, window):
        self.quantize, self.window, self.quantized, self.residual = quantize, window, None, None

    def held(self):
        return np.concatenate([self.quantized, self.residual])

    def call(self, new):
        if self.quantized is None:
            self.quantized, self.residual = self.quantize(new), new[:0]
            return new
        read = np.concatenate([self.held(), new])
        if len(self.residual) + 1 >= self.window:
            self.quantized, self.residual = self.quantize(read), new[:0]
        else:
            self.residual = np.concatenate([self.residual, new])
        return read
