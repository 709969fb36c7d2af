#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""qfa against the published pipeline (arXiv 2606.03002) on the same inputs and threads, run in turn.

    python3 bench/compare_published.py --programs build/release/bench [--rounds 5] [--tokens 1024]
        [--shape D,FEATURES,THREADS]... [--chunk 256] [--processor-time] [--markdown]

The work is one condition: the reference's and the compressed model's activations, encoded, and the statistics of every
feature; the reference is not cached.  The published pipeline encodes with torch and sums x, y, x^2, y^2, xy, firings and
maxima of all features in float64, chunk by chunk.  It runs in two processes of its own, since OpenBLAS chooses its
kernels when it is loaded: as Debian ships it, and with OPENBLAS_CORETYPE set.  A ratio is the median over rounds of the
ratios within a round; in brackets, the middle half.  "qfa / peak" is the share that qfa reaches of what as many
multiply-adds would take at the machine's measured peak, on as many threads.

Before anything is timed, both sides' r of every feature are compared: |difference| <= 5e-5, or the run fails.  Float32
sums in another order move a pre-activation by about 1e-6 of its terms; what moves r by more is other work.  Features
that fire on fewer than 4 tokens are left out: there such a sum decides whether a firing exists.

Needs python3-torch and python3-numpy.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

TOLERANCE = 5e-5
LEAST_FIRINGS = 4
TARGETS = {(1, "fp32"): "peak 0.9", (1, "screened"): "tuned 5, as shipped 8"}


def published_condition(torch, sae, reference, compressed, chunk):
    """One condition as the published scripts do it: r and firings of every feature."""
    w_enc, b_enc, b_dec = sae
    features = len(b_enc)
    x1, y1, xx, yy, xy, firings, largest = (torch.zeros(features, dtype=torch.float64) for _ in range(7))
    n = 0
    for first in range(0, len(reference), chunk):
        codes = []
        for activations in (reference, compressed):
            z = (activations[first:first + chunk] - b_dec) @ w_enc + b_enc
            codes.append(torch.relu(z).double())
        x, y = codes
        x1 += x.sum(0)
        y1 += y.sum(0)
        xx += (x * x).sum(0)
        yy += (y * y).sum(0)
        xy += (x * y).sum(0)
        firings += (x > 0).sum(0)
        largest = torch.maximum(largest, x.max(0).values)
        n += len(x)
    dx, dy = xx - x1 * x1 / n, yy - y1 * y1 / n
    r = ((xy - x1 * y1 / n) / torch.sqrt(torch.clamp(dx * dy, min=1e-12))).clamp(-1, 1)
    return r, firings


def serve(folder, threads, r_file, chunk):
    """The child: answers each word on standard input with its wall and processor seconds."""
    import torch
    torch.set_num_threads(threads)
    load = lambda name: torch.from_numpy(np.load(folder / name))
    sae = load("W_enc.npy"), load("b_enc.npy"), load("b_dec.npy")
    reference, compressed = load("reference.npy"), load("compressed.npy")
    for word in sys.stdin:
        start, processor = time.perf_counter(), time.process_time()
        with torch.no_grad():
            r, firings = published_condition(torch, sae, reference, compressed, chunk)
        print(time.perf_counter() - start, time.process_time() - processor, flush=True)
        if word.strip() == "write":
            np.save(r_file, np.stack([r.numpy(), firings.numpy()]))


class Child:
    """A contestant in a process of its own; see bench/child.hpp for the protocol."""

    def __init__(self, command, threads, core=None):
        environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        environment.update(OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive")
        if core:
            environment["OPENBLAS_CORETYPE"] = core
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, word, processor_time):
        print(word, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            raise SystemExit("a contestant ended before it answered")
        return float(answer[1 if processor_time else 0])

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def spread(values, form):
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{median:{form}} ({low:{form}}-{high:{form}})"


def check_same_work(qfa_file, torch_file):
    r, (published, firings) = np.load(qfa_file), np.load(torch_file)
    counted = firings >= LEAST_FIRINGS
    difference = np.abs(r - published)[counted]
    print(f"  r of {counted.sum()} features that fire on {LEAST_FIRINGS} tokens or more: "
          f"largest difference {difference.max():.1e}, allowed {TOLERANCE:.0e}")
    if not difference.max() <= TOLERANCE:
        raise SystemExit("the two sides do not compute the same thing")


def compare(arguments, d, features, threads, folder):
    inputs = pathlib.Path(folder) / "inputs"
    subprocess.run([arguments.programs / "qfa_made_sae", "write", inputs, str(d), str(features), str(arguments.tokens)],
                   check=True)
    qfa = {screen: Child([arguments.programs / "qfa_condition", inputs, str(threads), inputs / f"{screen}.npy", screen],
                         threads) for screen in ("fp32", "screened")}
    torch = [sys.executable, __file__, "--serve", inputs, str(threads), inputs / "torch.npy", str(arguments.chunk)]
    contestants = {**qfa, "tuned": Child(torch, threads, arguments.core), "untuned": Child(torch, threads)}
    for child in contestants.values():
        child.ask("write", False)  # and warm up
        child.ask("condition", False)
    print(f"({d}, {features}), {arguments.tokens} tokens:")
    for screen in qfa:
        check_same_work(inputs / f"{screen}.npy", inputs / "torch.npy")
    rounds = []
    for _ in range(arguments.rounds):
        took = {name: child.ask("condition", arguments.processor_time) for name, child in contestants.items()}
        for screen, child in qfa.items():
            took[screen + " sweep"] = child.ask("sweep", arguments.processor_time)
        took["peak"] = qfa["fp32"].ask("peak", arguments.processor_time)
        rounds.append(took)
    for child in contestants.values():
        child.end()
    seconds = {name: np.array([took[name] for took in rounds]) for name in rounds[0]}

    rows = []
    for work, conditions, suffix in (("one condition", 1, ""), ("six, the reference encoded once", 6, " sweep")):
        for screen in qfa:
            # The published scripts run both models for every condition.
            ours, theirs = seconds[screen + suffix], conditions * seconds["tuned"]
            as_shipped, peak = conditions * seconds["untuned"], conditions * seconds["peak"]
            rate = [f"{conditions * arguments.tokens / np.median(s):.0f}" for s in (ours, theirs, as_shipped)]
            rows.append([f"({d}, {features}), {threads} thread{'s' if threads > 1 else ''}: {work}, {screen}", *rate,
                         spread(theirs / ours, ".1f"), spread(as_shipped / ours, ".1f"),
                         spread(peak / ours, ".2f"), TARGETS.get((conditions, screen), "")])
    return rows


def print_table(rows, markdown):
    width = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    for i, row in enumerate(rows):
        if markdown:
            print("| " + " | ".join(row) + " |")
            if i == 0:
                print("|---" + "|--:" * (len(row) - 1) + "|")
        else:
            print("  ".join(cell.ljust(w) if c == 0 else cell.rjust(w) for c, (cell, w) in enumerate(zip(row, width))))


def main():
    if len(sys.argv) == 6 and sys.argv[1] == "--serve":
        serve(pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--chunk", type=int, default=256, help="tokens that the published pipeline encodes at once")
    parser.add_argument("--core", default="SKYLAKEX", help="OPENBLAS_CORETYPE of the tuned child")
    parser.add_argument("--shape", action="append", default=[])
    parser.add_argument("--processor-time", action="store_true", help="not the wall's: for a machine in use")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    shapes = [tuple(map(int, shape.split(","))) for shape in arguments.shape] or [(768, 16384, 2), (512, 32768, 1)]
    rows = [["tokens a second", "qfa", "published, tuned", "as Debian ships it", "qfa / tuned", "qfa / as shipped", "qfa / peak", "target"]]
    for shape in shapes:
        with tempfile.TemporaryDirectory() as folder:
            rows += compare(arguments, *shape, folder)
    print()
    print_table(rows, arguments.markdown)


if __name__ == "__main__":
    main()
