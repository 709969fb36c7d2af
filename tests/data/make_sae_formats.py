# SPDX-License-Identifier: Apache-2.0
"""Writes sae_formats/: one tiny SAE in each layout that libraries use, with what it makes of a few inputs.

Codes and reconstructions follow each library's own equations, in float64, from the numbers as they are stored.
`<name>.expected.safetensors` holds x [5, d_in], codes [5, d_sae] and reconstruction [5, d_in].
"""
import json
import pathlib
import shutil
import struct

import numpy as np

here = pathlib.Path(__file__).parent / "sae_formats"
shutil.rmtree(here, ignore_errors=True)
here.mkdir()
random = np.random.default_rng(7)

NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32"}


class Bf16:
    """A float32 array rounded to bfloat16, half to even."""

    def __init__(self, x):
        bits = np.ascontiguousarray(x, dtype="<f4").view("<u4").astype(np.uint64)
        self.bits = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
        self.shape = self.bits.shape

    def value(self):
        return (self.bits.astype("<u4") << 16).view("<f4").astype(np.float64)


def value(x):
    """A stored tensor as float64."""
    return x.value() if isinstance(x, Bf16) else np.asarray(x).astype(np.float64)


def safetensors(path, tensors):
    header, data = {}, b""
    for name, x in tensors.items():
        raw = x.bits.tobytes() if isinstance(x, Bf16) else np.ascontiguousarray(x).tobytes()
        kind = "BF16" if isinstance(x, Bf16) else NAMES[str(np.asarray(x).dtype)]
        header[name] = {"dtype": kind, "shape": list(np.shape(x) if not isinstance(x, Bf16) else x.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def normal(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype("<f4")


def relu(x):
    return np.maximum(x, 0)


def top_k(h, k):
    """The k largest of a row, others 0."""
    out = np.zeros_like(h)
    for row, kept in zip(h, out):
        order = np.sort(row)[::-1]
        assert k == len(row) or order[k - 1] - order[k] > 1e-4  # no ties, not even nearly
        kept[row >= order[k - 1]] = row[row >= order[k - 1]]
    return out


def inputs(d_in):
    return normal(5, d_in, scale=2.0)


def case(name, x, codes, reconstruction):
    safetensors(here / f"{name}.expected.safetensors",
                {"x": x, "codes": codes.astype("<f8"), "reconstruction": reconstruction.astype("<f8")})


def clear(h, threshold=0.0):
    """No pre-activation so close to its threshold that float32 could decide otherwise."""
    assert np.abs(h - threshold).min() > 1e-5
    return h


# SAELens ------------------------------------------------------------------------------------------------------------

def weights(d_in=6, d_sae=10, kind="standard"):
    out = {"W_enc": normal(d_in, d_sae), "W_dec": normal(d_sae, d_in), "b_dec": normal(d_in, scale=0.5)}
    if kind == "gated":
        out |= {"b_gate": normal(d_sae, scale=0.5), "b_mag": normal(d_sae, scale=0.5), "r_mag": normal(d_sae, scale=0.3)}
    else:
        out["b_enc"] = normal(d_sae, scale=0.5)
    if kind == "jumprelu":
        out["threshold"] = np.abs(normal(d_sae))
    return out


def saelens_encode(w, x, kind="standard", k=None, b_dec=True, norm="none", rescale=False, threshold=None):
    """Codes, and the function that decodes them."""
    w = {name: value(x) for name, x in w.items()}
    x = x.astype(np.float64)
    undo = lambda y: y
    if norm == "constant_norm_rescale":
        c = np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True)
        x, undo = x * c, lambda y: y / c
    if norm == "layer_norm":
        mu = x.mean(1, keepdims=True)
        sd = (x - mu).std(1, ddof=1, keepdims=True)
        x, undo = (x - mu) / (sd + 1e-5), lambda y: y * sd + mu
    if b_dec:
        x = x - w["b_dec"]
    lengths = np.linalg.norm(w["W_dec"], axis=1) if rescale else 1.0
    if kind == "gated":
        gate = clear(x @ w["W_enc"] + w["b_gate"]) > 0
        f = gate * relu(clear(x @ (w["W_enc"] * np.exp(w["r_mag"])) + w["b_mag"]))
    else:
        h = (x @ w["W_enc"] + w["b_enc"]) * lengths
        if kind == "topk":
            f = relu(top_k(clear(h), k))
        elif kind == "jumprelu":
            t = w["threshold"] if threshold is None else threshold
            f = relu(clear(h)) * (clear(h, t) > t)
        else:
            f = relu(clear(h))
    return f, undo((f / lengths) @ w["W_dec"] + w["b_dec"])


def saelens(name, config, w, x=None, extra=None, scale_in=1.0, reconstruct_scale=None, stored=None, **how):
    directory = here / name
    directory.mkdir()
    (directory / "cfg.json").write_text(json.dumps(config, indent=1))
    safetensors(directory / "sae_weights.safetensors", stored if stored is not None else w)
    for file, content in (extra or {}).items():
        if file.endswith(".json"):
            (directory / file).write_text(json.dumps(content))
        else:
            safetensors(directory / file, content)
    x = inputs(config["d_in"]) if x is None else x
    if reconstruct_scale is not None:  # features are multiplied on their way into the decoder only
        scaled = dict(w, W_dec=value(w["W_dec"]) * value(reconstruct_scale)[:, None])
        f, y = saelens_encode(scaled, x, **how)
    else:
        f, y = saelens_encode(w, x * scale_in, **how)
        y = y / scale_in
    case(name, x, f, y)


def v6(d_in=6, d_sae=10, architecture="standard", **more):
    return {"d_in": d_in, "d_sae": d_sae, "dtype": "float32", "device": "cuda:0", "apply_b_dec_to_input": True,
            "normalize_activations": "none", "reshape_activations": "none",
            "metadata": {"sae_lens_version": "6.36.2", "sae_lens_training_version": "6.36.2", "dataset_path": "made/up",
                         "hook_name": "blocks.2.hook_resid_post", "model_name": "gemma-2-2b",
                         "model_class_name": "HookedTransformer", "hook_head_index": None, "context_size": 1024,
                         "seqpos_slice": [None], "model_from_pretrained_kwargs": {"center_writing_weights": False},
                         "prepend_bos": True, "exclude_special_tokens": False, "neuronpedia_id": "gemma-2-2b/2-res"},
            "architecture": architecture} | more


def v5(d_in=6, d_sae=10, **more):
    return {"architecture": "standard", "d_in": d_in, "d_sae": d_sae, "dtype": "float32", "device": "cuda",
            "model_name": "gpt2-small", "hook_name": "blocks.6.mlp.hook_post", "hook_layer": 6, "hook_head_index": None,
            "activation_fn_str": "relu", "activation_fn_kwargs": {}, "apply_b_dec_to_input": False,
            "finetuning_scaling_factor": False, "sae_lens_training_version": "5.2.1", "prepend_bos": True,
            "dataset_path": "made/up", "context_size": 128, "normalize_activations": "none", "neuronpedia_id": None,
            "model_from_pretrained_kwargs": {"center_writing_weights": False}} | more


saelens("saelens_standard", v6(), weights())
saelens("saelens_square", v6(d_sae=6), weights(6, 6))
saelens("saelens_topk", v6(architecture="topk", k=3), weights(), kind="topk", k=3)
few = weights()
few["b_enc"] -= 4  # fewer than k features are positive
saelens("saelens_topk_few", v6(architecture="topk", k=7), few, kind="topk", k=7)
saelens("saelens_topk_rescale", v6(architecture="topk", k=3, rescale_acts_by_decoder_norm=True), weights(),
        kind="topk", k=3, rescale=True)
saelens("saelens_jumprelu", v6(architecture="jumprelu", rescale_acts_by_decoder_norm=True), weights(kind="jumprelu"),
        kind="jumprelu")  # the field is a relic of training
saelens("saelens_gated", v6(architecture="gated"), weights(kind="gated"), kind="gated")
saelens("saelens_layer_norm", v6(normalize_activations="layer_norm"), weights(), norm="layer_norm")
saelens("saelens_constant_norm", v6(normalize_activations="constant_norm_rescale"), weights(),
        norm="constant_norm_rescale")
for kind, dtype in (("bf16", "bfloat16"), ("f16", "float16"), ("f64", "float64")):
    w = weights(kind="jumprelu")
    threshold = w["threshold"]
    w = {n: Bf16(t) if kind == "bf16" else t.astype(dtype) for n, t in w.items()}
    w["threshold"] = threshold  # stays float32
    saelens(f"saelens_{kind}", v6(architecture="jumprelu", dtype="torch." + dtype), w, kind="jumprelu")
turned = weights()
saelens("saelens_turned", v6(), turned, stored=dict(turned, W_enc=turned["W_enc"].T.copy()))
saelens("saelens_v5", v5(), weights(), b_dec=False)
saelens("saelens_v5_topk", v5(activation_fn_str="topk", activation_fn_kwargs={"k": 4}), weights(), kind="topk", k=4,
        b_dec=False)
old = v5(hook_point="blocks.{layer}.hook_resid_pre", hook_point_layer=8, hook_point_head_index=None,
         dtype="torch.float32", normalize_activations=False)
for gone in ("architecture", "hook_name", "hook_layer", "hook_head_index", "activation_fn_str", "activation_fn_kwargs",
             "apply_b_dec_to_input", "prepend_bos", "finetuning_scaling_factor", "model_from_pretrained_kwargs"):
    del old[gone]
w = weights()
saelens("saelens_legacy", old, w, stored=dict(w, scaling_factor=np.ones(10, dtype="<f4")))
w, scale = weights(), np.abs(normal(10)) + np.float32(0.5)
saelens("saelens_finetuned", v5(finetuning_scaling_factor=True), w, stored=dict(w, scaling_factor=scale),
        reconstruct_scale=scale, b_dec=False)
saelens("saelens_checkpoint", v6(normalize_activations="expected_average_only_in"), weights(), scale_in=0.375,
        extra={"activation_scaler.json": {"scaling_factor": 0.375}})
saelens("saelens_v5_checkpoint", v5(normalize_activations=True, apply_b_dec_to_input=True), weights(), scale_in=1.75,
        extra={"activations_store_state.safetensors": {"n_dataset_processed": np.array(3),
                                                       "estimated_norm_scaling_factor": np.float32(1.75)}})
saelens("saelens_folded", v6(normalize_activations="expected_average_only_in"), weights(),
        extra={"activation_scaler.json": {"scaling_factor": None}})
w = weights(kind="jumprelu")
log = np.log(w["threshold"])
stored = {n: t for n, t in w.items() if n != "threshold"} | {"log_threshold": log}
saelens("saelens_log_threshold", v6(architecture="jumprelu"), w, kind="jumprelu", stored=stored,
        threshold=np.exp(log.astype(np.float64)))
w = weights()
saelens("saelens_batchtopk", v6(architecture="batchtopk", k=3.5, rescale_acts_by_decoder_norm=True,
                                normalize_activations="expected_average_only_in"),
        w, stored=dict(w, topk_threshold=np.float64(1.25)), kind="jumprelu", rescale=True, threshold=1.25,
        scale_in=0.5, extra={"activation_scaler.json": {"scaling_factor": 0.5}})

# sparsify -----------------------------------------------------------------------------------------------------------


def sparsify(name, config, d_in=6, d_sae=10, shift=0.0):
    w = {"encoder.weight": normal(d_sae, d_in), "encoder.bias": normal(d_sae, scale=0.5) + np.float32(shift),
         "W_dec": normal(d_sae, d_in), "b_dec": normal(d_in, scale=0.5)}
    directory = here / name
    safetensors(directory / "sae.safetensors", w)
    (directory / "cfg.json").write_text(json.dumps(config, indent=1))
    w = {n: value(t) for n, t in w.items()}
    x = inputs(d_in)
    p = relu(clear((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"]))
    # ReLU, then the k largest: where fewer are positive the rest of the k are zeros.
    f = np.zeros_like(p)
    for row, kept in zip(p, f):
        chosen = np.argsort(-row, kind="stable")[: config["k"]]
        kept[chosen] = row[chosen]
    case(name, x, f, f @ w["W_dec"] + w["b_dec"])


sparsify("layers.20.mlp", {"expansion_factor": 32, "normalize_decoder": True, "num_latents": 10, "k": 3,
                           "multi_topk": False, "d_in": 6})
sparsify("layers.3", {"expansion_factor": 2, "normalize_decoder": True, "num_latents": 0, "k": 5, "signed": False,
                      "d_in": 6}, d_sae=12, shift=-3.0)
sparsify("h.1.attn", {"num_latents": 6, "k": 2, "d_in": 6, "transcode": False, "skip_connection": False,
                      "activation": "topk"}, d_sae=6)

# dictionary_learning ------------------------------------------------------------------------------------------------


def dictionary(name, kind, w, encode, decode, d_in=6, d_sae=10, **more):
    directory = here / name
    config = {"trainer": {"trainer_class": "Made", "dict_class": kind, "lr": 1e-4, "seed": 0, "activation_dim": d_in,
                          "dict_size": d_sae, "device": "cuda:1", "layer": 12, "lm_name": "google/gemma-2-2b",
                          "submodule_name": "resid_post_layer_12"} | more,
              "buffer": {"d_submodule": d_in, "io": "out", "n_ctxs": 8, "ctx_len": 128, "device": "cuda:1"}}
    safetensors(directory / "ae.safetensors", w)
    (directory / "config.json").write_text(json.dumps(config, indent=1))
    w = {n: value(t) for n, t in w.items()}
    x = inputs(d_in)
    f = encode(w, x.astype(np.float64))
    case(name, x, f, decode(w, f))


def linears(d_in=6, d_sae=10, **others):
    return {"encoder.weight": normal(d_sae, d_in), "decoder.weight": normal(d_in, d_sae)} | others


def bias(n):
    return normal(n, scale=0.5)


def gated(w, x):
    u = (x - w["decoder_bias"]) @ w["encoder.weight"].T
    return (clear(u + w["gate_bias"]) > 0) * relu(clear(np.exp(w["r_mag"]) * u + w["mag_bias"]))


def threshold_only(w, x):
    p = relu((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"])
    return p * (clear(p, w["threshold"]) > w["threshold"])


def jump(w, x):
    h = clear(x @ w["W_enc"] + w["b_enc"])
    return relu(h * (clear(h, w["threshold"]) > w["threshold"]))


def matryoshka(w, x):
    p = relu((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"])
    return p * (clear(p, w["threshold"]) > w["threshold"])


for name, d_sae in (("dl_autoencoder", 10), ("dl_autoencoder_square", 6)):
    dictionary(name, "AutoEncoder", linears(6, d_sae, **{"encoder.bias": bias(d_sae), "bias": bias(6)}),
               lambda w, x: relu(clear((x - w["bias"]) @ w["encoder.weight"].T + w["encoder.bias"])),
               lambda w, f: f @ w["decoder.weight"].T + w["bias"], d_sae=d_sae)
dictionary("dl_autoencoder_new", "AutoEncoderNew", linears(**{"encoder.bias": bias(10), "decoder.bias": bias(6)}),
           lambda w, x: relu(clear(x @ w["encoder.weight"].T + w["encoder.bias"])),
           lambda w, f: f @ w["decoder.weight"].T + w["decoder.bias"])
dictionary("dl_gated", "GatedAutoEncoder",
           linears(r_mag=normal(10, scale=0.3), gate_bias=bias(10), mag_bias=bias(10), decoder_bias=bias(6)),
           gated, lambda w, f: f @ w["decoder.weight"].T + w["decoder_bias"])
dictionary("dl_jumprelu", "JumpReluAutoEncoder", weights(kind="jumprelu"), jump, lambda w, f: f @ w["W_dec"] + w["b_dec"])
buffers = {"k": np.int32(3), "threshold": np.float32(-1)}
dictionary("dl_topk", "AutoEncoderTopK", linears(**{"encoder.bias": bias(10), "b_dec": bias(6)}, **buffers),
           lambda w, x: top_k(relu(clear((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"])), 3),
           lambda w, f: f @ w["decoder.weight"].T + w["b_dec"], k=3)
for name, level in (("dl_batchtopk", 1.5), ("dl_batchtopk_unset", -1.0)):
    dictionary(name, "BatchTopKSAE",
               linears(**{"encoder.bias": bias(10), "b_dec": bias(6)}, k=np.int32(3), threshold=np.float32(level)),
               threshold_only, lambda w, f: f @ w["decoder.weight"].T + w["b_dec"], k=3)
dictionary("dl_matryoshka", "MatryoshkaBatchTopKSAE",
           weights() | {"group_sizes": np.array([4, 6]), "k": np.int32(3), "threshold": np.float32(0.75)},
           matryoshka, lambda w, f: f @ w["W_dec"] + w["b_dec"], k=3)

# Gemma Scope --------------------------------------------------------------------------------------------------------


def gemma_encode(x, w_enc, b_enc, threshold):
    h = clear(x.astype(np.float64) @ w_enc + b_enc)
    return (clear(h, threshold) > threshold) * relu(h)


for name, path, d_sae, root in (
        ("gemma-scope-2b-pt-res", "layer_12/width_16k/average_l0_82", 10, 1.0),
        ("gemma-scope-9b-it-att", "layer_7/width_16k/average_l0_30", 6, 1.0),
        ("gemma-scope-2b-pt-res-embedding", "embedding/width_4k/average_l0_6", 10, np.sqrt(6.0))):
    w = weights(6, d_sae, kind="jumprelu")
    directory = here / name.removesuffix("-embedding") / path
    directory.mkdir(parents=True)
    np.savez_compressed(directory / "params.npz", **w)
    x = inputs(6)
    f = gemma_encode(x / root, w["W_enc"].astype(float), w["b_enc"], w["threshold"])
    case(name, x, f, f @ (w["W_dec"] * root) + w["b_dec"])

for name, d_sae in (("layer_17_width_16k_l0_small", 10), ("layer_17_width_square", 6)):
    w = weights(6, d_sae, kind="jumprelu")
    w = {n.replace("W_", "w_"): t for n, t in w.items()}
    safetensors(here / name / "params.safetensors", w)
    (here / name / "config.json").write_text(json.dumps(
        {"width": d_sae, "model_name": "google/gemma-3-1b-pt", "architecture": "jump_relu", "l0": 20,
         "affine_connection": False, "hf_hook_point_in": "model.layers.17.output",
         "hf_hook_point_out": "model.layers.17.output", "type": "sae"}, indent=1))
    x = inputs(6)
    f = gemma_encode(x, w["w_enc"].astype(float), w["b_enc"], w["threshold"])
    case(name, x, f, f @ w["w_dec"] + w["b_dec"])
