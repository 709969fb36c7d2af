# SPDX-License-Identifier: Apache-2.0
"""Writes the small arrays of npy/ and npz/: one for each version, order and type that numpy has."""
import pathlib
import warnings

import numpy as np

here = pathlib.Path(__file__).parent
npy, npz = here / "npy", here / "npz"
npy.mkdir(exist_ok=True)
npz.mkdir(exist_ok=True)
warnings.simplefilter("ignore")  # numpy remarks that versions 2 and 3 are newer than need be


def save(name, array, version=(1, 0), pickled=False):
    with open(npy / name, "wb") as file:
        np.lib.format.write_array(file, array, version=version, allow_pickle=pickled)


ramp = np.arange(24).reshape(2, 3, 4)
for code in ["i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", ">i2", ">u4", ">i8", ">f2", ">f4", ">f8"]:
    save(code.replace("<", "le_").replace(">", "be_") + ".npy", (ramp - (0 if "u" in code else 5)).astype(code))
save("bool.npy", ramp % 3 == 0)
save("fortran.npy", np.asfortranarray(ramp.astype("<f4")))
save("fortran_be.npy", np.asfortranarray(ramp[0].astype(">f8")))
save("scalar.npy", np.array(2.5))
save("vector.npy", np.arange(5, dtype="<f4"))
save("empty.npy", np.zeros((3, 0, 2), dtype="<f4"))
save("version2.npy", ramp.astype("<f4"), version=(2, 0))
save("version3.npy", ramp.astype("<f4"), version=(3, 0))
save("complex64.npy", np.array([1 + 2j], dtype="<c8"))
save("complex128.npy", np.array([1 + 2j], dtype="<c16"))
save("object.npy", np.array([{"a": 1}], dtype=object), pickled=True)
save("structured.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
save("text.npy", np.array(["ab", "c"]))
save("void2.npy", np.zeros(3, dtype="V2"))
save("datetime.npy", np.array(["2020-01-01"], dtype="M8[D]"))

arrays = {"W_enc": ramp[0].astype("<f4"), "b_enc": np.arange(4, dtype="<f8"), "k": np.array(7, dtype="<i8")}
np.savez(npz / "stored.npz", **arrays)
np.savez_compressed(npz / "deflated.npz", **arrays)
np.savez_compressed(npz / "zeros.npz", zeros=np.zeros(1_000_000, np.float32))  # 1,007 times as long as its entry
