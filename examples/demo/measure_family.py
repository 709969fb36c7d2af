#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what rounding to 3 to 8 bits does to train_family.py's models, by the program qfa; writes a table for `qfa law`.

    measure_family.py QFA DATA_DIR FAMILY_DIR TABLE.csv

QFA is the program.  One autoencoder for each size, train_sae.py's on the model trained longest, reads all models of
that size; it is trained if FAMILY_DIR/sae-w{width} is not there yet.  Columns:

  N D bits          parameters without embeddings, words of training, bits a weight (rtn: a scale for each row)
  reference_loss    nats a word before, on tokens.npy, rows of 128
  delta             what rounding adds to it, same words
  nu                median of (1 - r^2) / r^2 over the features that are active before
  fvu               share of the residual stream that the autoencoder leaves unexplained before
"""
import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LAYER = 1
BITS = range(3, 9)


def median_noise(features, policy):
    lines = (line for line in open(features) if not line.startswith("#"))
    r = [float(row["r"]) for row in csv.DictReader(lines)
         if row["policy"] == policy and row["active"] == "1" and row["r"]]
    return statistics.median((1 - x * x) / (x * x) if x > 0 else float("inf") for x in r)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("qfa", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("family", type=Path)
    parser.add_argument("table", type=Path)
    args = parser.parse_args()
    models = []
    for directory in args.family.glob("w*-s*"):
        known = json.loads((directory / "family.json").read_text())
        width, steps = (int(part[1:]) for part in directory.name.split("-"))
        models.append((known["N"], known["D"], width, steps, directory))
    models.sort()
    rows = []
    for n, d, width, steps, directory in models:
        sae = args.family / f"sae-w{width}"
        if not sae.exists():
            longest = max(m for m in models if m[2] == width)[4]
            subprocess.run([sys.executable, HERE / "train_sae.py", args.data, longest, sae, "--layer", str(LAYER),
                            "--features", str(8 * width), "--k", "12", "--steps", "400", "--batch", "1024", "--rows",
                            "1500"], check=True)
        policies = [f"rtn:bits={b}" for b in BITS]
        out = directory / "audit"
        subprocess.run([args.qfa, "audit", "--model", directory, "--sae", sae, "--tokens", args.data / "tokens.npy",
                        "--out", out, "--allow-bad-sae", *(x for p in policies for x in ("--policy", p))],
                       check=True, stdout=subprocess.DEVNULL)
        conditions = {c["policy"]: c for c in json.loads((out / "report.json").read_text())["conditions"]}
        reference = conditions["reference"]
        for b, policy in zip(BITS, policies):
            loss = conditions[policy]["loss"]
            rows.append([n, d, b, f"{reference['loss']['loss']:.8f}", f"{loss['excess_loss']['value']:.8f}",
                         f"{median_noise(out / 'features.csv', policy):.8g}", f"{reference['sae_fit']['fvu']:.5f}"])
    with open(args.table, "w", newline="") as to:
        writer = csv.writer(to, lineterminator="\n")
        writer.writerow(["N", "D", "bits", "reference_loss", "delta", "nu", "fvu"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
