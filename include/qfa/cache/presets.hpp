// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_PRESETS_HPP
#define QFA_CACHE_PRESETS_HPP

#include <array>

#include "qfa/compress/presets.hpp"

namespace qfa {

/// The published cache quantizers of arXiv 2606.09864 (its released code), which need their bits: "section4:bits=3".
inline constexpr std::array cache_presets{
    preset{"section4", "uniform:range=asymmetric,keys=token,values=token",
           "arXiv 2606.09864, one range for each token: its sweeps and mitigations"},
    preset{"section5", "uniform:range=symmetric,keys=tensor,values=tensor",
           "arXiv 2606.09864, one scale for all tokens: its ablations of layers and channels"},
    preset{"group64", "uniform:range=symmetric,keys=channel_group,values=channel_group,key_group=64,value_group=64",
           "arXiv 2606.09864, a scale for 64 channels of a token"},
    preset{"paper_kivi", "uniform:range=asymmetric,keys=channel,values=channel_group,value_group=32,lone_token=true",
           "arXiv 2606.09864's KIVI: no residual, keys before RoPE; the method itself is kivi"},
};

/// Caches of serving software, as its options call them.
inline constexpr std::array serving_cache_presets{
    preset{"llama_q8_0", "llama_cpp:keys=q8_0,values=q8_0", "llama.cpp, -ctk q8_0 -ctv q8_0"},
    preset{"llama_q5_1", "llama_cpp:keys=q5_1,values=q5_1", "llama.cpp, -ctk q5_1 -ctv q5_1"},
    preset{"llama_q4_0", "llama_cpp:keys=q4_0,values=q4_0", "llama.cpp, -ctk q4_0 -ctv q4_0"},
    preset{"llama_iq4_nl", "llama_cpp:keys=iq4_nl,values=iq4_nl", "llama.cpp, -ctk iq4_nl -ctv iq4_nl"},
    preset{"vllm_fp8_e4m3", "vllm:type=fp8_e4m3", "vLLM, --kv-cache-dtype fp8: scale 1"},
    preset{"vllm_fp8_e4m3_calibrated", "vllm:type=fp8_e4m3,calibrated=true", "vLLM, scales of a calibrated checkpoint"},
    preset{"vllm_fp8_e5m2", "vllm:type=fp8_e5m2", "vLLM, --kv-cache-dtype fp8_e5m2: scale 1"},
    preset{"vllm_fp8_per_token_head", "vllm:type=fp8_per_token_head", "vLLM, a scale for each head of each token"},
    preset{"vllm_int8_per_token_head", "vllm:type=int8_per_token_head", "vLLM's kernels, which cut off toward zero"},
    preset{"vllm_int4_per_token_head", "vllm:type=int4_per_token_head", "vLLM, behind a rotation with random signs"},
    preset{"vllm_nvfp4", "vllm:type=nvfp4", "vLLM, --kv-cache-dtype nvfp4"},
    preset{"hf_quanto4", "hf_quanto:bits=4", "Hugging Face's QuantizedCache as it comes"},
    preset{"hf_quanto2", "hf_quanto:bits=2", "Hugging Face's QuantizedCache, nbits 2"},
    preset{"hf_hqq4", "hf_hqq:bits=4,axis_key=1,axis_value=1", "Hugging Face's QuantizedCache by HQQ, both axes 1"},
    preset{"modelopt_fp8", "modelopt:type=fp8", "ModelOpt, FP8_KV_CFG"},
    preset{"modelopt_nvfp4", "modelopt:type=nvfp4", "ModelOpt, NVFP4_KV_CFG"},
    preset{"kvquant_nuq4", "kvquant:bits=4,outliers=0.01", "KVQuant, nuq4-1%"},
    preset{"kvquant_nuq3", "kvquant:bits=3,outliers=0.01", "KVQuant, nuq3-1%"},
    preset{"kvquant_nuq2", "kvquant:bits=2,outliers=0.01", "KVQuant, nuq2-1%"},
};

}  // namespace qfa

#endif
