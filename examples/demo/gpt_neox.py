# SPDX-License-Identifier: Apache-2.0
"""A GPT-NeoX language model in plain torch, and the little safetensors that the demo needs.

Module and parameter names are those of the Hugging Face checkpoint, so `state_dict()` is the file.
"""
import json
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SAFETENSORS = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I64": np.int64}


def read_safetensors(path):
    """Tensor name -> numpy array, for the few types the demo meets (BF16 is widened to float32)."""
    raw = open(path, "rb").read()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        data = raw[8 + size + begin:8 + size + end]
        if entry["dtype"] == "BF16":
            array = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            array = np.frombuffer(data, SAFETENSORS[entry["dtype"]])
        out[name] = array.reshape(entry["shape"]).copy()
    return out


def write_safetensors(path, tensors, metadata=None):
    """Writes float16 and float32 arrays end to end, widest type first, header padded to a multiple of 8."""
    header = {"__metadata__": metadata} if metadata else {}
    offset = 0
    order = sorted(tensors, key=lambda n: (-tensors[n].dtype.itemsize, n))
    for name in order:
        t = tensors[name]
        kind = {np.dtype(np.float32): "F32", np.dtype(np.float16): "F16"}[t.dtype]
        header[name] = {"dtype": kind, "shape": list(t.shape), "data_offsets": [offset, offset + t.nbytes]}
        offset += t.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            out.write(np.ascontiguousarray(tensors[name]).tobytes())


def rotate(x, cos, sin):
    """Rotary embedding of the first cos.shape[-1] dimensions of every head; the rest passes."""
    n = cos.shape[-1]
    turned, rest = x[..., :n], x[..., n:]
    half = torch.cat((-turned[..., n // 2:], turned[..., :n // 2]), -1)
    return torch.cat((turned * cos + half * sin, rest), -1)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.width = c["num_attention_heads"], c["hidden_size"] // c["num_attention_heads"]
        self.query_key_value = nn.Linear(c["hidden_size"], 3 * c["hidden_size"])
        self.dense = nn.Linear(c["hidden_size"], c["hidden_size"])
        turned = int(self.width * c["rotary_pct"])
        frequency = c["rotary_emb_base"] ** (-torch.arange(0, turned, 2, dtype=torch.float64) / turned)
        angle = torch.arange(c["max_position_embeddings"], dtype=torch.float64)[:, None] * frequency
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)

    def forward(self, x):
        b, t, d = x.shape
        # The fused rows are, for each head, its query, its key and its value.
        q, k, v = self.query_key_value(x).view(b, t, self.heads, 3 * self.width).transpose(1, 2).chunk(3, -1)
        cos, sin = self.cos[:t].to(x.dtype), self.sin[:t].to(x.dtype)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.width)
        scores = scores + torch.full((t, t), float("-inf"), dtype=x.dtype).triu(1)
        return self.dense((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dense_h_to_4h = nn.Linear(c["hidden_size"], c["intermediate_size"])
        self.dense_4h_to_h = nn.Linear(c["intermediate_size"], c["hidden_size"])

    def forward(self, x):
        return self.dense_4h_to_h(F.gelu(self.dense_h_to_4h(x)))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])
        self.post_attention_layernorm = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])
        self.attention = Attention(c)
        self.mlp = Mlp(c)

    def forward(self, x):
        return x + self.attention(self.input_layernorm(x)) + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_in = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList([Layer(c) for _ in range(c["num_hidden_layers"])])
        self.final_layer_norm = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])


class GptNeox(nn.Module):
    """Parallel residual only: attention and MLP both read the layer's input."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.gpt_neox = Body(config)
        self.embed_out = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)

    def resid_post(self, ids, layer):
        """The residual stream after `layer`: blocks.{layer}.hook_resid_post."""
        x = self.gpt_neox.embed_in(ids)
        for block in self.gpt_neox.layers[:layer + 1]:
            x = block(x)
        return x

    def forward(self, ids):
        return self.embed_out(self.gpt_neox.final_layer_norm(self.resid_post(ids, len(self.gpt_neox.layers) - 1)))


def load(directory, dtype=torch.float32):
    model = GptNeox(json.loads((directory / "config.json").read_text())).to(dtype)
    tensors = read_safetensors(directory / "model.safetensors")
    model.load_state_dict({k: torch.from_numpy(v).to(dtype) for k, v in tensors.items()})
    return model.eval()


def rows_with_bos(stream, context):
    """Disjoint rows of `context` ids: <bos> (0), then context - 1 ids of the stream; a last partial row is dropped."""
    n = len(stream) // (context - 1)
    body = stream[:n * (context - 1)].reshape(n, context - 1).astype(np.int64)
    return np.concatenate((np.zeros((n, 1), np.int64), body), 1)
