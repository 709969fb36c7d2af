# SPDX-License-Identifier: Apache-2.0
"""The safetensors writer of the oracle scripts: arrays end to end, widest type first, header padded to 8 bytes."""
import json

import numpy as np

TYPES = {np.dtype(np.float64): "F64", np.dtype(np.int64): "I64", np.dtype(np.float32): "F32",
         np.dtype(np.uint32): "U32", np.dtype(np.uint8): "U8"}


def write_safetensors(path, arrays):
    header, offset = {}, 0
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    for name in order:
        a = arrays[name]
        header[name] = {"dtype": TYPES[a.dtype], "shape": list(a.shape), "data_offsets": [offset, offset + a.nbytes]}
        offset += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            out.write(np.ascontiguousarray(arrays[name]).tobytes())
