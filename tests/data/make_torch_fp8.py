#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes torch_fp8.safetensors: torch's conversion of every bfloat16 to each 8-bit float, on the CPU.

For bit patterns b = 0 .. 65535, each read as a bfloat16 and widened to float32 (exactly: b << 16), entry b of
`e4m3`, `e5m2`, `e4m3fnuz` and `e5m2fnuz` is the byte of torch.tensor(x).to(torch.float8_...).  Needs a torch with all
four types (2.2 or later).
"""
from pathlib import Path

import numpy as np
import torch

from write_oracle import write_safetensors

TYPES = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2, "e4m3fnuz": torch.float8_e4m3fnuz,
         "e5m2fnuz": torch.float8_e5m2fnuz}


def main():
    bits = np.arange(65536, dtype=np.uint32) << np.uint32(16)
    x = torch.from_numpy(bits.view(np.float32))
    out = {name: x.to(dtype).view(torch.uint8).numpy().copy() for name, dtype in TYPES.items()}
    path = Path(__file__).parent / "torch_fp8.safetensors"
    write_safetensors(path, out)
    print(path.stat().st_size, "bytes, by torch", torch.__version__)


if __name__ == "__main__":
    main()
