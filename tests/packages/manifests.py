# SPDX-License-Identifier: Apache-2.0
"""Holds both vcpkg.json, the sources' and the port's, to their schema, to each other and to what the headers include.

    manifests.py SOURCE
"""
import json
import pathlib
import re
import sys

import jsonschema

source = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent
wrong = []

# The port of vcpkg in which a header is found, by how its address begins.
port_of = {"boost/crc": "boost-crc", "boost/math": "boost-math", "Eigen/": "eigen3", "nlohmann/": "nlohmann-json",
           "xsimd/": "xsimd", "xtensor/": "xtensor"}
optional = {"zip.h": ("npz", "libzip"), "mpi.h": ("mpi", "mpi"), "unicode": ("text", "icu"),
            "sentencepiece_processor.h": ("sentencepiece", "sentencepiece")}
without_port = {"vl/", "omp.h"}  # VLFeat; OpenMP comes with compilers


def names(dependencies):
    return [d if isinstance(d, str) else d["name"] for d in dependencies]


schema = json.loads((here / "vcpkg_manifest.schema.json").read_text())
manifests = {}
for place in ("vcpkg.json", "cmake/vcpkg/qfa/vcpkg.json"):
    manifest = manifests[place] = json.loads((source / place).read_text())
    wrong += [f"{place}: {e.json_path} {e.message}" for e in jsonschema.Draft7Validator(schema).iter_errors(manifest)]
    features = manifest.get("features", {})
    wrong += [f"{place}: {f} is no feature" for f in manifest.get("default-features", []) if f not in features]
    listed = names(manifest["dependencies"])
    if listed != sorted(listed):
        wrong.append(f"{place}: dependencies out of order: {listed}")
ours, port = manifests.values()
for key in ("name", "version-semver", "description", "license", "default-features"):
    if ours.get(key) != port.get(key):
        wrong.append(f"the manifests differ in {key}")
helpers = {"vcpkg-cmake", "vcpkg-cmake-config"}
if set(names(port["dependencies"])) != set(names(ours["dependencies"])) | helpers:
    wrong.append("the port depends on others than the sources, helpers aside")
for name, feature in port["features"].items():
    if feature.get("dependencies") != ours["features"].get(name, {}).get("dependencies"):
        wrong.append(f"the manifests differ in what the feature {name} needs")

# Every library that a header includes is a dependency, and no dependency is without use.
included = set()
for header in (source / "include").rglob("*.hpp"):
    included |= set(re.findall(r"^ *# *include *<([^>]*[./][^>]*|Eigen/[^>]*)>", header.read_text(), re.MULTILINE))
needed = {"xtl"}  # xtensor and Debian's xsimd stand on it
for address in included:
    for beginning, library in port_of.items():
        if address.startswith(beginning):
            needed.add(library)
            break
    else:
        if address.startswith("unicode/"):
            address = "unicode"
        if address in optional:
            feature, library = optional[address]
            if library not in names(port["features"].get(feature, {}).get("dependencies", [])):
                wrong.append(f"<{address}> needs {library}, which the feature {feature} does not bring")
        elif not any(address.startswith(b) for b in without_port) and address != "immintrin.h" and \
                not re.match(r"(sys|arm_)|(fcntl|stdlib|unistd)\.h$", address):
            wrong.append(f"<{address}> belongs to no dependency that this test knows")
if needed != set(names(ours["dependencies"])):
    wrong.append(f"headers include {sorted(needed)}, the manifest names {names(ours['dependencies'])}")

print("\n".join(wrong) or f"two manifests of vcpkg, {len(port['features'])} features of the port")
sys.exit(bool(wrong))
