// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_FLOAT_PRESETS_HPP
#define QFA_COMPRESS_FLOAT_PRESETS_HPP

#include <array>

#include "qfa/compress/presets.hpp"

namespace qfa {

/// Recipes in narrow floating-point formats, named after where they come from.
inline constexpr std::array float_presets{
    preset{"vllm_fp8", "fp8:format=e4m3,per=tensor", "vLLM's fp8 quantization of a checkpoint's weights"},
    preset{"vllm_fp8_fnuz", "fp8:format=e4m3fnuz,per=tensor,divisor=224", "vLLM's fp8 on AMD's MI300"},
    preset{"modelopt_fp8", "fp8:format=e4m3,per=tensor", "NVIDIA ModelOpt's FP8_DEFAULT_CFG, weights only"},
    preset{"compressed_tensors_fp8", "fp8:format=e4m3,per=row", "llm-compressor's FP8 with a scale for each channel"},
    preset{"compressed_tensors_fp8_block", "fp8:format=e4m3,per=block,group=128",
           "llm-compressor's FP8 in blocks of 128 by 128"},
    preset{"torchao_mxfp4", "mxfp4:scale=floor,ties=even", "torchao's MXFP4 by its default scales, as OCP has them"},
    preset{"compressed_tensors_mxfp4", "mxfp4:scale=even,ties=even", "llm-compressor's MXFP4"},
    preset{"modelopt_mxfp4", "mxfp4:scale=rceil,ties=lower", "NVIDIA ModelOpt's MXFP4"},
    preset{"microxcaling_mxfp4", "mxfp4:scale=floor,ties=away", "Microsoft's microxcaling, rounding to nearest"},
    preset{"torchao_mxfp8", "mxfp8:format=e4m3,scale=floor", "torchao's MXFP8 by its default scales, as OCP has them"},
    preset{"modelopt_nvfp4", "nvfp4:convention=modelopt", "NVIDIA ModelOpt's NVFP4"},
    preset{"compressed_tensors_nvfp4", "nvfp4:convention=compressed_tensors", "llm-compressor's NVFP4"},
    preset{"torchao_nvfp4", "nvfp4:convention=torchao", "torchao's NVFP4"},
    preset{"bnb_nf4", "nf4:block=64,double=false", "bitsandbytes' load_in_4bit with quant_type nf4"},
    preset{"bnb_nf4_double", "nf4:block=64,double=true", "the same with use_double_quant, as QLoRA has it"},
    preset{"bitnet_b158", "ternary:per=tensor", "BitNet b1.58, arXiv 2402.17764"},
};

}  // namespace qfa

#endif
