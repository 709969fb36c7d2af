# SPDX-License-Identifier: Apache-2.0
"""Draws the prompts of the feature-routing task whose activations the routing SAE was measured on: routing_prompts.npy.

A prompt is [f0, f1, f2, f3, 8 + s] with f in 0..7 and s in 0..3.  The published figures cover the first 8,192 positions,
that is 1,638 prompts and two positions of one more.  Needs Debian's python3-numpy.
"""
import numpy as np

rng = np.random.default_rng(7)
slots = rng.integers(0, 8, (20000, 4))
selected = rng.integers(0, 4, 20000)
prompts = np.concatenate([slots, 8 + selected[:, None]], axis=1)
np.save("routing_prompts.npy", prompts[:1639].astype(np.uint8))
