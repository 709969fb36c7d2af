# SPDX-License-Identifier: Apache-2.0
"""Runs the Python of examples/docs/cookbook.md on the demo's model and SAE, and holds what it writes to qfa's own.

    python_blocks.py PROGRAM SOURCE WORK

The model is examples/demo/gpt_neox.py, plain torch, in which the reference and a copy with rounded weights run.
"""
import copy
import csv
import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import torch

program, source, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
demo = source / "examples" / "demo"
sys.path.insert(0, str(demo))
import gpt_neox  # noqa: E402

ROWS, CONTEXT, LAYER = 80, 128, 2
os.chdir(work)


def qfa(*arguments, fails=False):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if (done.returncode != 0) != fails:
        sys.exit(f"qfa {' '.join(map(str, arguments))} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def expect(truth, sentence):
    if not truth:
        sys.exit(sentence)


def correlations(folder):
    """feature -> r of the one compressed model in features.csv."""
    lines = (line for line in open(f"{folder}/features.csv") if not line.startswith("#"))
    return {int(row["feature"]): float(row["r"]) for row in csv.DictReader(lines) if row["r"]}


def block(sign):
    """The one Python block of the cookbook that has `sign` in it."""
    text = (source / "examples/docs/cookbook.md").read_text()
    found = [b for b in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) if sign in b]
    expect(len(found) == 1, f"the cookbook has {len(found)} Python blocks with {sign}")
    return found[0]


def rounded(model, bits):
    """A copy whose matrices are rounded a row at a time, as rtn does: half to even, scale absmax / qmax."""
    out, qmax = copy.deepcopy(model), 2 ** (bits - 1) - 1
    for name, weight in out.gpt_neox.layers.named_parameters():
        if weight.dim() == 2:
            scale = weight.detach().abs().amax(1, keepdim=True) / qmax
            weight.data = (weight.detach() / scale).round().clamp(-qmax - 1, qmax) * scale
    return out


# Dump activations from PyTorch and audit them.
reference = gpt_neox.load(demo / "model")
quantized = rounded(reference, 4)
rows = gpt_neox.rows_with_bos(np.load(demo / "tokens.npy"), CONTEXT)[:ROWS]
names = {"reference": reference, "quantized": quantized, "rows": rows}
lines, calls = re.subn(r"^# (?=dump\()", "", block("def dump("), flags=re.MULTILINE)
expect(calls == 2, "the cookbook's block should call dump for two models")
exec(compile(lines, "cookbook.md", "exec"), names)


class ReturnsTuple(torch.nn.Module):  # as decoder layers of transformers do
    def forward(self, ids):
        return reference.resid_post(ids, LAYER), None


module = ReturnsTuple()
names["dump"](module, module, rows[:2], "tuple.npy")
expect(np.array_equal(np.load("tuple.npy"), np.load("reference.npy")[:2 * CONTEXT]), "a module's tuple is read otherwise")

count = ROWS * CONTEXT
for path, policy in (("reference.npy", []), ("int4.npy", ["--policy", "rtn:bits=4"])):
    qfa("activations", "--model", demo / "model", "--tokens", demo / "tokens.npy", "--hook",
        f"blocks.{LAYER}.hook_resid_post", *policy, "--context", CONTEXT, "--prepend-bos", "--max-tokens", count,
        "--out", "own_" + path)
    theirs, ours = np.load(path), np.load("own_" + path)
    expect(theirs.shape == ours.shape == (count, 128), f"{path} is {theirs.shape}, qfa's {ours.shape}")
    off = np.abs(theirs - ours).max() / np.abs(ours).max()
    expect(off < 1e-5, f"{path} of torch is off by {off:.1e} of the largest activation of qfa's")
audit = ["audit", "--sae", demo / "sae", "--context", CONTEXT, "--out"]
said = qfa(*audit, "dumped", "--activations", "reference.npy", "--compressed", "int4=int4.npy")
expect(re.search(r"^int4 ", said, re.MULTILINE), f"the audit of dumped activations says {said}")
qfa(*audit, "own", "--activations", "own_reference.npy", "--compressed", "int4=own_int4.npy")
dumped, own = correlations("dumped"), correlations("own")
# The last bits of an activation may move a firing at a threshold, which a rare feature feels.
apart = sorted(abs(dumped[f] - own[f]) for f in dumped.keys() & own.keys())
expect(len(apart) > 1000 and apart[len(apart) * 9 // 10] < 1e-4, f"r of torch's activations is off: {apart[-100::10]}")

# Convert an SAE that is a .pt file.
trained = gpt_neox.read_safetensors(demo / "sae" / "sae_weights.safetensors")
pathlib.Path("dictionary").mkdir()
torch.save({name: torch.from_numpy(t) for name, t in trained.items()}, "dictionary/ae.pt")
pathlib.Path("dictionary/config.json").write_text(json.dumps({
    "trainer": {"dict_class": "JumpReluAutoEncoder", "activation_dim": 128, "dict_size": 2048, "lm_name": "qfa-demo",
                "apply_b_dec_to_input": True},
    "buffer": {"ctx_len": CONTEXT}}))
converted = ["audit", "--sae", "dictionary", "--context", CONTEXT, "--out", "converted", "--activations",
             "own_reference.npy", "--compressed", "int4=own_int4.npy"]
said = qfa(*converted, fails=True)
expect("is a pickle, which may run any program" in said, f"a pickle should be refused, not said of: {said}")
pathlib.Path("convert.py").write_text(block("def convert("))
subprocess.run([sys.executable, "convert.py", "dictionary/ae.pt", "dictionary/ae.safetensors"], check=True)
qfa(*converted)
expect(correlations("converted") == own, "the converted SAE has other correlations than the one that it was")


class Runs:  # what a pickle may hold
    def __reduce__(self):
        return os.mkdir, ("was_run",)


torch.save({"encoder.weight": Runs()}, "evil.pt")
done = subprocess.run([sys.executable, "convert.py", "evil.pt", "evil.safetensors"], capture_output=True)
expect(done.returncode != 0 and not os.path.exists("was_run"), "the conversion runs what a pickle holds")
expect(not os.path.exists("evil.safetensors"), "a refused pickle leaves a file")
print(f"activations of torch agree with qfa's, and {len(apart)} correlations; a converted SAE has those of its source; "
      "a pickle that runs something is refused")
