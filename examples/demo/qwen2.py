# SPDX-License-Identifier: Apache-2.0
"""A Qwen2 language model in plain torch, with an incremental key/value cache that can be quantized.

Module and parameter names are those of the Hugging Face checkpoint, so `state_dict()` is the file.  Where the cache
is quantized, keys and values are replaced by what the quantizer makes of them as they leave k_proj and v_proj: bias
included, before the rotary embedding, once for every call of `forward`.
"""
import json
import math

import torch
from torch import nn
from torch.nn import functional as F

from gpt_neox import read_safetensors, rotate


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.width = c["hidden_size"] // self.heads
        self.q_proj = nn.Linear(c["hidden_size"], self.heads * self.width)
        self.k_proj = nn.Linear(c["hidden_size"], self.kv_heads * self.width)
        self.v_proj = nn.Linear(c["hidden_size"], self.kv_heads * self.width)
        self.o_proj = nn.Linear(self.heads * self.width, c["hidden_size"], bias=False)
        frequency = c["rope_theta"] ** (-torch.arange(0, self.width, 2, dtype=torch.float64) / self.width)
        angle = torch.arange(c["max_position_embeddings"], dtype=torch.float64)[:, None] * frequency
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)

    def forward(self, x, past, quantize):
        b, t, _ = x.shape
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        if quantize is not None:
            k, v = quantize(k, v)
        q = q.view(b, t, self.heads, self.width).transpose(1, 2)
        k, v = (y.view(b, t, self.kv_heads, self.width).transpose(1, 2) for y in (k, v))
        start = 0 if past is None else past[0].shape[2]
        cos, sin = self.cos[start:start + t].to(x.dtype), self.sin[start:start + t].to(x.dtype)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if past is not None:
            k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
        share = self.heads // self.kv_heads
        # Queries of the heads that share keys are taken together, as more rows of one product.
        scores = q.reshape(b, self.kv_heads, share * t, self.width) @ k.transpose(-1, -2) / math.sqrt(self.width)
        mask = torch.full((t, start + t), float("-inf"), dtype=x.dtype).triu(start + 1)
        weights = (scores.view(b, self.kv_heads, share, t, start + t) + mask).softmax(-1)
        mixed = weights.view(b, self.kv_heads, share * t, start + t) @ v
        mixed = mixed.view(b, self.heads, t, self.width).transpose(1, 2).reshape(b, t, -1)
        return self.o_proj(mixed), (k, v)


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.up_proj = nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.down_proj = nn.Linear(c["intermediate_size"], c["hidden_size"], bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = Norm(c["hidden_size"], c["rms_norm_eps"])
        self.post_attention_layernorm = Norm(c["hidden_size"], c["rms_norm_eps"])
        self.self_attn = Attention(c)
        self.mlp = Mlp(c)

    def forward(self, x, past, quantize):
        mixed, cache = self.self_attn(self.input_layernorm(x), past, quantize)
        x = x + mixed
        return x + self.mlp(self.post_attention_layernorm(x)), cache


class Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList([Layer(c) for _ in range(c["num_hidden_layers"])])
        self.norm = Norm(c["hidden_size"], c["rms_norm_eps"])


class Qwen2(nn.Module):
    """The unembedding is the embedding where config says tie_word_embeddings."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = Body(config)
        if not config["tie_word_embeddings"]:
            self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)

    def forward(self, ids, past=None, quantizers=None):
        """Logits [texts, tokens, words] and the cache.

        `ids` continues what `past`, an earlier call's cache, has seen.  `quantizers` holds for every layer None or a
        function of that layer's keys and values, both [texts, tokens, kv heads * head width].
        """
        x, cache = self.model.embed_tokens(ids), []
        for i, layer in enumerate(self.model.layers):
            x, entry = layer(x, past[i] if past else None, quantizers[i] if quantizers else None)
            cache.append(entry)
        x = self.model.norm(x)
        words = self.model.embed_tokens if self.config["tie_word_embeddings"] else self.lm_head
        return F.linear(x, words.weight), cache


def load(directory, dtype=torch.float32):
    model = Qwen2(json.loads((directory / "config.json").read_text())).to(dtype)
    tensors = read_safetensors(directory / "model.safetensors")
    model.load_state_dict({k: torch.from_numpy(v).to(dtype) for k, v in tensors.items()})
    return model.eval()
