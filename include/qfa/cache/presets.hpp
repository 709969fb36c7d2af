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

}  // namespace qfa

#endif
