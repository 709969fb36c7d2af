// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INTEGER_PRESETS_HPP
#define QFA_COMPRESS_INTEGER_PRESETS_HPP

#include <array>

#include "qfa/compress/presets.hpp"

namespace qfa {

/// The integer formats of published quantizers, as values of `integer`.  Scales are fp32, as those libraries compute
/// them; `store=fp16` rounds them as most checkpoints do.  Bits and groups are the libraries' defaults.
inline constexpr std::array integer_presets{
    preset{"compressed_tensors_w8a16", "int:bits=8,scale=absmax_half_range,tiny=scale_eps,per=row",
           "compressed-tensors and llm-compressor W8A16, round to nearest"},
    preset{"compressed_tensors_w4a16", "int:bits=4,scale=absmax_half_range,tiny=scale_eps,per=group,group=128",
           "compressed-tensors and llm-compressor W4A16, round to nearest"},
    preset{"compressed_tensors_w4a16_asym", "int:bits=4,symmetric=false,zero=summed,tiny=scale_eps,per=group,group=128",
           "compressed-tensors and llm-compressor W4A16_ASYM, round to nearest"},
    preset{"llm_compressor_mse",
           "int:bits=4,scale=absmax_half_range,tiny=scale_eps,per=group,group=128,"
           "search=mse,grid=100,maxshrink=0.2,norm=2.4,patience=5",
           "llm-compressor's mse observer on W4A16"},
    preset{"torchao_int8", "int:bits=8,scale=absmax_half_range,division=reciprocal,tiny=scale_normal,per=row",
           "torchao's symmetric mapping, one scale a row"},
    preset{"torchao_int8_no_clipping", "int:bits=8,scale=no_clip,division=reciprocal,tiny=scale_normal,per=row",
           "torchao's SYMMETRIC_NO_CLIPPING_ERR mapping"},
    preset{"torchao_int4", "int:bits=4,symmetric=false,division=reciprocal,tiny=scale_normal,per=group,group=128",
           "torchao's asymmetric mapping, integer zero points"},
    preset{"gptq_sym", "int:bits=4,scale=gptq,tiny=unit_range,per=group,group=128",
           "the symmetric grid of GPTQ, AutoGPTQ and GPTQModel, round to nearest"},
    preset{"gptq_asym", "int:bits=4,symmetric=false,tiny=unit_range,per=group,group=128",
           "the asymmetric grid of GPTQ, AutoGPTQ and GPTQModel, round to nearest"},
    preset{"gptq_mse",
           "int:bits=4,scale=gptq,tiny=unit_range,per=group,group=128,search=mse,grid=100,maxshrink=0.8,norm=2.4,"
           "patience=0",
           "the symmetric grid of GPTQ with its mse search, round to nearest"},
    preset{"awq", "int:bits=4,symmetric=false,zero_in_range=false,tiny=width_1e-5,per=group,group=128",
           "the grid of AWQ, round to nearest, without its search"},
    preset{"autoawq_sym", "int:bits=4,tiny=width_1e-5,per=group,group=128", "AutoAWQ without zero points"},
    preset{"quanto_int8", "int:bits=8,per=row", "optimum-quanto qint8"},
    preset{"quanto_int4", "int:bits=4,symmetric=false,zero_in_range=false,zero=shift,per=group,group=128",
           "optimum-quanto qint4; bits=2 for qint2"},
    preset{"modelopt_int8", "int:bits=8,range=narrow,division=inverse,tiny=zeros,per=row",
           "NVIDIA ModelOpt INT8 weights, narrow range"},
    preset{"bnb_int8", "int:bits=8,division=peak,per=row", "bitsandbytes LLM.int8() weights"},
};

}  // namespace qfa

#endif
